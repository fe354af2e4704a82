//! The plan of the arena: its records, and the proof that no value is overwritten that is needed.

use core::ops::Range;

use super::view::section_error;
use super::{NetworkView, PLAN_BYTES, Section, u32_at};
use crate::error::{NetworkError, Place};
use crate::graph::{Graph, Operation};
use crate::layout::{
    ALIGNMENT, Conflict, Layout, Placement, conflict, layer_sources, scratch_shape,
    stored_lifetime, tensor_bytes,
};
use crate::tensor::TensorId;

/// The record of a tensor.
#[cfg(feature = "alloc")]
pub(super) fn encode_placement(placement: &Placement) -> [u8; PLAN_BYTES] {
    let [a, b, c, d] = (placement.offset as u32).to_le_bytes();
    [a, b, c, d, placement.stored_bits, 0, 0, 0]
}

/// The record of a layer.
#[cfg(feature = "alloc")]
pub(super) fn encode_scratch(range: &Range<usize>) -> [u8; PLAN_BYTES] {
    let [a, b, c, d] = (range.start as u32).to_le_bytes();
    let [e, f, g, h] = (range.len() as u32).to_le_bytes();
    [a, b, c, d, e, f, g, h]
}

impl NetworkView<'_> {
    /// True if the file says where tensors lie on a board.
    pub fn has_plan(&self) -> bool {
        !self.section(Section::Plan).is_empty()
    }

    /// Place of a tensor; a view if the file has no plan.
    #[inline]
    pub fn placement(&self, id: TensorId) -> Placement {
        match self.plan_record(id.index()) {
            Some(record) => {
                Placement { offset: u32_at(record, 0) as usize, stored_bits: record[4] }
            }
            None => Placement::VIEW,
        }
    }

    /// Bytes of a layer's scratch memory in the arena.
    pub fn scratch(&self, layer: usize) -> Range<usize> {
        match self.plan_record(self.n_tensors() + layer) {
            Some(record) => {
                let start = u32_at(record, 0) as usize;
                start..start.saturating_add(u32_at(record, 4) as usize)
            }
            None => 0..0,
        }
    }

    fn plan_record(&self, index: usize) -> Option<&[u8; PLAN_BYTES]> {
        self.section(Section::Plan).get(index.checked_mul(PLAN_BYTES)?..)?.first_chunk()
    }

    /// Everything lies inside the arena, nothing that is needed is overwritten, and every layer has
    /// the scratch memory to run; the graph is valid.
    pub(super) fn check_plan(&self) -> Result<(), NetworkError> {
        let n_records = self.n_tensors() + self.n_layers();
        if self.section(Section::Plan).len() != n_records * PLAN_BYTES {
            let problem = "is not one record for each tensor and layer";
            return Err(section_error(Section::Plan as usize, problem));
        }
        for id in self.ids() {
            self.check_placement(id)?;
        }
        for layer in 0..self.n_layers() {
            self.check_layer(layer)?;
        }
        for a in self.ids() {
            for b in (0..a.0).map(TensorId) {
                self.check_pair(a, b)?;
            }
        }
        Ok(())
    }

    fn ids(&self) -> impl Iterator<Item = TensorId> {
        (0..self.n_tensors()).map(|index| TensorId(index as u16))
    }

    fn check_placement(&self, id: TensorId) -> Result<(), NetworkError> {
        let (place, placement) = (Place::Tensor(id.index()), self.placement(id));
        let spec = self.spec(id);
        if placement.is_view() {
            let mut layers = (0..self.n_layers()).map(|layer| self.info(layer));
            let moved = layers.any(|info| {
                matches!(info.operation, Operation::Upsample2d | Operation::Concat)
                    && info.output == id
            });
            if moved && id != self.output() {
                return Ok(());
            }
            let problem = "is not stored, but no concat or upsampling between layers makes it";
            return Err(NetworkError::Graph { place, problem });
        }
        if placement.stored_bits != 8 && placement.stored_bits != spec.bits {
            let (low, high) = (spec.bits.into(), 8);
            let (what, found) = ("bits of a stored value", placement.stored_bits.into());
            return Err(NetworkError::Range { place, what, low, high, found });
        }
        self.check_range(place, &self.bytes_of(id))
    }

    /// Aligned and inside the arena.
    fn check_range(&self, place: Place, [start, end]: &[u64; 2]) -> Result<(), NetworkError> {
        let arena = self.arena_bytes() as u64;
        if *end > arena || *start > arena {
            let (what, high) = ("end in the arena", arena as i64);
            let found = (*end).max(*start) as i64;
            return Err(NetworkError::Range { place, what, low: 0, high, found });
        }
        if start % ALIGNMENT as u64 != 0 || end % ALIGNMENT as u64 != 0 {
            let problem = "does not lie in whole words of the arena";
            return Err(NetworkError::Graph { place, problem });
        }
        Ok(())
    }

    /// First byte and end of a stored tensor in the arena.
    fn bytes_of(&self, id: TensorId) -> [u64; 2] {
        let placement = self.placement(id);
        let start = placement.offset as u64;
        [start, start + tensor_bytes(&self.spec(id), placement.stored_bits)]
    }

    /// A layer that computes can read its input and has scratch memory of its own.
    fn check_layer(&self, layer: usize) -> Result<(), NetworkError> {
        let (place, info) = (Place::Layer(layer), self.info(layer));
        if self.placement(info.output).is_view() {
            return Ok(());
        }
        if layer_sources(self, &info).is_none() {
            let problem = "reads a view of more than 8 tensors";
            return Err(NetworkError::Graph { place, problem });
        }
        let range = self.scratch(layer);
        let scratch = [range.start as u64, range.end as u64];
        self.check_range(place, &scratch)?;
        let least = scratch_shape(self, &info).least_words() * ALIGNMENT;
        // Range::len asserts, which leaves a panic in some images
        let n_bytes = range.end.saturating_sub(range.start);
        if n_bytes < least {
            let (what, low) = ("bytes of scratch memory", least as i64);
            let (high, found) = (i64::from(u32::MAX), n_bytes as i64);
            return Err(NetworkError::Range { place, what, low, high, found });
        }
        for id in self.ids() {
            if overlap(scratch, self.bytes_of(id)) && self.is_alive(id, layer) {
                let problem = "has scratch memory in which a tensor lies that is alive";
                return Err(NetworkError::Graph { place, problem });
            }
        }
        Ok(())
    }

    fn is_alive(&self, id: TensorId, layer: usize) -> bool {
        let (first, last) = stored_lifetime(self, id);
        first <= layer && layer <= last
    }

    /// Two stored tensors that overlap do not live together, or one overwrites the other behind
    /// its reader.
    fn check_pair(&self, a: TensorId, b: TensorId) -> Result<(), NetworkError> {
        let [a_bytes, b_bytes] = [a, b].map(|id| self.bytes_of(id));
        if !overlap(a_bytes, b_bytes) {
            return Ok(());
        }
        let lives = [a, b].map(|id| stored_lifetime(self, id));
        let is_behind = |front: [u64; 2], back: [u64; 2], demand| match demand {
            Conflict::None => true,
            Conflict::Apart => false,
            Conflict::Behind(lead) => back[0] >= front[0].saturating_add(lead),
        };
        if is_behind(a_bytes, b_bytes, conflict(self, [a, b], lives))
            || is_behind(b_bytes, a_bytes, conflict(self, [b, a], [lives[1], lives[0]]))
        {
            return Ok(());
        }
        let problem = "overlaps in the arena with another tensor that is alive";
        Err(NetworkError::Graph { place: Place::Tensor(a.index()), problem })
    }
}

impl Layout for NetworkView<'_> {
    fn placement(&self, id: TensorId) -> Placement {
        NetworkView::placement(self, id)
    }
    fn scratch_words(&self, layer: usize) -> usize {
        self.scratch(layer).len() / ALIGNMENT
    }
}

fn overlap(a: [u64; 2], b: [u64; 2]) -> bool {
    a[0] < b[1] && b[0] < a[1]
}
