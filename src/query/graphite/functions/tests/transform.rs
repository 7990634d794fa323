//! Group "Transform": answers of graphite-web, edges it does not have, and naive twins.

use super::answers::{ask_noted, check_noted};
use super::*;

#[test]
fn as_graphite_web_answers() {
    check_noted(include_str!("transform.txt"));
}

#[test]
fn examples_of_the_specification() {
    check(
        "s.a | scale(2) | offset(1)",
        "offset(scale(s.a,2),1) [3,5,·,9,11,13]",
    );
    check(
        "aliasByNode(scale(offset(srv.web1.cpu.user,1),2),1,-1)",
        "web1.user [4,6,8,10]",
    );
    check("add(s.a,1.5)", "add(s.a,1) [2.5,3.5,·,5.5,6.5,7.5]");
    check(
        "log(offset(s.a,-2),10)",
        "log(offset(s.a,-2), 10) [·,·,·,0.30103,0.477121,0.60206]",
    );
    check(
        "nonNegativeDerivative(cnt.x)",
        "nonNegativeDerivative(cnt.x) [·,10,10,·,10,·,·]",
    );
    check(
        "nonNegativeDerivative(cnt.wrap,255)",
        "nonNegativeDerivative(cnt.wrap) [·,4,4,4]",
    );
    check(
        "nonNegativeDerivative(cnt.wrap,255,1)",
        "nonNegativeDerivative(cnt.wrap) [·,4,3,4]",
    );
    check(
        "nonNegativeDerivative(cnt.x,None,0)",
        "nonNegativeDerivative(cnt.x) [·,10,10,5,10,·,·]",
    );
    check("integral(s.a)", "integral(s.a) [1,3,·,7,12,18]");
    check(
        "integralByInterval(s.a,'3min')",
        "integralByInterval(s.a,'3min') [1,3,3,4,9,15]",
    );
    check(
        "keepLastValue(s.b)",
        "keepLastValue(s.b) [10,10,10,40,50,60]",
    );
    check(
        "keepLastValue(s.b,1)",
        "keepLastValue(s.b) [10,·,·,40,50,60]",
    );
    check("interpolate(s.b)", "interpolate(s.b) [10,20,30,40,50,60]");
    check(
        "transformNull(s.b,-1)",
        "transformNull(s.b,-1) [10,-1,-1,40,50,60]",
    );
    check(
        "transformNull(s.b,0,s.a)",
        "transformNull(s.b,0,referenceSeries) [10,0,·,40,50,60]",
    );
    check("delay(s.a,2)", "delay(s.a,2) [·,·,1,2,·,4]");
    check("delay(s.a,-2)", "delay(s.a,-2) [·,4,5,6,·,·]");
    check(
        "timeShift(hist.h,'30min')",
        "timeShift(hist.h, \"-30min\") [30,31,32,33,34,35]",
    );
    check(
        "timeSlice(s.a,'1699999260','1699999380')",
        "timeSlice(s.a, 1699999260, 1699999380) [·,·,·,4,·,·]",
    );
    check(
        "hitcount(s.a,'2min')",
        "hitcount(s.a, \"2min\") @+0/120 [180,240,660]",
    );
}

/// Where graphite-web gives nothing, or fails although there is an answer.
#[test]
fn better_than_graphite_web() {
    check("delay(s.a,0)", "delay(s.a,0) [1,2,·,4,5,6]");
    check(
        "exp(scale(s.a,500))",
        "exp(scale(s.a,500)) [1.40359e+217,·,·,·,·,·]",
    );
    check(
        "sigmoid(scale(s.a,-500))",
        "sigmoid(scale(s.a,-500)) [7.12458e-218,0,·,0,0,0]",
    );
    check(
        "timeSlice(s.a,'22:01_20231114')",
        "timeSlice(s.a, 1699999260, 1699999600) [·,·,·,4,5,6]",
    );
}

#[test]
fn wrong_arguments_are_told() {
    for (target, want) in [
        ("log(s.a,1)", "a base above 0 that is not 1"),
        ("log(s.a,'x')", "Invalid \"integer\" value"),
        ("add(s.a,inf)", "a finite number"),
        ("add(s.a)", "Missing required parameter \"constant\""),
        ("scaleToSeconds(s.a,inf)", "a finite number"),
        ("round(s.a,1.5)", "Invalid \"integer\" value"),
        ("hitcount(s.a,'0s')", "longer than nothing"),
        ("hitcount(s.a,'-2min')", "longer than nothing"),
        ("smartSummarize(s.a,'')", "longer than nothing"),
        (
            "smartSummarize(s.a,'2min','sum',2)",
            "Invalid \"string\" value",
        ),
        (
            "smartSummarize(s.a,'2min','sum','x')",
            "Invalid offset unit 'x'",
        ),
        (
            "smartSummarize(s.a,'2min','sum','weeks!')",
            "end with the number of a day",
        ),
        (
            "smartSummarize(s.a,'2min','first')",
            "Invalid \"aggFunc\" value",
        ),
        ("integralByInterval(s.a,'0h')", "longer than nothing"),
        ("integralByInterval(s.a,'5')", "Invalid offset unit ''"),
        ("interpolate(s.a,'x')", "Invalid \"intOrInf\" value"),
        ("keepLastValue(s.a,'x')", "Invalid \"intOrInf\" value"),
        ("timeShift(s.a,'')", "needs a length of time"),
        ("timeShift(s.a,'9999y')", "Time out of range"),
        ("timeStack(s.a,'')", "needs a length of time"),
        ("timeStack(s.a,'1000y',0,9)", "Time out of range"),
        ("timeSlice(s.a,'nonsense')", "Unknown day reference"),
        ("time('x',0)", "at least one second, not 0"),
        ("sin('x',1,-5)", "at least one second, not -5"),
        ("sin('x','y')", "Invalid \"integer\" value"),
    ] {
        check_refused(target, want);
    }
}

#[test]
fn what_is_made_of_nothing_is_bounded() {
    let mut wide = context();
    wide.from = 0;
    wide.limits.bytes_max = 1 << 20;
    for target in [
        "time('x',1)",
        "sin('x',1,1)",
        "hitcount(time('x',100000),'1s')",
        "smartSummarize(time('x',100000),'1s')",
        "timeStack(time('x',100000),'1s',0,9223372036854775807)",
        "timeStack(nosuch,'1s',0,9223372036854775807)|group(time('x',1))",
    ] {
        let answer = ask(target, &wide);
        assert!(
            matches!(answer, Err(QueryError::Limit(_))),
            "{target}: {answer:?}"
        );
    }
}

/// As graphite-web answers in these zones: a range begins with its day there, with the offset that
/// holds when the request begins, although clocks were changed since the year, the month or the week did.
#[test]
fn ranges_begin_in_the_zone_of_the_request() {
    #[track_caller]
    fn check(zone: &str, target: &str, start: i64, first: i64) {
        let context = Context {
            zone: crate::query::graphite::time::zone(zone),
            until: T + 3599,
            ..context()
        };
        let answer = ask(target, &context).expect("an answer");
        let one = answer.first().expect("a series");
        let got = (one.start, one.values.first().map(|value| *value as i64));
        assert_eq!(got, (T + start, Some(first)), "{target} in {zone}");
    }
    for (unit, utc, new_york, kolkata) in [
        ("years", -27_468_000, -27_450_000, -27_487_800),
        ("months", -1_202_400, -1_184_400, -1_222_200),
        ("weeks", -165_600, -147_600, -185_400),
        ("weeks7", -252_000, -234_000, -271_800),
        ("weeks9", -79_200, -61_200, -99_000),
        ("days", -79_200, -61_200, -12_600),
        ("hours", -3_600, -3_600, -1_800),
        ("minutes", -60, -60, -60),
        ("seconds", -1, -1, -1),
    ] {
        let target = format!("smartSummarize(time('x',3600),'7d','min','{unit}')");
        check("UTC", &target, utc, T + utc);
        check("America/New_York", &target, new_york, T + new_york);
        check("Asia/Kolkata", &target, kolkata, T + kolkata);
    }
    let shifted =
        |shift: &str, align: bool| format!("timeShift(time('x',3600),'{shift}',true,{align})");
    check("UTC", &shifted("30d", true), -1, 1_697_407_199);
    check("America/New_York", &shifted("30d", true), -1, 1_697_403_599);
    check(
        "America/New_York",
        &shifted("30d", false),
        -1,
        1_697_407_199,
    );
    check("America/New_York", &shifted("1d", true), -1, 1_699_912_799);
    check("America/New_York", &shifted("-9d", true), -1, 1_699_221_599);
    check("Asia/Kolkata", &shifted("30d", true), -1, 1_697_407_199);
}

#[test]
fn names_of_arguments_as_schema_and_code_have_them() {
    let context = context();
    for target in [
        "timeShift(hist.h,'1h',alignDst=true)",
        "timeShift(hist.h,'1h',alignDST=true)",
        "smartSummarize(hist.h,'1h',alignTo=false)",
        "smartSummarize(hist.h,'1h',alignTo=none)",
    ] {
        assert!(ask_noted(target, &context).is_ok(), "{target}");
    }
}

/// Value by value, looking around from each.
#[test]
fn gaps_are_filled_as_if_each_null_looked_around() {
    for seed in 0..2_000 {
        let mut random = Random::new(seed);
        let one = random_series(&mut random, "x0", &[60]);
        let limit = random.below(6) as usize;
        let ask = |function: &str| {
            let text = format!("{function}(x0,{limit})");
            let answer = ask_with(&text, std::slice::from_ref(&one), &context());
            answer.expect("an answer").remove(0).values
        };
        let before = |i: usize| one.values[..i].iter().rposition(|value| !value.is_nan());
        let after = |i: usize| {
            let found = one.values[i..].iter().position(|value| !value.is_nan());
            found.map(|at| at + i)
        };
        let naive = |at_end: bool, between: &dyn Fn(usize, Option<usize>, usize) -> f64| {
            let filled = one.values.iter().enumerate().map(|(i, value)| {
                let (Some(a), b) = (before(i), after(i)) else {
                    return *value;
                };
                let gap = b.unwrap_or(one.values.len()) - a - 1;
                match !value.is_nan() || limit < gap || (b.is_none() && !at_end) {
                    true => *value,
                    false => between(a, b, i),
                }
            });
            format!("{:?}", filled.collect::<Vec<f64>>())
        };
        let kept = naive(true, &|a, _, _| one.values[a]);
        assert_eq!(format!("{:?}", ask("keepLastValue")), kept, "seed {seed}");
        let straight = naive(false, &|a, b, i| {
            let b = b.unwrap_or(a);
            let (from, to) = (one.values[a], one.values[b]);
            from + (i - a) as f64 * (to - from) / (b - a) as f64
        });
        assert_eq!(format!("{:?}", ask("interpolate")), straight, "seed {seed}");
    }
}

/// Second by second.
#[test]
fn hits_are_counted_as_if_each_second_were() {
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let mut one = random_series(&mut random, "x0", &[1, 7, 60]);
        one.values.truncate(40);
        let width = 1 + random.below(200) as i64;
        let text = format!("hitcount(x0,'{width}s')");
        let got = ask_with(&text, std::slice::from_ref(&one), &context()).expect("an answer");
        let length = one.end() - one.start;
        let count = (length + width - 1) / width;
        let mut want = leaf(
            "x0",
            one.end() - count * width,
            width,
            &vec![N; count as usize],
        );
        for (time, value) in one.present_points() {
            for second in time..time + one.step {
                let bucket = &mut want.values[((second - want.start) / width) as usize];
                *bucket = if bucket.is_nan() { 0.0 } else { *bucket } + value;
            }
        }
        want.name = format!("hitcount(x0, \"{width}s\")");
        assert_eq!(show_all(Ok(got)), show(&want), "seed {seed}");
    }
}

#[test]
fn smart_buckets_hold_what_lies_in_them() {
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let one = random_series(&mut random, "x0", &[1, 7, 60]);
        let width = 1 + random.below(300) as i64;
        let text = format!("smartSummarize(x0,'{width}s','median')");
        let mut context = context();
        context.x_files_factor = one.x_files_factor;
        let got = ask_with(&text, std::slice::from_ref(&one), &context).expect("an answer");
        let mut want = leaf("x0", one.start, width, &[]);
        for start in (one.start..one.end()).step_by(width as usize) {
            let inside = one
                .points()
                .filter(|it| (start..start + width).contains(&it.0));
            let inside: Vec<f64> = inside.map(|point| point.1).collect();
            let room = width as f64 / one.step as f64;
            let median = aggregation::Aggregation::Median;
            want.values
                .push(median.of_enough(&inside, room, one.x_files_factor));
        }
        want.name = format!("smartSummarize(x0, \"{width}s\", \"median\")");
        assert_eq!(show_all(Ok(got)), show(&want), "seed {seed}");
    }
}

#[test]
fn pieces_of_transformations_make_the_same_whole() {
    check_pieces(&[
        "absolute(x*)",
        "add(x*,1.5)",
        "compressPeriodicGaps(x*)",
        "delay(x*,7)",
        "delay(x*,-7)",
        "derivative(x*)",
        "exp(x*)",
        "hitcount(x*,'7s')",
        "hitcount(x*,'1h',true)",
        "integral(x*)",
        "integralByInterval(x*,'20s')",
        "interpolate(x*,3)",
        "invert(x*)",
        "isNonNull(x*)",
        "keepLastValue(x*)",
        "log(x*,2)",
        "logit(x*)",
        "minMax(x*)",
        "nonNegativeDerivative(x*,100)",
        "offset(x*,3)",
        "offsetToZero(x*)",
        "pow(x*,0.3)",
        "round(x*,-1)",
        "scaleToSeconds(x*,7)",
        "sigmoid(x*)",
        "sin('x',3,1)",
        "smartSummarize(x*,'13s','avg','hours')",
        "squareRoot(x*)",
        "time('x',1)",
        "timeShift(x*,'1h')",
        "timeSlice(x*,'00:00_20231114')",
        "timeStack(x*,'1h',0,3)",
        "transformNull(x*,1,x1)",
    ]);
}
