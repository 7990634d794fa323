//! `/render`: series of targets, with functions applied, as JSON, CSV or raw text.

mod csv;
mod fetch;
mod json;
mod raw;
mod request;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, EXPIRES};
use http::{HeaderValue, Response};

use super::errors::Failure;
use super::question::{Question, document};
use crate::query::breath::Pace;
use crate::query::error::QueryError;
use crate::query::graphite::consolidate;
use crate::query::graphite::evaluate::{Budget, Evaluator};
use crate::query::series::Series;
use fetch::Fetch;
use request::{Format, Request};

/// Answer.
pub(super) async fn answer(question: &Question<'_>) -> Result<Response<Bytes>, Failure> {
    let request = Request::read(question).await?;
    if request.format == Format::Json {
        question.callback()?;
    }
    let budget = Budget::new(question.options.limits.bytes_max);
    let mut series = Vec::new();
    let printed = match evaluate_all(question, &request, &budget, &mut series).await {
        Ok(()) => print(question, &request, &budget, &mut series).await,
        Err(failure) => Err(failure),
    };
    question.free(series).await;
    let (kind, text) = printed?;
    let mut response = match request.format {
        Format::Json => question.json(text).await?,
        Format::Csv | Format::Raw => document(kind, text),
    };
    let seconds = request.cache_seconds;
    set_cache_headers(question.began.seconds(), seconds, &mut response);
    Ok(response)
}

/// The answer's media type and text.
async fn print(
    question: &Question<'_>,
    request: &Request,
    budget: &Budget,
    series: &mut Vec<Series>,
) -> Result<(&'static str, Vec<u8>), Failure> {
    if request.format == Format::Json {
        let pace = question.pace();
        if let Some(max_data_points) = request.max_data_points {
            consolidate::consolidate(series, max_data_points, &pace).await?;
        }
        if request.no_null_points {
            *series = consolidate::no_null_points(std::mem::take(series), &pace).await?;
        }
    }
    check_returned(question, series)?;
    let room = |value_bytes| Pieces::new(question, budget, series, value_bytes);
    Ok(match request.format {
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
    })
}

/// The series of all targets, one target after the other, appended to `series`.
async fn evaluate_all(
    question: &Question<'_>,
    request: &Request,
    budget: &Budget,
    series: &mut Vec<Series>,
) -> Result<(), Failure> {
    let pace = question.pace();
    let leaves = Fetch { question, budget };
    let evaluator = Evaluator::new(&leaves, budget, &pace);
    let context = &request.context;
    let targets = request.targets.iter().map(|(_, target)| target);
    evaluator.prepare(targets, context).await?;
    let mut evaluated = Ok(());
    for (text, target) in &request.targets {
        match evaluator.evaluate(target, context).await {
            Ok(found) => series.extend(found),
            Err(error) => {
                let targets = vec![text.clone()];
                evaluated = Err(Failure::Query { error, targets });
                break;
            }
        }
    }
    question.free(evaluator.into_fetched()).await;
    evaluated
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

/// What a series takes in an answer besides its name and values, about.
const SERIES_BYTES: usize = 100;

/// Values that are printed between two breaths: each costs up to 200 ns.
const VALUES_PER_BREATH: usize = 500;

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
            values.saturating_add(2 * one.name.len() + SERIES_BYTES)
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
            .pay((self.text.len() - self.bytes_paid) as u64)?;
        self.bytes_paid = self.text.len();
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
