//! What the shards are let do comes to the same, and is called the same, as what the functions do.

use super::*;

/// The same call around something that is no leaf, and so is not left to the shards.
fn not_pushed(target: &str, leaf: &str) -> String {
    target.replace(
        leaf,
        &format!("aliasSub({leaf},\"nothing like this\",\"\")"),
    )
}

#[track_caller]
fn check_same(target: &str, leaf: &str, context: &Context) {
    assert!(check_same_or_nothing(target, leaf, context), "{target}");
}

/// Tells whether there were series.
#[track_caller]
fn check_same_or_nothing(target: &str, leaf: &str, context: &Context) -> bool {
    let (got, want) = (
        ask(target, context),
        ask(&not_pushed(target, leaf), context),
    );
    let (got, want) = (got.expect("an answer"), want.expect("an answer"));
    assert_eq!(got.len(), want.len(), "{target}");
    for (got, want) in got.iter().zip(&want) {
        assert_eq!(got.name, want.name, "{target}");
        assert_eq!(got.path_expression, want.path_expression, "{target}");
        assert_eq!(got.tags, want.tags, "{target}");
        let grid = |one: &Series| (one.start, one.step, one.values.len());
        assert_eq!(grid(got), grid(want), "{target}");
        assert_eq!(got.integers, want.integers, "{target}");
        let share = |one: &Series| one.x_files_factor.to_bits();
        assert_eq!(share(got), share(want), "{target}");
        for (got, want) in got.values.iter().zip(&want.values) {
            let is_near = (got - want).abs() <= 1e-12 * want.abs();
            assert!(
                is_near || got.is_nan() && want.is_nan(),
                "{target}: {got} {want}"
            );
        }
    }
    !got.is_empty()
}

#[test]
fn summaries_of_leaves_are_those_of_series() {
    let leaves = [
        "s.*",
        "srv.*.cpu.*",
        "hist.h",
        "slow.m",
        "seriesByTag(\"name=disk\")",
    ];
    let widths = ["1min", "2min", "5min", "1h", "7s"];
    let functions = [
        "avg", "sum", "max", "min", "last", "count", "range", "avg_zero", "median",
    ];
    for seed in 0..600 {
        let mut random = Random::new(seed);
        let mut one_of = |list: &[&'static str]| list[random.below(list.len() as u64) as usize];
        let (leaf, width, function) = (one_of(&leaves), one_of(&widths), one_of(&functions));
        let inner = match one_of(&["", "from", "smart", "default"]) {
            "from" => format!("summarize({leaf},\"{width}\",\"{function}\",true)"),
            "smart" => format!("smartSummarize({leaf},\"{width}\",\"{function}\")"),
            "default" => format!("summarize({leaf},\"{width}\")"),
            _ => format!("summarize({leaf},\"{width}\",\"{function}\")"),
        };
        let target = match one_of(&[
            "", "sum", "max", "avg", "node", "share", "other", "count", "last", "series", "tags",
        ]) {
            "count" => format!("aggregate({inner},\"count\",0.5)"),
            "last" => format!("aggregate({inner},\"last\")"),
            "series" => format!("countSeries({inner})"),
            "tags" => format!("groupByTags({inner},\"count\",\"dc\",\"name\")"),
            "sum" => format!("sumSeries({inner})"),
            "max" => format!("maxSeries({inner})"),
            "avg" => format!("aggregate({inner},\"avg\",0.5)"),
            "node" => format!("groupByNode({inner},1,\"sum\")"),
            "share" => format!("sumSeries(setXFilesFactor({inner},0.75))"),
            "other" => format!("group({inner},sumSeries({inner}),{leaf})"),
            _ => inner,
        };
        let share = random.below(3) as f64 / 2.0;
        let context = Context {
            x_files_factor: share,
            until: context().until - random.below(100) as i64,
            ..context()
        };
        check_same(&target, leaf, &context);
    }
}

#[test]
fn combined_leaves_are_combined_series() {
    let leaves = [
        "s.*",
        "srv.*.cpu.*",
        "rnd.*",
        "mix.s10",
        "gap.*",
        "nosuch.*",
        "seriesByTag(\"name=disk\")",
        "seriesByTag(\"host=~.\")",
    ];
    let aggregations = [
        "sum", "avg", "min", "max", "count", "last", "current", "median",
    ];
    let mut shown = 0;
    for seed in 0..800 {
        let mut random = Random::new(seed);
        let mut one_of = |list: &[&'static str]| list[random.below(list.len() as u64) as usize];
        let (leaf, aggregation) = (one_of(&leaves), one_of(&aggregations));
        let target = one_of(&[
            "countSeries(%)",
            "aggregate(%,'@')",
            "aggregate(%,'@',0.5)",
            "groupByNode(%,1,'@')",
            "groupByNode(%,'host','@')",
            "groupByNode(%,0,'countSeries')",
            "groupByNodes(%,'@',0,-1)",
            "groupByTags(%,'@','dc')",
            "groupByTags(%,'@','host','name')",
            "groupByTags(%,'@','name')",
            "groupByTags(%,'@','rack','dc')",
            "sumSeriesWithWildcards(%,1)",
            "averageSeriesWithWildcards(%,0,3)",
            "aggregateWithWildcards(%,'@',1)",
            "aggregateWithWildcards(%,'@')",
        ]);
        let target = target.replace('@', aggregation).replace('%', leaf);
        let share = random.below(3) as f64 / 2.0;
        let context = Context {
            x_files_factor: share,
            until: context().until - random.below(100) as i64,
            ..context()
        };
        shown += usize::from(check_same_or_nothing(&target, leaf, &context));
    }
    assert!(shown > 250, "{shown} answers with series");
}
