//! KairosDB's way of computing: the points of a group are one stream, and aggregators turn it into another.
//!
//! Knows nothing of JSON and of series: `http` reads the request, says which series make a group, and
//! prints what comes out.

pub mod columns;
pub mod stream;
