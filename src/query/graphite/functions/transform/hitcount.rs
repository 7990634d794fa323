//! Rates become counts of what happened in each stretch of time.

use super::super::look_back::{self, Unit};
use super::summarize::check_width;
use crate::query::error::QueryError;
use crate::query::graphite::Context;
use crate::query::graphite::functions::Call;
use crate::query::series::Series;

pub(super) async fn hitcount(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let (width_s, width_text) = call.interval("intervalString")?;
    let is_aligned = call.boolean("alignToInterval")?;
    check_width("hitcount", width_s, &width_text)?;
    let context = match is_aligned {
        true => aligned(call.context(), width_s)?,
        false => call.context().clone(),
    };
    let flag = if is_aligned { ", true" } else { "" };
    let mut series = call.evaluate("seriesList", &context).await?;
    for one in &mut series {
        let length = one.end().saturating_sub(one.start).max(0);
        // Buckets are counted back from the end; aligned ones forward from the start, the last one
        // full, and one more if the series fills it.
        let (start, count) = if is_aligned {
            (one.start, length / width_s + 1)
        } else {
            let count = length.unsigned_abs().div_ceil(width_s.unsigned_abs());
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            let back = count.saturating_mul(width_s);
            (one.end().saturating_sub(back), count)
        };
        call.pay_values(count.unsigned_abs())?;
        let values = counted(call, one, start, width_s, count).await?;
        call.put_values(one, values).await?;
        (one.start, one.step, one.over_s) = (start, width_s, 0);
        let name = format!("hitcount({}, \"{width_text}\"{flag})", one.name);
        call.renew(one, name).await?;
        one.tags.insert("hitcount".to_owned(), width_text.clone());
    }
    Ok(series)
}

/// The request from the beginning of its day, hour or minute on, whichever fits into a bucket.
fn aligned(context: &Context, width_s: i64) -> Result<Context, QueryError> {
    let unit = match width_s {
        86_400.. => Unit::Day,
        3_600.. => Unit::Hour,
        60.. => Unit::Minute,
        _ => return Ok(context.clone()),
    };
    look_back::aligned(context, unit)
}

/// Each value times the seconds for which it holds, in `count` buckets of `width` seconds from `start`
/// on; NaN where there is none.
async fn counted(
    call: &Call<'_>,
    series: &Series,
    start: i64,
    width: i64,
    count: i64,
) -> Result<Vec<f64>, QueryError> {
    let mut buckets = Vec::new();
    let room = usize::try_from(count).unwrap_or(usize::MAX);
    call.push_many(&mut buckets, f64::NAN, room).await?;
    for (time, value) in series.points() {
        call.did(1).await?;
        if value.is_nan() {
            continue;
        }
        let mut from = time.saturating_sub(start);
        let until = from.saturating_add(series.step);
        while from < until {
            let index = from.div_euclid(width);
            let end = index.saturating_add(1).saturating_mul(width).min(until);
            let bucket = usize::try_from(index).ok();
            if let Some(bucket) = bucket.and_then(|index| buckets.get_mut(index)) {
                let before = if bucket.is_nan() { 0.0 } else { *bucket };
                *bucket = before + value * (end - from) as f64;
            }
            from = end;
            call.did(1).await?;
        }
    }
    Ok(buckets)
}
