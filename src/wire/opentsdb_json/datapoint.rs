//! One object: what its fields say, whether that will do, and its sample.

use std::borrow::Cow;

use super::super::json::{Kind, Scalar};
use super::super::{kairos_sent as sent, number};
use crate::model::number::Number;
use crate::model::refusal::Reason;
use crate::model::sample::{Samples, Span};
use crate::model::series::{
    NAME_BYTES_MAX, SERIES_BYTES_MAX, TAG_KEY_BYTES_MAX, TAG_VALUE_BYTES_MAX, TAGS_MAX, Values,
};

/// Timestamps above this are in milliseconds.
const SECONDS_MAX: i64 = 9_999_999_999;

/// Bytes of a text that is told back.
const SHOWN_BYTES_MAX: usize = 256;

/// An object that was refused, for its sender to know again; long texts are cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// Its metric.
    pub metric: String,
    /// Its timestamp, as sent.
    pub timestamp: String,
    /// Its value, as sent.
    pub value: String,
    /// Its tags.
    pub tags: Vec<(String, String)>,
    /// Why.
    pub error: String,
}

impl Failed {
    /// Bytes of its texts.
    pub(super) fn bytes(&self) -> usize {
        let tags = self.tags.iter().map(|(key, value)| key.len() + value.len());
        let texts = [&self.metric, &self.timestamp, &self.value, &self.error];
        texts.iter().map(|text| text.len()).sum::<usize>() + tags.sum::<usize>()
    }
}

/// Where the fields of an object are; null where there is none.
#[derive(Default)]
pub(super) struct Datapoint {
    pub(super) metric: Scalar,
    pub(super) timestamp: Scalar,
    pub(super) value: Scalar,
    pub(super) tags: Vec<(Scalar, Scalar)>,
    pub(super) has_more_tags: bool,
}

/// Why an object is refused, with what it counts as.
type Trouble = (Reason, Cow<'static, str>);

fn trouble<T>(reason: Reason, told: &'static str) -> Result<T, Trouble> {
    Err((reason, Cow::Borrowed(told)))
}

impl Datapoint {
    /// Forget everything, keep the memory.
    pub(super) fn clear(&mut self) {
        let mut tags = std::mem::take(&mut self.tags);
        tags.clear();
        *self = Datapoint {
            tags,
            ..Datapoint::default()
        };
    }

    /// A second field of tags replaces the first.
    pub(super) fn clear_tags(&mut self) {
        self.tags.clear();
        self.has_more_tags = false;
    }

    /// All fields are there: give the sample out if the object is good, its name behind `text`.
    pub(super) fn settle(
        &mut self,
        json: &[u8],
        text: &mut Vec<u8>,
        out: &mut Samples,
    ) -> Result<(), Failed> {
        match self.sample(json) {
            Ok((time_ms, values, number)) => {
                out.push(self.name(json, values, text), time_ms, number);
                Ok(())
            }
            Err((reason, told)) => {
                out.refuse(reason);
                Err(self.failed(json, told))
            }
        }
    }

    fn sample(&self, json: &[u8]) -> Result<(i64, Values, Number), Trouble> {
        let plain =
            |scalar: Scalar| !matches!(scalar.kind, Kind::Null | Kind::Array | Kind::Object);
        let metric_bytes = self.metric.text(json).len();
        if !plain(self.metric) || metric_bytes == 0 {
            return trouble(Reason::NameEmpty, "Metric name was empty");
        }
        let time = plain(self.timestamp).then(|| time_ms(&self.timestamp.text(json)));
        let Some(time_ms) = time.flatten() else {
            return trouble(Reason::Timestamp, "Invalid timestamp");
        };
        if self.value.kind == Kind::Null || plain(self.value) && self.value.bytes(json).is_empty() {
            return trouble(Reason::Value, "Empty value");
        }
        if self.tags.is_empty() {
            return trouble(Reason::Tag, "Missing tags");
        }
        self.check_limits(json, metric_bytes)?;
        let number = plain(self.value).then(|| number_of(self.value.text(json).as_bytes()));
        match number.flatten() {
            Some((values, number)) => Ok((time_ms, values, number)),
            None => trouble(Reason::Value, "Unable to parse value to a number"),
        }
    }

    fn check_limits(&self, json: &[u8], metric_bytes: usize) -> Result<(), Trouble> {
        let over = |reason, what: &str, most: usize| {
            Err((
                reason,
                Cow::Owned(format!("{what} has at most {most} bytes")),
            ))
        };
        if NAME_BYTES_MAX < metric_bytes {
            return over(Reason::NameLong, "A metric", NAME_BYTES_MAX);
        }
        if self.has_more_tags {
            let told = format!("There are at most {TAGS_MAX} tags");
            return Err((Reason::TagsMany, Cow::Owned(told)));
        }
        let mut bytes = metric_bytes;
        for (key, value) in &self.tags {
            let (key, value) = (key.text(json).len(), text_of(*value, json).len());
            if key == 0 || value == 0 {
                return trouble(Reason::Tag, "A tag has an empty name or value");
            }
            if TAG_KEY_BYTES_MAX < key {
                return over(Reason::TagKeyLong, "The name of a tag", TAG_KEY_BYTES_MAX);
            }
            if TAG_VALUE_BYTES_MAX < value {
                return over(
                    Reason::TagValueLong,
                    "The value of a tag",
                    TAG_VALUE_BYTES_MAX,
                );
            }
            bytes += key + value + 2;
        }
        if SERIES_BYTES_MAX < bytes {
            return over(
                Reason::SeriesLong,
                "A metric with its tags",
                SERIES_BYTES_MAX,
            );
        }
        Ok(())
    }

    fn name(&mut self, json: &[u8], values: Values, text: &mut Vec<u8>) -> Span {
        // One form for all orders in which a sender may write them; of equal ones the last counts, as it
        // stays behind the others.
        self.tags
            .sort_by(|a, b| a.0.text(json).cmp(&b.0.text(json)));
        let start = text.len();
        sent::begin(values, 0, self.metric.text(json).as_bytes(), text);
        for (key, value) in &self.tags {
            sent::push(key.text(json).as_bytes(), text);
            sent::push(text_of(*value, json).as_bytes(), text);
        }
        Span {
            start: start as u32,
            len: (text.len() - start) as u32,
        }
    }

    fn failed(&self, json: &[u8], error: Cow<'static, str>) -> Failed {
        let shown = |scalar: Scalar| shortened(&text_of(scalar, json));
        let tags = self.tags.iter();
        Failed {
            metric: shown(self.metric),
            timestamp: shown(self.timestamp),
            value: shown(self.value),
            tags: tags
                .map(|&(key, value)| (shown(key), shown(value)))
                .collect(),
            error: error.into_owned(),
        }
    }
}

/// The text of a plain value; none of null.
fn text_of(scalar: Scalar, json: &[u8]) -> Cow<'_, str> {
    match scalar.kind {
        Kind::Null => Cow::Borrowed(""),
        _ => scalar.text(json),
    }
}

fn shortened(text: &str) -> String {
    text[..text.floor_char_boundary(SHOWN_BYTES_MAX)].to_owned()
}

/// Milliseconds of a timestamp above zero, in seconds or milliseconds by its size.
fn time_ms(text: &str) -> Option<i64> {
    let time = number::long(text.as_bytes()).or_else(|| {
        let time = number::value(text.as_bytes()).ok()?;
        // What is beyond 64 bits is no time.
        (time.abs() < i64::MAX as f64).then_some(time as i64)
    })?;
    let time_ms = if SECONDS_MAX < time {
        time
    } else {
        time.checked_mul(1000)?
    };
    (time_ms > 0).then_some(time_ms)
}

/// A dot or an exponent makes a double.
fn number_of(text: &[u8]) -> Option<(Values, Number)> {
    if text.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E')) {
        return Some((Values::Double, number::number(text).ok()?));
    }
    let long = number::long(text.strip_prefix(b"+").unwrap_or(text))?;
    // A plus and a minus make no number.
    (!text.starts_with(b"+-")).then_some((Values::Long, Number::long(long)))
}
