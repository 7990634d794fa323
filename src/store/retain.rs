//! Which files have to go so that raw points keep to their share of the disk.
//!
//! Takes a version, a budget and the time; gives whole files, the oldest window first. All files of a
//! window go together, of all books: if only some went, an older value of a point could show again.
//! Does not know what other files there are; the caller makes the edit.

use crate::seam::disk::Room;
use crate::store::info::SegmentInfo;
use crate::store::manifest::Version;

/// How much may stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Bytes of all segment files.
    pub bytes: u64,
    /// Data of at least so many milliseconds before now stays.
    pub keep_ms: i64,
    /// Now, milliseconds since the epoch.
    pub now_ms: i64,
}

impl Budget {
    /// So many hundredths of the file system, and what is younger than `keep_ms`.
    pub fn of_room(room: Room, percent: u64, keep_ms: i64, now_ms: i64) -> Budget {
        let share = u128::from(room.total_bytes) * u128::from(percent.min(100)) / 100;
        Budget {
            bytes: share as u64,
            keep_ms,
            now_ms,
        }
    }
}

/// Files that have to go, oldest window first.
pub fn expired(version: &Version, budget: Budget) -> Vec<u64> {
    let mut over = version.totals().bytes.saturating_sub(budget.bytes);
    if over == 0 {
        return Vec::new();
    }
    let young_ms = budget.now_ms.saturating_sub(budget.keep_ms.max(0));
    let mut infos: Vec<&SegmentInfo> = version.all_segments().collect();
    infos.sort_by_key(|info| (info.window_start_ms, info.file));
    let mut files = Vec::new();
    let mut rest = &infos[..];
    while over > 0
        && let Some(window) = overlapping(rest)
    {
        rest = &rest[window.len()..];
        // The windows behind it are younger still, but for longer ones.
        if window.iter().any(|info| info.last_ms >= young_ms) {
            break;
        }
        let bytes = window.iter().map(|info| info.bytes);
        over = over.saturating_sub(bytes.fold(0, u64::saturating_add));
        files.extend(window.iter().map(|info| info.file));
    }
    files
}

/// The first files of a list by start whose windows overlap one another, and no later one.
fn overlapping<'a, 'b>(infos: &'a [&'b SegmentInfo]) -> Option<&'a [&'b SegmentInfo]> {
    let mut end_ms = end_of(infos.first()?);
    let behind = |info: &&SegmentInfo| {
        let is_behind = info.window_start_ms >= end_ms;
        end_ms = end_ms.max(end_of(info));
        is_behind
    };
    // The first one is not behind itself: a window is not empty.
    let count = infos.iter().skip(1).position(behind);
    Some(&infos[..count.map_or(infos.len(), |count| count + 1)])
}

fn end_of(info: &SegmentInfo) -> i64 {
    info.window_start_ms.saturating_add(info.window_ms)
}

/// The oldest instant of which data is kept, milliseconds since the epoch: where the earliest window
/// starts. `None` while there is no file.
pub fn boundary(version: &Version) -> Option<i64> {
    version.earliest_ms()
}

#[cfg(test)]
mod tests;
