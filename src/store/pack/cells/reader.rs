//! Cells from their bytes, one after the other, whatever they are: the slow and plain way.

use super::super::Corrupt;
use super::super::cursor::Cursor;
use super::record::{Record, Shape, Told};
use super::{ALIKE, Before, CONSTANT, CellTimes, FLOAT, NEXT};
use crate::base::time::{Millis, Step};

/// Reads the cells of one series.
pub(super) struct Reader<'a> {
    pub(super) cursor: Cursor<'a>,
    pub(super) step_ms: i64,
    pub(super) before: Before,
    is_first: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8], base: Millis, step: Step) -> Reader<'a> {
        Reader {
            cursor: Cursor(bytes),
            step_ms: step.millis(),
            before: Before::new(base, step),
            is_first: true,
        }
    }

    pub(super) fn next(&mut self) -> Result<Option<Record>, Corrupt> {
        let Some((head, index, shape)) = self.begin()? else {
            return Ok(None);
        };
        let told = match head & FLOAT {
            0 => Told::take_decimals(
                &mut self.cursor,
                head & 0x0F,
                head & CONSTANT != 0,
                shape.count,
            )?,
            _ => Told::take_floats(&mut self.cursor)?,
        };
        Record::placed(index, self.step_ms, shape, told).map(Some)
    }

    /// The next cell without its values, which are passed.
    pub(super) fn next_times(&mut self) -> Result<Option<CellTimes>, Corrupt> {
        let Some((head, index, shape)) = self.begin()? else {
            return Ok(None);
        };
        Told::pass(&mut self.cursor, head & FLOAT != 0, head & CONSTANT != 0)?;
        let (first_ms, last_ms) = shape.ends(index, self.step_ms)?;
        Ok(Some(CellTimes {
            count: shape.count,
            first_ms,
            last_ms,
            is_even: shape.is_even,
        }))
    }

    /// What stands in front of the values of the next cell: its head, index and shape.
    #[inline]
    fn begin(&mut self) -> Result<Option<(u8, i64, Shape)>, Corrupt> {
        if self.cursor.is_empty() {
            return Ok(None);
        }
        let cursor = &mut self.cursor;
        let head = cursor.byte()?;
        let distance = if head & NEXT != 0 {
            1
        } else {
            cursor.signed()?
        };
        let index = self.before.index.wrapping_add(distance);
        if !self.is_first && index <= self.before.index {
            return Err(Corrupt("cells are out of order"));
        }
        let shape = match head & ALIKE {
            0 => take_shape(cursor)?,
            _ => self.before.shape,
        };
        if head & FLOAT != 0 && head & !(FLOAT | NEXT | ALIKE) != 0 {
            return Err(Corrupt("a cell of floats has a scale or is constant"));
        }
        self.is_first = false;
        self.before = Before { index, shape };
        Ok(Some((head, index, shape)))
    }
}

fn take_shape(cursor: &mut Cursor<'_>) -> Result<Shape, Corrupt> {
    let count = cursor.varint()?;
    let (start_ms, _) = take_span(cursor)?;
    let (span_ms, is_long) = take_span(cursor)?;
    // Points that are evenly spaced say so by the longer of two ways to write the same.
    let gaps = count.saturating_sub(1);
    let may_be_even = span_ms.is_multiple_of(1000) && gaps > 0 && span_ms.is_multiple_of(gaps);
    Ok(Shape {
        count,
        start_ms,
        span_ms,
        is_even: gaps == 0 || is_long && may_be_even,
    })
}

/// Milliseconds, and whether whole seconds were written as such.
fn take_span(cursor: &mut Cursor<'_>) -> Result<(u64, bool), Corrupt> {
    let code = cursor.varint()?;
    let span_ms = match code & 1 {
        0 => Some(code >> 1),
        _ => (code >> 1).checked_mul(1000),
    };
    span_ms
        .map(|span_ms| (span_ms, code & 1 == 0))
        .ok_or(Corrupt::TIME)
}
