//! The decoder of KairosDB's JSON alone: CPU nanoseconds a point, for bodies of a hundred and more points, by
//! the readers of familiar and of usual objects, the second with what it costs to remember them, and by the
//! one that takes everything.
//!
//! `cargo bench --bench kairos_rest`; with `--test` one body of each.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

mod common;

use std::hint::black_box;

use bytes::Bytes;
use common::{START_S, best_ns, is_test};
use corelane::base::random::Random;
use corelane::model::sample::Samples;
use corelane::wire::familiar::Familiar;
use corelane::wire::kairos_rest::{Decoder, Progress};

/// A body of `objects` metric objects of `points` points each.
fn body(objects: usize, points: usize, random: &mut Random) -> String {
    let number = |random: &mut Random| match random.below(3) {
        0 => format!("{}", random.below(100_000)),
        1 => format!("{}.{:02}", random.below(1000), random.below(100)),
        _ => format!("{}.{:06}", random.below(100), random.below(1_000_000)),
    };
    let mut all = Vec::new();
    for i in 0..objects {
        let tags = format!(
            r#""tags":{{"host":"h{:06}","dc":"dc1","core":"{}"}}"#,
            i / 8,
            i % 8
        );
        let time_ms = START_S * 1000;
        all.push(if points == 1 {
            let value = number(random);
            format!(r#"{{"name":"cpu.user","timestamp":{time_ms},"value":{value},{tags}}}"#)
        } else {
            let points = (0..points).map(|i| {
                let value = number(random);
                format!("[{},{value}]", time_ms + 1000 * i as u64)
            });
            let points: Vec<String> = points.collect();
            let points = points.join(",");
            format!(r#"{{"name":"cpu.user",{tags},"datapoints":[{points}]}}"#)
        });
    }
    format!("[{}]", all.join(","))
}

/// A body as it comes from a socket.
fn pieces(body: &str) -> Vec<Bytes> {
    let pieces = body.as_bytes().chunks(64 * 1024);
    pieces.map(Bytes::copy_from_slice).collect()
}

/// Read it; how many samples there were.
fn read(mut decoder: Decoder, familiar: &mut Familiar, body: &[Bytes], out: &mut Samples) -> usize {
    let (mut count, mut pieces) = (0, body.iter());
    loop {
        let progress = decoder.step(8 * 1024, familiar, out);
        if progress == Progress::Done || decoder.has_batch(out) {
            count += out.len();
            out.clear();
            decoder.forget_names();
        }
        match progress {
            Progress::Done => return count,
            Progress::Going => {}
            Progress::Hungry => match pieces.next() {
                Some(piece) => {
                    decoder.feed(piece.clone());
                }
                None => decoder.end(),
            },
        }
    }
}

fn main() {
    let mut random = Random::new(1);
    let times = if is_test() { 1 } else { 500 };
    for (objects, points) in [(100, 1), (1000, 1), (1, 100), (100, 60), (1, 20_000)] {
        // The same series with other numbers.
        let bodies = [(); 2].map(|()| body(objects, points, &mut random));
        let bytes = bodies[0].len() as f64 / (objects * points) as f64;
        let bodies = bodies.map(|body| pieces(&body));
        for reader in ["familiar", "usual", "lenient"] {
            let begin = || match reader {
                "lenient" => Decoder::lenient(),
                _ => Decoder::default(),
            };
            let mut out = Samples::default();
            let mut familiar = Familiar::default();
            let mut turn = 0;
            let ns = best_ns(times, objects * points, || {
                if reader == "usual" {
                    familiar.forget();
                }
                turn = 1 - turn;
                let count = read(begin(), &mut familiar, black_box(&bodies[turn]), &mut out);
                assert_eq!(count, objects * points);
            });
            println!(
                "kairos_rest reader={reader} objects={objects} points={points} bytes_per_point={bytes:.0} ns_per_point={ns:.1}"
            );
        }
    }
}
