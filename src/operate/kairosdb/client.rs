//! Calls to one server, tried again where that may help.

use std::io::{self, Read};
use std::thread;
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes};
use flate2::read::MultiGzDecoder;
use http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HOST, RETRY_AFTER, USER_AGENT,
};
use http::{Method, Request, StatusCode};
use http_body::Body;
use hyper::body::Incoming;

use super::place::Place;
use super::trouble::Trouble;
use crate::rt::link::{Link, Lost, Whole};

/// How often a call is tried, and how long is waited at first; each time twice as long.
const TRIES_MAX: u32 = 8;
const PAUSE_FIRST: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(15);
/// Bytes of an error's text that are read.
const ERROR_BYTES_MAX: u64 = 4096;

/// A server and the connection to it.
pub(super) struct Client {
    place: Place,
    longest: Duration,
    link: Option<Link>,
    /// Whether it has answered before; else it may be a place where nobody is.
    has_answered: bool,
    /// The answer that is being read.
    body: Option<Incoming>,
    is_packed: bool,
    /// What came of it and was not read yet.
    piece: Bytes,
    /// How long was waited for the server since the last call began.
    took: Duration,
}

/// What is asked for.
pub(super) struct Call {
    pub(super) method: Method,
    /// Below the place.
    pub(super) path: String,
    pub(super) body: Option<Bytes>,
    /// Whether the body is packed by gzip.
    pub(super) is_packed: bool,
}

impl Client {
    pub(super) fn new(place: Place, longest: Duration) -> Client {
        Client {
            place,
            longest,
            link: None,
            has_answered: false,
            body: None,
            is_packed: false,
            piece: Bytes::new(),
            took: Duration::ZERO,
        }
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// How long a call may take.
    pub(super) fn longest(&self) -> Duration {
        self.longest
    }

    /// How long the server took for the last answer, as far as that was read; without pauses between tries,
    /// and without what was done with it here.
    pub(super) fn took(&self) -> Duration {
        self.took
    }

    /// Whether bytes on the way there cost more than to pack them.
    pub(super) fn is_far(&self) -> bool {
        let name = self.place.name();
        let is_loopback = |address: std::net::IpAddr| address.is_loopback();
        name != "localhost" && !name.parse().is_ok_and(is_loopback)
    }

    /// Ask; gives the status once the answer begins, whose body is then [`Client::body`]. Where the server is
    /// not there, or says that it is busy, it is asked again.
    ///
    /// # Errors
    /// Fatal where it stays so, or where it lets nobody in; broken where the answer does not come in time.
    pub(super) fn call(&mut self, call: &Call) -> Result<StatusCode, Trouble> {
        let mut pause = PAUSE_FIRST;
        let mut tries = 0;
        loop {
            let is_new = self.link.is_none();
            let (why, wait) = match self.try_call(call) {
                Ok((status, wait)) => match status {
                    StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                        (format!("status {status}: {}", self.error_text()), wait)
                    }
                    StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                        return Err(Trouble::Fatal(format!(
                            "{} lets nobody in: status {status}: {}. Name a user who may: \
                             http://user:password@host",
                            self.place.shown(),
                            self.error_text()
                        )));
                    }
                    status => return Ok(status),
                },
                Err(late @ Lost::Late(_)) => return Err(Trouble::Broken(late.to_string())),
                // The server parted with a connection that had nothing to do.
                Err(Lost::Closed(_)) if !is_new => continue,
                Err(Lost::Closed(why)) if !self.has_answered => {
                    return Err(Trouble::Fatal(format!(
                        "cannot reach {}: {why}. See that it runs, and that its address is right",
                        self.place.shown()
                    )));
                }
                Err(lost) => (lost.to_string(), None),
            };
            tries += 1;
            if tries == TRIES_MAX {
                return Err(Trouble::Fatal(format!(
                    "{} does not answer, asked {TRIES_MAX} times: {why}",
                    self.place.shown()
                )));
            }
            thread::sleep(wait.unwrap_or(pause).min(PAUSE_MAX));
            pause *= 2;
        }
    }

    fn try_call(&mut self, call: &Call) -> Result<(StatusCode, Option<Duration>), Lost> {
        if self.body.take().is_some_and(|body| !body.is_end_stream()) {
            // Of an answer that nobody reads to its end the connection still carries the rest.
            self.link = None;
        }
        self.piece = Bytes::new();
        let request = self.request(call)?;
        let link = match &mut self.link {
            Some(link) => link,
            none => none.insert(Link::open(
                self.place.name(),
                self.place.port,
                self.longest,
            )?),
        };
        let began = Instant::now();
        let answer = link.call(request).inspect_err(|_| self.link = None)?;
        self.took = began.elapsed();
        let header = |name| {
            answer
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
        };
        let wait = header(RETRY_AFTER).and_then(|text| text.parse().ok());
        self.is_packed = header(CONTENT_ENCODING).is_some_and(|by| by.eq_ignore_ascii_case("gzip"));
        let status = answer.status();
        self.has_answered = true;
        self.body = Some(answer.into_body());
        Ok((status, wait.map(Duration::from_secs)))
    }

    fn request(&self, call: &Call) -> Result<Request<Whole>, Lost> {
        let place = &self.place;
        let mut request = Request::builder()
            .method(&call.method)
            .uri(format!("{}{}", place.prefix, call.path))
            .header(HOST, format!("{}:{}", place.host, place.port))
            .header(USER_AGENT, concat!("corelane/", env!("CARGO_PKG_VERSION")));
        if let Some(authorization) = &place.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        if self.is_far() {
            request = request.header(ACCEPT_ENCODING, "gzip");
        }
        if call.body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        if call.is_packed {
            request = request.header(CONTENT_ENCODING, "gzip");
        }
        let request = request.body(Whole(call.body.clone()));
        request.map_err(|error| Lost::Closed(error.to_string()))
    }

    /// The body of the answer, unpacked.
    pub(super) fn body(&mut self) -> Box<dyn Read + '_> {
        match self.is_packed {
            true => Box::new(MultiGzDecoder::new(Pieces(self))),
            false => Box::new(Pieces(self)),
        }
    }

    /// The beginning of an answer that tells what is wrong, on one line.
    pub(super) fn error_text(&mut self) -> String {
        let mut bytes = Vec::new();
        let read = self.body().take(ERROR_BYTES_MAX).read_to_end(&mut bytes);
        let text = String::from_utf8_lossy(&bytes);
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        match read {
            Err(error) if text.is_empty() => error.to_string(),
            _ if text.is_empty() => "without a word".to_owned(),
            _ => text,
        }
    }
}

/// The body as it comes.
struct Pieces<'a>(&'a mut Client);

impl Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let client = &mut *self.0;
        while client.piece.is_empty() {
            let Some((body, link)) = client.body.as_mut().zip(client.link.as_mut()) else {
                return Ok(0);
            };
            let began = Instant::now();
            let next = link.next(body);
            client.took += began.elapsed();
            match next {
                Ok(Some(piece)) => client.piece = piece,
                Ok(None) => {
                    client.body = None;
                    return Ok(0);
                }
                Err(lost) => {
                    (client.body, client.link) = (None, None);
                    return Err(io::Error::other(lost.to_string()));
                }
            }
        }
        let taken = into.len().min(client.piece.len());
        client
            .piece
            .copy_to_slice(into.get_mut(..taken).unwrap_or_default());
        Ok(taken)
    }
}
