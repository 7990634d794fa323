//! The head: recent points of every series, in memory, bounded in bytes and in windows.
//!
//! Takes (series, time, stamp, value) in any order and gives the points of one series back in the
//! order of (time, stamp). Knows no names.
//!
//! Points lie in blocks of 192 bytes that belong to one series and one window of time. A block whose
//! points are evenly spaced keeps no timestamps; one with any other point keeps them. Each series
//! has a chain of blocks in window order, whose last is where the usual point goes, and a second
//! chain for what came after its window had been left. When the bytes or the windows are used up the
//! oldest window leaves, a few blocks for each new one, so that no single point pays for it.

mod reading;

use std::collections::{BTreeMap, HashMap};

pub use reading::Reading;

use super::block::{Block, Kind};
use crate::base::time::{Millis, Stamp, Step};
use crate::model::points::Points;
use crate::model::refusal::Reason;
use crate::model::series::SeriesId;
use crate::simd;

/// No block.
const NONE: u32 = u32::MAX;

/// No time: the next point takes the long way.
const NEVER: i64 = i64::MIN;

/// Blocks of a leaving window that are freed for each block that is taken.
const FREED_PER_TAKEN: usize = 4;

/// What a head is told once.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Bytes of blocks; at least one block is always kept.
    pub bytes_max: usize,
    /// Windows that hold points at one time.
    pub windows_max: usize,
    /// Width of a window.
    pub window: Step,
}

/// Where the next point of a series goes.
#[derive(Clone, Copy)]
struct Tail {
    /// Time at which a point continues the tail block without further questions.
    expected: i64,
    /// Start of the window after the tail block's.
    window_end: i64,
    /// Stamp that the tail block counts from.
    stamp_base: u64,
    /// Last block of the chain of windows in order.
    block: u32,
    /// Last block of the chain of late points.
    late: u32,
    /// Milliseconds between points of the tail block; 0 while it has one point or odd times.
    step: u32,
    /// Points in the tail block.
    count: u32,
}

const NEW: Tail = Tail {
    expected: NEVER,
    window_end: NEVER,
    stamp_base: 0,
    block: NONE,
    late: NONE,
    step: 0,
    count: 0,
};

/// The blocks of one window.
#[derive(Default)]
struct Window {
    blocks: Vec<u32>,
    /// The late block of each series that can still take points.
    late: HashMap<SeriesId, u32>,
}

/// Recent points of one shard's series.
pub struct Head {
    options: Options,
    tails: Vec<Tail>,
    blocks: Vec<Block>,
    free: Vec<u32>,
    windows: BTreeMap<i64, Window>,
    /// Blocks of windows that have left and are not freed yet.
    leaving: Vec<u32>,
    /// Start of the oldest window that may hold points.
    floor: i64,
    evicted: u64,
}

impl Head {
    /// An empty head.
    pub fn new(options: Options) -> Head {
        Head {
            options,
            tails: Vec::new(),
            blocks: Vec::new(),
            free: Vec::new(),
            windows: BTreeMap::new(),
            leaving: Vec::new(),
            floor: i64::MIN,
            evicted: 0,
        }
    }

    /// Make room for the series up to `id`.
    pub fn admit(&mut self, id: SeriesId) {
        if self.tails.len() <= id.0 as usize {
            self.tails.resize(id.0 as usize + 1, NEW);
        }
    }

    /// Ask for the memory that the next point of `id` will touch first.
    #[inline]
    pub fn prefetch_tail(&self, id: SeriesId) {
        if let Some(tail) = self.tails.get(id.0 as usize) {
            simd::prefetch(tail);
        }
    }

    /// Ask for the memory that the next point of `id` will be written to; reads the tail.
    #[inline]
    pub fn prefetch_block(&self, id: SeriesId) {
        if let Some(tail) = self.tails.get(id.0 as usize)
            && let Some(block) = self.blocks.get(tail.block as usize)
        {
            simd::prefetch(block.slot(tail.count as usize));
        }
    }

    /// Add one point. Stamps of one series never fall from call to call.
    ///
    /// # Errors
    /// [`Reason::HeadFull`] where the point is older than all that a full head keeps.
    #[inline]
    pub fn append(
        &mut self,
        id: SeriesId,
        time: Millis,
        stamp: Stamp,
        value: f64,
    ) -> Result<(), Reason> {
        let tail = &mut self.tails[id.0 as usize];
        let since = stamp.0.wrapping_sub(tail.stamp_base);
        if time.0 == tail.expected && since <= u64::from(u32::MAX) {
            self.blocks[tail.block as usize].put_even(tail.count as usize, since as u32, value);
            tail.count += 1;
            let next = time.0 + i64::from(tail.step);
            let open = tail.count < Block::EVEN_POINTS as u32 && next < tail.window_end;
            tail.expected = if open { next } else { NEVER };
            return Ok(());
        }
        self.append_unexpected(id, time, stamp, value)
    }

    /// A point that does not simply continue its series.
    #[cold]
    fn append_unexpected(
        &mut self,
        id: SeriesId,
        time: Millis,
        stamp: Stamp,
        value: f64,
    ) -> Result<(), Reason> {
        let mut tail = self.tails[id.0 as usize];
        let window = self.options.window.floor(time).0;
        if window < self.floor {
            return Err(Reason::HeadFull);
        }
        let tail_window = tail.window_end.saturating_sub(self.options.window.millis());
        if tail.block != NONE && window < tail_window {
            return self.append_late(id, window, time, stamp, value);
        }
        if tail.block != NONE
            && window == tail_window
            && self.extend_tail(&mut tail, time, stamp, value)
        {
            self.tails[id.0 as usize] = tail;
            return Ok(());
        }
        self.open_tail(id, window, time, stamp, value)
    }

    /// Put the point into the tail block if that has room, changing the block's kind if it must.
    fn extend_tail(&mut self, tail: &mut Tail, time: Millis, stamp: Stamp, value: f64) -> bool {
        let Ok(since) = u32::try_from(stamp.0.wrapping_sub(tail.stamp_base)) else {
            return false;
        };
        let count = tail.count as usize;
        let block = &mut self.blocks[tail.block as usize];
        let gap = time.0.wrapping_sub(block.base_ms);
        if block.kind == Kind::Even {
            let due = i64::from(block.step) * count as i64;
            if count == 1 && 0 < gap && gap <= self.options.window.millis() {
                // The second point says how far apart they are.
                block.step = gap as u32;
            } else if gap != due || block.step == 0 {
                if Block::ODD_POINTS <= count {
                    return false;
                }
                block.make_odd(count);
            }
        }
        let block = &mut self.blocks[tail.block as usize];
        match block.kind {
            Kind::Even if count < Block::EVEN_POINTS => block.put_even(count, since, value),
            Kind::Odd if count < Block::ODD_POINTS => {
                block.put_odd(count, gap as i32, since, value)
            }
            _ => return false,
        }
        block.count = tail.count + 1;
        tail.count += 1;
        tail.step = block.step;
        let next = time.0 + i64::from(tail.step);
        let open = block.kind == Kind::Even
            && 0 < tail.step
            && tail.count < Block::EVEN_POINTS as u32
            && next < tail.window_end;
        tail.expected = if open { next } else { NEVER };
        true
    }

    /// Start a new tail block for the series.
    fn open_tail(
        &mut self,
        id: SeriesId,
        window: i64,
        time: Millis,
        stamp: Stamp,
        value: f64,
    ) -> Result<(), Reason> {
        let number = self.take_block(id, window, time, stamp)?;
        let mut tail = self.tails[id.0 as usize];
        // A series that was evenly spaced probably still is.
        let same_step = match self.blocks.get(tail.block as usize) {
            Some(last) if last.kind == Kind::Even => last.step,
            _ => 0,
        };
        self.seal_count(&tail);
        self.link(number, tail.block);
        let block = &mut self.blocks[number as usize];
        block.step = same_step;
        block.put_even(0, 0, value);
        block.count = 1;
        tail.block = number;
        tail.stamp_base = stamp.0;
        tail.step = same_step;
        tail.count = 1;
        tail.window_end = window.saturating_add(self.options.window.millis());
        let next = time.0 + i64::from(same_step);
        tail.expected = if 0 < same_step && next < tail.window_end {
            next
        } else {
            NEVER
        };
        self.tails[id.0 as usize] = tail;
        Ok(())
    }

    /// A point for a window that the series has left.
    fn append_late(
        &mut self,
        id: SeriesId,
        window: i64,
        time: Millis,
        stamp: Stamp,
        value: f64,
    ) -> Result<(), Reason> {
        let known = self
            .windows
            .get(&window)
            .and_then(|w| w.late.get(&id))
            .copied();
        if let Some(number) = known {
            let block = &mut self.blocks[number as usize];
            let count = block.count as usize;
            if let Ok(since) = u32::try_from(stamp.0.wrapping_sub(block.stamp_base))
                && count < Block::ODD_POINTS
            {
                block.put_odd(count, (time.0 - block.base_ms) as i32, since, value);
                block.count += 1;
                return Ok(());
            }
        }
        let number = self.take_block(id, window, time, stamp)?;
        let last = self.tails[id.0 as usize].late;
        self.link(number, last);
        self.tails[id.0 as usize].late = number;
        let block = &mut self.blocks[number as usize];
        block.kind = Kind::Odd;
        block.late = true;
        block.put_odd(0, 0, 0, value);
        block.count = 1;
        if let Some(entry) = self.windows.get_mut(&window) {
            entry.late.insert(id, number);
        }
        Ok(())
    }

    /// The tail block's count lives in the tail while it grows; write it down before leaving it.
    fn seal_count(&mut self, tail: &Tail) {
        if let Some(block) = self.blocks.get_mut(tail.block as usize) {
            block.count = tail.count;
        }
    }

    fn link(&mut self, number: u32, last: u32) {
        self.blocks[number as usize].previous = last;
        if let Some(block) = self.blocks.get_mut(last as usize) {
            block.next = number;
        }
    }

    /// A fresh block of `window`, after making room for it.
    fn take_block(
        &mut self,
        id: SeriesId,
        window: i64,
        time: Millis,
        stamp: Stamp,
    ) -> Result<u32, Reason> {
        let new_window = !self.windows.contains_key(&window);
        if self.options.windows_max <= self.windows.len() && new_window {
            self.leave_oldest(window)?;
        }
        let blocks_max = (self.options.bytes_max / size_of::<Block>()).max(1);
        if blocks_max <= self.blocks.len() - self.free.len() && self.leaving.is_empty() {
            self.leave_oldest(window)?;
        }
        for _ in 0..FREED_PER_TAKEN {
            let Some(number) = self.leaving.pop() else {
                break;
            };
            self.free_block(number);
        }
        let block = Block::new(id.0, time.0, stamp.0);
        let number = match self.free.pop() {
            Some(number) => {
                self.blocks[number as usize] = block;
                number
            }
            None => {
                self.blocks.push(block);
                (self.blocks.len() - 1) as u32
            }
        };
        self.windows.entry(window).or_default().blocks.push(number);
        Ok(number)
    }

    /// The oldest window leaves, unless the point that asks for room would be in it.
    fn leave_oldest(&mut self, asking: i64) -> Result<(), Reason> {
        let oldest = self.windows.first_key_value().map(|(&start, _)| start);
        let Some(oldest) = oldest.filter(|&oldest| oldest < asking) else {
            return Err(Reason::HeadFull);
        };
        let window = self.windows.remove(&oldest).unwrap_or_default();
        self.floor = oldest.saturating_add(self.options.window.millis());
        self.leaving.extend(window.blocks.iter().rev());
        Ok(())
    }

    fn free_block(&mut self, number: u32) {
        let block = &self.blocks[number as usize];
        let (id, previous, next, late) = (
            block.series as usize,
            block.previous,
            block.next,
            block.late,
        );
        let tail = &mut self.tails[id];
        let is_tail = !late && tail.block == number;
        self.evicted += u64::from(if is_tail { tail.count } else { block.count });
        if is_tail {
            // What is before it is leaving too; the next point opens a block.
            let count = self
                .blocks
                .get(previous as usize)
                .map_or(0, |block| block.count);
            *tail = Tail {
                late: tail.late,
                block: previous,
                count,
                ..NEW
            };
        } else if late && tail.late == number {
            tail.late = previous;
        }
        if let Some(block) = self.blocks.get_mut(previous as usize) {
            block.next = next;
        }
        if let Some(block) = self.blocks.get_mut(next as usize) {
            block.previous = previous;
        }
        self.free.push(number);
    }

    /// Append to `out` the points of `id` with `from <= time <= until`, sorted by (time, stamp),
    /// duplicates not yet settled. For long ranges see [`Reading`].
    pub fn read(&self, id: SeriesId, from: Millis, until: Millis, out: &mut Points) {
        let mut reading = Reading::new(id, from, until);
        while !reading.step(self, &mut { usize::MAX }, out) {}
    }

    /// Append to `out` up to `n` of the newest distinct timestamps of `id` (milliseconds), newest
    /// first.
    pub fn newest_times(&self, id: SeriesId, n: usize, out: &mut Vec<i64>) {
        let Some(tail) = self.tails.get(id.0 as usize) else {
            return;
        };
        let start = out.len();
        for chain in [tail.block, tail.late] {
            let mut blocks_left = n;
            self.walk(chain, |number, block| {
                out.extend(
                    (0..self.count(number, tail))
                        .map(|i| block.get(i).0)
                        .filter(|&t| self.floor <= t),
                );
                blocks_left -= 1;
                out.len() - start < 2 * n && 0 < blocks_left
            });
            if n <= out.len() - start {
                break;
            }
        }
        out[start..].sort_unstable_by(|a, b| b.cmp(a));
        let mut newest = out.split_off(start);
        newest.dedup();
        newest.truncate(n);
        out.append(&mut newest);
    }

    /// From a chain's newest block to its oldest, while `each` says so.
    fn walk(&self, mut number: u32, mut each: impl FnMut(u32, &Block) -> bool) {
        while let Some(block) = self.blocks.get(number as usize) {
            if !each(number, block) {
                return;
            }
            number = block.previous;
        }
    }

    fn count(&self, number: u32, tail: &Tail) -> usize {
        let block = &self.blocks[number as usize];
        if number == tail.block {
            tail.count as usize
        } else {
            block.count as usize
        }
    }

    /// Bytes of blocks in use.
    pub fn bytes(&self) -> usize {
        (self.blocks.len() - self.free.len()) * size_of::<Block>()
    }

    /// Windows that hold points.
    pub fn windows(&self) -> usize {
        self.windows.len()
    }

    /// Points that left because the head was full.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// The oldest instant of which points may still be held.
    pub fn floor(&self) -> Millis {
        Millis(self.floor)
    }
}

#[cfg(test)]
mod tests;
