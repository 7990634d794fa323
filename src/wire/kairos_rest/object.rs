//! One metric object: what its fields say, whether that will do, and its samples.

use std::borrow::Cow;

use super::super::json::{Kind, Scalar};
use super::super::kairos_sent as sent;
use super::errors::{Errors, shortened};
use super::values::{self, Trouble, Value};
use crate::model::number::Number;
use crate::model::refusal::Reason;
use crate::model::sample::{Samples, Span};
use crate::model::series::{
    NAME_BYTES_MAX, SERIES_BYTES_MAX, TAG_KEY_BYTES_MAX, TAG_VALUE_BYTES_MAX, TAGS_MAX, Values,
};

/// Where the fields of an object are. Absent and null are the same but for `value`.
#[derive(Default)]
pub(super) struct Object {
    pub(super) name: Option<Scalar>,
    pub(super) kind: Option<Scalar>,
    pub(super) time_ms: Option<i64>,
    pub(super) timestamp_ms: Option<i64>,
    /// And whether it is an array without anything in it.
    pub(super) value: Option<(Scalar, bool)>,
    /// Behind the bracket.
    pub(super) datapoints: Option<usize>,
    pub(super) tags: Vec<(Scalar, Option<Scalar>)>,
    pub(super) has_more_tags: bool,
    pub(super) skip_validate: bool,
    /// Below 1 it is for ever.
    pub(super) ttl_seconds: i32,
    pub(super) point: Point,
    /// Points of `datapoints` that were good.
    good_points: usize,
    /// The name in the text, by type of values.
    names: [Option<Span>; 3],
}

/// An element of `datapoints`.
#[derive(Clone, Copy, Default)]
pub(super) struct Point {
    /// How many parts it has.
    count: usize,
    time: Scalar,
    value: Scalar,
    /// Whether the value is an empty array.
    is_empty: bool,
    kind: Scalar,
}

impl Point {
    /// The next part; what is behind the third does not count.
    pub(super) fn push(&mut self, part: Scalar, is_empty: bool) {
        match self.count {
            0 => self.time = part,
            1 => (self.value, self.is_empty) = (part, is_empty),
            2 => self.kind = part,
            _ => {}
        }
        self.count += 1;
    }
}

/// What an object is read from and written to.
pub(super) struct Held<'a> {
    pub(super) json: &'a [u8],
    /// Which object it is.
    pub(super) number: usize,
    pub(super) text: &'a mut Vec<u8>,
    pub(super) errors: &'a mut Errors,
    pub(super) out: &'a mut Samples,
}

impl Object {
    /// Forget everything, keep the memory.
    pub(super) fn clear(&mut self) {
        let mut tags = std::mem::take(&mut self.tags);
        tags.clear();
        *self = Object {
            tags,
            ..Object::default()
        };
    }

    /// A second field of tags replaces the first.
    pub(super) fn clear_tags(&mut self) {
        self.tags.clear();
        self.has_more_tags = false;
    }

    /// The text that names are spans of begins anew.
    pub(super) fn forget_names(&mut self) {
        self.names = [None; 3];
    }

    /// All fields are there: give out the single point if the object is good, and where `datapoints`
    /// begin if it has some.
    pub(super) fn settle(&mut self, held: &mut Held) -> Option<usize> {
        let before = held.out.refusals.total();
        self.check_name(held);
        self.check_value(held);
        self.check_tags(held);
        if before < held.out.refusals.total() {
            return None;
        }
        if let (Some(time_ms), Some((value, _))) = (self.time_ms(), self.value) {
            let kind = self.kind.map(|kind| kind.text(held.json));
            let value = values::value_of(held.json, value, kind.as_deref());
            self.put(time_ms, value, held);
        }
        self.datapoints
    }

    fn time_ms(&self) -> Option<i64> {
        self.time_ms.or(self.timestamp_ms)
    }

    /// How the object is called in what is told: its name is part of it once it is known to be one.
    fn place(&self, json: &[u8], number: usize) -> String {
        let name = self.name.map(|name| name.text(json));
        match name.filter(|name| !name.is_empty()) {
            Some(name) => format!("metric[{number}](name={})", shortened(&name)),
            None => format!("metric[{number}]"),
        }
    }

    fn refuse(&self, what: std::fmt::Arguments<'_>, held: &mut Held) {
        let place = || self.place(held.json, held.number);
        held.errors.push_made(|| format!("{}{what}", place()));
        held.out.refuse(Reason::Item);
    }

    fn check_name(&self, held: &mut Held) {
        match self.name.map(|name| name.text(held.json).len()) {
            None => self.refuse(format_args!(".name may not be null."), held),
            Some(0) => self.refuse(format_args!(".name may not be empty."), held),
            Some(len) if NAME_BYTES_MAX < len => {
                let told = format_args!(".name may not have more than {NAME_BYTES_MAX} bytes.");
                self.refuse(told, held);
            }
            Some(_) => {}
        }
    }

    fn check_value(&self, held: &mut Held) {
        let is_null = |value: Scalar| value.kind == Kind::Null;
        match (self.time_ms(), self.value) {
            (Some(_), None) => self.refuse(format_args!(".value may not be null."), held),
            (Some(_), Some((_, true))) => {
                self.refuse(format_args!(".value may not be an empty array."), held);
            }
            (Some(_), Some((value, _))) => {
                let kind = self.kind.map(|kind| kind.text(held.json));
                if values::is_empty(value, kind.as_deref() == Some("string"), held.json) {
                    self.refuse(format_args!(".value may not be empty."), held);
                }
            }
            (None, Some((value, _))) if !is_null(value) => {
                self.refuse(format_args!(".timestamp may not be null."), held);
            }
            (None, _) => {}
        }
    }

    fn check_tags(&self, held: &mut Held) {
        if self.has_more_tags {
            let told = format_args!(".tags count must be at most {TAGS_MAX}.");
            self.refuse(told, held);
        }
        if self.tags.is_empty() && !self.skip_validate {
            let told = format_args!(".tags count must be greater than or equal to 1.");
            self.refuse(told, held);
        }
        let mut bytes = self.name.map_or(0, |name| name.text(held.json).len());
        for (number, (key, value)) in self.tags.iter().enumerate() {
            let key = key.text(held.json);
            let value = value.map(|value| value.text(held.json));
            let value_bytes = value.as_ref().map(|value| value.len());
            bytes += key.len() + value_bytes.unwrap_or(0) + 2;
            let shown = shortened(&key);
            let told = match value_bytes {
                _ if key.is_empty() && !self.skip_validate => {
                    format!(".tag[{number}].name may not be empty.")
                }
                _ if TAG_KEY_BYTES_MAX < key.len() => {
                    format!(".tag[{number}].name may not have more than {TAG_KEY_BYTES_MAX} bytes.")
                }
                None => format!(".tag[{shown}].value may not be null."),
                Some(0) if !self.skip_validate => {
                    format!(".tag[{shown}].value may not be empty.")
                }
                Some(len) if TAG_VALUE_BYTES_MAX < len => format!(
                    ".tag[{shown}].value may not have more than {TAG_VALUE_BYTES_MAX} bytes."
                ),
                Some(_) => continue,
            };
            self.refuse(format_args!("{told}"), held);
        }
        if SERIES_BYTES_MAX < bytes {
            let told = format_args!(
                ".name and tags together may not have more than {SERIES_BYTES_MAX} bytes."
            );
            self.refuse(told, held);
        }
    }

    /// The point in `self.point` is complete: give it out if it is good. Points are numbered as KairosDB
    /// does: those that were refused do not count.
    pub(super) fn settle_point(&mut self, held: &mut Held) {
        let point = self.point;
        let number = self.good_points;
        if let Some(told) = point.trouble(self.default_kind(held.json).as_deref(), held.json) {
            self.refuse(format_args!(".datapoints[{number}].{told}"), held);
            return;
        }
        let Some(time_ms) = values::point_time(held.json, point.time) else {
            let told = "timestamp must be a whole number of 64 bits.";
            self.refuse(format_args!(".datapoints[{number}].{told}"), held);
            return;
        };
        let value = {
            let kind = match point.count {
                2 => self.default_kind(held.json),
                _ if point.kind.kind == Kind::Null => Some("null".into()),
                _ => Some(point.kind.text(held.json)),
            };
            values::value_of(held.json, point.value, kind.as_deref())
        };
        if self.put(time_ms, value, held) {
            self.good_points += 1;
        }
    }

    pub(super) fn default_kind<'a>(&self, json: &'a [u8]) -> Option<Cow<'a, str>> {
        self.kind.map(|kind| kind.text(json))
    }

    /// A point of `datapoints` that is a number and good.
    pub(super) fn put_number(
        &mut self,
        time_ms: i64,
        values: Values,
        number: Number,
        held: &mut Held,
    ) {
        let name = self.name_in_text(values, held);
        held.out.push(name, time_ms, number);
        self.good_points += 1;
    }

    fn put(&mut self, time_ms: i64, value: Result<Value, Trouble>, held: &mut Held) -> bool {
        match value {
            Ok(Value::Number(values, number)) => {
                let name = self.name_in_text(values, held);
                held.out.push(name, time_ms, number);
                true
            }
            Ok(Value::Text(text)) => {
                let name = self.name_in_text(Values::Text, held);
                let span = append(text.as_bytes(), held.text);
                held.out.push_text(name, time_ms, span);
                true
            }
            Err(trouble) => {
                let place = || self.place(held.json, held.number);
                held.errors.push_made(|| trouble.told(&place()));
                held.out.refuse(trouble.reason());
                false
            }
        }
    }

    /// Where the sent form of the object's series is in the text; put there when it is needed first.
    fn name_in_text(&mut self, values: Values, held: &mut Held) -> Span {
        if let Some(span) = self.names[values as usize] {
            return span;
        }
        let start = held.text.len();
        let mut parts: Vec<_> = self
            .tags
            .iter()
            .map(|(key, value)| {
                let value = value.map(|value| value.text(held.json));
                (key.text(held.json), value.unwrap_or_default())
            })
            .collect();
        // One form for all orders in which a sender may write them.
        parts.sort_unstable();
        let metric = self.name.map(|name| name.text(held.json));
        let ttl_seconds = self.ttl_seconds.max(0).unsigned_abs();
        let metric = metric.unwrap_or_default();
        sent::begin(values, ttl_seconds, metric.as_bytes(), held.text);
        for (key, value) in parts {
            sent::push(key.as_bytes(), held.text);
            sent::push(value.as_bytes(), held.text);
        }
        let span = Span {
            start: start as u32,
            len: (held.text.len() - start) as u32,
        };
        self.names[values as usize] = Some(span);
        span
    }
}

/// Append `bytes` to `text`; where they are in it.
pub(super) fn append(bytes: &[u8], text: &mut Vec<u8>) -> Span {
    let start = text.len() as u32;
    text.extend_from_slice(bytes);
    Span {
        start,
        len: bytes.len() as u32,
    }
}

impl Point {
    /// What is missing, in KairosDB's words.
    fn trouble(&self, default_kind: Option<&str>, json: &[u8]) -> Option<&'static str> {
        let own_kind = self.kind.text(json);
        let kind = if self.count > 2 {
            Some(&*own_kind)
        } else {
            default_kind
        };
        match self.count {
            0 => Some("timestamp cannot be null or empty."),
            1 => Some("value cannot be null or empty."),
            _ if self.time.kind == Kind::Null => Some("timestamp may not be null."),
            _ if self.is_empty => Some("value may not be an empty array."),
            _ if values::is_empty(self.value, kind == Some("string"), json) => {
                Some("value may not be empty.")
            }
            _ => None,
        }
    }
}
