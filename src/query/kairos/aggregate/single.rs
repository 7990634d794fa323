//! Each point for itself.

use std::cmp::Ordering;

use super::number;
use super::ranges::shrunk;
use crate::query::breath::CHUNK;
use crate::query::kairos::aggregator::{Boundary, Compare, Ends, Threshold};
use crate::query::kairos::context::Context;
use crate::query::kairos::error::KairosError;
use crate::query::kairos::stream::{Point, Value};

/// Each value becomes a float.
pub(super) async fn each(
    points: &mut [Point],
    context: &Context<'_>,
    change: impl Fn(Value) -> Result<f64, KairosError>,
) -> Result<(), KairosError> {
    for some in points.chunks_mut(CHUNK) {
        for point in some.iter_mut() {
            point.value = Value::Double(change(point.value)?);
        }
        context.pace.did(some.len() / 2).await?;
    }
    Ok(())
}

/// How many thresholds each value is above, or is not above.
pub(super) async fn score(
    points: &mut [Point],
    thresholds: &[Boundary],
    descending: bool,
    context: &Context<'_>,
) -> Result<(), KairosError> {
    let mut sorted = thresholds.to_vec();
    sorted.sort_by(|a, b| {
        let inferior_first = b.inferior.cmp(&a.inferior);
        a.value
            .partial_cmp(&b.value)
            .unwrap_or_else(|| a.value.total_cmp(&b.value))
            .then(inferior_first)
    });
    each(points, context, |value| {
        let value = number(value)?;
        let above = sorted.partition_point(|threshold| {
            threshold.value < value || (threshold.inferior && threshold.value == value)
        });
        let score = if descending {
            sorted.len() - above
        } else {
            above
        };
        Ok(score as f64)
    })
    .await
}

/// Without the points whose value compares so with the threshold, and without those that cannot be
/// compared with it.
pub(super) async fn filter(
    points: &mut Vec<Point>,
    compare: Compare,
    threshold: &Threshold,
    context: &Context<'_>,
) -> Result<(), KairosError> {
    let (mut kept, mut at) = (0, 0);
    while at < points.len() {
        let end = (at + CHUNK).min(points.len());
        let mut bytes = 0;
        for i in at..end {
            let point = points[i];
            let stays = match (point.value, threshold) {
                (Value::Null, _) => return Err(KairosError::after_gaps()),
                (Value::Text(place), Threshold::Text(threshold)) => {
                    let text = context.texts.get(place);
                    bytes += text.len().min(threshold.len());
                    !is_so(compare, Some(in_java_order(text, threshold)))
                }
                (Value::Text(_), Threshold::Number(_)) | (_, Threshold::Text(_)) => false,
                (value, Threshold::Number(threshold)) => {
                    !is_so(compare, number(value)?.partial_cmp(threshold))
                }
            };
            points[kept] = point;
            kept += usize::from(stays);
        }
        context.pace.did(end - at + bytes / 8).await?;
        at = end;
    }
    shrunk(points, kept);
    Ok(())
}

/// Whether a value that stands so to the threshold compares so; what is no number differs from all.
fn is_so(compare: Compare, order: Option<Ordering>) -> bool {
    match compare {
        Compare::LessOrEqual => order.is_some_and(Ordering::is_le),
        Compare::Less => order.is_some_and(Ordering::is_lt),
        Compare::GreaterOrEqual => order.is_some_and(Ordering::is_ge),
        Compare::Greater => order.is_some_and(Ordering::is_gt),
        Compare::Equal => order.is_some_and(Ordering::is_eq),
        Compare::NotEqual => order != Some(Ordering::Equal),
    }
}

/// Java compares units of UTF-16, in which characters beyond the first 65,536 begin with a unit that is
/// below some of those.
fn in_java_order(a: &str, b: &str) -> Ordering {
    a.encode_utf16().cmp(b.encode_utf16())
}

/// Without the first point, the last, or both.
pub(super) async fn trim(
    points: &mut Vec<Point>,
    ends: Option<Ends>,
    context: &Context<'_>,
) -> Result<(), KairosError> {
    if matches!(ends, Some(Ends::Last | Ends::Both)) {
        points.pop();
    }
    if matches!(ends, Some(Ends::First | Ends::Both)) && !points.is_empty() {
        let mut at = 1;
        while at < points.len() {
            let end = (at + CHUNK).min(points.len());
            points.copy_within(at..end, at - 1);
            context.pace.did((end - at) / 8).await?;
            at = end;
        }
        points.pop();
    }
    Ok(())
}
