//! What a series has come to since it began, or since an interval did.

use crate::query::error::QueryError;
use crate::query::graphite::functions::Call;
use crate::query::graphite::time;
use crate::query::series::Series;

pub(super) async fn integral(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let mut series = call.take_series("seriesList").await?;
    for one in &mut series {
        let name = format!("integral({})", one.name);
        call.renew(one, name).await?;
        one.tags.insert("integral".to_owned(), "1".to_owned());
        let mut sum = 0.0;
        let summed = |value: f64| {
            if value.is_nan() {
                return value;
            }
            sum += value;
            sum
        };
        call.map_values(one, summed).await?;
        one.integers = false;
    }
    Ok(series)
}

/// Intervals are counted from the start of the range, so one begins just there.
pub(super) async fn integral_by_interval(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let written = call.text("intervalUnit")?;
    let width = time::interval(&written)?.saturating_abs();
    if width == 0 {
        return Err(QueryError::Invalid(format!(
            "integralByInterval needs an interval longer than nothing, this one is '{written}'"
        )));
    }
    let from = call.context().from;
    let mut series = call.take_series("seriesList").await?;
    for one in &mut series {
        let name = format!("integralByInterval({},'{written}')", one.name);
        call.renew(one, name).await?;
        one.tags
            .insert("integralByInterval".to_owned(), written.clone());
        let step = one.step;
        let mut since = one.start.saturating_sub(from);
        let mut sum = 0.0;
        let summed = |value: f64| {
            let interval = since.div_euclid(width);
            if interval != since.saturating_sub(step).div_euclid(width) {
                sum = 0.0;
            }
            if !value.is_nan() {
                sum += value;
            }
            since = since.saturating_add(step);
            sum
        };
        call.map_values(one, summed).await?;
        one.integers = false;
    }
    Ok(series)
}
