//! What a query asks for, checked in KairosDB's order and told in its words.

use jiff::{Span, Timestamp, tz};

use super::Refused;
use super::tree::Tree;
use crate::base::time::Millis;
use crate::query::plan::TagFilter;

/// What a value of a tag filter begins with that is a regular expression.
const REGEX_PREFIX: &str = "regex:";

/// A whole query.
#[derive(Debug, PartialEq)]
pub(super) struct Query {
    /// First and last instant; both count.
    pub(super) start_ms: i64,
    pub(super) end_ms: i64,
    pub(super) metrics: Vec<Metric>,
}

/// One metric of a query.
#[derive(Debug, PartialEq)]
pub(super) struct Metric {
    pub(super) name: String,
    pub(super) alias: Option<String>,
    pub(super) filters: Vec<TagFilter>,
    /// Points of each series, and of the answer.
    pub(super) limit: Option<usize>,
    pub(super) is_descending: bool,
    pub(super) exclude_tags: bool,
}

type Checked<T> = Result<T, Refused>;

impl Query {
    /// Read it. `now` is what relative times count from.
    pub(super) fn read(tree: &Tree, now: Millis) -> Checked<Query> {
        if !matches!(tree, Tree::Object(_)) {
            return Err(super::not_an_object());
        }
        if integer(tree, "cache_time", "")?.is_some_and(|seconds| seconds < 0) {
            return bad("cache_time must be greater than or equal to 0");
        }
        if let Some(zone) = text(tree, "time_zone", "query.")? {
            check_zone(&zone)?;
        }
        check_plugins(tree, "")?;
        let start_ms = instant(tree, "start", now)?;
        let end_ms = instant(tree, "end", now)?.unwrap_or(i64::MAX);
        let metrics = match tree.field("metrics") {
            None => return bad("query.metric[] must have a size of at least 1"),
            Some(Tree::Array(metrics)) => metrics,
            Some(_) => return bad("query.metrics must be an array"),
        };
        let metrics = metrics.iter().enumerate().map(|(i, metric)| {
            let place = format!("query.metric[{i}]");
            let name = checked_name(metric, &place)?;
            match start_ms {
                None => bad(format!(
                    "{place}.start_time relative or absolute time must be set"
                )),
                Some(start_ms) if end_ms < start_ms => bad(format!(
                    "{place}.end_time must be greater than the start time"
                )),
                Some(_) => Metric::read(metric, name, &place),
            }
        });
        let metrics = metrics.collect::<Checked<Vec<Metric>>>()?;
        Ok(Query {
            start_ms: start_ms.unwrap_or(0),
            end_ms,
            metrics,
        })
    }
}

impl Metric {
    fn read(tree: &Tree, name: String, place: &str) -> Checked<Metric> {
        let within = format!("{place}.");
        let is_descending = match text(tree, "order", &within)? {
            None => false,
            Some(order) if order.eq_ignore_ascii_case("asc") => false,
            Some(order) if order.eq_ignore_ascii_case("desc") => true,
            Some(_) => return bad(format!("{place}.order must be either 'asc' or 'desc'")),
        };
        for field in ["aggregators", "group_by"] {
            match tree.field(field) {
                None => {}
                Some(Tree::Array(list)) if list.is_empty() => {}
                Some(_) => {
                    return bad(format!(
                        "{place}.{field} is not supported yet; leave it out, and compute from the points"
                    ));
                }
            }
        }
        check_plugins(tree, place)?;
        let limit = integer(tree, "limit", &within)?.unwrap_or(0);
        Ok(Metric {
            name,
            alias: text(tree, "alias", &within)?,
            filters: filters(tree, place)?,
            limit: usize::try_from(limit).ok().filter(|&limit| limit > 0),
            is_descending,
            exclude_tags: flag(tree, "exclude_tags", &within)?,
        })
    }
}

fn bad<T>(told: impl Into<String>) -> Checked<T> {
    Err(Refused::bad(told))
}

/// A name that stands in an array by itself is taken too.
fn checked_name(metric: &Tree, place: &str) -> Checked<String> {
    if !matches!(metric, Tree::Object(_)) {
        return bad(format!("{place} must be an object"));
    }
    let name = match metric.field("name") {
        Some(Tree::Array(list)) if list.len() == 1 => as_text(&list[0]),
        Some(value) => as_text(value),
        None => return bad(format!("{place}.name may not be null")),
    };
    match name {
        None => bad(format!("{place}.name must be a text")),
        Some(name) if name.is_empty() => bad(format!("{place}.name may not be empty")),
        Some(name) => Ok(name),
    }
}

fn filters(metric: &Tree, place: &str) -> Checked<Vec<TagFilter>> {
    let fields = match metric.field("tags") {
        None => return Ok(Vec::new()),
        Some(Tree::Object(fields)) => fields,
        Some(_) => return bad(format!("{place}.tags must be an object")),
    };
    let mut filters: Vec<TagFilter> = Vec::new();
    for (number, (key, value)) in fields.iter().enumerate() {
        if key.is_empty() {
            return bad(format!("{place}.tags[{number}] name must not be empty"));
        }
        let values = match value {
            Tree::Array(list) => list.as_slice(),
            one => std::slice::from_ref(one),
        };
        let mut filter = TagFilter {
            key: key.clone(),
            ..TagFilter::default()
        };
        for value in values {
            match as_text(value).filter(|value| !value.is_empty()) {
                None => {
                    return bad(format!(
                        "{place}.tags[{number}].{key} value must not be null or empty"
                    ));
                }
                Some(value) => match value.strip_prefix(REGEX_PREFIX) {
                    Some(pattern) => filter.patterns.push(pattern.to_owned()),
                    None => filter.values.push(value),
                },
            }
        }
        // The last of a key counts, and an empty list filters nothing.
        filters.retain(|known| known.key != filter.key);
        if !values.is_empty() {
            filters.push(filter);
        }
    }
    Ok(filters)
}

fn check_plugins(tree: &Tree, place: &str) -> Checked<()> {
    match tree.field("plugins") {
        Some(Tree::Array(list)) if !list.is_empty() => {
            let name = list[0].field("name").and_then(as_text).unwrap_or_default();
            bad(format!(
                "{place}.plugins[0].{name} invalid query plugin name"
            ))
        }
        _ => Ok(()),
    }
}

fn check_zone(zone: &str) -> Checked<()> {
    if tz::TimeZone::get(zone).is_ok() {
        return Ok(());
    }
    let all: Vec<String> = tz::db().available().map(|name| name.to_string()).collect();
    let all = all.join(", ");
    bad(format!(
        "query.{zone} is not a valid time zone, must be one of [{all}]"
    ))
}

/// Milliseconds of `start_absolute`, or else of `start_relative`.
fn instant(tree: &Tree, which: &str, now: Millis) -> Checked<Option<i64>> {
    if let Some(time_ms) = integer(tree, &format!("{which}_absolute"), "")? {
        return Ok(Some(time_ms));
    }
    let name = format!("{which}_relative");
    let Some(relative) = tree.field(&name) else {
        return Ok(None);
    };
    if !matches!(relative, Tree::Object(_)) {
        return bad(format!("{name} must be an object of value and unit"));
    }
    let within = format!("{name}.");
    let value = integer(relative, "value", &within)?.unwrap_or(0);
    if value < 0 {
        return bad(format!("{name}.value must be greater than or equal to 0"));
    }
    match text(relative, "unit", &within)? {
        None => bad(format!("{name}.unit may not be null")),
        Some(unit) => before(now.0, value, &unit).map(Some),
    }
}

/// `value` units before `now_ms`, by the calendar of UTC. What is before all time is the beginning.
fn before(now_ms: i64, value: i64, unit: &str) -> Checked<i64> {
    const SECOND: i64 = 1000;
    const DAY: i64 = 24 * 3600 * SECOND;
    let fixed = |unit_ms: i64| now_ms.saturating_sub(value.saturating_mul(unit_ms));
    let months = |each: i64| {
        let months = value.checked_mul(each)?;
        let span = Span::new().try_months(months).ok()?;
        let now = Timestamp::from_millisecond(now_ms).ok()?;
        let then = now.to_zoned(tz::TimeZone::UTC).checked_sub(span).ok()?;
        Some(then.timestamp().as_millisecond())
    };
    Ok(match unit.to_ascii_lowercase().as_str() {
        "milliseconds" => fixed(1),
        "seconds" => fixed(SECOND),
        "minutes" => fixed(60 * SECOND),
        "hours" => fixed(3600 * SECOND),
        "days" => fixed(DAY),
        "weeks" => fixed(7 * DAY),
        "months" => months(1).unwrap_or(i64::MIN),
        "years" => months(12).unwrap_or(i64::MIN),
        _ => {
            return bad(format!(
                "query.{unit} is not a valid time unit, must be one of \
                 MILLISECONDS,SECONDS,MINUTES,HOURS,DAYS,WEEKS,MONTHS,YEARS"
            ));
        }
    })
}

fn as_text(value: &Tree) -> Option<String> {
    match value {
        Tree::Text(text) | Tree::Number(text) => Some(text.clone()),
        Tree::Bool(truth) => Some(truth.to_string()),
        Tree::Null | Tree::Array(_) | Tree::Object(_) => None,
    }
}

fn text(tree: &Tree, field: &str, place: &str) -> Checked<Option<String>> {
    match tree.field(field) {
        None => Ok(None),
        Some(value) => match as_text(value) {
            Some(text) => Ok(Some(text)),
            None => bad(format!("{place}{field} must be a text")),
        },
    }
}

/// A whole number or its text; a fraction is cut off.
fn integer(tree: &Tree, field: &str, place: &str) -> Checked<Option<i64>> {
    let told = || Refused::bad(format!("{place}{field} must be a whole number of 64 bits"));
    match tree.field(field) {
        None => Ok(None),
        Some(Tree::Number(text) | Tree::Text(text)) => {
            let whole = text.parse::<i64>().ok();
            let cut = || {
                let value = text.parse::<f64>().ok()?.trunc();
                // Between these all whole floats have 64 bits.
                (-9.2e18..9.2e18).contains(&value).then_some(value as i64)
            };
            whole.or_else(cut).map(Some).ok_or_else(told)
        }
        Some(_) => Err(told()),
    }
}

fn flag(tree: &Tree, field: &str, place: &str) -> Checked<bool> {
    match tree.field(field) {
        None => Ok(false),
        Some(Tree::Bool(truth)) => Ok(*truth),
        Some(Tree::Text(text)) => Ok(text.eq_ignore_ascii_case("true")),
        Some(_) => bad(format!("{place}{field} must be true or false")),
    }
}
