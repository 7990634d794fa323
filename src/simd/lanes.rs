//! What an instruction set must be able to do, and how work is run on one.

use std::mem::MaybeUninit;
use std::sync::OnceLock;

use super::{Isa, scalar};

/// Bytes looked at in one step of a scan or a comparison: the bits of a mask.
pub const BLOCK: usize = 64;

/// Positions written in one go, whether or not so many bits are set: a fixed count costs less than
/// a branch per bit.
const STRIDE: usize = 8;

/// Characters of a short decimal.
pub const DECIMAL: usize = 16;

/// Bytes in which [`Lanes::ends`] looks for numbers.
pub const WINDOW: usize = 16;
/// How many numbers those are.
pub const NUMBERS: usize = 5;

/// A decimal in front of something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leading {
    /// All of its digits as one number.
    pub mantissa: u64,
    /// How many of them stand behind its dot.
    pub scale: usize,
    /// Its characters.
    pub len: usize,
}

/// A set of this module: what [`Lanes`] say is relied upon, so nobody else may say it.
pub trait Set {}

/// The primitives that differ from instruction set to instruction set. Everything else is written
/// once, over this trait.
pub trait Lanes: Set {
    /// Bit `i` is set when `block[i] <= 0x20`: blanks, line ends, controls.
    fn mask(block: &[u8; BLOCK]) -> u64;

    /// Write `base` plus the number of each set bit of `mask`, ascending, to the first slots of `free`; what
    /// is in the others after it means nothing.
    #[inline(always)]
    fn places(mut mask: u64, base: u32, free: &mut [MaybeUninit<u32>; BLOCK]) {
        let count = mask.count_ones() as usize;
        let mut at = 0;
        while at < count {
            for slot in &mut free[at..at + STRIDE] {
                slot.write(base.wrapping_add(mask.trailing_zeros()));
                mask &= mask.wrapping_sub(1);
            }
            at += STRIDE;
        }
    }

    /// The last `len` characters of `window`, 1 to 16 digits with at most one dot: all digits as one
    /// number, and how many of them stand behind the dot. `None` for anything else, a lone dot
    /// included. What stands in front of them is ignored.
    fn decimal(window: &[u8; DECIMAL], len: usize) -> Option<(u64, usize)>;

    /// The decimal that `window` begins with: digits with at most one dot between two of them, something else
    /// behind it, 15 characters at most. `None` for anything else.
    #[inline(always)]
    fn leading(window: &[u8; DECIMAL]) -> Option<Leading> {
        scalar::leading(window)
    }

    /// Whether `a` and `b` are the same where `care` has a bit, the first byte in the lowest.
    #[inline(always)]
    fn same(a: &[u8; BLOCK], b: &[u8; BLOCK], care: u64) -> bool {
        scalar::same(a, b, care)
    }

    /// Where each of the numbers of [`varint`](crate::base::varint) ends that stand behind the first byte of
    /// `window`, one after the other. `None` where one is longer than four bytes, or ends behind the window.
    fn ends(window: &[u8; WINDOW]) -> Option<[u8; NUMBERS]>;
}

/// Something to be done on whatever lanes the machine has. `run` is to be `#[inline(always)]`, so that
/// it is compiled once for each instruction set.
pub trait Work {
    /// What it gives.
    type Output;

    /// Do it.
    fn run<L: Lanes>(self) -> Self::Output;
}

/// An instruction set, chosen once.
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

    /// A scanner on the widest set that the machine has.
    pub fn widest() -> Scanner {
        static WIDEST: OnceLock<Isa> = OnceLock::new();
        let isa = WIDEST.get_or_init(|| Isa::available().first().copied().unwrap_or(Isa::Scalar));
        Scanner { isa: *isa }
    }

    /// Which set it uses.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// Do `work` with this set.
    #[inline]
    pub fn run<W: Work>(&self, work: W) -> W::Output {
        match self.isa {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `new` and `widest` keep `Avx2` only where all that it stands for was detected.
            Isa::Avx2 => unsafe { super::x86::run_avx2(work) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as for `Avx2`.
            Isa::Avx512 => unsafe { super::avx512::run_avx512(work) },
            #[cfg(target_arch = "x86_64")]
            Isa::Sse2 => work.run::<super::x86::Sse2>(),
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => work.run::<super::neon::Neon>(),
            _ => work.run::<scalar::Scalar>(),
        }
    }
}

/// Replace `out` by the ascending positions of all bytes of `text` that are at most `0x20`. `text` is
/// shorter than 4 GiB.
#[inline(always)]
pub fn separators<L: Lanes>(text: &[u8], out: &mut Vec<u32>) {
    out.clear();
    let (blocks, rest) = text.as_chunks::<BLOCK>();
    for (i, block) in blocks.iter().enumerate() {
        flatten::<L>(L::mask(block), (i * BLOCK) as u32, out);
    }
    if !rest.is_empty() {
        let mut block = [0xff; BLOCK];
        block[..rest.len()].copy_from_slice(rest);
        flatten::<L>(L::mask(&block), (blocks.len() * BLOCK) as u32, out);
    }
}

/// Append `base` + the number of each set bit of `mask`.
#[inline(always)]
fn flatten<L: Lanes>(mask: u64, base: u32, out: &mut Vec<u32>) {
    let count = mask.count_ones() as usize;
    out.reserve(BLOCK);
    let len = out.len();
    let Some(free) = out.spare_capacity_mut().first_chunk_mut() else {
        return;
    };
    L::places(mask, base, free);
    // SAFETY: `count` is at most 64, and every `places` of this module has written the first `count` of
    // the 64 spare slots.
    unsafe { out.set_len(len + count) };
}
