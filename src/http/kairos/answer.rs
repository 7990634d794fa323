//! The answer's text: all series of a metric become one list of points, by time and of one time by value.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use super::number::push_double;
use super::request::Metric;
use crate::base::decimal::push_integer;
use crate::http::question::Question;
use crate::model::series::{SeriesName, Values};
use crate::query::breath::Pace;
use crate::query::error::QueryError;
use crate::query::merge::{MergedPoints, WholeSeries};

/// Points that are printed between two breaths: each costs up to 200 ns.
const POINTS_PER_BREATH: usize = 500;
/// About what a point takes in the text.
const POINT_BYTES: u64 = 24;

/// An answer under way.
pub(super) struct Answer<'a> {
    question: &'a Question<'a>,
    pace: Pace<'a>,
    text: Vec<u8>,
    points: u64,
    queries: usize,
}

impl<'a> Answer<'a> {
    pub(super) fn new(question: &'a Question<'a>) -> Answer<'a> {
        Answer {
            question,
            pace: Pace::every(POINTS_PER_BREATH, question),
            text: b"{\"queries\":[".to_vec(),
            points: 0,
            queries: 0,
        }
    }

    /// The whole text.
    pub(super) fn end(mut self) -> Vec<u8> {
        self.text.extend_from_slice(b"]}");
        self.text
    }

    /// Append what was found of one metric.
    pub(super) async fn push(
        &mut self,
        metric: &Metric,
        found: MergedPoints,
    ) -> Result<(), QueryError> {
        let limit = metric.limit.unwrap_or(usize::MAX);
        let mut series: Vec<WholeSeries> = found.series;
        // Texts have no door yet.
        series.retain(|one| !one.points.is_empty() && one.values != Values::Text);
        let read: u64 = series
            .iter()
            .map(|one| one.points.len().min(limit) as u64)
            .sum();
        self.points += read.min(limit as u64);
        let limits = &self.question.options.limits;
        limits.check_points_returned(self.points)?;
        limits.check_bytes(self.points.saturating_mul(POINT_BYTES))?;
        if self.queries > 0 {
            self.text.push(b',');
        }
        self.queries += 1;
        self.text.extend_from_slice(b"{\"sample_size\":");
        push_integer(i64::try_from(read).unwrap_or(i64::MAX), &mut self.text);
        self.text.extend_from_slice(b",\"results\":[{\"name\":");
        push_text(&metric.name, &mut self.text);
        if let Some(alias) = &metric.alias {
            self.text.extend_from_slice(b",\"alias\":");
            push_text(alias, &mut self.text);
        }
        if !series.is_empty() {
            let kind = b",\"group_by\":[{\"name\":\"type\",\"type\":\"number\"}]";
            self.text.extend_from_slice(kind);
        }
        if !metric.exclude_tags {
            self.push_tags(&series).await?;
        }
        self.push_points(metric, &series).await?;
        for one in series {
            drop(one);
            self.pace.did_series(0).await?;
        }
        self.text.extend_from_slice(b"}]}");
        Ok(())
    }

    /// All tags of all series, sorted, each value once.
    async fn push_tags(&mut self, series: &[WholeSeries]) -> Result<(), QueryError> {
        let mut tags: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for one in series {
            if let Ok(name) = SeriesName::from_text(&one.name) {
                for (key, value) in name.tags() {
                    let values = tags.entry(key.clone()).or_default();
                    values.insert(value.clone());
                }
            }
            self.pace.did_series(one.name.len()).await?;
        }
        self.text.extend_from_slice(b",\"tags\":{");
        for (i, (key, values)) in tags.iter().enumerate() {
            if i > 0 {
                self.text.push(b',');
            }
            push_text(key, &mut self.text);
            self.text.extend_from_slice(b":[");
            for (i, value) in values.iter().enumerate() {
                if i > 0 {
                    self.text.push(b',');
                }
                push_text(value, &mut self.text);
                self.pace.did(1 + value.len() / 32).await?;
            }
            self.text.push(b']');
        }
        self.text.push(b'}');
        Ok(())
    }

    async fn push_points(
        &mut self,
        metric: &Metric,
        series: &[WholeSeries],
    ) -> Result<(), QueryError> {
        let limit = metric.limit.unwrap_or(usize::MAX);
        let mut heads = BinaryHeap::with_capacity(series.len());
        for number in 0..series.len() {
            heads.extend(Head::new(series, number, 0, metric));
            self.pace.did(1).await?;
        }
        self.text.extend_from_slice(b",\"values\":[");
        let mut printed = 0;
        while printed < limit
            && let Some(head) = heads.pop()
        {
            self.text
                .extend_from_slice(if printed > 0 { b",[" } else { b"[" });
            push_integer(head.time_ms, &mut self.text);
            self.text.push(b',');
            match head.long {
                Some(long) => push_integer(long, &mut self.text),
                None => push_double(head.value, &mut self.text),
            }
            self.text.push(b']');
            printed += 1;
            heads.extend(Head::new(series, head.series, head.place + 1, metric));
            self.question
                .options
                .limits
                .check_bytes(self.text.len() as u64)?;
            self.pace.did(1).await?;
        }
        self.text.push(b']');
        Ok(())
    }
}

/// The next point of one series. The greatest is printed first.
struct Head {
    time_ms: i64,
    value: f64,
    /// Of a series of whole numbers, exactly.
    long: Option<i64>,
    is_descending: bool,
    series: usize,
    /// How many points of the series come before it.
    place: usize,
}

impl Head {
    /// The point with `place` before it, unless that is the series' end or the limit.
    fn new(all: &[WholeSeries], series: usize, place: usize, metric: &Metric) -> Option<Head> {
        let one = all.get(series)?;
        let limit = metric.limit.unwrap_or(usize::MAX);
        let count = one.points.len();
        if count.min(limit) <= place {
            return None;
        }
        let at = match metric.is_descending {
            true => count - 1 - place,
            false => place,
        };
        let bits = *one.points.values.get(at)?;
        let long = (one.values == Values::Long).then_some(bits.to_bits() as i64);
        Some(Head {
            time_ms: *one.points.times.get(at)?,
            value: long.map_or(bits, |long| long as f64),
            long,
            is_descending: metric.is_descending,
            series,
            place,
        })
    }
}

impl Ord for Head {
    fn cmp(&self, other: &Head) -> Ordering {
        let by_time = self.time_ms.cmp(&other.time_ms);
        let by_value = by_time.then(self.value.total_cmp(&other.value));
        let order = match self.is_descending {
            true => by_value,
            false => by_value.reverse(),
        };
        // Of equal ones that of the first series comes first.
        order.then(other.series.cmp(&self.series))
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Head) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Head) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Head {}

/// Append `text` with its quotes, as KairosDB's writer does: `</`, control characters and some spaces
/// are escaped, the rest is UTF-8.
pub(super) fn push_text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut before = ' ';
    for c in text.chars() {
        match c {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '/' if before == '<' => out.extend_from_slice(b"\\/"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\r' => out.extend_from_slice(b"\\r"),
            '\t' => out.extend_from_slice(b"\\t"),
            '\u{8}' => out.extend_from_slice(b"\\b"),
            '\u{c}' => out.extend_from_slice(b"\\f"),
            '\0'..='\u{1f}' | '\u{80}'..='\u{9f}' | '\u{2000}'..='\u{20ff}' => {
                out.extend_from_slice(format!("\\u{:04x}", u32::from(c)).as_bytes());
            }
            c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
        before = c;
    }
    out.push(b'"');
}
