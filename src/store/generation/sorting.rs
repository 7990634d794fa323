//! The order of times that are not in order, found in slices; equal times stay as they came.

/// Times that are sorted in one go.
const RUN: usize = 4_096;

/// What sorting costs, in points.
const SORT_COST: usize = 8;

/// Times with their places, on their way into order.
#[derive(Debug)]
pub(super) struct Sorting {
    /// In order within each run of `width`, but for those that are not cut into runs yet.
    keys: Vec<(i64, u32)>,
    /// Runs of `2 * width`, made of those in `keys`.
    merged: Vec<(i64, u32)>,
    /// Keys that are cut into runs.
    cut: usize,
    width: usize,
    /// The next key of either run of the pair that is being merged, and their ends.
    left: usize,
    left_end: usize,
    right: usize,
    right_end: usize,
}

impl Sorting {
    /// At most 2^32 times.
    pub(super) fn new(times: &[i64]) -> Sorting {
        Sorting {
            keys: times.iter().copied().zip(0u32..).collect(),
            merged: Vec::new(),
            cut: 0,
            width: RUN,
            left: 0,
            left_end: 0,
            right: 0,
            right_end: 0,
        }
    }

    /// Do a slice: about `budget` points, taken from it. True when [`Sorting::keys`] are in order.
    pub(super) fn step(&mut self, budget: &mut usize) -> bool {
        while *budget > 0 {
            if self.cut < self.keys.len() {
                let end = (self.cut + RUN).min(self.keys.len());
                self.keys[self.cut..end].sort_unstable();
                *budget = budget.saturating_sub((end - self.cut) * SORT_COST);
                self.cut = end;
            } else if self.keys.len() <= self.width {
                return true;
            } else if self.merged.len() == self.keys.len() {
                std::mem::swap(&mut self.keys, &mut self.merged);
                self.merged.clear();
                self.width *= 2;
                self.begin_pair(0);
            } else {
                self.merge(budget);
            }
        }
        false
    }

    /// The times in order, each with its place.
    pub(super) fn keys(&self) -> &[(i64, u32)] {
        &self.keys
    }

    fn begin_pair(&mut self, start: usize) {
        let end = self.keys.len();
        self.left = start;
        self.left_end = (start + self.width).min(end);
        self.right = self.left_end;
        self.right_end = (self.left_end + self.width).min(end);
    }

    fn merge(&mut self, budget: &mut usize) {
        if self.left == self.left_end && self.right == self.right_end {
            self.begin_pair(self.merged.len());
        }
        while *budget > 0 {
            let left = self.keys[..self.left_end].get(self.left);
            let right = self.keys[..self.right_end].get(self.right);
            let next = match (left, right) {
                (Some(left), Some(right)) if right < left => right,
                (Some(left), _) => left,
                (None, Some(right)) => right,
                (None, None) => return,
            };
            self.merged.push(*next);
            let from_left = left == Some(next);
            self.left += usize::from(from_left);
            self.right += usize::from(!from_left);
            *budget -= 1;
        }
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
            let times: Vec<i64> = (0..count).map(|_| random.below(bound) as i64).collect();
            let slice = 1 + random.below(9_000) as usize;
            let (mut sorting, mut slices) = (Sorting::new(&times), 1);
            while !sorting.step(&mut { slice }) {
                slices += 1;
            }
            let mut want: Vec<(i64, u32)> = times.iter().copied().zip(0..).collect();
            want.sort();
            assert_eq!(sorting.keys(), want, "seed {seed}");
            assert!(slices >= times.len() / RUN, "seed {seed}");
        }
    }
}
