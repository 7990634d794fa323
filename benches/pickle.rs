//! The pickle decoder alone: CPU nanoseconds an item, for frames of 500 items.
//!
//! `cargo bench --bench pickle`; with `--test` one frame of each.

#![expect(clippy::print_stdout, reason = "a bench prints its result")]

use std::hint::black_box;
use std::time::Duration;

use corelane::base::random::Random;
use corelane::base::time::Millis;
use corelane::model::sample::Samples;
use corelane::wire::pickle::{Decoder, Options};

const ITEMS: usize = 500;
const FRAMES: usize = 64;
const NOW: Millis = Millis(1_700_000_100_000);

/// A payload being written as Python's pickler does it.
struct Payload {
    protocol: u8,
    bytes: Vec<u8>,
    memo_len: u32,
}

impl Payload {
    fn put(&mut self) {
        match (self.protocol, self.memo_len) {
            (4.., _) => self.bytes.push(0x94),
            (_, at @ 0..256) => self.bytes.extend([b'q', at as u8]),
            (_, at) => {
                self.bytes.push(b'r');
                self.bytes.extend(at.to_le_bytes());
            }
        }
        self.memo_len += 1;
    }

    fn item(&mut self, name: &str, value: f64) {
        if self.protocol >= 4 {
            self.bytes.extend([0x8c, name.len() as u8]);
        } else {
            self.bytes.push(b'X');
            self.bytes.extend((name.len() as u32).to_le_bytes());
        }
        self.bytes.extend(name.bytes());
        self.put();
        for number in [1_700_000_000.0, value] {
            self.bytes.push(b'G');
            self.bytes.extend(f64::to_be_bytes(number));
        }
        for _ in 0..2 {
            self.bytes.push(0x86);
            self.put();
        }
    }
}

fn payload(protocol: u8, random: &mut Random) -> Vec<u8> {
    let mut payload = Payload {
        protocol,
        bytes: vec![0x80, protocol],
        memo_len: 0,
    };
    if protocol >= 4 {
        payload.bytes.extend(b"\x95\x01\0\0\0\0\0\0\0");
    }
    payload.bytes.push(b']');
    payload.put();
    payload.bytes.push(b'(');
    for _ in 0..ITEMS {
        let (host, core) = (random.below(100_000), random.below(8));
        let kind = ["user", "system", "iowait"][random.below(3) as usize];
        let name = format!("dc1.h{host}.cpu.c{core}.{kind}");
        payload.item(&name, random.below(10_000) as f64 / 100.0);
    }
    payload.bytes.extend(b"e.");
    payload.bytes
}

fn cpu_time() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// Nanoseconds an item, the best of `rounds`.
fn measure(protocol: u8, rounds: usize, slowly: bool) -> f64 {
    let mut random = Random::new(7);
    let payloads: Vec<Vec<u8>> = (0..FRAMES)
        .map(|_| payload(protocol, &mut random))
        .collect();
    let mut decoder = Decoder::new(Options::default());
    let mut samples = Samples::default();
    let mut best = f64::INFINITY;
    for _ in 0..rounds {
        let start = cpu_time();
        for payload in &payloads {
            samples.clear();
            if slowly {
                decoder.decode_payload_slowly(payload, NOW, &mut samples);
            } else {
                decoder.decode_payload(payload, NOW, &mut samples);
            }
            assert_eq!(black_box(&samples).len(), ITEMS);
        }
        let spent = cpu_time() - start;
        best = best.min(spent.as_nanos() as f64 / (FRAMES * ITEMS) as f64);
    }
    assert_eq!(samples.refusals.total(), 0);
    best
}

fn main() {
    let rounds = if std::env::args().any(|flag| flag == "--test") {
        1
    } else {
        200
    };
    let [two, four] = [2, 4].map(|protocol| measure(protocol, rounds, false));
    let machine = measure(2, rounds.div_ceil(10), true);
    println!(
        "pickle, ns an item: protocol 2 {two:.1}, protocol 4 {four:.1}; by the machine {machine:.1}"
    );
}
