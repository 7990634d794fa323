//! Pictures of a running appliance: they are made on a thread of their own, and wake the shard that asked.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;

use corelane::model::refusal::Protocol;

use crate::rig::{Rig, options};

/// Pictures that are asked for at once: more than may wait.
const ASKERS: usize = 24;

fn ask(door: SocketAddr, path: &str) -> Vec<u8> {
    let mut http = TcpStream::connect(door).expect("a connection");
    let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    http.write_all(head.as_bytes()).expect("asked");
    let mut answer = Vec::new();
    http.read_to_end(&mut answer).expect("answered");
    answer
}

#[test]
fn png_of_many_askers_at_once() {
    let rig = Rig::start(options("127.0.0.1"));
    let mut lines = rig.connect(Protocol::Graphite);
    for i in 0..60 {
        let line = format!("picture.a {i} {}\n", 1_700_000_000 + 10 * i);
        lines.write_all(line.as_bytes()).expect("sent");
    }
    rig.until_accepted(Protocol::Graphite, 60);
    let range = "from=1699999999&until=1700000600";
    let path = format!("/render?target=picture.*&{range}");
    let door = rig.door(Protocol::Http);
    let one = ask(door, &path);
    assert!(one.starts_with(b"HTTP/1.1 200 OK\r\n"));
    assert!(one.windows(8).any(|some| some == b"\x89PNG\r\n\x1a\n"));

    // Small ones, for a build that is not optimised takes its time.
    let path = format!("{path}&width=60&height=40&graphOnly=true");
    let (good, busy) = thread::scope(|scope| {
        let asking: Vec<_> = (0..ASKERS)
            .map(|_| scope.spawn(|| ask(door, &path)))
            .collect();
        // Some do not wait for theirs.
        for _ in 0..4 {
            let mut http = rig.connect(Protocol::Http);
            let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
            http.write_all(head.as_bytes()).expect("asked");
        }
        // Other questions are answered all the while.
        assert!(rig.get("/health").contains("200 OK"));
        let answers = asking
            .into_iter()
            .map(|asker| asker.join().expect("an answer"));
        let (mut good, mut busy) = (0, 0);
        for answer in answers {
            if answer.starts_with(b"HTTP/1.1 200 OK\r\n") {
                good += 1;
            } else {
                let told = String::from_utf8_lossy(&answer);
                assert!(
                    told.starts_with("HTTP/1.1 503 ") && told.contains("retry-after: 1"),
                    "{told}"
                );
                busy += 1;
            }
        }
        (good, busy)
    });
    assert!(
        1 <= good && good + busy == ASKERS,
        "{good} good, {busy} busy"
    );
}
