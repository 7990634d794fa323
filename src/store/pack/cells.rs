//! Cells of one series: what the points of each step of time say, in a few bytes.
//!
//! They are folded straight from a stretch's columns. Decimals of one sign are summed up as whole
//! numbers, which is exact and within one unit in the last place of folding the floats; where that is
//! not so (mixed signs, whose floats may cancel, or sums beyond 2^53) the floats are folded.
//!
//! A cell does not keep the stamps of its points: a reader gives the file's.

use super::Corrupt;
use super::cursor::push_signed;
use crate::base::time::{Millis, Step};
use crate::base::varint;
use crate::model::aggregate::{Aggregate, Placed};
use crate::model::number::Number;
use crate::store::stretch::{Column, Stretch};

mod quick;
mod reader;
mod record;

pub(in crate::store) use quick::prefetch_lines;
pub use quick::{Cell, CellTimes, CellValue, Cells};
use reader::Reader;
use record::{Record, Shape, Told};

/// One step of time of one series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SealedCell {
    /// Where it starts; it ends one step later.
    pub start: Millis,
    /// What its points say.
    pub of: Aggregate,
}

/// Append the cells of `stretch`, told from `base`, a fixed time near them. Every point counts; whole
/// numbers count as the floats next to them. Texts have no cells.
pub fn encode_cells(stretch: &Stretch, base: Millis, step: Step, out: &mut Vec<u8>) {
    let mut writer = Writer::new(base, step);
    let times = &stretch.times;
    let (mut start, mut count) = (0, 0);
    while start < times.len() {
        let index = times[start].div_euclid(step.millis());
        let end_ms = index
            .checked_add(1)
            .and_then(|next| next.checked_mul(step.millis()));
        count = count_before(&times[start..], end_ms, count);
        let place = start..start + count;
        let told = match &stretch.values {
            Column::Decimal { scale, mantissas } => told_of(&mantissas[place.clone()], *scale),
            Column::Long(values) => told_of(&values[place.clone()], 0),
            Column::Float(values) => folded(values[place.clone()].iter().copied()),
            Column::Text(_) => return,
        };
        writer.push(&record(index, &times[place], told), out);
        start += count;
    }
}

/// How many of `times`, at least one, are before the end of a cell; often it is `likely`. The last cell
/// that there can be has no end.
fn count_before(times: &[i64], end_ms: Option<i64>, likely: usize) -> usize {
    let Some(end_ms) = end_ms else {
        return times.len();
    };
    let is_before = |i: usize| times.get(i).is_some_and(|&time| time < end_ms);
    if likely > 0 && is_before(likely - 1) && !is_before(likely) {
        likely
    } else {
        times.partition_point(|&time| time < end_ms)
    }
}

fn record(index: i64, times: &[i64], told: Told) -> Record {
    let gap = |pair: &[i64]| pair[1].wrapping_sub(pair[0]);
    let first_gap = times.get(..2).map_or(0, gap);
    // Without a way out of the loop, so that it looks at several at a time.
    let is_even = times
        .windows(2)
        .fold(true, |even, pair| even & (gap(pair) == first_gap));
    Record {
        index,
        count: times.len() as u64,
        first_ms: times[0],
        last_ms: times[times.len() - 1],
        is_even,
        told,
    }
}

/// What decimals say, at least one.
fn told_of(values: &[i64], scale: u8) -> Told {
    let (least, most, sum) = spanned(values);
    let largest = u128::from(least.unsigned_abs().max(most.unsigned_abs()));
    let is_exact = largest * values.len() as u128 <= Number::MANTISSA_MAX as u128;
    if !is_exact || (least < 0 && most > 0) {
        return folded(
            values
                .iter()
                .map(|&value| Number::decimal(value, scale).to_f64()),
        );
    }
    Told::Decimal {
        scale,
        least,
        most,
        first: values[0],
        last: values[values.len() - 1],
        sum,
    }
}

/// Least, greatest and wrapped sum of `values`. Four lanes, because one would wait for itself.
fn spanned(values: &[i64]) -> (i64, i64, i64) {
    let (mut least, mut most, mut sum) = ([i64::MAX; 4], [i64::MIN; 4], [0i64; 4]);
    let (fours, rest) = values.as_chunks::<4>();
    for four in fours {
        for lane in 0..4 {
            least[lane] = least[lane].min(four[lane]);
            most[lane] = most[lane].max(four[lane]);
            sum[lane] = sum[lane].wrapping_add(four[lane]);
        }
    }
    for (lane, &value) in rest.iter().enumerate() {
        least[lane] = least[lane].min(value);
        most[lane] = most[lane].max(value);
        sum[lane] = sum[lane].wrapping_add(value);
    }
    let least = least.into_iter().fold(i64::MAX, i64::min);
    let most = most.into_iter().fold(i64::MIN, i64::max);
    (least, most, sum.into_iter().fold(0, i64::wrapping_add))
}

/// What floats say, at least one.
fn folded(values: impl Iterator<Item = f64>) -> Told {
    let mut of = Aggregate::EMPTY;
    for value in values {
        of.push(Placed {
            time_ms: 0,
            stamp: 0,
            value,
        });
    }
    Told::of(&of)
}

/// Append to `out` the cells of `bytes` that start from `from` to `until`, both included, told from
/// `base` by `step` as when they were encoded. `stamp` stands for the arrival of all their points.
///
/// # Errors
/// Where the bytes are damaged; `out` is then as it was.
pub fn decode_cells(
    bytes: &[u8],
    base: Millis,
    step: Step,
    from: Millis,
    until: Millis,
    stamp: u64,
    out: &mut Vec<SealedCell>,
) -> Result<(), Corrupt> {
    let before = out.len();
    let mut reader = Reader::new(bytes, base, step);
    loop {
        match reader.next() {
            Ok(Some(record)) => {
                let start = Millis(record.index.saturating_mul(step.millis()));
                if from <= start && start <= until {
                    let of = record.aggregate(stamp);
                    out.push(SealedCell { start, of });
                }
            }
            Ok(None) => return Ok(()),
            Err(corrupt) => {
                out.truncate(before);
                return Err(corrupt);
            }
        }
    }
}

/// Append the cells of all `parts`, told from the same `base` and `step`. Those of one start are merged
/// by the merge law; parts are in the order of their arrival. A step in which a later point replaces an
/// earlier one must be folded again from its points instead.
///
/// # Errors
/// Where a part is damaged; `out` is then as it was.
pub fn join_cells(
    parts: &[&[u8]],
    base: Millis,
    step: Step,
    out: &mut Vec<u8>,
) -> Result<(), Corrupt> {
    let mut records = Vec::new();
    for part in parts {
        let mut reader = Reader::new(part, base, step);
        while let Some(record) = reader.next()? {
            records.push(record);
        }
    }
    records.sort_by_key(|record| record.index);
    let mut writer = Writer::new(base, step);
    for same in records.chunk_by(|a, b| a.index == b.index) {
        match same {
            [one] => writer.push(one, out),
            several => {
                let all = several.iter().map(|record| record.aggregate(0));
                let of = all.fold(Aggregate::EMPTY, Aggregate::merge);
                let is_even = Record::are_even(several);
                if let Some(record) = Record::of(several[0].index, &of, is_even) {
                    writer.push(&record, out);
                }
            }
        }
    }
    Ok(())
}

/// In the head of a cell, above its scale: the values are floats.
const FLOAT: u8 = 1 << 4;
/// It starts one step behind the one before it.
const NEXT: u8 = 1 << 5;
/// It has as many points as the one before it, as far into the step.
const ALIKE: u8 = 1 << 6;
/// All its values are the least one.
const CONSTANT: u8 = 1 << 7;

/// What a cell is told from: the one before it.
#[derive(Clone, Copy, Debug)]
struct Before {
    index: i64,
    /// Of no points where there was no cell.
    shape: Shape,
}

impl Before {
    fn new(base: Millis, step: Step) -> Before {
        let index = base.0.div_euclid(step.millis());
        Before {
            index: index.wrapping_sub(1),
            shape: Shape::default(),
        }
    }
}

struct Writer {
    step_ms: i64,
    before: Before,
}

impl Writer {
    fn new(base: Millis, step: Step) -> Writer {
        Writer {
            step_ms: step.millis(),
            before: Before::new(base, step),
        }
    }

    fn push(&mut self, record: &Record, out: &mut Vec<u8>) {
        let shape = record.shape(self.step_ms);
        let distance = record.index.wrapping_sub(self.before.index);
        let mut head = match record.told {
            Told::Decimal { scale, .. } => scale,
            Told::Float(_) => FLOAT,
        };
        let flags = [
            (NEXT, distance == 1),
            (ALIKE, shape == self.before.shape),
            (CONSTANT, record.is_constant()),
        ];
        for (flag, _) in flags.iter().filter(|(_, holds)| *holds) {
            head |= flag;
        }
        out.push(head);
        if distance != 1 {
            push_signed(distance, out);
        }
        if shape != self.before.shape {
            varint::push(shape.count, out);
            push_span(shape.start_ms, false, out);
            push_span(shape.span_ms, shape.is_even && shape.count > 1, out);
        }
        record.push_values(head & CONSTANT != 0, out);
        self.before = Before {
            index: record.index,
            shape,
        };
    }
}

/// Append milliseconds, shorter if they are whole seconds and not `long`.
fn push_span(span_ms: u64, long: bool, out: &mut Vec<u8>) {
    if span_ms.is_multiple_of(1000) && !long {
        varint::push((span_ms / 1000) << 1 | 1, out);
    } else {
        varint::push(span_ms << 1, out);
    }
}
