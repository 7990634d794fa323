//! One cell between its bytes and its aggregate.

use super::super::Corrupt;
use super::super::cursor::{Cursor, push_signed};
use crate::base::varint;
use crate::model::aggregate::{Aggregate, Placed};
use crate::model::number::Number;

/// Most decimals that are looked for in floats.
const FOUND_SCALE_MAX: u8 = 9;

/// Values of a cell, as decimals of one scale or as floats.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Told {
    Decimal {
        scale: u8,
        least: i64,
        most: i64,
        first: i64,
        last: i64,
        sum: i64,
    },
    /// Least, greatest, first, last, sum.
    Float([f64; 5]),
}

impl Told {
    /// What an aggregate says that has points, as decimals if they give the same floats.
    pub(super) fn of(of: &Aggregate) -> Told {
        let value = |placed: Option<Placed>| placed.map_or(0.0, |placed| placed.value);
        let floats = [of.min, of.max, value(of.first), value(of.last), of.sum()];
        let at = |scale| {
            let mut mantissas = [0; 5];
            for (mantissa, float) in mantissas.iter_mut().zip(floats) {
                *mantissa = Number::at(float, scale)?.mantissa;
            }
            let [least, most, first, last, sum] = mantissas;
            Some(Told::Decimal {
                scale,
                least,
                most,
                first,
                last,
                sum,
            })
        };
        (0..=FOUND_SCALE_MAX)
            .find_map(at)
            .unwrap_or(Told::Float(floats))
    }

    /// Pass the values of a cell.
    #[inline]
    pub(super) fn pass(
        cursor: &mut Cursor<'_>,
        is_float: bool,
        is_constant: bool,
    ) -> Result<(), Corrupt> {
        match (is_float, is_constant) {
            (true, _) => cursor.bytes(5 * size_of::<f64>()).map(drop),
            (_, true) => cursor.pass_varint(),
            _ => (0..5).try_for_each(|_| cursor.pass_varint()),
        }
    }

    pub(super) fn take_floats(cursor: &mut Cursor<'_>) -> Result<Told, Corrupt> {
        let mut floats = [0.0; 5];
        for float in &mut floats {
            *float = f64::from_bits(cursor.u64()?);
        }
        Ok(Told::Float(floats))
    }

    #[inline]
    pub(super) fn take_decimals(
        cursor: &mut Cursor<'_>,
        scale: u8,
        is_constant: bool,
        count: u64,
    ) -> Result<Told, Corrupt> {
        if is_constant {
            let least = cursor.signed()?;
            let sum = (count as i64).wrapping_mul(least);
            return Told::checked(scale, [least, least, least, least, sum]);
        }
        let mut codes = [0; 5];
        for code in &mut codes {
            *code = cursor.varint()?;
        }
        Told::of_codes(scale, count, codes)
    }

    /// The decimals of `count` points whose values are not all the same, by the five numbers that are
    /// written.
    #[inline(always)]
    pub(super) fn of_codes(scale: u8, count: u64, codes: [u64; 5]) -> Result<Told, Corrupt> {
        let [least, most, first, last, sum] = codes;
        let least = varint::unzigzag(least);
        let above = |code: u64| least.wrapping_add(code as i64);
        let base = (count as i64).wrapping_mul(least);
        let sum = base.wrapping_add(sum as i64);
        Told::checked(scale, [least, above(most), above(first), above(last), sum])
    }

    #[inline(always)]
    fn checked(scale: u8, [least, most, first, last, sum]: [i64; 5]) -> Result<Told, Corrupt> {
        let largest = least.unsigned_abs() | most.unsigned_abs() | sum.unsigned_abs();
        let fits = largest < Number::MANTISSA_MAX as u64
            || [least, most, sum]
                .iter()
                .all(|number| number.unsigned_abs() <= Number::MANTISSA_MAX as u64);
        let is_inside = least <= first && first <= most && least <= last && last <= most;
        if !fits || !is_inside {
            return Err(Corrupt("a cell has values it cannot have"));
        }
        Ok(Told::Decimal {
            scale,
            least,
            most,
            first,
            last,
            sum,
        })
    }

    /// One of least, greatest, first, last and sum, by its place.
    #[inline]
    pub(super) fn value(&self, place: usize) -> f64 {
        match *self {
            Told::Float(floats) => floats[place],
            Told::Decimal {
                scale,
                least,
                most,
                first,
                last,
                sum,
            } => Number::decimal([least, most, first, last, sum][place], scale).to_f64(),
        }
    }

    /// Least, greatest, first, last, sum.
    fn floats(&self) -> [f64; 5] {
        match *self {
            Told::Float(floats) => floats,
            Told::Decimal {
                scale,
                least,
                most,
                first,
                last,
                sum,
            } => [least, most, first, last, sum]
                .map(|mantissa| Number::decimal(mantissa, scale).to_f64()),
        }
    }
}

/// How many points a cell has, and when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) count: u64,
    /// From the start of the cell to the first.
    pub(super) start_ms: u64,
    /// From there to the last.
    pub(super) span_ms: u64,
    /// Known to be equally far apart, by whole seconds. What only one is always is.
    pub(super) is_even: bool,
}

impl Shape {
    /// The first and the last time of the cell at `index`.
    #[inline]
    pub(super) fn ends(&self, index: i64, step_ms: i64) -> Result<(i64, i64), Corrupt> {
        let into = self.start_ms.checked_add(self.span_ms);
        let is_inside = into.is_some_and(|into| into < step_ms as u64);
        if self.count == 0 || !is_inside {
            return Err(Corrupt("a cell has no points, or points outside of it"));
        }
        // In the first cell that there can be, times are within bounds and its start is not.
        let start = i128::from(index) * i128::from(step_ms);
        let first = start + i128::from(self.start_ms);
        let last = first + i128::from(self.span_ms);
        match (i64::try_from(first), i64::try_from(last)) {
            (Ok(first), Ok(last)) => Ok((first, last)),
            _ => Err(Corrupt::TIME),
        }
    }
}

/// One cell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Record {
    /// Its start in steps since the epoch.
    pub(super) index: i64,
    pub(super) count: u64,
    pub(super) first_ms: i64,
    pub(super) last_ms: i64,
    /// Whether its points are known to be equally far apart.
    pub(super) is_even: bool,
    pub(super) told: Told,
}

impl Record {
    /// The cell that an aggregate with points fills.
    pub(super) fn of(index: i64, of: &Aggregate, is_even: bool) -> Option<Record> {
        Some(Record {
            index,
            count: of.count,
            first_ms: of.first?.time_ms,
            last_ms: of.last?.time_ms,
            is_even,
            told: Told::of(of),
        })
    }

    /// Whether the points of all, one record behind the other, are known to be equally far apart.
    pub(super) fn are_even(records: &[Record]) -> bool {
        let gap = |from: i64, to: i64| to.checked_sub(from).filter(|&gap| gap > 0);
        let between = |pair: &[Record]| gap(pair[0].last_ms, pair[1].first_ms);
        let Some(one) = records.windows(2).next().and_then(between) else {
            return false;
        };
        let inside = |it: &Record| {
            let span = one.checked_mul(it.count.saturating_sub(1) as i64);
            it.is_even && it.last_ms.checked_sub(it.first_ms) == span
        };
        records.iter().all(inside) && records.windows(2).all(|pair| between(pair) == Some(one))
    }

    /// The cell at `index` of so many points that start and last so far into it.
    pub(super) fn placed(
        index: i64,
        step_ms: i64,
        shape: Shape,
        told: Told,
    ) -> Result<Record, Corrupt> {
        let (first_ms, last_ms) = shape.ends(index, step_ms)?;
        Ok(Record {
            index,
            count: shape.count,
            first_ms,
            last_ms,
            is_even: shape.is_even,
            told,
        })
    }

    /// How it is written: only gaps of whole seconds can be told to be equal.
    pub(super) fn shape(&self, step_ms: i64) -> Shape {
        let span_ms = self.last_ms.wrapping_sub(self.first_ms) as u64;
        Shape {
            count: self.count,
            start_ms: self.first_ms.rem_euclid(step_ms) as u64,
            span_ms,
            is_even: self.count == 1 || self.is_even && span_ms.is_multiple_of(1000),
        }
    }

    /// Whether the least value tells all others.
    pub(super) fn is_constant(&self) -> bool {
        match self.told {
            Told::Float(_) => false,
            Told::Decimal {
                least, most, sum, ..
            } => least == most && sum == (self.count as i64).wrapping_mul(least),
        }
    }

    pub(super) fn push_values(&self, is_constant: bool, out: &mut Vec<u8>) {
        match self.told {
            Told::Float(floats) => {
                for float in floats {
                    out.extend_from_slice(&float.to_bits().to_le_bytes());
                }
            }
            Told::Decimal { least, .. } if is_constant => push_signed(least, out),
            Told::Decimal {
                least,
                most,
                first,
                last,
                sum,
                ..
            } => {
                push_signed(least, out);
                for number in [most, first, last] {
                    varint::push(number.wrapping_sub(least) as u64, out);
                }
                let base = (self.count as i64).wrapping_mul(least);
                varint::push(sum.wrapping_sub(base) as u64, out);
            }
        }
    }

    pub(super) fn aggregate(&self, stamp: u64) -> Aggregate {
        let [min, max, first, last, sum] = self.told.floats();
        let placed = |time_ms, value| Placed {
            time_ms,
            stamp,
            value,
        };
        let ends = (placed(self.first_ms, first), placed(self.last_ms, last));
        Aggregate::told(self.count, sum, min, max, ends)
    }
}
