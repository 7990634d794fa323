//! carbon-c-relay: TCP, UDP, and a stop of corelane while the relay sends.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::Command;
use std::time::Duration;

use crate::harness::{
    Appliance, Point, Ports, Running, Scratch, check_points, free_port, wait_until,
};
use crate::tools::{connect, have, send_text};

/// A second some days before these tests were written.
const AT: i64 = 1_795_304_798;

struct Relay {
    process: Running,
    _folder: Scratch,
    port: u16,
}

/// `statistics_seconds`: how often the relay sends points of its own.
fn start_relay(destination: u16, protocol: &str, statistics_seconds: u32) -> Relay {
    let folder = Scratch::new("carbon-c-relay");
    let port = free_port();
    let config = format!(
        "cluster corelane forward 127.0.0.1:{destination} proto {protocol} ;
rewrite ^(.*)$ into APIKEY.\\1 ;
match * send to corelane stop ;
listen type linemode 127.0.0.1:{port} proto tcp ;
statistics submit every {statistics_seconds} seconds
  reset counters after interval prefix with carbon.relays.relayhost ;
"
    );
    let config = folder.write("relay.conf", &config);
    let mut command = Command::new("carbon-c-relay");
    command.arg("-f").arg(config);
    command.args(["-H", "relayhost", "-B", "4096", "-q", "25000", "-b", "2500"]);
    let process = Running::start("carbon-c-relay", folder.path(), &mut command);
    Relay {
        process,
        _folder: folder,
        port,
    }
}

fn check_relay(protocol: &str, door: impl Fn(&Ports) -> u16) {
    if !have("carbon-c-relay") {
        return;
    }
    let appliance = Appliance::start();
    let relay = start_relay(door(&appliance.ports), protocol, 1);
    let mut text = String::new();
    let mut points = Vec::new();
    for nth in 0..200_i64 {
        let name = format!("servers.web{:02}.cpu.load", nth % 50);
        let at = AT + nth / 50;
        text += &format!("{name} {nth}.5 {at}\n");
        points.push(Point::new(
            &format!("APIKEY.{name}"),
            at as f64,
            nth as f64 + 0.5,
        ));
    }
    // The relay passes on what it does not understand; one of these is malformed.
    text += &format!("disk.used;host=web01;dc=ams 93.2 {AT}\nneg.value -3e-7 {AT}\n");
    text += &format!("big.value 18446744073709551616 {AT}\nsci.value 1e+21 {AT}\n");
    text += &format!("bad name$ 1 {AT}\nafter.bad 2 {AT}\n");
    for (name, value) in [
        ("APIKEY.disk.used;dc=ams;host=web01", 93.2),
        ("APIKEY.neg.value", -3e-7),
        ("APIKEY.big.value", 18_446_744_073_709_551_616.0),
        ("APIKEY.sci.value", 1e21),
        ("APIKEY.after.bad", 2.0),
    ] {
        points.push(Point::new(name, AT as f64, value));
    }
    send_text(relay.port, &text);
    check_points(&appliance, &points);
    assert_eq!(
        appliance.refused("fields"),
        1,
        "a blank in a name is four fields"
    );
    wait_until(
        "metrics of the relay itself",
        Duration::from_secs(10),
        || {
            let names = appliance.names();
            let own = names.iter().any(|name| name.ends_with("metricsReceived"));
            if own {
                Ok(())
            } else {
                Err(format!("{names:?}"))
            }
        },
    );
    drop(relay);
    appliance.stop();
}

#[test]
fn carbon_c_relay_over_tcp() {
    check_relay("tcp", |ports| ports.graphite);
}

#[test]
fn carbon_c_relay_over_udp() {
    check_relay("udp", |ports| ports.graphite_udp);
}

/// Lines sent in the restart case, and the pause between two of them.
const RESTART_LINES: i64 = 3_000;
const RESTART_PAUSE: Duration = Duration::from_micros(700);

/// corelane is stopped and started again while the relay sends. The head is in memory, so the first
/// one's points go with it; what must hold is that it took every line that it had let the relay
/// send, and that the second one got the rest: no line between the last of the first and the first
/// of the second is missing.
///
/// The relay sends again what it could not write. To know that, it must meet a reset: after an
/// orderly end of its connection, its next write still succeeds, and that line is gone.
#[test]
fn a_stop_under_a_relay_loses_no_line() {
    if !have("carbon-c-relay") {
        return;
    }
    let first = Appliance::start();
    let ports = first.ports;
    let mut relay = start_relay(ports.graphite, "tcp", 3_600);
    let mut feed = connect(relay.port);
    let mut send = |lines: std::ops::Range<i64>| {
        for nth in lines {
            let line = format!("restart.line {nth} {}\n", AT + nth);
            feed.write_all(line.as_bytes())
                .expect("the relay takes lines");
            std::thread::sleep(RESTART_PAUSE);
        }
    };
    send(0..RESTART_LINES / 2);
    let stopper = std::thread::spawn(move || first.stop());
    send(RESTART_LINES / 2..RESTART_LINES);
    let log = stopper.join().expect("the first corelane stops in order");
    let second = Appliance::start_at(ports, &["--shards", "2"]);
    let taken = points_taken(&log);

    let target = ["APIKEY.restart.line".to_owned()];
    let mut got = BTreeSet::new();
    wait_until("last line of the feed", Duration::from_secs(20), || {
        let answers = second.render(&target, AT - 60, AT + RESTART_LINES + 60);
        got = answers
            .iter()
            .flat_map(|answer| answer.values().into_keys())
            .collect();
        let last = got.last().copied().unwrap_or_default();
        if last == AT + RESTART_LINES - 1 {
            Ok(())
        } else {
            Err(format!("last {last}"))
        }
    });
    let from = got.first().copied().unwrap_or_default() - AT;
    assert!(
        taken > 0 && from > 0,
        "the stop must fall into the feed: {taken} {from}"
    );
    assert!(from <= taken, "lines {taken}..{from} went to neither");
    let missing: Vec<i64> = (from..RESTART_LINES)
        .filter(|nth| !got.contains(&(AT + nth)))
        .collect();
    assert!(missing.is_empty(), "lost after the restart: {missing:?}");
    assert!(
        relay.process.ended().is_none(),
        "the relay must live through it"
    );
    drop(relay);
    second.stop();
}

/// How many points a corelane says, in its last words, that it has accepted.
#[track_caller]
fn points_taken(log: &str) -> i64 {
    let said = log.rsplit("stopped, after ").next().unwrap_or_default();
    let (digits, _) = said.split_once(" points").unwrap_or_default();
    let taken = digits.parse();
    taken.unwrap_or_else(|_| panic!("no `stopped, after N points` in its last words:\n{log}"))
}
