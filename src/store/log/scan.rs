//! Finds the log of a shard after a start: reads its files once, and says which blocks are to be
//! replayed and where the next one goes.
//!
//! Reading is cut into steps of one window, so that whoever starts many shards can do other things
//! between. Nothing is written: to scan again after a crash in the middle gives the same.

use std::sync::Arc;

use super::block::{self, BYTES_MAX, FILE_HEADER_BYTES, Fault, FileHeader, Header};
use super::chain::{Chain, Hole, Link, chain};
use super::found::{Found, FoundFile, Recovered, Report, ScanError, Start};
use super::names;
use crate::seam::Disk;
use crate::seam::disk::BLOCK_BYTES as PAGE_BYTES;
use crate::store::tries;

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
    gaps: Vec<Gap>,
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

/// A page that cannot be read. Blocks follow each other without gaps: so what may have been there is told by
/// the blocks around it.
#[derive(Debug)]
struct Gap {
    name: Arc<str>,
    /// The block before it in its file.
    after: Option<u64>,
    /// The block behind it.
    before: Option<u64>,
}

impl Gap {
    /// The lowest number of the log that may have been there.
    fn candidate(&self, floor: u64) -> Option<u64> {
        self.after.map(|after| floor.max(after.saturating_add(1)))
    }

    /// Whether a block of the log may have been there; `has` knows which numbers are there, `pages` of its
    /// file cannot be read.
    fn is_lost(&self, floor: u64, pages: u64, has: impl Fn(u64) -> bool) -> bool {
        match (self.after, self.before) {
            (Some(after), _) if after.saturating_add(pages) < floor => false,
            (Some(_), _) => self.candidate(floor).is_some_and(|first| !has(first)),
            (None, Some(before)) => floor < before && !has(before - 1),
            (None, None) => true,
        }
    }
}

impl Scan {
    /// The log of `shard` from block `floor` on. With a `book`, blocks of others are left alone.
    ///
    /// # Errors
    /// If the folder cannot be listed.
    pub fn new(
        disk: &dyn Disk,
        shard: u16,
        floor: u64,
        book: Option<u32>,
    ) -> Result<Scan, ScanError> {
        let mut files = Vec::new();
        for (name, bytes) in disk.list(names::FOLDER).map_err(ScanError::List)? {
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
            is_damaged: false,
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
            gaps: Vec::new(),
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

    fn open(&mut self, disk: &dyn Disk, mut file: FoundFile) -> Result<Reading, ScanError> {
        let read = self.read(disk, &file.name, 0, FILE_HEADER_BYTES);
        file.is_damaged = read.is_none();
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
                if !is_blank && !file.is_damaged {
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
        let bytes = match self.read(disk, &name, reading.offset, WINDOW_BYTES) {
            Some(bytes) => bytes,
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
        let is_last = bytes.len() < WINDOW_BYTES;
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
        reading.file.is_damaged = true;
        if !reading.is_blank {
            self.gaps.push(Gap {
                name: reading.file.name.clone(),
                after: reading.last,
                before: None,
            });
        }
    }

    /// As much of the largest block as can be read page by page.
    fn grow(&mut self, disk: &dyn Disk, reading: &Reading, mut bytes: Vec<u8>) -> Vec<u8> {
        while bytes.len() < BYTES_MAX {
            let offset = reading.offset + bytes.len() as u64;
            match tries::read_at(disk, &reading.file.name, offset, PAGE_BYTES) {
                Ok(page) if !page.is_empty() => bytes.extend_from_slice(&page),
                _ => break,
            }
        }
        self.report.bytes += bytes.len().saturating_sub(PAGE_BYTES) as u64;
        bytes
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
            let gaps = self.gaps.iter_mut().rev();
            let own = gaps.take_while(|gap| gap.name == reading.file.name);
            own.for_each(|gap| gap.before = gap.before.or(Some(header.sequence)));
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
        let unreadable = self.gaps.iter().filter_map(|gap| gap.candidate(floor));
        let chain = chain(&links, floor, &unreadable.collect::<Vec<u64>>());
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
        let pages =
            |name: &Arc<str>| self.gaps.iter().filter(|gap| gap.name == *name).count() as u64;
        let is_lost = |gap: &&Gap| gap.is_lost(self.floor, pages(&gap.name), has);
        self.report.lost_places = self.gaps.iter().filter(is_lost).count() as u64;
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
        let hurt: Vec<Arc<str>> = hurt.map(|&at| self.found[at].name.clone()).collect();
        for file in &mut self.done {
            file.is_damaged |= hurt.contains(&file.name);
        }
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
        Start {
            // Above what may be where the disk cannot read.
            next_sequence: self
                .last_seen
                .max(below)
                .saturating_add(1 + self.report.lost_places),
            last_sequence: last.map_or(below, |header| header.sequence),
            last_checksum: last.map_or(0, |header| header.checksum),
            next_number: self.next_number,
            next_epoch: self.next_epoch,
            files: std::mem::take(&mut self.done),
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
        let Some(generation) = blocks.get(first).map(|block| block.header.generation) else {
            continue;
        };
        let behind = blocks[first..].iter_mut();
        for block in behind.take_while(|block| block.header.generation == generation) {
            block.is_behind_hole = true;
        }
    }
}
