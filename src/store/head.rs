//! The head: recent points of every series, in memory, bounded in bytes.
use crate::base::time::Millis;
use crate::model::{points::Points, series::SeriesId};

/// Recent points of one shard's series.
#[derive(Default)]
pub struct Head {}

impl Head {
    /// Append to `out` the points of `id` with `from <= time <= until`, sorted by (time, stamp),
    /// duplicates not yet settled.
    pub fn read(&self, _id: SeriesId, _from: Millis, _until: Millis, _out: &mut Points) {}

    /// Append to `out` up to `n` of the newest distinct timestamps of `id` (milliseconds), newest first.
    pub fn newest_times(&self, _id: SeriesId, _n: usize, _out: &mut Vec<i64>) {}
}
