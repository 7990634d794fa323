//! What the benches of the ingest path share: time on the CPU, and lines as agents send them.

// Each bench uses its own part of this module.
#![allow(dead_code)]

mod empty_folder;
pub(crate) mod memory_disk;
pub(crate) mod one_shard;

use std::io::Write;
use std::time::Duration;

use corelane::base::random::Random;
use corelane::index::Bounds;
use corelane::model::sample::TimeRule;
use corelane::query::result_cache;
use corelane::shard::{Options, Shard};
use corelane::simd::Isa;
use corelane::store;
use corelane::store::recover::Start;
use corelane::wire::kairos_telnet;

use empty_folder::EmptyFolder;

/// Seconds since the epoch of the first round.
pub(crate) const START_S: u64 = 1_700_000_000;

/// CPU time of this process so far: what neighbours do does not count.
pub(crate) fn cpu_time() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// CPU nanoseconds for each of `count` things that `work` does; the best of `times`.
pub(crate) fn best_ns(times: usize, count: usize, mut work: impl FnMut()) -> f64 {
    let one = |work: &mut dyn FnMut()| {
        let before = cpu_time();
        work();
        (cpu_time() - before).as_nanos() as f64 / count as f64
    };
    (0..times)
        .map(|_| one(&mut work))
        .fold(f64::INFINITY, f64::min)
}

/// Whether to run once and quickly, as a test.
pub(crate) fn is_test() -> bool {
    std::env::args().any(|argument| argument == "--test")
}

/// Name of a series, in the order in which agents send them.
pub(crate) fn name(i: u32) -> String {
    format!(
        "dc1.h{:06}.cpu.c{:02}.{}",
        i / 16,
        i / 2 % 8,
        ["user", "syst"][i as usize % 2]
    )
}

/// Append a line of series `i` at `second` after the start: a fifth constant, a third counters, the
/// rest decimals.
pub(crate) fn line(i: u32, second: u64, random: &mut Random, text: &mut Vec<u8>) {
    let value = match i % 10 {
        0 | 1 => format!("{}", i % 100),
        2..=4 => format!("{}", u64::from(i) % 1000 + second * 7 % 100_000),
        5..=7 => format!("{}.{:02}", random.below(1000), random.below(100)),
        _ => format!("{}.{:06}", random.below(100), random.below(1_000_000)),
    };
    writeln!(text, "{} {value} {}", name(i), START_S + second).expect("memory");
}

/// A shard with room for `series` series and a large head.
pub(crate) fn options(series: usize, isa: Isa) -> Options {
    Options {
        line_bytes_max: 65_536,
        frame_bytes_max: 1 << 24,
        buffered_bytes_max: 1 << 24,
        times: TimeRule::default(),
        telnet: kairos_telnet::Options::default(),
        index: Bounds::series(series + 1),
        store: store::Options {
            head_bytes_max: 4 << 30,
            seal_bytes: 4 << 30,
            ..store::Options::default()
        },
        results: result_cache::Options {
            bytes_max: 0,
            points_min: 0,
        },
        seed: 7,
        isa,
    }
}

/// A shard that has nothing on the disk. What it asks of the disk nobody does.
pub(crate) fn fresh_shard(options: Options) -> Shard {
    Shard::new(options, Start::fresh(1), &EmptyFolder).expect("an empty folder")
}
