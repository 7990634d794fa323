use super::*;
use crate::base::random::Random;

const HOUR_MS: i64 = 3_600_000;
const KEEP_MS: i64 = 6 * HOUR_MS;

fn info(file: u64, hour: i64, hours: i64, bytes: u64) -> SegmentInfo {
    SegmentInfo {
        file,
        book: (file % 3) as u32,
        window_start_ms: hour * HOUR_MS,
        window_ms: hours * HOUR_MS,
        bytes,
        first_ms: hour * HOUR_MS,
        last_ms: (hour + hours) * HOUR_MS - 1,
        ..SegmentInfo::default()
    }
}

fn budget(bytes: u64, now_hour: i64) -> Budget {
    Budget {
        bytes,
        keep_ms: KEEP_MS,
        now_ms: now_hour * HOUR_MS,
    }
}

#[test]
fn oldest_windows_go_whole_until_it_fits() {
    let files = [
        info(9, 0, 1, 10),
        info(1, 1, 1, 10),
        info(5, 1, 1, 10),
        info(2, 2, 1, 10),
    ];
    let version = Version::of(&files);
    let check = |bytes, now_hour, want: &[u64]| {
        assert_eq!(
            expired(&version, budget(bytes, now_hour)),
            want,
            "{bytes} at {now_hour}"
        );
    };
    check(40, 100, &[]);
    check(39, 100, &[9]);
    check(29, 100, &[9, 1, 5]);
    check(0, 100, &[9, 1, 5, 2]);
    check(0, 8, &[9, 1, 5]);
    check(0, 6, &[]);
    check(0, -100, &[]);
    assert_eq!(boundary(&version), Some(0));
    assert_eq!(boundary(&Version::of(&[])), None);
}

#[test]
fn windows_that_overlap_go_together() {
    let version = Version::of(&[info(1, 0, 24, 10), info(2, 3, 1, 10), info(3, 24, 1, 10)]);
    assert_eq!(expired(&version, budget(29, 1000)), [1, 2]);
    assert_eq!(expired(&version, budget(9, 1000)), [1, 2, 3]);
}

#[test]
fn what_is_kept_is_young_or_fits_and_no_older_than_what_goes() {
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let files: Vec<SegmentInfo> = (0..random.below(40))
            .map(|file| info(file, random.below(60) as i64, 1, random.below(100)))
            .collect();
        let budget = budget(random.below(2000), random.below(90) as i64);
        let gone = expired(&Version::of(&files), budget);
        let (left, out): (Vec<&SegmentInfo>, Vec<&SegmentInfo>) =
            files.iter().partition(|info| !gone.contains(&info.file));
        assert_eq!(out.len(), gone.len(), "seed {seed}");
        let newest_out = out.iter().map(|info| info.window_start_ms).max();
        let oldest_left = left.iter().map(|info| info.window_start_ms).min();
        assert!(newest_out < oldest_left || newest_out.is_none() || oldest_left.is_none());
        let young_ms = budget.now_ms - KEEP_MS;
        assert!(
            out.iter().all(|info| info.last_ms < young_ms),
            "seed {seed}"
        );
        let bytes: u64 = left.iter().map(|info| info.bytes).sum();
        let oldest = left
            .iter()
            .filter(|info| Some(info.window_start_ms) == oldest_left);
        let is_young = oldest.into_iter().any(|info| info.last_ms >= young_ms);
        assert!(
            bytes <= budget.bytes || is_young,
            "seed {seed}: {bytes} of {budget:?}"
        );
        // And no window more than needed.
        let last = out
            .iter()
            .filter(|info| Some(info.window_start_ms) == newest_out);
        let last: u64 = last.map(|info| info.bytes).sum();
        assert!(out.is_empty() || bytes + last > budget.bytes, "seed {seed}");
    }
}

#[test]
fn a_share_of_the_disk() {
    let room = Room {
        total_bytes: u64::MAX,
        free_bytes: 0,
    };
    assert_eq!(Budget::of_room(room, 200, KEEP_MS, 5).bytes, u64::MAX);
    let room = Room {
        total_bytes: 1000,
        free_bytes: 0,
    };
    assert_eq!(Budget::of_room(room, 60, KEEP_MS, 5).bytes, 600);
}
