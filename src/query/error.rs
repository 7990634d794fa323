//! Why a query has no answer. `http` turns this into a status in one place.

/// What helps against most limits.
pub const LESS: &str = "ask for fewer series or a shorter time";

/// What the caller of a query is told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// The request makes no sense; the text says where and why.
    #[error("{0}")]
    Invalid(String),
    /// A limit was passed; the text names it, its value and the setting that raises it.
    #[error("{0}")]
    Limit(String),
    /// The query reads or returns more points than it may.
    #[error("the query {verb} more than {max} points; {LESS}, or raise {setting}")]
    TooManyPoints {
        /// What it does to them.
        verb: &'static str,
        /// So many it may.
        max: u64,
        /// What raises that.
        setting: &'static str,
    },
    /// It took longer than it may, in milliseconds.
    #[error("the query ran longer than {0} ms; {LESS}, or raise query.millis_max")]
    Timeout(u64),
    /// All queries under way together hold as many bytes as they may; worth another try.
    #[error(
        "all queries under way may hold {0} bytes of memory together; {LESS}, try again later, or raise \
         query.all_bytes_max"
    )]
    Crowded(u64),
    /// A shard did not take the request; worth another try.
    #[error("the appliance is too busy for this query; try again")]
    Busy,
    /// The disk is full, so what was asked for cannot be made durable; worth another try when it has room.
    #[error("the disk is full, {0}; free some room, and try again")]
    Full(&'static str),
    /// Somebody asked for its end.
    #[error("the query was killed")]
    Killed,
}

impl QueryError {
    /// Whether it is the question that is at fault.
    pub fn is_refusal(&self) -> bool {
        matches!(
            self,
            QueryError::Invalid(_) | QueryError::Limit(_) | QueryError::TooManyPoints { .. }
        )
    }
}
