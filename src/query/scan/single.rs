//! One series of a shard, read in slices.

use super::{About, FoundSeries, NEWEST_TIMES_MAX};
use crate::base::time::Millis;
use crate::index::Index;
use crate::model::points::Points;
use crate::model::series::SeriesId;
use crate::query::error::QueryError;
use crate::query::last_slot::last_arrivals;
use crate::query::plan::Slot;
use crate::store::head::{Head, Reading};

/// A series being read: first the points of the range, then what decides the last slot.
pub(super) struct Single {
    id: SeriesId,
    until: Millis,
    found: FoundSeries,
    stage: Stage,
    points_paid: usize,
}

enum Stage {
    Range(Reading),
    /// The points after the range, of which few are brought.
    After(Reading, Points),
    Done,
}

/// What a point takes in memory.
const POINT_BYTES: usize = size_of::<(i64, u64, f64)>();

impl Single {
    /// Begin, and pay for all but the points.
    pub(super) fn new(
        index: &Index,
        head: &Head,
        id: SeriesId,
        (from, until): (Millis, Millis),
        about: &About,
    ) -> Result<Single, QueryError> {
        let mut found = FoundSeries {
            text: index.text(id).to_owned(),
            identity: index.identity(id),
            values: index.values(id),
            points: Points::default(),
            newest_times: Vec::new(),
        };
        head.newest_times(id, NEWEST_TIMES_MAX, &mut found.newest_times);
        let times = found.newest_times.len() * size_of::<i64>();
        let bytes = size_of::<FoundSeries>() + found.text.len() + times;
        about.purse.pay(bytes as u64)?;
        Ok(Single {
            id,
            until,
            found,
            stage: Stage::Range(Reading::new(id, from, until)),
            points_paid: 0,
        })
    }

    /// Do a slice of about `left` points and take what was done from it. `points` counts those of
    /// all series. True when all is read.
    pub(super) fn step(
        &mut self,
        head: &Head,
        slots: &[Slot],
        about: &About,
        left: &mut usize,
        points: &mut u64,
    ) -> Result<bool, QueryError> {
        match &mut self.stage {
            Stage::Range(reading) => {
                let done = reading.step(head, left, &mut self.found.points);
                self.pay(self.found.points.len(), about, points)?;
                if done {
                    self.stage = self.after(slots);
                }
            }
            Stage::After(reading, after) => {
                let done = reading.step(head, left, after);
                let held = self.found.points.len() + after.len();
                if done {
                    for i in last_arrivals(after, self.until, slots) {
                        let (time, stamp) = (after.times[i], after.stamps[i]);
                        self.found.points.push(time, stamp, after.values[i]);
                    }
                    self.stage = Stage::Done;
                }
                self.pay(held, about, points)?;
            }
            Stage::Done => {}
        }
        Ok(matches!(self.stage, Stage::Done))
    }

    fn pay(&mut self, held: usize, about: &About, points: &mut u64) -> Result<(), QueryError> {
        let more = held.saturating_sub(self.points_paid);
        self.points_paid += more;
        *points += more as u64;
        about.limits.check_points_read(*points)?;
        about.purse.pay((more * POINT_BYTES) as u64)
    }

    /// Whether points after the range are needed, and which. Of each slot one point at most is
    /// brought, not all.
    fn after(&self, slots: &[Slot]) -> Stage {
        let newest_ms = self.found.newest_times.first();
        let end = slots.iter().map(|slot| slot.end).max();
        match (newest_ms, end) {
            (Some(&newest_ms), Some(end)) if self.until.0 < newest_ms => {
                let from = Millis(self.until.0.saturating_add(1));
                let until = Millis(end.0.saturating_sub(1));
                Stage::After(Reading::new(self.id, from, until), Points::default())
            }
            _ => Stage::Done,
        }
    }

    /// What was read.
    pub(super) fn found(self) -> FoundSeries {
        self.found
    }
}
