//! What a pickled number means as a value and as a timestamp, whatever type it was pickled as.
//!
//! The rules are carbon's `float(x)`, without what the plaintext door refuses too: infinities,
//! and text other than decimal.

use crate::base::time::Millis;
use crate::model::number::Number;
use crate::model::refusal::Reason;
use crate::model::sample::TimeRule;
use crate::wire::number;

/// Longest number that is looked at, in bytes. The longest finite integer has 309 digits; the bound
/// keeps a huge number that many items share from being read again for each.
const NUMBER_BYTES_MAX: usize = 1024;

/// More bytes than this, without those that only repeat the sign, are beyond every `f64`.
const FINITE_BYTES: usize = 129;

/// Most negative and most positive time: outside every [`TimeRule`].
const NEVER_MS: [i64; 2] = [i64::MAX, i64::MIN];

/// A plain object of a pickle.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scalar<'a> {
    /// `None`, or an object that has members.
    Other,
    /// An integer, or a boolean as 0 or 1.
    Integer(i64),
    /// An integer as two's complement, lowest byte first.
    Long(&'a [u8]),
    /// A float.
    Float(f64),
    /// A string, or a number that was pickled as text.
    Text(&'a [u8]),
}

/// Milliseconds and value of the pair (`time`, `value`).
///
/// # Errors
/// Why the point is refused.
#[inline(always)]
pub(super) fn point(
    time: Scalar,
    value: Scalar,
    now: Millis,
    times: TimeRule,
) -> Result<(i64, Number), Reason> {
    let number = value_of(value)?;
    let time_ms = time_ms_of(time, now, times.millis_by_digits)?;
    Ok((times.check(time_ms, now.0)?, number))
}

#[inline(always)]
fn value_of(scalar: Scalar) -> Result<Number, Reason> {
    match scalar {
        Scalar::Float(value) if value.is_finite() => Ok(Number::float(value)),
        Scalar::Float(value) if value.is_nan() => Err(Reason::NotANumber),
        Scalar::Float(_) => Err(Reason::Value),
        Scalar::Integer(value) => Ok(integer(value)),
        Scalar::Long(bytes) => match short_long(bytes) {
            Some(value) => Ok(integer(value)),
            None => long(bytes).map(Number::float).ok_or(Reason::Value),
        },
        Scalar::Text(text) => number::number(digits(text).ok_or(Reason::Value)?),
        Scalar::Other => Err(Reason::Item),
    }
}

/// A decimal as far as `f64` holds every whole number.
#[inline(always)]
fn integer(value: i64) -> Number {
    if value.unsigned_abs() <= Number::MANTISSA_MAX as u64 {
        Number::decimal(value, 0)
    } else {
        Number::float(value as f64)
    }
}

#[inline(always)]
fn time_ms_of(scalar: Scalar, now: Millis, millis_by_digits: bool) -> Result<i64, Reason> {
    match scalar {
        Scalar::Integer(time) => Ok(whole(time, now, millis_by_digits)),
        Scalar::Float(time) if time.is_finite() => {
            // Millisecond stamps lose their type, but not their digits, in a relay.
            if millis_by_digits && number::is_millis(time) {
                return Ok(time as i64);
            }
            Ok(number::seconds_to_ms(time, now.0))
        }
        Scalar::Float(_) => Err(Reason::Timestamp),
        Scalar::Long(bytes) => match short_long(bytes) {
            Some(time) => Ok(whole(time, now, millis_by_digits)),
            None => Ok(NEVER_MS[usize::from(is_negative(bytes))]),
        },
        Scalar::Text(text) => number::timestamp_ms(
            digits(text).ok_or(Reason::Timestamp)?,
            now.0,
            millis_by_digits,
        ),
        Scalar::Other => Err(Reason::Item),
    }
}

/// Milliseconds of whole seconds; -1 means "when it arrived".
#[inline(always)]
fn whole(time: i64, now: Millis, millis_by_digits: bool) -> i64 {
    if time == -1 {
        now.0
    } else if millis_by_digits && number::is_millis(time as f64) {
        time
    } else {
        time.saturating_mul(1000)
    }
}

/// The text of a number without the blanks around it, which Python allows.
fn digits(text: &[u8]) -> Option<&[u8]> {
    (text.len() <= NUMBER_BYTES_MAX).then(|| text.trim_ascii())
}

/// The value of a number pickled as a long, if it fits in 64 bits.
fn short_long(bytes: &[u8]) -> Option<i64> {
    if bytes.len() > NUMBER_BYTES_MAX {
        return None;
    }
    let sign = if is_negative(bytes) { 0xff } else { 0 };
    let (low, high) = bytes.split_at(bytes.len().min(8));
    let mut eight = [sign; 8];
    eight[..low.len()].copy_from_slice(low);
    let whole = i64::from_le_bytes(eight);
    let fits = high.iter().all(|&byte| byte == sign) && (whole < 0) == (sign == 0xff);
    fits.then_some(whole)
}

fn is_negative(bytes: &[u8]) -> bool {
    bytes.last().is_some_and(|&byte| byte >= 0x80)
}

/// The nearest `f64` to a number in two's complement, ties to even, as Python rounds; `None` beyond
/// the largest.
fn long(bytes: &[u8]) -> Option<f64> {
    if let Some(whole) = short_long(bytes) {
        return Some(whole as f64);
    }
    if bytes.len() > NUMBER_BYTES_MAX {
        return None;
    }
    let negative = is_negative(bytes);
    let sign = if negative { 0xff } else { 0 };
    let used = bytes.iter().rposition(|&byte| byte != sign)? + 1;
    if used > FINITE_BYTES {
        return None;
    }
    // The magnitude, with one byte more for the carry of -2^n.
    let mut magnitude = [0u8; FINITE_BYTES + 1];
    let mut carry = negative;
    for (to, &from) in magnitude
        .iter_mut()
        .zip(bytes[..used].iter().chain(std::iter::once(&sign)))
    {
        let byte = if negative { !from } else { from };
        (*to, carry) = byte.overflowing_add(u8::from(carry));
    }
    // The highest 64 bits decide, the rest only says whether a tie is one.
    let top = magnitude.iter().rposition(|&byte| byte != 0)?;
    let low = (top + 1).saturating_sub(8);
    let mut eight = [0u8; 8];
    eight[..top + 1 - low].copy_from_slice(&magnitude[low..=top]);
    let head = u64::from_le_bytes(eight);
    let shift = head.leading_zeros();
    let below = match low.checked_sub(1) {
        Some(at) => (u64::from(magnitude[at]) << shift) >> 8,
        None => 0,
    };
    let lost = low > 0
        && (magnitude[..low - 1].iter().any(|&byte| byte != 0)
            || (magnitude[low - 1] << shift) != 0);
    let head = (head << shift) | below | u64::from(lost);
    let exponent = low as i32 * 8 - shift as i32;
    let value = head as f64 * 2f64.powi(exponent);
    value
        .is_finite()
        .then_some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], want: Option<f64>) {
        assert_eq!(
            long(bytes).map(f64::to_bits),
            want.map(f64::to_bits),
            "{bytes:02x?}"
        );
    }

    #[test]
    fn longs() {
        check(&[], Some(0.0));
        check(&[0xff], Some(-1.0));
        check(&[0xff, 0x00], Some(255.0));
        check(
            &[0, 0, 0, 0, 0, 0, 0, 0x80, 0],
            Some(9_223_372_036_854_775_808.0),
        );
        check(
            &[0, 0, 0, 0, 0, 0, 0, 0x80],
            Some(-9_223_372_036_854_775_808.0),
        );
        check(
            &[0, 0, 0, 0, 0, 0, 0, 0x80, 0xff],
            Some(-9_223_372_036_854_775_808.0),
        );
        check(&[0; 1024], Some(0.0));
        check(&[0; 1025], None);
        let mut largest = [0u8; 129];
        largest[121..128].fill(0xff);
        largest[121] = 0xf8;
        check(&largest, Some(f64::MAX));
        largest[120] = 0xff;
        largest[121] = 0xfb;
        check(&largest, Some(f64::MAX));
        largest[121] = 0xfc;
        check(&largest, None);
    }

    #[test]
    fn longs_round_as_decimal_text_does() {
        let mut random = crate::base::random::Random::new(11);
        for _ in 0..20_000 {
            // 128 bits, often with long runs, so that ties occur.
            let mut number = u128::from(random.next_u64()) << 64;
            if random.chance(50) {
                number |= u128::from(random.next_u64());
            }
            if random.chance(50) {
                let low = random.below(128) as u32;
                number = (number >> low << low) | u128::from(random.chance(30));
            }
            let number = (number >> random.below(120)) as i128;
            assert_eq!(long(&number.to_le_bytes()), Some(number as f64), "{number}");
        }
    }
}
