//! The times of one group. Even ones that go on as those before them take no byte.

use super::Corrupt;
use super::bits::{self, CODES_MAX, Codes};
use super::cursor::{Cursor, push_signed};
use super::integers::{apply_patches, patched, push_patches, take_patches};
use crate::base::varint;

/// One step behind the point before, and at that step.
pub(super) const CONTINUED: u8 = 0;
/// Even; all in seconds.
pub(super) const EVEN_SECONDS: u8 = 1;
/// Even; in milliseconds.
pub(super) const EVEN: u8 = 2;
/// Any.
pub(super) const UNEVEN: u8 = 3;

/// In the byte of an uneven group's width: patches follow.
const PATCHED: u8 = 0x80;

/// Where the times of a run have come to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    base_ms: i64,
    /// Time of the last point, if there was one.
    last_ms: Option<i64>,
    step_ms: u64,
    /// Whether equal times may follow each other.
    all: bool,
}

/// How one group's times are to be written.
#[derive(Clone, Copy, Debug)]
pub(super) enum Plan {
    /// As they go on.
    Continued,
    /// At a step of its own.
    Even(u64),
    /// One by one.
    Uneven,
}

impl Plan {
    /// The two bits of it in the head of a group.
    pub(super) fn mode(self, clock: &Clock, times: &[i64]) -> u8 {
        match self {
            Plan::Continued => CONTINUED,
            Plan::Even(step) if clock.is_in_seconds(times[0], step) => EVEN_SECONDS,
            Plan::Even(_) => EVEN,
            Plan::Uneven => UNEVEN,
        }
    }
}

impl Clock {
    pub(super) fn new(base_ms: i64, all: bool) -> Clock {
        Clock {
            base_ms,
            last_ms: None,
            step_ms: 0,
            all,
        }
    }

    pub(super) fn last_ms(&self) -> Option<i64> {
        self.last_ms
    }

    pub(super) fn step_ms(&self) -> u64 {
        self.step_ms
    }

    /// How to write the next `times`, at least one.
    pub(super) fn plan(&self, times: &[i64]) -> Plan {
        let step = match times {
            [first, second, ..] => distance(*first, *second),
            _ => 0,
        };
        if times
            .windows(2)
            .any(|pair| distance(pair[0], pair[1]) != step)
        {
            return Plan::Uneven;
        }
        if self.is_continued(times[0], (times.len() > 1).then_some(step)) {
            return Plan::Continued;
        }
        Plan::Even(step)
    }

    /// Whether a group that starts at `first` with `step` goes on as the times before it.
    pub(super) fn is_continued(&self, first: i64, step: Option<u64>) -> bool {
        let gap = self.last_ms.map(|last| distance(last, first));
        gap == Some(self.step_ms) && step.is_none_or(|step| step == self.step_ms)
    }

    /// How far a group's first time is from what it is told from.
    fn start(&self, first: i64) -> u64 {
        match self.last_ms {
            Some(last) => distance(last, first),
            None => varint::zigzag(first.wrapping_sub(self.base_ms)),
        }
    }

    pub(super) fn is_in_seconds(&self, first: i64, step: u64) -> bool {
        let start = match self.last_ms {
            Some(last) => distance(last, first).is_multiple_of(1000),
            None => first.wrapping_sub(self.base_ms) % 1000 == 0,
        };
        start && step.is_multiple_of(1000)
    }

    /// Append where an even group starts, and its step.
    pub(super) fn write_even(&self, first: i64, step: u64, out: &mut Vec<u8>) {
        if !self.is_in_seconds(first, step) {
            varint::push(self.start(first), out);
            return varint::push(step, out);
        }
        match self.last_ms {
            Some(last) => varint::push(distance(last, first) / 1000, out),
            None => push_signed(first.wrapping_sub(self.base_ms) / 1000, out),
        }
        varint::push(step / 1000, out);
    }

    /// Append where an uneven group starts; what [`write_uneven`] appends follows.
    pub(super) fn write_start(&self, first: i64, out: &mut Vec<u8>) {
        varint::push(self.start(first), out);
    }

    /// Go behind a group.
    pub(super) fn pass(&mut self, last_ms: i64, step_ms: u64) {
        self.last_ms = Some(last_ms);
        self.step_ms = step_ms;
    }

    /// Take the times of the group of `count` points at the cursor, and go behind it. Gives them, and
    /// what follows their start and step.
    pub(super) fn take<'a>(
        &mut self,
        cursor: &mut Cursor<'a>,
        mode: u8,
        count: usize,
    ) -> Result<(Times<'a>, &'a [u8]), Corrupt> {
        let mut times = Times {
            first_ms: 0,
            last_ms: 0,
            step_ms: self.step_ms,
            uneven: None,
        };
        let mut start = 0;
        match mode {
            CONTINUED => {}
            EVEN_SECONDS if self.last_ms.is_some() => {
                start = seconds(cursor.varint()?)?;
                times.step_ms = seconds(cursor.varint()?)?;
            }
            EVEN_SECONDS => {
                let distance = cursor.signed()?.checked_mul(1000).ok_or(Corrupt::TIME)?;
                start = varint::zigzag(distance);
                times.step_ms = seconds(cursor.varint()?)?;
            }
            _ => {
                start = cursor.varint()?;
                if mode == EVEN {
                    times.step_ms = cursor.varint()?;
                }
            }
        }
        let body = cursor.0;
        times.first_ms = match (self.last_ms, mode) {
            (Some(last), CONTINUED) => later(last, self.step_ms)?,
            (None, CONTINUED) => return Err(Corrupt("the first group has no time")),
            (Some(last), _) => later(last, start)?,
            (None, _) => self.base_ms.wrapping_add(varint::unzigzag(start)),
        };
        if mode == UNEVEN {
            let uneven = Uneven::take(cursor, count)?;
            times.step_ms = uneven.unit_ms;
            times.last_ms = later(times.first_ms, uneven.span_ms)?;
            times.uneven = Some(uneven);
        } else {
            let span = times.step_ms.checked_mul(count as u64 - 1);
            times.last_ms = later(times.first_ms, span.ok_or(Corrupt::TIME)?)?;
        }
        let stands = self.last_ms == Some(times.first_ms) || (count > 1 && times.step_ms == 0);
        if stands && !self.all {
            return Err(Corrupt::TIME);
        }
        self.pass(times.last_ms, times.step_ms);
        Ok((times, body))
    }
}

/// From an earlier time to a later one.
#[inline]
fn distance(from: i64, to: i64) -> u64 {
    to.wrapping_sub(from) as u64
}

fn later(time_ms: i64, by_ms: u64) -> Result<i64, Corrupt> {
    time_ms.checked_add_unsigned(by_ms).ok_or(Corrupt::TIME)
}

fn seconds(number: u64) -> Result<u64, Corrupt> {
    number.checked_mul(1000).ok_or(Corrupt::TIME)
}

/// Append the distances of uneven `times`, at least two. Gives their unit.
pub(super) fn write_uneven(times: &[i64], out: &mut Vec<u8>) -> u64 {
    let mut codes = [0; CODES_MAX];
    for (code, pair) in codes.iter_mut().zip(times.windows(2)) {
        *code = distance(pair[0], pair[1]);
    }
    let count = times.len() - 1;
    let codes_used = &mut codes[..count];
    let unit = unit(codes_used);
    codes_used.iter_mut().for_each(|code| *code /= unit);
    let least = codes_used.iter().copied().min().unwrap_or(0);
    codes_used.iter_mut().for_each(|code| *code -= least);
    varint::push(unit, out);
    varint::push(distance(times[0], times[count]) / unit, out);
    varint::push(least, out);
    let most = codes_used.iter().copied().max().unwrap_or(0);
    let plain = bits::width(most);
    let patched = patched(codes_used).filter(|(_, len)| *len < bits::len(count, plain));
    let width = patched.map_or(plain, |(width, _)| width);
    out.push(width as u8 | if patched.is_some() { PATCHED } else { 0 });
    bits::pack(&mut codes, count, width, out);
    if patched.is_some() {
        push_patches(&codes[..count], width, out);
    }
    unit
}

/// What all `distances` are multiples of: the shortest of them, else a second, else a millisecond.
fn unit(distances: &[u64]) -> u64 {
    let shortest = distances
        .iter()
        .copied()
        .filter(|&distance| distance > 0)
        .min();
    let mut units = [shortest.unwrap_or(1), 1000].into_iter();
    let divides = |&unit: &u64| {
        distances
            .iter()
            .all(|distance| distance.is_multiple_of(unit))
    };
    units.find(divides).unwrap_or(1)
}

/// Distances that differ.
#[derive(Clone, Copy, Debug)]
struct Uneven<'a> {
    unit_ms: u64,
    span_ms: u64,
    least: u64,
    width: u32,
    packed: &'a [u8],
    patches: &'a [u8],
}

impl<'a> Uneven<'a> {
    fn take(cursor: &mut Cursor<'a>, count: usize) -> Result<Uneven<'a>, Corrupt> {
        let unit_ms = cursor.varint()?;
        let span_ms = cursor.varint()?.checked_mul(unit_ms).ok_or(Corrupt::TIME)?;
        let least = cursor.varint()?;
        let byte = cursor.byte()?;
        let width = u32::from(byte & !PATCHED);
        if count < 2 || width > 64 || unit_ms == 0 {
            return Err(Corrupt::TIME);
        }
        let packed = cursor.bytes(bits::len(count - 1, width))?;
        let patches = match byte & PATCHED {
            0 => &[][..],
            _ => take_patches(cursor, count - 1, width)?,
        };
        Ok(Uneven {
            unit_ms,
            span_ms,
            least,
            width,
            packed,
            patches,
        })
    }

    /// The times, into the first `count` places; gives the last.
    fn unpack(&self, first_ms: i64, count: usize, room: &mut Codes) -> Result<i64, Corrupt> {
        bits::unpack(self.packed, count - 1, self.width, room);
        apply_patches(self.patches, self.width, room);
        let mut last = first_ms;
        let Some((end, codes)) = room[..count].split_last_mut() else {
            return Err(Corrupt::TIME);
        };
        for code in codes {
            let steps = code.checked_add(self.least).ok_or(Corrupt::TIME)?;
            *code = last as u64;
            last = later(last, steps.checked_mul(self.unit_ms).ok_or(Corrupt::TIME)?)?;
        }
        *end = last as u64;
        Ok(last)
    }
}

/// The times of one group as they are written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times<'a> {
    pub(super) first_ms: i64,
    pub(super) last_ms: i64,
    pub(super) step_ms: u64,
    uneven: Option<Uneven<'a>>,
}

impl Times<'_> {
    pub(super) fn is_even(&self) -> bool {
        self.uneven.is_none()
    }

    /// The times of an even group.
    #[inline(always)]
    pub(super) fn even(&self, count: usize) -> impl Iterator<Item = i64> {
        let (first, step) = (self.first_ms, self.step_ms as i64);
        (0..count as i64).map(move |i| first.wrapping_add(step.wrapping_mul(i)))
    }

    /// The bits of the times, into the first `count` places; ascending, equal ones only where `all`.
    pub(super) fn unpack(&self, all: bool, count: usize, room: &mut Codes) -> Result<(), Corrupt> {
        let count = count.min(CODES_MAX);
        let Some(uneven) = &self.uneven else {
            let even = self.even(count);
            room.iter_mut()
                .zip(even)
                .for_each(|(time, even)| *time = even as u64);
            return Ok(());
        };
        let last_ms = uneven.unpack(self.first_ms, count, room)?;
        let stands = !all && room[..count].windows(2).any(|pair| pair[0] == pair[1]);
        if stands || last_ms != self.last_ms {
            return Err(Corrupt::TIME);
        }
        Ok(())
    }
}
