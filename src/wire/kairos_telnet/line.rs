//! One line by the whole rule: the truth that the fast path is tested against.

use std::borrow::Cow;
use std::fmt;

use super::super::kairos_sent::raw;
use super::super::kairos_sent::tokens::Tokens;
use super::super::number;
use super::Options;
use crate::model::number::Number;
use crate::model::refusal::Reason;
use crate::model::sample::Span;
use crate::model::series::Values;

/// Timestamps of `put` below this are in seconds.
pub(super) const SECONDS_BELOW: i64 = 3_000_000_000;

/// What a line asks for. Spans are of the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command<'a> {
    /// A point to store.
    Point {
        /// The metric, with its quotes.
        metric: Span,
        /// Everything behind the value.
        behind: Span,
        /// Whether its timestamp was in milliseconds, as `putm` and `puts` have it.
        in_millis: bool,
        /// Milliseconds since the epoch.
        time_ms: i64,
        /// The value.
        value: Value<'a>,
    },
    /// To be told what this is.
    Version,
}

/// The value of a point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// A number, whole or not.
    Number(Values, Number),
    /// A text.
    Text(Cow<'a, str>),
}

impl Value<'_> {
    /// What it is.
    pub fn values(&self) -> Values {
        match self {
            Value::Number(values, _) => *values,
            Value::Text(_) => Values::Text,
        }
    }
}

/// Why a line is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is longer than this.
    Long(usize),
    /// No command begins so.
    Unknown,
    /// No metric, timestamp or value.
    Fields,
    /// The timestamp is no whole number of 64 bits.
    Time,
    /// The value is no number of its kind.
    Value(Reason),
    /// The value is no text.
    Letters,
    /// Metric or tags.
    Name(raw::Fault),
}

impl Fault {
    /// What it counts as.
    pub fn reason(self) -> Reason {
        match self {
            Fault::Long(_) => Reason::LineLong,
            Fault::Unknown => Reason::Command,
            Fault::Fields => Reason::Fields,
            Fault::Time => Reason::Timestamp,
            Fault::Value(reason) => reason,
            Fault::Letters => Reason::Value,
            Fault::Name(fault) => fault.reason(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Long(most) => write!(f, "put: a line has at most {most} bytes"),
            Fault::Unknown => write!(f, "unknown command; there are put, putm, puts and version"),
            Fault::Fields => write!(f, "put: a metric, a timestamp and a value are needed"),
            Fault::Time => write!(f, "put: the timestamp must be a whole number of 64 bits"),
            Fault::Value(_) => write!(
                f,
                "put: the value must be a whole number of 64 bits, or a finite number with a dot"
            ),
            Fault::Letters => write!(f, "put: the value is no UTF-8"),
            Fault::Name(fault) => write!(f, "put: {fault}"),
        }
    }
}

/// Milliseconds of the timestamp of a `put`, which is in seconds where it is small. Wraps around as
/// KairosDB's does.
#[inline(always)]
pub(super) fn seconds_or_millis(time: i64) -> i64 {
    if time < SECONDS_BELOW {
        time.wrapping_mul(1000)
    } else {
        time
    }
}

/// What the line `sent` asks for; it is without its newline. Of the name of a point only the metric is looked
/// at, and only whether there is one: [`raw::read`] does the rest.
///
/// # Errors
/// Why the line is refused.
pub fn line(sent: &[u8], options: Options) -> Result<Command<'_>, Fault> {
    let line = sent.strip_suffix(b"\r").unwrap_or(sent);
    if options.line_bytes_max < line.len() {
        return Err(Fault::Long(options.line_bytes_max));
    }
    let mut tokens = Tokens::of(line);
    let command = tokens.next().map(|token| token.text.of(line));
    let (in_seconds, is_text) = match command {
        Some(b"put") => (true, false),
        Some(b"putm") => (false, false),
        Some(b"puts") => (false, true),
        Some(b"version") => return Ok(Command::Version),
        _ => return Err(Fault::Unknown),
    };
    let mut next = || tokens.next().ok_or(Fault::Fields);
    let (metric, time, value) = (next()?, next()?, next()?);
    let start = (tokens.at() + 1).min(line.len());
    let behind = Span {
        start: start as u32,
        len: (line.len() - start) as u32,
    };
    let time = number::long(time.text.of(line)).ok_or(Fault::Time)?;
    let time_ms = if in_seconds {
        seconds_or_millis(time)
    } else {
        time
    };
    let value = value.text.of(line);
    let value = if is_text {
        Value::Text(options.charset.text(value).ok_or(Fault::Letters)?)
    } else {
        number_of(value)?
    };
    Ok(Command::Point {
        metric: metric.sent,
        behind,
        in_millis: !in_seconds,
        time_ms,
        value,
    })
}

/// A dot makes a double.
fn number_of(text: &[u8]) -> Result<Value<'_>, Fault> {
    if text.contains(&b'.') {
        let number = number::number(text).map_err(Fault::Value)?;
        return Ok(Value::Number(Values::Double, number));
    }
    let long = number::long(text).ok_or_else(|| {
        let is_nan = text.eq_ignore_ascii_case(b"nan");
        Fault::Value(if is_nan {
            Reason::NotANumber
        } else {
            Reason::Value
        })
    })?;
    Ok(Value::Number(Values::Long, Number::long(long)))
}
