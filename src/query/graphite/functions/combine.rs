//! Functions that make one series of many: group "Combine".

use std::collections::{BTreeMap, HashSet};

use super::aggregation::Aggregation;
use super::arguments::Call;
use super::normalise::Grid;
use super::parameter::{Function, Kind, Parameter};
use crate::query::error::QueryError;
use crate::query::series::{Fold, Series};

const SERIES_LISTS: Parameter = Parameter::required("seriesLists", Kind::SeriesList).many();

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        names: &["averageSeries", "avg"],
        group: "Combine",
        parameters: &[SERIES_LISTS],
        run: |call| aggregate_all(call, "average", Aggregation::Average),
    },
    Function {
        names: &["group"],
        group: "Combine",
        parameters: &[Parameter {
            required: false,
            ..SERIES_LISTS
        }],
        run: |call| Ok(call.take_series("seriesLists")),
    },
    Function {
        names: &["sumSeries", "sum"],
        group: "Combine",
        parameters: &[SERIES_LISTS],
        run: |call| aggregate_all(call, "sum", Aggregation::Sum),
    },
];

fn aggregate_all(
    call: &mut Call<'_>,
    name: &str,
    aggregation: Aggregation,
) -> Result<Vec<Series>, QueryError> {
    let series = call.take_series("seriesLists");
    let x_files_factor = call.context().x_files_factor;
    let combined = aggregate(call, series, name, aggregation, x_files_factor)?;
    Ok(combined.into_iter().collect())
}

/// One series with one aggregated value per row, called `<name>Series(…)`. `None` of nothing.
pub(super) fn aggregate(
    call: &Call<'_>,
    mut series: Vec<Series>,
    name: &str,
    aggregation: Aggregation,
    x_files_factor: f64,
) -> Result<Option<Series>, QueryError> {
    let Some(grid) = Grid::new(&mut series)? else {
        return Ok(None);
    };
    // Series far apart make rows of nothing but nulls, and those take time too.
    call.pay_values((grid.len as u64).saturating_mul(series.len() as u64))?;
    let text = format!("{name}Series({})", path_expressions(&series));
    let mut tags = common_tags(&series);
    tags.entry("name".to_owned())
        .or_insert_with(|| text.clone());
    tags.insert("aggregatedBy".to_owned(), name.to_owned());
    let room = series.len() as f64;
    let mut values = Vec::with_capacity(grid.len);
    grid.rows(|row| values.push(aggregation.of_enough(row, room, x_files_factor)));
    Ok(Some(Series {
        path_expression: text.clone(),
        name: text,
        start: grid.start,
        step: grid.step,
        values,
        fold: Fold::Average,
        x_files_factor,
        tags,
    }))
}

/// Distinct path expressions in order of first appearance.
fn path_expressions(series: &[Series]) -> String {
    let mut seen = HashSet::new();
    let paths = series.iter().map(|one| one.path_expression.as_str());
    let distinct: Vec<&str> = paths.filter(|path| seen.insert(*path)).collect();
    distinct.join(",")
}

/// Tags that all of them have with one value.
fn common_tags(series: &[Series]) -> BTreeMap<String, String> {
    let Some((first, others)) = series.split_first() else {
        return BTreeMap::new();
    };
    let mut tags = first.tags.clone();
    for other in others {
        tags.retain(|key, value| other.tags.get(key) == Some(value));
    }
    tags
}
