//! Random streams, zones, samplings, orders and chains, against the naive twin.

use super::*;
use crate::base::random::Random;

/// Zones whose clocks change at midnight, by half an hour, by a day, by Ramadan, or not at all.
pub(super) const ZONES: [&str; 14] = [
    "UTC",
    "Europe/Paris",
    "America/New_York",
    "Asia/Kolkata",
    "America/Havana",
    "America/Sao_Paulo",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Africa/Casablanca",
    "Asia/Beirut",
    "Atlantic/Azores",
    "Asia/Amman",
    "America/St_Johns",
    "+05:30",
];

/// A start of a query: near a clock change of the zone more often than not.
pub(super) fn some_start(random: &mut Random, id: &str) -> i64 {
    let any = at("2005-01-01T00:00") + random.below(15 * 365 * 86_400_000) as i64;
    if random.chance(30) || id.starts_with('+') {
        return any
            - if random.chance(50) {
                any.rem_euclid(60_000)
            } else {
                0
            };
    }
    let zone = jiff::tz::TimeZone::get(id).expect("a zone");
    let from = jiff::Timestamp::from_millisecond(any).expect("a time");
    let change = zone.following(from).next();
    let change = change.map_or(any, |change| change.timestamp().as_millisecond());
    let hours = random.below(97) as i64 - 72;
    let minutes = if random.chance(50) {
        30
    } else {
        random.below(60) as i64
    };
    change + hours * 3_600_000 + minutes * 60_000
}

/// A length of buckets, and one of the whole query that has some of them.
pub(super) fn some_sampling(random: &mut Random) -> (Sampling, i64) {
    let unit = Unit::ALL[random.below(8) as usize];
    let most = if random.chance(50) { 1 } else { 7 };
    let value = 1 + random.below(most) as i64;
    let millis = match unit {
        Unit::Milliseconds => 1,
        Unit::Seconds => 1_000,
        Unit::Minutes => 60_000,
        Unit::Hours => 3_600_000,
        Unit::Days => 86_400_000,
        Unit::Weeks => 7 * 86_400_000,
        Unit::Months => 30 * 86_400_000,
        Unit::Years => 365 * 86_400_000,
    };
    let span = millis * value * (1 + random.below(12) as i64);
    (Sampling::new(value, unit), span + 10)
}

pub(super) fn some_range(random: &mut Random, sampling: Sampling, id: &str) -> Range {
    Range {
        sampling,
        align_sampling: random.chance(60),
        align_start_time: random.chance(30),
        align_end_time: random.chance(30),
        start_time: None,
        end_time: None,
        zone: zone(id),
    }
}

/// Values whose sums have no rounding, in most cases.
pub(super) fn some_value(random: &mut Random) -> Value {
    let quarters = random.below(400) as i64 - 200;
    match random.below(10) {
        0..4 => Value::Long(quarters),
        4..9 => Value::Double(quarters as f64 / 4.0),
        _ => Value::Double(if random.chance(50) { -0.0 } else { 0.0 }),
    }
}

fn some_points(random: &mut Random, asked: Asked, span: i64) -> Vec<Point> {
    let count = random.below(80);
    let mut times: Vec<i64> = (0..count)
        .map(|_| asked.start + random.below(span as u64) as i64)
        .collect();
    times.sort_unstable();
    if random.chance(60) {
        times.dedup();
    }
    if asked.descending {
        times.reverse();
    }
    let point = |time| Point {
        time,
        value: some_value(random),
    };
    times.into_iter().map(point).collect()
}

/// One of the 21, and whether its results may differ in their last digits.
fn some_aggregator(random: &mut Random, sampling: Sampling, id: &str) -> (Aggregator, bool) {
    let range = some_range(random, sampling, id);
    let ends = [None, Some(Ends::First), Some(Ends::Last), Some(Ends::Both)];
    let compares = [
        Compare::LessOrEqual,
        Compare::Less,
        Compare::GreaterOrEqual,
        Compare::Greater,
        Compare::Equal,
        Compare::NotEqual,
    ];
    let threshold = |random: &mut Random| random.below(40) as f64 - 20.0;
    match random.below(21) {
        0 => (Aggregator::Avg(range), false),
        1 => (Aggregator::Count(range), false),
        2 => {
            let all = [Deviation::Value, Deviation::Above, Deviation::Below];
            let dev = Aggregator::Dev {
                range,
                returned: all[random.below(3) as usize],
                count: random.below(4) as i64,
            };
            (dev, true)
        }
        3 => (Aggregator::First(range), false),
        4 => {
            let trim = random.chance(50);
            (Aggregator::Gaps { range, trim }, false)
        }
        5 => (Aggregator::Last(range), false),
        6 => (Aggregator::LeastSquares(range), true),
        7 => (Aggregator::Max(range), false),
        8 => (Aggregator::Min(range), false),
        9 => {
            let percentile = (1 + random.below(100)) as f64 / 100.0;
            (Aggregator::Percentile { range, percentile }, false)
        }
        10 => (Aggregator::Sum(range), false),
        11 => (Aggregator::Diff, false),
        12 => {
            let zone = zone(id);
            (Aggregator::Rate { sampling, zone }, false)
        }
        13 => {
            let (unit, zone) = (sampling.unit, zone(id));
            (Aggregator::Sampler { unit, zone }, false)
        }
        14 => (Aggregator::Div(threshold(random) + 0.5), false),
        15 => (Aggregator::Scale(threshold(random)), false),
        16 => (Aggregator::Sma(1 + random.below(9) as i64), false),
        17 => {
            let compare = compares[random.below(6) as usize];
            let threshold = Threshold::Number(threshold(random));
            (Aggregator::Filter { compare, threshold }, false)
        }
        18 => (Aggregator::Trim(ends[random.below(4) as usize]), false),
        19 => {
            let boundary = |_| Boundary {
                value: threshold(random),
                inferior: random.chance(50),
            };
            let thresholds = (0..6).map(boundary).collect();
            let descending = random.chance(50);
            let score = Aggregator::Score {
                thresholds,
                descending,
            };
            (score, false)
        }
        _ => (Aggregator::SaveAs(SaveAs::default()), false),
    }
}

/// Equal, but for the last digits of what is added up in another order.
pub(super) fn alike(a: &[Point], b: &[Point], exact: bool) -> bool {
    let is_like = |a: Value, b: Value| match (a, b) {
        (Value::Double(a), Value::Double(b)) => {
            let near = (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1e-3);
            a.to_bits() == b.to_bits() || (!exact && near)
        }
        (a, b) => a == b,
    };
    let both = || a.iter().zip(b);
    a.len() == b.len() && both().all(|(a, b)| a.time == b.time && is_like(a.value, b.value))
}

#[test]
fn any_chain_does_what_the_description_says() {
    for seed in 0..5_000 {
        let mut random = Random::new(seed);
        let id = ZONES[random.below(ZONES.len() as u64) as usize];
        let (sampling, span) = some_sampling(&mut random);
        let start = some_start(&mut random, id);
        let asked = Asked {
            start,
            end: if random.chance(80) {
                start + span
            } else {
                i64::MAX
            },
            now: start + span - if random.chance(30) { span / 2 } else { 0 },
            descending: random.chance(25),
        };
        let points = some_points(&mut random, asked, span);
        let mut exact = true;
        let mut aggregators = Vec::new();
        for _ in 0..1 + random.below(3) {
            let (aggregator, is_rounded) = some_aggregator(&mut random, sampling, id);
            aggregators.push(aggregator);
            exact &= !is_rounded;
            if is_rounded {
                break;
            }
        }
        let want = naive::all(&aggregators, id, &points, asked);
        let stream = Stream {
            kind: Kind::Number,
            points: points.clone(),
        };
        let got = asked.with(&Texts::default(), |context| {
            run(aggregate(stream, &aggregators, context))
        });
        let is_finite = |point: &Point| match point.value {
            Value::Double(value) => value.is_finite(),
            _ => true,
        };
        let place = || format!("seed {seed} {id} {asked:?} {aggregators:?} {points:?}");
        match (got, want) {
            (Err(got), Err(want)) => assert_eq!(got.to_string(), want, "{}", place()),
            (Err(got), Ok(want)) => {
                let is_told = got.to_string().starts_with("NaN or Infinity:");
                assert!(is_told && !want.iter().all(is_finite), "{got}, {}", place());
            }
            (Ok(got), want) => {
                assert_eq!(got.kind, Kind::Number);
                let want = want.unwrap_or_else(|error| panic!("{error}, {}", place()));
                assert!(
                    alike(&got.points, &want, exact),
                    "{}\n got {:?}\nwant {want:?}",
                    place(),
                    got.points
                );
            }
        }
    }
}

#[test]
fn percentiles_of_many_values_are_those_of_sorted_ones() {
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let count = 4_000 + random.below(9_000);
        let kind = random.below(4);
        let points: Vec<Point> = (0..count)
            .map(|i| {
                let value = match kind {
                    0 => f64::from_bits(random.next_u64() & !(1 << 62)),
                    1 => random.below(3) as f64,
                    2 => 1e9 + random.below(1_000_000) as f64 / 7.0,
                    _ => i as f64 - 5_000.0,
                };
                Point {
                    time: i as i64,
                    value: Value::Double(value),
                }
            })
            .collect();
        let aggregators = [Aggregator::Percentile {
            range: every(1, Unit::Hours),
            percentile: (1 + random.below(1_000)) as f64 / 1_000.0,
        }];
        let asked = Asked::from(0);
        let want = naive::all(&aggregators, "UTC", &points, asked).expect("no error");
        let stream = Stream {
            kind: Kind::Number,
            points,
        };
        let got = asked.with(&Texts::default(), |context| {
            run(aggregate(stream, &aggregators, context))
        });
        assert!(
            alike(&got.expect("no error").points, &want, true),
            "seed {seed}"
        );
    }
}

#[test]
fn long_moving_means_are_near_those_that_are_added_up_anew() {
    let mut random = Random::new(7);
    let points: Vec<Point> = (0..5_000)
        .map(|i| Point {
            time: i,
            value: Value::Double(random.below(1 << 50) as f64 / 3.0 * 10_f64.powi(i as i32 % 9)),
        })
        .collect();
    for size in [256, 257, 1_000, 4_999, 5_000, 5_001] {
        let aggregators = [Aggregator::Sma(size)];
        let asked = Asked::from(0);
        let want = naive::all(&aggregators, "UTC", &points, asked).expect("no error");
        let stream = Stream {
            kind: Kind::Number,
            points: points.clone(),
        };
        let got = asked.with(&Texts::default(), |context| {
            run(aggregate(stream, &aggregators, context))
        });
        assert!(
            alike(&got.expect("no error").points, &want, size <= 256),
            "{size}"
        );
    }
}
