//! Deletes: a tombstone masks the points of some series, in a range of time, that arrived before it.
//!
//! Takes what was deleted, and points on their way to a reader or into a merged file; takes away those
//! that are masked. Points that arrive later in the same range stand.
//!
//! A point without a stamp of its own counts as arrived with the last one of its file. So whoever makes
//! a tombstone first freezes the head of every shard, and takes the stamp after that: then each file
//! lies wholly before or behind it. A merge of files from before and behind masks while it rewrites, so
//! that what is left counts as arrived behind; the manifest refuses one that did not.
//!
//! Limits: [`TOMBSTONES_MAX`] at a time, [`SERIES_MAX`] series in one. Does not know where points are.

mod list;
#[cfg(test)]
mod tests;

pub use list::Tombstones;

use crate::model::points::Points;
use crate::model::series::{Identity, TenantId};

use super::stretch::{Column, Stretch};

/// Tombstones at a time.
pub const TOMBSTONES_MAX: usize = 10_000;
/// Series in one tombstone.
pub const SERIES_MAX: usize = 10_000;

/// Which series of its tenant a tombstone masks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// These.
    Series(Vec<Identity>),
    /// All of a metric, whatever their tags; those yet to come have only points behind it.
    Metric(String),
}

/// One delete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tombstone {
    /// Whose series.
    pub tenant: TenantId,
    /// Which of them.
    pub target: Target,
    /// First millisecond that it masks.
    pub from_ms: i64,
    /// Last millisecond that it masks.
    pub to_ms: i64,
    /// Arrivals with a stamp below are masked.
    pub stamp: u64,
}

/// A range that is masked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// First millisecond.
    pub from_ms: i64,
    /// Last millisecond.
    pub to_ms: i64,
    /// Arrivals with a stamp below.
    pub stamp: u64,
}

/// What is masked of one series. Usually nothing, which costs nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mask {
    spans: Vec<Span>,
    /// See [`Mask::expire`].
    expired_below: u64,
}

impl Mask {
    /// Whether nothing is masked.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty() && self.expired_below == 0
    }

    /// Mask what arrived before this stamp besides, as its time is over. Only for a series with a ttl, whose
    /// points have stamps of their own wherever they are.
    pub fn expire(&mut self, below: u64) {
        self.expired_below = self.expired_below.max(below);
    }

    /// The stamp below which points have expired. Who reads them leaves them out, a few at a time;
    /// [`Mask::apply`] does not look for them.
    pub fn expired_below(&self) -> u64 {
        self.expired_below
    }

    /// The ranges, in no order.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// Whether it can touch points of these times, of a file whose first arrival has this stamp.
    pub fn touches(&self, first_ms: i64, last_ms: i64, first_stamp: u64) -> bool {
        let touches = |span: &Span| {
            span.from_ms <= last_ms && first_ms <= span.to_ms && first_stamp < span.stamp
        };
        self.spans.iter().any(touches)
    }

    /// Whether a point stands.
    pub fn keeps(&self, time_ms: i64, stamp: u64) -> bool {
        let masks =
            |span: &Span| (span.from_ms..=span.to_ms).contains(&time_ms) && stamp < span.stamp;
        !self.spans.iter().any(masks)
    }

    /// Take the masked ones away from sorted points.
    pub fn apply(&self, points: &mut Points) {
        for span in &self.spans {
            let Some(gone) = Gone::new(span, &points.times, |i| points.stamps[i]) else {
                continue;
            };
            gone.leave(&mut points.times);
            gone.leave(&mut points.stamps);
            gone.leave(&mut points.values);
        }
    }

    /// Take the masked ones away from a stretch. Without an order column its points count as arrived at
    /// `last_stamp`.
    pub fn apply_to_stretch(&self, stretch: &mut Stretch, last_stamp: u64) {
        for span in &self.spans {
            let stamps = &stretch.stamps;
            let stamp_of = |i: usize| stamps.get(i).copied().unwrap_or(last_stamp);
            let Some(gone) = Gone::new(span, &stretch.times, stamp_of) else {
                continue;
            };
            gone.leave(&mut stretch.times);
            if !stretch.stamps.is_empty() {
                gone.leave(&mut stretch.stamps);
            }
            match &mut stretch.values {
                Column::Decimal { mantissas, .. } => gone.leave(mantissas),
                Column::Float(values) => gone.leave(values),
                Column::Long(values) => gone.leave(values),
                Column::Text(values) => gone.leave(values),
            }
        }
    }
}

/// Which places of a column a span takes.
struct Gone {
    /// The first place that it can take.
    first: usize,
    /// Whether it takes that one and those behind it.
    taken: Vec<bool>,
}

impl Gone {
    /// `None` where it takes none.
    fn new(span: &Span, times: &[i64], stamp_of: impl Fn(usize) -> u64) -> Option<Gone> {
        let first = times.partition_point(|&time| time < span.from_ms);
        let end = times.partition_point(|&time| time <= span.to_ms);
        let taken: Vec<bool> = (first..end).map(|i| stamp_of(i) < span.stamp).collect();
        taken.contains(&true).then_some(Gone { first, taken })
    }

    fn leave<T>(&self, column: &mut Vec<T>) {
        let mut at = 0;
        column.retain(|_| {
            let place: usize = at;
            at += 1;
            let taken = |place: usize| self.taken.get(place).copied().unwrap_or(false);
            !place.checked_sub(self.first).is_some_and(taken)
        });
    }
}
