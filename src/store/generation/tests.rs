//! The truth: a plain list of the points that were taken, sorted.

mod arrivals;
mod evens;
mod keeping;
mod sealing;

use super::*;
use crate::base::random::Random;
use crate::model::points::Points;
use crate::model::series::Values;
use crate::store::token::{self, Last};
use arrivals::{Sent, arrivals};

const HOUR_MS: i64 = 3_600_000;

fn options(ordered: bool, windows_max: usize) -> Options {
    Options {
        ordered,
        window: Step::from_millis(HOUR_MS).expect("positive"),
        windows_max,
    }
}

/// A generation and what it should hold.
struct Twin {
    head: Head,
    ordered: bool,
    sent: Vec<Sent>,
    /// The tokens of each series.
    log: Vec<Vec<u8>>,
    /// How often newest times were known to be even.
    evenly: std::cell::Cell<usize>,
}

impl Twin {
    fn new(ordered: bool, series: u32) -> Twin {
        let mut head = Head::new(options(ordered, usize::MAX));
        head.admit(SeriesId(series - 1));
        Twin {
            head,
            ordered,
            sent: Vec::new(),
            log: vec![Vec::new(); series as usize],
            evenly: std::cell::Cell::new(0),
        }
    }

    fn put(&mut self, pool: &mut Pool, sent: Sent) -> Result<(), Full> {
        let read = self.head.read_number(Stamp(sent.stamp));
        let id = SeriesId(sent.series);
        let numbers: Vec<u32> = (0..self.log.len() as u32).map(|id| id + 7).collect();
        let time = Millis(sent.time);
        let entry = self
            .head
            .append(pool, id, &numbers, time, read, sent.value)?;
        assert_eq!(entry.number, sent.series + 7);
        self.log[sent.series as usize].extend_from_slice(entry.token.bytes());
        self.sent.push(sent);
        Ok(())
    }

    /// Arrival order of one point as a query sees it. Without order it is only known that it is the order
    /// in which the points came.
    fn stamp(&self, stamp: u64) -> u64 {
        if self.ordered { stamp } else { 0 }
    }

    /// Points as they were read, whose stamps must ascend with equal times.
    #[track_caller]
    fn rows(&self, points: &Points) -> Vec<(i64, u64, u64)> {
        let rows = rows(points);
        assert!(rows.is_sorted_by_key(|point| (point.0, point.1)));
        let known = rows.into_iter();
        known
            .map(|(time, stamp, value)| (time, self.stamp(stamp), value))
            .collect()
    }

    /// The points of a series in a range, as they should be read.
    fn want(&self, series: u32, from: i64, until: i64) -> Vec<(i64, u64, u64)> {
        let mut want: Vec<(i64, u64, u64)> = self
            .sent
            .iter()
            .filter(|sent| sent.series == series && from <= sent.time && sent.time <= until)
            .map(|sent| {
                (
                    sent.time,
                    self.stamp(sent.stamp),
                    sent.value.to_f64().to_bits(),
                )
            })
            .collect();
        want.sort_by_key(|point| (point.0, point.1));
        want
    }

    #[track_caller]
    fn check(&self, pool: &Pool, random: &mut Random, what: &str) {
        assert_eq!(self.head.points(), self.sent.len() as u64, "{what}");
        for series in 0..self.log.len() as u32 {
            let want = self.want(series, i64::MIN, i64::MAX);
            self.check_log(series, what);
            let points = read(pool, &self.head, series, i64::MIN, i64::MAX);
            let (first, last) = self.head.stamps().unwrap_or_default();
            let mut stamps = points.stamps.iter();
            assert!(
                stamps.all(|&stamp| first.0 <= stamp && stamp <= last.0),
                "{what}"
            );
            let got = self.rows(&points);
            assert_eq!(got, want, "{what} series {series}");
            for _ in 0..3 {
                let Some(last) = want.len().checked_sub(1) else {
                    continue;
                };
                let mut place = || want[random.below(last as u64 + 1) as usize].0;
                let (from, until) = (place(), place().saturating_add(1));
                let got = self.rows(&read(pool, &self.head, series, from, until));
                assert_eq!(
                    got,
                    self.want(series, from, until),
                    "{what} series {series}"
                );
            }
            self.check_newest(pool, series, &want, what);
        }
        self.check_windows(what);
    }

    #[track_caller]
    fn check_log(&self, series: u32, what: &str) {
        let (mut last, mut at) = (Last::default(), 0);
        let log = &self.log[series as usize];
        for sent in self.sent.iter().filter(|sent| sent.series == series) {
            let (number, len) = token::take(&log[at..], &mut last).expect("a token");
            assert_eq!(
                number.to_f64().to_bits(),
                sent.value.to_f64().to_bits(),
                "{what}"
            );
            at += len;
        }
        assert_eq!(at, log.len(), "{what}");
    }

    #[track_caller]
    fn check_newest(&self, pool: &Pool, series: u32, want: &[(i64, u64, u64)], what: &str) {
        let mut newest: Vec<i64> = want.iter().rev().map(|point| point.0).collect();
        newest.dedup();
        newest.truncate(5);
        let mut got = vec![0];
        self.head.newest_times(pool, SeriesId(series), 5, &mut got);
        assert_eq!(got[1..], newest, "{what} series {series}");
        for n in [2, 3, 60] {
            let Some((oldest, gap_ms)) = self.head.newest_evenly(pool, SeriesId(series), n) else {
                continue;
            };
            got.clear();
            self.head.newest_times(pool, SeriesId(series), n, &mut got);
            let gaps = got.windows(2).map(|two| two[0].abs_diff(two[1]));
            assert!(
                gaps.eq(vec![gap_ms; n - 1]),
                "{what} series {series}: {got:?}"
            );
            assert_eq!(got.last(), Some(&oldest), "{what} series {series}");
            self.evenly.set(self.evenly.get() + 1);
        }
    }

    #[track_caller]
    fn check_windows(&self, what: &str) {
        let mut want: Vec<i64> = self
            .sent
            .iter()
            .map(|sent| self.head.options.window.floor(Millis(sent.time)).0)
            .collect();
        want.sort_unstable();
        want.dedup();
        let got: Vec<i64> = self.head.windows().map(|(start, _)| start.0).collect();
        assert_eq!(got, want, "{what}");
        let points: u64 = self.head.windows().map(|(_, points)| points).sum();
        let all = self.sent.len() as u64;
        assert!(
            points <= all && all <= points + want.len() as u64,
            "{what}: {points} of {all}"
        );
    }
}

fn read(pool: &Pool, head: &Head, series: u32, from: i64, until: i64) -> Points {
    let mut points = Points::default();
    points.push(5, 5, 5.0);
    let range = (Millis(from), Millis(until));
    head.read(pool, SeriesId(series), range, Values::Double, &mut points);
    points.split_off(1)
}

fn rows(points: &Points) -> Vec<(i64, u64, u64)> {
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

#[test]
fn any_arrivals_come_back_sorted() {
    let mut evenly = 0;
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let mut pool = Pool::new(1 << 30);
        let mut twin = Twin::new(seed % 2 == 1, 4);
        let each = 1 + random.below(400);
        for sent in arrivals(&mut random, 4, each) {
            twin.put(&mut pool, sent).expect("room");
        }
        twin.check(&pool, &mut random, &format!("seed {seed}"));
        evenly += twin.evenly.get();
    }
    assert!(200 < evenly, "{evenly}");
}

/// Generations share a pool that is at times full; they are emptied in any order, by series or by
/// slices, and used again.
#[test]
fn generations_share_a_pool() {
    let (mut refused, mut emptied) = (0, 0);
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let mut pool = Pool::new(128 * (20 + random.below(60) as usize));
        let mut twins: Vec<Twin> = (0..3).map(|i| Twin::new((seed + i) % 2 == 1, 3)).collect();
        for sent in arrivals(&mut random, 3, 500) {
            let i = random.below(3) as usize;
            let before = (twins[i].head.points(), pool.bytes());
            if twins[i].put(&mut pool, sent) == Err(Full::Bytes) {
                refused += 1;
                assert_eq!((twins[i].head.points(), pool.bytes()), before);
                assert_eq!(pool.bytes(), pool.bytes_max(), "seed {seed}");
            }
            let full = pool.bytes() == pool.bytes_max();
            if random.below(200) == 0 || (full && random.chance(10)) {
                let i = random.below(3) as usize;
                let what = format!("seed {seed}");
                twins
                    .iter()
                    .for_each(|twin| twin.check(&pool, &mut random, &what));
                empty(&mut twins[i], &mut pool, &mut random);
                emptied += 1;
            }
        }
        let what = format!("seed {seed} at the end");
        twins
            .iter()
            .for_each(|twin| twin.check(&pool, &mut random, &what));
        twins
            .iter_mut()
            .for_each(|twin| empty(twin, &mut pool, &mut random));
        assert_eq!(pool.bytes(), 0, "seed {seed}");
    }
    assert!(refused > 10 && emptied > 100, "{refused} {emptied}");
}

fn empty(twin: &mut Twin, pool: &mut Pool, random: &mut Random) {
    let mut ids: Vec<u32> = (0..twin.log.len() as u32).collect();
    random.shuffle(&mut ids);
    let some = random.below(ids.len() as u64 + 1) as usize;
    for &id in &ids[..some] {
        twin.head.release(pool, SeriesId(id));
        assert_eq!(twin.head.number(SeriesId(id)), None);
    }
    while !twin.head.clear(pool, &mut 1) {}
    assert!(twin.head.is_empty() && twin.head.bytes() == 0 && twin.head.series() == 0);
    twin.sent.clear();
    twin.log.iter_mut().for_each(Vec::clear);
}

/// Points come between the slices of a reading: all that were there before it are in it, in order, and
/// nothing is in it twice. If the series is released meanwhile, the reading says so.
#[test]
fn a_reading_in_slices_stays_right_while_points_come() {
    let mut lost = 0;
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let mut pool = Pool::new(1 << 30);
        let mut twin = Twin::new(seed % 2 == 1, 2);
        let sent = arrivals(&mut random, 2, 600);
        let (early, later) = sent.split_at(800);
        for &sent in early {
            twin.put(&mut pool, sent).expect("room");
        }
        let must = twin.want(0, i64::MIN, i64::MAX);
        let mut later = later.iter();
        let mut reading = Reading::new(SeriesId(0), Millis::MIN, Millis::MAX, Values::Double);
        let mut points = Points::default();
        let slice = 1 + random.below(60) as usize;
        while !reading.step(&pool, &twin.head, &mut { slice }, &mut points) {
            for &sent in later.by_ref().take(random.below(9) as usize) {
                twin.put(&mut pool, sent).expect("room");
            }
            if seed % 10 == 9 && random.below(50) == 0 {
                empty(&mut twin, &mut pool, &mut random);
            }
        }
        if reading.is_lost() {
            lost += 1;
            continue;
        }
        let got = twin.rows(&points);
        if !twin.sent.is_empty() && seed % 10 != 9 {
            let all = twin.want(0, i64::MIN, i64::MAX);
            assert!(contains(&got, &must) && contains(&all, &got), "seed {seed}");
        }
    }
    assert!(lost > 10, "{lost}");
}

/// Whether `all` has each of `some`, as often as they have it.
fn contains(all: &[(i64, u64, u64)], some: &[(i64, u64, u64)]) -> bool {
    let (mut all, mut some) = (all.to_vec(), some.to_vec());
    all.sort_unstable();
    some.sort_unstable();
    let mut all = all.iter();
    some.iter().all(|point| all.any(|other| other == point))
}

/// Five minutes are read without the hours before them, late points or not.
#[test]
fn old_blocks_are_skipped() {
    for (late, budget) in [(0, 600), (5, 2_200)] {
        let mut random = Random::new(1);
        let mut pool = Pool::new(1 << 30);
        let mut twin = Twin::new(false, 1);
        let start = 1_700_000_000_000;
        for i in 0..10_000 {
            let sent = Sent {
                series: 0,
                time: start + i * 1000 - 600_000 * i64::from(random.chance(late)),
                stamp: 1,
                value: Number::decimal(i % 50, 0),
            };
            twin.put(&mut pool, sent).expect("room");
        }
        let from = start + 9_700_000;
        let mut reading = Reading::new(SeriesId(0), Millis(from), Millis::MAX, Values::Double);
        let (mut points, mut left) = (Points::default(), budget);
        assert!(
            reading.step(&pool, &twin.head, &mut left, &mut points),
            "{left} {late}"
        );
        assert_eq!(twin.rows(&points), twin.want(0, from, i64::MAX));
    }
}

#[test]
fn what_points_cost() {
    let cost = |what: &str, time: &dyn Fn(i64, &mut Random) -> i64, ordered| {
        let mut random = Random::new(1);
        let mut pool = Pool::new(1 << 30);
        let mut twin = Twin::new(ordered, 1);
        for i in 0..10_000 {
            let sent = Sent {
                series: 0,
                time: time(i, &mut random),
                stamp: 1 + i as u64 * 1000,
                value: Number::decimal(5, 0),
            };
            twin.put(&mut pool, sent).expect("room");
        }
        let bytes = pool.bytes() as f64 / 10_000.0;
        (what.to_string(), (bytes * 100.0).round() / 100.0)
    };
    let second = |i: i64| 1_700_000_000_000 + i * 1000;
    let costs = [
        cost("even", &|i, _| second(i), false),
        cost("even, ordered", &|i, _| second(i), true),
        cost(
            "jittered",
            &|i, random| second(i) + random.below(50) as i64,
            false,
        ),
        cost(
            "one in twenty late",
            &|i, random| second(i) - 60_000 * i64::from(random.chance(5)),
            false,
        ),
        cost("one in twenty missing", &|i, _| second(i + i / 20), false),
    ];
    let want = [
        ("even", 1.38),
        ("even, ordered", 2.79),
        ("jittered", 2.74),
        ("one in twenty late", 2.0),
        ("one in twenty missing", 1.61),
    ];
    for ((what, bytes), (name, most)) in costs.iter().zip(want) {
        assert!(what == name && *bytes <= most, "{costs:?}");
    }
}

#[test]
fn windows_are_bounded() {
    let mut pool = Pool::new(1 << 30);
    let mut head = Head::new(options(false, 10));
    head.admit(SeriesId(1));
    let mut put = |id, hour: i64| {
        let (time, value) = (Millis(hour * HOUR_MS), Number::decimal(1, 0));
        head.append(&mut pool, SeriesId(id), &[1, 2], time, 0, value)
            .map(|entry| entry.number)
    };
    for hour in 0..10 {
        assert_eq!(put(0, hour), Ok(1));
    }
    assert_eq!(put(0, 10), Err(Full::Windows));
    assert_eq!(put(1, 11), Err(Full::Windows));
    assert_eq!(put(1, 3), Ok(2));
    assert_eq!(put(0, 9), Ok(1));
    assert_eq!(head.points(), 12);
    assert_eq!(head.windows().count(), 10);
}
