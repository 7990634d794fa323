//! What is known of a segment file without opening it: what its writer tells, and the manifest keeps.

/// One segment file: the points of the series of one book, in one window of data time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SegmentInfo {
    /// Its number, which no other file of the appliance has or had.
    pub file: u64,
    /// The book that its series are named in.
    pub book: u32,
    /// Where its window starts, milliseconds since the epoch, a multiple of `window_ms`.
    pub window_start_ms: i64,
    /// Length of the window in milliseconds.
    pub window_ms: i64,
    /// Stamp of the first arrival that it covers, microseconds.
    pub first_stamp: u64,
    /// Stamp of the last arrival that it covers. Points without an order column count as of then.
    pub last_stamp: u64,
    /// How often its points were merged: 0 when written from the head.
    pub level: u8,
    /// Points in it.
    pub points: u64,
    /// Series in it.
    pub series: u32,
    /// Bytes of the file.
    pub bytes: u64,
    /// Of these, pages of points and their index.
    pub raw_bytes: u64,
    /// Of these, cells and their index.
    pub cell_bytes: u64,
    /// Time of the earliest point, milliseconds since the epoch.
    pub first_ms: i64,
    /// Time of the latest point.
    pub last_ms: i64,
    /// Of its points, those of series with a ttl.
    pub mortal_points: u64,
    /// The stamp by which all of these have expired, microseconds; 0 where there are none.
    pub mortal_until: u64,
}

impl SegmentInfo {
    /// Path of its file below the data folder.
    pub fn path(&self) -> String {
        segment_path(self.file)
    }
}

/// Path of the segment file of that number below the data folder.
pub fn segment_path(file: u64) -> String {
    format!("segments/{file:010}.seg")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_as_the_numbers_do() {
        let info = SegmentInfo {
            file: 7,
            ..SegmentInfo::default()
        };
        assert_eq!(info.path(), "segments/0000000007.seg");
        assert!(segment_path(99) < segment_path(100));
    }
}
