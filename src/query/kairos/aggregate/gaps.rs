//! A null for each bucket without points.

use super::ranges::Runs;
use crate::query::breath::CHUNK;
use crate::query::kairos::aggregator::Range;
use crate::query::kairos::buckets::Buckets;
use crate::query::kairos::context::Context;
use crate::query::kairos::error::KairosError;
use crate::query::kairos::stream::{Point, Value};

/// All points as they are, and a null at the beginning of each bucket that no point is in, from the bucket
/// of the start on to the one of the end, or of the last point if that is later; trimmed, from the first
/// point to the last.
///
/// The buckets go by in the order of time whatever that of the points is: a bucket takes all points from
/// the next one on that are before its end.
pub(super) async fn filled(
    points: &[Point],
    range: &Range,
    trim: bool,
    context: &Context<'_>,
) -> Result<Vec<Point>, KairosError> {
    let buckets = Buckets::new(range, context.start)?;
    let start = range.start_time.unwrap_or(context.start);
    let until = range.end_time.unwrap_or(context.end.min(context.now));
    let mut index = buckets.index_of(match points.first() {
        Some(first) if trim => first.time,
        None if trim => return Ok(Vec::new()),
        _ => start,
    });
    let mut filled = Vec::with_capacity(points.len());
    let mut runs = Runs::new(&buckets);
    let mut begin = buckets.begin_of(index);
    loop {
        let next = runs.next_time(points);
        if next.is_none() && (trim || until < begin) {
            break;
        }
        index = index.saturating_add(1);
        let end = buckets.begin_of(index);
        let is_last = end == i64::MAX;
        let inside = filled.len();
        if next.is_some_and(|time| time < end || is_last) {
            // Behind the last bucket is nothing, so that one takes all that is left.
            while runs
                .next_time(points)
                .is_some_and(|time| time < end || is_last)
            {
                runs.open_until(end);
                while let Some(stretch) = runs.more(points) {
                    filled.extend_from_slice(&points[stretch]);
                    context.pace.did(CHUNK / 8).await?;
                }
            }
        } else if begin < end {
            let value = Value::Null;
            filled.push(Point { time: begin, value });
        }
        let returned = filled.len() as u64;
        context.limits.check_points_returned(returned)?;
        let work = runs.work() + (filled.len() - inside) / 8;
        context.pace.did(work).await?;
        if is_last {
            break;
        }
        begin = end;
    }
    Ok(filled)
}
