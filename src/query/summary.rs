//! Values become one for each stretch of time: what `summarize` does, wherever it is done.
//!
//! A shard that holds a series alone does it beside the points, and sends a value for each minute instead of
//! one for each second; where a file has kept sums of minutes already ([`Cell`]), it does not even look at
//! the points. What comes out is the same but for the last places of sums: those of points are added in
//! order, as graphite-web adds them, those of cells are exact for decimals.

use std::fmt;

use super::breath::Pace;
use super::error::QueryError;
use super::graphite::functions::aggregation::Aggregation;
use super::graphite::slots::Slotted;
use crate::store::pack::{Cell, CellValue};

/// How the values of a series become one for each stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Summary {
    width_s: i64,
    from_start: bool,
    aggregation: Aggregation,
    /// A float's bits, so that summaries can be told apart.
    x_files_factor: u64,
}

impl Summary {
    /// Stretches of `width_s` seconds, at least 1, aligned to the epoch, or to the series where
    /// `from_start`. `None` where the aggregation must see all values at once.
    pub fn new(
        width_s: i64,
        from_start: bool,
        aggregation: Aggregation,
        x_files_factor: f64,
    ) -> Option<Summary> {
        let folds = match aggregation {
            Aggregation::Average
            | Aggregation::AverageZero
            | Aggregation::Count
            | Aggregation::Last
            | Aggregation::Maximum
            | Aggregation::Minimum
            | Aggregation::Range
            | Aggregation::Sum => true,
            Aggregation::Difference
            | Aggregation::Median
            | Aggregation::Product
            | Aggregation::StandardDeviation => false,
        };
        (folds && 0 < width_s).then_some(Summary {
            width_s,
            from_start,
            aggregation,
            x_files_factor: x_files_factor.to_bits(),
        })
    }

    /// Whether the sums of stretches are whole numbers.
    pub fn gives_integers(&self) -> bool {
        self.aggregation.gives_integers(false)
    }

    /// The stretches of a series from `start` to `end`, seconds since the epoch.
    pub fn buckets(&self, start: i64, end: i64) -> Buckets {
        if self.from_start {
            Buckets::between(start, end, self.width_s)
        } else {
            Buckets::around(start, end, self.width_s)
        }
    }

    /// Evenly spaced values become what they come to, in pieces.
    ///
    /// # Errors
    /// As [`Pace::did`].
    pub async fn of(&self, slotted: &Slotted, pace: &Pace<'_>) -> Result<Slotted, QueryError> {
        let mut summing = Summing::new(*self, slotted.start, slotted.step, slotted.values.len());
        while !summing.make_room(&mut PIECE.clone()) {
            pace.did(PIECE / 4).await?;
        }
        for (i, some) in slotted.values.chunks(PIECE).enumerate() {
            summing.put(i * PIECE, 1, some);
            pace.did(some.len()).await?;
        }
        let mut values = Vec::with_capacity(summing.buckets());
        while values.len() < summing.buckets() {
            summing.finish_some(PIECE, &mut values);
            pace.did(PIECE / 4).await?;
        }
        Ok(summing.slotted(values))
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let aggregation = format!("{:?}", self.aggregation).to_lowercase();
        write!(f, "{aggregation} of each {} s", self.width_s)
    }
}

/// Values that are summed up in one go.
const PIECE: usize = 1_000;

/// Stretches of time of equal width, one behind the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buckets {
    /// Seconds since the epoch at which the first begins.
    pub start: i64,
    /// Seconds, at least 1.
    pub width_s: i64,
    /// How many.
    pub count: u64,
}

impl Buckets {
    /// As many as are needed to get from `start` to `end`, both in seconds since the epoch.
    pub fn between(start: i64, end: i64, width_s: i64) -> Buckets {
        let width_s = width_s.max(1);
        let length = u64::try_from(end.saturating_sub(start)).unwrap_or(0);
        Buckets {
            start,
            width_s,
            count: length.div_ceil(width_s.unsigned_abs()),
        }
    }

    /// Those of the epoch, from the one that `start` lies in to the one that `end` lies in.
    pub fn around(start: i64, end: i64, width_s: i64) -> Buckets {
        let width_s = width_s.max(1);
        let floor = |at: i64| at.saturating_sub(at.rem_euclid(width_s));
        let end = floor(end).saturating_add(width_s);
        Buckets::between(floor(start), end, width_s)
    }
}

/// What the values of one bucket say so far.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    present: u64,
    /// Sum; or the last; or the greatest.
    total: f64,
    /// What sums of cells have lost by rounding; or the least.
    other: f64,
}

/// Summing up under way: values come in the order of their time, by the slots of the series.
#[derive(Debug)]
pub struct Summing {
    summary: Summary,
    buckets: Buckets,
    count: usize,
    /// Of the series.
    start: i64,
    step: i64,
    slots: usize,
    sums: Vec<Bucket>,
    /// The bucket of the last value, and the first slot behind it.
    place: usize,
    place_end: usize,
    /// Slots of a bucket, where all have as many.
    per_bucket: Option<usize>,
}

impl Summing {
    /// Nothing yet of a series with so many `slots` from `start` on, `step` seconds apart.
    pub fn new(summary: Summary, start: i64, step: i64, slots: usize) -> Summing {
        let step = step.max(1);
        let length = i64::try_from(slots).unwrap_or(i64::MAX);
        let end = start.saturating_add(step.saturating_mul(length));
        let buckets = summary.buckets(start, end);
        let mut summing = Summing {
            summary,
            buckets,
            count: usize::try_from(buckets.count).unwrap_or(usize::MAX),
            start,
            step,
            slots,
            sums: Vec::new(),
            place: 0,
            place_end: 0,
            per_bucket: None,
        };
        let (width, step) = (buckets.width_s, summing.step);
        let is_even = width % step == 0 && (start - buckets.start) % step == 0;
        summing.per_bucket = is_even.then(|| usize::try_from(width / step).unwrap_or(usize::MAX));
        summing.place_end = summing.first_slot(1);
        summing
    }

    /// The same for another series, in the memory of this one.
    pub fn again(&mut self, summary: Summary, start: i64, step: i64, slots: usize) {
        let mut sums = std::mem::take(&mut self.sums);
        sums.clear();
        *self = Summing {
            sums,
            ..Summing::new(summary, start, step, slots)
        };
    }

    /// How many buckets there are.
    pub fn buckets(&self) -> usize {
        self.count
    }

    /// Whether what a step of `cell_ms` of its points says can be put in as it is: all of it lies in one
    /// bucket, and each slot in one cell.
    pub fn takes_cells(&self, cell_ms: i64) -> bool {
        let of_cells = |seconds: i64| seconds.saturating_mul(1000) % cell_ms.max(1) == 0;
        of_cells(self.buckets.width_s)
            && of_cells(self.buckets.start)
            && cell_ms % self.step.saturating_mul(1000) == 0
    }

    /// Make some of the room that is needed before anything is put in, and take what it cost from the
    /// budget. True when all is there.
    pub fn make_room(&mut self, budget: &mut usize) -> bool {
        let some = budget.saturating_mul(4).min(self.count - self.sums.len());
        let (total, other) = match self.summary.aggregation {
            Aggregation::Maximum => (f64::NEG_INFINITY, 0.0),
            Aggregation::Minimum => (f64::INFINITY, 0.0),
            Aggregation::Range => (f64::NEG_INFINITY, f64::INFINITY),
            _ => (0.0, 0.0),
        };
        let empty = Bucket {
            present: 0,
            total,
            other,
        };
        self.sums.resize(self.sums.len() + some, empty);
        *budget = budget.saturating_sub(some / 4);
        self.sums.len() == self.count
    }

    /// First slot whose time is not before the `place`th bucket.
    fn first_slot(&self, place: usize) -> usize {
        let place = i64::try_from(place).unwrap_or(i64::MAX);
        let begins = place.saturating_mul(self.buckets.width_s);
        let begins = self.buckets.start.saturating_add(begins);
        let ahead = begins.saturating_sub(self.start).max(0).unsigned_abs();
        let slots = ahead.div_ceil(self.step.unsigned_abs());
        usize::try_from(slots).unwrap_or(usize::MAX)
    }

    /// Go on to the bucket of `slot`, which is not before the last.
    #[inline(always)]
    fn go_to(&mut self, slot: usize) {
        if slot < self.place_end {
            return;
        }
        if let Some(next_end) = self
            .per_bucket
            .and_then(|it| self.place_end.checked_add(it))
            && slot < next_end
        {
            self.place += 1;
            self.place_end = next_end;
            return;
        }
        let slot_s = i64::try_from(slot).unwrap_or(i64::MAX);
        let time = self.start.saturating_add(self.step.saturating_mul(slot_s));
        let ahead = time.saturating_sub(self.buckets.start) / self.buckets.width_s;
        self.place = usize::try_from(ahead).unwrap_or(usize::MAX);
        self.place_end = self.first_slot(self.place.saturating_add(1));
    }

    /// Put in the values of `slot` and of those behind it, `stride` slots apart; NaN is null.
    pub fn put(&mut self, mut slot: usize, stride: usize, mut values: &[f64]) {
        let stride = stride.max(1);
        while !values.is_empty() {
            self.go_to(slot);
            let inside = (self.place_end - slot)
                .div_ceil(stride)
                .clamp(1, values.len());
            let (some, rest) = values.split_at(inside);
            if let Some(bucket) = self.sums.get_mut(self.place) {
                bucket.put(self.summary.aggregation, some);
            }
            slot = slot.saturating_add(inside.saturating_mul(stride));
            values = rest;
        }
    }

    /// Which one of the numbers that cells tell is enough. `None` where several are needed.
    pub fn cell_value(&self) -> Option<CellValue> {
        match self.summary.aggregation {
            Aggregation::Maximum => Some(CellValue::Max),
            Aggregation::Minimum => Some(CellValue::Min),
            Aggregation::Last => Some(CellValue::Last),
            Aggregation::Range => None,
            _ => Some(CellValue::Sum),
        }
    }

    /// Put in a cell whose first point lies in `slot`, and whose points all lie in slots of their own.
    #[inline(always)]
    pub fn put_cell(&mut self, slot: usize, cell: &Cell) {
        let points = cell.times().count;
        match self.summary.aggregation {
            Aggregation::Maximum => self.put_cells((slot, 0), points, &[cell.max()]),
            Aggregation::Minimum => self.put_cells((slot, 0), points, &[cell.min()]),
            Aggregation::Last => self.put_cells((slot, 0), points, &[cell.last()]),
            Aggregation::Range => {
                self.go_to(slot);
                if let Some(bucket) = self.sums.get_mut(self.place) {
                    // A file may say anything.
                    bucket.present = bucket.present.saturating_add(points);
                    bucket.total = bucket.total.max(cell.max());
                    bucket.other = bucket.other.min(cell.min());
                }
            }
            _ => self.put_cells((slot, 0), points, &[cell.sum()]),
        }
    }

    /// The same for cells of which each has so many points, and the first point of each lies `stride` slots
    /// behind that of the one before: by what [`Summing::cell_value`] says of them, where it says one.
    #[inline(always)]
    pub fn put_cells(&mut self, slots: (usize, usize), points: u64, values: &[f64]) {
        match self.summary.aggregation {
            Aggregation::Maximum => self.put_each(slots, points, values, |bucket, value| {
                bucket.total = bucket.total.max(value);
            }),
            Aggregation::Minimum => self.put_each(slots, points, values, |bucket, value| {
                bucket.total = bucket.total.min(value);
            }),
            Aggregation::Last => self.put_each(slots, points, values, |bucket, value| {
                bucket.total = value;
            }),
            Aggregation::Range | Aggregation::Count => {
                self.put_each(slots, points, values, |_, _| {});
            }
            _ => self.put_each(slots, points, values, |bucket, value| {
                // As in the rows of a sum (Knuth, 4.2.2, theorem B).
                let before = bucket.total;
                let sum = before + value;
                let part = sum - before;
                bucket.other += (before - (sum - part)) + (value - part);
                bucket.total = sum;
            }),
        }
    }

    #[inline(always)]
    fn put_each(
        &mut self,
        (mut slot, stride): (usize, usize),
        points: u64,
        values: &[f64],
        put: impl Fn(&mut Bucket, f64),
    ) {
        for &value in values {
            self.go_to(slot);
            if let Some(bucket) = self.sums.get_mut(self.place) {
                // A file may say anything.
                bucket.present = bucket.present.saturating_add(points);
                put(bucket, value);
            }
            slot = slot.saturating_add(stride);
        }
    }

    /// Finish some of the values, and take what that cost from the budget; `out` has those before them. True
    /// when all are there.
    pub fn finish(&self, budget: &mut usize, out: &mut Slotted) -> bool {
        let mut values = std::mem::take(&mut out.values);
        let before = values.len();
        values.reserve_exact(self.count.saturating_sub(before));
        self.finish_some(budget.saturating_mul(4), &mut values);
        *budget = budget.saturating_sub((values.len() - before) / 4);
        *out = self.slotted(values);
        out.values.len() == self.count
    }

    /// Append what the next buckets come to, `some` at most; `values` has those before them.
    pub fn finish_some(&self, some: usize, values: &mut Vec<f64>) {
        let first = values.len();
        let sums = self.sums.get(first..).unwrap_or_default();
        let sums = sums.get(..some).unwrap_or(sums);
        let mean = |bucket: &Bucket| (bucket.total + bucket.other) / bucket.present as f64;
        match self.summary.aggregation {
            Aggregation::Average => self.finish_each(sums, values, |_, bucket| mean(bucket)),
            Aggregation::AverageZero => self.finish_each(sums, values, |place, bucket| {
                let end = self.first_slot(first + place + 1).min(self.slots);
                let looked_at = end - self.first_slot(first + place).min(end);
                (bucket.total + bucket.other) / looked_at as f64
            }),
            Aggregation::Count => {
                self.finish_each(sums, values, |_, bucket| bucket.present as f64);
            }
            Aggregation::Range => {
                self.finish_each(sums, values, |_, bucket| bucket.total - bucket.other);
            }
            Aggregation::Sum => {
                self.finish_each(sums, values, |_, bucket| bucket.total + bucket.other);
            }
            _ => self.finish_each(sums, values, |_, bucket| bucket.total),
        }
    }

    #[inline(always)]
    fn finish_each(
        &self,
        sums: &[Bucket],
        values: &mut Vec<f64>,
        value: impl Fn(usize, &Bucket) -> f64,
    ) {
        let room = self.buckets.width_s as f64 / self.step as f64;
        let share = f64::from_bits(self.summary.x_files_factor);
        values.extend(sums.iter().enumerate().map(|(place, bucket)| {
            let too_few = 0.0 < share && bucket.present as f64 / room < share;
            if bucket.present == 0 || too_few {
                f64::NAN
            } else {
                value(place, bucket)
            }
        }));
    }

    /// The values, which [`Summing::finish_some`] has given, in their place.
    pub fn slotted(&self, values: Vec<f64>) -> Slotted {
        Slotted {
            start: self.buckets.start,
            step: self.buckets.width_s,
            values,
        }
    }
}

impl Bucket {
    fn put(&mut self, aggregation: Aggregation, values: &[f64]) {
        let (mut present, mut total, mut other) = (0u64, self.total, self.other);
        for &value in values.iter().filter(|value| !value.is_nan()) {
            present += 1;
            match aggregation {
                Aggregation::Maximum => total = total.max(value),
                Aggregation::Minimum => total = total.min(value),
                Aggregation::Last => total = value,
                Aggregation::Range => {
                    total = total.max(value);
                    other = other.min(value);
                }
                Aggregation::Count => {}
                _ => total += value,
            }
        }
        self.present = self.present.saturating_add(present);
        (self.total, self.other) = (total, other);
    }
}
