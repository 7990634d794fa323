//! What comes in by the doors arrives: once, all of it, whatever the others do.

use std::io::{Read, Write};
use std::net::UdpSocket;
use std::time::Duration;

use corelane::model::refusal::Protocol;
use corelane::rt::Options;

use crate::rig::{Rig, options, scratch, start_on};

#[test]
fn lines_over_tcp_and_udp_are_read_back() {
    let rig = Rig::start(options("127.0.0.1"));
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("a clock")
        .as_secs();
    let mut tcp = rig.connect(Protocol::Graphite);
    // In pieces: a line may be split anywhere.
    for piece in [
        "web.load 0.".to_owned(),
        format!("25 {now}\r\nweb.other 1 "),
        format!("{now}\n"),
    ] {
        tcp.write_all(piece.as_bytes()).expect("sent");
        std::thread::sleep(Duration::from_millis(20));
    }
    let udp = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let datagram = format!("web.gram 7 {now}");
    udp.send_to(datagram.as_bytes(), rig.door(Protocol::GraphiteUdp))
        .expect("sent");
    rig.until_accepted(Protocol::Graphite, 2);
    rig.until_accepted(Protocol::GraphiteUdp, 1);
    let names = rig.get("/metrics/index.json");
    for name in ["web.load", "web.other", "web.gram"] {
        assert!(names.contains(&format!("\"{name}\"")), "{name} in {names}");
    }
    rig.stop();
}

#[test]
fn a_report_per_connection_arrives_whole() {
    let rig = Rig::start(options("127.0.0.1"));
    let report: String = (0..300)
        .map(|i| format!("host.metric{i} {i} -1\n"))
        .collect();
    for _ in 0..200 {
        rig.connect(Protocol::Graphite)
            .write_all(report.as_bytes())
            .expect("sent");
    }
    rig.until_accepted(Protocol::Graphite, 200 * 300);
    rig.until("all connections are closed", |rig| {
        rig.counter("corelane_connections", "\"graphite\"")
            .iter()
            .sum::<u64>()
            == 0
    });
}

#[test]
fn a_connection_too_many_is_closed_and_counted() {
    let rig = Rig::start(Options {
        shards: Some(1),
        connections_max: 3,
        ..options("127.0.0.1")
    });
    let mut kept: Vec<_> = (0..3).map(|_| rig.connect(Protocol::Graphite)).collect();
    rig.until("three are open", |rig| {
        rig.counter("corelane_connections", "\"graphite\"") == [3]
    });
    let mut fourth = rig.connect(Protocol::Graphite);
    let told = fourth.read(&mut [0; 1]);
    assert!(
        matches!(told, Ok(0) | Err(_)),
        "nothing is ever written to it: {told:?}"
    );
    kept[0].write_all(b"a 1 -1\n").expect("sent");
    rig.until_accepted(Protocol::Graphite, 1);
    let refused = rig.counter("corelane_refused_total", "reason=\"connections\"");
    assert_eq!(refused, [1]);
}

/// Set when dropped.
struct Ends<'a>(&'a std::sync::atomic::AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, std::sync::atomic::Ordering::Relaxed);
    }
}

#[test]
fn a_busy_connection_does_not_starve_others() {
    let rig = Rig::start(Options {
        shards: Some(1),
        ..options("127.0.0.1")
    });
    let flood: String = (0..2_000).map(|i| format!("flood.m{i} 1 -1\n")).collect();
    let busy = rig.connect(Protocol::Graphite);
    let stop = std::sync::atomic::AtomicBool::new(false);
    let udp = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let to = rig.door(Protocol::GraphiteUdp);
    std::thread::scope(|scope| {
        // However this ends, or the scope would wait for the flood for ever.
        let _ends = Ends(&stop);
        scope.spawn(|| {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                (&busy).write_all(flood.as_bytes()).expect("sent");
            }
        });
        let mut slowest = Duration::ZERO;
        for round in 1..=20u64 {
            let began = std::time::Instant::now();
            udp.send_to(b"quiet 1 -1", to).expect("sent");
            rig.until("the quiet one is heard", |rig| {
                rig.accepted(Protocol::GraphiteUdp) == [round]
            });
            slowest = slowest.max(began.elapsed());
        }
        // The flood never ends: who waits for its end is never heard.
        assert!(slowest < Duration::from_secs(8), "heard after {slowest:?}");
    });
}

#[test]
fn a_held_port_is_refused_and_named() {
    let rig = Rig::start(options("127.0.0.1"));
    for protocol in [Protocol::Graphite, Protocol::GraphiteUdp, Protocol::Http] {
        let mut second = options("127.0.0.1");
        let port = Some(rig.door(protocol).port());
        match protocol {
            Protocol::Graphite => second.doors.graphite_tcp = port,
            Protocol::GraphiteUdp => second.doors.graphite_udp = port,
            _ => second.doors.http = port,
        }
        let data = scratch();
        let told = start_on(second, &data, |_| {})
            .expect_err("held")
            .to_string();
        let _ = std::fs::remove_dir_all(data);
        let port = rig.door(protocol).port().to_string();
        assert!(told.contains("is held by another process"), "{told}");
        assert!(
            told.contains(&port) && told.contains("--port-offset"),
            "{told}"
        );
    }
}

#[test]
fn a_shard_that_dies_is_told() {
    let options = options("127.0.0.1");
    let data = scratch();
    let running = start_on(options, &data, |number| {
        assert!(number != 0, "this panic is part of the test");
    });
    let told = running
        .expect("started")
        .wait()
        .expect_err("a dead shard")
        .to_string();
    let _ = std::fs::remove_dir_all(data);
    assert!(told.contains("shard 0 ended"), "{told}");
}

#[test]
fn http_bodies_are_bounded_and_connections_kept() {
    let rig = Rig::start(Options {
        http_body_bytes_max: 1000,
        http_header_timeout: Duration::from_millis(1500),
        ..options("127.0.0.1")
    });
    let mut http = rig.connect(Protocol::Http);
    http.write_all(b"POST /render HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n")
        .expect("asked");
    let mut answer = String::new();
    http.read_to_string(&mut answer)
        .expect("answered, and closed");
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");

    let mut http = rig.connect(Protocol::Http);
    for _ in 0..3 {
        http.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            .expect("asked");
        let mut answer = [0; 12];
        http.read_exact(&mut answer).expect("answered");
        assert_eq!(&answer, b"HTTP/1.1 200");
        let mut rest = [0; 4096];
        let _ = http.read(&mut rest).expect("its body");
    }
    // Nothing more comes: it is closed, and so is one that never ends its head.
    http.set_read_timeout(Some(Duration::from_secs(9)))
        .expect("a timeout");
    let silence = http.read_to_end(&mut Vec::new());
    assert!(matches!(silence, Ok(0)), "closed in time: {silence:?}");
    let mut slow = rig.connect(Protocol::Http);
    slow.write_all(b"GET / HTTP/1.1\r\nHost:").expect("asked");
    slow.set_read_timeout(Some(Duration::from_secs(9)))
        .expect("a timeout");
    let mut rest = Vec::new();
    slow.read_to_end(&mut rest).expect("closed in time");
}
