//! Names with values in them.

use super::super::aggregation::Aggregation;
use super::super::arguments::missing;
use super::super::call::Call;
use super::super::filter::whole;
use super::super::parameter::{Function, Kind, Parameter, Value};
use super::{GROUP, SERIES_LIST};
use crate::query::error::QueryError;
use crate::query::graphite::number;
use crate::query::series::Series;

pub(in super::super) const FUNCTIONS: &[Function] = &[Function::new(
    &["legendValue"],
    GROUP,
    "One value or several behind the name, each by the name of its aggregation; with si or binary as \
     the last argument in columns, with prefixes of units.",
    &[
        SERIES_LIST,
        Parameter {
            required: false,
            ..Parameter::required("valuesTypes", Kind::Text)
                .written("*valueTypes")
                .many()
                .mostly_of(OPTIONS)
        },
    ],
    |call| Box::pin(legend_value(call)),
)];

/// What graphite-web lists. It accepts the long forms, and then shows `(?)`.
const OPTIONS: &[Value] = &[
    Value::Text("average"),
    Value::Text("averageSeries"),
    Value::Text("avg"),
    Value::Text("avgSeries"),
    Value::Text("avg_zero"),
    Value::Text("avg_zeroSeries"),
    Value::Text("binary"),
    Value::Text("count"),
    Value::Text("countSeries"),
    Value::Text("current"),
    Value::Text("currentSeries"),
    Value::Text("diff"),
    Value::Text("diffSeries"),
    Value::Text("last"),
    Value::Text("lastSeries"),
    Value::Text("max"),
    Value::Text("maxSeries"),
    Value::Text("median"),
    Value::Text("medianSeries"),
    Value::Text("min"),
    Value::Text("minSeries"),
    Value::Text("multiply"),
    Value::Text("multiplySeries"),
    Value::Text("range"),
    Value::Text("rangeOf"),
    Value::Text("rangeOfSeries"),
    Value::Text("rangeSeries"),
    Value::Text("si"),
    Value::Text("stddev"),
    Value::Text("stddevSeries"),
    Value::Text("sum"),
    Value::Text("sumSeries"),
    Value::Text("total"),
    Value::Text("totalSeries"),
];

/// Prefixes of units, and from which size on.
type Units = [(&'static str, f64); 5];

const SI: Units = [("P", 1e15), ("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)];
const BINARY: Units = [
    ("Pi", 1_125_899_906_842_624.0),
    ("Ti", 1_099_511_627_776.0),
    ("Gi", 1_073_741_824.0),
    ("Mi", 1_048_576.0),
    ("Ki", 1_024.0),
];

async fn legend_value(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let mut types = call.texts("valuesTypes");
    let units = match types.last().map(String::as_str) {
        Some("si") => Some(&SI),
        Some("binary") => Some(&BINARY),
        Some(_) => None,
        None => return Err(missing("valuesTypes", "legendValue")),
    };
    if units.is_some() {
        types.pop();
    }
    let mut series = call.take_series("seriesList").await?;
    for one in &mut series {
        let mut name = one.name.clone();
        for text in &types {
            let value = match Aggregation::named(text).filter(|_| !text.ends_with("Series")) {
                None => "(?)".to_owned(),
                Some(func) => {
                    let value = whole(call, one, func).await?;
                    shown(value, func.gives_integers(one.integers), units)
                }
            };
            match units {
                None => name.push_str(&format!(" ({text}: {value})")),
                Some(_) => name = format!("{name:<20}{text:<5}{value:<10}"),
            }
        }
        call.rename(one, name).await?;
    }
    Ok(series)
}

fn shown(value: f64, is_integer: bool, units: Option<&Units>) -> String {
    if value.is_nan() {
        return "None".to_owned();
    }
    match units {
        Some(units) => {
            let unit = units.iter().find(|unit| unit.1 <= value.abs());
            let (prefix, size) = unit.copied().unwrap_or(("", 1.0));
            let value = value / size;
            if value.is_finite() {
                format!("{value:.2}{prefix}")
            } else {
                format!("{}{prefix}", number::general(value))
            }
        }
        None => number::told(value, is_integer),
    }
}
