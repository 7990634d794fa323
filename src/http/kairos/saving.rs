//! What `save_as` sees of a query is stored as another metric, by the same way as what senders send: it is on
//! stable storage before the query is answered.

use std::cell::Cell;
use std::collections::BTreeMap;

use super::ingest::{is_passing, told};
use super::request::Metric;
use crate::http::Unstored;
use crate::http::question::Question;
use crate::model::number::Number;
use crate::model::refusal::Protocol;
use crate::model::sample::{Samples, Span};
use crate::model::series::Values;
use crate::query::breath::Local;
use crate::query::error::QueryError;
use crate::query::kairos::aggregator::SaveAs;
use crate::query::kairos::stream::{Stream, Texts, Value};
use crate::query::kairos::tags::Tags;
use crate::query::kairos::{KairosError, Saver};
use crate::wire::kairos_sent;

/// The tag that says which metric a saved one comes from.
const SAVED_FROM: &str = "saved_from";
/// Points that are stored in one go.
const BATCH_POINTS: usize = 5_000;
/// Bytes of texts of points that are stored in one go, and some more.
const BATCH_BYTES: usize = 1 << 20;

/// Stores for one query.
pub(super) struct Saving<'a> {
    question: &'a Question<'a>,
    points: Cell<u64>,
}

impl<'a> Saving<'a> {
    pub(super) fn new(question: &'a Question<'a>) -> Saving<'a> {
        Saving {
            question,
            points: Cell::new(0),
        }
    }

    /// Points that were stored so far.
    pub(super) fn points(&self) -> u64 {
        self.points.get()
    }

    /// Stores what becomes of one group of series of a metric.
    pub(super) fn of<'b>(
        &'b self,
        metric: &'b Metric,
        tags: &'b Tags,
        texts: &'b Texts,
    ) -> GroupSaver<'b> {
        GroupSaver {
            question: self.question,
            points: &self.points,
            metric,
            tags,
            texts,
        }
    }
}

/// Stores what becomes of one group.
pub(super) struct GroupSaver<'a> {
    question: &'a Question<'a>,
    points: &'a Cell<u64>,
    metric: &'a Metric,
    tags: &'a Tags,
    texts: &'a Texts,
}

impl Saver for GroupSaver<'_> {
    fn save<'a>(
        &'a self,
        to: &'a SaveAs,
        points: &'a Stream,
    ) -> Local<'a, Result<(), KairosError>> {
        Box::pin(self.stored(to, points))
    }
}

impl GroupSaver<'_> {
    /// What the points are tagged with: what the query says, the metric they come from, and each tag that
    /// a grouper of the query names where the group has one value of it.
    fn tags(&self, to: &SaveAs) -> Result<BTreeMap<String, String>, KairosError> {
        let mut tags = BTreeMap::new();
        let own = to
            .tags
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()));
        let saved_from = to
            .add_saved_from
            .then_some((SAVED_FROM, self.metric.name.as_str()));
        let grouping = &self.metric.kept_tags;
        let shared = self.tags.iter().filter_map(|(key, values)| {
            let is_shared = values.len() == 1 && grouping.contains(key);
            let value = values.first().filter(|_| is_shared)?;
            Some((key.as_str(), value.as_str()))
        });
        for (key, value) in own.chain(saved_from).chain(shared) {
            if let Some(before) = tags.insert(key.to_owned(), value.to_owned()) {
                return Err(KairosError::failed(format!(
                    "Multiple entries with same key: {key}={before} and {key}={value}"
                )));
            }
        }
        Ok(tags)
    }

    async fn stored(&self, to: &SaveAs, stream: &Stream) -> Result<(), KairosError> {
        let tags = self.tags(to)?;
        let mut batch = Batch::new(to, &tags);
        for (i, point) in stream.points.iter().enumerate() {
            if let Value::Double(value) = point.value
                && !value.is_finite()
            {
                return Err(KairosError::failed(format!(
                    "NaN or Infinity: {} cannot store the data point at {}",
                    to.metric_name, point.time
                )));
            }
            batch.push(point.time, point.value, self.texts);
            if batch.is_full() {
                self.ingest(&mut batch).await?;
                batch = Batch::new(to, &tags);
            }
            self.question.breathe_every(i).await?;
        }
        self.ingest(&mut batch).await
    }

    /// Store a batch, and wait until it is.
    async fn ingest(&self, batch: &mut Batch) -> Result<(), KairosError> {
        let count = batch.samples.len() as u64;
        if count == 0 {
            return Ok(());
        }
        let fleet = self.question.fleet;
        let stored = fleet.ingest(
            fleet.sender(),
            Protocol::KairosRest,
            &batch.text,
            &mut batch.samples,
        );
        match stored.await {
            Ok(()) => {
                self.points.set(self.points.get() + count);
                Ok(())
            }
            Err(Unstored::Later(_)) => Err(QueryError::Busy.into()),
            Err(Unstored::Refused(refusals)) => {
                if refusals.iter().any(|(reason, _)| is_passing(reason)) {
                    return Err(QueryError::Busy.into());
                }
                let reasons = refusals.iter().map(|(reason, _)| told(reason));
                let reasons: Vec<String> = reasons.collect();
                let told = format!("save_as could not store all points: {}", reasons.join("; "));
                Err(QueryError::Limit(told).into())
            }
        }
    }
}

/// Points on their way, and the text that names them: the forms of up to three series, then texts of points.
struct Batch {
    text: Vec<u8>,
    samples: Samples,
    doubles: Span,
    longs: Span,
    texts: Span,
}

impl Batch {
    fn new(to: &SaveAs, tags: &BTreeMap<String, String>) -> Batch {
        let mut text = Vec::new();
        let mut form = |values| {
            let start = text.len();
            let tags = tags
                .iter()
                .map(|(key, value)| (key.as_str(), value.as_str()));
            // Not above 0 is for ever.
            let ttl = u32::try_from(to.ttl.max(0)).unwrap_or(u32::MAX);
            kairos_sent::form(values, ttl, &to.metric_name, tags, &mut text);
            span(start, text.len())
        };
        let (doubles, longs) = (form(Values::Double), form(Values::Long));
        let texts = form(Values::Text);
        Batch {
            samples: Samples::default(),
            text,
            doubles,
            longs,
            texts,
        }
    }

    fn is_full(&self) -> bool {
        BATCH_POINTS <= self.samples.len() || BATCH_BYTES <= self.text.len()
    }

    fn push(&mut self, time_ms: i64, value: Value, texts: &Texts) {
        match value {
            Value::Long(value) => self.samples.push(self.longs, time_ms, Number::long(value)),
            Value::Double(value) => {
                let number = Number::found(value, 0);
                self.samples.push(self.doubles, time_ms, number);
            }
            Value::Text(place) => {
                let start = self.text.len();
                self.text.extend_from_slice(texts.get(place).as_bytes());
                let text = span(start, self.text.len());
                self.samples.push_text(self.texts, time_ms, text);
            }
            // A bucket without points has nothing to be stored.
            Value::Null => {}
        }
    }
}

/// Batches are far below 4 GiB.
fn span(start: usize, end: usize) -> Span {
    Span {
        start: start as u32,
        len: (end - start) as u32,
    }
}
