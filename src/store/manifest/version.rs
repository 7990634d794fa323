//! What is listed at one moment. A version never changes: who holds one keeps its files alive.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::layers::{Layers, Totals};
use crate::store::info::SegmentInfo;
use crate::store::tombstone::Tombstones;

/// A book, as far as it is on stable storage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BookInfo {
    /// All numbers below this that were given out are in the file.
    pub numbers: u32,
    /// Bytes of the file that hold them.
    pub bytes: u64,
}

/// What becomes of a file that is not listed any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is removed.
    Removed,
    /// It is damaged, and moved to the folder `quarantine`.
    Quarantined,
}

/// What a quarantine holds: a file, or one page of it by its offset.
pub type Place = (u64, Option<u64>);

/// How often since the start points have left that are in no other file.
#[derive(Clone, Copy, Debug, Default)]
pub struct Departures(u64);

impl Departures {
    pub(super) fn count(&mut self) {
        self.0 += 1;
    }

    /// Whether some have left since those of an earlier version.
    pub fn are_more_than(self, earlier: Departures) -> bool {
        earlier.0 < self.0
    }
}

impl PartialEq for Departures {
    /// No part of what is listed, and not written: always equal.
    fn eq(&self, _: &Departures) -> bool {
        true
    }
}

/// Everything that is listed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Version {
    pub(super) layers: Layers,
    pub(super) books: BTreeMap<u32, BookInfo>,
    pub(super) floors: BTreeMap<u32, u64>,
    pub(super) tombstones: Arc<Tombstones>,
    pub(super) quarantined: Arc<BTreeMap<Place, String>>,
    pub(super) leaving: Arc<BTreeMap<u64, Fate>>,
    pub(super) next_file: u64,
    pub(super) clock: u64,
    pub(super) departures: Departures,
}

impl Version {
    /// The segments of a book with points from `from_ms` to `to_ms`, both included: windows by their
    /// start, and within a window the earlier arrivals first.
    pub fn segments(
        &self,
        book: u32,
        from_ms: i64,
        to_ms: i64,
    ) -> impl Iterator<Item = &SegmentInfo> {
        self.layers.of(book, from_ms, to_ms)
    }

    /// All segments, by book, window and arrival.
    pub fn all_segments(&self) -> impl Iterator<Item = &SegmentInfo> + Clone {
        self.layers.iter()
    }

    /// Where the earliest window starts.
    pub fn earliest_ms(&self) -> Option<i64> {
        self.layers.earliest_ms()
    }

    /// How often points have left, since the start.
    pub fn departures(&self) -> Departures {
        self.departures
    }

    /// What all segments sum up to.
    pub fn totals(&self) -> Totals {
        self.layers.totals()
    }

    /// The books by number.
    pub fn books(&self) -> impl Iterator<Item = (u32, BookInfo)> {
        self.books.iter().map(|(&book, &info)| (book, info))
    }

    /// One book.
    pub fn book(&self, book: u32) -> Option<BookInfo> {
        self.books.get(&book).copied()
    }

    /// The first block of the log of that number that is still needed; 0 where nothing was sealed yet.
    pub fn floor(&self, log: u32) -> u64 {
        self.floors.get(&log).copied().unwrap_or(0)
    }

    /// The floors of all logs that have one.
    pub fn floors(&self) -> impl Iterator<Item = (u32, u64)> {
        self.floors.iter().map(|(&log, &floor)| (log, floor))
    }

    /// What is deleted but perhaps still in files.
    pub fn tombstones(&self) -> &Arc<Tombstones> {
        &self.tombstones
    }

    /// What was found damaged, and why. A page is that of a file that is listed otherwise.
    pub fn quarantined(&self) -> impl Iterator<Item = (Place, &str)> {
        self.quarantined
            .iter()
            .map(|(&place, reason)| (place, reason.as_str()))
    }

    /// Whether readers must step over the page of a file.
    pub fn is_quarantined(&self, file: u64, page: u64) -> bool {
        self.quarantined.contains_key(&(file, Some(page)))
    }

    /// Files that are not listed any more but perhaps still there, and what becomes of them.
    pub fn leaving(&self) -> impl Iterator<Item = (u64, Fate)> {
        self.leaving.iter().map(|(&file, &fate)| (file, fate))
    }

    /// Numbers of segment files below this may have been used.
    pub fn next_file(&self) -> u64 {
        self.next_file
    }

    /// The highest stamp known: the clock of arrivals starts above it.
    pub fn clock(&self) -> u64 {
        self.clock
    }
}

#[cfg(test)]
impl Version {
    /// One that lists these, for tests.
    pub(crate) fn of(infos: &[SegmentInfo]) -> Version {
        let mut version = Version::default();
        infos.iter().for_each(|&info| version.layers.add(info));
        version
    }
}
