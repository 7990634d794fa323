//! One value for each stretch of time.

use super::super::look_back::{self, Unit};
use super::super::pushed::Told;
use crate::query::error::QueryError;
use crate::query::graphite::functions::Call;
use crate::query::graphite::functions::aggregation::Aggregation;
use crate::query::graphite::{Context, time};
use crate::query::series::Series;
use crate::query::summary::Buckets;

pub(super) async fn summarize(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let (width_s, width_text) = call.interval("intervalString")?;
    let (aggregation, function) = call.aggregation("func")?;
    let align_to_from = call.boolean("alignToFrom")?;
    check_width("summarize", width_s, &width_text)?;
    let told = Told::summarize(&width_text, &function, align_to_from);
    let mut series = call.take_series("seriesList").await?;
    for one in &mut series {
        let buckets = if align_to_from {
            Buckets::between(one.start, one.end(), width_s)
        } else {
            Buckets::around(one.start, one.end(), width_s)
        };
        summarize_one(call, one, &buckets, aggregation).await?;
        call.renew(one, told.name(&one.name)).await?;
        told.tag(&mut one.tags);
    }
    Ok(series)
}

/// Buckets begin where the series does.
pub(super) async fn smart_summarize(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let (width_s, width_text) = call.interval("intervalString")?;
    let (aggregation, function) = call.aggregation("func")?;
    check_width("smartSummarize", width_s, &width_text)?;
    // Truth is what older dashboards say here, and nothing comes of it.
    let mut series = match call.optional_text("alignTo") {
        Some(unit) => {
            let context = aligned(call.context(), &unit)?;
            call.evaluate("seriesList", &context).await?
        }
        None => call.evaluate("seriesList", call.context()).await?,
    };
    let told = Told::smart_summarize(&width_text, &function);
    for one in &mut series {
        let buckets = Buckets::between(one.start, one.end(), width_s);
        summarize_one(call, one, &buckets, aggregation).await?;
        call.renew(one, told.name(&one.name)).await?;
        told.tag(&mut one.tags);
    }
    Ok(series)
}

/// The request from the beginning of its `unit` on: a word such as `hours`; weeks may name the day they
/// begin with, `weeks1` is Monday.
fn aligned(context: &Context, unit: &str) -> Result<Context, QueryError> {
    time::unit_seconds(unit)?;
    let unit = match unit.as_bytes() {
        [b's', ..] => return Ok(context.clone()),
        [b'm', b'i', ..] => Unit::Minute,
        [b'h', ..] => Unit::Hour,
        [b'd', ..] => Unit::Day,
        [b'm', ..] => Unit::Month,
        [b'y', ..] => Unit::Year,
        _ => Unit::Week(first_day(unit)?),
    };
    look_back::aligned(context, unit)
}

fn first_day(weeks: &str) -> Result<i64, QueryError> {
    let last = weeks.chars().next_back().unwrap_or('w');
    if last.is_alphabetic() {
        return Ok(1);
    }
    let day = last.to_digit(10).map(i64::from);
    day.ok_or_else(|| {
        QueryError::Invalid(format!("'{weeks}' does not end with the number of a day"))
    })
}

/// Refuse a bucket that time does not get out of.
pub(super) fn check_width(function: &str, width_s: i64, written: &str) -> Result<(), QueryError> {
    if 0 < width_s {
        return Ok(());
    }
    Err(QueryError::Invalid(format!(
        "{function} needs an interval longer than nothing, this one is '{written}'"
    )))
}

/// `series` gets one value for each of `buckets`, at its start. Where the shards can do it, they have: see
/// [`Summary`](crate::query::summary::Summary).
pub(super) async fn summarize_one(
    call: &Call<'_>,
    series: &mut Series,
    buckets: &Buckets,
    aggregation: Aggregation,
) -> Result<(), QueryError> {
    call.pay_values(buckets.count)?;
    let values = summarized(call, series, buckets, aggregation).await?;
    call.put_values(series, values).await?;
    series.integers = aggregation.gives_integers(series.integers);
    series.over_s = 0;
    (series.start, series.step) = (buckets.start, buckets.width_s);
    Ok(())
}

async fn summarized(
    call: &Call<'_>,
    series: &Series,
    buckets: &Buckets,
    aggregation: Aggregation,
) -> Result<Vec<f64>, QueryError> {
    let room = buckets.width_s as f64 / series.step.max(1) as f64;
    let mut rest = series.values.as_slice();
    let mut time = series.start;
    let mut values = Vec::with_capacity(usize::try_from(buckets.count).unwrap_or(0));
    let mut bucket_end = buckets.start;
    for _ in 0..buckets.count {
        bucket_end = bucket_end.saturating_add(buckets.width_s);
        // Values whose time lies before the end of the bucket; those before its start are gone.
        let ahead = bucket_end.saturating_sub(time).max(0).unsigned_abs();
        let count = ahead.div_ceil(series.step.max(1).unsigned_abs());
        let count = usize::try_from(count).unwrap_or(usize::MAX).min(rest.len());
        let (inside, after) = rest.split_at(count);
        let share = series.x_files_factor;
        values.push(
            aggregation
                .of_many(inside, room, share, call.pace())
                .await?,
        );
        time = time.saturating_add(series.step.saturating_mul(count as i64));
        rest = after;
    }
    Ok(values)
}
