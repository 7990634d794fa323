//! The disk of one shard: does [`Request`]s through io_uring, past the page cache.
//!
//! Takes requests with their jobs, any number at once. Gives each result to the function that came with
//! it, on the shard's own executor. What waits does so here and not in the shard: each request is a
//! task, in the queue of its lane (`lanes::Lane`).
//!
//! Limits: [`FILES_OPEN_MAX`] open files that hold nothing unsynced; so many requests of a lane at
//! work at once as the lane says, the others wait in the order they came. Where the file system has no
//! O_DIRECT everything goes through the page cache instead, which is said once.
//!
//! Does not know what is in the files, nor who asked.

mod fault;
mod file;
mod files;
mod lanes;
mod names;
mod pieces;
#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::io;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, Waker};

use self::fault::fault;
use self::files::Files;
use self::lanes::Lanes;
use self::names::Names;
use super::turn;
use crate::seam::disk::{BLOCK_BYTES, Fault, Job, Outcome, Request};

pub use self::files::FILES_OPEN_MAX;

/// Does the requests of one shard. Made and used on that shard's executor.
#[derive(Clone, Debug)]
pub struct ShardDisk(Rc<Inner>);

#[derive(Debug)]
struct Inner {
    lanes: Lanes,
    names: Names,
    files: Files,
    busy: Busy,
}

impl ShardDisk {
    /// For the data folder `root`. Writes and syncs of files whose name starts with `urgent` (such
    /// as `log/`) have a lane of their own: somebody waits for them.
    ///
    /// # Errors
    /// The folder's path is relative and there is no working folder.
    pub fn new(root: &Path, urgent: &'static str) -> io::Result<ShardDisk> {
        let names = Names::new(std::path::absolute(root)?);
        Ok(ShardDisk(Rc::new(Inner {
            lanes: Lanes::new(urgent),
            files: Files::new(names.clone()),
            names,
            busy: Busy::default(),
        })))
    }

    /// Do `request`; when it is done or has failed, `done` is called with `job` and the result.
    pub fn start(
        &self,
        job: Job,
        request: Request,
        done: impl FnOnce(Job, Result<Outcome, Fault>) + 'static,
    ) {
        let inner = Rc::clone(&self.0);
        let lane = self.0.lanes.of(&request);
        self.0.busy.enter();
        self.0.lanes.spawn(lane, async move {
            let permit = inner.lanes.enter(lane).await;
            let result = inner.run(request).await;
            // The kernel was waited for.
            turn::begin();
            drop(permit);
            done(job, result);
            inner.busy.leave();
        });
    }

    /// How many requests are waiting or at work.
    pub fn in_flight(&self) -> usize {
        self.0.busy.count.get()
    }

    /// Wait until nothing is waiting or at work, and every result was given.
    pub async fn idle(&self) {
        self.0.busy.idle().await;
    }

    /// Wait as [`ShardDisk::idle`] does, then close the files that were kept open.
    pub async fn close(&self) {
        self.idle().await;
        self.0.files.forget_all();
    }
}

impl Inner {
    async fn run(&self, request: Request) -> Result<Outcome, Fault> {
        match request {
            Request::Create { name, bytes } => {
                let done = self.create(&name, bytes, true).await;
                done.map_err(|error| fault("create", &name, &error))?;
            }
            Request::Reserve { name, bytes } => {
                let done = self.create(&name, bytes, false).await;
                done.map_err(|error| fault("create", &name, &error))?;
            }
            Request::Write {
                name,
                offset,
                bytes,
            } => {
                let done = self.write(&name, offset, &bytes).await;
                done.map_err(|error| fault("write", &name, &error))?;
            }
            Request::Commit {
                name,
                offset,
                bytes,
            } => {
                let done = self.commit(&name, offset, &bytes).await;
                done.map_err(|error| fault("commit", &name, &error))?;
            }
            Request::Sync { name } => {
                let done = self.sync(&name).await;
                done.map_err(|error| fault("sync", &name, &error))?;
            }
            Request::Read {
                name,
                offset,
                bytes,
            } => {
                let read = self.read(&name, offset, bytes).await;
                let read = read.map_err(|error| fault("read", &name, &error))?;
                return Ok(Outcome::Bytes(read));
            }
            Request::Rename { from, to } => {
                let done = self.rename(&from, &to).await;
                done.map_err(|error| fault("rename", &from, &error))?;
            }
            Request::Link { from, to } => {
                let done = self.link(&from, &to).await;
                done.map_err(|error| fault("link", &from, &error))?;
            }
            Request::Remove { name } => {
                let done = self.remove(&name).await;
                done.map_err(|error| fault("remove", &name, &error))?;
            }
            Request::Room => {
                let room = self.names.room().await;
                let room = room.map_err(|error| fault("measure", "the data folder", &error))?;
                return Ok(Outcome::Room(room));
            }
        }
        Ok(Outcome::Done)
    }

    /// The file is made anew, never emptied: what had its name may live on under another one.
    async fn create(&self, name: &Arc<str>, bytes: u64, written: bool) -> io::Result<()> {
        is_aligned(bytes, 0)?;
        self.files.forget(name);
        let made = self.names.create(name).await?;
        let filled = self.fill(name, made, bytes, written).await;
        if filled.is_err() {
            // Half a file serves nobody, and may hold the last of the room. That it could not be
            // filled is what counts; if it cannot be removed either, the next start finds it.
            self.files.forget(name);
            let _ = self.names.remove(name).await;
        }
        filled
    }

    async fn fill(
        &self,
        name: &Arc<str>,
        made: names::Found,
        bytes: u64,
        written: bool,
    ) -> io::Result<()> {
        let file = self.files.adopt(name, made).await?;
        if written {
            file.write_zeros(bytes).await?;
        } else {
            file.reserve(bytes).await?;
        }
        file.sync().await?;
        self.names.sync_folder_of(name).await
    }

    async fn write(&self, name: &Arc<str>, offset: u64, bytes: &[u8]) -> io::Result<()> {
        is_aligned(offset, bytes.len())?;
        if bytes.is_empty() {
            return Ok(());
        }
        self.files.get(name, true).await?.write(offset, bytes).await
    }

    async fn commit(&self, name: &Arc<str>, offset: u64, bytes: &[u8]) -> io::Result<()> {
        is_aligned(offset, bytes.len())?;
        if bytes.is_empty() {
            return Ok(());
        }
        let file = self.files.get(name, true).await?;
        file.commit(offset, bytes).await
    }

    async fn sync(&self, name: &Arc<str>) -> io::Result<()> {
        self.files.get(name, true).await?.sync().await
    }

    async fn read(&self, name: &Arc<str>, offset: u64, bytes: usize) -> io::Result<Vec<u8>> {
        is_aligned(offset, bytes)?;
        self.files.get(name, false).await?.read(offset, bytes).await
    }

    async fn rename(&self, from: &Arc<str>, to: &Arc<str>) -> io::Result<()> {
        let done = self.names.rename(from, to).await;
        // Also when it failed: the name may be changed and only the folder not synced.
        match &done {
            Ok(()) => self.files.rename(from, to),
            Err(_) => [from, to]
                .into_iter()
                .for_each(|name| self.files.forget(name)),
        }
        done
    }

    async fn link(&self, from: &Arc<str>, to: &Arc<str>) -> io::Result<()> {
        let done = self.names.link(from, to).await;
        self.files.forget(to);
        done
    }

    async fn remove(&self, name: &Arc<str>) -> io::Result<()> {
        self.files.forget(name);
        let done = self.names.remove(name).await;
        self.files.forget(name);
        done
    }
}

/// Whoever asks for less than whole blocks has made a mistake, which the kernel would only tell as
/// "invalid argument".
fn is_aligned(offset: u64, bytes: usize) -> io::Result<()> {
    if offset.is_multiple_of(BLOCK_BYTES as u64) && bytes.is_multiple_of(BLOCK_BYTES) {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        format!("{bytes} bytes at {offset} are not whole blocks of {BLOCK_BYTES}"),
    ))
}

/// How much is under way, and who waits for the end of it.
#[derive(Debug, Default)]
struct Busy {
    count: Cell<usize>,
    waiting: RefCell<Vec<Waker>>,
}

impl Busy {
    fn enter(&self) {
        self.count.set(self.count.get() + 1);
    }

    fn leave(&self) {
        let left = self.count.get().saturating_sub(1);
        self.count.set(left);
        if left == 0 {
            self.waiting.take().into_iter().for_each(Waker::wake);
        }
    }

    async fn idle(&self) {
        std::future::poll_fn(|context| {
            if self.count.get() == 0 {
                return Poll::Ready(());
            }
            self.waiting.borrow_mut().push(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}
