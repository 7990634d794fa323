//! Functions that leave series or values out: groups "Filter Series" and "Filter Data".

pub(super) mod data;
pub(super) mod names;
pub(super) mod percentile;
pub(super) mod ranking;
pub(super) mod thresholds;

use super::aggregation::Aggregation;
use super::call::Call;
use super::parameter::{Fraction, Kind, Parameter};
use crate::query::error::QueryError;
use crate::query::series::Series;

const GROUP: &str = "Filter Series";
const SERIES_LIST: Parameter = Parameter::required("seriesList", Kind::SeriesList);
const SERIES_AND_FLOAT: &[Parameter] = &[SERIES_LIST, Parameter::required("n", Kind::Float)];
const SERIES_AND_COUNT: &[Parameter] = &[SERIES_LIST, Parameter::required("n", Kind::Integer)];
/// The same, of functions whose count may have a fraction.
const SERIES_AND_ABOUT: &[Parameter] = &[SERIES_LIST, ABOUT];
const ABOUT: Parameter = Parameter::required("n", Kind::Integer).fraction(Fraction::Cut);

/// The aggregation given to parameter `name`, which has no longer form here: `sum`, not `sumSeries`.
///
/// # Errors
/// Where it has, as graphite-web.
pub(super) fn short_aggregation(call: &Call<'_>, name: &str) -> Result<Aggregation, QueryError> {
    let (aggregation, text) = call.aggregation(name)?;
    if text.ends_with("Series") {
        return Err(QueryError::Invalid(format!(
            "Unsupported aggregation function: {text}"
        )));
    }
    Ok(aggregation)
}

/// All of `series` as one value; NaN is null.
///
/// # Errors
/// As [`Call::did`].
pub(super) async fn whole(
    call: &Call<'_>,
    series: &Series,
    aggregation: Aggregation,
) -> Result<f64, QueryError> {
    let value = aggregation
        .of_many(&series.values, 1.0, 0.0, call.pace())
        .await?;
    // Of nothing but nulls these two are still something.
    Ok(match aggregation {
        Aggregation::Count if value.is_nan() => 0.0,
        Aggregation::AverageZero if value.is_nan() && !series.values.is_empty() => 0.0,
        _ => value,
    })
}
