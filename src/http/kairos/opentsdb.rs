//! OpenTSDB's `POST /api/put` and `/api/version`: its senders speak HTTP to its port, and to that of HTTP.
//!
//! Answers when the last point is on stable storage, as the ingest of KairosDB's API does: 204 for all of
//! them, 400 when some are refused and the good ones are there, 503 when the same may be sent again. With
//! `summary` or `details` behind the path all but the last are told in numbers; `sync` is always so.

use std::collections::VecDeque;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};

use super::ingest::{Outcome, SLICE_BYTES, UNDER_WAY_MAX};
use super::{Refused, body};
use crate::http::errors::{Failure, RETRY_AFTER_SECONDS};
use crate::http::json::{self, Beyond};
use crate::http::question::Question;
use crate::model::refusal::Protocol;
use crate::model::sample::Samples;
use crate::wire::opentsdb_json::{BATCH_SAMPLES, Decoder, Failed, Report};

/// The version of OpenTSDB whose `put` this is.
const VERSION: &str = "2.4.1";

/// What a failed request is told that did not ask for more.
const SOME_FAILED: &str = "One or more data points had errors";

/// How much a sender wants to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Nothing,
    Summary,
    Details,
}

impl Told {
    fn wanted(question: &Question<'_>) -> Told {
        let query = question.request.uri().query().unwrap_or_default();
        let has =
            |word: &str| form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == word);
        match (has("details"), has("summary")) {
            (true, _) => Told::Details,
            (false, true) => Told::Summary,
            (false, false) => Told::Nothing,
        }
    }
}

/// `/api/put`
pub(in super::super) async fn put(question: &Question<'_>) -> Response<Bytes> {
    let wanted = Told::wanted(question);
    match store(question).await {
        Ok((report, outcome)) => answer(wanted, &report, outcome),
        Err(refused) => failure(refused.status, &refused.errors.join("; ")),
    }
}

/// `/api/version`
pub(in super::super) async fn version(question: &Question<'_>) -> Result<Response<Bytes>, Failure> {
    let mut text = b"{\"short_revision\":\"\",\"repo\":\"corelane ".to_vec();
    text.extend_from_slice(question.options.version.as_bytes());
    text.extend_from_slice(b"\",\"host\":");
    json::push_text(&question.options.node, Beyond::Utf8, &mut text);
    text.extend_from_slice(b",\"version\":\"");
    text.extend_from_slice(VERSION.as_bytes());
    text.extend_from_slice(
        b"\",\"full_revision\":\"\",\"repo_status\":\"MINT\",\"user\":\"\",\"timestamp\":\"0\"}",
    );
    Ok(response(StatusCode::OK, text))
}

async fn store(question: &Question<'_>) -> Result<(Report, Outcome), Refused> {
    let body = body::read(question).await?;
    if body.bytes.is_empty() {
        return Err(Refused::bad("Missing message content"));
    }
    let (mut decoder, mut samples) = (Decoder::default(), Samples::default());
    let (mut waiting, mut outcome) = (VecDeque::new(), Outcome::default());
    let sender = question.fleet.sender();
    loop {
        let done = decoder.step(&body.bytes, SLICE_BYTES, &mut samples);
        if done || BATCH_SAMPLES <= samples.len() {
            if waiting.len() == UNDER_WAY_MAX
                && let Some(oldest) = waiting.pop_front()
            {
                outcome.add(oldest.await);
            }
            let (fleet, text) = (question.fleet, decoder.text());
            waiting.push_back(fleet.ingest(sender, Protocol::OpenTsdb, text, &mut samples));
            decoder.forget_names();
        }
        if done {
            break;
        }
        question.fleet.breathe().await;
    }
    drop(body);
    for stored in waiting {
        outcome.add(stored.await);
    }
    Ok((decoder.report().clone(), outcome))
}

fn answer(wanted: Told, report: &Report, outcome: Outcome) -> Response<Bytes> {
    let beyond = outcome.refused();
    let failed = report.failed + beyond;
    if let Some((status, told)) = outcome.passing() {
        return failure(status, &told);
    }
    if let Some(broken) = &report.broken {
        return failure(
            StatusCode::BAD_REQUEST,
            &format!("Unable to parse the given JSON: {broken}"),
        );
    }
    let status = match (failed, wanted) {
        (1.., _) => StatusCode::BAD_REQUEST,
        (0, Told::Nothing) => StatusCode::NO_CONTENT,
        (0, _) => StatusCode::OK,
    };
    if wanted == Told::Nothing {
        return match failed {
            0 => response(status, Vec::new()),
            _ => failure(status, SOME_FAILED),
        };
    }
    let good = report.good.saturating_sub(beyond);
    let mut text = format!("{{\"success\":{good},\"failed\":{failed}").into_bytes();
    if wanted == Told::Details {
        text.extend_from_slice(b",\"errors\":[");
        for (i, failed) in report.told.iter().enumerate() {
            if i > 0 {
                text.push(b',');
            }
            push_failed(failed, &mut text);
        }
        for (i, told) in outcome.told().enumerate() {
            if i > 0 || !report.told.is_empty() {
                text.push(b',');
            }
            text.extend_from_slice(b"{\"error\":");
            json::push_text(&told, Beyond::Utf8, &mut text);
            text.push(b'}');
        }
        text.push(b']');
    }
    text.push(b'}');
    response(status, text)
}

fn push_failed(failed: &Failed, out: &mut Vec<u8>) {
    let put = |before: &str, text: &str, out: &mut Vec<u8>| {
        out.extend_from_slice(before.as_bytes());
        json::push_text(text, Beyond::Utf8, out);
    };
    put("{\"datapoint\":{\"metric\":", &failed.metric, out);
    // A number where it is one, as OpenTSDB has it.
    match failed.timestamp.parse::<i64>() {
        Ok(time) => out.extend_from_slice(format!(",\"timestamp\":{time}").as_bytes()),
        Err(_) => put(",\"timestamp\":", &failed.timestamp, out),
    }
    put(",\"value\":", &failed.value, out);
    out.extend_from_slice(b",\"tags\":{");
    for (i, (key, value)) in failed.tags.iter().enumerate() {
        put(if i > 0 { "," } else { "" }, key, out);
        put(":", value, out);
    }
    put("}},\"error\":", &failed.error, out);
    out.push(b'}');
}

/// OpenTSDB's form for a request that failed.
fn failure(status: StatusCode, told: &str) -> Response<Bytes> {
    let mut text = format!("{{\"error\":{{\"code\":{},\"message\":", status.as_u16()).into_bytes();
    json::push_text(told, Beyond::Utf8, &mut text);
    if told == SOME_FAILED {
        let details = "Append \"details\" to the put request to be told which";
        text.extend_from_slice(b",\"details\":");
        json::push_text(details, Beyond::Utf8, &mut text);
    }
    text.extend_from_slice(b"}}");
    let mut response = response(status, text);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        let seconds = HeaderValue::from_static(RETRY_AFTER_SECONDS);
        response.headers_mut().insert(RETRY_AFTER, seconds);
    }
    response
}

fn response(status: StatusCode, text: Vec<u8>) -> Response<Bytes> {
    let mut response = Response::new(text.into());
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/json; charset=UTF-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
