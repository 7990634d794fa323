//! Dropwizard metrics, the standard of Java services: lines, datagrams of one line, and pickles of
//! strings whose length goes out in a write of its own.

use std::path::Path;
use std::process::Command;

use crate::harness::{Appliance, Running, Scratch};
use crate::tools::{Ran, have, note_of};

fn check_reporter(way: &str, door: impl Fn(&Appliance) -> u16) {
    if !have("dropwizard") {
        return;
    }
    let appliance = Appliance::start();
    let scratch = Scratch::new("dropwizard");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/Reporter.java");
    let mut command = Command::new("java");
    command.args([
        "-Xmx64m",
        "-XX:TieredStopAtLevel=1",
        "-cp",
        &note_of("dropwizard"),
    ]);
    command
        .arg(source)
        .arg(way)
        .arg(door(&appliance).to_string());
    let ran = Ran::of(Running::start("java", scratch.path(), &mut command));
    ran.check(
        &appliance,
        &[
            ("APIKEY.myapp.requests.count", 42.0),
            ("APIKEY.myapp.hits.count", 7.0),
            ("APIKEY.myapp.size.max", 300.0),
            ("APIKEY.myapp.size.p999", 300.0),
            ("APIKEY.myapp.latency.max", 120.0),
            ("APIKEY.myapp.gauge.int", 7.0),
            ("APIKEY.myapp.gauge.double", 7.12),
            ("APIKEY.myapp.has-space", 9_223_372_036_854_775_807.0),
        ],
    );
    assert_eq!(appliance.refused("nan"), 1, "the gauge that is no number");
    assert_eq!(appliance.refused_in_all(), 1);
    appliance.stop();
}

#[test]
fn dropwizard_sends_lines() {
    check_reporter("lines", |appliance| appliance.ports.graphite);
}

#[test]
fn dropwizard_sends_pickles_of_strings() {
    check_reporter("pickles", |appliance| appliance.ports.pickle);
}

#[test]
fn dropwizard_sends_datagrams() {
    check_reporter("datagrams", |appliance| appliance.ports.graphite_udp);
}
