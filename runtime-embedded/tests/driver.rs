//! The driver against a mock of the register block, fault by fault.

mod common;
mod mock;

use common::{random_network, small_unet};
use mock::{Fault, Mock};
use network::Network;
use network::registers::{self as regs, FeatureLayout, InputPacking};
use proptest::prelude::*;
use qunet_runtime_embedded::Model;
use qunet_runtime_embedded::driver::{
    Accelerator, Backend, Build, DriverError, Poll, RegBus, WithFallback,
};

const LAYOUT: FeatureLayout = FeatureLayout { input_lanes: 2, pixel_lanes: 4, lane_bits: 8 };

struct Case {
    network: Network,
    bytes: Vec<u8>,
    input: Vec<u8>,
    expected: Vec<u8>,
}

fn case((network, input): (Network, Vec<u8>)) -> Case {
    let bytes = network.to_bytes().unwrap();
    let expected = network.run_reference(&input).unwrap().swap_remove(network.output.index());
    Case { network, bytes, input, expected }
}

impl Case {
    fn mock(&self, layout: FeatureLayout) -> Mock {
        let hash = Model::from_bytes(&self.bytes).unwrap().model_hash();
        Mock::new(self.network.clone(), hash, layout)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_layout_gives_the_reference_integers(
        seed in any::<u64>(), log2_tn in 0..5u32, log2_tp in 0..4u32,
        parts in 1..9usize, part_bits in 1..8u8, half_taps in 0..3usize,
    ) {
        let case = case(random_network(seed));
        let (input_lanes, pixel_lanes) = (1 << log2_tn, 1 << log2_tp);
        let input = case.network.spec(case.network.input);
        let mut mock = case.mock(FeatureLayout { input_lanes, pixel_lanes, lane_bits: 8 });
        let row_taps = 1 + 2 * half_taps;
        let packing = InputPacking { parts, part_bits, row_taps };
        let whole = InputPacking { row_taps, ..InputPacking::PLAIN };
        let packing = if packing.splits(input.bits) { packing } else { whole };
        mock = Mock::packed(mock.network, mock.model_hash, mock.layout, packing);
        let (build, model) = (mock.build(), Model::from_bytes(&case.bytes).unwrap());
        let mut accelerator = Accelerator::new(mock, model, build).unwrap();
        prop_assert_eq!(accelerator.probe(), Ok(()));
        let mut output = vec![0; case.expected.len()];
        for _ in 0..2 {
            output.fill(0);
            let counters = accelerator.infer(&case.input, &mut output, 100).unwrap();
            prop_assert!(counters.cycles > 0);
            prop_assert_eq!(&output, &case.expected);
        }
    }
}

/// Every fault, how often it strikes, and what comes of it: the same integers always, and from
/// the accelerator if it recovers.
#[test]
fn every_fault_ends_in_the_right_integers() {
    let case = case(small_unet(8, 1));
    let once_or_ever = [1, u32::MAX];
    let faults = [
        Fault::WrongHash,
        Fault::WrongVersion,
        Fault::External,
        Fault::DeadBus,
        Fault::StuckUntilReset,
        Fault::StuckForever,
        Fault::IgnoredStart,
        Fault::LostWord,
        Fault::Vanished,
        Fault::Error(regs::ERR_LENGTH),
        Fault::Error(regs::ERR_DESCRIPTOR),
        Fault::Error(regs::ERR_WATCHDOG),
        Fault::Error(regs::ERR_BUSY),
        Fault::Error(regs::ERR_BUS),
    ];
    for fault in faults {
        for times in once_or_ever {
            let mut mock = case.mock(LAYOUT);
            mock.fault = Some((fault, times));
            let (build, model) = (mock.build(), Model::from_bytes(&case.bytes).unwrap());
            let mut arena = vec![0; model.arena_bytes()];
            let accelerator = Accelerator::new(&mut mock, model, build).unwrap();
            let mut runner = WithFallback::new(accelerator, &mut arena).unwrap();
            let mut output = vec![0; case.expected.len()];
            let report = runner.infer(&case.input, &mut output).unwrap();
            assert_eq!(output, case.expected, "{fault:?}");

            // these are properties of a build and do not pass; nothing stops StuckForever
            let lasting = matches!(
                fault,
                Fault::WrongHash | Fault::WrongVersion | Fault::External | Fault::StuckForever
            );
            let recovers = times == 1 && !lasting;
            assert_eq!(report.backend != Backend::Software, recovers, "{fault:?} {report:?}");
            assert_eq!(report.attempts, 2, "{fault:?}");
            assert!(report.fault.is_some(), "{fault:?}");
            assert_eq!(mock.n_frames, u32::from(recovers), "{fault:?}");
            assert!(mock.n_accesses < 100_000, "{fault:?}: waits are bounded");
        }
    }
}

/// What each fault is called.
#[test]
fn faults_have_names() {
    let case = case(small_unet(8, 1));
    let check = |fault, message: &str| {
        let mut mock = case.mock(LAYOUT);
        mock.fault = Some((fault, u32::MAX));
        let (build, model) = (mock.build(), Model::from_bytes(&case.bytes).unwrap());
        let mut accelerator = Accelerator::new(mock, model, build).unwrap();
        let mut output = vec![0; case.expected.len()];
        let result = accelerator.probe();
        let result = result.and_then(|()| accelerator.infer(&case.input, &mut output, 50));
        let found = result.unwrap_err().to_string();
        assert!(found.starts_with(message), "{fault:?}: expected {message}, found {found}");
    };
    check(Fault::DeadBus, "register id: expected 0x514e4554, found 0xffffffff");
    check(Fault::WrongHash, "register model_hash: expected 0x");
    check(Fault::WrongVersion, "register version: expected major version 1, found 2");
    let external = "tensors in external memory: expected 0, found 1";
    check(Fault::External, external);
    check(Fault::StuckForever, "no result within 50, at operation 0");
    check(Fault::IgnoredStart, "start was not taken: status 0x0");
    check(Fault::LostWord, "input load: expected 64 words, found 1");
    check(Fault::Vanished, "run was lost: status 0x0");
    check(Fault::Error(regs::ERR_WATCHDOG), "accelerator error 0x4 watchdog at operation 0");
    check(Fault::Error(regs::ERR_BUS), "accelerator error 0x10 bus at operation 0");
    check(Fault::Error(3), "accelerator error 0x3 length descriptor at operation 0");
}

#[test]
fn a_dropped_or_aborted_transfer_stops_the_engine() {
    let case = case(small_unet(8, 1));
    let mock = case.mock(LAYOUT);
    let (build, model) = (mock.build(), Model::from_bytes(&case.bytes).unwrap());
    let mut accelerator = Accelerator::new(mock, model, build).unwrap();
    for _ in 0..2 {
        accelerator.load_input(&case.input).unwrap();
        let mut transfer = accelerator.start().unwrap();
        assert_eq!(transfer.poll(), Ok(Poll::Running));
        transfer.abort();
    }
    // an aborted input is gone: a start without a load is refused, not run
    let refused = accelerator.start().err();
    assert!(matches!(refused, Some(DriverError::Engine { fault, .. }) if fault.is_length()));
    let mut output = vec![0; case.expected.len()];
    accelerator.infer(&case.input, &mut output, 100).unwrap();
    assert_eq!(output, case.expected);
    assert_eq!(accelerator.into_bus().read(regs::STATUS.offset), regs::STATUS_DONE);
}

#[test]
fn interrupts_are_taken_once_and_spurious_ones_are_none() {
    let case = case(small_unet(8, 1));
    let mock = case.mock(LAYOUT);
    let (build, model) = (mock.build(), Model::from_bytes(&case.bytes).unwrap());
    let mut accelerator = Accelerator::new(mock, model, build).unwrap();
    assert_eq!(accelerator.take_interrupt(), None);
    accelerator.load_input(&case.input).unwrap();
    accelerator.start().unwrap().wait(100).unwrap();
    assert_eq!(accelerator.take_interrupt(), Some(regs::IRQ_DONE));
    assert_eq!(accelerator.take_interrupt(), None);
}

#[test]
fn a_wrong_build_is_refused() {
    let case = case(small_unet(8, 1));
    let refusal = |change: fn(&mut Build)| {
        let mock = case.mock(LAYOUT);
        let (mut build, model) = (mock.build(), Model::from_bytes(&case.bytes).unwrap());
        change(&mut build);
        let accelerator = Accelerator::new(mock, model, build);
        let found = accelerator.and_then(|mut accelerator| accelerator.probe());
        found.unwrap_err().to_string()
    };
    let expected = "input lanes: expected 4, found 2";
    assert_eq!(refusal(|build| build.layout.input_lanes = 4), expected);
    let expected = "input lanes (1 to 512): expected 512, found 0";
    assert_eq!(refusal(|build| build.layout.input_lanes = 0), expected);
    let expected = "pixel lanes: expected 2, found 4";
    assert_eq!(refusal(|build| build.layout.pixel_lanes = 2), expected);
    let expected = "bits of a lane: expected 6, found 8";
    assert_eq!(refusal(|build| build.layout.lane_bits = 6), expected);
    let expected = "bits below the last part of the input (below): expected 8, found 8";
    assert_eq!(
        refusal(|build| build.input_packing = InputPacking { part_bits: 8, parts: 2, row_taps: 1 }),
        expected
    );
    assert_eq!(
        refusal(|build| build.input_packing = InputPacking { part_bits: 2, parts: 5, row_taps: 1 }),
        expected
    );
    let expected = "row taps of the input (1 to 15): expected 15, found 0";
    assert_eq!(refusal(|build| build.input_packing.row_taps = 0), expected);
    let text = refusal(|build| build.input_packing.row_taps = 5);
    assert!(text.starts_with("register input_length: expected "), "{text}");
}
