//! Functions that compute series from the course of others: group "Calculate".

mod deviation;
mod halves;
mod holt_winters;
mod moving;
mod preview;
mod regression;
mod smoothed;
mod summaries;
mod whole;
pub(super) mod windows;

use super::aggregation::Aggregation;
use super::call::Call;
use super::made;
use super::parameter::{Fraction, Function, Kind, Parameter, Value};
use crate::query::error::QueryError;
use crate::query::series::Series;

const SERIES_LIST: Parameter = Parameter::required("seriesList", Kind::SeriesList);

const WINDOW_SIZE: Parameter = Parameter::required("windowSize", Kind::IntegerOrInterval)
    .suggest(WINDOWS)
    .fraction(Fraction::Kept);

const X_FILES_FACTOR: Parameter = Parameter::optional("xFilesFactor", Kind::Float, Value::None);

const DELTA: Parameter =
    Parameter::optional("delta", Kind::Integer, Value::Integer(3)).fraction(Fraction::Kept);

const BOOTSTRAP: Parameter =
    Parameter::optional("bootstrapInterval", Kind::Interval, Value::Text("7d"))
        .suggest(&[Value::Text("7d"), Value::Text("30d")]);

const SEASONALITY: Parameter =
    Parameter::optional("seasonality", Kind::Interval, Value::Text("1d"))
        .suggest(&[Value::Text("1d"), Value::Text("7d")]);

/// What editors offer for a window.
const WINDOWS: &[Value] = &[
    Value::Integer(5),
    Value::Integer(7),
    Value::Integer(10),
    Value::Text("1min"),
    Value::Text("5min"),
    Value::Text("10min"),
    Value::Text("30min"),
    Value::Text("1hour"),
];

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new(
        &["aggregateLine"],
        "Calculate",
        "A line at one value computed from the whole series.",
        &[
            SERIES_LIST,
            Parameter::optional("func", Kind::Aggregation, Value::Text("average")),
            Parameter::optional("keepStep", Kind::Boolean, Value::Boolean(false)),
        ],
        |call| Box::pin(whole::aggregate_line(call)),
    ),
    Function::new(
        &["exponentialMovingAverage"],
        "Calculate",
        "An average in which each value counts less the older it is; the longer the \
         window, the slower it follows.",
        &[SERIES_LIST.later(), WINDOW_SIZE],
        |call| Box::pin(smoothed::exponential(call)),
    ),
    Function::new(
        &["holtWintersAberration"],
        "Calculate",
        "How far values lie outside of what Holt and Winters expect of them.",
        &[SERIES_LIST.later_and_now(), DELTA, BOOTSTRAP, SEASONALITY],
        |call| Box::pin(holt_winters::aberration(call)),
    ),
    Function::new(
        &["holtWintersConfidenceArea"],
        "Calculate",
        "The area in which Holt and Winters expect the values of a series.",
        &[SERIES_LIST.later(), DELTA, BOOTSTRAP, SEASONALITY],
        |call| Box::pin(holt_winters::confidence_area(call)),
    ),
    Function::new(
        &["holtWintersConfidenceBands"],
        "Calculate",
        "The bounds between which Holt and Winters expect the values of each series.",
        &[SERIES_LIST.later(), DELTA, BOOTSTRAP, SEASONALITY],
        |call| Box::pin(holt_winters::confidence_bands(call)),
    ),
    Function::new(
        &["holtWintersForecast"],
        "Calculate",
        "What Holt and Winters forecast of each series, learned from the time before the graph.",
        &[SERIES_LIST.later(), BOOTSTRAP, SEASONALITY],
        |call| Box::pin(holt_winters::forecast(call)),
    ),
    Function::new(
        &["identity"],
        "Calculate",
        "The time in seconds since 1970, a value each minute.",
        &[Parameter::required("name", Kind::Text)],
        |call| Box::pin(identity(call)),
    ),
    Function::new(
        &["linearRegression"],
        "Calculate",
        "The straight line that comes closest to the values of the graph, or of another \
         stretch of time.",
        &[
            SERIES_LIST.later_and_now(),
            Parameter::optional("startSourceAt", Kind::Date, Value::None),
            Parameter::optional("endSourceAt", Kind::Date, Value::None),
        ],
        |call| Box::pin(regression::linear_regression(call)),
    ),
    Function::new(
        &["movingAverage"],
        "Calculate",
        "The mean of the last values, of so many points or of a length of time.",
        &[SERIES_LIST.later(), WINDOW_SIZE, X_FILES_FACTOR],
        |call| Box::pin(moving::moving(call, Aggregation::Average, "Average")),
    ),
    Function::new(
        &["movingMax"],
        "Calculate",
        "The largest of the last values, of so many points or of a length of time.",
        &[SERIES_LIST.later(), WINDOW_SIZE, X_FILES_FACTOR],
        |call| Box::pin(moving::moving(call, Aggregation::Maximum, "Max")),
    ),
    Function::new(
        &["movingMedian"],
        "Calculate",
        "The middle one of the last values, of so many points or of a length of time.",
        &[SERIES_LIST.later(), WINDOW_SIZE, X_FILES_FACTOR],
        |call| Box::pin(moving::moving(call, Aggregation::Median, "Median")),
    ),
    Function::new(
        &["movingMin"],
        "Calculate",
        "The least of the last values, of so many points or of a length of time.",
        &[SERIES_LIST.later(), WINDOW_SIZE, X_FILES_FACTOR],
        |call| Box::pin(moving::moving(call, Aggregation::Minimum, "Min")),
    ),
    Function::new(
        &["movingSum"],
        "Calculate",
        "The sum of the last values, of so many points or of a length of time.",
        &[SERIES_LIST.later(), WINDOW_SIZE, X_FILES_FACTOR],
        |call| Box::pin(moving::moving(call, Aggregation::Sum, "Sum")),
    ),
    Function::new(
        &["movingWindow"],
        "Calculate",
        "An aggregation of the last values, of so many points or of a length of time.",
        &[
            SERIES_LIST.later(),
            WINDOW_SIZE,
            Parameter::optional("func", Kind::Aggregation, Value::Text("average")),
            X_FILES_FACTOR,
        ],
        |call| Box::pin(moving::window(call)),
    ),
    Function::new(
        &["nPercentile"],
        "Calculate",
        "A line at the value below which that share of all values lies, in percent.",
        &[SERIES_LIST, Parameter::required("n", Kind::Float)],
        |call| Box::pin(whole::n_percentile(call)),
    ),
    Function::new(
        &["stdev"],
        "Calculate",
        "The standard deviation of the last so many values, null where too few of them are there.",
        &[
            SERIES_LIST,
            Parameter::required("points", Kind::Integer),
            Parameter::optional("windowTolerance", Kind::Float, Value::Float(0.1)),
        ],
        |call| Box::pin(deviation::standard_deviation(call)),
    ),
];

async fn identity(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let name = call.text("name")?;
    let path = format!("identity(\"{name}\")");
    let mut series = made::over_range(call, name, 60, |moment| moment as f64).await?;
    series.path_expression = path;
    series.integers = true;
    Ok(vec![series])
}
