//! What the store of one shard is told once.

use crate::base::time::Step;

/// Bounds and rhythms. Bytes are of one shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Bytes of points in memory; when they are used up senders have to wait.
    pub head_bytes_max: usize,
    /// Bytes of points at which a generation of the head is sealed.
    pub seal_bytes: usize,
    /// Age at which it is sealed, in microseconds.
    pub seal_micros: u64,
    /// Windows of data time in one generation; with more it is sealed.
    pub windows_max: usize,
    /// Data time of one segment file.
    pub window: Step,
    /// Width of a sealed cell.
    pub cell: Step,
    /// Bytes of pages and indexes of segments that are kept in memory.
    pub cache_bytes_max: usize,
    /// Longest time that text waits for stable storage, in microseconds.
    pub commit_micros: u64,
    /// Bytes of log since the last seal at which a generation is sealed.
    pub log_bytes_max: u64,
    /// Bytes of a file of the log.
    pub log_file_bytes: u64,
    /// Bytes that may wait for a slow disk.
    pub unwritten_bytes_max: usize,
    /// Share of the disk that raw points may take, in percent.
    pub raw_disk_percent: u64,
    /// Data time that is kept whatever it takes.
    pub raw_at_least: Step,
    /// Seconds for which points of KairosDB's doors stay that say nothing else; 0 is for ever.
    pub kairos_ttl_seconds: u32,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            head_bytes_max: 1 << 30,
            seal_bytes: 256 << 20,
            seal_micros: 600_000_000,
            windows_max: 4096,
            window: Step::HOUR,
            cell: Step::MINUTE,
            cache_bytes_max: 64 << 20,
            commit_micros: 50_000,
            log_bytes_max: 1 << 30,
            log_file_bytes: 8 << 20,
            unwritten_bytes_max: 64 << 20,
            raw_disk_percent: 60,
            raw_at_least: Step::SIX_HOURS,
            kairos_ttl_seconds: 0,
        }
    }
}
