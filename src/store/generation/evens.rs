//! What memory holds of a series in a range, for whoever needs no list of points: evenly spaced stretches of
//! values, and points only where there are none.
//!
//! Taken block by block and generation by generation, and given back as parts in that order. Whether parts
//! follow each other in the order of time is not known before [`Evens::is_in_order`] is asked. Twin: the list
//! of points that [`Reading::step`](super::Reading::step) makes.

use std::ops::Range;

use super::unpack::{Stride, Unpacked};
use crate::base::time::Millis;
use crate::model::points::Points;
use crate::store::pack::decimals;

/// Values that lie equally far apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Even<'a> {
    /// Time of the first.
    pub first_ms: i64,
    /// From one to the next, more than 0; of one alone anything.
    pub gap_ms: i64,
    /// When the first and the last arrived. Those between arrived between, one after the other.
    pub stamps: (u64, u64),
    /// At least one.
    pub values: &'a [f64],
}

/// Some points.
#[derive(Clone, Debug, PartialEq)]
pub enum Portion<'a> {
    /// Evenly spaced ones.
    Even(Even<'a>),
    /// Those of a stretch, sorted by (time, stamp).
    Points(&'a Points, Range<usize>),
}

/// Points of a series in memory.
#[derive(Debug, Default)]
pub struct Evens {
    parts: Vec<Part>,
    /// Of all stretches, one behind the other.
    values: Vec<f64>,
    points: Points,
    given: Given,
}

#[derive(Clone, Copy, Debug)]
enum Part {
    Stretch(Stretch),
    /// So many points.
    Points(usize),
}

#[derive(Clone, Copy, Debug)]
struct Stretch {
    first_ms: i64,
    gap_ms: i64,
    stamps: (u64, u64),
    count: usize,
}

/// How many were given back: parts, and of the next of them; values and points of all.
#[derive(Clone, Copy, Debug, Default)]
struct Given {
    parts: usize,
    inside: usize,
    values: usize,
    points: usize,
}

impl Stretch {
    /// When the value behind so many comes.
    fn time(&self, behind: usize) -> i64 {
        let ahead = self.gap_ms.saturating_mul(behind as i64);
        self.first_ms.saturating_add(ahead)
    }

    /// Go on with another stretch, if that simply goes on.
    fn join(&mut self, next: &Stretch) -> bool {
        let gap = next.first_ms.saturating_sub(self.time(self.count - 1));
        let fits = |other: &Stretch| other.count == 1 || other.gap_ms == gap;
        let joins = 0 < gap && fits(self) && fits(next);
        if joins {
            self.gap_ms = gap;
            self.count += next.count;
            self.stamps.1 = next.stamps.1;
        }
        joins
    }
}

impl Evens {
    /// Forget all, keep the memory.
    pub fn clear(&mut self) {
        self.parts.clear();
        self.values.clear();
        self.points.clear();
        self.given = Given::default();
    }

    /// Append those points of a block within a range, ends included, that is not timed and has decimals of
    /// one scale; `is_inside` says that these are all. `stamp` gives the stamp of a point by its place.
    pub(super) fn extend(
        &mut self,
        block: &Unpacked,
        scale: u8,
        (range, is_inside): ((Millis, Millis), bool),
        stamp: impl Fn(usize) -> u64,
    ) {
        for (stride, end) in block.strides() {
            let Range { start, end } = if is_inside {
                stride.start..end
            } else {
                within(&stride, end, range)
            };
            if end <= start {
                continue;
            }
            let steps = (start - stride.start) as i64;
            let stretch = Stretch {
                first_ms: stride.time.wrapping_add(stride.step.wrapping_mul(steps)),
                gap_ms: stride.step,
                stamps: (stamp(start), stamp(end - 1)),
                count: end - start,
            };
            let before = self.values.len();
            self.values.resize(before + stretch.count, 0.0);
            let mantissas = block.mantissas().get(start..end).unwrap_or_default();
            let bits = mantissas.iter().map(|&mantissa| mantissa as u64);
            decimals(bits, scale, &mut self.values[before..]);
            let joins = match self.parts.last_mut() {
                Some(Part::Stretch(last)) => last.join(&stretch),
                _ => false,
            };
            if !joins {
                self.parts.push(Part::Stretch(stretch));
            }
        }
    }

    /// Where points go that are not evenly spaced. [`Evens::note_points`] must be told of them.
    pub(super) fn points(&mut self) -> &mut Points {
        &mut self.points
    }

    /// So many more points are there.
    pub(super) fn note_points(&mut self, more: usize) {
        if more == 0 {
            return;
        }
        match self.parts.last_mut() {
            Some(Part::Points(count)) => *count += more,
            _ => self.parts.push(Part::Points(more)),
        }
    }

    /// Whether all points come in the order of (time, stamp).
    pub fn is_in_order(&self) -> bool {
        let (mut points, mut last) = (0, None);
        let parts = self.parts.iter().all(|part| {
            let (first, end) = match *part {
                Part::Stretch(stretch) => {
                    let Stretch {
                        first_ms, stamps, ..
                    } = stretch;
                    let last_ms = stretch.time(stretch.count - 1);
                    ((first_ms, stamps.0), (last_ms, stamps.1))
                }
                Part::Points(count) => {
                    let ends = (self.key(points), self.key(points + count - 1));
                    points += count;
                    let (Some(first), Some(end)) = ends else {
                        return false;
                    };
                    (first, end)
                }
            };
            last.replace(end).is_none_or(|last| last <= first)
        });
        parts && (self.points.is_empty() || self.points.is_sorted_from(0))
    }

    fn key(&self, place: usize) -> Option<(i64, u64)> {
        let time = *self.points.times.get(place)?;
        Some((time, *self.points.stamps.get(place)?))
    }

    /// The next ones, about `most` of them. `None` when all are given.
    pub fn next(&mut self, most: usize) -> Option<Portion<'_>> {
        let part = *self.parts.get(self.given.parts)?;
        let count = match part {
            Part::Stretch(Stretch { count, .. }) | Part::Points(count) => count,
        };
        let begin = self.given.inside;
        let some = most.max(1).min(count - begin);
        let is_end = begin + some == count;
        self.given.inside = if is_end { 0 } else { begin + some };
        self.given.parts += usize::from(is_end);
        match part {
            Part::Stretch(stretch) => {
                let start = self.given.values;
                self.given.values += some;
                let (earliest, latest) = stretch.stamps;
                Some(Portion::Even(Even {
                    first_ms: stretch.time(begin),
                    gap_ms: stretch.gap_ms,
                    // Of those between only this is known.
                    stamps: (earliest, if is_end { latest } else { earliest }),
                    values: self.values.get(start..start + some)?,
                }))
            }
            Part::Points(_) => {
                let start = self.given.points;
                self.given.points += some;
                Some(Portion::Points(&self.points, start..start + some))
            }
        }
    }
}

/// The places of a stretch of a block, which ends at `end`, whose times lie in a range.
fn within(stride: &Stride, end: usize, (from, until): (Millis, Millis)) -> Range<usize> {
    let Stride { start, time, step } = *stride;
    let count = end.saturating_sub(start);
    let step = step.max(1);
    // Of those at `time + step * i`: the first from `from` on, and the first behind `until`.
    let ahead = |of: i64| {
        of.saturating_sub(time)
            .saturating_add(step - 1)
            .div_euclid(step)
    };
    let place = |ahead: i64| usize::try_from(ahead.max(0)).unwrap_or(count).min(count);
    let first = place(ahead(from.0));
    let behind = place(ahead(until.0.saturating_add(1)));
    start + first..start + behind.max(first)
}
