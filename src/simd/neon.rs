//! aarch64: NEON.

use std::arch::aarch64::{
    vaddv_u8, vandq_u8, vcleq_u8, vdupq_n_u8, vget_high_u8, vget_low_u8, vld1q_u8,
};

use super::lanes::{BLOCK, DECIMAL, Lanes, NUMBERS, Set, WINDOW};
use super::scalar;

pub(super) struct Neon;

/// One bit per byte of half a register.
const BITS: [u8; 16] = [1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128];

impl Set for Neon {}

impl Lanes for Neon {
    #[inline(always)]
    fn mask(block: &[u8; BLOCK]) -> u64 {
        let mut mask = 0u64;
        for part in 0..4 {
            // SAFETY: `part * 16 + 16` is at most 64, so the load lies inside `block`, and `BITS` has
            // 16 bytes; NEON is part of aarch64.
            let bits = unsafe {
                let bytes = vld1q_u8(block.as_ptr().add(part * 16));
                let hits = vandq_u8(vcleq_u8(bytes, vdupq_n_u8(b' ')), vld1q_u8(BITS.as_ptr()));
                u64::from(vaddv_u8(vget_low_u8(hits)))
                    | (u64::from(vaddv_u8(vget_high_u8(hits))) << 8)
            };
            mask |= bits << (part * 16);
        }
        mask
    }

    #[inline(always)]
    fn decimal(window: &[u8; DECIMAL], len: usize) -> Option<(u64, usize)> {
        scalar::decimal(window, len)
    }

    #[inline(always)]
    fn ends(window: &[u8; WINDOW]) -> Option<[u8; NUMBERS]> {
        scalar::ends(window)
    }
}
