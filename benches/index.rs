//! Names to numbers, in the order of last time and in none: CPU nanoseconds a name.
//!
//! `cargo bench --bench index`; with `--test` a small round of each.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

mod common;

use common::{best_ns, is_test, name};
use corelane::base::random::Random;
use corelane::index::{Follow, Index, UNKNOWN};
use corelane::model::sample::Span;
use corelane::model::series::{SeriesName, TenantId, Values};

/// Names resolved in one call, as many as a chunk of lines has.
const BATCH: usize = 370;

fn main() {
    let sizes: &[u32] = if is_test() {
        &[1_000]
    } else {
        &[10_000, 100_000, 1_000_000]
    };
    for &series in sizes {
        let mut index = Index::new(1, corelane::index::Bounds::series(series as usize));
        let mut follow = Follow::default();
        let names: Vec<String> = (0..series).map(name).collect();
        let names_parsed: Vec<SeriesName> = names
            .iter()
            .map(|text| SeriesName::from_text(text).expect("canonical"))
            .collect();
        let new_ns = best_ns(1, names.len(), || {
            for (name, parsed) in names.iter().zip(&names_parsed) {
                index
                    .intern(
                        TenantId::DEFAULT,
                        parsed,
                        Values::Double,
                        name.as_bytes(),
                        &mut follow,
                    )
                    .expect("room");
            }
        });
        let mut order: Vec<u32> = (0..series).collect();
        for shuffled in [false, true] {
            if shuffled {
                Random::new(1).shuffle(&mut order);
            }
            let mut text = Vec::new();
            let spans: Vec<Span> = order
                .iter()
                .map(|&i| {
                    let start = text.len() as u32;
                    text.extend_from_slice(names[i as usize].as_bytes());
                    Span {
                        start,
                        len: names[i as usize].len() as u32,
                    }
                })
                .collect();
            let (mut ids, mut round) = (Vec::new(), 0);
            // The shuffled order is another one for each round's eyes: the one before it is learnt.
            let times = if shuffled { 1 } else { 5 };
            let ns = best_ns(times, spans.len(), || {
                for batch in spans.chunks(BATCH) {
                    index.resolve(&text, batch, &mut follow, &mut ids);
                    assert!(!ids.contains(&UNKNOWN));
                }
                round += 1;
            });
            println!(
                "index series={series} order={} ns_per_name={ns:.1} ns_per_new_series={new_ns:.0} bytes_per_series={}",
                if shuffled { "shuffled" } else { "stable" },
                index.bytes() / series as usize
            );
        }
    }
}
