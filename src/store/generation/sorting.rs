//! The order of times that are not all in order, found in slices; equal times stay as they came.
//!
//! Mostly a few points are late. So those that ascend are left as they are, only the others are sorted,
//! and then the two are joined.

/// Times that are sorted in one go.
const RUN: usize = 4_096;

/// What sorting costs, in points.
const SORT_COST: usize = 8;

/// A time and its place.
type Key = (i64, u32);

/// Times with their places, on their way into order.
#[derive(Debug, Default)]
pub(super) struct Sorting {
    ascending: Vec<Key>,
    /// In order within each run of `width`, but for those that are not cut into runs yet.
    late: Vec<Key>,
    /// Late ones that are cut into runs.
    cut: usize,
    width: usize,
    /// Where the next keys come from, left and right, and up to where.
    left: usize,
    left_end: usize,
    right: usize,
    right_end: usize,
    /// Runs of `2 * width`, made of those of the late ones; in the end all.
    merged: Vec<Key>,
}

impl Sorting {
    /// At most 2^32 times.
    pub(super) fn new(times: &[i64]) -> Sorting {
        let (mut ascending, mut late) = (Vec::with_capacity(times.len()), Vec::new());
        let mut newest = i64::MIN;
        for key in times.iter().copied().zip(0u32..) {
            if newest <= key.0 {
                newest = key.0;
                ascending.push(key);
            } else {
                late.push(key);
            }
        }
        Sorting {
            ascending,
            late,
            width: RUN,
            ..Sorting::default()
        }
    }

    /// Do a slice: about `budget` points, taken from it. True when [`Sorting::keys`] are in order.
    pub(super) fn step(&mut self, budget: &mut usize) -> bool {
        while *budget > 0 {
            if self.cut < self.late.len() {
                self.cut_run(budget);
            } else if self.late.len() <= self.width {
                if self.join(budget) {
                    return true;
                }
            } else if self.merged.len() == self.late.len() {
                std::mem::swap(&mut self.late, &mut self.merged);
                self.merged.clear();
                self.width *= 2;
                (self.right, self.right_end) = (0, 0);
                (self.left, self.left_end) = (0, 0);
            } else {
                self.merge(budget);
            }
        }
        false
    }

    /// All times in order, each with its place.
    pub(super) fn keys(&self) -> &[Key] {
        &self.merged
    }

    fn cut_run(&mut self, budget: &mut usize) {
        let end = (self.cut + RUN).min(self.late.len());
        self.late[self.cut..end].sort_unstable();
        *budget = budget.saturating_sub((end - self.cut) * SORT_COST);
        self.cut = end;
    }

    /// Merge the next two runs of late ones, or a part of them.
    fn merge(&mut self, budget: &mut usize) {
        if self.left == self.left_end && self.right == self.right_end {
            let end = self.late.len();
            self.left = self.merged.len();
            self.left_end = (self.left + self.width).min(end);
            self.right = self.left_end;
            self.right_end = (self.right + self.width).min(end);
        }
        let left = &self.late[..self.left_end];
        let right = &self.late[..self.right_end];
        let from = (&mut self.left, &mut self.right);
        merge((left, right), from, &mut self.merged, budget);
    }

    /// Join the late ones, which are in order now, with the others.
    fn join(&mut self, budget: &mut usize) -> bool {
        let all = self.ascending.len() + self.late.len();
        if self.left_end != usize::MAX {
            (self.left, self.left_end, self.right) = (0, usize::MAX, 0);
            self.merged.clear();
            self.merged.reserve(all);
        }
        let from = (&mut self.left, &mut self.right);
        merge(
            (&self.ascending, &self.late),
            from,
            &mut self.merged,
            budget,
        );
        self.merged.len() == all
    }
}

/// Append to `out` the lists from these places on, joined, as far as the budget goes.
fn merge(
    (left, right): (&[Key], &[Key]),
    (left_at, right_at): (&mut usize, &mut usize),
    out: &mut Vec<Key>,
    budget: &mut usize,
) {
    while *budget > 0 {
        let next = match (left.get(*left_at), right.get(*right_at)) {
            (Some(left), Some(right)) if right < left => {
                *right_at += 1;
                right
            }
            (Some(left), _) => {
                *left_at += 1;
                left
            }
            (None, Some(right)) => {
                *right_at += 1;
                right
            }
            (None, None) => return,
        };
        out.push(*next);
        *budget -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;

    #[test]
    fn slices_sort_as_one_go_does() {
        for seed in 0..60 {
            let mut random = Random::new(seed);
            let count = random.below([10, 1_000, 40_000][seed as usize % 3]);
            let bound = [5, 1_000, u64::MAX][random.below(3) as usize];
            let late = random.below(100);
            let times: Vec<i64> = (0..count as i64)
                .map(|i| match random.chance(late) {
                    true => random.below(bound) as i64,
                    false => i,
                })
                .collect();
            let slice = 1 + random.below(9_000) as usize;
            let (mut sorting, mut slices) = (Sorting::new(&times), 1);
            while !sorting.step(&mut { slice }) {
                slices += 1;
            }
            let mut want: Vec<(i64, u32)> = times.iter().copied().zip(0..).collect();
            want.sort();
            assert_eq!(sorting.keys(), want, "seed {seed}");
            assert!(slices * slice >= times.len() / SORT_COST, "seed {seed}");
        }
    }
}
