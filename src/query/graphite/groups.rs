//! Neighbouring values become one: what `maxDataPoints` and a common grid do to a series.

use crate::query::breath::{CHUNK, Pace};
use crate::query::error::QueryError;
use crate::query::series::{Fold, Folding, Series};

/// How values are grouped, and what a group becomes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Groups {
    /// How a group becomes one value.
    pub(super) fold: Fold,
    /// Values that a full group has room for.
    pub(super) room: f64,
    /// Share of `room` that must be there.
    pub(super) x_files_factor: f64,
    /// Values of the first group; 0 if it is like the others.
    pub(super) first: usize,
    /// Values of the others, of which the last may have fewer; at least 1.
    pub(super) size: usize,
}

impl Groups {
    /// Groups of `size` values, as `series` wants to be folded.
    pub(super) fn of(series: &Series, size: usize) -> Groups {
        Groups {
            fold: series.fold,
            room: size as f64,
            x_files_factor: series.x_files_factor,
            first: 0,
            size: size.max(1),
        }
    }

    /// One value a group, in pieces as `pace` says.
    pub(super) async fn folded(
        &self,
        values: &[f64],
        pace: &Pace<'_>,
    ) -> Result<Vec<f64>, QueryError> {
        let (first, others) = values.split_at(self.first.min(values.len()));
        let mut folded = Vec::with_capacity(others.len() / self.size + 2);
        let first = (!first.is_empty()).then_some(first);
        for group in first.into_iter().chain(others.chunks(self.size)) {
            let mut folding = Folding::new(self.fold);
            for some in group.chunks(CHUNK) {
                folding.take(some);
                pace.did(some.len()).await?;
            }
            folded.push(folding.finish(self.room, self.x_files_factor));
        }
        Ok(folded)
    }
}
