//! The generations of a shard's head: one that takes points, and those before it that are on their way
//! into files.

use std::rc::Rc;

use super::generation::{self, Head, Reading};
use super::{FIRST_LIVE, LOG_BYTES_A_SERIES, LOG_BYTES_WORTH, Store, head_options};
use crate::base::time::{Millis, Stamp};
use crate::model::series::{SeriesId, Values};

/// How far a generation is on its way into files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nobody has begun to write it, or it takes points still.
    Held,
    /// Its files are listed: no new reading looks at it, and it goes as soon as the old ones have ended.
    Listed,
}

/// One generation.
pub(super) struct Generation {
    pub(super) number: u64,
    pub(super) head: Head,
    pub(super) fate: Fate,
    /// The log from this block on is not about it; known once it is frozen.
    pub(super) floor: u64,
    /// Whose log it is in.
    pub(super) log: u32,
    /// Before which no arrival is in it: the last of the one before.
    pub(super) after: Stamp,
    holds: Rc<()>,
}

impl Generation {
    pub(super) fn new(number: u64, log: u32, head: Head, after: Stamp) -> Generation {
        Generation {
            number,
            head,
            fate: Fate::Held,
            floor: 0,
            log,
            after,
            holds: Rc::default(),
        }
    }

    /// A hold on it: it stays as it is until this is dropped.
    pub(super) fn hold(&self) -> Rc<()> {
        Rc::clone(&self.holds)
    }

    /// Whether a reading holds it.
    pub(super) fn is_held(&self) -> bool {
        1 < Rc::strong_count(&self.holds)
    }

    /// Where its points count as arrived that do not know better.
    pub(super) fn stamp(&self) -> Stamp {
        self.head.stamps().map_or(self.after, |(_, last)| last)
    }

    /// Begin to read what arrived at this stamp or later.
    pub(super) fn reading(
        &self,
        id: SeriesId,
        (from, until): (Millis, Millis),
        values: Values,
        expired_below: u64,
    ) -> Reading {
        Reading::new(id, from, until, values).without_expired(expired_below)
    }
}

impl Store {
    pub(super) fn should_freeze(&self) -> bool {
        let head = &self.open.head;
        if head.is_empty() {
            return false;
        }
        if self.open.number <= self.seal_through {
            return true;
        }
        let first = head.stamps().map_or(0, |(first, _)| first.0);
        let old = self.options.seal_micros <= self.now.stamp.0.saturating_sub(first);
        let large = self.options.seal_bytes <= head.bytes();
        let long = self.log_bytes_worth() <= self.log.counters().bytes_written - self.log_cut_at;
        self.frozen.is_empty() && (old || large || long)
    }

    /// Bytes of log at which the open generation is sealed, so that its files of log can be used again:
    /// enough that its series have some points each, which pack well.
    pub(super) fn log_bytes_worth(&self) -> u64 {
        let series = self.open.head.series() as u64;
        let worth = (series * LOG_BYTES_A_SERIES).max(LOG_BYTES_WORTH);
        worth.min(self.options.log_bytes_max)
    }

    /// The open generation takes no more points.
    pub(super) fn freeze(&mut self) {
        let floor = self.log.cut();
        self.log_cut_at = self.log.counters().bytes_written;
        let after = self.open.stamp();
        let mut head = self
            .spare
            .pop()
            .unwrap_or_else(|| Head::new(head_options(&self.options, self.ordered)));
        head.set_kept(&self.kept);
        let log = self.open.log;
        let mut next = Generation::new(self.next_generation, log, head, after);
        self.next_generation += 1;
        std::mem::swap(&mut self.open, &mut next);
        next.floor = floor;
        self.frozen.push_back(next);
    }

    /// Seal everything that was taken so far and, if `merge`, merge the files of each window as if it were
    /// quiet.
    pub fn settle(&mut self, merge: bool) {
        // What comes after this is for the next time.
        let empty = u64::from(self.open.head.is_empty());
        self.seal_through = self.seal_through.max(self.open.number - empty);
        self.merge_all |= merge;
        // There may be room again.
        self.found_no_room = false;
        self.retry_at = Stamp(0);
        self.looks_for_merges |= merge;
        if self.should_freeze() {
            self.freeze();
        }
    }

    /// Whether everything that was to be settled is, and nothing is being written.
    pub fn is_settled(&self) -> bool {
        let sealed = self
            .frozen
            .iter()
            .all(|frozen| self.seal_through < frozen.number)
            && (self.open.head.is_empty() || self.seal_through < self.open.number);
        sealed && self.seal.is_none() && self.compaction.is_none() && !self.merge_all
    }

    /// Whether the disk has no room for what is to be sealed: it is tried again, but nobody should wait.
    pub fn has_no_room(&self) -> bool {
        self.found_no_room
    }

    pub(super) fn frozen_generation(&self, number: u64) -> Option<&Generation> {
        self.frozen.iter().find(|frozen| frozen.number == number)
    }

    /// An empty generation for points of the log `log`.
    pub(super) fn new_replayed(&mut self, log: u32) -> Generation {
        // It was one generation before, however many windows one may have now.
        let mut head = Head::new(generation::Options {
            windows_max: usize::MAX,
            ..head_options(&self.options, self.ordered)
        });
        head.set_kept(&self.kept);
        self.replayed += 1;
        Generation::new(self.replayed, log, head, Stamp(0))
    }

    /// A generation of the log is here again, as old as its points.
    pub(super) fn add_replayed(&mut self, generation: Generation) {
        let live = self
            .frozen
            .iter()
            .position(|frozen| FIRST_LIVE <= frozen.number);
        self.frozen
            .insert(live.unwrap_or(self.frozen.len()), generation);
    }

    /// The generations that no file has, the oldest first.
    pub(super) fn generations(&self) -> impl Iterator<Item = &Generation> + Clone {
        let held = self
            .frozen
            .iter()
            .filter(|frozen| frozen.fate == Fate::Held);
        held.chain([&self.open])
    }
}
