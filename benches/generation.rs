//! Points to a generation of the head and back: CPU nanoseconds a point.
//!
//! `cargo bench --bench generation`; with `--test` a small round of each.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

mod common;

use common::{START_S, best_ns, is_test};
use corelane::base::random::Random;
use corelane::base::time::{Millis, Stamp, Step};
use corelane::model::number::Number;
use corelane::model::points::{Duplicates, Points};
use corelane::model::series::{SeriesId, Values};
use corelane::store::generation::{Head, Next, Options, Pool, Stretches};
use corelane::store::stretch::{Column, Stretch};

/// Points that arrive with one read.
const READ_POINTS: u32 = 370;

/// Milliseconds of a point of a round, as the traffic has it.
type Times = fn(u64, &mut Random) -> i64;

fn even(round: u64, _: &mut Random) -> i64 {
    ((START_S + round) * 1000) as i64
}

fn jittered(round: u64, random: &mut Random) -> i64 {
    even(round, random) + random.below(50) as i64
}

fn some_late(round: u64, random: &mut Random) -> i64 {
    even(round, random) - 1_000_000 * i64::from(random.chance(5))
}

/// A fifth constant, a third counters, the rest decimals; as the lines of the other benches.
fn value(i: u32, round: u64, random: &mut Random) -> Number {
    match i % 10 {
        0 | 1 => Number::decimal(i64::from(i) % 100, 0),
        2..=4 => Number::decimal(i64::from(i) % 1000 + round as i64 * 7 % 100_000, 0),
        5..=7 => Number::decimal(random.below(100_000) as i64, 2),
        _ => Number::decimal(random.below(100_000_000) as i64, 6),
    }
}

struct Bench {
    series: u32,
    rounds: u64,
    pool: Pool,
    head: Head,
    numbers: Vec<u32>,
    points: Vec<(i64, Number)>,
}

impl Bench {
    fn new(series: u32, rounds: u64, ordered: bool) -> Bench {
        let mut head = Head::new(Options {
            ordered,
            window: Step::from_millis(3_600_000).expect("positive"),
            windows_max: 4096,
        });
        head.admit(SeriesId(series - 1));
        Bench {
            series,
            rounds,
            pool: Pool::new(8 << 30),
            head,
            numbers: (0..series).collect(),
            points: Vec::new(),
        }
    }

    fn count(&self) -> usize {
        self.series as usize * self.rounds as usize
    }

    /// All rounds; only the appending is counted.
    fn append(&mut self, times: Times) -> f64 {
        let mut random = Random::new(1);
        let mut ns = 0.0;
        for round in 0..self.rounds {
            self.points.clear();
            for i in 0..self.series {
                let time = times(round, &mut random);
                self.points.push((time, value(i, round, &mut random)));
            }
            ns += best_ns(1, self.count(), || self.append_round(round));
        }
        ns
    }

    fn append_round(&mut self, round: u64) {
        let (head, pool) = (&mut self.head, &mut self.pool);
        let (mut read, mut token_bytes) = (0, 0);
        for (&(time, value), i) in self.points.iter().zip(0u32..) {
            if i % READ_POINTS == 0 {
                read = head.read_number(Stamp(round * 1_000_000 + u64::from(i)));
            }
            match head.append(pool, SeriesId(i), &self.numbers, Millis(time), read, value) {
                Ok(entry) => token_bytes += entry.token.len(),
                Err(why) => panic!("{why}"),
            }
        }
        std::hint::black_box(token_bytes);
    }

    fn read(&self, from: i64) -> f64 {
        let mut points = Points::default();
        let mut all = 0;
        let ns = best_ns(1, 1, || {
            for i in 0..self.series {
                points.clear();
                let range = (Millis(from), Millis::MAX);
                self.head
                    .read(&self.pool, SeriesId(i), range, Values::Double, &mut points);
                all += points.len();
            }
        });
        ns / all as f64
    }

    fn stretches(&self, sealer: &mut Stretches) -> f64 {
        let mut out = Stretch {
            times: Vec::new(),
            stamps: Vec::new(),
            values: Column::Long(Vec::new()),
            duplicates: Duplicates::Last,
        };
        best_ns(1, self.count(), || {
            for i in 0..self.series {
                sealer.begin(&self.head, SeriesId(i), Values::Double, Duplicates::Last);
                while sealer.next(&self.pool, &self.head, &mut 10_000, &mut out) != Next::Done {}
            }
        })
    }
}

fn main() {
    let sizes: &[(u32, u64)] = if is_test() {
        &[(200, 20)]
    } else {
        &[(10_000, 900), (1_000_000, 40)]
    };
    let shapes: [(&str, Times, bool); 4] = [
        ("even", even, false),
        ("even_ordered", even, true),
        ("jittered", jittered, false),
        ("five_percent_late", some_late, false),
    ];
    for &(series, rounds) in sizes {
        for (what, times, ordered) in shapes {
            let mut bench = Bench::new(series, rounds, ordered);
            let fresh = bench.append(times);
            let bytes = bench.pool.bytes() as f64 / bench.count() as f64;
            let all = bench.read(i64::MIN);
            let last = bench.read(((START_S + rounds - 10) * 1000) as i64);
            let mut sealer = Stretches::default();
            bench.stretches(&mut sealer);
            let sealed = bench.stretches(&mut sealer);
            let clear = best_ns(1, series as usize, || {
                while !bench.head.clear(&mut bench.pool, &mut 100_000) {}
            });
            let again = bench.append(times);
            println!(
                "generation series={series} times={what} bytes_per_point={bytes:.2} \
                 ns_per_append={fresh:.1} ns_per_append_into_used={again:.1} ns_per_read={all:.1} \
                 ns_per_read_of_last_ten={last:.1} ns_per_point_of_stretches={sealed:.1} \
                 ns_per_series_to_clear={clear:.1}"
            );
        }
    }
}
