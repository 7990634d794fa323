//! Thirty-nine lines at the edges of the plaintext protocol, over TCP and in one datagram.
//!
//! carbon-cache and VictoriaMetrics disagree about a third of them. Ours is the union of what
//! either stores, but for text in numbers, infinities, timestamps out of bounds and broken tags.

use std::path::Path;

use crate::harness::{Appliance, Point, check_points, now_seconds, percent_encoded};
use crate::tools::{send_datagrams, send_pieces};

/// The timestamp of the lines that have one.
const AT: f64 = 1_795_307_237.0;

fn lines() -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/edge-lines.txt");
    std::fs::read(path).expect("a file of the corpus")
}

/// What is stored of them, at either door.
fn stored() -> Vec<Point> {
    [
        ("edge.crlf", AT, 1.0),
        ("edge.float.ts", AT + 0.75, 4.0),
        ("edge.exp", AT, 1_000.0),
        ("edge.plus", AT, 5.0),
        ("edge.tab", AT, 6.0),
        ("edge.dd", AT, 7.0),
        ("edge.lead", AT, 8.0),
        ("edge.trail", AT, 9.0),
        ("edge.ws", AT, 10.0),
        ("edge.tag;a=b;c=d", AT, 12.0),
        ("edge.tag2;a=b;c=d", AT, 13.0),
        ("edge.utf8.\u{e9}t\u{e9}", AT, 17.0),
        ("edge.slash/x", AT, 19.0),
        ("edge.star*", AT, 20.0),
        ("edge.brace{a}", AT, 21.0),
        ("edge.colon:x", AT, 22.0),
        ("edge.leadnul", AT, 24.0),
        ("edge.lf.only", AT, 29.0),
    ]
    .map(|(name, at, value)| Point::new(name, at, value))
    .to_vec()
}

/// Stored at the time they arrived: no timestamp, and -1.
const AT_ARRIVAL: [(&str, f64); 2] = [("edge.nots", 2.0), ("edge.minus1", 3.0)];

/// What is refused at either door, by reason.
const REFUSED: [(&str, u64); 8] = [
    ("nan", 2),    // nan, NaN
    ("value", 5),  // inf, -inf, 0x10, 1_000, 1e400
    ("fields", 4), // a fourth field, a blank in a name, garbage, an empty line
    ("tag", 2),    // ;a and ;a=
    ("name_nul", 1),
    ("timestamp", 1),     // N
    ("too_far_ahead", 2), // milliseconds, the year 5138
    ("too_old", 1),       // 0
];

#[track_caller]
fn check(appliance: &Appliance, since: i64, points: &[Point], cut: u64) {
    check_points(appliance, points);
    for (name, value) in AT_ARRIVAL {
        let answers = appliance.render(&[name.to_owned()], since - 5, now_seconds() + 5);
        let values = answers
            .iter()
            .flat_map(|answer| answer.values())
            .collect::<Vec<_>>();
        let [(at, got)] = values.as_slice() else {
            panic!("{name} must have one point: {values:?}")
        };
        let seconds = since - 1..=now_seconds() + 1;
        assert!(
            seconds.contains(at) && *got == value,
            "{name}: {got} at {at}"
        );
    }
    for (reason, count) in REFUSED {
        assert_eq!(appliance.refused(reason), count, "refused for {reason}");
    }
    assert_eq!(appliance.refused("line_cut"), cut);
    let refused: u64 = REFUSED.iter().map(|(_, count)| count).sum();
    assert_eq!(appliance.refused_in_all(), refused + cut);
    assert_eq!(
        appliance.accepted() as usize,
        points.len() + AT_ARRIVAL.len()
    );
}

#[test]
fn edge_lines_over_tcp() {
    let appliance = Appliance::start();
    let since = now_seconds();
    let said = send_pieces(appliance.ports.graphite, [lines().as_slice()]);
    assert!(said.is_empty());
    // The last line has no newline; a connection's is dropped and counted.
    check(&appliance, since, &stored(), 1);
    appliance.stop();
}

#[test]
fn edge_lines_byte_by_byte() {
    let appliance = Appliance::start();
    let since = now_seconds();
    let bytes = lines();
    let said = send_pieces(appliance.ports.graphite, bytes.chunks(1));
    assert!(said.is_empty());
    check(&appliance, since, &stored(), 1);
    appliance.stop();
}

#[test]
fn edge_lines_in_a_datagram() {
    let appliance = Appliance::start();
    let since = now_seconds();
    send_datagrams(appliance.ports.graphite_udp, [lines().as_slice()]);
    let mut points = stored();
    points.push(Point::new("edge.unterminated", AT, 30.0));
    check(&appliance, since, &points, 0);
    appliance.stop();
}

/// carbon drops the connection here and loses what follows. Ours refuses the line alone.
#[test]
fn a_line_that_is_not_utf8_costs_only_itself() {
    let appliance = Appliance::start();
    let mut bytes = format!("utf8.before 1 {AT}\n").into_bytes();
    bytes.extend_from_slice(b"utf8.\xff\xfe 2 1795307237\n");
    bytes.extend_from_slice(format!("utf8.after 3 {AT}\n").as_bytes());
    assert!(send_pieces(appliance.ports.graphite, [bytes.as_slice()]).is_empty());
    let points = [
        Point::new("utf8.before", AT, 1.0),
        Point::new("utf8.after", AT, 3.0),
    ];
    check_points(&appliance, &points);
    assert_eq!(
        (appliance.accepted(), appliance.refused("name_utf8")),
        (2, 1)
    );
    appliance.stop();
}

/// Names that relays and icinga2 make for themselves can be asked for by name.
#[test]
fn odd_names_are_found_as_they_are() {
    let appliance = Appliance::start();
    let names = [
        "carbon.relays.web-a.destinations.127_0_0_1:2003:None.sent",
        "icinga.host.disk_/var",
        "APIKEY.cost$",
        "edge.\u{e9}t\u{e9}",
    ];
    let text: String = names
        .iter()
        .map(|name| format!("{name} 7 {AT}\n"))
        .collect();
    assert!(send_pieces(appliance.ports.graphite, [text.as_bytes()]).is_empty());
    let points = names.map(|name| Point::new(name, AT, 7.0));
    check_points(&appliance, &points);
    for name in names {
        let path = format!(
            "/metrics/find?format=completer&query={}",
            percent_encoded(name)
        );
        let body = appliance.get(&path);
        let answer: serde_json::Value = serde_json::from_str(&body).expect("the completer is JSON");
        let found = answer["metrics"][0]["path"].as_str();
        assert_eq!(found, Some(name), "{path}: {body}");
    }
    appliance.stop();
}
