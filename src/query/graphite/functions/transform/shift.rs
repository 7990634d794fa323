//! The same values at other times, and other times' values at these.

use jiff::Timestamp;

use super::super::look_back;
use crate::query::error::QueryError;
use crate::query::graphite::Context;
use crate::query::graphite::functions::Call;
use crate::query::series::Series;

pub(super) async fn delay(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let steps = call.integer("steps")?;
    let mut series = call.take_series("seriesList").await?;
    for one in &mut series {
        let name = format!("delay({},{steps})", one.name);
        call.renew(one, name).await?;
        one.tags.insert("delay".to_owned(), steps.to_string());
        let length = one.values.len();
        let by = usize::try_from(steps.unsigned_abs()).unwrap_or(usize::MAX);
        let by = by.min(length);
        call.pay_values(length as u64)?;
        let mut values = Vec::with_capacity(length);
        if steps < 0 {
            let kept = one.values.get(by..).unwrap_or_default();
            call.push_all(&mut values, kept).await?;
            call.push_many(&mut values, f64::NAN, by).await?;
        } else {
            call.push_many(&mut values, f64::NAN, by).await?;
            let kept = one.values.get(..length - by).unwrap_or_default();
            call.push_all(&mut values, kept).await?;
        }
        call.put_values(one, values).await?;
    }
    Ok(series)
}

/// Values count from the start of the range, not of the series: as graphite-web does.
pub(super) async fn time_slice(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let start = call.date("startSliceAt")?;
    let end = call.date("endSliceAt")?;
    let from = call.context().from;
    let mut series = call.take_series("seriesList").await?;
    for one in &mut series {
        one.tags
            .insert("timeSliceStart".to_owned(), start.to_string());
        one.tags.insert("timeSliceEnd".to_owned(), end.to_string());
        let name = format!("timeSlice({}, {start}, {end})", one.name);
        call.rename(one, name).await?;
        let step = one.step;
        let mut time = from;
        let inside = |value: f64| {
            let is_inside = (start..=end).contains(&time);
            time = time.saturating_add(step);
            if is_inside { value } else { f64::NAN }
        };
        call.map_values(one, inside).await?;
    }
    Ok(series)
}

/// Seconds by which a range is moved, back unless a sign says otherwise, and the text with its sign.
fn shift(function: &str, seconds: i64, written: String) -> Result<(i64, String), QueryError> {
    match written.as_bytes().first() {
        None => Err(QueryError::Invalid(format!(
            "{function} needs a length of time, such as '1d'"
        ))),
        Some(byte) if byte.is_ascii_digit() => Ok((-seconds, format!("-{written}"))),
        Some(_) => Ok((seconds, written)),
    }
}

/// Where the first series of the range itself lies: its start, its end and that of the range, in seconds
/// since the epoch. `None` if there is none.
async fn place(call: &Call<'_>) -> Result<Option<(i64, i64, i64)>, QueryError> {
    let series = call.evaluate("seriesList", call.context()).await?;
    let place = series
        .first()
        .map(|first| (first.start, first.end(), first.range_end()));
    call.free(series).await?;
    Ok(place)
}

/// Have `series` begin at `start`, as one of a range that ends at `range_end`; what then lies behind `end` is
/// gone.
fn put(series: &mut Series, (start, end, range_end): (i64, i64, i64)) {
    series.start = start;
    let length = end.saturating_sub(start);
    let last = length.div_euclid(series.step.max(1)).saturating_add(1);
    series.values.truncate(usize::try_from(last).unwrap_or(0));
    series.over_s = series.end().saturating_sub(range_end);
}

pub(super) async fn time_shift(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let (seconds, written) = call.interval("timeShift")?;
    let (seconds, written) = shift("timeShift", seconds, written)?;
    let reset_end = call.boolean("resetEnd")?;
    let mut context = look_back::moved(call.context(), seconds)?;
    if call.boolean("alignDst")? {
        let by = daylight_saved(call.context(), &context)?;
        context = look_back::moved(&context, by)?;
    }
    let Some(place) = place(call).await? else {
        return Ok(Vec::new());
    };
    let mut series = call.evaluate("seriesList", &context).await?;
    for one in &mut series {
        one.tags.insert("timeShift".to_owned(), written.clone());
        let name = format!("timeShift({}, \"{written}\")", one.name);
        call.rename(one, name).await?;
        if reset_end {
            put(one, place);
        } else {
            one.start = place.0;
        }
    }
    Ok(series)
}

/// Seconds by which clocks were changed between two ranges, if each lies on one side of the change.
fn daylight_saved(request: &Context, other: &Context) -> Result<i64, QueryError> {
    let saves = |seconds: i64| -> Result<bool, QueryError> {
        let moment = Timestamp::from_second(seconds);
        let moment =
            moment.map_err(|_| QueryError::Invalid(format!("Time out of range: {seconds}")))?;
        Ok(request.zone.to_offset_info(moment).dst().is_dst())
    };
    let both =
        |context: &Context| Ok::<_, QueryError>((saves(context.from)?, saves(context.until)?));
    Ok(match (both(request)?, both(other)?) {
        ((true, true), (false, false)) => 3_600,
        ((false, false), (true, true)) => -3_600,
        _ => 0,
    })
}

pub(super) async fn time_stack(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let (seconds, written) = call.interval("timeShiftUnit")?;
    let (seconds, written) = shift("timeStack", seconds, written)?;
    let (first, end) = (
        call.integer("timeShiftStart")?,
        call.integer("timeShiftEnd")?,
    );
    let Some(place) = place(call).await? else {
        return Ok(Vec::new());
    };
    let mut stack = Vec::new();
    for times in first..end {
        let context = look_back::moved(call.context(), seconds.saturating_mul(times))?;
        for mut one in call.evaluate("seriesList", &context).await? {
            one.tags.insert("timeShiftUnit".to_owned(), written.clone());
            one.tags.insert("timeShift".to_owned(), times.to_string());
            let name = format!("timeShift({}, {written}, {times})", one.name);
            call.wrap(&mut one, name).await?;
            put(&mut one, place);
            stack.push(one);
        }
        // Also a shift that gives nothing is work.
        call.pay_values(1)?;
        call.did(1).await?;
    }
    Ok(stack)
}
