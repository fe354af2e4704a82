//! Runs a model on PicoRV32, in software and on the accelerator, for a host at the port.
//!
//! Requests and inputs enter as words of the host port, counts and outputs leave there
//! ([`network::soc`]); the model lies in the image. Cycles and instructions are the processor's own
//! counters: from the input in memory to the output in memory.
#![no_std]
#![no_main]
#![deny(clippy::float_arithmetic)]

mod port;

use board::riscv::{self, Counters};
use network::soc::{ACCELERATOR_BASE, Answer, COUNT_WORDS, Counts, LAYER_WORDS, Request};
use runtime_embedded::driver::{Accelerator, Backend, DriverError, Mmio, WithFallback};
use runtime_embedded::{Arena, CycleSource, Model, Session};

/// The model and its sizes, from the build script.
mod data {
    include!(concat!(env!("OUT_DIR"), "/data.rs"));
}

/// The accelerator's build, from the folder of `qunet generate`.
mod build {
    use runtime_embedded::driver::{Build, FeatureLayout, InputPacking};
    include!(concat!(env!("OUT_DIR"), "/qunet_model.rs"));
}

use data::{ARENA_BYTES, INPUT_BYTES, MODEL, OUTPUT_BYTES};

/// Everything in memory but code, model and stack.
struct Memory {
    arena: Arena<ARENA_BYTES>,
    input: Arena<INPUT_BYTES>,
    output: [u8; OUTPUT_BYTES],
}

static mut MEMORY: Memory =
    Memory { arena: Arena::new(), input: Arena::new(), output: [0; OUTPUT_BYTES] };

#[allow(unsafe_code)] // the start-up code calls it by name, once, and gives it the memory
#[unsafe(no_mangle)]
extern "C" fn board_main() -> ! {
    // SAFETY: this function runs once, and nothing else names MEMORY.
    let memory = unsafe { &mut *(&raw mut MEMORY) };
    // whatever lies there at run time, not what the compiler has seen
    let Ok(model) = Model::from_bytes(core::hint::black_box(&MODEL)) else {
        port::error("the model was refused");
        port::exit(1);
    };
    loop {
        let request = Request::from_word(port::input());
        let done = match request {
            Some(Request::End) => port::exit(0),
            Some(Request::Software) => software(model, memory, false),
            Some(Request::SoftwareLayers) => software(model, memory, true),
            Some(Request::Accelerator) => accelerator(model, memory),
            None => Err("an unknown request"),
        };
        if let Err(text) = done {
            port::error(text);
        }
        port::answer(Answer::End, 0);
    }
}

/// Runs the network layer by layer; with `layers` each layer's answer carries what it wrote.
fn software(model: Model, memory: &mut Memory, layers: bool) -> Result<(), &'static str> {
    port::input_bytes(memory.input.as_bytes());
    let session = Session::new(model, memory.arena.as_bytes());
    let mut session = session.map_err(|_| "the arena is too small")?;
    let mut total = Span::default();
    total.add(|| session.start(memory.input.as_bytes())).map_err(|_| "the input was refused")?;
    loop {
        let mut span = Span::default();
        let Some(layer) = span.add(|| session.step()) else { break };
        total.cycles += span.cycles;
        total.instructions += span.instructions;
        let spec = session.model().layer_spec(layer).ok_or("no such layer")?;
        let n_rows = if layers { spec.channels * spec.height } else { 0 };
        port::answer(Answer::Layer, 4 * LAYER_WORDS + n_rows * spec.width);
        port::output(layer as u32);
        for word in [span.cycles, span.instructions].into_iter().flat_map(words) {
            port::output(word);
        }
        // a row at a time, in place of the output that is written last
        let row = memory.output.get_mut(..spec.width).ok_or("a row is longer than the output")?;
        let mut bytes = port::Bytes::default();
        for index in 0..n_rows {
            session.read_layer_rows(layer, index, row);
            row.iter().for_each(|byte| bytes.put(*byte));
        }
        bytes.end();
    }
    total.add(|| session.read_output(&mut memory.output));
    let counts = Counts { is_software: 1, ..total.counts() };
    answer(counts, &memory.output);
    Ok(())
}

/// Runs the network on the accelerator; what that cannot do, the driver does in software.
fn accelerator(model: Model, memory: &mut Memory) -> Result<(), &'static str> {
    port::input_bytes(memory.input.as_bytes());
    // SAFETY: the memory map puts the accelerator's registers there, and only this value uses them.
    #[allow(unsafe_code)]
    let bus = unsafe { Mmio::new(ACCELERATOR_BASE as *mut u32) };
    let device = Accelerator::new(bus, model, build::BUILD).map_err(|_| "a wrong build")?;
    let runner = WithFallback::new(device, memory.arena.as_bytes());
    let mut runner = runner.map_err(|_| "the arena is too small")?;
    let (input, output) = (memory.input.as_bytes(), &mut memory.output);
    let mut total = Span::default();
    let mut counts = Counts::default();
    let done = total.add(|| phases(runner.accelerator(), input, output, &mut counts));
    counts = Counts { attempts: 1, ..counts };
    if done.is_err() {
        let report = total.add(|| runner.infer(input, output));
        let report = report.map_err(|_| "the input was refused")?;
        counts = Counts { attempts: 1 + report.attempts, ..Counts::default() };
        match report.backend {
            Backend::Accelerator(counters) => counts.engine_cycles = counters.cycles,
            Backend::Software => counts.is_software = 1,
        }
    }
    let Counts { cycles, instructions, .. } = total.counts();
    answer(Counts { cycles, instructions, ..counts }, output);
    Ok(())
}

/// Probe, load, run, read, each timed.
fn phases(
    device: &mut Accelerator<Mmio>,
    input: &[u8],
    output: &mut [u8],
    counts: &mut Counts,
) -> Result<(), DriverError> {
    let since = |start: u32| Counters.now().wrapping_sub(start);
    device.probe()?;
    let polls = device.default_polls();
    let start = Counters.now();
    device.load_input(input)?;
    counts.load_cycles = since(start);
    let start = Counters.now();
    counts.engine_cycles = device.start()?.wait(polls)?.cycles;
    counts.run_cycles = since(start);
    let start = Counters.now();
    device.read_output(output)?;
    counts.read_cycles = since(start);
    Ok(())
}

fn answer(counts: Counts, output: &[u8]) {
    let (stack_bytes, text_bytes) = (riscv::stack_bytes(), riscv::text_bytes());
    let counts = Counts { stack_bytes, text_bytes, ..counts };
    port::answer(Answer::Counts, 4 * COUNT_WORDS);
    counts.to_words().into_iter().for_each(port::output);
    port::answer(Answer::Output, output.len());
    port::output_bytes(output);
}

fn words(number: u64) -> [u32; 2] {
    [number as u32, (number >> 32) as u32]
}

/// Cycles and instructions of some work.
#[derive(Clone, Copy, Default)]
struct Span {
    cycles: u64,
    instructions: u64,
}

impl Span {
    fn add<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let (cycles, instructions) = (Counters.cycles(), Counters.instructions());
        let result = work();
        self.cycles += Counters.cycles() - cycles;
        self.instructions += Counters.instructions() - instructions;
        result
    }

    fn counts(&self) -> Counts {
        Counts { cycles: self.cycles, instructions: self.instructions, ..Counts::default() }
    }
}

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo) -> ! {
    port::error("panic");
    port::exit(1)
}
