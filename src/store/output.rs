//! A file on its way to the disk: written from its start to its end under a name that nobody reads, synced,
//! and then given its own name.
//!
//! Takes pieces in order, keeps a few of them under way, and is done when the file with all of them is on
//! stable storage under its name. What fails fails the whole file: whoever writes it starts again.

use std::collections::HashMap;
use std::sync::Arc;

use crate::seam::disk::{Desk, Fault, Job, Outcome, Request};

/// Pieces under way at one time.
const UNDER_WAY_MAX: usize = 4;

/// How far a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// More can be written.
    Ready,
    /// The disk has enough to do.
    Busy,
    /// All of it is on stable storage.
    Done,
    /// It cannot be written.
    Failed(Fault),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Create,
    Write,
    Sync,
    Rename,
    Done,
}

/// One file being written.
pub(super) struct Output {
    temporary: Arc<str>,
    name: Arc<str>,
    offset: u64,
    step: Step,
    closed: bool,
    under_way: HashMap<Job, Step>,
    /// What came before the file was there.
    early: Vec<Vec<u8>>,
    fault: Option<Fault>,
}

impl Output {
    /// Begin the file `name`.
    pub(super) fn new(name: &str, desk: &mut Desk<'_>) -> Output {
        let temporary: Arc<str> = format!("{name}.tmp").into();
        let create = desk.ask(Request::Create {
            name: Arc::clone(&temporary),
            bytes: 0,
        });
        Output {
            temporary,
            name: name.into(),
            offset: 0,
            step: Step::Create,
            closed: false,
            under_way: HashMap::from([(create, Step::Create)]),
            early: Vec::new(),
            fault: None,
        }
    }

    /// Write the next piece, a multiple of a block long.
    pub(super) fn write(&mut self, bytes: Vec<u8>, desk: &mut Desk<'_>) {
        if self.step == Step::Create {
            self.early.push(bytes);
            return;
        }
        let offset = self.offset;
        self.offset += bytes.len() as u64;
        let name = Arc::clone(&self.temporary);
        let job = desk.ask(Request::Write {
            name,
            offset,
            bytes,
        });
        self.under_way.insert(job, Step::Write);
    }

    /// Nothing more will be written.
    pub(super) fn close(&mut self, desk: &mut Desk<'_>) {
        self.closed = true;
        self.go_on(desk);
    }

    /// Whether `job` was asked for here; then its result is taken.
    pub(super) fn done(
        &mut self,
        job: Job,
        result: &Result<Outcome, Fault>,
        desk: &mut Desk<'_>,
    ) -> bool {
        let Some(step) = self.under_way.remove(&job) else {
            return false;
        };
        match result {
            Err(fault) => {
                self.fault.get_or_insert_with(|| fault.clone());
            }
            Ok(_) if step == Step::Create => {
                self.step = Step::Write;
                for bytes in std::mem::take(&mut self.early) {
                    self.write(bytes, desk);
                }
            }
            Ok(_) if step == Step::Rename => self.step = Step::Done,
            Ok(_) => {}
        }
        self.go_on(desk);
        true
    }

    /// Once all pieces are written: sync, and then the name.
    fn go_on(&mut self, desk: &mut Desk<'_>) {
        if !self.closed || !self.under_way.is_empty() || self.fault.is_some() {
            return;
        }
        let (step, request) = match self.step {
            Step::Write => (
                Step::Sync,
                Request::Sync {
                    name: Arc::clone(&self.temporary),
                },
            ),
            Step::Sync => (
                Step::Rename,
                Request::Rename {
                    from: Arc::clone(&self.temporary),
                    to: Arc::clone(&self.name),
                },
            ),
            Step::Create | Step::Rename | Step::Done => return,
        };
        self.step = step;
        let job = desk.ask(request);
        self.under_way.insert(job, step);
    }

    /// How far it is.
    pub(super) fn state(&self) -> State {
        match &self.fault {
            // What is under way still comes back; nobody may start over before.
            Some(fault) if self.under_way.is_empty() => State::Failed(fault.clone()),
            Some(_) => State::Busy,
            None if self.step == Step::Done => State::Done,
            None if UNDER_WAY_MAX <= self.under_way.len() + self.early.len() || self.closed => {
                State::Busy
            }
            None => State::Ready,
        }
    }

    /// Take back what was written.
    pub(super) fn remove(&self, desk: &mut Desk<'_>) {
        for name in [&self.temporary, &self.name] {
            desk.ask(Request::Remove {
                name: Arc::clone(name),
            });
        }
    }
}
