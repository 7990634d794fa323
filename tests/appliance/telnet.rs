//! KairosDB's telnet door over real sockets: lines come back through KairosDB's query, answers come in
//! order, and HTTP is spoken at the same port.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Appliance, Scratch, wait_until};

/// What `version` is answered.
const VERSION: &str = "KairosDB 1.3.0-1.20210808220820\n";

fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("a connection");
    let patience = Some(Duration::from_secs(20));
    stream.set_read_timeout(patience).expect("a timeout");
    stream.set_write_timeout(patience).expect("a timeout");
    stream
}

/// A connection that is known to have been read up to here once `version` is answered.
fn settle(stream: &mut TcpStream) {
    stream.write_all(b"version\n").expect("sent");
    let mut answer = vec![0; VERSION.len()];
    stream.read_exact(&mut answer).expect("answered");
    assert_eq!(String::from_utf8_lossy(&answer), VERSION);
}

/// Everything that KairosDB's query gives for a metric: tags and points of each of its series.
pub(crate) fn query(appliance: &Appliance, metric: &str) -> Vec<(Value, Value)> {
    let question = json!({
        "start_absolute": -1_000_000_000_000_000i64,
        "end_absolute": 1_000_000_000_000_000i64,
        "metrics": [{"name": metric}],
    });
    let url = format!(
        "http://127.0.0.1:{}/api/v1/datapoints/query",
        appliance.ports.http
    );
    let asked = agent().post(&url).send(question.to_string());
    let mut answer = asked.expect("answered");
    let text = answer.body_mut().read_to_string().expect("a text");
    let answer: Value = serde_json::from_str(&text).expect("JSON");
    let results = answer["queries"][0]["results"]
        .as_array()
        .unwrap_or_else(|| panic!("{text}"));
    results
        .iter()
        .filter(|result| result["values"].as_array().is_some_and(|v| !v.is_empty()))
        .map(|result| (result["tags"].clone(), result["values"].clone()))
        .collect()
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(30)))
        .build()
        .into()
}

/// Start with a file that has this in its `[telnet]`.
fn start(telnet: &str) -> Appliance {
    let folder = Arc::new(Scratch::new("telnet"));
    let file = folder.write("own.toml", &format!("[telnet]\n{telnet}\n"));
    let file = file.to_str().expect("a path of letters").to_owned();
    Appliance::start_on(&folder, &["--shards", "2", "--config", &file])
}

#[test]
fn lines_come_back_as_the_specification_says() {
    let appliance = Appliance::start();
    let mut stream = connect(appliance.ports.kairos_telnet);
    let mut check = |lines: &str, metric: &str, tags: Value, values: Value| {
        stream.write_all(lines.as_bytes()).expect("sent");
        stream.write_all(b"\n").expect("sent");
        settle(&mut stream);
        let got = query(&appliance, metric);
        assert_eq!(got, [(tags, values)], "{lines:?}");
    };
    let host = json!({"host": ["h1"]});
    let one = json!([[1_700_000_000_000i64, 123]]);
    check(
        "put t1 1700000000 123  host=h1",
        "t1",
        host.clone(),
        one.clone(),
    );
    check(
        "put t2  1700000000   123 host=h1\r",
        "t2",
        host.clone(),
        one.clone(),
    );
    check(
        "put\tt2b\t1700000000\t123\thost=h1",
        "t2b",
        host,
        one.clone(),
    );
    check(
        "put t3 12345678999 789 k=bar fum=barfum",
        "t3",
        json!({"k": ["bar"], "fum": ["barfum"]}),
        json!([[12_345_678_999i64, 789]]),
    );
    let tag = json!({"k": ["b"]});
    check(
        "put t4 2999999999 1 k=b\nput t4 3000000000 1 k=b",
        "t4",
        tag.clone(),
        json!([[3_000_000_000i64, 1], [2_999_999_999_000i64, 1]]),
    );
    check(
        "putm t5 1700000000 1 k=b",
        "t5",
        tag.clone(),
        json!([[1_700_000_000, 1]]),
    );
    check(
        "put t6 1700000000 123 k=b kairos_opt.ttl=900000000",
        "t6",
        tag.clone(),
        one,
    );
    check(
        "put t7 1700000000 1",
        "t7",
        json!({"add": ["tag"]}),
        json!([[1_700_000_000_000i64, 1]]),
    );
    check(
        "put 你好 12345678999 789 k=b:c d:e=f",
        "你好",
        json!({"k": ["b:c"], "d:e": ["f"]}),
        json!([[12_345_678_999i64, 789]]),
    );
    check(
        "put t9 1 2 k=b =x\nput t9 1 2 k=b fum=\nput t9 1 2 k=b fum-x\nput t9 1 3 k=b",
        "t9",
        tag.clone(),
        json!([[1_000, 3]]),
    );
    check(
        "put t15 1700000000 1e3 k=b\nput t15 1700000000 1.5e3 k=b",
        "t15",
        tag.clone(),
        json!([[1_700_000_000_000i64, 1_500]]),
    );
    // The same series by another order of tags, and by other blanks.
    check(
        "put t20 1 1 k=b c=d\nput t20 2 2 c=d k=b\nput t20 3 3  k=b   c=d ",
        "t20",
        json!({"c": ["d"], "k": ["b"]}),
        json!([[1_000, 1], [2_000, 2], [3_000, 3]]),
    );
    assert_eq!(appliance.refused("tag"), 3);
    assert_eq!(appliance.refused("value"), 1);
    appliance.stop();
}

#[test]
fn lines_may_be_cut_anywhere_and_too_long_ones_are_skipped() {
    let appliance = start("line_bytes_max = 1024");
    let long = format!("put long 1700000000 1 k={}\n", "x".repeat(4_096));
    let last = format!("put last 1700000000 1 k={}\r\n", "x".repeat(1_000));
    let text =
        format!("{long}put cut 1700000000 1.5 k=b\n{last}bogus\n\nput cut 1700000001 2.5 k=b\n");
    for pieces in [1, 7, 500, 10_000] {
        let mut stream = connect(appliance.ports.kairos_telnet);
        for piece in text.as_bytes().chunks(text.len().div_ceil(pieces)) {
            stream.write_all(piece).expect("sent");
        }
        settle(&mut stream);
        // What stands behind the last newline when the peer closes is dropped.
        stream
            .write_all(b"put cut 1700000002 9.5 k=b")
            .expect("sent");
    }
    let cut = query(&appliance, "cut");
    let want = json!([[1_700_000_000_000i64, 1.5], [1_700_000_001_000i64, 2.5]]);
    assert_eq!(cut, [(json!({"k": ["b"]}), want)]);
    assert_eq!(query(&appliance, "last").len(), 1);
    assert_eq!(query(&appliance, "long").len(), 0);
    assert_eq!(appliance.refused("line_long"), 4);
    assert_eq!(appliance.refused("command"), 8);
    appliance.stop();
}

#[test]
fn answers_come_at_once_and_in_order() {
    let appliance = Appliance::start();
    let mut stream = connect(appliance.ports.kairos_telnet);
    for _ in 0..20 {
        let began = Instant::now();
        settle(&mut stream);
        assert!(began.elapsed() < Duration::from_secs(5));
    }
    stream
        .write_all(b"bogus\n\nversion\nput m 1 2\nversion\n")
        .expect("sent");
    stream.shutdown(Shutdown::Write).expect("half closed");
    let mut all = String::new();
    stream.read_to_string(&mut all).expect("answered");
    assert_eq!(all, VERSION.repeat(2));
    appliance.stop();
}

#[test]
fn errors_are_told_where_that_is_wanted() {
    let appliance = start("answer_errors = true\ncharset = \"latin1\"");
    let mut stream = connect(appliance.ports.kairos_telnet);
    stream
        .write_all(b"put caf\xe9 1 2 k=\xfc\nput m 1 x k=v\nversion\nput m 1 2 k\n")
        .expect("sent");
    stream.shutdown(Shutdown::Write).expect("half closed");
    let mut all = String::new();
    stream.read_to_string(&mut all).expect("answered");
    let told: Vec<&str> = all.lines().collect();
    assert_eq!(told.len(), 3, "{all}");
    assert!(told[0].starts_with("put: the value must be"), "{all}");
    assert_eq!(told[1], VERSION.trim_end());
    assert_eq!(told[2], "put: tag[0] must be in the format 'name=value'.");
    let want = (json!({"k": ["ü"]}), json!([[1_000, 2]]));
    assert_eq!(query(&appliance, "café"), [want]);
    appliance.stop();
}

/// A peer that asks and never reads costs its connection and nobody anything else.
#[test]
fn a_peer_that_never_reads_its_answers_is_parted_with() {
    let appliance = Appliance::start();
    let mut deaf = connect(appliance.ports.kairos_telnet);
    let many = "version\n".repeat(20_000);
    let began = Instant::now();
    while deaf.write_all(many.as_bytes()).is_ok() {
        let waited = began.elapsed();
        assert!(waited < Duration::from_secs(60), "it is never closed");
    }
    let mut other = connect(appliance.ports.kairos_telnet);
    other.write_all(b"put m 1 2 k=v\n").expect("sent");
    settle(&mut other);
    assert_eq!(query(&appliance, "m").len(), 1);
    assert_eq!(appliance.refused("reader"), 1);
    let held = appliance.counter("corelane_buffered_bytes", &[]);
    assert!(held < 1 << 20, "{held}");
    appliance.stop();
}

/// One that reads slowly gets everything.
#[test]
fn a_slow_reader_gets_all_its_answers() {
    let appliance = Appliance::start();
    let mut slow = connect(appliance.ports.kairos_telnet);
    let mut got = Vec::new();
    for _ in 0..20 {
        slow.write_all("version\n".repeat(1_000).as_bytes())
            .expect("sent");
        let mut some = vec![0; 500 * VERSION.len()];
        slow.read_exact(&mut some).expect("answered");
        got.extend(some);
        std::thread::sleep(Duration::from_millis(2));
    }
    slow.shutdown(Shutdown::Write).expect("half closed");
    let mut rest = vec![0; 20_000 * VERSION.len() - got.len()];
    slow.read_exact(&mut rest).expect("answered");
    got.extend(rest);
    assert!(got == VERSION.repeat(20_000).as_bytes());
    appliance.stop();
}

#[test]
fn http_is_spoken_at_the_same_port() {
    let appliance = Appliance::start();
    let at = |port: u16, path: &str| format!("http://127.0.0.1:{port}{path}");
    let (telnet, http) = (appliance.ports.kairos_telnet, appliance.ports.http);
    let agent = agent();
    let put = |port: u16, path: &str, body: &str| {
        let url = at(port, path);
        let mut answer = agent.post(&url).send(body).expect("answered");
        let text = answer.body_mut().read_to_string().expect("a text");
        (answer.status().as_u16(), text)
    };
    let point = |metric: &str, time: i64| json!({"metric": metric, "timestamp": time, "value": 18, "tags": {"host": "web01"}});
    for (i, port) in [telnet, http, telnet].into_iter().enumerate() {
        let time = 1_700_000_000 + i as i64;
        let one = point("sys.cpu", time).to_string();
        assert_eq!(put(port, "/api/put", &one), (204, String::new()));
    }
    let values = json!([
        [1_700_000_000_000i64, 18],
        [1_700_000_001_000i64, 18],
        [1_700_000_002_000i64, 18]
    ]);
    let want = (json!({"host": ["web01"]}), values);
    assert_eq!(query(&appliance, "sys.cpu"), [want]);
    assert_eq!(put(telnet, "/api/put?sync", "[]"), (204, String::new()));
    let mixed = json!([point("a", 1), point("b", 0), point("c", 1)]).to_string();
    let (status, told) = put(telnet, "/api/put?details", &mixed);
    let told: Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!(status, 400);
    assert_eq!((&told["success"], &told["failed"]), (&json!(2), &json!(1)));
    assert_eq!(told["errors"][0]["datapoint"]["metric"], "b");
    assert_eq!(told["errors"][0]["error"], "Invalid timestamp");
    let (status, told) = put(telnet, "/api/put?summary", &mixed);
    assert_eq!(
        (status, told.as_str()),
        (400, r#"{"success":2,"failed":1}"#)
    );
    let good = json!([point("a", 1)]).to_string();
    let told = r#"{"success":1,"failed":0}"#.to_owned();
    assert_eq!(put(telnet, "/api/put?summary", &good), (200, told));
    let (status, told) = put(telnet, "/api/put", &mixed);
    assert_eq!(status, 400, "{told}");
    assert!(
        told.contains("One or more data points had errors"),
        "{told}"
    );
    assert_eq!(put(telnet, "/api/put", "{\"metric\"").0, 400);
    assert_eq!(put(telnet, "/api/put", "").0, 400);
    // And everything else that HTTP has, also where the request comes byte by byte.
    let mut stream = connect(telnet);
    for byte in b"GET /api/version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" {
        stream.write_all(&[*byte]).expect("sent");
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("\"version\":\"2.4.1\""), "{answer}");
    let mut ready = agent.get(&at(telnet, "/ready")).call().expect("answered");
    assert_eq!(ready.body_mut().read_to_string().expect("text"), "ready\n");
    appliance.stop();
}

/// A body larger than one read, packed, over the port of lines.
#[test]
fn a_large_packed_put_at_the_port_of_lines() {
    let appliance = Appliance::start();
    let points: Vec<Value> = (0..20_000)
        .map(|i| json!({"metric": "big", "timestamp": 1_700_000_000 + i, "value": i, "tags": {"k": "v"}}))
        .collect();
    let body = Value::from(points).to_string();
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(body.as_bytes()).expect("packed");
    let url = format!(
        "http://127.0.0.1:{}/api/put?summary",
        appliance.ports.kairos_telnet
    );
    for (encoding, body) in [
        ("gzip", packer.finish().expect("packed")),
        ("identity", body.into_bytes()),
    ] {
        let request = agent().post(&url).header("Content-Encoding", encoding);
        let mut answer = request.send(&body[..]).expect("answered");
        let text = answer.body_mut().read_to_string().expect("a text");
        assert_eq!(text, r#"{"success":20000,"failed":0}"#, "{encoding}");
    }
    let all = query(&appliance, "big");
    assert_eq!(all[0].1.as_array().map(Vec::len), Some(20_000));
    appliance.stop();
}

/// Some clients knock before they come: they connect and close without a byte.
#[test]
fn probes_are_no_warning() {
    let appliance = Appliance::start();
    // What the machine lacks is told at the start.
    let told = appliance.log().len();
    let doors = [appliance.ports.kairos_telnet, appliance.ports.http];
    for (i, port) in doors.iter().cycle().take(40).enumerate() {
        let probe = TcpStream::connect((Ipv4Addr::LOCALHOST, *port)).expect("a connection");
        if i % 4 < 2 {
            // By a reset.
            let probe = socket2::SockRef::from(&probe);
            probe.set_linger(Some(Duration::ZERO)).expect("an option");
        }
    }
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, doors[0])).expect("a connection");
    stream
        .write_all(b"put probed 1700000000 5 a=b\n")
        .expect("taken");
    let wait = Duration::from_secs(20);
    wait_until("the point", wait, || match appliance.accepted() {
        1 => Ok(()),
        other => Err(format!("{other} points")),
    });
    assert_eq!(appliance.refused_in_all(), 0);
    let log = appliance.stop();
    let new = log.get(told..).expect("it grows");
    assert!(!new.contains("WARN") && !new.contains("ERROR"), "{new}");
}
