//! Fewer points than asked for: `maxDataPoints`, as graphite-web's JSON answer does it.
//!
//! Buckets are aligned to multiples of their own width, so that a graph does not jitter when it is
//! refreshed; labels move forward by up to one bucket, and early points may fall away. That is the
//! original's behaviour, and dashboards are used to it.

use crate::query::series::Series;

/// Bring every series down to about `max_data_points` values. One time range, from the earliest
/// start to the latest end, decides for all of them. 0 changes nothing; 1 folds each series into
/// one value at its start.
pub fn consolidate(series: &mut [Series], max_data_points: u64) {
    let range_s = range_s(series);
    for one in series {
        consolidate_one(one, range_s, max_data_points);
    }
}

/// Seconds from the earliest start to the latest end; 0 of no series.
pub fn range_s(series: &[Series]) -> u64 {
    let start = series.iter().map(|one| one.start).min();
    let end = series.iter().map(Series::end).max();
    match (start, end) {
        (Some(start), Some(end)) => end.abs_diff(start),
        _ => 0,
    }
}

/// [`consolidate`] for one series of an answer that spans `range_s`, for callers that do other work
/// between series.
pub fn consolidate_one(series: &mut Series, range_s: u64, max_data_points: u64) {
    match max_data_points {
        0 => {}
        1 => {
            let all = series.values.len() as u64;
            fold_groups(series, all);
        }
        _ => reduce(series, range_s, max_data_points),
    }
}

fn reduce(series: &mut Series, range_s: u64, max_data_points: u64) {
    let step = u128::from(series.step.max(1).unsigned_abs());
    // Values that the whole range would have at this step, compared without rounding.
    let room = u128::from(max_data_points) * step;
    if u128::from(range_s) <= room {
        return;
    }
    let values_per_point = u128::from(range_s).div_ceil(room);
    let Ok(values_per_point) = i64::try_from(values_per_point) else {
        return;
    };
    let width = series.step.saturating_mul(values_per_point);
    let nudge = width
        .saturating_add(series.start.rem_euclid(series.step.max(1)))
        .saturating_sub(series.start.rem_euclid(width));
    let lost = usize::try_from(nudge / series.step.max(1) - 1).unwrap_or(0);
    series.values.drain(..lost.min(series.values.len()));
    series.start = series.start.saturating_add(nudge);
    fold_groups(series, values_per_point.unsigned_abs());
}

/// Replace every `size` values by one. The last group may be short; the share of values that must
/// be there still counts as if it were full.
fn fold_groups(series: &mut Series, size: u64) {
    let size = size.max(1);
    let (fold, x_files_factor) = (series.fold, series.x_files_factor);
    let group = usize::try_from(size).unwrap_or(usize::MAX);
    let folded = series
        .values
        .chunks(group)
        .map(|values| fold.fold(values, size as f64, x_files_factor));
    series.values = folded.collect();
    series.step = series
        .step
        .saturating_mul(i64::try_from(size).unwrap_or(i64::MAX));
}

/// `noNullPoints`: series without any value leave the answer. Whoever prints the rest prints
/// [`Series::present_points`].
pub fn no_null_points(series: &mut Vec<Series>) {
    series.retain(|one| !one.is_all_null());
}
