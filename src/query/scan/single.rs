//! One series of a shard, read in slices.

use super::{About, FoundSeries, NEWEST_TIMES_MAX};
use crate::base::time::Millis;
use crate::index::Index;
use crate::model::points::Points;
use crate::model::series::{SeriesId, SeriesName, Values};
use crate::query::error::QueryError;
use crate::query::graphite::slots::{self, Slotting};
use crate::query::last_slot::last_arrivals;
use crate::query::plan::Slot;
use crate::store::Store;
use crate::store::reading::{Progress, SeriesReading};
use crate::store::tombstone::Mask;

/// A series being read: first the points of the range, then what decides the last slot, then, where
/// neither they nor the head tell how far apart its points lie, the newest in files.
pub(super) struct Single {
    id: SeriesId,
    range: (Millis, Millis),
    found: FoundSeries,
    /// For evenly spaced values, the seconds of their range.
    spaced_s: Option<(i64, i64)>,
    stage: Stage,
    /// What deletes hide of it.
    mask: Mask,
    points_paid: usize,
    text_bytes_paid: usize,
}

enum Stage {
    Range(Box<SeriesReading>),
    /// The points after the range, of which few are brought.
    After(Box<SeriesReading>, Points),
    /// The newest points in files, of which only the times are brought.
    Newest(Box<SeriesReading>, Points),
    /// The points become evenly spaced values.
    Slotting(Box<Slotting>),
    Done,
}

fn mask_of(index: &Index, store: &Store, id: SeriesId, found: &FoundSeries) -> Mask {
    let tombstones = store.version().tombstones();
    if tombstones.is_empty() {
        return Mask::default();
    }
    let name = SeriesName::from_text(&found.text);
    let metric = name.as_ref().map_or("", SeriesName::metric);
    tombstones.mask(index.tenant(id), index.identity(id), metric)
}

/// What a point takes in memory.
const POINT_BYTES: usize = size_of::<(i64, u64, f64)>();

impl Single {
    /// Begin, and pay for all but the points.
    pub(super) fn new(
        index: &Index,
        store: &Store,
        id: SeriesId,
        (range, spaced_s): ((Millis, Millis), Option<(i64, i64)>),
        memory: Points,
        about: &About,
    ) -> Result<Single, QueryError> {
        let mut found = FoundSeries {
            text: index.text(id).to_owned(),
            identity: index.identity_of_type(id),
            values: index.values(id),
            points: memory,
            newest_times: Vec::new(),
            slotted: None,
            texts: Vec::new(),
        };
        store.newest_times(id, NEWEST_TIMES_MAX, &mut found.newest_times);
        let times = NEWEST_TIMES_MAX * size_of::<i64>();
        let bytes = size_of::<FoundSeries>() + found.text.len() + times;
        about.purse.pay(bytes as u64)?;
        let mut mask = mask_of(index, store, id, &found);
        mask.expire(store.expired_below(id, about.now));
        Ok(Single {
            id,
            range,
            spaced_s,
            found,
            stage: Stage::Range(Box::new(SeriesReading::new(store, id, range, mask.clone()))),
            mask,
            points_paid: 0,
            text_bytes_paid: 0,
        })
    }

    /// Do a slice of about `left` points and take what was done from it. `points` counts those of
    /// all series.
    pub(super) fn step(
        &mut self,
        store: &mut Store,
        slots: &[Slot],
        about: &About,
        left: &mut usize,
        points: &mut u64,
    ) -> Result<Progress, QueryError> {
        while *left > 0 {
            let progress = match &mut self.stage {
                Stage::Range(reading) => {
                    let progress = reading.step(store, left, &mut self.found.points);
                    about.note_damage(reading.is_damaged());
                    let text_bytes = reading.text_bytes();
                    self.pay(self.found.points.len(), about, points)?;
                    self.pay_texts(text_bytes, about)?;
                    if progress == Progress::Done {
                        if let Stage::Range(reading) =
                            std::mem::replace(&mut self.stage, Stage::Done)
                        {
                            self.found.texts = reading.into_texts().into_list();
                        }
                        self.stage = self.after(store, slots, about)?;
                    }
                    progress
                }
                Stage::After(reading, after) => {
                    let progress = reading.step(store, left, after);
                    let held = self.found.points.len() + after.len();
                    if progress == Progress::Done {
                        for i in last_arrivals(after, self.range.1, slots) {
                            let (time, stamp) = (after.times[i], after.stamps[i]);
                            self.found.points.push(time, stamp, after.values[i]);
                        }
                        self.stage = self.newest(store, about)?;
                    }
                    self.pay(held, about, points)?;
                    progress
                }
                Stage::Newest(reading, newest) => {
                    let progress = reading.step(store, left, newest);
                    if progress == Progress::Done {
                        let times = std::mem::take(&mut newest.times);
                        self.add_times(&times);
                        self.stage = self.read(about)?;
                    }
                    progress
                }
                Stage::Slotting(slotting) => {
                    let done = slotting.step(&self.found.points, left);
                    if done {
                        let done = std::mem::replace(&mut self.stage, Stage::Done);
                        if let Stage::Slotting(slotting) = done {
                            self.found.slotted = Some(slotting.finish());
                            let bytes = self.points_paid * POINT_BYTES;
                            about.purse.give_back(bytes as u64);
                        }
                        Progress::Done
                    } else {
                        Progress::More
                    }
                }
                Stage::Done => return Ok(Progress::Done),
            };
            if progress != Progress::Done {
                return Ok(progress);
            }
        }
        Ok(match self.stage {
            Stage::Done => Progress::Done,
            _ => Progress::More,
        })
    }

    fn pay_texts(&mut self, held: usize, about: &About) -> Result<(), QueryError> {
        let more = held.saturating_sub(self.text_bytes_paid);
        self.text_bytes_paid += more;
        about.purse.pay(more as u64)
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
    fn after(&mut self, store: &Store, slots: &[Slot], about: &About) -> Result<Stage, QueryError> {
        if self.found.values == Values::Text {
            // Texts are never evenly spaced, and nobody asks for the step of their series.
            return Ok(Stage::Done);
        }
        let newest_ms = store.newest_ms(self.found.newest_times.first().copied());
        let end = slots.iter().map(|slot| slot.end).max();
        let (_, until) = self.range;
        match (newest_ms, end) {
            (Some(newest_ms), Some(end)) if until.0 < newest_ms => {
                let from = Millis(until.0.saturating_add(1));
                let until = Millis(end.0.saturating_sub(1));
                let reading = SeriesReading::new(store, self.id, (from, until), self.mask.clone());
                Ok(Stage::After(Box::new(reading), Points::default()))
            }
            _ => self.newest(store, about),
        }
    }

    /// Whether the newest times have to be looked for in files: unless there are enough already, and files
    /// hold none behind the oldest of them that the range has not brought.
    fn newest(&mut self, store: &Store, about: &About) -> Result<Stage, QueryError> {
        let Some((recent, last)) = store.recent_files() else {
            return self.read(about);
        };
        if self
            .oldest_of_enough()
            .is_some_and(|oldest| last.0 < oldest)
        {
            return self.read(about);
        }
        let (from, until) = self.range;
        let points = &self.found.points;
        let ends = points.len().saturating_sub(NEWEST_TIMES_MAX);
        let times = points.times[ends..].to_vec();
        self.add_times(&times);
        if last <= until
            && self
                .oldest_of_enough()
                .is_some_and(|oldest| from.0 <= oldest)
        {
            return self.read(about);
        }
        let reading = SeriesReading::new(store, self.id, (recent, last), self.mask.clone());
        Ok(Stage::Newest(Box::new(reading), Points::default()))
    }

    /// All points are there. Where values are wanted, the step is known by now.
    fn read(&mut self, about: &About) -> Result<Stage, QueryError> {
        let Some((from_s, until_s)) = self.spaced_s else {
            return Ok(Stage::Done);
        };
        if self.found.values != Values::Double {
            return Ok(Stage::Done);
        }
        let mut times = std::mem::take(&mut self.found.newest_times);
        times.reverse();
        let step_s = slots::infer_step(&times);
        let (_, count) = slots::span(step_s, from_s, until_s);
        about.limits.check_points_read(count)?;
        about.purse.pay(count.saturating_mul(8))?;
        let slotting = Slotting::new(step_s, from_s, until_s);
        Ok(Stage::Slotting(Box::new(slotting)))
    }

    /// The oldest of the newest times, where there are as many as are looked at.
    fn oldest_of_enough(&self) -> Option<i64> {
        self.found.newest_times.get(NEWEST_TIMES_MAX - 1).copied()
    }

    fn add_times(&mut self, times: &[i64]) {
        let newest = &mut self.found.newest_times;
        newest.extend_from_slice(times);
        newest.sort_unstable_by(|a, b| b.cmp(a));
        newest.dedup();
        newest.truncate(NEWEST_TIMES_MAX);
    }

    /// What was read, and memory that is not needed any more.
    pub(super) fn found(mut self) -> (FoundSeries, Points) {
        if self.found.slotted.is_none() {
            return (self.found, Points::default());
        }
        let mut memory = std::mem::take(&mut self.found.points);
        memory.clear();
        (self.found, memory)
    }
}
