//! A shard's counters, as `/metrics` shows them.

use super::keeper::Kept;
use super::sources::Load;
use crate::model::refusal::{Protocol, Refusals};
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
    /// What the keeper of the manifest knows; of shard 0 only.
    pub kept: Option<Kept>,
    /// Datagrams that the kernel dropped for want of room.
    pub datagrams_dropped: u64,
    /// Bytes read, by protocol.
    pub bytes_read: [u64; Protocol::ALL.len()],
}
