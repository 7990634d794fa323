//! Points to the head and back: CPU nanoseconds a point.
//!
//! `cargo bench --bench head`; with `--test` a small round of each.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

mod common;

use common::{START_S, best_ns, is_test};
use corelane::base::random::Random;
use corelane::base::time::{Millis, Stamp, Step};
use corelane::model::points::Points;
use corelane::model::series::SeriesId;
use corelane::store::head::{Head, Options};

const ROUNDS: u64 = 60;

fn head(series: u32, bytes_max: usize) -> Head {
    let window = Step::from_millis(300_000).expect("positive");
    let mut head = Head::new(Options {
        bytes_max,
        windows_max: 4096,
        window,
    });
    head.admit(SeriesId(series - 1));
    head
}

/// Milliseconds of series `i` in a round, as the traffic has it.
type Times = fn(u64, u32, &mut Random) -> i64;

fn even(round: u64, _: u32, _: &mut Random) -> i64 {
    ((START_S + round) * 1000) as i64
}

fn jittered(round: u64, _: u32, random: &mut Random) -> i64 {
    ((START_S + round) * 1000 + random.below(900)) as i64
}

fn some_late(round: u64, i: u32, random: &mut Random) -> i64 {
    let late_ms = if random.chance(5) { 1_000_000 } else { 0 };
    even(round, i, random) - late_ms
}

fn main() {
    let sizes: &[u32] = if is_test() {
        &[200]
    } else {
        &[10_000, 100_000, 1_000_000]
    };
    let shapes: [(&str, Times); 3] = [
        ("even", even),
        ("jittered", jittered),
        ("five_percent_late", some_late),
    ];
    for &series in sizes {
        for (what, time) in shapes {
            let mut head = head(series, 8 << 30);
            let mut random = Random::new(1);
            let mut stamp = 0;
            let points = series as usize * ROUNDS as usize;
            let ns = best_ns(1, points, || {
                for round in 0..ROUNDS {
                    for i in 0..series {
                        stamp += u64::from(i % 370 == 0);
                        let time = Millis(time(round, i, &mut random));
                        head.append(SeriesId(i), time, Stamp(stamp), f64::from(i))
                            .expect("room");
                    }
                }
            });
            let mut read = Points::default();
            let read_ns = best_ns(1, points, || {
                for i in 0..series {
                    read.clear();
                    head.read(SeriesId(i), Millis::MIN, Millis::MAX, &mut read);
                    assert_eq!(read.len() as u64, ROUNDS);
                }
            });
            println!(
                "head series={series} times={what} ns_per_append={ns:.1} ns_per_read={read_ns:.1} bytes_per_point={:.1}",
                head.bytes() as f64 / points as f64
            );
        }
    }
}
