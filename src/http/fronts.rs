//! A graphite-web in front of this node. Whatever status but 200 it gets makes it forget the node for a
//! minute (`REMOTE_RETRY_DELAY`), and with it all that others ask: to what is refused it gets an empty answer
//! instead.

use bytes::Bytes;
use http::{Response, StatusCode};

use super::encode::Packing;
use super::errors::Failure;
use super::laid_out::Refused;
use super::question::{Question, document};

/// An empty list instead of a refusal, in the form that a front has asked for. What is no fault of the
/// question stays an error: a node that has no time is better left alone.
///
/// # Errors
/// As `answered`, where it is not for a front.
pub(super) fn spared(
    question: &Question<'_>,
    answered: Result<Response<Bytes>, Failure>,
) -> Result<Response<Bytes>, Failure> {
    let packing = Packing::named(question.parameters.last("format").unwrap_or_default());
    match (&answered, packing) {
        (Err(Failure::Query { error, .. }), Some(packing))
            if error.is_refusal() && is_front(question) =>
        {
            tell(question, &error.to_string());
            Ok(document(packing.kind(), packing.empty_list()))
        }
        _ => answered,
    }
}

/// The same for what is a list in JSON.
///
/// # Errors
/// As `answered`, where it is not for a front.
pub(super) fn spared_list(
    question: &Question<'_>,
    answered: Result<Vec<u8>, Refused>,
) -> Result<Vec<u8>, Refused> {
    let why = match &answered {
        Err(Refused::Said(StatusCode::BAD_REQUEST, why)) => why.clone(),
        Err(Refused::Failed(Failure::Query { error, .. })) if error.is_refusal() => {
            error.to_string()
        }
        _ => return answered,
    };
    if !is_front(question) {
        return answered;
    }
    tell(question, &why);
    Ok(b"[]".to_vec())
}

/// Nobody else says so.
fn is_front(question: &Question<'_>) -> bool {
    question.parameters.last("local") == Some("1")
}

/// Tell the operator what the front is not told.
fn tell(question: &Question<'_>, why: &str) {
    let path = question.request.uri().path();
    tracing::info!(path, why, "a question of a front is refused");
}
