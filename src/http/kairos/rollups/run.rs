//! Runs what is due, bucket by bucket.
//!
//! A run of a roll-up asks its query once for each bucket since the last run: the one in which that ended is
//! asked again, and so is the one in which this ends the next time. Runs are bounded, and how far one has
//! come is on stable storage before the next begins: what a stop, a crash or an error leaves out is made
//! up for.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::super::request::task::{Task, Unit};
use super::super::request::{Query, Reading};
use super::super::running::Kill;
use super::super::saving::Saving;
use super::super::{Refused, results, tree};
use crate::base::time::Millis;
use crate::http::question::Question;
use crate::http::{Fleet, HttpOptions};
use crate::model::rollup::{self, Backfill, PROGRESS_TEXT_BYTES_MAX, Progress, TaskId};
use crate::query::kairos::buckets_between;
use crate::store::control::Entry;

/// Buckets of one run; what is left is another run.
const BUCKETS_MAX: usize = 1_000;
/// How long one run may begin new buckets.
const RUN_MAX: Duration = Duration::from_secs(5);

/// Who runs the tasks of an appliance. One of its shards has one.
#[derive(Default)]
pub struct RollUps {
    /// What was read of each task, and the text that it was read from.
    read: HashMap<TaskId, (Arc<str>, Option<Rc<Task>>)>,
    /// Roll-ups whose last run ended before it was done.
    unfinished: HashSet<(TaskId, usize)>,
}

/// What came of a run.
struct Outcome {
    points: u64,
    /// The begin of the last bucket that was done, or of the first that was not.
    next_ms: i64,
    is_done: bool,
    error: String,
}

impl RollUps {
    /// Run everything that is due once. To be called about once a second; gives whether there is more.
    pub async fn turn(&mut self, fleet: &dyn Fleet, options: &HttpOptions) -> bool {
        if !options.kairos.rollups || fleet.recovering() || !fleet.ready() {
            return false;
        }
        let mut goes_on = false;
        let control = fleet.control();
        self.read.retain(|&id, _| control.tasks.get(id).is_some());
        self.unfinished
            .retain(|&(id, _)| control.tasks.get(id).is_some());
        for (id, task) in control.tasks.iter() {
            let Some(read) = self.task(id, &task.text, fleet, options).await else {
                continue;
            };
            for (number, unit) in read.units.iter().enumerate() {
                self.run_if_due((id, task, &read), (number, unit), fleet, options)
                    .await;
            }
            if let Some(backfill) = task.backfill {
                goes_on |= self.fill_back((id, &read, backfill), fleet, options).await;
            }
            fleet.breathe().await;
        }
        goes_on || !self.unfinished.is_empty()
    }

    /// What a task is to do. One that cannot be read, as options have changed since, does nothing.
    async fn task(
        &mut self,
        id: TaskId,
        text: &Arc<str>,
        fleet: &dyn Fleet,
        options: &HttpOptions,
    ) -> Option<Rc<Task>> {
        if let Some((known, task)) = self.read.get(&id)
            && Arc::ptr_eq(known, text)
        {
            return task.clone();
        }
        let task = match read(text, fleet, options).await {
            Ok(task) => Some(Rc::new(task)),
            Err(refused) => {
                let told = refused.errors.join("; ");
                tracing::warn!("the roll-up task {id} cannot be run: {told}");
                None
            }
        };
        self.read.insert(id, (Arc::clone(text), task.clone()));
        task
    }

    async fn run_if_due(
        &mut self,
        (id, task, read): (TaskId, &rollup::Task, &Task),
        (number, unit): (usize, &Unit),
        fleet: &dyn Fleet,
        options: &HttpOptions,
    ) {
        let now = fleet.now();
        let known = task
            .progress
            .iter()
            .find(|one| one.rollup as usize == number && one.metric == unit.save_as);
        let is_due = known.is_none_or(|one| one.executed_ms <= read.before(now.0))
            || self.unfinished.contains(&(id, number));
        if !is_due {
            return;
        }
        let from_ms = known.map_or_else(|| first_ms(read, unit, now), |one| one.next_ms);
        let started = fleet.elapsed();
        let outcome = run(unit, (from_ms, now.0), fleet, options).await;
        let took = fleet.elapsed().saturating_sub(started);
        if !outcome.error.is_empty() {
            let (metric, told) = (&unit.save_as, &outcome.error);
            tracing::warn!("the roll-up of {metric} failed and is tried again: {told}");
        }
        match outcome.is_done || !outcome.error.is_empty() {
            true => self.unfinished.remove(&(id, number)),
            false => self.unfinished.insert((id, number)),
        };
        let progress = Progress {
            rollup: number as u32,
            metric: unit.save_as.clone(),
            next_ms: outcome.next_ms,
            executed_ms: now.0,
            points: outcome.points,
            took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            error: outcome.error,
        };
        // One that is not there any more needs no progress; what could not be kept is done again.
        let _ = fleet.record(Entry::Progress(id, progress)).await;
    }

    /// Go on with a stretch of time that is to be done again. False where it is done, or failed.
    async fn fill_back(
        &mut self,
        (id, read, backfill): (TaskId, &Task, Backfill),
        fleet: &dyn Fleet,
        options: &HttpOptions,
    ) -> bool {
        let Some(unit) = read.units.get(backfill.rollup as usize) else {
            let _ = fleet.record(Entry::Backfill(id, None)).await;
            return false;
        };
        let range = (backfill.next_ms, backfill.until_ms);
        let outcome = run(unit, range, fleet, options).await;
        if !outcome.error.is_empty() {
            let (metric, told) = (&unit.save_as, &outcome.error);
            tracing::warn!("the backfill of {metric} failed and is tried again: {told}");
        }
        let next = match outcome.is_done {
            true => Backfill {
                rollup: backfill.rollup + 1,
                next_ms: backfill.from_ms,
                ..backfill
            },
            false => Backfill {
                next_ms: outcome.next_ms,
                ..backfill
            },
        };
        // Somebody may have asked for more meanwhile: then it begins anew.
        let is_same = |task: &rollup::Task| task.backfill == Some(backfill);
        if fleet.control().tasks.get(id).is_some_and(is_same) {
            let _ = fleet.record(Entry::Backfill(id, Some(next))).await;
        }
        outcome.error.is_empty()
    }
}

/// Read a task that was read when it was told.
pub(super) async fn read(
    text: &str,
    fleet: &dyn Fleet,
    options: &HttpOptions,
) -> Result<Task, Refused> {
    let request = http::Request::new(Bytes::new());
    let question = Question::unread(&request, fleet, options);
    let tree = tree::read(text.as_bytes(), &question.pace()).await?;
    let reading = Reading {
        now: question.began,
        options: &options.kairos_query,
    };
    Task::read(&tree, reading)
}

/// Where the first run begins: an interval and a bucket before now.
fn first_ms(task: &Task, unit: &Unit, now: Millis) -> i64 {
    let from_ms = task.before(now.0);
    from_ms.saturating_sub(unit.sampling.millis_from(from_ms, &unit.zone))
}

/// Ask for the buckets from the one of `from_ms` to the one of `until_ms`, as many as one run may have.
async fn run(
    unit: &Unit,
    (from_ms, until_ms): (i64, i64),
    fleet: &dyn Fleet,
    options: &HttpOptions,
) -> Outcome {
    let mut outcome = Outcome {
        points: 0,
        next_ms: from_ms,
        is_done: false,
        error: String::new(),
    };
    let buckets = match buckets_between(unit.sampling, &unit.zone, from_ms, until_ms) {
        Ok(buckets) => buckets,
        Err(error) => {
            outcome.error = error.to_string();
            return outcome;
        }
    };
    let started = fleet.elapsed();
    for (count, (begin_ms, end_ms)) in buckets.enumerate() {
        outcome.next_ms = begin_ms;
        let took = fleet.elapsed().saturating_sub(started);
        if count == BUCKETS_MAX || (0 < count && RUN_MAX < took) {
            return outcome;
        }
        match roll_up(unit, (begin_ms, end_ms), fleet, options).await {
            Ok(points) => outcome.points += points,
            Err(refused) => {
                outcome.error = shortened(refused.errors.join("; "));
                return outcome;
            }
        }
        fleet.breathe().await;
    }
    outcome.is_done = true;
    outcome
}

/// Ask for one bucket, and store what comes of it. KairosDB asks for the first instant of the next one too:
/// a point there then makes a value of the next bucket by itself, which stands where nobody asks again.
async fn roll_up(
    unit: &Unit,
    (begin_ms, end_ms): (i64, i64),
    fleet: &dyn Fleet,
    options: &HttpOptions,
) -> Result<u64, Refused> {
    let request = http::Request::new(Bytes::new());
    let question = Question::unread(&request, fleet, options);
    let kill = Arc::new(Kill::default());
    question.may_be_killed(Arc::clone(&kill));
    let running = &options.kairos.running;
    let _listed = running.begin(&unit.metric.name, &unit.json, &kill);
    let query = Query {
        start_ms: begin_ms,
        end_ms: end_ms.saturating_sub(1),
        ..unit.query.clone()
    };
    let saving = Saving::new(&question);
    results::compute(&question, &query, &unit.metric, &saving).await?;
    Ok(saving.points())
}

fn shortened(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(PROGRESS_TEXT_BYTES_MAX));
    text
}
