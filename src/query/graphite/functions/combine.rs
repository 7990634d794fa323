//! Functions that make one series of many: group "Combine".

use std::collections::{BTreeMap, HashSet};

use super::aggregation::Aggregation;
use super::call::Call;
use super::normalise::Grid;
use super::parameter::{Function, Kind, Parameter};
use crate::query::breath::SERIES_WORK;
use crate::query::error::QueryError;
use crate::query::series::{Fold, Look, Series};

const SERIES_LISTS: Parameter = Parameter::required("seriesLists", Kind::SeriesList).many();

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new(
        &["averageSeries", "avg"],
        "Combine",
        "The mean of the values of each moment.",
        &[SERIES_LISTS],
        |call| Box::pin(aggregate_all(call, "average", Aggregation::Average)),
    )
    .aggregator(),
    Function::new(
        &["group"],
        "Combine",
        "All series of several lists as one list.",
        &[Parameter {
            required: false,
            ..SERIES_LISTS
        }],
        |call| Box::pin(call.take_series("seriesLists")),
    ),
    Function::new(
        &["sumSeries", "sum"],
        "Combine",
        "The sum of the values of each moment.",
        &[SERIES_LISTS],
        |call| Box::pin(aggregate_all(call, "sum", Aggregation::Sum)),
    )
    .aggregator(),
];

async fn aggregate_all(
    call: &mut Call<'_>,
    name: &str,
    aggregation: Aggregation,
) -> Result<Vec<Series>, QueryError> {
    let series = call.take_series("seriesLists").await?;
    let x_files_factor = call.x_files_factor();
    let combined = aggregate(call, series, name, aggregation, x_files_factor).await?;
    Ok(combined.into_iter().collect())
}

/// One series with one aggregated value per row, called `<name>Series(…)`. `None` of nothing.
pub(super) async fn aggregate(
    call: &Call<'_>,
    mut series: Vec<Series>,
    name: &str,
    aggregation: Aggregation,
    x_files_factor: f64,
) -> Result<Option<Series>, QueryError> {
    let Some(grid) = Grid::new(&mut series, call.pace()).await? else {
        return Ok(None);
    };
    // Series far apart make rows of nothing but nulls, and those take time too.
    call.pay_values((grid.len as u64).saturating_mul(series.len() as u64))?;
    let text = format!("{name}Series({})", path_expressions(call, &series).await?);
    let mut tags = common_tags(call, &series).await?;
    tags.entry("name".to_owned())
        .or_insert_with(|| text.clone());
    tags.insert("aggregatedBy".to_owned(), name.to_owned());
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
    let (start, step) = (grid.start, grid.step);
    grid.free(call.pace()).await?;
    call.free(series).await?;
    Ok(Some(Series {
        path_expression: text.clone(),
        name: text,
        start,
        step,
        values,
        fold: Fold::Average,
        x_files_factor,
        tags,
        look: Look::default(),
    }))
}

/// Distinct path expressions in order of first appearance.
async fn path_expressions(call: &Call<'_>, series: &[Series]) -> Result<String, QueryError> {
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
