//! What a sample, a series and an aggregate are, apart from any byte format.
//!
//! Knows no protocol, no file and no core.
#![forbid(unsafe_code)]

pub mod aggregate;
pub mod event;
pub mod metadata;
pub mod number;
pub mod ordered;
pub mod points;
pub mod refusal;
pub mod rollup;
pub mod sample;
pub mod series;
