//! From the program to the two queues: an event-driven simulation in which the DMA takes what is
//! ready, rows before results before weights.

use super::steps::{Access, Lane, Memory, Program, Step};

/// Cycles from a command of the engine to the first iteration of its loop nest.
pub const COMMAND_START_CYCLES: u64 = 14;
/// Cycles of a transfer without its data.
pub const TRANSFER_START_CYCLES: u64 = 30;
/// Bytes that the bus moves in a cycle.
pub const BUS_BYTES: u64 = 16;

const LANES: [Lane; 4] = [Lane::Engine, Lane::Load, Lane::Store, Lane::Weights];

/// Both queues and the time they take.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timeline {
    /// Steps of the engine, in order, with their waits.
    pub engine: Vec<Issue>,
    /// Steps of the DMA, in order, with their waits.
    pub dma: Vec<Issue>,
    /// Cycle at which the last command ends.
    pub cycles: u64,
    /// Cycles in which the engine runs.
    pub busy_cycles: u64,
    /// Cycles in which the bus is taken.
    pub bus_cycles: u64,
}

/// A step in its queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Issue {
    /// Index in [`Program::steps`].
    pub step: usize,
    /// Commands of the other queue that must have completed.
    pub wait: usize,
}

/// For each lane the last step that must end before, plus one; 0 if none.
type Dependencies = [usize; 4];

/// Runs the program.
pub fn simulate(program: &Program) -> Timeline {
    let dependencies = dependencies(&program.steps);
    let of_lane = |lane| (0..program.steps.len()).filter(move |i| program.steps[*i].lane == lane);
    let mut run = Run {
        steps: &program.steps,
        dependencies: &dependencies,
        lanes: LANES.map(|lane| of_lane(lane).collect()),
        heads: [0; 4],
        ends: vec![None; program.steps.len()],
        numbers: vec![0; program.steps.len()],
        engine_free: 0,
        dma_free: 0,
        stolen: 0,
        timeline: Timeline::default(),
    };
    while run.advance() {}
    run.timeline.cycles = run.engine_free.max(run.dma_free);
    run.timeline
}

struct Run<'a> {
    steps: &'a [Step],
    dependencies: &'a [Dependencies],
    /// Steps of each lane in program order.
    lanes: [Vec<usize>; 4],
    /// Next of each lane.
    heads: [usize; 4],
    /// Cycle at which each step ended.
    ends: Vec<Option<u64>>,
    /// Number of each step in its queue, from 1.
    numbers: Vec<usize>,
    engine_free: u64,
    dma_free: u64,
    /// Engine cycles taken by stores, not yet counted.
    stolen: u64,
    timeline: Timeline,
}

impl Run<'_> {
    /// Starts one command; false if none is left.
    fn advance(&mut self) -> bool {
        let head = |lane: usize| self.lanes[lane].get(self.heads[lane]).copied();
        if let Some(step) = head(0)
            && let Some(ready) = self.ready(step)
        {
            self.compute(step, ready);
            return true;
        }
        // a tie goes to the lane named first
        let start = |step| self.ready(step).map(|ready| ready.max(self.dma_free));
        let candidate = |lane| head(lane).and_then(|step| Some((start(step)?, lane, step)));
        let Some((start, lane, step)) = (1..4).filter_map(candidate).min() else { return false };
        self.transfer(lane, step, start);
        true
    }

    /// Cycle from which a step may run, once all that it depends on is known.
    fn ready(&self, step: usize) -> Option<u64> {
        let needed = self.dependencies[step].iter().filter(|d| **d > 0);
        needed.map(|d| self.ends[d - 1]).try_fold(0, |latest, end| Some(latest.max(end?)))
    }

    fn compute(&mut self, step: usize, ready: u64) {
        let cycles =
            self.steps[step].work + COMMAND_START_CYCLES + std::mem::take(&mut self.stolen);
        self.engine_free = self.engine_free.max(ready) + cycles;
        self.timeline.busy_cycles += cycles;
        self.ends[step] = Some(self.engine_free);
        self.heads[0] += 1;
        let waits = &self.dependencies[step][1..];
        let wait = waits.iter().filter(|d| **d > 0).map(|d| self.numbers[d - 1]).max();
        self.timeline.engine.push(Issue { step, wait: wait.unwrap_or(0) });
        self.numbers[step] = self.timeline.engine.len();
    }

    fn transfer(&mut self, lane: usize, step: usize, start: u64) {
        let cycles = self.steps[step].work.div_ceil(BUS_BYTES) + TRANSFER_START_CYCLES;
        self.dma_free = start + cycles;
        self.timeline.bus_cycles += cycles;
        self.stolen += self.steps[step].stored_words;
        self.ends[step] = Some(self.dma_free);
        self.heads[lane] += 1;
        let engine = self.dependencies[step][0];
        let wait = if engine > 0 { self.numbers[engine - 1] } else { 0 };
        self.timeline.dma.push(Issue { step, wait });
        self.numbers[step] = self.timeline.dma.len();
    }
}

/// Last read and last write of a word by each lane, as step plus one.
#[derive(Clone, Copy, Default)]
struct History {
    read: [u32; 4],
    written: [u32; 4],
}

/// What each step must follow: the writers of what it reads, the users of what it writes.
fn dependencies(steps: &[Step]) -> Vec<Dependencies> {
    let size = |memory| {
        let accesses = steps.iter().flat_map(|s| &s.accesses).filter(|a| a.memory == memory);
        accesses.map(Access::end).max().unwrap_or(0)
    };
    let mut memories = [Memory::Features, Memory::Weights, Memory::External]
        .map(|memory| vec![History::default(); size(memory)]);
    let mut found = Vec::new();
    for (idx, step) in steps.iter().enumerate() {
        let mut after = [0; 4];
        for access in &step.accesses {
            each(&mut memories, access, |word| {
                meet(&mut after, &word.written);
                if access.writes {
                    meet(&mut after, &word.read);
                }
            });
        }
        for access in &step.accesses {
            each(&mut memories, access, |word| {
                let last = if access.writes { &mut word.written } else { &mut word.read };
                last[step.lane as usize] = idx as u32 + 1;
            });
        }
        found.push(after.map(|step| step as usize));
    }
    found
}

fn each(memories: &mut [Vec<History>; 3], access: &Access, mut visit: impl FnMut(&mut History)) {
    let memory = &mut memories[access.memory as usize];
    for start in access.starts() {
        memory[start..start + access.words].iter_mut().for_each(&mut visit);
    }
}

fn meet(after: &mut [u32; 4], other: &[u32; 4]) {
    for (mine, theirs) in after.iter_mut().zip(other) {
        *mine = (*mine).max(*theirs);
    }
}
