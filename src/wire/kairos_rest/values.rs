//! What a value is: KairosDB's way of choosing a type, and numbers out of texts.

use std::borrow::Cow;

use super::super::json::{self, Kind, Scalar};
use super::super::number;
use super::errors::shortened;
use crate::model::number::Number;
use crate::model::refusal::Reason;
use crate::model::series::{TEXT_BYTES_MAX, Values};

/// A value, of the type that was chosen for it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value<'a> {
    /// A long or a double.
    Number(Values, Number),
    /// A text.
    Text(Cow<'a, str>),
}

/// Why a value is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// An array or object.
    Shape,
    /// A type that nobody knows.
    Unregistered(String),
    /// A text of more than [`TEXT_BYTES_MAX`] bytes.
    TextLong,
    /// No number of the type that was asked for.
    Not(Values, String),
    /// A whole number beyond 64 bits.
    Beyond(String),
}

impl Trouble {
    /// What it counts as.
    pub(super) fn reason(&self) -> Reason {
        match self {
            Trouble::TextLong => Reason::TextLong,
            _ => Reason::Value,
        }
    }

    /// What the sender is told of the value of an object whose `place` is given.
    pub(super) fn told(&self, place: &str) -> String {
        match self {
            Trouble::Shape => format!("{place} value is an invalid type"),
            Trouble::Unregistered(kind) => format!("Unregistered data point type '{kind}'"),
            Trouble::TextLong => {
                format!("{place} value may not have more than {TEXT_BYTES_MAX} bytes")
            }
            Trouble::Not(values, text) => {
                let kind = match values {
                    Values::Long => "long",
                    _ => "double",
                };
                format!("{place} value '{text}' is no {kind}")
            }
            Trouble::Beyond(text) => {
                format!("{place} value {text} is beyond 64 bits; send it with a '.', as a double")
            }
        }
    }
}

/// What `value` is, by `kind` if it is given.
pub(super) fn value_of<'a>(
    json: &'a [u8],
    value: Scalar,
    kind: Option<&str>,
) -> Result<Value<'a>, Trouble> {
    let shape = matches!(value.kind, Kind::Array | Kind::Object);
    let values = match kind {
        Some("long" | "double" | "string") if shape => return Err(Trouble::Shape),
        Some("long") => Values::Long,
        Some("double") => Values::Double,
        Some("string") => Values::Text,
        Some(other) => return Err(Trouble::Unregistered(shortened(other))),
        None => inferred(json, value)?,
    };
    match values {
        Values::Long => long(json, value),
        Values::Double => double(json, value),
        Values::Text => text(json, value),
    }
}

/// The text that is stored for a scalar: that of a number as it was sent.
fn text(json: &[u8], value: Scalar) -> Result<Value<'_>, Trouble> {
    let text = match value.kind {
        Kind::Bool if value.bytes(json).eq_ignore_ascii_case(b"true") => "true".into(),
        Kind::Bool => "false".into(),
        _ => value.text(json),
    };
    if TEXT_BYTES_MAX < text.len() {
        return Err(Trouble::TextLong);
    }
    Ok(Value::Text(text))
}

/// A dot makes a double. So does an exponent, unless what it makes is whole.
fn inferred(json: &[u8], value: Scalar) -> Result<Values, Trouble> {
    let bytes = value.bytes(json);
    let by_dot = |bytes: &[u8]| match bytes.contains(&b'.') {
        true => Values::Double,
        false => Values::Long,
    };
    match value.kind {
        Kind::Number if bytes.iter().any(|byte| matches!(byte, b'e' | b'E')) => {
            Ok(match whole(bytes) {
                Whole::Exactly(_) => by_dot(bytes),
                _ => Values::Double,
            })
        }
        Kind::Number => Ok(by_dot(bytes)),
        Kind::Text if looks_numeric(value.text(json).as_bytes()) => Ok(by_dot(bytes)),
        Kind::Text | Kind::Bool | Kind::Null => Ok(Values::Text),
        Kind::Array | Kind::Object => Err(Trouble::Shape),
    }
}

/// An optional sign or dot, digits, at most one dot, no dot at the end.
fn looks_numeric(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"+").or(text.strip_prefix(b"-"));
    let digits = digits.unwrap_or(text);
    let dots = digits.iter().filter(|&&byte| byte == b'.').count();
    let all = digits
        .iter()
        .all(|byte| byte.is_ascii_digit() || *byte == b'.');
    all && dots <= 1 && digits.last().is_some_and(u8::is_ascii_digit)
}

fn long(json: &[u8], value: Scalar) -> Result<Value<'_>, Trouble> {
    if value.kind == Kind::Number
        && let Whole::Exactly(long) | Whole::Cut(long) = whole(value.bytes(json))
    {
        return Ok(Value::Number(Values::Long, Number::long(long)));
    }
    let text = value.text(json);
    let long = match value.kind {
        Kind::Number => return Err(Trouble::Beyond(shortened(&text))),
        _ => text.parse().map_err(|_| {
            if looks_numeric(text.as_bytes()) && !text.contains('.') {
                Trouble::Beyond(shortened(&text))
            } else {
                Trouble::Not(Values::Long, shortened(&text))
            }
        })?,
    };
    Ok(Value::Number(Values::Long, Number::long(long)))
}

fn double(json: &[u8], value: Scalar) -> Result<Value<'_>, Trouble> {
    if value.kind == Kind::Number
        && let Ok(number) = number::number(value.bytes(json))
    {
        return Ok(Value::Number(Values::Double, number));
    }
    let text = value.text(json);
    match number::number(text.trim().as_bytes()) {
        Ok(number) => Ok(Value::Number(Values::Double, number)),
        Err(_) => Err(Trouble::Not(Values::Double, shortened(&text))),
    }
}

/// What of a number is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whole {
    /// All.
    Exactly(i64),
    /// This, without a fraction.
    Cut(i64),
    /// It has more than 64 bits.
    Beyond,
}

/// Exponents further from zero say the same as these: more digits than any body has.
const EXPONENT_MAX: i64 = 1 << 40;

/// The whole part of a number by JSON's rules, whatever its form.
#[inline]
pub(super) fn whole(text: &[u8]) -> Whole {
    if text.len() <= 18 && text.iter().all(u8::is_ascii_digit) {
        let digits = text.iter().map(|digit| i64::from(digit - b'0'));
        return Whole::Exactly(digits.fold(0, |sum, digit| sum * 10 + digit));
    }
    any_whole(text)
}

fn any_whole(text: &[u8]) -> Whole {
    let (negative, unsigned) = match text.strip_prefix(b"-") {
        Some(unsigned) => (true, unsigned),
        None => (false, text),
    };
    let mut parts = unsigned.splitn(2, |byte| matches!(byte, b'e' | b'E'));
    let digits = parts.next().unwrap_or_default();
    let exponent = exponent(parts.next().unwrap_or(b"0"));
    let dot = digits.iter().position(|&byte| byte == b'.');
    let point = dot.unwrap_or(digits.len()) as i64 + exponent;
    let (mut sum, mut place, mut is_cut) = (0i128, 0i64, false);
    for digit in digits.iter().filter(|&&byte| byte != b'.') {
        if place < point {
            sum = sum * 10 + i128::from(digit - b'0');
            if sum > 1 << 64 {
                return Whole::Beyond;
            }
        } else {
            is_cut |= *digit != b'0';
        }
        place += 1;
    }
    while sum != 0 && place < point {
        sum *= 10;
        place += 1;
        if sum > 1 << 64 {
            return Whole::Beyond;
        }
    }
    match i64::try_from(if negative { -sum } else { sum }) {
        Ok(long) if is_cut => Whole::Cut(long),
        Ok(long) => Whole::Exactly(long),
        Err(_) => Whole::Beyond,
    }
}

fn exponent(text: &[u8]) -> i64 {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let sum = digits.iter().fold(0i64, |sum, digit| {
        (sum * 10 + i64::from(digit.wrapping_sub(b'0'))).min(EXPONENT_MAX)
    });
    if negative { -sum } else { sum }
}

/// The value of a field that takes a whole number or its text: `Some(None)` for null, `None` for
/// anything else.
pub(super) fn whole_field(json: &[u8], value: Scalar) -> Option<Option<i64>> {
    let text = match value.kind {
        Kind::Number => return exact(value.bytes(json)).map(Some),
        _ => value.text(json),
    };
    match value.kind {
        Kind::Null => Some(None),
        Kind::Text if json::is_number(text.as_bytes()) => exact(text.as_bytes()).map(Some),
        Kind::Text => text.parse().ok().map(Some),
        Kind::Number | Kind::Bool | Kind::Array | Kind::Object => None,
    }
}

fn exact(text: &[u8]) -> Option<i64> {
    match whole(text) {
        Whole::Exactly(long) => Some(long),
        Whole::Cut(_) | Whole::Beyond => None,
    }
}

/// The timestamp, or time to live, of an object.
pub(super) fn field_time(json: &[u8], value: Scalar) -> Option<i64> {
    whole_field(json, value).flatten()
}

/// Whether a value is null, or a text without letters where no text is asked for.
pub(super) fn is_empty(value: Scalar, is_text: bool, json: &[u8]) -> bool {
    match value.kind {
        Kind::Null => true,
        Kind::Text => value.bytes(json).is_empty() && !is_text,
        _ => false,
    }
}

/// The timestamp of a point in `datapoints`: there a fraction is cut off.
pub(super) fn point_time(json: &[u8], value: Scalar) -> Option<i64> {
    match value.kind {
        Kind::Number => match whole(value.bytes(json)) {
            Whole::Exactly(time_ms) | Whole::Cut(time_ms) => Some(time_ms),
            Whole::Beyond => None,
        },
        Kind::Text => value.text(json).parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: Whole) {
        assert_eq!(whole(text.as_bytes()), want, "{text}");
        assert_eq!(any_whole(text.as_bytes()), want, "{text}");
    }

    #[test]
    fn whole_parts() {
        check("0", Whole::Exactly(0));
        check("-0", Whole::Exactly(0));
        check("17", Whole::Exactly(17));
        check("1e5", Whole::Exactly(100_000));
        check("1.50e1", Whole::Exactly(15));
        check("10e-1", Whole::Exactly(1));
        check("12.7", Whole::Cut(12));
        check("-12.7", Whole::Cut(-12));
        check("1e-5", Whole::Cut(0));
        check("0e999999999999999999999", Whole::Exactly(0));
        check("1e999999999999999999999", Whole::Beyond);
        check("1e-999999999999999999999", Whole::Cut(0));
        check("9223372036854775807", Whole::Exactly(i64::MAX));
        check("-9223372036854775808", Whole::Exactly(i64::MIN));
        check("9223372036854775808", Whole::Beyond);
        check("1e19", Whole::Beyond);
        check("9007199254740993.5", Whole::Cut(9_007_199_254_740_993));
    }

    #[test]
    fn what_looks_numeric() {
        for text in ["123", "+102", "-1", ".5", "-.5", "1.5", "0.000000", "007"] {
            assert!(looks_numeric(text.as_bytes()), "{text}");
        }
        for text in [
            "", ".", "-", "+.", "--1", "1.2.3", " 1", "1 ", "1,5", "0x10", "1e5", "3.", "NaN",
        ] {
            assert!(!looks_numeric(text.as_bytes()), "{text}");
        }
    }
}
