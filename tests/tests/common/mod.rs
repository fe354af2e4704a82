//! What the integration tests share.

pub mod backend;
pub mod hardware;

use std::sync::OnceLock;

use qunet_tests::cases::{self, Case};
use qunet_tests::oracle;

/// A case with the exact values of every tensor for each of its inputs.
pub struct Expected {
    /// The network and its inputs.
    pub case: Case,
    /// Bytes of every tensor, one entry an input.
    pub values: Vec<Vec<Vec<u8>>>,
}

/// The case list and random networks of every width, with their exact values, computed once.
pub fn expected() -> &'static [Expected] {
    static EXPECTED: OnceLock<Vec<Expected>> = OnceLock::new();
    EXPECTED.get_or_init(|| {
        let random = cases::random_widths(500).into_iter().chain((0..100).map(cases::random));
        let with_values = |case: Case| {
            let values = case.inputs.iter().map(|i| oracle::run(&case.network, i)).collect();
            Expected { case, values }
        };
        cases::all().into_iter().chain(random).map(with_values).collect()
    })
}
