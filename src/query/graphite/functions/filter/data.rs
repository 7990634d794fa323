//! Values that become null.

use super::super::call::Call;
use super::super::parameter::Function;
use super::SERIES_AND_FLOAT;
use super::percentile::{ascending, percentile};
use crate::query::error::QueryError;
use crate::query::graphite::number;
use crate::query::series::Series;

const GROUP: &str = "Filter Data";

pub(in super::super) const FUNCTIONS: &[Function] = &[
    Function::new(
        &["removeAbovePercentile"],
        GROUP,
        "No values above the n-th percentile of their series.",
        SERIES_AND_FLOAT,
        |call| {
            Box::pin(by_percentile(call, "removeAbovePercentile", |value, n| {
                value > n
            }))
        },
    ),
    Function::new(
        &["removeAboveValue"],
        GROUP,
        "No values above n.",
        SERIES_AND_FLOAT,
        |call| Box::pin(by_value(call, "removeAboveValue", |value, n| value > n)),
    ),
    Function::new(
        &["removeBelowPercentile"],
        GROUP,
        "No values below the n-th percentile of their series.",
        SERIES_AND_FLOAT,
        |call| {
            Box::pin(by_percentile(call, "removeBelowPercentile", |value, n| {
                value < n
            }))
        },
    ),
    Function::new(
        &["removeBelowValue"],
        GROUP,
        "No values below n.",
        SERIES_AND_FLOAT,
        |call| Box::pin(by_value(call, "removeBelowValue", |value, n| value < n)),
    ),
];

async fn by_value(
    call: &mut Call<'_>,
    function: &str,
    leaves: fn(f64, f64) -> bool,
) -> Result<Vec<Series>, QueryError> {
    let n = call.float("n")?;
    let mut series = call.take_series("seriesList").await?;
    for one in &mut series {
        let name = format!("{function}({}, {})", one.name, number::general(n));
        call.wrap(one, name).await?;
        remove(call, one, n, leaves).await?;
    }
    Ok(series)
}

async fn by_percentile(
    call: &mut Call<'_>,
    function: &str,
    leaves: fn(f64, f64) -> bool,
) -> Result<Vec<Series>, QueryError> {
    let n = call.float("n")?;
    let mut series = call.take_series("seriesList").await?;
    if n == 0.0 && !series.is_empty() {
        return Err(QueryError::Invalid(
            "The requested percent is required to be greater than 0".to_owned(),
        ));
    }
    for one in &mut series {
        let name = format!("{function}({}, {})", one.name, number::general(n));
        call.wrap(one, name).await?;
        let values = ascending(call, &one.values).await?;
        // Where there is no such percentile everything stays.
        if let Some(bound) = percentile(&values, n).filter(|bound| !bound.is_nan()) {
            let tag = ("nPercentile".to_owned(), number::float(n));
            one.tags.extend([tag]);
            remove(call, one, bound, leaves).await?;
        }
    }
    Ok(series)
}

async fn remove(
    call: &Call<'_>,
    series: &mut Series,
    bound: f64,
    leaves: fn(f64, f64) -> bool,
) -> Result<(), QueryError> {
    let stays = |value| {
        if leaves(value, bound) {
            f64::NAN
        } else {
            value
        }
    };
    call.map_values(series, stays).await
}
