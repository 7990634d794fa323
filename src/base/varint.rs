//! Whole numbers in one to nine bytes: small ones are short, and the first byte tells the length.
//!
//! As many ones as lead the first byte, so many bytes follow. `0xFF` leads none: it is free for whoever
//! wants to mark something else.
//!
//! | first byte | bytes | bits of the number |
//! |---|---|---|
//! | `0xxxxxxx` | 1 | 7 |
//! | `10xxxxxx` | 2 | 14 |
//! | … | … | … |
//! | `1111110x` | 7 | 49 |
//! | `11111110` | 9 | 64 |
//!
//! The bits behind the leading ones and their zero are the highest; the bytes that follow are in
//! descending order, so that encoded numbers of equal length sort as the numbers do.

/// Bytes of the longest number.
pub const BYTES_MAX: usize = 9;

/// The first byte that leads no number.
pub const MARK: u8 = 0xFF;

/// Small for numbers near zero, of either sign.
#[inline]
pub fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)) as u64
}

/// Back from [`zigzag`].
#[inline]
pub fn unzigzag(code: u64) -> i64 {
    (code >> 1) as i64 ^ -((code & 1) as i64)
}

/// Bytes that a number takes, by its leading zeros: a look costs less than a division by seven.
static LENGTHS: [u8; 65] = {
    let mut lengths = [BYTES_MAX as u8; 65];
    let mut zeros = 64 - 49;
    while zeros <= 64 {
        let bits = 64 - zeros;
        lengths[zeros] = if bits == 0 { 1 } else { bits.div_ceil(7) as u8 };
        zeros += 1;
    }
    lengths
};

/// Bytes that `number` takes.
#[inline]
pub fn len(number: u64) -> usize {
    usize::from(LENGTHS[number.leading_zeros() as usize])
}

/// The bytes of a number below 2^49, the first in the highest place of the word, and how many.
/// `None` for a larger one.
#[inline]
pub fn short(number: u64) -> Option<(u64, usize)> {
    let len = len(number);
    if len == BYTES_MAX {
        return None;
    }
    let lead = !(u64::MAX >> (len - 1));
    Some((lead | (number << (64 - 8 * len)), len))
}

/// Append `number`. A whole word is written whatever its length: a call that copies a few bytes costs more.
#[inline]
pub fn push(number: u64, out: &mut Vec<u8>) {
    match short(number) {
        Some((word, len)) => {
            let end = out.len() + len;
            out.extend_from_slice(&word.to_be_bytes());
            out.truncate(end);
        }
        None => push_long(number, out),
    }
}

#[cold]
fn push_long(number: u64, out: &mut Vec<u8>) {
    out.push(0xFE);
    out.extend_from_slice(&number.to_be_bytes());
}

/// The number that `bytes` start with, and how many bytes it took. `None` where they end too early or
/// start with [`MARK`].
#[inline]
pub fn take(bytes: &[u8]) -> Option<(u64, usize)> {
    let lead = bytes.first()?.leading_ones() as usize;
    let len = if lead < 7 { lead + 1 } else { BYTES_MAX };
    if lead == 8 {
        return None;
    }
    if let Some(word) = bytes.first_chunk::<8>()
        && lead < 7
    {
        let word = u64::from_be_bytes(*word);
        return Some(((word << len) >> len >> (64 - 8 * len), len));
    }
    take_slowly(bytes, lead, len)
}

#[cold]
fn take_slowly(bytes: &[u8], lead: usize, len: usize) -> Option<(u64, usize)> {
    let (first, rest) = bytes.get(..len)?.split_first()?;
    let high = if lead < 7 {
        u64::from(first & (0x7F >> lead))
    } else {
        0
    };
    let number = rest
        .iter()
        .fold(high, |number, &byte| (number << 8) | u64::from(byte));
    Some((number, len))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;

    #[track_caller]
    fn check(number: u64) {
        let mut bytes = Vec::new();
        push(number, &mut bytes);
        assert_eq!(bytes.len(), len(number), "{number}");
        assert_eq!(
            take(&bytes),
            Some((number, bytes.len())),
            "{number} {bytes:?}"
        );
        for cut in 0..bytes.len() {
            assert_eq!(take(&bytes[..cut]), None, "{number} cut at {cut}");
        }
        bytes.extend_from_slice(&[0xAA; 9]);
        assert_eq!(
            take(&bytes),
            Some((number, len(number))),
            "{number} with more"
        );
    }

    #[test]
    fn there_and_back() {
        for bits in 0..64 {
            for near in [-1i64, 0, 1] {
                check((1u64 << bits).wrapping_add_signed(near));
            }
        }
        check(u64::MAX);
        let mut random = Random::new(5);
        for _ in 0..10_000 {
            check(random.next_u64() >> random.below(64));
        }
    }

    #[test]
    fn signs_alternate() {
        assert_eq!([0, -1, 1, -2].map(zigzag), [0, 1, 2, 3]);
        for number in [0, 1, -1, i64::MAX, i64::MIN] {
            assert_eq!(unzigzag(zigzag(number)), number);
        }
    }

    #[test]
    fn the_mark_leads_nothing() {
        assert_eq!(take(&[MARK; 10]), None);
        assert_eq!(take(&[]), None);
    }
}
