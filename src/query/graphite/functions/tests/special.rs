//! The group "Special" against results of graphite-web.

use super::*;
use crate::query::series::Fold;

/// What [`super::pieces_make_the_same_whole`] asks for.
pub(super) const PIECES: &[&str] = &[
    "cactiStyle(x*,'si','b')",
    "changed(x*)",
    "cumulative(x*)",
    "fallbackSeries(nosuch,x*)",
    "fallbackSeries(x*,constantLine(2))",
    "group(randomWalk('r',1),constantLine(1))",
    "sum(xFilesFactor(x*,0.6))",
    "substr(scale(x*,2),0)",
];

#[test]
fn lines_from_nowhere() {
    check("constantLine(100)", "100.0 @-1/180 [100,100,100]");
    check("constantLine(-0.5)", "-0.5 @-1/180 [-0.5,-0.5,-0.5]");
    check("constantLine('12')", "12.0 @-1/180 [12,12,12]");
    check(
        "sumSeries(constantLine(2))",
        "sumSeries(constantLine(2.0)) @-1/180 [2,2,2]",
    );
    check_refused("constantLine('x')", "Invalid \"float\" value");
    let one_second = Context {
        until: T,
        ..context()
    };
    let got = show_all(ask("constantLine(1)", &one_second));
    assert_eq!(got, "1.0 @-1/1 [1,1,1]");
}

#[test]
fn walks() {
    let walk = |target: &str| ask(target, &context()).expect("an answer").swap_remove(0);
    let first = walk("randomWalk('The.time.series')");
    assert_eq!(
        (first.start, first.step, first.values.len()),
        (T - 1, 60, 6)
    );
    assert_eq!(first.values[0], 0.0);
    assert_eq!(
        walk("randomWalkFunction('The.time.series')").values,
        first.values
    );
    assert_ne!(walk("randomWalk('another')").values, first.values);
    let fine = walk("randomWalk('x;a=b',1)");
    assert_eq!(fine.values.len(), 360);
    assert_eq!(fine.tags.get("a").map(String::as_str), Some("b"));
    let steps = fine.values.windows(2).map(|pair| pair[1] - pair[0]);
    assert!(steps.clone().all(|step| (-0.5..0.5).contains(&step)));
    assert!(steps.clone().any(|step| step < -0.2) && steps.into_iter().any(|step| step > 0.2));
    check_refused("randomWalk('x',0)", "a step of at least 1 second");
    let long = Context {
        from: i64::MIN,
        until: i64::MAX,
        ..context()
    };
    assert!(matches!(
        ask("randomWalk('x',1)", &long),
        Err(QueryError::Limit(_))
    ));
}

#[test]
fn changes() {
    check("changed(s.a)", "changed(s.a) [0,1,0,1,1,1]");
    check("changed(s.c)", "changed(s.c) [0,0,0,0,0,0]");
    check("changed(s.null)", "changed(s.null) [0,0,0,0,0,0]");
    check("changed(s.b)", "changed(s.b) [0,0,0,1,1,1]");
    check("changed(nosuch)", "nothing");
}

#[test]
fn parts_of_names() {
    check(
        "substr(scale(srv.web1.cpu.user,2),-2)",
        "cpu.user [2,4,6,8]",
    );
    check("substr(srv.web1.cpu.user,1,3)", "web1.cpu [1,2,3,4]");
    check("substr(srv.web1.cpu.user,0,-1)", "srv.web1.cpu [1,2,3,4]");
    check("substr(srv.web1.cpu.user)", "srv.web1.cpu.user [1,2,3,4]");
    check("substr(srv.web1.cpu.user,3,1)", " [1,2,3,4]");
    check("substr(srv.web1.cpu.user,9)", " [1,2,3,4]");
    check("substr(srv.web1.cpu.user,-9,-9)", " [1,2,3,4]");
    check("substr(alias(s.a,'f(a.b,c.d)'),1)", "b [1,2,·,4,5,6]");
    check("substr(alias(s.a,')a.b(c.d'),0)", " [1,2,·,4,5,6]");
    let answer = ask("substr(srv.web1.cpu.user,1)", &context()).expect("an answer");
    assert_eq!(answer[0].path_expression, "srv.web1.cpu.user");
}

#[test]
fn columns() {
    check(
        "cactiStyle(s.{a,null})",
        "s.a    Current:6.00    Max:6.00    Min:1.00     [1,2,·,4,5,6] ‖ \
         s.null Current:nan     Max:nan     Min:nan      [·,·,·,·,·,·]",
    );
    check(
        "cactiStyle(scale(s.c,500),'si')",
        "scale(s.c,500) Current:1.50k    Max:1.50k    Min:1.50k     [1500,1500,1500,1500,1500,1500]",
    );
    check(
        "cactiStyle(scale(s.c,1024),'binary','b')",
        "scale(s.c,1024) Current:3.00 Kib    Max:3.00 Kib    Min:3.00 Kib     \
         [3072,3072,3072,3072,3072,3072]",
    );
    check(
        "cactiStyle(scale(s.c,-0.1),none,'%')",
        "scale(s.c,-0.1) Current:-0.30 %   Max:-0.30 %   Min:-0.30 %    [-0.3,-0.3,-0.3,-0.3,-0.3,-0.3]",
    );
    check("cactiStyle(nosuch)", "nothing");
    check_refused(
        "cactiStyle(s.a,'sec')",
        "Invalid option specified for function \"cactiStyle\"",
    );
}

#[test]
fn names_longer_than_a_format_has_room_for() {
    let name = "n".repeat(60_000);
    let target = format!("cactiStyle(asPercent(group(alias(s.a,'{name}'),s.b),alias(s.c,'x')))");
    let target = target.replace("alias(s.c,'x')", "substr(s.c,0)");
    let answer = ask(&target, &context()).expect("an answer");
    assert!(answer[1].name.len() > 60_000);
    assert_eq!(answer[0].name.len(), answer[1].name.len());
}

#[test]
fn fallbacks() {
    check("fallbackSeries(s.a,s.b)", "s.a [1,2,·,4,5,6]");
    check("fallbackSeries(nosuch,s.c)", "s.c [3,3,3,3,3,3]");
    check("fallbackSeries(s.null,s.c)", "s.null [·,·,·,·,·,·]");
    check("fallbackSeries(nosuch,nosuch)", "nothing");
    check(
        "fallbackSeries(nosuch,constantLine(0))",
        "0.0 @-1/180 [0,0,0]",
    );
    check_refused(
        "fallbackSeries(nosuch)",
        "Missing required parameter \"fallback\"",
    );
}

#[test]
fn cumulated() {
    #[track_caller]
    fn check(target: &str, most: u64, want: &str) {
        let mut answer = ask(target, &context()).expect("an answer");
        consolidated(&mut answer, most);
        assert_eq!(show_all(Ok(answer)), want, "{target}");
    }
    check(
        "cumulative(s.a)",
        2,
        "consolidateBy(s.a,\"sum\") @+180/180 [9,6]",
    );
    check("xFilesFactor(s.a,1)", 3, "s.a @+120/120 [·,4.5,·]");
    check("setXFilesFactor(s.a,0.5)", 3, "s.a @+120/120 [2,4.5,6]");
}

#[test]
fn shares_hold_for_the_functions_around() {
    check(
        "sumSeries(xFilesFactor(s.{a,b},1))",
        "sumSeries(s.{a,b}) [11,·,·,44,55,66]",
    );
    check(
        "aggregate(xFilesFactor(s.{a,b},1),'sum',0)",
        "sumSeries(s.{a,b}) [11,2,·,44,55,66]",
    );
    check(
        "xFilesFactor(sumSeries(s.{a,b}),1)",
        "sumSeries(s.{a,b}) [11,2,·,44,55,66]",
    );
    let answer = ask("xFilesFactor(s.a,0.5)", &context()).expect("an answer");
    assert_eq!(
        answer[0].tags.get("xFilesFactor").map(String::as_str),
        Some("0.5")
    );
    assert_eq!(answer[0].x_files_factor, 0.5);
}

#[test]
fn options_are_the_folds_that_there_are() {
    let function = find("consolidateBy").expect("a function");
    let offered: Vec<_> = function.parameters[1].options.to_vec();
    let known = Fold::NAMES.map(|known| parameter::Value::Text(known.0));
    assert_eq!(offered, known);
}

#[test]
fn events_are_counted() {
    let counts = |target: &str| {
        let mut answer = ask(target, &context()).expect("an answer");
        let one = answer.pop().expect("a series");
        assert_eq!((one.name.as_str(), one.start, one.step), (target, T - 1, 1));
        assert_eq!((one.values.len(), one.fold), (360, Fold::Sum));
        let there = one.present_points();
        there.collect::<Vec<(i64, f64)>>()
    };
    assert_eq!(counts("events(\"deploy\")"), [(T, 1.0), (T + 60, 1.0)]);
    assert_eq!(counts("events(\"deploy\", \"v1\")"), []);
    assert_eq!(counts("events(\"*\")"), [(T, 1.0), (T + 60, 2.0)]);
}
