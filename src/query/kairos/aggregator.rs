//! What aggregators there are and what they are told, read and checked already.

use super::sampling::{Sampling, Unit};
use super::stream::Kind;
use super::zone::Zone;

/// One step from a stream to the next.
#[derive(Clone, Debug, PartialEq)]
pub enum Aggregator {
    /// Mean of each bucket.
    Avg(Range),
    /// Points of each bucket, nulls included.
    Count(Range),
    /// Standard deviation of each bucket, or the mean with so many of them added or taken away.
    Dev {
        /// The buckets.
        range: Range,
        /// What is told.
        returned: Deviation,
        /// How many deviations, `dev_count`.
        count: i64,
    },
    /// First point of each bucket.
    First(Range),
    /// All points, and a null for each bucket that has none.
    Gaps {
        /// The buckets.
        range: Range,
        /// Only between the first point and the last.
        trim: bool,
    },
    /// Last point of each bucket.
    Last(Range),
    /// The straight line that is nearest to the points of each bucket: where it begins and ends.
    LeastSquares(Range),
    /// Largest of each bucket.
    Max(Range),
    /// Smallest of each bucket.
    Min(Range),
    /// A percentile of each bucket.
    Percentile {
        /// The buckets.
        range: Range,
        /// Which, above 0 and up to 1.
        percentile: f64,
    },
    /// Sum of each bucket.
    Sum(Range),
    /// How much each value differs from the one before.
    Diff,
    /// How fast values change.
    Rate {
        /// The time that the change is told for.
        sampling: Sampling,
        /// Whose calendar tells how long that is.
        zone: Zone,
    },
    /// How much each value is for the time since the one before.
    Sampler {
        /// The time that it is told for: one of these.
        unit: Unit,
        /// Whose calendar tells how long that is.
        zone: Zone,
    },
    /// Divided by a number, which is not 0.
    Div(f64),
    /// Times a number.
    Scale(f64),
    /// Mean of so many last values.
    Sma(i64),
    /// Without the points whose value compares so.
    Filter {
        /// How.
        compare: Compare,
        /// With what.
        threshold: Threshold,
    },
    /// Without the first point, the last, or both; or as it is.
    Trim(Option<Ends>),
    /// How many thresholds each value is above.
    Score {
        /// In any order.
        thresholds: Vec<Boundary>,
        /// How many it is not above, instead.
        descending: bool,
    },
    /// As it is, and each point also stored elsewhere.
    SaveAs(SaveAs),
}

/// How a stream is cut into buckets and what time each gets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Range {
    /// Length of a bucket.
    pub sampling: Sampling,
    /// Whether the first bucket begins with a unit of the calendar.
    pub align_sampling: bool,
    /// Whether results have the time at which their bucket begins.
    pub align_start_time: bool,
    /// Whether, if not that, they have the time at which it ends.
    pub align_end_time: bool,
    /// Milliseconds; what the buckets begin with, if not the start of the query.
    pub start_time: Option<i64>,
    /// Milliseconds; up to when `gaps` goes, if not the end of the query or now.
    pub end_time: Option<i64>,
    /// The zone of this aggregator, or of the query.
    pub zone: Zone,
}

/// What `dev` tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Deviation {
    /// The deviation: `value`.
    #[default]
    Value,
    /// The mean and so many deviations: `pos_sd`.
    Above,
    /// The mean less so many: `neg_sd`.
    Below,
}

/// How `filter` compares a value with its threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// `lte`
    LessOrEqual,
    /// `lt`
    Less,
    /// `gte`
    GreaterOrEqual,
    /// `gt`
    Greater,
    /// `equal`
    Equal,
    /// `ne`
    NotEqual,
}

/// What `filter` compares with.
#[derive(Clone, Debug, PartialEq)]
pub enum Threshold {
    /// A number: texts are removed.
    Number(f64),
    /// A text: numbers are removed.
    Text(String),
}

/// What `trim` takes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// `first`
    First,
    /// `last`
    Last,
    /// `both`
    Both,
}

/// One threshold of `score`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Boundary {
    /// What is above it counts.
    pub value: f64,
    /// Whether what equals it counts too: `inferior`.
    pub inferior: bool,
}

/// Where `save_as` stores points.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SaveAs {
    /// The metric.
    pub metric_name: String,
    /// Tags of all its points.
    pub tags: Vec<(String, String)>,
    /// Seconds that they are kept; 0 is for ever.
    pub ttl: i64,
    /// Whether they are also tagged with the metric that they come from.
    pub add_saved_from: bool,
}

impl Aggregator {
    /// Whether it does anything with values of this kind; if not, a stream of them stays as it is.
    pub fn takes(&self, kind: Kind) -> bool {
        kind == Kind::Number || self.takes_texts()
    }

    fn takes_texts(&self) -> bool {
        match self {
            Aggregator::Count(_)
            | Aggregator::Filter { .. }
            | Aggregator::First(_)
            | Aggregator::Gaps { .. }
            | Aggregator::Last(_)
            | Aggregator::SaveAs(_)
            | Aggregator::Trim(_) => true,
            Aggregator::Avg(_)
            | Aggregator::Dev { .. }
            | Aggregator::Diff
            | Aggregator::Div(_)
            | Aggregator::LeastSquares(_)
            | Aggregator::Max(_)
            | Aggregator::Min(_)
            | Aggregator::Percentile { .. }
            | Aggregator::Rate { .. }
            | Aggregator::Sampler { .. }
            | Aggregator::Scale(_)
            | Aggregator::Score { .. }
            | Aggregator::Sma(_)
            | Aggregator::Sum(_) => false,
        }
    }

    /// Of what kind values are behind it.
    pub fn makes(&self, kind: Kind) -> Kind {
        match self {
            Aggregator::Count(_) => Kind::Number,
            _ => kind,
        }
    }

    /// Its buckets, if it has such.
    pub fn range(&self) -> Option<&Range> {
        match self {
            Aggregator::Avg(range)
            | Aggregator::Count(range)
            | Aggregator::Dev { range, .. }
            | Aggregator::First(range)
            | Aggregator::Gaps { range, .. }
            | Aggregator::Last(range)
            | Aggregator::LeastSquares(range)
            | Aggregator::Max(range)
            | Aggregator::Min(range)
            | Aggregator::Percentile { range, .. }
            | Aggregator::Sum(range) => Some(range),
            _ => None,
        }
    }
}
