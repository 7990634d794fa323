//! Answers of the parts of graphite-web's API that tell everything as JSON, errors too: `{"error": "…"}`.
//! With `pretty=1` the text is laid out over lines, as Python's writer does with an indent of 2.

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{HeaderValue, Response, StatusCode};

use super::errors::{Failure, RETRY_AFTER_SECONDS, status_of};
use super::json::{Beyond, push_text};
use super::question::{Question, document};
use crate::query::error::QueryError;

/// Bytes of JSON that are laid out in one go.
const PIECE: usize = 1 << 14;

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
        true => lay_out(question, &text).await?,
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

async fn lay_out(question: &Question<'_>, text: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut layout = Layout::default();
    for piece in text.chunks(PIECE) {
        layout.take(piece);
        let bytes = layout.out.len();
        question.options.limits.check_bytes(bytes as u64)?;
        question.pace().did_series(piece.len()).await?;
    }
    Ok(layout.out)
}

/// A text being laid out. It is one of ours: `", "` and `": "` between its parts, ASCII only.
#[derive(Default)]
struct Layout {
    out: Vec<u8>,
    depth: usize,
    in_text: bool,
    escaped: bool,
    /// A bracket was opened, and nothing stands in it yet.
    opened: bool,
    /// The blank behind a comma is still to come, and falls away.
    behind_comma: bool,
}

impl Layout {
    fn take(&mut self, piece: &[u8]) {
        for &byte in piece {
            if self.in_text {
                self.out.push(byte);
                self.in_text = self.escaped || byte != b'"';
                self.escaped = !self.escaped && byte == b'\\';
                continue;
            }
            if std::mem::take(&mut self.behind_comma) && byte == b' ' {
                continue;
            }
            match byte {
                b']' | b'}' => {
                    self.depth = self.depth.saturating_sub(1);
                    if !std::mem::take(&mut self.opened) {
                        self.line();
                    }
                    self.out.push(byte);
                    continue;
                }
                _ if std::mem::take(&mut self.opened) => self.line(),
                _ => {}
            }
            self.out.push(byte);
            match byte {
                b'[' | b'{' => {
                    self.depth += 1;
                    self.opened = true;
                }
                b',' => {
                    self.line();
                    self.behind_comma = true;
                }
                b'"' => self.in_text = true,
                _ => {}
            }
        }
    }

    fn line(&mut self) {
        self.out.push(b'\n');
        let indent = self.depth * 2;
        self.out.resize(self.out.len() + indent, b' ');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: &str) {
        for pieces in [1, 3, 1000] {
            let mut layout = Layout::default();
            text.as_bytes()
                .chunks(pieces)
                .for_each(|piece| layout.take(piece));
            assert_eq!(String::from_utf8(layout.out).as_deref(), Ok(want), "{text}");
        }
    }

    #[test]
    fn as_python_lays_it_out() {
        check("null", "null");
        check("\"a, b\"", "\"a, b\"");
        check("[]", "[]");
        check("{}", "{}");
        check("[[], {}]", "[\n  [],\n  {}\n]");
        check("[\"a\", \"b]\\\"\"]", "[\n  \"a\",\n  \"b]\\\"\"\n]");
        check(
            "{\"id\": 3, \"values\": [{\"count\": 2, \"id\": 3}]}",
            "{\n  \"id\": 3,\n  \"values\": [\n    {\n      \"count\": 2,\n      \"id\": 3\n    }\n  ]\n}",
        );
    }
}
