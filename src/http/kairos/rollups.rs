//! `/rollups`: queries that run again and again, each writing what it comes to as another metric.
//!
//! What users tell is kept with all else that they tell. [`RollUps`] runs what is due; how far each has come
//! is kept too, so what a time of rest has left out is made up for.

mod run;
mod times;

use std::hash::{BuildHasher, RandomState};

use bytes::Bytes;
use http::{Method, Response, StatusCode};

use super::query::object;
use super::request::Reading;
use super::request::task::Task;
use super::tree::Tree;
use super::tree_text::push as push_tree;
use super::{
    Refused, answered, body, not_allowed, not_an_object, push_text, refusal, success, tree,
    unstored, wrong,
};
use crate::base::decimal::push_integer;
use crate::http::parameters::Parameters;
use crate::http::question::Question;
use crate::model::rollup::{self, Backfill, TaskId};
use crate::store::control::Entry;
pub use run::RollUps;

/// What begins the path of a task.
const PATH: &str = "/api/v1/rollups/";

/// `/rollups`: all tasks, or a new one.
pub(in crate::http) async fn root(question: &Question<'_>) -> Response<Bytes> {
    if !question.options.kairos.rollups {
        return wrong(StatusCode::NOT_FOUND);
    }
    answered(match question.method {
        Method::POST => set(question, new_id(question)).await,
        _ => list(question).await,
    })
}

/// `/rollups/…`
pub(in crate::http) async fn below(question: &Question<'_>) -> Response<Bytes> {
    if !question.options.kairos.rollups {
        return wrong(StatusCode::NOT_FOUND);
    }
    let is_reading = matches!(question.method, Method::GET | Method::HEAD);
    match question.parts.as_slice() {
        [id] => of_task(question, id).await,
        [what, _] if !is_reading && (what == "status" || what == "backfill") => {
            not_allowed("GET,HEAD,OPTIONS")
        }
        [what, id] if what == "status" => answered(status(question, id).await),
        [what, id] if what == "backfill" => match fill_back(question, id).await {
            Ok(()) => success(StatusCode::NO_CONTENT, Vec::new()),
            Err(refused) => refusal(refused),
        },
        _ => wrong(StatusCode::NOT_FOUND),
    }
}

async fn of_task(question: &Question<'_>, text: &str) -> Response<Bytes> {
    let control = question.fleet.control();
    let id = text.parse::<TaskId>().ok();
    let Some((id, task)) = id.and_then(|id| Some((id, control.tasks.get(id)?))) else {
        return refusal(missing(text));
    };
    match question.method {
        Method::GET | Method::HEAD => {
            let mut out = Vec::new();
            push_task(id, task, &mut out);
            success(StatusCode::OK, out)
        }
        Method::PUT => answered(set(question, id).await),
        Method::DELETE => match question.fleet.record(Entry::NoTask(id)).await {
            Ok(_) => success(StatusCode::NO_CONTENT, Vec::new()),
            Err(error) => refusal(unstored(error).into()),
        },
        _ => not_allowed("DELETE,GET,HEAD,OPTIONS,PUT"),
    }
}

fn missing(id: &str) -> Refused {
    let told = format!("Resource not found for id {id}");
    Refused::new(StatusCode::NOT_FOUND, told)
}

/// An id that nobody has: by chance, and by when it was asked for.
fn new_id(question: &Question<'_>) -> TaskId {
    const VERSION: u128 = 0xf << 76;
    const VARIANT: u128 = 0x3 << 62;
    let chance = RandomState::new();
    let [high, low] = [0, 1].map(|half| chance.hash_one((half, question.began.0)));
    let bits = u128::from(high) << 64 | u128::from(low);
    // A UUID by chance, as its standard marks it.
    TaskId(bits & !VERSION & !VARIANT | 0x4 << 76 | 0x2 << 62)
}

/// Keep the task of a body.
async fn set(question: &Question<'_>, id: TaskId) -> Result<Vec<u8>, Refused> {
    let body = body::read(question).await?;
    if body.bytes.trim_ascii().is_empty() {
        return Err(not_an_object("null"));
    }
    if rollup::TASK_BYTES_MAX < body.bytes.len() {
        return Err(Refused::bad(rollup::RollupRefused::Long.to_string()));
    }
    let tree = tree::read(&body.bytes, &question.pace()).await?;
    let mut tree = object(tree, &question.pace()).await?;
    let reading = Reading {
        now: question.began,
        options: &question.options.kairos_query,
    };
    let task = Task::read(&tree, reading)?;
    if let Tree::Object(fields) = &mut tree {
        fields.retain(|(name, _)| name != "id");
    }
    let mut text = Vec::new();
    push_tree(&tree, &mut text);
    let text = String::from_utf8_lossy(&text).into_owned();
    let kept = question.fleet.record(Entry::Task(id, text)).await;
    kept.map_err(unstored)?;
    let mut out = format!("{{\"id\":\"{id}\",\"name\":").into_bytes();
    push_text(&task.name, &mut out);
    let url = format!(",\"attributes\":{{\"url\":\"{PATH}{id}\"}}}}");
    out.extend_from_slice(url.as_bytes());
    Ok(out)
}

async fn list(question: &Question<'_>) -> Result<Vec<u8>, Refused> {
    let control = question.fleet.control();
    let mut out = b"[".to_vec();
    for (i, (id, task)) in control.tasks.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        push_task(id, task, &mut out);
        question.options.limits.check_bytes(out.len() as u64)?;
        question.pace().did_series(task.text.len()).await?;
        question.breathe_every(i).await?;
    }
    out.push(b']');
    Ok(out)
}

/// What was sent, with its id in front.
fn push_task(id: TaskId, task: &rollup::Task, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("{{\"id\":\"{id}\"").as_bytes());
    let fields = task.text.strip_prefix('{').unwrap_or("}");
    if !fields.starts_with('}') {
        out.push(b',');
    }
    out.extend_from_slice(fields.as_bytes());
}

/// How far the roll-ups of a task have come.
async fn status(question: &Question<'_>, text: &str) -> Result<Vec<u8>, Refused> {
    let control = question.fleet.control();
    let task = text.parse().ok().and_then(|id| control.tasks.get(id));
    let Some(task) = task.filter(|task| !task.progress.is_empty()) else {
        let told = format!("Status not found for id {text}");
        return Err(Refused::new(StatusCode::NOT_FOUND, told));
    };
    let zone = &question.options.kairos_query.zone;
    let read = run::read(&task.text, question.fleet, question.options).await?;
    let mut out = b"{\"statuses\":[".to_vec();
    for (i, progress) in task.progress.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        // What is told is the metric that is rolled up.
        let unit = read.units.get(progress.rollup as usize);
        let metric = unit.map_or(&progress.metric, |unit| &unit.metric.name);
        out.extend_from_slice(b"{\"metric_name\":");
        push_text(metric, &mut out);
        out.extend_from_slice(b",\"last_executed\":");
        push_text(&times::shown(progress.executed_ms, zone), &mut out);
        let mut number = |name: &str, value: i64| {
            out.extend_from_slice(name.as_bytes());
            push_integer(value, &mut out);
        };
        let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        number(",\"data_point_count\":", whole(progress.points));
        number(",\"execution_length\":", whole(progress.took_ms));
        if !progress.error.is_empty() {
            out.extend_from_slice(b",\"error_message\":");
            push_text(&progress.error, &mut out);
        }
        out.extend_from_slice(b",\"last_execution_time\":");
        push_integer(progress.executed_ms, &mut out);
        out.push(b'}');
    }
    out.extend_from_slice(b"],\"executing_host\":");
    push_text(&question.options.node, &mut out);
    out.extend_from_slice(b",\"next_scheduled\":");
    let last = task.progress.iter().map(|progress| progress.executed_ms);
    let last_ms = last.min().unwrap_or_default();
    push_text(&times::shown(read.behind(last_ms), zone), &mut out);
    out.push(b'}');
    Ok(out)
}

/// Do a stretch of time again. It is done in the background, and joined with what is under way.
async fn fill_back(question: &Question<'_>, text: &str) -> Result<(), Refused> {
    let control = question.fleet.control();
    let id = text.parse::<TaskId>().ok();
    let Some((id, task)) = id.and_then(|id| Some((id, control.tasks.get(id)?))) else {
        return Err(missing(text));
    };
    let parameters = Parameters::of_url(question.request, &question.pace()).await;
    let parameters = parameters.map_err(|_| Refused::bad("the query of the URL cannot be read"))?;
    let zone = &question.options.kairos_query.zone;
    let at = |name: &str| match parameters.last(name) {
        None => Ok(None),
        Some(text) => times::read(text, zone).map(Some).ok_or_else(|| {
            let told = format!("Unparseable date: \"{text}\"");
            Refused::new(StatusCode::INTERNAL_SERVER_ERROR, told)
        }),
    };
    let Some(from_ms) = at("startTime")? else {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        return Err(Refused::new(status, "startTime may not be null"));
    };
    let until_ms = at("endTime")?.unwrap_or(question.began.0);
    if until_ms < from_ms {
        return Err(Refused::bad("endTime must not be before startTime"));
    }
    let (from_ms, until_ms) = task.backfill.map_or((from_ms, until_ms), |under_way| {
        (
            from_ms.min(under_way.from_ms),
            until_ms.max(under_way.until_ms),
        )
    });
    let backfill = Backfill {
        from_ms,
        until_ms,
        rollup: 0,
        next_ms: from_ms,
    };
    let kept = question.fleet.record(Entry::Backfill(id, Some(backfill)));
    kept.await.map_err(unstored)?;
    Ok(())
}

/// `GET /admin/scheduledjobs`: the tasks that run again and again.
pub(in crate::http) async fn jobs(question: &Question<'_>) -> Response<Bytes> {
    let control = question.fleet.control();
    let ids = control
        .tasks
        .iter()
        .filter(|_| question.options.kairos.rollups);
    let ids: Vec<String> = ids.map(|(id, _)| format!("\"{id}\"")).collect();
    success(StatusCode::OK, format!("[{}]", ids.join(",")).into_bytes())
}
