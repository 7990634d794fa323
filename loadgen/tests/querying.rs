//! Runs of the binary that ask as dashboards do, against a small server that evaluates what it is
//! asked for from the lines it received.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod boards;

use std::process::Command;

use boards::{Boards, Fault};
use serde_json::Value;

/// A run; gives the JSON line and what went to the errors.
#[track_caller]
fn run(boards: &Boards, flags: &str, code: i32) -> (Value, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_loadgen"))
        .args(["--json", "--series", "700", "--start", "1700000000"])
        .args(["--target", &boards.lines.to_string()])
        .args(
            flags
                .replace("URL", &format!("http://{}", boards.http))
                .split_whitespace(),
        )
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(code), "{flags}: {text}{errors}");
    (serde_json::from_str(&text).unwrap_or_default(), errors)
}

const SEND: &str = "--max --rounds 130";
const ASK: &str = "--rounds 130 --query-only --query URL --duration 1 --query-refresh 0.5 \
                   --query-panels 14 --query-window 100";

#[test]
fn every_kind_of_panel_is_asked_and_compared() {
    for (names, kinds) in [
        ("", "raw,sum,group,summarize,moving,find-level,find-glob"),
        (
            "--prefix run.one",
            "raw,sum,group,summarize,moving,find-level,find-glob",
        ),
        ("--tags", "raw,sum,group,summarize,moving,tag"),
        (
            "--tags --prefix run.one",
            "raw,sum,group,summarize,moving,tag",
        ),
    ] {
        let boards = Boards::start(Fault::None);
        run(&boards, &format!("{SEND} {names}"), 0);
        let (report, _) = run(&boards, &format!("{ASK} {names} --query-users 2"), 0);
        let query = &report["query"];
        // Two refreshes of two users.
        assert_eq!(query["all"]["queries"], 2 * 2 * 14, "{names}");
        assert_eq!(query["all"]["wrong"], 0);
        let asked: Vec<&str> = query["kinds"]
            .as_array()
            .unwrap()
            .iter()
            .inspect(|kind| assert!(4 <= kind["queries"].as_u64().unwrap(), "{kind}"))
            .inspect(|kind| assert!(0.0 < kind["p99_us"].as_f64().unwrap(), "{kind}"))
            .inspect(|kind| assert!(8 <= kind["compared"].as_u64().unwrap(), "{kind}"))
            .map(|kind| kind["kind"].as_str().unwrap())
            .collect();
        assert_eq!(asked.join(","), kinds);
    }
}

#[test]
fn it_asks_while_it_sends_and_goes_on_behind_an_earlier_run() {
    let boards = Boards::start(Fault::None);
    run(&boards, "--max --rounds 70", 0);
    let flags = "--rate 7000 --step 1 --resume 70 --duration 2 --connections 3 \
                 --query URL --verify-wait 0.5 --query-refresh 0.2 --query-panels 14 --query-window 60";
    let (report, _) = run(&boards, flags, 0);
    assert_eq!(report["points"], 2 * 7_000);
    assert_eq!(report["rounds_max"], 90);
    let all = &report["query"]["all"];
    assert!(100 < all["queries"].as_u64().unwrap(), "{all}");
    assert_eq!((&all["failed"], &all["wrong"]), (&0.into(), &0.into()));
}

#[test]
fn what_came_a_moment_ago_may_be_missing_and_what_is_old_may_not() {
    let boards = Boards::start(Fault::Stale);
    let flags = "--rate 7000 --step 1 --duration 1 --query URL --query-kinds raw,group,sum \
                 --query-refresh 0.2 --query-window 60 --verify-wait 5";
    run(&boards, flags, 0);
    let (report, errors) = run(&boards, &ASK.replace("130", "10"), 1);
    assert!(0 < report["query"]["all"]["wrong"].as_u64().unwrap());
    assert!(errors.contains("at 1700000009: expected"), "{errors}");
}

#[test]
fn what_is_wrong_is_found_and_told() {
    for (fault, kinds, told) in [
        (Fault::ChangeValue, "raw", ", got "),
        (Fault::ChangeValue, "sum", " to "),
        (Fault::ChangeValue, "moving", ", got "),
        (Fault::DropSeries, "group", "is not there"),
        (Fault::DropSeries, "sum", "there is no series"),
        (Fault::DropOld, "summarize", "got nothing"),
        (Fault::Invent, "raw", "expected nothing, got 1"),
        (Fault::DropNode, "find-level", "is not there"),
        (Fault::Refuse, "raw", "503"),
        (Fault::Partial, "raw", "in part: replay"),
    ] {
        let boards = Boards::start(fault);
        run(&boards, "--max --rounds 130", 0);
        let (report, errors) = run(&boards, &format!("{ASK} --query-kinds {kinds}"), 1);
        assert!(errors.contains(told), "{fault:?} {kinds}: {errors}");
        let all = &report["query"]["all"];
        let bad = all["wrong"].as_u64().unwrap() + all["failed"].as_u64().unwrap();
        assert!(0 < bad, "{fault:?} {kinds}: {all}");
    }
}

#[test]
fn latencies_count_from_the_moment_a_question_was_due() {
    let boards = Boards::start(Fault::Slow);
    run(&boards, "--max --rounds 130", 0);
    // Ten questions of 200 ms at once over one connection.
    let flags =
        format!("{ASK} --query-kinds raw --query-panels 10 --query-at-once --query-connections 1");
    let (report, _) = run(
        &boards,
        &flags
            .replace("--query-panels 14 ", "")
            .replace("--query-refresh 0.5", "--query-refresh 9"),
        0,
    );
    let all = &report["query"]["all"];
    assert_eq!(all["queries"], 10);
    let milliseconds = |name: &str| all[name].as_f64().unwrap() / 1e3;
    assert!(1_900.0 < milliseconds("max_us"), "{all}");
    // The fifth waits for four others, on a busy machine for longer; never as long as the last.
    let middle = milliseconds("p50_us");
    assert!(
        800.0 < middle && middle < 0.8 * milliseconds("max_us"),
        "{all}"
    );
    assert!(1_700_000.0 < report["query"]["late_max_us"].as_f64().unwrap());
}

#[test]
fn what_cannot_be_asked_says_what_to_do() {
    let boards = Boards::start(Fault::None);
    for (flags, advice) in [
        ("--query URL --churn 10", "without --churn"),
        ("--query URL --protocol udp", "datagrams"),
        ("--query URL --step 7", "--step that servers use"),
        ("--query URL --query-kinds tag", "tagged (--tags)"),
        ("--query URL --tags --query-kinds find-glob", "dotted"),
        ("--query URL --query-panels 0", "from 1 to"),
        ("--query URL --query-refresh 0", "--query-refresh"),
        ("--query http://192.0.2.1:8080", "--allow-remote"),
        ("--query-only", "--query"),
        ("--query-panels 3", "--query"),
    ] {
        let (_, errors) = run(&boards, flags, 2);
        assert!(errors.contains(advice), "{flags}: {errors}");
    }
}
