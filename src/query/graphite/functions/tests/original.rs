//! What graphite-web 1.1.10 answers for what is stored: `original.txt` has a target a line, the series
//! it gives, and of each its path expression, its tags and how it is drawn; 400 and the text of an
//! error, or 500 where it fails.

use super::*;

const ORIGINAL: &str = include_str!("original.txt");

/// Where we answer otherwise, and why.
const OURS: &[(&str, &str)] = &[
    // It fails where a series has no mean: ours is not between anything.
    (
        "averageOutsidePercentile(s.*,10)",
        "s.b [10,·,·,40,50,60] ‖ s.c [3,3,3,3,3,3] ‖ s.null [·,·,·,·,·,·]",
    ),
    (
        "averageOutsidePercentile(s.*,90)",
        "s.b [10,·,·,40,50,60] ‖ s.c [3,3,3,3,3,3] ‖ s.null [·,·,·,·,·,·]",
    ),
    (
        "averageOutsidePercentile(s.*,50)",
        "s.a [1,2,·,4,5,6] ‖ s.b [10,·,·,40,50,60] ‖ s.c [3,3,3,3,3,3] ‖ s.null [·,·,·,·,·,·]",
    ),
    // It fails on nulls: they say nothing about their series.
    (
        "removeBetweenPercentile(s.{a,b,c},10)",
        "s.a [1,2,·,4,5,6] ‖ s.b [10,·,·,40,50,60] ‖ s.c [3,3,3,3,3,3]",
    ),
    (
        "removeBetweenPercentile(disk*,20)",
        "disk;dc=dc1;host=a [1,2,3] ‖ disk;dc=dc1;host=b [10,20,30] ‖ \
         disk;dc=dc2;host=c [100,·,300]",
    ),
    // A number is a moment too.
    ("verticalLine(1699999300,label='k')", "k @+100/1 [1,1]"),
    // Arguments are checked.
    (
        "sortByName(srv.*.cpu.user,2)",
        "400 Invalid \"boolean\" value specified for function \"sortByName\" parameter \"natural\": 2",
    ),
];

fn drawn(series: &Series) -> String {
    let look = &series.look;
    let mut options = Vec::new();
    let mut number = |name: &str, value: Option<f64>| {
        options.extend(value.map(|value| format!("{name}={}", number::general(value))));
    };
    number("alpha", look.alpha);
    number("dashed", look.dashed);
    number("lineWidth", look.line_width);
    number("drawAsInfinite", look.draw_as_infinite.then_some(1.0));
    number("invisible", look.invisible.then_some(1.0));
    number("secondYAxis", look.second_y_axis.then_some(1.0));
    number("stacked", look.stacked.then_some(1.0));
    options.extend(look.color.as_ref().map(|color| format!("color={color}")));
    options.sort();
    let tags: Vec<String> = series
        .tags
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    format!(
        "{} {{{}}} {{{}}}",
        series.path_expression,
        tags.join(","),
        options.join(",")
    )
}

#[test]
fn answers_are_those_of_graphite_web() {
    let mut faults = Vec::new();
    for line in ORIGINAL.lines() {
        let mut parts = line.split('\t');
        let mut next = || parts.next().expect("three parts");
        let (target, mut want, mut want_drawn) = (next(), next(), next());
        let ours = OURS.iter().find(|ours| ours.0 == target);
        if let Some(ours) = ours {
            (want, want_drawn) = (ours.1, "");
        }
        let answer = ask(target, &context());
        let got_drawn = match &answer {
            Ok(series) if ours.is_none() => {
                series.iter().map(drawn).collect::<Vec<_>>().join(" ‖ ")
            }
            _ => String::new(),
        };
        let got = match (show_all(answer), want) {
            (got, "500") if got.starts_with("400 ") => "500".to_owned(),
            (got, _) if got.starts_with("400 Invalid \"aggFunc\" value") => want.to_owned(),
            (got, _) => got,
        };
        if (got.as_str(), got_drawn.as_str()) != (want, want_drawn) {
            faults.push(format!(
                "{target}\n  got  {got} | {got_drawn}\n  want {want} | {want_drawn}"
            ));
        }
    }
    let count = faults.len();
    assert!(faults.is_empty(), "{count}:\n{}", faults.join("\n"));
    assert!(600 < ORIGINAL.lines().count());
}
