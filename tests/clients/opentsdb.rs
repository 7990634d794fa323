//! What sends OpenTSDB's lines: potsdb, opentsdb-py and opentsdb-client of PyPI, two backends of StatsD, and
//! the loop of tcollector, which asks for the version before it sends.

use std::io::{BufRead, BufReader, Write};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Appliance, Running, Scratch, free_port, wait_until};
use crate::kairosdb::stored::{At, check_stored, post, wait_for_points};
use crate::tools::{Ran, connect, folder, have, send_datagrams};

/// Run `script` with the doors in the variables `telnet` and `http`, and modules of `apart` before all
/// others.
#[track_caller]
pub(crate) fn run_python(appliance: &Appliance, name: &str, apart: Option<&str>, script: &str) {
    let scratch = Scratch::new(name);
    let ports = appliance.ports;
    let head = format!("telnet, http = {}, {}\n", ports.kairos_telnet, ports.http);
    let file = scratch.write("client.py", &(head + script));
    let venv = folder().join("kairosdb-python");
    let mut command = Command::new(venv.join("bin/python"));
    if let Some(apart) = apart {
        command.env("PYTHONPATH", venv.join("apart").join(apart));
    }
    Ran::of(Running::start(name, scratch.path(), command.arg(file)));
}

#[test]
fn potsdb_probes_and_sends() {
    if !have("kairosdb-python") {
        return;
    }
    let appliance = Appliance::start();
    // It connects and closes before the connection that it uses.
    run_python(
        &appliance,
        "potsdb",
        None,
        "import potsdb
m = potsdb.Client('127.0.0.1', port=telnet, qsize=1000, host_tag='web01', mps=1000, check_host=True)
for i in range(5): m.log('test.metric', i, timestamp=1700000000 + i, extratag1='v1', extratag2='v2')
m.log('test.floats', 3.14e-7, timestamp=1700000000)
m.log('test.now', 7)
m.wait()
",
    );
    wait_for_points(&appliance, 7);
    let tags = [("extratag1", "v1"), ("extratag2", "v2"), ("host", "web01")];
    let points: Vec<(At, Value)> = (0..5)
        .map(|nth| (At::Millis((1_700_000_000 + nth) * 1_000), nth.into()))
        .collect();
    check_stored(&appliance, "test.metric", &tags, &points);
    let floats = [(At::Millis(1_700_000_000_000), json!(3.14e-7))];
    check_stored(&appliance, "test.floats", &tags[2..], &floats);
    check_stored(&appliance, "test.now", &tags[2..], &[(At::Now, json!(7))]);
    assert_eq!(appliance.refused_in_all(), 0, "a probe is no error");
    appliance.stop();
}

/// Both have the module `opentsdb`; the second is a fork of the first.
const OPENTSDB: &str = "from opentsdb import TSDBClient, TSDBConnectProtocols, Counter, Gauge
class Metrics(TSDBClient):
    hits = Counter('web.hits', ['path'])
    temp = Gauge('room.temp', ['room'])
def client(protocol, port):
    return Metrics('127.0.0.1', port=port, protocol=protocol, host_tag=False,
                   static_tags={'node': 'web01'}, check_tsdb_alive=protocol == TSDBConnectProtocols.TELNET)
c = client(TSDBConnectProtocols.TELNET, telnet)
c.send('metric.test', 1, tag1='val1')
c.send('metric.f', 1.5, tag1='val1')
c.hits.tags('/a').inc()
c.temp.tags('hall').set(21.5)
c.close(); c.wait()
for name, port in ('main', http), ('lines', telnet):
    c = client(TSDBConnectProtocols.HTTP, port)
    for i in range(12): c.send('body.%s' % name, i, tag1='val%d' % i)
    c.close(); c.wait()
    assert c.statuses['success'] == 12 and c.statuses['failed'] == 0, c.statuses
";

#[track_caller]
fn check_opentsdb(apart: Option<&str>) {
    if !have("kairosdb-python") {
        return;
    }
    let appliance = Appliance::start();
    run_python(&appliance, "opentsdb", apart, OPENTSDB);
    wait_for_points(&appliance, 4 + 24);
    let node = ("node", "web01");
    for (name, tag, value) in [
        ("metric.test", ("tag1", "val1"), json!(1)),
        ("metric.f", ("tag1", "val1"), json!(1.5)),
        ("web.hits", ("path", "/a"), json!(1)),
        ("room.temp", ("room", "hall"), json!(21.5)),
    ] {
        check_stored(&appliance, name, &[tag, node], &[(At::Now, value)]);
    }
    // By HTTP, compressed, at the port of HTTP and at that of lines.
    for name in ["body.main", "body.lines"] {
        for nth in 0..12 {
            let tags = [("tag1", &*format!("val{nth}")), node];
            check_stored(&appliance, name, &tags, &[(At::Now, json!(nth))]);
        }
    }
    assert_eq!(appliance.refused_in_all(), 0);
    appliance.stop();
}

#[test]
fn opentsdb_py_sends_lines_and_compressed_bodies() {
    check_opentsdb(None);
}

#[test]
fn opentsdb_client_sends_lines_and_compressed_bodies() {
    check_opentsdb(Some("opentsdb-client"));
}

/// What a sender of nothing posts, and how good and bad points of a body are told.
#[test]
fn opentsdb_bodies_are_told_what_of_them_was_stored() {
    let appliance = Appliance::start();
    let put = |path: &str, body: &str| {
        let answer = appliance.try_post_body(path, body);
        answer.unwrap_or_else(|error| panic!("{path} {body}: {error}"))
    };
    let (status, _) = put("/api/put", "[\n\n]\n");
    assert!((200..300).contains(&status), "{status}");
    let good = r#"{"metric":"a","timestamp":1700000000,"value":1,"tags":{"h":"x"}}"#;
    let (status, _) = put("/api/put", good);
    assert_eq!(status, 204);
    let (status, text) = put("/api/put?details=true", &format!("[{good}]"));
    let answer: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(status, 200, "{text}");
    assert_eq!(
        (&answer["success"], &answer["failed"]),
        (&json!(1), &json!(0)),
        "{text}"
    );
    let point = [(At::Millis(1_700_000_000_000), json!(1))];
    check_stored(&appliance, "a", &[("h", "x")], &point);
    appliance.stop();
}

fn start_statsd(scratch: &Scratch, port: u16, telnet: u16) -> Running {
    let mgmt_port = free_port();
    let backends = folder().join("kairosdb-npm/node_modules");
    let backends = backends.display();
    let config = format!(
        "{{ port: {port}, address: \"127.0.0.1\", mgmt_address: \"127.0.0.1\", mgmt_port: {mgmt_port},
  flushInterval: 1000,
  backends: [\"{backends}/statsd-kairosdb-backend\", \"{backends}/statsd-opentsdb-backend\"],
  kairosdb: {{ host: \"127.0.0.1\", port: {telnet} }},
  opentsdbHost: \"127.0.0.1\", opentsdbPort: {telnet}, opentsdbTagPrefix: \"_t_\" }}
"
    );
    let config = scratch.write("statsd.js", &config);
    let mut command = Command::new("node");
    command
        .arg(folder().join("npm/node_modules/statsd/stats.js"))
        .arg(config);
    Running::start("statsd", scratch.path(), &mut command)
}

/// The first backend sends each packet as it comes, the second what was counted, with each flush. Behind each
/// flush it puts two lines without tags, and with value and time exchanged.
#[test]
fn statsd_sends_by_two_backends() {
    if !have("kairosdb-npm") || !have("statsd") {
        return;
    }
    let appliance = Appliance::start();
    let scratch = Scratch::new("statsd");
    let port = free_port();
    let statsd = start_statsd(&scratch, port, appliance.ports.kairos_telnet);
    let told = "stats.statsd.opentsdbStats.last_flush";
    wait_until("first flush of statsd", Duration::from_secs(20), || {
        if values_of(&appliance, told).is_empty() {
            Err(statsd.log())
        } else {
            Ok(())
        }
    });
    let sent: [&[u8]; 2] = [b"app.hits:7|c\napp.resp:120|ms", b"app.temp:21.5|g"];
    send_datagrams(port, sent);
    let tags = [("client", "127.0.0.1"), ("source", "statsd")];
    for (name, value) in [
        ("app.hits", json!(7)),
        ("app.resp", json!(120)),
        ("app.temp", json!(21.5)),
    ] {
        check_stored(&appliance, name, &tags, &[(At::Now, value)]);
    }
    for (name, value) in [
        ("stats_counts.app.hits", 7.0),
        ("stats.timers.app.resp.upper", 120.0),
        ("stats.gauges.app.temp", 21.5),
    ] {
        wait_until(name, Duration::from_secs(15), || {
            let values = values_of(&appliance, name);
            if values.contains(&value) {
                Ok(())
            } else {
                Err(format!("{value} wanted, got {values:?}\n{}", statsd.log()))
            }
        });
    }
    drop(statsd);
    appliance.stop();
}

/// All values of a metric, whatever its tags.
fn values_of(appliance: &Appliance, name: &str) -> Vec<f64> {
    let query = json!({"start_absolute": 0, "metrics": [{"name": name}]});
    let answer = post(appliance, "/api/v1/datapoints/query", &query);
    let values = answer["queries"][0]["results"][0]["values"].as_array();
    let values = values.map(Vec::as_slice).unwrap_or_default();
    values
        .iter()
        .filter_map(|point| point[1].as_f64())
        .collect()
}

/// tcollector sends nothing before its question for the version has an answer of at least one byte, asks it
/// again each minute over the same connection, and puts two blanks before the tags of its own metrics.
#[test]
fn tcollector_asks_for_the_version_and_sends() {
    let appliance = Appliance::start();
    let mut stream = connect(appliance.ports.kairos_telnet);
    // It gives up behind 15 seconds.
    let patience = Some(Duration::from_secs(15));
    stream.set_read_timeout(patience).expect("a time above 0");
    let mut answers = BufReader::new(stream.try_clone().expect("a socket can be doubled"));
    for round in 0..3_i64 {
        stream.write_all(b"version\n").expect("an open door");
        let mut answer = String::new();
        answers.read_line(&mut answer).expect("an answer in time");
        assert!(answer.starts_with("KairosDB "), "{answer:?}");
        let at = 1_700_000_000 + 15 * round;
        let text = format!(
            "put proc.loadavg.1min {at} 0.{round} env=prod host=web01\n\
             put df.bytes.total {at} 1234567890123 mount=/ fstype=ext4 env=prod host=web01\n\
             put tcollector.reader.lines_collected {at} {round}  env=prod host=web01\n"
        );
        stream.write_all(text.as_bytes()).expect("an open door");
    }
    let points = |value: &dyn Fn(i64) -> Value| -> Vec<(At, Value)> {
        let at = |round: i64| At::Millis((1_700_000_000 + 15 * round) * 1_000);
        (0..3).map(|round| (at(round), value(round))).collect()
    };
    let tags = [("env", "prod"), ("host", "web01")];
    let load = points(&|round| json!(round as f64 / 10.0));
    check_stored(&appliance, "proc.loadavg.1min", &tags, &load);
    let lines = points(&|round| json!(round));
    check_stored(
        &appliance,
        "tcollector.reader.lines_collected",
        &tags,
        &lines,
    );
    let tags = [
        ("mount", "/"),
        ("fstype", "ext4"),
        ("env", "prod"),
        ("host", "web01"),
    ];
    let bytes = points(&|_| json!(1_234_567_890_123_i64));
    check_stored(&appliance, "df.bytes.total", &tags, &bytes);
    assert_eq!((appliance.accepted(), appliance.refused_in_all()), (9, 0));
    appliance.stop();
}
