//! A book tells what the series are that a lineage of files names by number: append-only, a file each.
//!
//! Takes definitions with rising numbers; gives them back at the start. What a listed segment needs is
//! on stable storage before the segment is listed: the manifest keeps how much of each book that is.
//! Behind it may stand what was never synced: whole records of it are read, and from the first that is
//! not valid on it is dropped, for the log has those definitions too.
//!
//! The file is one of records ([`chained`]); its header has the number of the book. A
//! record holds a varint, the life of the writer, and definitions. The life is another for every start:
//! so what an earlier writer left behind the end never chains to what this one writes before it.
//!
//! Limits: [`NUMBERS_MAX`] numbers, [`QUEUE_BYTES_MAX`] of definitions that wait for the disk.
//! `FORMAT.md` has the bytes.

mod dump;
mod reader;
mod salvage;
#[cfg(test)]
mod tests;
mod writer;

pub use dump::dump;
pub use reader::{BookError, Reader};
pub use salvage::{Salvaged, salvage, whole};
pub use writer::{BookRefused, Writer};

use super::chained::{self, HeaderError, Kind};

/// Numbers of a book.
pub const NUMBERS_MAX: u32 = 1 << 26;
/// Definitions that wait for the disk, in bytes.
pub const QUEUE_BYTES_MAX: usize = 64 << 20;
/// A record is closed before its payload gets longer, unless it holds one definition only.
const PAYLOAD_BYTES: usize = 4 * 4096 - chained::RECORD_HEAD_BYTES;
/// Bytes of the longest payload: one definition of escaped text, and its numbers.
const PAYLOAD_BYTES_MAX: usize = 2 * crate::model::series::SERIES_BYTES_MAX + 4096;

/// What a file starts with.
pub const MAGIC: [u8; 8] = *b"corelanB";

/// The kind of the file.
const KIND: Kind = Kind {
    magic: MAGIC,
    version: 1,
    features: 0,
};

/// Path of a book below the data folder.
pub fn book_path(book: u32) -> String {
    format!("books/{book:06}.book")
}

/// The number of the book whose file starts with `bytes`.
///
/// # Errors
/// That is no header of a book, damaged, or of another version.
pub fn number_in(bytes: &[u8]) -> Result<u32, HeaderError> {
    let (number, _) = chained::read_header(&KIND, bytes)?;
    u32::try_from(number).map_err(|_| HeaderError::Damaged)
}
