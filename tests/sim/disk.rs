//! A disk of memory and chance: one folder for all shards of an appliance.
//!
//! Takes the requests of every shard, and gives the results one at a time, in an order that the seed
//! says. It keeps what readers see apart from what is on stable storage, so that it can show what
//! [`SimDisk::kill`] (the process ends) and [`SimDisk::crash`] (power is lost) leave behind.
//!
//! The rules: a write that is done is seen at once and survives a kill; it survives a crash once a
//! sync that began after it is done. Before that, any of its sectors of 512 bytes (or blocks of 4,096)
//! may be there or not, in any order with others. Of a request under way anything from nothing to all
//! may have happened. What a failed sync was to make durable never is by a later sync. A name is
//! durable when its request is done; after a fault it may be either way.
//!
//! It panics where the asker has made a mistake: a part of a block, two writers of one file.

mod device;
mod file;
mod folder;
mod tests;

use std::cell::RefCell;
use std::io;
use std::sync::Arc;

use corelane::seam;
use corelane::seam::disk::{Fault, Job, Request};

pub(crate) use device::{Completion, Faults};
use device::{Device, ROOM_BYTES};
use file::File;
use folder::{Change, folder_of};

/// The polynomial of CRC32C as bits in the order of a file: x^32 first.
const UNSEEN: [u8; 5] = [0xF1, 0x76, 0xEC, 0x05, 0x01];

/// See the head of this module.
#[derive(Debug)]
pub(crate) struct SimDisk(RefCell<Device>);

impl SimDisk {
    /// An empty disk whose chance is fixed by `seed`.
    pub(crate) fn new(seed: u64) -> SimDisk {
        SimDisk(RefCell::new(Device::new(seed)))
    }

    /// From now on things go wrong so often.
    pub(crate) fn set_faults(&self, faults: Faults) {
        self.0.borrow_mut().faults = faults;
    }

    /// The files together may have so many bytes; `None` is no limit.
    pub(crate) fn set_room(&self, bytes: Option<u64>) {
        self.0.borrow_mut().room_bytes = bytes.unwrap_or(ROOM_BYTES);
    }

    /// After so many more effects (results given, calls of [`seam::Disk`]) nothing happens any more:
    /// calls fail, and no request is done. Ends with [`SimDisk::kill`] or [`SimDisk::crash`].
    pub(crate) fn set_outage_after(&self, effects: u64) {
        self.0.borrow_mut().left = Some(effects);
    }

    /// Whether the outage has come.
    pub(crate) fn is_out(&self) -> bool {
        self.0.borrow().left == Some(0)
    }

    /// Take a request.
    pub(crate) fn start(&self, shard: usize, job: Job, request: Request) {
        self.0.borrow_mut().start(shard, job, request);
    }

    /// How many requests are under way.
    pub(crate) fn in_flight(&self) -> usize {
        self.0.borrow().underway.len()
    }

    /// Bring one request to its end, whichever chance picks.
    pub(crate) fn complete(&self) -> Option<Completion> {
        self.0.borrow_mut().complete()
    }

    /// The process ends. What is done stays; of what is under way anything may be done.
    pub(crate) fn kill(&self) {
        let mut device = self.0.borrow_mut();
        device.abandon();
        device.folder.kill();
    }

    /// Power is lost, and comes back.
    pub(crate) fn crash(&self) {
        let device = &mut *self.0.borrow_mut();
        device.abandon();
        device.folder.crash(&mut device.random);
    }

    /// Turn one bit of a file for good. Whether there is such a byte.
    pub(crate) fn rot(&self, name: &str, at: usize, bit: u8) -> bool {
        let device = &mut *self.0.borrow_mut();
        let inode = device.folder.find(name);
        let file = inode.and_then(|inode| device.folder.file_mut(inode));
        file.is_some_and(|file| {
            file.rot(at, bit);
            at < file.bytes().len()
        })
    }

    /// Turn several bits of a file for good, in a way that CRC32C does not tell: the difference is a
    /// multiple of its polynomial.
    pub(crate) fn rot_unseen(&self, name: &str, at: usize) {
        for (byte, bits) in UNSEEN.into_iter().enumerate() {
            for bit in (0..8).filter(|bit| bits & 1 << bit != 0) {
                self.rot(name, at + byte, bit);
            }
        }
    }

    /// All names with the lengths of their files.
    pub(crate) fn names(&self) -> Vec<(String, u64)> {
        let device = self.0.borrow();
        let about =
            |(name, file): (&Arc<str>, &File)| (name.to_string(), file.bytes().len() as u64);
        device.folder.names().map(about).collect()
    }

    /// Bytes of all files.
    pub(crate) fn used_bytes(&self) -> u64 {
        self.0.borrow().folder.used_bytes()
    }

    /// Bytes that went to the device for files right in `folder`; zeros count too.
    pub(crate) fn written_bytes_in(&self, folder: &str) -> u64 {
        let device = self.0.borrow();
        device.written.get(folder).copied().unwrap_or_default()
    }

    /// Bytes that went to the device.
    pub(crate) fn written_bytes(&self) -> u64 {
        self.0.borrow().written.values().sum()
    }
}

impl seam::Disk for SimDisk {
    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        self.0.borrow_mut().call(|device| {
            match device.read(device.folder.find(name), 0, usize::MAX) {
                Ok(bytes) => Ok(Some(bytes)),
                Err(Fault::Missing) => Ok(None),
                Err(fault) => Err(fault),
            }
        })
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.0
            .borrow_mut()
            .call(|device| device.replace(name, bytes))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<(String, u64)>> {
        self.0.borrow_mut().call(|device| {
            let names = device.folder.names();
            let inside = names.filter(|(name, _)| folder_of(name) == folder);
            let bare = |name: &str| name.rsplit('/').next().unwrap_or(name).to_owned();
            let about = |(name, file): (&Arc<str>, &File)| (bare(name), file.bytes().len() as u64);
            let mut listed: Vec<_> = inside.map(about).collect();
            device.random.shuffle(&mut listed);
            Ok(listed)
        })
    }

    fn read_at(&self, name: &str, offset: u64, bytes: usize) -> io::Result<Vec<u8>> {
        self.0
            .borrow_mut()
            .call(|device| device.read(device.folder.find(name), offset as usize, bytes))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.0.borrow_mut().call(|device| {
            device.folder.find(from).ok_or(Fault::Missing)?;
            device.change(Change::Move(Arc::from(from), Arc::from(to)))
        })
    }
}
