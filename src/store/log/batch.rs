//! Points on their way into a block, in columns.
//!
//! Senders repeat themselves: numbers follow each other, times stay. So a number and a time cost
//! nothing where they are what the point before lets expect, and what breaks the rule is written as a
//! gap. How many points lie between the gaps is in a column of its own, so that senders in no order at
//! all pay for the gaps only. Values are mostly small differences: their codes take as many
//! bits as these need.

use super::block::PAYLOAD_BYTES_MAX;
use super::codes::{Codes, HEAD_BYTES_MAX};
use crate::base::varint;
use crate::store::definition::{Definition, Told};
use crate::store::token::{self, Short, Token};

/// Kinds of sections in a payload. Readers refuse those below [`SECTION_OPTIONAL`] that they do not
/// know, and skip the others.
pub(super) mod section {
    /// Ends the payload; what follows is padding.
    pub(in super::super) const END: u8 = 0;
    /// [`Definition`]s, one behind the other.
    pub(in super::super) const DEFINITIONS: u8 = 1;
    /// Stamp and points of each read of a socket.
    pub(in super::super) const READS: u8 = 2;
    /// Where series numbers do not follow each other.
    pub(in super::super) const NUMBER_GAPS: u8 = 3;
    /// How many points each of those gaps is good for.
    pub(in super::super) const NUMBER_RUNS: u8 = 4;
    /// Where times change.
    pub(in super::super) const TIME_GAPS: u8 = 5;
    /// How many points each of those times is good for.
    pub(in super::super) const TIME_RUNS: u8 = 6;
    /// Tokens, one behind the other: those that have no code.
    pub(in super::super) const VALUES: u8 = 7;
    /// A bit for each point: its token is the byte 0, and is not among the values. Only read, and never
    /// beside codes.
    pub(in super::super) const ZEROS: u8 = 8;
    /// The [codes](super::super::codes) of all points.
    pub(in super::super) const CODES: u8 = 9;
    /// Of some series what the values behind this block are told from. Readers without it lose more where a
    /// block is lost.
    pub(in super::super) const LASTS: u8 = 128;
    /// From here on a reader may skip what it does not know.
    pub(in super::super) const OPTIONAL: u8 = 128;
}

/// Room kept for one more point, its gaps, the ends of all runs and the heads of the sections.
const RESERVE_BYTES: usize = 256 + HEAD_BYTES_MAX;
/// A batch with more is full.
const FULL_BYTES: usize = PAYLOAD_BYTES_MAX - RESERVE_BYTES;
/// Longest time between the first and the last stamp of a block.
pub(super) const SPAN_MICROS_MAX: u64 = u32::MAX as u64;

/// Ends of runs: how many gaps stood alone, then how long the run behind them was, and so on.
#[derive(Debug, Default)]
struct Runs {
    gaps: Vec<u8>,
    lengths: Vec<u8>,
    singles: u64,
    begins: usize,
}

impl Runs {
    /// The run ends before point `at`.
    #[inline]
    fn end(&mut self, at: usize) {
        let length = (at - self.begins) as u64;
        self.begins = at;
        if length == 1 {
            self.singles += 1;
        } else if length > 1 {
            varint::push(self.singles, &mut self.lengths);
            varint::push(length - 2, &mut self.lengths);
            self.singles = 0;
        }
    }

    /// No more points: what stood alone at the end needs no length, it is what the gaps have left.
    fn finish(&mut self, at: usize) {
        self.end(at);
        if self.singles > 0 {
            varint::push(self.singles, &mut self.lengths);
        }
    }

    fn clear(&mut self) {
        self.gaps.clear();
        self.lengths.clear();
        self.singles = 0;
        self.begins = 0;
    }

    fn bytes(&self) -> usize {
        self.gaps.len() + self.lengths.len()
    }
}

/// A block's worth of points and definitions.
#[derive(Debug)]
pub struct Batch {
    definitions: Vec<u8>,
    told: Told,
    reads: Vec<u8>,
    numbers: Runs,
    times: Runs,
    codes: Codes,
    /// Bytes in the other columns.
    beside_len: usize,
    points: usize,
    next_number: u32,
    time_ms: i64,
    first_stamp: Option<u64>,
    stamp: u64,
    /// Stamp of the last read in `reads`.
    told_stamp: u64,
    told_points: usize,
}

impl Default for Batch {
    fn default() -> Batch {
        Batch {
            definitions: Vec::new(),
            told: Told::default(),
            reads: Vec::new(),
            numbers: Runs::default(),
            times: Runs::default(),
            codes: Codes::new(PAYLOAD_BYTES_MAX),
            beside_len: 0,
            points: 0,
            next_number: 0,
            time_ms: 0,
            first_stamp: None,
            stamp: 0,
            told_stamp: 0,
            told_points: 0,
        }
    }
}

impl Batch {
    /// What follows arrived at `stamp`, which is not below the one before.
    pub fn begin_read(&mut self, stamp: u64) {
        self.end_read();
        self.stamp = self.stamp.max(stamp);
    }

    fn end_read(&mut self) {
        let points = self.points - self.told_points;
        if points == 0 {
            return;
        }
        let before = self.reads.len();
        let first = *self.first_stamp.get_or_insert(self.stamp);
        let told = if self.told_points == 0 {
            first
        } else {
            self.told_stamp
        };
        varint::push(self.stamp - told, &mut self.reads);
        varint::push(points as u64, &mut self.reads);
        self.told_stamp = self.stamp;
        self.told_points = self.points;
        self.beside_len += self.reads.len() - before;
    }

    /// A point behind all others. The batch must not be [full](Batch::is_full).
    #[inline]
    pub fn push(&mut self, number: u32, time_ms: i64, token: &Token) {
        self.begin_point(number, time_ms);
        self.codes.push_token(token);
        self.points += 1;
    }

    /// [`Batch::push`] of a short token.
    #[inline(always)]
    pub fn push_short(&mut self, number: u32, time_ms: i64, token: Short) {
        self.begin_point(number, time_ms);
        self.codes.push(token.code);
        self.points += 1;
    }

    /// [`Batch::push`] of a text, whose token must [fit](Batch::fits).
    pub fn push_text(&mut self, number: u32, time_ms: i64, text: &str) {
        self.begin_point(number, time_ms);
        self.codes
            .push_value(|values| token::push_text(text, values));
        self.points += 1;
    }

    /// The number and the time of a point.
    #[inline(always)]
    fn begin_point(&mut self, number: u32, time_ms: i64) {
        if number != self.next_number || self.points == 0 {
            self.break_numbers(number);
        }
        self.next_number = number.wrapping_add(1);
        if time_ms != self.time_ms || self.points == 0 {
            self.break_times(time_ms);
        }
    }

    #[inline(never)]
    fn break_numbers(&mut self, number: u32) {
        let before = self.numbers.bytes();
        self.numbers.end(self.points);
        let gap = i64::from(number) - i64::from(self.next_number);
        varint::push(varint::zigzag(gap), &mut self.numbers.gaps);
        self.beside_len += self.numbers.bytes() - before;
    }

    #[inline(never)]
    fn break_times(&mut self, time_ms: i64) {
        let before = self.times.bytes();
        self.times.end(self.points);
        push_time_gap(time_ms, self.time_ms, &mut self.times.gaps);
        self.time_ms = time_ms;
        self.beside_len += self.times.bytes() - before;
    }

    /// The bytes of a [`Definition`], which must
    /// [fit](Batch::fits).
    pub fn define(&mut self, definition: &Definition) {
        let before = self.definitions.len();
        definition.push(&mut self.told, &mut self.definitions);
        self.beside_len += self.definitions.len() - before;
        self.first_stamp.get_or_insert(self.stamp);
    }

    /// Bytes that it has taken, or a few more.
    #[inline]
    pub fn bytes(&self) -> usize {
        self.codes.len() + self.beside_len
    }

    /// Whether so many bytes of definitions have room.
    pub fn fits(&self, bytes: usize) -> bool {
        self.bytes() + bytes <= FULL_BYTES
    }

    /// Whether no further point has room for sure.
    #[inline]
    pub fn is_full(&mut self) -> bool {
        self.bytes() + token::BYTES_MAX > FULL_BYTES && self.is_really_full()
    }

    #[cold]
    fn is_really_full(&mut self) -> bool {
        self.codes.pack();
        self.bytes() + token::BYTES_MAX > FULL_BYTES
    }

    /// Whether a read with this stamp would be too far from the first one.
    pub fn is_too_old_for(&self, stamp: u64) -> bool {
        self.first_stamp
            .or((self.points > 0).then_some(self.stamp))
            .is_some_and(|first| stamp.saturating_sub(first) > SPAN_MICROS_MAX)
    }

    /// Whether nothing was put in.
    pub fn is_empty(&self) -> bool {
        self.points == 0 && self.definitions.is_empty()
    }

    /// Points that were put in.
    pub fn points(&self) -> usize {
        self.points
    }

    /// Append the payload of a block to `out` and start again with nothing. The first and the last
    /// stamp.
    pub fn close(&mut self, out: &mut Vec<u8>) -> (u64, u64) {
        self.end_read();
        self.codes.pack();
        self.numbers.finish(self.points);
        self.times.finish(self.points);
        let columns: [(u8, &[u8]); 7] = [
            (section::DEFINITIONS, &self.definitions),
            (section::READS, &self.reads),
            (section::NUMBER_GAPS, &self.numbers.gaps),
            (section::NUMBER_RUNS, &self.numbers.lengths),
            (section::TIME_GAPS, &self.times.gaps),
            (section::TIME_RUNS, &self.times.lengths),
            (section::VALUES, self.codes.values()),
        ];
        for (kind, bytes) in columns {
            if !bytes.is_empty() {
                out.push(kind);
                varint::push(bytes.len() as u64, out);
                out.extend_from_slice(bytes);
            }
        }
        if self.points > 0 {
            out.push(section::CODES);
            varint::push(self.codes.section_bytes() as u64, out);
            self.codes.push_to(out);
        }
        let stamps = (self.first_stamp.unwrap_or(self.stamp), self.stamp);
        self.clear();
        stamps
    }

    fn clear(&mut self) {
        self.definitions.clear();
        self.told.clear();
        self.reads.clear();
        self.numbers.clear();
        self.times.clear();
        self.codes.clear(self.points);
        self.beside_len = 0;
        self.points = 0;
        self.next_number = 0;
        self.time_ms = 0;
        self.first_stamp = None;
        self.told_points = 0;
    }
}

/// Whole seconds are common, and shorter.
fn push_time_gap(time_ms: i64, last_ms: i64, out: &mut Vec<u8>) {
    let Some(gap_ms) = time_ms
        .checked_sub(last_ms)
        .filter(|gap| gap.unsigned_abs() < 1 << 61)
    else {
        out.push(varint::MARK);
        out.extend_from_slice(&time_ms.to_le_bytes());
        return;
    };
    let code = if gap_ms % 1000 == 0 {
        varint::zigzag(gap_ms / 1000) << 1
    } else {
        varint::zigzag(gap_ms) << 1 | 1
    };
    varint::push(code, out);
}
