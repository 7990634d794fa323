//! What the operator may choose.
//!
//! Takes defaults, the configuration of a KairosDB, a TOML file, environment variables and flags, the later
//! before the earlier;
//! gives one checked [`Config`], or everything that is wrong with it. Every key stands once, in the
//! table of [`keys`]. Its limits: a file of 1 MiB. It starts nothing and opens no socket; parts
//! receive small options of their own, made in `main`, never the whole. The truth of its tests is
//! the commented sample `tuning/corelane.toml`.
#![forbid(unsafe_code)]

pub mod carbon;
pub mod check;
pub mod error;
pub mod file;
pub mod flags;
pub mod identity;
pub mod kairosdb;
pub mod keys;
pub mod load;
pub mod machine;
pub mod nearest;
pub mod network;
mod parts;
pub mod print;
pub mod sections;
#[cfg(test)]
mod tests;
pub mod value;

pub use sections::Config;
