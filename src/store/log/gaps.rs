//! Pages of a log that the disk cannot read, and which blocks may have been there.
//!
//! Blocks follow each other in a file without gaps: so what may have been in a page is told by the blocks
//! around it.

use std::collections::HashMap;
use std::sync::Arc;

use super::chain::Hole;

/// A page that cannot be read.
#[derive(Debug)]
struct Gap {
    name: Arc<str>,
    /// The block before it in its file.
    after: Option<u64>,
    /// The block behind it.
    before: Option<u64>,
}

/// All of them, in the order in which files were read.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    list: Vec<Gap>,
    /// By file, how many there are.
    pages: HashMap<Arc<str>, u64>,
}

/// What may have been lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Losses {
    /// Pages that may have held a block that was durable.
    pub(super) places: u64,
    /// Of these, such as tell of no block that a hole tells of.
    pub(super) apart: u64,
}

impl Gaps {
    /// The page behind block `after` of a file.
    pub(super) fn push(&mut self, name: &Arc<str>, after: Option<u64>) {
        *self.pages.entry(name.clone()).or_default() += 1;
        self.list.push(Gap {
            name: name.clone(),
            after,
            before: None,
        });
    }

    /// A block of a file, behind all of its pages so far.
    pub(super) fn meet(&mut self, name: &Arc<str>, sequence: u64) {
        let gaps = self.list.iter_mut().rev();
        let open = gaps.take_while(|gap| gap.before.is_none() && gap.name == *name);
        open.for_each(|gap| gap.before = Some(sequence));
    }

    /// A number from `floor` on that may have been there, the lowest one where the block before it is known.
    fn candidate(&self, gap: &Gap, floor: u64) -> Option<u64> {
        match (gap.after, gap.before) {
            (Some(after), _) => {
                let pages = self.pages.get(&gap.name).copied().unwrap_or(0);
                let is_needed = floor <= after.saturating_add(pages);
                is_needed.then(|| floor.max(after.saturating_add(1)))
            }
            (None, Some(before)) => (floor < before).then(|| before - 1),
            (None, None) => None,
        }
    }

    /// Numbers from `floor` on that may have been there.
    pub(super) fn candidates(&self, floor: u64) -> Vec<u64> {
        let gaps = self.list.iter();
        gaps.filter_map(|gap| self.candidate(gap, floor)).collect()
    }

    /// What is lost of a log that `has` these numbers from `floor` on, and these holes, oldest first.
    pub(super) fn losses(&self, floor: u64, holes: &[Hole], has: impl Fn(u64) -> bool) -> Losses {
        let mut losses = Losses::default();
        for gap in &self.list {
            let candidate = self.candidate(gap, floor);
            let is_unknown = gap.after.is_none() && gap.before.is_none();
            if !is_unknown && candidate.is_none_or(&has) {
                continue;
            }
            let is_told = |number: u64| {
                let at = holes.partition_point(|hole| hole.last_sequence < number);
                holes
                    .get(at)
                    .is_some_and(|hole| hole.first_sequence <= number)
            };
            losses.places += 1;
            losses.apart += u64::from(!candidate.is_some_and(is_told));
        }
        losses
    }
}
