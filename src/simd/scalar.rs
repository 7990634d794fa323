//! The truth: one byte at a time, and whole-word arithmetic for digits.

use super::lanes::{BLOCK, DECIMAL, Lanes, Leading, NUMBERS, Set, WINDOW};

pub(super) struct Scalar;

impl Set for Scalar {}

impl Lanes for Scalar {
    #[inline(always)]
    fn mask(block: &[u8; BLOCK]) -> u64 {
        block
            .iter()
            .enumerate()
            .fold(0, |mask, (i, &byte)| mask | (u64::from(byte <= b' ') << i))
    }

    #[inline(always)]
    fn decimal(window: &[u8; DECIMAL], len: usize) -> Option<(u64, usize)> {
        decimal(window, len)
    }

    #[inline(always)]
    fn ends(window: &[u8; WINDOW]) -> Option<[u8; NUMBERS]> {
        ends(window)
    }
}

/// [`Lanes::ends`] number by number.
#[inline(always)]
pub(super) fn ends(window: &[u8; WINDOW]) -> Option<[u8; NUMBERS]> {
    let (mut ends, mut at) = ([0; NUMBERS], 1);
    for end in &mut ends {
        let lead = window.get(at)?.leading_ones() as usize;
        if 3 < lead {
            return None;
        }
        at += lead + 1;
        *end = at as u8;
    }
    (at <= WINDOW).then_some(ends)
}

/// [`Lanes::same`] byte by byte.
#[inline(always)]
pub(super) fn same(a: &[u8; BLOCK], b: &[u8; BLOCK], care: u64) -> bool {
    let pairs = a.iter().zip(b).enumerate();
    let others = pairs.fold(0, |others, (i, (a, b))| others | u64::from(a != b) << i);
    others & care == 0
}

/// [`Lanes::leading`] byte by byte.
#[inline(always)]
pub(super) fn leading(window: &[u8; DECIMAL]) -> Option<Leading> {
    let (mut mantissa, mut dot, mut len) = (0u64, None, 0);
    for &byte in window {
        match byte {
            b'0'..=b'9' => mantissa = mantissa * 10 + u64::from(byte - b'0'),
            b'.' if dot.is_none() => dot = Some(len),
            b'.' => return None,
            _ => break,
        }
        len += 1;
    }
    let is_bare = dot == Some(0) || dot.is_some_and(|dot| dot + 1 == len);
    if len == 0 || len == DECIMAL || is_bare {
        return None;
    }
    Some(Leading {
        mantissa,
        scale: dot.map_or(0, |dot| len - dot - 1),
        len,
    })
}

/// [`Lanes::decimal`] digit by digit.
#[inline(always)]
pub(super) fn decimal(window: &[u8; DECIMAL], len: usize) -> Option<(u64, usize)> {
    let text = &window[DECIMAL.checked_sub(len)?..];
    let (mut mantissa, mut digits, mut dot) = (0u64, 0, None);
    for (i, &byte) in text.iter().enumerate() {
        match byte {
            b'0'..=b'9' => {
                mantissa = mantissa * 10 + u64::from(byte - b'0');
                digits += 1;
            }
            b'.' if dot.is_none() => dot = Some(i),
            _ => return None,
        }
    }
    (digits > 0).then(|| (mantissa, dot.map_or(0, |dot| text.len() - 1 - dot)))
}

/// Eight ASCII digits, the first in the lowest byte.
#[inline(always)]
pub(super) fn eight_digits(ascii: u64) -> Option<u64> {
    let low_nibbles = ascii.wrapping_sub(0x3030_3030_3030_3030);
    // A byte is a digit when its high nibble is 3, and still is with six added.
    let high_nibbles = ascii & 0xf0f0_f0f0_f0f0_f0f0;
    let with_six = (ascii.wrapping_add(0x0606_0606_0606_0606) & 0xf0f0_f0f0_f0f0_f0f0) >> 4;
    if high_nibbles | with_six != 0x3333_3333_3333_3333 {
        return None;
    }
    let pairs = low_nibbles.wrapping_mul(10).wrapping_add(low_nibbles >> 8);
    let high = (pairs & 0x0000_00ff_0000_00ff).wrapping_mul(0x000f_4240_0000_0064);
    let low = ((pairs >> 16) & 0x0000_00ff_0000_00ff).wrapping_mul(0x0000_2710_0000_0001);
    Some(high.wrapping_add(low) >> 32)
}
