//! The cells of one series, one after the other, fast: for whoever does not need all that an aggregate says.
//!
//! Nearly all cells follow the one before, have points at the same places of their step, and are decimals.
//! Several of them are taken in one go. Where the numbers are short it is found out for all of them together
//! where they end, so that the next cell is not waited for once for each number; longer ones are taken out of
//! three words, in which one after the other is shifted to the front. Everything else goes the slow way,
//! [`Reader`], which is also what the tests compare with.

use super::super::Corrupt;
use super::reader::Reader;
use super::record::{Record, Told};
use super::{ALIKE, CONSTANT, NEXT};
use crate::base::time::{Millis, Step};
use crate::base::varint;
use crate::model::number::Number;
use crate::simd::{Lanes, NUMBERS, Scanner, WINDOW, Work, prefetch};

/// How many lines of memory are asked for before the first is needed: as many as an hour of minutes mostly
/// takes.
const AHEAD_LINES: usize = 16;
/// Bytes that are looked at for one cell: a window, and what lies in the same word as the last of it.
const ROOM: usize = WINDOW + 4;
/// Bits of a head that tell the scale.
const SCALE: u8 = 0x0F;
/// The others, of cells that are alike.
const ALIKE_NEXT: u8 = NEXT | ALIKE;
const ALIKE_CONSTANT: u8 = NEXT | ALIKE | CONSTANT;

/// The cells of one series.
pub struct Cells<'a> {
    reader: Reader<'a>,
    /// First and last time of the cell before.
    ends: Option<(i64, i64)>,
}

/// The numbers of a cell as they are written, and the bytes of the cell.
struct Short {
    scale: u8,
    codes: [u64; NUMBERS],
    len: usize,
}

/// One of the numbers that cells tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellValue {
    /// See [`Cell::min`].
    Min,
    /// See [`Cell::max`].
    Max,
    /// See [`Cell::last`].
    Last,
    /// See [`Cell::sum`].
    Sum,
}

impl<'a> Cells<'a> {
    /// Read `bytes`, told from `base` by `step` as when they were encoded.
    pub fn new(bytes: &'a [u8], base: Millis, step: Step) -> Cells<'a> {
        // They were mostly not looked at for long. Asked for at once they are waited for once.
        prefetch_lines(bytes, AHEAD_LINES);
        Cells {
            reader: Reader::new(bytes, base, step),
            ends: None,
        }
    }

    /// Append when the points of all further cells are; their values are passed.
    ///
    /// # Errors
    /// Where the bytes are damaged.
    pub fn times(&mut self, out: &mut Vec<CellTimes>) -> Result<(), Corrupt> {
        Scanner::widest().run(Times(self, out))
    }

    #[inline(always)]
    fn next_times<L: Lanes>(&mut self) -> Result<Option<CellTimes>, Corrupt> {
        if let Some(short) = short::<L>(self.reader.cursor.0)
            && let Some((index, first_ms, last_ms)) = self.place()
        {
            self.pass(&short, index, (first_ms, last_ms));
            let shape = self.reader.before.shape;
            return Ok(Some(CellTimes {
                count: shape.count,
                first_ms,
                last_ms,
                is_even: shape.is_even,
            }));
        }
        self.ends = None;
        let times = self.reader.next_times()?;
        self.ends = times.map(|it| (it.first_ms, it.last_ms));
        Ok(times)
    }

    /// The next cell, later than all before it. Best on lanes, see [`Work`]: lengths of numbers are bits that
    /// are counted.
    ///
    /// # Errors
    /// Where the bytes are damaged.
    #[inline(always)]
    pub fn next_cell<L: Lanes>(&mut self) -> Result<Option<Cell>, Corrupt> {
        if let Some(short) = short::<L>(self.reader.cursor.0)
            && let Some((index, first_ms, last_ms)) = self.place()
        {
            let shape = self.reader.before.shape;
            let told = Told::of_codes(short.scale, shape.count, short.codes)?;
            self.pass(&short, index, (first_ms, last_ms));
            return Ok(Some(Cell(Record {
                index,
                count: shape.count,
                first_ms,
                last_ms,
                is_even: shape.is_even,
                told,
            })));
        }
        self.ends = None;
        let record = self.reader.next()?;
        self.ends = record.as_ref().map(|it| (it.first_ms, it.last_ms));
        Ok(record.map(Cell))
    }

    /// Take further cells for as long as they follow the one before, have points at the same places of
    /// their step and are short decimals, one for each place of `out` at most, which gets `value` of
    /// each; how many. What comes behind them is for [`Cells::next_cell`].
    ///
    /// # Errors
    /// Where the bytes are damaged.
    #[inline(always)]
    pub fn alike<L: Lanes>(&mut self, value: CellValue, out: &mut [f64]) -> Result<usize, Corrupt> {
        let Some((first_ms, last_ms)) = self.ends else {
            return Ok(0);
        };
        let (step_ms, index) = (self.reader.step_ms, self.reader.before.index);
        let most = i64::try_from(out.len()).unwrap_or(i64::MAX);
        // All that are taken have times, or none is.
        let all = most
            .checked_mul(step_ms)
            .and_then(|all| last_ms.checked_add(all));
        if all.is_none() || index.checked_add(most).is_none() {
            return Ok(0);
        }
        let points = self.reader.before.shape.count as i64;
        let (mut bytes, mut taken) = (self.reader.cursor.0, 0);
        for room in out {
            let Some(short) = short::<L>(bytes) else {
                break;
            };
            let [least, most, first, last, sum] = short.codes;
            let least = varint::unzigzag(least);
            // They have 49 bits at most: no value runs over.
            let above = |code: u64| least + code as i64;
            let sum = points.wrapping_mul(least).wrapping_add(sum as i64);
            if most < first || most < last || Number::MANTISSA_MAX < sum.saturating_abs() {
                return Err(Corrupt("a cell has values it cannot have"));
            }
            let mantissa = match value {
                CellValue::Min => least,
                CellValue::Max => above(most),
                CellValue::Last => above(last),
                CellValue::Sum => sum,
            };
            *room = mantissa as f64 / Number::tens(short.scale);
            bytes = bytes.get(short.len..).unwrap_or_default();
            taken += 1;
        }
        let passed = taken as i64;
        self.reader.cursor.0 = bytes;
        self.reader.before.index = index + passed;
        self.ends = Some((first_ms + passed * step_ms, last_ms + passed * step_ms));
        Ok(taken)
    }

    /// Index and times of a cell that follows the one before and is alike, if there was one.
    #[inline(always)]
    fn place(&self) -> Option<(i64, i64, i64)> {
        let (first_ms, last_ms) = self.ends?;
        let step_ms = self.reader.step_ms;
        Some((
            self.reader.before.index.checked_add(1)?,
            first_ms.checked_add(step_ms)?,
            last_ms.checked_add(step_ms)?,
        ))
    }

    #[inline(always)]
    fn pass(&mut self, short: &Short, index: i64, ends: (i64, i64)) {
        let rest = self.reader.cursor.0.get(short.len..);
        self.reader.cursor.0 = rest.unwrap_or_default();
        self.reader.before.index = index;
        self.ends = Some(ends);
    }
}

/// [`Cells::times`], on lanes.
struct Times<'a, 'b>(&'a mut Cells<'b>, &'a mut Vec<CellTimes>);

impl Work for Times<'_, '_> {
    type Output = Result<(), Corrupt>;

    #[inline(always)]
    fn run<L: Lanes>(self) -> Result<(), Corrupt> {
        while let Some(times) = self.0.next_times::<L>()? {
            self.1.push(times);
        }
        Ok(())
    }
}

/// The numbers of the cell that `bytes` begin with, if it is alike and they are not very long.
#[inline(always)]
fn short<L: Lanes>(bytes: &[u8]) -> Option<Short> {
    let head = *bytes.first()?;
    let scale = head & SCALE;
    match head & !SCALE {
        ALIKE_NEXT => {}
        ALIKE_CONSTANT => {
            let (least, len) = shift(&mut word(bytes, 1));
            let len = 1 + len;
            let codes = [least, 0, 0, 0, 0];
            let is_whole = len <= 8 && len <= bytes.len();
            return is_whole.then_some(Short { scale, codes, len });
        }
        _ => return None,
    }
    let last;
    let room: &[u8; ROOM] = match bytes.first_chunk() {
        Some(room) => room,
        None => {
            last = last_room(bytes);
            &last
        }
    };
    let Some(ends) = L::ends(room.first_chunk()?) else {
        return longer(bytes);
    };
    let len = usize::from(ends[NUMBERS - 1]);
    if bytes.len() < len {
        return None;
    }
    let mut start = 1;
    let codes = ends.map(|end| {
        // Always below; so said, nothing has to be looked at.
        let at = usize::from(start) % WINDOW;
        let word = room.get(at..).and_then(<[u8]>::first_chunk);
        let word = u32::from_be_bytes(word.copied().unwrap_or_default());
        let bytes = u32::from(end - start);
        start = end;
        // What leads the number goes off to the left, what is behind it to the right.
        u64::from((word << bytes) >> (32 - 7 * bytes))
    });
    Some(Short { scale, codes, len })
}

/// The same of a cell that is alike, where the numbers fit into three words.
#[inline(always)]
fn longer(bytes: &[u8]) -> Option<Short> {
    let mut bounds = word(bytes, 1);
    let ((least, a), (most, b)) = (shift(&mut bounds), shift(&mut bounds));
    let at = 1 + a + b;
    let mut ends = word(bytes, at);
    let ((first, c), (last, d)) = (shift(&mut ends), shift(&mut ends));
    let at = at + c + d;
    let (sum, e) = shift(&mut word(bytes, at));
    let len = at + e;
    // What does not fit is told to be longer than it is, and so does not fit either.
    if 8 < a + b || 8 < c + d || 8 < e || bytes.len() < len {
        return None;
    }
    Some(Short {
        scale: bytes.first()? & SCALE,
        codes: [least, most, first, last, sum],
        len,
    })
}

/// The eight bytes from `at` on, the first in the highest place; zeros behind the end.
#[inline(always)]
fn word(bytes: &[u8], at: usize) -> u64 {
    let rest = bytes.get(at..).unwrap_or_default();
    match rest.first_chunk() {
        Some(word) => u64::from_be_bytes(*word),
        None => last_word(rest),
    }
}

#[cold]
fn last_word(rest: &[u8]) -> u64 {
    let mut word = [0; 8];
    let room = word.get_mut(..rest.len());
    if let Some(room) = room {
        room.copy_from_slice(rest);
    }
    u64::from_be_bytes(word)
}

/// The number in front of `word`, which goes, and its bytes: nine and more where it is longer than seven.
#[inline(always)]
fn shift(word: &mut u64) -> (u64, usize) {
    let lead = word.leading_ones();
    let len = lead + 1;
    // What leads the number goes off to the left, what is behind it to the right.
    let number = (*word << (len & 63)) >> (64u32.wrapping_sub(7 * len) & 63);
    *word <<= (8 * len) & 63;
    (number, if lead < 7 { len as usize } else { 16 })
}

#[cold]
fn last_room(rest: &[u8]) -> [u8; ROOM] {
    let mut room = [0; ROOM];
    if let Some(room) = room.get_mut(..rest.len()) {
        room.copy_from_slice(rest);
    }
    room
}

/// Ask the memory system for the first lines of `bytes`.
#[inline]
pub(crate) fn prefetch_lines(bytes: &[u8], lines: usize) {
    const LINE_BYTES: usize = 64;
    for line in bytes.chunks(LINE_BYTES).take(lines) {
        line.first().into_iter().for_each(prefetch);
    }
}

/// When the points of a cell are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CellTimes {
    /// Points, at least one.
    pub count: u64,
    /// Time of the first, milliseconds since the epoch.
    pub first_ms: i64,
    /// Time of the last.
    pub last_ms: i64,
    pub(super) is_even: bool,
}

impl CellTimes {
    /// How far apart the points are, if all are equally far and that is known: whole seconds only. 0 where
    /// there is one point.
    #[inline]
    pub fn gap_ms(&self) -> Option<u64> {
        let span = self.last_ms.abs_diff(self.first_ms);
        let gaps = (self.count - 1).max(1);
        // One division less for what nearly all cells are.
        self.is_even.then(|| match (span, gaps) {
            (59_000, 59) => 1000,
            _ => span / gaps,
        })
    }
}

/// One cell as it is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell(Record);

impl Cell {
    /// When its points are.
    #[inline]
    pub fn times(&self) -> CellTimes {
        CellTimes {
            count: self.0.count,
            first_ms: self.0.first_ms,
            last_ms: self.0.last_ms,
            is_even: self.0.is_even,
        }
    }

    /// Smallest value.
    #[inline]
    pub fn min(&self) -> f64 {
        self.0.told.value(0)
    }

    /// Largest value.
    #[inline]
    pub fn max(&self) -> f64 {
        self.0.told.value(1)
    }

    /// Value of the last point.
    #[inline]
    pub fn last(&self) -> f64 {
        self.0.told.value(3)
    }

    /// Sum of all values: of decimals exact, rounded once.
    #[inline]
    pub fn sum(&self) -> f64 {
        self.0.told.value(4)
    }
}
