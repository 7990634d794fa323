//! `/render`: series of targets, with functions applied, as JSON, CSV, raw text or a picture, and in
//! binary forms for other servers.

mod carbon;
mod csv;
mod dygraph;
mod explain;
mod fetch;
mod image;
mod json;
mod packed;
mod raw;
mod request;
mod rickshaw;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, EXPIRES};
use http::{HeaderValue, Response};

use super::carbon::Dialect;
use super::errors::Failure;
use super::fronts;
use super::question::{Question, document};
use crate::base::decimal::{integer, push_float, push_integer};
use crate::query::breath::Pace;
use crate::query::error::QueryError;
use crate::query::graphite::evaluate::{Budget, Evaluator};
use crate::query::graphite::target::Target;
use crate::query::graphite::{Context, consolidate};
use crate::query::series::Series;
use explain::{Stage, Stages};
use fetch::Fetch;
use request::{Format, Request};

/// Answer.
pub(super) async fn answer(question: &Question<'_>) -> Result<Response<Bytes>, Failure> {
    if let Some(dialect) = Dialect::of(question) {
        return carbon::answer(question, dialect).await;
    }
    fronts::spared(question, answered(question).await)
}

async fn answered(question: &Question<'_>) -> Result<Response<Bytes>, Failure> {
    let request = Request::read(question).await?;
    if request.format.is_json() {
        question.callback()?;
    }
    let budget = Budget::new(question.options.limits.bytes_max, question.share());
    let mut series = Vec::new();
    let Request {
        targets, context, ..
    } = &request;
    let stages = Stages::default();
    let work = Work {
        question,
        budget: &budget,
        stages: &stages,
        fresh: request.cache_seconds == 0,
    };
    let printed = match evaluate_all(work, targets, context, &mut series).await {
        Ok(()) => print_timed(work, &request, &mut series).await,
        Err(failure) => Err(failure),
    };
    question.free(series).await;
    tell_if_slow(question, &request, &stages);
    let (kind, text) = printed?;
    if question.parameters.last("explain") == Some("1") {
        let targets: Vec<&str> = targets.iter().map(|(text, _)| text.as_str()).collect();
        let range = (context.from, context.until);
        return question
            .json(stages.json(&targets, range, question.took()))
            .await;
    }
    let mut response = if request.format.is_json() {
        question.json(text).await?
    } else {
        document(kind, text)
    };
    let seconds = request.cache_seconds;
    set_cache_headers(question.began.seconds(), seconds, &mut response);
    Ok(response)
}

/// What every step of an answer needs.
#[derive(Clone, Copy)]
struct Work<'a> {
    question: &'a Question<'a>,
    budget: &'a Budget,
    stages: &'a Stages,
    /// See [`Fetch`].
    fresh: bool,
}

/// Keep what a slow question was in the log.
fn tell_if_slow(question: &Question<'_>, request: &Request, stages: &Stages) {
    let took = question.took();
    let slow = question.options.slow;
    if slow.is_zero() || took < slow {
        return;
    }
    let targets = request.targets.iter().map(|(text, _)| text.clone());
    let targets = explain::shortened(targets.collect::<Vec<String>>().join(" "));
    tracing::info!(
        targets,
        from = request.context.from,
        until = request.context.until,
        took_ms = took.as_millis() as u64,
        stages = stages.line(),
        "slow query"
    );
}

async fn print_timed(
    work: Work<'_>,
    request: &Request,
    series: &mut Vec<Series>,
) -> Result<(&'static str, Vec<u8>), Failure> {
    let began = work.question.took();
    let (kind, text) = print(work.question, request, work.budget, series).await?;
    work.stages.push(Stage {
        kind: "print",
        of: kind.to_owned(),
        took: work.question.took().saturating_sub(began),
        series: series.len() as u64,
        bytes: text.len() as u64,
        ..Stage::default()
    });
    Ok((kind, text))
}

/// The answer's media type and text.
async fn print(
    question: &Question<'_>,
    request: &Request,
    budget: &Budget,
    series: &mut Vec<Series>,
) -> Result<(&'static str, Vec<u8>), Failure> {
    if matches!(request.format, Format::Json) {
        let pace = question.pace();
        if let Some(max_data_points) = request.max_data_points {
            consolidate::consolidate(series, max_data_points, &pace).await?;
        }
        consolidate::cut_to_range(series);
        if request.no_null_points {
            *series = consolidate::no_null_points(std::mem::take(series), &pace).await?;
        }
    }
    if !matches!(request.format, Format::Image(_)) {
        check_returned(question, series)?;
    }
    let room = |value_bytes| Pieces::new(question, budget, series, value_bytes);
    Ok(match &request.format {
        Format::Json => {
            let with_nulls = !request.no_null_points;
            let text = json::print(room(json::VALUE_BYTES), series, with_nulls).await?;
            ("application/json", text)
        }
        Format::Csv => {
            let pieces = room(csv::value_bytes(series));
            let zone = &request.context.zone;
            ("text/csv", csv::print(pieces, series, zone).await?)
        }
        Format::Raw => {
            let text = raw::print(room(raw::VALUE_BYTES), series).await?;
            ("text/plain; charset=utf-8", text)
        }
        Format::Dygraph => {
            let text = dygraph::print(room(dygraph::VALUE_BYTES), series).await?;
            ("application/json", text)
        }
        Format::Rickshaw => {
            let text = rickshaw::print(room(rickshaw::VALUE_BYTES), series).await?;
            ("application/json", text)
        }
        Format::Packed(packing) => {
            let text = packed::print(room(packed::VALUE_BYTES), series, *packing).await?;
            (packing.kind(), text)
        }
        Format::Image(wanted) => {
            image::print(question, wanted, &request.context, budget, series).await?
        }
    })
}

/// The series of all targets, one target after the other, appended to `series`. Those of a target that is
/// no function carry its text as it was sent: whoever asked looks for that.
async fn evaluate_all(
    work: Work<'_>,
    targets: &[(String, Target)],
    context: &Context,
    series: &mut Vec<Series>,
) -> Result<(), Failure> {
    let Work {
        question, budget, ..
    } = work;
    let pace = question.pace();
    let leaves = Fetch {
        question,
        budget,
        stages: work.stages,
        fresh: work.fresh,
    };
    let evaluator = Evaluator::new(&leaves, budget, &pace);
    let parsed = targets.iter().map(|(_, target)| target);
    evaluator.prepare(parsed, context).await?;
    let mut evaluated = Ok(());
    for (text, target) in targets {
        let begin = series.len();
        let began = question.took();
        let found = evaluator.evaluate(target, context).await;
        let found = found.map(|found| series.extend(found));
        let told = match target.expression.selector() {
            Some(_) if found.is_ok() => tell(text, &mut series[begin..], budget, &pace).await,
            _ => Ok(()),
        };
        if let Err(error) = found.and(told) {
            let targets = vec![text.clone()];
            evaluated = Err(Failure::Query { error, targets });
            break;
        }
        work.stages.push(Stage {
            kind: "evaluate",
            of: explain::shortened(text.clone()),
            took: question.took().saturating_sub(began),
            series: (series.len() - begin) as u64,
            ..Stage::default()
        });
    }
    question.free(evaluator.into_fetched()).await;
    evaluated
}

async fn tell(
    text: &str,
    series: &mut [Series],
    budget: &Budget,
    pace: &Pace<'_>,
) -> Result<(), QueryError> {
    for one in series {
        if one.path_expression != text {
            budget.pay(text.len() as u64)?;
            text.clone_into(&mut one.path_expression);
        }
        pace.did_series(text.len()).await?;
    }
    Ok(())
}

fn check_returned(question: &Question<'_>, series: &[Series]) -> Result<(), QueryError> {
    let values = series.iter().map(|one| one.values.len() as u64).sum();
    question.options.limits.check_points_returned(values)
}

/// As graphite-web tells browsers and proxies. Nothing is kept here: the same question asked again
/// is answered afresh.
fn set_cache_headers(now_seconds: i64, seconds: u32, response: &mut Response<Bytes>) {
    let headers = response.headers_mut();
    if seconds == 0 {
        let never = "max-age=0, no-cache, no-store, must-revalidate, private";
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(never));
    } else if let Ok(max_age) = HeaderValue::from_str(&format!("max-age={seconds}")) {
        headers.insert(CACHE_CONTROL, max_age);
    }
    let at = now_seconds.saturating_add(i64::from(seconds));
    if let Some(date) = http_date(at) {
        headers.insert(EXPIRES, date);
    }
}

fn http_date(seconds: i64) -> Option<HeaderValue> {
    let at = jiff::Timestamp::from_second(seconds).ok()?;
    let printer = jiff::fmt::rfc2822::DateTimePrinter::new();
    let date = printer.timestamp_to_rfc9110_string(&at).ok()?;
    HeaderValue::from_str(&date).ok()
}

/// A value of `series`, as [`push_number`], and `otherwise` for what is not finite.
fn push_value(value: f64, series: &Series, otherwise: &[u8], out: &mut Vec<u8>) {
    if value.is_finite() {
        push_number(value, series, out);
    } else {
        out.extend_from_slice(otherwise);
    }
}

/// A value of `series`, as Python writes it: whole numbers without a point, as long as they have 64 bits.
fn push_number(value: f64, series: &Series, out: &mut Vec<u8>) {
    match integer(value).filter(|_| series.integers) {
        Some(whole) => push_integer(whole, out),
        None => push_float(value, out),
    }
}

/// What a series takes in an answer besides its texts and values, about.
const SERIES_BYTES: usize = 260;

/// Values that are printed between two breaths: each costs up to 200 ns.
/// A multiple of those that JSON has printed together.
const VALUES_PER_BREATH: usize = 512;

/// An answer's text under way.
struct Pieces<'a> {
    budget: &'a Budget,
    pace: Pace<'a>,
    text: Vec<u8>,
    bytes_paid: usize,
}

impl<'a> Pieces<'a> {
    /// Nothing yet, with room for all: each value takes at most about `value_bytes`, each series as
    /// much as its name twice and a little more. Growing a long text by and by would copy it in one
    /// piece; room that is not used costs no memory.
    fn new(
        question: &'a Question<'a>,
        budget: &'a Budget,
        series: &[Series],
        value_bytes: usize,
    ) -> Pieces<'a> {
        let bytes_of = |one: &Series| {
            let values = one.values.len().saturating_mul(value_bytes);
            let texts = 2 * one.name.len() + one.path_expression.len();
            values.saturating_add(texts + SERIES_BYTES)
        };
        let bytes = series.iter().map(bytes_of).fold(0, usize::saturating_add);
        let bytes_max = question.options.limits.bytes_max;
        let mut text = Vec::new();
        // Without the room the text grows as texts do.
        let _ = text.try_reserve(bytes.min(usize::try_from(bytes_max).unwrap_or(usize::MAX)));
        Pieces {
            budget,
            pace: Pace::every(VALUES_PER_BREATH, question),
            text,
            bytes_paid: 0,
        }
    }

    /// `values` more were printed: pay for the text, and breathe if that is due.
    ///
    /// # Errors
    /// Time or memory of the query is used up.
    async fn did(&mut self, values: usize) -> Result<(), QueryError> {
        self.budget
            .pay(self.text.len().saturating_sub(self.bytes_paid) as u64)?;
        self.bytes_paid = self.bytes_paid.max(self.text.len());
        self.pace.did(values).await
    }

    /// One series was begun or ended: its name costs as much as a few values.
    ///
    /// # Errors
    /// As [`Pieces::did`].
    async fn did_series(&mut self, series: &Series) -> Result<(), QueryError> {
        self.did(2 + series.name.len() / 32).await
    }
}
