//! A stop loses no line that a peer had sent.

use std::io::Write;
use std::net::{TcpStream, UdpSocket};

use corelane::model::refusal::Protocol;

use crate::rig::{Rig, options, scratch, start_on};

#[test]
fn everything_sent_before_the_stop_is_read() {
    let options = options("127.0.0.1");
    let data = scratch();
    let running = start_on(options, &data, |_| {}).expect("started");
    let door = |protocol| {
        let found = running.bound.iter().find(|(own, _)| *own == protocol);
        found.expect("a door").1
    };
    let report: String = (0..1_000).map(|i| format!("stop.m{i} {i} -1\n")).collect();
    let mut streams = Vec::new();
    for _ in 0..100 {
        let mut stream = TcpStream::connect(door(Protocol::Graphite)).expect("a connection");
        stream.write_all(report.as_bytes()).expect("sent");
        streams.push(stream);
    }
    let udp = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    for _ in 0..50 {
        udp.send_to(b"gram 1 -1\n", door(Protocol::GraphiteUdp))
            .expect("sent");
    }
    running.stop();
    let last = running.wait().expect("a clean end");
    let _ = std::fs::remove_dir_all(data);
    assert_eq!(
        last.iter().flat_map(|vitals| vitals.accepted).sum::<u64>(),
        100 * 1_000 + 50
    );
}

#[test]
fn after_a_stop_the_port_is_free() {
    // One that the kernel gives to no one else's outgoing connection in between.
    let port = crate::harness::free_port();
    let mut first = options("127.0.0.1");
    first.doors.graphite_tcp = Some(port);
    let rig = Rig::start(first);
    let _open = rig.connect(Protocol::Graphite);
    rig.stop();
    let mut again = options("127.0.0.1");
    again.doors.graphite_tcp = Some(port);
    Rig::start(again).stop();
}
