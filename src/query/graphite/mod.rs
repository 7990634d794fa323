//! Graphite's query language as pure functions: times, targets, functions, consolidation.
//!
//! The way of a request: [`time::parse`] its times, [`target::parse`] its targets, give an
//! [`evaluate::Evaluator`] somebody to fetch [`Leaves`] (whose raw points become values in [`slots`]),
//! let it evaluate each target, and [`consolidate::consolidate`] the answer for JSON.
//!
//! Takes text and series, gives series. Limits: the bytes, depth and arguments of a target
//! ([`target`]), and the bytes an evaluation may produce ([`evaluate::Budget`]). Whatever works on
//! series does it in pieces ([`Pace`](super::breath::Pace)). Knows no clock
//! ("now" comes with the request), no shards and no HTTP. The truth it is tested against are
//! results of graphite-web itself.

pub mod consolidate;
pub mod evaluate;
pub mod functions;
mod groups;
pub mod number;
pub mod printf;
pub mod python_regex;
pub mod slots;
pub mod target;
pub mod time;

use super::breath::Local;
use super::error::QueryError;
use super::limits::Limits;
use super::plan::Selector;
use super::rows::{Combine, Combined};
use super::series::Series;
use super::summary::Summary;

/// What functions may know about the request.
#[derive(Clone, Debug)]
pub struct Context {
    /// Seconds since the epoch: start of the range, exclusive.
    pub from: i64,
    /// Seconds since the epoch: end of the range, inclusive.
    pub until: i64,
    /// Seconds since the epoch of "now".
    pub now: i64,
    /// Zone of times without one.
    pub zone: jiff::tz::TimeZone,
    /// The request's `xFilesFactor`, 0 to 1; 0 if it names none.
    pub x_files_factor: f64,
    /// Ceilings of this query.
    pub limits: Limits,
}

/// Where the series of leaves come from.
pub trait Leaves {
    /// The series of each of `selectors`, in their order, each list sorted by name, with a value for each
    /// slot of the range of `context`, or for each bucket of `summary`.
    ///
    /// # Errors
    /// What the shards say, and where the answer would be larger than it may.
    fn fetch<'a>(
        &'a self,
        selectors: Vec<Selector>,
        summary: Option<Summary>,
        context: &'a Context,
    ) -> Local<'a, Result<Vec<Vec<Series>>, QueryError>>;

    /// The series of `selector`, or what `summary` makes of each, combined as the function around them is
    /// about to do it, where that comes to the same.
    ///
    /// # Errors
    /// As [`Leaves::fetch`].
    fn combined<'a>(
        &'a self,
        selector: Selector,
        combine: &'a Combine,
        summary: Option<Summary>,
        context: &'a Context,
    ) -> Local<'a, Result<Combined, QueryError>>;

    /// When events that have all of `tags` happened within the range of `context`, in seconds, ascending.
    ///
    /// # Errors
    /// The query has had its time.
    fn events<'a>(
        &'a self,
        tags: Vec<String>,
        context: &'a Context,
    ) -> Local<'a, Result<Vec<i64>, QueryError>>;
}
