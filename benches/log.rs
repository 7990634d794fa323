//! Points into the log and back: CPU nanoseconds and bytes a point.
//!
//! `cargo bench --bench log`; with `--test` a small round of each. The disk is not part of it: writes
//! are taken and forgotten.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

mod common;

use std::time::Duration;

use common::{START_S, best_ns, is_test};
use corelane::base::random::Random;
use corelane::model::number::Number;
use corelane::seam::disk::{Jobs, Outcome, Request};
use corelane::store::log::{Batch, Columns, Options, Point, Start, Writer};
use corelane::store::token::{self, Last, Token};

/// Values as the load generator has them: a fifth constant, a third counters, the rest decimals.
fn number(i: u32, second: u64, random: &mut Random) -> Number {
    match i % 10 {
        0 | 1 => Number::decimal(i64::from(i % 100), 0),
        2..=4 => Number::decimal(i64::from(i) % 1000 + second as i64 * 7 % 100_000, 0),
        5..=7 => {
            let step = 4900 + random.below(200) as i64 - 100;
            Number::decimal(50_000 + i64::from(i) + step, 2)
        }
        _ => Number::decimal(random.below(100_000_000) as i64, 6),
    }
}

/// Rounds of all series, each with its token, in the order of the senders.
fn points(series: u32, rounds: u64, is_shuffled: bool) -> Vec<(u32, i64, Token)> {
    let mut random = Random::new(1);
    let mut order: Vec<u32> = (0..series).collect();
    let mut lasts = vec![Last::default(); series as usize];
    let mut points = Vec::with_capacity(series as usize * rounds as usize);
    for round in 0..rounds {
        if is_shuffled {
            random.shuffle(&mut order);
        }
        for &i in &order {
            let number = number(i, round, &mut random);
            let token = Token::new(&mut lasts[i as usize], number);
            points.push((i, ((START_S + round) * 1000) as i64, token));
        }
    }
    points
}

/// Points through a writer, with commits of 1 MiB. Bytes that would have been written.
fn write(points: &[(u32, i64, Token)]) -> u64 {
    let mut writer = Writer::new(Options::new(0, 0), &Start::default(), 1, 0);
    let mut jobs = Jobs::default();
    for (read, points) in points.chunks(1500).enumerate() {
        writer.begin_read(read as u64 * 100);
        for (number, time_ms, token) in points {
            writer.push(*number, *time_ms, token);
        }
        writer.poll(Duration::ZERO, &mut jobs.desk(1));
        while let Some((job, request)) = jobs.take() {
            let is_commit = matches!(request, Request::Commit { .. });
            assert!(writer.done(job, Ok(Outcome::Done)));
            if is_commit {
                writer.poll(Duration::ZERO, &mut jobs.desk(1));
            }
        }
    }
    writer.ticket();
    for _ in 0..4 {
        writer.poll(Duration::ZERO, &mut jobs.desk(1));
        while let Some((job, _)) = jobs.take() {
            assert!(writer.done(job, Ok(Outcome::Done)));
        }
    }
    assert_eq!(writer.unwritten_bytes(), 0);
    writer.counters().bytes_written
}

/// Payloads of one block each.
fn payloads(points: &[(u32, i64, Token)]) -> Vec<Vec<u8>> {
    let (mut batch, mut payloads) = (Batch::default(), Vec::new());
    for (number, time_ms, token) in points {
        if batch.is_full() {
            payloads.push(Vec::new());
            batch.close(payloads.last_mut().expect("one"));
        }
        batch.push(*number, *time_ms, token);
    }
    payloads.push(Vec::new());
    batch.close(payloads.last_mut().expect("one"));
    payloads
}

fn main() {
    let cases: &[(u32, u64, bool)] = if is_test() {
        &[(200, 20, false), (200, 20, true)]
    } else {
        &[
            (10_000, 300, false),
            (10_000, 300, true),
            (1_000_000, 3, false),
            (1_000_000, 3, true),
        ]
    };
    for &(series, rounds, is_shuffled) in cases {
        let points = points(series, rounds, is_shuffled);
        let token_bytes: usize = points.iter().map(|(_, _, token)| token.len()).sum();
        let mut bytes = 0;
        let write_ns = best_ns(5, points.len(), || bytes = write(&points));
        let payloads = payloads(&points);
        let mut lasts = vec![Last::default(); series as usize];
        let mut sum = 0.0;
        let read_ns = best_ns(5, points.len(), || {
            lasts.fill(Last::default());
            let mut count = 0;
            for payload in &payloads {
                let columns = Columns::open(payload, 0).expect("columns");
                let visit = |point: Point, values: &[u8]| {
                    let (number, len) = token::take(values, &mut lasts[point.number as usize])?;
                    sum += number.to_f64();
                    Some(len)
                };
                count += columns.for_each(visit).expect("points");
            }
            assert_eq!(count as usize, points.len());
        });
        let order = if is_shuffled { "shuffled" } else { "in_order" };
        println!(
            "log series={series} order={order} ns_per_point={write_ns:.2} bytes_per_point={:.3} \
             token_bytes_per_point={:.3} replay_million_points_per_s={:.1}",
            bytes as f64 / points.len() as f64,
            token_bytes as f64 / points.len() as f64,
            1000.0 / read_ns
        );
        assert!(sum.is_finite());
    }
}
