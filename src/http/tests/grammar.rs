//! The language of targets, by the answers of graphite-web itself where it reads the whole of them, and by
//! our own where it would read only a part.

use super::*;

const T0: i64 = 1_699_999_200;

fn fleet() -> TestFleet {
    let mut fleet = TestFleet::new(2, 1_700_000_100);
    let n = None;
    let some = |values: [i64; 6]| values.map(|value| Some(value as f64));
    let a = [Some(1.0), Some(2.0), n, Some(4.0), Some(5.0), Some(6.0)];
    let b = [Some(10.0), n, n, Some(40.0), Some(50.0), Some(60.0)];
    for (name, start, values) in [
        ("s.a", T0, a),
        ("s.b", T0, b),
        ("s.c", T0, some([3; 6])),
        // No point in the range.
        ("s.null", T0 - 36_000, some([1; 6])),
    ] {
        for (i, value) in values.into_iter().enumerate() {
            let time_ms = (start + i as i64 * 60) * 1000;
            if let Some(value) = value {
                fleet.shards.put(i % 2, name, time_ms, i as u64 + 1, value);
            }
        }
    }
    fleet
}

fn answered(target: &str, more: &str) -> (u16, String) {
    let target = encoded(target);
    let url = format!(
        "/render?target={target}&from={}&until={}&format=raw{more}",
        T0 - 1,
        T0 + 359
    );
    let response = get(&fleet(), &url);
    (response.status().as_u16(), body(&response).to_owned())
}

/// Lines of the raw format: without times where they are those of the series themselves.
#[track_caller]
fn check_with(target: &str, more: &str, want: &[&str]) {
    let (status, text) = answered(target, more);
    assert_eq!(status, 200, "{target}: {text}");
    let usual = format!(",{T0},{},60|", T0 + 360);
    let lines: Vec<String> = text.lines().map(|line| line.replace(&usual, " ")).collect();
    assert_eq!(lines, want, "{target}");
}

#[track_caller]
fn check(target: &str, want: &[&str]) {
    check_with(target, "", want);
}

#[track_caller]
fn refuse(target: &str, want: &str) {
    let (status, text) = answered(target, "");
    assert!(
        status == 400 && text.contains(want),
        "{target}: {status} {text}"
    );
}

const SCALED: &str = "scale(s.a,2) 2.0,4.0,None,8.0,10.0,12.0";

#[test]
fn calls_and_pipes() {
    check("s.a|scale(2)", &[SCALED]);
    check(
        "s.a | scale(2) | scale(1)",
        &["scale(scale(s.a,2),1) 2.0,4.0,None,8.0,10.0,12.0"],
    );
    check("scale(s.a,factor=2)", &[SCALED]);
    check("scale(s.a,\"2\")", &[SCALED]);
    check(
        "scale(s.a,1E-1)",
        &["scale(s.a,0.1) 0.1,0.2,None,0.4,0.5,0.6000000000000001"],
    );
    check("sum (s.a)", &["sumSeries(s.a) 1.0,2.0,None,4.0,5.0,6.0"]);
    check(
        "group(s.a|scale(2),s.b)",
        &[SCALED, "s.b 10.0,None,None,40.0,50.0,60.0"],
    );
    check("alias(s.a,\"it's\")", &["it's 1.0,2.0,None,4.0,5.0,6.0"]);
    check(
        "alias(s.a,\"q\\\"uote\")",
        &["q\\\"uote 1.0,2.0,None,4.0,5.0,6.0"],
    );
    let (status, text) = answered("summarize(s.a,func=\"max\",intervalString=\"2min\")", "");
    assert_eq!(status, 200);
    assert!(
        text.starts_with("summarize(s.a, \"2min\", \"max\"),"),
        "{text}"
    );
    assert!(text.contains(",120|2.0,4.0,6.0"), "{text}");
}

#[test]
fn templates() {
    let b = "s.b 10.0,None,None,40.0,50.0,60.0";
    check("template(s.$1,\"b\")", &[b]);
    check("template(scale(s.$x,$f),x=\"a\",f=2)", &[SCALED]);
    check_with("template(s.$x,x=\"a\")", "&template[x]=b", &[b]);
    refuse(
        "template(s.$x,x=s.b)",
        "Invalid parameters (invalid template() syntax, only string/numeric arguments are allowed)",
    );
}

/// graphite-web answers these with a part of what was asked, with nothing, or with a page of its own error.
#[test]
fn what_cannot_be_read_to_its_end_is_told() {
    check("s.a|scale(factor=2)", &[SCALED]);
    refuse("scale(s.a,.5)", "character 11: expected a path");
    refuse("scale(s.a,+2)", "scale");
    refuse("scale(s.a)", "factor");
    refuse("scale(s.a,2", "character 12: expected \",\" or \")\"");
    refuse(
        "scale(s.a,2)garbage",
        "character 13: expected \"|\" or the end",
    );
    refuse("sum(s.{a, b})", "expected \",\" or \"}\"");
    refuse("alias(s.a,foo)", "newName");
    refuse("\"str\"", "character 1: expected a path");
    refuse("()", "character 1: expected a path");
    refuse("|scale(2)", "character 1: expected a path");
    refuse(
        "unknownFn(s.a)",
        "(Received request for unknown function: unknownFn)",
    );
    refuse("Sum(s.a)", "(Received request for unknown function: Sum)");
}

#[test]
fn paths() {
    let (a, b, c) = (
        "s.a 1.0,2.0,None,4.0,5.0,6.0",
        "s.b 10.0,None,None,40.0,50.0,60.0",
        "s.c 3.0,3.0,3.0,3.0,3.0,3.0",
    );
    check("s.[ab]", &[a, b]);
    check("s.{c,a}", &[a, c]);
    check("s.?", &[a, b, c]);
    check("s.[!a-b]", &[c]);
    check("**.c", &[c]);
    check("s.{x,}", &[]);
    check("S.a", &[]);
}
