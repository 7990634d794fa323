//! netcat as the manuals of hosted Graphite services show it: `echo "name value time" | nc host port`.

use std::process::{Command, Stdio};

use crate::harness::{ANSWER_WAIT, Appliance, Point, check_points, now_seconds, wait_until};
use crate::tools::have;

/// Run `line` in a shell. Debian's netcat waits for the other side after its input has ended, so
/// the shell is ended by `timeout`.
fn shell(line: &str) {
    let mut command = Command::new("timeout");
    command.args(["--kill-after=1", "4", "sh", "-c", line]);
    let status = command.stdin(Stdio::null()).status();
    let status = status.unwrap_or_else(|error| panic!("{line}: {error}"));
    let code = status.code();
    assert!(matches!(code, Some(0 | 124)), "{line}: {status}");
}

#[test]
fn netcat_with_a_timestamp() {
    if !have("nc.openbsd") {
        return;
    }
    let appliance = Appliance::start();
    let port = appliance.ports.graphite;
    shell(&format!(
        "echo \"cpu.load 4 1445351212\" | nc.openbsd 127.0.0.1 {port}"
    ));
    shell(&format!(
        "echo \"cpu.closed 5.5 1445351212\" | nc.openbsd -N 127.0.0.1 {port}"
    ));
    shell(&format!(
        "printf 'cpu.six 6 1445351212\\n' | nc.openbsd -N ::1 {port}"
    ));
    let udp = appliance.ports.graphite_udp;
    shell(&format!(
        "echo \"cpu.udp 7 1445351212\" | nc.openbsd -u -w1 127.0.0.1 {udp}"
    ));
    shell(&format!(
        "printf 'cpu.bare 8 1445351212' | nc.openbsd -u -w1 127.0.0.1 {udp}"
    ));
    let points = [
        ("load", 4.0),
        ("closed", 5.5),
        ("six", 6.0),
        ("udp", 7.0),
        ("bare", 8.0),
    ];
    let points =
        points.map(|(name, value)| Point::new(&format!("cpu.{name}"), 1_445_351_212.0, value));
    check_points(&appliance, &points);
    assert_eq!((appliance.accepted(), appliance.refused_in_all()), (5, 0));
    appliance.stop();
}

#[test]
fn netcat_without_a_timestamp() {
    if !have("nc.openbsd") {
        return;
    }
    let appliance = Appliance::start();
    let port = appliance.ports.graphite;
    let before = now_seconds();
    shell(&format!(
        "echo \"two.fields 42.5\" | nc.openbsd -N 127.0.0.1 {port}"
    ));
    let after = now_seconds();
    let target = ["two.fields".to_owned()];
    wait_until("the point at its arrival", ANSWER_WAIT, || {
        let answers = appliance.render(&target, before - 30, after + 30);
        let values = answers
            .first()
            .map(|answer| answer.values())
            .unwrap_or_default();
        match values.into_iter().collect::<Vec<_>>().as_slice() {
            [(at, value)] if (before..=after + 1).contains(at) && *value == 42.5 => Ok(()),
            other => Err(format!("{before}..={after}: {other:?}")),
        }
    });
    // A cut line is no point: its timestamp may lack digits.
    shell(&format!(
        "printf 'cut.line 1 14453512' | nc.openbsd -N 127.0.0.1 {port}"
    ));
    wait_until("the cut line counted", ANSWER_WAIT, || {
        match appliance.refused("line_cut") {
            1 => Ok(()),
            other => Err(format!("{other}")),
        }
    });
    assert!(!appliance.names().contains("cut.line"));
    appliance.stop();
}
