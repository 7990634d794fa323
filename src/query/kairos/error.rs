//! Why a KairosDB query has no answer.

use crate::query::error::QueryError;

/// What the caller is told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KairosError {
    /// The points and the question do not go together: KairosDB's status 500 and its text; where it has
    /// none it answers `null`.
    #[error("{}", .0.as_deref().unwrap_or("null"))]
    Failed(Option<String>),
    /// What any query may be told.
    #[error(transparent)]
    Query(#[from] QueryError),
}

impl KairosError {
    /// Status 500 with this text.
    pub fn failed(text: impl Into<String>) -> KairosError {
        KairosError::Failed(Some(text.into()))
    }

    /// A value that JSON has no number for.
    pub fn not_finite(time: i64, value: f64) -> KairosError {
        let name = match value {
            f64::INFINITY => "Infinity",
            f64::NEG_INFINITY => "-Infinity",
            _ => "NaN",
        };
        KairosError::failed(format!(
            "NaN or Infinity:{name} data point=[{time}, {name}]"
        ))
    }

    /// A bucket or a range of no length.
    pub(super) fn divided_by_zero() -> KairosError {
        KairosError::failed("/ by zero")
    }

    /// A value is null where a number is needed: only `gaps` makes such.
    pub(super) fn after_gaps() -> KairosError {
        KairosError::failed(
            "No aggregator can be chained after org.kairosdb.core.aggregator.DataGapsMarkingAggregator",
        )
    }
}
