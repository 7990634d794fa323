//! Sorting and merging in slices: what [`Points::sort`] and [`Points::merge`] do, for lists so long
//! that a core must not be held for one.

use std::collections::VecDeque;

use super::Points;

/// Points that are sorted in one go.
const RUN: usize = 1_000;

/// What sorting costs, in points copied.
const SORT_COST: usize = 5;

/// Many sorted runs that become one, two neighbours at a time.
#[derive(Debug, Default)]
pub struct Merging {
    /// Still to be cut into runs, from `cut` on.
    unsorted: Points,
    cut: usize,
    runs: VecDeque<Points>,
    /// The runs of the next round, each made of two of this one.
    merged: VecDeque<Points>,
    pair: Option<Pair>,
}

impl Merging {
    /// Merge `parts`, each sorted; of equal points those of an earlier part come first.
    pub fn new(parts: impl IntoIterator<Item = Points>) -> Merging {
        Merging {
            runs: parts.into_iter().collect(),
            ..Merging::default()
        }
    }

    /// Sort `points`; equal ones keep their order.
    pub fn sorting(points: Points) -> Merging {
        Merging {
            unsorted: points,
            ..Merging::default()
        }
    }

    /// Do a slice: move about `budget` points, and take them from it. `Some` with all points when
    /// they are sorted.
    pub fn step(&mut self, budget: &mut usize) -> Option<Points> {
        while *budget > 0 {
            if self.cut < self.unsorted.len() {
                self.cut_run(budget);
            } else if let Some(pair) = &mut self.pair {
                if let Some(whole) = pair.step(budget) {
                    self.merged.push_back(whole);
                    self.pair = None;
                }
            } else if let Some(left) = self.runs.pop_front() {
                match self.runs.pop_front() {
                    Some(right) => self.pair = Some(Pair::new(left, right)),
                    None => self.merged.push_back(left),
                }
            } else if self.merged.len() > 1 {
                self.runs = std::mem::take(&mut self.merged);
            } else {
                return Some(self.merged.pop_front().unwrap_or_default());
            }
        }
        None
    }

    fn cut_run(&mut self, budget: &mut usize) {
        let end = (self.cut + RUN).min(self.unsorted.len());
        let mut run = Points::default();
        run.extend_from(&self.unsorted, self.cut..end);
        run.sort();
        self.runs.push_back(run);
        *budget = budget.saturating_sub((end - self.cut) * SORT_COST);
        self.cut = end;
        if end == self.unsorted.len() {
            (self.unsorted, self.cut) = (Points::default(), 0);
        }
    }
}

#[derive(Debug)]
struct Pair {
    left: Points,
    right: Points,
    left_at: usize,
    right_at: usize,
    merged: Points,
}

impl Pair {
    fn new(left: Points, right: Points) -> Pair {
        let mut merged = Points::default();
        merged.reserve(left.len() + right.len());
        Pair {
            left,
            right,
            left_at: 0,
            right_at: 0,
            merged,
        }
    }

    fn step(&mut self, budget: &mut usize) -> Option<Points> {
        while *budget > 0 {
            let left = self.left_at < self.left.len();
            let right = self.right_at < self.right.len();
            let left_is_next = match (left, right) {
                (true, true) => self.left.key(self.left_at) <= self.right.key(self.right_at),
                (false, false) => return Some(std::mem::take(&mut self.merged)),
                (left, _) => left,
            };
            let (from, at) = match left_is_next {
                true => (&self.left, &mut self.left_at),
                false => (&self.right, &mut self.right_at),
            };
            self.merged
                .push(from.times[*at], from.stamps[*at], from.values[*at]);
            *at += 1;
            *budget -= 1;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;

    fn random(random: &mut Random, count: u64) -> Points {
        let mut points = Points::default();
        for i in 0..count {
            let (time, stamp) = (random.below(200) as i64, random.below(9));
            points.push(time, stamp, i as f64);
        }
        points
    }

    fn finish(mut merging: Merging, slice: usize) -> (Points, usize) {
        let mut slices = 1;
        loop {
            if let Some(points) = merging.step(&mut { slice }) {
                return (points, slices);
            }
            slices += 1;
        }
    }

    #[test]
    fn slices_sort_as_one_go_does() {
        for seed in 0..100 {
            let mut chance = Random::new(seed);
            let count = chance.below(6_000);
            let points = random(&mut chance, count);
            let slice = 1 + chance.below(900) as usize;
            let (got, slices) = finish(Merging::sorting(points.clone()), slice);
            let mut want = points;
            want.sort();
            assert_eq!(got, want, "seed {seed}");
            assert!(slices as u64 > count / RUN as u64, "seed {seed}");
        }
    }

    #[test]
    fn slices_merge_as_one_go_does() {
        for seed in 0..200 {
            let mut chance = Random::new(seed);
            let parts: Vec<Points> = (0..chance.below(7))
                .map(|_| {
                    let count = chance.below(300);
                    let mut part = random(&mut chance, count);
                    part.sort();
                    part
                })
                .collect();
            let slice = 1 + chance.below(50) as usize;
            let (got, slices) = finish(Merging::new(parts.clone()), slice);
            let moved = if parts.len() > 1 { got.len() } else { 0 };
            assert!(slices * slice >= moved, "seed {seed}: {slices} of {slice}");
            assert_eq!(got, Points::merge(parts), "seed {seed}");
        }
    }
}
