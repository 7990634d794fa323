//! A shard's counters, as `/metrics` shows them.

use std::collections::BTreeMap;

use super::keeper::Kept;
use super::sources::Load;
use crate::model::refusal::{Protocol, Refusals};
use crate::query::result_cache;
use crate::store;

/// Counters and gauges of one shard.
#[derive(Clone, Debug, Default)]
pub struct Vitals {
    /// Which shard.
    pub shard: usize,
    /// Points accepted, by protocol.
    pub accepted: [u64; Protocol::ALL.len()],
    /// Refusals, by protocol.
    pub refused: [Refusals; Protocol::ALL.len()],
    /// Open connections, by protocol.
    pub connections: [u64; Protocol::ALL.len()],
    /// Series.
    pub series: u64,
    /// Bytes of the index.
    pub index_bytes: u64,
    /// Bytes that stream connections have left over between two reads.
    pub buffered_bytes: u64,
    /// Bytes of the last whole minute, and the address that sent most of them.
    pub load: Load,
    /// What the store holds and does.
    pub store: store::Vitals,
    /// What is kept of earlier questions.
    pub results: result_cache::Counts,
    /// What the keeper of the manifest knows; of shard 0 only.
    pub kept: Option<Kept>,
    /// Datagrams that the kernel dropped for want of room.
    pub datagrams_dropped: u64,
    /// Bytes read, by protocol.
    pub bytes_read: [u64; Protocol::ALL.len()],
    /// What KairosDB tells of itself.
    pub kairos: KairosCounts,
}

/// What the lines of KairosDB's telnet door may be, in the order of [`KairosCounts::commands`].
pub const COMMANDS: [&str; 4] = ["put", "putm", "puts", "version"];

/// What KairosDB counts, as it counts it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KairosCounts {
    /// Lines of its telnet door whose points were accepted, and those of `version`.
    pub commands: [u64; COMMANDS.len()],
    /// Requests to its API, by what it calls them.
    pub requests: BTreeMap<&'static str, u64>,
    /// Points that requests stored.
    pub ingested: u64,
    /// Milliseconds that it took.
    pub ingest_millis: u64,
}

impl KairosCounts {
    /// Count what was told.
    pub fn add(&mut self, told: Told) {
        match told {
            Told::Request(name) => *self.requests.entry(name).or_default() += 1,
            Told::Ingest { points, millis } => {
                self.ingested += points;
                self.ingest_millis += millis;
            }
        }
    }

    /// Add what another shard counted.
    pub fn join(&mut self, other: &KairosCounts) {
        for (mine, more) in self.commands.iter_mut().zip(other.commands) {
            *mine += more;
        }
        for (name, more) in &other.requests {
            *self.requests.entry(name).or_default() += more;
        }
        self.ingested += other.ingested;
        self.ingest_millis += other.ingest_millis;
    }
}

/// What somebody who is no part of a shard has done at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// A request to KairosDB's API, by what KairosDB calls it.
    Request(&'static str),
    /// A request has stored points.
    Ingest {
        /// How many.
        points: u64,
        /// How long that took.
        millis: u64,
    },
}
