//! A running system: requests in, answers out.

use std::collections::VecDeque;
use std::path::Path;

use network::soc::{Answer, COUNT_WORDS, Counts, LAYER_WORDS, Request};
use serde::Deserialize;

use super::library::{Stop, System};
use crate::verilated::build::{Design, compiled};
use crate::verilated::error::VerilatedError;

const SHIM: &str = include_str!("shim.cpp");
/// Name and version of the manifest that this reader knows.
const MANIFEST: (&str, u32) = ("soc.json", 1);
/// Cycles between two looks at what the program has put out.
const SLICE: u64 = 1 << 20;
/// Longest answer in bytes.
const LONGEST: u32 = 1 << 28;

/// What a simulation must know of the folder that `hdl_gen::soc` writes.
#[derive(Clone, Debug, Deserialize)]
struct SocManifest {
    format: u32,
    top: String,
    verilog: Vec<String>,
    includes: Vec<String>,
    images: Vec<(String, String)>,
}

/// A system compiled by Verilator, its program running.
pub struct Soc {
    system: System,
    words: VecDeque<u32>,
    console: Vec<u8>,
    cycles: u64,
}

/// A layer as the program answers it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SocLayer {
    /// Index in the network.
    pub index: usize,
    /// Cycles of the processor.
    pub cycles: u64,
    /// Instructions of the processor.
    pub instructions: u64,
    /// What it wrote, if that was asked for.
    pub output: Vec<u8>,
}

/// What a request gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SocRun {
    /// Counters of the run.
    pub counts: Counts,
    /// Layers of a run in software.
    pub layers: Vec<SocLayer>,
    /// Bytes of the output tensor.
    pub output: Vec<u8>,
}

impl Soc {
    /// Compiles the system of a folder, or takes it from the cache, and resets it.
    ///
    /// # Errors
    /// If the folder is not a system with a program, Verilator is not installed or refuses it.
    pub fn build(soc_dir: &Path, cache_dir: &Path) -> Result<Soc, VerilatedError> {
        let path = soc_dir.join(MANIFEST.0);
        let text = std::fs::read_to_string(&path)
            .map_err(|source| VerilatedError::Io { path: path.clone(), source })?;
        let wrong = |problem| VerilatedError::Manifest { path: path.clone(), problem };
        let manifest: SocManifest =
            serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        if manifest.format != MANIFEST.1 {
            return Err(wrong(format!(
                "expected format {}, found {}",
                MANIFEST.1, manifest.format
            )));
        }
        for (_, image) in &manifest.images {
            let path = soc_dir.join(image);
            std::fs::metadata(&path).map_err(|source| VerilatedError::Io { path, source })?;
        }
        let design = Design {
            dir: soc_dir,
            files: manifest.verilog,
            includes: manifest.includes,
            top: &manifest.top,
            images: manifest.images,
            shim: SHIM,
        };
        let system = System::load(&compiled(&design, cache_dir)?)?;
        Ok(Soc { system, words: VecDeque::new(), console: Vec::new(), cycles: 0 })
    }

    /// Cycles since reset.
    pub fn cycles(&self) -> u64 {
        self.cycles
    }

    /// Runs one request; `seen` hears of each layer as it ends.
    ///
    /// # Errors
    /// [`VerilatedError::Program`] if the program reports an error, traps, ends, breaks the
    /// protocol, or has not answered within `limit` cycles.
    pub fn request(
        &mut self,
        request: Request,
        input: &[u8],
        limit: u64,
        mut seen: impl FnMut(&SocLayer),
    ) -> Result<SocRun, VerilatedError> {
        self.system.rest(request != Request::Accelerator);
        self.system.push(&[request.word()]);
        let words: Vec<u32> = input.chunks(4).map(word_of).collect();
        self.system.push(&words);
        let end = self.cycles.saturating_add(limit);
        let mut run = SocRun::default();
        let mut error = None;
        loop {
            let kind = match (self.word(end, limit), error.take()) {
                (Ok(kind), said) => {
                    error = said;
                    kind
                }
                // what it said tells more than how it ended
                (Err(_), Some(text)) => return Err(self.failed(text)),
                (Err(other), None) => return Err(other),
            };
            let n_bytes = self.word(end, limit)?;
            if n_bytes > LONGEST {
                return Err(self.failed(format!("an answer of {n_bytes} bytes")));
            }
            let bytes = self.bytes(n_bytes as usize, end, limit)?;
            match Answer::from_word(kind) {
                Some(Answer::End) => break,
                Some(Answer::Error) => error = Some(String::from_utf8_lossy(&bytes).into_owned()),
                Some(Answer::Layer) => {
                    let layer = layer(&bytes).ok_or_else(|| self.failed("a short layer".into()))?;
                    seen(&layer);
                    run.layers.push(layer);
                }
                Some(Answer::Counts) => {
                    let counts = counts(&bytes);
                    run.counts = counts.ok_or_else(|| self.failed("wrong counts".into()))?;
                }
                Some(Answer::Output) => run.output = bytes,
                None => return Err(self.failed(format!("an unknown answer {kind}"))),
            }
        }
        match error {
            None => Ok(run),
            Some(text) => Err(self.failed(text)),
        }
    }

    /// Ends the program; its exit code.
    ///
    /// # Errors
    /// As [`Self::request`].
    pub fn end(&mut self, limit: u64) -> Result<u32, VerilatedError> {
        self.system.push(&[Request::End.word()]);
        let (stop, cycles) = self.system.run(limit);
        self.cycles += cycles;
        match stop {
            Stop::Exit(code) => Ok(code),
            other => Err(self.failed(format!("expected its end, found {other:?}"))),
        }
    }

    fn bytes(&mut self, n: usize, end: u64, limit: u64) -> Result<Vec<u8>, VerilatedError> {
        let mut bytes = Vec::new();
        while bytes.len() < n {
            bytes.extend(self.word(end, limit)?.to_le_bytes());
        }
        bytes.truncate(n);
        Ok(bytes)
    }

    /// The next word that the program puts out.
    fn word(&mut self, end: u64, limit: u64) -> Result<u32, VerilatedError> {
        loop {
            if let Some(word) = self.words.pop_front() {
                return Ok(word);
            }
            if self.cycles >= end {
                return Err(self.failed(format!("no answer within {limit} cycles")));
            }
            let (stop, cycles) = self.system.run(SLICE.min(end - self.cycles));
            self.cycles += cycles;
            let mut words = Vec::new();
            self.system.output(&mut words);
            self.system.console(&mut self.console);
            self.words.extend(&words);
            if !words.is_empty() {
                continue;
            }
            match stop {
                Stop::Limit => {}
                Stop::Waits => return Err(self.failed("it waits for more input".into())),
                Stop::Exit(code) => return Err(self.failed(format!("it ended with {code}"))),
                Stop::Trap => {
                    return Err(self.failed("an illegal instruction or access (trap)".into()));
                }
            }
        }
    }

    fn failed(&self, problem: String) -> VerilatedError {
        let printed = String::from_utf8_lossy(&self.console).trim_end().to_owned();
        let printed = if printed.is_empty() { printed } else { format!("\nconsole: {printed}") };
        VerilatedError::Program { problem: problem + &printed, cycles: self.cycles }
    }
}

fn word_of(bytes: &[u8]) -> u32 {
    let mut word = [0; 4];
    word[..bytes.len()].copy_from_slice(bytes);
    u32::from_le_bytes(word)
}

fn layer(bytes: &[u8]) -> Option<SocLayer> {
    let (head, output) = bytes.split_at_checked(4 * LAYER_WORDS)?;
    let word = |index: usize| u64::from(word_of(&head[4 * index..4 * index + 4]));
    Some(SocLayer {
        index: word(0) as usize,
        cycles: word(1) | word(2) << 32,
        instructions: word(3) | word(4) << 32,
        output: output.to_vec(),
    })
}

fn counts(bytes: &[u8]) -> Option<Counts> {
    let words: Vec<u32> = bytes.chunks(4).map(word_of).collect();
    let words: &[u32; COUNT_WORDS] = words.as_slice().try_into().ok()?;
    Some(Counts::from_words(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_by_hand() {
        let bytes: Vec<u8> = [3u32, 5, 1, 7, 0].iter().flat_map(|w| w.to_le_bytes()).collect();
        let found = layer(&[bytes.as_slice(), &[9, 8]].concat()).unwrap();
        let expected =
            SocLayer { index: 3, cycles: 5 | 1 << 32, instructions: 7, output: vec![9, 8] };
        assert_eq!(found, expected);
        assert_eq!(layer(&bytes[1..]), None);
        assert_eq!(counts(&bytes), None);
    }
}
