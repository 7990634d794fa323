//! What a store can tell of its points: pieces that readings are made of.

use std::rc::Rc;
use std::sync::Arc;

use super::catalog::Catalog;
use super::changes::Mark;
use super::generation::{Ahead, Evens, SERIES_AHEAD};
use super::info::SegmentInfo;
use super::manifest::Version;
use super::shelf::Got;
use super::{RECENT_WINDOWS, Store, generation, owner, segment};
use crate::base::time::Millis;
use crate::model::points::Points;
use crate::model::series::{Properties, SeriesId};

impl Store {
    /// What the manifest lists.
    pub fn version(&self) -> &Arc<Version> {
        &self.version
    }

    /// Numbers of series, here and in the files.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// A moment, for [`Store::unchanged_until`].
    pub fn mark(&mut self) -> Mark {
        self.changes.mark()
    }

    /// Up to where, from `from` on and at most to `until`, no point of any series has come or gone since
    /// `mark`, but for those of series that [expire](Store::expires).
    pub fn unchanged_until(&self, mark: Mark, from: Millis, until: Millis) -> Millis {
        self.changes.unchanged_until(mark, from, until)
    }

    /// Whether the points of a series leave by themselves.
    pub fn expires(&self, id: SeriesId) -> bool {
        self.series(id).ttl_seconds != 0
    }

    /// A version takes over in which points may be gone that are still there in this one.
    pub(super) fn note_departed(&mut self, next: &Version) {
        let has_left = next.departures().are_more_than(self.version.departures());
        if has_left || self.version.tombstones().next() != next.tombstones().next() {
            self.changes.note_all();
        }
    }

    pub(super) fn read_head(
        &self,
        generation: u64,
        reading: &mut generation::Reading,
        budget: &mut usize,
        out: &mut Points,
    ) -> bool {
        let all = self.frozen.iter().chain([&self.open]);
        match all.into_iter().find(|held| held.number == generation) {
            Some(held) => reading.step(&self.pool, &held.head, budget, out),
            None => true,
        }
    }

    pub(super) fn read_head_evenly(
        &self,
        generation: u64,
        reading: &mut generation::Reading,
        budget: &mut usize,
        (out, ahead): (&mut Evens, &mut Ahead),
    ) -> bool {
        let all = self.frozen.iter().chain([&self.open]);
        match all.into_iter().find(|held| held.number == generation) {
            Some(held) => reading.step_evenly((&self.pool, &held.head), budget, out, ahead),
            None => true,
        }
    }

    /// Append to `out` up to `n` of the newest distinct times of `id` that memory holds, newest first.
    pub fn newest_times(&self, id: SeriesId, n: usize, out: &mut Vec<i64>) {
        for held in self.generations() {
            if !held.head.is_empty() && held.head.number(id).is_some() {
                held.head.newest_times(&self.pool, id, n, out);
            }
        }
        out.sort_unstable_by(|a, b| b.cmp(a));
        out.dedup();
        out.truncate(n);
    }

    /// How far apart the `n` newest times of `id` lie, all equally far, where memory has all of them and can
    /// tell without a look at each.
    pub fn newest_gap_in_memory_ms(&self, id: SeriesId, n: usize) -> Option<u64> {
        let all = self.generations().map(|held| &held.head);
        let mut having = all.filter(|head| !head.is_empty() && head.number(id).is_some());
        let mut newest = having.next()?;
        let mut before = self.recent_files().map(|(_, last)| last.0);
        for next in having {
            let older = std::mem::replace(&mut newest, next);
            before = before.max(Some(older.newest_in_order(id)?));
        }
        let (oldest, gap_ms) = newest.newest_evenly(&self.pool, id, n)?;
        before
            .is_none_or(|before| before < oldest)
            .then_some(gap_ms)
    }

    /// Ask for the memory that readings of the series which come next, from this time on, will touch.
    pub(super) fn head_ahead(
        &self,
        next: &[Option<SeriesId>; SERIES_AHEAD],
        from: Millis,
        ahead: &mut Ahead,
    ) {
        let all = self.generations().map(|held| &held.head);
        let all = all.filter(|head| !head.is_empty());
        ahead.begin(&self.pool, all, next, from);
    }

    /// The latest time that a point may have, given that memory has none of its series after `in_head`.
    pub fn newest_ms(&self, in_head: Option<i64>) -> Option<i64> {
        let in_files = self.recent_files().map(|(_, last)| last.0);
        in_head.into_iter().chain(in_files).max()
    }

    pub(super) fn note_recent(&mut self) {
        self.tails.forget();
        let mut starts: Vec<i64> = Vec::new();
        let mut last = None;
        for &book in &self.books {
            for info in self.version.segments(book, i64::MIN, i64::MAX) {
                starts.push(info.window_start_ms);
                last = last.max(Some(info.last_ms));
            }
        }
        starts.sort_unstable();
        starts.dedup();
        let from = starts.get(starts.len().saturating_sub(RECENT_WINDOWS));
        self.recent = from
            .zip(last)
            .map(|(&from, last)| (Millis(from), Millis(last)));
    }

    /// The last two windows that files of this shard have points of: from where, and the last of all.
    pub fn recent_files(&self) -> Option<(Millis, Millis)> {
        self.recent
    }

    pub(super) fn index_of(&mut self, info: &SegmentInfo) -> Got<Rc<segment::Index>> {
        self.shelf.index(info, &mut self.jobs.desk(owner::SHELF))
    }

    pub(super) fn page_of(
        &mut self,
        info: &SegmentInfo,
        entry: &segment::Entry,
    ) -> Got<Rc<segment::Page<Vec<u8>>>> {
        self.shelf
            .page(info, entry, &mut self.jobs.desk(owner::SHELF))
    }

    pub(super) fn page_if_here(
        &mut self,
        info: &SegmentInfo,
        entry: &segment::Entry,
    ) -> Option<Rc<segment::Page<Vec<u8>>>> {
        self.shelf.page_if_here(info, entry)
    }

    pub(super) fn series(&self, id: SeriesId) -> Properties {
        self.properties.get(id)
    }
}
