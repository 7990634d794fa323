//! KairosDB's queries of the real binary: series on several shards, in files and in memory.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Appliance, wait_until};
use crate::telnet::query;

const BEGIN: i64 = 1_700_000_000_000;
const POINTS: i64 = 600;

/// Points of three series, each by a connection of its own, so that any shard may get any of them.
fn send(appliance: &Appliance, from: i64, until: i64) {
    for begin in (from..until).step_by(50) {
        let end = (begin + 50).min(until);
        for (host, kind) in [("a", "long"), ("b", "double"), ("c", "double")] {
            let points: Vec<String> = (begin..end)
                .map(|i| format!("[{},{}]", BEGIN + i * 1000, i % 100))
                .collect();
            let body = format!(
                r#"{{"name":"q","type":"{kind}","tags":{{"host":"{host}","dc":"x"}},"datapoints":[{}]}}"#,
                points.join(",")
            );
            let answered = appliance.try_post_body("/api/v1/datapoints", &body);
            assert_eq!(answered.map(|(status, _)| status), Ok(204));
        }
    }
}

fn ask(appliance: &Appliance, rest: &str) -> Value {
    let body = format!(r#"{{"start_absolute":{BEGIN},"metrics":[{{"name":"q"{rest}}}]}}"#);
    let answered = appliance.try_post_body("/api/v1/datapoints/query", &body);
    let (status, text) = answered.expect("an answer");
    assert_eq!(status, 200, "{rest}: {text}");
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn cells_are_what_points_come_to_wherever_they_lie() {
    let appliance = Appliance::start_with(&["--shards", "2", "--steering", "flow"]);
    send(&appliance, 0, POINTS / 2);
    assert_eq!(
        appliance.try_post("/admin/seal").map(|(status, _)| status),
        Ok(200)
    );
    // Some arrive again, behind what is in files.
    send(&appliance, POINTS / 3, POINTS);
    let by_host = r#","group_by":[{"name":"tag","tags":["host"]}]"#;
    for name in ["avg", "sum", "min", "max", "count", "first", "last", "dev"] {
        for unit in [
            r#"{"value":"1","unit":"minutes"}"#,
            r#"{"value":7,"unit":"seconds"}"#,
        ] {
            for group in ["", by_host] {
                let step =
                    format!(r#"{group},"aggregators":[{{"name":"{name}","sampling":{unit}}}]"#);
                // What is limited is computed from all points in one place; this limit cuts nothing.
                let folded = ask(&appliance, &step);
                let plain = ask(&appliance, &format!(r#"{step},"limit":1000000"#));
                if name != "dev" {
                    assert_eq!(folded, plain, "{step}");
                }
                assert_eq!(folded["queries"][0]["sample_size"], 3 * POINTS, "{step}");
                assert_eq!(plain["queries"][0]["sample_size"], 3 * POINTS, "{step}");
            }
        }
    }
    let sums = ask(
        &appliance,
        r#","tags":{"host":["b","c"]},"aggregators":[{"name":"sum","align_start_time":true,"sampling":{"value":100,"unit":"seconds"}}]"#,
    );
    let values = sums["queries"][0]["results"][0]["values"].as_array();
    let total: f64 = values
        .into_iter()
        .flatten()
        .filter_map(|pair| pair[1].as_f64())
        .sum();
    // Twice, and as often as 100 goes into the points, the sum of 0 to 99.
    assert_eq!(total, (2 * POINTS / 100 * 4950) as f64);
    let raw = ask(
        &appliance,
        r#","tags":{"host":"a"},"order":"desc","limit":2"#,
    );
    let results = &raw["queries"][0]["results"];
    assert_eq!(results[0]["values"][0][1], (POINTS - 1) % 100);
    assert_eq!(results[0]["values"].as_array().map(Vec::len), Some(2));
    let tags = r#"{"start_absolute":0,"metrics":[{"name":"q","tags":{"host":["a","b"]}}]}"#;
    let told = appliance
        .try_post_body("/api/v1/datapoints/query/tags", tags)
        .expect("an answer");
    let want = r#"{"queries":[{"results":[{"name":"q","tags":{"dc":["x"],"host":["a","b"]},"values":[]}]}]}"#;
    assert_eq!(told, (200, want.to_owned()));
    appliance.stop();
}

/// What came in by the doors of one system is there for the questions of the other, and a name with the same
/// tags is the same series whoever sent it.
#[test]
fn one_name_is_one_series_at_all_doors() {
    let appliance = Appliance::start_with(&["--shards", "2"]);
    let send = |port: u16, text: &str| {
        let mut door = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("a connection");
        door.write_all(text.as_bytes()).expect("sent");
    };
    let lines = "one.cpu;host=a 1.5 1700000000\nplain.path 7.25 1700000000\n";
    send(appliance.ports.graphite, lines);
    let puts = "put one.cpu 1700000001 2.5 host=a\nput one.disk 1700000000 3.5 host=a\n";
    send(appliance.ports.kairos_telnet, puts);
    let body = r#"{"name":"one.cpu","timestamp":1700000002000,"value":3.5,"tags":{"host":"a"}}"#;
    let answered = appliance.try_post_body("/api/v1/datapoints", body);
    assert_eq!(answered.map(|(status, _)| status), Ok(204));
    wait_until("five points", Duration::from_secs(20), || {
        match appliance.accepted() {
            5 => Ok(()),
            other => Err(format!("{other} are there")),
        }
    });

    let tags = json!({"host": ["a"]});
    let want = json!([[BEGIN, 1.5], [BEGIN + 1000, 2.5], [BEGIN + 2000, 3.5]]);
    assert_eq!(query(&appliance, "one.cpu"), [(tags, want)]);
    let want = json!([[BEGIN, 7.25]]);
    assert_eq!(query(&appliance, "plain.path"), [(json!({}), want)]);

    let targets = ["seriesByTag('host=a')".to_owned(), "plain.path".to_owned()];
    let begin = BEGIN / 1000;
    let found = appliance.render(&targets, begin - 1, begin + 5);
    let found: BTreeMap<_, _> = found
        .into_iter()
        .map(|series| (series.name.clone(), series.values()))
        .collect();
    let from_begin = |values: &[f64]| (begin..).zip(values.iter().copied()).collect();
    let want: BTreeMap<String, BTreeMap<i64, f64>> = [
        ("one.cpu;host=a", from_begin(&[1.5, 2.5, 3.5])),
        ("one.disk;host=a", from_begin(&[3.5])),
        ("plain.path", from_begin(&[7.25])),
    ]
    .map(|(name, values)| (name.to_owned(), values))
    .into();
    assert_eq!(found, want);
    appliance.stop();
}
