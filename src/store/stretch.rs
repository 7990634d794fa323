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
    /// The same points in parts of at most `points_max` each, and of texts of about `text_bytes_max` bytes.
    pub fn parts(
        &self,
        points_max: usize,
        text_bytes_max: usize,
    ) -> impl Iterator<Item = Cow<'_, Stretch>> {
        let (len, mut start) = (self.times.len(), 0);
        std::iter::from_fn(move || {
            if len <= start {
                return None;
            }
            let end = self.end_of_part(start, points_max.max(1), text_bytes_max);
            let part = match (start, end) {
                (0, end) if end == len => Cow::Borrowed(self),
                _ => Cow::Owned(self.part(start..end)),
            };
            start = end;
            Some(part)
        })
    }

    fn end_of_part(&self, start: usize, points_max: usize, text_bytes_max: usize) -> usize {
        let most = self.times.len().min(start.saturating_add(points_max));
        let Column::Text(texts) = &self.values else {
            return most;
        };
        let some = texts.get(start..most).unwrap_or_default();
        let mut bytes = 0;
        let full = some.iter().position(|text| {
            bytes += text.len();
            text_bytes_max < bytes
        });
        full.map_or(most, |at| start + at.max(1))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_the_whole_and_bounded() {
        let texts: Vec<Arc<str>> = [9, 1, 1, 20, 0, 3, 3, 3]
            .map(|len| "x".repeat(len).into())
            .to_vec();
        let whole = Stretch {
            times: (0..8).collect(),
            stamps: (0..8).collect(),
            values: Column::Text(texts),
            duplicates: Duplicates::Last,
        };
        let lens = |points, bytes| -> Vec<usize> {
            let parts = whole.parts(points, bytes);
            parts.map(|part| part.times.len()).collect()
        };
        assert_eq!(lens(3, 100), [3, 3, 2]);
        assert_eq!(lens(8, 100), [8]);
        assert_eq!(lens(8, 10), [2, 1, 1, 4], "one that is too long is alone");
        let mut times = Vec::new();
        let parts = whole.parts(8, 10);
        parts.for_each(|part| times.extend_from_slice(&part.times));
        assert_eq!(times, whole.times);
    }
}
