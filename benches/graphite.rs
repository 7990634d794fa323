//! Lines to samples, and the searches it may be built on: CPU nanoseconds a line.
//!
//! `cargo bench --bench graphite`; with `--test` one quick look at each.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

mod common;

use std::hint::black_box;

use common::{START_S, best_ns, is_test, line};
use corelane::base::random::Random;
use corelane::base::time::Millis;
use corelane::model::sample::{Samples, TimeRule};
use corelane::simd::{Isa, Lanes, Scanner, Work, separators};
use corelane::wire::graphite::{Decoder, Options};

const LINES: u32 = 5_000;

struct Find<'a>(&'a [u8], &'a mut Vec<u32>);

impl Work for Find<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        separators::<L>(self.0, self.1);
    }
}

fn main() {
    let mut random = Random::new(1);
    let mut text = Vec::new();
    (0..LINES).for_each(|i| line(i, 0, &mut random, &mut text));
    let times = if is_test() { 1 } else { 2_000 };
    let count = LINES as usize;
    let show = |what: &str, ns: f64| println!("graphite {what} ns_per_line={ns:.2}");

    let mut positions = Vec::new();
    show(
        "memchr_newlines",
        best_ns(times, count, || {
            positions.clear();
            positions.extend(memchr::memchr_iter(b'\n', black_box(&text)));
        }),
    );
    show(
        "memchr_newlines_and_blanks",
        best_ns(times, count, || {
            positions.clear();
            positions.extend(memchr::memchr2_iter(b'\n', b' ', black_box(&text)));
        }),
    );
    for isa in Isa::available() {
        let scanner = Scanner::new(isa);
        let mut found = Vec::new();
        let ns = best_ns(times, count, || {
            scanner.run(Find(black_box(&text), &mut found))
        });
        assert_eq!(found.len(), 3 * count);
        show(&format!("separators isa={}", isa.label()), ns);
    }
    for isa in Isa::available() {
        let options = Options {
            line_bytes_max: 65_536,
            times: TimeRule::default(),
        };
        let mut decoder = Decoder::new(Scanner::new(isa), options);
        let mut samples = Samples::default();
        let now = Millis(START_S as i64 * 1000);
        let ns = best_ns(times, count, || {
            let (mut at, mut decoded) = (0, 0);
            loop {
                samples.clear();
                let taken = decoder.decode(black_box(&text[at..]), now, &mut samples);
                decoded += samples.len();
                at += taken;
                if taken == 0 {
                    break;
                }
            }
            assert_eq!(decoded, count);
        });
        show(&format!("decode isa={}", isa.label()), ns);
    }
}
