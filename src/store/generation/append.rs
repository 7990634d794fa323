//! The points that do not simply continue their series.

use super::pool::{Block, NONE, Pool};
use super::tail::{self, Chain, NEVER, Series, Tail};
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
        let mut before = self.tails.series(id);
        if before.tail.is_blank() {
            before.tail.ordered = self.options.ordered || self.kept.contains(id.0);
        }
        let mut last = before.tail.last();
        let mut token = Token::new(&mut last, value);
        let mut point = Point { time, read, token };
        let old = (!before.tail.is_blank()).then(|| before.tail.window(self.options.window));
        let window = self.window_of(old, time);
        self.check_window(old, window)?;
        let extended = self.extended(pool, &before, &point);
        let mut series = match extended {
            Some(series) => series,
            None => {
                // Each block starts with a value that is told from no other: where the log has lost
                // something, the series can be told again from there on.
                if !before.tail.is_blank() {
                    let scale = before.tail.scale;
                    let wide = value.mantissa_at(scale).filter(|_| !value.is_float());
                    let same = wide.map(|mantissa| Number::decimal(mantissa, scale));
                    token = Token::alone(&mut last, same.unwrap_or(value));
                    point.token = token;
                }
                self.with_block(pool, &before, &point)?
            }
        };
        if before.tail.is_blank() {
            series.tail.number = numbers[id.0 as usize];
            self.series += 1;
        }
        series.tail.set_last(last);
        series.tail.read = read;
        self.note((&before, old), &mut series, window);
        self.set_quick(pool, &before, &mut series);
        self.points += 1;
        self.tails.set(id, &series);
        Ok(Entry {
            number: series.tail.number,
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

    /// The series with the point in its last block, if that has room.
    fn extended(&self, pool: &mut Pool, before: &Series, point: &Point) -> Option<Series> {
        let block = pool.get_mut(before.tail.block)?;
        if block.is_ordered() != before.tail.ordered {
            // From here on points tell their reads: another block.
            return None;
        }
        let (mut series, mut bytes) = (*before, Bytes::default());
        let (tail, chain) = (&mut series.tail, &mut series.chain);
        if tail.ordered {
            bytes.varint(u64::from(point.read.wrapping_sub(tail.read)));
        }
        let (time, expected, newest) = (point.time, tail.expected, tail.newest());
        let far = varint::zigzag(time.wrapping_sub(expected));
        if block.is_timed() {
            bytes.varint(far);
            chain.escapes += u8::from(time != expected);
            tail.expected = after_timed(expected, i64::from(tail.step), time);
        } else if time != expected {
            let jump = unexpected(tail, chain, time);
            bytes.push(&[MARK, jump as u8]);
            bytes.varint(far);
            chain.escapes += 1;
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
        let room = block.payload.get_mut(at..at + bytes.len)?;
        room.copy_from_slice(bytes.get());
        before.tail.settle(block);
        tail.position += bytes.len as u8;
        tail.hold(block);
        tail.count += 1;
        chain.disorder |= time <= newest;
        let base = block.base_time;
        chain.ahead = before.ahead_of(base).max(tail::distance(base, time));
        chain.behind = before.chain.behind.max(tail::distance(time, base));
        Some(series)
    }

    /// The series with the point as the first of another block.
    fn with_block(
        &mut self,
        pool: &mut Pool,
        before: &Series,
        point: &Point,
    ) -> Result<Series, Full> {
        let number = pool.take().ok_or(Full::Bytes)?;
        self.blocks += 1;
        let mut series = *before;
        let (tail, chain) = (&mut series.tail, &mut series.chain);
        if let Some(block) = pool.get_mut(before.tail.block) {
            before.tail.settle(block);
            block.count = before.tail.count;
            block.ahead = before.ahead_of(block.base_time);
            block.behind = before.chain.behind;
            if before.chain.escapes == 0 && !block.is_timed() {
                block.set_even();
            }
            block.next = number;
            chain.disorder |= point.time <= before.tail.newest();
            chain.odd = 0;
            if point.time != before.tail.expected {
                unexpected(tail, chain, point.time);
                chain.odd = 1;
            }
        } else {
            chain.first = number;
        }
        let mut bytes = Bytes::default();
        if tail.ordered {
            bytes.varint(u64::from(point.read));
        }
        bytes.push(point.token.bytes());
        if let Some(block) = pool.get_mut(number) {
            block.payload[..bytes.len].copy_from_slice(bytes.get());
            block.base_time = point.time;
            block.mantissa = before.tail.mantissa;
            (block.previous, block.next) = (before.tail.block, NONE);
            block.step = tail.step;
            let escapes = u32::from(before.chain.escapes) * ESCAPES_TIMED;
            block.set_form(
                before.tail.scale,
                u32::from(before.tail.count) < escapes,
                tail.ordered,
            );
            tail.position = bytes.len as u8;
            tail.hold(block);
        }
        tail.block = number;
        tail.count = 1;
        chain.blocks += 1;
        (chain.noted, chain.escapes) = (0, 0);
        (chain.ahead, chain.behind) = (0, 0);
        tail.expect_after(point.time);
        Ok(series)
    }

    /// Count the points that leave a window or a block, and the first in another window.
    fn note(&mut self, (before, old): (&Series, Option<i64>), series: &mut Series, window: i64) {
        let moved = old != Some(window);
        let (tail, noted) = (&series.tail, &mut series.chain.noted);
        let same_block = tail.block == before.tail.block;
        let aside = same_block && tail.expected == before.tail.expected;
        if let Some(old) = old
            && (!same_block || (moved && !aside))
        {
            let count = before.tail.count;
            *self.windows.entry(old).or_default() += u64::from(count - before.chain.noted);
            *noted = if same_block { count } else { 0 };
        }
        if moved {
            *self.windows.entry(window).or_default() += 1;
            *noted += 1;
        }
    }

    /// Until when points may take the quick way.
    fn set_quick(&self, pool: &Pool, before: &Series, series: &mut Series) {
        let (before, tail) = (&before.tail, &mut series.tail);
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
fn unexpected(tail: &mut Tail, chain: &mut Chain, time: i64) -> Jump {
    let newest = tail.newest();
    let again = chain.odd == tail.count;
    let last_gap = chain.gap;
    chain.odd = tail.count + 1;
    if time <= newest {
        chain.gap = 0;
        return if again && last_gap == 0 {
            Jump::Keep
        } else {
            Jump::Aside
        };
    }
    chain.gap = u32::try_from(time.wrapping_sub(newest) as u64).unwrap_or(0);
    let settled = tail.step == 0 || (again && chain.gap == last_gap);
    if settled && chain.gap > 0 {
        tail.step = chain.gap;
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
