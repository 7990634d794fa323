//! What a shard asks of the disk while it runs: requests go out, results come back, nobody waits.
//!
//! Files are named by their path below the data folder, with `/` between its parts. A file has one
//! writer. Offsets, lengths and buffers are multiples of [`BLOCK_BYTES`]: reads and writes go past the
//! page cache.

use std::collections::VecDeque;
use std::sync::Arc;

/// What reads and writes are aligned to, in the file and in length.
pub const BLOCK_BYTES: usize = 4096;

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Make the file, with so many zero bytes really written, or empty. When it is done the file and
    /// its name are on stable storage. What had this name before is gone.
    Create {
        /// Which file.
        name: Arc<str>,
        /// Zero bytes to write.
        bytes: u64,
    },
    /// Make the file, of so many bytes that read as zeros and whose room is put aside, but not written where
    /// the file system can do without: the first sync of each place costs more then. When it is done
    /// the file and its name are on stable storage. What had this name before is gone.
    Reserve {
        /// Which file.
        name: Arc<str>,
        /// How many.
        bytes: u64,
    },
    /// Write at an offset. May be short of durable until a later [`Request::Sync`] is done.
    Write {
        /// Which file.
        name: Arc<str>,
        /// Where.
        offset: u64,
        /// What.
        bytes: Vec<u8>,
    },
    /// Write at an offset. When it is done, these bytes are on stable storage; of writes before it that says
    /// nothing.
    Commit {
        /// Which file.
        name: Arc<str>,
        /// Where.
        offset: u64,
        /// What.
        bytes: Vec<u8>,
    },
    /// Bring all writes that are done to stable storage (`fdatasync`).
    Sync {
        /// Which file.
        name: Arc<str>,
    },
    /// Read; the answer is shorter where the file ends.
    Read {
        /// Which file.
        name: Arc<str>,
        /// Where.
        offset: u64,
        /// How much.
        bytes: usize,
    },
    /// Give the file another name, durable when done; what had that name is gone.
    Rename {
        /// Which file.
        from: Arc<str>,
        /// Its name from now on.
        to: Arc<str>,
    },
    /// Give the file a second name, for a snapshot; durable when done.
    Link {
        /// Which file.
        from: Arc<str>,
        /// The second name.
        to: Arc<str>,
    },
    /// Remove the file; it may be gone already.
    Remove {
        /// Which file.
        name: Arc<str>,
    },
    /// How much room there is.
    Room,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is done.
    Done,
    /// To [`Request::Read`].
    Bytes(Vec<u8>),
    /// To [`Request::Room`].
    Room(Room),
}

/// The file system of the data folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// Bytes of the whole file system.
    pub total_bytes: u64,
    /// Bytes that can still be written.
    pub free_bytes: u64,
}

/// Why it could not be done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// No room left on the device, or in the quota.
    #[error("the disk is full")]
    Full,
    /// There is no such file.
    #[error("there is no such file")]
    Missing,
    /// The device or the file system failed, in its words.
    #[error("{0}")]
    Broken(String),
}

/// A request by its number. The upper half says whose it is, for whoever hands the results round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Job {
    /// Who asked.
    pub owner: u32,
    /// Which of its requests, counted over all owners.
    pub number: u64,
}

/// The requests of one shard that nobody has taken yet.
#[derive(Debug, Default)]
pub struct Jobs {
    next: u64,
    waiting: VecDeque<(Job, Request)>,
}

impl Jobs {
    /// Ask, as `owner`.
    pub fn ask(&mut self, owner: u32, request: Request) -> Job {
        let job = Job {
            owner,
            number: self.next,
        };
        self.next += 1;
        self.waiting.push_back((job, request));
        job
    }

    /// A desk at which everything asked is `owner`'s.
    pub fn desk(&mut self, owner: u32) -> Desk<'_> {
        Desk { owner, jobs: self }
    }

    /// The next request, for whoever does them. They may be done in any order and at once: who needs
    /// an order waits for the result first.
    pub fn take(&mut self) -> Option<(Job, Request)> {
        self.waiting.pop_front()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

/// Where one part of a shard asks.
#[derive(Debug)]
pub struct Desk<'a> {
    owner: u32,
    jobs: &'a mut Jobs,
}

impl Desk<'_> {
    /// Ask.
    pub fn ask(&mut self, request: Request) -> Job {
        self.jobs.ask(self.owner, request)
    }
}
