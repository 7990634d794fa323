//! The real graphite-web: it reads from corelane as from a storage node and evaluates every function
//! itself, and must come to the answers that corelane gives; and it reads whisper files with the same
//! points, and must give the same steps and ranges.
//!
//! The questions are lines in `cases`, `times.txt` and `intervals.txt`, and what `generate.py` nests by
//! chance. What differs and may is listed in `differences.txt`, for the reasons that `DIFFERENCES.md` tells.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::harness::{Appliance, Running, Scratch, free_port, wait_until};
use crate::tools::{connect, folder, have, send_text};

mod fronts;

/// How long one run of questions may take, on a busy machine.
const RUN_WAIT: Duration = Duration::from_secs(240);

fn python(script: &str) -> Command {
    let mut command = Command::new(folder().join("graphite/bin/python"));
    let here = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/graphite/");
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command.arg(format!("{here}{script}"));
    command
}

#[track_caller]
fn drive(kind: &str) {
    if !have("graphite") {
        return;
    }
    let appliance = Appliance::start();
    let scratch = Scratch::new(kind);
    let mut command = python("drive.py");
    command.arg(kind).arg(scratch.path());
    command.arg(appliance.ports.http.to_string());
    command.arg(appliance.ports.graphite.to_string());
    let mut process = Running::start(kind, scratch.path(), &mut command);
    let status = process.wait(RUN_WAIT);
    assert!(status.success(), "{status}\n{}", process.log());
    appliance.stop();
}

#[test]
fn functions_give_what_graphite_web_gives() {
    drive("functions");
}

#[test]
fn times_formats_and_finding_are_graphite_webs() {
    drive("requests");
}

#[test]
fn steps_and_ranges_are_those_of_whisper_files() {
    drive("whisper");
}

/// A graphite-web on a port of its own in front of `appliance`.
struct Front {
    _process: Running,
    _folder: Scratch,
    port: u16,
}

impl Front {
    #[track_caller]
    fn start(appliance: &Appliance, method: &str, format: &str) -> Front {
        let folder = Scratch::new("front");
        let port = free_port();
        let mut command = python("serve.py");
        command.arg(folder.path()).arg(port.to_string());
        let node = format!("127.0.0.1:{}?format={format}", appliance.ports.http);
        command.arg(node).arg(method);
        let process = Running::start("front", folder.path(), &mut command);
        wait_until("graphite-web", Duration::from_secs(60), || {
            let log = process.log();
            if log.contains("serves") {
                Ok(())
            } else {
                Err(log)
            }
        });
        Front {
            _process: process,
            _folder: folder,
            port,
        }
    }

    #[track_caller]
    fn get(&self, path: &str) -> Value {
        let url = format!("http://127.0.0.1:{}{path}", self.port);
        let mut answer = ureq::get(&url)
            .call()
            .unwrap_or_else(|error| panic!("{path}: {error}"));
        let text = answer.body_mut().read_to_string();
        let text = text.unwrap_or_else(|error| panic!("{path}: {error}"));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"))
    }
}

/// A second some days before these tests were written.
const AT: i64 = 1_795_304_880;

#[test]
fn a_real_front_shows_what_this_node_holds() {
    if !have("graphite") {
        return;
    }
    let appliance = Appliance::start();
    let mut text = String::new();
    for nth in 0..10 {
        for name in ["fed.a.x", "fed.b.y", "fed.b", "disk;dc=x"] {
            text += &format!("{name} {nth}.5 {}\n", AT + 60 * nth);
        }
    }
    send_text(appliance.ports.graphite, &text);
    wait_until("all points", Duration::from_secs(10), || {
        match appliance.accepted() {
            40 => Ok(()),
            other => Err(other.to_string()),
        }
    });
    for method in ["get", "post"] {
        let front = Front::start(&appliance, method, "pickle");
        for path in [
            "/metrics/find?query=*".to_owned(),
            "/metrics/find?query=fed.*".to_owned(),
            "/metrics/find?query=fed.*.*".to_owned(),
            "/metrics/find?query=nosuch.*".to_owned(),
            "/metrics/index.json".to_owned(),
            render("fed.*.*"),
            render("fed.b"),
            render("sumSeries(fed.*.*)"),
            render("seriesByTag(%27dc%3Dx%27)"),
            render("nosuch.*"),
        ] {
            let here = appliance.get(&path);
            let here: Value = serde_json::from_str(&here).expect("JSON");
            assert_eq!(front.get(&path), here, "{method} {path}");
        }
    }
    appliance.stop();
}

fn render(target: &str) -> String {
    format!(
        "/render?format=json&target={target}&from={}&until={}",
        AT - 1,
        AT + 540
    )
}
