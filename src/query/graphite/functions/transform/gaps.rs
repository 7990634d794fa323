//! What stands where nothing was measured.

use super::summarize::summarize_one;
use crate::query::breath::CHUNK;
use crate::query::error::QueryError;
use crate::query::graphite::functions::Call;
use crate::query::graphite::functions::aggregation::Aggregation;
use crate::query::graphite::functions::filter::whole;
use crate::query::graphite::number;
use crate::query::series::{Look, Series};
use crate::query::summary::Buckets;

/// The longest gap that is filled, in values.
fn limit(call: &Call<'_>) -> Result<usize, QueryError> {
    let limit = call.integer_or_infinity("limit")?;
    // Of a negative number none is.
    let values = |limit: i64| usize::try_from(limit.max(0)).unwrap_or(usize::MAX);
    Ok(limit.map_or(usize::MAX, values))
}

pub(super) async fn keep_last_value(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let limit = limit(call)?;
    let mut series = call.take_series("seriesList").await?;
    for one in &mut series {
        let name = format!("keepLastValue({})", one.name);
        call.wrap(one, name).await?;
        let last_value = |before: f64, _: f64, _: usize, _: usize| before;
        fill(call, one, limit, true, last_value).await?;
    }
    Ok(series)
}

pub(super) async fn interpolate(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let limit = limit(call)?;
    let mut series = call.take_series("seriesList").await?;
    for one in &mut series {
        let name = format!("interpolate({})", one.name);
        call.wrap(one, name).await?;
        let on_the_way = |before: f64, after: f64, index: usize, gap: usize| {
            before + index as f64 * (after - before) / (gap + 1) as f64
        };
        // What lies between whole numbers need not be one.
        let filled = fill(call, one, limit, false, on_the_way).await?;
        one.integers &= !filled;
    }
    Ok(series)
}

/// Fill gaps of at most `limit` values behind a value; the one at the end, which no value follows, only
/// if `at_end`. Tells whether there was one. `between` is told the values around the gap, which value of it
/// is wanted, from 1 on, and how many it has.
async fn fill(
    call: &Call<'_>,
    series: &mut Series,
    limit: usize,
    at_end: bool,
    between: impl Fn(f64, f64, usize, usize) -> f64,
) -> Result<bool, QueryError> {
    let values = &mut series.values;
    let (mut before, mut gap_start) = (f64::NAN, 0);
    let mut next = 0;
    let mut filled = false;
    while next <= values.len() {
        let after = values.get(next).copied();
        let closes = after.map_or(at_end, |value| !value.is_nan());
        let gap = next - gap_start;
        if closes && 0 < gap && gap <= limit && !before.is_nan() {
            filled = true;
            let after = after.unwrap_or(f64::NAN);
            let slots = values.get_mut(gap_start..next).unwrap_or_default();
            let mut index = 0;
            for some in slots.chunks_mut(CHUNK) {
                for value in &mut *some {
                    index += 1;
                    *value = between(before, after, index, gap);
                }
                call.did(some.len()).await?;
            }
        }
        next += 1;
        if let Some(value) = after.filter(|value| !value.is_nan()) {
            (before, gap_start) = (value, next);
        }
        call.did(1).await?;
    }
    Ok(filled)
}

/// The reference is looked at value by value, whatever its times: as graphite-web does.
pub(super) async fn transform_null(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let default = call.float("default")?;
    let reference = call.take_series("referenceSeries").await?;
    let flag = if reference.is_empty() {
        ""
    } else {
        ",referenceSeries"
    };
    // The default of the default is a whole number.
    let tag = match call.is_given("default") {
        true => number::float(default),
        false => number::general(default),
    };
    let present = any_present(call, &reference).await?;
    call.free(reference).await?;
    let mut series = call.take_series("seriesList").await?;
    for one in &mut series {
        one.tags.insert("transformNull".to_owned(), tag.clone());
        if !flag.is_empty() {
            one.tags
                .insert("referenceSeries".to_owned(), "1".to_owned());
        }
        let name = format!(
            "transformNull({},{}{flag})",
            one.name,
            number::general(default)
        );
        call.wrap(one, name).await?;
        // A whole number where all that stands there is one.
        let is_whole = !call.is_given("default");
        one.integers =
            is_whole && (one.integers || whole(call, one, Aggregation::Count).await? == 0.0);
        if present.is_empty() {
            let or_default = |value: f64| if value.is_nan() { default } else { value };
            call.map_values(one, or_default).await?;
            continue;
        }
        let more = present.len().saturating_sub(one.values.len());
        call.pay_values(more as u64)?;
        call.push_many(&mut one.values, f64::NAN, more).await?;
        let mut rows = present.iter();
        let or_default = |value: f64| match rows.next() {
            Some(true) if value.is_nan() => default,
            _ => value,
        };
        call.map_values(one, or_default).await?;
        // Where the reference is longer, graphite-web keeps the last of them.
        call.skip_values(one, more).await?;
    }
    Ok(series)
}

/// For each row whether any of `reference` has a value in it.
async fn any_present(call: &Call<'_>, reference: &[Series]) -> Result<Vec<bool>, QueryError> {
    let rows = reference.iter().map(|one| one.values.len()).max();
    let rows = rows.unwrap_or(0);
    call.pay_values(rows as u64 / 8)?;
    let mut present = vec![false; rows];
    for one in reference {
        let chunks = one.values.chunks(CHUNK);
        for (some, rows) in chunks.zip(present.chunks_mut(CHUNK)) {
            for (value, is_there) in some.iter().zip(rows) {
                *is_there |= !value.is_nan();
            }
            call.did(some.len()).await?;
        }
        call.did(1).await?;
    }
    Ok(present)
}

pub(super) async fn compress_periodic_gaps(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let mut series = call.take_series("seriesList").await?;
    for one in &mut series {
        let name = format!("compressPeriodicGaps({})", one.name);
        call.wrap(one, name).await?;
        let Some((first, period)) = period(call, &one.values).await? else {
            continue;
        };
        let end = one.end();
        let start = one
            .start
            .saturating_add(one.step.saturating_mul(first as i64));
        let width_s = one.step.saturating_mul(period as i64);
        call.skip_values(one, first).await?;
        one.start = start;
        let buckets = Buckets::between(start, end, width_s);
        summarize_one(call, one, &buckets, Aggregation::Last).await?;
        one.look = Look::default();
    }
    Ok(series)
}

/// The first value and how many slots lie between it and the next, if the third is where they let one
/// expect it, between nulls. Zeros are looked at as nulls, and so is what stands in the first slot if
/// another value follows: graphite-web's guess, which this is.
async fn period(call: &Call<'_>, values: &[f64]) -> Result<Option<(usize, usize)>, QueryError> {
    let is_seen = |value: f64| !value.is_nan() && value != 0.0;
    let (mut first, mut second) = (0, 0);
    for (i, value) in values.iter().enumerate() {
        call.did(1).await?;
        if is_seen(*value) {
            if 0 < first {
                second = i;
                break;
            }
            first = i;
        }
    }
    let Some(period) = second.checked_sub(first).filter(|period| 1 < *period) else {
        return Ok(None);
    };
    let third = second + period;
    let around = values.get(third - 1..).and_then(|rest| rest.get(..3));
    let is_periodic = around.is_some_and(|around| match around {
        [before, value, after] => before.is_nan() && is_seen(*value) && after.is_nan(),
        _ => false,
    });
    Ok(is_periodic.then_some((first, period)))
}
