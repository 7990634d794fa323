//! A snapshot being made: the steps of a [`Plan`] one after the other, its manifest last.
//!
//! A folder without a manifest is no snapshot: what is left of one that failed can be removed.

use std::collections::VecDeque;
use std::sync::Arc;

use super::control::CONTROL_FILE;
use super::manifest::{Plan, Version, plan};
use crate::seam::disk::{Desk, Fault, Job, Outcome, Request};

/// Bytes that are copied in one piece.
const PIECE_BYTES: usize = 1 << 20;

/// The file that names of tombstones depend on. It never changes.
const IDENTITY_FILE: &str = "identity";

/// Why there is no snapshot.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// Its name cannot be a folder's.
    #[error("a snapshot needs a name of letters, digits, `-`, `_` and `.`: `?name=before-upgrade`")]
    Name,
    /// The disk.
    #[error("cannot make {0}: {1}")]
    Disk(Arc<str>, Fault),
}

/// One step.
#[derive(Clone, Debug)]
enum Step {
    Link(Arc<str>, Arc<str>),
    Create(Arc<str>),
    /// From, to, and the bytes from one offset to the other.
    Read(Arc<str>, Arc<str>, u64, u64),
    Write(Arc<str>, u64, Vec<u8>),
    Sync(Arc<str>),
}

/// A snapshot on its way.
pub struct Making {
    folder: String,
    steps: VecDeque<Step>,
    under_way: Option<(Job, Step)>,
    /// Held, so that none of its files is removed.
    _version: Arc<Version>,
    outcome: Option<Result<String, SnapshotError>>,
}

impl Making {
    /// Begin a snapshot of `version` and of so many bytes of the control log, called `name`.
    ///
    /// # Errors
    /// The name.
    pub fn new(
        version: Arc<Version>,
        control_bytes: u64,
        name: &str,
    ) -> Result<Making, SnapshotError> {
        let mut plan = plan(&version, name).ok_or(SnapshotError::Name)?;
        if control_bytes > 0 {
            let to = format!("snapshots/{name}/{CONTROL_FILE}");
            plan.copies
                .push((CONTROL_FILE.to_owned(), to, control_bytes));
        }
        Ok(Making {
            folder: format!("snapshots/{name}"),
            steps: steps(plan, name),
            under_way: None,
            _version: version,
            outcome: None,
        })
    }

    /// Ask for the next step.
    pub fn poll(&mut self, desk: &mut Desk<'_>) {
        if self.under_way.is_some() || self.outcome.is_some() {
            return;
        }
        let Some(step) = self.steps.pop_front() else {
            self.outcome = Some(Ok(self.folder.clone()));
            return;
        };
        let request = match step.clone() {
            Step::Link(from, to) => Request::Link { from, to },
            Step::Create(name) => Request::Create { name, bytes: 0 },
            Step::Read(name, _, offset, end) => Request::Read {
                name,
                offset,
                bytes: ((end - offset) as usize).min(PIECE_BYTES),
            },
            Step::Write(name, offset, bytes) => Request::Write {
                name,
                offset,
                bytes,
            },
            Step::Sync(name) => Request::Sync { name },
        };
        self.under_way = Some((desk.ask(request), step));
    }

    /// A step is done.
    pub fn done(&mut self, job: Job, result: Result<Outcome, Fault>) {
        let Some((_, step)) = self.under_way.take_if(|(own, _)| *own == job) else {
            return;
        };
        match (step, result) {
            (Step::Read(from, to, offset, end), Ok(Outcome::Bytes(bytes))) if !bytes.is_empty() => {
                let next = offset + bytes.len() as u64;
                if next < end {
                    let rest = Step::Read(from, Arc::clone(&to), next, end);
                    self.steps.push_front(rest);
                }
                self.steps.push_front(Step::Write(to, offset, bytes));
            }
            (Step::Read(_, to, ..), Ok(_)) => self.fail(to, Fault::Missing),
            (_, Ok(_)) => {}
            (
                Step::Link(_, to)
                | Step::Create(to)
                | Step::Read(_, to, ..)
                | Step::Write(to, ..)
                | Step::Sync(to),
                Err(fault),
            ) => self.fail(to, fault),
        }
    }

    fn fail(&mut self, name: Arc<str>, fault: Fault) {
        self.outcome = Some(Err(SnapshotError::Disk(name, fault)));
    }

    /// Its folder, or why there is none; nothing while it is being made.
    pub fn outcome(&self) -> Option<Result<String, SnapshotError>> {
        self.outcome.clone()
    }
}

fn steps(plan: Plan, name: &str) -> VecDeque<Step> {
    let mut steps = VecDeque::new();
    for (from, to) in plan.links {
        steps.push_back(Step::Link(from.into(), to.into()));
    }
    let identity = format!("snapshots/{name}/{IDENTITY_FILE}");
    steps.push_back(Step::Link(IDENTITY_FILE.into(), identity.into()));
    for (from, to, bytes) in plan.copies {
        let (from, to): (Arc<str>, Arc<str>) = (from.into(), to.into());
        steps.push_back(Step::Create(Arc::clone(&to)));
        steps.push_back(Step::Read(from, Arc::clone(&to), 0, bytes));
        steps.push_back(Step::Sync(to));
    }
    let manifest: Arc<str> = plan.manifest_path.into();
    steps.push_back(Step::Create(Arc::clone(&manifest)));
    steps.push_back(Step::Write(Arc::clone(&manifest), 0, plan.manifest));
    steps.push_back(Step::Sync(manifest));
    steps
}
