//! The whole path of a line but the kernel and the disk: decode, index, head, blocks of the log. CPU
//! nanoseconds a point.
//!
//! `cargo bench --bench shard -- [series...]`; with `--test` one small round of each.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

mod common;

use std::time::Duration;

use common::{START_S, cpu_time, fresh_shard, is_test, line, options};

use corelane::base::buffer::{READ_BYTES, ReadBuffer};
use corelane::base::random::Random;
use corelane::base::time::{Arrival, Millis, Stamp};
use corelane::model::refusal::Protocol;
use corelane::shard::feed::Feed;
use corelane::shard::sources::Source;
use corelane::simd::Isa;

/// One round of every series, in the given order, at `second`.
fn round(order: &[u32], second: u64, random: &mut Random, text: &mut Vec<u8>) {
    text.clear();
    order.iter().for_each(|&i| line(i, second, random, text));
}

fn measure(series: u32, rounds: u64, shuffled: bool, isa: Isa) {
    let mut shard = fresh_shard(options(series as usize, isa));
    let mut feed = Feed::new(Protocol::Graphite, Source::default());
    let mut buffer = ReadBuffer::default();
    let mut random = Random::new(1);
    let mut order: Vec<u32> = (0..series).collect();
    let (mut text, mut spent, mut first, mut stamp) =
        (Vec::new(), Duration::ZERO, Duration::ZERO, 0);
    for second in 0..rounds {
        if shuffled {
            random.shuffle(&mut order);
        }
        round(&order, second, &mut random, &mut text);
        let before = cpu_time();
        for read in text.chunks(READ_BYTES) {
            buffer.read_area()[..read.len()].copy_from_slice(read);
            stamp += 1;
            let at = Arrival {
                now: Millis((START_S + second) as i64 * 1000),
                stamp: Stamp(stamp),
            };
            shard.take(&mut feed, &mut buffer, read.len(), at);
        }
        let took = cpu_time() - before;
        match second {
            0 => first = took,
            1 => {}
            _ => spent += took,
        }
    }
    assert_eq!(
        shard.accepted(),
        u64::from(series) * rounds,
        "every point counts"
    );
    let points = u64::from(series) * (rounds - 2);
    println!(
        "shard isa={} series={series} order={} ns_per_point={:.1} ns_per_new_series={:.0} \
         bytes_per_series={} index_bytes_per_series={}",
        isa.label(),
        if shuffled { "shuffled" } else { "stable" },
        spent.as_nanos() as f64 / points as f64,
        first.as_nanos() as f64 / f64::from(series),
        (shard.describe().store.head_bytes + shard.describe().index_bytes) / u64::from(series),
        shard.describe().index_bytes / u64::from(series),
    );
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let quick = is_test();
    let sizes: Vec<u32> = arguments
        .iter()
        .filter_map(|argument| argument.parse().ok())
        .collect();
    let sizes = match (quick, sizes.is_empty()) {
        (true, _) => vec![500],
        (false, true) => vec![10_000, 100_000, 1_000_000],
        (false, false) => sizes,
    };
    for series in sizes {
        let rounds = if quick {
            4
        } else {
            (6_000_000 / u64::from(series)).clamp(12, 200)
        };
        for shuffled in [false, true] {
            measure(series, rounds, shuffled, Isa::available()[0]);
        }
        if series <= 10_000 {
            Isa::available()
                .into_iter()
                .skip(1)
                .for_each(|isa| measure(series, rounds, false, isa));
        }
    }
}
