//! A store's counters, as `/metrics` shows them.

/// Counters and gauges of one shard's store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vitals {
    /// Bytes of points in memory.
    pub head_bytes: u64,
    /// Generations that are on their way into files.
    pub frozen: u64,
    /// Bytes of segments in memory.
    pub cache_bytes: u64,
    /// Reads of segments so far.
    pub reads: u64,
    /// Damaged parts of segments.
    pub damaged: u64,
    /// Bytes of log that are not on stable storage yet.
    pub unwritten_bytes: u64,
    /// Commits so far.
    pub commits: u64,
    /// Bytes of log written.
    pub log_bytes: u64,
    /// Bytes of zeros that its files were filled with.
    pub log_filled_bytes: u64,
    /// Files of log that are needed, and in reserve.
    pub log_files: (u64, u64),
    /// Whether the disk takes no log at the moment.
    pub log_in_trouble: bool,
    /// Points replayed at the start.
    pub replayed: u64,
    /// Points sealed into files.
    pub sealed_points: u64,
    /// Bytes of these files.
    pub sealed_bytes: u64,
    /// Merges so far.
    pub merges: u64,
    /// Points that they wrote.
    pub merged_points: u64,
    /// Bytes that they wrote.
    pub merged_bytes: u64,
    /// What failed so far.
    pub failures: u64,
    /// Whether senders have to wait.
    pub blocked: bool,
    /// Blocks of log that had been durable and are gone, found at the start.
    pub log_lost_blocks: u64,
}
