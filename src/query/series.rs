//! A series on its way through functions: evenly spaced values, as Graphite's functions see it.

use std::collections::BTreeMap;

/// How several values become one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fold {
    /// Mean of what is there.
    #[default]
    Average,
    /// Mean with nulls as zero.
    AverageZero,
    /// Sum.
    Sum,
    /// Smallest.
    Min,
    /// Largest.
    Max,
    /// First that is there.
    First,
    /// Last that is there.
    Last,
}

/// One series. `values[i]` belongs to `start + i * step`; NaN means null.
#[derive(Clone, Debug)]
pub struct Series {
    /// What the legend says.
    pub name: String,
    /// The text of the target that produced it; combining functions print this.
    pub path_expression: String,
    /// Seconds since the epoch of the first value.
    pub start: i64,
    /// Seconds from value to value, at least 1.
    pub step: i64,
    /// The values; NaN where there is none.
    pub values: Vec<f64>,
    /// How maxDataPoints and step normalisation fold it.
    pub fold: Fold,
    /// Share of values that must be there for a fold to give one, 0 to 1.
    pub x_files_factor: f64,
    /// Tags, `name` among them.
    pub tags: BTreeMap<String, String>,
}

impl Series {
    /// Seconds since the epoch just behind the last value.
    pub fn end(&self) -> i64 {
        self.start + self.step * self.values.len() as i64
    }
}
