//! Numbers of strict JSON and lists of points, on lanes: what nearly everybody sends, with nothing between
//! that need not be there. Whoever asks has another way for all else, and both give the same.

use super::super::number::leading_decimal;
use super::cursor::{Cursor, Stop};
use super::values;
use crate::model::number::Number;
use crate::model::series::Values;
use crate::simd::{self, Lanes, Scanner, Work};

/// Digits of a timestamp in milliseconds, from 2001 to 2286.
pub(super) const MILLIS_DIGITS: usize = 13;

/// The timestamp that thirteen digits at `at` are, the first of them no zero.
#[inline(always)]
pub(super) fn millis(json: &[u8], at: usize) -> Option<i64> {
    let digits = json.get(at..)?.first_chunk::<MILLIS_DIGITS>()?;
    let (first, last) = (digits.first_chunk::<8>()?, digits.last_chunk::<8>()?);
    let first = simd::eight_digits(u64::from_le_bytes(*first))?;
    let last = simd::eight_digits(u64::from_le_bytes(*last))?;
    // They have three digits in common.
    (digits[0] != b'0').then_some((first * 100_000 + last % 100_000) as i64)
}

/// Give the numbers of a list of points to `each`, from `at` on, as long as they are usual, `each` takes them
/// and there are more before byte `until`. `first` as in [`Reader::element`](super::Reader::element).
/// Where the list goes on, and whether with its first element.
pub(super) fn pairs(
    scanner: Scanner,
    json: &[u8],
    (at, first): (usize, bool),
    until: usize,
    each: impl FnMut(i64, Values, Number) -> bool,
) -> (usize, bool) {
    scanner.run(Pairs {
        json,
        at,
        first,
        until,
        each,
    })
}

/// A list of points from one place on.
pub(super) struct Pairs<'a, E> {
    pub(super) json: &'a [u8],
    pub(super) at: usize,
    pub(super) first: bool,
    pub(super) until: usize,
    pub(super) each: E,
}

impl<E: FnMut(i64, Values, Number) -> bool> Work for Pairs<'_, E> {
    type Output = (usize, bool);

    #[inline(always)]
    fn run<L: Lanes>(mut self) -> (usize, bool) {
        while self.at < self.until {
            let dense = dense_pair::<L>(self.json, self.at, self.first);
            let Some((time_ms, values, number, end)) =
                dense.or_else(|| sparse_pair(self.json, self.at, self.first))
            else {
                break;
            };
            if !(self.each)(time_ms, values, number) {
                break;
            }
            (self.at, self.first) = (end, false);
        }
        (self.at, self.first)
    }
}

/// A point behind a comma, unless it is the first, without blanks; and its end.
#[inline(always)]
fn dense_pair<L: Lanes>(
    json: &[u8],
    at: usize,
    first: bool,
) -> Option<(i64, Values, Number, usize)> {
    let bracket = match first {
        true => at,
        false if *json.get(at)? == b',' => at + 1,
        false => return None,
    };
    let time = bracket + 1;
    let comma = time + MILLIS_DIGITS;
    if *json.get(bracket)? != b'[' || *json.get(comma)? != b',' {
        return None;
    }
    let time_ms = millis(json, time)?;
    let (values, number, end) = leading_decimal::<L>(json, comma + 1)?;
    (*json.get(end)? == b']').then_some((time_ms, values, number, end + 1))
}

/// The same with blanks anywhere, and any number that needs no second look.
#[cold]
fn sparse_pair(json: &[u8], at: usize, first: bool) -> Option<(i64, Values, Number, usize)> {
    let mut cursor = Cursor::new(json, at);
    let (time_ms, values, number) = pair(&mut cursor, first).ok()?;
    Some((time_ms, values, number, cursor.at()))
}

fn pair(cursor: &mut Cursor, first: bool) -> Result<(i64, Values, Number), Stop> {
    if !first && cursor.token()? != b',' {
        return Err(Stop::Unusual);
    }
    let time_ms = pair_time(cursor)?;
    let (values, number) = cursor.number()?.ok_or(Stop::Unusual)?;
    match cursor.token()? {
        b']' => Ok((time_ms, values, number)),
        _ => Err(Stop::Unusual),
    }
}

/// The timestamp of a point, with what stands around it, up to the value.
pub(super) fn pair_time(cursor: &mut Cursor) -> Result<i64, Stop> {
    if cursor.token()? != b'[' {
        return Err(Stop::Unusual);
    }
    cursor.blanks()?;
    let time_ms = cursor.time(values::point_time)?;
    if cursor.token()? != b',' {
        return Err(Stop::Unusual);
    }
    cursor.blanks()?;
    Ok(time_ms)
}
