//! KairosDB's own cases, and random streams against twins that go point by point as its description does.

mod calendar;
mod cases;
mod cells;
mod gaps;
mod grouping;
mod hostile;
mod naive;
mod properties;

use std::fmt::Write;
use std::sync::Arc;

use super::aggregator::*;
use super::sampling::{Sampling, Unit};
use super::stream::{Kind, Point, Stream, Texts, Value};
use super::zone::Zone;
use super::*;
use crate::query::breath::{Breathless, Pace};
use crate::query::limits::Limits;
use crate::query::testing::run;

/// What of a query matters here.
#[derive(Clone, Copy, Debug)]
struct Asked {
    start: i64,
    end: i64,
    now: i64,
    descending: bool,
}

impl Asked {
    fn from(start: i64) -> Asked {
        Asked {
            start,
            end: i64::MAX,
            now: i64::MAX,
            descending: false,
        }
    }

    fn until(self, end: i64) -> Asked {
        Asked { end, ..self }
    }

    fn descending(self) -> Asked {
        Asked {
            descending: true,
            ..self
        }
    }

    /// Do something within such a query.
    fn with<T>(&self, texts: &Texts, act: impl FnOnce(&Context<'_>) -> T) -> T {
        act(&Context {
            start: self.start,
            end: self.end,
            now: self.now,
            descending: self.descending,
            limits: &Limits::default(),
            texts,
            saver: None,
            pace: &Pace::new(&Breathless),
        })
    }
}

/// Milliseconds of a moment in UTC.
pub(super) fn at(text: &str) -> i64 {
    let civil: jiff::civil::DateTime = text.parse().expect("a moment");
    let utc = jiff::tz::Offset::UTC;
    utc.to_timestamp(civil).expect("a moment").as_millisecond()
}

fn zone(id: &str) -> Zone {
    Zone::parse(id).expect("a zone")
}

/// Buckets that are not aligned, in UTC.
fn every(value: i64, unit: Unit) -> Range {
    Range {
        sampling: Sampling::new(value, unit),
        ..Range::default()
    }
}

fn aligned(value: i64, unit: Unit) -> Range {
    Range {
        align_sampling: true,
        ..every(value, unit)
    }
}

fn with_start(range: Range) -> Range {
    Range {
        align_start_time: true,
        ..range
    }
}

fn with_end(range: Range) -> Range {
    Range {
        align_end_time: true,
        ..range
    }
}

fn inside(id: &str, range: Range) -> Range {
    Range {
        zone: zone(id),
        ..range
    }
}

/// A stream of points `time:value`: a whole number is a long, one with a point a double, `null` is null and
/// anything else a text.
fn stream(text: &str) -> (Stream, Texts) {
    let mut texts = Texts::default();
    let mut kind = Kind::Number;
    let points = text.split_whitespace().map(|point| {
        let (time, value) = point.split_once(':').expect("a point");
        let value = match (value.parse(), value.parse()) {
            (Ok(long), _) => Value::Long(long),
            (_, Ok(double)) => Value::Double(double),
            _ if value == "null" => Value::Null,
            _ => {
                kind = Kind::Text;
                Value::Text(texts.push(Arc::from(value)))
            }
        };
        let time = time.parse().expect("a time");
        Point { time, value }
    });
    let points = points.collect();
    (Stream { kind, points }, texts)
}

/// The other way; a double that is whole has no fraction.
fn show(points: &[Point], texts: &Texts) -> String {
    let mut shown = String::new();
    for point in points {
        let separator = if shown.is_empty() { "" } else { " " };
        let time = point.time;
        let _ = match point.value {
            Value::Long(value) => write!(shown, "{separator}{time}:{value}"),
            Value::Double(value) => write!(shown, "{separator}{time}:{value}"),
            Value::Text(place) => write!(shown, "{separator}{time}:{}", texts.get(place)),
            Value::Null => write!(shown, "{separator}{time}:null"),
        };
    }
    shown
}

/// What a stream becomes, or the error that is told.
fn answer(points: &str, aggregators: &[Aggregator], asked: Asked) -> String {
    let (stream, texts) = stream(points);
    let done = asked.with(&texts, |context| {
        run(aggregate(stream, aggregators, context))
    });
    match done {
        Ok(stream) => show(&stream.points, &texts),
        Err(error) => error.to_string(),
    }
}

#[track_caller]
fn check(points: &str, aggregators: &[Aggregator], asked: Asked, want: &str) {
    assert_eq!(
        answer(points, aggregators, asked),
        want,
        "{aggregators:?} of {points}"
    );
}

fn filter(compare: Compare, threshold: Threshold) -> Aggregator {
    Aggregator::Filter { compare, threshold }
}

fn percentile(percentile: f64) -> Aggregator {
    Aggregator::Percentile {
        range: every(10, Unit::Seconds),
        percentile,
    }
}

fn score(boundary: &[(f64, bool)], descending: bool) -> Aggregator {
    let thresholds = boundary
        .iter()
        .map(|&(value, inferior)| Boundary { value, inferior });
    Aggregator::Score {
        thresholds: thresholds.collect(),
        descending,
    }
}

fn gaps(range: Range, trim: bool) -> Aggregator {
    Aggregator::Gaps { range, trim }
}

fn dev(range: Range) -> Aggregator {
    Aggregator::Dev {
        range,
        returned: Deviation::Value,
        count: 1,
    }
}
