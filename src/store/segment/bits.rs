//! Small whole numbers in a fixed width of bits, the lowest bit first.

/// Widest number, in bits.
pub(super) const WIDTH_MAX: u8 = 32;

/// Bits that `largest` takes.
pub(super) fn width(largest: u32) -> u8 {
    (u32::BITS - largest.leading_zeros()) as u8
}

/// Bytes of `count` numbers.
pub(super) fn bytes(count: usize, width: u8) -> usize {
    (count * usize::from(width)).div_ceil(8)
}

/// Append `numbers`, none wider than `width`; the last byte is filled up with zeros.
pub(super) fn push(numbers: impl Iterator<Item = u32>, width: u8, out: &mut Vec<u8>) {
    let (mut word, mut filled) = (0u64, 0u32);
    for number in numbers {
        word |= u64::from(number) << filled;
        filled += u32::from(width);
        while filled >= 8 {
            out.push(word as u8);
            word >>= 8;
            filled -= 8;
        }
    }
    if filled > 0 {
        out.push(word as u8);
    }
}

/// The `count` numbers that `bytes` start with, each through `take`, and the bytes behind them. `None`
/// where there are too few.
pub(super) fn take(
    input: &[u8],
    count: usize,
    width: u8,
    mut take: impl FnMut(u32),
) -> Option<&[u8]> {
    if width > WIDTH_MAX {
        return None;
    }
    let (packed, rest) = input.split_at_checked(bytes(count, width))?;
    let mask = (1u64 << width) - 1;
    let (mut word, mut filled) = (0u64, 0u32);
    let mut packed = packed.iter();
    for _ in 0..count {
        while filled < u32::from(width) {
            word |= u64::from(*packed.next()?) << filled;
            filled += 8;
        }
        take((word & mask) as u32);
        word >>= width;
        filled -= u32::from(width);
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;

    #[test]
    fn there_and_back_and_cut() {
        for seed in 0..300 {
            let mut random = Random::new(seed);
            let wide = random.below(33) as u32;
            let numbers: Vec<u32> = (0..random.below(50))
                .map(|_| (random.next_u64() & ((1 << wide) - 1)) as u32)
                .collect();
            let width = width(numbers.iter().copied().max().unwrap_or(0));
            let mut packed = Vec::new();
            push(numbers.iter().copied(), width, &mut packed);
            assert_eq!(packed.len(), bytes(numbers.len(), width), "seed {seed}");
            packed.push(7);
            let mut got = Vec::new();
            let rest = take(&packed, numbers.len(), width, |number| got.push(number));
            assert_eq!(
                (rest, got),
                (Some(&[7][..]), numbers.clone()),
                "seed {seed}"
            );
            packed.pop();
            if packed.pop().is_some() {
                let rest = take(&packed, numbers.len(), width, |_| ());
                assert_eq!(rest, None, "seed {seed}");
            }
        }
        assert_eq!(take(&[0; 9], 1, 33, |_| ()), None);
    }
}
