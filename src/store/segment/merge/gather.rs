//! Points of one series, one behind the other, on their way into runs.

use std::sync::Arc;

use crate::model::number::Number;
use crate::model::points::Duplicates;
use crate::store::segment::RUN_POINTS_MAX;
use crate::store::stretch::{Column, Stretch};

/// Values so far.
enum Values {
    Numbers(Vec<Number>),
    Longs(Vec<i64>),
    Texts(Vec<Arc<str>>),
}

/// Points in the order of (time, arrival), settled as they come.
pub(super) struct Gather {
    duplicates: Duplicates,
    times: Vec<i64>,
    stamps: Vec<u64>,
    values: Values,
    /// Whether any of them has a stamp of its own.
    stamped: bool,
    text_bytes: usize,
}

impl Gather {
    /// For a series with values as in `column`, and so many points of it soon.
    pub(super) fn like(column: &Column, points: usize, duplicates: Duplicates) -> Gather {
        let points = points.min(RUN_POINTS_MAX);
        let values = match column {
            Column::Decimal { .. } | Column::Float(_) => {
                Values::Numbers(Vec::with_capacity(points))
            }
            Column::Long(_) => Values::Longs(Vec::with_capacity(points)),
            Column::Text(_) => Values::Texts(Vec::with_capacity(points)),
        };
        Gather {
            duplicates,
            times: Vec::with_capacity(points),
            stamps: Vec::with_capacity(points),
            values,
            stamped: false,
            text_bytes: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.times.len()
    }

    /// Bytes of its texts.
    pub(super) fn text_bytes(&self) -> usize {
        self.text_bytes
    }

    pub(super) fn set_stamped(&mut self) {
        self.stamped = true;
    }

    /// Append the point at `place`, if there is one, which comes behind all others in time. Of equal times
    /// the later arrival counts, of equal arrivals this one: files may overlap in what they cover where
    /// logs of several shards went into them. `false` where its value is of another kind than theirs.
    pub(super) fn push(&mut self, from: &Stretch, place: usize, stamp: u64) -> bool {
        let Some(&time) = from.times.get(place) else {
            return true;
        };
        if self.duplicates == Duplicates::Last && self.times.last() == Some(&time) {
            if self.stamps.last().is_some_and(|&known| stamp < known) {
                return true;
            }
            self.pop();
        }
        let pushed = match (&mut self.values, &from.values) {
            (Values::Numbers(numbers), Column::Decimal { scale, mantissas }) => mantissas
                .get(place)
                .map(|&mantissa| numbers.push(Number::decimal(mantissa, *scale))),
            (Values::Numbers(numbers), Column::Float(floats)) => floats
                .get(place)
                .map(|&float| numbers.push(Number::float(float))),
            (Values::Longs(longs), Column::Long(others)) => {
                others.get(place).map(|&long| longs.push(long))
            }
            (Values::Texts(texts), Column::Text(others)) => others.get(place).map(|text| {
                self.text_bytes += text.len();
                texts.push(text.clone());
            }),
            _ => None,
        };
        if pushed.is_some() {
            self.times.push(time);
            self.stamps.push(stamp);
        }
        pushed.is_some()
    }

    fn pop(&mut self) {
        self.times.pop();
        self.stamps.pop();
        match &mut self.values {
            Values::Numbers(numbers) => drop(numbers.pop()),
            Values::Longs(longs) => drop(longs.pop()),
            Values::Texts(texts) => {
                let text = texts.pop();
                self.text_bytes -= text.map_or(0, |text| text.len());
            }
        }
    }

    /// Take the first `count` points, at most all, as a stretch.
    pub(super) fn take(&mut self, count: usize) -> Stretch {
        let count = count.min(self.len());
        let values = match &mut self.values {
            Values::Numbers(numbers) => column(numbers.drain(..count)),
            Values::Longs(longs) => Column::Long(longs.drain(..count).collect()),
            Values::Texts(texts) => {
                let taken: Vec<Arc<str>> = texts.drain(..count).collect();
                self.text_bytes -= taken.iter().map(|text| text.len()).sum::<usize>();
                Column::Text(taken)
            }
        };
        let stamps: Vec<u64> = self.stamps.drain(..count).collect();
        Stretch {
            times: self.times.drain(..count).collect(),
            stamps: if self.stamped { stamps } else { Vec::new() },
            values,
            duplicates: self.duplicates,
        }
    }
}

/// Numbers as decimals of the widest of their scales, if all have a place there; else as floats.
fn column(numbers: impl Iterator<Item = Number>) -> Column {
    let numbers: Vec<Number> = numbers.collect();
    let scale = numbers.iter().map(|number| number.scale).max().unwrap_or(0);
    let at_scale = |number: &Number| number.mantissa_at(scale).filter(|_| !number.is_float());
    match numbers.iter().map(at_scale).collect() {
        Some(mantissas) => Column::Decimal { scale, mantissas },
        None => Column::Float(numbers.iter().map(|number| number.to_f64()).collect()),
    }
}
