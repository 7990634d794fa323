//! What is known of points without decoding them.

use crate::store::pack::Summary;

/// How many points there are, and what times and values they lie between.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extent {
    /// Points.
    pub points: u64,
    /// Time of the earliest, milliseconds since the epoch.
    pub first_ms: i64,
    /// Time of the latest.
    pub last_ms: i64,
    /// Smallest value; infinity where there are no numbers.
    pub min: f64,
    /// Largest value; minus infinity where there are no numbers.
    pub max: f64,
}

impl Extent {
    /// No points; adding it changes nothing.
    pub const EMPTY: Extent = Extent {
        points: 0,
        first_ms: i64::MAX,
        last_ms: i64::MIN,
        min: f64::INFINITY,
        max: f64::NEG_INFINITY,
    };

    /// Take in what `other` covers.
    pub fn add(&mut self, other: &Extent) {
        self.points = self.points.saturating_add(other.points);
        self.first_ms = self.first_ms.min(other.first_ms);
        self.last_ms = self.last_ms.max(other.last_ms);
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// Whether a time of `from_ms..=until_ms` lies in it.
    pub fn meets(&self, from_ms: i64, until_ms: i64) -> bool {
        self.first_ms <= until_ms && from_ms <= self.last_ms
    }

    /// Whether all of `other` lies in it.
    pub fn covers(&self, other: &Extent) -> bool {
        other.points <= self.points
            && self.first_ms <= other.first_ms
            && other.last_ms <= self.last_ms
            && self.min <= other.min
            && other.max <= self.max
    }
}

impl From<&Summary> for Extent {
    /// Of a run that was packed just now; one that was only read does not know its values.
    fn from(summary: &Summary) -> Extent {
        let of_numbers = summary.min <= summary.max;
        Extent {
            points: u64::from(summary.count),
            first_ms: summary.first_ms,
            last_ms: summary.last_ms,
            min: if of_numbers {
                summary.min
            } else {
                Extent::EMPTY.min
            },
            max: if of_numbers {
                summary.max
            } else {
                Extent::EMPTY.max
            },
        }
    }
}
