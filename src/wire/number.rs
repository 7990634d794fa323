//! Numbers as Graphite senders write them: decimal text for values, seconds for timestamps.
//!
//! [`short_decimal`] takes the usual 1 to 16 characters without a branch on what they are;
//! [`number`] takes everything the protocol allows and is the truth the other is tested against.

use crate::model::number::Number;
use crate::model::refusal::Reason;
use crate::model::series::Values;
use crate::simd::{self, DECIMAL, Lanes, Leading};

/// A value from decimal text, as [`value`] takes it: a decimal where it is a short one without an
/// exponent, else the nearest float.
///
/// # Errors
/// As [`value`].
pub fn number(text: &[u8]) -> Result<Number, Reason> {
    match decimal(text) {
        Some(number) => Ok(number),
        None => value(text).map(Number::float),
    }
}

/// The decimal that `text` writes: an optional sign, digits, at most one dot among them or at either
/// end. `None` for anything else, for more than a [`Number`] holds, and for negative zero.
fn decimal(text: &[u8]) -> Option<Number> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        _ => (false, text),
    };
    let (mut mantissa, mut scale, mut dots) = (0i64, 0u8, 0);
    for &byte in digits {
        match byte {
            b'.' => dots += 1,
            b'0'..=b'9' => {
                mantissa = mantissa * 10 + i64::from(byte - b'0');
                scale += dots;
            }
            _ => return None,
        }
        if dots > 1 || scale > Number::SCALE_MAX || mantissa > Number::MANTISSA_MAX {
            return None;
        }
    }
    let empty = digits.len() == usize::from(dots);
    if empty || (negative && mantissa == 0) {
        return None;
    }
    Some(Number::decimal(
        if negative { -mantissa } else { mantissa },
        scale,
    ))
}

/// A value from decimal text: an optional sign, digits with at most one dot, an optional exponent.
/// Correctly rounded.
///
/// # Errors
/// [`Reason::NotANumber`] for `nan`, [`Reason::Value`] for anything else that is not finite decimal
/// text: underscores, hexadecimal, infinities and what overflows to one.
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
    if millis_by_digits && is_millis(seconds) {
        return Ok(seconds as i64);
    }
    Ok(seconds_to_ms(seconds, now_ms))
}

/// Milliseconds of finite seconds. Whole part -1 means "when it arrived". What is finer than a
/// millisecond is cut off, so that a point never moves into the next second; but what is only half a
/// microsecond short of a millisecond is that millisecond: `f64` has no exact 1700000000.1.
#[inline]
pub fn seconds_to_ms(seconds: f64, now_ms: i64) -> i64 {
    if seconds.trunc() == -1.0 {
        return now_ms;
    }
    // `as` saturates, and a saturated timestamp is out of every range.
    (seconds * 1000.0 + 0.0005f64.copysign(seconds)).trunc() as i64
}

/// Whether a timestamp has the 13 digits of one in milliseconds.
#[inline]
pub fn is_millis(time: f64) -> bool {
    (1e12..1e13).contains(&time)
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

/// The whole number of 64 bits that `text` writes: an optional minus, digits, nothing else.
pub fn long(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        _ => (false, text),
    };
    if digits.is_empty() {
        return None;
    }
    // Below zero, where there is one more.
    let below = digits.iter().try_fold(0i64, |sum, byte| {
        let digit = byte.is_ascii_digit().then(|| i64::from(byte - b'0'))?;
        sum.checked_mul(10)?.checked_sub(digit)
    })?;
    if negative {
        Some(below)
    } else {
        below.checked_neg()
    }
}

/// The value of `text[start..end]`, if it is a plain decimal of at most 16 characters whose digits
/// `f64` can hold exactly. `None` means "ask [`number`]", not "refuse".
///
/// Needs 16 bytes in front of `end`. No branch depends on the length, the dot or the sign, because
/// in a mixed stream none of them can be predicted.
#[inline(always)]
pub fn short_decimal<L: Lanes>(text: &[u8], start: usize, end: usize) -> Option<Number> {
    let negative = *text.get(start)? == b'-';
    let len = end.checked_sub(start + usize::from(negative))?;
    let window: &[u8; DECIMAL] = text.get(end.checked_sub(DECIMAL)?..end)?.try_into().ok()?;
    if len == 0 || len > DECIMAL {
        return None;
    }
    let (mantissa, scale) = L::decimal(window, len)?;
    // One comparison for both: digits beyond the bound, and "-0", which is no decimal.
    if mantissa.wrapping_sub(u64::from(negative)) >= Number::MANTISSA_MAX as u64 {
        return None;
    }
    let sign = -i64::from(negative);
    Some(Number::decimal(
        (mantissa as i64 ^ sign) - sign,
        (scale & (DECIMAL - 1)) as u8,
    ))
}

/// The decimal at `at` by the rules of JSON, if it has at most 15 characters besides its sign, and 16 bytes
/// stand behind that: its type, itself, and where it ends. What stands there may still make it another
/// number.
#[inline(always)]
pub fn leading_decimal<L: Lanes>(text: &[u8], at: usize) -> Option<(Values, Number, usize)> {
    let negative = *text.get(at)? == b'-';
    let start = at + usize::from(negative);
    let window = text.get(start..)?.first_chunk::<DECIMAL>()?;
    let Leading {
        mantissa,
        scale,
        len,
    } = L::leading(window)?;
    // JSON has no zeros in front of other digits, and "-0" is no decimal.
    let has_zeros = window[0] == b'0' && len > 1 && window[1] != b'.';
    if has_zeros || u64::from(negative) > mantissa {
        return None;
    }
    let sign = -i64::from(negative);
    let number = Number::decimal((mantissa as i64 ^ sign) - sign, scale as u8);
    let values = match scale {
        0 => Values::Long,
        _ => Values::Double,
    };
    Some((values, number, start + len))
}

/// The number that ten digits stand for.
#[inline(always)]
pub fn ten_digits(text: &[u8; 10]) -> Option<i64> {
    let (eight, two) = text.split_first_chunk::<8>()?;
    let [tens, ones] = [two[0].wrapping_sub(b'0'), two[1].wrapping_sub(b'0')];
    if tens > 9 || ones > 9 {
        return None;
    }
    Some(
        (simd::eight_digits(u64::from_le_bytes(*eight))? * 100 + u64::from(tens * 10 + ones))
            as i64,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;
    use crate::simd::{Isa, Scanner, Work};

    struct Short<'a>(&'a [u8]);

    impl Work for Short<'_> {
        type Output = Option<Number>;

        fn run<L: Lanes>(self) -> Option<Number> {
            short_decimal::<L>(self.0, 17, self.0.len())
        }
    }

    /// The short path on text behind 17 bytes of something else, the same on every set.
    fn short(text: &[u8]) -> Option<Number> {
        let padded = [b"some.metric.name ", text].concat();
        let want = Scanner::new(Isa::Scalar).run(Short(&padded));
        for isa in Isa::available() {
            assert_eq!(Scanner::new(isa).run(Short(&padded)), want, "{text:?}");
        }
        want
    }

    #[track_caller]
    fn check(text: &str, want: Result<f64, Reason>) {
        assert_eq!(
            value(text.as_bytes()).map(f64::to_bits),
            want.map(f64::to_bits),
            "{text:?}"
        );
        let got = number(text.as_bytes());
        assert_eq!(
            got.map(|number| number.to_f64().to_bits()),
            want.map(f64::to_bits),
            "number {text:?}"
        );
        if let Some(short) = short(text.as_bytes()) {
            assert_eq!(Ok(short), got, "short {text:?}");
        }
    }

    #[test]
    fn whole_numbers_of_64_bits() {
        let check = |text: &str, want| assert_eq!(long(text.as_bytes()), want, "{text:?}");
        check("0", Some(0));
        check("-0", Some(0));
        check("0017", Some(17));
        check("-9223372036854775808", Some(i64::MIN));
        check("9223372036854775807", Some(i64::MAX));
        for bad in [
            "",
            "-",
            "+5",
            "--5",
            "1.",
            "1e3",
            " 1",
            "9223372036854775808",
            "-9223372036854775809",
            "99999999999999999999",
            "\u{661}",
        ] {
            check(bad, None);
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
    fn what_is_a_decimal() {
        let is = |text: &str, mantissa: i64, scale: u8| {
            let want = Number::decimal(mantissa, scale);
            assert_eq!(number(text.as_bytes()), Ok(want), "{text:?}");
        };
        is("5.", 5, 0);
        is(".5", 5, 1);
        is("+5", 5, 0);
        is("-0.10", -10, 2);
        is("0", 0, 0);
        is("0000000000000000000000000000367.61", 36761, 2);
        is("9007199254740992", 1 << 53, 0);
        is("-9007199254740992", -(1 << 53), 0);
        is("0.000000000000001", 1, 15);
        for text in [
            "1e3",
            "-0",
            "-0.00",
            "9007199254740993",
            "0.0000000000000010",
        ] {
            let got = number(text.as_bytes());
            assert!(got.is_ok_and(Number::is_float), "{text:?} {got:?}");
        }
        assert_eq!(number(b"-0"), Ok(Number::float(-0.0)));
    }

    #[test]
    fn the_short_path_gives_the_same_number() {
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
            if let Some(short) = short(&text) {
                taken += 1;
                let want = value(&text).map(f64::to_bits);
                let text = String::from_utf8_lossy(&text);
                assert_eq!(Ok(short.to_f64().to_bits()), want, "{text:?}");
                assert_eq!(number(text.as_bytes()), Ok(short), "{text:?}");
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
        for ms in 0..1000 {
            assert_eq!(
                at(&format!("1700000000.{ms:03}")),
                Ok(1_700_000_000_000 + ms)
            );
        }
        assert_eq!(at("1700000000.9999"), Ok(1_700_000_000_999));
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
        assert_eq!(ten_digits(b"1700000000"), Some(1_700_000_000));
        assert_eq!(ten_digits(b"17000000x0"), None);
    }
}
