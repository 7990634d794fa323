//! A disk in memory that forgets, tears and fails by a seed.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use crate::base::random::Random;
use crate::seam::Disk;
use crate::seam::disk::{Fault, Outcome, Request};

/// A file: what is on stable storage, and the writes that are not.
#[derive(Clone, Debug, Default)]
struct File {
    stable: Vec<u8>,
    unsynced: Vec<(u64, Vec<u8>)>,
    /// A sync of it has failed: what it says afterwards is worth nothing.
    is_broken: bool,
}

impl File {
    fn seen(&self) -> Vec<u8> {
        let mut bytes = self.stable.clone();
        for (offset, write) in &self.unsynced {
            put(&mut bytes, *offset as usize, write);
        }
        bytes
    }
}

fn put(bytes: &mut Vec<u8>, at: usize, write: &[u8]) {
    if bytes.len() < at + write.len() {
        bytes.resize(at + write.len(), 0);
    }
    bytes[at..at + write.len()].copy_from_slice(write);
}

/// The disk.
#[derive(Clone, Debug)]
pub(in super::super) struct FakeDisk {
    random: Random,
    files: BTreeMap<Arc<str>, File>,
    /// Requests for room fail.
    pub(super) is_full: bool,
    /// Percent of writes that fail.
    pub(super) write_faults: u64,
    /// Percent of syncs that fail; the writes may be lost.
    pub(super) sync_faults: u64,
    /// Files that were synced again after a sync of them had failed.
    pub(super) synced_broken: u64,
    pub(super) requests: u64,
    /// Bytes of files that cannot be read.
    pub(super) unreadable: Vec<(Arc<str>, Range<u64>)>,
}

impl FakeDisk {
    pub(super) fn new(seed: u64) -> FakeDisk {
        FakeDisk {
            random: Random::new(seed),
            files: BTreeMap::new(),
            is_full: false,
            write_faults: 0,
            sync_faults: 0,
            synced_broken: 0,
            requests: 0,
            unreadable: Vec::new(),
        }
    }

    pub(super) fn perform(&mut self, request: &Request) -> Result<Outcome, Fault> {
        self.requests += 1;
        match request {
            Request::Create { name, bytes } | Request::Reserve { name, bytes } => {
                if self.is_full {
                    return Err(Fault::Full);
                }
                let file = File {
                    stable: vec![0; *bytes as usize],
                    ..File::default()
                };
                self.files.insert(name.clone(), file);
            }
            Request::Write {
                name,
                offset,
                bytes,
            } => return self.write(name, *offset, bytes),
            Request::Commit {
                name,
                offset,
                bytes,
            } => {
                self.write(name, *offset, bytes)?;
                return self.sync(name);
            }
            Request::Sync { name } => return self.sync(name),
            Request::Read {
                name,
                offset,
                bytes,
            } => {
                let read = self.read_at(name, *offset, *bytes);
                return read.map(Outcome::Bytes).map_err(|_| Fault::Missing);
            }
            Request::Remove { name } => {
                self.files.remove(name);
            }
            other => panic!("a log does not ask for {other:?}"),
        }
        Ok(Outcome::Done)
    }

    fn write(&mut self, name: &Arc<str>, offset: u64, bytes: &[u8]) -> Result<Outcome, Fault> {
        assert!(offset.is_multiple_of(4096) && bytes.len().is_multiple_of(4096));
        let fails = self.random.chance(self.write_faults);
        let file = self.files.get_mut(name).ok_or(Fault::Missing)?;
        assert!(
            offset as usize + bytes.len() <= file.stable.len(),
            "{name}: a write behind the end"
        );
        if self.is_full || fails {
            // Some of it may be there.
            let part = self.random.below(bytes.len() as u64 / 512) as usize * 512;
            file.unsynced.push((offset, bytes[..part].to_vec()));
            let broken = Fault::Broken("input/output error".to_owned());
            return Err(if self.is_full { Fault::Full } else { broken });
        }
        file.unsynced.push((offset, bytes.to_vec()));
        Ok(Outcome::Done)
    }

    fn sync(&mut self, name: &Arc<str>) -> Result<Outcome, Fault> {
        let file = self.files.get_mut(name).ok_or(Fault::Missing)?;
        self.synced_broken += u64::from(file.is_broken);
        let writes = std::mem::take(&mut file.unsynced);
        if self.random.chance(self.sync_faults) {
            file.is_broken = true;
            for (offset, write) in writes {
                if self.random.chance(50) {
                    put(&mut file.stable, offset as usize, &write);
                }
            }
            return Err(Fault::Broken("input/output error".to_owned()));
        }
        for (offset, write) in writes {
            put(&mut file.stable, offset as usize, &write);
        }
        Ok(Outcome::Done)
    }

    /// The power goes: of what was not synced, pieces of `piece` bytes are there or not.
    pub(super) fn crash(&mut self) {
        let piece = if self.random.chance(50) { 512 } else { 4096 };
        let survive = [0, 50, 90, 100][self.random.below(4) as usize];
        for file in self.files.values_mut() {
            for (offset, write) in std::mem::take(&mut file.unsynced) {
                for (at, bytes) in write.chunks(piece).enumerate() {
                    if self.random.chance(survive) {
                        put(&mut file.stable, offset as usize + at * piece, bytes);
                    }
                }
            }
            file.is_broken = false;
        }
    }

    /// Change bytes of a file on stable storage.
    pub(super) fn damage(&mut self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        change(&mut self.files.get_mut(name).expect("a file").stable);
    }

    pub(super) fn names(&self) -> Vec<Arc<str>> {
        self.files.keys().cloned().collect()
    }
}

impl Disk for FakeDisk {
    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        Ok(self.files.get(name).map(File::seen))
    }

    fn replace(&self, _: &str, _: &[u8]) -> io::Result<()> {
        unreachable!("a log replaces nothing")
    }

    fn list(&self, folder: &str) -> io::Result<Vec<(String, u64)>> {
        let start = format!("{folder}/");
        let files = self.files.iter();
        Ok(files
            .filter_map(|(name, file)| {
                Some((
                    name.strip_prefix(&start)?.to_owned(),
                    file.stable.len() as u64,
                ))
            })
            .collect())
    }

    fn read_at(&self, name: &str, offset: u64, bytes: usize) -> io::Result<Vec<u8>> {
        let file = self.files.get(name).ok_or(io::ErrorKind::NotFound)?;
        let end = offset + bytes as u64;
        let is_hit = |(hit, place): &(Arc<str>, Range<u64>)| {
            **hit == *name && place.start < end && offset < place.end
        };
        if self.unreadable.iter().any(is_hit) {
            return Err(io::Error::other("EIO"));
        }
        let from = file.stable.len().min(offset as usize);
        let to = file.stable.len().min(from + bytes);
        let mut read = file.stable[from..to].to_vec();
        for (at, write) in &file.unsynced {
            for (place, byte) in (*at as usize..).zip(write) {
                if (from..to).contains(&place) {
                    read[place - from] = *byte;
                }
            }
        }
        Ok(read)
    }

    fn rename(&self, _: &str, _: &str) -> io::Result<()> {
        unreachable!("a log renames nothing")
    }
}
