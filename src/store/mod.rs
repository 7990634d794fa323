//! Where samples stay: in memory and in the log at once, then in segment files.
//!
//! A [`Store`] is what one shard keeps. Takes points of series, by their id on this shard, and gives them
//! back in any range of time; says when what it took is on stable storage. It is sans-I/O: it asks the disk
//! through [`seam::disk`](crate::seam::disk) and is told what became of it, and it does its work in slices.
//!
//! The way of a point: it goes to the open generation of the [head](generation) and, as the same token, to
//! the [log]. A generation that is large or old enough is frozen and sealed into [segments](segment),
//! one for each window of time; once the [manifest] lists them, the generation and its part of the log go.
//! Segments of a window are merged as they become many. A reading takes all of it as one.
#![forbid(unsafe_code)]

pub mod book;
pub mod catalog;
pub mod chained;
pub mod changes;
mod compact;
pub mod control;
pub mod definition;
mod deleted;
pub mod direct;
#[cfg(test)]
pub(crate) mod fake_disk;
mod files;
pub mod generation;
mod generations;
pub mod info;
pub mod log;
mod looking;
pub mod manifest;
pub mod newest;
pub mod options;
mod output;
pub mod pack;
mod properties;
mod quarantine;
pub mod reading;
pub mod recover;
pub mod retain;
mod seal;
pub mod segment;
pub mod shelf;
mod slices;
pub mod snapshot;
pub mod stretch;
mod tails;
mod taking;
pub mod texts;
pub mod token;
pub mod tombstone;
mod tries;
mod vitals;

use std::collections::{HashSet, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use crate::base::time::{Arrival, Millis, Stamp};
use crate::seam::disk::{Fault, Job, Jobs, Outcome, Request};
use roaring::RoaringBitmap;

use catalog::Catalog;
use changes::Changes;
use compact::Compaction;
use definition::Definition;
use deleted::Deleted;
use generation::{Head, Pool};
use generations::Generation;
use manifest::{Edit, Version};
pub use options::Options;
use properties::AllProperties;
use seal::Seal;
use shelf::Shelf;
use tails::Tails;
pub use taking::Standing;
pub use vitals::Vitals;

/// Who asks the disk; the number of a [`Job`]'s owner.
mod owner {
    pub(super) const LOG: u32 = 1;
    pub(super) const BOOK: u32 = 2;
    pub(super) const SEAL: u32 = 3;
    pub(super) const COMPACT: u32 = 4;
    pub(super) const SHELF: u32 = 5;
    pub(super) const REPLAY: u32 = 6;
    pub(super) const REST: u32 = 7;
}

/// Owners from here on are not the store's.
pub const OWNERS_END: u32 = 16;

/// How long a seal or a merge that failed waits before it is tried again, in microseconds.
const RETRY_MICROS: u64 = 2_000_000;

/// The first generation of this run; those of the replayed log have smaller numbers.
const FIRST_LIVE: u64 = 1 << 32;

/// Frozen generations at one time; senders wait from half of them on.
const FROZEN_MAX: usize = 8;

/// Emptied heads that are kept.
const SPARE_MAX: usize = 2;

/// Texts for people that are kept until somebody takes them.
const TROUBLES_MAX: usize = 64;

/// Decimals that a float is thought to have.
const SCALE_TRIED_FIRST: u8 = 2;

/// Bytes of log that are worth a seal,
const LOG_BYTES_WORTH: u64 = 128 << 20;
/// or where there are many series, for each of them.
const LOG_BYTES_A_SERIES: u64 = 300;

/// Bytes of definitions that are worth a write of the book.
const BOOK_BYTES_WORTH: usize = 256 << 10;

/// The longest time that definitions wait for their write otherwise, in microseconds: until then they are
/// in the log only, where one bad page may take many.
const BOOK_MICROS: u64 = 1_000_000;

/// Series that are looked at for last values to tell in one block of the log.
const LASTS_LOOKED_AT: usize = 800;

/// Windows of files in which the newest times of a series are looked for.
const RECENT_WINDOWS: usize = 2;

/// What a slice of sealing does, in points.
const SLICE_POINTS: usize = 5_000;

/// What a slice of merging does, in nanoseconds.
const SLICE_NANOS: usize = 100_000;

/// Series of a generation that are given back in one slice.
const RELEASED_AT_ONCE: usize = 2_000;

/// Which shard it is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its number.
    pub shard: usize,
    /// How many there are.
    pub shards: usize,
}

/// What one shard keeps.
pub struct Store {
    place: Place,
    options: Options,
    /// Whether points keep the order of their arrival, because another shard may have the same series.
    ordered: bool,
    /// Series whose points keep it anyway: they expire, or lie beside those of such.
    kept: RoaringBitmap,
    pool: Pool,
    open: Generation,
    /// Older ones, the oldest first: those of the replayed log before those of this run.
    frozen: VecDeque<Generation>,
    /// Emptied heads, whose memory is used again.
    spare: Vec<Head>,
    next_generation: u64,
    /// Number of the read that is being taken.
    read: u32,
    changes: Changes,
    log: log::Writer,
    /// Bytes that the log had written when it was last cut.
    log_cut_at: u64,
    catalog: Catalog,
    /// Definitions that the book has no room for at the moment.
    unbooked: VecDeque<Definition>,
    properties: AllProperties,
    /// Its own book and those that it reads besides.
    books: Vec<u32>,
    book: book::Writer,
    shelf: Shelf,
    version: Arc<Version>,
    /// What [`Store::recent_files`] tells.
    recent: Option<(Millis, Millis)>,
    tails: Tails,
    jobs: Jobs,
    seal: Option<Seal>,
    /// Whether a seal failed for want of room, its own or the book's, since it was last asked for.
    found_no_room: bool,
    compaction: Option<Compaction>,
    looks_for_merges: bool,
    /// When that was last done, in microseconds.
    looked_for_merges: u64,
    /// Files that are not merged because one of them is damaged.
    unmergeable: HashSet<u64>,
    retry_at: Stamp,
    files: FileNumbers,
    edits: VecDeque<Edit>,
    now: Arrival,
    /// Asked to seal whatever there is, up to this generation.
    seal_through: u64,
    merge_all: bool,
    replay: Option<recover::Replaying>,
    lost: Lost,
    /// When the book was last given to the disk for the sake of its own, in microseconds.
    booked_at: u64,
    /// The first id whose last value the next block of the log has room to tell.
    lasts_at: u32,
    deleted: Deleted,
    /// Generations of the log that were replayed or begun.
    replayed: u64,
    troubles: Vec<String>,
    counts: Counts,
}

/// What a store did so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    sealed_points: u64,
    sealed_bytes: u64,
    sealed_files: u64,
    merges: u64,
    merged_points: u64,
    merged_bytes: u64,
    failures: u64,
}

/// What this start found to be lost of what was durable: until the next start answers say that they may
/// lack points.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Lost {
    /// Blocks of logs, also such as may have been where the disk cannot read.
    blocks: u64,
    /// Books of which a part could not be read.
    books: u64,
}

/// Numbers for files that were given to this shard.
#[derive(Debug, Default)]
struct FileNumbers {
    ranges: VecDeque<Range<u64>>,
    /// More were asked for.
    asked: bool,
}

impl FileNumbers {
    fn next(&mut self) -> Option<u64> {
        loop {
            if let Some(number) = self.ranges.front_mut()?.next() {
                return Some(number);
            }
            self.ranges.pop_front();
        }
    }

    /// Whether there are hardly enough for the windows of a pass.
    fn is_low(&self) -> bool {
        let left: u64 = self
            .ranges
            .iter()
            .map(|range| range.end - range.start)
            .sum();
        left < 2 * seal::WINDOWS_AT_ONCE as u64
    }
}

/// What a shard has to be asked or told for its store, besides the disk.
#[derive(Debug)]
pub enum Wish {
    /// Take this into the manifest.
    Edit(Edit),
    /// Give out numbers for files.
    Numbers,
}

impl Store {
    fn new(
        options: Options,
        place: Place,
        (log, book): (log::Writer, book::Writer),
        catalog: Catalog,
        version: Arc<Version>,
    ) -> Store {
        let ordered = 1 < place.shards;
        let head = Head::new(head_options(&options, ordered));
        Store {
            place,
            ordered,
            kept: RoaringBitmap::new(),
            pool: Pool::new(options.head_bytes_max),
            open: Generation::new(FIRST_LIVE, place.shard as u32, head, Stamp(version.clock())),
            frozen: VecDeque::new(),
            spare: Vec::new(),
            next_generation: FIRST_LIVE + 1,
            read: 0,
            changes: Changes::default(),
            log,
            log_cut_at: 0,
            catalog,
            unbooked: VecDeque::new(),
            properties: AllProperties::default(),
            books: Vec::new(),
            book,
            shelf: Shelf::new(options.cache_bytes_max),
            version,
            recent: None,
            tails: Tails::default(),
            jobs: Jobs::default(),
            seal: None,
            found_no_room: false,
            compaction: None,
            looks_for_merges: true,
            looked_for_merges: 0,
            unmergeable: HashSet::new(),
            retry_at: Stamp(0),
            files: FileNumbers::default(),
            edits: VecDeque::new(),
            now: Arrival::default(),
            seal_through: 0,
            merge_all: false,
            replay: None,
            lost: Lost::default(),
            booked_at: 0,
            lasts_at: 0,
            deleted: Deleted::default(),
            replayed: 0,
            troubles: Vec::new(),
            counts: Counts::default(),
            options,
        }
    }

    /// The first start of this shard: the manifest gets its book.
    fn begin_own_book(&mut self) {
        let book = self.catalog.book();
        if self.version.book(book).is_none() {
            self.edits.push_back(Edit::AddBook { book });
        }
    }

    /// Something went wrong that people should know.
    fn trouble(&mut self, text: String) {
        self.counts.failures += 1;
        if self.troubles.len() < TROUBLES_MAX {
            self.troubles.push(text);
        }
    }

    /// Whether something that was durable was found to be lost at this start, which no file tells: answers
    /// may lack points.
    pub fn has_lost(&self) -> bool {
        self.lost != Lost::default()
    }

    /// What went wrong since the last call.
    pub fn take_troubles(&mut self) -> Vec<String> {
        let damages = self.shelf.damages();
        for damage in damages {
            let name = info::segment_path(damage.file);
            let (offset, reason) = (damage.offset, &damage.reason);
            self.trouble(format!(
                "{name} is damaged at byte {offset}: {reason}; the rest still answers"
            ));
            self.edits.push_back(Edit::Quarantine {
                file: damage.file,
                page: Some(damage.offset),
                reason: damage.reason,
            });
        }
        std::mem::take(&mut self.troubles)
    }

    /// Begin what is due.
    pub fn poll(&mut self, now: Arrival) {
        self.now = Arrival {
            now: now.now,
            stamp: self.now.stamp.max(now.stamp),
        };
        let since = Duration::from_micros(self.now.stamp.0);
        self.poll_log(since);
        self.poll_book(self.book_is_wanted());
        if self.looked_for_merges + compact::LOOK_MICROS <= self.now.stamp.0 {
            // Windows become quiet as time goes by.
            self.looks_for_merges = true;
        }
        if self.retry_at <= self.now.stamp {
            self.book.retry();
        }
        if self.should_freeze() {
            self.freeze();
        }
    }

    /// When [`Store::poll`] has something to do at the latest.
    pub fn next_due(&self) -> Option<Stamp> {
        let log = self.log.next_deadline().map(|due| due.as_micros() as u64);
        let book = self.book.has_waiting();
        let book = book.then(|| self.booked_at.saturating_add(BOOK_MICROS));
        log.into_iter().chain(book).min().map(Stamp)
    }

    /// The next request for the disk.
    pub fn take_job(&mut self) -> Option<(Job, Request)> {
        self.jobs.take()
    }

    /// A request is done.
    pub fn done(&mut self, job: Job, result: Result<Outcome, Fault>) {
        match job.owner {
            owner::LOG => {
                self.log.done(job, result);
                self.poll_log(Duration::from_micros(self.now.stamp.0));
            }
            owner::BOOK => {
                self.found_no_room |= result == Err(Fault::Full) && self.book_is_wanted();
                self.book.done(job, result);
                self.poll_book(true);
            }
            owner::SEAL => {
                if let Some(mut seal) = self.seal.take() {
                    seal.done(job, &result, self);
                    self.seal = Some(seal);
                }
            }
            owner::COMPACT => {
                if let Some(mut compaction) = self.compaction.take() {
                    compaction.done(job, result, self);
                    self.compaction = Some(compaction);
                }
            }
            owner::SHELF => self
                .shelf
                .done(job, result, &mut self.jobs.desk(owner::SHELF)),
            owner::REPLAY => self.replay_done(job, result),
            // What is removed may be gone already, and is looked for again at the next start.
            _ => {}
        }
    }

    /// What the manifest has to be asked.
    pub fn take_wish(&mut self) -> Option<Wish> {
        if self.files.is_low() && !self.files.asked {
            self.files.asked = true;
            return Some(Wish::Numbers);
        }
        self.edits.pop_front().map(Wish::Edit)
    }

    /// Numbers for files.
    pub fn take_numbers(&mut self, numbers: Range<u64>) {
        self.files.asked = false;
        self.files.ranges.push_back(numbers);
    }

    /// What the manifest lists from now on. Generations and merges whose files it lists are done.
    pub fn adopt(&mut self, version: &Arc<Version>) {
        self.note_departed(version);
        self.version = Arc::clone(version);
        self.note_recent();
        self.settle_seal();
        self.settle_compaction();
        self.settle_replay();
    }

    /// An edit was refused, which says that its files are of no use: all is written again.
    pub fn refused(&mut self, edit: &Edit) {
        match edit {
            Edit::Seal { .. } => self.fail_seal(),
            Edit::Merge { .. } => self.fail_compaction(),
            // The manifest had no room for it.
            Edit::Revive { .. } => self.edits.push_back(edit.clone()),
            _ => {}
        }
    }

    /// The counters.
    pub fn vitals(&self) -> Vitals {
        let (log, counts) = (self.log.counters(), &self.counts);
        let (needed, spare) = self.log.files();
        Vitals {
            head_bytes: self.pool.bytes() as u64,
            frozen: self.frozen.len() as u64,
            cache_bytes: self.shelf.bytes() as u64,
            reads: self.shelf.reads(),
            damaged: self.shelf.damaged() as u64,
            unwritten_bytes: self.log.unwritten_bytes() as u64,
            commits: log.commits,
            log_bytes: log.bytes_written,
            log_filled_bytes: log.bytes_filled,
            log_files: (needed as u64, spare as u64),
            log_in_trouble: self.log.trouble().is_some(),
            replayed: self.replay.as_ref().map_or(0, recover::Replaying::points),
            sealed_points: counts.sealed_points,
            sealed_bytes: counts.sealed_bytes,
            merges: counts.merges,
            merged_points: counts.merged_points,
            merged_bytes: counts.merged_bytes,
            failures: counts.failures,
            blocked: self.is_blocked(),
            log_lost_blocks: self.lost.blocks,
        }
    }
}

fn head_options(options: &Options, ordered: bool) -> generation::Options {
    generation::Options {
        ordered,
        window: options.window,
        windows_max: options.windows_max,
    }
}
