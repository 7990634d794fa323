//! carbon-relay of graphite-carbon: pickles and lines out, the reference of both.

use std::process::Command;
use std::time::Duration;

use crate::harness::{Appliance, Point, Running, Scratch, check_points, free_port, wait_until};
use crate::tools::{have, send_text};

/// A second some days before these tests were written.
const AT: i64 = 1_795_304_865;

/// A carbon-relay that listens for lines and sends on to one door.
struct Relay {
    _process: Running,
    _folder: Scratch,
    line_port: u16,
}

fn start_relay(protocol: &str, destination: u16) -> Relay {
    let folder = Scratch::new("carbon-relay");
    let line_port = free_port();
    let pickle_port = free_port();
    let here = folder.path().display();
    let config = format!(
        "[relay]
USER =
LINE_RECEIVER_INTERFACE = 127.0.0.1
LINE_RECEIVER_PORT = {line_port}
PICKLE_RECEIVER_INTERFACE = 127.0.0.1
PICKLE_RECEIVER_PORT = {pickle_port}
DESTINATIONS = 127.0.0.1:{destination}
DESTINATION_PROTOCOL = {protocol}
RELAY_METHOD = rules
MAX_DATAPOINTS_PER_MESSAGE = 500
MAX_QUEUE_SIZE = 10000
USE_FLOW_CONTROL = True
CARBON_METRIC_INTERVAL = 1
TAG_RELAY_NORMALIZED = True
LOCAL_DATA_DIR = {here}/
STORAGE_DIR = {here}/
CONF_DIR = {here}/
LOG_DIR = {here}/
PID_DIR = {here}/
"
    );
    let config = folder.write("carbon.conf", &config);
    folder.write(
        "storage-schemas.conf",
        "[all]\npattern = .*\nretentions = 1s:1h\n",
    );
    let rules = format!("[default]\ndefault = true\ndestinations = 127.0.0.1:{destination}\n");
    let rules = folder.write("relay-rules.conf", &rules);
    let mut command = Command::new("carbon-relay");
    command.arg(format!("--config={}", config.display()));
    command.arg(format!("--rules={}", rules.display()));
    command
        .arg(format!("--logdir={here}"))
        .arg(format!("--pidfile={here}/pid"));
    command.args(["--instance=a", "--nodaemon", "start"]);
    let process = Running::start("carbon-relay", folder.path(), &mut command);
    Relay {
        _process: process,
        _folder: folder,
        line_port,
    }
}

/// Lines for the relay, and the points they must become.
fn workload() -> (String, Vec<Point>) {
    let mut text = String::new();
    let mut points = Vec::new();
    // More than 500 items and 255 memo slots a message.
    for nth in 0..700_i64 {
        let name = format!("APIKEY.relay.host{:03}.cpu", nth % 350);
        let at = AT + nth / 350;
        text += &format!("{name} {nth}.25 {at}\n");
        points.push(Point::new(&name, at as f64, nth as f64 + 0.25));
    }
    for (sent, name, value) in [
        (
            "APIKEY.disk.used;host=web01;dc=ams 93.2",
            "APIKEY.disk.used;dc=ams;host=web01",
            93.2,
        ),
        (
            "APIKEY.big 1.8446744073709552e+19",
            "APIKEY.big",
            18_446_744_073_709_551_616.0,
        ),
        ("APIKEY.neg -3e-7", "APIKEY.neg", -3e-7),
        ("APIKEY.disk_/var 5", "APIKEY.disk_/var", 5.0),
        (
            "APIKEY.temp\u{e9}rature 21.5",
            "APIKEY.temp\u{e9}rature",
            21.5,
        ),
    ] {
        text += &format!("{sent} {AT}\n");
        points.push(Point::new(name, AT as f64, value));
    }
    (text, points)
}

fn check_relay(protocol: &str, door: impl Fn(&Appliance) -> u16) {
    if !have("carbon-relay") {
        return;
    }
    let appliance = Appliance::start();
    let relay = start_relay(protocol, door(&appliance));
    let (text, points) = workload();
    send_text(relay.line_port, &text);
    check_points(&appliance, &points);
    // Its own metrics, one of them named after the destination, colons and all.
    wait_until(
        "metrics of the relay itself",
        Duration::from_secs(10),
        || {
            let names = appliance.names();
            let own = names.iter().any(|name| {
                name.starts_with("carbon.relays.")
                    && name.contains(":None")
                    && name.ends_with(".sent")
            });
            if own {
                Ok(())
            } else {
                Err(format!("{names:?}"))
            }
        },
    );
    assert_eq!(
        appliance.refused_in_all(),
        0,
        "carbon-relay sends nothing bad"
    );
    drop(relay);
    appliance.stop();
}

#[test]
fn carbon_relay_sends_pickles() {
    check_relay("pickle", |appliance| appliance.ports.pickle);
}

#[test]
fn carbon_relay_sends_lines() {
    check_relay("line", |appliance| appliance.ports.graphite);
}
