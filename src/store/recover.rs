//! From a data folder back to a store: what is found before anything runs, and the replay of the log
//! while it runs.
//!
//! [`open`] reads the manifest and the heads of all logs, and deals books and logs out to the shards,
//! however many there were before. Each shard then reads its books and the definitions in its logs, so that
//! all series are known and keep their numbers; the points of the logs are replayed in slices, into
//! generations of their own, while new points arrive already. A generation of the log is one of the head
//! again, and is sealed like any other; until then its log stays. So a crash in the middle of it changes
//! nothing.
//!
//! Damage costs what cannot be read, and no more: the store opens with the rest, says so, and until the
//! next start answers say that they may lack points ([`Store::has_lost`]).

mod opening;
mod replaying;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::catalog::{Catalog, adopted};
use super::control::{self, Control, ControlError, Loaded};
use super::definition::Definition;
use super::info::segment_path;
use super::log::found::ScanError;
use super::log::{self, Recovered, Scan};
use super::manifest::{self, Manifest, ManifestError, Version};
use super::properties::AllProperties;
use super::{Lost, Options, Place, Store, book};
use crate::base::time::Stamp;
use crate::model::series::SeriesId;
use crate::seam::Disk;
use opening::{Opening, definitions};
pub(super) use replaying::Replaying;

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
    /// What stands at the ends of files and counts for nothing: usual after a power cut, and after no other
    /// end.
    pub ends: Vec<String>,
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
    let end = loaded.as_ref().and_then(Loaded::end_in_words);
    let ends = manifest.end_in_words().into_iter().chain(end);
    let mut ends: Vec<String> = ends.map(str::to_owned).collect();
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
            ends.extend(recovered.report.end_in_words(lineage));
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
        ends,
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
    for (file, bytes, wanted) in &found.cut {
        let path = segment_path(*file);
        notes.push(format!(
            "{path} has {bytes} bytes instead of {wanted}: its points are missing from answers; put it back \
             from a snapshot or a copy"
        ));
    }
    found.gone.iter().for_each(|&file| manifest.gone(file));
    manifest.raise_numbers(found.next_file);
    Ok((notes, found.removals))
}

/// What a log has lost, in words.
fn tell(lineage: u32, recovered: &Recovered) -> Vec<String> {
    let (report, mut notes) = (&recovered.report, Vec::new());
    let lost = report.lost_blocks();
    if lost > 0 {
        let first = report.holes.first().map_or(0, |hole| hole.first_sequence);
        notes.push(format!(
            "the log of shard {lineage} has lost {lost} blocks that had been written (the first is \
             {first}); what is before and behind them is kept, and answers say that they may lack points; \
             check the disk"
        ));
    }
    if let Some((name, offset)) = report.unreadable.first() {
        let (pages, may) = (report.unreadable.len(), report.lost_places);
        notes.push(format!(
            "the disk cannot read {pages} places of the log of shard {lineage}, the first at byte {offset} \
             of {name}; acknowledged points may have been in {may} of them. What can be read is kept; the \
             file goes to the folder quarantine when it is not needed any more; check the disk"
        ));
    }
    notes
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
            properties: AllProperties::default(),
            adopted: Vec::new(),
            notes: Vec::new(),
            lost_books: 0,
            define,
            shard,
        };
        let life = start.life;
        let mut book = None;
        let books = std::iter::once(own).chain(start.adopted.iter().copied());
        for number in books.clone() {
            let reader = opening.read_book(disk, number, &start)?;
            if number == own {
                book = reader.map(|reader| reader.into_writer(life));
            }
        }
        let book = book.unwrap_or_else(|| book::Writer::new(own, life));
        let booked = book.next_number();
        opening.catalog.booked(booked);
        let mut unbooked = VecDeque::new();
        let mut lost = Lost {
            blocks: 0,
            books: opening.lost_books,
        };
        let mut logs = start.logs;
        let known = start.version.books();
        let known: HashMap<u32, u32> = known.map(|(book, info)| (book, info.numbers)).collect();
        for (lineage, recovered) in &logs {
            // Of a log that is only read a part may be sealed, under another book: its definitions are
            // nowhere else, and the rest needs them. Its files stay until all of it is sealed.
            let whole = match *lineage == own {
                true => None,
                false => Some(Scan::run(disk, *lineage as u16, 0, None)?),
            };
            lost.blocks += recovered.report.lost_in_all();
            let recovered = whole.as_ref().unwrap_or(recovered);
            for definition in definitions(disk, recovered, known.clone()) {
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
            notes,
            ..
        } = opening;
        let mut store = Store::new(options, start.place, (log, book), catalog, start.version);
        store.lost = lost;
        notes.into_iter().for_each(|note| store.trouble(note));
        store.books = all_books;
        store.properties = properties;
        let mortal = store.properties.iter();
        let mortal = mortal.filter(|(_, properties)| properties.ttl_seconds != 0);
        let mortal: Vec<SeriesId> = mortal.map(|(id, _)| id).collect();
        mortal.into_iter().for_each(|id| store.keep_order(id));
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
}
