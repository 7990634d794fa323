//! x86-64: AVX2 and SSE2.

use std::arch::x86_64::{
    __m128i, __m256i, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_min_epu8, _mm_movemask_epi8,
    _mm_set1_epi8, _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_min_epu8, _mm256_movemask_epi8,
    _mm256_set1_epi8,
};

use super::lanes::{BLOCK, Lanes, find};

struct Avx2;

impl Lanes for Avx2 {
    #[inline(always)]
    fn mask(block: &[u8; BLOCK]) -> u64 {
        // SAFETY: both loads lie inside the 64 bytes of `block`; the only caller is
        // `separators_avx2`, which runs where AVX2 was detected.
        unsafe {
            let limit = _mm256_set1_epi8(b' ' as i8);
            let low: __m256i = _mm256_loadu_si256(block.as_ptr().cast());
            let high: __m256i = _mm256_loadu_si256(block.as_ptr().add(32).cast());
            let low = _mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_min_epu8(low, limit), low));
            let high = _mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_min_epu8(high, limit), high));
            u64::from(low as u32) | (u64::from(high as u32) << 32)
        }
    }
}

/// [`find`] with AVX2 and the bit counting that comes with it.
///
/// # Safety
/// The processor has AVX2, BMI1, BMI2, POPCNT and LZCNT.
#[target_feature(enable = "avx2,bmi1,bmi2,popcnt,lzcnt")]
pub(super) unsafe fn separators_avx2(text: &[u8], out: &mut Vec<u32>) {
    find::<Avx2>(text, out);
}

pub(super) struct Sse2;

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
}
