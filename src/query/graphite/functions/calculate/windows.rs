//! A window slides over values, and each of its places becomes one value.
//!
//! Least, largest, last and count are the same however they are reached, so each value is looked at a
//! fixed number of times: values are cut into blocks as long as the window, and a window is the end of
//! one block and the beginning of the next (`joined`). A sum is not: it depends on the order of the
//! additions. Up to [`SUMMED_ANEW_MAX`] values it is added up anew in each place, as graphite-web does
//! it, to the last bit; beyond, it is joined with twice the digits, which is closer to the true sum than
//! graphite-web comes. Medians come out of two heaps ([`Halves`]).

use super::halves::Halves;
use super::summaries::{Extremes, Moments, Product, Summary, Total};
use crate::query::breath::{CHUNK, Pace};
use crate::query::error::QueryError;
use crate::query::graphite::functions::aggregation::Aggregation;

/// Values of the widest window whose sum is added up anew in each place.
pub(in crate::query::graphite::functions) const SUMMED_ANEW_MAX: usize = 256;

/// Places that are added up side by side.
const LANES: usize = 8;

/// All places of one window over one list of values. NaN is null.
pub(super) struct Windows<'a> {
    pub(super) values: &'a [f64],
    /// Values that a window has. The first window ends behind so many values: it does not have the
    /// first of them, so that there is one for each value behind the preview.
    pub(super) size: usize,
    /// Share of values that must be there.
    pub(super) share: f64,
    pub(super) pace: &'a Pace<'a>,
}

impl Windows<'_> {
    /// How many there are.
    fn count(&self) -> usize {
        self.values.len().saturating_sub(self.size)
    }

    /// Values' worth of memory that [`Windows::aggregated`] takes besides what it gives.
    pub(super) fn room(&self, aggregation: Aggregation) -> u64 {
        let size = self.size.min(self.values.len()) as u64;
        match aggregation {
            Aggregation::Count | Aggregation::Last => 0,
            // Each is in a set of pairs.
            Aggregation::Median => 4 * size,
            _ => 3 * size,
        }
    }

    /// One value for each window; NaN where too few are there.
    pub(super) async fn aggregated(
        &self,
        aggregation: Aggregation,
    ) -> Result<Vec<f64>, QueryError> {
        if self.size == 0 {
            return self.all_null().await;
        }
        let few = self.size <= SUMMED_ANEW_MAX;
        let mut values = match aggregation {
            // Nulls are left out before anything is aggregated, so they are no zeros either.
            Aggregation::Average | Aggregation::AverageZero | Aggregation::Sum if few => {
                self.summed_anew().await?
            }
            Aggregation::Average | Aggregation::AverageZero | Aggregation::Sum => {
                self.joined(Total::sum).await?
            }
            Aggregation::Count => self.all_null().await?,
            Aggregation::Difference | Aggregation::Product | Aggregation::StandardDeviation
                if few =>
            {
                self.aggregated_anew(aggregation).await?
            }
            Aggregation::Difference => self.joined(Total::difference).await?,
            Aggregation::Last => self.last().await?,
            Aggregation::Maximum => self.joined(|it: Extremes| it.most).await?,
            Aggregation::Median => self.medians().await?,
            Aggregation::Minimum => self.joined(|it: Extremes| it.least).await?,
            Aggregation::Product => self.joined(|it: Product| it.0).await?,
            Aggregation::Range => self.joined(|it: Extremes| it.most - it.least).await?,
            Aggregation::StandardDeviation => self.joined(Moments::deviation).await?,
        };
        self.finish(aggregation, &mut values).await?;
        Ok(values)
    }

    async fn all_null(&self) -> Result<Vec<f64>, QueryError> {
        let mut nulls = Vec::new();
        while nulls.len() < self.count() {
            let some = CHUNK.min(self.count() - nulls.len());
            nulls.resize(nulls.len() + some, f64::NAN);
            self.pace.did(some / 8).await?;
        }
        Ok(nulls)
    }

    /// Sums become means, and what has too few values becomes null.
    async fn finish(&self, aggregation: Aggregation, values: &mut [f64]) -> Result<(), QueryError> {
        let is_mean = matches!(aggregation, Aggregation::Average | Aggregation::AverageZero);
        let is_there = |value: &f64| usize::from(!value.is_nan());
        let (first, others) = self.values.split_at(self.size.min(self.values.len()));
        let mut present = 0;
        for some in first.chunks(CHUNK) {
            present += some.iter().map(is_there).sum::<usize>();
            self.pace.did(some.len() / 8).await?;
        }
        let entering = others.chunks(CHUNK);
        let leaving = self.values.chunks(CHUNK);
        for ((values, entering), leaving) in values.chunks_mut(CHUNK).zip(entering).zip(leaving) {
            for ((value, entering), leaving) in values.iter_mut().zip(entering).zip(leaving) {
                present = present + is_there(entering) - is_there(leaving);
                let count = present as f64;
                if present == 0 || count / (self.size as f64) < self.share {
                    *value = f64::NAN;
                } else if aggregation == Aggregation::Count {
                    *value = count;
                } else if is_mean {
                    *value /= count;
                }
            }
            self.pace.did(values.len()).await?;
        }
        Ok(())
    }

    /// The sums, each from its first value to its last.
    async fn summed_anew(&self) -> Result<Vec<f64>, QueryError> {
        let or_zero = |value: f64| if value.is_nan() { 0.0 } else { value };
        let mut sums = Vec::with_capacity(self.count());
        while sums.len() < self.count() {
            let lanes = LANES.min(self.count() - sums.len());
            let begin = sums.len() + 1;
            let seen = self.values.get(begin..begin + self.size + lanes - 1);
            let seen = seen.unwrap_or_default();
            let mut side_by_side = [0.0; LANES];
            if lanes == LANES {
                for some in seen.windows(LANES) {
                    for (sum, value) in side_by_side.iter_mut().zip(some) {
                        *sum += or_zero(*value);
                    }
                }
            } else {
                for (sum, window) in side_by_side.iter_mut().zip(seen.windows(self.size)) {
                    *sum = window.iter().fold(0.0, |sum, value| sum + or_zero(*value));
                }
            }
            sums.extend(side_by_side.iter().take(lanes));
            self.pace.did(lanes + self.size).await?;
        }
        Ok(sums)
    }

    async fn aggregated_anew(&self, aggregation: Aggregation) -> Result<Vec<f64>, QueryError> {
        let mut aggregated = Vec::with_capacity(self.count());
        let mut present = Vec::with_capacity(self.size);
        for window in self.values.windows(self.size).skip(1) {
            present.clear();
            present.extend(window.iter().filter(|value| !value.is_nan()));
            aggregated.push(aggregation.of(&present));
            self.pace.did(1 + self.size).await?;
        }
        Ok(aggregated)
    }

    /// The last value so far; where the window has none, that is no matter.
    async fn last(&self) -> Result<Vec<f64>, QueryError> {
        let mut lasts = Vec::with_capacity(self.count());
        let mut last = f64::NAN;
        for (i, value) in self.values.iter().enumerate() {
            last = if value.is_nan() { last } else { *value };
            if self.size <= i {
                lasts.push(last);
            }
            self.pace.did(1).await?;
        }
        Ok(lasts)
    }

    async fn medians(&self) -> Result<Vec<f64>, QueryError> {
        let mut medians = Vec::with_capacity(self.count());
        let mut halves = Halves::default();
        for (i, value) in self.values.iter().enumerate().skip(1) {
            halves.add(i, *value);
            if let Some(gone) = i.checked_sub(self.size)
                && let Some(value) = self.values.get(gone)
            {
                if 0 < gone {
                    halves.remove(gone, *value);
                }
                medians.push(halves.median());
            }
            // A search in each of two sets.
            self.pace.did(10).await?;
        }
        halves.free(self.pace).await?;
        Ok(medians)
    }

    /// What `show` says of the summary of each window.
    async fn joined<S: Summary>(&self, show: impl Fn(S) -> f64) -> Result<Vec<f64>, QueryError> {
        let values = self.values.get(1..).unwrap_or_default();
        let mut shown = Vec::with_capacity(self.count());
        let mut ends: Vec<S> = Vec::new();
        let mut blocks = values.chunks(self.size);
        let mut block = blocks.next().unwrap_or_default();
        while shown.len() < self.count() {
            let next = blocks.next().unwrap_or_default();
            // The summary of each end of this block, the shortest end first.
            ends.clear();
            let mut end = S::NONE;
            for some in block.rchunks(CHUNK) {
                for value in some.iter().rev() {
                    end = S::of(*value).then(end);
                    ends.push(end);
                }
                self.pace.did(some.len()).await?;
            }
            let mut beginning = S::NONE;
            let mut entering = next.iter();
            let left = self.count() - shown.len();
            for (i, end) in ends.iter().rev().take(left).enumerate() {
                shown.push(show(end.then(beginning)));
                if let Some(value) = entering.next() {
                    beginning = beginning.then(S::of(*value));
                }
                if i % CHUNK == 0 {
                    self.pace.did(CHUNK.min(ends.len())).await?;
                }
            }
            block = next;
        }
        Ok(shown)
    }
}
