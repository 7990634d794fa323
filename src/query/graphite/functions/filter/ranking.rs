//! The first series of an order.

use std::cmp::Ordering;

use super::super::aggregation::Aggregation;
use super::super::call::Call;
use super::super::parameter::{Function, Kind, Parameter, Value};
use super::super::sorting::{by_value, sorted};
use super::{ABOUT, GROUP, SERIES_AND_ABOUT, SERIES_AND_COUNT, SERIES_LIST, short_aggregation};
use crate::query::error::QueryError;
use crate::query::series::Series;

const SERIES_COUNT_AND_FUNC: &[Parameter] = &[
    SERIES_LIST,
    ABOUT.unsaid(Value::Integer(1)).written("n=1"),
    Parameter::optional("func", Kind::Aggregation, Value::Text("average")),
];

pub(in super::super) const FUNCTIONS: &[Function] = &[
    Function::new(
        &["highest"],
        GROUP,
        "The n series of which an aggregation is largest, the largest first.",
        SERIES_COUNT_AND_FUNC,
        |call| Box::pin(ranked(call, None, true)),
    ),
    Function::new(
        &["highestAverage"],
        GROUP,
        "The n series with the largest mean, the largest first.",
        SERIES_AND_ABOUT,
        |call| Box::pin(ranked(call, Some(Aggregation::Average), true)),
    ),
    Function::new(
        &["highestCurrent"],
        GROUP,
        "The n series with the largest last value, the largest first.",
        SERIES_AND_ABOUT,
        |call| Box::pin(ranked(call, Some(Aggregation::Last), true)),
    ),
    Function::new(
        &["highestMax"],
        GROUP,
        "The n series with the largest maximum, the largest first.",
        SERIES_AND_ABOUT,
        |call| Box::pin(ranked(call, Some(Aggregation::Maximum), true)),
    ),
    Function::new(
        &["limit"],
        GROUP,
        "The first n series.",
        SERIES_AND_COUNT,
        |call| Box::pin(limit(call)),
    ),
    Function::new(
        &["lowest"],
        GROUP,
        "The n series of which an aggregation is smallest, the smallest first. Those without values \
         come before all.",
        SERIES_COUNT_AND_FUNC,
        |call| Box::pin(ranked(call, None, false)),
    ),
    Function::new(
        &["lowestAverage"],
        GROUP,
        "The n series with the smallest mean, those without values first.",
        SERIES_AND_ABOUT,
        |call| Box::pin(ranked(call, Some(Aggregation::Average), false)),
    ),
    Function::new(
        &["lowestCurrent"],
        GROUP,
        "The n series with the smallest last value, those without values first.",
        SERIES_AND_ABOUT,
        |call| Box::pin(ranked(call, Some(Aggregation::Last), false)),
    ),
    Function::new(
        &["mostDeviant"],
        GROUP,
        "The n series whose values stray most from their mean, the most first.",
        SERIES_AND_COUNT,
        |call| Box::pin(most_deviant(call)),
    ),
];

/// The first `n` by what is given, or by parameter `func`.
async fn ranked(
    call: &mut Call<'_>,
    func: Option<Aggregation>,
    descending: bool,
) -> Result<Vec<Series>, QueryError> {
    let func = match func {
        Some(func) => func,
        None => short_aggregation(call, "func")?,
    };
    let count = call.integer("n")?;
    let series = call.take_series("seriesList").await?;
    let series = by_value(call, series, func, descending).await?;
    first(call, series, count).await
}

async fn limit(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let count = call.integer("n")?;
    let series = call.take_series("seriesList").await?;
    first(call, series, count).await
}

/// The first `count`; below 0 all but so many at the end, as Python slices.
async fn first(
    call: &Call<'_>,
    mut series: Vec<Series>,
    count: i64,
) -> Result<Vec<Series>, QueryError> {
    let most = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    let count = match count < 0 {
        true => series.len().saturating_sub(most),
        false => series.len().min(most),
    };
    let rest = series.split_off(count);
    call.free(rest).await?;
    Ok(series)
}

async fn most_deviant(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let count = call.integer("n")?;
    let mut deviants = Vec::new();
    for one in call.take_series("seriesList").await? {
        let variance = variance(call, &one).await?;
        if variance.is_nan() {
            one.free(call.pace()).await?;
        } else {
            deviants.push((variance, one));
        }
    }
    let descending =
        |a: &(f64, Series), b: &(f64, Series)| b.0.partial_cmp(&a.0).unwrap_or(Ordering::Equal);
    let deviants = sorted(call, deviants, descending).await?;
    let series = deviants.into_iter().map(|(_, one)| one).collect();
    first(call, series, count).await
}

/// Mean square of the distances from the mean; NaN without values.
async fn variance(call: &Call<'_>, series: &Series) -> Result<f64, QueryError> {
    let mean = super::whole(call, series, Aggregation::Average).await?;
    let (mut squares, mut count) = (0.0, 0.0);
    for some in series.values.chunks(crate::query::breath::CHUNK) {
        for value in some.iter().filter(|value| !value.is_nan()) {
            squares += (value - mean).powi(2);
            count += 1.0;
        }
        call.did(some.len()).await?;
    }
    Ok(squares / count)
}
