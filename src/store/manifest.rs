//! What files there are: one manifest for the appliance, written by shard 0 only.
//!
//! Takes edits; gives versions, each visible only when it is on stable storage. An edit counts as a
//! whole or not at all. Readers hold a version while they read; files that left are given out for
//! removal when nobody holds a version that lists them ([`Manifest::removable`]).
//!
//! The file `manifest` is one of records ([`chained`]): the first is a whole version,
//! each further one the edits that came while the one before it was written. The file is filled with
//! zeros when it is made, so that edits need no room on the disk: a full disk can be helped by
//! retention, which is an edit. When the zeros come to their end, at every start and after a fault a
//! new file is written beside it and renamed over it. A file of which a write or a sync failed is never
//! written again.
//!
//! Limits: [`QUEUE_BYTES_MAX`] of edits that wait, and those of `state`: beyond them edits are refused.
//! Does not know what is in the files that it lists. `FORMAT.md` has the bytes.

mod change;
mod dump;
mod edit;
mod encode;
mod flight;
mod layers;
mod pins;
mod read;
mod snapshot;
mod state;
#[cfg(test)]
mod tests;
mod unlisted;
mod version;

pub use dump::dump;
pub use edit::{Edit, Refused};
pub use layers::{Totals, WINDOW_MS_MAX};
pub use read::ManifestError;
pub use snapshot::{Plan, plan};
pub use state::{BOOKS_MAX, LOGS_MAX, QUARANTINED_MAX, SEGMENTS_MAX, SERIES_ENTOMBED_MAX};
pub use unlisted::{UNFINISHED_BYTES_MAX, Unlisted, unlisted};
pub use version::{BookInfo, Fate, Place, Version};

use std::ops::Range;
use std::sync::Arc;

use super::chained::{self, Kind};
use crate::seam;
use crate::seam::disk::{BLOCK_BYTES, Desk, Fault, Job, Outcome};
use change::Change;
use flight::{Flight, OpenFile, Told};
use pins::Pins;
use state::State;

/// Its file, below the data folder.
pub const MANIFEST_FILE: &str = "manifest";
/// Edits that wait for the disk, in bytes.
pub const QUEUE_BYTES_MAX: usize = 16 << 20;
/// File numbers that are put aside with one edit.
const NUMBERS_AHEAD: u64 = 1024;

/// What the file starts with.
pub const MAGIC: [u8; 8] = *b"corelanM";

/// The kind of the file.
const KIND: Kind = Kind {
    magic: MAGIC,
    version: 1,
    // 1: logs may hold texts, definitions and segments a time to live.
    features: 1,
};

/// An edit that was taken. It counts when [`Manifest::is_committed`] says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EditTicket(u64);

/// A file that nobody reads any more: do with it what its fate says, then tell [`Manifest::gone`] or
/// [`Manifest::still_there`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaving {
    /// Number of the segment file.
    pub file: u64,
    /// What becomes of it.
    pub fate: Fate,
}

/// What the manifest did so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records written behind others.
    pub records: u64,
    /// Whole new files.
    pub files: u64,
    /// Faults of the disk.
    pub faults: u64,
    /// Edits refused.
    pub refused: u64,
}

/// The manifest of a running appliance.
#[derive(Debug)]
pub struct Manifest {
    /// What all edits taken so far sum up to.
    state: State,
    visible: Arc<Version>,
    pins: Pins,
    /// Changes that are on no record yet.
    queue: Vec<u8>,
    /// Whether they are worth a record: what is told of removed files can wait for the next.
    is_urgent: bool,
    /// The next file number to give out.
    next_number: u64,
    taken: u64,
    committed: u64,
    /// The file that records can be appended to.
    file: Option<OpenFile>,
    /// Whether a new file is wanted.
    wants_file: bool,
    flight: Option<Flight>,
    /// New files so far, for their names.
    attempts: u64,
    /// Files that were begun and failed.
    scrap: Vec<Arc<str>>,
    /// The last fault, until something succeeds.
    fault: Option<Fault>,
    /// Whether to wait for [`Manifest::retry`] before the next new file.
    is_waiting: bool,
    counts: Counts,
    /// Whether the file that was read ends in a record that was cut.
    was_cut: bool,
}

impl Manifest {
    /// Read the manifest of a data folder; a folder without one, and without segments, is a new one.
    /// Nothing is written: that begins with [`Manifest::poll`].
    ///
    /// # Errors
    /// It is damaged, missing, or of another version. The text says what to do.
    pub fn open(disk: &impl seam::Disk) -> Result<Manifest, ManifestError> {
        let Some(bytes) = disk
            .read(MANIFEST_FILE)
            .map_err(ManifestError::Unreadable)?
        else {
            let files = disk.list("segments").map_err(ManifestError::Unreadable)?;
            return match files
                .iter()
                .filter(|(name, _)| name.ends_with(".seg"))
                .count()
            {
                0 => Ok(Manifest::with(State::default(), None)),
                count => Err(ManifestError::Missing(count)),
            };
        };
        let loaded = read::read(&bytes, |_, _, _| {})?;
        let file = OpenFile {
            link: loaded.link,
            end: loaded.end as u64,
            capacity: (bytes.len() - bytes.len() % BLOCK_BYTES) as u64,
        };
        let mut manifest = Manifest::with(loaded.state, Some(file));
        manifest.was_cut = loaded.is_cut;
        Ok(manifest)
    }

    /// Of a new data folder.
    pub fn fresh() -> Manifest {
        Manifest::with(State::default(), None)
    }

    fn with(state: State, file: Option<OpenFile>) -> Manifest {
        let visible = Arc::new(state.version.clone());
        let mut manifest = Manifest {
            pins: Pins::new(&visible),
            next_number: state.version.next_file,
            state,
            visible,
            queue: Vec::new(),
            is_urgent: true,
            taken: 0,
            committed: 0,
            file,
            wants_file: true,
            flight: None,
            attempts: 0,
            scrap: Vec::new(),
            fault: None,
            is_waiting: false,
            counts: Counts::default(),
            was_cut: false,
        };
        manifest.put_numbers_aside();
        manifest
    }

    /// What is listed, as far as it is on stable storage.
    pub fn committed(&self) -> Arc<Version> {
        Arc::clone(&self.visible)
    }

    /// What the end of the file that was read lacks, in words, if it ends in a record that was cut.
    pub fn end_in_words(&self) -> Option<&'static str> {
        self.was_cut.then_some(
            "the file manifest ends in a record that was cut, as a power cut leaves what nobody counted on; \
             if no power was lost, the last changes are gone (what was sealed, merged and deleted last): \
             check the disk then",
        )
    }

    /// Take an edit. It is checked against all that were taken before it, and counts later.
    ///
    /// # Errors
    /// It does not fit what is listed, or a limit is reached. Then nothing of it counts.
    pub fn edit(&mut self, edit: Edit) -> Result<EditTicket, Refused> {
        let departs = matches!(
            edit,
            Edit::Retain { .. } | Edit::Quarantine { page: None, .. }
        );
        let changes = match self.state.changes(edit) {
            Ok(_) if self.queue.len() >= QUEUE_BYTES_MAX => Err(Refused::Busy),
            changes => changes,
        };
        let changes = changes.inspect_err(|_| self.counts.refused += 1)?;
        changes.into_iter().for_each(|change| self.take(change));
        if departs {
            self.state.version.departures.count();
        }
        self.is_urgent = true;
        self.taken += 1;
        Ok(EditTicket(self.taken))
    }

    fn take(&mut self, change: Change) {
        change.push(&mut self.queue);
        let applied = self.state.apply(change);
        debug_assert_eq!(applied, Ok(()), "what was checked can be applied");
    }

    /// Whether an edit is on stable storage, and so in [`Manifest::committed`].
    pub fn is_committed(&self, ticket: EditTicket) -> bool {
        ticket.0 <= self.committed
    }

    /// Whether all edits are.
    pub fn is_idle(&self) -> bool {
        self.flight.is_none() && !self.is_urgent
    }

    /// Whether what is visible is surely on stable storage. Not so between a start and the first record
    /// of this run: until then nothing may be removed because of what the version says, no log below
    /// its floor either.
    pub fn is_settled(&self) -> bool {
        self.counts.records + self.counts.files > 0
    }

    /// So many numbers for segment files, never given before. `None` for a moment, until more are put
    /// aside on stable storage; then ask again.
    pub fn numbers(&mut self, count: u64) -> Option<Range<u64>> {
        let end = self.next_number.checked_add(count)?;
        if end > self.visible.next_file {
            if end > self.state.version.next_file {
                self.state.version.next_file = end;
                self.put_numbers_aside();
            }
            return None;
        }
        let numbers = self.next_number..end;
        self.next_number = end;
        if self.visible.next_file - end < NUMBERS_AHEAD / 2 {
            self.put_numbers_aside();
        }
        Some(numbers)
    }

    fn put_numbers_aside(&mut self) {
        let next = self.next_number.saturating_add(NUMBERS_AHEAD);
        let version = &mut self.state.version;
        if next > version.next_file {
            version.next_file = next;
            self.is_urgent = true;
        }
    }

    /// Files with numbers below `next` were seen: give out none of these numbers.
    pub fn raise_numbers(&mut self, next: u64) {
        self.next_number = self.next_number.max(next);
        self.put_numbers_aside();
    }

    /// Files that nobody reads any more. Each is given once.
    pub fn removable(&mut self) -> Vec<Leaving> {
        if !self.is_settled() {
            return Vec::new();
        }
        let free = self.pins.take();
        free.into_iter()
            .map(|(file, fate)| Leaving { file, fate })
            .collect()
    }

    /// A file that left is gone, or moved.
    pub fn gone(&mut self, file: u64) {
        if self.state.version.leaving.contains_key(&file) {
            self.take(Change::Gone { file });
        }
    }

    /// It could not be taken away: it will be given again.
    pub fn still_there(&mut self, leaving: Leaving) {
        self.pins.again(leaving.file, leaving.fate);
    }

    /// Old versions that somebody holds.
    pub fn versions_held(&self) -> usize {
        self.pins.held()
    }

    /// The last fault of the disk, if nothing succeeded since.
    pub fn fault(&self) -> Option<&Fault> {
        self.fault.as_ref()
    }

    /// What was done so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Bytes of edits that wait for the disk.
    pub fn queue_bytes(&self) -> usize {
        self.queue.len()
    }

    /// After a fault, try a new file again. To be called about once a second.
    pub fn retry(&mut self) {
        self.is_waiting = false;
    }

    /// Go on: ask the disk for what is next, or do a slice of about 100 microseconds. True if there is
    /// more to do at once.
    pub fn poll(&mut self, desk: &mut Desk<'_>) -> bool {
        self.scrap
            .drain(..)
            .for_each(|name| flight::remove(name, desk));
        if self.flight.is_none() {
            self.flight = self.next_flight();
        }
        self.flight.as_mut().is_some_and(|flight| flight.poll(desk))
    }

    /// What to write next, if anything.
    fn next_flight(&mut self) -> Option<Flight> {
        let record_bytes = chained::record_bytes(self.queue.len() + 64) as u64;
        let room = self.file.as_ref().map_or(0, OpenFile::room);
        let has_reason = self.wants_file || (self.is_urgent && room < record_bytes);
        if has_reason && !self.is_waiting {
            self.attempts += 1;
            let name = format!("{MANIFEST_FILE}-{}.tmp", self.attempts);
            let version = Arc::new(self.state.version.clone());
            return Some(Flight::new_file(name.into(), version, self.take_queue()));
        }
        let file = self
            .file
            .filter(|_| self.is_urgent && record_bytes <= room)?;
        let version = Arc::new(self.state.version.clone());
        Some(Flight::append(file, version, self.take_queue()))
    }

    fn take_queue(&mut self) -> flight::Taken {
        flight::Taken {
            changes: std::mem::take(&mut self.queue),
            edits: self.taken,
            is_urgent: std::mem::take(&mut self.is_urgent),
        }
    }

    /// A request of [`Manifest::poll`] is done. Then call that again.
    pub fn done(&mut self, job: Job, result: Result<Outcome, Fault>) {
        let Some(mut flight) = self.flight.take() else {
            return;
        };
        match flight.done(job, result) {
            Told::Nothing => self.flight = Some(flight),
            Told::Written(file) => self.publish(flight, file),
            Told::Failed(fault) => self.fail(flight, fault),
        }
    }

    fn publish(&mut self, flight: Flight, file: OpenFile) {
        if flight.is_new() {
            self.counts.files += 1;
            self.wants_file = false;
        } else {
            self.counts.records += 1;
        }
        self.file = Some(file);
        self.fault = None;
        self.committed = flight.taken.edits;
        let last = std::mem::replace(&mut self.visible, flight.version);
        self.pins.turn(last, &self.visible);
        self.wants_file |= file.room() < flight::ROOM_LOW_BYTES;
    }

    fn fail(&mut self, flight: Flight, fault: Fault) {
        self.counts.faults += 1;
        self.fault = Some(fault);
        self.is_waiting = true;
        self.wants_file = true;
        self.is_urgent |= flight.taken.is_urgent;
        if flight.leaves_file_unknown() {
            self.file = None;
        }
        let (changes, scrap) = flight.into_rest();
        self.scrap.extend(scrap);
        // What was to be written comes before what was taken since.
        let later = std::mem::replace(&mut self.queue, changes);
        self.queue.extend(later);
    }
}
