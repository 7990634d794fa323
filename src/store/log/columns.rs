//! A payload read back: definitions, and points in the order of arrival.
//!
//! Nothing in here trusts the bytes. Whatever is wrong with them is an error; a checksum has gone
//! before, so it means that a writer was wrong.

use super::batch::section;
use super::codes::{Code, Coded};
use super::lasts::Lasts;
use crate::base::varint;
use crate::store::definition::{Definition, Told};

/// Bytes that are no payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// A section ends behind the payload, or its head is broken.
    #[error("a section is cut short")]
    Cut,
    /// A kind of section that may not be skipped.
    #[error("section {0} is not known here; a newer version wrote it")]
    Unknown(u8),
    /// A definition that is none.
    #[error("a definition is broken")]
    Definition,
    /// Columns that do not fit each other.
    #[error("the columns have different lengths")]
    Columns,
    /// A value that is none.
    #[error("a value is broken")]
    Value,
}

/// A point without its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// Order of arrival, in microseconds.
    pub stamp: u64,
    /// Number of the series in the book.
    pub number: u32,
    /// Milliseconds since the epoch.
    pub time_ms: i64,
}

/// The columns of one payload.
#[derive(Clone, Copy, Debug, Default)]
pub struct Columns<'a> {
    definitions: &'a [u8],
    reads: &'a [u8],
    number_gaps: &'a [u8],
    number_runs: &'a [u8],
    time_gaps: &'a [u8],
    time_runs: &'a [u8],
    values: &'a [u8],
    zeros: &'a [u8],
    /// The section, and what it says.
    codes: &'a [u8],
    coded: Option<Coded<'a>>,
    lasts: &'a [u8],
    first_stamp: u64,
}

impl<'a> Columns<'a> {
    /// The columns in `payload`, whose first read has `first_stamp`.
    ///
    /// # Errors
    /// If they are not laid out as they must be.
    pub fn open(payload: &'a [u8], first_stamp: u64) -> Result<Columns<'a>, Damage> {
        let mut columns = Columns {
            first_stamp,
            ..Columns::default()
        };
        let mut rest = payload;
        while let Some((&kind, behind)) = rest.split_first() {
            if kind == section::END {
                break;
            }
            let (len, took) = varint::take(behind).ok_or(Damage::Cut)?;
            let len = usize::try_from(len).map_err(|_| Damage::Cut)?;
            let (bytes, behind) = behind[took..].split_at_checked(len).ok_or(Damage::Cut)?;
            columns.put(kind, bytes)?;
            rest = behind;
        }
        if !columns.codes.is_empty() {
            columns.coded = Some(Coded::open(columns.codes)?);
            if !columns.zeros.is_empty() {
                return Err(Damage::Columns);
            }
        }
        Ok(columns)
    }

    fn put(&mut self, kind: u8, bytes: &'a [u8]) -> Result<(), Damage> {
        let place = match kind {
            section::DEFINITIONS => &mut self.definitions,
            section::READS => &mut self.reads,
            section::NUMBER_GAPS => &mut self.number_gaps,
            section::NUMBER_RUNS => &mut self.number_runs,
            section::TIME_GAPS => &mut self.time_gaps,
            section::TIME_RUNS => &mut self.time_runs,
            section::VALUES => &mut self.values,
            section::ZEROS => &mut self.zeros,
            section::CODES => &mut self.codes,
            section::LASTS => &mut self.lasts,
            _ if section::OPTIONAL <= kind => return Ok(()),
            _ => return Err(Damage::Unknown(kind)),
        };
        if !place.is_empty() {
            return Err(Damage::Columns);
        }
        *place = bytes;
        Ok(())
    }

    /// The definitions, in order; they count before all points of the block.
    pub fn definitions(&self) -> impl Iterator<Item = Result<Definition, Damage>> + use<'a> {
        let (mut rest, mut told) = (self.definitions, Told::default());
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let taken = Definition::take(rest, &mut told).filter(|(_, len)| *len > 0);
            let (definition, len) = match taken {
                Some((definition, len)) => (Ok(definition), len),
                None => (Err(Damage::Definition), rest.len()),
            };
            rest = rest.get(len..).unwrap_or_default();
            Some(definition)
        })
    }

    /// What the values of some series behind this block are told from.
    pub fn lasts(&self) -> Lasts<'a> {
        Lasts::new(self.lasts)
    }

    /// Bytes of each column, with its name, for who prints them.
    pub fn sizes(&self) -> [(&'static str, usize); 10] {
        [
            ("definitions", self.definitions.len()),
            ("reads", self.reads.len()),
            ("number gaps", self.number_gaps.len()),
            ("number runs", self.number_runs.len()),
            ("time gaps", self.time_gaps.len()),
            ("time runs", self.time_runs.len()),
            ("values", self.values.len()),
            ("zeros", self.zeros.len()),
            ("codes", self.codes.len()),
            ("lasts", self.lasts.len()),
        ]
    }

    /// Hand each point to `visit`, with the bytes that start with its token; it says how many the token
    /// took, or `None` if none starts there. How many points there were.
    ///
    /// # Errors
    /// If the columns do not fit each other; the points before were then handed over.
    #[inline]
    pub fn for_each(
        &self,
        visit: impl FnMut(Point, &[u8]) -> Option<usize>,
    ) -> Result<u64, Damage> {
        let mut cursor = self.cursor();
        cursor.run(self, u64::MAX, visit)?;
        Ok(cursor.points)
    }

    /// Whether the token of the point at `place` is the byte 0, and not among the values.
    #[inline]
    fn is_zero(&self, place: u64) -> bool {
        let byte = self.zeros.get((place / 8) as usize);
        byte.is_some_and(|byte| byte >> (place % 8) & 1 == 1)
    }

    /// A place before the first point.
    pub fn cursor(&self) -> Cursor {
        Cursor {
            stamp: self.first_stamp,
            ..Cursor::default()
        }
    }
}

/// A place in the points of a block. Holds no bytes, so that it can be kept while others work.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cursor {
    points: u64,
    reads_at: usize,
    stamp: u64,
    read_left: u64,
    numbers: Gaps,
    number: u32,
    times: Gaps,
    time_ms: i64,
    /// Where the next code begins, in bits.
    code_at: u64,
    values_at: usize,
}

impl Cursor {
    /// Points that were handed over.
    pub fn points(&self) -> u64 {
        self.points
    }

    /// Go on in `columns`, the same as before, for at most about `points_max` points. Whether all are
    /// through.
    ///
    /// # Errors
    /// As of [`Columns::for_each`]; the cursor is of no use then.
    #[inline]
    pub fn run(
        &mut self,
        columns: &Columns<'_>,
        points_max: u64,
        mut visit: impl FnMut(Point, &[u8]) -> Option<usize>,
    ) -> Result<bool, Damage> {
        let mut left = points_max;
        let mut values = columns.values.get(self.values_at..).unwrap_or_default();
        while self.has_more(columns) || !values.is_empty() {
            if left == 0 {
                return Ok(false);
            }
            self.next_read(columns)?;
            if self.numbers.left == 0 {
                self.number = self.next_number(columns)?;
            }
            if self.times.left == 0 {
                self.time_ms = self.next_time(columns)?;
            }
            let run = self.numbers.left.min(self.times.left);
            let count = run.min(self.read_left).min(left);
            let (stamp, time_ms, mut number) = (self.stamp, self.time_ms, self.number);
            for place in self.points..self.points + count {
                let point = Point {
                    stamp,
                    number,
                    time_ms,
                };
                number = number.wrapping_add(1);
                if let Some(coded) = &columns.coded {
                    if let Code::Token(token) = coded.take(&mut self.code_at)? {
                        visit(point, &token).ok_or(Damage::Value)?;
                        continue;
                    }
                } else if columns.is_zero(place) {
                    visit(point, &[0]).ok_or(Damage::Value)?;
                    continue;
                }
                if values.is_empty() {
                    return Err(Damage::Columns);
                }
                let len = visit(point, values).ok_or(Damage::Value)?;
                values = values.get(len.max(1)..).ok_or(Damage::Value)?;
            }
            self.number = number;
            self.read_left -= count;
            self.numbers.left -= count;
            self.times.left -= count;
            self.points += count;
            left -= count;
            self.values_at = columns.values.len() - values.len();
        }
        let zeros = columns.zeros.len() as u64;
        let coded = columns.coded;
        let is_even = (zeros == 0 || zeros == self.points.div_ceil(8))
            && coded.is_none_or(|coded| coded.is_done(self.code_at))
            && self
                .numbers
                .is_done(columns.number_gaps, columns.number_runs)
            && self.times.is_done(columns.time_gaps, columns.time_runs);
        if is_even {
            Ok(true)
        } else {
            Err(Damage::Columns)
        }
    }

    /// Whether some read has points left.
    #[inline]
    fn has_more(&self, columns: &Columns<'_>) -> bool {
        0 < self.read_left || self.reads_at < columns.reads.len()
    }

    #[inline]
    fn next_read(&mut self, columns: &Columns<'_>) -> Result<(), Damage> {
        if self.read_left == 0 {
            let later = take(columns.reads, &mut self.reads_at)?;
            self.stamp = self.stamp.wrapping_add(later);
            self.read_left = take(columns.reads, &mut self.reads_at)?;
            if self.read_left == 0 {
                return Err(Damage::Columns);
            }
        }
        Ok(())
    }

    #[inline]
    fn next_number(&mut self, columns: &Columns<'_>) -> Result<u32, Damage> {
        self.numbers.next_length(columns.number_runs)?;
        let gap = varint::unzigzag(take(columns.number_gaps, &mut self.numbers.gap_at)?);
        let number = i64::from(self.number).checked_add(gap);
        number
            .and_then(|number| u32::try_from(number).ok())
            .ok_or(Damage::Columns)
    }

    #[inline]
    fn next_time(&mut self, columns: &Columns<'_>) -> Result<i64, Damage> {
        self.times.next_length(columns.time_runs)?;
        let at = &mut self.times.gap_at;
        if let Some([varint::MARK, rest @ ..]) = columns.time_gaps.get(*at..) {
            let bytes = rest.first_chunk().ok_or(Damage::Columns)?;
            *at += 9;
            return Ok(i64::from_le_bytes(*bytes));
        }
        let code = take(columns.time_gaps, at)?;
        let gap = varint::unzigzag(code >> 1);
        let gap_ms = if code & 1 == 0 {
            gap.wrapping_mul(1000)
        } else {
            gap
        };
        Ok(self.time_ms.wrapping_add(gap_ms))
    }
}

#[inline]
fn take(bytes: &[u8], at: &mut usize) -> Result<u64, Damage> {
    let rest = bytes.get(*at..).ok_or(Damage::Columns)?;
    let (number, len) = varint::take(rest).ok_or(Damage::Columns)?;
    *at += len;
    Ok(number)
}

/// A place in gaps and their lengths.
#[derive(Clone, Copy, Debug, Default)]
struct Gaps {
    gap_at: usize,
    length_at: usize,
    singles: u64,
    /// Whether a run comes when the singles are through.
    is_run_next: bool,
    left: u64,
}

impl Gaps {
    /// How many points the next gap is good for.
    #[inline]
    fn next_length(&mut self, lengths: &[u8]) -> Result<(), Damage> {
        if self.singles == 0 && !self.is_run_next {
            self.singles = take(lengths, &mut self.length_at)?;
            self.is_run_next = true;
        }
        if self.singles > 0 {
            self.singles -= 1;
            self.left = 1;
        } else {
            self.is_run_next = false;
            let more = take(lengths, &mut self.length_at)?;
            self.left = more.checked_add(2).ok_or(Damage::Columns)?;
        }
        Ok(())
    }

    fn is_done(&self, gaps: &[u8], lengths: &[u8]) -> bool {
        let is_through = self.gap_at == gaps.len() && self.length_at == lengths.len();
        self.left == 0 && self.singles == 0 && is_through
    }
}
