//! What go-carbon answers and carbonapi asks, beside graphite-web's API: protobuf, in the second and the
//! third version of carbonapi's messages.
//!
//! The paths are those of graphite-web where both have them; which of the two is asked for says
//! [`Dialect`]. Questions of the third version are messages in the body, also of a GET; where a proxy lost
//! the body the parameters of the second version are read. Nothing found is status 404, which carbonapi
//! takes for "not here" and asks the next one.

mod capabilities;
mod details;
mod fetch;
mod find;
mod info;

use bytes::Bytes;
use http::{Response, StatusCode};

use super::encode::protobuf::{Fields, Value, text};
use super::errors::{Failure, text_response};
use super::parameters::is_form;
use super::question::{Question, document};
pub(super) use capabilities::answer as capabilities;
pub(super) use details::{details, list};
pub(super) use fetch::{QUERIES_MAX, Query, Shape, VALUE_BYTES, queries};
pub(super) use find::answer as find;
pub(super) use info::answer as info;

/// In which words to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// `carbonapi_v2_pb`
    Second,
    /// `carbonapi_v3_pb`
    Third,
}

const KIND_OF_THIRD: &str = "application/x-carbonapi-v3-pb";

impl Dialect {
    /// The dialect that `question` wants; `None` if it wants no protobuf.
    pub(super) fn of(question: &Question<'_>) -> Option<Dialect> {
        if question.accept.as_deref() == Some(KIND_OF_THIRD) {
            return Some(Dialect::Third);
        }
        match question.parameters.last("format")? {
            "carbonapi_v3_pb" | "v3_pb" | "proto_v3_pb" => Some(Dialect::Third),
            "protobuf" | "protobuf3" | "carbonapi_v2_pb" | "pb" | "pb3" | "v2_pb"
            | "proto_v2_pb" => Some(Dialect::Second),
            _ => None,
        }
    }

    /// The media type of its messages.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Dialect::Second => "application/x-protobuf",
            Dialect::Third => KIND_OF_THIRD,
        }
    }
}

/// The dialect of a question that only go-carbon knows; `None` is JSON.
///
/// # Errors
/// A format that is none of them.
fn dialect(question: &Question<'_>) -> Result<Option<Dialect>, Failure> {
    let dialect = Dialect::of(question);
    match question.parameters.last("format") {
        None | Some("json") => Ok(dialect),
        Some(_) if dialect.is_some() => Ok(dialect),
        Some(other) => Err(Failure::invalid(format!(
            "format {other:?} is not served here; there are json, carbonapi_v2_pb and carbonapi_v3_pb"
        ))),
    }
}

/// Nothing is known of what was asked for.
pub(super) fn nothing() -> Response<Bytes> {
    text_response(StatusCode::NOT_FOUND, "nothing found\n")
}

/// A message as the answer; `None` is [`nothing`].
fn message(dialect: Dialect, found: Option<Vec<u8>>) -> Response<Bytes> {
    found.map_or_else(nothing, |message| document(dialect.kind(), message))
}

/// The message in the body; `None` if there is none.
fn body<'a>(question: &'a Question<'_>) -> Option<&'a Bytes> {
    let body = question.request.body();
    (!body.is_empty() && !is_form(question.request)).then_some(body)
}

/// The texts of field 1 of the body's message; `None` if there is no body.
///
/// # Errors
/// A body that is no message, and more than `max` texts.
async fn texts_of_body(
    question: &Question<'_>,
    max: usize,
) -> Result<Option<Vec<String>>, Failure> {
    let Some(body) = body(question) else {
        return Ok(None);
    };
    let mut texts = Vec::new();
    let mut fields = Fields::new(body);
    while let Some((field, value)) = fields.next().map_err(broken)? {
        if let (1, Value::Bytes(bytes)) = (field, value) {
            if texts.len() == max {
                return Err(too_many(max));
            }
            texts.push(text(bytes).map_err(broken)?.to_owned());
        }
        question.breathe_every(texts.len()).await?;
    }
    Ok(Some(texts))
}

fn broken(told: &'static str) -> Failure {
    Failure::invalid(format!("the body is {told}"))
}

fn too_many(max: usize) -> Failure {
    Failure::invalid(format!("more than {max} names; send several requests"))
}
