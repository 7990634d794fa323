//! StatsD (the npm package) with its graphite backend: text, and pickles of strings.

use std::process::Command;
use std::time::Duration;

use crate::harness::{Appliance, Running, Scratch, free_port, now_seconds, wait_until};
use crate::tools::{folder, have, send_datagrams};

const FLUSH_MILLIS: u32 = 1_000;

fn start_statsd(scratch: &Scratch, port: u16, door: &str) -> Running {
    let mgmt_port = free_port();
    let config = format!(
        "{{ port: {port}, address: \"127.0.0.1\", mgmt_address: \"127.0.0.1\", mgmt_port: {mgmt_port},
  flushInterval: {FLUSH_MILLIS}, backends: [\"./backends/graphite\"],
  graphiteHost: \"127.0.0.1\", {door},
  graphite: {{ legacyNamespace: false, globalPrefix: \"APIKEY.stats\" }} }}
"
    );
    let config = scratch.write("statsd.js", &config);
    let mut command = Command::new("node");
    command
        .arg(folder().join("npm/node_modules/statsd/stats.js"))
        .arg(config);
    Running::start("statsd", scratch.path(), &mut command)
}

/// Wait until statsd answers on its own port: what is sent before is lost, as UDP is.
fn wait_for_statsd(statsd: &Running, appliance: &Appliance) {
    wait_until("first flush of statsd", Duration::from_secs(20), || {
        let names = appliance.names();
        if names.iter().any(|name| name.starts_with("APIKEY.stats.")) {
            Ok(())
        } else {
            Err(format!("{names:?}\n{}", statsd.log()))
        }
    });
}

/// All values of `name` since `from`, oldest first.
fn values_since(appliance: &Appliance, name: &str, from: i64) -> Vec<f64> {
    let target = match name.split_once(';') {
        Some((path, tag)) => format!("seriesByTag('name={path}','{tag}')"),
        None => name.to_owned(),
    };
    let answers = appliance.render(&[target], from - 5, now_seconds() + 5);
    let answer = answers.into_iter().find(|answer| answer.name == name);
    answer
        .map(|answer| answer.values().into_values().collect())
        .unwrap_or_default()
}

fn check_statsd(door: impl Fn(&Appliance) -> String) {
    if !have("statsd") {
        return;
    }
    let appliance = Appliance::start();
    let scratch = Scratch::new("statsd");
    let port = free_port();
    let from = now_seconds();
    let statsd = start_statsd(&scratch, port, &door(&appliance));
    wait_for_statsd(&statsd, &appliance);
    let sent: [&[u8]; 3] = [
        b"app.hits:3|c\napp.hits:4|c\napp.temperature:21.5|g\napp.latency:120|ms",
        b"app.sampled:2|c|@0.5",
        b"app.tagged:5|c|#env:prod",
    ];
    send_datagrams(port, sent);
    // Each in one flush only, and nothing or 0 in the others; a gauge stays what it was.
    let tagged_count = "APIKEY.stats.counters.app.tagged.count;env=prod";
    for (name, value, stays) in [
        ("APIKEY.stats.counters.app.hits.count", 7.0, false),
        ("APIKEY.stats.counters.app.hits.rate", 7.0, false),
        ("APIKEY.stats.counters.app.sampled.count", 4.0, false),
        (tagged_count, 5.0, false),
        ("APIKEY.stats.gauges.app.temperature", 21.5, true),
        ("APIKEY.stats.timers.app.latency.upper", 120.0, false),
        ("APIKEY.stats.timers.app.latency.sum", 120.0, false),
        ("APIKEY.stats.timers.app.latency.count", 1.0, false),
    ] {
        wait_until(name, Duration::from_secs(10), || {
            let values = values_since(&appliance, name, from);
            let here = values.iter().filter(|&&got| got == value).count();
            let idle = values.iter().filter(|&&got| got == 0.0).count();
            let right = if stays {
                here >= 3 && idle == 0
            } else {
                here == 1 && here + idle == values.len()
            };
            if right {
                Ok(())
            } else {
                Err(format!("{value} wanted, got {values:?}\n{}", statsd.log()))
            }
        });
    }
    assert_eq!(appliance.refused_in_all(), 0, "statsd sends nothing bad");
    drop(statsd);
    appliance.stop();
}

#[test]
fn statsd_sends_text() {
    check_statsd(|appliance| format!("graphitePort: {}", appliance.ports.graphite));
}

#[test]
fn statsd_sends_pickles_of_strings() {
    check_statsd(|appliance| {
        format!(
            "graphitePicklePort: {}, graphiteProtocol: \"pickle\"",
            appliance.ports.pickle
        )
    });
}
