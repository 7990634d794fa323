//! `/tags`: which tags there are, their values, and the series behind them. The paths, statuses, texts and
//! defaults are graphite-web's; what it stores when a series is registered, the index knows from its points.

mod name;
mod write;

use std::sync::Arc;

use bytes::Bytes;
use http::Response;

use super::errors::Failure;
use super::find::List;
use super::fronts::spared_list;
use super::json::{Beyond, push_text};
use super::laid_out::{Refused, is_pretty, respond};
use super::question::Question;
use crate::base::hash::Hasher;
use crate::query::error::QueryError;
use crate::query::merge::Merged;
use crate::query::plan::{Filter, TagPart, TagQuery, Want};
pub(super) use write::{delete_series, tag_multi_series, tag_series};

/// Texts that a completion gives where the request does not say how many.
const COMPLETIONS: usize = 100;
/// Bits of an id: what every reader of JSON keeps exactly.
const ID_BITS: u32 = 53;

pub(super) type Answer = Result<Response<Bytes>, Failure>;

/// `GET /tags`
pub(super) async fn list(question: &Question<'_>) -> Answer {
    respond(question, keys(question).await).await
}

/// `GET /tags/<tag>`
pub(super) async fn details(question: &Question<'_>) -> Answer {
    respond(question, values(question, &question.rest).await).await
}

/// `/tags/findSeries`
pub(super) async fn find_series(question: &Question<'_>) -> Answer {
    respond(question, series(question).await).await
}

/// `/tags/autoComplete/tags`
pub(super) async fn complete_tags(question: &Question<'_>) -> Answer {
    let answered = completed_keys(question).await;
    respond(question, spared_list(question, answered)).await
}

/// `/tags/autoComplete/values`
pub(super) async fn complete_values(question: &Question<'_>) -> Answer {
    let answered = completed_values(question).await;
    respond(question, spared_list(question, answered)).await
}

async fn keys(question: &Question<'_>) -> Result<Vec<u8>, Refused> {
    let limit = limit_of_list(question)?;
    let found = ask_names(question, TagPart::Keys, Vec::new(), filter(question), limit).await?;
    let (ids, mut list) = (Ids::new(), List::new());
    for (i, key) in found.iter().enumerate() {
        let out = list.item();
        out.extend_from_slice(format!("{{\"id\": {}, \"tag\": ", ids.of(key)).as_bytes());
        push_text(key, Beyond::Escaped, out);
        out.push(b'}');
        list.check(question)?;
        question.breathe_every(i).await?;
    }
    Ok(list.end())
}

async fn values(question: &Question<'_>, key: &str) -> Result<Vec<u8>, Refused> {
    let limit = limit_of_list(question)?;
    let filter = filter(question);
    // Of all that begin like the key it is the first, if it is there.
    let itself = Filter::Prefix(key.to_owned());
    let known = ask_names(question, TagPart::Keys, Vec::new(), itself, 1).await?;
    if known.first().map(String::as_str) != Some(key) {
        return Ok(b"null".to_vec());
    }
    let part = TagPart::Counts(key.to_owned());
    let Merged::Counts(mut found) = ask(question, part, Vec::new(), filter, limit).await? else {
        return Ok(b"null".to_vec());
    };
    found.truncate(limit);
    let (ids, pretty) = (Ids::new(), is_pretty(question));
    let mut head = format!("{{\"id\": {}, \"tag\": ", ids.of(key)).into_bytes();
    push_text(key, Beyond::Escaped, &mut head);
    head.extend_from_slice(b", \"values\": [");
    let mut list = List::after(&head);
    for (i, (value, count)) in found.iter().enumerate() {
        let out = list.item();
        let id = ids.of(value);
        // Laid out, the keys are sorted.
        let (first, last) = match pretty {
            true => (
                format!("{{\"count\": {count}, \"id\": {id}, "),
                "}".to_owned(),
            ),
            false => (
                format!("{{\"id\": {id}, "),
                format!(", \"count\": {count}}}"),
            ),
        };
        out.extend_from_slice(first.as_bytes());
        out.extend_from_slice(b"\"value\": ");
        push_text(value, Beyond::Escaped, out);
        out.extend_from_slice(last.as_bytes());
        list.check(question)?;
        question.breathe_every(i).await?;
    }
    let mut text = list.end();
    text.push(b'}');
    Ok(text)
}

async fn series(question: &Question<'_>) -> Result<Vec<u8>, Refused> {
    let tests = expressions(question);
    if tests.is_empty() {
        return Err(Refused::bad("no tag expressions specified"));
    }
    let (part, all) = (TagPart::Series, Filter::All);
    let found = ask_names(question, part, tests, all, usize::MAX).await?;
    texts(question, &found).await
}

async fn completed_keys(question: &Question<'_>) -> Result<Vec<u8>, Refused> {
    let (tests, limit) = (expressions(question), limit_of_completion(question)?);
    let prefix = prefix(question, "tagPrefix");
    let found = ask_names(question, TagPart::Keys, tests, prefix, limit).await?;
    texts(question, &found).await
}

async fn completed_values(question: &Question<'_>) -> Result<Vec<u8>, Refused> {
    let key = question.parameters.last("tag").unwrap_or("");
    if key.is_empty() {
        return Err(Refused::bad("no tag specified"));
    }
    let (mut tests, limit) = (expressions(question), limit_of_completion(question)?);
    if !tests.is_empty() {
        // Only series that have it count, so the other tests may let all pass.
        tests.push(format!("{key}!="));
    }
    let prefix = prefix(question, "valuePrefix");
    let part = TagPart::Values(key.to_owned());
    let found = ask_names(question, part, tests, prefix, limit).await?;
    texts(question, &found).await
}

/// The tag expressions of the request: `expr`, or as some libraries send lists, `expr[]`.
fn expressions(question: &Question<'_>) -> Vec<String> {
    several(question, "expr")
}

/// All values of a parameter, or where there are none, of that with brackets behind its name.
fn several(question: &Question<'_>, name: &str) -> Vec<String> {
    let all = |name: &str| -> Vec<String> {
        let values = question.parameters.all(name);
        values.map(str::to_owned).collect()
    };
    let plain = all(name);
    match plain.is_empty() {
        true => all(&format!("{name}[]")),
        false => plain,
    }
}

fn filter(question: &Question<'_>) -> Filter {
    match question.parameters.last("filter") {
        None | Some("") => Filter::All,
        Some(pattern) => Filter::Pattern(pattern.to_owned()),
    }
}

fn prefix(question: &Question<'_>, name: &str) -> Filter {
    match question.parameters.last(name) {
        None | Some("") => Filter::All,
        Some(prefix) => Filter::Prefix(prefix.to_owned()),
    }
}

/// How many keys or values a list has at most: all where the request does not say.
fn limit_of_list(question: &Question<'_>) -> Result<usize, Refused> {
    match question.parameters.last("limit") {
        None | Some("") => Ok(usize::MAX),
        Some(text) => whole(text),
    }
}

fn limit_of_completion(question: &Question<'_>) -> Result<usize, Refused> {
    question
        .parameters
        .last("limit")
        .map_or(Ok(COMPLETIONS), whole)
}

fn whole(text: &str) -> Result<usize, Refused> {
    match text.trim().parse::<i64>() {
        Ok(number) => usize::try_from(number)
            .map_err(|_| Refused::bad("limit must be 0 or more: leave it out to get all")),
        Err(_) => Err(Refused::bad(format!(
            "invalid literal for int() with base 10: '{text}'"
        ))),
    }
}

async fn ask(
    question: &Question<'_>,
    part: TagPart,
    tests: Vec<String>,
    filter: Filter,
    limit: usize,
) -> Result<Merged, QueryError> {
    let query = TagQuery {
        part,
        tests,
        filter,
        limit,
    };
    question.ask(Want::Tags(Arc::new(query))).await
}

/// Texts in the order of their bytes, at most `limit`.
async fn ask_names(
    question: &Question<'_>,
    part: TagPart,
    tests: Vec<String>,
    filter: Filter,
    limit: usize,
) -> Result<Vec<String>, QueryError> {
    let Merged::Names(mut names) = ask(question, part, tests, filter, limit).await? else {
        return Ok(Vec::new());
    };
    names.truncate(limit);
    Ok(names)
}

/// An array of texts.
async fn texts(question: &Question<'_>, texts: &[String]) -> Result<Vec<u8>, Refused> {
    let mut list = List::new();
    for (i, text) in texts.iter().enumerate() {
        push_text(text, Beyond::Escaped, list.item());
        list.check(question)?;
        question.breathe_every(i).await?;
    }
    Ok(list.end())
}

/// Numbers for keys and values: a text has the same one everywhere and for ever.
struct Ids(Hasher);

impl Ids {
    fn new() -> Ids {
        Ids(Hasher::new(0))
    }

    fn of(&self, text: &str) -> u64 {
        self.0.hash(text.as_bytes()) as u64 >> (u64::BITS - ID_BITS)
    }
}
