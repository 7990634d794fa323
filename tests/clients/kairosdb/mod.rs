//! The real KairosDB: corelane must give the answers that it gives.
//!
//! `drive.py` asks both the same: cases whose answers are known, and lines, bodies, queries and requests
//! that chance makes. What differs and may is listed in `differences.txt`, for the reasons that
//! `DIFFERENCES.md` tells.

use std::process::Command;
use std::time::Duration;

use crate::harness::{Appliance, Running, Scratch};
use crate::tools::{have, note_of};

mod shipped;
pub(crate) mod stored;

/// How long one run of questions may take, on a busy machine.
const RUN_WAIT: Duration = Duration::from_secs(240);

/// Where corelane does better by default, it is told to do as KairosDB does.
const AS_KAIROSDB: &str = "[telnet]\nline_bytes_max = 1024\ncharset = \"latin1\"\n";
/// What is off by default, there too.
const ROLLUPS: &str = "[kairosdb]\nrollups = true\n";

#[track_caller]
fn drive(kinds: &str, jars: &str) {
    let scratch = Scratch::new("kairosdb");
    let more = if kinds == "rollups" { ROLLUPS } else { "" };
    let config = scratch.write("corelane.toml", &format!("{AS_KAIROSDB}{more}"));
    let config = config.to_str().expect("the project's path is UTF-8");
    let appliance = Appliance::start_with(&["--shards", "2", "--config", config]);
    let mut command = Command::new("python3");
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command.arg(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/clients/kairosdb/drive.py"
    ));
    command
        .arg(kinds)
        .arg(scratch.path().join("real"))
        .arg(jars);
    command.arg(appliance.ports.kairos_telnet.to_string());
    command.arg(appliance.ports.http.to_string());
    let mut process = Running::start("drive", scratch.path(), &mut command);
    let status = process.wait(RUN_WAIT);
    assert!(status.success(), "{status}\n{}", process.log());
    appliance.stop();
}

#[track_caller]
fn drive_both(kinds: &str) {
    if have("kairosdb") {
        drive(kinds, &note_of("kairosdb"));
    }
}

#[test]
fn the_known_cases_hold() {
    drive("cases", "-");
}

#[test]
fn the_known_cases_hold_for_kairosdb_too() {
    drive_both("cases");
}

#[test]
fn what_is_sent_is_stored_as_kairosdb_stores_it() {
    drive_both("lines,bodies,deletes");
}

#[test]
fn queries_and_requests_are_answered_as_by_kairosdb() {
    drive_both("queries,mistakes,requests");
}

#[test]
fn what_is_saved_and_rolled_up_is_what_kairosdb_writes() {
    drive_both("rollups");
}

#[test]
fn what_a_kairosdb_holds_moves_in_and_out_again() {
    if !have("kairosdb") {
        return;
    }
    let scratch = Scratch::new("moving");
    let appliance = Appliance::start();
    let mut command = Command::new("python3");
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/clients/kairosdb/moving.py"
        ))
        .arg(env!("CARGO_BIN_EXE_corelane"))
        .arg(scratch.path().join("moving"))
        .arg(note_of("kairosdb"))
        .arg(appliance.ports.http.to_string());
    let mut process = Running::start("moving", scratch.path(), &mut command);
    let status = process.wait(RUN_WAIT);
    assert!(status.success(), "{status}\n{}", process.log());
    appliance.stop();
}
