//! The algorithm, once: turn each 64 bytes into a bit mask of separators, and the masks into
//! positions. An instruction set only says how 64 bytes become a mask.

use super::{Isa, scalar};

/// Bytes looked at in one step: the bits of a mask.
pub(super) const BLOCK: usize = 64;

/// Positions written in one go, whether or not so many bits are set: a fixed count costs less than
/// a branch per bit.
const STRIDE: usize = 8;

/// How 64 bytes become a mask of the bytes that are at most `0x20`: blanks, line ends, controls.
pub(super) trait Lanes {
    /// Bit `i` is set when `block[i] <= 0x20`.
    fn mask(block: &[u8; BLOCK]) -> u64;
}

/// Finds separators with one instruction set, chosen once.
#[derive(Clone, Copy, Debug)]
pub struct Scanner {
    isa: Isa,
}

impl Scanner {
    /// A scanner on `isa`; where the machine lacks it, the scalar one.
    pub fn new(isa: Isa) -> Scanner {
        let isa = if Isa::available().contains(&isa) {
            isa
        } else {
            Isa::Scalar
        };
        Scanner { isa }
    }

    /// Which set it uses.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// Replace `out` by the ascending positions of all bytes of `text` that are at most `0x20`.
    /// `text` is shorter than 4 GiB.
    #[inline]
    pub fn separators(&self, text: &[u8], out: &mut Vec<u32>) {
        out.clear();
        match self.isa {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `new` keeps `Avx2` only where it was detected.
            Isa::Avx2 => unsafe { super::x86::separators_avx2(text, out) },
            #[cfg(target_arch = "x86_64")]
            Isa::Sse2 => find::<super::x86::Sse2>(text, out),
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => find::<super::neon::Neon>(text, out),
            _ => find::<scalar::Scalar>(text, out),
        }
    }
}

/// Positions of separators in `text`, appended to `out`.
#[inline(always)]
pub(super) fn find<L: Lanes>(text: &[u8], out: &mut Vec<u32>) {
    let (blocks, rest) = text.as_chunks::<BLOCK>();
    for (i, block) in blocks.iter().enumerate() {
        flatten(L::mask(block), (i * BLOCK) as u32, out);
    }
    if !rest.is_empty() {
        let mut block = [0xff; BLOCK];
        block[..rest.len()].copy_from_slice(rest);
        flatten(L::mask(&block), (blocks.len() * BLOCK) as u32, out);
    }
}

/// Append `base` + the number of each set bit of `mask`.
#[inline(always)]
fn flatten(mut mask: u64, base: u32, out: &mut Vec<u32>) {
    let count = mask.count_ones() as usize;
    out.reserve(BLOCK);
    let len = out.len();
    let free = out.spare_capacity_mut();
    let mut at = 0;
    while at < count {
        // `reserve` gave room for 64, and `at` is a multiple of 8 below 64.
        for slot in &mut free[at..at + STRIDE] {
            slot.write(base.wrapping_add(mask.trailing_zeros()));
            mask &= mask.wrapping_sub(1);
        }
        at += STRIDE;
    }
    // SAFETY: `count` is at most 64 and the loop has written the first `count` rounded up to a
    // multiple of 8 of the spare slots, all within the 64 reserved.
    unsafe { out.set_len(len + count) };
}
