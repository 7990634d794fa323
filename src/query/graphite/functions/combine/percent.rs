//! `asPercent`: each series in percent of a total.

use std::collections::{BTreeMap, HashMap};

use super::super::aggregation::Aggregation;
use super::super::alias::node_key;
use super::super::arguments::Literal;
use super::super::call::Call;
use super::Line;
use super::aggregate::{path_expressions, rows};
use super::by_node::grouped;
use super::divide::{divided, without_names, zipped};
use crate::query::breath::CHUNK;
use crate::query::error::QueryError;
use crate::query::graphite::number;
use crate::query::series::Series;

/// What the argument `total` may be.
enum Total {
    /// It was not given: the sum of the series.
    Sum,
    /// A number, and as Python shows it.
    Number(f64, String),
    /// Series.
    List(Vec<Series>),
}

pub(super) async fn as_percent(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let nodes = call.literals("nodes");
    let total = total(call).await?;
    let series = call.take_series("seriesList").await?;
    if series.is_empty() {
        return Ok(Vec::new());
    }
    if !nodes.is_empty() {
        return by_nodes(call, series, total, &nodes).await;
    }
    match total {
        Total::Sum => {
            let total = sum(call, &series).await?;
            of_one(call, series, &total).await
        }
        Total::Number(number, text) => of_number(call, series, number, &text).await,
        Total::List(list) if list.len() == series.len() => pairs(call, series, list).await,
        Total::List(list) => match list.as_slice() {
            [total] => of_one(call, series, total).await,
            _ => Err(QueryError::Invalid(
                "asPercent second argument must be missing, a single digit, reference exactly 1 series \
                 or reference the same number of series as the first argument"
                    .to_owned(),
            )),
        },
    }
}

async fn total(call: &mut Call<'_>) -> Result<Total, QueryError> {
    match call.literals("total").into_iter().next() {
        Some(Literal::Integer(number)) => Ok(Total::Number(number as f64, number.to_string())),
        Some(Literal::Float(number)) => Ok(Total::Number(number, number::float(number))),
        Some(other) => {
            let shown = match other {
                Literal::Text(text) => format!("'{text}'"),
                _ => "this".to_owned(),
            };
            Err(QueryError::Invalid(format!(
                "Invalid \"any\" value specified for function \"asPercent\" parameter \"total\": \
                 {shown}; it may be a number or series"
            )))
        }
        None if call.is_given("total") => call.take_series("total").await.map(Total::List),
        None => Ok(Total::Sum),
    }
}

/// `value` in percent of `total`; NaN where either is, and of a total of zero.
fn percent(value: f64, total: f64) -> f64 {
    divided(value, total) * 100.0
}

async fn of_one(
    call: &Call<'_>,
    series: Vec<Series>,
    total: &Series,
) -> Result<Vec<Series>, QueryError> {
    let mut made = Vec::with_capacity(series.len());
    for one in series {
        made.push(of_total(call, one, total).await?);
    }
    Ok(made)
}

async fn of_total(call: &Call<'_>, series: Series, total: &Series) -> Result<Series, QueryError> {
    let name = name_of(call, &series.name, &total.name)?;
    let line = zipped(call, series, total, percent).await?;
    line.named(call, name).await
}

/// Paid for before it is made, for the name of a sum can be long and there is one for each series.
fn name_of(call: &Call<'_>, series: &str, total: &str) -> Result<String, QueryError> {
    call.pay_bytes((series.len() + total.len()) as u64)?;
    Ok(format!("asPercent({series},{total})"))
}

async fn of_number(
    call: &Call<'_>,
    series: Vec<Series>,
    total: f64,
    text: &str,
) -> Result<Vec<Series>, QueryError> {
    let mut made = Vec::with_capacity(series.len());
    for mut one in series {
        call.map_values(&mut one, |value| percent(value, total))
            .await?;
        let name = name_of(call, &one.name, text)?;
        let line = Line {
            start: one.start,
            step: one.step,
            values: one.values,
            over_s: one.over_s,
            integers: false,
        };
        made.push(line.named(call, name).await?);
    }
    Ok(made)
}

/// Both lists sorted by name, the first with the first and so on.
async fn pairs(
    call: &Call<'_>,
    series: Vec<Series>,
    totals: Vec<Series>,
) -> Result<Vec<Series>, QueryError> {
    let mut made = Vec::with_capacity(series.len());
    let series = by_name(call, series).await?;
    let totals = by_name(call, totals).await?;
    for (one, total) in series.into_values().zip(totals.into_values()) {
        made.push(of_total(call, one, &total).await?);
        total.free(call.pace()).await?;
    }
    Ok(made)
}

/// In the order of their names, those of one name as they came; each is put in by itself, for sorting could
/// not be done in pieces.
async fn by_name(
    call: &Call<'_>,
    series: Vec<Series>,
) -> Result<BTreeMap<(String, usize), Series>, QueryError> {
    let mut ordered = BTreeMap::new();
    for (place, one) in series.into_iter().enumerate() {
        call.pay_bytes(one.name.len() as u64)?;
        call.pace().did_series(one.name.len()).await?;
        ordered.insert((one.name.clone(), place), one);
    }
    Ok(ordered)
}

/// Each series in percent of the total with the same nodes. What has no counterpart is all null, and
/// totals without a series come last.
async fn by_nodes(
    call: &Call<'_>,
    series: Vec<Series>,
    total: Total,
    nodes: &[Literal],
) -> Result<Vec<Series>, QueryError> {
    let groups = grouped(call, series, |one| node_key(one, nodes)).await?;
    let mut made = Vec::new();
    let totals = match total {
        Total::Number(..) => {
            return Err(QueryError::Invalid(
                "total must be None or a seriesList".to_owned(),
            ));
        }
        Total::Sum => {
            for (_, list) in groups {
                let total = total_of(call, &list).await?;
                made.append(&mut of_one(call, list, &total).await?);
            }
            return Ok(made);
        }
        Total::List(list) => grouped(call, list, |one| node_key(one, nodes)).await?,
    };
    let mut places: HashMap<&str, usize> = HashMap::with_capacity(totals.len());
    for (place, (key, _)) in totals.iter().enumerate() {
        places.insert(key, place);
        call.did(1).await?;
    }
    let mut is_matched = vec![false; totals.len()];
    for (key, list) in groups {
        let place = places.get(key.as_str()).copied();
        let Some((_, total)) = place.and_then(|place| totals.get(place)) else {
            for one in list {
                let name = name_of(call, &one.name, "MISSING")?;
                made.push(Line::nulls(one, call).await?.named(call, name).await?);
            }
            continue;
        };
        if let Some(matched) = place.and_then(|place| is_matched.get_mut(place)) {
            *matched = true;
        }
        let total = total_of(call, total).await?;
        made.append(&mut of_one(call, list, &total).await?);
    }
    for ((_, list), matched) in totals.into_iter().zip(is_matched) {
        if matched {
            call.free(list).await?;
            continue;
        }
        let total = total_of(call, &list).await?;
        let name = name_of(call, "MISSING", &total.name)?;
        made.push(Line::nulls(total, call).await?.named(call, name).await?);
    }
    Ok(made)
}

/// A single series itself, the sum of several.
async fn total_of(call: &Call<'_>, list: &[Series]) -> Result<Series, QueryError> {
    let [one] = list else {
        return sum(call, list).await;
    };
    let mut total = without_names(call, one).await?;
    total.name.clone_from(&one.name);
    Ok(total)
}

/// The sum of `series`, called `sumSeries(…)`, however few values are there. They stay.
async fn sum(call: &Call<'_>, series: &[Series]) -> Result<Series, QueryError> {
    let name = format!("sumSeries({})", path_expressions(call, series).await?);
    let mut total = match like_each_other(series) {
        Some(first) => sum_of_columns(call, first, series).await?,
        None => sum_of_rows(call, series).await?,
    };
    total.name = name;
    Ok(total)
}

/// The longest of `series` if all have its start and step.
fn like_each_other(series: &[Series]) -> Option<&Series> {
    let longest = series.iter().max_by_key(|one| one.values.len())?;
    let same = |one: &Series| (one.start, one.step) == (longest.start, longest.step);
    series.iter().all(same).then_some(longest)
}

/// Series after series, which adds the values of a moment in the same order as row after row.
async fn sum_of_columns(
    call: &Call<'_>,
    longest: &Series,
    series: &[Series],
) -> Result<Series, QueryError> {
    call.pay_values(longest.values.len() as u64)?;
    let mut values = vec![f64::NAN; longest.values.len()];
    for one in series {
        for (sums, some) in values.chunks_mut(CHUNK).zip(one.values.chunks(CHUNK)) {
            for (sum, value) in sums.iter_mut().zip(some) {
                *sum = if sum.is_nan() {
                    *value
                } else if value.is_nan() {
                    *sum
                } else {
                    *sum + *value
                };
            }
            call.did(some.len()).await?;
        }
        call.did(1).await?;
    }
    let line = Line {
        start: longest.start,
        step: longest.step,
        values,
        over_s: longest.over_s,
        integers: false,
    };
    Ok(line.unnamed())
}

/// On a common grid, of copies.
async fn sum_of_rows(call: &Call<'_>, series: &[Series]) -> Result<Series, QueryError> {
    let mut copies = Vec::with_capacity(series.len());
    for one in series {
        copies.push(without_names(call, one).await?);
    }
    let line = rows(call, copies, Aggregation::Sum, 0.0).await?;
    let nothing = Line {
        start: 0,
        step: 1,
        values: Vec::new(),
        over_s: 0,
        integers: false,
    };
    Ok(line.unwrap_or(nothing).unnamed())
}
