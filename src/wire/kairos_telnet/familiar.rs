//! Lines that came before with other numbers, one behind the other, on lanes.

use std::ops::Range;

use super::super::familiar::{Asked, Course, Familiar, Met, Numbers, Parts, behind};
use super::super::number::leading_decimal;
use super::{Kinds, SECONDS_BYTES, TIME_BYTES, Times, To, Usual};
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
    while let Some((next, shape)) = familiar.expected(&habit.course) {
        let Some(parts) = familiar.parts(shape) else {
            break;
        };
        let Some(line) = line::<L>(text, at, &parts, times) else {
            break;
        };
        if to.options.line_bytes_max < line.end - 1 - at {
            break;
        }
        let name = match shape.series(line.values) {
            Some(known) => known,
            None => {
                asked.push(familiar.ask(next, line.values, to.out.len()));
                let kind = kinds.of_values(line.values == Values::Double);
                to.sheet.again(parts.name, usize::from(shape.name), kind)
            }
        };
        to.out.push(name, line.time_ms, line.number);
        in_millis += usize::from(line.in_millis);
        (at, lines) = (line.end, lines + 1);
        habit.course.after = next;
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

/// The line at `at`, if it is the one with those parts.
#[inline(always)]
fn line<L: Lanes>(text: &[u8], at: usize, parts: &Parts, times: &mut Times) -> Option<Line> {
    let time = behind(text, at, parts.head)?;
    let in_millis = parts.head.get(3) == Some(&b'm');
    let end = match text.get(time + SECONDS_BYTES)? {
        b' ' => time + SECONDS_BYTES,
        _ => time + TIME_BYTES,
    };
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
