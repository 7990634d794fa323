//! The answer's text, in KairosDB's order of keys and without blanks.

use super::Refused;
use super::columns::{BACK, Doubles, Fronts, POINT_BYTES_MAX, push_longs};
use super::gather::{Gathered, Group};
use super::number::{Clock, print_double};
use super::request::Metric;
use super::tree::Tree;
use super::tree_text;
use crate::base::decimal::push_integer;
use crate::base::printer::Printer;
use crate::http::question::Question;
use crate::query::breath::Pace;
use crate::query::error::QueryError;
use crate::query::kairos::stream::{Point, Texts, Value};
use crate::query::kairos::tags::Tags;
use crate::query::kairos::{Column, KairosError, SeriesPoints};
use crate::simd::Scanner;
use crate::wire::json::push_text;

/// Points that are printed between two breaths: each costs up to 100 ns.
const POINTS_PER_BREATH: usize = 500;
/// What a point takes in the text at least: `[0,1],`.
const POINT_BYTES_MIN: u64 = 6;

/// An answer under way.
pub(super) struct Answer<'a> {
    question: &'a Question<'a>,
    pace: Pace<'a>,
    text: Vec<u8>,
    clock: Clock,
    fronts: Fronts,
    lanes: Scanner,
    /// Decimal places of the last float.
    places: usize,
    points: u64,
    queries: usize,
    /// Whether a result of the metric was printed.
    is_behind: bool,
}

impl<'a> Answer<'a> {
    pub(super) fn new(question: &'a Question<'a>) -> Answer<'a> {
        Answer {
            question,
            pace: Pace::every(POINTS_PER_BREATH, question),
            text: b"{".to_vec(),
            clock: Clock::default(),
            fronts: Fronts::default(),
            lanes: Scanner::widest(),
            places: 0,
            points: 0,
            queries: 0,
            is_behind: false,
        }
    }

    /// Begin. With the query in front, where the operator wants that.
    pub(super) async fn begin(&mut self, asked: &Tree) -> Result<(), QueryError> {
        if self.question.options.kairos_query.return_query {
            self.text.extend_from_slice(b"\"original_query\":");
            tree_text::push_in_pieces(asked, &mut self.text, &self.pace).await?;
            self.text.push(b',');
        }
        self.text.extend_from_slice(b"\"queries\":[");
        Ok(())
    }

    /// For a loop beside the printing.
    pub(super) fn pace(&self) -> &Pace<'a> {
        &self.pace
    }

    /// The whole text.
    pub(super) fn end(mut self) -> Vec<u8> {
        self.text.extend_from_slice(b"]}");
        self.text
    }

    /// Begin what is told of one metric; a list of tags tells no size.
    pub(super) fn begin_metric(&mut self, sample_size: Option<u64>) {
        if self.queries > 0 {
            self.text.push(b',');
        }
        self.queries += 1;
        self.is_behind = false;
        self.text.push(b'{');
        if let Some(size) = sample_size {
            self.text.extend_from_slice(b"\"sample_size\":");
            push_integer(i64::try_from(size).unwrap_or(i64::MAX), &mut self.text);
            self.text.push(b',');
        }
        self.text.extend_from_slice(b"\"results\":[");
    }

    /// All of a metric is told.
    pub(super) fn end_metric(&mut self) {
        self.text.extend_from_slice(b"]}");
    }

    /// Points that are just as they were stored: all of a group, or its first.
    pub(super) async fn push_stored(
        &mut self,
        metric: &Metric,
        gathered: &Gathered,
        group: &Group,
    ) -> Result<(), Refused> {
        let count = gathered.count(group, metric);
        let count = metric.limit.map_or(count, |limit| limit.min(count));
        self.begin_result(metric, group, &[], count as u64).await?;
        let mut joining = gathered.joining(group, metric);
        let mut some = Vec::with_capacity(POINTS_PER_BREATH);
        let mut left = count;
        while left > 0 {
            some.clear();
            let most = POINTS_PER_BREATH.min(left);
            if let Some(column) = joining.alone(most) {
                let first = count - left;
                left -= column.len().min(left);
                if !self.push_column(first, &column).await? {
                    some.extend(column.points());
                    self.push_some(&some, &gathered.texts).await?;
                }
                continue;
            }
            let is_last = joining.step(most, &mut some);
            some.truncate(left);
            left -= some.len();
            self.push_some(&some, &gathered.texts).await?;
            if is_last {
                break;
            }
        }
        self.end_result();
        Ok(())
    }

    /// Points that were computed. `ids` are the groups of points that the group is in, one for each grouper.
    pub(super) async fn push_computed(
        &mut self,
        metric: &Metric,
        (group, ids): (&Group, &[i64]),
        points: &[Point],
        texts: &Texts,
    ) -> Result<(), Refused> {
        self.begin_result(metric, group, ids, points.len() as u64)
            .await?;
        for some in points.chunks(POINTS_PER_BREATH) {
            self.push_some(some, texts).await?;
        }
        self.end_result();
        Ok(())
    }

    /// All points are told.
    fn end_result(&mut self) {
        // There is none behind the last point.
        self.text.pop_if(|last| *last == b',');
        self.text.extend_from_slice(b"]}");
    }

    /// The tags of a metric, without points.
    pub(super) async fn push_tags_of(
        &mut self,
        metric: &Metric,
        tags: &Tags,
    ) -> Result<(), Refused> {
        self.text.extend_from_slice(b"{\"name\":");
        push_text(&metric.name, &mut self.text);
        self.push_tags(tags).await?;
        self.text.extend_from_slice(b",\"values\":[]}");
        let bytes = self.text.len() as u64;
        Ok(self.question.options.limits.check_bytes(bytes)?)
    }

    /// All up to the first point.
    async fn begin_result(
        &mut self,
        metric: &Metric,
        group: &Group,
        ids: &[i64],
        points: u64,
    ) -> Result<(), QueryError> {
        self.points = self.points.saturating_add(points);
        let limits = &self.question.options.limits;
        limits.check_points_returned(self.points)?;
        limits.check_bytes(self.points.saturating_mul(POINT_BYTES_MIN))?;
        if std::mem::replace(&mut self.is_behind, true) {
            self.text.push(b',');
        }
        self.text.extend_from_slice(b"{\"name\":");
        push_text(&metric.name, &mut self.text);
        if let Some(alias) = &metric.alias {
            self.text.extend_from_slice(b",\"alias\":");
            push_text(alias, &mut self.text);
        }
        self.push_group(metric, group, ids);
        if !metric.exclude_tags {
            self.push_tags(&group.tags).await?;
        }
        // The tags are there once more with each group of points.
        limits.check_bytes(self.text.len() as u64)?;
        self.text.extend_from_slice(b",\"values\":[");
        self.pace.did_series(metric.name.len()).await
    }

    /// What the group shares. One without series shares nothing.
    fn push_group(&mut self, metric: &Metric, group: &Group, ids: &[i64]) {
        let Some(kind) = group.kind else {
            return;
        };
        let out = &mut self.text;
        out.extend_from_slice(b",\"group_by\":[");
        for (grouper, id) in metric.groupers.iter().zip(ids) {
            super::echo::push_grouper(grouper, *id, out);
            out.push(b',');
        }
        if let Some(tags) = &metric.tags {
            out.extend_from_slice(b"{\"name\":\"tag\",\"tags\":[");
            push_list(tags, out);
            out.extend_from_slice(b"],\"group\":{");
            let mut is_first = true;
            for (i, (tag, value)) in tags.iter().zip(&group.values).enumerate() {
                if tags.iter().take(i).any(|known| known == tag) {
                    continue;
                }
                if !std::mem::take(&mut is_first) {
                    out.push(b',');
                }
                push_text(tag, out);
                out.push(b':');
                push_text(value, out);
            }
            out.extend_from_slice(b"}},");
        }
        out.extend_from_slice(b"{\"name\":\"type\",\"type\":\"");
        out.extend_from_slice(kind.name().as_bytes());
        out.extend_from_slice(b"\"}]");
    }

    /// All tags, sorted, each value once.
    async fn push_tags(&mut self, tags: &Tags) -> Result<(), QueryError> {
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

    /// Numbers of one series, behind `first` others of it. False where they are to be printed one by one.
    async fn push_column(
        &mut self,
        first: usize,
        column: &SeriesPoints<'_>,
    ) -> Result<bool, Refused> {
        let before = self.text.len();
        let Some(fronts) = self.fronts.of(first, column.times) else {
            return Ok(false);
        };
        match column.values {
            Column::Double(values) => {
                let ended = self.lanes.run(Doubles {
                    values,
                    fronts,
                    places: &mut self.places,
                    text: &mut self.text,
                });
                let place = ended.and_then(|at| Some((*column.times.get(at)?, *values.get(at)?)));
                if let Some((time, value)) = place {
                    return Err(KairosError::not_finite(time, value).into());
                }
            }
            Column::Long(values) => push_longs(values, fronts, &mut self.text),
            Column::Text { .. } => return Ok(false),
        }
        // Many at once take less time than they have bytes.
        self.did(column.len() / 4, before).await?;
        Ok(true)
    }

    async fn push_some(&mut self, some: &[Point], texts: &Texts) -> Result<(), Refused> {
        let out = &mut self.text;
        let before = out.len();
        let mut room = [0; POINT_BYTES_MAX];
        let mut printer = Printer::new(&mut room, self.places);
        for point in some {
            printer.text(b"[");
            self.clock.print(point.time, &mut printer);
            printer.text(b",");
            match point.value {
                Value::Long(value) => printer.integer(value),
                Value::Double(value) if value.is_finite() => print_double(value, &mut printer),
                Value::Double(value) => {
                    return Err(KairosError::not_finite(point.time, value).into());
                }
                Value::Text(place) => {
                    printer.hand_on(out);
                    push_text(texts.get(place), out);
                }
                Value::Null => printer.text(b"null"),
            }
            printer.text(BACK);
            printer.hand_on(out);
        }
        self.places = printer.places();
        self.did(some.len(), before).await
    }

    /// So much was done since the text was so long.
    async fn did(&mut self, work: usize, before: usize) -> Result<(), Refused> {
        let bytes = self.text.len();
        self.question.options.limits.check_bytes(bytes as u64)?;
        // A point of numbers takes about 24 bytes.
        self.pace.did(work.max((bytes - before) / 32)).await?;
        Ok(())
    }
}

/// Append texts with commas between them.
pub(super) fn push_list(texts: &[String], out: &mut Vec<u8>) {
    for (i, text) in texts.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        push_text(text, out);
    }
}
