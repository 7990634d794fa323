//! Two lists of series, taken pair by pair.

use super::super::aggregation::Aggregation;
use super::super::call::Call;
use super::aggregate::{aggregate, given_x_files_factor, stem};
use crate::query::error::QueryError;
use crate::query::series::Series;

/// `aggregateSeriesLists`: the aggregation is an argument.
pub(super) async fn aggregate_by_name(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let (aggregation, text) = call.aggregation("func")?;
    let x_files_factor = given_x_files_factor(call);
    pairs(call, stem(&text), aggregation, x_files_factor).await
}

/// `sumSeriesLists` and those like it.
pub(super) async fn aggregated(
    call: &mut Call<'_>,
    name: &str,
    aggregation: Aggregation,
) -> Result<Vec<Series>, QueryError> {
    let x_files_factor = call.x_files_factor();
    pairs(call, name, aggregation, x_files_factor).await
}

/// The aggregated pairs tell the names of the two, and as path expressions theirs.
async fn pairs(
    call: &mut Call<'_>,
    name: &str,
    aggregation: Aggregation,
    x_files_factor: f64,
) -> Result<Vec<Series>, QueryError> {
    let firsts = call.take_series("seriesListFirstPos").await?;
    let seconds = call.take_series("seriesListSecondPos").await?;
    if firsts.len() != seconds.len() {
        return Err(QueryError::Invalid(
            "seriesListFirstPos and seriesListSecondPos argument must have equal length".to_owned(),
        ));
    }
    let mut made = Vec::with_capacity(firsts.len());
    for (first, second) in firsts.into_iter().zip(seconds) {
        let text = format!("{name}Series({},{})", first.name, second.name);
        let pair = vec![first, second];
        if let Some(mut one) = aggregate(call, pair, name, aggregation, x_files_factor).await? {
            call.rename(&mut one, text).await?;
            made.push(one);
        }
    }
    Ok(made)
}
