//! Points of several series as one list: by time, and of one time by value.
//!
//! Takes the columns of whole series and gives points, some at a time. Series of one step have points of
//! equal times: the heads of all series that have the least time come out at once, without a heap. Where
//! that finds few of many, a heap takes over.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

use super::merge::{Column, SeriesPoints, ordered};
use super::stream::{Point, Value};

/// The first `limit` points of a series, or the last where the order is descending.
pub fn limited(
    points: SeriesPoints<'_>,
    limit: Option<usize>,
    is_descending: bool,
) -> SeriesPoints<'_> {
    let count = points.len();
    let kept = limit.map_or(count, |limit| limit.min(count));
    match is_descending {
        true => stretch(points, count - kept..count),
        false => stretch(points, 0..kept),
    }
}

/// Some points of a series.
pub fn stretch(points: SeriesPoints<'_>, stretch: Range<usize>) -> SeriesPoints<'_> {
    let of = |values: &'_ [f64]| -> Range<usize> {
        let end = stretch.end.min(values.len());
        stretch.start.min(end)..end
    };
    SeriesPoints {
        times: points.times.get(stretch.clone()).unwrap_or_default(),
        values: match points.values {
            Column::Double(values) => Column::Double(&values[of(values)]),
            Column::Long(values) => Column::Long(&values[of(values)]),
            Column::Text { places, first } => Column::Text {
                places: &places[of(places)],
                first,
            },
        },
    }
}

/// A column, and how far it is.
struct Head<'a> {
    column: SeriesPoints<'a>,
    /// Points that came out.
    done: usize,
}

/// Joins series.
pub struct Joining<'a> {
    is_descending: bool,
    heads: Vec<Head<'a>>,
    /// Columns that have points left, and the time of the next of each, in the order in which they come
    /// out.
    active: Vec<u32>,
    next: Vec<i64>,
    /// The heads of one time.
    tied: Vec<(u64, u32)>,
    /// How much more was looked at than came out.
    wasted: usize,
    heap: Option<BinaryHeap<Reverse<(i64, u64, u32)>>>,
}

/// Looking at so many heads costs as much as one step of a heap.
const LOOKS_PER_STEP: usize = 64;
/// So many looks in vain, for each column, are borne before a heap is made.
const PATIENCE: usize = 64;

impl<'a> Joining<'a> {
    /// Begin. What is equal in time and value comes in the order of `series`.
    pub fn new(
        series: impl IntoIterator<Item = SeriesPoints<'a>>,
        is_descending: bool,
    ) -> Joining<'a> {
        let series = series.into_iter().filter(|it| !it.is_empty());
        let heads: Vec<Head> = series.map(|column| Head { column, done: 0 }).collect();
        let mut joining = Joining {
            is_descending,
            active: (0..heads.len() as u32).collect(),
            next: Vec::with_capacity(heads.len()),
            heads,
            tied: Vec::new(),
            wasted: 0,
            heap: None,
        };
        for head in &joining.heads {
            joining
                .next
                .push(order(head.time(is_descending), is_descending));
        }
        joining
    }

    /// The next points, `budget` of them at most, as a column, where one series alone has points left and
    /// they ascend.
    pub fn alone(&mut self, budget: usize) -> Option<SeriesPoints<'a>> {
        let [only] = self.active[..] else {
            return None;
        };
        if self.is_descending || self.heap.is_some() {
            return None;
        }
        let head = self.heads.get_mut(only as usize)?;
        let end = head.done.saturating_add(budget).min(head.column.len());
        let some = stretch(head.column, head.done..end);
        head.done = end;
        if head.is_done() {
            self.active.clear();
        }
        Some(some)
    }

    /// Append about `budget` points to `out`. True when that were all.
    pub fn step(&mut self, budget: usize, out: &mut Vec<Point>) -> bool {
        let enough = out.len().saturating_add(budget.max(1));
        while out.len() < enough {
            if self.heap.is_some() {
                if !self.step_heap(out) {
                    return true;
                }
            } else if let [only] = self.active[..] {
                let left = enough - out.len();
                if let Some(head) = self.heads.get_mut(only as usize) {
                    head.give(left, self.is_descending, out);
                    if head.is_done() {
                        self.active.clear();
                    }
                }
            } else if self.active.is_empty() {
                return true;
            } else {
                self.step_ties(out);
            }
        }
        false
    }

    /// The heads of the next time.
    fn step_ties(&mut self, out: &mut Vec<Point>) {
        let least = self.next.iter().copied().min().unwrap_or_default();
        self.tied.clear();
        for (place, &time) in self.next.iter().enumerate() {
            if time == least {
                self.tied.push((0, place as u32));
            }
        }
        let looked = self.next.len();
        if self.tied.len() > 1 {
            for (key, place) in &mut self.tied {
                let number = self
                    .active
                    .get(*place as usize)
                    .copied()
                    .unwrap_or_default();
                let head = self.heads.get(number as usize);
                *key = head.map_or(0, |head| head.key(self.is_descending));
            }
            self.tied.sort_unstable();
        }
        let mut ended = false;
        for &(_, place) in &self.tied {
            let place = place as usize;
            let number = self.active.get(place).copied().unwrap_or_default();
            let Some(head) = self.heads.get_mut(number as usize) else {
                continue;
            };
            head.give(1, self.is_descending, out);
            ended |= head.is_done();
            if !head.is_done()
                && let Some(next) = self.next.get_mut(place)
            {
                *next = order(head.time(self.is_descending), self.is_descending);
            }
        }
        self.wasted = (self.wasted + looked).saturating_sub(self.tied.len() * LOOKS_PER_STEP);
        if ended {
            // In their order, which decides what is equal.
            let mut kept = 0;
            for place in 0..self.active.len() {
                let number = self.active[place];
                if self
                    .heads
                    .get(number as usize)
                    .is_some_and(|it| !it.is_done())
                {
                    self.active[kept] = number;
                    self.next[kept] = self.next[place];
                    kept += 1;
                }
            }
            self.active.truncate(kept);
            self.next.truncate(kept);
        }
        if self.wasted > PATIENCE * looked {
            let heads = self.active.iter().filter_map(|&number| self.entry(number));
            self.heap = Some(heads.collect());
        }
    }

    fn step_heap(&mut self, out: &mut Vec<Point>) -> bool {
        let Some(heap) = &mut self.heap else {
            return false;
        };
        let Some(Reverse((_, _, number))) = heap.pop() else {
            return false;
        };
        if let Some(head) = self.heads.get_mut(number as usize) {
            head.give(1, self.is_descending, out);
        }
        let entry = self.entry(number);
        if let Some(heap) = &mut self.heap {
            heap.extend(entry);
        }
        true
    }

    /// The next point of a column, as the heap orders them.
    fn entry(&self, number: u32) -> Option<Reverse<(i64, u64, u32)>> {
        let head = self.heads.get(number as usize).filter(|it| !it.is_done())?;
        let time = order(head.time(self.is_descending), self.is_descending);
        Some(Reverse((time, head.key(self.is_descending), number)))
    }
}

impl Head<'_> {
    fn is_done(&self) -> bool {
        self.done == self.column.len()
    }

    /// Where the next point is.
    fn at(&self, is_descending: bool) -> usize {
        match is_descending {
            true => (self.column.len() - 1).saturating_sub(self.done),
            false => self.done,
        }
    }

    fn time(&self, is_descending: bool) -> i64 {
        let at = self.at(is_descending);
        self.column.times.get(at).copied().unwrap_or_default()
    }

    /// Orders points of one time: by their values as floats. Texts have no order.
    fn key(&self, is_descending: bool) -> u64 {
        let at = self.at(is_descending);
        let key = match self.column.values.value(at) {
            Some(Value::Double(value)) => ordered(value),
            Some(Value::Long(value)) => ordered(value as f64),
            Some(Value::Text(_) | Value::Null) | None => return 0,
        };
        if is_descending { !key } else { key }
    }

    /// Up to `count` points.
    fn give(&mut self, count: usize, is_descending: bool, out: &mut Vec<Point>) {
        let count = count.min(self.column.len() - self.done);
        if count == 1 {
            out.extend(self.column.point(self.at(is_descending)));
        } else if is_descending {
            let end = self.column.len() - self.done;
            out.extend(
                (end - count..end)
                    .rev()
                    .filter_map(|at| self.column.point(at)),
            );
        } else {
            out.extend((self.done..self.done + count).filter_map(|at| self.column.point(at)));
        }
        self.done += count;
    }
}

/// Smaller is what comes out first.
fn order(time: i64, is_descending: bool) -> i64 {
    if is_descending { !time } else { time }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;
    use crate::model::series::Values;

    struct Owned {
        times: Vec<i64>,
        values: Vec<f64>,
        kind: Values,
    }

    fn column(own: &Owned) -> SeriesPoints<'_> {
        let values = own.values.as_slice();
        SeriesPoints {
            times: &own.times,
            values: match own.kind {
                Values::Double => Column::Double(values),
                Values::Long => Column::Long(values),
                Values::Text => Column::Text {
                    places: values,
                    first: 7,
                },
            },
        }
    }

    fn number(point: &Point) -> f64 {
        match point.value {
            Value::Double(value) => value,
            Value::Long(value) => value as f64,
            Value::Text(_) | Value::Null => 0.0,
        }
    }

    /// All points in one list, sorted.
    fn naive(all: &[Owned], limit: Option<usize>, is_descending: bool) -> Vec<Point> {
        let mut points: Vec<(usize, Point)> = Vec::new();
        for (i, own) in all.iter().enumerate() {
            let column = limited(column(own), limit, is_descending);
            points.extend((0..column.len()).filter_map(|at| Some((i, column.point(at)?))));
        }
        points.sort_by(|(i, a), (j, b)| {
            let order = a.time.cmp(&b.time).then(number(a).total_cmp(&number(b)));
            let order = if is_descending {
                order.reverse()
            } else {
                order
            };
            order.then(i.cmp(j))
        });
        points.into_iter().map(|(_, point)| point).collect()
    }

    fn owned(random: &mut Random, spread: u64, are_texts: bool) -> Owned {
        let count = random.below(40) as usize;
        let mut times: Vec<i64> = (0..count)
            .map(|_| random.below(spread) as i64 - 20)
            .collect();
        times.sort_unstable();
        times.dedup();
        let kind = match are_texts {
            true => Values::Text,
            false => [Values::Double, Values::Long][random.below(2) as usize],
        };
        let value = |_: &i64| match kind {
            Values::Double => random.below(9) as f64 - 4.5,
            Values::Long => f64::from_bits((random.below(9) as i64 - 4) as u64),
            Values::Text => f64::from_bits(random.below(5)),
        };
        let values = times.iter().map(value).collect();
        Owned {
            times,
            values,
            kind,
        }
    }

    #[test]
    fn series_join_as_one_sorted_list() {
        for seed in 0..2_000 {
            let mut random = Random::new(seed);
            // With a wide spread few times are equal, and the heap comes to work.
            let spread = [30, 100, 1 << 40][random.below(3) as usize];
            let count = [0, 1, 2, 5, 200][random.below(5) as usize];
            let are_texts = random.chance(20);
            let own = |_| owned(&mut random, spread, are_texts);
            let all: Vec<Owned> = (0..count).map(own).collect();
            let is_descending = random.chance(50);
            let limit = random.chance(30).then(|| random.below(9) as usize + 1);
            let series = all
                .iter()
                .map(|own| limited(column(own), limit, is_descending));
            let mut joining = Joining::new(series, is_descending);
            let mut points = Vec::new();
            loop {
                let budget = random.below(50) as usize;
                let alone = random.chance(50).then(|| joining.alone(budget)).flatten();
                if let Some(column) = alone {
                    assert!(column.len() <= budget && !is_descending);
                    points.extend(column.points());
                } else if joining.step(budget, &mut points) {
                    break;
                }
            }
            assert_eq!(points, naive(&all, limit, is_descending), "seed {seed}");
        }
    }

    #[test]
    fn the_ends_of_time_are_times() {
        let own = |time: i64| Owned {
            times: vec![time],
            values: vec![1.5],
            kind: Values::Double,
        };
        let all = [own(i64::MAX), own(i64::MIN), own(0)];
        for is_descending in [false, true] {
            let mut joining = Joining::new(all.iter().map(column), is_descending);
            let mut joined = Vec::new();
            while !joining.step(1, &mut joined) {}
            assert_eq!(joined, naive(&all, None, is_descending));
        }
    }
}
