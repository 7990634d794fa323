//! Moving in from KairosDB, and out again: copies what a running KairosDB holds into a running corelane, and
//! reads and writes the lines of KairosDB's own export tool.
//!
//! Takes the addresses of servers, or a file; gives lines of text and a [`Verdict`]. All of it goes through
//! the servers' own HTTP API, which is the same of both, so that each can stand on either side. What is
//! copied can be copied again: a point has no number. Bounded are the points of a slice, the bytes of an
//! answer, a body and a part of a stream; nothing else grows with the data but the list of names.
//!
//! ```text
//! source --slices--> walk --points with types--> batch --> target (POST, 204), or lines
//!                      `- settled --> state (a file), verify (counts and sums of both)
//! ```
//!
//! Truth of its tests: the real KairosDB and its export and import tool.

mod answer;
mod batch;
mod client;
mod copy;
mod export;
mod lines;
mod parts;
mod place;
mod point;
mod source;
mod state;
mod target;
mod tokens;
mod trouble;
mod verify;
mod walk;

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use self::client::Client;
use self::place::Place;
use self::trouble::Trouble;
use super::{Failure, Verdict};

/// Where corelane answers by default.
pub const HERE: &str = "http://127.0.0.1:8080";
/// How long an answer may take, by default.
pub const TIMEOUT_SECONDS: u64 = 120;

/// Copy into a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// The URL of a server, the path of a file, or `-`.
    pub source: String,
    /// The URL of the server that is written to.
    pub to: String,
    /// What is copied.
    pub selection: Selection,
    /// Where it is written how far the import is; by default a name made from the source.
    pub state: Option<PathBuf>,
    /// Whether both sides are asked whether they have the same.
    pub is_verified: bool,
    /// Time to live of everything that is copied.
    pub ttl_seconds: Option<u32>,
}

/// Write what a server holds as lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// The URL of the server.
    pub from: String,
    /// The file; standard output by default.
    pub out: Option<PathBuf>,
    /// What is written.
    pub selection: Selection,
}

/// Which metrics, and which of their points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// Names, or beginnings of names with a `*` behind; none is all.
    pub metrics: Vec<String>,
    /// Milliseconds since 1970, both included.
    pub start_ms: Option<i64>,
    /// See `start_ms`.
    pub end_ms: Option<i64>,
    /// How long one answer may take.
    pub timeout_seconds: u64,
}

impl Selection {
    fn has(&self, name: &str) -> bool {
        let fits = |pattern: &String| match pattern.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning),
            None => name == pattern,
        };
        self.metrics.is_empty() || self.metrics.iter().any(fits)
    }

    /// The names that are wanted, of all that a server has.
    fn of(&self, mut names: Vec<String>) -> Result<Vec<String>, Failure> {
        names.retain(|name| self.has(name));
        match names.is_empty() && !self.metrics.is_empty() {
            true => Err(Failure::Unreadable(format!(
                "there is no metric {}",
                self.metrics.join(", ")
            ))),
            false => Ok(names),
        }
    }

    fn client(&self, url: &str) -> Result<Client, Failure> {
        let place = Place::of(url).map_err(Failure::Unreadable)?;
        Ok(Client::new(
            place,
            Duration::from_secs(self.timeout_seconds),
        ))
    }
}

/// Do it.
pub(super) fn import(import: &Import, out: &mut dyn Write) -> Result<Verdict, Failure> {
    match import.source.contains("://") {
        true => copy::copy(import, out),
        false => lines::import(import, out),
    }
}

/// Do it.
pub(super) fn export(export: &Export, out: &mut dyn Write) -> Result<Verdict, Failure> {
    export::export(export, out)
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Failure {
        Failure::Unreadable(trouble.to_string())
    }
}

/// A time as it is typed: milliseconds since 1970, or a date, with a time behind a `T`, in UTC or with an
/// offset.
///
/// # Errors
/// It is none of these.
pub fn time_of(text: &str) -> Result<i64, String> {
    if let Ok(millis) = text.parse() {
        return Ok(millis);
    }
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Ok(time.as_millisecond());
    }
    let time = text.parse::<DateTime>().ok();
    let time = time.and_then(|time| time.to_zoned(TimeZone::UTC).ok());
    time.map(|time| time.timestamp().as_millisecond())
        .ok_or_else(|| {
            "a time is a number of milliseconds since 1970, or like 2024-05-01 or 2024-05-01T12:30:00Z"
                .to_owned()
        })
}

/// A time as people read it; where no calendar goes, as a number.
fn shown_time(millis: i64) -> String {
    match jiff::Timestamp::from_millisecond(millis) {
        Ok(time) => time.to_string(),
        Err(_) => millis.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for (text, want) in [
            ("-5", Some(-5)),
            ("1970-01-02", Some(86_400_000)),
            ("1970-01-01T01:00", Some(3_600_000)),
            ("1970-01-01T01:00:00.5+01:00", Some(500)),
            ("yesterday", None),
        ] {
            assert_eq!(time_of(text).ok(), want, "{text}");
        }
    }

    #[test]
    fn metrics_by_name_and_by_beginning() {
        let selection = Selection {
            metrics: vec!["a.b".to_owned(), "x*".to_owned()],
            start_ms: None,
            end_ms: None,
            timeout_seconds: 1,
        };
        let names = ["a", "a.b", "a.b.c", "x", "xy"].map(str::to_owned);
        let wanted = selection.of(names.to_vec()).expect("some");
        assert_eq!(wanted, ["a.b", "x", "xy"]);
        assert!(selection.of(vec!["q".to_owned()]).is_err());
    }
}
