//! What a store does in the background, in slices: frozen generations become files, and their memory is given
//! back.

use super::generations::{Fate, Generation};
use super::manifest::Edit;
use super::seal::{self, Seal};
use super::{FIRST_LIVE, RELEASED_AT_ONCE, RETRY_MICROS, SLICE_POINTS, SPARE_MAX, Store, segment};
use crate::base::time::{Millis, Stamp};
use crate::seam::disk::Fault;

impl Store {
    /// Do a slice of what has to be done in the background, about 100 µs. False if there is nothing, or
    /// the disk has to do something first.
    pub fn work(&mut self) -> bool {
        self.release_listed() || self.work_on_seal() || self.work_on_compaction()
    }

    /// Give back the memory of generations whose files are listed and that nobody reads any more.
    pub(super) fn release_listed(&mut self) -> bool {
        let free = |frozen: &Generation| frozen.fate == Fate::Listed && !frozen.is_held();
        let Some(at) = self.frozen.iter().position(free) else {
            return false;
        };
        let mut budget = RELEASED_AT_ONCE;
        if self.frozen[at].head.clear(&mut self.pool, &mut budget)
            && let Some(done) = self.frozen.remove(at)
            && FIRST_LIVE <= done.number
            && self.spare.len() < SPARE_MAX
        {
            self.spare.push(done.head);
        }
        true
    }

    pub(super) fn work_on_seal(&mut self) -> bool {
        if self.seal.is_none() {
            let next = self.frozen.iter().find(|frozen| frozen.fate == Fate::Held);
            let ready = self.retry_at <= self.now.stamp && !self.files.is_low();
            // What came since the start is not sealed before all that came before it: the log is
            // given up from its start on.
            let first = FIRST_LIVE..;
            let early = |next: &Generation| first.contains(&next.number) && self.is_recovering();
            let Some(next) = next.filter(|next| ready && !early(next)) else {
                return false;
            };
            self.seal = Some(Seal::new(next));
        }
        let Some(mut seal) = self.seal.take() else {
            return false;
        };
        let step = seal.step(self, SLICE_POINTS);
        let more = match step {
            seal::Step::More => true,
            seal::Step::Waiting => false,
            seal::Step::Written => self.ask_to_list(&mut seal),
            seal::Step::Failed(fault) => {
                self.found_no_room |= fault == Fault::Full;
                self.trouble(format!("cannot seal: {fault}"));
                seal.remove(self);
                self.retry_at = Stamp(self.now.stamp.0 + RETRY_MICROS);
                return false;
            }
        };
        self.seal = Some(seal);
        more
    }

    /// The files are there: once the book has all their series, the manifest is asked to list them.
    pub(super) fn ask_to_list(&mut self, seal: &mut Seal) -> bool {
        let durable = self.book.durable();
        if durable.numbers < seal.numbers {
            self.poll_book(true);
            return false;
        }
        let Some(generation) = self.frozen_generation(seal.generation) else {
            return false;
        };
        let last = generation.stamp();
        let (log, floor) = (generation.log, generation.floor);
        // First: a crash between the two leaves the points in the log.
        self.ask_to_revive(&seal.revived, last);
        let edit = Edit::Seal {
            log,
            floor,
            book: self.catalog.book(),
            numbers: durable.numbers,
            book_bytes: durable.bytes,
            added: seal.infos.clone(),
        };
        self.edits.push_back(edit);
        seal.asked();
        true
    }

    pub(super) fn settle_seal(&mut self) {
        self.log
            .release(self.version.floor(self.place.shard as u32));
        let listed = self.seal.as_ref().is_some_and(|seal| {
            seal.is_asked()
                && self
                    .frozen_generation(seal.generation)
                    .is_some_and(|generation| {
                        generation.floor <= self.version.floor(generation.log)
                    })
        });
        let Some(seal) = self.seal.take_if(|_| listed) else {
            return;
        };
        self.found_no_room = false;
        let number = seal.generation;
        self.counts.sealed_bytes += seal.infos.iter().map(|info| info.bytes).sum::<u64>();
        if let Some(frozen) = self
            .frozen
            .iter_mut()
            .find(|frozen| frozen.number == number)
        {
            frozen.fate = Fate::Listed;
            let last = frozen.stamp();
            self.counts.sealed_points += frozen.head.points();
            self.forget_deleted(&seal.revived, last);
        }
    }

    pub(super) fn fail_seal(&mut self) {
        if let Some(seal) = self.seal.take() {
            seal.remove(self);
            self.retry_at = Stamp(self.now.stamp.0 + RETRY_MICROS);
        }
    }

    pub(super) fn about_file(&mut self, generation: u64, window: Millis) -> Option<segment::About> {
        let file = self.files.next()?;
        let frozen = self.frozen_generation(generation)?;
        let (first, last) = frozen.head.stamps()?;
        Some(segment::About {
            file,
            book: self.catalog.book(),
            level: 0,
            window_start_ms: window.0,
            window_ms: self.options.window.millis(),
            first_stamp: first.0,
            last_stamp: last.0,
            cell_step_ms: self.options.cell.millis(),
            ..segment::About::default()
        })
    }
}
