//! Cells kept up with every point, against cells folded when they are asked for: CPU nanoseconds a
//! point. The first pays for each point that comes, the second only for what is read or sealed.
//!
//! `cargo bench --bench rollup`; with `--test` a small round of each.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

mod common;

use std::hint::black_box;

use common::{START_S, best_ns, is_test};
use corelane::base::time::{Millis, Step};
use corelane::model::aggregate::{Aggregate, Placed};
use corelane::model::points::Points;
use corelane::rollup;

const ROUNDS: usize = 60;

/// The open cell of a series and the one before it, as they would be kept.
#[derive(Clone, Copy)]
struct Kept {
    start_ms: i64,
    open: Aggregate,
    previous: Aggregate,
}

fn main() {
    let sizes: &[usize] = if is_test() {
        &[100]
    } else {
        &[10_000, 100_000, 1_000_000]
    };
    for &series in sizes {
        let kept = Kept {
            start_ms: 0,
            open: Aggregate::EMPTY,
            previous: Aggregate::EMPTY,
        };
        let mut cells = vec![kept; series];
        let kept_ns = best_ns(1, series * ROUNDS, || {
            for round in 0..ROUNDS {
                let time_ms = (START_S as i64 + round as i64) * 1000;
                for (i, cell) in cells.iter_mut().enumerate() {
                    let start = Step::MINUTE.floor(Millis(time_ms)).0;
                    if cell.start_ms != start {
                        *cell = Kept {
                            start_ms: start,
                            open: Aggregate::EMPTY,
                            previous: cell.open,
                        };
                    }
                    cell.open.push(Placed {
                        time_ms,
                        stamp: round as u64,
                        value: i as f64,
                    });
                }
            }
            black_box(cells.iter().map(|cell| cell.previous.count).sum::<u64>());
        });
        let mut points = Points::default();
        for round in 0..ROUNDS as i64 {
            points.push((START_S as i64 + round) * 1000, round as u64, round as f64);
        }
        let folds = series.min(100_000);
        let fold_ns = best_ns(1, folds * ROUNDS, || {
            for _ in 0..folds {
                black_box(rollup::cells(black_box(&points), Step::MINUTE));
            }
        });
        println!(
            "rollup series={series} kept_ns_per_point={kept_ns:.1} folded_ns_per_point_read={fold_ns:.1} kept_bytes_per_series={}",
            size_of::<Kept>()
        );
    }
}
