//! One value for each stretch of time.

use super::super::look_back::{self, Unit};
use crate::query::error::QueryError;
use crate::query::graphite::functions::Call;
use crate::query::graphite::functions::aggregation::Aggregation;
use crate::query::graphite::{Context, time};
use crate::query::series::Series;

pub(super) async fn summarize(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let (width_s, width_text) = call.interval("intervalString")?;
    let (aggregation, function) = call.aggregation("func")?;
    let align_to_from = call.boolean("alignToFrom")?;
    check_width("summarize", width_s, &width_text)?;
    let flag = if align_to_from { ", true" } else { "" };
    let mut series = call.take_series("seriesList").await?;
    for one in &mut series {
        let (start, end) = if align_to_from {
            (one.start, one.end())
        } else {
            let floor = |at: i64| at.saturating_sub(at.rem_euclid(width_s));
            (floor(one.start), floor(one.end()).saturating_add(width_s))
        };
        let buckets = Buckets::between(start, end, width_s);
        buckets.summarize(call, one, aggregation).await?;
        let name = format!(
            "summarize({}, \"{width_text}\", \"{function}\"{flag})",
            one.name
        );
        call.renew(one, name).await?;
        one.tags.insert("summarize".to_owned(), width_text.clone());
        one.tags
            .insert("summarizeFunction".to_owned(), function.clone());
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
    for one in &mut series {
        let buckets = Buckets::between(one.start, one.end(), width_s);
        buckets.summarize(call, one, aggregation).await?;
        let name = format!(
            "smartSummarize({}, \"{width_text}\", \"{function}\")",
            one.name
        );
        call.renew(one, name).await?;
        one.tags
            .insert("smartSummarize".to_owned(), width_text.clone());
        one.tags
            .insert("smartSummarizeFunction".to_owned(), function.clone());
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

/// Stretches of time of equal width, one behind the other.
pub(super) struct Buckets {
    /// Seconds since the epoch at which the first begins.
    start: i64,
    width_s: i64,
    count: u64,
}

impl Buckets {
    /// As many as are needed to get from `start` to `end`, both in seconds since the epoch.
    pub(super) fn between(start: i64, end: i64, width_s: i64) -> Buckets {
        let length = u64::try_from(end.saturating_sub(start)).unwrap_or(0);
        Buckets {
            start,
            width_s,
            count: length.div_ceil(width_s.max(1).unsigned_abs()),
        }
    }

    /// `series` gets one value for each, at its start.
    pub(super) async fn summarize(
        &self,
        call: &Call<'_>,
        series: &mut Series,
        aggregation: Aggregation,
    ) -> Result<(), QueryError> {
        call.pay_values(self.count)?;
        let values = self.summarized(call, series, aggregation).await?;
        call.put_values(series, values).await?;
        (series.start, series.step) = (self.start, self.width_s);
        Ok(())
    }

    async fn summarized(
        &self,
        call: &Call<'_>,
        series: &Series,
        aggregation: Aggregation,
    ) -> Result<Vec<f64>, QueryError> {
        let room = self.width_s as f64 / series.step.max(1) as f64;
        let mut rest = series.values.as_slice();
        let mut time = series.start;
        let mut values = Vec::with_capacity(usize::try_from(self.count).unwrap_or(0));
        let mut bucket_end = self.start;
        for _ in 0..self.count {
            bucket_end = bucket_end.saturating_add(self.width_s);
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
}
