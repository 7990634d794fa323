//! Points go into buckets as they come: the first one that is left opens the bucket that it lies in, and
//! those behind it are in the same one until one comes that is not before its end. So where points come
//! latest first, all are in the bucket of the latest.

use std::ops::Range as Stretch;

use crate::query::breath::CHUNK;
use crate::query::kairos::aggregator::Range;
use crate::query::kairos::buckets::{Bucket, Buckets};
use crate::query::kairos::context::Context;
use crate::query::kairos::error::KairosError;
use crate::query::kairos::stream::{Point, Value};

/// The time of a result where its aggregator aligns it with no end of its bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::query::kairos) enum Stamp {
    /// That of the first point.
    First,
    /// That of the last point.
    Last,
}

impl Stamp {
    /// The time of the result of a bucket, whose points are at these times.
    pub(in crate::query::kairos) fn of(
        self,
        range: &Range,
        bucket: Bucket,
        (first, last): (i64, i64),
    ) -> i64 {
        if range.align_start_time {
            bucket.begin
        } else if range.align_end_time {
            bucket.end
        } else if self == Stamp::First {
            first
        } else {
            last
        }
    }
}

/// What the points of a bucket come to.
pub(super) trait Fold {
    /// Take points in, in their order.
    ///
    /// # Errors
    /// One of them is null, and that is no value here.
    fn add(&mut self, points: &[Point]) -> Result<(), KairosError>;

    /// What they come to. The next points are those of another bucket.
    fn finish(&mut self) -> Value;
}

/// A way through the buckets of a stream.
pub(super) struct Runs<'a> {
    buckets: &'a Buckets,
    /// The next point.
    at: usize,
    /// Where the open bucket ends; `None` behind its last point.
    end: Option<i64>,
    /// Whether no point of it was taken yet.
    fresh: bool,
}

impl<'a> Runs<'a> {
    pub(super) fn new(buckets: &'a Buckets) -> Runs<'a> {
        Runs {
            buckets,
            at: 0,
            end: None,
            fresh: false,
        }
    }

    /// What it costs to open a bucket, in values.
    pub(super) fn work(&self) -> usize {
        self.buckets.work()
    }

    /// The bucket of the next point; `None` if no point is left.
    #[inline]
    pub(super) fn open(&mut self, points: &[Point]) -> Option<Bucket> {
        let bucket = self.buckets.of(points.get(self.at)?.time);
        self.end = Some(bucket.end);
        self.fresh = true;
        Some(bucket)
    }

    /// The time of the next point.
    pub(super) fn next_time(&self, points: &[Point]) -> Option<i64> {
        points.get(self.at).map(|point| point.time)
    }

    /// A bucket is open that the next point is in, and that ends there.
    pub(super) fn open_until(&mut self, end: i64) {
        self.end = Some(end);
        self.fresh = true;
    }

    /// Some more points of that bucket, [`CHUNK`] at most; `None` behind the last.
    #[inline]
    pub(super) fn more(&mut self, points: &[Point]) -> Option<Stretch<usize>> {
        let end = self.end?;
        // The first point is in its bucket, whatever its end.
        let first = usize::from(std::mem::take(&mut self.fresh));
        let rest = points.get(self.at + first..).unwrap_or_default();
        let seen = rest.get(..CHUNK - first).unwrap_or(rest);
        let inside = seen.iter().position(|point| end <= point.time);
        if inside.is_some() || seen.len() < CHUNK - first {
            self.end = None;
        }
        let begin = self.at;
        self.at += first + inside.unwrap_or(seen.len());
        (begin < self.at).then_some(begin..self.at)
    }
}

/// Each bucket becomes one point.
pub(super) async fn fold(
    points: &mut Vec<Point>,
    (range, stamp): (&Range, Stamp),
    mut fold: impl Fold,
    context: &Context<'_>,
) -> Result<(), KairosError> {
    if points.is_empty() {
        return Ok(());
    }
    let buckets = Buckets::new(range, context.start)?;
    let mut runs = Runs::new(&buckets);
    let mut kept = 0;
    while let Some(bucket) = runs.open(points) {
        let (mut first, mut last) = (None, 0);
        while let Some(stretch) = runs.more(points) {
            let some = &points[stretch];
            fold.add(some)?;
            if let [begin, ..] = some {
                first = first.or(Some(begin.time));
            }
            if let [.., end] = some {
                last = end.time;
            }
            context.pace.did(some.len() / 4 + runs.work()).await?;
        }
        let time = stamp.of(range, bucket, (first.unwrap_or(last), last));
        let value = fold.finish();
        points[kept] = Point { time, value };
        kept += 1;
    }
    shrunk(points, kept);
    Ok(())
}

/// Only the first `kept` points are left: memory that is not needed any more goes back.
pub(super) fn shrunk(points: &mut Vec<Point>, kept: usize) {
    points.truncate(kept);
    if kept < points.capacity() / 2 {
        points.shrink_to_fit();
    }
}
