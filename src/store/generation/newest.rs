//! The newest times of a series: they tell how far apart its points lie.

use super::Head;
use super::pool::Pool;
use super::unpack::Unpacked;
use crate::model::series::SeriesId;

/// Blocks that a search for the newest times looks at.
const NEWEST_BLOCKS_MAX: usize = 1_000;

impl Head {
    /// The newest time of a series whose points came in the order of time. `None` of others.
    pub fn newest_in_order(&self, id: SeriesId) -> Option<i64> {
        let series = self.tails.series(id);
        let is_known = !series.tail.is_blank() && !series.chain.disorder;
        is_known.then(|| series.tail.newest())
    }

    /// The oldest of the `n` newest times of a series, and how many milliseconds each is behind the one
    /// before it, where all are equally far apart. `None` where they are not, are fewer, or where that
    /// cannot be told without a look at each point: then [`Head::newest_times`] tells.
    pub fn newest_evenly(&self, pool: &Pool, id: SeriesId, n: usize) -> Option<(i64, u64)> {
        let series = self.tails.series(id);
        let mut last = self.newest_in_order(id)?;
        let step = i64::from(series.tail.step);
        if step == 0 {
            return None;
        }
        let (mut number, mut left) = (series.tail.block, n);
        loop {
            let block = pool.get(number)?;
            let is_even = if number == series.tail.block {
                series.chain.escapes == 0 && !block.is_timed()
            } else {
                block.is_even()
            };
            let more = series.tail.count(number, block).checked_sub(1)?;
            let length = step.checked_mul(more as i64)?;
            let has_step = more == 0 || i64::from(block.step) == step;
            if !is_even || !has_step || block.base_time.checked_add(length) != Some(last) {
                return None;
            }
            if left <= more + 1 {
                let behind = step.checked_mul(left.checked_sub(1)? as i64)?;
                return Some((last.checked_sub(behind)?, step.unsigned_abs()));
            }
            left -= more + 1;
            last = block.base_time.checked_sub(step)?;
            number = block.previous;
        }
    }

    /// Append to `out` up to `n` of the newest distinct timestamps of `id` (milliseconds), newest
    /// first. Of a series whose points do not come in order, only its last blocks are looked at.
    pub fn newest_times(&self, pool: &Pool, id: SeriesId, n: usize, out: &mut Vec<i64>) {
        let series = self.tails.series(id);
        let mut unpacked = Unpacked::default();
        let (mut number, mut newest) = (series.tail.block, Vec::with_capacity(n));
        for _ in 0..NEWEST_BLOCKS_MAX {
            let enough = newest.len() == n;
            let Some(block) = pool
                .get(number)
                .filter(|_| !enough || series.chain.disorder)
            else {
                break;
            };
            let last = series.range(number, block).1;
            if !enough || newest.last().is_some_and(|&time| time < last) {
                unpacked.read(&series.tail, number, block);
                newest.extend(unpacked.times().iter().rev());
                // Mostly they came in the order of their times.
                let descends =
                    |all: &[i64]| all.windows(2).fold(true, |so, two| so & (two[1] < two[0]));
                if !descends(&newest) {
                    newest.sort_unstable_by(|a, b| b.cmp(a));
                    newest.dedup();
                }
                newest.truncate(n);
            }
            number = block.previous;
        }
        out.append(&mut newest);
    }
}
