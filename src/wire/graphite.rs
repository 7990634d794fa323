//! Graphite's line protocol: `name value [timestamp]`, one sample a line.
//!
//! Takes whole lines of a stream, or a datagram. Gives samples whose names are spans into the text
//! it was given. Accepts the union of what carbon, go-carbon and the relays accept: any run of ASCII
//! blanks between fields and around them, CRLF, a missing or `-1` timestamp as arrival time,
//! fractions. Refuses one line at a time and never the connection.
//!
//! Names are not looked at here: a name that is known needs no second check, and [`super::name`]
//! checks the ones that are new.

use std::ops::Range;

use memchr::memchr;

use super::number;
use crate::base::time::Millis;
use crate::model::number::Number;
use crate::model::refusal::Reason;
use crate::model::sample::{Samples, Span, TimeRule};
use crate::simd::{self, Lanes, Scanner, Work};

/// Bytes decoded in one call: what it yields stays in the first-level caches on its way through
/// index and head.
pub const CHUNK_BYTES: usize = 16 * 1024;

/// Digits of a timestamp in seconds, from 2001 to 2286.
const SECONDS_DIGITS: usize = 10;

/// What a decoder is told once.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Longest line, without its newline.
    pub line_bytes_max: usize,
    /// Which timestamps may stand.
    pub times: TimeRule,
}

/// Decodes lines. One per shard; holds no state of a connection.
pub struct Decoder {
    scanner: Scanner,
    options: Options,
    separators: Vec<u32>,
}

impl Decoder {
    /// A decoder that finds separators with `scanner`.
    pub fn new(scanner: Scanner, options: Options) -> Decoder {
        Decoder {
            scanner,
            options,
            separators: Vec::with_capacity(CHUNK_BYTES),
        }
    }

    /// Append to `out` the samples of the first whole lines of `text`, about [`CHUNK_BYTES`] of
    /// them. Gives how many bytes were used up; 0 when `text` holds no whole line. Call until 0.
    pub fn decode(&mut self, text: &[u8], now: Millis, out: &mut Samples) -> usize {
        self.decode_ending(Ends::Newline, text, now, out)
    }

    fn decode_ending(&mut self, ends: Ends, text: &[u8], now: Millis, out: &mut Samples) -> usize {
        let chunk = &text[..text.len().min(CHUNK_BYTES)];
        let taken = self.scanner.run(Lines {
            options: self.options,
            ends,
            separators: &mut self.separators,
            text: chunk,
            now,
            out,
        });
        if taken > 0 || chunk.len() == text.len() {
            return taken;
        }
        // A line longer than the chunk.
        match memchr(b'\n', text) {
            Some(end) => {
                slow_line(self.options, ends, text, 0..end, now, out);
                end + 1
            }
            None => 0,
        }
    }

    /// Append to `out` the samples of a datagram. Its last line needs no newline, and lines also
    /// end where carbon's UDP receiver ends them.
    pub fn decode_datagram(&mut self, datagram: &[u8], now: Millis, out: &mut Samples) {
        let mut at = 0;
        loop {
            let before = out.len();
            let taken = self.decode_ending(Ends::Unicode, &datagram[at..], now, out);
            // They are spans into what was given, which starts at `at`.
            for name in &mut out.names[before..] {
                name.start += at as u32;
            }
            if taken == 0 {
                break;
            }
            at += taken;
        }
        if at < datagram.len() {
            slow_line(
                self.options,
                Ends::Unicode,
                datagram,
                at..datagram.len(),
                now,
                out,
            );
        }
    }
}

/// The whole lines of `text`, on any lanes. Gives the bytes they take.
struct Lines<'a> {
    options: Options,
    ends: Ends,
    separators: &'a mut Vec<u32>,
    text: &'a [u8],
    now: Millis,
    out: &'a mut Samples,
}

impl Work for Lines<'_> {
    type Output = usize;

    #[inline(always)]
    fn run<L: Lanes>(self) -> usize {
        let Lines {
            options,
            ends,
            separators,
            text,
            now,
            out,
        } = self;
        simd::separators::<L>(text, separators);
        let separators = &separators[..];
        let latest_ms = now.0.saturating_add(options.times.ahead_max_ms);
        let mut seconds = Seconds {
            text: [0; SECONDS_DIGITS],
            time_ms: 0,
            latest_ms,
        };
        let (mut start, mut i) = (0, 0);
        while i < separators.len() {
            if let Some(&[a, b, c]) = separators
                .get(i..i + 3)
                .and_then(|three| three.first_chunk::<3>())
            {
                let (a, b, c) = (a as usize, b as usize, c as usize);
                if let Some((time_ms, number)) = usual::<L>(text, start, [a, b, c], &mut seconds)
                    && c - start <= options.line_bytes_max
                {
                    out.push(
                        Span {
                            start: start as u32,
                            len: (a - start) as u32,
                        },
                        time_ms,
                        number,
                    );
                    (start, i) = (c + 1, i + 3);
                    continue;
                }
            }
            let Some(skip) = separators[i..]
                .iter()
                .position(|&at| text[at as usize] == b'\n')
            else {
                break;
            };
            let end = separators[i + skip] as usize;
            slow_line(options, ends, text, start..end, now, out);
            (start, i) = (end + 1, i + skip + 1);
        }
        start
    }
}

/// The line `text[place]`, without its newline, by the whole rule.
#[cold]
fn slow_line(
    options: Options,
    ends: Ends,
    text: &[u8],
    place: Range<usize>,
    now: Millis,
    out: &mut Samples,
) {
    let mut single = |text: &[u8], start: usize| match line(text, now, options) {
        Ok(Some((name, time_ms, number))) => {
            out.push(
                Span {
                    start: start as u32 + name.start,
                    len: name.len,
                },
                time_ms,
                number,
            );
        }
        Ok(None) => {}
        Err(reason) => out.refuse(reason),
    };
    let whole = &text[place.clone()];
    if ends == Ends::Unicode && has_other_end(whole) {
        pieces(whole).for_each(|(start, piece)| single(piece, place.start + start));
    } else {
        single(whole, place.start);
    }
}

/// What ends a line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ends {
    /// A stream: the newline.
    Newline,
    /// A datagram: everything that Python's `splitlines` takes for a line end, as carbon does.
    Unicode,
}

/// Whether a datagram's line holds a line end other than newline and the carriage return before it.
fn has_other_end(line: &[u8]) -> bool {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    (0..line.len()).any(|at| other_end(&line[at..]) > 0)
}

/// Length of the line end that `text` starts with; 0 if it starts with none.
fn other_end(text: &[u8]) -> usize {
    match text {
        [b'\r' | 0x0b | 0x0c | 0x1c..=0x1e, ..] => 1,
        [0xc2, 0x85, ..] => 2,
        [0xe2, 0x80, 0xa8 | 0xa9, ..] => 3,
        _ => 0,
    }
}

/// The non-empty pieces of `line` between its other line ends, with their starts.
fn pieces(line: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < line.len() && other_end(&line[at..]) > 0 {
            at += other_end(&line[at..]);
        }
        let start = at;
        while at < line.len() && other_end(&line[at..]) == 0 {
            at += 1;
        }
        (start < at).then(|| (start, &line[start..at]))
    })
}

/// The last timestamp that stood: senders repeat it line after line, so most are known by their text.
struct Seconds {
    text: [u8; SECONDS_DIGITS],
    time_ms: i64,
    latest_ms: i64,
}

impl Seconds {
    /// Milliseconds of ten digits that are in range.
    #[inline(always)]
    fn time_ms(&mut self, text: &[u8; SECONDS_DIGITS]) -> Option<i64> {
        if *text != self.text {
            let time_ms = number::ten_digits(text)? * 1000;
            if time_ms <= 0 || self.latest_ms < time_ms {
                return None;
            }
            (self.text, self.time_ms) = (*text, time_ms);
        }
        Some(self.time_ms)
    }
}

/// Timestamp in milliseconds and value of the line `text[start..c]` with separators at `a`, `b`
/// and `c`, if it looks as nearly all lines do: single blanks, a short decimal, ten digits.
#[inline(always)]
fn usual<L: Lanes>(
    text: &[u8],
    start: usize,
    [a, b, c]: [usize; 3],
    seconds: &mut Seconds,
) -> Option<(i64, Number)> {
    let digits: &[u8; SECONDS_DIGITS] = text.get(b + 1..c)?.try_into().ok()?;
    if text[a] != b' ' || text[b] != b' ' || text[c] != b'\n' || a <= start {
        return None;
    }
    let number = number::short_decimal::<L>(text, a + 1, b)?;
    Some((seconds.time_ms(digits)?, number))
}

/// One line without its newline: name (relative to the line), milliseconds, value; `None` for a
/// line with nothing on it but what some senders put behind a newline. The truth that
/// [`Decoder::decode`] is tested against.
///
/// # Errors
/// Why the line is refused.
pub fn line(
    line: &[u8],
    now: Millis,
    options: Options,
) -> Result<Option<(Span, i64, Number)>, Reason> {
    if line.len() > options.line_bytes_max {
        return Err(Reason::LineLong);
    }
    let mut fields = Fields {
        line,
        at: nul_bytes_in_front(line),
    };
    let Some(name) = fields.next() else {
        // gmetad ends its lines with a newline and a NUL; a lone one is not a line.
        return if line.first() == Some(&0) {
            Ok(None)
        } else {
            Err(Reason::Fields)
        };
    };
    let value = fields.next().ok_or(Reason::Fields)?;
    let timestamp = fields.next();
    if fields.next().is_some() {
        return Err(Reason::Fields);
    }
    if memchr(0, name.of(line)).is_some() {
        return Err(Reason::NameNul);
    }
    let number = number::number(value.of(line))?;
    let time_ms = match timestamp {
        None => now.0,
        Some(text) => number::timestamp_ms(text.of(line), now.0, options.times.millis_by_digits)?,
    };
    Ok(Some((name, options.times.check(time_ms, now.0)?, number)))
}

fn nul_bytes_in_front(line: &[u8]) -> usize {
    line.iter().take_while(|&&byte| byte == 0).count()
}

/// Runs of bytes that are no ASCII blank.
struct Fields<'a> {
    line: &'a [u8],
    at: usize,
}

impl Iterator for Fields<'_> {
    type Item = Span;

    fn next(&mut self) -> Option<Span> {
        let rest = &self.line[self.at..];
        let start = self.at + rest.iter().position(|&byte| !is_blank(byte))?;
        let len = self.line[start..]
            .iter()
            .take_while(|&&byte| !is_blank(byte))
            .count();
        self.at = start + len;
        Some(Span {
            start: start as u32,
            len: len as u32,
        })
    }
}

/// Space, tab, vertical tab, form feed, carriage return.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | 0x0b | 0x0c | b'\r')
}

#[cfg(test)]
mod tests;
