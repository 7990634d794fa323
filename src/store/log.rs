//! The write-ahead log of one shard: what the shard has taken is here before it is in any segment.
//!
//! Takes points as numbers of a book, times and [tokens](super::token); gives blocks in files, and back
//! from them the same points in the same order. A [`Batch`] packs points into columns, a [`Writer`]
//! closes it into blocks and commits them in groups, [`Scan`] finds the blocks again after a start, and
//! [`Replay`] reads them.
//!
//! **What is promised.** A ticket is committed when every block up to its own is on stable storage; no
//! crash loses such a block. After a crash the log is the longest run of blocks whose hash chain holds;
//! a block that was never acknowledged is there whole, with all before it, or not at all. If the disk
//! loses what it had confirmed, both sides of the hole are kept and the hole is told.
//!
//! Limits: a block is at most [`block::BYTES_MAX`]; what is not yet durable at most
//! [`Options::unwritten_bytes_max`]; files in reserve at most [`Options::spare_files_max`]. It knows
//! nothing of heads and segments: who uses it says when a generation ends ([`Writer::cut`]) and from
//! where on the log is needed ([`Writer::release`]). The bytes are in `FORMAT.md`; the truth of its
//! tests is a list of all that was pushed, and a disk that tears, loses and fails by a seed.

mod backlog;
pub mod batch;
pub mod block;
mod chain;
mod codes;
pub mod columns;
pub mod dump;
mod files;
pub mod found;
mod gaps;
mod lasts;
pub mod names;
pub mod replay;
pub mod scan;
pub mod terms;
pub mod writer;

#[cfg(test)]
mod tests;

pub use batch::Batch;
pub use columns::{Columns, Point};
pub use found::{Found, Recovered, Start};
pub use replay::Replay;
pub use scan::Scan;
pub use terms::{Counters, Options, Ticket, TicketState};
pub use writer::Writer;
