//! Everything that can happen to a shard besides bytes: a closed list, opened by one match.

use super::vitals::Vitals;
use crate::query::error::QueryError;
use crate::query::plan::Plan;
use crate::query::scan::Partial;

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
    },
    /// Give your counters to shard `from` under `ticket`.
    Describe {
        /// Whom to answer.
        from: usize,
        /// The asker's number for this question.
        ticket: u64,
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
}
