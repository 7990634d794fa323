//! Buckets and lengths of the calendar, in zones.

use super::*;

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
fn roll_ups_cut_time_into_whole_buckets() {
    let cut = |value, unit, id: &str, from: &str, until: &str| -> Vec<(i64, i64)> {
        let sampling = Sampling::new(value, unit);
        buckets_between(sampling, &zone(id), at(from), at(until))
            .expect("buckets of some length")
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
    assert!(never.expect("buckets of some length").count() <= 1);
}
