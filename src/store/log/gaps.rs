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

#[cfg(test)]
mod tests {
    use super::*;

    fn losses(gaps: &Gaps, floor: u64, holes: &[(u64, u64)], has: &[u64]) -> (u64, u64) {
        let hole = |&(first_sequence, last_sequence): &(u64, u64)| Hole {
            first_sequence,
            last_sequence,
        };
        let holes: Vec<Hole> = holes.iter().map(hole).collect();
        let found = gaps.losses(floor, &holes, |number| has.contains(&number));
        (found.places, found.apart)
    }

    #[test]
    fn the_blocks_around_a_page_tell_what_was_there() {
        let (one, two): (Arc<str>, Arc<str>) = ("one".into(), "two".into());
        let mut gaps = Gaps::default();
        // The start of a file whose first block that can be read is 4; and behind 6.
        gaps.push(&one, None);
        gaps.meet(&one, 4);
        gaps.push(&one, Some(6));
        assert_eq!(gaps.candidates(0), [3, 7]);
        // The file has two such pages, so 8 may be in the second.
        assert_eq!(gaps.candidates(8), [8]);
        assert!(gaps.candidates(9).is_empty());
        assert_eq!(losses(&gaps, 0, &[], &[]), (2, 2));
        assert_eq!(losses(&gaps, 0, &[], &[7]), (1, 1));
        assert_eq!(losses(&gaps, 0, &[(2, 3), (5, 6)], &[]), (2, 1));
        // Of a file of which nothing was read nobody knows.
        gaps.push(&two, None);
        assert!(gaps.candidates(9).is_empty());
        assert_eq!(losses(&gaps, 9, &[], &[]), (1, 1));
    }

    /// Each page is looked at a few times, however many there are.
    #[test]
    fn many_pages_are_no_more_work_each() {
        const PAGES: u64 = 200_000;
        let (name, mut gaps) = (Arc::from("one"), Gaps::default());
        for page in 0..PAGES {
            gaps.push(&name, Some(2 * page));
            gaps.meet(&name, 2 * page + 2);
        }
        let holes = (0..PAGES).map(|page| Hole {
            first_sequence: 2 * page + 1,
            last_sequence: 2 * page + 1,
        });
        let holes: Vec<Hole> = holes.collect();
        let found = gaps.losses(0, &holes, |number| number % 2 == 0);
        assert_eq!((found.places, found.apart), (PAGES, 0));
        assert_eq!(gaps.candidates(0).len() as u64, PAGES);
    }
}
