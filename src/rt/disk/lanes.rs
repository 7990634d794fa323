//! Who goes first: four lanes, each with a queue of the executor and a number of requests that may be at
//! work at once.
//!
//! The disk works on what it was given in about the order it was given. So a commit is late by what lies
//! there before it, and merging must never put more there than a few pieces. What somebody waits for, a
//! commit or a read, has as much of a busy core as ingest.

use std::rc::Rc;

use glommio::sync::{Semaphore, StaticPermit};
use glommio::{Latency, Shares, TaskQueueHandle};

use crate::seam::disk::Request;

/// What kind of work it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// Writes and syncs for which senders wait.
    Commit,
    /// Reads: queries, merges, checks.
    Read,
    /// Writes of sealing and merging, and files filled with zeros.
    Bulk,
    /// Renames, links, removals, room: they wait for the blocking thread.
    Names,
}

/// `(name, share of the core, at work at once)` in the order of [`Lane`]. Of each request at work at
/// most one piece lies at the disk and in a buffer.
const LANES: [(&str, usize, u64); 4] = [
    ("commits", 900, 32),
    ("reads", 900, 32),
    ("bulk writes", 60, 4),
    ("names", 60, 16),
];

#[derive(Debug)]
struct LaneState {
    queue: TaskQueueHandle,
    permits: Rc<Semaphore>,
}

/// The lanes of one executor.
#[derive(Debug)]
pub(super) struct Lanes {
    urgent: &'static str,
    lanes: [LaneState; LANES.len()],
}

impl Lanes {
    pub(super) fn new(urgent: &'static str) -> Lanes {
        let executor = glommio::executor();
        let lanes = LANES.map(|(name, shares, permits)| LaneState {
            queue: executor.create_task_queue(Shares::Static(shares), Latency::NotImportant, name),
            permits: Rc::new(Semaphore::new(permits)),
        });
        Lanes { urgent, lanes }
    }

    /// Which lane `request` takes.
    pub(super) fn of(&self, request: &Request) -> Lane {
        match request {
            Request::Write { name, .. } | Request::Commit { name, .. } | Request::Sync { name }
                if name.starts_with(self.urgent) =>
            {
                Lane::Commit
            }
            Request::Write { .. }
            | Request::Commit { .. }
            | Request::Sync { .. }
            | Request::Create { .. }
            | Request::Reserve { .. } => Lane::Bulk,
            Request::Read { .. } => Lane::Read,
            Request::Rename { .. }
            | Request::Link { .. }
            | Request::Remove { .. }
            | Request::Room => Lane::Names,
        }
    }

    /// Run `task` in the queue of `lane`.
    pub(super) fn spawn(&self, lane: Lane, task: impl Future<Output = ()> + 'static) {
        match glommio::spawn_local_into(task, self.state(lane).queue) {
            Ok(task) => {
                task.detach();
            }
            // The queues live as long as the executor, and this cannot leave it.
            Err(error) => unreachable!("a queue of this executor: {error}"),
        }
    }

    /// Wait for a turn in `lane`, which lasts until the permit is dropped.
    pub(super) async fn enter(&self, lane: Lane) -> Option<StaticPermit> {
        // Refused only once the semaphore was closed, which nobody does.
        self.state(lane).permits.acquire_static_permit(1).await.ok()
    }

    fn state(&self, lane: Lane) -> &LaneState {
        &self.lanes[lane as usize]
    }
}
