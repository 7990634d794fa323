//! Lines that came before with other numbers, one behind the other, on lanes.

use std::ops::Range;

use super::super::familiar::{Asked, Course, Familiar, Met, Numbers, Shape, behind};
use super::super::number::leading_decimal;
use super::{Kinds, Times, To, Usual};
use crate::model::number::Number;
use crate::model::series::Values;
use crate::simd::Lanes;

/// Chunks of a connection in no order, after which it is seen whether it has come to keep one: to look costs
/// more than to read.
const LOST_CHUNKS: u32 = 64;

/// What is known of a connection's lines.
#[derive(Clone, Copy, Debug, Default)]
pub struct Habit {
    course: Course,
    /// Chunks since it was lost.
    lost: u32,
}

impl Habit {
    /// Whether lines are to be looked at as familiar ones.
    pub(super) fn begin(&mut self, familiar: &Familiar) -> bool {
        if familiar.begin(&mut self.course) {
            return true;
        }
        self.lost += 1;
        if LOST_CHUNKS <= self.lost {
            self.lost = 0;
            self.course.look_again();
        }
        false
    }

    /// How many lines were read as familiar ones, and how many were looked for.
    #[cfg(test)]
    pub(super) fn counts(&self) -> (u32, u32) {
        self.course.counts()
    }

    /// Whether it has none, by now.
    pub(super) fn is_lost(&self) -> bool {
        self.course.is_lost()
    }
}

/// Read the familiar lines of `text` from `start` on, and give the place behind them. Of samples whose series
/// is not known `asked` is told.
#[inline(always)]
pub(super) fn read<L: Lanes>(
    familiar: &mut Familiar,
    text: &[u8],
    start: usize,
    habit: &mut Habit,
    times: &mut Times,
    asked: &mut Vec<Asked>,
    to: &mut To,
) -> usize {
    let kinds = Kinds::of(to.options.charset);
    let (mut at, mut lines, mut in_millis) = (start, 0, 0);
    let mut expected = familiar.expected(&habit.course);
    while let Some((next, shape)) = expected {
        // No closure: it would not be compiled for the lanes, and be called for each line.
        let line = match short_line::<L>(familiar, text, at, shape, times) {
            Some(line) => line,
            None => match any_line::<L>(familiar, text, at, shape, times) {
                Some(line) => line,
                None => break,
            },
        };
        if to.options.line_bytes_max < line.end - 1 - at {
            break;
        }
        let name = match shape.series(line.values) {
            Some(known) => known,
            None => {
                let Some(name) = familiar.name(shape) else {
                    break;
                };
                asked.push(familiar.ask(next, line.values, to.out.len()));
                let kind = kinds.of_values(line.values == Values::Double);
                to.sheet.again(name, usize::from(shape.name), kind)
            }
        };
        to.out.push(name, line.time_ms, line.number);
        in_millis += usize::from(line.in_millis);
        (at, lines) = (line.end, lines + 1);
        habit.course.after = next;
        expected = familiar.next_of(shape);
    }
    to.counts.putm += in_millis;
    familiar.has_read(lines, &mut habit.course);
    at
}

/// A familiar line.
struct Line {
    in_millis: bool,
    time_ms: i64,
    values: Values,
    number: Number,
    /// Behind its newline.
    end: usize,
}

/// The line at `at`, if it is the one of `shape`, which is short, and more stands behind it. Most are.
#[inline(always)]
fn short_line<L: Lanes>(
    familiar: &Familiar,
    text: &[u8],
    at: usize,
    shape: &Shape,
    times: &mut Times,
) -> Option<Line> {
    let blocks = familiar.blocks(shape)?;
    blocks.begins::<L>(text, at)?;
    let time = at + usize::from(shape.head);
    let time = text.get(time..time + usize::from(shape.time))?;
    let in_millis = blocks.front[3] == b'm';
    let time_ms = times.time_ms(time, in_millis)?;
    let (values, number, end) = leading_decimal::<L>(text, at + blocks.value_at)?;
    Some(Line {
        in_millis,
        time_ms,
        values,
        number,
        end: blocks.behind::<L>(text, end)?,
    })
}

/// The same of any line.
#[inline(always)]
fn any_line<L: Lanes>(
    familiar: &Familiar,
    text: &[u8],
    at: usize,
    shape: &Shape,
    times: &mut Times,
) -> Option<Line> {
    let parts = familiar.parts(shape)?;
    let time = behind(text, at, parts.head)?;
    let end = time + usize::from(shape.time);
    let in_millis = parts.head.get(3) == Some(&b'm');
    let time_ms = times.time_ms(text.get(time..end)?, in_millis)?;
    let value = behind(text, end, parts.middle)?;
    let (values, number, end) = leading_decimal::<L>(text, value)?;
    Some(Line {
        in_millis,
        time_ms,
        values,
        number,
        end: behind(text, end, parts.tail)?,
    })
}

/// Remember the line `text[place]`, its newline included, which is `point` and has that name.
pub(super) fn meet(
    familiar: &mut Familiar,
    text: &[u8],
    place: Range<usize>,
    point: &Usual,
    name: &[u8],
    habit: &mut Habit,
) {
    let start = place.start;
    let time = [point.metric_end + 1 - start, point.time_end - start];
    let value = [point.time_end + 1 - start, point.end - start];
    let met = Met {
        text: text.get(place).unwrap_or_default(),
        numbers: Numbers::TimeValue(time, value),
        kind: None,
        name,
    };
    familiar.meet(&met, &mut habit.course);
}
