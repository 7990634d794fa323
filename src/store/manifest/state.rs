//! What the changes so far sum up to, and what an edit changes.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::change::{Change, REASON_BYTES_MAX};
use super::edit::{Edit, Refused};
use super::layers::WINDOW_MS_MAX;
use super::version::{BookInfo, Fate, Version};
use crate::store::info::SegmentInfo;
use crate::store::tombstone::{SERIES_MAX, TOMBSTONES_MAX, Target, Tombstone};

/// Segments at a time.
pub const SEGMENTS_MAX: usize = 1_000_000;
/// Books.
pub const BOOKS_MAX: usize = 65_536;
/// Logs that have a floor.
pub const LOGS_MAX: usize = 65_536;
/// Files and pages in quarantine.
pub const QUARANTINED_MAX: usize = 10_000;
/// Series of all tombstones together.
pub const SERIES_ENTOMBED_MAX: usize = 1_000_000;

/// A version that is still changed, and where its files are.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct State {
    pub(super) version: Version,
    by_file: HashMap<u64, SegmentInfo>,
    series_entombed: usize,
}

impl State {
    /// Apply one change.
    pub(super) fn apply(&mut self, change: Change) -> Result<(), &'static str> {
        let version = &mut self.version;
        let fine = match change {
            Change::Head {
                next_file,
                clock,
                next_tombstone,
            } => {
                version.next_file = version.next_file.max(next_file);
                version.clock = version.clock.max(clock);
                if next_tombstone > version.tombstones.next() {
                    Arc::make_mut(&mut version.tombstones).raise(next_tombstone);
                }
                true
            }
            Change::Book { book, info } => {
                let known = version.books.insert(book, info).unwrap_or_default();
                known.numbers <= info.numbers && known.bytes <= info.bytes
            }
            Change::Floor { log, floor } => version.floors.insert(log, floor).unwrap_or(0) <= floor,
            Change::List(info) => return self.list(info),
            Change::Unlist { file, fate } => return self.unlist(file, fate),
            Change::Leaving { file, fate } => {
                let leaving = Arc::make_mut(&mut version.leaving);
                leaving.insert(file, fate).is_none() && !self.by_file.contains_key(&file)
            }
            Change::Gone { file } => Arc::make_mut(&mut version.leaving).remove(&file).is_some(),
            Change::Entomb { number, tombstone } => {
                let fine = number >= version.tombstones.next() && number < u64::MAX;
                self.series_entombed += series_of(&tombstone);
                // Whatever arrives from now on arrives behind it, after any start.
                version.clock = version.clock.max(tombstone.stamp);
                Arc::make_mut(&mut version.tombstones).add(number, tombstone);
                fine
            }
            Change::Forget { number } => {
                let gone = Arc::make_mut(&mut version.tombstones).forget(number);
                self.series_entombed -= gone.as_ref().map_or(0, series_of);
                gone.is_some()
            }
            Change::Revive { stamp, series } => {
                let tombstones = Arc::make_mut(&mut version.tombstones);
                series
                    .into_iter()
                    .for_each(|series| tombstones.revive(series, stamp));
                true
            }
            Change::Quarantine { file, page, reason } => {
                Arc::make_mut(&mut version.quarantined).insert((file, page), reason);
                true
            }
            Change::Pardon { file } => {
                pardon(version, file);
                true
            }
        };
        if fine {
            Ok(())
        } else {
            Err("a change that does not fit what was before it")
        }
    }

    fn list(&mut self, info: SegmentInfo) -> Result<(), &'static str> {
        let leaves = self.version.leaving.contains_key(&info.file);
        if leaves || self.by_file.contains_key(&info.file) {
            return Err("a file that is listed twice");
        }
        self.check(&info)
            .map_err(|_| "a file whose description contradicts itself")?;
        self.by_file.insert(info.file, info);
        self.version.clock = self.version.clock.max(info.last_stamp);
        self.version.layers.add(info);
        Ok(())
    }

    fn unlist(&mut self, file: u64, fate: Fate) -> Result<(), &'static str> {
        let info = self
            .by_file
            .remove(&file)
            .ok_or("a file that goes but was not listed")?;
        self.version.layers.remove(&info);
        Arc::make_mut(&mut self.version.leaving).insert(file, fate);
        if fate == Fate::Removed {
            pardon(&mut self.version, file);
        }
        Ok(())
    }

    /// Whether what is told of a file is possible here.
    fn check(&self, info: &SegmentInfo) -> Result<(), Refused> {
        if !self.version.books.contains_key(&info.book) {
            return Err(Refused::NoBook(info.book));
        }
        if info.file >= self.version.next_file {
            return Err(Refused::NotGiven(info.file));
        }
        let is_window = (1..=WINDOW_MS_MAX).contains(&info.window_ms);
        let is_ordered = info.first_ms <= info.last_ms && info.first_stamp <= info.last_stamp;
        if is_window && is_ordered {
            Ok(())
        } else {
            Err(Refused::Contradiction(info.file))
        }
    }

    /// What `edit` changes, if it may.
    pub(super) fn changes(&self, edit: Edit) -> Result<Vec<Change>, Refused> {
        match edit {
            Edit::AddBook { book } => self.add_book(book),
            Edit::GrowBook {
                book,
                numbers,
                bytes,
            } => Ok(vec![self.grow(book, BookInfo { numbers, bytes })?]),
            Edit::Seal {
                log,
                floor,
                book,
                numbers,
                book_bytes,
                added,
            } => {
                let info = BookInfo {
                    numbers,
                    bytes: book_bytes,
                };
                let mut changes = vec![self.grow(book, info)?, self.floor(log, floor)?];
                changes.extend(self.added(added, 0)?);
                Ok(changes)
            }
            Edit::Floor { log, floor } => Ok(vec![self.floor(log, floor)?]),
            Edit::Merge {
                removed,
                added,
                tombstones,
            } => {
                self.check_masked(&removed, tombstones)?;
                let mut changes = self.removed(&removed)?;
                changes.extend(self.added(added, removed.len())?);
                Ok(changes)
            }
            Edit::Retain { removed } => self.removed(&removed),
            Edit::Entomb(tombstone) => self.entomb(tombstone),
            Edit::Revive { series, .. } if SERIES_MAX < series.len() => {
                Err(Refused::TooMany("series with points again"))
            }
            Edit::Revive { stamp, series } => Ok(vec![Change::Revive { stamp, series }]),
            Edit::Forget { tombstones } => self.forget(&tombstones),
            Edit::Quarantine { file, page, reason } => self.quarantine(file, page, reason),
            Edit::Pardon { file } => match self.by_file.get(&file) {
                Some(_) => Err(Refused::Listed(file)),
                None => Ok(vec![Change::Pardon { file }]),
            },
            Edit::Stamp(clock) => Ok(vec![Change::Head {
                next_file: 0,
                clock,
                next_tombstone: 0,
            }]),
        }
    }

    fn add_book(&self, book: u32) -> Result<Vec<Change>, Refused> {
        if self.version.books.contains_key(&book) {
            return Err(Refused::BookThere(book));
        }
        if self.version.books.len() >= BOOKS_MAX {
            return Err(Refused::TooMany("books"));
        }
        let info = BookInfo::default();
        Ok(vec![Change::Book { book, info }])
    }

    fn grow(&self, book: u32, info: BookInfo) -> Result<Change, Refused> {
        let known = self.version.book(book).ok_or(Refused::NoBook(book))?;
        if info.numbers < known.numbers || info.bytes < known.bytes {
            return Err(Refused::BookShorter(book));
        }
        Ok(Change::Book { book, info })
    }

    fn floor(&self, log: u32, floor: u64) -> Result<Change, Refused> {
        let floors = &self.version.floors;
        if floor < self.version.floor(log) {
            return Err(Refused::FloorLower(log));
        }
        if floors.len() >= LOGS_MAX && !floors.contains_key(&log) {
            return Err(Refused::TooMany("logs"));
        }
        Ok(Change::Floor { log, floor })
    }

    fn added(&self, added: Vec<SegmentInfo>, removed: usize) -> Result<Vec<Change>, Refused> {
        if (self.by_file.len() + added.len()).saturating_sub(removed) > SEGMENTS_MAX {
            return Err(Refused::TooMany("segments"));
        }
        let mut seen = HashSet::new();
        for info in &added {
            let is_leaving = self.version.leaving.contains_key(&info.file);
            if self.by_file.contains_key(&info.file) || is_leaving || !seen.insert(info.file) {
                return Err(Refused::Listed(info.file));
            }
            self.check(info)?;
        }
        Ok(added.into_iter().map(Change::List).collect())
    }

    fn removed(&self, removed: &[u64]) -> Result<Vec<Change>, Refused> {
        let mut seen = HashSet::new();
        let unlist = |&file: &u64| match self.by_file.contains_key(&file) && seen.insert(file) {
            true => Ok(Change::Unlist {
                file,
                fate: Fate::Removed,
            }),
            false => Err(Refused::NotListed(file)),
        };
        removed.iter().map(unlist).collect()
    }

    /// A merge of files from before and behind a tombstone must have applied it.
    fn check_masked(&self, removed: &[u64], applied: u64) -> Result<(), Refused> {
        let last_stamps = removed.iter().filter_map(|file| self.by_file.get(file));
        let last_stamps = last_stamps.map(|info| info.last_stamp);
        let (Some(lowest), Some(highest)) = (last_stamps.clone().min(), last_stamps.max()) else {
            return Ok(());
        };
        let mut missed = self
            .version
            .tombstones
            .iter()
            .filter(|&(number, tombstone)| {
                number >= applied && lowest < tombstone.stamp && tombstone.stamp <= highest
            });
        missed
            .next()
            .map_or(Ok(()), |(number, _)| Err(Refused::Unmasked(number)))
    }

    /// What it covers goes with it.
    fn entomb(&self, tombstone: Tombstone) -> Result<Vec<Change>, Refused> {
        let tombstones = &self.version.tombstones;
        let series = series_of(&tombstone);
        let covered = tombstones.covered_by(&tombstone);
        if tombstones.len() - covered.len() >= TOMBSTONES_MAX {
            return Err(Refused::TooMany("tombstones"));
        }
        let less = covered.iter().filter_map(|&number| tombstones.get(number));
        let less: usize = less.map(series_of).sum();
        if series > SERIES_MAX || self.series_entombed + series > SERIES_ENTOMBED_MAX + less {
            return Err(Refused::TooMany("deleted series"));
        }
        let metric_bytes_max = crate::model::series::NAME_BYTES_MAX;
        if matches!(&tombstone.target, Target::Metric(metric) if metric.len() > metric_bytes_max) {
            return Err(Refused::TooMany("bytes in a metric's name"));
        }
        let number = tombstones.next();
        let entomb = Change::Entomb { number, tombstone };
        // The new one first: what is known of its series stays.
        let forget = covered.into_iter().map(|number| Change::Forget { number });
        Ok(std::iter::once(entomb).chain(forget).collect())
    }

    fn forget(&self, numbers: &[u64]) -> Result<Vec<Change>, Refused> {
        let mut seen = HashSet::new();
        let forget = |&number: &u64| match self.version.tombstones.get(number) {
            Some(_) if seen.insert(number) => Ok(Change::Forget { number }),
            _ => Err(Refused::NoTombstone(number)),
        };
        numbers.iter().map(forget).collect()
    }

    fn quarantine(
        &self,
        file: u64,
        page: Option<u64>,
        mut reason: String,
    ) -> Result<Vec<Change>, Refused> {
        if !self.by_file.contains_key(&file) {
            return Err(Refused::NotListed(file));
        }
        if self.version.quarantined.len() >= QUARANTINED_MAX {
            return Err(Refused::TooMany("files and pages in quarantine"));
        }
        reason.truncate(reason.floor_char_boundary(REASON_BYTES_MAX));
        let mut changes = vec![Change::Quarantine { file, page, reason }];
        if page.is_none() {
            let fate = Fate::Quarantined;
            changes.push(Change::Unlist { file, fate });
        }
        Ok(changes)
    }
}

fn series_of(tombstone: &Tombstone) -> usize {
    match &tombstone.target {
        Target::Series(identities) => identities.len(),
        Target::Metric(_) => 1,
    }
}

fn pardon(version: &mut Version, file: u64) {
    let of_file = (file, None)..=(file, Some(u64::MAX));
    if version.quarantined.range(of_file).next().is_some() {
        Arc::make_mut(&mut version.quarantined).retain(|&(other, _), _| other != file);
    }
}
