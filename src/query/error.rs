//! Why a query has no answer. `http` turns this into a status in one place.

/// What the caller of a query is told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// The request makes no sense; the text says where and why.
    #[error("{0}")]
    Invalid(String),
    /// A limit was passed; the text names it, its value and the setting that raises it.
    #[error("{0}")]
    Limit(String),
    /// It took longer than it may, in milliseconds.
    #[error(
        "the query ran longer than {0} ms; ask for fewer series or a shorter time, or raise query.millis_max"
    )]
    Timeout(u64),
    /// A shard did not take the request; worth another try.
    #[error("the appliance is too busy for this query; try again")]
    Busy,
    /// Somebody asked for its end.
    #[error("the query was killed")]
    Killed,
}

impl QueryError {
    /// Whether it is the question that is at fault.
    pub fn is_refusal(&self) -> bool {
        matches!(self, QueryError::Invalid(_) | QueryError::Limit(_))
    }
}
