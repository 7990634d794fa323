//! From a data folder back to a store: what is found before anything runs, and the replay of the log
//! while it runs.
//!
//! [`open`] reads the manifest and the heads of all logs, and deals books and logs out to the shards,
//! however many there were before. Each shard then reads its books and the definitions in its logs, so that
//! all series are known and keep their numbers; the points of the logs are replayed in slices, into
//! generations of their own, while new points arrive already. A generation of the log is one of the head
//! again, and is sealed like any other; until then its log stays. So a crash in the middle of it changes
//! nothing.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::catalog::{Catalog, adopted};
use super::control::{self, Control, ControlError, Loaded};
use super::definition::Definition;
use super::generation::Head;
use super::generations::Generation;
use super::info::segment_path;
use super::log::block;
use super::log::found::{Found as FoundBlock, ScanError};
use super::log::replay::Visitor;
use super::log::{self, Columns, Point, Recovered, Replay, Scan};
use super::manifest::{self, Manifest, ManifestError, Version};
use super::token::{self, Last};
use super::{FIRST_LIVE, FROZEN_MAX, Options, Place, Store, book, owner};
use crate::base::time::{Millis, Stamp};
use crate::model::number::Number;
use crate::model::series::{Properties, SeriesId, Values};
use crate::seam::Disk;
use crate::seam::disk::{Fault, Job, Outcome, Request};

/// Points that are replayed in one slice.
const REPLAYED_AT_ONCE: u64 = 2_000;

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// The manifest.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The control log.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// A log.
    #[error(transparent)]
    Log(#[from] ScanError),
    /// A book.
    #[error(transparent)]
    Book(#[from] book::BookError),
    /// The file system.
    #[error("cannot read the data folder: {0}; check the disk and the rights of this user")]
    Disk(#[from] std::io::Error),
    /// More series than a shard can number.
    #[error(
        "the files of shard {0} hold more series than this version can number; start with more shards"
    )]
    Series(usize),
}

/// What was found in a data folder.
pub struct Found {
    /// What each shard begins with.
    pub starts: HashMap<usize, Start>,
    /// The highest stamp of an arrival.
    pub highest: Stamp,
    /// What there is, in a sentence.
    pub summary: String,
    /// What is not as it should be.
    pub notes: Vec<String>,
}

/// What one shard begins with.
pub struct Start {
    /// Which shard.
    pub place: Place,
    /// What is listed.
    pub version: Arc<Version>,
    /// For the keeper only.
    pub manifest: Option<Manifest>,
    /// For the keeper only: the control log, if there is one.
    pub loaded: Option<Loaded>,
    /// What it says.
    pub control: Arc<Control>,
    /// Books besides its own that it reads.
    adopted: Vec<u32>,
    /// A number that no start before had.
    life: u64,
    /// For the keeper only: files to be removed.
    pub scrap: Vec<String>,
    /// Its log, and those of shards that are no more.
    logs: Vec<(u32, Recovered)>,
}

impl Start {
    /// Of a shard that has nothing on the disk, for tests of one.
    pub fn fresh(shards: usize) -> Start {
        let manifest = Manifest::fresh();
        Start {
            place: Place { shard: 0, shards },
            version: manifest.committed(),
            manifest: Some(manifest),
            loaded: None,
            control: Arc::default(),
            adopted: Vec::new(),
            life: 1,
            scrap: Vec::new(),
            logs: vec![(0, Recovered::default())],
        }
    }
}

/// Read what is there, for `shards` shards. Nothing is changed but that files which no manifest lists
/// are put aside.
///
/// # Errors
/// Something is damaged beyond what can be stepped over, or of another version; the text says what to do.
pub fn open(disk: &impl Disk, shards: usize) -> Result<Found, RecoverError> {
    let mut manifest = Manifest::open(disk)?;
    let version = manifest.committed();
    let (mut notes, scrap) = put_aside(disk, &version, &mut manifest)?;
    let loaded = control::open(disk)?;
    let told = loaded.as_ref().map(|loaded| loaded.control.clone());
    let told = Arc::new(told.unwrap_or_default());
    let files = disk.list(log::names::FOLDER)?;
    let lineages = log::names::shards(files.iter().map(|(name, _)| name.as_str()));
    let mut highest = version.clock();
    let mut starts: HashMap<usize, Start> = HashMap::new();
    let (mut blocks, mut segments) = (0, 0);
    for shard in 0..shards {
        let own = lineages.iter().copied().map(u32::from);
        let all = (0..shards as u32).chain(own.filter(|&log| shards <= log as usize));
        let mut logs = Vec::new();
        for lineage in all.filter(|&log| log as usize % shards == shard) {
            let recovered = Scan::run(disk, lineage as u16, version.floor(lineage), None)?;
            for found in &recovered.blocks {
                highest = highest.max(found.header.last_stamp());
            }
            blocks += recovered.blocks.len();
            notes.extend(tell(lineage, &recovered));
            logs.push((lineage, recovered));
        }
        let books: Vec<u32> = version.books().map(|(book, _)| book).collect();
        let start = Start {
            place: Place { shard, shards },
            version: Arc::clone(&version),
            manifest: None,
            loaded: None,
            control: Arc::clone(&told),
            adopted: adopted(shard as u32, shards as u32, &books).others,
            life: 0,
            scrap: Vec::new(),
            logs,
        };
        starts.insert(shard, start);
    }
    for info in version.all_segments() {
        highest = highest.max(info.last_stamp);
        segments += 1;
    }
    for start in starts.values_mut() {
        start.life = highest.saturating_add(1);
    }
    if let Some(keeper) = starts.get_mut(&0) {
        keeper.manifest = Some(manifest);
        keeper.loaded = loaded;
        keeper.scrap = scrap;
    }
    Ok(Found {
        starts,
        highest: Stamp(highest),
        summary: format!("{segments} segment files, and {blocks} blocks of log to replay"),
        notes,
    })
}

/// Put aside what the last run has left unfinished. Gives what people should know, and files to be
/// removed once the manifest is settled.
fn put_aside(
    disk: &impl Disk,
    version: &Version,
    manifest: &mut Manifest,
) -> Result<(Vec<String>, Vec<String>), RecoverError> {
    let found = manifest::unlisted(disk, version)?;
    let mut notes = Vec::new();
    for (from, to) in &found.moves {
        disk.rename(from, to)?;
    }
    for &file in &found.missing {
        let path = segment_path(file);
        notes.push(format!(
            "{path} is listed but not there: its points are lost; put it back from a snapshot"
        ));
    }
    if found.strangers > 0 {
        notes.push(format!(
            "{} segment files that the manifest never knew are in the folder quarantine",
            found.strangers
        ));
    }
    found.gone.iter().for_each(|&file| manifest.gone(file));
    manifest.raise_numbers(found.next_file);
    Ok((notes, found.removals))
}

/// What a log has lost, in words.
fn tell(lineage: u32, recovered: &Recovered) -> Option<String> {
    let lost = recovered.report.lost_blocks();
    (lost > 0).then(|| {
        let first = recovered
            .report
            .holes
            .first()
            .map_or(0, |hole| hole.first_sequence);
        format!(
            "the log of shard {lineage} has lost {lost} blocks that had been written (the first is \
             {first}); what is before and behind them is kept; check the disk"
        )
    })
}

/// A replay under way.
pub(super) struct Replaying {
    logs: VecDeque<LogReplay>,
    /// Logs that nobody writes any more: number, floor of its last generation, files.
    finished: Vec<(u32, u64, Vec<Arc<str>>)>,
    points: u64,
}

struct LogReplay {
    replay: Replay,
    /// The block behind the last.
    end: u64,
    /// Files to be removed when all is sealed.
    files: Vec<Arc<str>>,
    player: Player,
}

/// What becomes of the points of a log.
struct Player {
    lineage: u32,
    book: u32,
    /// Generation of the log, and what it has become so far.
    filling: Option<(u64, Generation)>,
    /// Number of the last block.
    sequence: u64,
    /// By number of the series.
    series: Vec<Played>,
    /// Holes in the generation so far.
    holes: u32,
    /// Stamp and number of the read at hand.
    read: Option<(u64, u32)>,
    points: u64,
    /// Points whose values hung on lost ones.
    unreadable: u64,
    /// Whether it had a text so far.
    has_texts: bool,
    last_floor: u64,
}

/// What the next value of a series is told from, and behind how many holes it is known.
#[derive(Clone, Copy, Default)]
struct Played {
    last: Last,
    holes: u32,
}

impl Store {
    /// A store with what `start` found. `define` makes a series known and gives its id; it is called for
    /// every series of the books and logs before this returns.
    ///
    /// # Errors
    /// What it has written before cannot be read.
    pub fn open(
        options: Options,
        start: Start,
        disk: &dyn Disk,
        define: &mut dyn FnMut(&Definition) -> Option<SeriesId>,
    ) -> Result<Store, RecoverError> {
        let shard = start.place.shard;
        let own = shard as u32;
        let mut opening = Opening {
            catalog: Catalog::new(own),
            properties: Vec::new(),
            adopted: Vec::new(),
            define,
            shard,
        };
        let life = start.life;
        let mut book = None;
        let books = std::iter::once(own).chain(start.adopted.iter().copied());
        for number in books.clone() {
            let reader = opening.read_book(disk, number, &start.version)?;
            if number == own {
                book = reader.map(|reader| reader.into_writer(life));
            }
        }
        let book = book.unwrap_or_else(|| book::Writer::new(own, life));
        let booked = book.next_number();
        opening.catalog.booked(booked);
        let mut unbooked = VecDeque::new();
        let mut logs = start.logs;
        for (lineage, recovered) in &logs {
            // Of a log that is only read a part may be sealed, under another book: its definitions are
            // nowhere else, and the rest needs them. Its files stay until all of it is sealed.
            let whole = match *lineage == own {
                true => None,
                false => Some(Scan::run(disk, *lineage as u16, 0, None)?),
            };
            let recovered = whole.as_ref().unwrap_or(recovered);
            for definition in definitions(disk, recovered, &start.version)? {
                let (number, definition) = definition;
                if opening.meet(number, &definition)?
                    && number == own
                    && booked <= definition.number
                {
                    unbooked.push_back(definition);
                }
            }
        }
        let has_others = logs.iter().any(|(lineage, _)| *lineage != own);
        logs.sort_by_key(|(lineage, _)| *lineage != own);
        let own_log = logs.first().map(|(_, recovered)| recovered.start.clone());
        let generation = logs.iter().flat_map(|(_, recovered)| &recovered.blocks);
        let generation = generation
            .map(|found| found.header.generation)
            .max()
            .unwrap_or(0)
            + 1;
        let given = logs.iter().flat_map(|(_, recovered)| &recovered.blocks);
        let given = given.filter(|found| found.header.book == own);
        let given = given.map(|found| found.header.numbers).max().unwrap_or(0);
        opening.catalog.raise(given.max(booked));
        let numbers = opening.catalog.next_number();
        let log_options = log::Options {
            commit_interval: std::time::Duration::from_micros(options.commit_micros),
            unwritten_bytes_max: options.unwritten_bytes_max,
            file_bytes: options.log_file_bytes,
            ..log::Options::new(shard as u16, own)
        };
        let log = log::Writer::new(
            log_options,
            &own_log.unwrap_or_default(),
            generation,
            numbers,
        );
        let all_books = books.collect();
        let Opening {
            catalog,
            properties,
            adopted,
            ..
        } = opening;
        let mut store = Store::new(options, start.place, (log, book), catalog, start.version);
        store.books = all_books;
        store.properties = properties;
        let mortal = store.properties.iter().zip(0u32..);
        let mortal = mortal.filter(|(properties, _)| properties.ttl_seconds != 0);
        let mortal: Vec<u32> = mortal.map(|(_, id)| id).collect();
        mortal
            .into_iter()
            .for_each(|id| store.keep_order(SeriesId(id)));
        store.unbooked = unbooked;
        // Points of several shards may be mixed in what is replayed.
        store.ordered |= !start.adopted.is_empty() || has_others;
        store.replay = Replaying::new(logs, own);
        store.begin_own_book();
        adopted
            .into_iter()
            .for_each(|(id, definition)| store.number(id, definition));
        store.note_recent();
        Ok(store)
    }

    /// Whether points of the log are not back yet.
    pub fn is_recovering(&self) -> bool {
        self.replay.as_ref().is_some_and(|replay| !replay.is_done())
    }

    /// A series of an adopted book gets a number in the own one: its next points are written under it.
    fn number(&mut self, id: SeriesId, definition: Definition) {
        if self.catalog.number_of(id).is_none()
            && let Some(number) = self.catalog.give(id)
        {
            self.define(Definition {
                number,
                ..definition
            });
        }
    }

    /// Replay a slice. True if there is more to do at once.
    pub fn recover(&mut self) -> bool {
        // Those of this run are not sealed before the replay is done, so it does not wait for them.
        let of_log = self
            .frozen
            .iter()
            .filter(|frozen| frozen.number < FIRST_LIVE)
            .count();
        if FROZEN_MAX / 2 <= of_log || (0 < of_log && self.pool_is_nearly_full()) {
            // Sealing comes first.
            return false;
        }
        let Some(mut replay) = self.replay.take() else {
            return false;
        };
        // What was acknowledged finds room, although its generation may be larger than the options of this
        // start allow.
        self.pool.lift(true);
        let more = replay.step(self);
        self.pool.lift(false);
        self.replay = Some(replay);
        more
    }

    pub(super) fn replay_done(&mut self, job: Job, result: Result<Outcome, Fault>) {
        if let Some(log) = self
            .replay
            .as_mut()
            .and_then(|replay| replay.logs.front_mut())
        {
            log.replay.done(job, result);
        }
    }

    /// Files of logs that nobody writes any more go once everything in them is sealed.
    pub(super) fn settle_replay(&mut self) {
        let Some(replay) = &mut self.replay else {
            return;
        };
        let version = &self.version;
        let mut desk = self.jobs.desk(owner::REST);
        for (lineage, floor, files) in &mut replay.finished {
            if *floor <= version.floor(*lineage) {
                for name in files.drain(..) {
                    desk.ask(Request::Remove { name });
                }
            }
        }
        replay.finished.retain(|(_, _, files)| !files.is_empty());
    }
}

/// What is gathered while a store is opened.
struct Opening<'a> {
    catalog: Catalog,
    properties: Vec<Properties>,
    /// What only books of others know.
    adopted: Vec<(SeriesId, Definition)>,
    define: &'a mut dyn FnMut(&Definition) -> Option<SeriesId>,
    shard: usize,
}

impl Opening<'_> {
    /// All of a book; gives who can write on behind it. None where there is no such book.
    fn read_book(
        &mut self,
        disk: &dyn Disk,
        book: u32,
        version: &Version,
    ) -> Result<Option<book::Reader>, RecoverError> {
        let Some(info) = version.book(book).filter(|info| info.bytes > 0) else {
            return Ok(None);
        };
        let path = book::book_path(book);
        let mut reader = book::Reader::new(book, info);
        let mut read = |offset, bytes| disk.read_at(&path, offset, bytes);
        let mut definitions = Vec::new();
        while reader.step(&mut read, &mut definitions)? {
            for definition in definitions.drain(..) {
                self.meet(book, &definition)?;
            }
        }
        for definition in definitions {
            self.meet(book, &definition)?;
        }
        Ok(Some(reader))
    }

    /// A definition of a book; whether it was new to the catalog.
    fn meet(&mut self, book: u32, definition: &Definition) -> Result<bool, RecoverError> {
        if self.catalog.series_of(book, definition.number).is_some() {
            return Ok(false);
        }
        let id = (self.define)(definition).ok_or(RecoverError::Series(self.shard))?;
        let at = id.0 as usize;
        if self.properties.len() <= at {
            self.properties.resize(at + 1, Default::default());
        }
        self.properties[at] = definition.properties;
        if !self.catalog.bind(book, definition.number, id) {
            return Err(RecoverError::Series(self.shard));
        }
        if book != self.catalog.book() {
            self.adopted.push((id, definition.clone()));
        }
        Ok(true)
    }
}

/// The definitions in the blocks of a log, by book. A block tells how many numbers its book had given
/// out, so only those are read that gave out some.
fn definitions(
    disk: &dyn Disk,
    recovered: &Recovered,
    version: &Version,
) -> Result<Vec<(u32, Definition)>, RecoverError> {
    let mut given: HashMap<u32, u32> = version
        .books()
        .map(|(book, info)| (book, info.numbers))
        .collect();
    let mut all = Vec::new();
    for found in &recovered.blocks {
        let header = &found.header;
        let known = given.entry(header.book).or_insert(0);
        if header.numbers <= *known {
            continue;
        }
        *known = header.numbers;
        let bytes = disk.read_at(&found.name, found.offset, header.bytes())?;
        // What has become damaged since it was found is told when it is replayed.
        let Ok((_, payload)) = block::open(&bytes) else {
            continue;
        };
        let Ok(columns) = Columns::open(payload, header.first_stamp) else {
            continue;
        };
        let definitions = columns.definitions().filter_map(Result::ok);
        all.extend(definitions.map(|definition| (header.book, definition)));
    }
    Ok(all)
}

impl Replaying {
    fn new(logs: Vec<(u32, Recovered)>, own: u32) -> Option<Replaying> {
        let logs: VecDeque<LogReplay> = logs
            .into_iter()
            .filter(|(lineage, recovered)| *lineage != own || !recovered.blocks.is_empty())
            .map(|(lineage, recovered)| LogReplay::new(lineage, recovered, lineage != own))
            .collect();
        (!logs.is_empty()).then(|| Replaying {
            logs,
            finished: Vec::new(),
            points: 0,
        })
    }

    pub(super) fn is_done(&self) -> bool {
        self.logs.is_empty()
    }

    /// Points that are back.
    pub(super) fn points(&self) -> u64 {
        let under_way = self.logs.front().map_or(0, |log| log.player.points);
        self.points + under_way
    }

    fn step(&mut self, store: &mut Store) -> bool {
        let Some(log) = self.logs.front_mut() else {
            return false;
        };
        log.replay.poll(&mut store.jobs.desk(owner::REPLAY));
        let LogReplay { replay, player, .. } = log;
        let went = replay.step(REPLAYED_AT_ONCE, &mut Visit { player, store });
        if !log.replay.is_done() {
            return went;
        }
        if let Some(mut done) = self.logs.pop_front() {
            done.player.end(done.end, store);
            self.points += done.player.points;
            if done.player.unreadable > 0 {
                store.trouble(format!(
                    "{} values of the log of shard {} cannot be told, because values before them are lost",
                    done.player.unreadable, done.player.lineage
                ));
            }
            if !done.files.is_empty() {
                self.finished
                    .push((done.player.lineage, done.player.last_floor, done.files));
            }
        }
        !self.logs.is_empty()
    }
}

impl LogReplay {
    fn new(lineage: u32, recovered: Recovered, foreign: bool) -> LogReplay {
        let files = recovered
            .start
            .files
            .iter()
            .map(|file| Arc::clone(&file.name));
        LogReplay {
            end: recovered.start.next_sequence,
            files: if foreign { files.collect() } else { Vec::new() },
            player: Player {
                lineage,
                book: lineage,
                filling: None,
                sequence: 0,
                series: Vec::new(),
                holes: 0,
                read: None,
                points: 0,
                unreadable: 0,
                has_texts: false,
                last_floor: 0,
            },
            replay: Replay::new(recovered.blocks),
        }
    }
}

impl Player {
    /// All of a generation of the log is here; the next begins at block `floor`. It becomes one of the
    /// head as a whole: the log is never given up in the midst of a generation, where values hang on
    /// those before them.
    fn end(&mut self, floor: u64, store: &mut Store) {
        if let Some((_, mut generation)) = self.filling.take() {
            generation.floor = floor;
            self.last_floor = floor;
            store.add_replayed(generation);
        }
    }

    fn begin_block(&mut self, found: &FoundBlock, store: &mut Store) {
        let header = &found.header;
        let filling = self.filling.as_ref();
        let same = filling.is_some_and(|(generation, _)| *generation == header.generation);
        let hole = if same {
            self.sequence + 1 != header.sequence
        } else {
            self.series.clear();
            self.holes = 0;
            found.is_behind_hole
        };
        self.holes += u32::from(hole);
        if !same {
            self.end(header.sequence, store);
            let generation = store.new_replayed(self.lineage);
            self.filling = Some((header.generation, generation));
        }
        self.sequence = header.sequence;
        self.book = header.book;
        self.read = None;
    }

    /// The value that `values` start with: none where it hangs on a lost one; and how many bytes it took.
    fn value(&mut self, number: u32, values: &[u8]) -> Option<(Option<Number>, usize)> {
        let at = number as usize;
        if self.series.len() <= at {
            self.series.resize(at + 1, Played::default());
        }
        let (played, holes) = (&mut self.series[at], self.holes);
        let known = played.holes == holes;
        let (value, len) = token::take(values, &mut played.last)?;
        if known {
            return Some((Some(value), len));
        }
        if token::stands_alone(values) {
            if !value.is_float() {
                played.holes = holes;
            }
            return Some((Some(value), len));
        }
        Some((None, len))
    }
}

struct Visit<'a> {
    player: &'a mut Player,
    store: &'a mut Store,
}

/// The number of the read with that stamp; `last` is the read at hand.
#[inline]
fn read_number(last: &mut Option<(u64, u32)>, head: &mut Head, stamp: u64) -> u32 {
    match *last {
        Some((known, read)) if known == stamp => read,
        _ => {
            let read = head.read_number(Stamp(stamp));
            *last = Some((stamp, read));
            read
        }
    }
}

impl Visit<'_> {
    /// A point that is no number.
    #[cold]
    fn text(&mut self, point: Point, values: &[u8]) -> Option<usize> {
        let (text, len) = token::take_text(values)?;
        let player = &mut *self.player;
        player.has_texts = true;
        if let Some(played) = player.series.get_mut(point.number as usize) {
            played.holes = player.holes;
        }
        let id = self.store.catalog.series_of(player.book, point.number);
        match id.filter(|&id| self.store.series(id).values == Values::Text) {
            Some(id) => self.text_of(point, id, Some(text)),
            None => player.unreadable += 1,
        }
        Some(len)
    }

    /// A point of a series of texts: this one, or the last of the series again.
    fn text_of(&mut self, point: Point, id: SeriesId, text: Option<&str>) {
        let player = &mut *self.player;
        let Some((_, generation)) = &mut player.filling else {
            player.unreadable += 1;
            return;
        };
        let head = &mut generation.head;
        let read = read_number(&mut player.read, head, point.stamp);
        if head.ids_end() <= id.0 {
            head.admit(id);
        }
        let (pool, numbers) = (&mut self.store.pool, self.store.catalog.numbers());
        let time = Millis(point.time_ms);
        let put = match text {
            Some(text) => head
                .append_text(pool, id, numbers, time, read, text)
                .is_ok(),
            None if head.last_text(id).is_some() => head
                .append_text_again(pool, id, numbers, time, read)
                .is_ok(),
            None => false,
        };
        match put {
            true => player.points += 1,
            false => player.unreadable += 1,
        }
    }
}

impl Visitor for Visit<'_> {
    fn block(&mut self, block: &FoundBlock) {
        self.player.begin_block(block, self.store);
    }

    /// All definitions were read when the store was opened.
    fn definition(&mut self, _: Definition) {}

    #[inline]
    fn point(&mut self, point: Point, values: &[u8]) -> Option<usize> {
        let player = &mut *self.player;
        let Some((value, len)) = player.value(point.number, values) else {
            return self.text(point, values);
        };
        let id = self.store.catalog.series_of(player.book, point.number);
        let (Some(value), Some(id), Some((_, generation))) = (value, id, &mut player.filling)
        else {
            player.unreadable += 1;
            return Some(len);
        };
        if player.has_texts && self.store.series(id).values == Values::Text {
            self.text_of(point, id, None);
            return Some(len);
        }
        let head = &mut generation.head;
        let read = read_number(&mut player.read, head, point.stamp);
        if head.ids_end() <= id.0 {
            head.admit(id);
        }
        let (pool, numbers) = (&mut self.store.pool, self.store.catalog.numbers());
        let time = Millis(point.time_ms);
        match head.append(pool, id, numbers, time, read, value) {
            Ok(_) => player.points += 1,
            // Neither bytes nor windows are bounded here, so this is counted, not met.
            Err(_) => player.unreadable += 1,
        }
        Some(len)
    }

    fn damaged(&mut self, block: &FoundBlock, reason: &str) {
        self.player.holes += 1;
        self.store.trouble(format!(
            "block {} of the log of shard {} in {} cannot be read: {reason}",
            block.header.sequence, self.player.lineage, block.name
        ));
    }
}
