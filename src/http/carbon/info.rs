//! `/info/`: the step of series, and how far back they go.

use std::sync::Arc;

use bytes::Bytes;
use http::Response;

use super::{Dialect, dialect, message, nothing, texts_of_body, too_many};
use crate::http::encode::protobuf::{push_bytes, push_integer, push_text};
use crate::http::errors::Failure;
use crate::http::find::List;
use crate::http::json::{self, Beyond};
use crate::http::question::Question;
use crate::query::graphite::slots;
use crate::query::merge::Merged;
use crate::query::plan::{Selector, Want};

/// Names of one request.
const NAMES_MAX: usize = 1_000;

/// How values become fewer: the only way that is the same for all series.
const FOLD: &str = "Average";

/// What is told of a series: points are kept from the epoch on, as far as the disk has room, so there is
/// one retention.
struct Info {
    name: String,
    step: i64,
    points: i64,
}

/// Answer: the first name in the second version, all in the third and in JSON. One that is not there is
/// status 404.
pub(in crate::http) async fn answer(question: &Question<'_>) -> Result<Response<Bytes>, Failure> {
    let dialect = dialect(question)?;
    let names = names(question, dialect).await?;
    let Some(infos) = infos(question, names).await? else {
        return Ok(nothing());
    };
    let text = match dialect {
        None => {
            let mut list = List::after(b"{\"metrics\": [");
            for info in &infos {
                push_json(info, list.item());
            }
            let mut text = list.end();
            text.push(b'}');
            return question.json(text).await;
        }
        Some(Dialect::Second) => infos.first().map(encoded),
        Some(Dialect::Third) => {
            let mut out = Vec::new();
            for info in &infos {
                push_bytes(1, &encoded(info), &mut out);
            }
            (!out.is_empty()).then_some(out)
        }
    };
    Ok(message(dialect.unwrap_or(Dialect::Second), text))
}

async fn names(question: &Question<'_>, dialect: Option<Dialect>) -> Result<Vec<String>, Failure> {
    if dialect == Some(Dialect::Third)
        && let Some(names) = texts_of_body(question, NAMES_MAX).await?
    {
        return Ok(names);
    }
    let names: Vec<String> = question
        .parameters
        .all("target")
        .map(str::to_owned)
        .collect();
    if NAMES_MAX < names.len() {
        return Err(too_many(NAMES_MAX));
    }
    Ok(names)
}

/// One for each name, or `None` if any is not there. A pattern stands for the first series that matches.
async fn infos(question: &Question<'_>, names: Vec<String>) -> Result<Option<Vec<Info>>, Failure> {
    let selectors: Arc<[Selector]> = names.iter().cloned().map(Selector::Path).collect();
    // The newest times of a series come with every answer; points are not wanted.
    let want = Want::Points {
        selectors,
        from: question.began,
        until: question.began,
        last_slots: Arc::new([]),
    };
    let Merged::Points(merged) = question.ask(want).await? else {
        return Ok(None);
    };
    let mut infos = Vec::with_capacity(names.len());
    for (i, (name, matches)) in names.into_iter().zip(&merged.matches).enumerate() {
        let first = matches
            .first()
            .and_then(|&at| merged.series.get(at as usize));
        let Some(series) = first else {
            return Ok(None);
        };
        let mut times = series.newest_times.clone();
        times.sort_unstable();
        let step = slots::infer_step(&times).max(1);
        let points = question.began.seconds() / step;
        infos.push(Info { name, step, points });
        question.breathe_every(i).await?;
    }
    Ok(Some(infos))
}

/// `InfoResponse` of the second version, which is `MetricsInfoResponse` of the third.
fn encoded(info: &Info) -> Vec<u8> {
    let mut out = Vec::new();
    push_text(1, &info.name, &mut out);
    push_text(2, FOLD, &mut out);
    push_integer(3, info.step * info.points, &mut out);
    let mut retention = Vec::new();
    push_integer(1, info.step, &mut retention);
    push_integer(2, info.points, &mut retention);
    push_bytes(5, &retention, &mut out);
    out
}

/// As go-carbon's JSON, in which whole numbers of 64 bits are texts.
fn push_json(info: &Info, out: &mut Vec<u8>) {
    let (step, points) = (info.step, info.points);
    out.extend_from_slice(b"{\"name\": ");
    json::push_text(&info.name, Beyond::Escaped, out);
    let rest = format!(
        ", \"consolidationFunc\": \"{FOLD}\", \"maxRetention\": \"{}\", \"retentions\": \
         [{{\"secondsPerPoint\": \"{step}\", \"numberOfPoints\": \"{points}\"}}]}}",
        step * points
    );
    out.extend_from_slice(rest.as_bytes());
}
