//! Points of one series in columns, on their way between the head and the files, or from file to file.

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

/// Points of one series in the order of (time, arrival).
#[derive(Clone, Debug, PartialEq)]
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
