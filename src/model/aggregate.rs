//! The one merge law. The rollup adds with it, tiers and segments will store it, shards' answers
//! join with it.

/// One value with the timestamp and the arrival stamp that order it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placed {
    /// Milliseconds since the epoch.
    pub time_ms: i64,
    /// Arrival order, microseconds.
    pub stamp: u64,
    /// The value.
    pub value: f64,
}

/// What a set of points says: count, sum, extremes, first and last.
///
/// The sum is compensated (Neumaier 1974), so that the order of merging can change only its last
/// bit. `first` and `last` are ordered by (timestamp, stamp); when both tie, the earlier operand of
/// a merge counts as earlier, so merging goes in shard order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Aggregate {
    /// Points.
    pub count: u64,
    /// Running sum, without its correction.
    sum: f64,
    /// What the running sum lost to rounding.
    lost: f64,
    /// Smallest value; infinity when empty.
    pub min: f64,
    /// Largest value; minus infinity when empty.
    pub max: f64,
    /// Earliest point.
    pub first: Option<Placed>,
    /// Latest point.
    pub last: Option<Placed>,
}

impl Aggregate {
    /// No points; merging it changes nothing.
    pub const EMPTY: Aggregate = Aggregate {
        count: 0,
        sum: 0.0,
        lost: 0.0,
        min: f64::INFINITY,
        max: f64::NEG_INFINITY,
        first: None,
        last: None,
    };

    /// What is told of at least one point: how many, their rounded sum, extremes, first and last.
    pub fn told(count: u64, sum: f64, min: f64, max: f64, ends: (Placed, Placed)) -> Aggregate {
        Aggregate {
            count,
            sum,
            lost: 0.0,
            min,
            max,
            first: Some(ends.0),
            last: Some(ends.1),
        }
    }

    /// The sum of all values.
    pub fn sum(&self) -> f64 {
        self.sum + self.lost
    }

    /// Add one point that is later than all before it.
    #[inline]
    pub fn push(&mut self, point: Placed) {
        self.count += 1;
        self.add(point.value);
        self.min = self.min.min(point.value);
        self.max = self.max.max(point.value);
        self.first = self.first.or(Some(point));
        self.last = Some(point);
    }

    /// Join two sets of points. `EMPTY` changes nothing; order and grouping change only the
    /// rounding of the sum.
    #[must_use]
    pub fn merge(mut self, other: Aggregate) -> Aggregate {
        if other.count == 0 {
            return self;
        }
        if self.count == 0 {
            return other;
        }
        self.count += other.count;
        self.add(other.sum);
        self.lost += other.lost;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.first = pick(self.first, other.first, |mine, theirs| theirs < mine);
        self.last = pick(self.last, other.last, |mine, theirs| theirs >= mine);
        self
    }

    #[inline]
    fn add(&mut self, value: f64) {
        let total = self.sum + value;
        self.lost += if self.sum.abs() >= value.abs() {
            (self.sum - total) + value
        } else {
            (value - total) + self.sum
        };
        self.sum = total;
    }
}

fn pick(
    mine: Option<Placed>,
    theirs: Option<Placed>,
    takes: fn((i64, u64), (i64, u64)) -> bool,
) -> Option<Placed> {
    match (mine, theirs) {
        (Some(a), Some(b)) if takes((a.time_ms, a.stamp), (b.time_ms, b.stamp)) => Some(b),
        (None, b) => b,
        (a, _) => a,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(points: &[(i64, f64)]) -> Aggregate {
        let mut all = Aggregate::EMPTY;
        for (i, &(time_ms, value)) in points.iter().enumerate() {
            all.push(Placed {
                time_ms,
                stamp: i as u64,
                value,
            });
        }
        all
    }

    #[test]
    fn empty_changes_nothing() {
        let some = of(&[(1, 4.0), (2, -1.0)]);
        assert_eq!(some.merge(Aggregate::EMPTY), some);
        assert_eq!(Aggregate::EMPTY.merge(some), some);
    }

    #[test]
    fn grouping_does_not_matter_on_whole_numbers() {
        let points: Vec<(i64, f64)> = (0..40).map(|i| (i, (i * i % 17) as f64)).collect();
        let whole = of(&points);
        for cut in 0..=points.len() {
            let joined = of(&points[..cut]).merge(of(&points[cut..]));
            assert_eq!(
                (joined.count, joined.sum()),
                (whole.count, whole.sum()),
                "cut {cut}"
            );
            assert_eq!((joined.min, joined.max), (whole.min, whole.max));
            assert_eq!(joined.last.map(|p| p.value), whole.last.map(|p| p.value));
            assert_eq!(joined.first.map(|p| p.value), whole.first.map(|p| p.value));
        }
    }

    #[test]
    fn the_sum_survives_cancellation() {
        assert_eq!(of(&[(1, 1e100), (2, 1.0), (3, -1e100)]).sum(), 1.0);
        let small = of(&[(1, 1e16), (2, 1.0), (3, 1.0)]);
        assert_eq!(small.merge(of(&[(4, -1e16)])).sum(), 2.0);
        assert_eq!(of(&[(0, -1e16)]).merge(small).sum(), 2.0);
    }

    #[test]
    fn where_time_and_stamp_tie_the_earlier_operand_is_the_earlier() {
        let one = |value| {
            let mut of = Aggregate::EMPTY;
            of.push(Placed {
                time_ms: 7,
                stamp: 1,
                value,
            });
            of
        };
        let joined = one(1.0).merge(one(2.0));
        let ends = (joined.first, joined.last);
        assert_eq!(
            (ends.0.map(|p| p.value), ends.1.map(|p| p.value)),
            (Some(1.0), Some(2.0))
        );
    }
}
