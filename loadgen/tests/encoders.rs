//! The patched buffers against their slow twins, and pickle against readers that others wrote.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::sync::Arc;

use loadgen::wire::graphite::Plaintext;
use loadgen::wire::json::{self, Dialect, Form, Requests};
use loadgen::wire::naive::{self, Point};
use loadgen::wire::pickle::Pickle;
use loadgen::wire::telnet::Telnet;
use loadgen::wire::{Encoder, Grouping, Order, Sheet};
use loadgen::workload::{Naming, Parameters, Workload};
use proptest::prelude::*;

/// Everything one sheet writes in the given rounds, one entry per round.
fn rounds_of<E: Encoder>(
    encoder: E,
    workload: &Workload,
    grouping: Grouping,
    order: Order,
    rounds: u64,
) -> Vec<Vec<u8>> {
    let places = 0..workload.parameters().series;
    let mut sheet = Sheet::new(encoder, Arc::new(workload.clone()), places, grouping, order);
    (0..rounds)
        .map(|round| {
            sheet.turn_to(round);
            let messages = sheet.messages();
            assert_eq!(messages.last().unwrap().end, sheet.bytes().len());
            assert_eq!(
                messages
                    .iter()
                    .map(|message| u64::from(message.items))
                    .sum::<u64>(),
                sheet.points()
            );
            assert!(
                messages
                    .iter()
                    .all(|message| message.items as usize <= grouping.items_max)
            );
            sheet.bytes().to_vec()
        })
        .collect()
}

/// The points of every round in the order of places, from the workload's own account of each life
/// of a place.
fn points_of(workload: &Workload, rounds: u64) -> Vec<Vec<Point>> {
    let mut table = vec![Vec::new(); rounds as usize];
    for place in 0..workload.parameters().series {
        for (generation, lived) in workload.lives(place, rounds) {
            let name = workload.name(place, generation);
            for (round, (timestamp_s, value)) in
                lived.clone().zip(workload.points(place, generation, lived))
            {
                table[round as usize].push(Point {
                    name: name.clone(),
                    timestamp_s,
                    value,
                });
            }
        }
    }
    table
}

fn workloads() -> impl Strategy<Value = Workload> {
    let shares = (
        prop_oneof![Just(0_u32), 1..10_000_u32],
        prop_oneof![Just(0_u32), 1..10_000_u32],
    );
    (1..80_u64, any::<u64>(), any::<bool>(), shares, 1..90_u64).prop_map(
        |(series, seed, tagged, (churn_share, late_share), step_s)| {
            let naming = Naming {
                prefix: if seed % 2 == 0 {
                    "run".into()
                } else {
                    String::new()
                },
                tagged,
                more_tags: 0,
            };
            let parameters = Parameters {
                series,
                seed,
                naming,
                churn_share,
                late_share,
                step_s,
                ..Parameters::default()
            };
            Workload::new(parameters).unwrap()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn patched_lines_equal_written_lines(workload in workloads(), items_max in 1..50_usize) {
        let grouping = Grouping { items_max, bytes_max: usize::MAX };
        let got = rounds_of(Plaintext, &workload, grouping, Order::Stable, 20);
        for (got, points) in got.iter().zip(points_of(&workload, 20)) {
            let want = naive::plaintext(&points);
            prop_assert_eq!(String::from_utf8_lossy(got), String::from_utf8_lossy(&want));
        }
    }

    #[test]
    fn a_sheet_may_begin_behind_any_round(
        workload in workloads(), items_max in 1..50_usize, first in 0..20_u64, shuffled: bool,
    ) {
        let grouping = Grouping { items_max, bytes_max: usize::MAX };
        let order = if shuffled { Order::Shuffled } else { Order::Stable };
        let all = rounds_of(Plaintext, &workload, grouping, order, 22);
        let places = 0..workload.parameters().series;
        let mut sheet = Sheet::new(Plaintext, Arc::new(workload), places, grouping, order);
        sheet.begin_at(first);
        prop_assert_eq!(sheet.bytes(), &all[first as usize]);
        sheet.turn_to(first + 1);
        prop_assert_eq!(sheet.bytes(), &all[first as usize + 1]);
    }

    #[test]
    fn patched_frames_equal_written_frames(workload in workloads(), items_max in 1..50_usize) {
        let grouping = Grouping { items_max, bytes_max: usize::MAX };
        let got = rounds_of(Pickle, &workload, grouping, Order::Stable, 20);
        for (got, points) in got.iter().zip(points_of(&workload, 20)) {
            prop_assert_eq!(got, &naive::pickle(&points, items_max));
        }
    }

    #[test]
    fn patched_requests_equal_written_requests(workload in workloads(), batch in 1..50_usize) {
        let mut parameters = workload.parameters().clone();
        parameters.naming.tagged = true;
        let workload = Workload::new(parameters).unwrap();
        let grouping = Grouping { items_max: batch, bytes_max: usize::MAX };
        for (dialect, form) in [
            (Dialect::Kairos, Form::default()),
            (Dialect::Kairos, Form { typed: true, ttl_seconds: 300, gzip: false }),
            (Dialect::OpenTsdb, Form::default()),
        ] {
            let encoder = Requests::with(form, dialect, "here:80");
            let got = rounds_of(encoder, &workload, grouping, Order::Stable, 12);
            for (got, points) in got.iter().zip(points_of(&workload, 12)) {
                let want = naive::requests(&points, form, dialect, "here:80", batch);
                prop_assert_eq!(String::from_utf8_lossy(got), String::from_utf8_lossy(&want));
            }
        }
    }

    #[test]
    fn patched_telnet_lines_equal_written_lines(
        workload in workloads(), items_max in 1..50_usize, millis: bool, ttl_seconds in 0..3_u32,
    ) {
        let grouping = Grouping { items_max, bytes_max: usize::MAX };
        let telnet = Telnet { millis, ttl_seconds };
        let got = rounds_of(telnet, &workload, grouping, Order::Stable, 12);
        for (got, points) in got.iter().zip(points_of(&workload, 12)) {
            let want = naive::telnet(&points, telnet);
            prop_assert_eq!(String::from_utf8_lossy(got), String::from_utf8_lossy(&want));
        }
    }

    #[test]
    fn a_shuffled_round_holds_the_same_lines(workload in workloads()) {
        let grouping = Grouping { items_max: usize::MAX, bytes_max: 300 };
        let got = rounds_of(Plaintext, &workload, grouping, Order::Shuffled, 20);
        for (got, points) in got.iter().zip(points_of(&workload, 20)) {
            let want = naive::plaintext(&points);
            let sorted = |bytes: &[u8]| {
                let text = String::from_utf8_lossy(bytes);
                let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
                lines.sort();
                lines
            };
            prop_assert_eq!(sorted(got), sorted(&want));
        }
    }
}

fn fifty() -> Workload {
    Workload::new(Parameters {
        series: 50,
        late_share: 2_000,
        ..Parameters::default()
    })
    .unwrap()
}

#[test]
fn a_packed_request_unpacks_to_the_same_body() {
    let encoder = Requests::new(Dialect::Kairos, "here:80");
    let grouping = Grouping {
        items_max: 50,
        bytes_max: usize::MAX,
    };
    let round = &rounds_of(encoder, &fifty(), grouping, Order::Stable, 1)[0];
    let packed = json::packed(round).unwrap();
    let end = |bytes: &[u8]| {
        bytes
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .unwrap()
            + 4
    };
    let (head, body) = packed.split_at(end(&packed));
    let head = String::from_utf8_lossy(head);
    assert!(head.contains("Content-Encoding: gzip\r\n"), "{head}");
    assert!(
        head.ends_with(&format!("Content-Length: {}\r\n\r\n", body.len())),
        "{head}"
    );
    let mut bare = Vec::new();
    flate2::read::GzDecoder::new(body)
        .read_to_end(&mut bare)
        .unwrap();
    assert_eq!(bare, &round[end(round)..]);
}

#[test]
fn a_shuffled_request_is_json_with_all_its_points() {
    let mut parameters = fifty().parameters().clone();
    parameters.naming.tagged = true;
    let workload = Workload::new(parameters).unwrap();
    let grouping = Grouping {
        items_max: 20,
        bytes_max: usize::MAX,
    };
    let encoder = Requests::new(Dialect::Kairos, "here:80");
    let rounds = rounds_of(encoder, &workload, grouping, Order::Shuffled, 3);
    for (round, points) in rounds.iter().zip(points_of(&workload, 3)) {
        let text = String::from_utf8_lossy(round);
        let mut got = Vec::new();
        for request in text.split("POST ").skip(1) {
            let (head, body) = request.split_once("\r\n\r\n").unwrap();
            assert!(
                head.ends_with(&format!("Content-Length: {}", body.len())),
                "{head}"
            );
            let objects: Vec<serde_json::Value> = serde_json::from_str(body).unwrap();
            got.extend(objects.iter().map(|point| {
                let tags = &point["tags"];
                format!(
                    "{};core={};host={} {} {}",
                    point["name"].as_str().unwrap(),
                    tags["core"].as_str().unwrap(),
                    tags["host"].as_str().unwrap(),
                    point["value"],
                    point["timestamp"]
                )
            }));
        }
        let mut want: Vec<String> = points
            .iter()
            .map(|point| {
                // As JSON writes a number: without zeros at its end.
                let value: serde_json::Value =
                    serde_json::from_str(&point.value.to_string()).unwrap();
                format!("{} {value} {}000", point.name, point.timestamp_s)
            })
            .collect();
        got.sort();
        want.sort();
        assert_eq!(got, want);
    }
}

#[test]
fn two_shuffled_rounds_have_two_orders() {
    let grouping = Grouping {
        items_max: usize::MAX,
        bytes_max: usize::MAX,
    };
    let names = |bytes: &[u8]| -> Vec<String> {
        String::from_utf8_lossy(bytes)
            .lines()
            .map(|line| line.split(' ').next().unwrap().to_owned())
            .collect()
    };
    let rounds = rounds_of(Plaintext, &fifty(), grouping, Order::Shuffled, 2);
    assert_ne!(names(&rounds[0]), names(&rounds[1]));
    let rounds = rounds_of(Plaintext, &fifty(), grouping, Order::Stable, 2);
    assert_eq!(names(&rounds[0]), names(&rounds[1]));
}

#[test]
fn datagrams_hold_whole_lines_up_to_their_limit() {
    let workload = fifty();
    let grouping = Grouping {
        items_max: usize::MAX,
        bytes_max: 400,
    };
    let mut sheet = Sheet::new(
        Plaintext,
        Arc::new(workload),
        0..50,
        grouping,
        Order::Stable,
    );
    sheet.turn_to(0);
    let mut start = 0;
    for message in sheet.messages() {
        let datagram = &sheet.bytes()[start..message.end];
        assert!(
            datagram.len() <= 400 && 300 < datagram.len() || message.end == sheet.bytes().len()
        );
        assert_eq!(datagram.last(), Some(&b'\n'));
        assert_eq!(
            datagram.iter().filter(|&&byte| byte == b'\n').count(),
            message.items as usize
        );
        start = message.end;
    }
}

type Item = (String, (f64, f64));

/// Splits a stream into the payloads of its frames.
fn payloads(mut stream: &[u8]) -> Vec<&[u8]> {
    let mut payloads = Vec::new();
    while let Some((length, rest)) = stream.split_first_chunk::<4>() {
        let (payload, rest) = rest.split_at(u32::from_be_bytes(*length) as usize);
        payloads.push(payload);
        stream = rest;
    }
    assert!(stream.is_empty());
    payloads
}

fn items_wanted(points: &[Point]) -> Vec<Item> {
    points
        .iter()
        .map(|point| {
            (
                point.name.clone(),
                (point.timestamp_s as f64, point.value.as_f64()),
            )
        })
        .collect()
}

#[test]
fn serde_pickle_reads_every_frame() {
    let workload = fifty();
    for order in [Order::Stable, Order::Shuffled] {
        let grouping = Grouping {
            items_max: 20,
            bytes_max: usize::MAX,
        };
        let rounds = rounds_of(Pickle, &workload, grouping, order, 3);
        for (bytes, points) in rounds.iter().zip(points_of(&workload, 3)) {
            let frames = payloads(bytes);
            assert_eq!(frames.len(), 3);
            let got: HashMap<String, (f64, f64)> = frames
                .into_iter()
                .flat_map(|frame| {
                    serde_pickle::from_slice::<Vec<Item>>(frame, serde_pickle::DeOptions::new())
                        .unwrap()
                })
                .collect();
            assert_eq!(got, items_wanted(&points).into_iter().collect());
        }
    }
}

/// Reads one frame from standard input and prints its items exactly, one a line.
const PYTHON_READER: &str = "import pickle,sys\n\
    for name,(timestamp,value) in pickle.loads(sys.stdin.buffer.read()):\n  \
    print(name, int(timestamp), value.hex())";

#[test]
fn python_reads_a_frame() {
    let present = Command::new("python3")
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success());
    if !present {
        eprintln!("SKIPPED: python3 is not here, so its pickle module could not read our frames");
        return;
    }
    let workload = fifty();
    let grouping = Grouping {
        items_max: 500,
        bytes_max: usize::MAX,
    };
    let rounds = rounds_of(Pickle, &workload, grouping, Order::Stable, 2);
    let mut python = Command::new("python3")
        .args(["-c", PYTHON_READER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    python
        .stdin
        .take()
        .unwrap()
        .write_all(payloads(&rounds[1])[0])
        .unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success());
    let got = String::from_utf8(output.stdout).unwrap();
    let points = &points_of(&workload, 2)[1];
    assert_eq!(got.lines().count(), points.len());
    for (line, point) in got.lines().zip(points) {
        let fields: Vec<&str> = line.split(' ').collect();
        assert_eq!(fields[0], point.name);
        assert_eq!(fields[1], point.timestamp_s.to_string());
        assert_eq!(hexadecimal(fields[2]), point.value.as_f64(), "{line}");
    }
}

/// A float as Python's `hex` writes it, for example `0x1.8p+3`; all of ours are 1 or more.
fn hexadecimal(text: &str) -> f64 {
    let (mantissa, exponent) = text.strip_prefix("0x1.").unwrap().split_once('p').unwrap();
    let bits = u64::from_str_radix(mantissa, 16).unwrap() << (52 - 4 * mantissa.len());
    let exponent = exponent.parse::<i64>().unwrap() + 1023;
    f64::from_bits(((exponent as u64) << 52) | bits)
}
