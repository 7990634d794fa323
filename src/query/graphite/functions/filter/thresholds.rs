//! Series that stay or leave by how one value of each compares with a number.

use super::super::aggregation::Aggregation;
use super::super::call::Call;
use super::super::parameter::{Function, Kind, Parameter, Value};
use super::{GROUP, SERIES_AND_FLOAT, SERIES_LIST, short_aggregation, whole};
use crate::query::error::QueryError;
use crate::query::series::Series;

pub(in super::super) const FUNCTIONS: &[Function] = &[
    Function::new(
        &["averageAbove"],
        GROUP,
        "Only series whose mean is more than n.",
        SERIES_AND_FLOAT,
        |call| Box::pin(above(call, Aggregation::Average)),
    ),
    Function::new(
        &["averageBelow"],
        GROUP,
        "Only series whose mean is n or less. Those without values stay.",
        SERIES_AND_FLOAT,
        |call| Box::pin(below(call, Aggregation::Average)),
    ),
    Function::new(
        &["currentAbove"],
        GROUP,
        "Only series whose last value is more than n.",
        SERIES_AND_FLOAT,
        |call| Box::pin(above(call, Aggregation::Last)),
    ),
    Function::new(
        &["currentBelow"],
        GROUP,
        "Only series whose last value is n or less. Those without values stay.",
        SERIES_AND_FLOAT,
        |call| Box::pin(below(call, Aggregation::Last)),
    ),
    Function::new(
        &["filterSeries"],
        GROUP,
        "Only series of which an aggregation compares with the threshold as told.",
        &[
            SERIES_LIST,
            Parameter::required("func", Kind::Aggregation),
            Parameter::required("operator", Kind::Text).one_of(&[
                Value::Text("!="),
                Value::Text("<"),
                Value::Text("<="),
                Value::Text("="),
                Value::Text(">"),
                Value::Text(">="),
            ]),
            Parameter::required("threshold", Kind::Float),
        ],
        |call| Box::pin(filter_series(call)),
    ),
    Function::new(
        &["maximumAbove"],
        GROUP,
        "Only series whose largest value is more than n.",
        SERIES_AND_FLOAT,
        |call| Box::pin(above(call, Aggregation::Maximum)),
    ),
    Function::new(
        &["maximumBelow"],
        GROUP,
        "Only series whose largest value is n or less. Those without values stay.",
        SERIES_AND_FLOAT,
        |call| Box::pin(below(call, Aggregation::Maximum)),
    ),
    Function::new(
        &["minimumAbove"],
        GROUP,
        "Only series whose smallest value is more than n.",
        SERIES_AND_FLOAT,
        |call| Box::pin(above(call, Aggregation::Minimum)),
    ),
    Function::new(
        &["minimumBelow"],
        GROUP,
        "Only series whose smallest value is n or less. Those without values stay.",
        SERIES_AND_FLOAT,
        |call| Box::pin(below(call, Aggregation::Minimum)),
    ),
];

async fn above(call: &mut Call<'_>, func: Aggregation) -> Result<Vec<Series>, QueryError> {
    let threshold = call.float("n")?;
    keep(call, func, |value| value > threshold).await
}

async fn below(call: &mut Call<'_>, func: Aggregation) -> Result<Vec<Series>, QueryError> {
    let threshold = call.float("n")?;
    keep(call, func, |value| value.is_nan() || value <= threshold).await
}

async fn filter_series(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let func = short_aggregation(call, "func")?;
    let operator = call.text("operator")?;
    let threshold = call.float("threshold")?;
    // Null is unlike and less than everything.
    let holds: fn(f64, f64) -> bool = match operator.as_str() {
        "=" => |value, threshold| value == threshold,
        "!=" => |value, threshold| value != threshold,
        ">" => |value, threshold| value > threshold,
        ">=" => |value, threshold| value >= threshold,
        "<" => |value, threshold| value.is_nan() || value < threshold,
        "<=" => |value, threshold| value.is_nan() || value <= threshold,
        _ => {
            return Err(QueryError::Invalid(format!(
                "Unsupported operator: {operator}"
            )));
        }
    };
    keep(call, func, |value| holds(value, threshold)).await
}

async fn keep(
    call: &mut Call<'_>,
    func: Aggregation,
    holds: impl Fn(f64) -> bool,
) -> Result<Vec<Series>, QueryError> {
    let mut kept = Vec::new();
    for one in call.take_series("seriesList").await? {
        if holds(whole(call, &one, func).await?) {
            kept.push(one);
        } else {
            one.free(call.pace()).await?;
        }
    }
    Ok(kept)
}
