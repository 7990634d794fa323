//! What one query may cost (DESIGN 12).

/// Ceilings of one query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Series that its selectors may match, per shard and after the merge.
    pub series_max: usize,
    /// Points read.
    pub points_read_max: u64,
    /// Points returned.
    pub points_returned_max: u64,
    /// Wall time in milliseconds.
    pub millis_max: u64,
    /// Bytes of partials and of the answer held in memory.
    pub bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            series_max: 100_000,
            points_read_max: 200_000_000,
            points_returned_max: 20_000_000,
            millis_max: 30_000,
            bytes_max: 2 << 30,
        }
    }
}
