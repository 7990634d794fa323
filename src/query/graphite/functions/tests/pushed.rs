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
    let (got, want) = (
        ask(target, context),
        ask(&not_pushed(target, leaf), context),
    );
    let (got, want) = (got.expect("an answer"), want.expect("an answer"));
    assert_eq!(got.len(), want.len(), "{target}");
    assert!(!got.is_empty(), "{target}");
    for (got, want) in got.iter().zip(&want) {
        assert_eq!(got.name, want.name, "{target}");
        assert_eq!(got.path_expression, want.path_expression, "{target}");
        assert_eq!(got.tags, want.tags, "{target}");
        let grid = |one: &Series| (one.start, one.step, one.values.len());
        assert_eq!(grid(got), grid(want), "{target}");
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
        let target = match one_of(&["", "sum", "max", "avg", "node", "share", "other"]) {
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
