//! KairosDB's way of computing: the points of a group are one stream, and aggregators turn it into another.
//!
//! ```text
//! series of a group --merge--> stream --partition--> a stream for each group of values, times or bins
//!                                                      `--aggregate--> what is answered
//! ```
//!
//! [`merge()`] brings the points of the series that one group has into one order. [`partition`] parts
//! them by what groupers say of each point. [`aggregate()`] sends them through the aggregators of the
//! query, one after the other. Where the first of them allows it, shards send [`Cells`] instead of points.
//!
//! Knows nothing of JSON, of tags and of series' names: `http` reads the request, says which series make a
//! group, and prints what comes out. Knows no clock: "now" is part of the [`Context`]. Its truth are the
//! cases of `tests/`, which are KairosDB's, and naive twins that go point by point.

pub mod aggregate;
pub mod aggregator;
mod buckets;
mod calendar;
pub mod cells;
pub mod context;
pub mod error;
pub mod group;
pub mod joining;
pub mod merge;
pub mod sampling;
pub mod stream;
pub mod tags;
pub mod zone;

pub use aggregate::aggregate;
pub use aggregator::Aggregator;
pub use buckets::buckets_between;
pub use cells::{CellPlan, Cells};
pub use context::{Context, Saver};
pub use error::KairosError;
pub use group::{Group, Grouper, partition};
pub use merge::{Column, SeriesPoints, merge};

#[cfg(test)]
mod tests;
