//! Finding separators, comparing names, asking for memory early: written once over lanes, bound
//! to an instruction set in a thin file each, with the scalar file as the truth. Work of others, such as sums
//! of rows and the printing of numbers, is compiled for each set by being run through [`Scanner::run`].
//!
//! The only module besides `rt` that may use `unsafe`. Knows bytes, no protocol.

#[cfg(target_arch = "x86_64")]
mod avx512;
mod lanes;
mod scalar;
#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(target_arch = "aarch64")]
mod neon;

pub use lanes::{BLOCK, DECIMAL, Lanes, Leading, NUMBERS, Scanner, WINDOW, Work, separators};

/// An instruction set that separators can be found with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    /// 64 bytes at a time, and places written by compression: AVX-512 of Ice Lake, Zen 4 and later.
    Avx512,
    /// 32 bytes at a time.
    Avx2,
    /// 16 bytes at a time; every x86-64 has it.
    Sse2,
    /// 16 bytes at a time; every aarch64 has it.
    Neon,
    /// One byte at a time, on anything.
    Scalar,
}

impl Isa {
    /// Every set this machine has, the widest first.
    pub fn available() -> Vec<Isa> {
        let mut sets = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if std::arch::is_x86_feature_detected!("avx2")
                && std::arch::is_x86_feature_detected!("bmi1")
                && std::arch::is_x86_feature_detected!("bmi2")
                && std::arch::is_x86_feature_detected!("popcnt")
                && std::arch::is_x86_feature_detected!("lzcnt")
            {
                if std::arch::is_x86_feature_detected!("avx512f")
                    && std::arch::is_x86_feature_detected!("avx512bw")
                    && std::arch::is_x86_feature_detected!("avx512vl")
                    && std::arch::is_x86_feature_detected!("avx512vbmi2")
                {
                    sets.push(Isa::Avx512);
                }
                sets.push(Isa::Avx2);
            }
            sets.push(Isa::Sse2);
        }
        #[cfg(target_arch = "aarch64")]
        sets.push(Isa::Neon);
        sets.push(Isa::Scalar);
        sets
    }

    /// The name that `--simd` takes.
    pub fn label(self) -> &'static str {
        match self {
            Isa::Avx512 => "avx512",
            Isa::Avx2 => "avx2",
            Isa::Sse2 => "sse2",
            Isa::Neon => "neon",
            Isa::Scalar => "scalar",
        }
    }
}

/// Ask the memory system for the line that holds `item`, without waiting for it.
#[inline(always)]
pub fn prefetch<T>(item: &T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: prefetching has no architectural effect, and `item` is a valid reference anyway;
    // SSE is part of x86-64.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(item).cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = item;
}

/// Whether two names are the same bytes. Names are mostly 8 to 64 bytes long, where a call of `memcmp`
/// costs more than the comparison.
#[inline(always)]
pub fn equal(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    // Two loads from each end that may overlap cover every length of their class.
    match a.len() {
        16..=32 => ends::<16>(a, b).is_some_and(|[x, y, z, w]| {
            (u128::from_le_bytes(x) ^ u128::from_le_bytes(z))
                | (u128::from_le_bytes(y) ^ u128::from_le_bytes(w))
                == 0
        }),
        33..=64 => ends::<32>(a, b).is_some_and(|[x, y, z, w]| {
            // One branch for all of it.
            differ(x, z) | differ(y, w) == 0
        }),
        8..=15 => ends::<8>(a, b).is_some_and(|[x, y, z, w]| {
            (u64::from_le_bytes(x) ^ u64::from_le_bytes(z))
                | (u64::from_le_bytes(y) ^ u64::from_le_bytes(w))
                == 0
        }),
        4..=7 => ends::<4>(a, b).is_some_and(|[x, y, z, w]| {
            (u32::from_le_bytes(x) ^ u32::from_le_bytes(z))
                | (u32::from_le_bytes(y) ^ u32::from_le_bytes(w))
                == 0
        }),
        // A blank or a comma between two numbers.
        1 => a.first() == b.first(),
        _ => a == b,
    }
}

/// Zero if `a` and `b` are the same.
#[inline(always)]
fn differ(a: [u8; 32], b: [u8; 32]) -> u64 {
    let pairs = a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0);
    pairs.fold(0, |all, (a, b)| {
        all | (u64::from_ne_bytes(*a) ^ u64::from_ne_bytes(*b))
    })
}

/// First and last `N` bytes of `a`, then of `b`.
#[inline(always)]
fn ends<const N: usize>(a: &[u8], b: &[u8]) -> Option<[[u8; N]; 4]> {
    Some([
        *a.first_chunk()?,
        *a.last_chunk()?,
        *b.first_chunk()?,
        *b.last_chunk()?,
    ])
}

/// The number that eight ASCII digits stand for, the first in the lowest byte.
#[inline(always)]
pub fn eight_digits(ascii: u64) -> Option<u64> {
    scalar::eight_digits(ascii)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;

    #[test]
    fn equal_agrees_with_the_slices() {
        let mut random = Random::new(7);
        for _ in 0..20_000 {
            let len = random.below(140) as usize;
            let a: Vec<u8> = (0..len).map(|_| random.below(2) as u8).collect();
            let mut b = a.clone();
            if len > 0 && random.chance(50) {
                b[random.below(len as u64) as usize] ^= 1;
            }
            if random.chance(10) {
                b.push(0);
            }
            assert_eq!(equal(&a, &b), a == b);
        }
    }

    #[test]
    fn every_set_finds_what_scalar_finds() {
        let mut random = Random::new(11);
        for round in 0..3_000 {
            let len = random.below(300) as usize;
            let text: Vec<u8> = (0..len)
                .map(|_| match random.below(4) {
                    0 => b" \n\t\r\0"[random.below(5) as usize],
                    1 => random.below(256) as u8,
                    _ => b'a' + random.below(26) as u8,
                })
                .collect();
            let mut want = Vec::new();
            Scanner::new(Isa::Scalar).run(Find(&text, &mut want));
            let naive: Vec<u32> = (0..len as u32)
                .filter(|&i| text[i as usize] <= b' ')
                .collect();
            assert_eq!(want, naive);
            for isa in Isa::available() {
                let mut got = vec![9];
                Scanner::new(isa).run(Find(&text, &mut got));
                assert_eq!(got, want, "{} round {round}", isa.label());
            }
        }
    }

    struct Find<'a>(&'a [u8], &'a mut Vec<u32>);

    impl Work for Find<'_> {
        type Output = ();

        fn run<L: Lanes>(self) {
            separators::<L>(self.0, self.1);
        }
    }

    struct Decimal<'a>(&'a [u8; DECIMAL], usize);

    impl Work for Decimal<'_> {
        type Output = Option<(u64, usize)>;

        fn run<L: Lanes>(self) -> Option<(u64, usize)> {
            L::decimal(self.0, self.1)
        }
    }

    struct Leads<'a>(&'a [u8; DECIMAL]);

    impl Work for Leads<'_> {
        type Output = Option<Leading>;

        fn run<L: Lanes>(self) -> Option<Leading> {
            L::leading(self.0)
        }
    }

    struct Same<'a>(&'a [u8; BLOCK], &'a [u8; BLOCK], u64);

    impl Work for Same<'_> {
        type Output = bool;

        fn run<L: Lanes>(self) -> bool {
            L::same(self.0, self.1, self.2)
        }
    }

    #[test]
    fn every_set_compares_the_bytes_that_count() {
        let mut random = Random::new(23);
        for round in 0..50_000 {
            let mut a = [0; BLOCK];
            a.fill_with(|| random.next_u64() as u8);
            let mut b = a;
            for _ in 0..random.below(3) {
                b[random.below(BLOCK as u64) as usize] ^= 1 << random.below(8);
            }
            let care = random.next_u64() | random.next_u64();
            let want = (0..BLOCK).all(|i| a[i] == b[i] || care >> i & 1 == 0);
            for isa in Isa::available() {
                let got = Scanner::new(isa).run(Same(&a, &b, care));
                assert_eq!(got, want, "{} round {round}", isa.label());
            }
        }
    }

    struct Ends<'a>(&'a [u8; WINDOW]);

    impl Work for Ends<'_> {
        type Output = Option<[u8; NUMBERS]>;

        fn run<L: Lanes>(self) -> Option<[u8; NUMBERS]> {
            L::ends(self.0)
        }
    }

    #[test]
    fn every_set_finds_the_same_ends_of_numbers() {
        use crate::base::varint;
        let mut random = Random::new(19);
        let mut found = 0;
        for round in 0..200_000 {
            let mut window = [0; WINDOW];
            window.fill_with(|| random.next_u64() as u8);
            if random.chance(80) {
                let mut text = vec![0];
                for _ in 0..NUMBERS {
                    let wide = if random.chance(90) { 29 } else { 50 };
                    let bits = random.below(wide);
                    varint::push(random.below(1 << bits), &mut text);
                }
                let len = text.len().min(WINDOW);
                window[..len].copy_from_slice(&text[..len]);
            }
            let want = Scanner::new(Isa::Scalar).run(Ends(&window));
            let mut at = 1;
            let naive = (0..NUMBERS).map(|_| {
                let (_, len) = varint::take(window.get(at..)?)?;
                at += len;
                (len <= 4).then_some(at as u8)
            });
            let naive: Option<Vec<u8>> = naive.collect();
            assert_eq!(want.map(Vec::from), naive, "round {round} {window:?}");
            found += usize::from(want.is_some());
            for isa in Isa::available() {
                let got = Scanner::new(isa).run(Ends(&window));
                assert_eq!(got, want, "{} round {round} {window:?}", isa.label());
            }
        }
        assert!(50_000 < found, "{found}");
    }

    #[test]
    fn every_set_finds_the_same_leading_decimals() {
        let mut random = Random::new(17);
        let mut found = 0;
        for round in 0..100_000 {
            let mut window = [0; DECIMAL];
            for byte in &mut window {
                *byte = match random.below(30) {
                    0 => random.below(256) as u8,
                    1..=3 => b"/:-,]}"[random.below(6) as usize],
                    4 | 5 => b'.',
                    _ => b'0' + random.below(10) as u8,
                };
            }
            // By the library, from the text that it is.
            let is_numeric = |byte: &&u8| byte.is_ascii_digit() || **byte == b'.';
            let len = window.iter().take_while(is_numeric).count();
            let text = str::from_utf8(&window[..len]).expect("ASCII");
            let (whole, behind) = text.split_once('.').unwrap_or((text, "0"));
            let is_good = len < DECIMAL && !whole.is_empty() && !behind.is_empty();
            let want = match text.replacen('.', "", 1).parse() {
                Ok(mantissa) if is_good => Some(Leading {
                    mantissa,
                    scale: text.find('.').map_or(0, |dot| len - dot - 1),
                    len,
                }),
                _ => None,
            };
            found += usize::from(want.is_some());
            for isa in Isa::available() {
                let got = Scanner::new(isa).run(Leads(&window));
                assert_eq!(got, want, "{} round {round} {text:?}", isa.label());
            }
        }
        assert!(20_000 < found, "{found}");
    }

    #[test]
    fn every_set_reads_the_same_decimals() {
        let mut random = Random::new(13);
        for round in 0..50_000 {
            let mut window = [0; DECIMAL];
            for byte in &mut window {
                *byte = match random.below(40) {
                    0 => random.below(256) as u8,
                    1 | 2 => b'.',
                    3 => b"/:- "[random.below(4) as usize],
                    _ => b'0' + random.below(10) as u8,
                };
            }
            let len = 1 + random.below(16) as usize;
            let want = scalar::decimal(&window, len);
            for isa in Isa::available() {
                assert_eq!(
                    Scanner::new(isa).run(Decimal(&window, len)),
                    want,
                    "{} round {round}",
                    isa.label()
                );
            }
        }
    }
}
