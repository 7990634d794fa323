//! Plans become answers: a plan goes to every shard, each scans its own and gives a partial, the
//! partials merge into whole series, and functions finish them.
//!
//! Reads `index` and `store` only through their read sides. Knows no HTTP, no socket, no clock
//! ("now" comes with the request) and not how many shards there are.
#![forbid(unsafe_code)]

pub mod breath;
pub mod error;
pub mod events;
pub mod graphite;
pub mod kairos;
pub mod last_slot;
pub mod limits;
pub mod merge;
pub mod plan;
pub mod result_cache;
pub mod rows;
pub mod scan;
pub mod series;
pub mod summary;
#[cfg(test)]
pub(crate) mod testing;
pub mod together;
