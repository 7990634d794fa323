//! What decides the last value of an evenly spaced answer.
//!
//! The slot in which a range ends is shown whole, as if its points had been stored at its start; so
//! points behind the range count too. Which slot that is hangs on the step of the series, and that
//! is known only after the merge. Of each slot that it may be, the last arrival is enough.

use super::graphite::slots::{self, STEPS_S};
use super::plan::Slot;
use crate::base::time::Millis;
use crate::model::points::Points;

/// The times of the points that evenly spaced values from `from_s` (exclusive) to `until_s` (inclusive),
/// in seconds, are made of, but for those after the range: first and last.
pub fn points_of(from_s: i64, until_s: i64) -> (Millis, Millis) {
    let from = Millis::from_seconds(from_s.saturating_add(1));
    let until = Millis::from_seconds(until_s).0.saturating_add(999);
    (from, Millis(until))
}

/// The last slot of such values for every step that a series may turn out to have.
pub fn last_slots(from_s: i64, until_s: i64) -> Vec<Slot> {
    let last_slot = |&step_s: &i64| {
        let (start_s, count) = slots::span(step_s, from_s, until_s);
        let whole_s = step_s.saturating_mul(i64::try_from(count).unwrap_or(i64::MAX));
        let end_s = start_s.saturating_add(whole_s);
        Slot {
            start: Millis::from_seconds(end_s.saturating_sub(step_s)),
            end: Millis::from_seconds(end_s),
        }
    };
    STEPS_S.iter().map(last_slot).collect()
}

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
