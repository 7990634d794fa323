//! The real binary with the configuration of a KairosDB: its doors are the ones that are open, what is
//! ignored is listed, and a file that is none is refused.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{ANSWER_WAIT, Ports, Scratch, start_process};

/// A start with `files` as a KairosDB would be started, and flags of our own.
pub(crate) fn command(scratch: &Scratch, files: &[&str], flags: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_corelane"));
    for (key, _) in std::env::vars_os() {
        let name = key.to_string_lossy();
        if name.starts_with("CORELANE_") || name.starts_with("KAIROSDB_") {
            command.env_remove(&key);
        }
    }
    let data = scratch.path().join("data");
    command.args(["serve", "--shards", "2", "--data"]).arg(data);
    for file in files {
        command
            .arg("--kairosdb-conf")
            .arg(scratch.path().join(file));
    }
    command.args(flags);
    command
}

/// What the appliance says and how it ends, which it has to by itself.
fn run(scratch: &Scratch, file: &str, flags: &[&str]) -> (Option<i32>, String, String) {
    let output = command(scratch, &[file], flags).output();
    let Output {
        status,
        stdout,
        stderr,
    } = output.expect("the binary runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (status.code(), text(&stdout), text(&stderr))
}

/// Send `text` to a port of this machine, and give what comes back.
pub(crate) fn send(port: u16, text: &str) -> String {
    let mut door = TcpStream::connect(("127.0.0.1", port)).expect("an open door");
    door.write_all(text.as_bytes()).expect("sent");
    door.shutdown(Shutdown::Write).expect("shut");
    let mut answer = String::new();
    // A peer that closes with something unread resets.
    let _ = door.read_to_string(&mut answer);
    answer
}

/// The answer to a request of HTTP/1.0. Whoever closes its side has given up.
pub(crate) fn http(port: u16, request: &str) -> String {
    let mut door = TcpStream::connect(("127.0.0.1", port)).expect("an open door");
    door.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    door.read_to_string(&mut answer).expect("an answer");
    answer
}

pub(crate) fn get(port: u16, path: &str) -> String {
    http(port, &format!("GET {path} HTTP/1.0\r\n\r\n"))
}

/// POST `body` to KairosDB's API, and give the body of the answer.
pub(crate) fn post(port: u16, path: &str, body: &str) -> String {
    let bytes = body.len();
    let head = format!("POST /api/v1{path} HTTP/1.0\r\nContent-Length: {bytes}\r\n\r\n");
    let answer = http(port, &(head + body));
    let body = answer
        .split_once("\r\n\r\n")
        .map(|(_, body)| body.to_owned());
    body.unwrap_or_default()
}

/// In its own order: `kairosdb.conf` with the four doors of one start.
fn conf(ports: &Ports) -> String {
    format!(
        "kairosdb {{\n\
         telnetserver {{ port: {}, address: \"127.0.0.1\", max_command_size: 300 }}\n\
         jetty {{ port = {}\naddress = \"127.0.0.1\"\nthreads.max = 5\nssl.port = 443 }}\n\
         service.carbon = org.kairosdb.plugin.carbon.CarbonServerModule\n\
         carbon {{ text {{ port = {}, address = \"127.0.0.1\" }}, pickle {{ port = {}, address = \"127.0.0.1\" }}\n\
         tag_parser = org.kairosdb.plugin.carbon.GraphiteTagsParser }}\n\
         datastore.cassandra.row_key_cache_size = 5\n\
         telnetserver.adress = x\n\
         }}\n",
        ports.kairos_telnet, ports.http, ports.graphite, ports.pickle
    )
}

#[test]
fn the_doors_of_a_kairosdb_are_taken() {
    let scratch = Scratch::new("kairosdb-conf");
    let (process, ports) = start_process("corelane", scratch.path(), |ports| {
        scratch.write("kairosdb.conf", &conf(ports));
        command(&scratch, &["kairosdb.conf"], &[])
    });
    let log = process.log();
    for (door, port) in [
        ("graphite", ports.graphite),
        ("graphite_udp", ports.graphite),
        ("pickle", ports.pickle),
        ("kairos_telnet", ports.kairos_telnet),
        ("http", ports.http),
    ] {
        assert!(
            log.contains(&format!("{door} on 127.0.0.1:{port}")),
            "{door}: {log}"
        );
    }
    for told in [
        "KairosDB's configuration: ignored, of KairosDB's stores; corelane has its own: \
         kairosdb.datastore.cassandra.row_key_cache_size",
        "ignored, of KairosDB's web server and web pages; not needed here: kairosdb.jetty.threads.max",
        "kairosdb.conf:6 (KairosDB's): kairosdb.jetty.ssl.port is ignored: not supported: there is no TLS here",
        "kairosdb.conf:11 (KairosDB's): kairosdb.telnetserver.adress is ignored: unknown to KairosDB 1.0 to 1.3; \
         did you mean kairosdb.telnetserver.address?",
    ] {
        assert!(log.contains(told), "{told}\n{log}");
    }
    assert!(!log.contains("on all addresses"), "{log}");

    // A line beyond its max_command_size is skipped, and its telnet door has no HTTP.
    let long = format!("put conf.long 1700000000 1 host={}\n", "x".repeat(300));
    send(
        ports.kairos_telnet,
        &format!("{long}put conf.short 1700000000 1 host=a\n"),
    );
    send(ports.graphite, "conf.path;host=b 2 1700000000\n");
    assert_eq!(
        send(ports.kairos_telnet, "GET /api/v1/version HTTP/1.0\r\n\r\n"),
        ""
    );
    let names = || get(ports.http, "/api/v1/metricnames?prefix=conf");
    let end = Instant::now() + ANSWER_WAIT;
    while !names().contains("\"conf.path\",\"conf.short\"") {
        assert!(Instant::now() < end, "{}", names());
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(!names().contains("conf.long"));
}

#[test]
fn all_addresses_are_told_aloud() {
    let scratch = Scratch::new("kairosdb-conf");
    let (process, ports) = start_process("corelane", scratch.path(), |ports| {
        let old = format!("kairosdb.telnetserver.port={}\n", ports.kairos_telnet);
        scratch.write("kairosdb.properties", &old);
        scratch.write("own.toml", &format!("[doors]\nhttp = {}\n", ports.http));
        let own = scratch.path().join("own.toml");
        let own = own.to_str().expect("the project's path is UTF-8");
        command(&scratch, &["kairosdb.properties"], &["--config", own])
    });
    let log = process.log();
    let aloud = format!(
        "as KairosDB, it listens on all addresses of the machine: http 0.0.0.0:{}",
        ports.http
    );
    assert!(log.contains(&aloud), "{log}");
    assert!(
        log.contains(&format!("kairos_telnet on 0.0.0.0:{}", ports.kairos_telnet)),
        "{log}"
    );
    assert!(
        !log.contains("graphite on"),
        "KairosDB has no such doors by itself: {log}"
    );
}

#[test]
fn a_file_that_is_none_is_refused() {
    let scratch = Scratch::new("kairosdb-conf");
    let check = |name: &str, text: &str, want: &str| {
        scratch.write(name, text);
        let (code, out, told) = run(&scratch, name, &[]);
        assert_eq!(code, Some(2), "{told}");
        assert!(told.contains(want) && out.is_empty(), "{want}: {told}");
        assert!(told.len() < 2_000, "{told}");
    };
    check(
        "k.conf",
        "kairosdb {\n",
        "k.conf:1 (KairosDB's): this `{` has no `}`",
    );
    check(
        "k.conf",
        "kairosdb.jetty.port = 99999",
        "`kairosdb.jetty.port`: 99999 is no port",
    );
    check(
        "k.conf",
        &format!("a = {}", "[".repeat(1_000_000)),
        "more than 64 objects and lists",
    );
    check(
        "k.conf",
        "kairosdb.a = ${b}\nb = ${kairosdb.a}",
        "stands for itself",
    );
    check(
        "k.properties",
        "\u{0}\u{1}",
        "this is no text; is it the right file?",
    );
    check("k.toml", "[doors]", "ends neither with .conf");
    let link = scratch.path().join("huge.conf");
    let huge = std::fs::File::create(link).expect("made");
    huge.set_len(1 << 40).expect("a file of 1 TiB of nothing");
    let (code, _, told) = run(&scratch, "huge.conf", &[]);
    assert!(
        code == Some(2) && told.contains("is longer than 1048576 bytes"),
        "{told}"
    );
    let (code, _, told) = run(&scratch, "none.conf", &[]);
    assert!(
        code == Some(2) && told.contains("flag --kairosdb-conf: cannot read"),
        "{told}"
    );
}

#[test]
fn what_is_in_effect_is_printed_with_its_origin() {
    let scratch = Scratch::new("kairosdb-conf");
    scratch.write("k.conf", "kairosdb.jetty { port = 8181, threads.max = 1 }");
    let (code, out, _) = run(&scratch, "k.conf", &["--print-config"]);
    assert_eq!(code, Some(0));
    for want in [
        "k.conf:1 (KairosDB's): kairosdb.jetty.threads.max is ignored: of KairosDB's web server",
        "k.conf:1 (KairosDB's).\nhttp = 8181",
        "# Set by KairosDB's own default.\nhttp_listen = [\"0.0.0.0\", \"::\"]",
    ] {
        assert!(out.contains(want), "{want}: {out}");
    }
}

/// The sum of the values of a metric, by the value of one of its tags; the host and the region of all are as
/// they were told.
fn sums(port: u16, metric: &str, tag: &str) -> BTreeMap<String, i64> {
    let query = format!(
        r#"{{"start_absolute":0,"metrics":[{{"name":"{metric}","tags":{{"host":"n1","region":"eu"}},
           "group_by":[{{"name":"tag","tags":["{tag}"]}}],
           "aggregators":[{{"name":"sum","sampling":{{"value":10,"unit":"years"}}}}]}}]}}"#
    );
    let text = post(port, "/datapoints/query", &query);
    let answer: Value =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let results = answer["queries"][0]["results"].as_array().cloned();
    let results = results.unwrap_or_else(|| panic!("{text}")).into_iter();
    let sum = |result: Value| {
        let key = result["group_by"][0]["group"][tag]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let values = result["values"].as_array().cloned().unwrap_or_default();
        (
            key,
            values.iter().filter_map(|value| value[1].as_i64()).sum(),
        )
    };
    results.map(sum).collect()
}

#[test]
fn what_kairosdb_tells_of_itself_is_stored() {
    let scratch = Scratch::new("kairosdb-conf");
    let (_process, ports) = start_process("corelane", scratch.path(), |ports| {
        let text = format!(
            "{}kairosdb.reporter.schedule = \"* * * * * ?\"\nkairosdb.hostname = n1\n\
             kairosdb.metrics.custom_tags.region = eu\n",
            conf(ports)
        );
        scratch.write("kairosdb.conf", &text);
        command(&scratch, &["kairosdb.conf"], &[])
    });
    let is_up = || get(ports.http, "/ready").contains(" 200 ");
    let end = Instant::now() + ANSWER_WAIT;
    while !is_up() {
        assert!(Instant::now() < end, "not ready");
        std::thread::sleep(Duration::from_millis(20));
    }
    let lines = "put t.a 1700000000 1 h=x\nputm t.b 1700000000000 3 h=x\nputs t.c 1700000000000 word h=x\n\
                 version\nput bad\nbogus\nput t.a 1700000000 2 h==x\n";
    for _ in 0..5 {
        assert!(send(ports.kairos_telnet, lines).starts_with("KairosDB 1.3"));
    }
    let object = |name: &str| {
        format!(
            r#"{{"name":"{name}","tags":{{"h":"x"}},"datapoints":[[1,1],[2,2],[3,"x","nosuch"]]}}"#
        )
    };
    post(
        ports.http,
        "/datapoints",
        &format!("[{},{}]", object("r.a"), object("r.b")),
    );
    post(
        ports.http,
        "/datapoints/query/tags",
        r#"{"start_absolute":0,"metrics":[{"name":"r.a"}]}"#,
    );
    post(
        ports.http,
        "/datapoints/query",
        r#"{"start_absolute":0,"metrics":[{"name":"r.a"},{"name":"r.b"}]}"#,
    );
    post(ports.http, "/datapoints/query", "{}");
    get(ports.http, "/api/v1/nosuch/thing");

    let wait = |metric: &str, tag: &str, want: &[(&str, i64)]| {
        let end = Instant::now() + ANSWER_WAIT;
        loop {
            let sums = sums(ports.http, metric, tag);
            let is_there = |(key, want): &(&str, i64)| sums.get(*key) == Some(want);
            if want.iter().all(is_there) {
                return;
            }
            assert!(Instant::now() < end, "{metric}: {sums:?}, wanted {want:?}");
            std::thread::sleep(Duration::from_millis(100));
        }
    };
    let commands = [("put", 5), ("putm", 5), ("puts", 5), ("version", 5)];
    wait(
        "kairosdb.protocol.telnet_request_count",
        "method",
        &commands,
    );
    wait("kairosdb.http.ingest_count", "host", &[("n1", 4)]);
    let requests = [("datapoints", 1), ("tags", 1), ("other", 1)];
    wait("kairosdb.protocol.http_request_count", "method", &requests);
    wait(
        "kairosdb.datastore.query_sample_size",
        "metric_name",
        &[("r.a", 2), ("r.b", 2)],
    );
    // What is asked here is told, too, but of what is stored for it nothing is.
    let names = post(
        ports.http,
        "/datapoints/query",
        r#"{"start_absolute":0,"metrics":[
        {"name":"kairosdb.http.query_time","group_by":[{"name":"tag","tags":["query_index"]}]},
        {"name":"kairosdb.http.request_time","group_by":[{"name":"tag","tags":["request","status"]}]}]}"#,
    );
    for want in [
        r#""group":{"query_index":"2"}"#,
        r#""group":{"request":"/datapoints/query","status":"success"}"#,
        r#""group":{"request":"/datapoints/query","status":"failed"}"#,
    ] {
        assert!(names.contains(want), "{want}: {names}");
    }
    std::thread::sleep(Duration::from_millis(1_500));
    wait("kairosdb.http.ingest_count", "host", &[("n1", 4)]);
    wait(
        "kairosdb.protocol.telnet_request_count",
        "method",
        &commands,
    );
}
