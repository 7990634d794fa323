//! Random stretches of every kind go there and back, are cut and joined everywhere, and hostile bytes
//! do no harm. What the bytes mean is read by a twin that goes bit by bit.

mod cells;
mod hostile;
mod twin;
mod writer;

use std::sync::Arc;

use super::bits::CODES_MAX;
use super::join::join_any;
use super::*;
use crate::base::random::Random;
use crate::model::number::Number;
use crate::model::points::{Duplicates, Points};
use crate::store::stretch::{Column, Stretch};
use twin::{Plain, plain};

const BASE: Millis = Millis(1_700_002_800_000);

/// Times of one of several shapes, ascending.
fn times(random: &mut Random, count: usize, all: bool) -> Vec<i64> {
    let step = [1000, 10_000, 60_000, 1, 250, 3_600_000][random.below(6) as usize];
    let shape = random.below(7);
    let mut time = match random.below(5) {
        0 => random.next_u64() as i64 >> 2,
        1 => -(random.below(1 << 40) as i64),
        2 => BASE.0 + random.below(3_600_000) as i64,
        _ => BASE.0 + 1000 * random.below(3600) as i64,
    };
    let mut times = Vec::new();
    for _ in 0..count {
        times.push(time);
        let least = u64::from(!all);
        time += match shape {
            0..=2 => step,
            3 if random.chance(5) => step * (1 + random.below(50) as i64),
            3 => step,
            4 => (least + random.below(2000)) as i64,
            5 => 1000 * (least + random.below(10)) as i64,
            _ if random.chance(2) => random.below(1 << 45) as i64 + 1,
            _ => least as i64,
        };
    }
    times
}

/// Whole numbers of one of several shapes, within `bound` bits.
fn integers(random: &mut Random, count: usize, bits: u64) -> Vec<i64> {
    let any = |random: &mut Random, bits: u64| {
        let shift = 64 - 1 - random.below(bits);
        random.next_u64() as i64 >> shift
    };
    let mut value = any(random, bits - 2);
    let shape = random.below(8);
    let width = 1 << random.below(bits - 12);
    let limit = |value: i64| {
        if bits == 64 {
            value
        } else {
            value.clamp(-(1 << 53), 1 << 53)
        }
    };
    (0..count)
        .map(|_| {
            value = limit(match shape {
                0 => value,
                1 => value.wrapping_add(width),
                2 => value.wrapping_add(random.below(16) as i64),
                3 => value.wrapping_add(random.below(51) as i64 - 25),
                4 => any(random, bits),
                5 if random.chance(3) => any(random, bits),
                5 => random.below(100) as i64,
                6 if random.chance(2) => 0,
                6 => value.wrapping_add(random.below(100) as i64),
                _ => random.below(90_000_000) as i64,
            });
            value
        })
        .collect()
}

fn floats(random: &mut Random, count: usize) -> Vec<f64> {
    let shape = random.below(5);
    let mut value = f64::from_bits(random.next_u64() >> 2);
    (0..count)
        .map(|i| {
            value = match shape {
                0 => value,
                1 => f64::from_bits(random.next_u64()),
                2 => (random.below(1000) as f64).sqrt(),
                3 if (i / CODES_MAX).is_multiple_of(2) => random.below(100_000) as f64 / 100.0,
                3 => -0.0,
                _ => Number::decimal(random.below(100_000) as i64, random.below(9) as u8).to_f64(),
            };
            value
        })
        .collect()
}

fn texts(random: &mut Random, count: usize) -> Vec<Arc<str>> {
    let distinct = 1 + random.below(300);
    (0..count)
        .map(|_| {
            let i = random.below(distinct) as usize;
            Arc::from("gr\u{fc}n ".repeat(i % 40) + &i.to_string())
        })
        .collect()
}

/// A stretch of up to `count_max` points.
fn stretch(random: &mut Random, count_max: u64) -> Stretch {
    let count = 1 + random.below(count_max) as usize;
    let all = random.chance(30);
    let mut stamp = random.next_u64() >> random.below(40);
    let stamps = (0..count).map(|_| {
        stamp = stamp.wrapping_add(random.below(1_000_000));
        if random.chance(2) {
            random.next_u64()
        } else {
            stamp
        }
    });
    let stamps: Vec<u64> = stamps.collect();
    Stretch {
        times: times(random, count, all),
        stamps: if random.chance(30) {
            stamps
        } else {
            Vec::new()
        },
        values: match random.below(6) {
            0 => Column::Long(integers(random, count, 64)),
            1 => Column::Float(floats(random, count)),
            2 => Column::Text(texts(random, count)),
            _ => Column::Decimal {
                scale: random.below(16) as u8,
                mantissas: integers(random, count, 54),
            },
        },
        duplicates: if all {
            Duplicates::All
        } else {
            Duplicates::Last
        },
    }
}

fn part(stretch: &Stretch, place: std::ops::Range<usize>) -> Stretch {
    let values = match &stretch.values {
        Column::Decimal { scale, mantissas } => Column::Decimal {
            scale: *scale,
            mantissas: mantissas[place.clone()].to_vec(),
        },
        Column::Float(values) => Column::Float(values[place.clone()].to_vec()),
        Column::Long(values) => Column::Long(values[place.clone()].to_vec()),
        Column::Text(values) => Column::Text(values[place.clone()].to_vec()),
    };
    let stamps = match stretch.stamps.len() {
        0 => Vec::new(),
        _ => stretch.stamps[place.clone()].to_vec(),
    };
    Stretch {
        times: stretch.times[place].to_vec(),
        stamps,
        values,
        duplicates: stretch.duplicates,
    }
}

fn run_of(stretch: &Stretch) -> Vec<u8> {
    let mut run = Vec::new();
    encode(stretch, BASE, &mut run);
    run
}

/// The points of a stretch, as the twin gives them.
fn points_of(stretch: &Stretch) -> Vec<(i64, Option<u64>, Plain)> {
    let value = |i: usize| match &stretch.values {
        Column::Decimal { scale, mantissas } => {
            Plain::Float(Number::decimal(mantissas[i], *scale).to_f64().to_bits())
        }
        Column::Float(values) => Plain::Float(values[i].to_bits()),
        Column::Long(values) => Plain::Long(values[i]),
        Column::Text(values) => Plain::Text(values[i].to_string()),
    };
    let point = |i: usize| (stretch.times[i], stretch.stamps.get(i).copied(), value(i));
    (0..stretch.times.len()).map(point).collect()
}

#[test]
fn there_and_back_and_the_twin_reads_the_same() {
    for seed in 0..3000 {
        let mut random = Random::new(seed);
        let stretch = stretch(&mut random, if seed % 10 == 0 { 1000 } else { 150 });
        let mut run = vec![7; random.below(3) as usize];
        let kept = run.len();
        let summary = encode(&stretch, BASE, &mut run);
        assert!(run[..kept].iter().all(|&byte| byte == 7), "seed {seed}");
        let run = &run[kept..];
        let want = points_of(&stretch);
        assert_eq!(plain(run, BASE.0), want, "seed {seed}");
        let back = decode_all(run, BASE).unwrap_or_else(|why| panic!("seed {seed}: {why}"));
        assert_eq!(points_of(&back), want, "seed {seed}");
        assert_eq!(back.duplicates, stretch.duplicates, "seed {seed}");
        check_summary(&stretch, summary, run, seed);
    }
}

fn check_summary(stretch: &Stretch, summary: Summary, run: &[u8], seed: u64) {
    let known = Summary::of(run, BASE).expect("a good run");
    let ends = (
        stretch.times.len() as u32,
        stretch.times[0],
        *stretch.times.last().expect("one"),
    );
    assert_eq!(
        (summary.count, summary.first_ms, summary.last_ms),
        ends,
        "seed {seed}"
    );
    assert_eq!(
        (known.count, known.first_ms, known.last_ms),
        ends,
        "seed {seed}"
    );
    let floats: Vec<f64> = match &stretch.values {
        Column::Text(_) => Vec::new(),
        Column::Long(values) => values.iter().map(|&value| value as f64).collect(),
        Column::Float(values) => values.clone(),
        Column::Decimal { scale, mantissas } => {
            let float = |&mantissa: &i64| Number::decimal(mantissa, *scale).to_f64();
            mantissas.iter().map(float).collect()
        }
    };
    let min = floats.iter().copied().fold(f64::NAN, f64::min);
    let max = floats.iter().copied().fold(f64::NAN, f64::max);
    assert!(
        min == summary.min || min.is_nan() && summary.min.is_nan(),
        "seed {seed}"
    );
    assert!(
        max == summary.max || max.is_nan() && summary.max.is_nan(),
        "seed {seed}"
    );
}

#[test]
fn a_range_gives_the_points_in_it() {
    for seed in 0..1500 {
        let mut random = Random::new(seed);
        let stretch = stretch(&mut random, 600);
        let run = run_of(&stretch);
        let mut near = || {
            let time = stretch.times[random.below(stretch.times.len() as u64) as usize];
            Millis(time + random.below(3) as i64 - 1)
        };
        let (from, until) = (near(), near());
        let wanted = |point: &(i64, Option<u64>, Plain)| from.0 <= point.0 && point.0 <= until.0;
        let mut want = points_of(&stretch);
        want.retain(wanted);
        let part = decode_stretch(&run, BASE, from, until).expect("a good run");
        assert_eq!(points_of(&part), want, "seed {seed}");
        let mut points = Points::default();
        points.push(1, 2, 3.0);
        let done = decode(&run, BASE, from, until, 99, &mut points);
        if matches!(stretch.values, Column::Text(_)) {
            assert!(done.is_err() && points.len() == 1, "seed {seed}");
            continue;
        }
        done.expect("a good run");
        let bits = |value: &Plain| match value {
            Plain::Float(bits) => *bits,
            Plain::Long(long) => *long as u64,
            Plain::Text(_) => panic!("a text"),
        };
        let got = (1..points.len()).map(|i| {
            (
                points.times[i],
                points.stamps[i],
                points.values[i].to_bits(),
            )
        });
        let want = want
            .iter()
            .map(|(time, stamp, value)| (*time, stamp.unwrap_or(99), bits(value)));
        assert!(got.eq(want), "seed {seed}");
    }
}

#[test]
fn runs_join_wherever_they_were_cut() {
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let stretch = stretch(&mut random, if seed % 20 == 0 { 300 } else { 40 });
        let (count, want) = (stretch.times.len(), points_of(&stretch));
        for cut in 1..count {
            let parts = [part(&stretch, 0..cut), part(&stretch, cut..count)];
            let runs = [run_of(&parts[0]), run_of(&parts[1])];
            check_join(&stretch, &[&runs[0], &runs[1]], cut, &want, seed);
        }
    }
}

fn check_join(
    whole: &Stretch,
    runs: &[&[u8]],
    cut: usize,
    want: &[(i64, Option<u64>, Plain)],
    seed: u64,
) {
    let mut joined = vec![9];
    let done = join_any(runs, BASE, &mut joined);
    if whole.times[cut - 1] == whole.times[cut] {
        assert!(done.is_err(), "seed {seed} cut {cut}");
        return;
    }
    let (summary, _) = done.unwrap_or_else(|why| panic!("seed {seed} cut {cut}: {why}"));
    let run = &joined[1..];
    assert_eq!(plain(run, BASE.0), want, "seed {seed} cut {cut}");
    let back = decode_all(run, BASE).expect("a good run");
    assert_eq!(points_of(&back), want, "seed {seed} cut {cut}");
    let known = Summary::of(run, BASE).expect("a good run");
    let ends = |summary: &Summary| (summary.count, summary.first_ms, summary.last_ms);
    assert_eq!(ends(&summary), ends(&known), "seed {seed} cut {cut}");
}

fn even(count: usize, start: i64) -> Stretch {
    Stretch {
        times: (0..count as i64)
            .map(|i| BASE.0 + (start + i) * 1000)
            .collect(),
        stamps: Vec::new(),
        values: Column::Decimal {
            scale: 2,
            mantissas: (0..count as i64)
                .map(|i| 50_000 + (start + i) * 37 % 51)
                .collect(),
        },
        duplicates: Duplicates::Last,
    }
}

#[test]
fn what_goes_on_at_the_same_step_joins_without_a_byte_for_times() {
    let runs: Vec<Vec<u8>> = (0..60).map(|i| run_of(&even(60, i * 60))).collect();
    let slices: Vec<&[u8]> = runs.iter().map(Vec::as_slice).collect();
    let mut joined = Vec::new();
    let summary = join(&slices, BASE, &mut joined).expect("they follow each other");
    assert_eq!((summary.count, summary.last_ms), (3600, BASE.0 + 3_599_000));
    // Each but the first is without its kind, its start (of one or two bytes) and its step.
    let alone: usize = runs.iter().map(Vec::len).sum();
    let shorter = (1..60)
        .map(|i| if i * 60 < 64 { 3 } else { 4 })
        .sum::<usize>();
    assert_eq!(joined.len(), alone - shorter);
    assert_eq!(
        points_of(&decode_all(&joined, BASE).expect("good")),
        points_of(&even(3600, 0))
    );
}

#[test]
fn what_cannot_be_joined_is_left_alone() {
    let (a, b) = (run_of(&even(60, 0)), run_of(&even(60, 60)));
    let mut out = vec![1];
    let mut refused = |runs: &[&[u8]]| {
        assert_eq!(join(runs, BASE, &mut out), None);
        assert_eq!(out, [1]);
    };
    refused(&[]);
    refused(&[&b, &a]);
    refused(&[&a, &a]);
    refused(&[&a, &b[..b.len() - 1]]);
    let mut long = even(60, 60);
    long.values = Column::Long(vec![1; 60]);
    refused(&[&a, &run_of(&long)]);
    let mut stamped = even(60, 60);
    stamped.stamps = vec![1; 60];
    refused(&[&a, &run_of(&stamped)]);
    let mut all = even(60, 60);
    all.duplicates = Duplicates::All;
    refused(&[&a, &run_of(&all)]);
    // Whole groups would be much shorter.
    refused(&[&run_of(&even(3, 0)), &run_of(&even(3, 3))]);
    let mut out = Vec::new();
    assert!(join(&[&run_of(&even(3, 0))], BASE, &mut out).is_some());
}

#[test]
fn heads_stay_small() {
    let bytes = |stretch: &Stretch| run_of(stretch).len();
    let mut stretch = even(60, 600);
    // 60 distances of six bits, and ten bytes: one of the run, three of the group, three of times, three
    // of the least value.
    assert_eq!(bytes(&stretch), 45 + 10);
    let Column::Decimal { mantissas, .. } = &mut stretch.values else {
        panic!("decimals")
    };
    mantissas.fill(1);
    assert_eq!(bytes(&stretch), 8);
}

#[test]
fn a_gap_and_a_reset_cost_a_patch() {
    let mut gap = even(120, 0);
    let whole = run_of(&gap).len();
    gap.times
        .iter_mut()
        .skip(70)
        .for_each(|time| *time += 30_000);
    assert!(
        run_of(&gap).len() <= whole + 10,
        "{} {whole}",
        run_of(&gap).len()
    );
    let mut counter = even(120, 0);
    let values = |reset: bool| {
        (0..120)
            .map(|i| {
                if reset && i >= 50 {
                    i * 11
                } else {
                    i * 11 + 9_000_000 + i % 3
                }
            })
            .collect()
    };
    counter.values = Column::Decimal {
        scale: 0,
        mantissas: values(false),
    };
    let whole = run_of(&counter).len();
    counter.values = Column::Decimal {
        scale: 0,
        mantissas: values(true),
    };
    assert!(
        run_of(&counter).len() <= whole + 128 * 4 / 8,
        "{} {whole}",
        run_of(&counter).len()
    );
}
