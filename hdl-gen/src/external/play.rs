//! Proves a plan without a clock: plays both queues as a token game and keeps the meaning of every
//! word on chip and outside.
//!
//! A command is ordered after those of its own queue before it, and after as many of the other
//! queue as it or one before it waits for; nothing else orders them. If each pair of commands that
//! use a word, one of them writing, is ordered, every interleaving gives what this one run gives,
//! and if this run ends, every one does. It is played twice all the same, once with each queue as
//! far ahead as it may be. Only the facts of [`View`] are shared with the planner.

use super::shadow::{Content, OutsideShadow, Queue, Shadow, User};
use super::types::{DmaChannel, DmaCommand, DmaKind, EngineCommand, ExternalPlan, Ring, Visit};
use super::view::{OperationView, SourceView, View};

/// Plays a plan to its end.
///
/// # Errors
/// The first command that waits for ever, reads what is not there, overwrites what is needed, or
/// is not ordered against another; or what is missing in external memory at the end.
pub fn play(view: &View, plan: &ExternalPlan) -> Result<(), String> {
    [Queue::Engine, Queue::Dma].into_iter().try_for_each(|ahead| play_once(view, plan, ahead))
}

fn play_once(view: &View, plan: &ExternalPlan, ahead: Queue) -> Result<(), String> {
    let mut game = Game {
        view,
        plan,
        features: Shadow::new("feature", plan.config.feature_words),
        weights: Shadow::new("weight", plan.config.weight_words),
        outside: OutsideShadow::new(plan.external_bytes),
        visit_rows: vec![None; plan.visits.len()],
        channel_rows: vec![None; plan.channels.len()],
        done: [0; 2],
        horizons: [0; 2],
        tick: 0,
    };
    game.fill_input()?;
    game.fill_weights()?;
    while game.advance(ahead)? {}
    game.check_output()
}

struct Game<'a> {
    view: &'a View,
    plan: &'a ExternalPlan,
    features: Shadow,
    weights: Shadow,
    outside: OutsideShadow,
    /// Row cursor of each visit, once it has begun.
    visit_rows: Vec<Option<usize>>,
    /// Row cursor of each channel, once it has begun.
    channel_rows: Vec<Option<usize>>,
    /// Commands done of the engine and of the DMA.
    done: [usize; 2],
    /// Commands of the other queue that the engine and the DMA have waited for.
    horizons: [usize; 2],
    tick: u32,
}

impl Game<'_> {
    /// What the host writes.
    fn fill_input(&mut self) -> Result<(), String> {
        let view = self.view;
        self.each_word(view.input, |outside, address, content| {
            outside.write(address, view.feature_bytes, content)
        })
    }

    /// Weights in the order of each operation's image.
    fn fill_weights(&mut self) -> Result<(), String> {
        let bytes = self.view.weight_bytes;
        for chunk in &self.plan.weights {
            let op = operation(self.view, chunk.operation)?;
            if chunk.row_words == 0 {
                return Err(format!("weights of {}: rows of no words", op.name));
            }
            let words = image_words(op, chunk.first_out_group, chunk.n_out_groups);
            for (nth, word) in words.enumerate() {
                let (row, column) = (nth / chunk.row_words, nth % chunk.row_words);
                let address = chunk.address + row * chunk.row_bytes + column * bytes;
                let content =
                    Content::Weight { operation: chunk.operation as u32, word: word as u32 };
                self.outside.write(address, bytes, content)?;
            }
        }
        Ok(())
    }

    /// What the host reads.
    fn check_output(&mut self) -> Result<(), String> {
        let view = self.view;
        let name = &view.tensors[view.output].name;
        self.each_word(view.output, |outside, address, content| {
            let found = outside.read(address, view.feature_bytes);
            let found = found.map_err(|e| format!("output {name}: {e}"))?;
            if found == content {
                return Ok(());
            }
            Err(format!("output {name}: expected {content:?}, found {found:?}"))
        })
    }

    /// Address and content of each word of a tensor that must lie outside.
    fn each_word(
        &mut self,
        tensor: usize,
        mut visit: impl FnMut(&mut OutsideShadow, usize, Content) -> Result<(), String>,
    ) -> Result<(), String> {
        let facts = &self.view.tensors[tensor];
        let place = self.plan.tensors.iter().find(|t| t.tensor == tensor);
        let place = place.ok_or_else(|| format!("tensor {} does not lie outside", facts.name))?;
        let mut groups = 0;
        for part in &place.parts {
            if part.first_group != groups {
                return Err(format!("tensor {}: its parts leave gaps", facts.name));
            }
            groups += part.n_groups;
            for row in 0..facts.rows {
                let mut address = part.address + row * part.row_bytes;
                for pixel in 0..facts.pitch / facts.groups {
                    for group in part.first_group..part.first_group + part.n_groups {
                        let word = pixel * facts.groups + group;
                        visit(&mut self.outside, address, feature(tensor, row, word))?;
                        address += self.view.feature_bytes;
                    }
                }
            }
        }
        if groups != facts.groups {
            return Err(format!("tensor {}: its parts leave gaps", facts.name));
        }
        Ok(())
    }

    /// Runs a command, of the queue that is to be ahead if it can; false at the end.
    fn advance(&mut self, ahead: Queue) -> Result<bool, String> {
        let ran = match ahead {
            Queue::Engine => self.try_engine()? || self.try_dma()?,
            Queue::Dma => self.try_dma()? || self.try_engine()?,
        };
        let [engine, dma] = self.done;
        if ran || (engine, dma) == (self.plan.engine.len(), self.plan.dma.len()) {
            return Ok(ran);
        }
        Err(format!("deadlock after {engine} engine commands and {dma} dma commands"))
    }

    /// Runs the engine's next command if it need not wait.
    fn try_engine(&mut self) -> Result<bool, String> {
        let [engine, dma] = self.done;
        let next = self.plan.engine.get(engine).filter(|c| usize::from(c.wait) <= dma);
        let Some(command) = next else { return Ok(false) };
        self.engine_command(*command).map_err(|e| format!("engine command {}: {e}", engine + 1))?;
        self.done[0] += 1;
        Ok(true)
    }

    /// Runs the DMA's next command if it need not wait.
    fn try_dma(&mut self) -> Result<bool, String> {
        let [engine, dma] = self.done;
        let next = self.plan.dma.get(dma).filter(|c| usize::from(c.wait) <= engine);
        let Some(command) = next else { return Ok(false) };
        self.dma_command(*command).map_err(|e| format!("dma command {}: {e}", dma + 1))?;
        self.done[1] += 1;
        Ok(true)
    }

    fn user(&mut self, queue: Queue, wait: u16) -> User {
        let horizon = &mut self.horizons[queue as usize];
        *horizon = usize::from(wait).max(*horizon);
        let (number, horizon) = (self.done[queue as usize] as u32 + 1, *horizon as u32);
        User { queue, number, horizon, tick: self.tick }
    }

    fn engine_command(&mut self, command: EngineCommand) -> Result<(), String> {
        let user = self.user(Queue::Engine, command.wait);
        let idx = usize::from(command.visit);
        let visit = self.plan.visits.get(idx).ok_or_else(|| format!("no visit {idx}"))?;
        let op = operation(self.view, visit.operation)?;
        let cursor = if command.first { Some(0) } else { self.visit_rows[idx] };
        let start = cursor.ok_or("it goes on with a visit that has not begun")?;
        let end = start + usize::from(command.rows);
        if start == end || end > op.loop_rows {
            return Err(format!("{}: rows {start}..{end} of {}", op.name, op.loop_rows));
        }
        if op.pooled.is_some() && (start % 2 == 1 || (end % 2 == 1 && end < op.loop_rows)) {
            return Err(format!("{}: rows {start}..{end} split a pair of a max-pool", op.name));
        }
        check_groups(op, visit)?;
        for (nth, word) in image_words(op, visit.first_out_group, visit.n_out_groups).enumerate() {
            let content = Content::Weight { operation: visit.operation as u32, word: word as u32 };
            self.weights.expect(visit.weight_base + nth, user, content)?;
        }
        for row in start..end {
            self.tick += 1;
            let user = User { tick: self.tick, ..user };
            self.loop_row(op, visit, row, user)
                .map_err(|e| format!("{} row {row}: {e}", op.name))?;
        }
        self.visit_rows[idx] = Some(end);
        Ok(())
    }

    /// Reads and writes of one row of the loop nest.
    fn loop_row(
        &mut self,
        op: &OperationView,
        visit: &Visit,
        row: usize,
        user: User,
    ) -> Result<(), String> {
        if visit.sources.len() != op.sources.len() {
            return Err("other sources than the operation".into());
        }
        for (source, ring) in op.sources.iter().zip(&visit.sources) {
            for row in source_rows(self.view, op, *source, row) {
                for word in 0..self.view.tensors[source.tensor].pitch {
                    let at = self.on_chip(source.tensor, *ring, row)? + word;
                    self.features.expect(at, user, feature(source.tensor, row, word))?;
                }
            }
        }
        for phase_row in 0..op.out_rows {
            self.write_row(
                op,
                visit,
                (op.output, visit.output),
                row * op.out_rows + phase_row,
                user,
            )?;
        }
        if let Some(pooled) = op.pooled {
            let ring = visit.pooled.ok_or("no place for the pooled map")?;
            if row % 2 == 1 && row / 2 < self.view.tensors[pooled].rows {
                self.write_row(op, visit, (pooled, ring), row / 2, user)?;
            }
        }
        Ok(())
    }

    /// Writes the words of a row that the visit's output groups fill.
    fn write_row(
        &mut self,
        op: &OperationView,
        visit: &Visit,
        (tensor, ring): (usize, Ring),
        row: usize,
        user: User,
    ) -> Result<(), String> {
        let facts = &self.view.tensors[tensor];
        let last = visit.first_out_group + visit.n_out_groups;
        let whole = last == op.out_groups;
        let first_word = visit.first_out_group / op.unit * op.unit_groups;
        let end_word = if whole { facts.groups } else { last / op.unit * op.unit_groups };
        let base = self.on_chip(tensor, ring, row)?;
        for pixel in 0..facts.pitch / facts.groups {
            for group in first_word..end_word {
                let word = pixel * facts.groups + group;
                self.features.write(base + word, user, feature(tensor, row, word))?;
            }
        }
        Ok(())
    }

    /// First word of a row on chip.
    fn on_chip(&self, tensor: usize, ring: Ring, row: usize) -> Result<usize, String> {
        let slot = row.checked_rem(ring.ring).ok_or("a ring of no rows")?;
        Ok(ring.base + slot * self.view.tensors[tensor].pitch)
    }

    fn dma_command(&mut self, command: DmaCommand) -> Result<(), String> {
        let user = self.user(Queue::Dma, command.wait);
        let idx = usize::from(command.channel);
        let channel = self.plan.channels.get(idx).ok_or_else(|| format!("no channel {idx}"))?;
        let cursor = if command.first { Some(0) } else { self.channel_rows[idx] };
        let start = cursor.ok_or("it goes on with a channel that has not begun")?;
        let end = start + usize::from(command.rows);
        if start == end || channel.external_address % 16 + channel.row_bytes % 16 != 0 {
            return Err("no rows, or an address that is no multiple of 16".into());
        }
        for row in start..end {
            self.transfer_row(channel, row, user)?;
        }
        self.channel_rows[idx] = Some(end);
        Ok(())
    }

    fn transfer_row(&mut self, channel: &DmaChannel, row: usize, user: User) -> Result<(), String> {
        let is_weight = channel.kind == DmaKind::LoadWeights;
        let bytes = if is_weight { self.view.weight_bytes } else { self.view.feature_bytes };
        if channel.runs * channel.run_words * bytes > channel.row_bytes {
            return Err("a row outside is shorter than on chip".into());
        }
        let slot = row.checked_rem(channel.ring).ok_or("a ring of no rows")?;
        let mut address = channel.external_address + row * channel.row_bytes;
        for run in 0..channel.runs {
            for word in 0..channel.run_words {
                let at = channel.base + slot * channel.pitch + run * channel.run_stride + word;
                match channel.kind {
                    DmaKind::LoadFeature => {
                        let content = self.outside.read(address, bytes)?;
                        self.features.write(at, user, content)?;
                    }
                    DmaKind::LoadWeights => {
                        let content = self.outside.read(address, bytes)?;
                        self.weights.write(at, user, content)?;
                    }
                    DmaKind::StoreFeature => {
                        let content = self.features.read(at, user)?;
                        self.outside.write(address, bytes, content)?;
                    }
                }
                address += bytes;
            }
        }
        Ok(())
    }
}

fn feature(tensor: usize, row: usize, word: usize) -> Content {
    Content::Feature { tensor: tensor as u32, row: row as u32, word: word as u32 }
}

fn operation(view: &View, operation: usize) -> Result<&OperationView, String> {
    let found = view.operations.iter().find(|op| op.operation == operation);
    found.ok_or_else(|| format!("no operation {operation}"))
}

/// Words of an operation's weight image that some output groups use, in order.
fn image_words(op: &OperationView, first: usize, n: usize) -> impl Iterator<Item = usize> + use<> {
    let (phases, groups, words) = (op.phases, op.out_groups, op.group_words / op.phases);
    (0..phases).flat_map(move |phase| {
        let start = (phase * groups + first) * words;
        start..start + n * words
    })
}

/// Output groups must exist, be all if the operation cannot be split, and fill whole words.
fn check_groups(op: &OperationView, visit: &Visit) -> Result<(), String> {
    let (first, end) = (visit.first_out_group, visit.first_out_group + visit.n_out_groups);
    let all = first == 0 && end == op.out_groups;
    let whole_words = first % op.unit == 0 && (end % op.unit == 0 || end == op.out_groups);
    if first < end && end <= op.out_groups && whole_words && (op.splits || all) {
        return Ok(());
    }
    Err(format!("{}: output groups {first}..{end} of {}", op.name, op.out_groups))
}

/// Rows of a source that one row of the loop nest reads, by its taps.
fn source_rows(view: &View, op: &OperationView, source: SourceView, row: usize) -> Vec<usize> {
    let scale = if source.upsample { 2 } else { 1 };
    let height = view.tensors[source.tensor].rows * scale;
    let taps = (0..op.kernel).map(|tap| row * op.stride + tap);
    let inside = taps.filter(|tap| *tap >= op.pad && *tap - op.pad < height);
    let mut rows: Vec<usize> = inside.map(|tap| (tap - op.pad) / scale).collect();
    rows.dedup();
    rows
}
