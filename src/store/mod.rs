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
mod compact;
pub mod control;
pub mod definition;
mod deleted;
#[cfg(test)]
pub(crate) mod fake_disk;
pub mod generation;
mod generations;
pub mod info;
pub mod log;
pub mod manifest;
pub mod options;
mod output;
pub mod pack;
pub mod reading;
pub mod recover;
pub mod retain;
mod seal;
pub mod segment;
pub mod shelf;
pub mod snapshot;
pub mod stretch;
pub mod texts;
pub mod token;
pub mod tombstone;
mod vitals;

use std::collections::{HashSet, VecDeque};
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use crate::base::time::{Arrival, Millis, Stamp};
use crate::model::number::Number;
use crate::model::points::Points;
use crate::model::refusal::Reason;
use crate::model::series::{Properties, SeriesId, TEXT_BYTES_MAX, Values};
use crate::seam::disk::{Fault, Job, Jobs, Outcome, Request};
use roaring::RoaringBitmap;

use book::BookRefused;
use catalog::Catalog;
use compact::Compaction;
use definition::Definition;
use deleted::Deleted;
use generation::{Full, Head, Pool};
use generations::{Fate, Generation};
use info::SegmentInfo;
use manifest::{Edit, Version};
pub use options::Options;
use seal::Seal;
use shelf::{Got, Shelf};
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
    log: log::Writer,
    /// Bytes that the log had written when it was last cut.
    log_cut_at: u64,
    catalog: Catalog,
    /// Definitions that the book has no room for at the moment.
    unbooked: VecDeque<Definition>,
    properties: Vec<Properties>,
    /// Its own book and those that it reads besides.
    books: Vec<u32>,
    book: book::Writer,
    shelf: Shelf,
    version: Arc<Version>,
    /// What [`Store::recent_files`] tells.
    recent: Option<(Millis, Millis)>,
    jobs: Jobs,
    seal: Option<Seal>,
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
    sealed_files: u64,
    merges: u64,
    merged_points: u64,
    failures: u64,
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
            log,
            log_cut_at: 0,
            catalog,
            unbooked: VecDeque::new(),
            properties: Vec::new(),
            books: Vec::new(),
            book,
            shelf: Shelf::new(options.cache_bytes_max),
            version,
            recent: None,
            jobs: Jobs::default(),
            seal: None,
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

    // --- taking points -----------------------------------------------------------------------------

    /// What follows arrived at `stamp`, which is above all before.
    pub fn begin_read(&mut self, stamp: Stamp) {
        self.now.stamp = self.now.stamp.max(stamp);
        self.read = self.open.head.read_number(stamp);
        self.log.begin_read(stamp.0);
    }

    /// Ask for the memory that the next point of `id` will touch first.
    #[inline]
    pub fn prefetch_tail(&self, id: SeriesId) {
        self.open.head.prefetch_tail(id);
    }

    /// Ask for the memory that the next point of `id` will be written to.
    #[inline]
    pub fn prefetch_block(&self, id: SeriesId) {
        self.open.head.prefetch_block(&self.pool, id);
    }

    /// A new series; `definition` makes what is to be written of it, given its number.
    pub fn admit(
        &mut self,
        id: SeriesId,
        properties: Properties,
        definition: impl FnOnce(u32) -> Definition,
    ) {
        if self.properties.len() <= id.0 as usize {
            self.properties
                .resize(id.0 as usize + 1, Properties::default());
        }
        self.properties[id.0 as usize] = properties;
        if properties.ttl_seconds != 0 {
            self.keep_order(id);
        }
        if self.catalog.number_of(id).is_none()
            && let Some(number) = self.catalog.give(id)
        {
            self.define(definition(number));
        }
    }

    /// From now on the points of a series keep the order of their arrival: they expire, or those of another
    /// series of its name and type of values do, and which of both is the later one must be known.
    pub fn keep_order(&mut self, id: SeriesId) {
        if self.kept.insert(id.0) {
            self.open.head.keep_order(id);
            if let Some((_, last)) = self.open.head.stamps() {
                self.read = self.open.head.read_number(last);
            }
        }
    }

    /// The stamp below which points of a series have expired at `now`.
    pub fn expired_below(&self, id: SeriesId, now: Stamp) -> u64 {
        self.series(id).expired_below(now.0)
    }

    fn define(&mut self, definition: Definition) {
        self.log.define(&definition);
        self.unbooked.push_back(definition);
        self.fill_book();
    }

    /// Hand definitions on to the book, as many as it takes.
    fn fill_book(&mut self) {
        while let Some(next) = self.unbooked.front() {
            if self.book.append(next) == Err(BookRefused::Busy) {
                return;
            }
            self.unbooked.pop_front();
        }
    }

    /// Bring what the book has taken to the disk, once that is worth a write or somebody waits for it.
    fn poll_book(&mut self, wanted: bool) {
        self.fill_book();
        if wanted || BOOK_BYTES_WORTH <= self.book.queue_bytes() || !self.unbooked.is_empty() {
            self.book.poll(&mut self.jobs.desk(owner::BOOK));
        }
    }

    fn book_is_wanted(&self) -> bool {
        self.seal.as_ref().is_some_and(Seal::is_written)
    }

    /// Add one point to the read that was begun. It is in the log and can be queried at once.
    ///
    /// # Errors
    /// [`Reason::HeadFull`] where memory is used up; see [`Store::is_blocked`].
    #[inline]
    pub fn append(&mut self, id: SeriesId, time: Millis, value: Number) -> Result<(), Reason> {
        let value = if value.is_float() {
            // Senders of floats mostly mean decimals, of as many places as the one before.
            Number::found(value.to_f64(), SCALE_TRIED_FIRST)
        } else {
            value
        };
        if self.open.head.ids_end() <= id.0 {
            self.open.head.admit(id);
        }
        let (head, pool) = (&mut self.open.head, &mut self.pool);
        if let Some((number, token)) = head.append_quickly(pool, id, time, self.read, value) {
            self.log.push_short(number, time.0, token);
            return Ok(());
        }
        self.append_slowly(id, time, value)
    }

    /// Add one point of a series of texts to the read that was begun.
    ///
    /// # Errors
    /// [`Reason::HeadFull`] as of [`Store::append`], [`Reason::TextLong`], and [`Reason::Value`] where the
    /// series is of numbers.
    pub fn append_text(&mut self, id: SeriesId, time: Millis, text: &str) -> Result<(), Reason> {
        if TEXT_BYTES_MAX < text.len() {
            return Err(Reason::TextLong);
        }
        if self.series(id).values != Values::Text {
            return Err(Reason::Value);
        }
        if self.open.head.ids_end() <= id.0 {
            self.open.head.admit(id);
        }
        self.append_text_to_open(id, time, text).or_else(|full| {
            self.append_to_next(id, full, |store| store.append_text_to_open(id, time, text))
        })
    }

    fn append_text_to_open(&mut self, id: SeriesId, time: Millis, text: &str) -> Result<(), Full> {
        let (head, numbers) = (&mut self.open.head, self.catalog.numbers());
        let same = head.last_text(id).is_some_and(|last| **last == *text);
        let entry = head.append_text(&mut self.pool, id, numbers, time, self.read, text)?;
        // A block of the head begins with what is told from nothing, and so does the log.
        if same && !token::stands_alone(entry.token.bytes()) {
            self.log.push_short(entry.number, time.0, token::TEXT_AGAIN);
        } else {
            self.log.push_text(entry.number, time.0, text);
        }
        Ok(())
    }

    #[inline(never)]
    fn append_slowly(&mut self, id: SeriesId, time: Millis, value: Number) -> Result<(), Reason> {
        self.append_to_open(id, time, value).or_else(|full| {
            self.append_to_next(id, full, |store| store.append_to_open(id, time, value))
        })
    }

    fn append_to_open(&mut self, id: SeriesId, time: Millis, value: Number) -> Result<(), Full> {
        let (head, numbers) = (&mut self.open.head, self.catalog.numbers());
        let entry = head.append(&mut self.pool, id, numbers, time, self.read, value)?;
        self.log.push(entry.number, time.0, &entry.token);
        Ok(())
    }

    /// The generation has points in too many windows: the next one takes over.
    #[cold]
    fn append_to_next(
        &mut self,
        id: SeriesId,
        full: Full,
        append: impl FnOnce(&mut Store) -> Result<(), Full>,
    ) -> Result<(), Reason> {
        if full != Full::Windows || FROZEN_MAX <= self.frozen.len() {
            return Err(Reason::HeadFull);
        }
        self.freeze();
        self.begin_read(self.now.stamp);
        self.open.head.admit(id);
        append(self).map_err(|_| Reason::HeadFull)
    }

    /// Whether senders should wait: the disk does not keep up, or memory is nearly used up. What has
    /// been read already still finds room.
    pub fn is_blocked(&self) -> bool {
        self.log.is_blocked()
            || self.log.trouble().is_some()
            || self.pool_is_nearly_full()
            || FROZEN_MAX / 2 <= self.frozen.len()
            || (self.is_recovering() && self.pool.bytes_max() / 2 <= self.pool.bytes())
    }

    fn pool_is_nearly_full(&self) -> bool {
        self.pool.bytes_max() / 8 * 7 <= self.pool.bytes()
    }

    /// Stands for everything taken so far.
    pub fn ticket(&mut self) -> log::Ticket {
        self.log.ticket()
    }

    /// What became of a ticket.
    pub fn state(&self, ticket: log::Ticket) -> log::TicketState {
        self.log.state(ticket)
    }

    // --- time and disk -----------------------------------------------------------------------------

    /// Begin what is due.
    pub fn poll(&mut self, now: Arrival) {
        self.now = Arrival {
            now: now.now,
            stamp: self.now.stamp.max(now.stamp),
        };
        let since = Duration::from_micros(self.now.stamp.0);
        self.log.poll(since, &mut self.jobs.desk(owner::LOG));
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
        let due = self.log.next_deadline()?;
        Some(Stamp(due.as_micros() as u64))
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
                let since = Duration::from_micros(self.now.stamp.0);
                self.log.poll(since, &mut self.jobs.desk(owner::LOG));
            }
            owner::BOOK => {
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
            log_files: (needed as u64, spare as u64),
            log_in_trouble: self.log.trouble().is_some(),
            replayed: self.replay.as_ref().map_or(0, recover::Replaying::points),
            sealed_points: counts.sealed_points,
            merges: counts.merges,
            merged_points: counts.merged_points,
            failures: counts.failures,
            blocked: self.is_blocked(),
        }
    }

    // --- generations -------------------------------------------------------------------------------

    fn should_freeze(&self) -> bool {
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
    fn log_bytes_worth(&self) -> u64 {
        let series = self.open.head.series() as u64;
        let worth = (series * LOG_BYTES_A_SERIES).max(LOG_BYTES_WORTH);
        worth.min(self.options.log_bytes_max)
    }

    /// The open generation takes no more points.
    fn freeze(&mut self) {
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

    /// Seal everything that was taken so far, and merge the files of each window into one if `merge`.
    pub fn settle(&mut self, merge: bool) {
        // What comes after this is for the next time.
        let empty = u64::from(self.open.head.is_empty());
        self.seal_through = self.seal_through.max(self.open.number - empty);
        self.merge_all |= merge;
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

    fn frozen_generation(&self, number: u64) -> Option<&Generation> {
        self.frozen.iter().find(|frozen| frozen.number == number)
    }

    /// An empty generation for points of the log `log`.
    fn new_replayed(&mut self, log: u32) -> Generation {
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
    fn add_replayed(&mut self, generation: Generation) {
        let live = self
            .frozen
            .iter()
            .position(|frozen| FIRST_LIVE <= frozen.number);
        self.frozen
            .insert(live.unwrap_or(self.frozen.len()), generation);
    }

    /// The generations that no file has, the oldest first.
    fn generations(&self) -> impl Iterator<Item = &Generation> {
        let held = self
            .frozen
            .iter()
            .filter(|frozen| frozen.fate == Fate::Held);
        held.chain([&self.open])
    }

    // --- work in slices ----------------------------------------------------------------------------

    /// Do a slice of what has to be done in the background, about 100 µs. False if there is nothing, or
    /// the disk has to do something first.
    pub fn work(&mut self) -> bool {
        self.release_listed() || self.work_on_seal() || self.work_on_compaction()
    }

    /// Give back the memory of generations whose files are listed and that nobody reads any more.
    fn release_listed(&mut self) -> bool {
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

    fn work_on_seal(&mut self) -> bool {
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
    fn ask_to_list(&mut self, seal: &mut Seal) -> bool {
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

    fn settle_seal(&mut self) {
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
        let number = seal.generation;
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

    fn fail_seal(&mut self) {
        if let Some(seal) = self.seal.take() {
            seal.remove(self);
            self.retry_at = Stamp(self.now.stamp.0 + RETRY_MICROS);
        }
    }

    fn about_file(&mut self, generation: u64, window: Millis) -> Option<segment::About> {
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

    // --- reading -----------------------------------------------------------------------------------

    /// What the manifest lists.
    pub fn version(&self) -> &Arc<Version> {
        &self.version
    }

    /// Numbers of series, here and in the files.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    fn read_head(
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

    /// Append to `out` up to `n` of the newest distinct times of `id` that memory holds, newest first.
    pub fn newest_times(&self, id: SeriesId, n: usize, out: &mut Vec<i64>) {
        for held in self.generations() {
            held.head.newest_times(&self.pool, id, n, out);
        }
        out.sort_unstable_by(|a, b| b.cmp(a));
        out.dedup();
        out.truncate(n);
    }

    /// The latest time that a point may have, given that memory has none of its series after `in_head`.
    pub fn newest_ms(&self, in_head: Option<i64>) -> Option<i64> {
        let in_files = self.recent_files().map(|(_, last)| last.0);
        in_head.into_iter().chain(in_files).max()
    }

    fn note_recent(&mut self) {
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

    fn index_of(&mut self, info: &SegmentInfo) -> Got<Rc<segment::Index>> {
        self.shelf.index(info, &mut self.jobs.desk(owner::SHELF))
    }

    fn page_of(
        &mut self,
        info: &SegmentInfo,
        entry: &segment::Entry,
    ) -> Got<Rc<segment::Page<Vec<u8>>>> {
        self.shelf
            .page(info, entry, &mut self.jobs.desk(owner::SHELF))
    }

    fn series(&self, id: SeriesId) -> Properties {
        self.properties
            .get(id.0 as usize)
            .copied()
            .unwrap_or_default()
    }
}

fn head_options(options: &Options, ordered: bool) -> generation::Options {
    generation::Options {
        ordered,
        window: options.window,
        windows_max: options.windows_max,
    }
}
