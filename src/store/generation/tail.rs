//! Where the next point of a series goes: one cache line, and beside it what is seldom needed.

use super::pool::{Block, NONE, PAYLOAD, Pool};
use crate::base::time::{Millis, Step};
use crate::model::series::SeriesId;
use crate::simd;
use crate::store::token::Last;

/// No time lies before it: every point takes the long way.
pub(super) const NEVER: i64 = i64::MIN;

/// From here on a step could lead past the end of time; there every point takes the long way.
const QUICK_MAX: i64 = i64::MAX - u32::MAX as i64;

/// Bytes that the tail holds back until there are so many, because most points then touch no block, which
/// is seldom in the cache. Blocks take a multiple of them.
const HELD: usize = 12;
const _: () = assert!(PAYLOAD.is_multiple_of(HELD));

/// Bytes of the words that points are written as.
const WORD: usize = 8;

/// What the next point of a series in a generation needs, if it simply continues it.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(super) struct Tail {
    /// Time at which a point needs no word about its time. Less `step`, the newest time in order.
    pub expected: i64,
    /// Points at an expected time before it stay in their window and take the quick way.
    pub quick_until: i64,
    /// What the next value is told from.
    pub mantissa: i64,
    /// Number of the series in the book.
    pub number: u32,
    /// Last block.
    pub block: u32,
    /// Read of the last point.
    pub read: u32,
    /// Milliseconds between points; 0 while that is not known.
    pub step: u32,
    /// The last `position % HELD` bytes of the last block's payload, which are not in it, and room for a
    /// word behind them.
    held: [u8; HELD + WORD],
    /// Scale that goes with the mantissa.
    pub scale: u8,
    /// Of the last block: bytes of its payload in use, and points.
    pub position: u8,
    pub count: u8,
    /// Whether points tell their reads from here on.
    pub ordered: bool,
}

const _: () = assert!(size_of::<Tail>() == 64);

/// What only other points, readers and the sealer need of a series.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chain {
    /// First block.
    pub first: u32,
    /// Blocks.
    pub blocks: u32,
    /// How far the last unexpected point went ahead of all before it; 0 if it was late.
    pub gap: u32,
    /// Points of the last block that the windows have counted.
    pub noted: u8,
    /// Points of it that did not come at the expected time.
    pub escapes: u8,
    /// Its `count` behind the last unexpected point.
    pub odd: u8,
    /// As of a block, up to the last point that came unexpected.
    pub ahead: u8,
    pub behind: u8,
    /// Whether some point of the series is not newer than all before it.
    pub disorder: bool,
}

/// All that is known of a series in a generation but its blocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Series {
    pub tail: Tail,
    pub chain: Chain,
}

/// A series without points.
pub(super) const BLANK: Series = Series {
    tail: Tail {
        expected: NEVER,
        quick_until: NEVER,
        mantissa: 0,
        number: 0,
        block: NONE,
        read: 0,
        step: 0,
        held: [0; HELD + WORD],
        scale: 0,
        position: 0,
        count: 0,
        ordered: false,
    },
    chain: Chain {
        first: NONE,
        blocks: 0,
        gap: 0,
        noted: 0,
        escapes: 0,
        odd: 0,
        ahead: 0,
        behind: 0,
        disorder: false,
    },
};

/// Tails that are allocated at a time: 256 KiB.
const CHUNK_BITS: u32 = 12;
const CHUNK: usize = 1 << CHUNK_BITS;

/// The series of a generation, in chunks, so that one more copies nothing.
#[derive(Debug, Default)]
pub(super) struct Tails {
    tails: Vec<Box<[Tail; CHUNK]>>,
    chains: Vec<Box<[Chain; CHUNK]>>,
}

impl Tails {
    /// Make room up to `id`.
    pub(super) fn admit(&mut self, id: SeriesId) {
        while self.ids_end() <= id.0 {
            let chains = vec![BLANK.chain; CHUNK].into_boxed_slice();
            self.chains.extend(chains.try_into().ok());
            let tails = vec![BLANK.tail; CHUNK].into_boxed_slice();
            self.tails.extend(tails.try_into().ok());
        }
    }

    /// There is no room for it and those above.
    pub(super) fn ids_end(&self) -> u32 {
        (self.tails.len() * CHUNK) as u32
    }

    #[inline]
    pub(super) fn get(&self, id: SeriesId) -> Option<&Tail> {
        let chunk = self.tails.get((id.0 >> CHUNK_BITS) as usize)?;
        Some(&chunk[id.0 as usize % CHUNK])
    }

    /// Ask for what is known of a series.
    pub(super) fn prefetch(&self, id: SeriesId) {
        let chains = self.chains.get((id.0 >> CHUNK_BITS) as usize);
        if let (Some(tail), Some(chains)) = (self.get(id), chains) {
            simd::prefetch(tail);
            simd::prefetch(&chains[id.0 as usize % CHUNK]);
        }
    }

    /// The tail of a series that was admitted.
    #[inline]
    pub(super) fn of(&mut self, id: SeriesId) -> &mut Tail {
        &mut self.tails[(id.0 >> CHUNK_BITS) as usize][id.0 as usize % CHUNK]
    }

    /// A series; a blank one where it was not admitted.
    pub(super) fn series(&self, id: SeriesId) -> Series {
        let chain = self.chains.get((id.0 >> CHUNK_BITS) as usize);
        match (self.get(id), chain) {
            (Some(&tail), Some(chunk)) => Series {
                tail,
                chain: chunk[id.0 as usize % CHUNK],
            },
            _ => BLANK,
        }
    }

    /// Set a series that was admitted.
    pub(super) fn set(&mut self, id: SeriesId, series: &Series) {
        *self.of(id) = series.tail;
        self.chains[(id.0 >> CHUNK_BITS) as usize][id.0 as usize % CHUNK] = series.chain;
    }
}

impl Tail {
    #[inline]
    pub(super) fn is_blank(&self) -> bool {
        self.block == NONE
    }

    #[inline]
    pub(super) fn last(&self) -> Last {
        Last {
            mantissa: self.mantissa,
            scale: self.scale,
        }
    }

    #[inline]
    pub(super) fn set_last(&mut self, last: Last) {
        self.mantissa = last.mantissa;
        self.scale = last.scale;
    }

    /// Newest time in order; of a blank tail none.
    #[inline]
    pub(super) fn newest(&self) -> i64 {
        self.expected.wrapping_sub(i64::from(self.step))
    }

    /// The next point is expected a step after `time`.
    pub(super) fn expect_after(&mut self, time: i64) {
        self.expected = time.wrapping_add(i64::from(self.step));
    }

    /// Start of the window that the last point is in.
    pub(super) fn window(&self, width: Step) -> i64 {
        if self.quick_until == NEVER {
            width.floor(Millis(self.newest())).0
        } else {
            self.quick_until.saturating_sub(width.millis())
        }
    }

    /// Add the first `len` bytes of a word, of which the last block has room for so many. False if there
    /// is no such block; then nothing has changed.
    #[inline(always)]
    pub(super) fn put(&mut self, pool: &mut Pool, word: u64, len: usize) -> bool {
        let start = usize::from(self.position) % HELD;
        if let Some(place) = self.held[start..].first_chunk_mut::<WORD>() {
            *place = word.to_be_bytes();
        }
        if HELD <= start + len {
            let at = usize::from(self.position) - start;
            let block = pool.get_mut(self.block);
            let Some(place) = block.and_then(|block| block.payload[at..].first_chunk_mut()) else {
                return false;
            };
            if let Some((full, rest)) = self.held.split_first_chunk_mut::<HELD>() {
                *place = *full;
                full[..WORD].copy_from_slice(rest);
            }
        }
        self.position += len as u8;
        true
    }

    /// Bring what is held to `block`, the last one, where it belongs.
    pub(super) fn settle(&self, block: &mut Block) {
        self.complete(&mut block.payload);
    }

    /// Take back what is held of `block`, the last one, whose payload is as long as `position` says.
    pub(super) fn hold(&mut self, block: &Block) {
        let end = usize::from(self.position);
        let start = end - end % HELD;
        self.held[..end - start].copy_from_slice(&block.payload[start..end]);
    }

    /// Read the payload of a block of the series.
    #[inline]
    pub(super) fn read_payload(&self, number: u32, block: &Block, into: &mut [u8; PAYLOAD]) {
        *into = block.payload;
        if number == self.block {
            self.complete(into);
        }
    }

    fn complete(&self, payload: &mut [u8; PAYLOAD]) {
        let end = usize::from(self.position);
        let start = end - end % HELD;
        payload[start..end].copy_from_slice(&self.held[..end - start]);
    }

    /// Points of a block of the series.
    pub(super) fn count(&self, number: u32, block: &Block) -> usize {
        usize::from(if number == self.block {
            self.count
        } else {
            block.count
        })
    }
}

impl Series {
    /// How far the points of the last block, which starts at `base`, are ahead of it.
    pub(super) fn ahead_of(&self, base: i64) -> u8 {
        self.chain.ahead.max(distance(base, self.tail.newest()))
    }

    /// All times of a block of the series are in here.
    pub(super) fn range(&self, number: u32, block: &Block) -> (i64, i64) {
        let base = block.base_time;
        let (behind, ahead) = if number == self.tail.block {
            (self.chain.behind, self.ahead_of(base))
        } else {
            (block.behind, block.ahead)
        };
        let span = |bits: u8| u64::MAX.checked_shr(64 - u32::from(bits)).unwrap_or(0);
        (
            base.saturating_sub_unsigned(span(behind)),
            base.saturating_add_unsigned(span(ahead)),
        )
    }
}

/// The end of the window that `time` is in, as far as points may take the quick way.
pub(super) fn quick_until(width: Step, time: i64) -> i64 {
    let after = time.div_euclid(width.millis()).saturating_add(1);
    let end = after.saturating_mul(width.millis());
    if end <= QUICK_MAX { end } else { NEVER }
}

/// The smallest power of two that `later` is less than behind `earlier`; 0 if it is not behind.
pub(super) fn distance(earlier: i64, later: i64) -> u8 {
    if later <= earlier {
        return 0;
    }
    (u64::BITS - later.abs_diff(earlier).leading_zeros()) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;

    /// A block that is written through its tail reads as a plain list of the same bytes.
    #[test]
    fn held_bytes_are_read_settled_and_taken_back() {
        for seed in 0..300 {
            let mut random = Random::new(seed);
            let mut pool = Pool::new(usize::MAX);
            let mut tail = Tail {
                block: pool.take().expect("room"),
                ..BLANK.tail
            };
            let mut want = Vec::new();
            loop {
                let len = 1 + random.below(WORD as u64) as usize;
                if PAYLOAD < want.len() + len {
                    break;
                }
                let word = random.next_u64();
                assert!(tail.put(&mut pool, word, len));
                want.extend_from_slice(&word.to_be_bytes()[..len]);
                let block = pool.get_mut(tail.block).expect("a block");
                let mut payload = [0; PAYLOAD];
                tail.read_payload(tail.block, block, &mut payload);
                assert_eq!(payload[..want.len()], want, "seed {seed}");
                if random.chance(20) {
                    tail.settle(block);
                    assert_eq!(block.payload[..want.len()], want, "seed {seed}");
                    tail.held = [0xEE; HELD + WORD];
                    tail.hold(block);
                }
            }
        }
    }

    #[test]
    fn without_its_block_nothing_changes() {
        let mut tail = BLANK.tail;
        tail.position = HELD as u8 - 1;
        assert!(!tail.put(&mut Pool::new(0), u64::MAX, 2));
        assert_eq!(usize::from(tail.position), HELD - 1);
    }
}
