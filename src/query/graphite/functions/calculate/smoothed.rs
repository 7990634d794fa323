//! Averages in which older values count less and less.

use super::preview::{Ends, Preview, begin_later};
use crate::query::error::QueryError;
use crate::query::graphite::functions::Call;
use crate::query::graphite::functions::aggregation::Aggregation;
use crate::query::graphite::number;
use crate::query::series::Series;

/// Begins with the mean of the first window, of which the answer shows one value more than the range
/// has.
pub(super) async fn exponential(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let preview = Preview::of(call, "exponentialMovingAverage").await?;
    // A length of time counts its seconds, whatever the step.
    let length = preview.points.unwrap_or(preview.seconds);
    let weight = 2.0 / (length as f64 + 1.0);
    let (seconds, shown, written) = (preview.seconds, &preview.shown, &preview.written);
    let windows: Vec<usize> = preview
        .series
        .iter()
        .map(|one| preview.window(one))
        .collect();
    let mut smoothed = Vec::with_capacity(preview.series.len());
    for (mut one, size) in preview.series.into_iter().zip(windows) {
        let (first, others) = one.values.split_at(size.min(one.values.len()));
        let mean = Aggregation::Average
            .of_many(first, 1.0, 0.0, call.pace())
            .await?;
        let mut average = if mean.is_nan() { 0.0 } else { mean };
        call.pay_values(1 + others.len() as u64)?;
        let mut values = vec![number::round_to_micro(average)];
        let begins_with_nothing = average == 0.0;
        let mut first_value = usize::MAX;
        for value in others {
            if value.is_nan() {
                values.push(f64::NAN);
            } else {
                first_value = first_value.min(values.len());
                average = weight * value + (1.0 - weight) * average;
                values.push(number::round_to_micro(average));
            }
            call.did(1).await?;
        }
        let ends = Ends::of(&one);
        // Of nothing graphite-web makes the whole number 0; it is told so where no other value is shown.
        call.put_values(&mut one, values).await?;
        begin_later(&mut one, seconds, ends);
        one.integers = begins_with_nothing && one.values.len() <= first_value;
        one.tags
            .insert("exponentialMovingAverage".to_owned(), written.clone());
        let name = format!("exponentialMovingAverage({},{shown})", one.name);
        call.renew(&mut one, name).await?;
        smoothed.push(one);
    }
    Ok(smoothed)
}
