//! Raw points become evenly spaced values.
//!
//! Takes the settled points of one series, gives one value per slot as whisper's fetch would: slot
//! is `ts - ts mod step`, `from` is exclusive and `until` inclusive, and within a slot the last
//! arrival wins. Also infers the step of a series that no rule names one for. Knows no names.

use crate::model::points::Points;
use crate::query::breath::{CHUNK, Pace};
use crate::query::error::QueryError;

/// Steps that an inferred one is snapped to, in seconds.
pub const STEPS_S: [i64; 14] = [1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600];

/// Gaps that inference looks at, the newest.
pub const GAPS_MAX: usize = 64;

/// Evenly spaced values: `values[i]` belongs to `start + i * step` seconds; NaN is null.
#[derive(Clone, Debug, PartialEq)]
pub struct Slotted {
    /// Seconds since the epoch of the first slot.
    pub start: i64,
    /// Seconds from slot to slot.
    pub step: i64,
    /// One value per slot.
    pub values: Vec<f64>,
}

/// First slot (seconds) and number of slots that answer for `from_s` (exclusive) to `until_s`
/// (inclusive). A step below 1 counts as 1. Callers compare the number with their limits before
/// they call [`slot`].
pub fn span(step_s: i64, from_s: i64, until_s: i64) -> (i64, u64) {
    let step = i128::from(step_s.max(1));
    let after = |at: i64| {
        let at = i128::from(at);
        at - at.rem_euclid(step) + step
    };
    let (first, mut end) = (after(from_s), after(until_s));
    if end == first {
        end += step;
    }
    let first_s = i64::try_from(first).unwrap_or(i64::MAX);
    (first_s, u64::try_from((end - first) / step).unwrap_or(0))
}

/// The slots of one series, in pieces as `pace` says. Points outside the range are ignored;
/// `points` are sorted. Allocates one value per slot: ask [`span`] how many first.
///
/// # Errors
/// As [`Pace::did`].
pub async fn slot(
    points: &Points,
    step_s: i64,
    from_s: i64,
    until_s: i64,
    pace: &Pace<'_>,
) -> Result<Slotted, QueryError> {
    let mut slotting = Slotting::new(step_s, from_s, until_s);
    loop {
        let mut budget = CHUNK;
        let done = slotting.step(points, &mut budget);
        pace.did(CHUNK - budget).await?;
        if done {
            return Ok(slotting.finish());
        }
    }
}

/// Slotting under way.
#[derive(Debug)]
pub struct Slotting {
    slotted: Slotted,
    slots: usize,
    step_ms: i64,
    /// Where the slot of the last point that was taken ends, in milliseconds.
    end_ms: i64,
    /// That slot, and the stamp of its last arrival.
    winner: Option<(usize, u64)>,
    next: Option<usize>,
}

impl Slotting {
    /// Begin; see [`slot`].
    pub fn new(step_s: i64, from_s: i64, until_s: i64) -> Slotting {
        let (start, count) = span(step_s, from_s, until_s);
        let step = step_s.max(1);
        let slots = usize::try_from(count).unwrap_or(usize::MAX);
        Slotting {
            slotted: Slotted {
                start,
                step,
                values: Vec::with_capacity(slots),
            },
            slots,
            step_ms: step.saturating_mul(1000),
            end_ms: start.saturating_mul(1000),
            winner: None,
            next: None,
        }
    }

    /// Do a slice of about `budget` points and take what was done from it; `points` are the same each
    /// time. True when all is done.
    pub fn step(&mut self, points: &Points, budget: &mut usize) -> bool {
        // New memory costs when it is written to first.
        let values = &mut self.slotted.values;
        if values.len() < self.slots {
            let some = budget.saturating_mul(4).min(self.slots - values.len());
            values.resize(values.len() + some, f64::NAN);
            *budget = budget.saturating_sub(some / 4 + 1);
            if values.len() < self.slots {
                return false;
            }
        }
        let next = match self.next {
            Some(next) => next,
            None => first_point(points, self.slotted.start),
        };
        let end = next.saturating_add(*budget).min(points.len());
        *budget = budget.saturating_sub(end - next);
        self.next = Some(end);
        let done = !self.take(points, next, end);
        done || end == points.len()
    }

    /// What came of it.
    pub fn finish(self) -> Slotted {
        self.slotted
    }

    /// Take a stretch of points; false if the last slot is passed.
    fn take(&mut self, points: &Points, from: usize, to: usize) -> bool {
        let mut next = from;
        while next < to {
            let end = (next + EVEN).min(to);
            let times = points.times.get(next..end).unwrap_or_default();
            let stamps = points.stamps.get(next..end).unwrap_or_default();
            let values = points.values.get(next..end).unwrap_or_default();
            let done = if self.is_even(times) {
                self.take_even(times, stamps, values)
            } else {
                self.take_each(times, stamps, values)
            };
            if !done {
                return false;
            }
            next = end;
        }
        true
    }

    /// Whether `times` are one slot apart, and the first of them begins a new slot: what most series are,
    /// most of the time.
    fn is_even(&self, times: &[i64]) -> bool {
        let step = self.step_ms;
        let apart = |pair: &[i64]| pair[1].wrapping_sub(pair[0]) == step;
        times.len() > 1
            && self.end_ms <= times[0]
            && times.windows(2).fold(true, |even, pair| even & apart(pair))
    }

    /// The same as [`Slotting::take_each`] for times that are even.
    fn take_even(&mut self, times: &[i64], stamps: &[u64], values: &[f64]) -> bool {
        let (Some(&first), Some(&stamp)) = (times.first(), stamps.last()) else {
            return true;
        };
        let slot = self.pass(first);
        let slots = self.slotted.values.get_mut(slot..).unwrap_or_default();
        let count = values.len().min(slots.len());
        if let (Some(slots), Some(values)) = (slots.get_mut(..count), values.get(..count)) {
            slots.copy_from_slice(values);
        }
        // Behind the last of them.
        let more = times.len() - 1;
        let span = self.step_ms.saturating_mul(more as i64);
        self.end_ms = self.end_ms.saturating_add(span);
        self.winner = Some((slot.saturating_add(more), stamp));
        count == values.len()
    }

    /// Take points one by one; false if the last slot is passed.
    fn take_each(&mut self, times: &[i64], stamps: &[u64], values: &[f64]) -> bool {
        for ((&time, &stamp), &value) in times.iter().zip(stamps).zip(values) {
            let slot = match self.winner {
                // A later arrival in the same slot, or an earlier one, which is nothing.
                Some((slot, best)) if time < self.end_ms => {
                    if stamp < best {
                        continue;
                    }
                    slot
                }
                _ => self.pass(time),
            };
            // What lies behind the last slot is for nobody, and so is all that follows.
            let Some(place) = self.slotted.values.get_mut(slot) else {
                return false;
            };
            *place = value;
            self.winner = Some((slot, stamp));
        }
        true
    }

    /// Go on to the slot of a time that lies behind the slot of the last point. Gives the slot.
    fn pass(&mut self, time: i64) -> usize {
        let ahead = time.saturating_sub(self.end_ms);
        let more = if ahead < self.step_ms {
            0
        } else {
            (ahead / self.step_ms) as usize
        };
        let whole = self.step_ms.saturating_mul(more as i64 + 1);
        self.end_ms = self.end_ms.saturating_add(whole);
        let after = |(slot, _): (usize, u64)| slot.saturating_add(1 + more);
        self.winner.map_or(more, after)
    }
}

/// Points that are looked at together, whether they are even.
const EVEN: usize = 64;

fn first_point(points: &Points, start_s: i64) -> usize {
    let start_ms = start_s.saturating_mul(1000);
    points.times.partition_point(|&time| time < start_ms)
}

/// The step of a series in seconds, from its newest distinct timestamps in ascending order (the
/// last 65 are looked at): the median of the gaps (of two middle ones the smaller), snapped to the
/// nearest of [`STEPS_S`] (halfway: the smaller). 1 below three timestamps.
pub fn infer_step(newest_distinct_times_ms: &[i64]) -> i64 {
    let times = newest_distinct_times_ms;
    if times.len() < 3 {
        return 1;
    }
    let newest = &times[times.len().saturating_sub(GAPS_MAX + 1)..];
    let mut gaps = [0; GAPS_MAX];
    let gaps = &mut gaps[..newest.len() - 1];
    for (gap, pair) in gaps.iter_mut().zip(newest.windows(2)) {
        *gap = pair[1].abs_diff(pair[0]);
    }
    if gaps.iter().all(|gap| *gap == gaps[0]) {
        return step_of_gap(gaps[0]);
    }
    let middle = (gaps.len() - 1) / 2;
    let (_, median_ms, _) = gaps.select_nth_unstable(middle);
    snap(*median_ms)
}

/// The step of a series whose newest timestamps are all so far apart.
pub fn step_of_gap(gap_ms: u64) -> i64 {
    match gap_ms {
        // As nearly all are.
        1000 => 1,
        _ => snap(gap_ms),
    }
}

fn snap(gap_ms: u64) -> i64 {
    let distance = |step_s: &&i64| (**step_s as u64 * 1000).abs_diff(gap_ms);
    // `min_by_key` keeps the first of equals, and the steps ascend.
    *STEPS_S.iter().min_by_key(distance).unwrap_or(&1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::breath::Breathless;
    use crate::query::testing::run;

    fn slotted(points: &Points, step_s: i64, from_s: i64, until_s: i64) -> Slotted {
        let pace = Pace::new(&Breathless);
        run(slot(points, step_s, from_s, until_s, &pace)).expect("a breath")
    }
    use crate::base::random::Random;

    const T: i64 = 1_699_999_200;
    const N: f64 = f64::NAN;

    fn points(list: &[(i64, u64, f64)]) -> Points {
        let mut points = Points::default();
        for &(time_ms, stamp, value) in list {
            points.push(time_ms, stamp, value);
        }
        points.sort();
        points
    }

    fn show(values: &[f64]) -> String {
        format!("{values:?}")
    }

    #[track_caller]
    fn check(from: i64, until: i64, start: i64, want: &[f64]) {
        let three = points(&[
            (T * 1000, 1, 1.0),
            ((T + 60) * 1000, 2, 2.0),
            ((T + 120) * 1000, 3, 3.0),
        ]);
        let got = slotted(&three, 60, from, until);
        assert_eq!((got.start, got.step), (start, 60));
        assert_eq!(show(&got.values), show(want));
    }

    #[test]
    fn from_is_exclusive_and_until_inclusive() {
        check(T + 60, T + 60, T + 120, &[3.0]);
        check(T + 59, T + 120, T + 60, &[2.0, 3.0]);
        check(T + 60, T + 120, T + 120, &[3.0]);
        check(T - 1, T + 239, T, &[1.0, 2.0, 3.0, N]);
    }

    #[test]
    fn the_last_arrival_within_a_slot_wins() {
        let p = points(&[
            (1000, 9, 1.0),
            (1500, 3, 2.0),
            (1900, 9, 3.0),
            (2000, 1, 4.0),
        ]);
        assert_eq!(show(&slotted(&p, 1, 0, 2).values), show(&[3.0, 4.0]));
        let p = points(&[(1000, 9, 1.0), (1500, 3, 2.0)]);
        assert_eq!(show(&slotted(&p, 1, 0, 1).values), show(&[1.0]));
    }

    #[test]
    fn slots_before_1970_and_absurd_ranges() {
        let p = points(&[(-61_000, 1, 5.0)]);
        let got = slotted(&p, 60, -180, -61);
        assert_eq!((got.start, show(&got.values)), (-120, show(&[5.0])));
        assert_eq!(span(60, i64::MAX, i64::MIN).1, 0);
        assert!(span(1, i64::MIN, i64::MAX).1 > 1 << 63);
        assert_eq!(span(0, 10, 12), (11, 2));
    }

    /// For each slot, look at every point.
    fn naive(points: &Points, step: i64, from: i64, until: i64) -> Vec<f64> {
        let (start, count) = span(step, from, until);
        let in_slot = |k: i64| {
            let mut best: Option<(u64, i64, f64)> = None;
            for i in 0..points.len() {
                let key = (points.stamps[i], points.times[i]);
                let inside = points.times[i].div_euclid(1000 * step) * step == start + k * step;
                if inside && best.is_none_or(|(stamp, time, _)| key > (stamp, time)) {
                    best = Some((key.0, key.1, points.values[i]));
                }
            }
            best.map_or(N, |(_, _, value)| value)
        };
        (0..count as i64).map(in_slot).collect()
    }

    #[test]
    fn slots_agree_with_looking_at_every_point() {
        for seed in 0..300 {
            let mut random = Random::new(seed);
            let step = 1 + random.below(7) as i64;
            let mut p = Points::default();
            for i in 0..random.below(400) {
                let time = match seed % 3 {
                    // Even but for a few.
                    0 => i as i64 * step * 1000 - 5_000 + i64::from(random.chance(3)),
                    _ => random.below(40_000) as i64 - 9_000,
                };
                p.push(time, random.below(8), i as f64);
            }
            p.sort();
            p.settle(crate::model::points::Duplicates::Last);
            let from = random.below(40) as i64 - 12;
            let until = from + random.below(if seed % 2 == 0 { 30 } else { 3_000 }) as i64;
            let got = slotted(&p, step, from, until);
            assert_eq!(
                show(&got.values),
                show(&naive(&p, step, from, until)),
                "seed {seed}"
            );
        }
    }

    #[test]
    fn steps_are_inferred() {
        let every = |gap: i64, n: i64| (0..n).map(|i| i * gap).collect::<Vec<i64>>();
        for (times, want) in [
            (vec![], 1),
            (vec![0, 60_000], 1),
            (every(60_000, 3), 60),
            (every(10_010, 100), 10),
            (every(45_000, 9), 30),
            (every(45_001, 9), 60),
            (every(86_400_000, 9), 3600),
            (every(1, 9), 1),
            (vec![0, 10_000, 20_000, 500_000], 10),
            (vec![i64::MIN, 0, i64::MAX], 3600),
        ] {
            assert_eq!(infer_step(&times), want, "{times:?}");
        }
        let mut changed = every(10_000, 200);
        let last = changed[199];
        changed.extend((1..=40).map(|i| last + i * 60_000));
        assert_eq!(infer_step(&changed), 60, "only the newest gaps count");
    }
}
