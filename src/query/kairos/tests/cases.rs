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

/// Points of one each day, or each hour, `count` of them.
fn ones(from: &str, step_ms: i64, count: i64) -> String {
    let points = (0..count).map(|i| format!("{}:1", at(from) + i * step_ms));
    points.collect::<Vec<_>>().join(" ")
}

/// `moment:value` in the place of `time:value`.
fn dated(points: &[(&str, &str)]) -> String {
    let points = points
        .iter()
        .map(|(moment, value)| format!("{}:{value}", at(moment)));
    points.collect::<Vec<_>>().join(" ")
}

const DAY: i64 = 86_400_000;
const HOUR: i64 = 3_600_000;

fn filter(compare: Compare, threshold: Threshold) -> Aggregator {
    Aggregator::Filter { compare, threshold }
}

fn percentile(percentile: f64) -> Aggregator {
    Aggregator::Percentile {
        range: every(10, Unit::Seconds),
        percentile,
    }
}

fn score(boundary: &[(f64, bool)], descending: bool) -> Aggregator {
    let thresholds = boundary
        .iter()
        .map(|&(value, inferior)| Boundary { value, inferior });
    Aggregator::Score {
        thresholds: thresholds.collect(),
        descending,
    }
}

fn gaps(range: Range, trim: bool) -> Aggregator {
    Aggregator::Gaps { range, trim }
}

fn dev(range: Range) -> Aggregator {
    Aggregator::Dev {
        range,
        returned: Deviation::Value,
        count: 1,
    }
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
    let line = Aggregator::LeastSquares(aligned(10, Unit::Years));
    check("5:7", &[line.clone()], Asked::from(0), "5:7");
    check("5:7 6:1.5", &[line.clone()], Asked::from(0), "5:7 6:1.5");
    let none = "NaN or Infinity:NaN data point=[5, NaN]";
    check("5:7 5:8 5:9", &[line], Asked::from(0), none);
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
fn rate_knows_how_long_a_month_is() {
    let rate = |unit| {
        [Aggregator::Rate {
            sampling: Sampling::new(1, unit),
            zone: zone("Europe/Paris"),
        }]
    };
    let points = dated(&[("2020-02-01T00:00", "0"), ("2020-02-01T00:00:00.001", "1")]);
    let month = 29 * DAY;
    let want = format!("{}:{month}", at("2020-02-01T00:00:00.001"));
    check(&points, &rate(Unit::Months), Asked::from(0), &want);
    let points = dated(&[("2020-03-28T23:00", "0"), ("2020-03-28T23:00:00.001", "1")]);
    let want = format!("{}:{}", at("2020-03-28T23:00:00.001"), 23 * HOUR);
    check(&points, &rate(Unit::Days), Asked::from(0), &want);
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
    assert_eq!(kept.unwrap().points, [Point { time: 1, value }]);
}

#[test]
fn a11_to_a13_gaps() {
    let ms = || every(1, Unit::Milliseconds);
    let from_1_to_7 = Asked::from(1).until(7);
    let want = "1:null 2:null 3:10 4:5 5:25 6:null 7:null";
    check("3:10 4:5 5:25", &[gaps(ms(), false)], from_1_to_7, want);
    check(
        "3:10 5:25",
        &[gaps(ms(), true)],
        from_1_to_7,
        "3:10 4:null 5:25",
    );
    let seconds = || with_start(aligned(1, Unit::Seconds));
    let want = "0:0 1000:1 2000:2 3000:null";
    for end in [3_000, 3_001] {
        let asked = Asked::from(0).until(end);
        check("0:0 1000:1 2000:2", &[gaps(seconds(), false)], asked, want);
    }
}

#[test]
fn gaps_has_its_ways() {
    let ms = || every(1, Unit::Milliseconds);
    let filled = |trim| [gaps(ms(), trim)];
    // Now ends it as well as the end does, and data beyond is not lost.
    let asked = Asked {
        now: 3,
        ..Asked::from(1).until(9)
    };
    check("", &filled(false), asked, "1:null 2:null 3:null");
    check(
        "5:1",
        &filled(false),
        asked,
        "1:null 2:null 3:null 4:null 5:1",
    );
    check("", &filled(true), asked, "");
    // Latest first: nulls stay ascending.
    let asked = Asked::from(1).until(6).descending();
    check(
        "4:4 2:2",
        &filled(false),
        asked,
        "1:null 2:null 3:null 4:4 2:2 5:null 6:null",
    );
    check("4:4 2:2", &filled(true), asked, "4:4 2:2");
    // Other ends.
    let range = Range {
        start_time: Some(3),
        end_time: Some(5),
        ..ms()
    };
    check(
        "4:1",
        &[gaps(range, false)],
        Asked::from(1).until(9),
        "3:null 4:1 5:null",
    );
    // The first bucket is that of the start, not that of the origin.
    let minutes = aligned(1, Unit::Minutes);
    let want = "60000:null 120000:null";
    check(
        "",
        &[gaps(minutes, false)],
        Asked::from(61_000).until(120_000),
        want,
    );
    check(
        "1:a",
        &filled(false),
        Asked::from(0).until(2),
        "0:null 1:a 2:null",
    );
}

#[test]
fn a_null_counts_as_a_point_and_is_no_number() {
    let ms = || every(10, Unit::Milliseconds);
    let after = |aggregator| [gaps(every(1, Unit::Milliseconds), false), aggregator];
    let asked = Asked::from(1).until(3);
    check("2:5", &after(Aggregator::Count(ms())), asked, "1:3");
    check("2:5", &after(Aggregator::First(ms())), asked, "1:null");
    check("2:5", &after(Aggregator::Last(ms())), asked, "3:null");
    check(
        "2:5",
        &after(Aggregator::Trim(Some(Ends::Both))),
        asked,
        "2:5",
    );
    check(
        "2:5",
        &after(Aggregator::SaveAs(SaveAs::default())),
        asked,
        "1:null 2:5 3:null",
    );
    check(
        "2:5",
        &after(gaps(every(1, Unit::Milliseconds), false)),
        asked,
        "1:null 2:5 3:null",
    );
    let error = "No aggregator can be chained after \
                 org.kairosdb.core.aggregator.DataGapsMarkingAggregator";
    for aggregator in [
        Aggregator::Sum(ms()),
        Aggregator::Avg(ms()),
        Aggregator::Min(ms()),
        Aggregator::Max(ms()),
        dev(ms()),
        percentile(0.5),
        Aggregator::LeastSquares(ms()),
        Aggregator::Diff,
        Aggregator::Rate {
            sampling: Sampling::default(),
            zone: Zone::UTC,
        },
        Aggregator::Sampler {
            unit: Unit::Seconds,
            zone: Zone::UTC,
        },
        Aggregator::Div(2.0),
        Aggregator::Scale(2.0),
        Aggregator::Sma(2),
        filter(Compare::Less, Threshold::Number(0.0)),
        score(&[], false),
    ] {
        check("2:5", &after(aggregator), asked, error);
    }
    let text = filter(Compare::Less, Threshold::Text(String::new()));
    check("2:a", &after(text), asked, error);
    // Texts are none of the affair of these, nulls among them or not.
    check(
        "2:a",
        &after(Aggregator::Sum(ms())),
        asked,
        "1:null 2:a 3:null",
    );
}

#[test]
fn a14_filter_takes_away() {
    let numbers = "1:-10 2:-20 3:30 4:40 5:-50";
    let below_0 = filter(Compare::Less, Threshold::Number(0.0));
    check(numbers, &[below_0], Asked::from(0), "3:30 4:40");
    let alfa = filter(Compare::Equal, Threshold::Text("alfa".into()));
    let texts = "1:alfa 2:beta 3:gamma 4:delta";
    check(texts, &[alfa], Asked::from(0), "2:beta 3:gamma 4:delta");
    let high = filter(Compare::GreaterOrEqual, Threshold::Number(13.4));
    check("2:10 3:20.0", &[high.clone()], Asked::from(0), "2:10");
    check("1:alfa", &[high], Asked::from(0), "");
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
fn a19_a20_months() {
    let points = ones("2014-03-10T00:00", DAY, 74);
    let asked = Asked::from(at("2014-03-10T00:00"));
    let sum = |range| [Aggregator::Sum(range)];
    let want = dated(&[
        ("2014-03-10T00:00", "31"),
        ("2014-04-10T00:00", "30"),
        ("2014-05-10T00:00", "13"),
    ]);
    check(&points, &sum(every(1, Unit::Months)), asked, &want);
    let want = dated(&[
        ("2014-03-01T00:00", "22"),
        ("2014-04-01T00:00", "30"),
        ("2014-05-01T00:00", "22"),
    ]);
    check(
        &points,
        &sum(with_start(aligned(1, Unit::Months))),
        asked,
        &want,
    );
    let want = dated(&[
        ("2014-04-01T00:00", "22"),
        ("2014-05-01T00:00", "30"),
        ("2014-06-01T00:00", "22"),
    ]);
    check(
        &points,
        &sum(with_end(aligned(1, Unit::Months))),
        asked,
        &want,
    );
}

#[test]
fn a21_quarters_begin_with_the_month_of_the_query() {
    let points = ones("2014-01-01T01:01", DAY, 270);
    let asked = Asked::from(at("2014-01-01T01:01"));
    let quarters = Aggregator::Count(with_end(aligned(3, Unit::Months)));
    let want = dated(&[
        ("2014-04-01T00:00", "90"),
        ("2014-07-01T00:00", "91"),
        ("2014-10-01T00:00", "89"),
    ]);
    check(&points, &[quarters], asked, &want);
}

#[test]
fn a22_weeks_begin_on_mondays() {
    let points = ones("2015-01-02T01:11", DAY, 17);
    let asked = Asked::from(at("2015-01-02T01:11"));
    let weeks = Aggregator::Sum(with_start(aligned(1, Unit::Weeks)));
    let want = dated(&[
        ("2014-12-29T00:00", "3"),
        ("2015-01-05T00:00", "7"),
        ("2015-01-12T00:00", "7"),
    ]);
    check(&points, &[weeks], asked, &want);
}

#[test]
fn a23_months_of_paris_have_743_and_745_hours() {
    for (from, hours) in [("2014-02-28T23:00", 743), ("2014-09-30T22:00", 745)] {
        let points = ones(from, HOUR, hours + 1);
        let sum = Aggregator::Sum(inside("Europe/Paris", aligned(1, Unit::Months)));
        let want = format!("{}:{hours} {}:1", at(from), at(from) + hours * HOUR);
        check(&points, &[sum], Asked::from(at(from)), &want);
    }
}

#[test]
fn a24_years() {
    let points = ones("2010-01-01T00:00", DAY, 4 * 365 + 1);
    let count = Aggregator::Count(aligned(1, Unit::Years));
    let want = dated(&[
        ("2010-01-01T00:00", "365"),
        ("2011-01-01T00:00", "365"),
        ("2012-01-01T00:00", "366"),
        ("2013-01-01T00:00", "365"),
    ]);
    check(
        &points,
        &[count],
        Asked::from(at("2010-01-01T00:00")),
        &want,
    );
}

/// The beginnings of the buckets of some moments.
#[track_caller]
fn begins(range: Range, start: &str, moments: &[(&str, &str)]) {
    for (moment, want) in moments {
        let first = Aggregator::First(with_start(range.clone()));
        let got = answer(
            &format!("{}:1", at(moment)),
            &[first],
            Asked::from(at(start)),
        );
        assert_eq!(got, format!("{}:1", at(want)), "{moment} of {range:?}");
    }
}

#[test]
fn a25_to_a27_what_is_shorter_than_a_day_begins_at_midnight_and_goes_on() {
    let moments = [
        ("2020-01-01T10:10", "2020-01-01T10:09"),
        ("2020-01-01T10:15:59.999", "2020-01-01T10:09"),
        ("2020-01-02T00:00", "2020-01-01T23:55"),
        ("2020-01-02T00:03", "2020-01-02T00:02"),
    ];
    begins(aligned(7, Unit::Minutes), "2020-01-01T10:03", &moments);
    let moments = [
        ("2020-01-02T00:59", "2020-01-01T20:00"),
        ("2020-01-02T01:00", "2020-01-02T01:00"),
        ("2020-01-02T05:59", "2020-01-02T01:00"),
    ];
    begins(aligned(5, Unit::Hours), "2020-01-01T10:03", &moments);
    let moments = [("2020-01-01T10:03:00.730", "2020-01-01T10:03:00.500")];
    begins(
        aligned(250, Unit::Milliseconds),
        "2020-01-01T10:03:00.730",
        &moments,
    );
}

#[test]
fn a28_a_day_in_paris_may_have_23_hours() {
    let moments = [
        ("2020-03-28T23:00", "2020-03-28T23:00"),
        ("2020-03-29T21:59", "2020-03-28T23:00"),
        ("2020-03-29T22:00", "2020-03-29T22:00"),
    ];
    let days = inside("Europe/Paris", aligned(1, Unit::Days));
    begins(days, "2020-03-28T09:00", &moments);
    let moments = [
        ("2020-03-29T22:59", "2020-03-28T23:00"),
        ("2020-03-29T23:00", "2020-03-29T23:00"),
    ];
    let hours = inside("Europe/Paris", aligned(24, Unit::Hours));
    begins(hours, "2020-03-28T09:00", &moments);
}

#[test]
fn a29_hours_of_kolkata() {
    let moments = [
        ("2020-01-01T05:00", "2020-01-01T04:30"),
        ("2020-01-01T05:30", "2020-01-01T05:30"),
    ];
    begins(
        inside("Asia/Kolkata", aligned(1, Unit::Hours)),
        "2020-01-01T04:50",
        &moments,
    );
}

#[test]
fn a30_months_are_counted_from_the_origin() {
    let moments = [
        ("2020-02-28T23:59", "2020-01-31T00:00"),
        ("2020-02-29T00:00", "2020-02-29T00:00"),
        ("2020-03-30T00:00", "2020-02-29T00:00"),
        ("2020-03-31T00:00", "2020-03-31T00:00"),
        ("2020-04-30T00:00", "2020-04-30T00:00"),
    ];
    begins(every(1, Unit::Months), "2020-01-31T00:00", &moments);
}

#[test]
fn a31_a_sum_is_a_float_and_a_count_is_not() {
    let texts = Texts::default();
    let kinds = |aggregator| {
        let (points, _) = stream("1:10000000");
        let done = Asked::from(0).with(&texts, |context| {
            run(aggregate(points, &[aggregator], context))
        });
        done.unwrap().points[0].value
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
fn before_the_origin_numbers_are_cut_towards_zero() {
    let years = Aggregator::Sum(with_start(aligned(1, Unit::Years)));
    let days = Aggregator::Sum(with_start(aligned(1, Unit::Days)));
    let points = dated(&[("2020-06-01T12:00", "5")]);
    let asked = Asked::from(at("2020-06-01T10:00"));
    let want = dated(&[("2020-01-01T00:00", "5")]);
    check(&points, &[years, days], asked, &want);
    let five = Range {
        start_time: Some(10),
        ..every(5, Unit::Milliseconds)
    };
    let sum = [Aggregator::Sum(with_start(five))];
    check("4:1 5:2 6:4 11:8", &sum, Asked::from(0), "5:7 10:8");
    check("6:4 11:8", &sum, Asked::from(0), "10:12");
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
    assert_eq!(show(&done.unwrap().points, &texts), "1:10 2:20");
    let kept = kept.0.into_inner();
    let shown: Vec<String> = kept
        .iter()
        .map(|(name, stream)| format!("{name} {}", show(&stream.points, &texts)))
        .collect();
    assert_eq!(shown, ["before 1:1 2:2", "behind 1:10 2:20"]);
}

#[test]
fn roll_ups_cut_time_into_whole_buckets() {
    let cut = |value, unit, id: &str, from: &str, until: &str| -> Vec<(i64, i64)> {
        let sampling = Sampling::new(value, unit);
        buckets_between(sampling, &zone(id), at(from), at(until))
            .unwrap()
            .collect()
    };
    let hours = cut(
        1,
        Unit::Hours,
        "UTC",
        "2020-01-01T10:20",
        "2020-01-01T12:00",
    );
    let hour = |text| (at(text), at(text) + HOUR);
    assert_eq!(
        hours,
        [
            hour("2020-01-01T10:00"),
            hour("2020-01-01T11:00"),
            hour("2020-01-01T12:00")
        ]
    );
    let days = cut(
        1,
        Unit::Days,
        "Europe/Paris",
        "2020-03-29T10:00",
        "2020-03-29T22:00",
    );
    let day = |from, until| (at(from), at(until));
    let want = [
        day("2020-03-28T23:00", "2020-03-29T22:00"),
        day("2020-03-29T22:00", "2020-03-30T22:00"),
    ];
    assert_eq!(days, want);
    // Samoa had no December 30th of 2011.
    let days = cut(
        1,
        Unit::Days,
        "Pacific/Apia",
        "2011-12-29T20:00",
        "2011-12-30T12:00",
    );
    let want = [
        day("2011-12-29T10:00", "2011-12-30T10:00"),
        day("2011-12-30T10:00", "2011-12-31T10:00"),
    ];
    assert_eq!(days, want);
    assert!(buckets_between(Sampling::new(0, Unit::Days), &Zone::UTC, 0, 1).is_err());
    let never = buckets_between(
        Sampling::new(i64::MAX, Unit::Years),
        &Zone::UTC,
        0,
        i64::MAX,
    );
    assert!(never.unwrap().count() <= 1);
}
