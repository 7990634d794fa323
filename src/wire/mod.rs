//! Bytes become samples: one file per protocol, sans-I/O, no clock.
//!
//! Takes bytes and the arrival time, gives [`Samples`](crate::model::sample::Samples); what it
//! cannot take it counts in their refusals and goes on. Once warm it does not allocate. Each fast
//! path has a slow twin beside it, and `tests/model` lets them argue.
#![forbid(unsafe_code)]

pub mod carbon_tags;
pub mod familiar;
pub mod graphite;
pub mod json;
pub mod kairos_rest;
pub mod kairos_sent;
pub mod kairos_telnet;
pub mod name;
pub mod number;
pub mod opentsdb_json;
pub mod pickle;
