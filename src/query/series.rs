//! A series on its way through functions: evenly spaced values, as Graphite's functions see it.

use std::collections::BTreeMap;

use crate::model::refusal::Reason;
use crate::model::series::SeriesName;

/// How several values become one: Graphite's consolidation functions.
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

impl Fold {
    /// Every name that `consolidateBy` takes, with what it means.
    pub const NAMES: [(&'static str, Fold); 8] = [
        ("average", Fold::Average),
        ("avg", Fold::Average),
        ("avg_zero", Fold::AverageZero),
        ("first", Fold::First),
        ("last", Fold::Last),
        ("max", Fold::Max),
        ("min", Fold::Min),
        ("sum", Fold::Sum),
    ];

    /// The fold that Graphite calls `name`.
    pub fn named(name: &str) -> Option<Fold> {
        Fold::NAMES
            .iter()
            .find(|known| known.0 == name)
            .map(|known| known.1)
    }

    /// Graphite's name of it.
    pub fn name(self) -> &'static str {
        match self {
            Fold::Average => "average",
            Fold::AverageZero => "avg_zero",
            Fold::Sum => "sum",
            Fold::Min => "min",
            Fold::Max => "max",
            Fold::First => "first",
            Fold::Last => "last",
        }
    }

    /// One value for a bucket that has room for `room` values, of which `values` were there to
    /// look at. NaN if all are null, or if the share of values in `room` is below `x_files_factor`.
    pub fn fold(self, values: &[f64], room: f64, x_files_factor: f64) -> f64 {
        let mut present = values.iter().copied().filter(|value| !value.is_nan());
        let count = present.clone().count() as f64;
        if count == 0.0 || count / room < x_files_factor {
            return f64::NAN;
        }
        let sum = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0, |a, b| a + b);
        match self {
            Fold::Average => sum(&mut present) / count,
            Fold::AverageZero => sum(&mut present) / values.len() as f64,
            Fold::Sum => sum(&mut present),
            Fold::Min => present.fold(f64::INFINITY, f64::min),
            Fold::Max => present.fold(f64::NEG_INFINITY, f64::max),
            Fold::First => present.next().unwrap_or(f64::NAN),
            Fold::Last => present.next_back().unwrap_or(f64::NAN),
        }
    }
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
    /// A stored series as a leaf of a target. `name` is its canonical text; `values` come from
    /// [`slot`](super::graphite::slots::slot).
    ///
    /// # Errors
    /// Where `name` is no canonical text of a series.
    pub fn leaf(
        name: String,
        start: i64,
        step: i64,
        values: Vec<f64>,
        x_files_factor: f64,
    ) -> Result<Series, Reason> {
        let parsed = SeriesName::from_text(&name)?;
        let mut tags: BTreeMap<String, String> = parsed.tags().iter().cloned().collect();
        tags.insert("name".to_owned(), parsed.metric().to_owned());
        Ok(Series {
            path_expression: name.clone(),
            name,
            start,
            step: step.max(1),
            values,
            fold: Fold::Average,
            x_files_factor,
            tags,
        })
    }

    /// Seconds since the epoch just behind the last value.
    pub fn end(&self) -> i64 {
        let width = self.step.saturating_mul(self.values.len() as i64);
        self.start.saturating_add(width)
    }

    /// Every value with its time in seconds; NaN where there is none.
    pub fn points(&self) -> impl Iterator<Item = (i64, f64)> + '_ {
        let time = |i: usize| {
            self.start
                .saturating_add(self.step.saturating_mul(i as i64))
        };
        self.values
            .iter()
            .enumerate()
            .map(move |(i, &value)| (time(i), value))
    }

    /// Only the values that are there, with their times in seconds.
    pub fn present_points(&self) -> impl Iterator<Item = (i64, f64)> + '_ {
        self.points().filter(|point| !point.1.is_nan())
    }

    /// Whether no value is there at all.
    pub fn is_all_null(&self) -> bool {
        self.values.iter().all(|value| value.is_nan())
    }
}
