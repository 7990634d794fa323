//! The head: points in memory that are not in a file yet, one generation of them.
//!
//! Takes (series, time, read, value) in any order; gives the points of a series back in the order of
//! (time, arrival), and to the sealer as stretches, one for each window. Knows no names and no files.
//!
//! A series has a `tail` of one cache line and a chain of blocks of 128 bytes, in the order of
//! arrival, out of a [`Pool`] that all generations of a shard share. A point that comes at the expected
//! time costs only its [`Token`], the same bytes as in the log; the last few of them are in the tail.
//! Nothing is ever thrown away: where the pool is full or a window too many would be begun, [`Full`] says so,
//! and the caller must seal first.

mod ahead;
mod append;
mod columns;
mod evens;
mod newest;
mod pool;
mod reading;
mod reads;
mod sorting;
mod stretches;
mod tail;
mod texts;
mod unpack;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

pub use ahead::{Ahead, SERIES_AHEAD};
pub use evens::{Even, Evens, Portion};
pub use pool::Pool;
pub use reading::{Reading, Room};
use roaring::RoaringBitmap;
pub use stretches::{Next, POINTS_AT_ONCE, Stretches};

use crate::base::time::{Millis, Stamp, Step};
use crate::base::varint;
use crate::model::number::Number;
use crate::model::series::SeriesId;
use crate::simd;
use crate::store::token::{Last, Short, Token};
use reads::Reads;
use tail::{BLANK, Chain, Tail, Tails};

/// What a generation is told once.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Whether other shards may hold the same series, so that each point must know its read; else only
    /// those of [`Head::keep_order`] do.
    pub ordered: bool,
    /// Width of a window.
    pub window: Step,
    /// Windows that hold points at one time.
    pub windows_max: usize,
}

/// No room: a generation must be sealed first. The point was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Full {
    /// The pool has no room.
    #[error("the memory of the head is in use; points wait until a generation is sealed")]
    Bytes,
    /// The generation has points in as many windows as it may.
    #[error("the head has points in too many hours; points wait until it is sealed")]
    Windows,
}

/// What the log must write of a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Number of the series in the book.
    pub number: u32,
    /// The value, told from the one before it in this generation.
    pub token: Token,
}

/// A generation of points.
#[derive(Debug)]
pub struct Head {
    options: Options,
    tails: Tails,
    reads: Reads,
    /// Series whose points know their reads, whatever the options say.
    kept: RoaringBitmap,
    /// Of those that had points before they were among these, when the last of these may have come.
    before_order: HashMap<SeriesId, u64>,
    texts: Vec<Arc<str>>,
    /// Bytes of the texts, which count in the pool too.
    text_bytes: usize,
    /// Points that were counted, by the start of their window.
    windows: BTreeMap<i64, u64>,
    stamps: Option<(Stamp, Stamp)>,
    points: u64,
    series: usize,
    blocks: usize,
    /// How often it was emptied: what was begun before must not go on.
    epoch: u64,
    /// Whether it has given blocks back since it was last emptied.
    released: bool,
    /// Series that [`Head::clear`] has gone through.
    cleared: u32,
}

impl Head {
    /// Bytes of a series without its blocks; there from [`Head::admit`] on and not part of [`Head::bytes`].
    pub const TAIL_BYTES: usize = size_of::<Tail>() + size_of::<Chain>();

    /// An empty generation.
    pub fn new(options: Options) -> Head {
        Head {
            options,
            tails: Tails::default(),
            reads: Reads::default(),
            kept: RoaringBitmap::new(),
            before_order: HashMap::new(),
            texts: Vec::new(),
            text_bytes: 0,
            windows: BTreeMap::new(),
            stamps: None,
            points: 0,
            series: 0,
            blocks: 0,
            epoch: 0,
            released: false,
            cleared: 0,
        }
    }

    /// Make room for the series up to `id`.
    pub fn admit(&mut self, id: SeriesId) {
        self.tails.admit(id);
    }

    /// Ask for the memory that the next point of `id` will touch first.
    #[inline]
    pub fn prefetch_tail(&self, id: SeriesId) {
        if let Some(tail) = self.tails.get(id) {
            simd::prefetch(tail);
        }
    }

    /// The number of the read that arrived at `stamp`, for [`Head::append`]. Stamps do not fall.
    #[inline]
    pub fn read_number(&mut self, stamp: Stamp) -> u32 {
        let first = self.stamps.map_or(stamp, |(first, _)| first);
        self.stamps = Some((first, stamp));
        if self.options.ordered || !self.kept.is_empty() {
            self.reads.number(stamp)
        } else {
            0
        }
    }

    /// The series whose points know their reads, while it has no points.
    pub fn set_kept(&mut self, kept: &RoaringBitmap) {
        self.kept.clone_from(kept);
    }

    /// From now on the points of a series know their reads; those that are there count as arrived before
    /// the last one. The number of the last read has to be asked for again.
    pub fn keep_order(&mut self, id: SeriesId) {
        if self.options.ordered || !self.kept.insert(id.0) || self.number(id).is_none() {
            return;
        }
        let (first, last) = self.stamps.unwrap_or_default();
        let before = last.0.saturating_sub(1).max(first.0);
        self.before_order.insert(id, before);
        let tail = self.tails.of(id);
        tail.ordered = true;
        // The next point begins another block.
        tail.quick_until = tail::NEVER;
    }

    /// Add one point, if it simply continues its series, as nearly all do. Gives the number of the series
    /// and the token. `None` says nothing: ask [`Head::append`].
    #[inline(always)]
    pub fn append_quickly(
        &mut self,
        pool: &mut Pool,
        id: SeriesId,
        time: Millis,
        read: u32,
        value: Number,
    ) -> Option<(u32, Short)> {
        let tail = self.tails.of(id);
        if time.0 != tail.expected || tail.quick_until <= time.0 {
            return None;
        }
        let mut last = tail.last();
        let token = Short::new(&mut last, value)?;
        let (bytes, len) = if tail.ordered {
            behind_read(read.wrapping_sub(tail.read), token)
        } else {
            (token.word, token.len)
        };
        let at = usize::from(tail.position);
        if pool::PAYLOAD < at + len || 8 < len {
            return None;
        }
        if !tail.put(pool, bytes, len) {
            return None;
        }
        tail.set_last(last);
        tail.read = read;
        tail.count += 1;
        tail.expected += i64::from(tail.step);
        self.points += 1;
        Some((tail.number, token))
    }

    /// Add one point. `numbers` gives the number of each series in the book, and is looked at with the
    /// first point of a series; `read` is the last that [`Head::read_number`] gave.
    ///
    /// # Errors
    /// [`Full`]: there is no room, and nothing has changed.
    #[inline]
    pub fn append(
        &mut self,
        pool: &mut Pool,
        id: SeriesId,
        numbers: &[u32],
        time: Millis,
        read: u32,
        value: Number,
    ) -> Result<Entry, Full> {
        match self.append_quickly(pool, id, time, read, value) {
            Some((number, short)) => Ok(Entry {
                number,
                token: short.into(),
            }),
            None => self.append_slowly(pool, id, numbers, time.0, read, value),
        }
    }

    /// Give the blocks of `id` back, once its points are safe elsewhere. From then on the generation
    /// takes no points until [`Head::clear`] has ended; what its windows and counters say stays so long.
    pub fn release(&mut self, pool: &mut Pool, id: SeriesId) {
        if self.number(id).is_none() {
            return;
        }
        self.released = true;
        let series = self.tails.series(id);
        let blocks = series.chain.blocks as usize;
        pool.give_back(series.chain.first, series.tail.block, blocks);
        self.blocks -= blocks;
        self.series -= 1;
        self.tails.set(id, &BLANK);
        if !self.before_order.is_empty() {
            self.before_order.remove(&id);
        }
    }

    /// Empty it: a slice of about `budget` series, taken from it. True when nothing is left and all is
    /// as in a new generation, but for the room for series.
    pub fn clear(&mut self, pool: &mut Pool, budget: &mut usize) -> bool {
        while self.series > 0 {
            if *budget == 0 {
                return false;
            }
            *budget -= 1;
            self.release(pool, SeriesId(self.cleared));
            self.cleared = (self.cleared + 1) % self.tails.ids_end().max(1);
        }
        self.reads.clear();
        self.before_order.clear();
        self.clear_texts(pool);
        self.windows.clear();
        self.stamps = None;
        self.points = 0;
        self.released = false;
        self.cleared = 0;
        self.epoch += 1;
        true
    }

    /// Whether it has taken no point since it was last emptied.
    pub fn is_empty(&self) -> bool {
        self.points == 0
    }

    /// Points that it took since it was last emptied.
    pub fn points(&self) -> u64 {
        self.points
    }

    /// Series that have points in it.
    pub fn series(&self) -> usize {
        self.series
    }

    /// Ids below this may have points in it.
    pub fn ids_end(&self) -> u32 {
        self.tails.ids_end()
    }

    /// The number in the book of a series that has points in it.
    pub fn number(&self, id: SeriesId) -> Option<u32> {
        let tail = self.tails.get(id)?;
        (!tail.is_blank()).then_some(tail.number)
    }

    /// Number in the book of a series that has points in it, and what its next value is told from.
    pub fn last(&self, id: SeriesId) -> Option<(u32, Last)> {
        let tail = self.tails.get(id).filter(|tail| !tail.is_blank())?;
        Some((tail.number, tail.last()))
    }

    /// Bytes of its blocks, of its texts and of the stamps of its reads.
    pub fn bytes(&self) -> usize {
        self.blocks * Pool::BLOCK_BYTES + self.text_bytes + self.reads.bytes()
    }

    /// Stamps of the first and the last read, if there was one.
    pub fn stamps(&self) -> Option<(Stamp, Stamp)> {
        self.stamps
    }

    /// Where a point of a generation without order counts as arrived that came so many points before the
    /// last of its series.
    fn stamp_before(&self, points: usize) -> u64 {
        let (first, last) = self.stamps.unwrap_or_default();
        last.0.saturating_sub(points as u64).max(first.0)
    }

    /// Start of each window that has points, in order, and about how many.
    pub fn windows(&self) -> impl Iterator<Item = (Millis, u64)> {
        let counted: u64 = self.windows.values().sum();
        // The points of the open blocks are not counted yet; they are spread like the others.
        let all = self.points as f64 / counted.max(1) as f64;
        self.windows
            .iter()
            .map(move |(&start, &count)| (Millis(start), (count as f64 * all) as u64))
    }
}

/// The first bytes of a point that is `reads` after the one before it, and how many it has.
#[inline(always)]
fn behind_read(reads: u32, token: Short) -> (u64, usize) {
    let (lead, len) = varint::short(u64::from(reads)).unwrap_or((0, 8));
    let rest = token.word.checked_shr(8 * len as u32).unwrap_or(0);
    (lead | rest, len + token.len)
}
