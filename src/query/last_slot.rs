//! What decides the last value of an evenly spaced answer.
//!
//! The slot in which a range ends is shown whole, as if its points had been stored at its start; so
//! points behind the range count too. Which slot that is hangs on the step of the series, and that
//! is known only after the merge. Of each slot that it may be, the last arrival is enough.

use super::plan::Slot;
use crate::base::time::Millis;
use crate::model::points::Points;

/// Where in `points`, which are sorted, those after `until` lie that are the last arrival in one of
/// `slots`. Ascending, each once.
pub(super) fn last_arrivals(points: &Points, until: Millis, slots: &[Slot]) -> Vec<usize> {
    let before = |time: i64| points.times.partition_point(|&t| t < time);
    let first_after = before(until.0.saturating_add(1));
    let mut last: Vec<usize> = slots
        .iter()
        .filter_map(|slot| {
            let first = before(slot.start.0).max(first_after);
            // Of equal stamps the later time: the order in which a slot's winner is looked for.
            (first..before(slot.end.0)).max_by_key(|&i| points.stamps[i])
        })
        .collect();
    last.sort_unstable();
    last.dedup();
    last
}

/// Drop the points after `until` that are no last arrival in any of `slots`.
pub(super) fn keep_last_arrivals(points: &mut Points, until: Millis, slots: &[Slot]) {
    let mut kept = points.times.partition_point(|&time| time <= until.0);
    if kept == points.len() {
        return;
    }
    for i in last_arrivals(points, until, slots) {
        points.times[kept] = points.times[i];
        points.stamps[kept] = points.stamps[i];
        points.values[kept] = points.values[i];
        kept += 1;
    }
    points.times.truncate(kept);
    points.stamps.truncate(kept);
    points.values.truncate(kept);
}
