//! Cases of KairosDB's own tests that hang on its configuration: each is asked of an appliance that was
//! started with that configuration. All others are in `tests/clients/kairosdb/cases.txt`.

use std::time::{Duration, Instant};

use crate::harness::{ANSWER_WAIT, Ports, Running, Scratch, start_process};
use crate::kairosdb_conf::{command, get, http, post, send};

/// An appliance in the place of a KairosDB with `settings`, on the loopback.
fn start(scratch: &Scratch, settings: &str) -> (Running, Ports) {
    let started = start_process("corelane", scratch.path(), |ports| {
        let text = format!(
            "kairosdb {{\n\
             telnetserver {{ port = {}, address = \"127.0.0.1\" }}\n\
             jetty {{ port = {}, address = \"127.0.0.1\" }}\n\
             service.carbon = org.kairosdb.plugin.carbon.CarbonServerModule\n\
             carbon.text {{ port = {}, address = \"127.0.0.1\" }}\n\
             carbon.pickle {{ port = {}, address = \"127.0.0.1\" }}\n\
             {settings}\n}}\n",
            ports.kairos_telnet, ports.http, ports.graphite, ports.pickle
        );
        scratch.write("kairosdb.conf", &text);
        command(scratch, &["kairosdb.conf"], &[])
    });
    let end = Instant::now() + ANSWER_WAIT;
    while !get(started.1.http, "/ready").contains(" 200 ") {
        assert!(Instant::now() < end, "not ready: {}", started.0.log());
        std::thread::sleep(Duration::from_millis(20));
    }
    started
}

/// Wait until what is stored of `metric` is told with `want` in it.
#[track_caller]
fn wait_for(case: &str, port: u16, metric: &str, want: &str) {
    let query = format!(r#"{{"start_absolute":0,"metrics":[{{"name":"{metric}"}}]}}"#);
    let end = Instant::now() + ANSWER_WAIT;
    loop {
        let answer = post(port, "/datapoints/query", &query);
        if answer.contains(want) {
            return;
        }
        assert!(Instant::now() < end, "{case}: {answer}, wanted {want}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The answer to a request: its status and its body.
#[track_caller]
fn check_answer(case: &str, answer: &str, status: u16, body: &str) {
    let (head, told) = answer.split_once("\r\n\r\n").expect("an answer");
    assert!(head.contains(&format!(" {status} ")), "{case}: {answer}");
    assert_eq!(told, body, "{case}");
}

#[test]
fn a_long_line_roll_ups_and_paths_of_hosts() {
    let scratch = Scratch::new("kairosdb-cases");
    let settings = "telnetserver.max_command_size = 4148\n\
                    service.rollups = org.kairosdb.rollup.RollUpModule";
    let (_process, ports) = start(&scratch, settings);

    let (metric, value) = ("m".repeat(2_048), "v".repeat(2_048));
    let line = format!("put {metric} 1700000000 1 k={value}\n");
    let over = format!("put {metric} 1700000000 2 kkk{}={value}\n", "k".repeat(40));
    assert_eq!(send(ports.kairos_telnet, &(over + &line)), "");
    let want = format!(r#""tags":{{"k":["{value}"]}},"values":[[1700000000000,1]]}}"#);
    wait_for("T11", ports.http, &metric, &want);

    let missing = r#"{"errors":["Resource not found for id bogus"]}"#;
    let task = r#"{"name":"t","execution_interval":{"value":1,"unit":"hours"},"rollups":[]}"#;
    for (method, body) in [("GET", ""), ("DELETE", ""), ("PUT", task)] {
        let bytes = body.len();
        let head =
            format!("{method} /api/v1/rollups/bogus HTTP/1.0\r\nContent-Length: {bytes}\r\n\r\n");
        check_answer("P8", &http(ports.http, &(head + body)), 404, missing);
    }

    let lines = "test.nan_host.n NaN 1700000000\ntest.nan_host.n Infinity 1700000000\n\
                 test.nan_host.n -Infinity 1700000000\ntest.host_name.metric_name 12.34 1700000000\n";
    send(ports.graphite, lines);
    let want = r#""tags":{"host":["host_name"]},"values":[[1700000000000,12.34]]}"#;
    wait_for("P9", ports.http, "test.metric_name", want);
    let names = get(ports.http, "/api/v1/metricnames?prefix=test");
    check_answer("P10", &names, 200, r#"{"results":["test.metric_name"]}"#);
}

#[test]
fn a_server_of_queries_and_paths_with_tags() {
    let scratch = Scratch::new("kairosdb-cases");
    let settings = "server.type = QUERY\n\
                    carbon.tag_parser = org.kairosdb.plugin.carbon.GraphiteTagsParser";
    let (_process, ports) = start(&scratch, settings);

    let refused =
        r#"{"errors": ["Forbidden: INGEST API methods are disabled on this KairosDB instance."]}"#;
    for body in [
        "",
        "[",
        r#"[{"name":"m","timestamp":1,"value":1,"tags":{"a":"b"}}]"#,
    ] {
        let bytes = body.len();
        let head = format!("POST /api/v1/datapoints HTTP/1.0\r\nContent-Length: {bytes}\r\n\r\n");
        check_answer("R17", &http(ports.http, &(head + body)), 403, refused);
    }

    send(
        ports.graphite,
        "foo.bar.plain 7 1700000000\nfoo.bar.cpu;host=x.y;cpuid=0 7 1700000000\n",
    );
    let want = r#""tags":{"cpuid":["0"],"host":["x.y"]},"values":[[1700000000000,7]]}"#;
    wait_for("P11", ports.http, "foo.bar.cpu", want);
    let names = get(ports.http, "/api/v1/metricnames?prefix=foo");
    check_answer("P11", &names, 200, r#"{"results":["foo.bar.cpu"]}"#);
}
