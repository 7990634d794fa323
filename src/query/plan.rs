//! What every shard is asked.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};

use super::error::QueryError;
use super::limits::Limits;
use super::rows::Combine;
use super::scan::Folding;
use super::summary::Summary;
use super::together::{Share, Together};
use crate::base::time::Millis;
use crate::model::series::TenantId;

/// What names the series of one leaf of a target.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Selector {
    /// A path with globs, or the canonical text of a tagged series.
    Path(String),
    /// The arguments of `seriesByTag`, each a Graphite tag expression such as `dc=~a.*`.
    Tags(Vec<String>),
    /// The series of exactly these canonical texts.
    Names(Arc<[String]>),
    /// All series of exactly this metric name that pass every filter, of each type of values: KairosDB's
    /// way. Only a plan of such selectors keeps the types of values apart.
    Metric {
        /// The name, as it was sent.
        name: String,
        /// At most one for each key.
        filters: Vec<TagFilter>,
    },
}

/// What the value of one tag may be: any of these. A series without the tag does not pass.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct TagFilter {
    /// The tag's key.
    pub key: String,
    /// Values that pass.
    pub values: Vec<String>,
    /// Regular expressions; what one matches as a whole passes.
    pub patterns: Vec<String>,
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
    /// What all shards together may still hold of it.
    pub purse: Arc<Purse>,
}

impl Plan {
    /// A question that has cost nothing yet.
    pub fn new(tenant: TenantId, want: Want, limits: Limits) -> Plan {
        Plan {
            tenant,
            want,
            limits,
            purse: Arc::new(Purse::new(limits.bytes_max, Together::default().share())),
        }
    }

    /// The same as part of a question that holds `share` of what all queries do.
    pub fn within(self, share: Arc<Share>) -> Plan {
        let purse = Arc::new(Purse::new(self.limits.bytes_max, share));
        Plan { purse, ..self }
    }
}

/// The bytes that one question may take on all shards together: each shard alone could only see
/// its own part, and many parts would be many times the ceiling. The one number that shards share,
/// and only while they answer the same question.
#[derive(Debug)]
pub struct Purse {
    bytes_max: u64,
    bytes_left: AtomicU64,
    given_up: AtomicBool,
    /// What its question holds of what all queries do.
    share: Arc<Share>,
}

impl Drop for Purse {
    fn drop(&mut self) {
        self.share.let_go(self.held());
    }
}

impl Purse {
    fn new(bytes_max: u64, share: Arc<Share>) -> Purse {
        Purse {
            bytes_max,
            bytes_left: AtomicU64::new(bytes_max),
            given_up: AtomicBool::new(false),
            share,
        }
    }

    /// Pay for `bytes` about to be held until the question is answered.
    ///
    /// # Errors
    /// [`QueryError::Limit`] when all shards together hold too much, or as [`Share::hold`].
    pub fn pay(&self, bytes: u64) -> Result<(), QueryError> {
        let less = |left: u64| left.checked_sub(bytes);
        let paid = self.bytes_left.fetch_update(Relaxed, Relaxed, less);
        paid.map_err(|_| Limits::too_many_bytes(self.bytes_max))?;
        let held = self.share.hold(bytes);
        held.inspect_err(|_| {
            self.bytes_left.fetch_add(bytes, Relaxed);
        })
    }

    /// What was paid for is not held any more.
    pub fn give_back(&self, bytes: u64) {
        self.bytes_left.fetch_add(bytes, Relaxed);
        self.share.let_go(bytes);
    }

    /// What is held of what was paid for.
    pub fn held(&self) -> u64 {
        self.bytes_max.saturating_sub(self.bytes_left.load(Relaxed))
    }

    /// Nobody waits for the answer any more: scans of it may end where they are.
    pub fn give_up(&self) {
        self.given_up.store(true, Relaxed);
    }

    /// Whether nobody waits any more.
    pub fn is_given_up(&self) -> bool {
        self.given_up.load(Relaxed)
    }
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
    /// Evenly spaced values of the series of each selector, as [`slot`](super::graphite::slots::slot)
    /// makes them, for each series that no other shard holds. Of others the asker hears only that they
    /// are such: their points have to be joined first.
    Values {
        /// Distinct selectors.
        selectors: Arc<[Selector]>,
        /// Seconds since the epoch, exclusive.
        from_s: i64,
        /// Seconds since the epoch, inclusive.
        until_s: i64,
        /// What the values of each series become before anything else is done with them.
        summary: Option<Summary>,
    },
    /// What the series of one selector come to, group by group, where that is what they would come to if
    /// they were all in one place.
    Rows {
        /// Which series.
        selector: Selector,
        /// How they are combined.
        combine: Combine,
        /// Seconds since the epoch, exclusive.
        from_s: i64,
        /// Seconds since the epoch, inclusive.
        until_s: i64,
        /// What the values of each series become before anything else is done with them.
        summary: Option<Summary>,
        /// Whether all is to be read, whatever was kept from earlier questions.
        fresh: bool,
    },
    /// What the points of the series of one selector come to in the buckets of a KairosDB aggregator, group
    /// by group, where that is what they would come to if they were all in one place; and the points of
    /// the series of which it is not.
    Cells {
        /// Which series; a [`Selector::Metric`].
        selector: Selector,
        /// How points become cells.
        folding: Arc<Folding>,
        /// First instant.
        from: Millis,
        /// Last instant.
        until: Millis,
    },
    /// Nodes of the tree of untagged names that match.
    Nodes {
        /// The pattern.
        pattern: String,
    },
    /// The canonical text of every series.
    Names,
    /// The names of metrics that begin so, each once: those of series with tags and of series without.
    Metrics {
        /// How they begin.
        prefix: String,
    },
    /// What tags say.
    Tags(Arc<TagQuery>),
    /// The series of some selectors, by their identities.
    Series {
        /// Of a path only its matches in the tree count.
        selectors: Arc<[Selector]>,
    },
    /// Those of them, by the identities of their names and types of values, that are in several places: on
    /// several shards, or kept for different times.
    Shared {
        /// As for [`Want::Series`].
        selectors: Arc<[Selector]>,
    },
    /// The canonical texts of the series of some selectors.
    NamesOf {
        /// As for [`Want::Series`].
        selectors: Arc<[Selector]>,
    },
}

/// A question about tagged series.
#[derive(Clone, Debug)]
pub struct TagQuery {
    /// What of them.
    pub part: TagPart,
    /// Only series that pass all of these tag expressions count; with none, all do.
    pub tests: Vec<String>,
    /// Which keys or values.
    pub filter: Filter,
    /// So many keys or values at most, the first in the order of their bytes.
    pub limit: usize,
}

/// What is wanted of tagged series.
#[derive(Clone, Debug)]
pub enum TagPart {
    /// Their canonical texts, all of them.
    Series,
    /// The keys of their tags, without those of the tests.
    Keys,
    /// The values of this key.
    Values(String),
    /// The values of all keys but that of the metric's name.
    AllValues,
    /// The values of this key, with how many series have each.
    Counts(String),
}

/// Which of many texts.
#[derive(Clone, Debug)]
pub enum Filter {
    /// All.
    All,
    /// Those that begin so.
    Prefix(String),
    /// Those that a regular expression matches, from their start on unless it begins with `^`.
    Pattern(String),
}
