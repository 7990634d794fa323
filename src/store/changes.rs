//! Since when the points of each stretch of time are what they are, so that whoever keeps what they came to
//! knows how far that still holds.
//!
//! Takes the time of each point as it comes. Gives [`Mark`]s, and tells how far nothing has changed since
//! one. Knows no series: a point is a change for all of them. It may tell of a change where there was none,
//! never the other way round. Bounded: `SLOTS` stretches are known one by one, of others that share their
//! slot only the newest change of any.

use crate::base::time::Millis;

/// A stretch is two to this power milliseconds long, about a minute.
const STRETCH_BITS: u32 = 16;

/// Stretches that are known one by one, 18 hours if they follow each other.
const SLOTS: usize = 1 << 10;

/// Stretches that are looked at in one go, twelve days: what lies further on counts as changed.
const LOOKED_AT_MAX: i64 = 1 << 14;

/// No time lies in it.
const NONE: i64 = i64::MAX;

/// A moment; later ones are greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark(u64);

/// What is known of the stretches of one slot.
#[derive(Clone, Copy, Debug)]
struct Slot {
    /// The one that changed last.
    stretch: i64,
    /// The last mark before that.
    changed: Mark,
    /// The same of the newest change of any other.
    others: Mark,
}

/// The changes so far.
#[derive(Debug)]
pub(super) struct Changes {
    /// The last that was given.
    mark: Mark,
    /// The stretch of the last point, if no mark was given since.
    noted: i64,
    /// The last mark before everything changed at once.
    all: Mark,
    slots: Vec<Slot>,
}

impl Default for Changes {
    fn default() -> Changes {
        let slot = Slot {
            stretch: NONE,
            changed: Mark(0),
            others: Mark(0),
        };
        Changes {
            mark: Mark(0),
            noted: NONE,
            all: Mark(0),
            slots: vec![slot; SLOTS],
        }
    }
}

impl Changes {
    /// A point of this time comes.
    #[inline(always)]
    pub(super) fn note(&mut self, time: Millis) {
        let stretch = time.0 >> STRETCH_BITS;
        if stretch != self.noted {
            self.note_stretch(stretch);
        }
    }

    #[cold]
    fn note_stretch(&mut self, stretch: i64) {
        self.noted = stretch;
        let mark = self.mark;
        if let Some(slot) = self.slots.get_mut(place(stretch)) {
            if slot.stretch != stretch {
                slot.others = slot.others.max(slot.changed);
                slot.stretch = stretch;
            }
            slot.changed = mark;
        }
    }

    /// All points may have changed: some were deleted, or left.
    pub(super) fn note_all(&mut self) {
        self.all = self.mark;
    }

    /// Now.
    pub(super) fn mark(&mut self) -> Mark {
        self.mark.0 += 1;
        self.noted = NONE;
        self.mark
    }

    /// Up to where, from `from` on and at most to `until`, no point has come or gone since `mark`; the first
    /// instant that is not sure.
    pub(super) fn unchanged_until(&self, mark: Mark, from: Millis, until: Millis) -> Millis {
        if mark <= self.all || until <= from {
            return from;
        }
        let first = from.0 >> STRETCH_BITS;
        let last = (until.0 - 1) >> STRETCH_BITS;
        let end = last.min(first.saturating_add(LOOKED_AT_MAX)) + 1;
        let is_changed = |stretch: i64| {
            let slot = self.slots.get(place(stretch));
            slot.is_none_or(|slot| {
                let changed = match slot.stretch == stretch {
                    true => slot.changed,
                    false => slot.others,
                };
                mark <= changed
            })
        };
        let changed = (first..end).find(|&stretch| is_changed(stretch));
        // Stretches are times without their last bits, so none overflows but the end of all time.
        let sure = changed.unwrap_or(end).saturating_mul(1 << STRETCH_BITS);
        Millis(sure.clamp(from.0, until.0))
    }
}

fn place(stretch: i64) -> usize {
    stretch.rem_euclid(SLOTS as i64) as usize
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::base::random::Random;

    const STRETCH: i64 = 1 << STRETCH_BITS;

    #[test]
    fn what_changed_since_is_not_sure() {
        let mut changes = Changes::default();
        changes.note(Millis(5 * STRETCH));
        let mark = changes.mark();
        let until = |changes: &Changes| {
            let (from, until) = (Millis(STRETCH + 7), Millis(9 * STRETCH + 3));
            changes.unchanged_until(mark, from, until).0
        };
        assert_eq!(until(&changes), 9 * STRETCH + 3);
        // The same stretch as before the mark.
        changes.note(Millis(5 * STRETCH + 1));
        assert_eq!(until(&changes), 5 * STRETCH);
        changes.note(Millis(STRETCH));
        assert_eq!(until(&changes), STRETCH + 7, "in the middle of the first");
        let mark = changes.mark();
        let sure = |changes: &Changes, from, until| {
            changes.unchanged_until(mark, Millis(from), Millis(until)).0
        };
        assert_eq!(sure(&changes, 0, 10 * STRETCH), 10 * STRETCH);
        assert_eq!(sure(&changes, 10, 3), 10);
        changes.note_all();
        assert_eq!(sure(&changes, 0, 10 * STRETCH), 0);
    }

    #[test]
    fn the_ends_of_time_are_times() {
        let mut changes = Changes::default();
        let mark = changes.mark();
        for time in [i64::MIN, -1, 0, i64::MAX] {
            changes.note(Millis(time));
        }
        let sure = |from, until| changes.unchanged_until(mark, Millis(from), Millis(until)).0;
        assert_eq!(sure(i64::MIN, i64::MAX), i64::MIN);
        assert_eq!(sure(-1, i64::MAX), -1);
        // The slot of -1 has had another since.
        let behind = SLOTS as i64 * STRETCH;
        assert_eq!(sure(STRETCH, i64::MAX), behind - STRETCH);
        assert_eq!(sure(behind + STRETCH, i64::MAX), 2 * behind - STRETCH);
        assert_eq!(sure(i64::MAX - 5, i64::MAX), i64::MAX - 5);
        assert_eq!(sure(i64::MAX, i64::MIN), i64::MAX);
    }

    /// Against a list of all changes: nothing that changed is ever sure, and without strangers in a slot
    /// what did not change is.
    #[test]
    fn changes_are_never_missed() {
        for seed in 0..200 {
            let mut random = Random::new(seed);
            let mut changes = Changes::default();
            let mut truth: HashMap<i64, u64> = HashMap::new();
            let mut marks = vec![changes.mark()];
            let width = if seed % 2 == 0 { 40 } else { 5_000 };
            for _ in 0..400 {
                let base = random.below(width) as i64 - width as i64 / 2;
                let time = base * STRETCH + random.below(STRETCH as u64) as i64;
                changes.note(Millis(time));
                truth.insert(base, changes.mark.0);
                if random.chance(5) {
                    marks.push(changes.mark());
                }
                let mark = marks[random.below(marks.len() as u64) as usize];
                let from = (random.below(width) as i64 - width as i64 / 2) * STRETCH;
                let until = from + random.below(30 * STRETCH as u64) as i64;
                let sure = changes.unchanged_until(mark, Millis(from), Millis(until)).0;
                assert!((from..=until).contains(&sure), "seed {seed}");
                let changed = |stretch: &i64| truth.get(stretch).is_some_and(|at| mark.0 <= *at);
                let first = (from..until)
                    .step_by(STRETCH as usize)
                    .map(|at| at >> STRETCH_BITS);
                let first = first.clone().find(changed).map_or(until, |at| at * STRETCH);
                assert!(sure <= first, "seed {seed}: {sure} is behind {first}");
                if width == 40 {
                    assert_eq!(sure, first, "seed {seed}");
                }
            }
        }
    }
}
