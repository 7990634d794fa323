//! Answers of the parts of graphite-web's API that tell everything as JSON, errors too: `{"error": "…"}`.
//! With `pretty=1` the text is laid out over lines, as Python's writer does with an indent of 2.

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{HeaderValue, Response, StatusCode};

use super::errors::{Failure, RETRY_AFTER_SECONDS, status_of};
use super::json::{Beyond, push_text};
use super::question::{Question, document};
use crate::query::error::QueryError;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// The request is wrong: the status, and what its sender is told.
    Said(StatusCode, String),
    /// What came of asking.
    Failed(Failure),
}

impl Refused {
    /// What is wrong with the request, status 400.
    pub(super) fn bad(told: impl Into<String>) -> Refused {
        Refused::Said(StatusCode::BAD_REQUEST, told.into())
    }
}

impl From<QueryError> for Refused {
    fn from(error: QueryError) -> Refused {
        Refused::Failed(Failure::from(error))
    }
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Refused {
        Refused::Failed(failure)
    }
}

/// The response to a request that is answered by a JSON text.
///
/// # Errors
/// Time is up while it is laid out.
pub(super) async fn respond(
    question: &Question<'_>,
    answered: Result<Vec<u8>, Refused>,
) -> Result<Response<Bytes>, Failure> {
    let (status, text) = match answered {
        Ok(text) => (StatusCode::OK, text),
        Err(Refused::Said(status, told)) => (status, error_text(&told)),
        Err(Refused::Failed(Failure::Query { error, .. })) => {
            let told = match &error {
                QueryError::Invalid(told) => told.clone(),
                other => other.to_string(),
            };
            (status_of(&error), error_text(&told))
        }
        Err(Refused::Failed(failure)) => return Err(failure),
    };
    let text = match is_pretty(question) {
        true => question.indented(&text).await?,
        false => text,
    };
    let mut response = document("application/json", text);
    *response.status_mut() = status;
    if status == StatusCode::SERVICE_UNAVAILABLE {
        let seconds = HeaderValue::from_static(RETRY_AFTER_SECONDS);
        response.headers_mut().insert(RETRY_AFTER, seconds);
    }
    Ok(response)
}

/// Whether the text is to be laid out, and so with its keys sorted.
pub(super) fn is_pretty(question: &Question<'_>) -> bool {
    let pretty = question.parameters.last("pretty");
    pretty.is_some_and(|pretty| !pretty.is_empty())
}

fn error_text(told: &str) -> Vec<u8> {
    let mut text = b"{\"error\": ".to_vec();
    push_text(told, Beyond::Escaped, &mut text);
    text.push(b'}');
    text
}
