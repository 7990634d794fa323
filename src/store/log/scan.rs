//! Finds the log of a shard after a start: reads its files once, and says which blocks are to be
//! replayed and where the next one goes.
//!
//! Reading is cut into steps of one window, so that whoever starts many shards can do other things
//! between. Nothing is written: to scan again after a crash in the middle gives the same.

use std::collections::HashSet;
use std::sync::Arc;

use super::block::{self, BYTES_MAX, FILE_HEADER_BYTES, Fault, FileHeader, Header};
use super::chain::{Chain, Hole, Link, chain};
use super::found::{Found, FoundFile, Recovered, Report, ScanError, Start};
use super::gaps::Gaps;
use super::names;
use crate::seam::Disk;
use crate::seam::disk::BLOCK_BYTES as PAGE_BYTES;
use crate::store::{quarantine, tries};

/// Bytes read at once.
const WINDOW_BYTES: usize = 4 * BYTES_MAX;

/// Behind so many places that cannot be read others are read once only: each try may take seconds.
const TRIED_PLACES: usize = 64;

/// Reading of the files under way.
#[derive(Debug)]
pub struct Scan {
    shard: u16,
    floor: u64,
    book: Option<u32>,
    /// Files to come, the next one last.
    files: Vec<FoundFile>,
    done: Vec<FoundFile>,
    file: Option<Reading>,
    found: Vec<Found>,
    /// Places between blocks that cannot be read.
    gaps: Gaps,
    /// Files of which something is lost, and the names of earlier ones where they are put.
    hurt: HashSet<Arc<str>>,
    aside: HashSet<String>,
    /// Numbers of damaged blocks, as they say themselves.
    damaged: Vec<u64>,
    report: Report,
    last_seen: u64,
    next_epoch: u64,
    next_number: u32,
}

/// The file that is being read.
#[derive(Debug)]
struct Reading {
    file: FoundFile,
    epoch: Option<u64>,
    offset: u64,
    /// The block before this place, if that is known.
    last: Option<u64>,
    /// Whether its first page is full of zeros, as that of a file that was never used.
    is_blank: bool,
}

impl Scan {
    /// The log of `shard` from block `floor` on. With a `book`, blocks of others are left alone.
    ///
    /// # Errors
    /// If a folder cannot be listed.
    pub fn new(
        disk: &dyn Disk,
        shard: u16,
        floor: u64,
        book: Option<u32>,
    ) -> Result<Scan, ScanError> {
        let mut files = Vec::new();
        let fails = |folder| move |error| ScanError::List(folder, error);
        let listed = disk.list(names::FOLDER).map_err(fails(names::FOLDER))?;
        for (name, bytes) in listed {
            if let Some((_, number)) = names::parse(&name).filter(|(owner, _)| *owner == shard) {
                files.push((number, bytes));
            }
        }
        files.sort_unstable_by(|a, b| b.cmp(a));
        let last_number = files.first().map_or(0, |(number, _)| *number);
        let file = |(number, bytes)| FoundFile {
            name: names::path(shard, number),
            bytes,
            last_sequence: 0,
            aside: None,
        };
        Ok(Scan {
            shard,
            floor,
            book,
            report: Report {
                files: files.len() as u64,
                ..Report::default()
            },
            files: files.into_iter().map(file).collect(),
            done: Vec::new(),
            file: None,
            found: Vec::new(),
            gaps: Gaps::default(),
            hurt: HashSet::new(),
            aside: quarantine::taken(disk).map_err(fails(quarantine::FOLDER))?,
            damaged: Vec::new(),
            last_seen: 0,
            next_epoch: 1,
            next_number: last_number.wrapping_add(1),
        })
    }

    /// All steps at once.
    ///
    /// # Errors
    /// As of [`new`](Scan::new) and [`step`](Scan::step).
    pub fn run(
        disk: &dyn Disk,
        shard: u16,
        floor: u64,
        book: Option<u32>,
    ) -> Result<Recovered, ScanError> {
        let mut scan = Scan::new(disk, shard, floor, book)?;
        while !scan.step(disk)? {}
        Ok(scan.finish())
    }

    /// Bytes read so far, and bytes in all, for who shows progress.
    pub fn progress(&self) -> (u64, u64) {
        let rest: u64 = self.files.iter().map(|file| file.bytes).sum();
        let open = self.file.as_ref();
        let open = open.map_or(0, |file| file.file.bytes.saturating_sub(file.offset));
        let done = self.report.bytes;
        (done, done.saturating_add(rest).saturating_add(open))
    }

    /// Read one window. Whether all is read.
    ///
    /// # Errors
    /// If a file is of a version or has features that are not known here.
    pub fn step(&mut self, disk: &dyn Disk) -> Result<bool, ScanError> {
        let mut reading = match self.file.take() {
            Some(reading) => reading,
            None => match self.files.pop() {
                None => return Ok(true),
                Some(file) => self.open(disk, file)?,
            },
        };
        if self.window(disk, &mut reading)? {
            self.file = Some(reading);
        } else {
            self.done.push(reading.file);
        }
        Ok(false)
    }

    fn open(&mut self, disk: &dyn Disk, file: FoundFile) -> Result<Reading, ScanError> {
        let read = self.read(disk, &file.name, 0, FILE_HEADER_BYTES);
        let is_unread = read.is_none();
        if is_unread {
            self.hurt.insert(file.name.clone());
        }
        let is_blank = |page: &Vec<u8>| page.iter().all(|&byte| byte == 0);
        let is_blank = read.as_ref().is_some_and(is_blank);
        let page = read.unwrap_or_default();
        let mut last = None;
        let epoch = match FileHeader::open(&page) {
            Ok(header) if header.shard == self.shard => {
                last = Some(header.first_sequence.saturating_sub(1));
                Some(header.epoch)
            }
            Ok(_) => None,
            Err(Fault::Version(version)) => {
                return Err(ScanError::Version {
                    name: file.name,
                    offset: 0,
                    version,
                });
            }
            Err(Fault::Features(features)) => {
                return Err(ScanError::Features {
                    name: file.name,
                    offset: 0,
                    features,
                });
            }
            Err(Fault::Nothing | Fault::Short(_)) => {
                if !is_blank && !is_unread {
                    self.report.damaged_files.push(file.name.clone());
                }
                None
            }
        };
        self.next_epoch = self.next_epoch.max(epoch.unwrap_or(0).saturating_add(1));
        Ok(Reading {
            file,
            epoch,
            offset: FILE_HEADER_BYTES as u64,
            last,
            is_blank,
        })
    }

    /// None where the disk cannot read.
    fn read(
        &mut self,
        disk: &dyn Disk,
        name: &Arc<str>,
        offset: u64,
        bytes: usize,
    ) -> Option<Vec<u8>> {
        let read = match self.report.unreadable.len() < TRIED_PLACES {
            true => tries::read_at(disk, name, offset, bytes),
            false => disk.read_at(name, offset, bytes),
        };
        match read {
            Ok(read) => {
                self.report.bytes += read.len() as u64;
                Some(read)
            }
            Err(_) => {
                self.report.unreadable.push((name.clone(), offset));
                None
            }
        }
    }

    /// Blocks of the next window. Whether there is more of the file.
    fn window(&mut self, disk: &dyn Disk, reading: &mut Reading) -> Result<bool, ScanError> {
        let name = reading.file.name.clone();
        let (bytes, is_last) = match self.read(disk, &name, reading.offset, WINDOW_BYTES) {
            Some(bytes) => {
                let is_last = bytes.len() < WINDOW_BYTES;
                (bytes, is_last)
            }
            None => {
                // A single bad page must not hide its neighbours.
                self.report.unreadable.pop();
                let Some(page) = self.read(disk, &name, reading.offset, PAGE_BYTES) else {
                    self.skip(reading);
                    return Ok(reading.offset < reading.file.bytes);
                };
                self.grow(disk, reading, page)
            }
        };
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            match block::open(rest) {
                Err(Fault::Short(_)) if at > 0 && !is_last => break,
                found => at += self.take(reading, at, rest, found)?,
            }
        }
        reading.offset += at as u64;
        Ok(reading.offset < reading.file.bytes && at > 0)
    }

    /// The page at hand cannot be read.
    fn skip(&mut self, reading: &mut Reading) {
        reading.offset += PAGE_BYTES as u64;
        self.hurt.insert(reading.file.name.clone());
        if !reading.is_blank {
            self.gaps.push(&reading.file.name, reading.last);
        }
    }

    /// As much of the largest block as can be read page by page; and whether more cannot be read, or is not
    /// there.
    fn grow(&mut self, disk: &dyn Disk, reading: &Reading, mut bytes: Vec<u8>) -> (Vec<u8>, bool) {
        let mut is_last = false;
        while bytes.len() < BYTES_MAX && !is_last {
            let offset = reading.offset + bytes.len() as u64;
            match tries::read_at(disk, &reading.file.name, offset, PAGE_BYTES) {
                Ok(page) if !page.is_empty() => bytes.extend_from_slice(&page),
                _ => is_last = true,
            }
        }
        self.report.bytes += bytes.len().saturating_sub(PAGE_BYTES) as u64;
        (bytes, is_last)
    }

    /// What is at `at` in the window. How many bytes it takes.
    fn take(
        &mut self,
        reading: &mut Reading,
        at: usize,
        rest: &[u8],
        found: Result<(Header, &[u8]), Fault>,
    ) -> Result<usize, ScanError> {
        let offset = reading.offset + at as u64;
        let name = &reading.file.name;
        match found {
            Ok((header, _)) => Ok(self.block(reading, offset, header)),
            Err(Fault::Version(version)) => Err(ScanError::Version {
                name: name.clone(),
                offset,
                version,
            }),
            Err(Fault::Features(features)) => Err(ScanError::Features {
                name: name.clone(),
                offset,
                features,
            }),
            Err(Fault::Nothing | Fault::Short(_)) => {
                let is_ours = |header: &Header| reading.epoch == Some(header.epoch);
                let damaged = block::peek(rest).filter(is_ours);
                self.damaged.extend(damaged.map(|header| header.sequence));
                Ok(PAGE_BYTES)
            }
        }
    }

    fn block(&mut self, reading: &mut Reading, offset: u64, header: Header) -> usize {
        let is_book = self.book.is_none_or(|book| book == header.book);
        if header.shard != self.shard || !is_book {
            self.report.foreign_blocks += 1;
            return header.bytes();
        }
        // Also what is no part of the log must not be taken for a later part of it.
        self.last_seen = self.last_seen.max(header.sequence);
        self.next_epoch = self.next_epoch.max(header.epoch.saturating_add(1));
        let epoch = *reading.epoch.get_or_insert(header.epoch);
        if epoch == header.epoch {
            reading.file.last_sequence = reading.file.last_sequence.max(header.sequence);
            reading.last = Some(header.sequence);
            self.gaps.meet(&reading.file.name, header.sequence);
            self.found.push(Found {
                name: reading.file.name.clone(),
                offset,
                header,
                is_behind_hole: false,
            });
        }
        header.bytes()
    }

    /// The log, when all is read.
    pub fn finish(mut self) -> Recovered {
        let links: Vec<Link> = self.found.iter().map(|block| link(&block.header)).collect();
        let floor = self.floor;
        let chain = chain(&links, floor, self.gaps.candidates(floor));
        self.judge(&chain);
        let start = self.start(&chain);
        let above = self
            .found
            .iter()
            .filter(|block| block.header.sequence >= floor)
            .count();
        self.report.blocks = chain.kept.len() as u64;
        self.report.torn_blocks = chain.torn as u64;
        self.report.beside_blocks = (above - chain.kept.len()).saturating_sub(chain.torn) as u64;
        self.report.mismatched_blocks = chain.mismatched as u64;
        self.report.holes = chain.holes;
        let kept = chain.kept.iter().map(|&at| self.found[at].clone());
        let mut blocks: Vec<Found> = kept.collect();
        mark_behind_holes(&mut blocks, &self.report.holes);
        Recovered {
            blocks,
            report: self.report,
            start,
        }
    }

    /// What of the damage is a loss, and which files have it.
    fn judge(&mut self, chain: &Chain) {
        let sequence = |at: &usize| self.found[*at].header.sequence;
        let kept: Vec<u64> = chain.kept.iter().map(sequence).collect();
        let has = |number: u64| number < self.floor || kept.binary_search(&number).is_ok();
        let losses = self.gaps.losses(self.floor, &chain.holes, has);
        (self.report.lost_places, self.report.lost_apart) = (losses.places, losses.apart);
        let end = kept
            .last()
            .map_or(self.floor.saturating_sub(1), |&last| last);
        let behind = self.damaged.iter().filter(|&&damaged| end < damaged);
        self.report.damaged_blocks = self.damaged.len() as u64;
        self.report.damaged_at_end = behind.count() as u64;
        let around = |hole: &Hole| {
            let at = kept.partition_point(|&kept| kept < hole.first_sequence);
            [at.checked_sub(1), Some(at)]
        };
        let places = chain.holes.iter().flat_map(around).flatten();
        let hurt = places.filter_map(|place| chain.kept.get(place));
        self.hurt
            .extend(hurt.map(|&at| self.found[at].name.clone()));
    }

    fn start(&mut self, chain: &Chain) -> Start {
        let kept = || chain.kept.iter().map(|&at| &self.found[at]);
        let durable = kept()
            .map(|block| block.header.durable())
            .max()
            .unwrap_or(0);
        let mut unsynced: Vec<Arc<str>> = kept()
            .filter(|block| block.header.sequence > durable)
            .map(|block| block.name.clone())
            .collect();
        unsynced.dedup();
        // Without blocks to keep, the floor is where the log ends.
        let below = self.floor.saturating_sub(1);
        let last = kept().next_back().map(|block| &block.header);
        let before = || {
            let all = self.found.iter().map(|block| &block.header);
            all.filter(|header| header.sequence == below)
                .max_by_key(|header| header.epoch)
        };
        let last = last.or_else(before);
        // Above what may be where the disk cannot read.
        let seen = self.last_seen.max(below);
        let next_sequence = seen.saturating_add(1 + self.report.lost_places);
        let mut files = std::mem::take(&mut self.done);
        // They stay until the log is released beyond all that they may hold: a later start may read them.
        for file in files
            .iter_mut()
            .filter(|file| self.hurt.contains(&file.name))
        {
            file.last_sequence = file.last_sequence.max(next_sequence - 1);
            file.aside = Some(names::aside(&file.name, file.last_sequence, &self.aside));
        }
        Start {
            next_sequence,
            last_sequence: last.map_or(below, |header| header.sequence),
            last_checksum: last.map_or(0, |header| header.checksum),
            next_number: self.next_number,
            next_epoch: self.next_epoch,
            files,
            unsynced,
        }
    }
}

fn link(header: &Header) -> Link {
    Link {
        sequence: header.sequence,
        epoch: header.epoch,
        durable: header.durable(),
        previous: header.previous,
        checksum: header.checksum,
        is_first: header.flags & block::FLAG_FIRST != 0,
    }
}

/// A hole spoils what follows in the generation of the first block behind it.
fn mark_behind_holes(blocks: &mut [Found], holes: &[Hole]) {
    for hole in holes {
        let first = blocks.partition_point(|block| block.header.sequence <= hole.last_sequence);
        let behind = blocks.get(first);
        // An earlier hole of the generation has marked all of it.
        let Some(behind) = behind.filter(|behind| !behind.is_behind_hole) else {
            continue;
        };
        let generation = behind.header.generation;
        let behind = blocks[first..].iter_mut();
        for block in behind.take_while(|block| block.header.generation == generation) {
            block.is_behind_hole = true;
        }
    }
}
