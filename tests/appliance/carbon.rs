//! Paths of Graphite that become a metric and tags, as KairosDB's carbon plugin stores them.

use std::io::Write;
use std::net::{Ipv4Addr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{Appliance, Scratch};
use crate::telnet::query;

/// Start with a file that has this in its `[carbon]`.
fn start(carbon: &str) -> Appliance {
    let folder = Arc::new(Scratch::new("carbon"));
    let file = folder.write("own.toml", &format!("[carbon]\n{carbon}\n"));
    let file = file.to_str().expect("a path of letters").to_owned();
    Appliance::start_on(&folder, &["--shards", "2", "--config", &file])
}

fn until(appliance: &Appliance, points: u64, refused: u64) {
    let began = Instant::now();
    while (appliance.accepted(), appliance.refused("path")) != (points, refused) {
        let (accepted, refused) = (appliance.accepted(), appliance.refused("path"));
        let waited = began.elapsed();
        assert!(waited < Duration::from_secs(20), "{accepted} {refused}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn hosts_become_tags_at_every_door_of_graphite() {
    let appliance = start("tag_parser = \"host\"");
    let (ports, local) = (appliance.ports, Ipv4Addr::LOCALHOST);
    let mut lines = TcpStream::connect((local, ports.graphite)).expect("a connection");
    lines
        .write_all(
            b"test.host_name.metric_name 12.34 1700000000\na.b 1 1700000000\na.h.c 7 1700000000\n",
        )
        .expect("sent");
    let udp = UdpSocket::bind((local, 0)).expect("a socket");
    udp.send_to(b"a.h.c 8 1700000001", (local, ports.graphite_udp))
        .expect("sent");
    // [("a.h.c", (1700000002, 9)), ("a.h.c", (1700000003, 9.5))] by protocol 2.
    let payload = b"\x80\x02](X\x05\x00\x00\x00a.h.cJ\x02\xf1SeK\x09\x86\x86X\x05\x00\x00\x00a.h.cJ\x03\xf1Se\
                    G@\x23\x00\x00\x00\x00\x00\x00\x86\x86e.";
    let mut pickles = TcpStream::connect((local, ports.pickle)).expect("a connection");
    let length = u32::try_from(payload.len()).expect("short");
    pickles.write_all(&length.to_be_bytes()).expect("sent");
    pickles.write_all(payload).expect("sent");
    until(&appliance, 5, 1);
    let named = json!({"host": ["host_name"]});
    let want = json!([[1_700_000_000_000i64, 12.34]]);
    assert_eq!(query(&appliance, "test.metric_name"), [(named, want)]);
    // Whole numbers and others, each as they were sent.
    let want = json!([
        [1_700_000_000_000i64, 7],
        [1_700_000_001_000i64, 8],
        [1_700_000_002_000i64, 9],
        [1_700_000_003_000i64, 9.5]
    ]);
    assert_eq!(query(&appliance, "a.c"), [(json!({"host": ["h"]}), want)]);
    appliance.stop();
}

#[test]
fn templates_drop_name_and_tell_what_they_do_not_know() {
    let appliance = start(
        "tag_parser = \"templates\"\n\
         templates = [\"^test.foo .metric.host.metric* [.,_] type=static\", \"^drop\"]",
    );
    let at = (Ipv4Addr::LOCALHOST, appliance.ports.graphite);
    let mut lines = TcpStream::connect(at).expect("a connection");
    lines
        .write_all(b"test.foo.h1.pop.bar 1 1700000000\ndrop.it 1 1700000000\nother 1 1700000000\n")
        .expect("sent");
    until(&appliance, 2, 1);
    let one = json!([[1_700_000_000_000i64, 1]]);
    let tags = json!({"host": ["h1"], "type": ["static"]});
    assert_eq!(query(&appliance, "foo_pop_bar"), [(tags, one.clone())]);
    let tags = json!({"metricName": ["other"], "cause": ["no matching template"]});
    assert_eq!(query(&appliance, "invalidMetrics"), [(tags, one)]);
    appliance.stop();
}
