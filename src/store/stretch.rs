//! Points of one series in columns, on their way between the head and the files, or from file to file.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use crate::model::points::Duplicates;

/// The values of a stretch, one for each time.
#[derive(Clone, Debug, PartialEq)]
pub enum Column {
    /// Mantissas at one scale.
    Decimal {
        /// Decimals, at most [`Number::SCALE_MAX`](crate::model::number::Number::SCALE_MAX).
        scale: u8,
        /// Within [`Number::MANTISSA_MAX`](crate::model::number::Number::MANTISSA_MAX) either way.
        mantissas: Vec<i64>,
    },
    /// Floats of which at least one is no decimal.
    Float(Vec<f64>),
    /// Whole numbers of a series of such.
    Long(Vec<i64>),
    /// Texts.
    Text(Vec<Arc<str>>),
}

impl Default for Column {
    fn default() -> Self {
        Column::Float(Vec::new())
    }
}

/// Points of one series in the order of (time, arrival).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stretch {
    /// Milliseconds since the epoch, ascending; equal ones only under [`Duplicates::All`].
    pub times: Vec<i64>,
    /// Arrival order, microseconds, one for each time; empty where no other shard can have points of
    /// this series.
    pub stamps: Vec<u64>,
    /// Values.
    pub values: Column,
    /// The rule of the series.
    pub duplicates: Duplicates,
}

impl Stretch {
    /// The same points in parts of at most `points_max` each.
    pub fn parts(&self, points_max: usize) -> impl Iterator<Item = Cow<'_, Stretch>> {
        let (len, most) = (self.times.len(), points_max.max(1));
        (0..len).step_by(most).map(move |start| {
            if len <= most {
                Cow::Borrowed(self)
            } else {
                Cow::Owned(self.part(start..len.min(start + most)))
            }
        })
    }

    fn part(&self, place: Range<usize>) -> Stretch {
        let stamps = self.stamps.get(place.clone()).unwrap_or_default();
        Stretch {
            times: self.times[place.clone()].to_vec(),
            stamps: stamps.to_vec(),
            values: match &self.values {
                Column::Decimal { scale, mantissas } => Column::Decimal {
                    scale: *scale,
                    mantissas: mantissas[place].to_vec(),
                },
                Column::Float(values) => Column::Float(values[place].to_vec()),
                Column::Long(values) => Column::Long(values[place].to_vec()),
                Column::Text(values) => Column::Text(values[place].to_vec()),
            },
            duplicates: self.duplicates,
        }
    }
}
