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
const RUN_WAIT: Duration = Duration::from_secs(400);

fn python(script: &str) -> Command {
    let mut command = Command::new(folder().join("graphite/bin/python"));
    let here = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/graphite/");
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command.arg(format!("{here}{script}"));
    command
}

#[track_caller]
fn drive(kind: &str) {
    run(kind, python("drive.py").arg(kind));
}

/// Run a script to its end: it gets a folder, and the ports of an appliance for HTTP and for lines.
#[track_caller]
fn run(kind: &str, command: &mut Command) {
    if !have("graphite") {
        return;
    }
    let appliance = Appliance::start();
    let scratch = Scratch::new(kind);
    command.arg(scratch.path());
    command.arg(appliance.ports.http.to_string());
    command.arg(appliance.ports.graphite.to_string());
    let mut process = Running::start(kind, scratch.path(), command);
    let status = process.wait(RUN_WAIT);
    assert!(status.success(), "{status}\n{}", process.log());
    appliance.stop();
}

#[test]
fn functions_give_what_graphite_web_gives() {
    drive("functions");
}

/// The same where graphite-web checks arguments, which it does not as it ships.
#[test]
fn functions_give_what_a_checking_graphite_web_gives() {
    drive("checked");
}

#[test]
fn tags_are_those_of_graphite_web() {
    drive("tags");
}

#[test]
fn times_formats_and_finding_are_graphite_webs() {
    drive("requests");
}

#[test]
fn steps_and_ranges_are_those_of_whisper_files() {
    drive("whisper");
}

/// The page of ten pairs that people look at, see `pairs.py`.
#[test]
fn ten_pictures_have_a_counterpart() {
    run("pairs", &mut python("pairs.py"));
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
    for (method, format) in [("get", "pickle"), ("post", "pickle"), ("get", "msgpack")] {
        let front = Front::start(&appliance, method, format);
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
            assert_eq!(front.get(&path), here, "{method} {format} {path}");
        }
    }
    appliance.stop();
}

/// What is refused is an empty answer to a front: as graphite-web ships, another status would silence the
/// node for a minute, for all that others ask.
#[test]
fn a_refused_question_does_not_silence_the_node() {
    if !have("graphite") {
        return;
    }
    let appliance = Appliance::start();
    send_text(appliance.ports.graphite, &format!("fed.a 1.5 {AT}\n"));
    wait_until("the point", Duration::from_secs(10), || {
        match appliance.accepted() {
            1 => Ok(()),
            other => Err(other.to_string()),
        }
    });
    let whole: Value = serde_json::from_str(&appliance.get(&render("fed.a"))).expect("JSON");
    assert_eq!(whole[0]["target"], "fed.a");
    for format in ["pickle", "msgpack"] {
        let front = Front::start(&appliance, "get", format);
        for refused in [
            render("seriesByTag(%27bad%27)"),
            render("seriesByTag(%27a%3D~(%27)"),
            render(&format!("fed.{}", "%7Ba,b%7D".repeat(20))),
            format!("/metrics/find?query=fed.{}", "%7Ba,b%7D".repeat(20)),
            "/tags/autoComplete/tags?expr=bad".to_owned(),
            "/tags/autoComplete/values?expr=bad&tag=x".to_owned(),
        ] {
            assert_eq!(front.get(&refused), Value::Array(Vec::new()), "{refused}");
            assert_eq!(
                front.get(&render("fed.a")),
                whole,
                "{format} after {refused}"
            );
        }
        let log = appliance.log();
        assert!(log.contains("a question of a front is refused"), "{log}");
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
