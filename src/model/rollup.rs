//! Roll-up tasks as users tell them, and how far each has come.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::ordered::Ordered;

/// Bytes of the text of one task.
pub const TASK_BYTES_MAX: usize = 256 * 1024;
/// Tasks of an appliance.
pub const TASKS_MAX: usize = 1_000;
/// Bytes of the texts of all tasks.
pub const TASKS_BYTES_MAX: usize = 16 << 20;
/// Roll-ups of one task.
pub const ROLLUPS_MAX: usize = 100;
/// Bytes of the metric and of the error that a roll-up's progress names.
pub const PROGRESS_TEXT_BYTES_MAX: usize = 4 * 1024;

/// The number of a task: written as a UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(pub u128);

impl fmt::Display for TaskId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{:032x}", self.0);
        for (i, letter) in digits.chars().enumerate() {
            if matches!(i, 8 | 12 | 16 | 20) {
                out.write_str("-")?;
            }
            write!(out, "{letter}")?;
        }
        Ok(())
    }
}

impl FromStr for TaskId {
    type Err = ();

    /// Only the form that it is told in is one.
    fn from_str(text: &str) -> Result<TaskId, ()> {
        let digits: String = text.chars().filter(|&letter| letter != '-').collect();
        let id = u128::from_str_radix(&digits, 16).map(TaskId);
        id.ok().filter(|id| id.to_string() == text).ok_or(())
    }
}

/// How far one roll-up of a task has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Which roll-up of the task, 0 first.
    pub rollup: u32,
    /// What it writes to: one that was changed to another metric begins anew.
    pub metric: String,
    /// Where the next run begins, milliseconds since 1970: all that is earlier is rolled up.
    pub next_ms: i64,
    /// When it last ran, milliseconds since 1970.
    pub executed_ms: i64,
    /// Points that the last run wrote.
    pub points: u64,
    /// Milliseconds that it took.
    pub took_ms: u64,
    /// Why it failed; empty if it did not.
    pub error: String,
}

/// A stretch of time that a task is to do again, on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backfill {
    /// First instant, milliseconds since 1970.
    pub from_ms: i64,
    /// Last instant.
    pub until_ms: i64,
    /// Which roll-up is at work: those before it are done.
    pub rollup: u32,
    /// Where it goes on.
    pub next_ms: i64,
}

/// A task.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// What it is to do: JSON, as it was sent.
    pub text: Arc<str>,
    /// Of each roll-up that has run, by their numbers.
    pub progress: Arc<Vec<Progress>>,
    /// What is to be done again.
    pub backfill: Option<Backfill>,
}

/// Why a task is not kept, or its progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RollupRefused {
    /// Over [`TASK_BYTES_MAX`].
    #[error("a roll-up task has {TASK_BYTES_MAX} bytes at most; make several of it")]
    Long,
    /// Over [`TASKS_MAX`].
    #[error("there are {TASKS_MAX} roll-up tasks already, the most that are kept")]
    Many,
    /// Over [`TASKS_BYTES_MAX`].
    #[error("the roll-up tasks have {TASKS_BYTES_MAX} bytes already, the most that are kept")]
    Full,
    /// Progress of a task that is not there, or beyond a limit.
    #[error("there is no such roll-up any more")]
    Gone,
}

/// All tasks. Copies share what they have in common.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tasks {
    all: Ordered<TaskId, Task>,
    bytes: usize,
}

impl Tasks {
    /// How many tasks there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Bytes of their texts.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Them by id.
    pub fn iter(&self) -> impl Iterator<Item = (TaskId, &Task)> {
        self.all.iter().map(|(&id, task)| (id, task))
    }

    /// That with this id.
    pub fn get(&self, id: TaskId) -> Option<&Task> {
        self.all.get(&id)
    }

    /// Whether a task may be kept.
    ///
    /// # Errors
    /// The limit that it would pass.
    pub fn check(&self, id: TaskId, text: &str) -> Result<(), RollupRefused> {
        let before = self.get(id).map_or(0, |task| task.text.len());
        if TASK_BYTES_MAX < text.len() {
            return Err(RollupRefused::Long);
        }
        if self.get(id).is_none() && TASKS_MAX <= self.len() {
            return Err(RollupRefused::Many);
        }
        if TASKS_BYTES_MAX < self.bytes - before + text.len() {
            return Err(RollupRefused::Full);
        }
        Ok(())
    }

    /// Do a stretch of time again, go on with it, or be done with it.
    pub fn fill_back(&mut self, id: TaskId, backfill: Option<Backfill>) {
        if let Some(task) = self.get(id) {
            let task = Task {
                backfill,
                ..task.clone()
            };
            self.all.insert(id, task);
        }
    }

    /// Whether progress may be noted.
    ///
    /// # Errors
    /// [`RollupRefused::Gone`].
    pub fn check_progress(&self, id: TaskId, progress: &Progress) -> Result<(), RollupRefused> {
        let fits = self.get(id).is_some()
            && (progress.rollup as usize) < ROLLUPS_MAX
            && progress.metric.len() <= PROGRESS_TEXT_BYTES_MAX
            && progress.error.len() <= PROGRESS_TEXT_BYTES_MAX;
        fits.then_some(()).ok_or(RollupRefused::Gone)
    }

    /// Keep a task. One that is there stays as far as it has come.
    pub fn set(&mut self, id: TaskId, text: &str) {
        let before = self.get(id);
        let bytes_before = before.map_or(0, |task| task.text.len());
        let task = Task {
            text: text.into(),
            progress: before
                .map(|task| Arc::clone(&task.progress))
                .unwrap_or_default(),
            backfill: before.and_then(|task| task.backfill),
        };
        self.bytes = self.bytes - bytes_before + text.len();
        self.all.insert(id, task);
    }

    /// Forget a task.
    pub fn unset(&mut self, id: TaskId) {
        if let Some(task) = self.all.remove(&id) {
            self.bytes -= task.text.len();
        }
    }

    /// A roll-up of a task has come so far.
    pub fn advance(&mut self, id: TaskId, progress: Progress) {
        let Some(task) = self.get(id) else {
            return;
        };
        let mut task = task.clone();
        let all = Arc::make_mut(&mut task.progress);
        match all.binary_search_by_key(&progress.rollup, |known| known.rollup) {
            Ok(at) => all[at] = progress,
            Err(at) => all.insert(at, progress),
        }
        self.all.insert(id, task);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_told_as_uuids() {
        let id = TaskId(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
        let text = "01234567-89ab-cdef-0123-456789abcdef";
        assert_eq!(id.to_string(), text);
        assert_eq!(text.parse(), Ok(id));
        for wrong in ["", "bogus", "0123456789abcdef0123456789abcdef", "1", "-"] {
            assert_eq!(wrong.parse::<TaskId>(), Err(()), "{wrong}");
        }
        let upper = text.to_uppercase();
        assert_eq!(upper.parse::<TaskId>(), Err(()));
    }

    #[test]
    fn a_task_that_is_changed_stays_as_far_as_it_has_come() {
        let mut tasks = Tasks::default();
        let id = TaskId(7);
        let progress = |rollup, next_ms| Progress {
            rollup,
            next_ms,
            ..Progress::default()
        };
        let none = tasks.check_progress(id, &progress(0, 1));
        assert_eq!(none, Err(RollupRefused::Gone));
        tasks.set(id, "{}");
        tasks.advance(id, progress(3, 1));
        tasks.advance(id, progress(1, 2));
        tasks.advance(id, progress(3, 5));
        tasks.set(id, "{1}");
        let task = tasks.get(id).expect("it is kept");
        assert_eq!(*task.progress, [progress(1, 2), progress(3, 5)]);
        let backfill = Some(Backfill {
            from_ms: 1,
            until_ms: 9,
            rollup: 0,
            next_ms: 1,
        });
        tasks.fill_back(id, backfill);
        tasks.fill_back(TaskId(8), backfill);
        tasks.set(id, "{2}");
        assert_eq!(tasks.get(id).and_then(|task| task.backfill), backfill);
        assert_eq!((tasks.len(), tasks.bytes()), (1, 3));
        let far = tasks.check_progress(id, &progress(ROLLUPS_MAX as u32, 1));
        assert_eq!(far, Err(RollupRefused::Gone));
        tasks.unset(id);
        assert_eq!((tasks.is_empty(), tasks.bytes()), (true, 0));
    }

    #[test]
    fn limits() {
        let mut tasks = Tasks::default();
        let long = "x".repeat(TASK_BYTES_MAX);
        assert_eq!(tasks.check(TaskId(1), &long), Ok(()));
        let longer = format!("{long}x");
        assert_eq!(tasks.check(TaskId(1), &longer), Err(RollupRefused::Long));
        tasks.set(TaskId(1), &long);
        tasks.bytes = TASKS_BYTES_MAX;
        assert_eq!(tasks.check(TaskId(1), &long), Ok(()), "instead of itself");
        assert_eq!(tasks.check(TaskId(2), "x"), Err(RollupRefused::Full));
        for id in 2..=TASKS_MAX as u128 {
            tasks.set(TaskId(id), "");
        }
        assert_eq!(tasks.check(TaskId(2), ""), Ok(()));
        assert_eq!(tasks.check(TaskId(0), ""), Err(RollupRefused::Many));
    }
}
