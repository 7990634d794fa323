//! One value computed from a whole series, drawn as a line.

use super::super::aggregation::{Aggregation, ranked};
use super::super::made;
use crate::query::error::QueryError;
use crate::query::graphite::functions::Call;
use crate::query::graphite::number;
use crate::query::series::Series;

pub(super) async fn aggregate_line(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let (aggregation, _) = call.aggregation("func")?;
    let keep_step = call.boolean("keepStep")?;
    let mut lines = Vec::new();
    for mut one in call.take_series("seriesList").await? {
        let value = of_all(call, &one, aggregation).await?;
        let integers = aggregation.gives_integers(one.integers);
        let (shown, written) = match aggregation {
            _ if value.is_nan() => ("None".to_owned(), "None".to_owned()),
            _ => (number::general(value), number::told(value, integers)),
        };
        let name = format!("aggregateLine({}, {shown})", one.name);
        if keep_step {
            call.map_values(&mut one, |_| value).await?;
            call.renew(&mut one, name).await?;
            one.integers = integers;
            lines.push(one);
        } else {
            let mut line = made::constant(call, written, value);
            line.integers = integers;
            call.wrap(&mut line, name).await?;
            lines.push(line);
            one.free(call.pace()).await?;
        }
    }
    Ok(lines)
}

/// NaN if there is none; but there is a count of nothing, and a mean of nulls that are zeros.
async fn of_all(
    call: &Call<'_>,
    series: &Series,
    aggregation: Aggregation,
) -> Result<f64, QueryError> {
    let values = &series.values;
    let value = aggregation.of_many(values, 1.0, 0.0, call.pace()).await?;
    let of_nothing = aggregation == Aggregation::Count
        || aggregation == Aggregation::AverageZero && !values.is_empty();
    Ok(if value.is_nan() && of_nothing {
        0.0
    } else {
        value
    })
}

pub(super) async fn n_percentile(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let percent = call.float("n")?;
    if percent <= 0.0 {
        return Err(QueryError::Invalid(
            "The requested percent is required to be greater than 0".to_owned(),
        ));
    }
    let mut lines = Vec::new();
    for mut one in call.take_series("seriesList").await? {
        let present = Aggregation::Count
            .of_many(&one.values, 1.0, 0.0, call.pace())
            .await?;
        if present.is_nan() {
            one.free(call.pace()).await?;
            continue;
        }
        let rank = (percent / 100.0 * (present + 1.0)).ceil();
        if present + 1.0 < rank {
            return Err(QueryError::Invalid(format!(
                "there is no percentile {}",
                number::general(percent)
            )));
        }
        let rank = (rank.min(present).max(1.0) - 1.0) as u64;
        let value = ranked(&one.values, rank, call.pace()).await?;
        call.map_values(&mut one, |_| value).await?;
        one.tags
            .insert("nPercentile".to_owned(), number::float(percent));
        let name = format!("nPercentile({}, {})", one.name, number::general(percent));
        call.renew(&mut one, name).await?;
        lines.push(one);
    }
    Ok(lines)
}
