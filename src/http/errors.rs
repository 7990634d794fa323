//! What went wrong becomes a status and a text: here and nowhere else.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};

use crate::query::error::QueryError;

/// Bytes of an error's text. Grafana and others show it whole to their user.
const TEXT_BYTES_MAX: usize = 1000;
/// Seconds after which a busy appliance may be asked again.
pub(super) const RETRY_AFTER_SECONDS: &str = "1";

/// Why a request has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The query failed; `targets` are those it was about, as graphite-web tells them.
    Query {
        /// Why.
        error: QueryError,
        /// The targets, as sent.
        targets: Vec<String>,
    },
    /// The appliance cannot answer yet: its text, shown as it is.
    NotReady(String),
}

impl From<QueryError> for Failure {
    fn from(error: QueryError) -> Failure {
        Failure::Query {
            error,
            targets: Vec::new(),
        }
    }
}

impl Failure {
    /// A parameter that makes no sense, in graphite-web's words for it.
    pub(super) fn invalid(message: impl Into<String>) -> Failure {
        Failure::from(QueryError::Invalid(message.into()))
    }

    /// The answer that tells it.
    pub(super) fn into_response(self) -> Response<Bytes> {
        let (status, text) = match self {
            Failure::Query { error, targets } => (status_of(&error), told(&error, &targets)),
            Failure::NotReady(text) => (StatusCode::SERVICE_UNAVAILABLE, text),
        };
        let mut response = text_response(status, shortened(text));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            let seconds = HeaderValue::from_static(RETRY_AFTER_SECONDS);
            response.headers_mut().insert(RETRY_AFTER, seconds);
        }
        response
    }
}

/// The status of a query that has no answer.
pub(super) fn status_of(error: &QueryError) -> StatusCode {
    match error {
        QueryError::Invalid(_) | QueryError::Limit(_) | QueryError::TooManyPoints { .. } => {
            StatusCode::BAD_REQUEST
        }
        QueryError::Timeout(_) => StatusCode::GATEWAY_TIMEOUT,
        QueryError::Busy | QueryError::Full(_) | QueryError::Crowded(_) => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        QueryError::Killed => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Graphite-web's form for what the caller did wrong; ours for the rest.
fn told(error: &QueryError, targets: &[String]) -> String {
    let QueryError::Invalid(message) = error else {
        return error.to_string();
    };
    if targets.is_empty() {
        return format!("Invalid parameters ({message})");
    }
    let targets: Vec<String> = targets.iter().map(|t| format!("{t:?}")).collect();
    let targets = targets.join(", ");
    format!("Invalid parameters ({message}); targets: {targets}")
}

fn shortened(mut text: String) -> String {
    if text.len() > TEXT_BYTES_MAX {
        text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
        text.push_str(" ...");
    }
    text
}

/// A plain text. `nosniff` keeps a browser from running what a request put into it.
pub(super) fn text_response(status: StatusCode, text: impl Into<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(text.into());
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    let nosniff = HeaderValue::from_static("nosniff");
    response
        .headers_mut()
        .insert(http::header::X_CONTENT_TYPE_OPTIONS, nosniff);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(failure: Failure, status: u16, text: &str) {
        let response = failure.into_response();
        assert_eq!(response.status().as_u16(), status);
        assert_eq!(response.body(), text);
    }

    #[test]
    fn each_failure_has_its_status() {
        check(
            Failure::invalid("Invalid empty time range"),
            400,
            "Invalid parameters (Invalid empty time range)",
        );
        let error = QueryError::Invalid("Received request for unknown function: f".to_owned());
        let targets = vec!["f(a)".to_owned()];
        check(
            Failure::Query { error, targets },
            400,
            "Invalid parameters (Received request for unknown function: f); targets: \"f(a)\"",
        );
        check(
            QueryError::Limit("too much".to_owned()).into(),
            400,
            "too much",
        );
        let late = "the query ran longer than 5 ms; ask for fewer series or a shorter time, or raise \
                    query.millis_max";
        check(QueryError::Timeout(5).into(), 504, late);
        let busy = "the appliance is too busy for this query; try again";
        check(QueryError::Busy.into(), 503, busy);
        let full = "the disk is full, so nothing is kept; free some room, and try again";
        check(QueryError::Full("so nothing is kept").into(), 503, full);
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let response = Failure::invalid("ü".repeat(2000)).into_response();
        assert!(response.body().len() < 1024);
        assert!(std::str::from_utf8(response.body()).is_ok());
    }

    #[test]
    fn busy_says_when_to_come_back() {
        let response = Failure::from(QueryError::Busy).into_response();
        assert_eq!(response.headers()[RETRY_AFTER], "1");
    }
}
