//! What KairosDB's own tests and its running server say of aggregators.

use super::*;

/// When the ten points 1 to 10 begin, which are 2 ms apart.
const B: i64 = 1_375_202_962_764;

fn ten() -> String {
    let points = (0..10).map(|i| format!("{}:{}", B + 2 * i, i + 1));
    points.collect::<Vec<_>>().join(" ")
}

fn ten_backwards() -> String {
    let points = (0..10).rev().map(|i| format!("{}:{}", B + 2 * i, i + 1));
    points.collect::<Vec<_>>().join(" ")
}

#[test]
fn a1_ten_years_are_one_bucket_from_its_first_point_on() {
    let years = || every(10, Unit::Years);
    let one = |value: &str| format!("{B}:{value}");
    check(
        &ten(),
        &[Aggregator::Sum(years())],
        Asked::from(B),
        &one("55"),
    );
    check(
        &ten(),
        &[Aggregator::Max(years())],
        Asked::from(B),
        &one("10"),
    );
    check(
        &ten(),
        &[Aggregator::Min(years())],
        Asked::from(B),
        &one("1"),
    );
    check(
        &ten(),
        &[Aggregator::Avg(years())],
        Asked::from(B),
        &one("5.5"),
    );
    check(
        &ten(),
        &[dev(years())],
        Asked::from(B),
        &one("3.0276503540974917"),
    );
    let line = format!("{B}:1 {}:10", B + 18);
    check(
        &ten(),
        &[Aggregator::LeastSquares(years())],
        Asked::from(B),
        &line,
    );
    let line = [Aggregator::LeastSquares(aligned(10, Unit::Years))];
    check("5:7", &line, Asked::from(0), "5:7");
    check("5:7 6:1.5", &line, Asked::from(0), "5:7 6:1.5");
    let none = "NaN or Infinity:NaN data point=[5, NaN]";
    check("5:7 5:8 5:9", &line, Asked::from(0), none);
}

#[test]
fn a2_rate_in_both_orders() {
    let rate = [Aggregator::Rate {
        sampling: Sampling::default(),
        zone: Zone::UTC,
    }];
    let up: Vec<String> = (1..10).map(|i| format!("{}:0.5", B + 2 * i)).collect();
    check(&ten(), &rate, Asked::from(B), &up.join(" "));
    let down: Vec<String> = (0..9).rev().map(|i| format!("{}:0.5", B + 2 * i)).collect();
    check(
        &ten_backwards(),
        &rate,
        Asked::from(B).descending(),
        &down.join(" "),
    );
}

#[test]
fn a3_aggregators_follow_each_other() {
    let sums = Aggregator::Sum(every(4, Unit::Milliseconds));
    let means = Aggregator::Avg(every(1, Unit::Years));
    check(&ten(), &[sums, means], Asked::from(B), &format!("{B}:11"));
}

#[test]
fn a4_to_a7_neighbours() {
    let rate = [Aggregator::Rate {
        sampling: Sampling::default(),
        zone: Zone::UTC,
    }];
    check("1:10 2:10 3:5 4:20", &rate, Asked::from(0), "2:0 3:-5 4:15");
    let sampler = [Aggregator::Sampler {
        unit: Unit::Milliseconds,
        zone: Zone::UTC,
    }];
    check(
        "1:10 2:10 4:10 6:20",
        &sampler,
        Asked::from(0),
        "2:10 4:5 6:10",
    );
    let same = "The rate aggregator cannot compute rate for data points with the same time stamp.  \
                You must precede rate with another aggregator.";
    check("1:10 1:15 2:5", &rate, Asked::from(0), same);
    let same = "The sampler aggregator cannot compute rate for data points with the same time stamp.  \
                You must precede sampler with another aggregator.";
    check("1:10 1:15 2:5", &sampler, Asked::from(0), same);
    let diff = [Aggregator::Diff];
    check(
        "1:10 1:15 2:5 2:20 3:30",
        &diff,
        Asked::from(0),
        "1:5 2:-10 2:15 3:10",
    );
    for aggregator in [&rate, &sampler, &diff] {
        check("1:10", aggregator, Asked::from(0), "");
        check("", aggregator, Asked::from(0), "");
    }
}

#[test]
fn a8_moving_means() {
    let points = "1:10 1:20 1:3 2:1 2:5 3:6";
    check(
        points,
        &[Aggregator::Sma(3)],
        Asked::from(0),
        "1:11 2:8 2:3 3:4",
    );
    check(
        points,
        &[Aggregator::Sma(1)],
        Asked::from(0),
        "1:10 1:20 1:3 2:1 2:5 3:6",
    );
    check(points, &[Aggregator::Sma(6)], Asked::from(0), "3:7.5");
    check(points, &[Aggregator::Sma(7)], Asked::from(0), "");
    check(points, &[Aggregator::Sma(i64::MAX)], Asked::from(0), "");
    check(points, &[Aggregator::Sma(0)], Asked::from(0), "null");
    check(points, &[Aggregator::Sma(-1)], Asked::from(0), "null");
}

#[test]
fn a9_last_has_the_time_of_the_last_point() {
    let points = "0:11 1:10 2:20 3:3 5:1 6:3 7:5 8:25";
    let five = || every(5, Unit::Milliseconds);
    let last = |range| [Aggregator::Last(range)];
    check(points, &last(five()), Asked::from(0), "3:3 8:25");
    check(
        points,
        &last(with_start(five())),
        Asked::from(0),
        "0:3 5:25",
    );
    check(points, &last(with_end(five())), Asked::from(0), "5:3 10:25");
    check(
        points,
        &last(with_end(with_start(five()))),
        Asked::from(0),
        "0:3 5:25",
    );
}

#[test]
fn a10_first_keeps_what_it_is() {
    let first = [Aggregator::First(every(1, Unit::Milliseconds))];
    check(
        "1:10 1:20 2:1 3:25",
        &first,
        Asked::from(0),
        "1:10 2:1 3:25",
    );
    check("1:a 1:b 2:c", &first, Asked::from(0), "1:a 2:c");
    let (points, texts) = stream("1:9007199254740993 1:2");
    let kept = Asked::from(0).with(&texts, |context| run(aggregate(points, &first, context)));
    let value = Value::Long(9_007_199_254_740_993);
    assert_eq!(kept.expect("no error").points, [Point { time: 1, value }]);
}

#[test]
fn a14_filter_takes_away() {
    let numbers = "1:-10 2:-20 3:30 4:40 5:-50";
    let below_0 = filter(Compare::Less, Threshold::Number(0.0));
    check(numbers, &[below_0], Asked::from(0), "3:30 4:40");
    let alfa = filter(Compare::Equal, Threshold::Text("alfa".into()));
    let texts = "1:alfa 2:beta 3:gamma 4:delta";
    check(texts, &[alfa], Asked::from(0), "2:beta 3:gamma 4:delta");
    let high = [filter(Compare::GreaterOrEqual, Threshold::Number(13.4))];
    check("2:10 3:20.0", &high, Asked::from(0), "2:10");
    check("1:alfa", &high, Asked::from(0), "");
    let text = |compare| [filter(compare, Threshold::Text("b".into()))];
    check("1:10", &text(Compare::NotEqual), Asked::from(0), "");
    let abc = "1:a 2:b 3:c";
    check(abc, &text(Compare::LessOrEqual), Asked::from(0), "3:c");
    check(abc, &text(Compare::Less), Asked::from(0), "2:b 3:c");
    check(abc, &text(Compare::GreaterOrEqual), Asked::from(0), "1:a");
    check(abc, &text(Compare::Greater), Asked::from(0), "1:a 2:b");
    check(abc, &text(Compare::Equal), Asked::from(0), "1:a 3:c");
    check(abc, &text(Compare::NotEqual), Asked::from(0), "2:b");
    // As Java orders them: two halves of U+10000 are below U+FFFF.
    let last = [filter(Compare::Less, Threshold::Text("\u{ffff}".into()))];
    check("1:\u{10000}", &last, Asked::from(0), "");
}

#[test]
fn a15_trim() {
    let trim = |ends| [Aggregator::Trim(ends)];
    for (ends, want) in [
        (Some(Ends::First), "2:2 3:3"),
        (Some(Ends::Last), "1:1 2:2"),
        (Some(Ends::Both), "2:2"),
        (None, "1:1 2:2 3:3"),
    ] {
        check("1:1 2:2 3:3", &trim(ends), Asked::from(0), want);
    }
    for ends in [Ends::First, Ends::Last, Ends::Both] {
        check("1:1", &trim(Some(ends)), Asked::from(0), "");
        check("", &trim(Some(ends)), Asked::from(0), "");
    }
    check("1:1 2:2", &trim(Some(Ends::Both)), Asked::from(0), "");
}

#[test]
fn a16_score() {
    let inferior = [(10.0, true), (0.0, true)];
    let points = "1:-1 2:1 3:11";
    check(
        points,
        &[score(&inferior, false)],
        Asked::from(0),
        "1:0 2:1 3:2",
    );
    check(
        points,
        &[score(&inferior, true)],
        Asked::from(0),
        "1:2 2:1 3:0",
    );
    check(
        "1:0",
        &[score(&[(0.0, true)], false)],
        Asked::from(0),
        "1:1",
    );
    check(
        "1:0",
        &[score(&[(0.0, false)], false)],
        Asked::from(0),
        "1:0",
    );
    check(
        "1:0",
        &[score(&[(0.0, false), (0.0, true)], false)],
        Asked::from(0),
        "1:1",
    );
    check("1:7 2:8", &[score(&[], false)], Asked::from(0), "1:0 2:0");
}

#[test]
fn a17_percentiles() {
    let points = "1:40 2:10 3:30 4:20";
    for (share, want) in [
        (0.5, "1:25"),
        (0.75, "1:37.5"),
        (0.1, "1:10"),
        (0.95, "1:40"),
        (1.0, "1:40"),
    ] {
        check(points, &[percentile(share)], Asked::from(0), want);
    }
    check(
        points,
        &[percentile(1.2)],
        Asked::from(0),
        "1.2 is not in [0..1]",
    );
    check(
        points,
        &[percentile(2.0)],
        Asked::from(0),
        "2.0 is not in [0..1]",
    );
    check("", &[percentile(1.2)], Asked::from(0), "");
}

#[test]
fn div_and_scale() {
    check(
        "1:10 2:5.0",
        &[Aggregator::Div(4.0)],
        Asked::from(0),
        "1:2.5 2:1.25",
    );
    check(
        "1:10 2:5.0",
        &[Aggregator::Scale(-0.5)],
        Asked::from(0),
        "1:-5 2:-2.5",
    );
    check(
        "1:1e308",
        &[Aggregator::Scale(100.0)],
        Asked::from(0),
        "NaN or Infinity:Infinity data point=[1, Infinity]",
    );
    check(
        "1:-1e308",
        &[Aggregator::Scale(100.0)],
        Asked::from(0),
        "NaN or Infinity:-Infinity data point=[1, -Infinity]",
    );
    // What is gone at the end does no harm.
    let below = filter(Compare::Greater, Threshold::Number(1.0));
    check(
        "1:1e308 2:0.0",
        &[Aggregator::Scale(100.0), below],
        Asked::from(0),
        "2:0",
    );
}

#[test]
fn deviations() {
    let dev = |returned, count| {
        [Aggregator::Dev {
            range: every(1, Unit::Seconds),
            returned,
            count,
        }]
    };
    let points = "1:2 2:4 3:6";
    check(points, &dev(Deviation::Value, 3), Asked::from(0), "1:2");
    check(points, &dev(Deviation::Above, 3), Asked::from(0), "1:10");
    check(points, &dev(Deviation::Below, 3), Asked::from(0), "1:-2");
    check("1:7", &dev(Deviation::Value, 1), Asked::from(0), "1:0");
    check("1:7", &dev(Deviation::Below, 1), Asked::from(0), "1:7");
}

#[test]
fn texts_pass_by_what_is_for_numbers() {
    let sum = Aggregator::Sum(every(1, Unit::Hours));
    let count = Aggregator::Count(every(1, Unit::Hours));
    check(
        "1:a 2:b",
        &[sum.clone(), Aggregator::Diff],
        Asked::from(0),
        "1:a 2:b",
    );
    check(
        "1:a 2:b",
        &[count, sum, Aggregator::Scale(2.0)],
        Asked::from(0),
        "1:4",
    );
}

#[test]
fn buckets_without_length_divide_by_zero() {
    for aggregator in [
        Aggregator::Sum(every(0, Unit::Minutes)),
        gaps(every(0, Unit::Minutes), false),
    ] {
        check("1:1", &[aggregator], Asked::from(0), "/ by zero");
    }
    check(
        "",
        &[Aggregator::Sum(every(0, Unit::Days))],
        Asked::from(0),
        "",
    );
}

#[test]
fn a31_a_sum_is_a_float_and_a_count_is_not() {
    let texts = Texts::default();
    let kinds = |aggregator| {
        let (points, _) = stream("1:10000000");
        let done = Asked::from(0).with(&texts, |context| {
            run(aggregate(points, &[aggregator], context))
        });
        done.expect("no error").points[0].value
    };
    assert_eq!(
        kinds(Aggregator::Sum(every(1, Unit::Hours))),
        Value::Double(10_000_000.0)
    );
    assert_eq!(
        kinds(Aggregator::Count(every(1, Unit::Hours))),
        Value::Long(1)
    );
}

#[test]
fn q14_sums_go_in_the_order_of_the_stream() {
    let sum = [Aggregator::Sum(every(1, Unit::Milliseconds))];
    let points = "1:10 1:10.1 1:20 1:20.1 2:5 2:5.1 2:10 2:10.1 3:10 3:10.1";
    check(
        points,
        &sum,
        Asked::from(1),
        "1:60.2 2:30.200000000000003 3:20.1",
    );
}

#[test]
fn latest_first_all_is_in_the_first_bucket() {
    let sum = [Aggregator::Sum(every(1, Unit::Milliseconds))];
    check("3:1 2:2 1:4", &sum, Asked::from(0).descending(), "3:7");
    let last = [Aggregator::Last(every(1, Unit::Milliseconds))];
    check("3:1 2:2 1:4", &last, Asked::from(0).descending(), "1:4");
}

#[test]
fn save_as_sees_the_points_where_it_stands() {
    use crate::query::breath::Local;
    use std::cell::RefCell;

    #[derive(Default)]
    struct Kept(RefCell<Vec<(String, Stream)>>);
    impl Saver for Kept {
        fn save<'a>(
            &'a self,
            to: &'a SaveAs,
            points: &'a Stream,
        ) -> Local<'a, Result<(), KairosError>> {
            let saved = (to.metric_name.clone(), points.clone());
            self.0.borrow_mut().push(saved);
            Box::pin(std::future::ready(Ok(())))
        }
    }

    let kept = Kept::default();
    let (points, texts) = stream("1:1 2:2");
    let save = |name: &str| {
        Aggregator::SaveAs(SaveAs {
            metric_name: name.to_owned(),
            ..SaveAs::default()
        })
    };
    let aggregators = [save("before"), Aggregator::Scale(10.0), save("behind")];
    let done = Asked::from(0).with(&texts, |context| {
        let context = Context {
            saver: Some(&kept),
            ..*context
        };
        run(aggregate(points, &aggregators, &context))
    });
    assert_eq!(show(&done.expect("no error").points, &texts), "1:10 2:20");
    let kept = kept.0.into_inner();
    let shown: Vec<String> = kept
        .iter()
        .map(|(name, stream)| format!("{name} {}", show(&stream.points, &texts)))
        .collect();
    assert_eq!(shown, ["before 1:1 2:2", "behind 1:10 2:20"]);
}
