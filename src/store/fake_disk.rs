//! A disk for tests: it tears, loses and fails by chance, and forgets at a crash what was not synced.

use std::collections::BTreeMap;
use std::io;

use crate::base::random::Random;
use crate::seam;
use crate::seam::disk::{BLOCK_BYTES, Fault, Job, Jobs, Outcome, Request, Room};

/// What a torn write is torn into.
const SECTOR_BYTES: usize = 512;

#[derive(Clone, Debug, Default)]
struct File {
    /// What a read gives.
    now: Vec<u8>,
    /// What is on stable storage.
    stable: Vec<u8>,
    /// Writes since the last sync.
    unsynced: Vec<(u64, Vec<u8>)>,
    /// A sync failed: what was written before it may never come to the disk, whatever later ones say.
    lost: Vec<(u64, Vec<u8>)>,
    is_poisoned: bool,
}

fn write(content: &mut Vec<u8>, offset: u64, bytes: &[u8]) {
    let (start, end) = (offset as usize, offset as usize + bytes.len());
    if content.len() < end {
        content.resize(end, 0);
    }
    content[start..end].copy_from_slice(bytes);
}

/// The data folder in memory.
#[derive(Clone, Debug)]
pub(crate) struct FakeDisk {
    files: BTreeMap<String, File>,
    under_way: Vec<(Job, Request)>,
    random: Random,
    /// Of a hundred requests, so many fail.
    pub(crate) faults_percent: u64,
    /// Nothing new fits.
    pub(crate) is_full: bool,
    /// Places that cannot be read: in which file, where, and how often that is so.
    pub(crate) unreadable: Vec<(String, u64, u64)>,
    /// Requests carried out.
    pub(crate) requests: u64,
    /// Writes to files of which a sync or a write had failed before.
    pub(crate) writes_after_fault: u64,
}

impl FakeDisk {
    pub(crate) fn new(seed: u64) -> FakeDisk {
        FakeDisk {
            files: BTreeMap::new(),
            under_way: Vec::new(),
            random: Random::new(seed ^ 0xD15C),
            faults_percent: 0,
            is_full: false,
            unreadable: Vec::new(),
            requests: 0,
            writes_after_fault: 0,
        }
    }

    /// Take what was asked.
    pub(crate) fn gather(&mut self, jobs: &mut Jobs) {
        while let Some(asked) = jobs.take() {
            self.ask(asked);
        }
    }

    /// Take one request.
    pub(crate) fn ask(&mut self, asked: (Job, Request)) {
        self.under_way.push(asked);
    }

    /// Carry out one request, whichever.
    pub(crate) fn step(&mut self) -> Option<(Job, Result<Outcome, Fault>)> {
        if self.under_way.is_empty() {
            return None;
        }
        let which = self.random.below(self.under_way.len() as u64) as usize;
        let (job, request) = self.under_way.swap_remove(which);
        self.requests += 1;
        let fails = self.random.chance(self.faults_percent);
        Some((job, self.carry_out(request, fails)))
    }

    fn carry_out(&mut self, request: Request, fails: bool) -> Result<Outcome, Fault> {
        let fault = Fault::Broken("EIO".to_owned());
        match request {
            Request::Create { name, bytes } | Request::Reserve { name, bytes } => {
                if self.is_full {
                    return Err(Fault::Full);
                }
                if fails {
                    return Err(fault);
                }
                let content = vec![0; bytes as usize];
                let file = File {
                    now: content.clone(),
                    stable: content,
                    ..File::default()
                };
                self.files.insert(name.to_string(), file);
            }
            Request::Write {
                name,
                offset,
                bytes,
            } => return self.write(&name, offset, bytes, fails),
            Request::Commit {
                name,
                offset,
                bytes,
            } => {
                self.write(&name, offset, bytes, fails)?;
                return self.sync(&name, false);
            }
            Request::Sync { name } => return self.sync(&name, fails),
            Request::Read {
                name,
                offset,
                bytes,
            } => {
                if fails || self.cannot_read(&name, offset, bytes) {
                    return Err(fault);
                }
                let file = self.files.get(&*name).ok_or(Fault::Missing)?;
                let start = file.now.len().min(offset as usize);
                let end = file.now.len().min(start + bytes);
                return Ok(Outcome::Bytes(file.now[start..end].to_vec()));
            }
            Request::Rename { from, to } => {
                // One that failed may have happened.
                if !fails || self.random.chance(50) {
                    let file = self.files.remove(&*from).ok_or(Fault::Missing)?;
                    self.files.insert(to.to_string(), file);
                }
                if fails {
                    return Err(fault);
                }
            }
            Request::Link { from, to } => {
                let file = self.files.get(&*from).cloned().ok_or(Fault::Missing)?;
                self.files.insert(to.to_string(), file);
            }
            Request::Remove { name } => {
                self.files.remove(&*name);
            }
            Request::Room => return Ok(Outcome::Room(Room::default())),
        }
        Ok(Outcome::Done)
    }

    /// Whether such a read fails, this time.
    fn cannot_read(&mut self, name: &str, offset: u64, bytes: usize) -> bool {
        let end = offset.saturating_add(bytes as u64);
        let hit = self
            .unreadable
            .iter_mut()
            .find(|(file, at, times)| file == name && (offset..end).contains(at) && 0 < *times);
        match hit {
            Some((_, _, times)) => {
                *times -= 1;
                true
            }
            None => false,
        }
    }

    fn write(
        &mut self,
        name: &str,
        offset: u64,
        mut bytes: Vec<u8>,
        fails: bool,
    ) -> Result<Outcome, Fault> {
        assert!(
            offset.is_multiple_of(BLOCK_BYTES as u64) && bytes.len().is_multiple_of(BLOCK_BYTES)
        );
        let file = self.files.get_mut(name).ok_or(Fault::Missing)?;
        self.writes_after_fault += u64::from(file.is_poisoned);
        let grows = offset as usize + bytes.len() > file.now.len();
        let is_full = self.is_full && grows;
        if fails || is_full {
            bytes.truncate(self.random.below(bytes.len() as u64 + 1) as usize);
        }
        write(&mut file.now, offset, &bytes);
        file.unsynced.push((offset, bytes));
        if is_full {
            return Err(Fault::Full);
        }
        if fails {
            file.is_poisoned = true;
            return Err(Fault::Broken("EIO".to_owned()));
        }
        Ok(Outcome::Done)
    }

    fn sync(&mut self, name: &str, fails: bool) -> Result<Outcome, Fault> {
        let file = self.files.get_mut(name).ok_or(Fault::Missing)?;
        if fails {
            file.lost.append(&mut file.unsynced);
            file.is_poisoned = true;
            return Err(Fault::Broken("EIO".to_owned()));
        }
        for (offset, bytes) in file.unsynced.drain(..) {
            write(&mut file.stable, offset, &bytes);
        }
        Ok(Outcome::Done)
    }

    /// The power goes: requests under way happen or not, and of what was not synced any sectors stay.
    pub(crate) fn crash(&mut self) {
        for (_, request) in std::mem::take(&mut self.under_way) {
            if self.random.chance(50) {
                let _ = self.carry_out(request, false);
            }
        }
        for file in self.files.values_mut() {
            let mut lost = std::mem::take(&mut file.lost);
            lost.append(&mut file.unsynced);
            for (offset, bytes) in lost {
                let percent = self.random.below(101);
                for (i, sector) in bytes.chunks(SECTOR_BYTES).enumerate() {
                    if self.random.chance(percent) {
                        let offset = offset + (i * SECTOR_BYTES) as u64;
                        write(&mut file.stable, offset, sector);
                    }
                }
            }
            file.now.clone_from(&file.stable);
            file.is_poisoned = false;
        }
    }

    /// The content of a file, to be harmed.
    pub(crate) fn content(&mut self, name: &str) -> Option<&mut Vec<u8>> {
        self.files.get_mut(name).map(|file| &mut file.now)
    }

    pub(crate) fn put(&mut self, name: &str, bytes: Vec<u8>) {
        // It lies elsewhere now.
        self.unreadable.retain(|(file, _, _)| file != name);
        let file = File {
            stable: bytes.clone(),
            now: bytes,
            ..File::default()
        };
        self.files.insert(name.to_owned(), file);
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.files.keys().cloned().collect()
    }
}

/// What is asked at the start.
impl seam::Disk for std::cell::RefCell<FakeDisk> {
    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let mut disk = self.borrow_mut();
        match disk.cannot_read(name, 0, usize::MAX) {
            true => Err(io::Error::other("EIO")),
            false => Ok(disk.files.get(name).map(|file| file.now.clone())),
        }
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.borrow_mut().put(name, bytes.to_vec());
        Ok(())
    }

    fn list(&self, folder: &str) -> io::Result<Vec<(String, u64)>> {
        let inside = |(path, file): (&String, &File)| {
            let (of, name) = path.rsplit_once('/').unwrap_or(("", path));
            (of == folder).then(|| (name.to_owned(), file.now.len() as u64))
        };
        Ok(self.borrow().files.iter().filter_map(inside).collect())
    }

    fn read_at(&self, name: &str, offset: u64, bytes: usize) -> io::Result<Vec<u8>> {
        let mut disk = self.borrow_mut();
        if disk.cannot_read(name, offset, bytes) {
            return Err(io::Error::other("EIO"));
        }
        let file = disk.files.get(name).ok_or(io::ErrorKind::NotFound)?;
        let start = file.now.len().min(offset as usize);
        let end = file.now.len().min(start.saturating_add(bytes));
        Ok(file.now[start..end].to_vec())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut disk = self.borrow_mut();
        let file = disk.files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        disk.files.insert(to.to_owned(), file);
        Ok(())
    }
}
