//! Series that stay or leave by where they are among all, in percentiles.

use super::super::aggregation::Aggregation;
use super::super::call::Call;
use super::super::parameter::Function;
use super::super::sorting::sorted;
use super::{GROUP, SERIES_AND_FLOAT, whole};
use crate::query::breath::CHUNK;
use crate::query::error::QueryError;
use crate::query::series::Series;

pub(in super::super) const FUNCTIONS: &[Function] = &[
    Function::new(
        &["averageOutsidePercentile"],
        GROUP,
        "Only series whose mean is not between the n-th and the (100-n)-th percentile of all means.",
        SERIES_AND_FLOAT,
        |call| Box::pin(average_outside(call)),
    ),
    Function::new(
        &["removeBetweenPercentile"],
        GROUP,
        "Only series that at some moment are not between the n-th and the (100-n)-th percentile of \
         that moment.",
        SERIES_AND_FLOAT,
        |call| Box::pin(remove_between(call)),
    ),
];

/// The value of rank `n`/100 · (count + 1), rounded up, among values in order. NaN of none;
/// `None` where there is no such rank.
pub(super) fn percentile(ascending: &[f64], n: f64) -> Option<f64> {
    let Some(last) = ascending.last() else {
        return Some(f64::NAN);
    };
    let count = ascending.len() as f64;
    let fractional = n / 100.0 * (count + 1.0);
    let rank = fractional.trunc() + (fractional - fractional.trunc()).ceil();
    if rank == 0.0 {
        return ascending.first().copied();
    }
    if rank - 1.0 == count {
        return Some(*last);
    }
    // A rank below 0 counts from the end, as graphite-web's does.
    let index = if rank < 1.0 {
        rank - 1.0 + count
    } else {
        rank - 1.0
    };
    let is_there = 0.0 <= index && index < count;
    is_there.then(|| ascending.get(index as usize).copied())?
}

/// Those of `values` that are there, in order.
pub(super) async fn ascending(call: &Call<'_>, values: &[f64]) -> Result<Vec<f64>, QueryError> {
    let mut present = Vec::new();
    call.pay_values(values.len() as u64)?;
    for some in values.chunks(CHUNK) {
        present.extend(some.iter().copied().filter(|value| !value.is_nan()));
        call.did(some.len()).await?;
    }
    sorted(call, present, f64::total_cmp).await
}

/// Percentiles of `values`: the lower and the upper one that `n` names, which are the same for 100 - `n`.
async fn bounds(call: &Call<'_>, values: &[f64], n: f64) -> Result<(f64, f64), QueryError> {
    let n = if n < 50.0 { 100.0 - n } else { n };
    let values = ascending(call, values).await?;
    match (percentile(&values, 100.0 - n), percentile(&values, n)) {
        (Some(low), Some(high)) => Ok((low, high)),
        _ => Err(QueryError::Invalid(format!(
            "There is no percentile {n} of {} values",
            values.len()
        ))),
    }
}

async fn average_outside(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let n = call.float("n")?;
    let series = call.take_series("seriesList").await?;
    let mut means = Vec::with_capacity(series.len());
    for one in &series {
        means.push(whole(call, one, Aggregation::Average).await?);
    }
    let (low, high) = bounds(call, &means, n).await?;
    let inside = |mean: &f64| low < *mean && *mean < high;
    keep(call, series, means.iter().map(|mean| !inside(mean))).await
}

/// Moments are compared by place, as graphite-web does. Nulls say nothing about their series.
async fn remove_between(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let n = call.float("n")?;
    let series = call.take_series("seriesList").await?;
    let rows = series.iter().map(|one| one.values.len()).max();
    let mut outside = vec![false; series.len()];
    let mut row = Vec::with_capacity(series.len());
    for index in 0..rows.unwrap_or(0) {
        row.clear();
        for some in series.chunks(CHUNK) {
            let value = |one: &Series| one.values.get(index).copied().unwrap_or(f64::NAN);
            row.extend(some.iter().map(value));
            call.did(some.len()).await?;
        }
        let (low, high) = bounds(call, &row, n).await?;
        for (outside, value) in outside.iter_mut().zip(&row) {
            let inside = low < *value && *value < high;
            *outside |= !(value.is_nan() || inside);
        }
        call.did(row.len()).await?;
    }
    keep(call, series, outside.into_iter()).await
}

async fn keep(
    call: &Call<'_>,
    series: Vec<Series>,
    stays: impl Iterator<Item = bool>,
) -> Result<Vec<Series>, QueryError> {
    let mut kept = Vec::new();
    for (one, stays) in series.into_iter().zip(stays) {
        if stays {
            kept.push(one);
            call.did(1).await?;
        } else {
            one.free(call.pace()).await?;
        }
    }
    Ok(kept)
}
