//! The open files of one shard, by name: opened once, kept while they are used, the one that was
//! used longest ago closed first.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::rc::Rc;
use std::sync::Arc;

use glommio::sync::Semaphore;

use super::file::OpenFile;
use super::names::{Found, Names};

/// Files a shard keeps open that hold nothing unsynced. More are open only while requests use them
/// or wait for a sync.
pub const FILES_OPEN_MAX: usize = 256;
/// Openings at once; one for each name, so that 1,000 reads of one file open it once.
const OPENERS: usize = 16;

#[derive(Debug)]
struct Entry {
    file: Rc<OpenFile>,
    used: u64,
}

/// See the head of this module.
#[derive(Debug)]
pub(super) struct Files {
    names: Names,
    open: RefCell<HashMap<Arc<str>, Entry>>,
    /// Counts uses, to tell which lies back longest.
    clock: Cell<u64>,
    /// Counts changes of names. A file that was looked up before one may not be what has the name now.
    changes: Cell<u64>,
    openers: [Semaphore; OPENERS],
}

impl Files {
    pub(super) fn new(names: Names) -> Files {
        Files {
            names,
            open: RefCell::default(),
            clock: Cell::new(0),
            changes: Cell::new(0),
            openers: std::array::from_fn(|_| Semaphore::new(1)),
        }
    }

    /// The file `name`, opened if it is not yet (or not for writing, if that is wanted).
    pub(super) async fn get(&self, name: &Arc<str>, writable: bool) -> io::Result<Rc<OpenFile>> {
        if let Some(file) = self.kept(name, writable) {
            return Ok(file);
        }
        let opener = &self.openers[self.opener_of(name)];
        // Refused only once the semaphore was closed, which nobody does.
        let _turn = opener.acquire_permit(1).await.ok();
        if let Some(file) = self.kept(name, writable) {
            return Ok(file);
        }
        let changes = self.changes.get();
        let found = self.names.find(name).await?;
        let file = Rc::new(OpenFile::open(&found.path(), writable).await?);
        if changes == self.changes.get() {
            self.keep(name, &file);
        }
        Ok(file)
    }

    /// Open the file that was just made as `name`, for writing.
    pub(super) async fn adopt(&self, name: &Arc<str>, made: Found) -> io::Result<Rc<OpenFile>> {
        let file = Rc::new(OpenFile::open(&made.path(), true).await?);
        self.change();
        self.keep(name, &file);
        Ok(file)
    }

    /// `name` is no longer that of the file which is open, or will not be.
    pub(super) fn forget(&self, name: &Arc<str>) {
        self.change();
        self.open.borrow_mut().remove(name);
    }

    /// What had the name `from` has the name `to`.
    pub(super) fn rename(&self, from: &Arc<str>, to: &Arc<str>) {
        self.change();
        let mut open = self.open.borrow_mut();
        match open.remove(from) {
            Some(entry) => open.insert(Arc::clone(to), entry),
            None => open.remove(to),
        };
    }

    /// Close all that nobody uses.
    pub(super) fn forget_all(&self) {
        self.change();
        self.open.take();
    }

    fn change(&self) {
        self.changes.set(self.changes.get() + 1);
    }

    fn kept(&self, name: &Arc<str>, writable: bool) -> Option<Rc<OpenFile>> {
        let mut open = self.open.borrow_mut();
        let entry = open.get_mut(name)?;
        if writable && !entry.file.is_writable() {
            return None;
        }
        entry.used = self.tick();
        Some(Rc::clone(&entry.file))
    }

    fn keep(&self, name: &Arc<str>, file: &Rc<OpenFile>) {
        let mut open = self.open.borrow_mut();
        while FILES_OPEN_MAX <= open.len() {
            let idle = open.iter().filter(|(_, entry)| !entry.file.is_unsynced());
            let oldest = idle.min_by_key(|(_, entry)| entry.used);
            let Some(oldest) = oldest.map(|(name, _)| Arc::clone(name)) else {
                break;
            };
            open.remove(&oldest);
        }
        let entry = Entry {
            file: Rc::clone(file),
            used: self.tick(),
        };
        open.insert(Arc::clone(name), entry);
    }

    fn tick(&self) -> u64 {
        self.clock.set(self.clock.get() + 1);
        self.clock.get()
    }

    fn opener_of(&self, name: &str) -> usize {
        (xxhash_rust::xxh3::xxh3_64(name.as_bytes()) % OPENERS as u64) as usize
    }
}

#[cfg(test)]
impl Files {
    pub(super) fn count(&self) -> usize {
        self.open.borrow().len()
    }
}
