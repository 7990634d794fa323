//! The median of values that come and go: the lower and the upper half of them, each sorted.

use std::collections::BTreeSet;

use super::super::aggregation::{ascending, from_ascending};
use crate::query::breath::{CHUNK, Pace};
use crate::query::error::QueryError;

/// A value as bits in the order of the numbers, and its place, so that equal values are several.
type Key = (u64, usize);

/// Some values, in two halves; the upper one has one more if they are odd.
#[derive(Debug, Default)]
pub(super) struct Halves {
    lower: BTreeSet<Key>,
    upper: BTreeSet<Key>,
}

impl Halves {
    /// Take in the value of `place`, unless it is NaN.
    pub(super) fn add(&mut self, place: usize, value: f64) {
        if value.is_nan() {
            return;
        }
        let key = (ascending(value), place);
        if self.upper.first().is_some_and(|least| key < *least) {
            self.lower.insert(key);
        } else {
            self.upper.insert(key);
        }
        self.balance();
    }

    /// Forget the value of `place`.
    pub(super) fn remove(&mut self, place: usize, value: f64) {
        let key = (ascending(value), place);
        if !self.lower.remove(&key) {
            self.upper.remove(&key);
        }
        self.balance();
    }

    fn balance(&mut self) {
        if self.upper.len() < self.lower.len() {
            self.upper.extend(self.lower.pop_last());
        } else if self.lower.len() + 1 < self.upper.len() {
            self.lower.extend(self.upper.pop_first());
        }
    }

    /// The middle value, or the mean of the middle two; NaN of none.
    pub(super) fn median(&self) -> f64 {
        let Some(above) = self.upper.first().map(value_of) else {
            return f64::NAN;
        };
        match self.lower.last().map(value_of) {
            Some(below) if self.lower.len() == self.upper.len() => (below + above) / 2.0,
            _ => above,
        }
    }

    /// Give back the memory, in pieces.
    pub(super) async fn free(mut self, pace: &Pace<'_>) -> Result<(), QueryError> {
        for half in [&mut self.lower, &mut self.upper] {
            while !half.is_empty() {
                for _ in 0..CHUNK {
                    half.pop_last();
                }
                pace.did(CHUNK).await?;
            }
        }
        Ok(())
    }
}

fn value_of(key: &Key) -> f64 {
    from_ascending(key.0)
}
