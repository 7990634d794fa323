//! x86-64 with AVX-512 of Ice Lake, Zen 4 and later: separators by masks and compression, the rest as with
//! AVX2.

use std::arch::x86_64::{
    __m512i, _mm_loadu_si128, _mm512_add_epi32, _mm512_castsi512_si128, _mm512_cmple_epu8_mask,
    _mm512_cvtepu8_epi32, _mm512_loadu_si512, _mm512_mask_cmpneq_epi8_mask,
    _mm512_maskz_compress_epi8, _mm512_set1_epi8, _mm512_set1_epi32, _mm512_storeu_si512,
};
use std::mem::MaybeUninit;

use super::lanes::{BLOCK, DECIMAL, Lanes, Leading, NUMBERS, Set, WINDOW, Work};
use super::x86::Avx2;

struct Avx512;

/// Do `work` with AVX-512, and what [`run_avx2`](super::x86::run_avx2) does it with.
///
/// # Safety
/// The processor has what [`run_avx2`](super::x86::run_avx2) asks for, and AVX-512 F, BW, VL and VBMI2.
#[target_feature(enable = "avx2,bmi1,bmi2,popcnt,lzcnt,avx512f,avx512bw,avx512vl,avx512vbmi2")]
pub(super) unsafe fn run_avx512<W: Work>(work: W) -> W::Output {
    work.run::<Avx512>()
}

/// The place of each byte of a block.
static ORDINALS: [u8; BLOCK] = {
    let mut numbers = [0; BLOCK];
    let mut i = 0;
    while i < BLOCK {
        numbers[i] = i as u8;
        i += 1;
    }
    numbers
};

/// Places that one store takes.
const PLACES: usize = 16;

impl Set for Avx512 {}

impl Lanes for Avx512 {
    #[inline(always)]
    fn mask(block: &[u8; BLOCK]) -> u64 {
        // SAFETY: the load is of the 64 bytes of `block`; `Avx512` is private to this file and used only
        // by `run_avx512`, which runs where AVX-512 F and BW were detected.
        unsafe {
            let bytes: __m512i = _mm512_loadu_si512(block.as_ptr().cast());
            _mm512_cmple_epu8_mask(bytes, _mm512_set1_epi8(b' ' as i8))
        }
    }

    #[inline(always)]
    fn places(mask: u64, base: u32, free: &mut [MaybeUninit<u32>; BLOCK]) {
        let mut packed = [0u8; BLOCK];
        // SAFETY: loads and stores are of whole arrays of 64 bytes, or of 16 of the 64 slots of `free`;
        // AVX-512 F and VBMI2 were detected as said above.
        unsafe {
            let numbers: __m512i = _mm512_loadu_si512(ORDINALS.as_ptr().cast());
            let numbers = _mm512_maskz_compress_epi8(mask, numbers);
            let base = _mm512_set1_epi32(base as i32);
            let wide = _mm512_cvtepu8_epi32(_mm512_castsi512_si128(numbers));
            _mm512_storeu_si512(free.as_mut_ptr().cast(), _mm512_add_epi32(base, wide));
            if mask.count_ones() as usize <= PLACES {
                return;
            }
            // Text with so many blanks is rare.
            _mm512_storeu_si512(packed.as_mut_ptr().cast(), numbers);
            for (slots, numbers) in free
                .chunks_exact_mut(PLACES)
                .zip(packed.chunks_exact(PLACES))
            {
                let wide = _mm512_cvtepu8_epi32(_mm_loadu_si128(numbers.as_ptr().cast()));
                _mm512_storeu_si512(slots.as_mut_ptr().cast(), _mm512_add_epi32(base, wide));
            }
        }
    }

    #[inline(always)]
    fn decimal(window: &[u8; DECIMAL], len: usize) -> Option<(u64, usize)> {
        Avx2::decimal(window, len)
    }

    #[inline(always)]
    fn leading(window: &[u8; DECIMAL]) -> Option<Leading> {
        Avx2::leading(window)
    }

    #[inline(always)]
    fn same(a: &[u8; BLOCK], b: &[u8; BLOCK], care: u64) -> bool {
        // SAFETY: the loads are of the 64 bytes of `a` and of `b`; AVX-512 F and BW were detected as said
        // above.
        let others = unsafe {
            let a: __m512i = _mm512_loadu_si512(a.as_ptr().cast());
            let b: __m512i = _mm512_loadu_si512(b.as_ptr().cast());
            _mm512_mask_cmpneq_epi8_mask(care, a, b)
        };
        others == 0
    }

    #[inline(always)]
    fn ends(window: &[u8; WINDOW]) -> Option<[u8; NUMBERS]> {
        Avx2::ends(window)
    }
}
