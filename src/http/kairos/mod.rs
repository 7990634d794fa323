//! KairosDB's REST API: points in, points out, and what stands around them. Statuses, headers and texts are
//! KairosDB's.
//!
//! An answer of 204 means that every point of the body is on stable storage. With 400 the good points of
//! the body are there too, and what is wrong with the others is told. With 503 some are not, and the same
//! body may be sent again: a point that is there already is only written once more.

mod about;
mod answer;
mod body;
mod cells;
mod columns;
mod delete;
mod echo;
mod features;
mod gather;
mod ingest;
mod metadata;
mod names;
mod number;
mod opentsdb;
mod options;
mod query;
mod report;
mod request;
mod results;
mod rollups;
mod running;
mod saving;
mod server_type;
#[cfg(test)]
mod tests;
mod tree;
mod tree_text;

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ALLOW,
    CACHE_CONTROL, CONTENT_TYPE, EXPIRES, PRAGMA, RETRY_AFTER,
};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};

use super::errors::{RETRY_AFTER_SECONDS, status_of};
use super::json::{self, Beyond};
use super::pieces::Unread;
use crate::query::error::QueryError;
use crate::wire::json::push_text;
pub(super) use about::{feature, features, health_check, health_status, index, version};
pub use body::Room;
pub(super) use delete::{by_query as delete, metric as delete_metric};
pub(super) use ingest::answer as ingest;
pub(super) use metadata::answer as metadata;
pub(super) use names::{metrics, tag_names, tag_values};
pub(super) use opentsdb::{put as opentsdb_put, version as opentsdb_version};
pub use options::QueryOptions;
pub(super) use query::answer as query;
pub(super) use query::tags as query_tags;
pub(super) use report::told_of;
pub use report::{Report, Reporter};
pub use rollups::RollUps;
pub(super) use rollups::{below as rollup, jobs, root as rollups};
pub(super) use running::{Kill, kill, list as running};
pub use server_type::{KairosOptions, ServerType};

/// Paths of this API begin so.
pub(super) const PREFIX: &str = "/api/v1/";

/// Bytes of one error; the list of all zones takes a sixth.
const ERROR_BYTES_MAX: usize = 64 * 1024;

/// Why a request is refused.
#[derive(Debug)]
struct Refused {
    status: StatusCode,
    /// None is one without a text, which KairosDB tells as null.
    errors: Vec<String>,
}

impl Refused {
    fn new(status: StatusCode, told: impl Into<String>) -> Refused {
        Refused {
            status,
            errors: vec![told.into()],
        }
    }

    fn bad(told: impl Into<String>) -> Refused {
        Refused::new(StatusCode::BAD_REQUEST, told)
    }
}

impl From<Unread> for Refused {
    fn from(unread: Unread) -> Refused {
        Refused::new(unread.status, unread.told)
    }
}

impl From<QueryError> for Refused {
    fn from(error: QueryError) -> Refused {
        Refused::new(status_of(&error), error.to_string())
    }
}

/// What whoever told something hears of time that is over: it may yet be done, and may be told again.
fn unstored(error: QueryError) -> QueryError {
    match error {
        QueryError::Timeout(_) => QueryError::Busy,
        other => other,
    }
}

/// The response to a request that is answered by a JSON text.
fn answered(answered: Result<Vec<u8>, Refused>) -> Response<Bytes> {
    match answered {
        Ok(text) => success(StatusCode::OK, text),
        Err(refused) => refusal(refused),
    }
}

/// What KairosDB says to a query that is none.
fn not_an_object() -> Refused {
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    Refused::new(status, "Not a JSON Object: null")
}

/// A good answer, with the headers that all of them have.
fn success(status: StatusCode, text: Vec<u8>) -> Response<Bytes> {
    let mut response = Response::new(text.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let mut put = |name, value| headers.insert(name, HeaderValue::from_static(value));
    put(CONTENT_TYPE, "application/json;charset=utf-8");
    put(ACCESS_CONTROL_ALLOW_ORIGIN, "*");
    put(PRAGMA, "no-cache");
    put(CACHE_CONTROL, "no-cache");
    put(EXPIRES, "0");
    response
}

fn refusal(refused: Refused) -> Response<Bytes> {
    let mut text = b"{\"errors\":[".to_vec();
    if refused.errors.is_empty() {
        text.extend_from_slice(b"null");
    }
    for (i, told) in refused.errors.iter().enumerate() {
        if i > 0 {
            text.push(b',');
        }
        // What was sent may be part of it.
        let shown = told.floor_char_boundary(ERROR_BYTES_MAX);
        json::push_text(
            told.get(..shown).unwrap_or_default(),
            Beyond::Utf8,
            &mut text,
        );
    }
    text.extend_from_slice(b"]}");
    let mut response = Response::new(text.into());
    *response.status_mut() = refused.status;
    let headers = response.headers_mut();
    let mut put = |name, value| headers.insert(name, HeaderValue::from_static(value));
    put(CONTENT_TYPE, "application/json");
    put(ACCESS_CONTROL_ALLOW_ORIGIN, "*");
    if refused.status == StatusCode::SERVICE_UNAVAILABLE {
        put(RETRY_AFTER, RETRY_AFTER_SECONDS);
    }
    response
}

/// What a browser asks before it sends to another origin. KairosDB misspells the header of the methods;
/// both spellings are sent.
pub(super) fn preflight(request: &Request<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    let asked = request.headers();
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    let misspelt = HeaderName::from_static("access-control-allow_method");
    echo(
        asked,
        &ACCESS_CONTROL_REQUEST_HEADERS,
        headers,
        &ACCESS_CONTROL_ALLOW_HEADERS,
    );
    echo(asked, &ACCESS_CONTROL_REQUEST_METHOD, headers, &misspelt);
    echo(
        asked,
        &ACCESS_CONTROL_REQUEST_METHOD,
        headers,
        &ACCESS_CONTROL_ALLOW_METHODS,
    );
    response
}

fn echo(asked: &HeaderMap, from: &HeaderName, headers: &mut HeaderMap, to: &HeaderName) {
    if let Some(value) = asked.get(from) {
        headers.insert(to.clone(), value.clone());
    }
}

/// A path below [`PREFIX`] that is not there, or not for everybody.
pub(super) fn wrong(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

/// A path that is not there by that method, but by those that are `allowed`.
pub(super) fn not_allowed(allowed: &'static str) -> Response<Bytes> {
    let mut response = wrong(StatusCode::METHOD_NOT_ALLOWED);
    let allowed = HeaderValue::from_static(allowed);
    response.headers_mut().insert(ALLOW, allowed);
    response
}
