//! What captured clients sent, sent again: byte for byte, with their own cuts, with other cuts, and
//! one connection after the other. Also the single habits of clients that need no capture.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::path::Path;
use std::time::Duration;

use crate::harness::{ANSWER_WAIT, Appliance, Point, check_points, now_seconds, wait_until};
use crate::tools::{connect, send_datagrams, send_pieces, send_text};

/// One `.bin` with its `.points`, as the corpus' README describes.
struct Capture {
    /// Pieces of each connection.
    connections: Vec<Vec<Vec<u8>>>,
    points: Vec<Point>,
    /// Names of points that had no timestamp.
    at_arrival: Vec<(String, f64)>,
    refused: Vec<(String, u64)>,
}

fn load(name: &str) -> Capture {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/clients");
    let bytes = std::fs::read(folder.join(format!("{name}.bin"))).expect("a file of the corpus");
    let mut connections: Vec<Vec<Vec<u8>>> = Vec::new();
    let mut rest = bytes.as_slice();
    let number = |rest: &mut &[u8]| {
        let (four, after) = rest.split_first_chunk::<4>().expect("a whole number");
        *rest = after;
        u32::from_le_bytes(*four) as usize
    };
    while !rest.is_empty() {
        let connection = number(&mut rest);
        let length = number(&mut rest);
        let (piece, after) = rest.split_at(length);
        rest = after;
        connections.resize_with(connections.len().max(connection + 1), Vec::new);
        connections[connection].push(piece.to_vec());
    }
    let text = std::fs::read_to_string(folder.join(format!("{name}.points")));
    let mut capture = Capture {
        connections,
        points: Vec::new(),
        at_arrival: Vec::new(),
        refused: Vec::new(),
    };
    for line in text.expect("a file of the corpus").lines() {
        capture.read_line(line);
    }
    capture
}

impl Capture {
    fn read_line(&mut self, line: &str) {
        if let Some(refusal) = line.strip_prefix("# refused ") {
            let (reason, count) = refusal.split_once(' ').expect("a reason and a count");
            self.refused
                .push((reason.to_owned(), count.parse().expect("a count")));
            return;
        }
        let fields: Vec<&str> = line.split('\t').collect();
        let [name, at, value] = fields.as_slice() else {
            panic!("a line of the corpus has three fields: {line}")
        };
        let value = value.parse().expect("a value");
        match at.parse() {
            Ok(at) => self.points.push(Point::new(name, at, value)),
            Err(_) => self.at_arrival.push(((*name).to_owned(), value)),
        }
    }

    /// Check that the appliance holds this capture, `times` times over, and nothing else.
    #[track_caller]
    fn check(&self, appliance: &Appliance, since: i64, times: u64) {
        check_points(appliance, &self.points);
        for (name, value) in &self.at_arrival {
            let answers =
                appliance.render(std::slice::from_ref(name), since - 5, now_seconds() + 5);
            let values = answers
                .iter()
                .flat_map(|answer| answer.values())
                .collect::<Vec<_>>();
            let here = values
                .iter()
                .all(|(at, got)| *at >= since - 1 && got == value);
            assert!(
                here && !values.is_empty(),
                "{name} at its arrival: {values:?}"
            );
        }
        for (reason, count) in &self.refused {
            assert_eq!(
                appliance.refused(reason),
                count * times,
                "refused for {reason}"
            );
        }
        let refused: u64 = self.refused.iter().map(|(_, count)| count * times).sum();
        assert_eq!(
            appliance.refused_in_all(),
            refused,
            "nothing else is refused"
        );
        let sent = (self.points.len() + self.at_arrival.len()) as u64;
        assert_eq!(appliance.accepted(), sent * times, "points accepted");
        let mut names: Vec<&str> = self.points.iter().map(|point| &*point.name).collect();
        names.extend(self.at_arrival.iter().map(|(name, _)| &**name));
        names.retain(|name| !name.contains(';'));
        names.sort_unstable();
        names.dedup();
        let mut known = appliance.names();
        // Whether the index lists tagged series is no matter of clients.
        known.retain(|name| !name.contains(';'));
        assert_eq!(known.iter().map(String::as_str).collect::<Vec<_>>(), names);
    }
}

fn port_of(appliance: &Appliance, name: &str) -> u16 {
    match name.rsplit('.').next() {
        Some("pickle") => appliance.ports.pickle,
        Some("graphite_udp") => appliance.ports.graphite_udp,
        _ => appliance.ports.graphite,
    }
}

/// Send the capture with the client's own cuts, then again over fresh cuts chosen by `seed`: the
/// second time changes nothing but the counters (same series, same times, last arrival wins).
fn check(name: &str) {
    let capture = load(name);
    let appliance = Appliance::start();
    let port = port_of(&appliance, name);
    let since = now_seconds();
    let datagrams = name.ends_with("graphite_udp");
    for connection in &capture.connections {
        let pieces = connection.iter().map(Vec::as_slice);
        if datagrams {
            send_datagrams(port, pieces);
        } else {
            assert_eq!(
                send_pieces(port, pieces),
                b"",
                "a Graphite door never writes"
            );
        }
    }
    capture.check(&appliance, since, 1);
    if !datagrams {
        let seed = seed();
        eprintln!("SEED={seed} replays the cuts of {name}");
        let mut chance = Chance(seed);
        for connection in &capture.connections {
            let bytes = connection.concat();
            assert_eq!(send_pieces(port, chance.cut(&bytes)), b"", "SEED={seed}");
        }
        capture.check(&appliance, since, 2);
    }
    appliance.stop();
}

/// The seed of the cuts: `SEED` of the environment, or the clock.
fn seed() -> u64 {
    let given = std::env::var("SEED")
        .ok()
        .and_then(|text| text.parse().ok());
    given.unwrap_or_else(|| now_seconds().unsigned_abs())
}

/// A xorshift generator: enough chance for places to cut at.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or_default() % bound.max(1)
    }

    /// `bytes` in pieces of 1 to some hundred bytes; most cuts fall inside a line or a header.
    fn cut<'a>(&mut self, mut bytes: &'a [u8]) -> Vec<&'a [u8]> {
        let mut pieces = Vec::new();
        while !bytes.is_empty() {
            let longest = [3, 40, 700][self.below(3)];
            let (piece, rest) = bytes.split_at(bytes.len().min(1 + self.below(longest)));
            pieces.push(piece);
            bytes = rest;
        }
        pieces
    }
}

macro_rules! replays {
    ($($test:ident = $name:literal,)*) => { $( #[test] fn $test() { check($name); } )* };
}

replays! {
    aiographite_lines = "aiographite.graphite",
    aiographite_pickle_2 = "aiographite.pickle",
    carbon_c_relay_lines = "carbon-c-relay.graphite",
    carbon_c_relay_datagrams = "carbon-c-relay.graphite_udp",
    carbon_relay_lines = "carbon-relay.graphite",
    carbon_relay_pickle_2 = "carbon-relay.pickle",
    collectd_lines = "collectd.graphite",
    collectd_tagged_lines = "collectd-tagged.graphite",
    collectd_datagrams = "collectd.graphite_udp",
    dropwizard_lines = "dropwizard-graphite.graphite",
    dropwizard_pickle_0_of_strings = "dropwizard-pickle.pickle",
    dropwizard_datagrams = "dropwizard-udp.graphite_udp",
    graphite_npm_lines = "graphite-npm.graphite",
    graphite_udp_npm_datagrams = "graphite-udp-npm.graphite_udp",
    graphitepusher_pickle_1 = "graphitepusher.pickle",
    graphitesend_lines = "graphitesend.graphite",
    graphitesend_pickle_4_of_strings = "graphitesend.pickle",
    graphyte_lines = "graphyte.graphite",
    graphyte_datagrams = "graphyte.graphite_udp",
    pyformance_lines = "pyformance.graphite",
    pyformance_pickle_4 = "pyformance.pickle",
    statsd_lines = "statsd-graphite.graphite",
    statsd_pickle_0_of_strings = "statsd-graphite-pickle.pickle",
    stunnel_carbon_relay_lines = "stunnel-carbon-relay.graphite",
    stunnel_carbon_relay_pickles = "stunnel-carbon-relay.pickle",
}

/// A second some days before these tests were written.
const AT: i64 = 1_795_306_026;

/// gmetad of Ganglia: one connection a metric, and a NUL after the newline.
#[test]
fn gmetad_ends_each_connection_with_a_nul() {
    let appliance = Appliance::start();
    let mut points = Vec::new();
    for nth in 0..200_i64 {
        let name = format!("APIKEY.ganglia.web_cluster.localhost.metric{nth}");
        let line = format!("{name} {nth}.5 {AT}\n\0");
        let said = send_pieces(appliance.ports.graphite, [line.as_bytes()]);
        assert!(said.is_empty());
        points.push(Point::new(&name, AT as f64, nth as f64 + 0.5));
    }
    check_points(&appliance, &points);
    assert_eq!((appliance.accepted(), appliance.refused_in_all()), (200, 0));
    wait_for_no_connection(&appliance);
    appliance.stop();
}

/// The same with both metrics on one connection: the NUL then stands before the next name.
#[test]
fn a_nul_between_lines_belongs_to_neither() {
    let appliance = Appliance::start();
    send_text(
        appliance.ports.graphite,
        &format!("nul.a 1 {AT}\n\0nul.b 2 {AT}\n"),
    );
    let points = [
        Point::new("nul.a", AT as f64, 1.0),
        Point::new("nul.b", AT as f64, 2.0),
    ];
    check_points(&appliance, &points);
    assert_eq!(appliance.refused_in_all(), 0);
    appliance.stop();
}

/// Spark's GraphiteSink, as every Java BufferedWriter: writes of 8,192 bytes, cut inside a line.
#[test]
fn writes_of_8192_bytes_cut_inside_a_line() {
    let appliance = Appliance::start();
    let mut text = String::new();
    let mut points = Vec::new();
    for nth in 0..330_i64 {
        let name = format!("APIKEY.app-1.driver.jvm.pools.G1-Survivor-Space.metric{nth}.max");
        text += &format!("{name} {nth} {AT}\n");
        points.push(Point::new(&name, AT as f64, nth as f64));
    }
    let mut stream = connect(appliance.ports.graphite);
    for piece in text.as_bytes().chunks(8_192) {
        stream.write_all(piece).expect("the door is open");
        std::thread::sleep(Duration::from_millis(30));
    }
    check_points(&appliance, &points);
    drop(stream);
    assert_eq!(appliance.refused_in_all(), 0);
    appliance.stop();
}

/// potsdb, opentsdb-py and glances look whether a port is open before they use it.
#[test]
fn probes_that_send_nothing_are_no_error() {
    let appliance = Appliance::start();
    let quiet = appliance.log();
    for _ in 0..50 {
        drop(connect(appliance.ports.graphite));
        drop(connect(appliance.ports.pickle));
    }
    send_text(appliance.ports.graphite, &format!("after.probes 1 {AT}\n"));
    check_points(&appliance, &[Point::new("after.probes", AT as f64, 1.0)]);
    wait_for_no_connection(&appliance);
    assert_eq!(appliance.refused_in_all(), 0);
    let log = appliance.log();
    let new = log.strip_prefix(&*quiet).unwrap_or(&log).to_owned();
    assert!(!new.contains("WARN") && !new.contains("ERROR"), "{new}");
    appliance.stop();
}

/// Telegraf reads its socket before each flush: whatever came back would be an error to it.
#[test]
fn graphite_doors_never_write() {
    let appliance = Appliance::start();
    let lines = format!("quiet.line 1 {AT}\nnonsense\n\nquiet.line 2 x\n");
    let frame: &[u8] = b"\0\0\0\x06nonsen";
    for (port, bytes) in [
        (appliance.ports.graphite, lines.as_bytes()),
        (appliance.ports.pickle, frame),
    ] {
        let mut stream = connect(port);
        stream.write_all(bytes).expect("the door is open");
        stream
            .set_read_timeout(Some(Duration::from_millis(700)))
            .expect("a time above zero");
        let read = stream.read(&mut [0; 64]);
        let silent = matches!(&read, Err(error) if error.kind() == ErrorKind::WouldBlock);
        assert!(
            silent,
            "port {port} must stay open and say nothing: {read:?}"
        );
        stream.shutdown(Shutdown::Write).expect("the door is open");
        stream
            .set_read_timeout(Some(Duration::from_secs(15)))
            .expect("a time above zero");
        let end = stream.read(&mut [0; 64]);
        assert!(
            matches!(end, Ok(0)),
            "port {port} must end in silence: {end:?}"
        );
    }
    check_points(&appliance, &[Point::new("quiet.line", AT as f64, 1.0)]);
    assert_eq!(
        appliance.refused("fields"),
        2,
        "one word, and an empty line"
    );
    assert_eq!(appliance.refused("timestamp"), 1);
    assert_eq!(appliance.refused("pickle"), 1);
    appliance.stop();
}

/// A relay that lost its connection sends its last batch again, maybe with newer values.
#[test]
fn what_is_sent_twice_is_there_once() {
    let appliance = Appliance::start();
    let mut points = Vec::new();
    for round in [0.0, 0.5] {
        let mut text = String::new();
        for nth in 0..100_i64 {
            let value = nth as f64 + round;
            text += &format!("again.{} {value} {}\n", nth % 10, AT + nth / 10);
            points.push(Point::new(
                &format!("again.{}", nth % 10),
                (AT + nth / 10) as f64,
                value,
            ));
        }
        send_text(appliance.ports.graphite, &text);
        check_points(&appliance, &points);
    }
    assert_eq!(appliance.accepted(), 200);
    appliance.stop();
}

/// The last line of a datagram needs no newline, unlike that of a connection.
#[test]
fn the_end_of_a_datagram_ends_its_line() {
    let appliance = Appliance::start();
    let first = format!("udp.a 1 {AT}\nudp.b 2 {AT}\r\nudp.c 3 {AT}");
    let second = format!("udp.d 4 {AT}");
    send_datagrams(
        appliance.ports.graphite_udp,
        [first.as_bytes(), second.as_bytes()],
    );
    let points = [("a", 1.0), ("b", 2.0), ("c", 3.0), ("d", 4.0)];
    let points = points.map(|(name, value)| Point::new(&format!("udp.{name}"), AT as f64, value));
    check_points(&appliance, &points);
    assert_eq!((appliance.accepted(), appliance.refused_in_all()), (4, 0));
    appliance.stop();
}

#[track_caller]
fn wait_for_no_connection(appliance: &Appliance) {
    wait_until("end of all connections", ANSWER_WAIT, || {
        let doors = ["graphite", "pickle"];
        let open = doors.map(|door| {
            let label = format!("protocol=\"{door}\"");
            appliance.counter("corelane_connections", &[&label])
        });
        if open == [0, 0] {
            Ok(())
        } else {
            Err(format!("open at {doors:?}: {open:?}"))
        }
    });
}
