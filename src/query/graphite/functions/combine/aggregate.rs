//! All series of some lists become one, row by row.

use std::collections::{BTreeMap, HashSet};

use super::super::aggregation::{Aggregation, Percentile};
use super::super::call::Call;
use super::super::normalise::Grid;
use super::super::special;
use super::Line;
use crate::query::breath::{CHUNK, SERIES_WORK};
use crate::query::error::QueryError;
use crate::query::graphite::number;
use crate::query::series::Series;

/// `aggregate`: the aggregation is an argument.
pub(super) async fn by_name(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let (aggregation, text) = call.aggregation("func")?;
    let x_files_factor = given_x_files_factor(call);
    let series = call.take_series("seriesList").await?;
    let made = aggregate(call, series, stem(&text), aggregation, x_files_factor).await?;
    Ok(made.into_iter().collect())
}

/// The argument of that name, or what counts without it.
pub(super) fn given_x_files_factor(call: &Call<'_>) -> f64 {
    call.optional_float("xFilesFactor")
        .unwrap_or_else(|| call.x_files_factor())
}

/// `sum` of `sumSeries`: names begin with it.
pub(super) fn stem(aggregation: &str) -> &str {
    aggregation.strip_suffix("Series").unwrap_or(aggregation)
}

/// `sumSeries` and those like it.
pub(super) async fn all(
    call: &mut Call<'_>,
    name: &str,
    aggregation: Aggregation,
) -> Result<Vec<Series>, QueryError> {
    let series = call.take_series("seriesLists").await?;
    let made = aggregate(call, series, name, aggregation, call.x_files_factor()).await?;
    Ok(made.into_iter().collect())
}

/// `multiplySeries`: a single series stays as it is.
pub(super) async fn multiply(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let mut lists = call.take_lists("seriesLists");
    if let [list] = lists.as_mut_slice()
        && list.len() == 1
    {
        return Ok(std::mem::take(list));
    }
    let series = call.joined(lists).await?;
    let x_files_factor = call.x_files_factor();
    let made = aggregate(
        call,
        series,
        "multiply",
        Aggregation::Product,
        x_files_factor,
    )
    .await?;
    Ok(made.into_iter().collect())
}

/// One series with one aggregated value per row, called `<name>Series(…)`. `None` of nothing.
pub(super) async fn aggregate(
    call: &Call<'_>,
    series: Vec<Series>,
    name: &str,
    aggregation: Aggregation,
    x_files_factor: f64,
) -> Result<Option<Series>, QueryError> {
    let paths = path_expressions(call, &series).await?;
    let common = common_tags(call, &series).await?;
    // What was counted already is no more to be counted; the others come to the same twice.
    let left = match aggregation {
        Aggregation::Count if call.is_combined() => Aggregation::Last,
        other => other,
    };
    let Some(line) = rows(call, series, left, x_files_factor).await? else {
        return Ok(None);
    };
    let mut made = line.named(call, format!("{name}Series({paths})")).await?;
    made.x_files_factor = x_files_factor;
    made.tags.extend(common);
    made.tags.insert("aggregatedBy".to_owned(), name.to_owned());
    Ok(Some(made))
}

/// One aggregated value per row. `None` of nothing.
pub(super) async fn rows(
    call: &Call<'_>,
    mut series: Vec<Series>,
    aggregation: Aggregation,
    x_files_factor: f64,
) -> Result<Option<Line>, QueryError> {
    if let Some(one) = combined(call, &mut series) {
        let integers = aggregation.gives_integers(one.integers);
        return Ok(Some(Line { integers, ..one }));
    }
    let Some(grid) = grid(call, &mut series).await? else {
        return Ok(None);
    };
    let room = series.len() as f64;
    let mut values = Vec::with_capacity(grid.len);
    let mut rows = grid.rows(call.pace());
    while let Some(row) = rows.next().await? {
        values.push(
            aggregation
                .of_many(row, room, x_files_factor, call.pace())
                .await?,
        );
    }
    let integers = aggregation.gives_integers(grid.integers);
    done(call, grid, series, values, integers).await.map(Some)
}

/// What the shards have combined comes to itself.
fn combined(call: &Call<'_>, series: &mut Vec<Series>) -> Option<Line> {
    let is_one = call.is_combined() && series.len() == 1;
    let one = is_one.then(|| series.pop()).flatten()?;
    Some(Line {
        start: one.start,
        step: one.step,
        values: one.values,
        over_s: one.over_s,
        integers: one.integers,
    })
}

/// Paid for: series far apart make rows of nothing but nulls, and those take time too.
async fn grid(call: &Call<'_>, series: &mut [Series]) -> Result<Option<Grid>, QueryError> {
    let grid = Grid::new(series, call.pace()).await?;
    if let Some(grid) = &grid {
        call.pay_values((grid.len as u64).saturating_mul(series.len() as u64))?;
    }
    Ok(grid)
}

async fn done(
    call: &Call<'_>,
    grid: Grid,
    series: Vec<Series>,
    values: Vec<f64>,
    integers: bool,
) -> Result<Line, QueryError> {
    let (start, step, over_s) = (grid.start, grid.step, grid.over_s);
    grid.free(call.pace()).await?;
    call.free(series).await?;
    Ok(Line {
        start,
        step,
        values,
        over_s,
        integers,
    })
}

/// `countSeries`: of no list at all it is a line at 0, of lists without series nothing.
pub(super) async fn count(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    if !call.is_given("seriesLists") {
        let mut line = special::constant_line(call, 0.0, "0".to_owned());
        line.path_expression = "countSeries()".to_owned();
        line.integers = true;
        return Ok(vec![line]);
    }
    let mut series = call.take_series("seriesLists").await?;
    let path = series.first().map(|one| one.path_expression.clone());
    if let (Some(path), Some(one)) = (path, combined(call, &mut series)) {
        let line = Line {
            integers: true,
            ..one
        };
        let name = format!("countSeries({path})");
        return Ok(vec![line.named(call, name).await?]);
    }
    let Some(grid) = grid(call, &mut series).await? else {
        return Ok(Vec::new());
    };
    let name = format!("countSeries({})", path_expressions(call, &series).await?);
    let count = series.len() as f64;
    let mut values = Vec::with_capacity(grid.len);
    while values.len() < grid.len {
        let some = (grid.len - values.len()).min(CHUNK);
        values.extend(std::iter::repeat_n(count, some));
        call.did(some).await?;
    }
    let line = done(call, grid, series, values, true).await?;
    Ok(vec![line.named(call, name).await?])
}

/// `percentileOfSeries`.
pub(super) async fn percentile(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let percent = call.float("n")?;
    let between = call.boolean("interpolate")?;
    let percentile = Percentile::new(percent, between)?;
    let mut series = call.take_series("seriesList").await?;
    let path = series.first().map(|one| one.path_expression.clone());
    let (Some(path), Some(grid)) = (path, grid(call, &mut series).await?) else {
        return Ok(Vec::new());
    };
    let mut values = Vec::with_capacity(grid.len);
    let mut rows = grid.rows(call.pace());
    while let Some(row) = rows.next().await? {
        values.push(percentile.of_many(row, call.pace()).await?);
    }
    let integers = grid.integers && !between;
    let line = done(call, grid, series, values, integers).await?;
    let name = format!("percentileOfSeries({path},{})", number::general(percent));
    Ok(vec![line.named(call, name).await?])
}

/// `powSeries`: its name tells names, not path expressions, and each of them.
pub(super) async fn power(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let mut series = call.take_series("seriesList").await?;
    let mut names = String::new();
    for (index, one) in series.iter().enumerate() {
        names.push_str(if index == 0 { "" } else { "," });
        names.push_str(&one.name);
        call.pace().did_series(one.name.len()).await?;
    }
    let Some(grid) = grid(call, &mut series).await? else {
        return Ok(Vec::new());
    };
    let mut values = Vec::with_capacity(grid.len);
    let mut rows = grid.rows(call.pace());
    while let Some(row) = rows.next().await? {
        let mut powers = row.iter().copied();
        let mut value = powers.next().unwrap_or(f64::NAN);
        loop {
            let before = powers.len();
            value = powers.by_ref().take(CHUNK).fold(value, to_the_power);
            call.did(1 + (before - powers.len()) * 4).await?;
            if powers.len() == 0 {
                break;
            }
        }
        values.push(value);
    }
    // One alone stays what it was.
    let integers = grid.integers && series.len() == 1;
    let line = done(call, grid, series, values, integers).await?;
    Ok(vec![line.named(call, format!("powSeries({names})")).await?])
}

/// `base` to the power of `power`. NaN where either is, and where the power is no finite number though
/// both are.
fn to_the_power(base: f64, power: f64) -> f64 {
    let raised = if base.is_nan() || power.is_nan() {
        f64::NAN
    } else {
        base.powf(power)
    };
    let overflown = raised.is_infinite() && base.is_finite() && power.is_finite();
    if overflown { f64::NAN } else { raised }
}

/// Distinct path expressions in order of first appearance.
pub(super) async fn path_expressions(
    call: &Call<'_>,
    series: &[Series],
) -> Result<String, QueryError> {
    let mut seen = HashSet::new();
    let mut text = String::new();
    for one in series {
        let path = one.path_expression.as_str();
        if seen.insert(path) {
            if seen.len() > 1 {
                text.push(',');
            }
            text.push_str(path);
        }
        call.pace().did_series(path.len()).await?;
    }
    Ok(text)
}

/// Tags that all of them have with one value.
async fn common_tags(
    call: &Call<'_>,
    series: &[Series],
) -> Result<BTreeMap<String, String>, QueryError> {
    let Some((first, others)) = series.split_first() else {
        return Ok(BTreeMap::new());
    };
    let mut tags = first.tags.clone();
    for other in others {
        tags.retain(|key, value| other.tags.get(key) == Some(value));
        call.did(SERIES_WORK).await?;
    }
    Ok(tags)
}
