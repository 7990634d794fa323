//! Series that functions make of nothing.

use std::collections::BTreeMap;

use super::call::Call;
use crate::model::series::SeriesName;
use crate::query::error::QueryError;
use crate::query::series::{Fold, Look, Series, tags_of};

/// A series called `name`, which may be the text of a tagged one, that begins with the range.
pub(super) fn made(call: &Call<'_>, name: String, step: i64, values: Vec<f64>) -> Series {
    let tags = match SeriesName::from_text(&name) {
        Ok(parsed) => tags_of(&parsed),
        Err(_) => BTreeMap::from([("name".to_owned(), name.clone())]),
    };
    Series {
        path_expression: name.clone(),
        name,
        start: call.context().from,
        step: step.max(1),
        values,
        integers: false,
        over_s: 0,
        fold: Fold::Average,
        x_files_factor: call.x_files_factor(),
        tags,
        look: Look::default(),
    }
    .of_range_to(call.context().until)
}

/// A series with a value each `step` seconds of the range of the request, its end excluded; `value`
/// says which at a moment in seconds since the epoch.
///
/// # Errors
/// [`QueryError::Invalid`] where `step` is no length; [`QueryError::Limit`] where the values are too
/// many; as [`Call::did`].
pub(super) async fn over_range(
    call: &Call<'_>,
    name: String,
    step: i64,
    value: impl Fn(i64) -> f64,
) -> Result<Series, QueryError> {
    if step <= 0 {
        return Err(QueryError::Invalid(format!(
            "a series needs a step of at least one second, not {step}"
        )));
    }
    let (from, until) = (call.context().from, call.context().until);
    let length = u64::try_from(until.saturating_sub(from)).unwrap_or(0);
    let count = length.div_ceil(step.unsigned_abs());
    call.pay_values(count)?;
    let mut values = Vec::new();
    let mut moment = from;
    for _ in 0..count {
        values.push(value(moment));
        moment = moment.saturating_add(step);
        call.did(1).await?;
    }
    Ok(made(call, name, step, values))
}

/// A line of three values over the range of the request, called as its value.
pub(super) fn constant(call: &Call<'_>, name: String, value: f64) -> Series {
    let context = call.context();
    let half = context.until.saturating_sub(context.from) / 2;
    made(call, name, half, vec![value; 3])
}
