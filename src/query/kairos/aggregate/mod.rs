//! A stream goes through the aggregators of its query.
//!
//! Each works in the memory of the stream that it is given where it can, in pieces of
//! [`CHUNK`] points.

use super::aggregator::Aggregator;
use super::context::Context;
use super::error::KairosError;
use super::stream::{Kind, Point, Stream, Value};
use crate::query::breath::CHUNK;

mod folds;
mod gaps;
mod line;
mod neighbours;
mod percentile;
mod ranges;
mod single;

pub(super) use folds::{Moments, greater, lesser};
pub(super) use ranges::Stamp;

/// What the aggregators make of a stream, one after the other. One that does nothing with values of the
/// stream's kind leaves it as it is.
///
/// # Errors
/// What KairosDB fails with, among it any value at the end that is no number; limits; what the pace says.
pub async fn aggregate(
    mut stream: Stream,
    aggregators: &[Aggregator],
    context: &Context<'_>,
) -> Result<Stream, KairosError> {
    for aggregator in aggregators {
        if aggregator.takes(stream.kind) {
            apply(aggregator, &mut stream, context).await?;
            stream.kind = aggregator.makes(stream.kind);
        }
    }
    if stream.kind == Kind::Number {
        check_finite(&stream.points, context).await?;
    }
    Ok(stream)
}

async fn apply(
    aggregator: &Aggregator,
    stream: &mut Stream,
    context: &Context<'_>,
) -> Result<(), KairosError> {
    let points = &mut stream.points;
    match aggregator {
        Aggregator::Avg(range) => {
            ranges::fold(
                points,
                (range, Stamp::First),
                folds::Mean::default(),
                context,
            )
            .await
        }
        Aggregator::Count(range) => {
            ranges::fold(
                points,
                (range, Stamp::First),
                folds::Count::default(),
                context,
            )
            .await
        }
        Aggregator::Dev {
            range,
            returned,
            count,
        } => {
            let fold = folds::Spread::new(*returned, *count);
            ranges::fold(points, (range, Stamp::First), fold, context).await
        }
        Aggregator::First(range) => {
            ranges::fold(
                points,
                (range, Stamp::First),
                folds::First::default(),
                context,
            )
            .await
        }
        Aggregator::Gaps { range, trim } => {
            *points = gaps::filled(points, range, *trim, context).await?;
            Ok(())
        }
        Aggregator::Last(range) => {
            ranges::fold(
                points,
                (range, Stamp::Last),
                folds::Last::default(),
                context,
            )
            .await
        }
        Aggregator::LeastSquares(range) => line::fit(points, range, context).await,
        Aggregator::Max(range) => {
            ranges::fold(
                points,
                (range, Stamp::First),
                folds::Greatest::default(),
                context,
            )
            .await
        }
        Aggregator::Min(range) => {
            ranges::fold(
                points,
                (range, Stamp::First),
                folds::Least::default(),
                context,
            )
            .await
        }
        Aggregator::Percentile { range, percentile } => {
            percentile::of_each(points, range, *percentile, context).await
        }
        Aggregator::Sum(range) => {
            ranges::fold(
                points,
                (range, Stamp::First),
                folds::Sum::default(),
                context,
            )
            .await
        }
        Aggregator::Diff => neighbours::diff(points, context).await,
        Aggregator::Rate { sampling, zone } => {
            neighbours::rate(points, *sampling, zone, context).await
        }
        Aggregator::Sampler { unit, zone } => {
            neighbours::sampler(points, *unit, zone, context).await
        }
        Aggregator::Div(divisor) => {
            single::each(points, context, |value| Ok(number(value)? / divisor)).await
        }
        Aggregator::Scale(factor) => {
            single::each(points, context, |value| Ok(number(value)? * factor)).await
        }
        Aggregator::Sma(size) => neighbours::moving_mean(points, *size, context).await,
        Aggregator::Filter { compare, threshold } => {
            single::filter(points, *compare, threshold, context).await
        }
        Aggregator::Trim(ends) => single::trim(points, *ends, context).await,
        Aggregator::Score {
            thresholds,
            descending,
        } => single::score(points, thresholds, *descending, context).await,
        Aggregator::SaveAs(to) => match context.saver {
            Some(saver) => saver.save(to, stream).await,
            None => Ok(()),
        },
    }
}

/// A value as a float.
///
/// # Errors
/// It is null.
#[inline]
fn number(value: Value) -> Result<f64, KairosError> {
    match value {
        Value::Double(value) => Ok(value),
        Value::Long(value) => Ok(value as f64),
        Value::Null | Value::Text(_) => Err(KairosError::after_gaps()),
    }
}

/// KairosDB answers no question at all where one value is no number.
async fn check_finite(points: &[Point], context: &Context<'_>) -> Result<(), KairosError> {
    for some in points.chunks(CHUNK) {
        for point in some {
            if let Value::Double(value) = point.value
                && !value.is_finite()
            {
                return Err(KairosError::not_finite(point.time, value));
            }
        }
        context.pace.did(some.len() / 8).await?;
    }
    Ok(())
}
