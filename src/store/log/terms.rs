//! What a [`Writer`](super::Writer) is told and what it tells.

use std::time::Duration;

/// What one log is told at its start.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whose log it is.
    pub shard: u16,
    /// The book of its series.
    pub book: u32,
    /// Longest time that text waits for its commit.
    pub commit_interval: Duration,
    /// A commit starts when so much waits.
    pub commit_bytes: usize,
    /// With more than this not yet durable, the shard should not take more.
    pub unwritten_bytes_max: usize,
    /// Bytes of a file.
    pub file_bytes: u64,
    /// Files that are kept for later; at least one.
    pub spare_files_max: usize,
}

impl Options {
    /// The defaults.
    pub fn new(shard: u16, book: u32) -> Options {
        Options {
            shard,
            book,
            commit_interval: Duration::from_millis(50),
            commit_bytes: 1 << 20,
            unwritten_bytes_max: 64 << 20,
            file_bytes: 8 << 20,
            spare_files_max: 8,
        }
    }
}

/// Stands for everything that was pushed before it was given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub(super) u64);

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TicketState {
    /// All of it is on stable storage.
    Committed,
    /// Not yet.
    Pending,
    /// The disk does not take it for now. It is kept in memory and may still become durable, but
    /// nobody should wait for it.
    Failed,
}

/// What it did so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Groups that became durable.
    pub commits: u64,
    /// Blocks that became durable.
    pub blocks: u64,
    /// Points in blocks, durable or not.
    pub points: u64,
    /// Bytes that were given to the disk.
    pub bytes_written: u64,
    /// Bytes of zeros that files were filled with.
    pub bytes_filled: u64,
    /// Writes and syncs that failed for want of room.
    pub full_failures: u64,
    /// Writes and syncs that failed for another reason; each cost a file.
    pub broken_failures: u64,
    /// Files made.
    pub files_created: u64,
    /// Files used again.
    pub files_recycled: u64,
    /// Files given up.
    pub files_removed: u64,
    /// Files that could not be made.
    pub create_failures: u64,
    /// Files that could not be removed; they are there until the next start.
    pub remove_failures: u64,
}
