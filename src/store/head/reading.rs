//! Reading a long series in slices, while points go on coming and old ones leave.
//!
//! First the blocks that may hold wanted points are listed by window, newest first along the two
//! chains of the series; then each window is read, oldest first, and put in order. Points of
//! different windows never mix, so what was read of older windows stays as it is.
//!
//! Between two slices blocks may be freed and used again, but only those of windows below the
//! floor. So a block of a window at or above it can be trusted, and one below it has nothing to say.

use std::collections::BTreeMap;

use super::{Head, NONE};
use crate::base::time::Millis;
use crate::model::points::{Merging, Points};
use crate::model::series::SeriesId;

/// What following a chain by one block costs, in points: most blocks are not in the cache.
const WALK_COST: usize = 4;

/// Points of one window that are put in order in one go.
const SORTED_AT_ONCE: usize = 1_000;

/// One series' points of a range, being read.
#[derive(Debug)]
pub struct Reading {
    id: SeriesId,
    from: Millis,
    until: Millis,
    stage: Stage,
    windows: BTreeMap<i64, Blocks>,
    points_max: usize,
    /// Points of `out` that were there before the window that is being read.
    settled: usize,
}

/// The blocks of one window, the last written first.
#[derive(Debug, Default)]
struct Blocks {
    in_order: Vec<u32>,
    late: Vec<u32>,
}

/// A block, and the window that it belonged to when it was seen.
type Seen = (u32, i64);

#[derive(Debug)]
enum Stage {
    /// Along the chain of windows in order; the block seen last.
    InOrder(Option<Seen>),
    /// Along the chain of late points; all blocks seen, for any may be freed meanwhile.
    Late(Vec<Seen>),
    /// The next window.
    Window,
    /// The blocks of this window, the next to be read last.
    Blocks(i64, Vec<u32>),
    /// A long window's points are put in order.
    Sorting(Box<Merging>),
    /// They are, and this many are written.
    Writing(Points, usize),
    Done,
}

impl Reading {
    /// Read the points of `id` with `from <= time <= until`.
    pub fn new(id: SeriesId, from: Millis, until: Millis) -> Reading {
        Reading {
            id,
            from,
            until,
            stage: Stage::InOrder(None),
            windows: BTreeMap::new(),
            points_max: 0,
            settled: 0,
        }
    }

    /// Do a slice of about `budget` points, and take what was done from it. True when all points
    /// are in `out`, sorted by (time, stamp) and behind what was there; `out` must be the same each
    /// time. Points that leave the head meanwhile may be missing.
    pub fn step(&mut self, head: &Head, budget: &mut usize, out: &mut Points) -> bool {
        while *budget > 0 {
            let spent = match &mut self.stage {
                Stage::InOrder(_) => self.walk_in_order(head),
                Stage::Late(_) => self.walk_late(head),
                Stage::Window => self.begin_window(out),
                Stage::Blocks(..) => self.read_block(head, out),
                Stage::Sorting(merging) => {
                    if let Some(sorted) = merging.step(budget) {
                        self.stage = Stage::Writing(sorted, 0);
                    }
                    0
                }
                Stage::Writing(sorted, written) => {
                    let end = (*written + SORTED_AT_ONCE).min(sorted.len());
                    out.extend_from(sorted, *written..end);
                    let spent = end - *written;
                    *written = end;
                    if end == sorted.len() {
                        self.stage = Stage::Window;
                    }
                    spent
                }
                Stage::Done => return true,
            };
            *budget = budget.saturating_sub(spent);
        }
        false
    }

    /// The next block of the chain of windows in order.
    fn walk_in_order(&mut self, head: &Head) -> usize {
        let Stage::InOrder(seen) = &mut self.stage else {
            return 0;
        };
        let next = match *seen {
            // All blocks before it have left too.
            Some((_, window)) if window < head.floor => NONE,
            Some((number, _)) => previous(head, number),
            None => head
                .tails
                .get(self.id.0 as usize)
                .map_or(NONE, |tail| tail.block),
        };
        let window = window_of(head, next);
        *seen = window.map(|window| (next, window));
        let end = window.map(|window| window.saturating_add(head.options.window.millis()));
        if end.is_none_or(|end| end <= self.from.0.max(head.floor)) {
            self.stage = Stage::Late(Vec::new());
        }
        if let Some(window) = window {
            self.note(head, next, window, |blocks| &mut blocks.in_order);
        }
        WALK_COST
    }

    /// The next block of the chain of late points. A block that was freed is taken out of its
    /// chain, so the way goes on behind the last seen one that is still there; what lies between
    /// them has left.
    fn walk_late(&mut self, head: &Head) -> usize {
        let Stage::Late(seen) = &mut self.stage else {
            return 0;
        };
        while seen.pop_if(|(_, window)| *window < head.floor).is_some() {}
        let mut next = match seen.last() {
            Some(&(number, _)) => previous(head, number),
            None => head
                .tails
                .get(self.id.0 as usize)
                .map_or(NONE, |tail| tail.late),
        };
        while window_of(head, next).is_some_and(|window| window < head.floor) {
            next = previous(head, next);
        }
        match window_of(head, next) {
            Some(window) => {
                seen.push((next, window));
                self.note(head, next, window, |blocks| &mut blocks.late);
            }
            None => {
                self.stage = Stage::Window;
            }
        }
        WALK_COST
    }

    /// Remember a block if it may hold wanted points.
    fn note(
        &mut self,
        head: &Head,
        number: u32,
        window: i64,
        chain: impl Fn(&mut Blocks) -> &mut Vec<u32>,
    ) {
        let end = window.saturating_add(head.options.window.millis());
        if head.floor <= window && window <= self.until.0 && self.from.0 < end {
            chain(self.windows.entry(window).or_default()).push(number);
            let tail = head.tails.get(self.id.0 as usize);
            self.points_max += tail.map_or(0, |tail| head.count(number, tail));
        }
    }

    fn begin_window(&mut self, out: &mut Points) -> usize {
        // Room for all at once, or growing would copy what is there in one go.
        out.reserve(std::mem::take(&mut self.points_max));
        self.settled = out.len();
        self.stage = match self.windows.pop_first() {
            // Read from the last to the first: those in order, then the late ones.
            Some((window, Blocks { in_order, mut late })) => {
                late.extend(in_order);
                Stage::Blocks(window, late)
            }
            None => Stage::Done,
        };
        1
    }

    fn read_block(&mut self, head: &Head, out: &mut Points) -> usize {
        let Stage::Blocks(window, numbers) = &mut self.stage else {
            return 0;
        };
        if *window < head.floor {
            out.truncate(self.settled);
            self.stage = Stage::Window;
            return 1;
        }
        let Some(number) = numbers.pop() else {
            self.stage = self.order(out);
            return 1;
        };
        let Some(tail) = head.tails.get(self.id.0 as usize) else {
            return 1;
        };
        let block = &head.blocks[number as usize];
        let count = head.count(number, tail);
        for i in 0..count {
            let (time, stamp, value) = block.get(i);
            if self.from.0 <= time && time <= self.until.0 {
                out.push(time, stamp, value);
            }
        }
        WALK_COST + count
    }

    /// All points of a window are there: put them in order.
    fn order(&self, out: &mut Points) -> Stage {
        if out.is_sorted_from(self.settled) {
            return Stage::Window;
        }
        let mut window = out.split_off(self.settled);
        if SORTED_AT_ONCE < window.len() {
            return Stage::Sorting(Box::new(Merging::sorting(window)));
        }
        window.sort();
        out.extend_from(&window, 0..window.len());
        Stage::Window
    }
}

fn previous(head: &Head, number: u32) -> u32 {
    let block = head.blocks.get(number as usize);
    block.map_or(NONE, |block| block.previous)
}

fn window_of(head: &Head, number: u32) -> Option<i64> {
    let block = head.blocks.get(number as usize)?;
    Some(head.options.window.floor(Millis(block.base_ms)).0)
}
