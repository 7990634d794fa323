//! The aggregation of the last values before each moment, and of its own.

use super::preview::{Ends, Preview, begin_later};
use super::windows::Windows;
use crate::query::error::QueryError;
use crate::query::graphite::functions::Call;
use crate::query::graphite::functions::aggregation::Aggregation;
use crate::query::series::Series;

pub(super) async fn window(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let (aggregation, written) = call.aggregation("func")?;
    moving(call, aggregation, &capitalized(&written)).await
}

/// Python's `capitalize`.
fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_ascii_uppercase());
    first
        .into_iter()
        .chain(chars.map(|other| other.to_ascii_lowercase()))
        .collect()
}

/// The function `moving<what>`.
pub(super) async fn moving(
    call: &mut Call<'_>,
    aggregation: Aggregation,
    what: &str,
) -> Result<Vec<Series>, QueryError> {
    let function = format!("moving{what}");
    let given_share = call.optional_float("xFilesFactor");
    let preview = Preview::of(call, &function).await?;
    let mut moved = Vec::with_capacity(preview.series.len());
    let (seconds, shown, written) = (preview.seconds, &preview.shown, &preview.written);
    let windows: Vec<usize> = preview
        .series
        .iter()
        .map(|one| preview.window(one))
        .collect();
    for (mut one, size) in preview.series.into_iter().zip(windows) {
        let windows = Windows {
            values: &one.values,
            size,
            share: given_share.unwrap_or(one.x_files_factor),
            pace: call.pace(),
        };
        call.pay_values(windows.room(aggregation))?;
        let values = windows.aggregated(aggregation).await?;
        // Of an odd number of values one is in the middle.
        let is_middle = aggregation == Aggregation::Median && size % 2 == 1 && one.is_full();
        let ends = Ends::of(&one);
        call.put_values(&mut one, values).await?;
        begin_later(&mut one, seconds, ends);
        one.integers = aggregation.gives_integers(one.integers) || is_middle && one.integers;
        one.tags.insert(function.clone(), written.clone());
        let name = format!("{function}({},{shown})", one.name);
        call.renew(&mut one, name).await?;
        moved.push(one);
    }
    Ok(moved)
}
