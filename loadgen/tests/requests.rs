//! Runs of the binary through a door that answers each request.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "the fake server has faults for other tests too")]

mod fake;

use std::process::Command;

use fake::{Fake, Fault};
use serde_json::Value;

/// Runs against a server with this fault; gives the JSON line and what went to the errors.
#[track_caller]
fn check(fault: Fault, flags: &str, code: i32) -> (Value, String) {
    let fake = Fake::new(fault);
    let life = fake.start();
    let output = Command::new(env!("CARGO_BIN_EXE_loadgen"))
        .args(["--protocol", "kairos-rest", "--json", "--verify-wait", "0"])
        .args(["--target", &fake.http.to_string()])
        .args(
            flags
                .replace("URL", &format!("http://{}", fake.http))
                .split_whitespace(),
        )
        .output()
        .unwrap();
    fake.kill(life);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(code), "{text}{errors}");
    (serde_json::from_str(&text).unwrap(), errors)
}

#[test]
fn every_point_is_acknowledged_and_there() {
    let flags =
        "--rate 4000 --series 200 --rounds 12 --connections 3 --threads 2 --batch 15 --verify URL";
    let (report, _) = check(Fault::None, flags, 0);
    assert_eq!(report["points"], 2_400);
    assert_eq!(report["verify"]["points"], 2_400);
    assert_eq!(report["verify"]["lost"], 0);
    let answers = &report["answers"];
    // 66 or 67 series a connection are five requests a round.
    assert_eq!(answers["ok_204"], 3 * 5 * 12);
    assert_eq!(answers["refused_400"], 0);
    // The fake asks for every seventh request again.
    assert_eq!(answers["busy_503"], answers["resent"]);
    assert!(20 < answers["busy_503"].as_u64().unwrap(), "{answers}");
    assert!(0.0 < report["latency_p999_us"].as_f64().unwrap());
}

#[test]
fn as_fast_as_answers_come() {
    let flags = "--max --series 100 --rounds 10 --connections 2 --verify URL";
    let (report, _) = check(Fault::None, flags, 0);
    assert_eq!(report["points"], 1_000);
    assert_eq!(report["answers"]["ok_204"], 20);
}

#[test]
fn a_point_that_was_acknowledged_and_is_not_there_fails() {
    let flags = "--max --series 100 --rounds 5 --connections 1 --verify URL";
    let (report, errors) = check(Fault::LoseAcknowledged, flags, 1);
    assert_eq!(report["verify"]["lost"], 1);
    assert!(
        errors.contains("cpu.nice;core=c00;host=h000000 at "),
        "{errors}"
    );
}

#[test]
fn refused_requests_fail_and_are_named() {
    let (report, errors) = check(
        Fault::Refuse,
        "--max --series 100 --rounds 2 --connections 1",
        1,
    );
    assert_eq!(report["answers"]["refused_400"], 2);
    assert_eq!(report["points"], 0);
    assert!(errors.contains("a request was refused"), "{errors}");
}

#[test]
fn a_slow_server_shows_in_the_latency() {
    // One request of 10 points is due every 10 ms and takes 50 ms: the last of 20 waits for 0.8 s.
    let flags = "--rate 1000 --series 10 --rounds 20 --connections 1 --batch 10";
    let (report, _) = check(Fault::Slow, flags, 0);
    assert!(
        790_000.0 < report["latency_max_us"].as_f64().unwrap(),
        "{report}"
    );
    assert!(
        390_000.0 < report["latency_p50_us"].as_f64().unwrap(),
        "{report}"
    );
}
