//! x86-64: AVX2 and SSE2.

use std::arch::x86_64::{
    __m128i, __m256i, _mm_add_epi8, _mm_and_si128, _mm_cmpeq_epi8, _mm_cmpgt_epi8,
    _mm_cvtsi128_si64, _mm_extract_epi8, _mm_loadu_si128, _mm_madd_epi16, _mm_maddubs_epi16,
    _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128, _mm_packus_epi32, _mm_set1_epi8, _mm_setr_epi8,
    _mm_setr_epi16, _mm_shuffle_epi8, _mm_srli_epi16, _mm_sub_epi8, _mm_unpacklo_epi8,
    _mm_unpacklo_epi16, _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_min_epu8,
    _mm256_movemask_epi8, _mm256_set1_epi8,
};

use super::lanes::{BLOCK, DECIMAL, Lanes, Leading, NUMBERS, Set, WINDOW, Work};
use super::scalar;

pub(super) struct Avx2;

/// Do `work` with AVX2 and the bit counting that comes with it.
///
/// # Safety
/// The processor has AVX2, BMI1, BMI2, POPCNT and LZCNT.
#[target_feature(enable = "avx2,bmi1,bmi2,popcnt,lzcnt")]
pub(super) unsafe fn run_avx2<W: Work>(work: W) -> W::Output {
    work.run::<Avx2>()
}

impl Set for Avx2 {}

impl Lanes for Avx2 {
    #[inline(always)]
    fn mask(block: &[u8; BLOCK]) -> u64 {
        // SAFETY: both loads lie inside the 64 bytes of `block`; `Avx2` is used
        // only by `run_avx2` and `run_avx512`, which run where AVX2 was detected.
        unsafe {
            let limit = _mm256_set1_epi8(b' ' as i8);
            let low: __m256i = _mm256_loadu_si256(block.as_ptr().cast());
            let high: __m256i = _mm256_loadu_si256(block.as_ptr().add(32).cast());
            let low = _mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_min_epu8(low, limit), low));
            let high = _mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_min_epu8(high, limit), high));
            u64::from(low as u32) | (u64::from(high as u32) << 32)
        }
    }

    #[inline(always)]
    fn decimal(window: &[u8; DECIMAL], len: usize) -> Option<(u64, usize)> {
        // SAFETY: the loads lie inside the 16 bytes of `window` and of a row of `CLOSE_GAP`, whose
        // row is at most 16; SSSE3 and SSE4.1 come with AVX2, which was detected as said above.
        unsafe {
            let text: __m128i = _mm_loadu_si128(window.as_ptr().cast());
            let place = _mm_setr_epi8(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
            let inside = _mm_cmpgt_epi8(_mm_set1_epi8(len as i8), place);
            let dots = _mm_and_si128(_mm_cmpeq_epi8(text, _mm_set1_epi8(b'.' as i8)), inside);
            let dot = ((_mm_movemask_epi8(dots) as u32) | (1 << DECIMAL)).trailing_zeros() as usize;
            // Digits become 0 to 9, what is in front of them 0, and the gap of the dot is closed.
            let digits = _mm_and_si128(_mm_sub_epi8(text, _mm_set1_epi8(b'0' as i8)), inside);
            let digits = _mm_shuffle_epi8(digits, _mm_loadu_si128(CLOSE_GAP[dot].as_ptr().cast()));
            let is_digit = _mm_cmpeq_epi8(_mm_min_epu8(digits, _mm_set1_epi8(9)), digits);
            if _mm_movemask_epi8(is_digit) != 0xffff || len - usize::from(dot < DECIMAL) == 0 {
                return None;
            }
            Some((mantissa(digits), SCALE[dot]))
        }
    }

    #[inline(always)]
    fn leading(window: &[u8; DECIMAL]) -> Option<Leading> {
        // SAFETY: the load lies inside the 16 bytes of `window`; SSSE3 and SSE4.1 come with AVX2, which was
        // detected as said above.
        let (digits, numeric, dots) = unsafe {
            let text: __m128i = _mm_loadu_si128(window.as_ptr().cast());
            let digits = _mm_sub_epi8(text, _mm_set1_epi8(b'0' as i8));
            let is_digit = _mm_cmpeq_epi8(_mm_min_epu8(digits, _mm_set1_epi8(9)), digits);
            let is_dot = _mm_cmpeq_epi8(text, _mm_set1_epi8(b'.' as i8));
            let numeric = _mm_movemask_epi8(_mm_or_si128(is_digit, is_dot)) as u32;
            (digits, numeric, _mm_movemask_epi8(is_dot) as u32)
        };
        // Above the 16 bits of the mask all are ones.
        let len = (!numeric).trailing_zeros();
        let dots = dots & ((1 << len) - 1);
        let has_dot = u32::from(dots != 0);
        let dot = (dots | 1 << DECIMAL).trailing_zeros();
        // One dot at most, which has a digit on both sides.
        let is_bare = (dots & dots.wrapping_sub(1)) | (dots & (1 | 1 << len >> 1));
        if len == 0 || len == DECIMAL as u32 || is_bare != 0 {
            return None;
        }
        // SAFETY: as above.
        let digits = unsafe {
            // To the last places, without the dot; from where there is nothing a zero comes.
            let first = DECIMAL as u32 + has_dot - len;
            let places = _mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
            let places = _mm_sub_epi8(places, _mm_set1_epi8(first as i8));
            let is_behind = _mm_cmpgt_epi8(places, _mm_set1_epi8(dot as i8 - 1));
            _mm_shuffle_epi8(digits, _mm_sub_epi8(places, is_behind))
        };
        Some(Leading {
            mantissa: mantissa(digits),
            scale: (has_dot * (len.wrapping_sub(dot + 1))) as usize,
            len: len as usize,
        })
    }

    #[inline(always)]
    fn same(a: &[u8; BLOCK], b: &[u8; BLOCK], care: u64) -> bool {
        // SAFETY: each load lies inside the 64 bytes of `a` or `b`; AVX2 was detected as said above.
        let (low, high) = unsafe {
            let low = _mm256_cmpeq_epi8(
                _mm256_loadu_si256(a.as_ptr().cast()),
                _mm256_loadu_si256(b.as_ptr().cast()),
            );
            let high = _mm256_cmpeq_epi8(
                _mm256_loadu_si256(a.as_ptr().add(32).cast()),
                _mm256_loadu_si256(b.as_ptr().add(32).cast()),
            );
            (_mm256_movemask_epi8(low), _mm256_movemask_epi8(high))
        };
        let same = u64::from(low as u32) | u64::from(high as u32) << 32;
        !same & care == 0
    }

    /// From each byte of the window at once: where a number ends that begins there, then where the second
    /// and the fourth behind it end. So the last end waits for four steps and not for five numbers.
    #[inline(always)]
    fn ends(window: &[u8; WINDOW]) -> Option<[u8; NUMBERS]> {
        // SAFETY: the load lies inside the 16 bytes of `window`; SSSE3 and SSE4.1 come with AVX2, which was
        // detected as said above.
        let (four, last) = unsafe {
            let bytes: __m128i = _mm_loadu_si128(window.as_ptr().cast());
            let lead = _mm_and_si128(_mm_srli_epi16(bytes, 4), _mm_set1_epi8(0x0F));
            // Bytes of a number by the upper half of its first byte; far too many where those are not enough
            // to tell.
            let lengths = _mm_setr_epi8(1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 4, 0x40);
            // Places are told from `INSIDE` on, so that those behind the window have the highest bit, for
            // which a shuffle gives 0.
            let places = _mm_setr_epi8(
                0x70, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7A, 0x7B, 0x7C, 0x7D,
                0x7E, 0x7F,
            );
            let one = _mm_add_epi8(places, _mm_shuffle_epi8(lengths, lead));
            let two = _mm_shuffle_epi8(one, one);
            let three = _mm_shuffle_epi8(one, two);
            let four = _mm_shuffle_epi8(two, two);
            let five = _mm_shuffle_epi8(one, four);
            let ends =
                _mm_unpacklo_epi16(_mm_unpacklo_epi8(one, two), _mm_unpacklo_epi8(three, four));
            let ends = (_mm_cvtsi128_si64(ends) as u64 >> 32) as u32;
            (ends, _mm_extract_epi8::<1>(five) as u32)
        };
        // Each of the four is inside, so each was told by the one before it.
        let all_inside = four & 0xF0F0_F0F0 == INSIDE * 0x0101_0101;
        if !all_inside || INSIDE + (WINDOW as u32) < last {
            return None;
        }
        let [a, b, c, d] = (four - INSIDE * 0x0101_0101).to_le_bytes();
        Some([a, b, c, d, (last - INSIDE) as u8])
    }
}

/// The number of sixteen digits, 0 to 9 each, as [`Avx2`] reads it.
#[inline(always)]
fn mantissa(digits: __m128i) -> u64 {
    // SAFETY: nothing but registers is touched; SSSE3 and SSE4.1 come with AVX2, which was detected where
    // `Avx2` is used.
    let both = unsafe {
        let pairs = _mm_maddubs_epi16(
            digits,
            _mm_setr_epi8(10, 1, 10, 1, 10, 1, 10, 1, 10, 1, 10, 1, 10, 1, 10, 1),
        );
        let fours = _mm_madd_epi16(pairs, _mm_setr_epi16(100, 1, 100, 1, 100, 1, 100, 1));
        let packed = _mm_packus_epi32(fours, fours);
        let eights = _mm_madd_epi16(
            packed,
            _mm_setr_epi16(10_000, 1, 10_000, 1, 10_000, 1, 10_000, 1),
        );
        _mm_cvtsi128_si64(eights) as u64
    };
    (both & 0xffff_ffff) * 100_000_000 + (both >> 32)
}

/// The first place of a window in [`Lanes::ends`].
const INSIDE: u32 = 0x70;

/// For each position of the dot (16: none): the shuffle that moves what is before it one to the right
/// and puts a zero in front.
static CLOSE_GAP: [[u8; DECIMAL]; DECIMAL + 1] = {
    let mut rows = [[0; DECIMAL]; DECIMAL + 1];
    let mut dot = 0;
    while dot <= DECIMAL {
        let mut to = 0;
        while to < DECIMAL {
            let kept = dot == DECIMAL || to > dot;
            rows[dot][to] = if kept {
                to as u8
            } else if to == 0 {
                0x80
            } else {
                to as u8 - 1
            };
            to += 1;
        }
        dot += 1;
    }
    rows
};

/// Digits behind a dot at each position (16: none).
static SCALE: [usize; DECIMAL + 1] = [15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0];

pub(super) struct Sse2;

impl Set for Sse2 {}

impl Lanes for Sse2 {
    #[inline(always)]
    fn mask(block: &[u8; BLOCK]) -> u64 {
        let mut mask = 0u64;
        for part in 0..4 {
            // SAFETY: `part * 16 + 16` is at most 64, so the load lies inside `block`; SSE2 is part
            // of x86-64.
            let bits = unsafe {
                let limit = _mm_set1_epi8(b' ' as i8);
                let bytes: __m128i = _mm_loadu_si128(block.as_ptr().add(part * 16).cast());
                _mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(bytes, limit), bytes))
            };
            mask |= u64::from(bits as u32 & 0xffff) << (part * 16);
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
