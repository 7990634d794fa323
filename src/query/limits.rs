//! What one query may cost. Every ceiling is checked where the thing grows, and every
//! refusal names the ceiling, its value and the setting that raises it.

use super::error::{LESS, QueryError};

/// Ceilings of one query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Series that its selectors may match, per shard and after the merge.
    pub series_max: usize,
    /// Points read, per shard and after the merge.
    pub points_read_max: u64,
    /// Points returned.
    pub points_returned_max: u64,
    /// Wall time in milliseconds.
    pub millis_max: u64,
    /// Bytes of the partials of all shards together; and once more of the answer, all that its
    /// targets produce on the way and its text.
    pub bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            series_max: 100_000,
            points_read_max: 200_000_000,
            points_returned_max: 20_000_000,
            millis_max: 30_000,
            bytes_max: 2 << 30,
        }
    }
}

impl Limits {
    /// Whether a query may match `series` series.
    ///
    /// # Errors
    /// [`QueryError::Limit`] above the ceiling.
    pub fn check_series(&self, series: usize) -> Result<(), QueryError> {
        if series <= self.series_max {
            Ok(())
        } else {
            Err(self.too_many_series())
        }
    }

    /// What a query is told whose selectors match more series than they may.
    pub fn too_many_series(&self) -> QueryError {
        refusal(
            self.series_max as u64,
            "matches more than",
            "series",
            "query.series_max",
        )
    }

    /// Whether points may be spread over `groups` groups: each costs what a series does.
    ///
    /// # Errors
    /// [`QueryError::Limit`] above the ceiling.
    pub fn check_groups(&self, groups: usize) -> Result<(), QueryError> {
        let max = self.series_max as u64;
        let (verb, unit) = ("makes more than", "groups");
        check(groups as u64, max, verb, unit, "query.series_max")
    }

    /// Whether a query may read `points` points.
    ///
    /// # Errors
    /// [`QueryError::TooManyPoints`] above the ceiling.
    pub fn check_points_read(&self, points: u64) -> Result<(), QueryError> {
        match points <= self.points_read_max {
            true => Ok(()),
            false => Err(QueryError::TooManyPoints {
                verb: "reads",
                max: self.points_read_max,
                setting: "query.points_read_max",
            }),
        }
    }

    /// Whether an answer may hold `points` points.
    ///
    /// # Errors
    /// [`QueryError::TooManyPoints`] above the ceiling.
    pub fn check_points_returned(&self, points: u64) -> Result<(), QueryError> {
        match points <= self.points_returned_max {
            true => Ok(()),
            false => Err(QueryError::TooManyPoints {
                verb: "returns",
                max: self.points_returned_max,
                setting: "query.points_returned_max",
            }),
        }
    }

    /// Whether a query may hold `bytes` bytes in memory.
    ///
    /// # Errors
    /// [`QueryError::Limit`] above the ceiling.
    pub fn check_bytes(&self, bytes: u64) -> Result<(), QueryError> {
        if bytes <= self.bytes_max {
            Ok(())
        } else {
            Err(Limits::too_many_bytes(self.bytes_max))
        }
    }

    /// What a query is told that needs more than `max` bytes.
    pub fn too_many_bytes(max: u64) -> QueryError {
        refusal(max, "needs more than", "bytes of memory", "query.bytes_max")
    }
}

fn check(count: u64, max: u64, verb: &str, unit: &str, setting: &str) -> Result<(), QueryError> {
    if count <= max {
        Ok(())
    } else {
        Err(refusal(max, verb, unit, setting))
    }
}

fn refusal(max: u64, verb: &str, unit: &str, setting: &str) -> QueryError {
    QueryError::Limit(format!(
        "the query {verb} {max} {unit}; {LESS}, or raise {setting}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_limit_its_value_and_the_setting() {
        let limits = Limits {
            series_max: 3,
            ..Limits::default()
        };
        assert_eq!(limits.check_series(3), Ok(()));
        let told = "the query matches more than 3 series; ask for fewer series or a shorter time, \
                    or raise query.series_max";
        assert_eq!(
            limits.check_series(4),
            Err(QueryError::Limit(told.to_owned()))
        );
    }
}
