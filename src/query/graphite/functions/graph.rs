//! Functions that say how pictures show series: group "Graph".

use std::collections::BTreeMap;

use super::call::Call;
use super::parameter::{Fraction, Function, Kind, Parameter, Value};
use crate::query::breath::CHUNK;
use crate::query::error::QueryError;
use crate::query::graphite::number;
use crate::query::series::{Fold, Look, Series};

const GROUP: &str = "Graph";
const SERIES_LIST: Parameter = Parameter::required("seriesList", Kind::SeriesList);
const LABEL: Parameter = Parameter::optional("label", Kind::Text, Value::None);
const COLOR: Parameter = Parameter::optional("color", Kind::Text, Value::None);

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new(
        &["alpha"],
        GROUP,
        "How opaque lines and areas are drawn, from 0 to 1.",
        &[SERIES_LIST, Parameter::required("alpha", Kind::Float)],
        |call| Box::pin(alpha(call)),
    ),
    Function::new(
        &["areaBetween"],
        GROUP,
        "The area between exactly two series.",
        &[SERIES_LIST],
        |call| Box::pin(area_between(call)),
    ),
    Function::new(
        &["color"],
        GROUP,
        "The colour of lines and areas, by its name or as hexadecimal digits.",
        &[SERIES_LIST, Parameter::required("theColor", Kind::Text)],
        |call| Box::pin(color(call)),
    ),
    Function::new(
        &["dashed"],
        GROUP,
        "Lines of dashes so many pixels long.",
        &[
            SERIES_LIST,
            Parameter::optional("dashLength", Kind::Integer, Value::Integer(5))
                .fraction(Fraction::Kept),
        ],
        |call| Box::pin(dashed(call)),
    ),
    Function::new(
        &["drawAsInfinite"],
        GROUP,
        "A line from bottom to top for every value that is not 0.",
        &[SERIES_LIST],
        |call| Box::pin(draw_as_infinite(call)),
    ),
    Function::new(
        &["lineWidth"],
        GROUP,
        "The width of lines in pixels.",
        &[SERIES_LIST, Parameter::required("width", Kind::Float)],
        |call| Box::pin(line_width(call)),
    ),
    Function::new(
        &["secondYAxis"],
        GROUP,
        "Measured by an axis of its own on the right.",
        &[SERIES_LIST],
        |call| Box::pin(second_y_axis(call)),
    ),
    Function::new(
        &["stacked"],
        GROUP,
        "Areas on top of each other. All of one name in a request are one pile.",
        &[
            SERIES_LIST.written("seriesLists"),
            Parameter::optional("stack", Kind::Text, Value::None)
                .also("stackName")
                .written("stackName='__DEFAULT__'"),
        ],
        |call| Box::pin(stacked(call)),
    ),
    Function::new(
        &["threshold"],
        GROUP,
        "A line across at one value.",
        &[Parameter::required("value", Kind::Float), LABEL, COLOR],
        |call| Box::pin(std::future::ready(threshold(call))),
    ),
    Function::new(
        &["verticalLine"],
        GROUP,
        "A line from bottom to top at one moment.",
        &[Parameter::required("ts", Kind::Date), LABEL, COLOR],
        |call| Box::pin(std::future::ready(vertical_line(call))),
    ),
];

async fn alpha(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let alpha = call.float("alpha")?;
    looking(call, |look| look.alpha = Some(alpha)).await
}

async fn color(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let color = call.text("theColor")?;
    looking(call, |look| look.color = Some(color.clone())).await
}

async fn line_width(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let width = call.float("width")?;
    looking(call, |look| look.line_width = Some(width)).await
}

async fn looking(
    call: &mut Call<'_>,
    change: impl Fn(&mut Look),
) -> Result<Vec<Series>, QueryError> {
    let mut series = call.take_series("seriesList").await?;
    for one in &mut series {
        change(&mut one.look);
        call.did(1).await?;
    }
    Ok(series)
}

async fn area_between(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let mut series = call.take_series("seriesList").await?;
    let [lower, upper] = series.as_mut_slice() else {
        return Err(QueryError::Invalid(
            "areaBetween series argument must reference *exactly* 2 series".to_owned(),
        ));
    };
    lower.look.stacked = true;
    lower.look.invisible = true;
    upper.look.stacked = true;
    let tag = ("areaBetween".to_owned(), "1".to_owned());
    upper.tags.extend([tag]);
    lower.tags = upper.tags.clone();
    let name = format!("areaBetween({})", upper.path_expression);
    call.rename(lower, name.clone()).await?;
    call.rename(upper, name).await?;
    Ok(series)
}

async fn dashed(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let (length, written) = call.number("dashLength")?;
    let shown = number::general(length);
    let mut series = call.take_series("seriesList").await?;
    for one in &mut series {
        one.look.dashed = Some(length);
        one.tags.insert("dashed".to_owned(), written.clone());
        let name = format!("dashed({}, {shown})", one.name);
        call.rename(one, name).await?;
    }
    Ok(series)
}

async fn draw_as_infinite(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    marked(call, "drawAsInfinite", |look| look.draw_as_infinite = true).await
}

async fn second_y_axis(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    marked(call, "secondYAxis", |look| look.second_y_axis = true).await
}

async fn marked(
    call: &mut Call<'_>,
    function: &str,
    change: impl Fn(&mut Look),
) -> Result<Vec<Series>, QueryError> {
    let mut series = call.take_series("seriesList").await?;
    for one in &mut series {
        change(&mut one.look);
        one.tags.insert(function.to_owned(), "1".to_owned());
        let name = format!("{function}({})", one.name);
        call.rename(one, name).await?;
    }
    Ok(series)
}

/// The stack of those who name none.
const DEFAULT_STACK: &str = "__DEFAULT__";

async fn stacked(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let stack = call.optional_text("stack");
    let stack = stack.unwrap_or_else(|| DEFAULT_STACK.to_owned());
    let mut total = call.stacks().remove(&stack).unwrap_or_default();
    // Upon others it is known no more whether they were whole numbers.
    let mut integers = total.is_empty();
    let mut series = call.take_series("seriesList").await?;
    for one in &mut series {
        let more = one.values.len().saturating_sub(total.len());
        call.pay_values(more as u64)?;
        for (chunk, values) in one.values.chunks_mut(CHUNK).enumerate() {
            let start = chunk * CHUNK;
            let end = start + values.len();
            if total.len() < end {
                total.resize(end, 0.0);
            }
            let below = total.iter_mut().skip(start);
            for (value, below) in values.iter_mut().zip(below) {
                if !value.is_nan() {
                    *below += *value;
                    *value = *below;
                }
            }
            call.did(values.len()).await?;
        }
        integers &= one.integers;
        one.integers = integers;
        // How it looked before is forgotten, as in graphite-web.
        one.look = Look {
            stacked: true,
            ..Look::default()
        };
        let name = if stack == DEFAULT_STACK {
            one.tags.insert("stacked".to_owned(), stack.clone());
            format!("stacked({})", one.name)
        } else {
            one.name.clone()
        };
        call.wrap(one, name).await?;
    }
    call.stacks().insert(stack, total);
    Ok(series)
}

fn threshold(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let value = call.float("value")?;
    let context = call.context();
    let shown = number::float(value);
    let mut line = Series {
        path_expression: format!("constantLine({shown})"),
        start: context.from,
        step: (context.until.saturating_sub(context.from) / 2).max(1),
        ..line(call, shown, value, 3)
    };
    if let Some(label) = call
        .optional_text("label")
        .filter(|label| !label.is_empty())
    {
        line.name = label;
    }
    Ok(vec![line.of_range_to(context.until)])
}

fn vertical_line(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let moment = call.optional_date("ts")?.unwrap_or_default();
    let context = call.context();
    let place = match () {
        () if moment < context.from => "before start",
        () if context.until < moment => "after end",
        () => {
            let label = call.optional_text("label").unwrap_or_default();
            let mut line = Series {
                start: moment,
                ..line(call, label, 1.0, 2)
            };
            line.look.draw_as_infinite = true;
            return Ok(vec![line.of_range_to(moment)]);
        }
    };
    Err(QueryError::Invalid(format!(
        "verticalLine(): timestamp {moment} exists {place} of range"
    )))
}

/// A series of one value, in the colour that was given.
fn line(call: &Call<'_>, name: String, value: f64, count: usize) -> Series {
    let color = call
        .optional_text("color")
        .filter(|color| !color.is_empty());
    Series {
        path_expression: name.clone(),
        tags: BTreeMap::from([("name".to_owned(), name.clone())]),
        name,
        start: 0,
        step: 1,
        values: vec![value; count],
        integers: false,
        over_s: 0,
        fold: Fold::Average,
        x_files_factor: call.x_files_factor(),
        look: Look {
            color,
            ..Look::default()
        },
    }
}
