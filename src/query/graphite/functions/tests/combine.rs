//! The group "Combine" against results of graphite-web, and its arithmetic against row loops.

use super::*;
use crate::query::graphite::functions::aggregation::{Aggregation, Percentile};

/// What [`super::pieces_make_the_same_whole`] asks for.
pub(super) const PIECES: &[&str] = &[
    "aggregate(x*,'median',0.3)",
    "aggregateSeriesLists(x*,scale(x*,2),'sum')",
    "aggregateWithWildcards(x*,'stddev',0)",
    "applyByNode(x*,0,'divideSeries(%,sum(x*))','%.y')",
    "asPercent(x*)",
    "asPercent(x*,7.5)",
    "asPercent(x*,x0)",
    "asPercent(x*,x*)",
    "asPercent(x*,x{0,2},0)",
    "asPercent(x*,none,1)",
    "countSeries(x*)",
    "diffSeries(x*)",
    "divideSeries(x*,x0)",
    "divideSeries(x*,nosuch)",
    "divideSeriesLists(x*,scale(x*,3))",
    "groupByNode(x*,1,'rangeOfSeries')",
    "groupByNodes(x*,'total',0,1)",
    "groupByTags(x*,'max','name')",
    "multiplySeries(x*)",
    "percentileOfSeries(x*,70,true)",
    "powSeries(x*)",
    "reduceSeries(mapSeries(alias(x*,'a.b'),0),'sumSeries',1,'b')",
    "weightedAverage(x*,scale(x*,2),0)",
];

#[test]
fn aggregating_as_graphite_web_does() {
    check(
        "diffSeries(s.b,s.a)",
        "diffSeries(s.b,s.a) [9,2,·,36,45,54]",
    );
    check(
        "diffSeries(s.null,s.a)",
        "diffSeries(s.null,s.a) [1,2,·,4,5,6]",
    );
    check(
        "multiplySeries(s.a,s.b)",
        "multiplySeries(s.a,s.b) [10,·,·,160,250,360]",
    );
    check("multiplySeries(s.a)", "s.a [1,2,·,4,5,6]");
    check(
        "multiplySeries(s.a,nosuch)",
        "multiplySeries(s.a) [1,2,·,4,5,6]",
    );
    check(
        "stddevSeries(s.a,s.b)",
        "stddevSeries(s.a,s.b) [4.5,0,·,18,22.5,27]",
    );
    check("minSeries(s.*)", "minSeries(s.*) [1,2,3,3,3,3]");
    check("maxSeries(s.*)", "maxSeries(s.*) [10,3,3,40,50,60]");
    check("rangeOfSeries(s.*)", "rangeOfSeries(s.*) [9,1,0,37,47,57]");
    check(
        "aggregate(s.{a,b},'median')",
        "medianSeries(s.{a,b}) [5.5,2,·,22,27.5,33]",
    );
    check(
        "aggregate(s.{a,b},'sum',1)",
        "sumSeries(s.{a,b}) [11,·,·,44,55,66]",
    );
    check(
        "aggregate(s.{a,b},'avg_zero')",
        "avg_zeroSeries(s.{a,b}) [5.5,1,·,22,27.5,33]",
    );
    check(
        "aggregate(s.{a,b},'maxSeries')",
        "maxSeries(s.{a,b}) [10,2,·,40,50,60]",
    );
    check("aggregate(nosuch,'max')", "nothing");
    check_refused("aggregate(s.a,'first')", "Invalid \"aggFunc\" value");
    check_refused("max(s.a)", "Received request for unknown function: max");
}

#[test]
fn counting() {
    check("countSeries(s.*)", "countSeries(s.*) [4,4,4,4,4,4]");
    check("countSeries(s.a,s.a)", "countSeries(s.a) [2,2,2,2,2,2]");
    check("countSeries(nosuch.*)", "nothing");
    check("countSeries()", "0 @-1/180 [0,0,0]");
    let answer = ask("countSeries()", &context()).expect("an answer");
    assert_eq!(answer[0].path_expression, "countSeries()");
}

#[test]
fn percentiles_and_powers() {
    check(
        "percentileOfSeries(s.{a,b,c},50)",
        "percentileOfSeries(s.{a,b,c},50) [3,3,3,4,5,6]",
    );
    check(
        "percentileOfSeries(s.{a,b,c},50,true)",
        "percentileOfSeries(s.{a,b,c},50) [3,2.5,3,4,5,6]",
    );
    check(
        "percentileOfSeries(s.{a,b},100)",
        "percentileOfSeries(s.{a,b},100) [10,2,·,40,50,60]",
    );
    check(
        "percentileOfSeries(s.{a,b},0.5)",
        "percentileOfSeries(s.{a,b},0.5) [1,2,·,4,5,6]",
    );
    check(
        "percentileOfSeries(s.{a,b},100,true)",
        "percentileOfSeries(s.{a,b},100) [10,2,·,40,50,60]",
    );
    check("percentileOfSeries(nosuch,50)", "nothing");
    check_refused(
        "percentileOfSeries(nosuch,0)",
        "is required to be greater than 0",
    );
    check_refused(
        "percentileOfSeries(s.a,100.5)",
        "is required to be at most 100",
    );
    check(
        "powSeries(s.c,s.a)",
        "powSeries(s.c,s.a) [3,9,·,81,243,729]",
    );
    check(
        "powSeries(s.c,s.c,s.c)",
        "powSeries(s.c,s.c,s.c) [19683,19683,19683,19683,19683,19683]",
    );
    check(
        "powSeries(scale(s.a,0),scale(s.a,-1))",
        "powSeries(scale(s.a,0),scale(s.a,-1)) [·,·,·,·,·,·]",
    );
    check(
        "powSeries(scale(s.c,1e300),s.c)",
        "powSeries(scale(s.c,1e+300),s.c) [·,·,·,·,·,·]",
    );
    check("powSeries(nosuch)", "nothing");
}

#[test]
fn dividing() {
    check(
        "divideSeries(s.b,s.a)",
        "divideSeries(s.b,s.a) [10,·,·,10,10,10]",
    );
    check(
        "divideSeries(s.a,nosuch)",
        "divideSeries(s.a,MISSING) [·,·,·,·,·,·]",
    );
    check("divideSeries(nosuch,s.a)", "nothing");
    check_refused(
        "divideSeries(s.a,s.{b,c})",
        "divideSeries second argument must reference exactly 1 series (got 2)",
    );
    check(
        "divideSeries(s.a,slow.m)",
        "divideSeries(s.a,slow.m) @+0/120 [0.015,0.02,0.0183333]",
    );
    check(
        "divideSeries(s.a,scale(s.a,0))",
        "divideSeries(s.a,scale(s.a,0)) [·,·,·,·,·,·]",
    );
    check(
        "divideSeriesLists(s.{a,b},s.{b,c})",
        "divideSeries(s.a,s.b) [0.1,·,·,0.1,0.1,0.1] ‖ \
         divideSeries(s.b,s.c) [3.33333,·,·,13.3333,16.6667,20]",
    );
    check("divideSeriesLists(nosuch,nosuch)", "nothing");
    check_refused(
        "divideSeriesLists(s.a,s.*)",
        "dividendSeriesList and divisorSeriesList argument must have equal length",
    );
}

#[test]
fn percent() {
    check(
        "asPercent(s.{a,b})",
        "asPercent(s.a,sumSeries(s.{a,b})) [9.09091,100,·,9.09091,9.09091,9.09091] ‖ \
         asPercent(s.b,sumSeries(s.{a,b})) [90.9091,·,·,90.9091,90.9091,90.9091]",
    );
    check(
        "asPercent(s.a,none)",
        "asPercent(s.a,sumSeries(s.a)) [100,100,·,100,100,100]",
    );
    check("asPercent(s.a,200)", "asPercent(s.a,200) [0.5,1,·,2,2.5,3]");
    check("pct(s.a,200.0)", "asPercent(s.a,200.0) [0.5,1,·,2,2.5,3]");
    check("asPercent(s.a,0)", "asPercent(s.a,0) [·,·,·,·,·,·]");
    check(
        "asPercent(alias(s.a,\"x\"),alias(s.b,\"y\"))",
        "asPercent(x,y) [10,·,·,10,10,10]",
    );
    check(
        "asPercent(s.{b,a},group(s.c,s.b))",
        "asPercent(s.a,s.b) [10,·,·,10,10,10] ‖ \
         asPercent(s.b,s.c) [333.333,·,·,1333.33,1666.67,2000]",
    );
    check("asPercent(nosuch,s.*)", "nothing");
    let lengths =
        "asPercent second argument must be missing, a single digit, reference exactly 1 series";
    check_refused("asPercent(s.a,s.*)", lengths);
    check_refused("asPercent(s.a,nosuch)", lengths);
    check_refused("asPercent(s.a,'100')", "parameter \"total\": '100'");
}

#[test]
fn percent_by_nodes() {
    check(
        "asPercent(srv.web{1,10}.cpu.user,srv.web{1,2}.cpu.sys,1)",
        "asPercent(srv.web1.cpu.user,srv.web1.cpu.sys) [10,10,10,10] ‖ \
         asPercent(srv.web10.cpu.user,MISSING) [·,·,·,·] ‖ \
         asPercent(MISSING,srv.web2.cpu.sys) [·,·,·,·]",
    );
    check(
        "asPercent(srv.web1.cpu.*,none,1)",
        "asPercent(srv.web1.cpu.sys,sumSeries(srv.web1.cpu.*)) [90.9091,90.9091,90.9091,90.9091] ‖ \
         asPercent(srv.web1.cpu.user,sumSeries(srv.web1.cpu.*)) [9.09091,9.09091,9.09091,9.09091]",
    );
    check(
        "asPercent(srv.web1.cpu.user,srv.web1.cpu.*,1)",
        "asPercent(srv.web1.cpu.user,sumSeries(srv.web1.cpu.*)) [9.09091,9.09091,9.09091,9.09091]",
    );
    check(
        "asPercent(s.{a,b},none,1)",
        "asPercent(s.a,s.a) [100,100,·,100,100,100] ‖ asPercent(s.b,s.b) [100,·,·,100,100,100]",
    );
    check(
        "asPercent(seriesByTag('name=disk'),none,'dc')|aliasByNode(0)",
        "disk [9.09091,9.09091,9.09091] ‖ disk [90.9091,90.9091,90.9091] ‖ disk [100,·,100]",
    );
    check_refused("asPercent(s.a,100,1)", "total must be None or a seriesList");
}

#[test]
fn grouping() {
    check(
        "groupByNode(srv.*.cpu.*,1,'sum')",
        "web1 [11,22,33,44] ‖ web10 [9,9,·,9] ‖ web2 [55,66,77,88]",
    );
    check("groupByNode(srv.*.cpu.user,-1)", "user [5,5.66667,5,7]");
    check("groupByNode(srv.*.cpu.*,9,'sum')", " [75,97,110,141]");
    check(
        "groupByNodes(srv.*.cpu.*,'max',1,3)",
        "web1.sys [10,20,30,40] ‖ web1.user [1,2,3,4] ‖ web10.user [9,9,·,9] ‖ \
         web2.sys [50,60,70,80] ‖ web2.user [5,6,7,8]",
    );
    check(
        "groupByNode(scale(srv.*.cpu.user,10),1,'countSeries')",
        "web1 [1,1,1,1] ‖ web10 [1,1,1,1] ‖ web2 [1,1,1,1]",
    );
    check(
        "groupByNode(s.{a,b},0,'asPercent')",
        "s [9.09091,100,·,9.09091,9.09091,9.09091]",
    );
    check(
        "groupByNode(s.{a,b},0,'multiplySeries')",
        "s [10,·,·,160,250,360]",
    );
    check("groupByNode(nosuch,0)", "nothing");
    check_refused(
        "groupByNode(s.a,0,'first')",
        "Invalid \"aggOrSeriesFunc\" value",
    );
    check_refused(
        "groupByNode(s.a,0,'scale')",
        "Missing required parameter \"factor\"",
    );
    check_refused(
        "groupByNode(s.a,0,'mapSeries')",
        "Missing required parameter \"mapNodes\"",
    );
    check_refused(
        "groupByNode(s.null,0,'alias')",
        "Missing required parameter \"newName\"",
    );
}

#[test]
fn grouping_by_tags() {
    check(
        "seriesByTag('name=disk')|groupByTags('sum','dc')",
        "disk;dc=dc1 [11,22,33] ‖ disk;dc=dc2 [100,·,300]",
    );
    check(
        "seriesByTag('name=disk')|groupByTags('max','name','dc')",
        "disk;dc=dc1 [10,20,30] ‖ disk;dc=dc2 [100,·,300]",
    );
    check(
        "groupByTags(group(s.a,s.b,seriesByTag('host=a')),'average','dc')",
        "average;dc= [5.5,2,·,22,27.5,33] ‖ average;dc=dc1 [1,2,3]",
    );
    check(
        "seriesByTag('name=disk')|groupByNode('dc','max')",
        "dc1 [10,20,30] ‖ dc2 [100,·,300]",
    );
    check("groupByTags(nosuch,'sum','dc')", "nothing");
    check_refused(
        "groupByTags(s.a,'sum')",
        "Missing required parameter \"tags\"",
    );
    let answer = ask(
        "seriesByTag('name=disk')|groupByTags('sum','dc')",
        &context(),
    );
    let first = answer.expect("an answer").swap_remove(0);
    let tags: Vec<_> = first.tags.iter().map(|(k, v)| format!("{k}={v}")).collect();
    assert_eq!(tags, ["dc=dc1", "name=disk"]);
    assert_eq!(first.path_expression, "disk;dc=dc1");
}

#[test]
fn wildcards() {
    check(
        "sumSeriesWithWildcards(srv.*.cpu.*,1)",
        "srv.cpu.sys [60,80,100,120] ‖ srv.cpu.user [15,17,10,21]",
    );
    check(
        "averageSeriesWithWildcards(srv.*.cpu.*,0,1,2)",
        "sys [30,40,50,60] ‖ user [5,5.66667,5,7]",
    );
    check(
        "multiplySeriesWithWildcards(s.{a,b},1)",
        "s [10,·,·,160,250,360]",
    );
    check(
        "aggregateWithWildcards(s.{a,b},'rangeOf',1)",
        "s [9,0,·,36,45,54]",
    );
    check(
        "sumSeriesWithWildcards(s.{a,b})",
        "s.a [1,2,·,4,5,6] ‖ s.b [10,·,·,40,50,60]",
    );
    check("sumSeriesWithWildcards(s.a,-1,7)", "s.a [1,2,·,4,5,6]");
    check("sumSeriesWithWildcards(nosuch,1)", "nothing");
}

#[test]
fn pairs_of_lists() {
    check(
        "sumSeriesLists(s.{a,b},s.{b,c})",
        "sumSeries(s.a,s.b) [11,2,·,44,55,66] ‖ sumSeries(s.b,s.c) [13,3,3,43,53,63]",
    );
    check(
        "diffSeriesLists(s.a,alias(s.b,'y'))",
        "diffSeries(s.a,y) [-9,2,·,-36,-45,-54]",
    );
    check(
        "multiplySeriesLists(s.a,s.b)",
        "multiplySeries(s.a,s.b) [10,·,·,160,250,360]",
    );
    check(
        "aggregateSeriesLists(s.a,s.b,'last',1)",
        "lastSeries(s.a,s.b) [10,·,·,40,50,60]",
    );
    check("sumSeriesLists(nosuch,nosuch)", "nothing");
    check_refused("sumSeriesLists(s.a,s.*)", "argument must have equal length");
    let answer = ask("sumSeriesLists(alias(s.a,'x'),s.b)", &context()).expect("an answer");
    assert_eq!(answer[0].path_expression, "sumSeries(s.a,s.b)");
}

#[test]
fn weighted() {
    check(
        "weightedAverage(srv.*.cpu.user,srv.*.cpu.user,1)",
        "weightedAverage(srv.*.cpu.user, srv.*.cpu.user, 1) [7.13333,7.11765,5.8,7.66667]",
    );
    check(
        "weightedAverage(s.a,s.b,0,'dc')",
        "weightedAverage(s.a, s.b, 0,dc) [1,·,·,4,5,6]",
    );
    check(
        "weightedAverage(s.{a,b},s.{b,c})",
        "weightedAverage(s.{a,b}, s.{b,c}, ) [2.30769,·,·,2.7907,2.83019,2.85714]",
    );
    check("weightedAverage(s.a,s.b,1)", "nothing");
    check("weightedAverage(nosuch,nosuch,1)", "nothing");
    check_refused(
        "weightedAverage(s.a,s.*,1)",
        "for seriesListAvg and seriesListWeight but received respectively 1 and 4",
    );
}

#[test]
fn mapping_and_reducing() {
    check(
        "reduceSeries(mapSeries(srv.web{1,2}.cpu.*,1),'asPercent',3,'user','sys')",
        "srv.web1.cpu.reduce.asPercent [10,10,10,10] ‖ srv.web2.cpu.reduce.asPercent [10,10,10,10]",
    );
    check(
        "reduce(map(srv.web{1,2}.cpu.*,1),\"divideSeries\",-1,'sys','user')",
        "srv.web1.cpu.reduce.divideSeries [10,10,10,10] ‖ \
         srv.web2.cpu.reduce.divideSeries [10,10,10,10]",
    );
    check(
        "reduceSeries(mapSeries(s.*,1),'sumSeries',1,'z')",
        "nothing",
    );
    check_refused(
        "reduceSeries(mapSeries(srv.*.cpu.*,1),'asPercent',3,'user','sys')",
        "srv.web10.cpu.reduce.asPercent: there is no series for \"sys\"",
    );
    check_refused(
        "reduceSeries(mapSeries(s.a,1),'sumSeries',2,'a')",
        "has no node 2",
    );
    check_refused(
        "reduceSeries(mapSeries(s.a,1),'sumSeries',-3,'a')",
        "has no node -3",
    );
    check_refused(
        "reduceSeries(mapSeries(s.a,1),'nosuch',1,'a')",
        "unknown function: nosuch",
    );
    check_refused(
        "reduceSeries(s.a,'sumSeries',1,'a')",
        "Invalid \"seriesLists\" value",
    );
    check_refused("mapSeries(s.a,1)", "only reduceSeries takes them");
    check_refused("mapSeries(s.a)", "Missing required parameter \"mapNodes\"");
}

#[test]
fn keys_are_paid_for() {
    let stored: Vec<Series> = (0..500)
        .map(|i| leaf(&format!("n{i}"), T, 60, &[1.0]))
        .collect();
    let nodes = "0,".repeat(900);
    let nodes = nodes.trim_end_matches(',');
    for target in [
        format!("groupByNodes(n*,'sum',{nodes})"),
        format!("weightedAverage(n*,n*,{nodes})"),
        format!("asPercent(n*,n*,{nodes})"),
    ] {
        let mut small = context();
        small.limits.bytes_max = 3_000_000;
        let answer = ask_with(&target, &stored, &small);
        assert!(matches!(answer, Err(QueryError::Limit(_))), "{target}");
        assert!(ask_with(&target, &stored, &context()).is_ok(), "{target}");
    }
}

#[test]
fn applying() {
    check(
        "applyByNode(srv.*.cpu.user,1,'sumSeries(%.cpu.*)','%.total')",
        "srv.web1.total [11,22,33,44] ‖ srv.web10.total [9,9,·,9] ‖ srv.web2.total [55,66,77,88]",
    );
    check(
        "applyByNode(srv.web{2,1}.cpu.user,1,'divideSeries(%.cpu.user,%.cpu.sys)')",
        "divideSeries(srv.web1.cpu.user,srv.web1.cpu.sys) [0.1,0.1,0.1,0.1] ‖ \
         divideSeries(srv.web2.cpu.user,srv.web2.cpu.sys) [0.1,0.1,0.1,0.1]",
    );
    check("applyByNode(s.a,7,'%')", "s.a [1,2,·,4,5,6]");
    check(
        "applyByNode(s.*,-2,'sumSeries(%.{a,b})')",
        "sumSeries(s.{a,b}) [11,2,·,44,55,66]",
    );
    check(
        "applyByNode(s.a,0,'summarize(%.b,\"4min\")')",
        "summarize(s.b, \"4min\", \"sum\") @+0/240 [50,110]",
    );
    check("applyByNode(nosuch,0,'%.b')", "nothing");
    check_refused(
        "applyByNode(s.a,0,'nosuch(%.b)')",
        "unknown function: nosuch",
    );
    let answer = ask("applyByNode(s.a,0,'%.b','x')", &context()).expect("an answer");
    assert_eq!(
        (answer[0].name.as_str(), answer[0].path_expression.as_str()),
        ("x", "s")
    );
    let long = format!("applyByNode(s.a,1,'{}')", "%".repeat(40_000));
    assert!(matches!(ask(&long, &context()), Err(QueryError::Limit(_))));
}

#[test]
fn tags_of_combined_series() {
    #[track_caller]
    fn check(target: &str, want: &[&str]) {
        let answer = ask(target, &context()).expect("an answer");
        let tags = answer[0].tags.iter().map(|(k, v)| format!("{k}={v}"));
        assert_eq!(tags.collect::<Vec<_>>(), want, "{target}");
    }
    check("divideSeries(s.a,s.b)", &["name=divideSeries(s.a,s.b)"]);
    check("divideSeries(s.a,nosuch)", &["name=s.a"]);
    check("asPercent(s.a,2)", &["name=asPercent(s.a,2)"]);
    check("countSeries(s.a)", &["name=countSeries(s.a)"]);
    check("constantLine(2)", &["name=2.0"]);
    check(
        "aggregate(s.a,'rangeOfSeries')",
        &["aggregatedBy=rangeOf", "name=s.a"],
    );
    check(
        "groupByNode(seriesByTag('dc=dc1'),'dc','total')",
        &["aggregatedBy=total", "dc=dc1", "name=disk"],
    );
}

#[test]
fn long_names_are_paid_for_before_they_are_made() {
    let stored: Vec<Series> = (0..3_000)
        .map(|i| leaf(&format!("n{i}"), T, 60, &[1.0]))
        .collect();
    for target in [
        "asPercent(scale(n*,2))",
        "cactiStyle(asPercent(scale(n*,2)))",
    ] {
        let mut small = context();
        small.limits.bytes_max = 100_000_000;
        let answer = ask_with(target, &stored, &small);
        assert!(matches!(answer, Err(QueryError::Limit(_))), "{target}");
    }
}

/// Random series of one step, and the values of all of them at each of their times.
fn table(random: &mut Random, names: &[&str]) -> (Vec<Series>, i64, Vec<Vec<f64>>) {
    let mut all: Vec<Series> = names
        .iter()
        .map(|name| random_series(random, name, &[60]))
        .collect();
    if random.chance(50) {
        for one in &mut all {
            one.start = T;
        }
    }
    let start = all.iter().map(|one| one.start).min().unwrap_or(0);
    let end = all.iter().map(Series::end).max().unwrap_or(0);
    let at = |one: &Series, time| {
        let found = one.present_points().find(|point| point.0 == time);
        found.map_or(N, |point| point.1)
    };
    let row = |time| all.iter().map(|one| at(one, time)).collect();
    let rows = (start..end).step_by(60).map(row).collect();
    (all, start, rows)
}

#[track_caller]
fn check_rows(all: &[Series], target: &str, start: i64, want: Vec<f64>) {
    let mut got = ask_with(target, all, &context()).expect("an answer");
    let got = got.swap_remove(0);
    let want = leaf("x", start, 60, &want);
    let show = |one: &Series| format!("{:?}", one.present_points().collect::<Vec<_>>());
    assert_eq!(show(&got), show(&want), "{target}");
}

#[test]
fn rows_agree_with_row_loops() {
    let divide = |a: f64, b: f64| if b == 0.0 { N } else { a / b };
    for seed in 0..50 {
        let mut random = Random::new(seed);
        let (all, start, rows) = table(&mut random, &["x0", "x1", "x2", "x3"]);
        let present = |row: &Vec<f64>| -> Vec<f64> {
            row.iter()
                .copied()
                .filter(|value| !value.is_nan())
                .collect()
        };
        let check = |target: &str, of: &dyn Fn(&Vec<f64>) -> f64| {
            check_rows(&all, target, start, rows.iter().map(of).collect());
        };
        check("diffSeries(x*)", &|row| {
            let mut row = present(row).into_iter();
            row.next().map_or(N, |first| first - row.sum::<f64>())
        });
        check("multiplySeries(x*)", &|row| row.iter().product());
        check("maxSeries(x*)", &|row| {
            present(row).into_iter().reduce(f64::max).unwrap_or(N)
        });
        check("divideSeries(x0,x1)", &|row| divide(row[0], row[1]));
        check("divideSeries(x1,x0)", &|row| divide(row[1], row[0]));
        check("powSeries(x*)", &|row| {
            let raise = |a: f64, b: f64| {
                let raised = if a.is_nan() || b.is_nan() {
                    N
                } else {
                    a.powf(b)
                };
                if raised.is_finite() { raised } else { N }
            };
            row.iter().copied().reduce(raise).unwrap_or(N)
        });
        let sum = |row: &Vec<f64>| present(row).into_iter().reduce(|a, b| a + b).unwrap_or(N);
        check("asPercent(x*)", &|row| divide(row[0], sum(row)) * 100.0);
        check("asPercent(x*,x*,1)", &|row| {
            divide(row[0], sum(row)) * 100.0
        });
        check("asPercent(x0,x3)", &|row| divide(row[0], row[3]) * 100.0);
        check("weightedAverage(alias(x0,'a'),alias(x1,'a'),0)", &|row| {
            divide(row[0] * row[1], row[1])
        });
        let percent = 1.0 + random.below(100) as f64;
        check(&format!("percentileOfSeries(x*,{percent})"), &|row| {
            let mut sorted = present(row);
            sorted.sort_by(f64::total_cmp);
            let rank = (percent / 100.0 * (sorted.len() as f64 + 1.0)).ceil() as usize;
            let index = rank.saturating_sub(1).min(sorted.len().saturating_sub(1));
            sorted.get(index).copied().unwrap_or(N)
        });
    }
}

#[test]
fn long_rows_have_the_percentiles_of_short_ones() {
    for seed in 0..30 {
        let mut random = Random::new(seed);
        let values: Vec<f64> = (0..10_001 + random.below(5_000))
            .map(|_| match random.chance(30) {
                true => N,
                false => random.below(5_000) as f64 - 2_500.0,
            })
            .collect();
        let percent = 0.001 + random.below(100_000) as f64 / 1_000.0;
        let percentile = Percentile::new(percent, seed % 2 == 0).expect("a percentile");
        let pace = Pace::new(&Breathless);
        let got = run(percentile.of_many(&values, &pace)).expect("a breath");
        assert_eq!(got, percentile.of(&values), "seed {seed}: {percent}");
    }
    let all = [1.0, 2.0, 3.0, 4.0];
    let median = Aggregation::Median.of(&all);
    assert_eq!(
        Percentile::new(50.0, true).expect("a percentile").of(&all),
        median
    );
}

/// A group is what the function makes of its series alone.
#[test]
fn groups_agree_with_asking_for_each() {
    let one = |target: &str| show_all(ask(target, &context()));
    for function in [
        "sum",
        "average",
        "maxSeries",
        "countSeries",
        "stddev",
        "multiplySeries",
    ] {
        let groups = format!("groupByNode(srv.*.cpu.*,1,'{function}')");
        let mut wants = Vec::new();
        for host in ["web1", "web10", "web2"] {
            let alone = match function {
                "average" | "stddev" => format!("aggregate(srv.{host}.cpu.*,'{function}')"),
                _ => format!("{function}(srv.{host}.cpu.*)"),
            };
            wants.push(one(&format!("alias({alone},'{host}')")));
        }
        assert_eq!(one(&groups), wants.join(" ‖ "), "{function}");
    }
}
