//! What may be changed, and why it may be refused.

use crate::model::series::Identity;
use crate::store::info::SegmentInfo;
use crate::store::tombstone::Tombstone;

/// One change of what is listed: all of it counts, or nothing.
#[derive(Clone, Debug, PartialEq)]
pub enum Edit {
    /// From now on there is a book.
    AddBook {
        /// Its number.
        book: u32,
    },
    /// More of a book is on stable storage.
    GrowBook {
        /// Which.
        book: u32,
        /// All numbers below are in it.
        numbers: u32,
        /// Bytes of the file that hold them.
        bytes: u64,
    },
    /// A generation of a head is in segments: they are listed, and its log is not needed any more.
    Seal {
        /// The log that it was in.
        log: u32,
        /// The first block of it that is still needed.
        floor: u64,
        /// The book of the segments.
        book: u32,
        /// All numbers of it that they use are below.
        numbers: u32,
        /// Bytes of the book's file that hold them, on stable storage.
        book_bytes: u64,
        /// The segments, on stable storage.
        added: Vec<SegmentInfo>,
    },
    /// Of a log only blocks from `floor` on are needed.
    Floor {
        /// Which log.
        log: u32,
        /// The block.
        floor: u64,
    },
    /// Files were rewritten as others, or as none where all was masked.
    Merge {
        /// The files that were read.
        removed: Vec<u64>,
        /// Those that were written.
        added: Vec<SegmentInfo>,
        /// [`Tombstones::next`](crate::store::tombstone::Tombstones::next) of the tombstones that were
        /// applied while rewriting.
        tombstones: u64,
    },
    /// Files are too old.
    Retain {
        /// Which.
        removed: Vec<u64>,
    },
    /// A delete.
    Entomb(Tombstone),
    /// Series that were deleted have points again, which arrived at `stamp` at the latest.
    Revive {
        /// Behind deletes with a stamp up to this.
        stamp: u64,
        /// [`SERIES_MAX`](crate::store::tombstone::SERIES_MAX) of them at most.
        series: Vec<Identity>,
    },
    /// Tombstones that mask nothing any more.
    Forget {
        /// Their numbers.
        tombstones: Vec<u64>,
    },
    /// A file, or one page of it, is damaged. The file leaves the list and goes to the folder
    /// `quarantine`; of a page readers are told.
    Quarantine {
        /// The file.
        file: u64,
        /// The page by its offset, or the whole file.
        page: Option<u64>,
        /// What was found.
        reason: String,
    },
    /// Forget what was found of a file that left the list.
    Pardon {
        /// Which.
        file: u64,
    },
    /// A stamp was seen.
    Stamp(u64),
}

/// Why an edit is refused. Then nothing of it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A file that is to go is not listed, or no more, or is named twice.
    #[error("file {0} is not listed (any more)")]
    NotListed(u64),
    /// A file that is to come is listed already, or is leaving.
    #[error("file {0} has been listed before")]
    Listed(u64),
    /// The number of a file was not given out by this manifest.
    #[error("the number of file {0} was not given out")]
    NotGiven(u64),
    /// What is told of a file contradicts itself.
    #[error("what is told of file {0} contradicts itself")]
    Contradiction(u64),
    /// No such book.
    #[error("there is no book {0}")]
    NoBook(u32),
    /// The book is there.
    #[error("there is a book {0} already")]
    BookThere(u32),
    /// A book would get shorter.
    #[error("book {0} had more before")]
    BookShorter(u32),
    /// A log would need what may be gone.
    #[error("the log {0} did not need that block before")]
    FloorLower(u32),
    /// The merge lies on both sides of a tombstone that it did not apply: do it again.
    #[error("the merge did not apply tombstone {0}")]
    Unmasked(u64),
    /// There is no such tombstone.
    #[error("there is no tombstone {0}")]
    NoTombstone(u64),
    /// A limit, by its name.
    #[error("too many {0}")]
    TooMany(&'static str),
    /// So much waits for the disk already; try later.
    #[error("the disk does not keep up with the manifest")]
    Busy,
}
