//! Where samples stay: for now the recent window, in memory.
#![forbid(unsafe_code)]

mod block;
mod chained;
pub mod definition;
#[cfg(test)]
mod fake_disk;
pub mod head;
pub mod info;
pub mod manifest;
pub mod stretch;
pub mod token;
pub mod tombstone;
