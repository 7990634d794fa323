//! What a `/render` request asks for.

use super::image::{Image, Wanted};
use crate::http::encode::Packing;
use crate::http::errors::Failure;
use crate::http::parameters::Parameters;
use crate::http::picture::Options;
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
pub(super) enum Format {
    Json,
    Csv,
    Raw,
    Dygraph,
    Rickshaw,
    /// For another server.
    Packed(Packing),
    Image(Box<Wanted>),
}

impl Format {
    /// Whether it is JSON, which a request may want wrapped.
    pub(super) fn is_json(&self) -> bool {
        matches!(self, Format::Json | Format::Dygraph | Format::Rickshaw)
    }
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
        let format = format(&question.parameters)?;
        Request::with(question, format).await
    }

    /// Read all parameters but the format.
    ///
    /// # Errors
    /// As [`Request::read`].
    pub(super) async fn of_parameters(question: &Question<'_>) -> Result<Request, Failure> {
        Request::with(question, Format::Json).await
    }

    async fn with(question: &Question<'_>, mut format: Format) -> Result<Request, Failure> {
        let parameters = &question.parameters;
        let zone = question.zone();
        let now = question.now(&zone)?;
        let at = |name, otherwise| {
            let spec = parameters.last(name).unwrap_or(otherwise);
            time::parse(spec, now, &zone)
        };
        let range = (at("from", "-1d")?, at("until", "now")?);
        let targets = targets(question, &mut format).await?;
        Ok(Request {
            format,
            context: Request::context(question, range)?,
            targets,
            max_data_points: digits(parameters.last("maxDataPoints")),
            no_null_points: parameters.has("noNullPoints"),
            cache_seconds: cache_seconds(parameters),
        })
    }

    /// What functions may know of a question for the seconds behind `range.0` up to `range.1`, or the
    /// other way round.
    ///
    /// # Errors
    /// An empty range, times that are none, and parameters that cannot be read.
    pub(super) fn context(question: &Question<'_>, range: (i64, i64)) -> Result<Context, Failure> {
        let (from, until) = (range.0.min(range.1), range.0.max(range.1));
        if from == until {
            return Err(Failure::invalid("Invalid empty time range"));
        }
        if from < time::SECONDS_MIN || time::SECONDS_MAX < until {
            return Err(Failure::invalid(
                "a time lies outside of the years 1 to 9999",
            ));
        }
        let zone = question.zone();
        Ok(Context {
            from,
            until,
            now: question.now(&zone)?,
            x_files_factor: x_files_factor(&question.parameters)?,
            zone,
            limits: question.options.limits,
        })
    }
}

fn format(parameters: &Parameters) -> Result<Format, Failure> {
    let image = |image| {
        let options = Options::read(parameters)?;
        let slices = Vec::new();
        Ok(Format::Image(Box::new(Wanted {
            image,
            options,
            slices,
        })))
    };
    let by_presence = || match (parameters.has("rawData"), parameters.has("pickle")) {
        (true, _) => "raw",
        (false, true) => "pickle",
        (false, false) => "png",
    };
    match parameters.last("format").unwrap_or_else(by_presence) {
        "json" => Ok(Format::Json),
        "csv" => Ok(Format::Csv),
        "raw" => Ok(Format::Raw),
        "dygraph" => Ok(Format::Dygraph),
        "rickshaw" => Ok(Format::Rickshaw),
        "svg" => image(Image::Svg),
        "pdf" => Err(Failure::invalid(
            "format pdf is not served; there are png and svg",
        )),
        // Also what nobody knows, as in graphite-web.
        other => match Packing::named(other) {
            Some(packing) => Ok(Format::Packed(packing)),
            None => image(Image::Png),
        },
    }
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
///
/// Those of a pie that name a number go to `format` instead.
async fn targets(
    question: &Question<'_>,
    format: &mut Format,
) -> Result<Vec<(String, Target)>, Failure> {
    let parameters = &question.parameters;
    let list = if parameters.has("target") {
        "target"
    } else {
        "target[]"
    };
    let texts = parameters.all(list).filter(|text| !text.trim().is_empty());
    let overrides = parameters.in_brackets("template");
    let mut targets = Vec::new();
    let mut count = 0;
    let pace = question.pace();
    for text in texts {
        count += 1;
        if TARGETS_MAX < count {
            return Err(Failure::invalid(format!(
                "more than {TARGETS_MAX} targets; send several requests"
            )));
        }
        if let Format::Image(wanted) = format
            && let Some(slice) = wanted.options.slice(text)
        {
            wanted.slices.push(slice);
            continue;
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

/// Read one target, and find its functions.
///
/// # Errors
/// A target that cannot be read, and functions that do not exist or do not take such arguments.
pub(super) fn read_target(
    text: &str,
    overrides: &[(String, String)],
) -> Result<Target, QueryError> {
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
