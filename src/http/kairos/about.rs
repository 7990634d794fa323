//! What this is, and whether it is well.

use bytes::Bytes;
use http::{Response, StatusCode};

use super::{Refused, answered, refusal, success};
use crate::http::question::Question;
use crate::query::merge::Merged;
use crate::query::plan::{Filter, TagPart, TagQuery, Want};
use crate::wire::kairos_telnet::VERSION;

/// `GET /version`
pub(in crate::http) async fn version(_question: &Question<'_>) -> Response<Bytes> {
    let text = format!("{{\"version\": \"{VERSION}\"}}\n");
    success(StatusCode::OK, text.into_bytes())
}

/// `GET /health/check`
pub(in crate::http) async fn health_check(question: &Question<'_>) -> Response<Bytes> {
    if !is_well(question).await {
        return success(StatusCode::INTERNAL_SERVER_ERROR, Vec::new());
    }
    let code = StatusCode::from_u16(question.options.kairos.health_code);
    success(code.unwrap_or(StatusCode::NO_CONTENT), Vec::new())
}

/// `GET /health/status`. Whoever reads this is talking to a living core: no thread waits for another.
pub(in crate::http) async fn health_status(question: &Question<'_>) -> Response<Bytes> {
    let state = match is_well(question).await {
        true => "OK",
        false => "FAIL",
    };
    let text = format!("[\"JVM-Thread-Deadlock: OK\",\"Datastore-Query: {state}\"]");
    success(StatusCode::OK, text.into_bytes())
}

/// Whether every shard answers.
async fn is_well(question: &Question<'_>) -> bool {
    let first = TagQuery {
        part: TagPart::Keys,
        tests: Vec::new(),
        filter: Filter::All,
        limit: 1,
    };
    let asked = question.ask(Want::Tags(first.into())).await;
    question.fleet.ready() && matches!(asked, Ok(Merged::Names(_)))
}

/// `GET /features`
pub(in crate::http) async fn features(_question: &Question<'_>) -> Response<Bytes> {
    answered(Ok(super::features::all()))
}

/// `GET /features/{name}`
pub(in crate::http) async fn feature(question: &Question<'_>) -> Response<Bytes> {
    match super::features::of(&question.rest) {
        Some(text) => success(StatusCode::OK, text),
        None => {
            let told = format!("Unknown feature '{}'", question.rest);
            refusal(Refused::new(StatusCode::NOT_FOUND, told))
        }
    }
}

/// `GET /datapoints/index`: the index of tags is always as it should be.
pub(in crate::http) async fn index(_question: &Question<'_>) -> Response<Bytes> {
    success(StatusCode::NO_CONTENT, Vec::new())
}
