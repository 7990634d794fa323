//! What every shard is asked.

use std::sync::Arc;

use super::limits::Limits;
use crate::base::time::Millis;
use crate::model::series::TenantId;

/// What names the series of one leaf of a target.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Selector {
    /// A path with globs, or the canonical text of a tagged series.
    Path(String),
    /// The arguments of `seriesByTag`, each a Graphite tag expression such as `dc=~a.*`.
    Tags(Vec<String>),
}

/// The instants with `start <= time < end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The first instant.
    pub start: Millis,
    /// The first instant behind.
    pub end: Millis,
}

/// A question for all shards.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Whose series.
    pub tenant: TenantId,
    /// What is wanted.
    pub want: Want,
    /// What it may cost.
    pub limits: Limits,
}

/// What is wanted of the shards.
#[derive(Clone, Debug)]
pub enum Want {
    /// Points with `from <= time <= until` of the series of each selector, and for each window of
    /// `last_slots` the last arrival among the points that lie in it but after `until`.
    Points {
        /// Distinct selectors.
        selectors: Arc<[Selector]>,
        /// First instant.
        from: Millis,
        /// Last instant.
        until: Millis,
        /// The slots that the last value of an evenly spaced answer may stand for: which of them
        /// it is hangs on the step, and that is known only after the merge.
        last_slots: Arc<[Slot]>,
    },
    /// Nodes of the tree of untagged names that match.
    Nodes {
        /// The pattern.
        pattern: String,
    },
    /// The canonical text of every series.
    Names,
}
