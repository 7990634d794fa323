//! Points of one series, in columns, and the rule for points of equal timestamp.

mod merging;

pub use merging::Merging;

/// What becomes of two points of one series with one timestamp.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Duplicates {
    /// The last arrival wins: Graphite, gauges.
    #[default]
    Last,
    /// Both count: increments.
    All,
}

/// Points of one series sorted by (timestamp, arrival order); equal timestamps may repeat until
/// [`Points::settle`] is called.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Points {
    /// Milliseconds since the epoch, ascending.
    pub times: Vec<i64>,
    /// Arrival order of each point: stamp of its read, in microseconds. Ascending within equal
    /// timestamps.
    pub stamps: Vec<u64>,
    /// Values.
    pub values: Vec<f64>,
}

impl Points {
    /// How many points.
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// Forget all points, keep the memory.
    pub fn clear(&mut self) {
        self.times.clear();
        self.stamps.clear();
        self.values.clear();
    }

    /// Append one point, in any order; [`Points::sort`] puts it in its place.
    #[inline]
    pub fn push(&mut self, time_ms: i64, stamp: u64, value: f64) {
        self.times.push(time_ms);
        self.stamps.push(stamp);
        self.values.push(value);
    }

    /// Make room for `count` more points, if there is memory.
    pub fn reserve(&mut self, count: usize) {
        // Without the room the lists grow as lists do.
        let _ = self.times.try_reserve(count);
        let _ = self.stamps.try_reserve(count);
        let _ = self.values.try_reserve(count);
    }

    /// Append a stretch of `others`, which must have it.
    pub fn extend_from(&mut self, others: &Points, stretch: std::ops::Range<usize>) {
        self.times.extend_from_slice(&others.times[stretch.clone()]);
        self.stamps
            .extend_from_slice(&others.stamps[stretch.clone()]);
        self.values.extend_from_slice(&others.values[stretch]);
    }

    /// Drop all points from the `kept`th on.
    pub fn truncate(&mut self, kept: usize) {
        self.times.truncate(kept);
        self.stamps.truncate(kept);
        self.values.truncate(kept);
    }

    /// Take away the points from the `kept`th on.
    pub fn split_off(&mut self, kept: usize) -> Points {
        Points {
            times: self.times.split_off(kept),
            stamps: self.stamps.split_off(kept),
            values: self.values.split_off(kept),
        }
    }

    /// Drop the points from the `first`th on whose stamp is below `stamp`.
    pub fn leave_below(&mut self, first: usize, stamp: u64) {
        if stamp == 0 {
            return;
        }
        let mut kept = first;
        for i in first..self.len() {
            if stamp <= self.stamps[i] {
                self.times[kept] = self.times[i];
                self.stamps[kept] = self.stamps[i];
                self.values[kept] = self.values[i];
                kept += 1;
            }
        }
        self.truncate(kept);
    }

    /// Whether the points from the `first`th on are in the order of [`Points::sort`].
    pub fn is_sorted_from(&self, first: usize) -> bool {
        (first + 1..self.len()).all(|i| self.key(i - 1) <= self.key(i))
    }

    /// Sort by (timestamp, stamp); points equal in both keep the order in which they were pushed.
    pub fn sort(&mut self) {
        if self.is_sorted_from(0) {
            return;
        }
        let mut order: Vec<u32> = (0..self.len() as u32).collect();
        order.sort_by_key(|&i| self.key(i as usize));
        self.times = order.iter().map(|&i| self.times[i as usize]).collect();
        self.values = order.iter().map(|&i| self.values[i as usize]).collect();
        self.stamps = order.iter().map(|&i| self.stamps[i as usize]).collect();
    }

    fn key(&self, i: usize) -> (i64, u64) {
        (self.times[i], self.stamps[i])
    }

    /// Join the points that several shards hold of one series: `parts` in shard order, each
    /// sorted. Ties of timestamp and stamp go by shard, so the result is one arrival order.
    pub fn merge(parts: Vec<Points>) -> Points {
        let mut parts = parts.into_iter();
        let mut all = parts.next().unwrap_or_default();
        for part in parts {
            all.times.extend(part.times);
            all.stamps.extend(part.stamps);
            all.values.extend(part.values);
        }
        all.sort();
        all
    }

    /// Apply the duplicate rule to sorted points.
    pub fn settle(&mut self, duplicates: Duplicates) {
        if duplicates == Duplicates::All {
            return;
        }
        let kept = self.settle_stretch(0, 0..self.len());
        self.truncate(kept);
    }

    /// [`Points::settle`] for the last arrival, a stretch at a time: of the points of `stretch`
    /// those that count move to the `kept`th place and behind. Gives the next place.
    pub fn settle_stretch(&mut self, mut kept: usize, stretch: std::ops::Range<usize>) -> usize {
        let behind = (stretch.end + 1).min(self.len());
        let times = self.times.get(stretch.start..behind).unwrap_or_default();
        // All at once, for lanes: mostly there is nothing to be dropped, and nothing to be moved.
        let pairs = times.iter().zip(times.get(1..).unwrap_or_default());
        let equal = pairs.fold(false, |equal, (time, next)| equal | (time == next));
        if kept == stretch.start && !equal {
            return stretch.end.min(self.len());
        }
        for i in stretch {
            if i + 1 < self.len() && self.times[i] == self.times[i + 1] {
                continue;
            }
            self.times[kept] = self.times[i];
            self.stamps[kept] = self.stamps[i];
            self.values[kept] = self.values[i];
            kept += 1;
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;

    fn points(list: &[(i64, u64, f64)]) -> Points {
        let mut points = Points::default();
        list.iter().for_each(|&(t, s, v)| points.push(t, s, v));
        points.sort();
        points
    }

    #[test]
    fn the_last_arrival_wins() {
        let mut p = points(&[(2, 5, 1.0), (1, 7, 2.0), (2, 4, 3.0), (2, 5, 4.0)]);
        p.settle(Duplicates::Last);
        assert_eq!((p.times, p.values), (vec![1, 2], vec![2.0, 4.0]));
    }

    /// In stretches of any length, with few or many that are equal.
    #[test]
    fn stretches_settle_as_one_by_one() {
        for seed in 0..500 {
            let mut random = Random::new(seed);
            let repeats = [0, 0, 3, 50][random.below(4) as usize];
            let (mut all, mut time) = (Points::default(), 0);
            for i in 0..random.below(300) {
                time += i64::from(!random.chance(repeats));
                all.push(time, i, i as f64);
            }
            let mut want = Points::default();
            for i in 0..all.len() {
                if all.times.get(i + 1) != Some(&all.times[i]) {
                    want.push(all.times[i], all.stamps[i], all.values[i]);
                }
            }
            let (mut kept, mut at) = (0, 0);
            while at < all.len() {
                let end = (at + 1 + random.below(40) as usize).min(all.len());
                kept = all.settle_stretch(kept, at..end);
                at = end;
            }
            all.truncate(kept);
            assert_eq!(all, want, "seed {seed}");
        }
    }

    #[test]
    fn those_below_a_stamp_leave() {
        let mut p = points(&[(1, 7, 1.0), (2, 4, 2.0), (3, 5, 3.0), (4, 9, 4.0)]);
        p.leave_below(1, 0);
        assert_eq!(p.len(), 4);
        p.leave_below(1, 5);
        assert_eq!(
            (p.times.clone(), p.values.clone()),
            (vec![1, 3, 4], vec![1.0, 3.0, 4.0])
        );
        p.leave_below(0, 10);
        assert!(p.is_empty());
    }

    #[test]
    fn ties_between_shards_go_by_shard() {
        let parts = vec![
            points(&[(1, 1, 10.0), (3, 9, 30.0)]),
            points(&[(1, 1, 11.0), (3, 8, 31.0)]),
        ];
        let mut p = Points::merge(parts);
        p.settle(Duplicates::Last);
        assert_eq!((p.times, p.values), (vec![1, 3], vec![11.0, 30.0]));
    }
}
