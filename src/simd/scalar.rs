//! The truth: one byte at a time.

use super::lanes::{BLOCK, Lanes};

pub(super) struct Scalar;

impl Lanes for Scalar {
    #[inline(always)]
    fn mask(block: &[u8; BLOCK]) -> u64 {
        block
            .iter()
            .enumerate()
            .fold(0, |mask, (i, &byte)| mask | (u64::from(byte <= b' ') << i))
    }
}
