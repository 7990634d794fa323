//! What is asked of a KairosDB, or of a corelane, to copy from it.

use bytes::Bytes;
use http::{Method, StatusCode};

use super::answer::{self, Found};
use super::client::{Call, Client};
use super::point::{Series, Type, alone, pair};
use super::tokens::Tokens;
use super::trouble::Trouble;
use crate::base::decimal::push_integer;
use crate::wire::json::{Kind, push_text};

/// Points of one answer. Beyond it the answer is left, and less is asked for.
const POINTS_MAX: u64 = 1_000_000;
/// Points of an answer to which one point was wanted: one of each kind.
const FIRST_POINTS_MAX: u32 = 100;
/// Totals of one series, which has one for each hundred years in which it has points.
const TOTALS_MAX: u32 = 1000;
/// Points of an answer that are of other times than was asked for, and are passed over.
const OUTSIDE_MAX: u32 = 1000;
/// Bytes of one answer.
const ANSWER_BYTES_MAX: u64 = 128 << 20;
/// Bytes of the list of all names.
const NAMES_BYTES_MAX: u64 = 1 << 30;
/// How often a question is asked that cannot be made smaller.
pub(super) const TRIES_MAX: usize = 3;
/// What begins like this is a pattern where KairosDB looks for values of tags.
const PATTERN: &str = "regex:";
/// Buckets of totals, which are added up.
const BUCKET: &str = r#""sampling":{"value":100,"unit":"years"},"align_sampling":false"#;
/// Leaves out texts, and no number.
const NUMBERS_ONLY: &str =
    r#"{"name":"filter","filter_op":"lt","threshold":-1.7976931348623157E308}"#;

/// Some of the series of a metric, in some time, both ends included.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span<'a> {
    pub(super) metric: &'a str,
    /// Only series that have each of these tags with one of its values.
    pub(super) filter: &'a [(String, Vec<String>)],
    pub(super) from: i64,
    pub(super) until: Option<i64>,
}

/// Takes points of a slice.
pub(super) trait Taker {
    /// The next ones are of this series.
    fn begin(&mut self, series: &Series) -> Result<(), Trouble>;
    /// A point.
    fn point(&mut self, at: i64, kind: Type, value: &str) -> Result<(), Trouble>;
}

/// What a slice had.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Slice {
    /// Points that it had, passed over ones included.
    pub(super) points: u64,
    /// Points that were taken.
    pub(super) taken: u64,
    /// Of a kind that no plain KairosDB knows.
    pub(super) strange: u64,
    /// What was taken and then lost; the sink tells.
    pub(super) lost: u64,
    /// The first and the last time of what was taken.
    pub(super) times: Option<(i64, i64)>,
}

/// A server that is asked.
pub(super) struct Source {
    pub(super) client: Client,
}

impl Source {
    /// The names of all metrics, sorted.
    pub(super) fn names(&mut self) -> Result<Vec<String>, Trouble> {
        let call = Call {
            method: Method::GET,
            path: "/api/v1/metricnames".to_owned(),
            body: None,
            is_packed: false,
        };
        let mut names = self.repeated("its list of names", |source| {
            source.ask(&call)?;
            let mut tokens = Tokens::new(source.client.body(), NAMES_BYTES_MAX);
            tokens.open(Kind::Object)?;
            let (mut names, mut first) = (Vec::new(), true);
            while let Some(name) = tokens.member(&mut first)? {
                match name.as_str() {
                    "results" => names = tokens.texts()?,
                    _ => tokens.skip()?,
                }
            }
            tokens.is_end()?;
            Ok(names)
        })?;
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    /// The tags of all series that have points in a span, and their values; or some more.
    pub(super) fn tags(&mut self, span: &Span<'_>) -> Result<Vec<(String, Vec<String>)>, Trouble> {
        let call = post("/api/v1/datapoints/query/tags", query(span, &[""]));
        let mut all = Vec::new();
        self.ask(&call)?;
        let tokens = Tokens::new(self.client.body(), ANSWER_BYTES_MAX);
        answer::read(tokens, |tokens, found| {
            all.extend(found.tags);
            tokens.element(&mut true).map(|_| ())
        })?;
        Ok(all)
    }

    /// The first time in a span at which there is a point.
    pub(super) fn first(&mut self, span: &Span<'_>) -> Result<Option<i64>, Trouble> {
        let call = post(QUERY, query(span, &[",\"limit\":1"]));
        let (mut earliest, mut points) = (None::<i64>, 0);
        self.ask(&call)?;
        let tokens = Tokens::new(self.client.body(), ANSWER_BYTES_MAX);
        answer::read(tokens, |tokens, _| {
            each_point(tokens, |at, _, _| {
                earliest = Some(earliest.map_or(at, |known| known.min(at)));
                points += 1;
                match points <= FIRST_POINTS_MAX {
                    true => Ok(()),
                    false => Err(Trouble::Broken("it does not know limits".to_owned())),
                }
            })
        })?;
        Ok(earliest)
    }

    /// All points of a span, series by series, grouped by `keys`. Series with one of the tags in `without`
    /// are passed over, and so are points of other times: older KairosDBs know no end before 1970.
    ///
    /// # Errors
    /// Besides those of the call: more points than one answer may have, or other ones than it says.
    pub(super) fn slice(
        &mut self,
        span: &Span<'_>,
        keys: &[String],
        without: &[String],
        taker: &mut dyn Taker,
    ) -> Result<Slice, Trouble> {
        let call = post(QUERY, query(span, &[&grouped(keys)]));
        let mut slice = Slice::default();
        // Points of other times, which are no reason to ask for less.
        let (mut behind, mut outside) = (0, 0);
        let until = span.until.unwrap_or(i64::MAX);
        self.ask(&call)?;
        let tokens = Tokens::new(self.client.body(), ANSWER_BYTES_MAX);
        let sample = answer::read(tokens, |tokens, found| {
            let series = found.series(keys)?;
            let is_wanted = !series.tags.iter().any(|(key, _)| without.contains(key));
            taker.begin(&series)?;
            let mut typing = Typing {
                waiting: None,
                taker,
                slice: &mut slice,
            };
            each_point(tokens, |at, kind, value| {
                if until < 0 && until < at {
                    behind += 1;
                    return Ok(());
                }
                typing.slice.points += 1;
                if POINTS_MAX < typing.slice.points {
                    let text = format!("it has more than {POINTS_MAX} points");
                    return Err(Trouble::Broken(text));
                }
                if !(span.from..=until).contains(&at) {
                    outside += 1;
                    return match outside <= OUTSIDE_MAX {
                        true => Ok(()),
                        false => Err(Trouble::Broken("it has points of other times".to_owned())),
                    };
                }
                match is_wanted {
                    true => typing.take(at, kind, value),
                    false => Ok(()),
                }
            })?;
            typing.end()
        })?;
        if sample != slice.points + behind {
            return Err(Trouble::Broken(format!(
                "it has {} points and says that there are {sample}",
                slice.points + behind
            )));
        }
        Ok(slice)
    }

    /// A total of the series of a span, grouped by `keys`. `each` gets its parts with the group that they
    /// are of: one for each bucket, and of numbers and texts their own.
    pub(super) fn totals(
        &mut self,
        span: &Span<'_>,
        keys: &[String],
        total: Total,
        mut each: impl FnMut(&Found, f64) -> Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        let name = match total {
            Total::Count => "count",
            Total::Sum => "sum",
            Total::Min => "min",
            Total::Max => "max",
        };
        let filter = match total {
            Total::Count => String::new(),
            _ => format!("{NUMBERS_ONLY},"),
        };
        let steps = format!(",\"aggregators\":[{filter}{{\"name\":\"{name}\",{BUCKET}}}]");
        let call = post(QUERY, query(span, &[&grouped(keys), &steps]));
        self.ask(&call)?;
        let tokens = Tokens::new(self.client.body(), ANSWER_BYTES_MAX);
        answer::read(tokens, |tokens, found| {
            let mut count = 0;
            each_point(tokens, |_, kind, value| {
                count += 1;
                if TOTALS_MAX < count {
                    return Err(Trouble::Broken("it has too many totals".to_owned()));
                }
                let value = value.parse::<f64>().ok().filter(|_| kind == Kind::Number);
                let value =
                    value.ok_or_else(|| Trouble::Broken("a total is no number".to_owned()))?;
                each(&found, value)
            })
        })?;
        Ok(())
    }

    /// How many points a span has, but for those of series with one of the tags in `without`.
    pub(super) fn count(&mut self, span: &Span<'_>, without: &[String]) -> Result<u64, Trouble> {
        let mut all = 0.0;
        self.totals(span, without, Total::Count, |found, value| {
            if !found.tags.iter().any(|(key, _)| without.contains(key)) {
                all += value;
            }
            Ok(())
        })?;
        Ok(all as u64)
    }

    /// Send `call`; the answer that comes is one.
    fn ask(&mut self, call: &Call) -> Result<(), Trouble> {
        let status = self.client.call(call)?;
        if status == StatusCode::OK {
            return Ok(());
        }
        let text = format!("status {}: {}", status.as_u16(), self.client.error_text());
        Err(match status {
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => Trouble::Fatal(format!(
                "{} has no {}: {text}. Name the address of KairosDB's HTTP, such as http://host:8080",
                self.client.place().shown(),
                call.path
            )),
            status if status.is_redirection() => Trouble::Fatal(format!(
                "{} is answered with {text}. Name the server that answers itself",
                self.client.place().shown()
            )),
            _ => Trouble::Refused(text),
        })
    }

    /// A question that cannot be made smaller.
    fn repeated<T>(
        &mut self,
        what: &str,
        mut ask: impl FnMut(&mut Source) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        let mut tries = 0;
        loop {
            tries += 1;
            match ask(self) {
                Err(Trouble::Broken(_)) if tries < TRIES_MAX => {}
                done => {
                    let what = format!("{}, {what}", self.client.place().shown());
                    return done.map_err(|trouble| trouble.about(&what));
                }
            }
        }
    }
}

/// What is asked of each series; all but the count of its numbers alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Total {
    Count,
    Sum,
    Min,
    Max,
}

const QUERY: &str = "/api/v1/datapoints/query";

fn post(path: &str, body: Vec<u8>) -> Call {
    Call {
        method: Method::POST,
        path: path.to_owned(),
        body: Some(Bytes::from(body)),
        is_packed: false,
    }
}

/// A query for one metric, with `more` behind its name.
fn query(span: &Span<'_>, more: &[&str]) -> Vec<u8> {
    // A corelane then tells doubles from longs, and a KairosDB ignores it.
    let mut out = b"{\"exact_types\":true,\"start_absolute\":".to_vec();
    push_integer(span.from, &mut out);
    if let Some(until) = span.until {
        out.extend_from_slice(b",\"end_absolute\":");
        push_integer(until, &mut out);
    }
    out.extend_from_slice(b",\"metrics\":[{\"name\":");
    push_text(span.metric, &mut out);
    for (i, (key, values)) in span.filter.iter().enumerate() {
        out.extend_from_slice(if i == 0 { b",\"tags\":{" } else { b"," });
        push_text(key, &mut out);
        out.push(b':');
        let values = values.iter().map(|value| literal(value));
        push_texts(values, &mut out);
    }
    if !span.filter.is_empty() {
        out.push(b'}');
    }
    for part in more {
        out.extend_from_slice(part.as_bytes());
    }
    out.extend_from_slice(b"}]}");
    out
}

/// A value of a tag as a filter that finds it and no other.
fn literal(value: &str) -> String {
    match value.starts_with(PATTERN) {
        true => format!("{PATTERN}{}", regex::escape(value)),
        false => value.to_owned(),
    }
}

fn push_texts(texts: impl Iterator<Item = String>, out: &mut Vec<u8>) {
    out.push(b'[');
    for (i, text) in texts.enumerate() {
        if i > 0 {
            out.push(b',');
        }
        push_text(&text, out);
    }
    out.push(b']');
}

/// The grouper by these tags; by no tags there is none.
fn grouped(keys: &[String]) -> String {
    if keys.is_empty() {
        return String::new();
    }
    let mut out = b",\"group_by\":[{\"name\":\"tag\",\"tags\":".to_vec();
    push_texts(keys.iter().cloned(), &mut out);
    out.extend_from_slice(b"}]");
    String::from_utf8_lossy(&out).into_owned()
}

/// Read the values of a result.
fn each_point<R: std::io::Read>(
    tokens: &mut Tokens<R>,
    mut each: impl FnMut(i64, Kind, &str) -> Result<(), Trouble>,
) -> Result<(), Trouble> {
    let (mut value, mut named) = (String::new(), String::new());
    let mut first = true;
    while tokens.element(&mut first)? {
        let (at, kind) = tokens.point(&mut value, &mut named)?;
        each(at, kind, &value)?;
    }
    Ok(())
}

/// Gives the points of one series their types.
struct Typing<'a> {
    /// A number whose time may have another one.
    waiting: Option<(i64, String)>,
    taker: &'a mut dyn Taker,
    slice: &'a mut Slice,
}

impl Typing<'_> {
    fn take(&mut self, at: i64, kind: Kind, value: &str) -> Result<(), Trouble> {
        match kind {
            Kind::Number => {
                match self.waiting.take() {
                    Some((time, before)) if time == at => {
                        let [one, other] = pair(&before, value).ok_or_else(|| {
                            Trouble::Broken(format!(
                                "one series has both {before} and {value} at {at}"
                            ))
                        })?;
                        self.give(at, one, &before)?;
                        return self.give(at, other, value);
                    }
                    Some((time, before)) => self.give(time, alone(&before), &before)?,
                    None => {}
                }
                self.waiting = Some((at, value.to_owned()));
                Ok(())
            }
            Kind::Text => self.give(at, Type::Text, value),
            _ => {
                self.slice.strange += 1;
                Ok(())
            }
        }
    }

    fn give(&mut self, at: i64, kind: Type, value: &str) -> Result<(), Trouble> {
        self.slice.taken += 1;
        let (first, last) = self.slice.times.unwrap_or((at, at));
        self.slice.times = Some((first.min(at), last.max(at)));
        self.taker.point(at, kind, value)
    }

    fn end(mut self) -> Result<(), Trouble> {
        match self.waiting.take() {
            Some((at, value)) => self.give(at, alone(&value), &value),
            None => Ok(()),
        }
    }
}
