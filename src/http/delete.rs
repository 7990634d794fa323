//! Deletes: of tagged series by their names, of untagged ones by patterns.
//!
//! What has arrived until then goes, at once and for ever; what arrives later stands.

use std::sync::Arc;

use jiff::tz::TimeZone;

use super::errors::Failure;
use super::laid_out::Refused;
use super::question::Question;
use super::{Deletion, tags};
use crate::base::time::Millis;
use crate::query::graphite::time;
use crate::query::merge::Merged;
use crate::query::plan::{Selector, Want};

/// Characters of an unknown parameter that the answer repeats.
const NAME_CHARACTERS_MAX: usize = 200;
/// Patterns and names of one call.
const SELECTORS_MAX: usize = 4_096;

/// What a call may say. Anything else is refused: what was meant to keep points must not be overlooked.
const KNOWN: [&str; 6] = ["query", "from", "until", "now", "tz", "pretty"];

/// `POST /admin/delete?query=…`, with `from` and `until` as those of `/render`, if only a part goes; `tz` and
/// `now` as there.
pub(super) async fn by_pattern(question: &Question<'_>) -> tags::Answer {
    super::laid_out::respond(question, deleted_by_pattern(question).await).await
}

async fn deleted_by_pattern(question: &Question<'_>) -> Result<Vec<u8>, Refused> {
    let unknown = question
        .parameters
        .names()
        .find(|name| !KNOWN.contains(name));
    if let Some(unknown) = unknown {
        let unknown: String = unknown.chars().take(NAME_CHARACTERS_MAX).collect();
        return Err(Refused::bad(format!(
            "{unknown:?} means nothing here; there are: {}",
            KNOWN.join(" ")
        )));
    }
    // An end that is empty, or one of two, may be a script's mistake.
    for name in ["from", "until", "now", "tz"] {
        let mut given = question.parameters.all(name);
        let first = given.next();
        if first == Some("") || given.next().is_some() {
            return Err(Refused::bad(format!(
                "{name} must be given once and not be empty, or not at all"
            )));
        }
    }
    let queries = question.parameters.all("query");
    let queries: Vec<&str> = queries.filter(|query| !query.is_empty()).collect();
    if queries.is_empty() {
        let told = "no query specified: query=a.b.* deletes all series that it matches, \
                    query=name;tag=value that one";
        return Err(Refused::bad(told));
    }
    let selectors = queries.into_iter().map(|query| match query.contains(';') {
        true => Selector::Names(Arc::from([query.to_owned()])),
        false => Selector::Path(query.to_owned()),
    });
    let range = range(question)?;
    let count = delete(question, selectors.collect(), range).await?;
    Ok(format!("{{\"deleted\": {count}}}").into_bytes())
}

/// Delete what `selectors` match of points in `range`, both ends included. Gives how many series that were.
///
/// # Errors
/// Too many selectors or series, or nothing can be promised now.
pub(super) async fn delete(
    question: &Question<'_>,
    selectors: Vec<Selector>,
    (from, until): (Millis, Millis),
) -> Result<usize, Refused> {
    if SELECTORS_MAX < selectors.len() {
        return Err(Refused::bad(format!(
            "more than {SELECTORS_MAX} series or patterns in one call; send several"
        )));
    }
    if question.fleet.recovering() {
        let told = "the log is still replayed: nothing was deleted, try again later\n";
        return Err(Failure::NotReady(told.to_owned()).into());
    }
    let want = Want::Series {
        selectors: Arc::from(selectors),
    };
    let Merged::Series(series) = question.ask(want).await? else {
        return Ok(0);
    };
    let count = series.len();
    if count > 0 {
        let deletion = Deletion {
            tenant: question.options.tenant,
            series,
            from,
            until,
        };
        question.fleet.delete(deletion).await?;
    }
    Ok(count)
}

/// All of time, but for the ends that the request names.
fn range(question: &Question<'_>) -> Result<(Millis, Millis), Refused> {
    let zone = match question.parameters.last("tz") {
        // Elsewhere a zone that nobody knows is overlooked; here it would be other points.
        Some(name) => TimeZone::get(name)
            .map_err(|_| Refused::bad("tz is no time zone that is known here"))?,
        None => question.zone(),
    };
    let now = question.now(&zone).map_err(Failure::from)?;
    let at = |name| -> Result<Option<i64>, Refused> {
        let Some(spec) = question.parameters.last(name) else {
            return Ok(None);
        };
        let seconds = time::parse(spec, now, &zone);
        Ok(Some(seconds.map_err(Failure::from)?))
    };
    let from = at("from")?.map_or(Millis::MIN, |seconds| Millis(seconds.saturating_mul(1000)));
    // All of its last second.
    let until = at("until")?.map_or(Millis::MAX, |seconds| {
        Millis(seconds.saturating_mul(1000).saturating_add(999))
    });
    match from <= until {
        true => Ok((from, until)),
        false => Err(Refused::bad("from is later than until")),
    }
}
