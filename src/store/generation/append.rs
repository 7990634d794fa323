//! The points that do not simply continue their series.

use super::pool::{Block, NONE, Pool};
use super::tail::{self, NEVER, Tail};
use super::unpack::{Jump, after_timed};
use super::{Entry, Full, Head};
use crate::base::time::Millis;
use crate::base::varint::{self, MARK};
use crate::model::number::Number;
use crate::model::series::SeriesId;
use crate::store::token::{self, Token};

/// Bytes of the longest point: its read, its mark and time, its value.
const POINT_BYTES_MAX: usize = 5 + 2 + varint::BYTES_MAX + token::BYTES_MAX;

/// A block is timed if more than one in so many points of the block before it came unexpected: a mark
/// takes two bytes, and in a timed block each point that comes as expected takes one.
const ESCAPES_TIMED: u32 = 3;

/// A point that is to be written.
struct Point {
    time: i64,
    read: u32,
    token: Token,
}

impl Head {
    /// Any point.
    #[cold]
    pub(super) fn append_slowly(
        &mut self,
        pool: &mut Pool,
        id: SeriesId,
        numbers: &[u32],
        time: i64,
        read: u32,
        value: Number,
    ) -> Result<Entry, Full> {
        debug_assert!(!self.released, "released, and not cleared yet");
        let mut before = *self.tails.of(id);
        if before.is_blank() {
            before.ordered = self.options.ordered || self.kept.contains(id.0);
        }
        let mut last = before.last();
        let mut token = Token::new(&mut last, value);
        let mut point = Point { time, read, token };
        let old = (!before.is_blank()).then(|| before.window(self.options.window));
        let window = self.window_of(old, time);
        self.check_window(old, window)?;
        let extended = self.extended(pool, &before, &point);
        let mut tail = match extended {
            Some(tail) => tail,
            None => {
                // Each block starts with a value that is told from no other: where the log has lost
                // something, the series can be told again from there on.
                if !before.is_blank() {
                    let scale = before.last().scale;
                    let wide = value.mantissa_at(scale).filter(|_| !value.is_float());
                    let same = wide.map(|mantissa| Number::decimal(mantissa, scale));
                    token = Token::alone(&mut last, same.unwrap_or(value));
                    point.token = token;
                }
                self.with_block(pool, &before, &point)?
            }
        };
        if before.is_blank() {
            tail.number = numbers[id.0 as usize];
            self.series += 1;
        }
        tail.set_last(last);
        tail.read = read;
        self.note((&before, old), &mut tail, window);
        self.set_quick(pool, &before, &mut tail);
        self.points += 1;
        *self.tails.of(id) = tail;
        Ok(Entry {
            number: tail.number,
            token,
        })
    }

    /// The window of a point: mostly that of the points before it. The one at the beginning of time is
    /// shorter than others.
    fn window_of(&self, old: Option<i64>, time: i64) -> i64 {
        let width = self.options.window;
        match old {
            Some(old)
                if old != i64::MIN && old <= time && time.abs_diff(old) < width.millis() as u64 =>
            {
                old
            }
            _ => width.floor(Millis(time)).0,
        }
    }

    fn check_window(&self, old: Option<i64>, window: i64) -> Result<(), Full> {
        if old == Some(window)
            || self.windows.len() < self.options.windows_max
            || self.windows.contains_key(&window)
        {
            Ok(())
        } else {
            Err(Full::Windows)
        }
    }

    /// The tail with the point in its last block, if that has room.
    fn extended(&self, pool: &mut Pool, before: &Tail, point: &Point) -> Option<Tail> {
        let block = pool.get_mut(before.block)?;
        if block.is_ordered() != before.ordered {
            // From here on points tell their reads: another block.
            return None;
        }
        let (mut tail, mut bytes) = (*before, Bytes::default());
        if tail.ordered {
            bytes.varint(u64::from(point.read.wrapping_sub(tail.read)));
        }
        let (time, expected, newest) = (point.time, tail.expected, tail.newest());
        let far = varint::zigzag(time.wrapping_sub(expected));
        if block.is_timed() {
            bytes.varint(far);
            tail.escapes += u8::from(time != expected);
            tail.expected = after_timed(expected, i64::from(tail.step), time);
        } else if time != expected {
            let jump = unexpected(&mut tail, time);
            bytes.push(&[MARK, jump as u8]);
            bytes.varint(far);
            tail.escapes += 1;
            if jump == Jump::Aside {
                tail.expected = expected;
            } else {
                tail.expect_after(time);
            }
        } else {
            tail.expect_after(time);
        }
        bytes.push(point.token.bytes());
        let at = usize::from(tail.position);
        block
            .payload
            .get_mut(at..at + bytes.len)?
            .copy_from_slice(bytes.get());
        tail.position += bytes.len as u8;
        tail.count += 1;
        tail.disorder |= time <= newest;
        let base = block.base_time;
        tail.ahead = before.ahead_of(base).max(tail::distance(base, time));
        tail.behind = before.behind.max(tail::distance(time, base));
        Some(tail)
    }

    /// The tail with the point as the first of another block.
    fn with_block(&mut self, pool: &mut Pool, before: &Tail, point: &Point) -> Result<Tail, Full> {
        let number = pool.take().ok_or(Full::Bytes)?;
        self.blocks += 1;
        let mut tail = *before;
        if let Some(block) = pool.get_mut(before.block) {
            block.count = before.count;
            block.ahead = before.ahead_of(block.base_time);
            block.behind = before.behind;
            block.next = number;
            tail.disorder |= point.time <= before.newest();
            tail.odd = 0;
            if point.time != before.expected {
                unexpected(&mut tail, point.time);
                tail.odd = 1;
            }
        } else {
            tail.first = number;
        }
        let mut bytes = Bytes::default();
        if tail.ordered {
            bytes.varint(u64::from(point.read));
        }
        bytes.push(point.token.bytes());
        if let Some(block) = pool.get_mut(number) {
            block.payload[..bytes.len].copy_from_slice(bytes.get());
            block.base_time = point.time;
            block.mantissa = before.mantissa;
            (block.previous, block.next) = (before.block, NONE);
            block.step = tail.step;
            let escapes = u32::from(before.escapes) * ESCAPES_TIMED;
            block.set_form(
                before.scale,
                u32::from(before.count) < escapes,
                tail.ordered,
            );
        }
        tail.block = number;
        tail.blocks += 1;
        tail.position = bytes.len as u8;
        (tail.count, tail.noted, tail.escapes) = (1, 0, 0);
        (tail.ahead, tail.behind) = (0, 0);
        tail.expect_after(point.time);
        Ok(tail)
    }

    /// Count the points that leave a window or a block, and the first in another window.
    fn note(&mut self, (before, old): (&Tail, Option<i64>), tail: &mut Tail, window: i64) {
        let moved = old != Some(window);
        let same_block = tail.block == before.block;
        let aside = same_block && tail.expected == before.expected;
        if let Some(old) = old
            && (!same_block || (moved && !aside))
        {
            *self.windows.entry(old).or_default() += u64::from(before.count - before.noted);
            tail.noted = if same_block { before.count } else { 0 };
        }
        if moved {
            *self.windows.entry(window).or_default() += 1;
            tail.noted += 1;
        }
    }

    /// Until when points may take the quick way.
    fn set_quick(&self, pool: &Pool, before: &Tail, tail: &mut Tail) {
        let newest = tail.newest();
        let timed = pool.get(tail.block).is_some_and(Block::is_timed);
        if timed || tail.step == 0 {
            tail.quick_until = NEVER;
            return;
        }
        let start = before
            .quick_until
            .saturating_sub(self.options.window.millis());
        if newest < start || before.quick_until <= newest {
            tail.quick_until = tail::quick_until(self.options.window, newest);
        }
    }
}

/// What a point at another than the expected time means for those that follow; the step is then set.
/// One point alone changes little: a step must be seen twice, and one late point is taken as an
/// exception.
fn unexpected(tail: &mut Tail, time: i64) -> Jump {
    let newest = tail.newest();
    let again = tail.odd == tail.count;
    let last_gap = tail.gap;
    tail.odd = tail.count + 1;
    if time <= newest {
        tail.gap = 0;
        return if again && last_gap == 0 {
            Jump::Keep
        } else {
            Jump::Aside
        };
    }
    tail.gap = u32::try_from(time.wrapping_sub(newest) as u64).unwrap_or(0);
    let settled = tail.step == 0 || (again && tail.gap == last_gap);
    if settled && tail.gap > 0 {
        tail.step = tail.gap;
        Jump::Step
    } else {
        Jump::Keep
    }
}

/// The bytes of one point.
#[derive(Default)]
struct Bytes {
    bytes: [u8; POINT_BYTES_MAX],
    len: usize,
}

impl Bytes {
    fn push(&mut self, more: &[u8]) {
        self.bytes[self.len..self.len + more.len()].copy_from_slice(more);
        self.len += more.len();
    }

    fn varint(&mut self, number: u64) {
        match varint::short(number) {
            Some((word, len)) => self.push(&word.to_be_bytes()[..len]),
            None => {
                self.push(&[0xFE]);
                self.push(&number.to_be_bytes());
            }
        }
    }

    fn get(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}
