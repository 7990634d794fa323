//! Asks for the memory of the blocks that the next readings will walk through, while others are read.
//!
//! A chain is followed from its last block to the one before, each of which lies anywhere: one miss of
//! the cache after the other. So the chains of several series are followed side by side, a hop at a time,
//! and each hop asks for the line that the next one of its chain needs. Nothing else hangs on it: what it
//! remembers may be stale, then it asks for what nobody needs.

use super::Head;
use super::pool::Pool;
use crate::base::time::Millis;
use crate::model::series::SeriesId;
use crate::simd;

/// Series whose chains are followed at a time.
const FOLLOWED: usize = 8;
/// Series that a reading should be told of: what is known of the last two is asked for first.
pub const SERIES_AHEAD: usize = FOLLOWED + 2;
/// Chains that are followed at a time: of some series several generations have one.
const CHAINS_MAX: usize = 4 * FOLLOWED;
/// Hops in each chain when a scan begins, and nothing was asked for yet.
const FIRST_HOPS: usize = 4;

/// Chains that are being followed, from reading to reading.
#[derive(Debug)]
pub struct Ahead {
    /// The last series whose tail was asked for, and the last whose chain is followed.
    asked: Option<SeriesId>,
    followed: Option<SeriesId>,
    /// Blocks before this time are not read.
    from: Millis,
    /// Of each chain a block that was asked for.
    blocks: Vec<u32>,
    turn: usize,
}

impl Default for Ahead {
    fn default() -> Self {
        Ahead {
            asked: None,
            followed: None,
            from: Millis::MIN,
            blocks: Vec::new(),
            turn: 0,
        }
    }
}

impl Ahead {
    /// These are the series that will be read next, the first of them first, from this time on; one more of
    /// them each time.
    pub(in crate::store) fn begin<'a>(
        &mut self,
        pool: &Pool,
        heads: impl Iterator<Item = &'a Head> + Clone,
        next: &[Option<SeriesId>; SERIES_AHEAD],
        from: Millis,
    ) {
        self.from = from;
        let behind = |last: Option<SeriesId>| {
            let place = next.iter().rposition(|&id| id == last && id.is_some());
            place.map_or(0, |place| place + 1)
        };
        let (asked, followed) = (behind(self.asked), behind(self.followed));
        for id in next.iter().skip(asked).flatten() {
            heads.clone().for_each(|head| head.tails.prefetch(*id));
            self.asked = Some(*id);
        }
        let mut begun = 0;
        for id in next.iter().take(FOLLOWED).skip(followed).flatten() {
            for head in heads.clone() {
                let last = head.tails.get(*id).map(|tail| tail.block);
                if let Some((number, block)) = last.and_then(|it| Some((it, pool.get(it)?)))
                    && self.blocks.len() < CHAINS_MAX
                {
                    simd::prefetch(&block.base_time);
                    self.blocks.push(number);
                }
            }
            self.followed = Some(*id);
            begun += 1;
        }
        if 1 < begun {
            (0..FIRST_HOPS * self.blocks.len()).for_each(|_| self.hop(pool));
        }
    }

    #[cfg(test)]
    pub(super) fn chains(&self) -> usize {
        self.blocks.len()
    }

    /// Follow one of the chains by a block.
    #[inline]
    pub(super) fn hop(&mut self, pool: &Pool) {
        self.turn += 1;
        if self.blocks.len() <= self.turn {
            self.turn = 0;
        }
        let Some(place) = self.blocks.get_mut(self.turn) else {
            return;
        };
        // The page of its other line is known by now.
        let block = pool
            .get(*place)
            .inspect(|block| simd::prefetch(&block.payload));
        let before = block.filter(|block| self.from.0 <= block.base_time);
        let before = before.map(|block| block.previous);
        match before.and_then(|number| Some((number, pool.get(number)?))) {
            Some((number, block)) => {
                simd::prefetch(&block.base_time);
                *place = number;
            }
            None => {
                self.blocks.swap_remove(self.turn);
            }
        }
    }
}
