//! The newest times that files hold of a series, where they are evenly spaced: kept, because each question
//! about the series needs them and they change only with the files.
//!
//! Limits: [`TAILS_MAX`] series; one more and all are forgotten, to be learned anew. Twin: the
//! [`NewestReading`](super::newest::NewestReading) that they are learned from.

use std::collections::HashMap;

use super::Store;
use crate::base::hash::Numbers;
use crate::base::time::Millis;
use crate::model::series::SeriesId;

/// Series whose times are kept: about 8 MiB.
const TAILS_MAX: usize = 1 << 18;

/// Times from `last_ms` back, `gap_ms` apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tail {
    last_ms: i64,
    gap_ms: u32,
    count: u32,
}

/// By series, for the files that are listed now.
#[derive(Default)]
pub(super) struct Tails(HashMap<SeriesId, Tail, Numbers>);

impl Tails {
    /// Other files are listed.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }
}

impl Store {
    /// How far apart the `most` newest times of a series lie, all equally far, of which memory has none.
    pub fn newest_gap_ms(&self, id: SeriesId, most: usize) -> Option<u64> {
        let tail = self.tails.0.get(&id)?;
        (most <= tail.count as usize).then(|| tail.gap_ms.into())
    }

    /// Fill up `times`, which are those of memory, newest first, to the `most` newest that there are of the
    /// series. False, and nothing is done, where that is not known.
    pub fn fill_times(&self, id: SeriesId, most: usize, times: &mut Vec<i64>) -> bool {
        let Some(tail) = self
            .tails
            .0
            .get(&id)
            .filter(|_| self.are_behind_files(times))
        else {
            return false;
        };
        let missing = most.saturating_sub(times.len());
        if (tail.count as usize) < missing {
            return false;
        }
        let (last, gap) = (tail.last_ms, i64::from(tail.gap_ms));
        times.extend((0..missing as i64).map(|i| last - gap * i));
        true
    }

    /// Keep what was found: the `most` newest times of a series, of which the first `in_memory` are those of
    /// memory.
    pub(super) fn keep_times(
        &mut self,
        id: SeriesId,
        most: usize,
        in_memory: usize,
        times: &[i64],
    ) {
        let (Some((recent, _)), Some((memory, files))) =
            (self.recent_files(), times.split_at_checked(in_memory))
        else {
            return;
        };
        // Fewer say that older windows were looked at too, as far back as that question reached.
        let is_all = times.len() == most && times.last().is_some_and(|&oldest| recent.0 <= oldest);
        let gap = |pair: &[i64]| pair[0].checked_sub(pair[1]);
        let Some(first) = files.windows(2).next().and_then(gap) else {
            return;
        };
        let is_even = files.windows(2).all(|pair| gap(pair) == Some(first));
        let (Some(&last_ms), Ok(gap_ms)) = (files.first(), u32::try_from(first)) else {
            return;
        };
        if !is_all || !is_even || !self.are_behind_files(memory) {
            return;
        }
        if TAILS_MAX <= self.tails.0.len() {
            self.tails.forget();
        }
        let tail = Tail {
            last_ms,
            gap_ms,
            count: files.len() as u32,
        };
        self.tails.0.insert(id, tail);
    }

    /// Whether times, newest first, are newer than all that files hold of any series.
    fn are_behind_files(&self, times: &[i64]) -> bool {
        let last = self.recent_files().map_or(Millis::MIN, |(_, last)| last);
        times.last().is_none_or(|&oldest| last.0 < oldest)
    }
}
