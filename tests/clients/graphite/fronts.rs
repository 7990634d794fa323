//! Fronts that are slow or broken: whatever they do, points come in.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::*;

/// Fronts of each kind at once.
const FRONTS: usize = 24;
/// Points that are sent meanwhile.
const POINTS: i64 = 60_000;

fn ask(port: u16, text: &str) -> TcpStream {
    let mut stream = connect(port);
    // One that is hung up on has got what it deserves.
    let _ = stream.write_all(text.as_bytes());
    stream
}

/// Lines of some thousand series, a few points each.
fn lines(begin: i64, points: i64) -> String {
    let line = |nth: i64| format!("load.n{} {nth} {}\n", nth % 2_000, AT + nth / 2_000);
    (begin..begin + points).map(line).collect()
}

#[track_caller]
fn await_points(appliance: &Appliance, count: u64) {
    wait_until("all points", Duration::from_secs(20), || {
        match appliance.accepted() {
            accepted if accepted == count => Ok(()),
            other => Err(other.to_string()),
        }
    });
}

#[test]
fn slow_and_broken_fronts_do_not_keep_points_from_coming_in() {
    let appliance = Appliance::start();
    send_text(appliance.ports.graphite, &lines(0, POINTS));
    await_points(&appliance, POINTS as u64);
    let port = appliance.ports.http;
    let render = format!(
        "/render/?format=pickle&local=1&target=load.*&from={}&until={}",
        AT - 1,
        AT + 60
    );
    let whole = format!("GET {render} HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut held = Vec::new();
    for _ in 0..FRONTS {
        // It asks for much, again and again, and reads nothing.
        held.push(ask(port, &whole.repeat(8)));
        // It ends its request in the middle, in the head or in the body.
        held.push(ask(port, &whole[..whole.len() / 2]));
        let unfinished =
            "POST /metrics/find/ HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nquery=";
        held.push(ask(port, unfinished));
        // It is gone before the answer comes.
        drop(ask(port, &whole));
        // It speaks nonsense.
        drop(ask(port, "\0\u{1}pickle me\r\n\r\n"));
        let body = "GET /render/ HTTP/1.1\r\nHost: a\r\nAccept: application/x-carbonapi-v3-pb\r\n\
                    Content-Length: 4\r\n\r\n\u{1}\u{2}\u{3}\u{4}";
        drop(ask(port, body));
    }
    send_text(appliance.ports.graphite, &lines(POINTS, POINTS));
    await_points(&appliance, 2 * POINTS as u64);
    // One that reads a little at a time gets all of it.
    let mut slow = ask(port, &format!("GET {render} HTTP/1.0\r\nHost: a\r\n\r\n"));
    let (mut bytes, mut piece) = (Vec::new(), [0; 16_384]);
    while let Ok(count @ 1..) = slow.read(&mut piece) {
        bytes.extend_from_slice(&piece[..count]);
        std::thread::sleep(Duration::from_micros(200));
    }
    assert!(bytes.starts_with(b"HTTP/1.0 200"));
    assert!(
        bytes.ends_with(b"e."),
        "a pickle ends with the end of its list"
    );
    drop(held);
    appliance.stop();
}
