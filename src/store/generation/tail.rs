//! Where the next point of a series goes: one cache line.

use super::pool::NONE;
use crate::base::time::{Millis, Step};
use crate::model::series::SeriesId;
use crate::store::token::Last;

/// No time lies before it: every point takes the long way.
pub(super) const NEVER: i64 = i64::MIN;

/// From here on a step could lead past the end of time; there every point takes the long way.
const QUICK_MAX: i64 = i64::MAX - u32::MAX as i64;

/// The state of a series in a generation.
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
    /// First and last block.
    pub first: u32,
    pub block: u32,
    /// Read of the last point.
    pub read: u32,
    /// Milliseconds between points; 0 while that is not known.
    pub step: u32,
    /// How far the last unexpected point went ahead of all before it; 0 if it was late.
    pub gap: u32,
    /// Blocks.
    pub blocks: u32,
    /// Scale that goes with the mantissa.
    pub scale: u8,
    /// Of the last block: bytes of its payload in use, and points.
    pub position: u8,
    pub count: u8,
    /// Points of it that the windows have counted.
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
    /// Whether points tell their reads from here on.
    pub ordered: bool,
}

/// A series without points.
pub(super) const BLANK: Tail = Tail {
    expected: NEVER,
    quick_until: NEVER,
    mantissa: 0,
    number: 0,
    first: NONE,
    block: NONE,
    read: 0,
    step: 0,
    gap: 0,
    blocks: 0,
    scale: 0,
    position: 0,
    count: 0,
    noted: 0,
    escapes: 0,
    odd: 0,
    ahead: 0,
    behind: 0,
    disorder: false,
    ordered: false,
};

/// Tails that are allocated at a time: 256 KiB.
const CHUNK_BITS: u32 = 12;
const CHUNK: usize = 1 << CHUNK_BITS;

/// The tails of a generation, in chunks, so that a series more copies nothing.
#[derive(Debug, Default)]
pub(super) struct Tails {
    chunks: Vec<Box<[Tail; CHUNK]>>,
}

impl Tails {
    /// Make room up to `id`.
    pub(super) fn admit(&mut self, id: SeriesId) {
        while self.ids_end() <= id.0 {
            self.chunks
                .extend(vec![BLANK; CHUNK].into_boxed_slice().try_into().ok());
        }
    }

    /// There is no room for it and those above.
    pub(super) fn ids_end(&self) -> u32 {
        (self.chunks.len() * CHUNK) as u32
    }

    #[inline]
    pub(super) fn get(&self, id: SeriesId) -> Option<&Tail> {
        let chunk = self.chunks.get((id.0 >> CHUNK_BITS) as usize)?;
        Some(&chunk[id.0 as usize % CHUNK])
    }

    /// The tail of a series that was admitted.
    #[inline]
    pub(super) fn of(&mut self, id: SeriesId) -> &mut Tail {
        &mut self.chunks[(id.0 >> CHUNK_BITS) as usize][id.0 as usize % CHUNK]
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

    /// How far the points of the last block, which starts at `base`, are ahead of it.
    pub(super) fn ahead_of(&self, base: i64) -> u8 {
        self.ahead.max(distance(base, self.newest()))
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
