//! Everything that can happen to a shard besides bytes: a closed list, opened by one match.

use std::ops::Range;
use std::sync::Arc;

use super::vitals::Vitals;
use crate::base::time::Stamp;
use crate::query::error::QueryError;
use crate::query::plan::Plan;
use crate::query::scan::Partial;
use crate::store::control::{Control, ControlRefused, Entry};
use crate::store::manifest::{Edit, Refused, Version};
use crate::store::tombstone::Tombstone;

/// Mail between shards.
#[derive(Debug)]
pub enum Mail {
    /// Scan for a plan and answer to shard `from` under `ticket`.
    Scan {
        /// Whom to answer.
        from: usize,
        /// The asker's number for this question.
        ticket: u64,
        /// What to scan for.
        plan: Plan,
        /// The clock of arrivals when it was asked: what has expired by then is not there.
        now: Stamp,
    },
    /// Give your counters to shard `from` under `ticket`.
    Describe {
        /// Whom to answer.
        from: usize,
        /// The asker's number for this question.
        ticket: u64,
    },
    /// Write everything that was taken so far into files, and answer when that is done.
    Settle {
        /// Whom to answer.
        from: usize,
        /// The asker's number for this question.
        ticket: u64,
        /// Whether the files of each window become one.
        merge: bool,
    },
    /// To the keeper of the manifest: take this edit.
    Edit {
        /// Who asks.
        from: usize,
        /// What is to change.
        edit: Box<Edit>,
    },
    /// From the keeper: the edit does not fit what is listed.
    Refused(Box<Edit>),
    /// To the keeper: give numbers for files to shard `from`.
    Numbers {
        /// Who asks.
        from: usize,
    },
    /// From the keeper: here they are.
    Given(Range<u64>),
    /// From the keeper, to all: what is listed from now on.
    Version(Arc<Version>),
    /// To the keeper: make a snapshot, and answer when it is there.
    Snapshot {
        /// Whom to answer.
        from: usize,
        /// The asker's number for this question.
        ticket: u64,
        /// What it is called.
        name: String,
    },
    /// For a delete: freeze what is open, and answer with a stamp above all that was taken so far.
    Part {
        /// Whom to answer.
        from: usize,
        /// The asker's number for this question.
        ticket: u64,
    },
    /// To the keeper: take these deletes, and answer when they are durable.
    Entomb {
        /// Whom to answer.
        from: usize,
        /// The asker's number for this question.
        ticket: u64,
        /// The deletes.
        tombstones: Vec<Tombstone>,
    },
    /// From the keeper, to all: tell it how old the oldest arrival is that you hold in memory and log.
    Oldest,
    /// To the keeper: that.
    Holds {
        /// Who holds it.
        from: usize,
        /// Its stamp; `None` where nothing is held.
        oldest: Option<Stamp>,
    },
    /// To the keeper: keep this, and answer when it is durable. The id of an event is given there.
    Record {
        /// Whom to answer.
        from: usize,
        /// The asker's number for this question.
        ticket: u64,
        /// What was told.
        entry: Box<Entry>,
    },
    /// From the keeper, to all: what users have told from now on.
    Control(Arc<Control>),
    /// Answer once you go by these.
    Await {
        /// Whom to answer.
        from: usize,
        /// The asker's number for this question.
        ticket: u64,
        /// All tombstones with numbers below.
        tombstones: u64,
        /// What was told, up to this generation.
        generation: u64,
    },
    /// The asker no longer wants the answer.
    Forget {
        /// Who asked.
        from: usize,
        /// The asker's number for this question.
        ticket: u64,
    },
    /// An answer, for whoever waits for `ticket` on the shard that gets it.
    Answer {
        /// Who answers.
        from: usize,
        /// The number under which it was asked.
        ticket: u64,
        /// What was found.
        reply: Reply,
    },
}

/// What an answer holds.
#[derive(Debug)]
pub enum Reply {
    /// To [`Mail::Scan`].
    Part(Result<Partial, QueryError>),
    /// To [`Mail::Describe`].
    Vitals(Box<Vitals>),
    /// To [`Mail::Settle`]: whether it is done; if not, the disk has no room.
    Settled(bool),
    /// To [`Mail::Part`].
    Parted(Stamp),
    /// To [`Mail::Entomb`]: the tombstones have numbers below this; or why they were not all taken.
    Entombed(Result<u64, Refused>),
    /// To [`Mail::Record`]: the id and the generation; or why it was not taken.
    Recorded(Result<(u64, u64), ControlRefused>),
    /// To [`Mail::Await`].
    Awaited,
    /// To [`Mail::Snapshot`]: its folder, or why not.
    Snapshot(Result<String, String>),
}
