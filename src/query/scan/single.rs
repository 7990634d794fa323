//! One series of a shard, read in slices.

use super::direct::{Direct, Room};
use super::{About, FoundSeries, NEWEST_TIMES_MAX, Spaced};
use crate::base::time::Millis;
use crate::index::Index;
use crate::model::points::Points;
use crate::model::series::{SeriesId, SeriesName, Values};
use crate::query::error::QueryError;
use crate::query::graphite::slots::{self, Slotted, Slotting};
use crate::query::last_slot::last_arrivals;
use crate::query::plan::Slot;
use crate::query::summary::Summing;
use crate::store::Store;
use crate::store::direct::{DirectMemory, DirectReading, Done};
use crate::store::generation::SERIES_AHEAD;
use crate::store::newest::NewestReading;
use crate::store::pack::CellTimes;
use crate::store::reading::{Progress, SeriesReading};
use crate::store::tombstone::Mask;

/// A series being read: first the points of the range, then what decides the last slot, then, where
/// neither they nor the head tell how far apart its points lie, the newest in files.
///
/// Evenly spaced values are made [directly](Direct), where that can be done: there it is looked first how far
/// apart the points lie, then pieces of files become values as they are read.
pub(super) struct Single {
    id: SeriesId,
    range: (Millis, Millis),
    /// Where times are looked for that tell how far apart its points lie; it includes the range.
    times: (Millis, Millis),
    /// Whether that may hang on what the range has not brought of it.
    is_unsure: bool,
    found: FoundSeries,
    /// For evenly spaced values, which.
    spaced: Option<Spaced>,
    /// Whether its newest times are wanted.
    wants_times: bool,
    /// How far apart all of them lie, where that is known; then they are not there.
    gap_ms: Option<u64>,
    next: [Option<SeriesId>; SERIES_AHEAD],
    stage: Stage,
    /// What deletes hide of it.
    mask: Mask,
    points_paid: usize,
    text_bytes_paid: usize,
    /// Bytes of values that were paid for, and pieces that were counted.
    values_paid: u64,
    direct_counted: usize,
    spare: Spare,
}

/// Memory that the next series may have.
#[derive(Default)]
pub(super) struct Spare {
    pub(super) points: Points,
    pub(super) values: Vec<f64>,
    room: Option<Box<Room>>,
    reading: DirectMemory,
    times: Vec<i64>,
    cells: Vec<CellTimes>,
}

enum Stage {
    /// How far apart its points lie, before any is read.
    Times(Box<NewestReading>),
    /// Values straight from files.
    Direct(Box<(DirectReading, Direct)>),
    /// All of them are taken.
    Finishing(Box<(DirectReading, Direct)>),
    Range(Box<SeriesReading>),
    /// The points after the range, of which few are brought.
    After(Box<SeriesReading>, Points),
    /// The newest points in files, of which only the times are brought.
    Newest(Box<SeriesReading>, Points),
    /// The points become evenly spaced values.
    Slotting(Box<Slotting>),
    /// The values become what they come to, from this one on.
    Summing(Box<(Summing, Slotted)>, usize),
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
pub(super) const POINT_BYTES: usize = size_of::<(i64, u64, f64)>();

/// What is wanted of a series.
pub(super) struct Wanted {
    /// Its points in this range.
    pub(super) range: (Millis, Millis),
    /// Where times are looked for that tell how far apart its points lie; it includes the range.
    pub(super) times: (Millis, Millis),
    /// For evenly spaced values, the seconds of their range.
    pub(super) spaced: Option<Spaced>,
    /// Whether its newest times, in the range or not, which tell how far apart its points lie.
    pub(super) newest_times: bool,
    /// The series that will be read next.
    pub(super) next: [Option<SeriesId>; SERIES_AHEAD],
}

impl Single {
    /// Begin, and pay for all but the points.
    pub(super) fn new(
        index: &Index,
        store: &mut Store,
        id: SeriesId,
        wanted: Wanted,
        mut spare: Spare,
        about: &About,
    ) -> Result<Single, QueryError> {
        let mut found = FoundSeries {
            text: index.text(id).to_owned(),
            identity: index.identity_of_type(id),
            values: index.values(id),
            points: std::mem::take(&mut spare.points),
            newest_times: std::mem::take(&mut spare.times),
            slotted: None,
            texts: Vec::new(),
        };
        let Wanted {
            range,
            times: range_of_times,
            spaced,
            newest_times: wants_times,
            next,
        } = wanted;
        let mut mask = mask_of(index, store, id, &found);
        mask.expire(store.expired_below(id, about.now));
        let (mut times, mut gap_ms) = (0, None);
        if wants_times {
            let is_direct = spaced.is_some() && found.values == Values::Double && mask.is_empty();
            let gap = is_direct.then(|| store.newest_gap_in_memory_ms(id, NEWEST_TIMES_MAX));
            gap_ms = gap.flatten();
            if gap_ms.is_none() {
                store.newest_times(id, NEWEST_TIMES_MAX, &mut found.newest_times);
            }
            times = NEWEST_TIMES_MAX * size_of::<i64>();
        }
        let bytes = size_of::<FoundSeries>() + found.text.len() + times;
        about.pay(bytes as u64)?;
        let mut single = Single {
            id,
            range,
            times: range_of_times,
            is_unsure: false,
            spaced,
            wants_times,
            gap_ms,
            next,
            found,
            stage: Stage::Done,
            mask,
            points_paid: 0,
            text_bytes_paid: 0,
            values_paid: 0,
            direct_counted: 0,
            spare,
        };
        single.stage = single.begin(store, about)?;
        Ok(single)
    }

    /// Straight from files if that may be, else the points of the range.
    fn begin(&mut self, store: &mut Store, about: &About) -> Result<Stage, QueryError> {
        let Some(spaced) = self
            .spaced
            .filter(|_| self.found.values == Values::Double && self.mask.is_empty())
        else {
            return Ok(self.range_of_points(store));
        };
        let is_known = |oldest: i64| {
            let recent = store.recent_files();
            recent.is_none_or(|(_, last)| last.0 < oldest)
        };
        let times = &mut self.found.newest_times;
        let in_memory = times.len();
        if times.is_empty() && self.gap_ms.is_none() {
            self.gap_ms = store.newest_gap_ms(self.id, NEWEST_TIMES_MAX);
        }
        if self.gap_ms.is_some()
            || store.recent_files().is_none()
            || store.fill_times(self.id, NEWEST_TIMES_MAX, times)
            || self.oldest_of_enough().is_some_and(is_known)
        {
            return self.direct(store, about);
        }
        let how = (NEWEST_TIMES_MAX, in_memory, spaced.summary.is_some());
        let memory = std::mem::take(&mut self.spare.cells);
        let reading = NewestReading::new(store, self.id, self.times, how, memory);
        Ok(Stage::Times(Box::new(reading)))
    }

    fn range_of_points(&self, store: &Store) -> Stage {
        let reading = SeriesReading::new(store, self.id, self.range, self.mask.clone());
        Stage::Range(Box::new(reading))
    }

    /// How far apart its points lie, seconds.
    fn step_s(&self) -> i64 {
        match self.gap_ms {
            Some(gap_ms) => slots::step_of_gap(gap_ms),
            // They descend, which does not matter to gaps, and there are no more than are looked at.
            None => slots::infer_step(&self.found.newest_times),
        }
    }

    /// The step is known: begin with the values.
    fn direct(&mut self, store: &mut Store, about: &About) -> Result<Stage, QueryError> {
        let Some(spaced) = self.spaced else {
            return Ok(self.range_of_points(store));
        };
        let range_s = (spaced.from_s, spaced.until_s);
        let step_s = self.step_s();
        let (_, count) = slots::span(step_s, range_s.0, range_s.1);
        about.limits.check_points_read(count)?;
        let memory = std::mem::take(&mut self.spare.values);
        let room = self.spare.room.take().unwrap_or_default();
        let direct = Direct::new(step_s, range_s, spaced.summary, (memory, room));
        let memory = std::mem::take(&mut self.spare.reading);
        let reading = DirectReading::new(store, (self.id, self.next), direct.range(), memory);
        let Some(reading) = reading else {
            return Ok(self.give_up_direct(store, about));
        };
        self.pay_values(direct.values(), about)?;
        Ok(Stage::Direct(Box::new((reading, direct))))
    }

    fn pay_values(&mut self, values: usize, about: &About) -> Result<(), QueryError> {
        let bytes = (values as u64).saturating_mul(8);
        self.values_paid = self.values_paid.saturating_add(bytes);
        about.pay(bytes)
    }

    /// Pieces are not all taken, or the stage after them has begun.
    fn go_on(&mut self, done: Done, store: &Store, about: &About) -> Progress {
        match done {
            Done::All => Progress::Done,
            Done::More => Progress::More,
            Done::Waiting => Progress::Waiting,
            Done::Refused => {
                self.stage = self.give_up_direct(store, about);
                Progress::Done
            }
        }
    }

    /// It cannot be done directly: the points have to be put in order first.
    fn give_up_direct(&mut self, store: &Store, about: &About) -> Stage {
        about.give_back(std::mem::take(&mut self.values_paid));
        if self.gap_ms.take().is_some() {
            let times = &mut self.found.newest_times;
            store.newest_times(self.id, NEWEST_TIMES_MAX, times);
            store.fill_times(self.id, NEWEST_TIMES_MAX, times);
        }
        self.range_of_points(store)
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
                Stage::Times(reading) => {
                    match reading.step(store, left, &mut self.found.newest_times) {
                        Done::All => {
                            if let Stage::Times(reading) = self.end_stage() {
                                self.spare.cells = reading.into_memory();
                            }
                            self.stage = self.direct(store, about)?;
                            Progress::Done
                        }
                        other => self.go_on(other, store, about),
                    }
                }
                Stage::Direct(both) => {
                    let (reading, direct) = &mut **both;
                    let done = match direct.make_room(left) {
                        true => reading.step(store, left, direct),
                        false => Done::More,
                    };
                    let more = direct.count() - self.direct_counted;
                    self.direct_counted += more;
                    *points += more as u64;
                    about.limits.check_points_read(*points)?;
                    match done {
                        Done::All => {
                            if let Stage::Direct(both) = self.end_stage() {
                                self.stage = Stage::Finishing(both);
                            }
                            Progress::Done
                        }
                        other => self.go_on(other, store, about),
                    }
                }
                Stage::Finishing(both) => {
                    let slotted = self.found.slotted.get_or_insert_with(nothing);
                    let done = both.1.finish(left, slotted);
                    if done {
                        self.spare.times = std::mem::take(&mut self.found.newest_times);
                        self.spare.times.clear();
                        if let Stage::Finishing(both) = self.end_stage() {
                            let (reading, direct) = *both;
                            self.spare.reading = reading.into_memory();
                            self.spare.room = Some(direct.into_room());
                        }
                    }
                    Progress::done_if(done)
                }
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
                        self.is_unsure = !self.are_all_recent(store);
                        self.stage = self.read(about)?;
                    }
                    progress
                }
                Stage::Slotting(slotting) => {
                    let done = slotting.step(&self.found.points, left);
                    if done && let Stage::Slotting(slotting) = self.end_stage() {
                        let bytes = self.points_paid * POINT_BYTES;
                        about.give_back(bytes as u64);
                        self.stage = self.slotted(slotting.finish(), about)?;
                    }
                    Progress::done_if(done)
                }
                Stage::Summing(both, at) => {
                    let (summing, slotted) = &mut **both;
                    let done = if !summing.make_room(left) {
                        false
                    } else if *at < slotted.values.len() {
                        let end = slotted.values.len().min(at.saturating_add(*left));
                        let some = slotted.values.get(*at..end).unwrap_or_default();
                        summing.put(*at, 1, some);
                        *left = left.saturating_sub(end - *at);
                        *at = end;
                        false
                    } else {
                        let out = self.found.slotted.get_or_insert_with(nothing);
                        summing.finish(left, out)
                    };
                    if done {
                        let bytes = slotted.values.len() as u64 * 8;
                        about.give_back(bytes);
                        self.stage = Stage::Done;
                    }
                    Progress::done_if(done)
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
        about.pay(more as u64)
    }

    fn pay(&mut self, held: usize, about: &About, points: &mut u64) -> Result<(), QueryError> {
        let more = held.saturating_sub(self.points_paid);
        self.points_paid += more;
        *points += more as u64;
        about.limits.check_points_read(*points)?;
        about.pay((more * POINT_BYTES) as u64)
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
        if !self.wants_times {
            return self.read(about);
        }
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

    fn end_stage(&mut self) -> Stage {
        std::mem::replace(&mut self.stage, Stage::Done)
    }

    /// All points are there. Where values are wanted, the step is known by now.
    fn read(&mut self, about: &About) -> Result<Stage, QueryError> {
        let Some(spaced) = self.spaced else {
            return Ok(Stage::Done);
        };
        if self.found.values != Values::Double {
            return Ok(Stage::Done);
        }
        let step_s = self.step_s();
        self.found.newest_times = Vec::new();
        let (_, count) = slots::span(step_s, spaced.from_s, spaced.until_s);
        about.limits.check_points_read(count)?;
        about.pay(count.saturating_mul(8))?;
        let slotting = Slotting::new(step_s, spaced.from_s, spaced.until_s);
        Ok(Stage::Slotting(Box::new(slotting)))
    }

    /// The values are there: they are what is wanted, or what they come to is.
    fn slotted(&mut self, slotted: Slotted, about: &About) -> Result<Stage, QueryError> {
        let Some(summary) = self.spaced.and_then(|spaced| spaced.summary) else {
            self.found.slotted = Some(slotted);
            return Ok(Stage::Done);
        };
        let (start, step) = (slotted.start, slotted.step);
        let summing = Summing::new(summary, start, step, slotted.values.len());
        self.pay_values(summing.buckets(), about)?;
        Ok(Stage::Summing(Box::new((summing, slotted)), 0))
    }

    /// Whether the newest times are those that they would be if all of the range that tells them had been
    /// read: it has been, or there are enough in the last files.
    fn are_all_recent(&self, store: &Store) -> bool {
        let oldest = self.oldest_of_enough();
        let is_recent = |(recent, _): (Millis, Millis)| oldest.is_some_and(|it| recent.0 <= it);
        self.times.0 >= self.range.0 || store.recent_files().is_none_or(is_recent)
    }

    /// See [`Wanted::times`].
    pub(super) fn is_unsure(&self) -> bool {
        self.is_unsure
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
    pub(super) fn found(mut self) -> (FoundSeries, Spare) {
        if self.found.slotted.is_some() {
            self.spare.points = std::mem::take(&mut self.found.points);
            self.spare.points.clear();
        }
        (self.found, self.spare)
    }
}

fn nothing() -> Slotted {
    Slotted {
        start: 0,
        step: 1,
        values: Vec::new(),
    }
}
