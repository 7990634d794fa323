//! corelane, a metrics ingestion appliance for bare-metal Linux.
#![doc = include_str!("ARCHITECTURE.md")]

// In the order the data travels.
pub mod access; // keys become tenants
pub mod base; // bounded containers, time, hash
pub mod config; // what the operator may choose
pub mod http; // answers become documents
pub mod index; // names become numbers
pub mod model; // what a sample, a series and an aggregate are
pub mod operate; // files become text for people
pub mod query; // plans become answers
pub mod rt;
pub mod seam; // clock, disk, post
pub mod shard; // one core's worth of all of it
pub mod simd; // find separators, parse digits
pub mod store; // samples stay
pub mod wire; // bytes become samples // the only part that knows the kernel
