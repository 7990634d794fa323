//! Fewer points than asked for: `maxDataPoints`, as graphite-web's JSON answer does it.
//!
//! Buckets are aligned to multiples of their own width, so that a graph does not jitter when it is
//! refreshed; labels move forward by up to one bucket, and early points may fall away. That is the
//! original's behaviour, and dashboards are used to it.

use super::groups::Groups;
use crate::query::breath::{self, CHUNK, Pace};
use crate::query::error::QueryError;
use crate::query::series::Series;

/// Bring every series down to about `max_data_points` values. One time range, from the earliest
/// start to the latest end, decides for all of them. 0 changes nothing; 1 folds each series into
/// one value at its start.
///
/// # Errors
/// As [`Pace::did`].
pub async fn consolidate(
    series: &mut [Series],
    max_data_points: u64,
    pace: &Pace<'_>,
) -> Result<(), QueryError> {
    let range_s = range_s(series);
    for one in series {
        match max_data_points {
            0 => {}
            1 => {
                let (all, range_end) = (one.values.len(), one.range_end());
                fold_groups(one, 0, all, pace).await?;
                one.over_s = one.end().saturating_sub(range_end);
            }
            _ => reduce(one, range_s, max_data_points, pace).await?,
        }
        pace.did(1).await?;
    }
    Ok(())
}

/// Seconds from the earliest start to the latest end of a range; 0 of no series. Values that lie behind it
/// count for nothing: a constant line must not make the others coarser.
fn range_s(series: &[Series]) -> u64 {
    let start = series.iter().map(|one| one.start).min();
    let end = series.iter().map(Series::range_end).max();
    match (start, end) {
        (Some(start), Some(end)) => end.abs_diff(start),
        _ => 0,
    }
}

async fn reduce(
    series: &mut Series,
    range_s: u64,
    max_data_points: u64,
    pace: &Pace<'_>,
) -> Result<(), QueryError> {
    let step = u128::from(series.step.max(1).unsigned_abs());
    // Values that the whole range would have at this step, compared without rounding.
    let room = u128::from(max_data_points) * step;
    if u128::from(range_s) <= room {
        return Ok(());
    }
    let values_per_point = u128::from(range_s).div_ceil(room);
    let Ok(values_per_point) = i64::try_from(values_per_point) else {
        return Ok(());
    };
    let width = series.step.saturating_mul(values_per_point);
    let nudge = width
        .saturating_add(series.start.rem_euclid(series.step.max(1)))
        .saturating_sub(series.start.rem_euclid(width));
    let lost = usize::try_from(nudge / series.step.max(1) - 1).unwrap_or(0);
    let range_end = series.range_end();
    series.start = series.start.saturating_add(nudge);
    let size = usize::try_from(values_per_point).unwrap_or(usize::MAX);
    fold_groups(series, lost, size, pace).await?;
    series.over_s = series.end().saturating_sub(range_end);
    Ok(())
}

/// Forget the first `lost` values and replace every `size` of the others by one. The last group may
/// be short; the share of values that must be there still counts as if it were full.
async fn fold_groups(
    series: &mut Series,
    lost: usize,
    size: usize,
    pace: &Pace<'_>,
) -> Result<(), QueryError> {
    if size > 1 {
        series.fold_known()?;
    }
    let groups = Groups::of(series, size.max(1));
    let values = series.values.get(lost..).unwrap_or_default();
    let folded = groups.folded(values, pace).await?;
    breath::free(std::mem::replace(&mut series.values, folded), pace).await?;
    series.integers &= groups.size == 1 || series.fold.keeps_integers();
    let size = i64::try_from(groups.size).unwrap_or(i64::MAX);
    series.step = series.step.saturating_mul(size);
    Ok(())
}

/// Forget values whose time lies behind the end of the range, as graphite-web's JSON answer does; its other
/// answers tell them.
pub fn cut_to_range(series: &mut [Series]) {
    for one in series.iter_mut().filter(|one| 0 < one.over_s) {
        let range_end = one.range_end();
        let length = range_end.saturating_sub(one.start);
        let last = length.div_euclid(one.step.max(1)).saturating_add(1);
        one.values.truncate(usize::try_from(last).unwrap_or(0));
        one.over_s = one.end().saturating_sub(range_end);
    }
}

/// The values of `series`, every `size` of them folded into one, as pictures want them: from the first
/// value on. The last group may be short.
///
/// # Errors
/// As [`Pace::did`].
pub async fn folded(series: &Series, size: usize, pace: &Pace<'_>) -> Result<Vec<f64>, QueryError> {
    if size <= 1 {
        return breath::copied(&series.values, pace).await;
    }
    series.fold_known()?;
    Groups::of(series, size).folded(&series.values, pace).await
}

/// `noNullPoints`: series without any value leave the answer. Whoever prints the rest prints
/// [`Series::present_points`].
///
/// # Errors
/// As [`Pace::did`].
pub async fn no_null_points(
    series: Vec<Series>,
    pace: &Pace<'_>,
) -> Result<Vec<Series>, QueryError> {
    let mut kept = Vec::with_capacity(series.len());
    for one in series {
        let mut stretches = one.values.chunks(CHUNK);
        let mut empty = true;
        while let (true, Some(some)) = (empty, stretches.next()) {
            empty = some.iter().all(|value| value.is_nan());
            pace.did(some.len()).await?;
        }
        if !empty {
            kept.push(one);
        }
        pace.did(1).await?;
    }
    Ok(kept)
}
