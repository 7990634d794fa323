//! Evenly spaced values, and what they come to, of points in memory, in files and in both: the same as what
//! is made of the points themselves.

use super::*;
use crate::query::breath::{Breathless, Pace};
use crate::query::graphite::functions::aggregation::Aggregation;
use crate::query::graphite::slots::{self, Slotted};
use crate::query::last_slot;
use crate::query::merge::{Merge, Merged, MergedPoints};
use crate::query::rows::{By, Combine, Law};
use crate::query::summary::Summary;
use crate::query::testing::run;

const START_S: i64 = 1_700_000_000;

const AGGREGATIONS: [Aggregation; 8] = [
    Aggregation::Average,
    Aggregation::AverageZero,
    Aggregation::Count,
    Aggregation::Last,
    Aggregation::Maximum,
    Aggregation::Minimum,
    Aggregation::Range,
    Aggregation::Sum,
];

impl World {
    fn part_of(&mut self, want: Want, budget: usize) -> Partial {
        let plan = Plan::new(TenantId::DEFAULT, want, Limits::default());
        let mut scan = Scan::new(plan, Stamp(self.stamp));
        loop {
            let Landing { index, store, .. } = &mut self.shard.landing;
            match scan.step(index, store, &mut self.shard.results, budget) {
                Step::Done(found) => return found.expect("within limits"),
                Step::More => {}
                Step::Waiting => {
                    assert!(self.turn_disk(), "it waits for nothing");
                    scan.wake();
                }
            }
        }
    }

    fn ask_points(&mut self, want: Want, budget: usize) -> MergedPoints {
        let plan = Plan::new(TenantId::DEFAULT, want.clone(), Limits::default());
        let partial = self.part_of(want, budget);
        let mut merge = Merge::new(&plan, vec![partial]);
        loop {
            if let Some(done) = merge.step(1000) {
                let Ok(Merged::Points(points)) = done else {
                    panic!("not points");
                };
                return points;
            }
        }
    }
}

/// How the points of a series come.
struct Manner {
    gap_s: i64,
    /// Of a hundred points so many are missing, off their time, or late.
    missing: u64,
    off: u64,
    late: u64,
    /// Milliseconds by which all are off.
    shift_ms: i64,
    scale: u64,
}

fn manner(random: &mut Random) -> Manner {
    let rare = |random: &mut Random| {
        if random.chance(70) {
            0
        } else {
            random.below(8)
        }
    };
    Manner {
        gap_s: [1, 1, 1, 2, 10, 60][random.below(6) as usize],
        missing: rare(random),
        off: rare(random),
        late: rare(random),
        shift_ms: if random.chance(80) {
            0
        } else {
            random.below(999) as i64
        },
        scale: [1, 1, 10, 100, 1 << 10][random.below(5) as usize],
    }
}

/// Points of some seconds, as lines; not each in the order of its time.
fn lines(random: &mut Random, manners: &[Manner], seconds: std::ops::Range<i64>) -> String {
    let mut text = String::new();
    for second in seconds {
        for (i, manner) in manners.iter().enumerate() {
            if second % manner.gap_s != 0 || random.chance(manner.missing) {
                continue;
            }
            let mut time_ms = (START_S + second) * 1000 + manner.shift_ms;
            if random.chance(manner.off) {
                time_ms += random.below(1500) as i64;
            }
            if random.chance(manner.late) {
                time_ms -= random.below(200_000) as i64;
            }
            let value = random.below(50_000) as f64 / manner.scale as f64 - 3.0;
            let time = time_ms as f64 / 1000.0;
            text.push_str(&format!("m.s{i} {value} {time:.3}\n"));
        }
    }
    text
}

/// A world, and who sends to it.
struct Sender {
    world: World,
    feed: Feed,
    manners: Vec<Manner>,
    second: i64,
}

impl Sender {
    fn new(random: &mut Random) -> Sender {
        let mut sender = Sender {
            // With several shards points know when they came.
            world: World::of(options(), 1 + random.below(2) as usize),
            feed: Feed::new(Protocol::Graphite, Source::default()),
            manners: (0..1 + random.below(5)).map(|_| manner(random)).collect(),
            second: random.below(7_000) as i64,
        };
        for _ in 0..1 + random.below(4) {
            sender.send(random, 1_500);
        }
        sender
    }

    /// Up to so many seconds of points, which mostly go to files then.
    fn send(&mut self, random: &mut Random, most: u64) {
        let end = self.second + 1 + random.below(most) as i64;
        let text = lines(random, &self.manners, self.second..end);
        for some in text.as_bytes().chunks(10_000) {
            assert_eq!(self.world.send(&mut self.feed, some), Verdict::Keep);
        }
        self.second = end;
        if random.chance(75) {
            self.world.shard.landing.store.settle(random.chance(50));
            self.world.rest();
        }
    }
}

/// What becomes of values, one bucket after the other.
fn naive(slotted: &Slotted, width_s: i64, from_start: bool, by: (Aggregation, f64)) -> Slotted {
    let (start, step) = (slotted.start, slotted.step);
    let end = start + step * slotted.values.len() as i64;
    let floor = |at: i64| at - at.rem_euclid(width_s);
    let (first, last) = match from_start {
        true => (start, end),
        false => (floor(start), floor(end) + width_s),
    };
    let room = width_s as f64 / step as f64;
    let mut values = Vec::new();
    let mut bucket = first;
    while bucket < last {
        let inside = |i: &usize| {
            let time = start + step * *i as i64;
            (bucket..bucket + width_s).contains(&time)
        };
        let inside = (0..slotted.values.len()).filter(inside);
        let inside: Vec<f64> = inside.map(|i| slotted.values[i]).collect();
        values.push(by.0.of_enough(&inside, room, by.1));
        bucket += width_s;
    }
    Slotted {
        start: first,
        step: width_s,
        values,
    }
}

/// The same, but for the last places of sums.
fn is_near(got: f64, want: f64) -> bool {
    got.to_bits() == want.to_bits() || (got - want).abs() <= want.abs().max(1e3) * 1e-13
}

#[test]
fn values_of_files_and_memory_are_those_of_their_points() {
    let (mut values, mut read, mut of, mut known) = (0, 0, 0, 0);
    // The second time what is known from the first helps, or is not true any more.
    for (seed, times) in (0..100).map(|seed| (seed, seed % 2)) {
        let mut random = Random::new(seed);
        let mut sender = Sender::new(&mut random);
        for _ in 0..times {
            let all: Arc<[Selector]> = [Selector::Path("m.*".to_owned())].into();
            let summary = Summary::new(60, false, Aggregation::Sum, 0.0);
            let (from_s, until_s) = (START_S, START_S + sender.second);
            for summary in [summary, None] {
                let want = Want::Values {
                    selectors: Arc::clone(&all),
                    from_s,
                    until_s,
                    summary: summary.filter(|_| random.chance(50)),
                };
                sender.world.ask_points(want, 1_000);
            }
            let most = [2, 40, 400][random.below(3) as usize];
            sender.send(&mut random, most);
        }
        let world = &mut sender.world;
        let selectors: Arc<[Selector]> = [Selector::Path("m.*".to_owned())].into();
        let from_s = START_S + random.below(9_000) as i64 - 500;
        let until_s = from_s + 1 + random.below(5_000) as i64;
        let (from_s, until_s) = match random.below(3) {
            0 => (from_s, until_s),
            _ => (from_s / 60 * 60 - 1, until_s / 60 * 60 - 1),
        };
        let until_s = until_s.max(from_s + 1);
        let budget = [1, 50, 1_000_000][random.below(3) as usize];
        let (from, until) = last_slot::points_of(from_s, until_s);
        let points = world.ask_points(
            Want::Points {
                selectors: Arc::clone(&selectors),
                from,
                until,
                last_slots: last_slot::last_slots(from_s, until_s).into(),
            },
            budget,
        );
        let pace = Pace::new(&Breathless);
        let slotted = points.series.iter().map(|one| {
            let mut times = one.newest_times.clone();
            times.reverse();
            let step_s = slots::infer_step(&times);
            run(slots::slot(&one.points, step_s, from_s, until_s, &pace)).expect("a breath")
        });
        let slotted: Vec<Slotted> = slotted.collect();
        let width_s = [60, 60, 120, 7, 300, 3600, 1][random.below(7) as usize];
        let by = (
            AGGREGATIONS[random.below(8) as usize],
            random.below(3) as f64 / 2.0,
        );
        let from_start = random.chance(30);
        let summary = Summary::new(width_s, from_start, by.0, by.1);
        for summary in [None, summary] {
            let got = world.ask_points(
                Want::Values {
                    selectors: Arc::clone(&selectors),
                    from_s,
                    until_s,
                    summary,
                },
                budget,
            );
            assert_eq!(got.matches, points.matches, "seed {seed}");
            let want: Vec<Slotted> = slotted
                .iter()
                .map(|slotted| match summary {
                    None => slotted.clone(),
                    Some(_) => naive(slotted, width_s, from_start, by),
                })
                .collect();
            for (got, want) in got.series.iter().zip(&want) {
                let got = got.slotted.as_ref().expect("one shard");
                let told = format!("seed {seed} {summary:?} {from_s} {until_s}");
                assert_eq!((got.start, got.step), (want.start, want.step), "{told}");
                assert_eq!(got.values.len(), want.values.len(), "{told}");
                for (got, want) in got.values.iter().zip(&want.values) {
                    let same = match summary {
                        None => got.to_bits() == want.to_bits(),
                        Some(_) => is_near(*got, *want),
                    };
                    assert!(same, "{told}: {got} {want}");
                    values += usize::from(!want.is_nan());
                }
            }
            if summary.is_some() {
                (read, of) = (read + got.points_read, of + points.points_read);
            }
            known += known_times(world, &points);
            rows(world, &got, (from_s, until_s, summary), budget);
        }
    }
    assert!(50_000 < values, "{values}");
    assert!(100 < known, "{known}");
    // Cells were read instead of points.
    assert!(read < of * 3 / 4, "{read} of {of}");
}

/// The newest times that are known of series without a look into files are those that all points say; of how
/// many series that is so.
fn known_times(world: &World, points: &MergedPoints) -> usize {
    let Landing { index, store, .. } = &world.shard.landing;
    let mut known = 0;
    for id in (0..index.len() as u32).map(SeriesId) {
        let mut times = Vec::new();
        store.newest_times(id, NEWEST_TIMES_MAX, &mut times);
        let one = points.series.iter().find(|one| one.name == index.text(id));
        if times.len() < NEWEST_TIMES_MAX
            && store.fill_times(id, NEWEST_TIMES_MAX, &mut times)
            && let Some(one) = one
        {
            assert_eq!(times, one.newest_times, "{}", one.name);
            known += 1;
        }
    }
    known
}

/// What the series come to together is what adding them up gives.
fn rows(
    world: &mut World,
    whole: &MergedPoints,
    (from_s, until_s, summary): (i64, i64, Option<Summary>),
    budget: usize,
) {
    let combine = Combine {
        law: Law::Sum,
        by: By::All,
        x_files_factor: 0.0,
    };
    let want = Want::Rows {
        selector: Selector::Path("m.*".to_owned()),
        combine,
        from_s,
        until_s,
        summary,
        fresh: false,
    };
    let Partial::Rows(found) = world.part_of(want, budget) else {
        panic!("not rows");
    };
    let grids = whole.series.iter().filter_map(|one| one.slotted.as_ref());
    let grids = grids.map(|it| (it.start, it.step, it.values.len()));
    let grids: Vec<(i64, i64, usize)> = grids.collect();
    assert_eq!(found.apart, grids.iter().any(|grid| *grid != grids[0]));
    let (false, Some(group)) = (found.apart, found.groups.first()) else {
        return;
    };
    let mut names: Vec<&String> = whole.series.iter().map(|one| &one.name).collect();
    names.retain(|_| summary.is_some());
    let mut told: Vec<&String> = group.names.iter().collect();
    told.sort();
    assert_eq!(told, names);
    for row in 0..group.rows.len() {
        let values = whole.series.iter().filter_map(|one| one.slotted.as_ref());
        let values = values.map(|it| it.values[row]).filter(|it| !it.is_nan());
        let all: Vec<f64> = values.collect();
        let got = group.rows.value(row, 0.0);
        match all.is_empty() {
            true => assert!(got.is_nan()),
            false => assert!(is_near(got, all.iter().sum()), "{got} {all:?}"),
        }
    }
}
