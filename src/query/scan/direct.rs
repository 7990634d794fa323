//! Pieces of a series become evenly spaced values, or what they come to bucket by bucket, without a list of
//! points between: the way of most series, most of the time.
//!
//! It gives what [`Slotting`](crate::query::graphite::slots::Slotting) gives of the points, which is its slow
//! twin: where a piece overlaps what was taken before, or two pieces have points in one slot, it refuses, and
//! the points have to be put in order first.

use std::ops::Range;

use crate::base::time::Millis;
use crate::model::points::Points;
use crate::query::graphite::slots::{self, Slotted};
use crate::query::summary::{Summary, Summing};
use crate::simd::{Lanes, Scanner, Work};
use crate::store::direct::{Piece, Taker};
use crate::store::generation::{Even, Portion};
use crate::store::pack::{Cells, PART_POINTS, Part, Parts};

/// Who gets the values of slots, in their order.
#[derive(Debug)]
enum Sink {
    Slots(Slots),
    Sums(Box<Summing>),
}

/// Above so many slots all are null before one is put: to null a gap of more would take too long at once.
const NULLED_LATER_MAX: usize = 50_000;

/// Values by their slots.
#[derive(Debug)]
struct Slots {
    /// What is behind those that were put may be anything.
    values: Vec<f64>,
    put: usize,
    count: usize,
}

impl Slots {
    /// Values from `slot` to `end` will be put, and those in front of them are there or null.
    fn room(&mut self, slot: usize, end: usize) -> Option<&mut [f64]> {
        if self.put < slot {
            self.values.get_mut(self.put..slot)?.fill(f64::NAN);
        }
        self.put = self.put.max(end);
        self.values.get_mut(slot..end)
    }
}

impl Sink {
    /// The values of `slot` and of those behind it, `stride` slots apart.
    fn put(&mut self, slot: usize, stride: usize, values: &[f64]) {
        let slots = match self {
            Sink::Sums(summing) => return summing.put(slot, stride, values),
            Sink::Slots(slots) => slots,
        };
        let more = values.len().saturating_sub(1).saturating_mul(stride);
        let end = slot.saturating_add(more).saturating_add(1).min(slots.count);
        if stride == 1 {
            let room = slots.room(slot, end).unwrap_or_default();
            room.iter_mut()
                .zip(values)
                .for_each(|(slot, &value)| *slot = value);
        } else if slots.room(end, end).is_some() {
            let room = slots.values.get_mut(slot..end).unwrap_or_default();
            let places = room.iter_mut().step_by(stride.max(1));
            places.zip(values).for_each(|(slot, &value)| *slot = value);
        }
    }
}

/// Slotting straight from pieces.
pub(super) struct Direct {
    start_s: i64,
    step_s: i64,
    slots: usize,
    sink: Sink,
    /// Time and slot of the last point that was taken.
    taken: Option<(i64, usize)>,
    /// Whether the last piece was one of memory.
    in_memory: bool,
    /// The last value: it may still be replaced, by a point of the same piece.
    last: Option<Last>,
    /// Points and cells that were taken.
    count: usize,
    /// Memory for what sums come to.
    memory: Vec<f64>,
    room: Box<Room>,
}

/// Where parts are unpacked, and values are summed up.
pub(super) struct Room {
    times: [u64; PART_POINTS],
    codes: [u64; PART_POINTS],
    values: [f64; PART_POINTS],
    summing: Option<Box<Summing>>,
}

impl Default for Room {
    fn default() -> Room {
        Room {
            times: [0; PART_POINTS],
            codes: [0; PART_POINTS],
            values: [0.0; PART_POINTS],
            summing: None,
        }
    }
}

#[derive(Clone, Copy)]
struct Last {
    slot: usize,
    stamp: u64,
    value: f64,
}

impl Direct {
    /// Nothing yet of the values from `from_s` (exclusive) to `until_s` (inclusive).
    pub(super) fn new(
        step_s: i64,
        (from_s, until_s): (i64, i64),
        summary: Option<Summary>,
        (mut memory, mut room): (Vec<f64>, Box<Room>),
    ) -> Direct {
        let step_s = step_s.max(1);
        let (start_s, count) = slots::span(step_s, from_s, until_s);
        let slots = usize::try_from(count).unwrap_or(usize::MAX);
        let sink = match (summary, room.summing.take()) {
            (Some(summary), Some(mut summing)) => {
                memory.clear();
                summing.again(summary, start_s, step_s, slots);
                Sink::Sums(summing)
            }
            (Some(summary), None) => {
                memory.clear();
                let summing = Summing::new(summary, start_s, step_s, slots);
                Sink::Sums(Box::new(summing))
            }
            (None, _) => {
                let mut values = std::mem::take(&mut memory);
                let is_long = NULLED_LATER_MAX < slots;
                values.truncate(if is_long { 0 } else { slots });
                // Without the room the list grows as lists do.
                let _ = values.try_reserve(slots - values.len());
                Sink::Slots(Slots {
                    values,
                    put: if is_long { slots } else { 0 },
                    count: slots,
                })
            }
        };
        Direct {
            start_s,
            step_s,
            slots,
            sink,
            taken: None,
            in_memory: false,
            last: None,
            count: 0,
            memory,
            room,
        }
    }

    /// Values that will come out of it.
    pub(super) fn values(&self) -> usize {
        match &self.sink {
            Sink::Slots(slots) => slots.count,
            Sink::Sums(summing) => summing.buckets(),
        }
    }

    /// Memory for the next.
    pub(super) fn into_room(self) -> Box<Room> {
        let mut room = self.room;
        if let Sink::Sums(summing) = self.sink {
            room.summing = Some(summing);
        }
        room
    }

    /// Points and cells that were taken so far.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// The times of the points that it is about, first and last.
    pub(super) fn range(&self) -> (Millis, Millis) {
        let length = i64::try_from(self.slots).unwrap_or(i64::MAX);
        let end_s = self
            .start_s
            .saturating_add(self.step_s.saturating_mul(length));
        let last = Millis::from_seconds(end_s).0.saturating_sub(1);
        (Millis::from_seconds(self.start_s), Millis(last))
    }

    /// Make some of the room that is needed before anything is taken. True when all is there.
    pub(super) fn make_room(&mut self, budget: &mut usize) -> bool {
        match &mut self.sink {
            Sink::Sums(summing) => summing.make_room(budget),
            Sink::Slots(Slots { values, count, .. }) => {
                let some = budget.saturating_mul(4).min(*count - values.len());
                values.resize(values.len() + some, f64::NAN);
                *budget = budget.saturating_sub(some / 4);
                values.len() == *count
            }
        }
    }

    /// All was taken: finish some of the values; `out` has those before them. True when all are there.
    pub(super) fn finish(&mut self, budget: &mut usize, out: &mut Slotted) -> bool {
        self.flush();
        match &mut self.sink {
            Sink::Slots(slots) => {
                slots.room(slots.count, slots.count);
                let values = &mut slots.values;
                *out = Slotted {
                    start: self.start_s,
                    step: self.step_s,
                    values: std::mem::take(values),
                };
                true
            }
            Sink::Sums(summing) => {
                if out.values.is_empty() {
                    out.values = std::mem::take(&mut self.memory);
                }
                summing.finish(budget, out)
            }
        }
    }

    #[inline]
    fn slot_of(&self, time_ms: i64) -> usize {
        slot_of(self.start_s, self.step_s, time_ms)
    }

    /// The value of the last slot stands.
    fn flush(&mut self) {
        if let Some(last) = self.last.take() {
            self.sink.put(last.slot, 1, &[last.value]);
        }
    }

    /// Whether a piece whose first point is at `first_ms` simply follows what was taken so far.
    fn follows(&self, first_ms: i64) -> bool {
        self.taken
            .is_none_or(|(time, slot)| time < first_ms && slot < self.slot_of(first_ms))
    }

    fn take_part(&mut self, part: &Part<'_>, (from, until): (Millis, Millis)) -> Option<usize> {
        let step_ms = self.step_s.saturating_mul(1000);
        let is_inside = from.0 <= part.first_ms() && part.last_ms() <= until.0;
        let stride = part.gap_ms().filter(|_| is_inside && 1 < part.count());
        let stride = stride.and_then(|gap| {
            let gap = i64::try_from(gap).ok()?;
            let stride = gap / step_ms;
            (0 < stride && gap % step_ms == 0).then_some(stride as usize)
        });
        if let Some(stride) = stride {
            let count = part.count();
            let slot = self.slot_of(part.first_ms());
            if self.last.is_some_and(|last| last.slot < slot) {
                self.flush();
            } else if self.last.is_some() && part.is_stamped() {
                return None;
            }
            let end = slot.saturating_add(stride.saturating_mul(count - 1));
            let last = match &mut self.sink {
                Sink::Slots(slots) if stride == 1 => {
                    let values = slots.room(slot, slot.saturating_add(count))?;
                    part.floats(0..count, &mut self.room.codes, values).ok()?;
                    *values.last()?
                }
                sink => {
                    let room = &mut *self.room;
                    let values = room.values.get_mut(..count)?;
                    part.floats(0..count, &mut room.codes, values).ok()?;
                    let (&last, before) = values.split_last()?;
                    sink.put(slot, stride, before);
                    last
                }
            };
            self.hold(part.last_ms(), end, 0, last);
            return Some(count);
        }
        let room = &mut *self.room;
        let wanted = part.times(from, until, &mut room.times).ok()?;
        let values = room.values.get_mut(..wanted.len())?;
        part.floats(wanted.clone(), &mut room.codes, values).ok()?;
        for (i, place) in wanted.clone().enumerate() {
            let time = *self.room.times.get(place)? as i64;
            let slot = self.slot_of(time);
            if self.last.is_some_and(|last| last.slot == slot) {
                if part.is_stamped() {
                    return None;
                }
            } else {
                self.flush();
            }
            let value = *self.room.values.get(i)?;
            self.hold(time, slot, 0, value);
        }
        Some(wanted.len())
    }

    fn hold(&mut self, time: i64, slot: usize, stamp: u64, value: f64) {
        self.last = Some(Last { slot, stamp, value });
        self.taken = Some((time, slot));
    }

    fn take_run(&mut self, run: &[u8], base: Millis, range: (Millis, Millis)) -> Option<usize> {
        let mut parts = Parts::new(run, base).ok()?;
        let (mut points, mut is_first) = (0, true);
        while let Some(part) = parts.next_part().ok()? {
            if range.1.0 < part.first_ms() {
                break;
            }
            if part.last_ms() < range.0.0 {
                continue;
            }
            if is_first {
                let first = part.first_ms().max(range.0.0);
                // Of a part that reaches beyond the range the first point inside is not known yet.
                if !self.follows(first) {
                    return None;
                }
                is_first = false;
            }
            points += self.take_part(&part, range)?;
        }
        Some(points)
    }

    #[inline(always)]
    fn take_cells<L: Lanes>(
        &mut self,
        mut cells: Cells<'_>,
        (from, until): (Millis, Millis),
        cell_ms: i64,
    ) -> Option<usize> {
        let step_ms = self.step_s.saturating_mul(1000);
        let end_ms = until.0.saturating_add(cell_ms);
        let (start_s, step_s) = (self.start_s, self.step_s);
        // Nothing of this piece can replace what came before.
        self.flush();
        let Sink::Sums(summing) = &mut self.sink else {
            return None;
        };
        let value = summing.cell_value();
        // Slots from cell to cell, which no slot lies across.
        let stride = usize::try_from(cell_ms / step_ms).ok()?;
        let mut count = 0;
        while let Some(cell) = cells.next_cell::<L>().ok()? {
            let times = cell.times();
            if end_ms <= times.first_ms {
                break;
            }
            let is_inside = from.0 <= times.first_ms;
            let slot = slot_of(start_s, step_s, times.first_ms);
            let mut last_slot = slot_of(start_s, step_s, times.last_ms);
            if is_inside {
                let is_apart = times.count == 1 || step_ms.unsigned_abs() <= times.gap_ms()?;
                let follows = |(time, last): (i64, usize)| time < times.first_ms && last < slot;
                if !is_apart || !self.taken.is_none_or(follows) {
                    return None;
                }
                summing.put_cell(slot, &cell);
                self.taken = Some((times.last_ms, last_slot));
                count += 1;
            }
            // Those of the same kind behind it, where they are all outside as this is, or all inside and as
            // far apart.
            let Some(value) = value.filter(|_| !is_inside || last_slot < slot + stride) else {
                continue;
            };
            let end = if is_inside { end_ms } else { from.0 };
            let (mut slot, mut first_ms, mut last_ms) = (slot, times.first_ms, times.last_ms);
            loop {
                // Cells that begin before `end`.
                let more = end.saturating_sub(first_ms).saturating_sub(1) / cell_ms;
                let more = usize::try_from(more).unwrap_or(0).min(PART_POINTS);
                let room = self.room.values.get_mut(..more)?;
                let taken = cells.alike::<L>(value, room).ok()?;
                let Some(ms) = i64::try_from(taken).ok().filter(|&taken| 0 < taken) else {
                    break;
                };
                (first_ms, last_ms) = (first_ms + ms * cell_ms, last_ms + ms * cell_ms);
                if is_inside {
                    let values = room.get(..taken).unwrap_or_default();
                    summing.put_cells((slot + stride, stride), times.count, values);
                    (slot, last_slot) = (slot + taken * stride, last_slot + taken * stride);
                    self.taken = Some((last_ms, last_slot));
                    count += taken;
                }
            }
        }
        Some(count)
    }

    fn take_recent(&mut self, portion: &Portion<'_>) -> Option<usize> {
        let first_ms = match portion {
            Portion::Even(even) => even.first_ms,
            Portion::Points(points, stretch) => *points.times.get(stretch.start)?,
        };
        // Of those of memory it is known that they follow each other.
        if !std::mem::replace(&mut self.in_memory, true) && !self.follows(first_ms) {
            return None;
        }
        match portion {
            Portion::Even(even) => self.take_even(even),
            Portion::Points(points, stretch) => {
                self.take_each(points, stretch.clone())?;
                Some(stretch.len())
            }
        }
    }

    fn take_even(&mut self, even: &Even<'_>) -> Option<usize> {
        let &Even {
            first_ms,
            gap_ms,
            stamps: (earliest, latest),
            values,
        } = even;
        let slot = self.slot_of(first_ms);
        match self.last {
            // The stamps of those between are not known, so not which of them came before it.
            Some(last) if last.slot == slot && earliest < last.stamp => return None,
            Some(last) if last.slot == slot => self.last = None,
            _ => self.flush(),
        }
        let (&last, before) = values.split_last()?;
        let step_ms = self.step_s.saturating_mul(1000);
        let is_late = first_ms < self.start_s.saturating_mul(1000);
        let time = |i: usize| first_ms.saturating_add(gap_ms.saturating_mul(i as i64));
        if is_late || gap_ms < step_ms || gap_ms % step_ms != 0 {
            let mut slot = slot;
            for (i, &value) in before.iter().enumerate() {
                let next = self.slot_of(time(i + 1));
                if slot < next {
                    self.sink.put(slot, 1, &[value]);
                }
                slot = next;
            }
            self.hold(time(before.len()), slot, latest, last);
            return Some(values.len());
        }
        let stride = usize::try_from(gap_ms / step_ms).ok()?;
        self.sink.put(slot, stride, before);
        let end = slot.checked_add(stride.checked_mul(before.len())?)?;
        self.hold(time(before.len()), end, latest, last);
        Some(values.len())
    }

    fn take_each(&mut self, points: &Points, stretch: Range<usize>) -> Option<()> {
        for i in stretch {
            let (time, stamp) = (*points.times.get(i)?, *points.stamps.get(i)?);
            let slot = self.slot_of(time);
            match self.last {
                Some(last) if last.slot == slot => {
                    if stamp < last.stamp {
                        continue;
                    }
                }
                _ => self.flush(),
            }
            let value = *points.values.get(i)?;
            self.hold(time, slot, stamp, value);
        }
        Some(())
    }
}

/// The slot of a time, of those from `start_s` on; 0 for earlier times.
#[inline(always)]
fn slot_of(start_s: i64, step_s: i64, time_ms: i64) -> usize {
    let ahead = time_ms.saturating_sub(start_s.saturating_mul(1000)).max(0);
    let slot = match step_s {
        // No division by a number that is not known before.
        1 => ahead / 1000,
        step_s => ahead / step_s.saturating_mul(1000),
    };
    usize::try_from(slot).unwrap_or(usize::MAX)
}

/// [`Direct::take_cells`], on lanes.
struct TakingCells<'a> {
    direct: &'a mut Direct,
    cells: Cells<'a>,
    range: (Millis, Millis),
    cell_ms: i64,
}

impl Work for TakingCells<'_> {
    type Output = Option<usize>;

    #[inline(always)]
    fn run<L: Lanes>(self) -> Option<usize> {
        let (range, cell_ms) = (self.range, self.cell_ms);
        self.direct.take_cells::<L>(self.cells, range, cell_ms)
    }
}

impl Taker for Direct {
    fn take(&mut self, piece: Piece<'_>) -> Option<usize> {
        let count = match piece {
            Piece::Run { run, base, range } => self.take_run(run, base, range),
            Piece::Cells {
                cells,
                base,
                step,
                range,
            } => Scanner::widest().run(TakingCells {
                direct: self,
                cells: Cells::new(cells, base, step),
                range,
                cell_ms: step.millis(),
            }),
            Piece::Recent(portion) => self.take_recent(&portion),
        };
        self.count += count.unwrap_or(0);
        count
    }

    fn takes_cells(&self, cell_ms: i64) -> bool {
        match &self.sink {
            Sink::Slots(_) => false,
            Sink::Sums(summing) => summing.takes_cells(cell_ms),
        }
    }
}
