//! The log's lines about slow questions, with `query.slow_ms` as low as it goes.

use std::io::Write;
use std::time::Duration;

use crate::harness::{Appliance, Scratch, wait_until};
use crate::hostile::connect;

const SERIES: usize = 3_000;

#[test]
fn slow_questions_are_in_the_log() {
    let folder = Scratch::new("slow");
    let file = folder.write("corelane.toml", "[query]\nslow_ms = 1\n");
    let file = file.to_str().expect("a path of plain text").to_owned();
    let appliance = Appliance::start_with(&["--config", &file]);
    let lines: String = (0..SERIES)
        .map(|i| format!("slow.s{i} 1 1700000000\nslow.t;n={i} 1 1700000000\n"))
        .collect();
    let mut stream = connect(appliance.ports.graphite);
    stream.write_all(lines.as_bytes()).expect("taken");
    wait_until("the points", Duration::from_secs(20), || {
        match appliance.accepted() {
            accepted if accepted == 2 * SERIES as u64 => Ok(()),
            other => Err(other.to_string()),
        }
    });
    let range = "from=1699999999&until=1700000010";
    // What the line must have: it is asked until it does, for a machine may be quick now and then.
    let check = |path: &str, parts: &[&str]| {
        wait_until(path, Duration::from_secs(20), || {
            appliance.get(path);
            let log = appliance.log();
            let has_all = |line: &str| parts.iter().all(|part| line.contains(part));
            match log.lines().any(has_all) {
                true => Ok(()),
                false => Err(log),
            }
        });
    };
    check(
        &format!("/render?target=sumSeries(slow.*)&format=json&{range}"),
        &[
            "slow query",
            "sumSeries(slow.*)",
            "took_ms=",
            "rows of slow.*, sum",
            "points read",
        ],
    );
    check(
        "/metrics/find?query=slow.*",
        &["slow query", "/metrics/find", "query=slow.*", "took_ms="],
    );
    check(
        "/tags/autoComplete/values?tag=n&expr=name=slow.t",
        &[
            "slow query",
            "/tags/autoComplete/values",
            "tag=n expr=name=slow.t",
        ],
    );
    appliance.stop();
}

/// As it ships, a question that takes a few milliseconds is not worth a line.
#[test]
fn quick_questions_are_not_in_the_log() {
    let appliance = Appliance::start();
    appliance.get("/render?target=a.*&format=json");
    appliance.get("/metrics/find?query=*");
    let log = appliance.log();
    assert!(!log.contains("slow query"), "{log}");
    appliance.stop();
}
