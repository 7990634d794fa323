//! What is remembered, compared by blocks: two loads and a mask, whatever the lengths of its parts are.

use super::{Familiar, Order, Shape, behind};
use crate::simd::{BLOCK, Lanes};

/// What stands around a time and a value, each with what comes behind it up to a block, and which of its
/// bytes count.
pub(in crate::wire) struct Blocks<'a> {
    /// All before the value.
    pub(in crate::wire) front: &'a [u8; BLOCK],
    front_care: u64,
    pub(in crate::wire) value_at: usize,
    tail: &'a [u8],
    tail_len: usize,
}

impl Blocks<'_> {
    /// Whether an object or a line at `at` begins like this one.
    #[inline(always)]
    pub(in crate::wire) fn begins<L: Lanes>(&self, text: &[u8], at: usize) -> Option<()> {
        let here = text.get(at..)?.first_chunk()?;
        L::same(here, self.front, self.front_care).then_some(())
    }

    /// Behind the tail, if it stands at `at`.
    #[inline(always)]
    pub(in crate::wire) fn behind<L: Lanes>(&self, text: &[u8], at: usize) -> Option<usize> {
        let (here, tail) = (text.get(at..)?.first_chunk()?, self.tail.first_chunk()?);
        if !L::same(here, tail, first_bits(self.tail_len)) {
            return None;
        }
        let end = at + self.tail_len;
        if BLOCK < self.tail_len {
            let rest = self.tail.get(BLOCK..self.tail_len)?;
            behind(text, at + BLOCK, rest)?;
        }
        Some(end)
    }
}

/// The lowest `count` bits, of which there are at most 64.
#[inline(always)]
fn first_bits(count: usize) -> u64 {
    u64::MAX
        .checked_shr((BLOCK - count.min(BLOCK)) as u32)
        .unwrap_or(0)
}

impl Familiar {
    /// The bytes of a shape whose time comes first, to be compared by blocks; `None` where it has more than
    /// one in front of its value.
    #[inline(always)]
    pub(in crate::wire) fn blocks(&self, shape: &Shape) -> Option<Blocks<'_>> {
        let (value_at, tail) = (shape.second(), usize::from(shape.tail));
        if shape.order != Order::TimeValue || BLOCK < value_at {
            return None;
        }
        let bytes = self.from(shape.at)?;
        let gap = first_bits(usize::from(shape.time)) << (shape.head % BLOCK as u16);
        Some(Blocks {
            front: bytes.first_chunk()?,
            front_care: first_bits(value_at) & !gap,
            value_at,
            tail: bytes.get(value_at..)?,
            tail_len: tail,
        })
    }
}
