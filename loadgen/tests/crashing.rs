//! `--crash` against a server that keeps its word, and against one that breaks it in each way that
//! the verifier is there to find.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "the fake server has faults for other tests too")]

mod fake;

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use fake::{Fake, Fault, Life};
use loadgen::crash::host::Host;
use loadgen::crash::senders::Lines;
use loadgen::crash::{Breach, Plan, Summary, run};

/// The fake as a server that can be killed.
struct InProcess {
    fake: Arc<Fake>,
    life: Option<Life>,
}

impl Host for InProcess {
    fn start(&mut self) -> Result<()> {
        self.life = Some(self.fake.start());
        Ok(())
    }

    fn kill(&mut self) -> Result<()> {
        if let Some(life) = self.life.take() {
            self.fake.kill(life);
        }
        Ok(())
    }

    fn ended(&mut self) -> Option<String> {
        None
    }
}

impl Drop for InProcess {
    fn drop(&mut self) {
        self.kill().unwrap();
    }
}

fn plan(fake: &Fake, seed: u64) -> Plan {
    Plan {
        rest: Some(fake.http),
        lines: Some(fake.lines),
        line_form: Lines::default(),
        url: format!("http://{}", fake.http),
        loops: 5,
        flow_max: Duration::from_millis(250),
        points_per_second: 4_000.0,
        series: 60,
        connections: 3,
        batch: 7,
        write: 9,
        prefix: "drill".into(),
        seed,
        start_s: 1_700_000_000,
        lost_max: Duration::from_secs(5),
        ready_max: Duration::from_secs(10),
    }
}

/// Runs against a server with this fault; gives what it found and what it said.
fn drill(fault: Fault, change: impl FnOnce(&mut Plan)) -> (Result<Summary>, Vec<String>) {
    let fake = Fake::new(fault);
    let mut plan = plan(&fake, 3);
    change(&mut plan);
    let mut said = Vec::new();
    let mut host = InProcess { fake, life: None };
    let outcome = run(&plan, &mut host, &mut |text| said.push(text.to_owned()));
    (outcome, said)
}

#[track_caller]
fn check_breach(fault: Fault, change: impl FnOnce(&mut Plan), words: &str) {
    let (outcome, said) = drill(fault, change);
    let error = outcome.expect_err("the fault must be found");
    let breach = error
        .downcast_ref::<Breach>()
        .unwrap_or_else(|| panic!("{error:#}"));
    assert!(
        breach.0.contains(words),
        "{fault:?}: {breach}\n{}",
        said.join("\n")
    );
}

#[test]
fn a_server_that_keeps_its_word_passes() {
    let (outcome, said) = drill(Fault::None, |_| ());
    let summary = outcome.unwrap_or_else(|error| panic!("{error:#}\n{}", said.join("\n")));
    assert_eq!(said.len(), 5);
    assert_eq!(summary.loops, 5);
    assert!(5 <= summary.kills, "{summary:?}");
    assert!(
        0 < summary.acknowledged && 0 < summary.busy && 0 < summary.lines,
        "{summary:?}"
    );
    assert_eq!(summary.lost_ms.len(), 5);
}

#[test]
fn kairosdbs_lines_are_lines_too() {
    let (outcome, said) = drill(Fault::None, |plan| {
        plan.line_form = Lines::Telnet;
        plan.rest = None;
    });
    let summary = outcome.unwrap_or_else(|error| panic!("{error:#}\n{}", said.join("\n")));
    assert!(0 < summary.lines, "{summary:?}");
}

#[test]
fn a_lost_acknowledged_point_is_found() {
    check_breach(Fault::LoseAcknowledged, |_| (), "was safe (acknowledged");
}

#[test]
fn a_changed_value_is_found() {
    check_breach(Fault::ChangeValue, |_| (), "was sent, ");
}

#[test]
fn a_hole_in_the_lines_is_found() {
    check_breach(
        Fault::PunchHole,
        |plan| plan.rest = None,
        "a hole in the lines of connection",
    );
}

#[test]
fn an_invented_point_is_found() {
    check_breach(Fault::Invent, |_| (), "1 is answered and was never sent");
}

#[test]
fn old_points_that_vanish_later_are_found() {
    check_breach(Fault::ForgetOld, |_| (), "at 1700000000000 ms: ");
}

#[test]
fn lines_kept_too_late_are_found() {
    let change = |plan: &mut Plan| {
        plan.lost_max = Duration::from_millis(100);
        plan.rest = None;
        plan.flow_max = Duration::from_millis(900);
    };
    check_breach(
        Fault::SyncLate,
        change,
        "more than --lost-ms-max 100 allows",
    );
}

#[test]
fn a_lost_line_that_comes_back_is_found() {
    check_breach(Fault::ComeBack, |plan| plan.rest = None, "came back");
}

#[test]
fn a_point_answered_twice_is_found() {
    check_breach(Fault::AnswerTwice, |_| (), "more than once");
}

#[test]
fn a_refusal_of_good_points_is_found() {
    check_breach(Fault::Refuse, |_| (), "a good request was refused: 400");
}

#[test]
fn a_connection_closed_by_a_living_server_is_found() {
    let change = |plan: &mut Plan| {
        plan.lines = None;
        plan.flow_max = Duration::from_secs(2);
    };
    check_breach(Fault::Close, change, "before it was killed");
}

#[test]
fn nothing_is_judged_where_others_were_before() {
    let fake = Fake::new(Fault::None);
    let plan = plan(&fake, 3);
    let host = || InProcess {
        fake: Arc::clone(&fake),
        life: None,
    };
    let refused = |words: &str| {
        let error = run(&plan, &mut host(), &mut |_| ()).expect_err("it must not begin");
        assert!(error.downcast_ref::<Breach>().is_none(), "{error:#}");
        assert!(format!("{error:#}").contains(words), "{error:#}");
    };
    run(&plan, &mut host(), &mut |_| ()).unwrap();
    refused("Begin with an empty folder, or choose another --prefix");
    let mut other = host();
    other.start().unwrap();
    refused("answers before anything was started");
}

/// Not a test by itself: the server process of the test below.
#[test]
fn serve_when_asked() {
    let Ok(words) = std::env::var("FAKE_SERVER") else {
        return;
    };
    let words: Vec<&str> = words.split(' ').collect();
    let fake = Fake::on_file(
        words[0].parse().unwrap(),
        words[1].parse().unwrap(),
        words[2].as_ref(),
    );
    let _life = fake.start();
    std::thread::sleep(Duration::from_secs(60));
}

#[test]
fn a_real_process_is_killed_and_started() {
    let (http, lines) = (fake::free_port(), fake::free_port());
    let path = std::env::temp_dir().join(format!("loadgen-crashing-{}", std::process::id()));
    let server = std::env::current_exe().unwrap();
    let command = format!(
        "env 'FAKE_SERVER={http} {lines} {}' {} serve_when_asked --exact --nocapture",
        path.display(),
        server.display()
    );
    let output = Command::new(env!("CARGO_BIN_EXE_loadgen"))
        .args([
            "--crash",
            &command,
            "--crash-loops",
            "3",
            "--crash-flow",
            "0.3",
            "--json",
        ])
        .args([
            "--rate",
            "2000",
            "--series",
            "40",
            "--connections",
            "2",
            "--batch",
            "8",
            "--write",
            "5",
        ])
        .args([
            "--verify",
            &format!("http://{http}"),
            "--target",
            &lines.to_string(),
        ])
        .args(["--lost-ms-max", "5000", "--seed", "11"])
        .output()
        .unwrap();
    std::fs::remove_file(&path).unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(text.starts_with("seed 11, "), "{text}");
    assert_eq!(text.matches("\nloop ").count(), 3, "{text}");
    let summary: serde_json::Value =
        serde_json::from_str(text.trim().lines().last().unwrap()).unwrap();
    assert!(summary["acknowledged"].as_u64().unwrap() > 0, "{summary}");
}
