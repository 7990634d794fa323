//! Answers of an HTTP server, read from a stream piece by piece. Knows no socket.
//!
//! Takes bytes as they come, gives one answer after the other: its status, when to come again, and
//! the beginning of its text. Answers with a length, in chunks, or without a body are understood; an
//! answer that ends with its connection, or is longer than `ANSWER_BYTES_MAX`, is refused.

use std::time::Duration;

/// Most bytes of one answer.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// Most headers of one answer.
const HEADERS_MAX: usize = 64;

/// Most characters kept of its text.
const TEXT_CHARACTERS_MAX: usize = 200;

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The number of the status line.
    pub status: u16,
    /// What `Retry-After` says, in whole seconds.
    pub retry_after: Option<Duration>,
    /// True if the server closes the connection behind this answer.
    pub closes: bool,
    /// The beginning of the body.
    pub text: String,
}

/// Collects bytes until they are an answer.
#[derive(Debug, Default)]
pub struct Replies {
    bytes: Vec<u8>,
}

/// Where the body of an answer ends.
enum Body {
    Length(usize),
    Chunks,
}

impl Replies {
    /// More bytes came.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Forgets everything: the connection is a new one.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    /// The next answer, none while it is not whole. An error says what was wrong with it.
    pub fn take(&mut self) -> Result<Option<Reply>, String> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut answer = httparse::Response::new(&mut headers);
        let head = answer
            .parse(&self.bytes)
            .map_err(|error| format!("that is no HTTP answer: {error}"))?;
        let (httparse::Status::Complete(head_bytes), Some(status)) = (head, answer.code) else {
            return self.incomplete();
        };
        let header = |name: &str| -> Option<&str> {
            let found = answer
                .headers
                .iter()
                .find(|header| header.name.eq_ignore_ascii_case(name))?;
            std::str::from_utf8(found.value).ok().map(str::trim)
        };
        let body = match (header("content-length"), header("transfer-encoding")) {
            _ if status == 204 || status == 304 || status < 200 => Body::Length(0),
            (_, Some(coding)) if coding.eq_ignore_ascii_case("chunked") => Body::Chunks,
            (Some(length), None) => Body::Length(
                length
                    .parse()
                    .map_err(|_| format!("`{length}` is no Content-Length"))?,
            ),
            _ => return Err("an answer without a length".into()),
        };
        let mut reply = Reply {
            status,
            retry_after: header("retry-after")
                .and_then(|text| text.parse().ok())
                .map(Duration::from_secs),
            closes: header("connection").is_some_and(|text| text.eq_ignore_ascii_case("close")),
            text: String::new(),
        };
        let rest = &self.bytes[head_bytes..];
        let Some((text, body_bytes)) = (match body {
            Body::Length(length) => rest.get(..length).map(|text| (text.to_vec(), length)),
            Body::Chunks => chunks(rest)?,
        }) else {
            return self.incomplete();
        };
        reply.text = String::from_utf8_lossy(&text)
            .chars()
            .take(TEXT_CHARACTERS_MAX)
            .collect();
        self.bytes.drain(..head_bytes + body_bytes);
        // 100 Continue and its like announce the answer proper.
        if status < 200 {
            self.take()
        } else {
            Ok(Some(reply))
        }
    }

    fn incomplete(&self) -> Result<Option<Reply>, String> {
        if ANSWER_BYTES_MAX < self.bytes.len() {
            return Err(format!("an answer of more than {ANSWER_BYTES_MAX} bytes"));
        }
        Ok(None)
    }
}

/// The text of a body in chunks and how many bytes it took; none while it is not whole.
fn chunks(bytes: &[u8]) -> Result<Option<(Vec<u8>, usize)>, String> {
    let mut text = Vec::new();
    let mut at = 0;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let (line_bytes, size) = match httparse::parse_chunk_size(rest) {
            Ok(httparse::Status::Complete(found)) => found,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => return Err("a chunk without a size".into()),
        };
        if ANSWER_BYTES_MAX as u64 <= size {
            return Err(format!("a chunk of {size} bytes"));
        }
        let from = at + line_bytes;
        let until = from + size as usize;
        let Some(chunk) = bytes.get(from..until) else {
            return Ok(None);
        };
        if bytes.len() < until + 2 {
            return Ok(None);
        }
        if &bytes[until..until + 2] != b"\r\n" {
            return Err("a chunk that is longer than it says, or a trailer".into());
        }
        text.extend_from_slice(chunk);
        at = until + 2;
        if size == 0 {
            return Ok(Some((text, at)));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    /// Status, seconds to wait, whether it closes, and text.
    type Told = (u16, Option<u64>, bool, String);

    /// All answers of a stream that comes in pieces of so many bytes.
    fn replies(stream: &str, piece_bytes: usize) -> Result<Vec<Told>, String> {
        let mut replies = Replies::default();
        let mut found = Vec::new();
        for piece in stream.as_bytes().chunks(piece_bytes) {
            replies.push(piece);
            while let Some(reply) = replies.take()? {
                let after_s = reply.retry_after.map(|wait| wait.as_secs());
                found.push((reply.status, after_s, reply.closes, reply.text));
            }
        }
        Ok(found)
    }

    #[test]
    fn answers_are_found_wherever_the_stream_is_cut() {
        let stream = "HTTP/1.1 204 No Content\r\nCache-Control: no-cache\r\n\r\n\
                      HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\nfull\
                      HTTP/1.1 400 Bad Request\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n\
                      3\r\nbad\r\n4\r\n one\r\n0\r\n\r\n";
        let want = vec![
            (204, None, false, String::new()),
            (503, Some(7), false, "full".to_owned()),
            (400, None, true, "bad one".to_owned()),
        ];
        for piece_bytes in 1..stream.len() {
            assert_eq!(
                replies(stream, piece_bytes),
                Ok(want.clone()),
                "{piece_bytes}"
            );
        }
    }

    #[test]
    fn what_is_no_answer_is_said() {
        let refused = |stream: &str, word: &str| {
            let error = replies(stream, 7).unwrap_err();
            assert!(error.contains(word), "{error}");
        };
        refused("SSH-2.0-OpenSSH_9.2\r\n", "no HTTP answer");
        refused("HTTP/1.1 200 OK\r\n\r\nuntil the end", "without a length");
        refused("HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n", "many");
        let endless = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n{}",
            "x".repeat(2 << 20)
        );
        refused(&endless, "more than");
    }
}
