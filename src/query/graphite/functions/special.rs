//! Functions about how series are shown, and series that come from nowhere: group "Special".

use super::call::Call;
use super::columns;
use super::made::made;
use super::parameter::{Function, Kind, Parameter, Value};
use super::walk;
use crate::query::error::QueryError;
use crate::query::graphite::number;
use crate::query::series::{Fold, Look, Series};

const SERIES_LIST: Parameter = Parameter::required("seriesList", Kind::SeriesList);

/// The names of [`Fold::NAMES`].
const FOLDS: &[Value] = &[
    Value::Text("average"),
    Value::Text("avg"),
    Value::Text("avg_zero"),
    Value::Text("first"),
    Value::Text("last"),
    Value::Text("max"),
    Value::Text("min"),
    Value::Text("sum"),
];

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new(
        &["cactiStyle"],
        "Special",
        "Names with the current, largest and smallest value behind them, in columns. Values are shown with \
         prefixes of a system, and a unit.",
        &[
            SERIES_LIST,
            Parameter::optional("system", Kind::Text, Value::None)
                .one_of(&[Value::Text("si"), Value::Text("binary")]),
            Parameter::optional("units", Kind::Text, Value::None),
        ],
        |call| Box::pin(columns::cacti_style(call)),
    ),
    Function::new(
        &["changed"],
        "Special",
        "1 where the value is another than the one before, otherwise 0.",
        &[SERIES_LIST],
        |call| Box::pin(changed(call)),
    ),
    Function::new(
        &["consolidateBy"],
        "Special",
        "How several values become one where there is no room for all.",
        &[
            SERIES_LIST,
            Parameter::required("consolidationFunc", Kind::Text).mostly_of(FOLDS),
        ],
        |call| Box::pin(consolidate_by_name(call)),
    ),
    Function::new(
        &["constantLine"],
        "Special",
        "A line at one value from the start of the request to its end.",
        &[Parameter::required("value", Kind::Float)],
        |call| Box::pin(constant(call)),
    ),
    Function::new(
        &["cumulative"],
        "Special",
        "Where there is no room for all values, their sum is shown.",
        &[SERIES_LIST],
        |call| Box::pin(consolidate_by(call, Fold::Sum, "sum")),
    ),
    Function::new(
        &["events"],
        "Special",
        "How many events with all these tags happened in each second; \"*\" is any event.",
        &[Parameter::required("tags", Kind::Text).many()],
        |call| Box::pin(events(call)),
    ),
    Function::new(
        &["fallbackSeries"],
        "Special",
        "The first list, or the second one where the first has no series.",
        &[
            SERIES_LIST,
            Parameter::required("fallback", Kind::SeriesList),
        ],
        |call| Box::pin(fallback(call)),
    ),
    Function::new(
        &["randomWalkFunction", "randomWalk"],
        "Special",
        "A walk by chance from 0, at most half up or down in each step, for when there is no data yet.",
        &[
            Parameter::required("name", Kind::Text),
            Parameter::optional("step", Kind::Integer, Value::Integer(60)),
        ],
        |call| Box::pin(walk::random_walk(call)),
    ),
    Function::new(
        &["setXFilesFactor", "xFilesFactor"],
        "Special",
        "The share of values, 0 to 1, that must be there where several become one, in these series and in \
         the functions around them.",
        &[
            SERIES_LIST,
            Parameter::required("xFilesFactor", Kind::Float),
        ],
        |call| Box::pin(set_x_files_factor(call)),
    ),
    Function::new(
        &["substr"],
        "Special",
        "The nodes of the name from the first to before the second, of the path in it if functions made it.",
        &[
            SERIES_LIST,
            Parameter::optional("start", Kind::Node, Value::Integer(0)),
            Parameter::optional("stop", Kind::Node, Value::Integer(0)),
        ],
        |call| Box::pin(substr(call)),
    ),
];

async fn consolidate_by_name(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let text = call.text("consolidationFunc")?;
    // As graphite-web, which finds out when there is something to fold.
    let fold = Fold::named(&text).unwrap_or(Fold::Unknown);
    consolidate_by(call, fold, &text).await
}

async fn consolidate_by(
    call: &mut Call<'_>,
    fold: Fold,
    text: &str,
) -> Result<Vec<Series>, QueryError> {
    let mut series = call.take_series("seriesList").await?;
    for one in &mut series {
        one.fold = fold;
        one.tags.insert("consolidateBy".to_owned(), text.to_owned());
        let name = format!("consolidateBy({},\"{text}\")", one.name);
        call.wrap(one, name).await?;
    }
    Ok(series)
}

async fn events(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let tags = call.texts("tags");
    let name = format!("events(\"{}\")", tags.join("\", \""));
    let any = tags == ["*"];
    let happened = call.events(if any { Vec::new() } else { tags }).await?;
    let context = call.context();
    let seconds = context.until.abs_diff(context.from);
    call.pay_values(seconds)?;
    let mut values = Vec::new();
    let count = usize::try_from(seconds).unwrap_or(usize::MAX);
    call.push_many(&mut values, f64::NAN, count).await?;
    for second in happened {
        let place = usize::try_from(second.saturating_sub(context.from)).ok();
        // The end of the range has no value.
        if let Some(value) = place.and_then(|place| values.get_mut(place)) {
            *value = if value.is_nan() { 1.0 } else { *value + 1.0 };
        }
        call.did(1).await?;
    }
    let mut series = made(call, name, 1, values);
    series.fold = Fold::Sum;
    series.integers = true;
    Ok(vec![series])
}

async fn set_x_files_factor(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let share = call.float("xFilesFactor")?;
    let mut series = call.take_series("seriesList").await?;
    call.set_x_files_factor(share);
    let text = number::float(share);
    for one in &mut series {
        one.x_files_factor = share;
        one.tags.insert("xFilesFactor".to_owned(), text.clone());
        call.pace().did_series(text.len()).await?;
    }
    Ok(series)
}

async fn changed(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let mut series = call.take_series("seriesList").await?;
    for one in &mut series {
        let name = format!("changed({})", one.name);
        call.wrap(one, name).await?;
        let mut before = f64::NAN;
        let has_changed = |value: f64| {
            let changed = !before.is_nan() && !value.is_nan() && value != before;
            if !value.is_nan() {
                before = value;
            }
            f64::from(u8::from(changed))
        };
        call.map_values(one, has_changed).await?;
        one.integers = true;
    }
    Ok(series)
}

async fn constant(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let value = call.float("value")?;
    Ok(vec![constant_line(call, value, number::float(value))])
}

/// Three points of `value`: at the start of the request, in its middle and at its end. `text` is the value as
/// it was given.
pub(super) fn constant_line(call: &Call<'_>, value: f64, text: String) -> Series {
    let context = call.context();
    Series {
        path_expression: format!("constantLine({text})"),
        tags: [("name".to_owned(), text.clone())].into(),
        name: text,
        start: context.from,
        step: (context.until.saturating_sub(context.from) / 2).max(1),
        values: vec![value; 3],
        integers: false,
        over_s: 0,
        fold: Fold::Average,
        x_files_factor: call.x_files_factor(),
        look: Look::default(),
    }
    .of_range_to(context.until)
}

async fn fallback(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let series = call.take_series("seriesList").await?;
    let fallback = call.take_series("fallback").await?;
    if series.is_empty() {
        return Ok(fallback);
    }
    call.free(fallback).await?;
    Ok(series)
}

async fn substr(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let (start, stop) = (call.integer("start")?, call.integer("stop")?);
    let mut series = call.take_series("seriesList").await?;
    for one in &mut series {
        let name = nodes_between(&one.name, start, stop);
        call.rename(one, name).await?;
    }
    Ok(series)
}

/// The nodes from `start` to before `stop`, 0 for all that follow, of what stands between the last opening
/// and the first closing parenthesis; up to a comma.
fn nodes_between(name: &str, start: i64, stop: i64) -> String {
    let open = name.rfind('(').map_or(0, |at| at + 1);
    let close = name.find(')').unwrap_or(name.len());
    let path = name.get(open..close).unwrap_or_default();
    let nodes: Vec<&str> = path.split('.').collect();
    let first = slice_index(start, nodes.len());
    let behind = if stop == 0 {
        nodes.len()
    } else {
        slice_index(stop, nodes.len())
    };
    let chosen = nodes.get(first..behind).unwrap_or_default().join(".");
    match chosen.split_once(',') {
        Some((before, _)) => before.to_owned(),
        None => chosen,
    }
}

/// Where `index` is in a list of `len`: one below 0 counts from the end, none is outside.
pub(super) fn slice_index(index: i64, len: usize) -> usize {
    let back = if index < 0 { len as i64 } else { 0 };
    let index = index.saturating_add(back).max(0);
    usize::try_from(index).unwrap_or(usize::MAX).min(len)
}
