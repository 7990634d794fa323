//! How long a query holds its core: CPU of the thread between two breaths, and of a slice of a
//! scan, over 400 series of an hour of seconds, and a sum of 1,000.
//!
//! `cargo bench --bench query`; with `--test` small ones of each.
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

mod common;

use std::time::Duration;

use common::START_S;
use common::one_shard::OneShard;

fn main() {
    let test = std::env::args().any(|flag| flag == "--test");
    let (rounds, seconds, few, many) = if test {
        (1, 60, 40, 100)
    } else {
        (5, 3600, 400, 1000)
    };
    let cases = [
        (few, "target=dc.*.cpu&format=json"),
        (few, "target=dc.*.cpu&format=json&maxDataPoints=100"),
        (few, "target=sumSeries(dc.*.cpu)&format=json"),
        (few, "target=perSecond(scale(dc.*.cpu,2))&format=raw"),
        (few, "target=summarize(dc.*.cpu,%221h%22,%22median%22)"),
        (many, "target=sumSeries(dc.*.cpu)&format=json"),
        (few, "target=dc.*.cpu&format=svg&hideLegend=false&width=800"),
        (few, "target=dc.*.cpu&format=svg&areaMode=stacked"),
    ];
    let fleets = [few, many].map(|series| OneShard::new(series, seconds));
    for (series, parameters) in cases {
        let fleet = &fleets[usize::from(series == many)];
        let (from, until) = (START_S - 1, START_S + seconds - 1);
        let path = format!("/render?format=json&{parameters}&from={from}&until={until}");
        // Of several runs the best longest piece: the machine interrupts now and then.
        let mut best = (Duration::MAX, Duration::MAX, Duration::MAX);
        for _ in 0..rounds {
            fleet.longest_slice.take();
            let (status, bytes, longest, total) = fleet.get(&path);
            assert!(status == 200 && bytes > 0, "{path}: {status}");
            let slice = fleet.longest_slice.get();
            best = (best.0.min(longest), best.1.min(total), best.2.min(slice));
        }
        let (longest, total, slice) = best;
        println!(
            "{series} x {seconds} {parameters}: longest piece {longest:.1?} of {total:.1?}, \
             longest slice of the scan {slice:.1?}"
        );
    }
}
