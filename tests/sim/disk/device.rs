//! What the simulated disk does with one request, and what becomes of those that are cut off.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use corelane::base::random::Random;
use corelane::seam::disk::{BLOCK_BYTES, Fault, Job, Outcome, Request, Room};

use super::file::File;
use super::folder::{Change, Folder, Inode, folder_of};

/// The room of a disk without a limit.
pub(super) const ROOM_BYTES: u64 = 1 << 40;

/// How often, in a thousand, something goes wrong.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    /// A write fails; a part of it may be done.
    pub(crate) write: u64,
    /// A sync fails.
    pub(crate) sync: u64,
    /// A read fails.
    pub(crate) read: u64,
    /// A read gives one bit turned, only this time.
    pub(crate) flip: u64,
    /// A request that makes, renames, links or removes a name fails, and may have done it.
    pub(crate) name: u64,
    /// A sync says it is done and has done nothing: for showing that this is noticed.
    pub(crate) lie: u64,
    /// Only of files whose names begin so.
    pub(crate) lie_in: &'static str,
}

/// A request that is done.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Completion {
    /// Who asked.
    pub(crate) shard: usize,
    /// Its number there.
    pub(crate) job: Job,
    /// What became of it.
    pub(crate) result: Result<Outcome, Fault>,
}

#[derive(Debug)]
pub(super) struct Underway {
    shard: usize,
    job: Job,
    request: Request,
    /// The file that had the name when it was asked: it stays this one.
    inode: Option<Inode>,
    /// Writes that were done by then.
    number: u64,
    /// It is left for later as long as there are others.
    is_slow: bool,
}

/// The disk behind [`SimDisk`](super::SimDisk).
#[derive(Debug)]
pub(super) struct Device {
    pub(super) random: Random,
    pub(super) folder: Folder,
    pub(super) underway: Vec<Underway>,
    pub(super) faults: Faults,
    pub(super) room_bytes: u64,
    /// Effects until the power goes by itself.
    pub(super) left: Option<u64>,
    writes: u64,
    pub(super) written: BTreeMap<String, u64>,
}

impl Device {
    pub(super) fn new(seed: u64) -> Device {
        Device {
            random: Random::new(seed),
            folder: Folder::default(),
            underway: Vec::new(),
            faults: Faults::default(),
            room_bytes: ROOM_BYTES,
            left: None,
            writes: 0,
            written: BTreeMap::new(),
        }
    }

    pub(super) fn start(&mut self, shard: usize, job: Job, request: Request) {
        let inode = match &request {
            Request::Write { name, .. }
            | Request::Commit { name, .. }
            | Request::Sync { name }
            | Request::Read { name, .. } => self.folder.find(name),
            _ => None,
        };
        check_blocks(&request);
        if let (Request::Write { name, .. } | Request::Commit { name, .. }, Some(inode)) =
            (&request, inode)
        {
            self.check_writer(inode, shard, name);
        }
        self.underway.push(Underway {
            shard,
            job,
            request,
            inode,
            number: self.writes,
            is_slow: self.random.chance(15),
        });
    }

    fn check_writer(&mut self, inode: Inode, shard: usize, name: &str) {
        if let Some(file) = self.folder.file_mut(inode) {
            let writer = *file.writer.get_or_insert(shard);
            assert_eq!(writer, shard, "two shards write {name}");
        }
    }

    pub(super) fn complete(&mut self) -> Option<Completion> {
        if self.underway.is_empty() || !self.spend() {
            return None;
        }
        let mut nth = self.random.below(self.underway.len() as u64) as usize;
        if self.underway[nth].is_slow {
            // It gets a second chance to be overtaken.
            nth = self.random.below(self.underway.len() as u64) as usize;
        }
        let one = self.underway.swap_remove(nth);
        let (shard, job) = (one.shard, one.job);
        let result = self.run(one);
        Some(Completion { shard, job, result })
    }

    /// Whether the power still lasts.
    fn spend(&mut self) -> bool {
        match &mut self.left {
            Some(0) => false,
            Some(left) => {
                *left -= 1;
                true
            }
            None => true,
        }
    }

    fn happens(&mut self, per_thousand: u64) -> bool {
        // Without faults chance is not asked, so that setting them elsewhere does not change this.
        per_thousand != 0 && self.random.below(1000) < per_thousand
    }

    fn run(&mut self, one: Underway) -> Result<Outcome, Fault> {
        match one.request {
            Request::Write {
                ref name,
                offset,
                bytes,
            } => self.write(name, one.inode, offset as usize, bytes)?,
            Request::Commit {
                ref name,
                offset,
                bytes,
            } => {
                self.write(name, one.inode, offset as usize, bytes)?;
                self.sync_own(name, one.inode, self.writes)?;
            }
            Request::Sync { ref name } => self.sync(name, one.inode, one.number)?,
            Request::Read { offset, bytes, .. } => {
                return self
                    .read(one.inode, offset as usize, bytes)
                    .map(Outcome::Bytes);
            }
            Request::Create { name, bytes } | Request::Reserve { name, bytes } => {
                self.create(one.shard, name, bytes)?;
            }
            Request::Rename { from, to } => {
                self.folder.find(&from).ok_or(Fault::Missing)?;
                self.change(Change::Move(from, to))?;
            }
            Request::Link { from, to } => {
                let inode = self.folder.find(&from).ok_or(Fault::Missing)?;
                self.change(Change::Put(to, inode))?;
            }
            Request::Remove { name } => self.change(Change::Take(name))?,
            Request::Room => {
                return Ok(Outcome::Room(Room {
                    total_bytes: self.room_bytes,
                    free_bytes: self.free_bytes(),
                }));
            }
        }
        Ok(Outcome::Done)
    }

    fn free_bytes(&self) -> u64 {
        self.room_bytes.saturating_sub(self.folder.used_bytes())
    }

    fn next_number(&mut self) -> u64 {
        self.writes += 1;
        self.writes
    }

    fn write(
        &mut self,
        name: &str,
        inode: Option<Inode>,
        offset: usize,
        bytes: Vec<u8>,
    ) -> Result<(), Fault> {
        let (number, free) = (self.next_number(), self.free_bytes());
        let fails = self.happens(self.faults.write);
        let file = inode.and_then(|inode| self.folder.file_mut(inode));
        let file = file.ok_or(Fault::Missing)?;
        if free < file.growth(offset, bytes.len()) {
            // What fits may be written.
            let fits = (file.bytes().len() + free as usize).saturating_sub(offset);
            let fits = fits.min(bytes.len()) / BLOCK_BYTES * BLOCK_BYTES;
            if 0 < fits && self.random.chance(50) {
                file.write(number, offset, bytes[..fits].to_vec());
            }
            return Err(Fault::Full);
        }
        *self.written.entry(folder_of(name).to_owned()).or_default() += bytes.len() as u64;
        if fails {
            file.write_torn(number, offset, &bytes, &mut self.random);
            return Err(broken("write"));
        }
        file.write(number, offset, bytes);
        Ok(())
    }

    fn sync(&mut self, name: &str, inode: Option<Inode>, number: u64) -> Result<(), Fault> {
        let (fails, lies) = (
            self.happens(self.faults.sync),
            name.starts_with(self.faults.lie_in) && self.happens(self.faults.lie),
        );
        // What was written while it was under way may be in it or not.
        let number = if self.random.chance(50) {
            number
        } else {
            self.writes
        };
        let file = inode.and_then(|inode| self.folder.file_mut(inode));
        let file = file.ok_or(Fault::Missing)?;
        if fails {
            file.fail_sync(number);
            return Err(broken("sync"));
        }
        if !lies {
            file.sync(number);
        }
        Ok(())
    }

    /// Of a write that is to be durable when it is done: that one alone.
    fn sync_own(&mut self, name: &str, inode: Option<Inode>, number: u64) -> Result<(), Fault> {
        let (fails, lies) = (
            self.happens(self.faults.sync),
            name.starts_with(self.faults.lie_in) && self.happens(self.faults.lie),
        );
        let file = inode.and_then(|inode| self.folder.file_mut(inode));
        let file = file.ok_or(Fault::Missing)?;
        if fails {
            file.fail_sync(number);
            return Err(broken("commit"));
        }
        if !lies {
            file.sync_own(number);
        }
        Ok(())
    }

    pub(super) fn read(
        &mut self,
        inode: Option<Inode>,
        offset: usize,
        bytes: usize,
    ) -> Result<Vec<u8>, Fault> {
        if self.happens(self.faults.read) {
            return Err(broken("read"));
        }
        let flips = self.happens(self.faults.flip);
        let file = inode.and_then(|inode| self.folder.file(inode));
        let all = file.ok_or(Fault::Missing)?.bytes();
        let from = all.len().min(offset);
        let until = all.len().min(from.saturating_add(bytes));
        let mut read = all[from..until].to_vec();
        if flips && !read.is_empty() {
            let at = self.random.below(read.len() as u64) as usize;
            read[at] ^= 1 << self.random.below(8);
        }
        Ok(read)
    }

    fn create(&mut self, shard: usize, name: Arc<str>, bytes: u64) -> Result<(), Fault> {
        // What had the name makes room first.
        let before = self.folder.find(&name);
        let had = before.and_then(|inode| self.folder.file(inode));
        let had = had.map_or(0, |file| file.bytes().len() as u64);
        if self.free_bytes() + had < bytes {
            self.change(Change::Take(name))?;
            return Err(Fault::Full);
        }
        *self.written.entry(folder_of(&name).to_owned()).or_default() += bytes;
        let mut file = File::durable(vec![0; bytes as usize]);
        file.writer = Some(shard);
        let inode = self.folder.add(file);
        self.change(Change::Put(name, inode))
    }

    /// Change a name, and sync its folder.
    pub(super) fn change(&mut self, change: Change) -> Result<(), Fault> {
        if self.happens(self.faults.name) {
            if self.random.chance(50) {
                self.folder.change(&change);
            }
            return Err(broken("sync the folder"));
        }
        self.folder.change(&change);
        self.folder.sync(&change);
        let in_use: Vec<Inode> = self.underway.iter().filter_map(|one| one.inode).collect();
        self.folder.sweep(&in_use);
        Ok(())
    }

    /// Nobody waits for what is under way: some of it happens all the same, one or the other in part.
    pub(super) fn abandon(&mut self) {
        self.left = None;
        let faults = std::mem::take(&mut self.faults);
        let mut underway = std::mem::take(&mut self.underway);
        self.random.shuffle(&mut underway);
        for one in underway {
            match self.random.below(3) {
                0 => {}
                1 => drop(self.run(one)),
                _ => self.run_in_part(one),
            }
        }
        self.faults = faults;
    }

    fn run_in_part(&mut self, one: Underway) {
        let number = self.next_number();
        match one.request {
            Request::Write { offset, bytes, .. } | Request::Commit { offset, bytes, .. } => {
                let Some(file) = one.inode.and_then(|inode| self.folder.file_mut(inode)) else {
                    return;
                };
                file.write_torn(number, offset as usize, &bytes, &mut self.random);
            }
            Request::Create { name, bytes } | Request::Reserve { name, bytes } => {
                // So many of its zeros, and neither they nor the name are synced.
                let zeros = self.random.below(bytes + 1) as usize / BLOCK_BYTES * BLOCK_BYTES;
                let file = File::volatile(number, vec![0; zeros]);
                let inode = self.folder.add(file);
                self.folder.change(&Change::Put(name, inode));
            }
            Request::Rename { from, to } => self.folder.change(&Change::Move(from, to)),
            Request::Link { from, to } => {
                if let Some(inode) = self.folder.find(&from) {
                    self.folder.change(&Change::Put(to, inode));
                }
            }
            Request::Remove { name } => self.folder.change(&Change::Take(name)),
            Request::Sync { .. } | Request::Read { .. } | Request::Room => {}
        }
    }

    /// A call that its caller waits for.
    pub(super) fn call<T>(
        &mut self,
        call: impl FnOnce(&mut Device) -> Result<T, Fault>,
    ) -> io::Result<T> {
        if !self.spend() {
            return Err(io::Error::other("the power is out"));
        }
        call(self).map_err(|fault| match fault {
            Fault::Full => io::Error::from(io::ErrorKind::StorageFull),
            Fault::Missing => io::Error::from(io::ErrorKind::NotFound),
            Fault::Broken(text) => io::Error::other(text),
        })
    }

    pub(super) fn replace(&mut self, name: &str, bytes: &[u8]) -> Result<(), Fault> {
        let new = Arc::from(format!("{name}.new"));
        let number = self.next_number();
        if self.free_bytes() < bytes.len() as u64 {
            return Err(Fault::Full);
        }
        let length = bytes.len().next_multiple_of(BLOCK_BYTES) as u64;
        *self.written.entry(folder_of(name).to_owned()).or_default() += length;
        if self.happens(self.faults.write) || self.left == Some(0) {
            // Only the first half of the work is done.
            let half = bytes[..self.random.below(bytes.len() as u64 + 1) as usize].to_vec();
            let inode = self.folder.add(File::volatile(number, half));
            self.folder.change(&Change::Put(new, inode));
            return Err(broken("write"));
        }
        let inode = self.folder.add(File::durable(bytes.to_vec()));
        self.folder.change(&Change::Put(Arc::clone(&new), inode));
        self.change(Change::Move(new, Arc::from(name)))
    }
}

fn broken(what: &str) -> Fault {
    Fault::Broken(format!("cannot {what}: the simulated device failed"))
}

/// Whoever asks for less than whole blocks would be refused by a real disk.
fn check_blocks(request: &Request) {
    let whole = |bytes: u64| assert!(bytes.is_multiple_of(BLOCK_BYTES as u64), "{request:?}");
    match request {
        Request::Create { bytes, .. } | Request::Reserve { bytes, .. } => whole(*bytes),
        Request::Write { offset, bytes, .. } | Request::Commit { offset, bytes, .. } => {
            whole(*offset);
            whole(bytes.len() as u64);
        }
        Request::Read { offset, bytes, .. } => {
            whole(*offset);
            whole(*bytes as u64);
        }
        _ => {}
    }
}
