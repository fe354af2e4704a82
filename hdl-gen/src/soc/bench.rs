//! The self-checking bench of a system: a golden image for the accelerator, and the answers that
//! the program must give.

use std::fmt::Write;

use network::Network;
use network::soc::{Answer, COUNT_WORDS, Counts, Request};

use super::{ACCELERATOR, SocManifest};
use crate::emit::folder::Folder;
use crate::emit::project::Bench;
use crate::emit::test_bench::golden_input;
use crate::error::HdlError;

/// Times that the image is run.
const N_RUNS: usize = 2;
/// Cycles that the program may take for a byte of model, input or output, beside the frame.
const CYCLES_PER_BYTE: u64 = 2000;

/// Writes bench, words and Makefile.
pub fn write(
    folder: &mut Folder,
    manifest: &SocManifest,
    network: &Network,
    model_cycles: u64,
) -> Result<(), HdlError> {
    let input = golden_input(network.spec(network.input));
    let mut values = network.run_reference(&input)?;
    let output = values.swap_remove(network.output.index());
    let requests = requests(&input);
    let answers = answers(&output);
    let n_bytes = network.to_bytes()?.len() + input.len() + output.len();
    let most = N_RUNS as u64 * 4 * model_cycles + CYCLES_PER_BYTE * n_bytes as u64;
    let constants = format!(
        "    localparam N_REQUESTS = {};\n    localparam N_ANSWERS = {};\n    \
         localparam MAX_CYCLES = {};\n",
        requests.lines().count(),
        answers.lines().count(),
        most.min(i32::MAX as u64),
    );
    let parameters = manifest.images.iter().map(|(name, file)| format!(".{name}(\"{file}\")"));
    let parameters = parameters.chain([format!(".RAM_BYTES({})", manifest.ram_bytes)]);
    let parameters = parameters.collect::<Vec<_>>().join(",\n        ");
    let bench = include_str!("qunet_soc_tb.v").replace("    // CONSTANTS\n", &constants);
    let bench = bench.replace("// PARAMETERS", &parameters);
    folder.write("qunet_soc_tb.v", bench.as_bytes())?;
    folder.write("tb_requests.hex", requests.as_bytes())?;
    folder.write("tb_answers.hex", answers.as_bytes())?;
    let bench = Bench {
        name: "qunet_soc_tb",
        verilog: &manifest.verilog,
        headers: &manifest.includes,
        include: ACCELERATOR,
    };
    folder.write("Makefile", bench.makefile().as_bytes())
}

/// Words of the requests, a line each.
fn requests(input: &[u8]) -> String {
    let mut text = String::new();
    for _ in 0..N_RUNS {
        let _ = writeln!(text, "{:08x}", Request::Accelerator.word());
        put_bytes(&mut text, input, "");
    }
    let _ = writeln!(text, "{:08x}", Request::End.word());
    text
}

/// Words of the answers, a line each, behind a digit that says whether a word may be any.
fn answers(output: &[u8]) -> String {
    let mut text = String::new();
    let counts = Counts { attempts: 1, ..Counts::default() };
    for _ in 0..N_RUNS {
        let mut put = |digit: u8, word: u32| writeln!(text, "{digit}{word:08x}");
        let _ = put(0, Answer::Counts.word());
        let _ = put(0, 4 * COUNT_WORDS as u32);
        for (word, any) in counts.to_words().into_iter().zip(MEASURED.to_words()) {
            let _ = put(u8::from(any != 0), word);
        }
        let _ = put(0, Answer::Output.word());
        let _ = put(0, output.len() as u32);
        put_bytes(&mut text, output, "0");
        let _ = writeln!(text, "0{:08x}\n0{:08x}", Answer::End.word(), 0);
    }
    text
}

/// Not 0 where a count is measured and may be any; who computed at which attempt may not.
const MEASURED: Counts = Counts {
    cycles: u64::MAX,
    instructions: u64::MAX,
    load_cycles: 1,
    run_cycles: 1,
    read_cycles: 1,
    engine_cycles: 1,
    attempts: 0,
    is_software: 0,
    stack_bytes: 1,
    text_bytes: 1,
};

fn put_bytes(text: &mut String, bytes: &[u8], before: &str) {
    for bytes in bytes.chunks(4) {
        let mut word = [0; 4];
        word[..bytes.len()].copy_from_slice(bytes);
        let _ = writeln!(text, "{before}{:08x}", u32::from_le_bytes(word));
    }
}
