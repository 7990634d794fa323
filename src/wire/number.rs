//! Numbers as Graphite senders write them: decimal text for values, seconds for timestamps.
//!
//! [`short_decimal`] takes the usual 1 to 16 characters without a branch on what they are;
//! [`value`] takes everything the protocol allows and is the truth the other is tested against.

use crate::model::refusal::Reason;

/// Longest text [`short_decimal`] looks at.
pub const SHORT_BYTES: usize = 16;

const ONES: u128 = u128::from_le_bytes([0x01; 16]);
const HIGHS: u128 = u128::from_le_bytes([0x80; 16]);
const ZEROS: u128 = u128::from_le_bytes([b'0'; 16]);
const DOTS: u128 = u128::from_le_bytes([b'.'; 16]);

/// Powers of ten that `f64` holds exactly and a short decimal can need.
const TENS: [f64; SHORT_BYTES + 1] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
];

/// The largest mantissa `f64` holds exactly with all smaller ones.
const EXACT_MAX: u64 = 1 << 53;

/// A value from decimal text: an optional sign, digits with at most one dot, an optional exponent.
/// Correctly rounded.
///
/// # Errors
/// [`Reason::NotANumber`] for `nan`, [`Reason::Value`] for anything else that is not finite decimal
/// text: underscores, hexadecimal, infinities and what overflows to one (DESIGN 13).
pub fn value(text: &[u8]) -> Result<f64, Reason> {
    let digits = text
        .strip_prefix(b"+")
        .or_else(|| text.strip_prefix(b"-"))
        .unwrap_or(text);
    if digits.eq_ignore_ascii_case(b"nan") {
        return Err(Reason::NotANumber);
    }
    if !digits
        .first()
        .is_some_and(|&byte| byte.is_ascii_digit() || byte == b'.')
    {
        return Err(Reason::Value);
    }
    let unsigned: f64 = fast_float2::parse(digits).map_err(|_| Reason::Value)?;
    if !unsigned.is_finite() {
        return Err(Reason::Value);
    }
    Ok(if text.first() == Some(&b'-') {
        -unsigned
    } else {
        unsigned
    })
}

/// A timestamp in milliseconds from text in seconds, which may have a fraction or an exponent.
/// Whole part -1 means "when it arrived". The fraction is cut to milliseconds.
///
/// # Errors
/// [`Reason::Timestamp`] where it is no finite decimal number. The range is the caller's to check.
pub fn timestamp_ms(text: &[u8], now_ms: i64, millis_by_digits: bool) -> Result<i64, Reason> {
    if let Some(whole) = whole_number(text) {
        if millis_by_digits && text.len() == MILLIS_DIGITS {
            return Ok(whole);
        }
        return Ok(whole.saturating_mul(1000));
    }
    let seconds = value(text).map_err(|_| Reason::Timestamp)?;
    if seconds.trunc() == -1.0 {
        return Ok(now_ms);
    }
    // `as` saturates, and a saturated timestamp is out of every range.
    Ok((seconds * 1000.0).trunc() as i64)
}

/// Digits of a timestamp in milliseconds, from 2001 to 2286.
const MILLIS_DIGITS: usize = 13;

/// The value of 1 to 18 digits and nothing else.
fn whole_number(text: &[u8]) -> Option<i64> {
    if text.is_empty() || text.len() > 18 {
        return None;
    }
    text.iter().try_fold(0i64, |sum, byte| {
        byte.is_ascii_digit()
            .then(|| sum * 10 + i64::from(byte - b'0'))
    })
}

/// The value of `text[start..end]`, if it is a plain decimal of at most 16 characters whose digits
/// `f64` can hold exactly; then the quotient of two exact numbers is correctly rounded (Clinger
/// 1990). `None` means "ask [`value`]", not "refuse".
///
/// Needs 16 bytes in front of `end`; the text in front of `start` is masked off. No branch depends
/// on the length, the dot or the sign, because in a mixed stream none of them can be predicted.
#[inline(always)]
pub fn short_decimal(text: &[u8], start: usize, end: usize) -> Option<f64> {
    let negative = usize::from(*text.get(start)? == b'-');
    let len = end.checked_sub(start + negative)?;
    let window: &[u8; SHORT_BYTES] = text
        .get(end.checked_sub(SHORT_BYTES)?..end)?
        .try_into()
        .ok()?;
    if len == 0 || len > SHORT_BYTES {
        return None;
    }
    // Right-aligned in 16 bytes, zeros in front.
    let keep = u128::MAX << (8 * (SHORT_BYTES - len));
    let padded = (u128::from_le_bytes(*window) & keep) | (ZEROS & !keep);
    // The first dot, if any; a second one fails as a digit below.
    let hit = padded ^ DOTS;
    let hits = hit.wrapping_sub(ONES) & !hit & HIGHS;
    let dot = (hits.trailing_zeros() / 8) as usize; // 16 when there is none
    let digits = (padded & AFTER[dot]) | ((padded & BEFORE[dot]) << SHIFT[dot]) | FILL[dot];
    if len == 1 && dot < SHORT_BYTES {
        return None; // a lone dot
    }
    let high = eight_digits(digits as u64)?;
    let low = eight_digits((digits >> 64) as u64)?;
    let mantissa = high * 100_000_000 + low;
    if mantissa > EXACT_MAX {
        return None;
    }
    let magnitude = mantissa as f64 / TENS[SCALE[dot]];
    Some(if negative == 1 { -magnitude } else { magnitude })
}

/// Eight ASCII digits, the first in the lowest byte.
#[inline(always)]
fn eight_digits(ascii: u64) -> Option<u64> {
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

/// Seconds from the ten digits `text[start..start + 10]`.
#[inline(always)]
pub fn ten_digits(text: &[u8], start: usize) -> Option<i64> {
    let eight: [u8; 8] = text.get(start..start + 8)?.try_into().ok()?;
    let two: [u8; 2] = text.get(start + 8..start + 10)?.try_into().ok()?;
    let (tens, ones) = (two[0].wrapping_sub(b'0'), two[1].wrapping_sub(b'0'));
    if tens > 9 || ones > 9 {
        return None;
    }
    Some((eight_digits(u64::from_le_bytes(eight))? * 100 + u64::from(tens * 10 + ones)) as i64)
}

// What depends on the dot's position, looked up rather than branched on; the last entry is "no dot".

/// Bytes behind the dot.
const AFTER: [u128; SHORT_BYTES + 1] = {
    let mut masks = [u128::MAX; SHORT_BYTES + 1];
    let mut dot = 0;
    while dot < SHORT_BYTES {
        masks[dot] = if dot == SHORT_BYTES - 1 {
            0
        } else {
            u128::MAX << (8 * (dot + 1))
        };
        dot += 1;
    }
    masks
};

/// Bytes before the dot.
const BEFORE: [u128; SHORT_BYTES + 1] = {
    let mut masks = [0; SHORT_BYTES + 1];
    let mut dot = 1;
    while dot < SHORT_BYTES {
        masks[dot] = u128::MAX >> (8 * (SHORT_BYTES - dot));
        dot += 1;
    }
    masks
};

/// Digits behind a dot at each position.
const SCALE: [usize; SHORT_BYTES + 1] = {
    let mut scales = [0; SHORT_BYTES + 1];
    let mut dot = 0;
    while dot < SHORT_BYTES {
        scales[dot] = SHORT_BYTES - 1 - dot;
        dot += 1;
    }
    scales
};

/// Bits by which the bytes before the dot move to close the gap.
const SHIFT: [u32; SHORT_BYTES + 1] = {
    let mut shifts = [8; SHORT_BYTES + 1];
    shifts[SHORT_BYTES] = 0;
    shifts
};

/// What fills the byte that becomes free in front.
const FILL: [u128; SHORT_BYTES + 1] = {
    let mut fills = [b'0' as u128; SHORT_BYTES + 1];
    fills[SHORT_BYTES] = 0;
    fills
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;

    #[track_caller]
    fn check(text: &str, want: Result<f64, Reason>) {
        assert_eq!(
            value(text.as_bytes()).map(f64::to_bits),
            want.map(f64::to_bits),
            "{text:?}"
        );
        let padded = format!("0123456789abcdef {text}");
        if let Some(short) = short_decimal(padded.as_bytes(), 17, padded.len()) {
            assert_eq!(
                Ok(short.to_bits()),
                want.map(f64::to_bits),
                "short {text:?}"
            );
        }
    }

    #[test]
    fn values() {
        check("42", Ok(42.0));
        check("367.61", Ok(367.61));
        check("-0.125", Ok(-0.125));
        check("-0", Ok(-0.0));
        check("1e3", Ok(1000.0));
        check("1E-3", Ok(0.001));
        check(".5", Ok(0.5));
        check("5.", Ok(5.0));
        check("+5", Ok(5.0));
        check("9007199254740993", Ok(9007199254740992.0));
        check("18446744073709551616", Ok(18446744073709551616.0));
        check("0.30000000000000004", Ok(0.30000000000000004));
        check("nan", Err(Reason::NotANumber));
        check("-NaN", Err(Reason::NotANumber));
        for bad in [
            "",
            ".",
            "-",
            "+-1",
            "--1",
            "1_000",
            "0x10",
            "1,5",
            "\"42\"",
            "True",
            "inf",
            "-Infinity",
            "1e400",
        ] {
            check(bad, Err(Reason::Value));
        }
        for bad in ["1.2.3", "1e", "e5", "1 2", "٤٢", "1:", "1/", "1;"] {
            check(bad, Err(Reason::Value));
        }
    }

    #[test]
    fn the_short_path_gives_the_same_bits() {
        let mut random = Random::new(3);
        let mut taken = 0;
        for _ in 0..200_000 {
            let len = 1 + random.below(17) as usize;
            let mut text: Vec<u8> = (0..len).map(|_| b'0' + random.below(10) as u8).collect();
            if random.chance(70) {
                text[random.below(len as u64) as usize] = b'.';
            }
            if random.chance(30) {
                text[0] = b'-';
            }
            if random.chance(10) {
                text[random.below(len as u64) as usize] = random.below(256) as u8;
            }
            let padded = [b"some.metric.name ", &text[..]].concat();
            if let Some(short) = short_decimal(&padded, 17, padded.len()) {
                taken += 1;
                let text = String::from_utf8_lossy(&text);
                assert_eq!(
                    value(text.as_bytes()).map(f64::to_bits),
                    Ok(short.to_bits()),
                    "{text:?}"
                );
            }
        }
        assert!(
            taken > 100_000,
            "the short path must take the usual texts, took {taken}"
        );
    }

    #[test]
    fn timestamps() {
        let at = |text: &str| timestamp_ms(text.as_bytes(), 77, false);
        assert_eq!(at("1700000000"), Ok(1_700_000_000_000));
        assert_eq!(at("1700000000.75"), Ok(1_700_000_000_750));
        assert_eq!(at("1.7e9"), Ok(1_700_000_000_000));
        assert_eq!(
            (at("-1"), at("-1.9"), at("-2")),
            (Ok(77), Ok(77), Ok(-2000))
        );
        assert_eq!(
            (at("N"), at("nan"), at("inf")),
            (
                Err(Reason::Timestamp),
                Err(Reason::Timestamp),
                Err(Reason::Timestamp)
            )
        );
        assert_eq!(
            timestamp_ms(b"1700000000123", 0, true),
            Ok(1_700_000_000_123)
        );
        assert_eq!(ten_digits(b"1700000000", 0), Some(1_700_000_000));
        assert_eq!(ten_digits(b"17000000x0", 0), None);
    }
}
