//! Where samples stay: for now the recent window, in memory.
#![forbid(unsafe_code)]

mod block;
pub mod book;
pub mod catalog;
mod chained;
pub mod definition;
#[cfg(test)]
mod fake_disk;
pub mod head;
pub mod info;
pub mod manifest;
pub mod retain;
pub mod stretch;
pub mod token;
pub mod tombstone;
