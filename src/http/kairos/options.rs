//! What the operator chose about KairosDB's queries.

use crate::query::kairos::zone::Zone;

/// Choices about queries.
#[derive(Clone, Debug, PartialEq)]
pub struct QueryOptions {
    /// Whether buckets are aligned where an aggregator does not say.
    pub align_sampling: bool,
    /// Whether results without points are left out.
    pub drop_empty: bool,
    /// The zone of queries that name none.
    pub zone: Zone,
    /// What a value of a tag filter begins with that is a regular expression; empty, there are none.
    pub regex_prefix: String,
    /// Whether an answer repeats the query.
    pub return_query: bool,
}

impl Default for QueryOptions {
    fn default() -> Self {
        QueryOptions {
            align_sampling: true,
            drop_empty: false,
            zone: Zone::UTC,
            regex_prefix: "regex:".to_owned(),
            return_query: false,
        }
    }
}
