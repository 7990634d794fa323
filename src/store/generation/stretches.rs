//! All points of a series for the sealer: one stretch after another, each of one window.
//!
//! Decodes block by block into columns that are used again from series to series; puts them in order
//! only where they are not; settles duplicates; cuts at the borders of windows. In slices. The
//! generation must be frozen: points that come between two slices may be missed.

use super::Head;
use super::columns::Columns;
use super::pool::{NONE, Pool};
use super::sorting::Sorting;
use super::tail::Series;
use super::unpack::Unpacked;
use crate::base::time::{Millis, Step};
use crate::model::points::Duplicates;
use crate::model::series::{SeriesId, Values};
use crate::simd;
use crate::store::stretch::{Column, Stretch};

/// What following the chain by one block costs, in points.
const WALK_COST: usize = 4;

/// What each series costs, in points: its tail is not in the cache.
const SERIES_COST: usize = 8;

/// Points of a series in order that are in columns at a time. One with more comes in parts, and only a
/// window with more than these comes as more than one stretch. A series that is not in order has all
/// its points in columns at a time, as many as the blocks of a generation hold.
pub const POINTS_AT_ONCE: usize = 1 << 18;

/// What came of a slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The points of the window that starts here; times ascend from stretch to stretch.
    Stretch(Millis),
    /// The budget is used up.
    Later,
    /// All points of the series were there.
    Done,
}

#[derive(Debug)]
enum Stage {
    /// From this block on they are to be decoded.
    Blocks(u32),
    Sorting(Box<Sorting>),
    /// In this order they are to be written; so many are.
    Ordering(Box<Sorting>, usize),
    /// The points up to `end` are ready, from `at` on; the rest of the series begins at this block.
    Ready {
        at: usize,
        end: usize,
        rest: u32,
    },
}

/// The points of one series at a time, as stretches.
#[derive(Debug)]
pub struct Stretches {
    id: SeriesId,
    values: Values,
    duplicates: Duplicates,
    stage: Stage,
    columns: Columns,
    /// What they become when they are put in order.
    ordered: Columns,
    unpacked: Box<Unpacked>,
}

impl Default for Stretches {
    fn default() -> Self {
        Stretches {
            id: SeriesId(u32::MAX),
            values: Values::Double,
            duplicates: Duplicates::Last,
            stage: Stage::Blocks(NONE),
            columns: Columns::default(),
            ordered: Columns::default(),
            unpacked: Box::default(),
        }
    }
}

impl Stretches {
    /// Begin with a series.
    pub fn begin(&mut self, head: &Head, id: SeriesId, values: Values, duplicates: Duplicates) {
        let first = head.tails.series(id).chain.first;
        (self.id, self.values, self.duplicates) = (id, values, duplicates);
        self.stage = Stage::Blocks(first);
        self.columns.clear();
    }

    /// Do a slice of about `budget` points, taken from it, or up to the next stretch, which is then in
    /// `out`; the memory of what was there is used again.
    pub fn next(
        &mut self,
        pool: &Pool,
        head: &Head,
        budget: &mut usize,
        out: &mut Stretch,
    ) -> Next {
        let series = &head.tails.series(self.id);
        loop {
            match &mut self.stage {
                &mut Stage::Ready { at, end, rest } if at < end => {
                    let ordered = series.tail.ordered;
                    return Next::Stretch(self.cut(head, ordered, (at, end, rest), budget, out));
                }
                &mut Stage::Ready { rest: NONE, .. } => {
                    *budget = budget.saturating_sub(SERIES_COST);
                    return Next::Done;
                }
                _ if *budget == 0 => return Next::Later,
                &mut Stage::Ready { end, rest, .. } => {
                    self.columns.drop_first(end);
                    self.stage = Stage::Blocks(rest);
                }
                &mut Stage::Blocks(number) => self.decode(pool, head, series, number, budget),
                Stage::Sorting(sorting) => {
                    if sorting.step(budget) {
                        let sorting = std::mem::take(sorting);
                        self.stage = Stage::Ordering(sorting, 0);
                    }
                }
                Stage::Ordering(..) => self.order(budget),
            }
        }
    }

    /// Decode blocks from this one on.
    fn decode(
        &mut self,
        pool: &Pool,
        head: &Head,
        series: &Series,
        mut number: u32,
        budget: &mut usize,
    ) {
        let before_order = head.before_order.get(&self.id).copied();
        while *budget > 0 {
            let Some(block) = pool.get(number) else {
                self.decoded(head, series, NONE);
                return;
            };
            if let Some(next) = pool.get(block.next) {
                simd::prefetch(&next.payload);
                simd::prefetch(&next.base_time);
            }
            self.unpacked.read(&series.tail, number, block);
            self.columns
                .extend(&self.unpacked, &head.reads, before_order);
            *budget = budget.saturating_sub(WALK_COST + self.unpacked.count);
            number = block.next;
            if !series.chain.disorder && POINTS_AT_ONCE <= self.columns.len() {
                self.decoded(head, series, number);
                return;
            }
        }
        self.stage = Stage::Blocks(number);
    }

    /// A series, or a part of it, is in columns.
    fn decoded(&mut self, head: &Head, series: &Series, rest: u32) {
        let window = head.options.window;
        let times = &self.columns.times;
        if series.chain.disorder {
            if !series.tail.ordered {
                let count = times.len();
                let stamps = (0..count).map(|i| head.stamp_before(count - 1 - i));
                self.columns.stamps.extend(stamps);
            }
            self.ordered.clear();
            self.stage = Stage::Sorting(Box::new(Sorting::new(times)));
            return;
        }
        let mut end = times.len();
        if rest != NONE
            && let Some(&last) = times.last()
        {
            // The last window may go on in the next part, unless it is a part of its own.
            let whole = start_of_last(times, window, last);
            end = if whole > 0 { whole } else { end };
        }
        self.stage = Stage::Ready { at: 0, end, rest };
    }

    /// Write a slice of the points in their order.
    fn order(&mut self, budget: &mut usize) {
        let Stage::Ordering(sorting, at) = &mut self.stage else {
            return;
        };
        let keys = sorting.keys();
        let end = keys.len().min(at.saturating_add(*budget));
        for i in *at..end {
            let (time, place) = keys[i];
            let again = keys.get(i + 1).is_some_and(|next| next.0 == time);
            if !again || self.duplicates == Duplicates::All {
                self.ordered.push(&self.columns, place as usize);
            }
        }
        *budget = budget.saturating_sub(end - *at);
        *at = end;
        if end == keys.len() {
            std::mem::swap(&mut self.columns, &mut self.ordered);
            self.stage = Stage::Ready {
                at: 0,
                end: self.columns.len(),
                rest: NONE,
            };
        }
    }

    /// The window of the `at`th point into `out`. Gives its start.
    fn cut(
        &mut self,
        head: &Head,
        ordered: bool,
        (at, end, rest): (usize, usize, u32),
        budget: &mut usize,
        out: &mut Stretch,
    ) -> Millis {
        let window = head.options.window;
        let columns = &mut self.columns;
        let start = window.floor(Millis(columns.times[at]));
        let inside = |&time: &i64| window.floor(Millis(time)) == start;
        let times = &columns.times[at..end];
        let count = match times.last() {
            Some(last) if inside(last) => times.len(),
            _ => times.partition_point(inside),
        };
        let range = at..at + count;
        out.duplicates = self.duplicates;
        match self.values {
            Values::Double => columns.take_values(range.clone(), &mut out.values),
            Values::Long => {
                out.values = Column::Long(columns.take_whole(range.clone(), &mut out.values));
            }
            Values::Text => {
                out.values = Column::Text(columns.texts(range.clone(), &head.texts));
            }
        }
        take(&mut columns.stamps, range.clone(), &mut out.stamps);
        if !ordered && out.stamps.is_sorted() {
            // In this window they came in the order of their times.
            out.stamps.clear();
        }
        take(&mut columns.times, range.clone(), &mut out.times);
        let (mut at, mut end) = (range.end, end);
        if columns.len() == 0 {
            // All points moved.
            columns.clear();
            (at, end) = (0, 0);
        }
        self.stage = Stage::Ready { at, end, rest };
        *budget = budget.saturating_sub(count);
        start
    }
}

/// `range` of `from` into `out`; all of it moves.
fn take<T: Copy>(from: &mut Vec<T>, range: std::ops::Range<usize>, out: &mut Vec<T>) {
    out.clear();
    if range == (0..from.len()) {
        std::mem::swap(from, out);
    } else if let Some(some) = from.get(range) {
        out.extend_from_slice(some);
    }
}

/// Place of the first time in the window of the last one; the times ascend.
fn start_of_last(times: &[i64], window: Step, last: i64) -> usize {
    let start = window.floor(Millis(last)).0;
    times.partition_point(|&time| time < start)
}
