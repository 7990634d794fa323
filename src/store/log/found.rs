//! What a [`Scan`](super::Scan) found: the blocks to replay, what people should know, and where the
//! writer goes on.

use std::io;
use std::sync::Arc;

use super::block::{self, Header};
pub use super::chain::Hole;
use super::names;
use crate::seam::disk::Request;

/// Why the log cannot be read at all. Damage is no reason: it is told in [`Report`].
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// A folder cannot be listed.
    #[error("cannot list the folder `{0}`: {1}")]
    List(&'static str, io::Error),
    /// Written by another version.
    #[error(
        "{name}: byte {offset} is of log version {version}, and this program reads version {known} \
         only; start the version that wrote it, or move the file away", known = block::VERSION
    )]
    Version {
        /// The file.
        name: Arc<str>,
        /// Where in it.
        offset: u64,
        /// What it says.
        version: u8,
    },
    /// Uses what this version does not know.
    #[error(
        "{name}: byte {offset} uses features {features:#x} that this program does not know; start the \
         version that wrote it, or move the file away"
    )]
    Features {
        /// The file.
        name: Arc<str>,
        /// Where in it.
        offset: u64,
        /// The unknown ones.
        features: u64,
    },
}

/// What was found, for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Files of the shard.
    pub files: u64,
    /// Bytes that were read.
    pub bytes: u64,
    /// Blocks to replay.
    pub blocks: u64,
    /// What was durable and is gone.
    pub holes: Vec<Hole>,
    /// Damaged or half-written blocks. Those at the end of the log were never acknowledged.
    pub damaged_blocks: u64,
    /// Whole blocks behind a tear: never acknowledged, and useless without what is torn.
    pub torn_blocks: u64,
    /// Whole blocks that are no part of the log: copies, and leftovers of earlier crashes.
    pub beside_blocks: u64,
    /// Blocks that name another one before them than the one that is there.
    pub mismatched_blocks: u64,
    /// Blocks of another shard or book, which are left alone.
    pub foreign_blocks: u64,
    /// Files whose first page is damaged; their blocks were found without it.
    pub damaged_files: Vec<Arc<str>>,
    /// Where the disk failed to read: file, and offset.
    pub unreadable: Vec<(Arc<str>, u64)>,
    /// How many of these places, each of a page, may have held a block that was durable.
    pub lost_places: u64,
    /// How many of these tell of a block that is in no hole.
    pub lost_apart: u64,
    /// Damaged blocks, or half-written ones, behind the last one of the log.
    pub damaged_at_end: u64,
}

impl Report {
    /// How many blocks that were durable are gone.
    pub fn lost_blocks(&self) -> u64 {
        let each = self.holes.iter();
        each.map(|hole| hole.last_sequence - hole.first_sequence + 1)
            .sum()
    }

    /// With those that may have been where the disk cannot read.
    pub fn lost_in_all(&self) -> u64 {
        self.lost_blocks() + self.lost_apart
    }

    /// What stands behind the last block of the log of `lineage` and is no part of it, in words.
    pub fn end_in_words(&self, lineage: u32) -> Option<String> {
        let blocks = self.damaged_at_end + self.torn_blocks;
        (blocks > 0).then(|| {
            format!(
                "the log of shard {lineage} ends in {} damaged and {} torn blocks, as a power cut leaves \
                 what nobody was told to be safe; if no power was lost, {blocks} acknowledged blocks are \
                 gone: check the disk then",
                self.damaged_at_end, self.torn_blocks
            )
        })
    }
}

/// A file that is there at the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundFile {
    /// Its path.
    pub name: Arc<str>,
    /// Its length.
    pub bytes: u64,
    /// The highest number of a block in it, 0 if there is none; if something of it was lost, the highest that
    /// may be in it.
    pub last_sequence: u64,
    /// If something of it was lost: where it is put when nobody needs it, for it is not used again.
    pub aside: Option<Arc<str>>,
}

impl FoundFile {
    /// How it leaves.
    pub fn farewell(self) -> Request {
        names::farewell(self.name, self.aside)
    }
}

/// Where a writer goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// Number of the next block: above all that was ever seen.
    pub next_sequence: u64,
    /// The last block of the log.
    pub last_sequence: u64,
    /// Its checksum.
    pub last_checksum: u32,
    /// Number of the next file.
    pub next_number: u32,
    /// Above all epochs ever seen.
    pub next_epoch: u64,
    /// Files that are there.
    pub files: Vec<FoundFile>,
    /// Files with blocks that may not be on stable storage yet.
    pub unsynced: Vec<Arc<str>>,
}

impl Default for Start {
    /// Of a log that has never been.
    fn default() -> Start {
        Start {
            next_sequence: 1,
            last_sequence: 0,
            last_checksum: 0,
            next_number: 1,
            next_epoch: 1,
            files: Vec::new(),
            unsynced: Vec::new(),
        }
    }
}

/// A block to replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its file.
    pub name: Arc<str>,
    /// Where in it.
    pub offset: u64,
    /// What it says of itself.
    pub header: Header,
    /// Whether blocks before it in its generation are gone. Values are told from the ones before them,
    /// so a series is right again only from its next value on that stands for itself.
    pub is_behind_hole: bool,
}

/// The log of a shard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Its blocks, oldest first.
    pub blocks: Vec<Found>,
    /// What people should know.
    pub report: Report,
    /// Where the writer goes on.
    pub start: Start,
}
