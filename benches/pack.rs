//! The codec of segments on the load generator's workload: bytes and CPU nanoseconds a point, by kind
//! and for the default mix, for runs of 60, 600 and 3600 points; cells of 60 s beside them.
//!
//! `cargo bench --bench pack`; with `--test` a small round of each.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

mod common;

use std::hint::black_box;

use common::{best_ns, is_test};
use corelane::base::time::{Millis, Step};
use corelane::model::points::{Duplicates, Points};
use corelane::store::pack::{self, SealedCell};
use corelane::store::stretch::{Column, Stretch};
use loadgen::workload::{Kind, Parameters, Workload};

/// Points of one measurement, about.
const POINTS: u64 = 1_000_000;

/// An hour, and the minute of it in which the workload starts.
const BASE: Millis = Millis(1_700_002_800_000);
const START_S: u64 = 1_700_002_800 + 20 * 60;

fn stretch(workload: &Workload, place: u64, points: u64) -> Stretch {
    let points = workload.points(place, 0, 0..points);
    let (mut times, mut mantissas, mut scale) = (Vec::new(), Vec::new(), 0);
    for (time_s, value) in points {
        times.push(time_s as i64 * 1000);
        mantissas.push(i64::from(value.scaled));
        scale = value.decimals;
    }
    Stretch {
        times,
        stamps: Vec::new(),
        values: Column::Decimal { scale, mantissas },
        duplicates: Duplicates::Last,
    }
}

fn measure(what: &str, stretches: &[Stretch]) {
    let times = if is_test() { 1 } else { 5 };
    let count: usize = stretches.iter().map(|stretch| stretch.times.len()).sum();
    let mut bytes = Vec::new();
    let mut ends = Vec::new();
    let encode_ns = best_ns(times, count, || {
        (bytes, ends) = (Vec::with_capacity(bytes.capacity()), Vec::new());
        for stretch in stretches {
            black_box(pack::encode(stretch, BASE, &mut bytes));
            ends.push(bytes.len());
        }
    });
    let run = |i: usize| &bytes[if i == 0 { 0 } else { ends[i - 1] }..ends[i]];
    let mut points = Points::default();
    let decode_ns = best_ns(times, count, || {
        for i in 0..ends.len() {
            points.clear();
            let done = pack::decode(run(i), BASE, Millis::MIN, Millis::MAX, 0, &mut points);
            done.expect("a good run");
            black_box(&points);
        }
    });
    let mut cells_bytes = Vec::new();
    let mut cell_ends = Vec::new();
    let cells_ns = best_ns(times, count, || {
        cells_bytes.clear();
        cell_ends.clear();
        for stretch in stretches {
            pack::encode_cells(stretch, BASE, Step::MINUTE, &mut cells_bytes);
            cell_ends.push(cells_bytes.len());
        }
    });
    let mut cells: Vec<SealedCell> = Vec::new();
    let read_ns = best_ns(times, count, || {
        let mut start = 0;
        for &end in &cell_ends {
            cells.clear();
            let part = &cells_bytes[start..end];
            let (from, until) = (Millis::MIN, Millis::MAX);
            let done = pack::decode_cells(part, BASE, Step::MINUTE, from, until, 0, &mut cells);
            done.expect("good cells");
            black_box(&cells);
            start = end;
        }
    });
    println!(
        "pack {what} bytes_per_point={:.3} encode_ns={encode_ns:.2} decode_ns={decode_ns:.2} \
         cell_bytes_per_point={:.3} cells_encode_ns={cells_ns:.2} cells_decode_ns={read_ns:.2}",
        bytes.len() as f64 / count as f64,
        cells_bytes.len() as f64 / count as f64,
    );
}

/// Sixty runs of a minute each, joined to an hour.
fn measure_join(workload: &Workload, places: u64) {
    let (mut bytes, mut ends) = (Vec::new(), Vec::new());
    for place in 0..places {
        let hour = stretch(workload, place, 3600);
        let Column::Decimal { scale, mantissas } = &hour.values else {
            return;
        };
        let mut ends_of_place = vec![bytes.len()];
        for minute in 0..60 {
            let part = minute * 60..minute * 60 + 60;
            let part = Stretch {
                times: hour.times[part.clone()].to_vec(),
                stamps: Vec::new(),
                values: Column::Decimal {
                    scale: *scale,
                    mantissas: mantissas[part].to_vec(),
                },
                duplicates: Duplicates::Last,
            };
            pack::encode(&part, BASE, &mut bytes);
            ends_of_place.push(bytes.len());
        }
        ends.push(ends_of_place);
    }
    let mut joined = Vec::new();
    let count = places as usize * 3600;
    let join_ns = best_ns(if is_test() { 1 } else { 5 }, count, || {
        joined.clear();
        for ends in &ends {
            let runs: Vec<&[u8]> = ends
                .windows(2)
                .map(|ends| &bytes[ends[0]..ends[1]])
                .collect();
            let summary = pack::join(&runs, BASE, &mut joined).expect("they follow each other");
            black_box(summary);
        }
    });
    println!(
        "pack join of 60 runs of 60 points bytes_per_point={:.3} join_ns={join_ns:.2}",
        joined.len() as f64 / count as f64
    );
}

fn main() {
    let parameters = Parameters {
        start_s: START_S,
        ..Parameters::default()
    };
    let workload = Workload::new(parameters).expect("good parameters");
    let total = if is_test() { 36_000 } else { POINTS };
    for points in [60, 600, 3600] {
        let places = (total / points).max(10);
        let of = |place: u64| stretch(&workload, place, points);
        for kind in Kind::ALL {
            let places = (0..).filter(|&place| workload.kind(place) == kind);
            let stretches: Vec<_> = places
                .take((total / points / 4).max(3) as usize)
                .map(of)
                .collect();
            measure(&format!("points={points} kind={kind:?}"), &stretches);
        }
        let stretches: Vec<_> = (0..places).map(of).collect();
        measure(&format!("points={points} kind=mix"), &stretches);
    }
    measure_join(&workload, (total / 3600).max(10));
}
