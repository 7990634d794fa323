//! What a `/render` request asks for.

use crate::http::errors::Failure;
use crate::http::parameters::Parameters;
use crate::http::question::Question;
use crate::query::breath::PIECE;
use crate::query::error::QueryError;
use crate::query::graphite::target::{self, Target};
use crate::query::graphite::{Context, evaluate, time};

/// Targets of one request.
const TARGETS_MAX: usize = 1_000;
/// Seconds that a browser may keep an answer whose request says nothing else.
const CACHE_SECONDS: u32 = 60;

/// How the series are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Csv,
    Raw,
}

/// A request, read.
pub(super) struct Request {
    pub(super) format: Format,
    /// Each as it was sent, and what it means.
    pub(super) targets: Vec<(String, Target)>,
    /// Range, zone and what else functions may know.
    pub(super) context: Context,
    /// Values of a series that the reader has room for.
    pub(super) max_data_points: Option<u64>,
    /// Whether nulls are left out.
    pub(super) no_null_points: bool,
    /// Seconds that the answer may be kept; 0 is not at all.
    pub(super) cache_seconds: u32,
}

impl Request {
    /// Read the parameters. What graphite-web knows and this does not is ignored.
    ///
    /// # Errors
    /// A format that is not served, a time, a number or a target that cannot be read, and an empty
    /// range.
    pub(super) async fn read(question: &Question<'_>) -> Result<Request, Failure> {
        let parameters = &question.parameters;
        Ok(Request {
            format: format(parameters)?,
            context: context(question)?,
            targets: targets(question).await?,
            max_data_points: digits(parameters.last("maxDataPoints")),
            no_null_points: parameters.has("noNullPoints"),
            cache_seconds: cache_seconds(parameters),
        })
    }
}

fn format(parameters: &Parameters) -> Result<Format, Failure> {
    if parameters.has("rawData") {
        return Ok(Format::Raw);
    }
    match parameters.last("format").unwrap_or("json") {
        "json" => Ok(Format::Json),
        "csv" => Ok(Format::Csv),
        "raw" => Ok(Format::Raw),
        other => Err(Failure::invalid(format!(
            "format {other:?} is not served; there are json, csv and raw"
        ))),
    }
}

fn context(question: &Question<'_>) -> Result<Context, Failure> {
    let parameters = &question.parameters;
    let zone = question.zone();
    let clock = question.began.seconds();
    let now = time::parse(parameters.last("now").unwrap_or("now"), clock, &zone)?;
    let at = |name, otherwise| {
        let spec = parameters.last(name).unwrap_or(otherwise);
        time::parse(spec, now, &zone)
    };
    let (from, until) = (at("from", "-1d")?, at("until", "now")?);
    if from == until {
        return Err(Failure::invalid("Invalid empty time range"));
    }
    Ok(Context {
        from: from.min(until),
        until: from.max(until),
        now,
        x_files_factor: x_files_factor(parameters)?,
        zone,
        limits: question.options.limits,
    })
}

fn x_files_factor(parameters: &Parameters) -> Result<f64, Failure> {
    let Some(text) = parameters.last("xFilesFactor") else {
        return Ok(0.0);
    };
    match text.trim().parse::<f64>() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err(Failure::invalid(format!(
            "xFilesFactor is {text:?}, not a number from 0 to 1"
        ))),
    }
}

/// `target`, or where there is none `target[]`, as jQuery and PHP spell lists.
async fn targets(question: &Question<'_>) -> Result<Vec<(String, Target)>, Failure> {
    let parameters = &question.parameters;
    let list = if parameters.has("target") {
        "target"
    } else {
        "target[]"
    };
    let texts = parameters.all(list).filter(|text| !text.trim().is_empty());
    let overrides = parameters.in_brackets("template");
    let mut targets = Vec::new();
    let pace = question.pace();
    for text in texts {
        if targets.len() == TARGETS_MAX {
            return Err(Failure::invalid(format!(
                "more than {TARGETS_MAX} targets; send several requests"
            )));
        }
        let target = read_target(text, &overrides).map_err(|error| Failure::Query {
            error,
            targets: vec![text.to_owned()],
        })?;
        targets.push((text.to_owned(), target));
        // Reading takes about 10 ns a byte; filling in templates may search much more than the target has.
        let templates = if text.contains("template") { PIECE } else { 0 };
        pace.did(text.len() + templates).await?;
    }
    Ok(targets)
}

fn read_target(text: &str, overrides: &[(String, String)]) -> Result<Target, QueryError> {
    let target = target::parse(text, overrides)?;
    evaluate::check(&target)?;
    Ok(target)
}

/// A number of nothing but digits; graphite-web ignores anything else.
fn digits(text: Option<&str>) -> Option<u64> {
    let text = text?;
    let all = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    all.then(|| text.parse().unwrap_or(u64::MAX))
}

fn cache_seconds(parameters: &Parameters) -> u32 {
    if parameters.has("noCache") {
        return 0;
    }
    match parameters.last("cacheTimeout").map(str::parse::<i64>) {
        Some(Ok(seconds)) => u32::try_from(seconds.max(0)).unwrap_or(u32::MAX),
        _ => CACHE_SECONDS,
    }
}
