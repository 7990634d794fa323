//! The files of a log: one being filled, the filled ones, and some in reserve.
//!
//! A file is written full of zeros before it is used, so that filling it changes nothing but its
//! content, and a commit is short. Where commits are large that is not worth a second write of everything:
//! then room is only put aside. One whose blocks nobody needs any more is used again under a new epoch.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::block::{BYTES_MAX, FILE_HEADER_BYTES};
use super::found::Start;
use super::names;
use super::terms::{Counters, Options};
use crate::seam::disk::{Desk, Fault, Job, Request};

/// How long after a failure to try again.
pub(super) const RETRY: Duration = Duration::from_secs(1);

/// Files that a new log begins with: the one to be filled, and the next. Each is written twice, once full
/// of zeros, so none is made that is not soon needed.
const BEGIN_FILES: usize = 2;

/// While a file takes so few commits, or fewer, room for the next is put aside and not filled. With each
/// sync the file system then notes what of it is written: some 20 KiB, and a few tenths of a millisecond.
const LARGE_COMMITS: u64 = 32;

/// The file that is being filled.
#[derive(Debug)]
pub(super) struct Current {
    pub(super) name: Arc<str>,
    pub(super) epoch: u64,
    /// Where the next write goes; 0 as long as the file has no header of this epoch.
    pub(super) offset: u64,
    /// Commits that it holds.
    commits: u64,
    /// Its last block that is durable.
    pub(super) last_sequence: u64,
}

/// A file whose blocks are still needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Closed {
    /// Its path.
    pub name: Arc<str>,
    /// It is free when the log is released beyond this block.
    pub last_sequence: u64,
    /// Whether it may be used again.
    pub is_sound: bool,
    /// If blocks of it were lost: where it is put, for people.
    pub aside: Option<Arc<str>>,
}

/// A file that is being made.
#[derive(Debug)]
struct Creating {
    job: Job,
    name: Arc<str>,
    /// Bytes of zeros that are written to it.
    filled: u64,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Files {
    shard: u16,
    file_bytes: u64,
    spare_max: usize,
    /// Files still to be made before the log is as it should begin.
    reserve_left: usize,
    next_number: u32,
    next_epoch: u64,
    floor: u64,
    current: Option<Current>,
    spare: VecDeque<Arc<str>>,
    closed: Vec<Closed>,
    creating: Option<Creating>,
    /// Failed to come into being.
    unborn: Option<Arc<str>>,
    fault: Option<Fault>,
    retry_at: Option<Duration>,
    removing: Vec<Job>,
}

impl Files {
    pub(super) fn new(options: &Options, start: &Start) -> Files {
        let least = (FILE_HEADER_BYTES + BYTES_MAX) as u64;
        let file_bytes = options
            .file_bytes
            .max(least)
            .next_multiple_of(FILE_HEADER_BYTES as u64);
        let closed = start.files.iter().map(|file| Closed {
            name: file.name.clone(),
            last_sequence: file.last_sequence,
            is_sound: file.bytes == file_bytes && file.aside.is_none(),
            aside: file.aside.clone(),
        });
        Files {
            shard: options.shard,
            file_bytes,
            spare_max: options.spare_files_max.max(1),
            reserve_left: options
                .spare_files_max
                .min(BEGIN_FILES)
                .saturating_sub(start.files.len()),
            next_number: start.next_number,
            next_epoch: start.next_epoch,
            floor: 1,
            current: None,
            spare: VecDeque::new(),
            closed: closed.collect(),
            creating: None,
            unborn: None,
            fault: None,
            retry_at: None,
            removing: Vec::new(),
        }
    }

    /// Free what is not needed, and see that a file is in reserve.
    pub(super) fn poll(&mut self, now: Duration, desk: &mut Desk<'_>, counters: &mut Counters) {
        self.free(desk, counters);
        if self.fault.is_some() && self.retry_at.is_none() {
            self.retry_at = Some(now.saturating_add(RETRY));
        }
        let is_due = self.next_deadline().is_some_and(|at| at <= now);
        if is_due {
            self.reserve_left = self.reserve_left.saturating_sub(1);
            let name = self.unborn.take().unwrap_or_else(|| {
                let name = names::path(self.shard, self.next_number);
                self.next_number = self.next_number.wrapping_add(1);
                name
            });
            let (own, bytes) = (name.clone(), self.file_bytes);
            let (request, filled) = if self.has_large_commits() {
                (Request::Reserve { name: own, bytes }, 0)
            } else {
                (Request::Create { name: own, bytes }, bytes)
            };
            let job = desk.ask(request);
            self.creating = Some(Creating { job, name, filled });
            self.retry_at = None;
        }
    }

    /// A new log begins with [`BEGIN_FILES`], so that the first burst finds them; later one is made when
    /// the one being filled is nearly full and none has become free.
    fn wants_file(&self) -> bool {
        let little = (self.file_bytes / 8).max(2 * BYTES_MAX as u64);
        let full = |current: &Current| self.file_bytes.saturating_sub(current.offset) <= little;
        let soon = self.spare.is_empty() && self.current.as_ref().is_none_or(full);
        0 < self.reserve_left || soon
    }

    fn has_large_commits(&self) -> bool {
        self.current.as_ref().is_some_and(|current| {
            let large = current
                .commits
                .saturating_mul(self.file_bytes / LARGE_COMMITS);
            0 < current.commits && large <= current.offset
        })
    }

    fn free(&mut self, desk: &mut Desk<'_>, counters: &mut Counters) {
        let mut at = 0;
        while let Some(file) = self.closed.get(at) {
            if file.last_sequence >= self.floor {
                at += 1;
                continue;
            }
            let file = self.closed.swap_remove(at);
            if file.is_sound && self.spare.len() < self.spare_max {
                counters.files_recycled += 1;
                self.spare.push_back(file.name);
            } else {
                counters.files_removed += 1;
                let request = names::farewell(file.name, file.aside);
                self.removing.push(desk.ask(request));
            }
        }
    }

    /// Blocks below are not needed any more.
    pub(super) fn release(&mut self, floor: u64) {
        self.floor = self.floor.max(floor);
    }

    /// Try again at the next poll.
    pub(super) fn retry(&mut self) {
        self.retry_at = self.retry_at.map(|_| Duration::ZERO);
    }

    /// Whether this was one of its jobs.
    pub(super) fn done(
        &mut self,
        job: Job,
        result: Result<(), &Fault>,
        counters: &mut Counters,
    ) -> bool {
        if let Some(at) = self.removing.iter().position(|&known| known == job) {
            self.removing.swap_remove(at);
            counters.remove_failures += u64::from(result.is_err());
            return true;
        }
        let Some(Creating { name, filled, .. }) = self.creating.take_if(|known| known.job == job)
        else {
            return false;
        };
        match result {
            Ok(()) => {
                counters.files_created += 1;
                counters.bytes_filled += filled;
                self.spare.push_back(name);
                self.fault = None;
            }
            Err(fault) => {
                counters.create_failures += 1;
                self.unborn = Some(name);
                self.fault = Some(fault.clone());
            }
        }
        true
    }

    /// Why there is no file in reserve, if it could not be made.
    pub(super) fn fault(&self) -> Option<&Fault> {
        self.fault.as_ref()
    }

    /// Whether there is one in reserve.
    pub(super) fn has_spare(&self) -> bool {
        !self.spare.is_empty()
    }

    /// When it will do something of its own.
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        let is_short = self.creating.is_none() && self.wants_file();
        is_short.then(|| self.retry_at.unwrap_or_default())
    }

    /// A file in which a block of so many bytes has room, and how much room there is in it.
    pub(super) fn place(&mut self, block_bytes: usize) -> Option<(&mut Current, u64)> {
        let file_bytes = self.file_bytes;
        let has_room = |file: &Current| file.offset + block_bytes as u64 <= file_bytes;
        if !self.current.as_ref().is_some_and(has_room) {
            let name = self.spare.pop_front()?;
            self.close(true);
            self.current = Some(Current {
                name,
                epoch: self.next_epoch,
                offset: 0,
                commits: 0,
                last_sequence: 0,
            });
            self.next_epoch += 1;
        }
        let current = self.current.as_mut()?;
        let room = file_bytes - current.offset;
        Some((current, room))
    }

    /// So many bytes more are on stable storage, up to block `sequence`.
    pub(super) fn advance(&mut self, bytes: u64, sequence: u64) {
        if let Some(current) = &mut self.current {
            current.offset += bytes;
            current.commits += 1;
            current.last_sequence = sequence;
        }
    }

    /// The file that is being filled has failed: nothing is written to it any more. What was in it and
    /// not yet durable is written elsewhere, so a file without durable blocks is removed.
    pub(super) fn retire(&mut self) {
        self.close(false);
    }

    /// A sync of this file has failed: it is not used again.
    pub(super) fn distrust(&mut self, name: &Arc<str>) {
        for file in self.closed.iter_mut().filter(|file| file.name == *name) {
            file.is_sound = false;
        }
        let spare = self.spare.iter().position(|known| known == name);
        let spare = spare.and_then(|at| self.spare.remove(at));
        self.closed.extend(spare.map(|name| Closed {
            name,
            last_sequence: 0,
            is_sound: false,
            aside: None,
        }));
    }

    fn close(&mut self, is_sound: bool) {
        self.closed.extend(self.current.take().map(|file| Closed {
            name: file.name,
            last_sequence: file.last_sequence,
            is_sound,
            aside: None,
        }));
    }

    /// Files with blocks that are still needed, and in reserve.
    pub(super) fn count(&self) -> (usize, usize) {
        let used = self.closed.len() + usize::from(self.current.is_some());
        (used, self.spare.len())
    }
}
