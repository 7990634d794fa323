//! What aggregators know of their query.

use super::aggregator::SaveAs;
use super::error::KairosError;
use super::stream::{Stream, Texts};
use crate::query::breath::{Local, Pace};
use crate::query::limits::Limits;

/// One query, or one of its metrics.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// First millisecond.
    pub start: i64,
    /// Last millisecond; [`i64::MAX`] if the query names none.
    pub end: i64,
    /// Milliseconds since the epoch.
    pub now: i64,
    /// Whether points come latest first.
    pub descending: bool,
    /// What it may cost.
    pub limits: &'a Limits,
    /// The texts of its values.
    pub texts: &'a Texts,
    /// Who stores what `save_as` sees; nobody does where that is no one's affair.
    pub saver: Option<&'a dyn Saver>,
    /// Gives the core to others now and then.
    pub pace: &'a Pace<'a>,
}

/// Stores points that a query has made.
pub trait Saver {
    /// Store these points of one group.
    ///
    /// # Errors
    /// What the caller of the query is told.
    fn save<'a>(&'a self, to: &'a SaveAs, points: &'a Stream)
    -> Local<'a, Result<(), KairosError>>;
}
