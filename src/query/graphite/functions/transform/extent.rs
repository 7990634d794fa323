//! Values told by the least and the largest of their series.

use crate::query::error::QueryError;
use crate::query::graphite::functions::Call;
use crate::query::graphite::functions::aggregation::Aggregation;
use crate::query::graphite::number;
use crate::query::series::Series;

/// NaN of a series without values.
async fn of_all(
    call: &Call<'_>,
    series: &Series,
    aggregation: Aggregation,
) -> Result<f64, QueryError> {
    aggregation
        .of_many(&series.values, 1.0, 0.0, call.pace())
        .await
}

pub(super) async fn min_max(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let mut series = call.take_series("seriesList").await?;
    for one in &mut series {
        let name = format!("minMax({})", one.name);
        call.wrap(one, name).await?;
        let least = of_all(call, one, Aggregation::Minimum).await?;
        let range = of_all(call, one, Aggregation::Maximum).await? - least;
        let place = |value: f64| match range == 0.0 && !value.is_nan() {
            true => 0.0,
            false => (value - least) / range,
        };
        call.map_values(one, place).await?;
        one.integers = false;
    }
    Ok(series)
}

pub(super) async fn offset_to_zero(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let mut series = call.take_series("seriesList").await?;
    for one in &mut series {
        let least = of_all(call, one, Aggregation::Minimum).await?;
        let shown = match least.is_nan() {
            true => "None".to_owned(),
            false => number::told(least, one.integers),
        };
        one.tags.insert("offsetToZero".to_owned(), shown);
        let name = format!("offsetToZero({})", one.name);
        call.wrap(one, name).await?;
        call.map_values(one, |value| value - least).await?;
    }
    Ok(series)
}
