//! The points of one block, and back: the one place that knows its bytes.
//!
//! A point is, in this order:
//!
//! * in an ordered block the [`varint`] of its read, or, but for the first, how many reads it is
//!   after the point before it;
//! * in a timed block, but for the first, the zigzagged milliseconds from the expected time to its own;
//!   in others, and only where the two differ, `FF`, a [`Jump`], and the same milliseconds;
//! * its [`token`].

use super::pool::{Block, PAYLOAD};
use super::tail::Tail;
use crate::base::varint::{self, MARK};
use crate::model::number::Number;
use crate::store::token::{self, Last};

/// Points of the fullest block: each takes a byte.
pub(super) const POINTS_MAX: usize = PAYLOAD;

/// Behind the payload, so that a whole word can be loaded at each of its bytes.
const PADDING: usize = 16;

/// What an unexpected time means for those after it. The numbers follow those of the tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Jump {
    /// The step stays; the next point is expected a step later.
    Keep = 2,
    /// The step becomes the distance to the newest time; the next point is expected a step later.
    Step = 3,
    /// A late point: what is expected stays as it was.
    Aside = 4,
}

/// Points of a block that lie as far apart as was expected, up to where the next such stretch starts.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stride {
    /// Place of its first point.
    pub start: usize,
    /// Time of that.
    pub time: i64,
    /// Milliseconds from point to point.
    pub step: i64,
}

/// The columns of one block.
#[derive(Debug)]
pub(super) struct Unpacked {
    pub times: [i64; POINTS_MAX],
    /// What the times follow from; of a timed block there are none. A mark begins one for its point, and one
    /// behind it.
    strides: [Stride; POINTS_MAX + 1],
    strides_count: usize,
    pub mantissas: [i64; POINTS_MAX],
    scales: [u8; POINTS_MAX],
    /// Of an ordered block.
    pub reads: [u32; POINTS_MAX],
    /// Whether the block is ordered.
    pub ordered: bool,
    /// Points.
    pub count: usize,
    /// The scale of all values, if they have the same.
    pub scale: Option<u8>,
}

impl Default for Unpacked {
    fn default() -> Self {
        Unpacked {
            times: [0; POINTS_MAX],
            strides: [Stride::default(); POINTS_MAX + 1],
            strides_count: 0,
            mantissas: [0; POINTS_MAX],
            scales: [0; POINTS_MAX],
            reads: [0; POINTS_MAX],
            ordered: false,
            count: 0,
            scale: None,
        }
    }
}

impl Unpacked {
    pub(super) fn times(&self) -> &[i64] {
        &self.times[..self.count]
    }

    pub(super) fn mantissas(&self) -> &[i64] {
        &self.mantissas[..self.count]
    }

    pub(super) fn scales(&self) -> &[u8] {
        &self.scales[..self.count]
    }

    pub(super) fn reads(&self) -> &[u32] {
        &self.reads[..self.count]
    }

    /// Where each stretch of expected times starts, and where it ends.
    pub(super) fn strides(&self) -> impl Iterator<Item = (Stride, usize)> {
        let strides = &self.strides[..self.strides_count];
        let ends = strides.iter().skip(1).map(|next| next.start);
        let ends = ends.chain([self.count]).map(|end| end.min(self.count));
        strides.iter().copied().zip(ends)
    }

    /// The value of the `i`th point.
    pub(super) fn number(&self, i: usize) -> Number {
        Number {
            mantissa: self.mantissas[i],
            scale: self.scales[i],
        }
    }

    /// Take over the points of a block of a series.
    pub(super) fn read(&mut self, tail: &Tail, number: u32, block: &Block) {
        self.read_values(tail, number, block);
        self.write_times();
    }

    /// The same, but the times are there as [`Unpacked::strides`] only, unless the block is timed.
    pub(super) fn read_values(&mut self, tail: &Tail, number: u32, block: &Block) {
        let ordered = block.is_ordered();
        self.ordered = ordered;
        self.strides_count = 0;
        let mut bytes = [0; PAYLOAD + PADDING];
        if let Some(payload) = bytes.first_chunk_mut() {
            tail.read_payload(number, block, payload);
        }
        let mut cursor = Cursor {
            bytes,
            at: 0,
            last: Last {
                mantissa: block.mantissa,
                scale: block.scale(),
            },
            step: i64::from(block.step),
            scaled: 0,
            mixed: false,
        };
        // Nothing behind these is looked at, so nothing is written there.
        let count = tail.count(number, block).min(POINTS_MAX);
        self.count = match (block.is_timed(), ordered) {
            (false, false) => self.read_regular::<false>(&mut cursor, block.base_time, count),
            (false, true) => self.read_regular::<true>(&mut cursor, block.base_time, count),
            (true, _) => self.read_timed(&mut cursor, block.base_time, count, ordered),
        };
        let scaled = cursor.scaled.min(count);
        self.scales[scaled..count].fill(cursor.last.scale);
        self.scale = (!cursor.mixed).then_some(cursor.last.scale);
    }

    /// With few words about times: mostly one varint after another.
    fn read_regular<const ORDERED: bool>(
        &mut self,
        cursor: &mut Cursor,
        base: i64,
        count: usize,
    ) -> usize {
        self.begin_stride(0, base, cursor.step);
        let (mut i, mut read) = (0, 0u32);
        while i < count {
            let Some(mut word) = cursor.word() else {
                return i;
            };
            if !ORDERED && word & 0x8080_8080_8080_8080 == 0 && i + 8 <= count {
                let deltas = word.to_be_bytes();
                for (slot, delta) in self.mantissas[i..i + 8].iter_mut().zip(deltas) {
                    *slot = cursor.forward(u64::from(delta));
                }
                cursor.at += 8;
                i += 8;
                continue;
            }
            let mut room = 8;
            if ORDERED {
                let Some((more, len)) = short(word).filter(|&(_, len)| len < 8) else {
                    return i;
                };
                read = read.wrapping_add(more as u32);
                self.reads[i] = read;
                cursor.at += len;
                word <<= 8 * len;
                room -= len;
            }
            match short(word) {
                Some((code, len)) if len <= room => {
                    self.mantissas[i] = cursor.forward(code);
                    cursor.at += len;
                }
                _ => {
                    if !self.read_marked(cursor, i) {
                        return i;
                    }
                }
            }
            i += 1;
        }
        count
    }

    /// A point with a mark, or a long value.
    #[cold]
    fn read_marked(&mut self, cursor: &mut Cursor, i: usize) -> bool {
        if let Some((jump, delta)) = cursor.jump() {
            let stride = self.strides[self.strides_count.saturating_sub(1)];
            let steps = (i - stride.start) as i64;
            let expected = stride.time.wrapping_add(stride.step.wrapping_mul(steps));
            let time = expected.wrapping_add(delta);
            let next = cursor.after(jump, expected, time);
            self.begin_stride(i, time, cursor.step);
            if next != time.wrapping_add(cursor.step) {
                self.begin_stride(i + 1, next, cursor.step);
            }
        }
        self.read_value(cursor, i)
    }

    /// From the point at this place on times are these.
    fn begin_stride(&mut self, start: usize, time: i64, step: i64) {
        let last = self.strides[self.strides_count.saturating_sub(1)];
        if self.strides_count == 0 || last.start < start {
            self.strides_count += 1;
        }
        self.strides[self.strides_count - 1] = Stride { start, time, step };
    }

    /// The times of all points, as they follow from strides.
    pub(super) fn write_times(&mut self) {
        for i in 0..self.strides_count {
            let Stride { start, time, step } = self.strides[i];
            let next = self.strides[..self.strides_count].get(i + 1);
            let end = next.map_or(self.count, |next| next.start.min(self.count));
            let mut time = time;
            for slot in self.times.get_mut(start..end).into_iter().flatten() {
                *slot = time;
                time = time.wrapping_add(step);
            }
        }
    }

    /// With a word about each time.
    fn read_timed(&mut self, cursor: &mut Cursor, base: i64, count: usize, ordered: bool) -> usize {
        let (mut expected, mut read) = (base, 0u32);
        for i in 0..count {
            if ordered {
                let Some(more) = cursor.varint() else {
                    return i;
                };
                read = read.wrapping_add(more as u32);
                self.reads[i] = read;
            }
            let mut time = expected;
            if i > 0 {
                let Some(delta) = cursor.varint() else {
                    return i;
                };
                time = expected.wrapping_add(varint::unzigzag(delta));
                expected = after_timed(expected, cursor.step, time);
            } else {
                expected = time.wrapping_add(cursor.step);
            }
            self.times[i] = time;
            if !self.read_value(cursor, i) {
                return i;
            }
        }
        count
    }

    #[inline]
    fn read_value(&mut self, cursor: &mut Cursor, i: usize) -> bool {
        if let Some((code, len)) = cursor.word().and_then(short) {
            self.mantissas[i] = cursor.forward(code);
            cursor.at += len;
            return true;
        }
        let last = cursor.last.scale;
        let bytes = cursor.bytes.get(cursor.at..).unwrap_or_default();
        let Some((number, len)) = token::take(bytes, &mut cursor.last) else {
            return false;
        };
        cursor.at += len;
        self.mantissas[i] = number.mantissa;
        if number.scale != last {
            self.mix(cursor, i, last, number.scale);
        }
        true
    }

    /// The `i`th value has another scale than those before it.
    #[cold]
    fn mix(&mut self, cursor: &mut Cursor, i: usize, last: u8, scale: u8) {
        self.scales[cursor.scaled..i].fill(last);
        self.scales[i] = scale;
        cursor.scaled = i + 1;
        cursor.mixed |= i > 0 || scale != cursor.last.scale;
    }
}

/// In a timed block a point that is newer than all before it moves what is expected, others do not.
pub(super) fn after_timed(expected: i64, step: i64, time: i64) -> i64 {
    if expected.wrapping_sub(step) < time {
        time.wrapping_add(step)
    } else {
        expected
    }
}

/// The [`varint`] that a word starts with, the first byte in its highest place, and its bytes, unless it
/// is one of the longest.
#[inline]
fn short(word: u64) -> Option<(u64, usize)> {
    let lead = (!word).leading_zeros() as usize;
    let len = lead + 1;
    (lead < 7).then(|| ((word << len) >> len >> (64 - 8 * len), len))
}

/// A way through a payload.
struct Cursor {
    bytes: [u8; PAYLOAD + PADDING],
    at: usize,
    last: Last,
    step: i64,
    /// Values whose scale is written down.
    scaled: usize,
    /// Whether there is more than one scale.
    mixed: bool,
}

impl Cursor {
    #[inline]
    fn word(&self) -> Option<u64> {
        let bytes = self.bytes.get(self.at..)?.first_chunk()?;
        Some(u64::from_be_bytes(*bytes))
    }

    #[inline]
    fn forward(&mut self, code: u64) -> i64 {
        self.last.mantissa = self.last.mantissa.wrapping_add(varint::unzigzag(code));
        self.last.mantissa
    }

    #[inline]
    fn varint(&mut self) -> Option<u64> {
        let (number, len) = match short(self.word()?) {
            Some(short) => short,
            None => varint::take(self.bytes.get(self.at..)?)?,
        };
        self.at += len;
        Some(number)
    }

    /// A mark of an unexpected time, if there is one.
    #[inline]
    fn jump(&mut self) -> Option<(Jump, i64)> {
        if *self.bytes.get(self.at)? != MARK {
            return None;
        }
        let jump = match *self.bytes.get(self.at + 1)? {
            2 => Jump::Keep,
            3 => Jump::Step,
            4 => Jump::Aside,
            _ => return None,
        };
        self.at += 2;
        Some((jump, varint::unzigzag(self.varint()?)))
    }

    /// Where the next point is expected.
    fn after(&mut self, jump: Jump, expected: i64, time: i64) -> i64 {
        match jump {
            Jump::Aside => return expected,
            Jump::Step => self.step = time.wrapping_sub(expected.wrapping_sub(self.step)),
            Jump::Keep => {}
        }
        time.wrapping_add(self.step)
    }
}
