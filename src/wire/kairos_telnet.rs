//! KairosDB's telnet door, which OpenTSDB's senders use too: `put name time value tag=value …`, a line a
//! point; `putm` for milliseconds, `puts` for texts, `version` for an answer.
//!
//! Takes whole lines of a stream. Gives samples whose names are spans of a text of the decoder's own, in
//! the form of [`kairos_sent::raw`](super::kairos_sent::raw): metric and tags are copied there as they were
//! sent and nobody looks at them unless they are new. Gives the answers as bytes for the peer, in the order
//! of the lines. A line that cannot be taken is counted, and nothing is said about it, as KairosDB does;
//! [`Options::tells_errors`] changes that, and then every line is read by the slow rule.
//!
//! Three readers: `familiar` knows lines again that came before with other numbers, whose series it is told;
//! `usual` takes what nearly all lines look like; the slow rule, in [`line()`], takes all, and is the truth
//! that the others are tested against.
//!
//! Numbers: a dot makes a double, whatever else there is; all others are whole numbers of 64 bits. Times
//! are whole, and any 64 bits of milliseconds will do.

mod familiar;
mod line;
mod sheet;
#[cfg(test)]
mod tests;

use std::ops::Range;

use memchr::memchr;

use super::familiar::{Asked, Familiar};
use super::kairos_sent::raw::{self, Charset};
use super::number;
use crate::model::number::Number;
use crate::model::sample::{Samples, Span};
use crate::model::series::Values;
use crate::simd::{self, Lanes, Scanner, Work};
pub use familiar::Habit;
pub use line::{Command, Fault, Value, line};
use line::{SECONDS_BELOW, seconds_or_millis};
use sheet::Sheet;

/// Bytes decoded in one call: what it yields stays in the first-level caches on its way through
/// index and head.
pub const CHUNK_BYTES: usize = 16 * 1024;

/// What `version` is answered: the release of KairosDB whose doors these are.
pub const VERSION: &str = "KairosDB 1.3.0-1.20210808220820";

/// What a decoder is told once.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Longest line, without its end.
    pub line_bytes_max: usize,
    /// How letters are written.
    pub charset: Charset,
    /// Whether a line that is refused is answered with why.
    pub tells_errors: bool,
    /// Whether a connection may turn out to speak HTTP.
    pub takes_http: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            line_bytes_max: 64 * 1024,
            charset: Charset::Utf8,
            tells_errors: false,
            takes_http: true,
        }
    }
}

/// Lines that were taken, but for those of `put`, which all other samples are of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Of `putm`.
    pub putm: usize,
    /// Of `puts`.
    pub puts: usize,
    /// Of `version`, which make no sample.
    pub version: usize,
}

/// Decodes lines. One per shard; what it knows of a connection is its [`Habit`].
pub struct Decoder {
    scanner: Scanner,
    options: Options,
    separators: Vec<u32>,
    sheet: Sheet,
    counts: Counts,
    familiar: Familiar,
    /// Samples of the last call whose series would be good to know.
    asked: Vec<Asked>,
}

impl Decoder {
    /// A decoder that finds separators with `scanner`. `seed` is that of hashes.
    pub fn new(scanner: Scanner, options: Options, seed: u64) -> Decoder {
        Decoder {
            scanner,
            options,
            separators: Vec::with_capacity(CHUNK_BYTES),
            sheet: Sheet::default(),
            counts: Counts::default(),
            familiar: Familiar::new(scanner, seed),
            asked: Vec::new(),
        }
    }

    /// What it was told.
    pub fn options(&self) -> Options {
        self.options
    }

    /// Append to `out` the samples of the first whole lines of `text`, about [`CHUNK_BYTES`] of them, and to
    /// `answers` what the peer is to be told; `habit` is that of its connection. Gives how many bytes were
    /// used up; 0 when `text` holds no whole line. Call until 0; take the samples each time, for their names
    /// are spans of [`Decoder::text`], which begins anew.
    pub fn decode(
        &mut self,
        text: &[u8],
        habit: &mut Habit,
        out: &mut Samples,
        answers: &mut Vec<u8>,
    ) -> usize {
        let chunk = &text[..text.len().min(CHUNK_BYTES)];
        self.sheet.begin(chunk.len());
        self.counts = Counts::default();
        self.asked.clear();
        let mut to = To {
            options: self.options,
            sheet: &mut self.sheet,
            counts: &mut self.counts,
            out,
            answers,
        };
        let taken = if self.options.tells_errors {
            slow_lines(chunk, &mut to)
        } else {
            self.scanner.run(Lines {
                separators: &mut self.separators,
                text: chunk,
                familiar: &mut self.familiar,
                habit,
                asked: &mut self.asked,
                to: &mut to,
            })
        };
        if taken > 0 || chunk.len() == text.len() {
            return taken;
        }
        // A line longer than the chunk.
        match memchr(b'\n', text) {
            Some(end) => {
                to.sheet.begin(end);
                slow_line(&text[..end], &mut to);
                end + 1
            }
            None => 0,
        }
    }

    /// Remember of which series the samples of the last call were; there is one for each, or none where
    /// nobody knows.
    pub fn learn(&mut self, series: &[u32]) {
        self.familiar.learn_series(&mut self.asked, series);
    }

    /// What the lines of the last call were.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// What the names, and the texts, of the samples of the last call are spans of.
    pub fn text(&self) -> &[u8] {
        self.sheet.written()
    }
}

/// Where lines go.
struct To<'a> {
    options: Options,
    sheet: &'a mut Sheet,
    counts: &'a mut Counts,
    out: &'a mut Samples,
    answers: &'a mut Vec<u8>,
}

/// The whole lines of `text`, on any lanes. Gives the bytes they take.
struct Lines<'a, 'to> {
    separators: &'a mut Vec<u32>,
    text: &'a [u8],
    familiar: &'a mut Familiar,
    habit: &'a mut Habit,
    asked: &'a mut Vec<Asked>,
    to: &'a mut To<'to>,
}

impl Work for Lines<'_, '_> {
    type Output = usize;

    #[inline(always)]
    fn run<L: Lanes>(self) -> usize {
        let Lines {
            separators,
            text,
            familiar,
            habit,
            asked,
            to,
        } = self;
        let (mut times, mut start) = (Times::default(), 0);
        if habit.begin(familiar) {
            while !habit.is_lost() {
                start = familiar::read::<L>(familiar, text, start, habit, &mut times, asked, to);
                // The next line is another than was expected.
                let rest = text.get(start..).unwrap_or_default();
                let Some(len) = memchr(b'\n', rest) else {
                    return start;
                };
                let line = start..start + len + 1;
                start = line.end;
                let (_, last) = some_lines::<L>(separators, text, line.clone(), &mut times, to);
                if let Some((point, name)) = last {
                    let name = to.sheet.at(name);
                    familiar::meet(familiar, text, line, &point, name, habit);
                }
            }
        }
        some_lines::<L>(separators, text, start..text.len(), &mut times, to).0
    }
}

/// The whole lines of `text[place]`. Gives where they end, and the last of them with its name if it was a
/// usual one.
#[inline(always)]
fn some_lines<L: Lanes>(
    separators: &mut Vec<u32>,
    text: &[u8],
    place: Range<usize>,
    times: &mut Times,
    to: &mut To,
) -> (usize, Option<(Usual, Span)>) {
    let (base, mut start) = (place.start, place.start);
    let Some(text) = text.get(..place.end) else {
        return (start, None);
    };
    simd::separators::<L>(&text[base..], separators);
    let separators = &separators[..];
    let is_end = |&at: &u32| text[base + at as usize] == b'\n';
    let kinds = Kinds::of(to.options.charset);
    let (mut i, mut in_millis, mut last) = (0, 0, None);
    while i < separators.len() {
        last = None;
        let four = separators
            .get(i..i + 4)
            .and_then(|four| four.first_chunk::<4>());
        if let Some(four) = four
            && let Some(point) = usual::<L>(text, start, four.map(|at| base + at as usize), times)
        {
            // Nothing is looked for behind the value but the line's end.
            let Some(skip) = separators[i + 3..].iter().position(is_end) else {
                break;
            };
            let end = base + separators[i + 3 + skip] as usize;
            let bare = end - usize::from(text[end - 1] == b'\r');
            if bare - start <= to.options.line_bytes_max {
                let behind = (point.end + 1).min(bare)..bare;
                let name = to.sheet.framed_name(
                    text,
                    kinds.of_values(point.is_double),
                    point.metric..point.metric_end,
                    behind,
                );
                to.out.push(name, point.time_ms, point.number);
                in_millis += point.metric - start - "put ".len();
                (start, i) = (end + 1, i + skip + 4);
                last = Some((point, name));
                continue;
            }
        }
        let Some(skip) = separators[i..].iter().position(is_end) else {
            break;
        };
        let end = base + separators[i + skip] as usize;
        slow_line(&text[start..end], to);
        (start, i) = (end + 1, i + skip + 1);
    }
    to.counts.putm += in_millis;
    (start, last)
}

/// The whole lines of `text` by the slow rule. Gives the bytes they take.
fn slow_lines(text: &[u8], to: &mut To) -> usize {
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', text) {
        slow_line(&text[start..end], to);
        start = end + 1;
    }
    start
}

/// One line, without its newline, by the whole rule.
#[cold]
fn slow_line(sent: &[u8], to: &mut To) {
    match line(sent, to.options) {
        Ok(Command::Point {
            metric,
            behind,
            in_millis,
            time_ms,
            value,
        }) => {
            let (values, charset) = (value.values(), to.options.charset);
            let place = |span: Span| span.start as usize..(span.start + span.len) as usize;
            let kind = raw::kind(values, charset);
            let name = to.sheet.name(sent, kind, place(metric), place(behind));
            if to.options.tells_errors
                && let Err(fault) = raw::read(raw::behind_kind(to.sheet.at(name)), values, charset)
            {
                return refuse(Fault::Name(fault), to);
            }
            match value {
                Value::Number(_, number) => {
                    to.counts.putm += usize::from(in_millis);
                    to.out.push(name, time_ms, number);
                }
                Value::Text(text) => {
                    to.counts.puts += 1;
                    let text = to.sheet.text(text.as_bytes());
                    to.out.push_text(name, time_ms, text);
                }
            }
        }
        Ok(Command::Version) => {
            to.counts.version += 1;
            to.answers.extend_from_slice(VERSION.as_bytes());
            to.answers.push(b'\n');
        }
        Err(fault) => refuse(fault, to),
    }
}

fn refuse(fault: Fault, to: &mut To) {
    to.out.refuse(fault.reason());
    if to.options.tells_errors {
        to.answers.extend_from_slice(fault.to_string().as_bytes());
        to.answers.push(b'\n');
    }
}

/// The second bytes of the forms of numbers.
#[derive(Clone, Copy)]
struct Kinds {
    long: u8,
    double: u8,
}

impl Kinds {
    fn of(charset: Charset) -> Kinds {
        Kinds {
            long: raw::kind(Values::Long, charset),
            double: raw::kind(Values::Double, charset),
        }
    }

    #[inline(always)]
    fn of_values(self, is_double: bool) -> u8 {
        if is_double { self.double } else { self.long }
    }
}

/// Bytes of the longest timestamp that is known by its text.
const TIME_BYTES: usize = 13;
/// Bytes of one in seconds, from 2001 to 2286.
const SECONDS_BYTES: usize = 10;

/// The last timestamp of each command: senders repeat it line after line, so most are known by their text.
struct Times {
    seconds: [u8; SECONDS_BYTES],
    of_seconds: i64,
    millis: [u8; TIME_BYTES],
    of_millis: i64,
}

impl Default for Times {
    fn default() -> Times {
        // Each text is that of its time: bytes of nothing would be known as a time of 1970.
        Times {
            seconds: *b"1000000000",
            of_seconds: 1_000_000_000_000,
            millis: *b"1000000000000",
            of_millis: 1_000_000_000_000,
        }
    }
}

impl Times {
    /// Milliseconds of ten or thirteen digits; `None` for all others.
    #[inline(always)]
    fn time_ms(&mut self, text: &[u8], in_millis: bool) -> Option<i64> {
        if !in_millis && let Some(ten) = text.as_array::<SECONDS_BYTES>() {
            if *ten != self.seconds {
                self.of_seconds = seconds_or_millis(number::ten_digits(ten)?);
                self.seconds = *ten;
            }
            return Some(self.of_seconds);
        }
        // A time of `put` with so many digits is in milliseconds too.
        let all = text.as_array::<TIME_BYTES>()?;
        if *all != self.millis {
            let (ten, three) = all.split_first_chunk::<SECONDS_BYTES>()?;
            let below = number::long(three).filter(|_| three[0] != b'-')?;
            self.of_millis = number::ten_digits(ten)? * 1000 + below;
            self.millis = *all;
        }
        // With zeros in front it may be one in seconds.
        (in_millis || SECONDS_BELOW <= self.of_millis).then_some(self.of_millis)
    }
}

/// A line that looks as nearly all lines do.
struct Usual {
    metric: usize,
    metric_end: usize,
    /// Where the timestamp ends.
    time_end: usize,
    time_ms: i64,
    number: Number,
    is_double: bool,
    /// Where the value ends.
    end: usize,
}

/// What the line from `start` on says, with its first separators at `a` to `d`, if it is a `put` or `putm`
/// with single blanks, a metric without quotes, a usual timestamp and a short decimal.
#[inline(always)]
fn usual<L: Lanes>(
    text: &[u8],
    start: usize,
    [a, b, c, d]: [usize; 4],
    times: &mut Times,
) -> Option<Usual> {
    let in_millis = match &text[start..a] {
        b"put" => false,
        b"putm" => true,
        _ => return None,
    };
    if text[a] != b' ' || text[b] != b' ' || text[c] != b' ' || b <= a + 1 || text[a + 1] == b'"' {
        return None;
    }
    let number = number::short_decimal::<L>(text, c + 1, d)?;
    let time_ms = times.time_ms(text.get(b + 1..c)?, in_millis)?;
    Some(Usual {
        metric: a + 1,
        metric_end: b,
        time_end: c,
        time_ms,
        number,
        // A dot at the end is one too.
        is_double: number.scale > 0 || text[d - 1] == b'.',
        end: d,
    })
}
