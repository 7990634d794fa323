use super::*;
use crate::base::random::Random;

const WINDOW_MS: i64 = 300_000;

fn head(blocks: usize) -> Head {
    head_of(blocks, 4096)
}

fn head_of(blocks: usize, windows_max: usize) -> Head {
    Head::new(Options {
        bytes_max: blocks * size_of::<Block>(),
        windows_max,
        window: Step::from_millis(WINDOW_MS).expect("positive"),
    })
}

fn all(head: &Head, id: u32) -> Vec<(i64, u64, u64)> {
    range(head, id, i64::MIN, i64::MAX)
}

fn range(head: &Head, id: u32, from: i64, until: i64) -> Vec<(i64, u64, u64)> {
    let mut points = Points::default();
    head.read(SeriesId(id), Millis(from), Millis(until), &mut points);
    (0..points.len())
        .map(|i| {
            (
                points.times[i],
                points.stamps[i],
                points.values[i].to_bits(),
            )
        })
        .collect()
}

/// A series whose timestamps are even, jittered, repeated, late or far away, as the seed says.
fn arrivals(random: &mut Random, series: u32, n: u64) -> Vec<(u32, i64, u64, f64)> {
    let habit = random.below(5);
    let step = [1000, 10_000, 60_000, 250, 7][random.below(5) as usize];
    let mut time = 1_700_000_000_000 + random.below(1_000_000) as i64;
    let mut stamp = 1_000_000u64;
    (0..n)
        .map(|i| {
            time += step;
            stamp += if random.chance(1) {
                5_000_000_000
            } else {
                random.below(3) * 1000
            };
            let at = match habit {
                0 => time,
                1 => time + random.below(20) as i64 - 10,
                2 if random.chance(20) => time - random.below(2_000_000) as i64,
                3 => random.below(20_000_000) as i64 + 1_690_000_000_000,
                4 if random.chance(30) => time - step * random.below(4) as i64,
                _ => time,
            };
            (series, at, stamp, i as f64 * 0.5)
        })
        .collect()
}

#[test]
fn any_arrivals_come_back_sorted() {
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let mut head = head(1_000_000);
        let mut sent = Vec::new();
        for series in 0..3 {
            head.admit(SeriesId(series));
            let n = 1 + random.below(200);
            sent.extend(arrivals(&mut random, series, n));
        }
        sent.sort_by_key(|&(_, _, stamp, _)| stamp);
        for &(series, time, stamp, value) in &sent {
            head.append(SeriesId(series), Millis(time), Stamp(stamp), value)
                .expect("room");
        }
        for series in 0..3 {
            let mut want: Vec<(i64, u64, u64)> = sent
                .iter()
                .filter(|point| point.0 == series)
                .map(|&(_, time, stamp, value)| (time, stamp, value.to_bits()))
                .collect();
            want.sort_by_key(|&(time, stamp, _)| (time, stamp));
            assert_eq!(all(&head, series), want, "seed {seed} series {series}");
            let (from, until) = (want[want.len() / 3].0, want[want.len() * 2 / 3].0);
            let inside: Vec<_> = want
                .iter()
                .copied()
                .filter(|p| from <= p.0 && p.0 <= until)
                .collect();
            assert_eq!(range(&head, series, from, until), inside, "seed {seed}");
            let mut times = Vec::new();
            head.newest_times(SeriesId(series), 5, &mut times);
            assert!(
                times.windows(2).all(|pair| pair[0] > pair[1]) && !times.is_empty(),
                "seed {seed} {times:?}"
            );
        }
        assert_eq!(head.evicted(), 0);
    }
}

#[test]
fn even_points_cost_twelve_bytes() {
    let mut head = head(1_000_000);
    head.admit(SeriesId(0));
    for i in 0..60 {
        head.append(
            SeriesId(0),
            Millis(1_700_000_100_000 + i * 1000),
            Stamp(i as u64),
            1.0,
        )
        .expect("room");
    }
    assert_eq!(head.bytes(), 5 * 192);
    let mut times = Vec::new();
    head.newest_times(SeriesId(0), 3, &mut times);
    assert_eq!(
        times,
        [1_700_000_159_000, 1_700_000_158_000, 1_700_000_157_000]
    );
}

#[test]
fn the_oldest_window_leaves_whole() {
    let mut head = head(50);
    head.admit(SeriesId(1));
    let start = 1_700_000_000_000 / WINDOW_MS * WINDOW_MS;
    for i in 0..3_000 {
        for id in [0, 1] {
            head.append(
                SeriesId(id),
                Millis(start + i * 1000),
                Stamp(i as u64),
                i as f64,
            )
            .expect("newer has room");
        }
        assert!(head.bytes() <= 54 * 192, "bounded");
    }
    let left = all(&head, 0);
    assert_eq!(
        left[0].0,
        head.floor().0.max(start),
        "what is left begins at a window"
    );
    assert_eq!(
        left.len() as i64,
        (start + 3_000_000 - left[0].0) / 1000,
        "and has no hole"
    );
    assert_eq!(all(&head, 1), left);
    let old = head.append(SeriesId(0), Millis(start), Stamp(9_999), 1.0);
    assert_eq!(old, Err(Reason::HeadFull));
    assert_eq!(all(&head, 0), left);
}

#[test]
fn windows_are_bounded() {
    let mut head = head_of(1_000_000, 64);
    head.admit(SeriesId(0));
    for i in 0..1_000 {
        head.append(SeriesId(0), Millis(i * WINDOW_MS), Stamp(i as u64), 1.0)
            .expect("newer has room");
        assert!(head.windows() <= 64);
    }
    assert_eq!(all(&head, 0).len(), 64);
}

#[test]
fn a_full_head_stays_right_under_any_arrivals() {
    for seed in 0..100 {
        let mut random = Random::new(seed);
        let mut head = head(20);
        let mut sent: Vec<(u32, i64, u64, f64)> = Vec::new();
        for series in 0..4 {
            head.admit(SeriesId(series));
            sent.extend(arrivals(&mut random, series, 150));
        }
        sent.sort_by_key(|&(_, _, stamp, _)| stamp);
        let mut kept = Vec::new();
        for &(series, time, stamp, value) in &sent {
            if head
                .append(SeriesId(series), Millis(time), Stamp(stamp), value)
                .is_ok()
            {
                kept.push((series, time, stamp, value));
            }
        }
        for series in 0..4 {
            let mut want: Vec<(i64, u64, u64)> = kept
                .iter()
                .filter(|point| point.0 == series && head.floor().0 <= point.1)
                .map(|&(_, time, stamp, value)| (time, stamp, value.to_bits()))
                .collect();
            want.sort_by_key(|&(time, stamp, _)| (time, stamp));
            assert_eq!(all(&head, series), want, "seed {seed} series {series}");
            let mut times = Vec::new();
            head.newest_times(SeriesId(series), 200, &mut times);
            assert!(
                times.iter().all(|time| want.iter().any(|p| p.0 == *time)),
                "seed {seed} series {series}: a time of a point that has left"
            );
        }
        let gone = kept.iter().filter(|point| point.1 < head.floor().0).count() as u64;
        assert!(
            head.evicted() <= gone,
            "seed {seed}: only what has left is counted"
        );
    }
}

/// Points come and windows leave between the slices of a reading: all that were there before it and
/// stay are in it, in order, and nothing is in it twice.
#[test]
fn a_reading_in_slices_stays_right_while_points_come_and_go() {
    let (mut read, mut gone) = (0, 0);
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let mut head = head([20, 60, 10_000][random.below(3) as usize]);
        let mut sent: Vec<(u32, i64, u64, f64)> = Vec::new();
        for series in 0..2 {
            head.admit(SeriesId(series));
            sent.extend(arrivals(&mut random, series, 600));
        }
        sent.sort_by_key(|&(_, _, stamp, _)| stamp);
        let (early, later) = sent.split_at(800);
        let mut kept = Vec::new();
        let mut put = |head: &mut Head, &(series, time, stamp, value): &(u32, i64, u64, f64)| {
            let put = head.append(SeriesId(series), Millis(time), Stamp(stamp), value);
            if put.is_ok() && series == 0 {
                kept.push((time, stamp, value.to_bits()));
            }
        };
        early.iter().for_each(|point| put(&mut head, point));
        let mut later = later.iter();
        let floor_before = head.floor();
        let must = all(&head, 0);
        let mut reading = Reading::new(SeriesId(0), Millis::MIN, Millis::MAX);
        let mut points = Points::default();
        let slice = 1 + random.below(40) as usize;
        while !reading.step(&head, &mut { slice }, &mut points) {
            let some = random.below(9) as usize;
            later
                .by_ref()
                .take(some)
                .for_each(|point| put(&mut head, point));
        }
        let got: Vec<(i64, u64, u64)> = (0..points.len())
            .map(|i| {
                (
                    points.times[i],
                    points.stamps[i],
                    points.values[i].to_bits(),
                )
            })
            .collect();
        let keys = |i: usize| (got[i].0, got[i].1);
        let sorted = (1..got.len()).all(|i| keys(i - 1) <= keys(i));
        assert!(sorted, "seed {seed}");
        // Values differ from point to point of a series.
        let once: std::collections::HashSet<_> = got.iter().collect();
        assert_eq!(once.len(), got.len(), "seed {seed}");
        assert!(got.iter().all(|point| kept.contains(point)), "seed {seed}");
        let missing = must
            .iter()
            .find(|point| head.floor().0 <= point.0 && !once.contains(point));
        assert_eq!(missing, None, "seed {seed}");
        read += got.len();
        gone += usize::from(floor_before < head.floor());
    }
    assert!(
        read > 20_000 && gone > 20,
        "{read} points, {gone} floors rose"
    );
}
