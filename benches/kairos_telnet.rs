//! KairosDB's lines to samples, and on to a shard: CPU nanoseconds a line.
//!
//! `cargo bench --bench kairos_telnet`; with `--test` one quick look at each.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

mod common;

use std::hint::black_box;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};

use common::{START_S, best_ns, fresh_shard, is_test, options};
use corelane::base::buffer::{READ_BYTES, ReadBuffer};
use corelane::base::random::Random;
use corelane::base::time::{Arrival, Millis, Stamp};
use corelane::model::refusal::Protocol;
use corelane::model::sample::Samples;
use corelane::simd::{Isa, Scanner};
use corelane::wire::kairos_telnet::{Decoder, Habit, Options};

const LINES: u32 = 5_000;

/// Append a line of series `i` at `second` after the start, as tcollector names them.
fn line(i: u32, second: u64, random: &mut Random, text: &mut Vec<u8>) {
    let (host, core) = (i / 16, i / 2 % 8);
    let state = ["user", "syst"][i as usize % 2];
    let value = match i % 10 {
        0..=4 => format!("{}", u64::from(i) % 1000 + second * 7 % 100_000),
        _ => format!("{}.{:02}", random.below(1000), random.below(100)),
    };
    let time = START_S + second;
    writeln!(
        text,
        "put cpu.{state} {time} {value} host=h{host:06} core=c{core:02}"
    )
    .expect("memory");
}

fn lines(second: u64, random: &mut Random) -> Vec<u8> {
    let mut text = Vec::new();
    (0..LINES).for_each(|i| line(i, second, random, &mut text));
    text
}

fn main() {
    let mut random = Random::new(1);
    let text = lines(0, &mut random);
    let times = if is_test() { 1 } else { 2_000 };
    let count = LINES as usize;
    for (what, tells_errors) in [("usual", false), ("telling_errors", true)] {
        for isa in Isa::available() {
            let own = Options {
                tells_errors,
                ..Options::default()
            };
            let mut decoder = Decoder::new(Scanner::new(isa), own, 1);
            let (mut habit, series) = (Habit::default(), vec![0; count]);
            let (mut samples, mut answers) = (Samples::default(), Vec::new());
            let ns = best_ns(times, count, || {
                let (mut at, mut decoded) = (0, 0);
                loop {
                    samples.clear();
                    let text = black_box(&text[at..]);
                    let taken = decoder.decode(text, &mut habit, &mut samples, &mut answers);
                    decoder.learn(&series);
                    decoded += samples.len();
                    at += taken;
                    if taken == 0 {
                        break;
                    }
                }
                assert_eq!(decoded, count);
            });
            let isa = isa.label();
            println!("kairos_telnet decode {what} isa={isa} ns_per_line={ns:.2}");
        }
    }

    let mut shard = fresh_shard(options(count, Isa::available()[0]));
    let mut feed = shard.open(Protocol::KairosTelnet, IpAddr::V4(Ipv4Addr::LOCALHOST));
    let mut buffer = ReadBuffer::default();
    let rounds = if is_test() { 2 } else { 500 };
    let mut best = f64::INFINITY;
    for second in 0..rounds {
        let text = lines(second, &mut random);
        let ns = best_ns(1, count, || {
            for piece in text.chunks(READ_BYTES / 4) {
                buffer.read_area()[..piece.len()].copy_from_slice(piece);
                let at = Arrival {
                    now: Millis((START_S + second) as i64 * 1000),
                    stamp: Stamp(second + 1),
                };
                shard.take(&mut feed, &mut buffer, piece.len(), at);
            }
        });
        best = best.min(ns);
    }
    assert_eq!(shard.accepted(), rounds * u64::from(LINES));
    println!("kairos_telnet shard ns_per_line={best:.2}");
}
