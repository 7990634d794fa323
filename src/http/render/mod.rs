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
use super::question::{BREATH, Question, document};
use crate::query::error::QueryError;
use crate::query::graphite::{consolidate, evaluate};
use crate::query::series::Series;
use request::{Format, Request};

/// Answer.
pub(super) async fn answer(question: &Question<'_>) -> Result<Response<Bytes>, Failure> {
    let request = Request::read(question).await?;
    let mut series = evaluated(question, &request).await?;
    let mut response = match request.format {
        Format::Json => {
            question.callback()?;
            if let Some(max_data_points) = request.max_data_points {
                consolidated(question, &mut series, max_data_points).await?;
            }
            if request.no_null_points {
                consolidate::no_null_points(&mut series);
            }
            check_returned(question, &series)?;
            question.json(json::print(question, &series, !request.no_null_points).await?)?
        }
        Format::Csv => {
            check_returned(question, &series)?;
            let text = csv::print(question, &series, &request.context.zone).await?;
            document("text/csv", text)
        }
        Format::Raw => {
            check_returned(question, &series)?;
            document(
                "text/plain; charset=utf-8",
                raw::print(question, &series).await?,
            )
        }
    };
    let seconds = request.cache_seconds;
    set_cache_headers(question.began.seconds(), seconds, &mut response);
    Ok(response)
}

/// The series of all targets, one target after the other.
async fn evaluated(question: &Question<'_>, request: &Request) -> Result<Vec<Series>, Failure> {
    let fetched = fetch::fetch(question, request).await?;
    let mut series = Vec::new();
    for (text, target) in &request.targets {
        let found = evaluate::evaluate(target, &fetched, &request.context);
        series.extend(found.map_err(|error| Failure::Query {
            error,
            targets: vec![text.clone()],
        })?);
        question.breathe().await?;
    }
    Ok(series)
}

/// Fewer values a series, as many as the reader has room for.
async fn consolidated(
    question: &Question<'_>,
    series: &mut [Series],
    max_data_points: u64,
) -> Result<(), QueryError> {
    let range_s = consolidate::range_s(series);
    let mut done = 0;
    for one in series {
        done += one.values.len();
        consolidate::consolidate_one(one, range_s, max_data_points);
        if done >= BREATH {
            done = 0;
            question.breathe().await?;
        }
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

/// What a series takes in an answer besides its name and values, about.
const SERIES_BYTES: usize = 100;

/// Values that are printed between two breaths: each costs up to 200 ns.
const VALUES_PER_BREATH: usize = 500;

/// An answer's text under way, and how much was done since the last breath.
struct Pieces<'a> {
    question: &'a Question<'a>,
    text: Vec<u8>,
    done: usize,
}

impl<'a> Pieces<'a> {
    /// Nothing yet, with room for all: each value takes at most about `value_bytes`, each series as
    /// much as its name twice and a little more. Growing a long text by and by would copy it in one
    /// piece; room that is not used costs no memory.
    fn new(question: &'a Question<'a>, series: &[Series], value_bytes: usize) -> Pieces<'a> {
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
            question,
            text,
            done: 0,
        }
    }

    /// `values` more were printed: breathe if that is due.
    ///
    /// # Errors
    /// Time or memory of the query is used up.
    async fn did(&mut self, values: usize) -> Result<(), QueryError> {
        self.done += values;
        if self.done < VALUES_PER_BREATH {
            return Ok(());
        }
        self.done = 0;
        let limits = &self.question.options.limits;
        limits.check_bytes(self.text.len() as u64)?;
        self.question.breathe().await
    }
}
