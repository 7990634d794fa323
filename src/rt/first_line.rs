//! The first line of a request, made one that is written as it should be.
//!
//! People write targets with quotes into URLs as they are (`curl 'http://…?target=alias(x,"y")'`), and the
//! servers that graphite-web runs behind take that. The parser below hyper does not, so `"`, `<` and `>`
//! of a first line become what they should have been: `%22`, `%3C`, `%3E`. Nothing else is touched: only
//! what begins with a method and a path, where a request may begin, up to its end of line.

use std::borrow::Cow;
use std::cell::Cell;
use std::rc::Rc;

/// How a request begins whose line may need it.
const BEGINNINGS: [&[u8]; 3] = [b"GET /", b"POST /", b"HEAD /"];

/// Where a connection is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// What comes next begins a request, as far as is known.
    #[default]
    Before,
    /// Within a first line.
    Inside,
    /// Within the rest of a request.
    Behind,
}

/// The first lines of one connection; clones are of the same.
#[derive(Clone, Debug, Default)]
pub(super) struct FirstLine(Rc<Cell<Place>>);

impl FirstLine {
    /// A request was read to its end: what comes next may be another.
    pub(super) fn may_begin(&self) {
        self.0.set(Place::Before);
    }

    /// What `bytes`, the next that came, are to be read as.
    pub(super) fn pass<'b>(&self, bytes: &'b [u8]) -> Cow<'b, [u8]> {
        let begins = |beginning: &&[u8]| bytes.starts_with(beginning);
        match self.0.get() {
            Place::Before if BEGINNINGS.iter().any(begins) => {}
            Place::Inside => {}
            Place::Before | Place::Behind => {
                self.0.set(Place::Behind);
                return Cow::Borrowed(bytes);
            }
        }
        let end = memchr::memchr(b'\n', bytes);
        let place = match end {
            Some(_) => Place::Behind,
            None => Place::Inside,
        };
        self.0.set(place);
        let (line, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
        if memchr::memchr3(b'"', b'<', b'>', line).is_none() {
            return Cow::Borrowed(bytes);
        }
        let mut passed = Vec::with_capacity(bytes.len() + 64);
        for &byte in line {
            match byte {
                b'"' => passed.extend_from_slice(b"%22"),
                b'<' => passed.extend_from_slice(b"%3C"),
                b'>' => passed.extend_from_slice(b"%3E"),
                other => passed.push(other),
            }
        }
        passed.extend_from_slice(rest);
        Cow::Owned(passed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of requests that arrive in these pieces, each ended by the last of its list.
    fn passed(requests: &[&[&str]]) -> String {
        let first_line = FirstLine::default();
        let mut all = Vec::new();
        for pieces in requests {
            for piece in *pieces {
                all.extend_from_slice(&first_line.pass(piece.as_bytes()));
            }
            first_line.may_begin();
        }
        String::from_utf8(all).expect("UTF-8")
    }

    #[test]
    fn quotes_of_a_first_line_are_written_as_they_should_be() {
        let sent = "GET /render?target=alias(x,\"a<b>\") HTTP/1.1\r\nX: \"y\"\r\n\r\n{\"a\": 1}";
        let want =
            "GET /render?target=alias(x,%22a%3Cb%3E%22) HTTP/1.1\r\nX: \"y\"\r\n\r\n{\"a\": 1}";
        assert_eq!(passed(&[&[sent]]), want);
        // Wherever it is cut, once its beginning is there.
        for at in 5..sent.len() {
            let (first, second) = sent.split_at(at);
            assert_eq!(passed(&[&[first, second]]), want, "cut at {at}");
        }
        // And again on the same connection.
        assert_eq!(passed(&[&[sent], &[sent]]), format!("{want}{want}"));
    }

    #[test]
    fn bodies_stay_as_they_are() {
        let head = "POST /api/v1/datapoints HTTP/1.1\r\nContent-Length: 9\r\n\r\n";
        let body = "{\"a\": 12}";
        assert_eq!(passed(&[&[head, body]]), format!("{head}{body}"));
        // Of a request whose head came together with the one before it.
        let both = format!("GET / HTTP/1.1\r\n\r\n{head}");
        assert_eq!(passed(&[&[&both], &[body]]), format!("{both}{body}"));
    }

    #[test]
    fn any_bytes_stay_but_those_of_a_first_line() {
        let all: Vec<u8> = (0..=255).collect();
        let first_line = FirstLine::default();
        assert_eq!(*first_line.pass(&all), *all);
        first_line.may_begin();
        let line = [&b"GET /"[..], &all].concat();
        let passed = first_line.pass(&line).into_owned();
        // The only end of line is before the quotes.
        assert_eq!(passed, line);
    }
}
