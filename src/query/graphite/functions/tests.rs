//! Functions against results that graphite-web itself gave for the same data, and against naive
//! twins.

mod alias;
mod combine;
mod filter;
mod graph;
mod original;
mod special;

use std::collections::BTreeMap;

use super::*;
use crate::base::random::Random;
use crate::query::breath::{Breath, Breathless, Local, Pace};
use crate::query::error::QueryError;
use crate::query::graphite::evaluate::{Budget, Evaluator, check as check_target};
use crate::query::graphite::slots::Slotted;
use crate::query::graphite::{Context, Leaves, consolidate, number, slots, target};
use crate::query::limits::Limits;
use crate::query::plan::Selector;
use crate::query::rows::{self, Combine, Combined};
use crate::query::series::Series;
use crate::query::summary::Summary;
use crate::query::testing::run;
use crate::query::together::Together;

mod answers;
mod calculate;
mod pushed;
mod transform;

pub(super) const T: i64 = 1_699_999_200;
pub(super) const N: f64 = f64::NAN;

pub(super) fn leaf(name: &str, start: i64, step: i64, values: &[f64]) -> Series {
    Series::leaf(name.to_owned(), start, step, values.to_vec(), 0.0).expect("a good name")
}

/// The series that every example asks for.
pub(super) fn stored() -> Vec<Series> {
    let minutes: Vec<(&str, &[f64])> = vec![
        ("cnt.wrap", &[250.0, 254.0, 2.0, 6.0]),
        ("cnt.x", &[0.0, 10.0, 20.0, 5.0, 15.0, N, 35.0]),
        ("disk;dc=dc1;host=a", &[1.0, 2.0, 3.0]),
        ("disk;dc=dc1;host=b", &[10.0, 20.0, 30.0]),
        ("disk;dc=dc2;host=c", &[100.0, N, 300.0]),
        ("s.a", &[1.0, 2.0, N, 4.0, 5.0, 6.0]),
        ("s.b", &[10.0, N, N, 40.0, 50.0, 60.0]),
        ("s.c", &[3.0; 6]),
        ("s.null", &[N; 6]),
        ("srv.web1.cpu.sys", &[10.0, 20.0, 30.0, 40.0]),
        ("srv.web1.cpu.user", &[1.0, 2.0, 3.0, 4.0]),
        ("srv.web10.cpu.user", &[9.0, 9.0, N, 9.0]),
        ("srv.web2.cpu.sys", &[50.0, 60.0, 70.0, 80.0]),
        ("srv.web2.cpu.user", &[5.0, 6.0, 7.0, 8.0]),
    ];
    let mut all: Vec<Series> = minutes
        .iter()
        .map(|(name, values)| leaf(name, T, 60, values))
        .collect();
    all.push(leaf("slow.m", T, 120, &[100.0, 200.0, 300.0]));
    let two_hours: Vec<f64> = (0..120).map(f64::from).collect();
    all.push(leaf("hist.h", T - 3600, 60, &two_hours));
    all
}

/// Globs and tag expressions as far as the examples need them.
fn matcher(selector: &Selector) -> Box<dyn Fn(&Series) -> bool + '_> {
    match selector {
        Selector::Path(path) if !path.contains(['*', '{']) => {
            Box::new(move |series| series.name == *path)
        }
        Selector::Path(path) => {
            let escaped = regex::escape(path).replace("\\*", "[^.]*");
            let escaped = escaped.replace("\\{", "(").replace("\\}", ")");
            let pattern = format!("^{}$", escaped.replace(',', "|"));
            let regex = regex::Regex::new(&pattern).expect("a good glob");
            Box::new(move |series| regex.is_match(&series.name))
        }
        Selector::Tags(expressions) => Box::new(move |series| {
            expressions.iter().all(|expression| {
                let (key, value) = expression.split_once('=').unwrap_or_default();
                let (key, wanted) = match key.strip_suffix('!') {
                    Some(key) => (key, false),
                    None => (key, true),
                };
                (series.tags.get(key).map(String::as_str) == Some(value)) == wanted
            })
        }),
        Selector::Metric { .. } | Selector::Names(_) => panic!("no selector of Graphite's"),
    }
}

pub(super) fn context() -> Context {
    Context {
        from: T - 1,
        until: T + 359,
        now: T + 400,
        zone: jiff::tz::TimeZone::UTC,
        x_files_factor: 0.0,
        limits: Limits::default(),
    }
}

/// A series as the shards give it where they are told of a summary.
fn summed(one: Series, summary: Option<Summary>) -> Series {
    let Some(summary) = summary else {
        return one;
    };
    let slotted = Slotted {
        start: one.start,
        step: one.step,
        values: one.values,
    };
    let pace = Pace::new(&Breathless);
    let summing = summary.of(&slotted, &pace);
    let Slotted {
        start,
        step,
        values,
    } = run(summing).expect("a breath");
    Series {
        start,
        step,
        values,
        ..one
    }
}

/// What is stored.
struct Stored<'s> {
    series: &'s [Series],
    /// Whether leaves begin with the range and end with it at the latest; otherwise they are what is
    /// stored, whatever the range.
    sliced: bool,
}

impl Leaves for Stored<'_> {
    fn fetch<'a>(
        &'a self,
        selectors: Vec<Selector>,
        summary: Option<Summary>,
        context: &'a Context,
    ) -> Local<'a, Result<Vec<Vec<Series>>, QueryError>> {
        let within = |one: &Series| {
            if !self.sliced {
                return one.clone();
            }
            let (start, count) = slots::span(one.step, context.from, context.until);
            // A series that ends earlier has no values from there on.
            let held = (one.end() - start).div_euclid(one.step).max(0) as u64;
            let count = count.min(held);
            let at = |i: i64| (start + i * one.step - one.start).div_euclid(one.step);
            let value = |i| usize::try_from(at(i)).ok().and_then(|i| one.values.get(i));
            let values = (0..count as i64).map(|i| value(i).copied().unwrap_or(N));
            Series {
                start,
                values: values.collect(),
                ..one.clone()
            }
        };
        let list = |selector: &Selector| {
            let matches = matcher(selector);
            let found = self.series.iter().filter(|one| matches(one));
            found.map(within).map(|one| summed(one, summary)).collect()
        };
        let lists = selectors.iter().map(list).collect();
        Box::pin(std::future::ready(Ok(lists)))
    }

    fn combined<'a>(
        &'a self,
        selector: Selector,
        combine: &'a Combine,
        summary: Option<Summary>,
        context: &'a Context,
    ) -> Local<'a, Result<Combined, QueryError>> {
        Box::pin(async move {
            let lists = self.fetch(vec![selector], summary, context).await?;
            let series = lists.into_iter().flatten().collect();
            if !self.sliced {
                return Ok(Combined::Apart(series));
            }
            let named = summary.is_some();
            rows::combined(series, combine, named, &Pace::new(&Breathless)).await
        })
    }

    fn events<'a>(
        &'a self,
        tags: Vec<String>,
        context: &'a Context,
    ) -> Local<'a, Result<Vec<i64>, QueryError>> {
        // Two deploys, one of them of version 1.
        let happened = [(T, "deploy"), (T + 60, "deploy"), (T + 60, "v1")];
        let mut times: Vec<i64> = Vec::new();
        for (time, tag) in happened {
            let wanted = tags.is_empty() || tags.iter().all(|wanted| wanted == tag);
            if wanted && (context.from..=context.until).contains(&time) {
                times.push(time);
            }
        }
        Box::pin(std::future::ready(Ok(times)))
    }
}

pub(super) fn ask_with(
    text: &str,
    stored: &[Series],
    context: &Context,
) -> Result<Vec<Series>, QueryError> {
    let target = target::parse(text, &[])?;
    let leaves = Stored {
        series: stored,
        sliced: false,
    };
    evaluated(&target, &leaves, context, &Pace::new(&Breathless))
}

/// The answer where what is stored is evaluated over the range of `context` and around it.
pub(super) fn ask(text: &str, context: &Context) -> Result<Vec<Series>, QueryError> {
    let target = target::parse(text, &[])?;
    let leaves = Stored {
        series: &stored(),
        sliced: true,
    };
    evaluated(&target, &leaves, context, &Pace::new(&Breathless))
}

fn evaluated(
    target: &target::Target,
    leaves: &dyn Leaves,
    context: &Context,
    pace: &Pace<'_>,
) -> Result<Vec<Series>, QueryError> {
    check_target(target)?;
    let budget = Budget::new(context.limits.bytes_max, Together::default().share());
    let evaluator = Evaluator::new(leaves, &budget, pace);
    run(evaluator.prepare([target], context))?;
    run(evaluator.evaluate(target, context))
}

pub(super) fn consolidated(series: &mut [Series], max_data_points: u64) {
    let pace = Pace::new(&Breathless);
    run(consolidate::consolidate(series, max_data_points, &pace)).expect("a breath");
}

/// `name @+start/step [values]`, start and step only where they are not T and 60.
pub(super) fn show(series: &Series) -> String {
    let values: Vec<String> = series
        .values
        .iter()
        .map(|value| match value.is_nan() {
            true => "·".to_owned(),
            false => number::general(*value),
        })
        .collect();
    let place = match (series.start - T, series.step) {
        (0, 60) => String::new(),
        (offset, step) => format!(" @{offset:+}/{step}"),
    };
    format!("{}{place} [{}]", series.name, values.join(","))
}

pub(super) fn show_all(answer: Result<Vec<Series>, QueryError>) -> String {
    match answer {
        Ok(series) if series.is_empty() => "nothing".to_owned(),
        Ok(series) => series.iter().map(show).collect::<Vec<_>>().join(" ‖ "),
        Err(QueryError::Invalid(text)) => format!("400 {text}"),
        Err(other) => format!("{other:?}"),
    }
}

#[track_caller]
pub(super) fn check(target: &str, want: &str) {
    // The examples of a counter are of one minute more.
    let more = if target.contains("cnt.x") { 60 } else { 0 };
    let context = Context {
        until: context().until + more,
        ..context()
    };
    let got = show_all(ask(target, &context));
    assert_eq!(got, want, "{target}");
}

#[track_caller]
fn check_refused(target: &str, want: &str) {
    let got = show_all(ask(target, &context()));
    assert!(got.starts_with("400 "), "{target} gives {got}");
    assert!(got.contains(want), "{target}: {got}");
}

#[test]
fn grammar_as_graphite_web_answers() {
    check("scale(s.a,factor=2)", "scale(s.a,2) [2,4,·,8,10,12]");
    check("scale(s.a,\"2\")", "scale(s.a,2) [2,4,·,8,10,12]");
    check("scale(s.a,1E-1)", "scale(s.a,0.1) [0.1,0.2,·,0.4,0.5,0.6]");
    check("sum (s.a)", "sumSeries(s.a) [1,2,·,4,5,6]");
    check("alias(s.a,\"it's\")", "it's [1,2,·,4,5,6]");
    check(r#"alias(s.a,"q\"uote")"#, r#"q\"uote [1,2,·,4,5,6]"#);
    check("template(s.$1,\"b\")", "s.b [10,·,·,40,50,60]");
    check(
        "template(scale(s.$x,$f),x=\"a\",f=3)",
        "scale(s.a,3) [3,6,·,12,15,18]",
    );
    check(
        "group(s.a|scale(2),s.b)",
        "scale(s.a,2) [2,4,·,8,10,12] ‖ s.b [10,·,·,40,50,60]",
    );
    check(
        "summarize(s.a,func=\"max\",intervalString=\"2min\")",
        "summarize(s.a, \"2min\", \"max\") @+0/120 [2,4,6,·]",
    );
    check_refused(
        "unknownFn(s.a)",
        "Received request for unknown function: unknownFn",
    );
    check_refused("Sum(s.a)", "Received request for unknown function: Sum");
}

#[test]
fn what_graphite_web_guesses_at_is_refused() {
    check("s.a|scale(factor=2)", "scale(s.a,2) [2,4,·,8,10,12]");
    check_refused("scale(s.a,.5)", "character 11: expected a path");
    check_refused(
        "scale(s.a,+2)",
        "Invalid \"float\" value specified for function \"scale\"",
    );
    check_refused(
        "scale(s.a)",
        "Missing required parameter \"factor\" for function \"scale\"",
    );
    check_refused("scale(2,2)", "Invalid \"seriesList\" value");
    check_refused(
        "scale(s.a,2,3)",
        "Too many parameters specified for function \"scale\"",
    );
    check_refused("scale(s.a,facto=2)", "Unexpected key word arguments: facto");
    check_refused(
        "scale(s.a,2,factor=3)",
        "Unexpected key word arguments: factor",
    );
    check_refused("scale(s.a,none)", "parameter \"factor\": None");
    check_refused(
        "alias(s.a,foo)",
        "parameter \"newName\": foo; put it in quotes",
    );
    check_refused("alias(s.a,2)", "Invalid \"string\" value");
    check_refused("sumSeries()", "Missing required parameter \"seriesLists\"");
    check_refused("summarize(s.a,'5m')", "Invalid \"interval\" value");
    check_refused("summarize(s.a,'0s')", "longer than nothing");
    check_refused("summarize(s.a,'')", "longer than nothing");
    check_refused("summarize(s.a,'-1min')", "longer than nothing");
    check_refused("summarize(s.a,'1min','first')", "Invalid \"aggFunc\" value");
    check_refused(
        "sumSeries(consolidateBy(s.a,'median'),slow.m)",
        "Invalid consolidation function: 'median'",
    );
    check_refused("aliasByNode(s.a)", "Missing required parameter \"nodes\"");
    check_refused("aliasByNode(s.a,1.5)", "Invalid \"nodeOrTag\" value");
    check_refused("template($x,x=1)", "target gives no series but 1");
    check_refused("sum(nosuch,unknownFn(s.a))", "unknown function: unknownFn");
}

#[test]
fn combining() {
    check("sum(s.{a,b})", "sumSeries(s.{a,b}) [11,2,·,44,55,66]");
    check(
        "averageSeries(s.a,s.b)",
        "averageSeries(s.a,s.b) [5.5,2,·,22,27.5,33]",
    );
    check(
        "avg(s.a,s.b)",
        "averageSeries(s.a,s.b) [5.5,2,·,22,27.5,33]",
    );
    check("sumSeries(nosuch.*)", "nothing");
    check(
        "sumSeries(s.a,slow.m)",
        "sumSeries(s.a,slow.m) @+0/120 [101.5,204,305.5]",
    );
    check(
        "sumSeries(consolidateBy(s.a,'sum'),slow.m)",
        "sumSeries(consolidateBy(s.a,\"sum\"),slow.m) @+0/120 [103,204,311]",
    );
    check(
        "sumSeries(scale(srv.*.cpu.user,2))",
        "sumSeries(scale(srv.web1.cpu.user,2),scale(srv.web10.cpu.user,2),\
         scale(srv.web2.cpu.user,2)) [30,34,20,42]",
    );
    check(
        "sumSeries(alias(s.a,\"x\"),alias(s.b,\"y\"))",
        "sumSeries(s.a,s.b) [11,2,·,44,55,66]",
    );
    check("group()", "nothing");
    check("group(s.a,s.a)", "s.a [1,2,·,4,5,6] ‖ s.a [1,2,·,4,5,6]");
}

#[test]
fn renaming() {
    check(
        "aliasByNode(sumSeries(srv.*.cpu.user),1)",
        "* [15,17,10,21]",
    );
    check(
        "aliasByNode(scale(perSecond(srv.web1.cpu.user),60),1,-1)",
        "web1.user [·,1.00002,1.00002,1.00002]",
    );
    check("aliasByNode(s.a,\"1\")", " [1,2,·,4,5,6]");
    check("aliasByNode(s.a,9,-9,1)", "..a [1,2,·,4,5,6]");
    check(
        "aliasByNode(alias(s.a,\"Load (5 min)\"),0)",
        "Load [1,2,·,4,5,6]",
    );
    check("alias(s.{a,c},'x')", "x [1,2,·,4,5,6] ‖ x [3,3,3,3,3,3]");
}

#[test]
fn transforming() {
    check("scale(s.a,-0.5)", "scale(s.a,-0.5) [-0.5,-1,·,-2,-2.5,-3]");
    check(
        "perSecond(cnt.x)",
        "perSecond(cnt.x) [·,0.166667,0.166667,·,0.166667,·,·]",
    );
    check(
        "perSecond(cnt.wrap,255)",
        "perSecond(cnt.wrap) [·,0.066667,0.066667,0.066667]",
    );
    check(
        "scale(perSecond(cnt.wrap,255,1),60)",
        "scale(perSecond(cnt.wrap),60) [·,4.00002,3,4.00002]",
    );
    check(
        "perSecond(cnt.x,none,0)",
        "perSecond(cnt.x) [·,0.166667,0.166667,0.083333,0.166667,·,·]",
    );
    check(
        "perSecond(cnt.x,12)",
        "perSecond(cnt.x) [·,0.166667,·,·,·,·,·]",
    );
}

#[test]
fn summarizing() {
    check(
        "summarize(s.a,'2min')",
        "summarize(s.a, \"2min\", \"sum\") @+0/120 [3,4,11,·]",
    );
    check(
        "summarize(s.a,'7min','sum')",
        "summarize(s.a, \"7min\", \"sum\") @-60/420 [18,·]",
    );
    check(
        "summarize(s.a,'7min','sum',true)",
        "summarize(s.a, \"7min\", \"sum\", true) @+0/420 [18]",
    );
    check(
        "summarize(s.a,'30s','sum')",
        "summarize(s.a, \"30s\", \"sum\") @+0/30 [1,·,2,·,·,·,4,·,5,·,6,·,·]",
    );
    for (function, want) in [
        ("average", "[1.5,4,5.5,·]"),
        ("avg", "[1.5,4,5.5,·]"),
        ("avg_zero", "[1.5,2,5.5,·]"),
        ("count", "[2,1,2,·]"),
        ("current", "[2,4,6,·]"),
        ("diff", "[-1,4,-1,·]"),
        ("last", "[2,4,6,·]"),
        ("max", "[2,4,6,·]"),
        ("median", "[1.5,4,5.5,·]"),
        ("min", "[1,4,5,·]"),
        ("multiply", "[2,·,30,·]"),
        ("range", "[1,0,1,·]"),
        ("rangeOf", "[1,0,1,·]"),
        ("stddev", "[0.5,0,0.5,·]"),
        ("sum", "[3,4,11,·]"),
        ("total", "[3,4,11,·]"),
        ("maxSeries", "[2,4,6,·]"),
    ] {
        check(
            &format!("summarize(s.a,'2min','{function}')"),
            &format!("summarize(s.a, \"2min\", \"{function}\") @+0/120 {want}"),
        );
    }
}

#[test]
fn tagged_series() {
    check(
        "seriesByTag('name=disk','dc=dc1')|sumSeries()",
        "sumSeries(seriesByTag('name=disk','dc=dc1')) [11,22,33]",
    );
    check(
        "seriesByTag('name=disk')|aliasByNode(0,'host')",
        "disk.a [1,2,3] ‖ disk.b [10,20,30] ‖ disk.c [100,·,300]",
    );
    check(
        "seriesByTag('name=disk','host!=a')",
        "disk;dc=dc1;host=b [10,20,30] ‖ disk;dc=dc2;host=c [100,·,300]",
    );
    check("disk;dc=dc1;host=a", "disk;dc=dc1;host=a [1,2,3]");
}

#[test]
fn tags_of_answers() {
    let tags = |target: &str| -> BTreeMap<String, String> {
        let answer = ask_with(target, &stored(), &context());
        answer
            .ok()
            .and_then(|mut all| all.pop())
            .map(|one| one.tags)
            .unwrap_or_default()
    };
    #[track_caller]
    fn check(got: BTreeMap<String, String>, want: &[(&str, &str)]) {
        let got: Vec<(&str, &str)> = got.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(got, want);
    }
    check(tags("s.a"), &[("name", "s.a")]);
    check(tags("alias(s.a,'x')"), &[("name", "s.a")]);
    check(tags("scale(s.a,2)"), &[("name", "s.a"), ("scale", "2.0")]);
    check(
        tags("perSecond(s.a)"),
        &[("name", "s.a"), ("perSecond", "1")],
    );
    check(
        tags("summarize(s.a,'2min')"),
        &[
            ("name", "s.a"),
            ("summarize", "2min"),
            ("summarizeFunction", "sum"),
        ],
    );
    check(
        tags("consolidateBy(s.a,'max')"),
        &[("consolidateBy", "max"), ("name", "s.a")],
    );
    check(
        tags("sum(s.a,s.b)"),
        &[("aggregatedBy", "sum"), ("name", "sumSeries(s.a,s.b)")],
    );
    check(
        tags("avg(seriesByTag('name=disk','dc=dc1'))"),
        &[("aggregatedBy", "average"), ("dc", "dc1"), ("name", "disk")],
    );
}

#[test]
fn enough_values_are_asked_for() {
    let strict = Context {
        x_files_factor: 1.0,
        ..context()
    };
    #[track_caller]
    fn check(context: &Context, target: &str, want: &str) {
        assert_eq!(
            show_all(ask_with(target, &stored(), context)),
            want,
            "{target}"
        );
    }
    check(
        &strict,
        "sum(s.{a,b})",
        "sumSeries(s.{a,b}) [11,·,·,44,55,66]",
    );
    check(
        &strict,
        "summarize(s.a,'2min')",
        "summarize(s.a, \"2min\", \"sum\") @+0/120 [3,·,11,·]",
    );
    check(
        &strict,
        "sumSeries(s.a,slow.m)",
        "sumSeries(s.a,slow.m) @+0/120 [101.5,·,305.5]",
    );
}

#[test]
fn what_functions_produce_is_bounded() {
    let mut small = context();
    small.limits.bytes_max = 20_000;
    let mut far = stored();
    far.push(leaf("s.far", T + 1_000_000_000_000, 60, &[1.0]));
    #[track_caller]
    fn check(context: &Context, stored: &[Series], target: &str) {
        let answer = ask_with(target, stored, context);
        assert!(
            matches!(answer, Err(QueryError::Limit(_))),
            "{target}: {answer:?}"
        );
    }
    assert!(ask_with("sum(s.*)", &stored(), &small).is_ok());
    check(
        &small,
        &stored(),
        &format!("group({})", ["s.*"; 20].join(",")),
    );
    check(
        &small,
        &stored(),
        &format!("alias(s.*,'{}')", "x".repeat(10_000)),
    );
    check(
        &small,
        &stored(),
        &format!("summarize(s.a,'{}')", "1s".repeat(8_000)),
    );
    check(
        &context(),
        &stored(),
        "summarize(summarize(s.a,'9999y','sum',true),'1s')",
    );
    check(&context(), &far, "sum(s.*)");
    check(&context(), &far, "avg(s.far,s.a)");
}

#[test]
fn max_data_points_as_graphite_web_does_it() {
    #[track_caller]
    fn check(target: &str, x_files_factor: f64, max_data_points: u64, want: &str) {
        let context = Context {
            x_files_factor,
            ..context()
        };
        let mut answer = ask_with(target, &stored(), &context).expect("an answer");
        consolidated(&mut answer, max_data_points);
        assert_eq!(show_all(Ok(answer)), want, "{target} in {max_data_points}");
    }
    check("s.a", 0.0, 3, "s.a @+120/120 [2,4.5,6]");
    check("s.a", 0.0, 5, "s.a @+120/120 [2,4.5,6]");
    check("s.a", 0.0, 2, "s.a @+180/180 [4.5,6]");
    check("s.a", 0.0, 6, "s.a [1,2,·,4,5,6]");
    check("s.a", 0.0, 0, "s.a [1,2,·,4,5,6]");
    check("s.a", 0.0, u64::MAX, "s.a [1,2,·,4,5,6]");
    check("s.a", 0.0, 1, "s.a @+0/360 [3.6]");
    for (function, want) in [
        ("max", "[2,5,6]"),
        ("min", "[2,4,6]"),
        ("sum", "[2,9,6]"),
        ("first", "[2,4,6]"),
        ("last", "[2,5,6]"),
        ("avg_zero", "[1,4.5,6]"),
        ("avg", "[2,4.5,6]"),
        ("average", "[2,4.5,6]"),
    ] {
        let target = format!("consolidateBy(s.a,\"{function}\")");
        check(&target, 0.0, 3, &format!("{target} @+120/120 {want}"));
    }
    check(
        "consolidateBy(s.a,'sum')",
        0.0,
        2,
        "consolidateBy(s.a,\"sum\") @+180/180 [9,6]",
    );
    check("s.a", 1.0, 3, "s.a @+120/120 [·,4.5,·]");
    check(
        "group(s.a,slow.m)",
        0.0,
        3,
        "s.a @+120/120 [2,4.5,6] ‖ slow.m @+0/120 [100,200,300]",
    );
}

#[test]
fn series_without_a_point_leave_on_request() {
    let answer = ask_with("s.*", &stored(), &context()).expect("an answer");
    let pace = Pace::new(&Breathless);
    let answer = run(consolidate::no_null_points(answer, &pace)).expect("a breath");
    let names: Vec<&str> = answer.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["s.a", "s.b", "s.c"]);
    let points: Vec<(i64, f64)> = answer[1].present_points().collect();
    assert_eq!(
        points,
        [(T, 10.0), (T + 180, 40.0), (T + 240, 50.0), (T + 300, 60.0)]
    );
}

/// The formula of consolidation, value by value.
fn naive_consolidation(all: &[Series], max_data_points: i64) -> Vec<Series> {
    let start = all.iter().map(|one| one.start).min().unwrap_or(0);
    let end = all.iter().map(Series::end).max().unwrap_or(0);
    let one_series = |one: &Series| {
        let mut result = one.clone();
        let count = (end - start) as f64 / one.step as f64;
        let (per_point, lost) = if max_data_points == 1 {
            (one.values.len() as i64, 0)
        } else if count <= max_data_points as f64 {
            return result;
        } else {
            let per_point = (count / max_data_points as f64).ceil() as i64;
            let width = per_point * one.step;
            let nudge = width + one.start % one.step - one.start % width;
            result.start += nudge;
            (per_point, nudge / one.step - 1)
        };
        result.step *= per_point;
        result.values.clear();
        let mut bucket: Vec<f64> = Vec::new();
        for (i, value) in one.values.iter().enumerate().skip(lost as usize) {
            bucket.push(*value);
            if bucket.len() as i64 == per_point || i + 1 == one.values.len() {
                let folded = one.fold.fold(&bucket, per_point as f64, one.x_files_factor);
                result.values.push(folded);
                bucket.clear();
            }
        }
        result
    };
    all.iter().map(one_series).collect()
}

fn random_series(random: &mut Random, name: &str, steps: &[i64]) -> Series {
    let values: Vec<f64> = (0..1 + random.below(90))
        .map(|_| match random.chance(25) {
            true => N,
            false => random.below(1000) as f64 / 8.0,
        })
        .collect();
    let step = steps[random.below(steps.len() as u64) as usize];
    let start = T + step * random.below(20) as i64;
    let mut one = leaf(name, start, step, &values);
    one.fold = crate::query::series::Fold::NAMES[random.below(8) as usize].1;
    one.x_files_factor = random.below(5) as f64 / 4.0;
    one
}

#[test]
fn consolidation_agrees_with_its_formula() {
    for seed in 0..3_000 {
        let mut random = Random::new(seed);
        let all: Vec<Series> = (0..1 + random.below(4))
            .map(|i| random_series(&mut random, &format!("x{i}"), &[1, 7, 60, 300]))
            .collect();
        let most = 1 + random.below(40);
        let mut got = all.clone();
        consolidated(&mut got, most);
        let want = naive_consolidation(&all, most as i64);
        assert_eq!(
            show_all(Ok(got)),
            show_all(Ok(want)),
            "seed {seed}, {most} points"
        );
    }
}

#[test]
fn sums_and_means_agree_with_a_row_loop() {
    for seed in 0..1_000 {
        let mut random = Random::new(seed);
        let all: Vec<Series> = (0..1 + random.below(6))
            .map(|i| random_series(&mut random, &format!("x{i}"), &[60]))
            .collect();
        let context = Context {
            x_files_factor: random.below(5) as f64 / 4.0,
            ..context()
        };
        let start = all.iter().map(|one| one.start).min().unwrap_or(0);
        let end = all.iter().map(Series::end).max().unwrap_or(0);
        let mut sums = Vec::new();
        let mut means = Vec::new();
        for time in (start..end).step_by(60) {
            let at = |one: &Series| one.present_points().find(|point| point.0 == time);
            let row: Vec<f64> = all.iter().filter_map(|one| Some(at(one)?.1)).collect();
            let enough = row.len() as f64 / all.len() as f64 >= context.x_files_factor;
            let enough = enough && !row.is_empty();
            let sum: f64 = row.iter().sum();
            sums.push(if enough { sum } else { N });
            means.push(if enough { sum / row.len() as f64 } else { N });
        }
        for (name, want) in [("sumSeries", sums), ("averageSeries", means)] {
            let got = ask_with(&format!("{name}(x*)"), &all, &context).expect("an answer");
            let want = leaf(&format!("{name}(x*)"), start, 60, &want);
            assert_eq!(show_all(Ok(got)), show(&want), "seed {seed}");
        }
    }
}

#[test]
fn every_declaration_can_be_met() {
    use parameter::Kind;
    let mut seen = std::collections::HashSet::new();
    for function in FUNCTIONS.into_iter().flatten() {
        for name in function.names {
            assert!(seen.insert(name), "{name} is declared twice");
        }
        assert!(!function.help.is_empty(), "{:?}", function.names);
        let before_last = function.parameters.split_last().map_or(&[][..], |it| it.1);
        assert!(before_last.iter().all(|one| !one.multiple));
        let required = function.parameters.iter().filter(|one| one.required);
        let arguments: Vec<&str> = required
            .map(|one| match one.kind {
                Kind::SeriesList => "s.*",
                Kind::SeriesLists => "mapSeries(s.*,1)",
                Kind::Interval => "'2min'",
                Kind::Any
                | Kind::Float
                | Kind::Integer
                | Kind::IntegerOrInfinity
                | Kind::IntegerOrInterval
                | Kind::Node
                | Kind::NodeOrTag => "1",
                Kind::Boolean => "true",
                Kind::Date => "'midnight'",
                Kind::Tag
                | Kind::Text
                | Kind::TextOrBoolean
                | Kind::Aggregation
                | Kind::AggregationOrFunction => "'max'",
            })
            .collect();
        let target = format!("{}({})", function.names[0], arguments.join(","));
        let answer = ask(&target, &context());
        let told = matches!(answer, Ok(_) | Err(QueryError::Invalid(_)));
        assert!(told, "{target}: {answer:?}");
    }
}

/// Says each time whether other work may go on, as a core would.
struct Counting(std::cell::Cell<usize>);

impl Breath for Counting {
    fn breathe(&self) -> Local<'_, Result<(), QueryError>> {
        self.0.set(self.0.get() + 1);
        let mut polled = false;
        Box::pin(std::future::poll_fn(move |_| {
            if std::mem::replace(&mut polled, true) {
                std::task::Poll::Ready(Ok(()))
            } else {
                std::task::Poll::Pending
            }
        }))
    }
}

#[test]
fn pieces_make_the_same_whole() {
    check_pieces(&[
        "x*",
        "sumSeries(x*)",
        "averageSeries(scale(x*,0.3),x1)",
        "perSecond(x*,100)",
        "summarize(x*,'7s','median')",
        "summarize(x*,'1d','stddev',true)",
        "consolidateBy(aliasByNode(x*,0),'min')",
        "alias(group(x1,sum(x*),avg(x*)),'y')",
        "sumSeries(consolidateBy(x*,'avg_zero'))",
    ]);
    check_pieces(&[
        "averageOutsidePercentile(x*,60)",
        "removeBetweenPercentile(x*,70)",
        "removeAbovePercentile(x*,40)",
        "removeBelowValue(x*,50)",
        "filterSeries(x*,'median','>',50)",
        "exclude(x*,'(?<=x)[1-3]')",
        "grep(x*,'[2-5]')",
        "highest(x*,4,'stddev')",
        "lowestCurrent(x*,3)",
        "limit(x*,2)",
        "mostDeviant(x*,3)",
        "removeEmptySeries(x*,0.7)",
        "unique(x*,x*)",
        "useSeriesAbove(x*,1,'x','x')",
        "sortBy(x*,'multiply',true)",
        "sortByName(x*,true,true)",
        "sortByMinima(x*)",
        "aliasSub(x*,'x*','<\\g<0>>')",
        "legendValue(x*,'avg','count','last')",
        "upper(x*,0,-1)",
        "stacked(group(x*,x1))",
        "dashed(color(secondYAxis(x*),'red'))",
        "group(threshold(1),alpha(lineWidth(x*,2),0.5),aliasByMetric(x*))",
    ]);
    check_pieces(&[combine::PIECES, special::PIECES].concat());
}

/// However small the pieces, the answer is bit for bit that of one go: of each of `targets`, which ask
/// for `x*`.
#[track_caller]
pub(super) fn check_pieces(targets: &[&str]) {
    let mut breaths = 0;
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let count = 1 + random.below(8);
        let stored: Vec<Series> = (0..count)
            .map(|i| random_series(&mut random, &format!("x{i}"), &[1, 2, 5, 10]))
            .collect();
        let text = targets[(seed % targets.len() as u64) as usize];
        let target = target::parse(text, &[]).expect("a good target");
        let leaves = Stored {
            series: &stored,
            sliced: false,
        };
        let most = random.below(40);
        let answer = |pace: &Pace<'_>| {
            let mut series = evaluated(&target, &leaves, &context(), pace).expect("an answer");
            run(consolidate::consolidate(&mut series, most, pace)).expect("a breath");
            format!("{series:?}")
        };
        let counting = Counting(std::cell::Cell::new(0));
        let got = answer(&Pace::every(1 + random.below(300) as usize, &counting));
        let want = answer(&Pace::every(usize::MAX, &Breathless));
        assert_eq!(got, want, "seed {seed}: {text}, maxDataPoints={most}");
        breaths += counting.0.get();
    }
    assert!(
        breaths > 2_000,
        "only {breaths} breaths: the test says little"
    );
}

/// What is folded in several stretches is what is folded in one, for every aggregation.
#[test]
fn long_lists_are_aggregated_like_short_ones() {
    for seed in 0..40 {
        let mut random = Random::new(seed);
        let nulls = [0, 1, 50, 100][random.below(4) as usize];
        let count = 10_001 + random.below(9_000);
        let values: Vec<f64> = (0..count)
            .map(|_| match random.chance(nulls) {
                true => N,
                false => (random.below(2_000_000) as f64 - 1e6) / 64.0,
            })
            .collect();
        let share = random.below(3) as f64 / 2.0;
        let pace = Pace::new(&Breathless);
        for (name, aggregation) in aggregation::Aggregation::NAMES {
            let want = aggregation.of_enough(&values, count as f64, share);
            let got = run(aggregation.of_many(&values, count as f64, share, &pace));
            let got = got.expect("a breath");
            assert_eq!(
                format!("{got:?}"),
                format!("{want:?}"),
                "seed {seed}: {name}"
            );
        }
    }
}
