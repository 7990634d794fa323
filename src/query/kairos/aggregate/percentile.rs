//! The percentile of a bucket, exact however many values it has.

use super::number;
use super::ranges::{Runs, Stamp, shrunk};
use crate::query::breath::{CHUNK, Pace};
use crate::query::error::QueryError;
use crate::query::kairos::aggregator::Range;
use crate::query::kairos::buckets::Buckets;
use crate::query::kairos::context::Context;
use crate::query::kairos::error::KairosError;
use crate::query::kairos::merge::{ordered, unordered};
use crate::query::kairos::stream::{Point, Value};

/// Values that are put in order in one go.
const ORDERED_MAX: usize = 4_096;

/// Binary digits that a pass over more values looks at.
const DIGITS: u32 = 11;

/// Each bucket becomes its percentile.
pub(super) async fn of_each(
    points: &mut Vec<Point>,
    range: &Range,
    percentile: f64,
    context: &Context<'_>,
) -> Result<(), KairosError> {
    if points.is_empty() {
        return Ok(());
    }
    let buckets = Buckets::new(range, context.start)?;
    if !(0.0 < percentile && percentile <= 1.0) {
        return Err(KairosError::failed(format!(
            "{percentile:?} is not in [0..1]"
        )));
    }
    let mut runs = Runs::new(&buckets);
    let mut keys = Vec::new();
    let mut kept = 0;
    while let Some(bucket) = runs.open(points) {
        keys.clear();
        let (mut first, mut last) = (None, 0);
        while let Some(stretch) = runs.more(points) {
            let some = &points[stretch];
            for point in some {
                keys.push(ordered(number(point.value)?));
                first = first.or(Some(point.time));
                last = point.time;
            }
            context.pace.did(some.len() + runs.work()).await?;
        }
        let time = Stamp::First.of(range, bucket, (first.unwrap_or(last), last));
        let value = Value::Double(of(&mut keys, percentile, context.pace).await?);
        points[kept] = Point { time, value };
        kept += 1;
    }
    shrunk(points, kept);
    Ok(())
}

/// The percentile of at least one value: between the two values at `percentile * (count + 1)`, counted
/// from 1, or the smallest or largest where there are none.
async fn of(keys: &mut Vec<u64>, percentile: f64, pace: &Pace<'_>) -> Result<f64, QueryError> {
    let count = keys.len();
    let place = percentile * (count as f64 + 1.0);
    let below = place.floor();
    let rank = (below as usize)
        .saturating_sub(1)
        .min(count.saturating_sub(1));
    let (low, high) = select(keys, rank, pace).await?;
    if place < 1.0 || count as f64 <= place {
        return Ok(low);
    }
    Ok(low + (place - below) * (high - low))
}

/// The value of a rank, from 0, and the next larger one; the same twice if it is the largest.
async fn select(
    keys: &mut Vec<u64>,
    mut rank: usize,
    pace: &Pace<'_>,
) -> Result<(f64, f64), QueryError> {
    let mut above = None;
    let mut shift = u64::BITS;
    while ORDERED_MAX < keys.len() && shift > 0 {
        let digits = shift.min(DIGITS);
        shift -= digits;
        let digit = |key: u64| (key >> shift) as usize & ((1 << digits) - 1);
        let mut counts = vec![0_usize; 1 << DIGITS];
        for some in keys.chunks(CHUNK) {
            some.iter().for_each(|key| counts[digit(*key)] += 1);
            pace.did(some.len() / 4).await?;
        }
        let mut wanted = 0;
        while wanted + 1 < counts.len() && counts[wanted] <= rank {
            rank -= counts[wanted];
            wanted += 1;
        }
        let (mut kept, mut at) = (0, 0);
        let mut least_above = u64::MAX;
        while at < keys.len() {
            let end = (at + CHUNK).min(keys.len());
            for i in at..end {
                let key = keys[i];
                keys[kept] = key;
                kept += usize::from(digit(key) == wanted);
                if wanted < digit(key) {
                    least_above = least_above.min(key);
                }
            }
            pace.did((end - at) / 2).await?;
            at = end;
        }
        if counts.iter().skip(wanted + 1).any(|count| 0 < *count) {
            above = Some(least_above);
        }
        keys.truncate(kept);
    }
    pace.did(keys.len().min(ORDERED_MAX)).await?;
    let last = keys.len().saturating_sub(1);
    let (key, next) = if shift == 0 {
        // All that are left are equal.
        let key = keys.first().copied().unwrap_or_default();
        (key, if rank < last { Some(key) } else { above })
    } else {
        let (_, key, larger) = keys.select_nth_unstable(rank.min(last));
        (*key, larger.iter().min().copied().or(above))
    };
    Ok((unordered(key), unordered(next.unwrap_or(key))))
}
