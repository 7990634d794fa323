//! What the four questions of `benches/peers` cost in one process: CPU from the request to the text of the
//! answer, over an hour of seconds, in memory and then in merged files.
//!
//! `cargo bench --bench render`; with `--test` a small one of each.
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

mod common;

use std::time::Duration;

use common::one_shard::OneShard;
use common::{START_S, is_test};

const CASES: [(&str, &str); 4] = [
    ("raw: 100 series, 1 s", "dc.h00*.cpu"),
    ("sum: 1000 series, 1 s", "sumSeries(dc.h0*.cpu)"),
    (
        "sum: 1000 series, 60 s",
        "sumSeries(summarize(dc.h0*.cpu,%221min%22,%22avg%22))",
    ),
    (
        "max: 10000 series, 60 s",
        "maxSeries(summarize(dc.*.cpu,%221min%22,%22max%22))",
    ),
];

fn main() {
    let (rounds, series, seconds) = match is_test() {
        true => (1, 100, 300),
        false => (10, 10_000, 3_660),
    };
    let fleet = OneShard::new(series, seconds);
    // Whole minutes.
    let from = START_S.next_multiple_of(60) - 1;
    let until = (START_S + seconds) / 60 * 60 - 1;
    for place in ["memory", "files"] {
        for (case, target) in CASES {
            let path = format!("/render?format=json&target={target}&from={from}&until={until}");
            let mut best = Duration::MAX;
            for _ in 0..rounds {
                let (status, bytes, cpu) = fleet.cpu_of(&path);
                assert!(status == 200 && bytes > 2, "{path}: {status}");
                best = best.min(cpu);
            }
            println!("render {case}, in {place}: {best:.2?}");
        }
        fleet.seal();
    }
}
