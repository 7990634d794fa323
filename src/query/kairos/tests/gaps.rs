//! Buckets without points, and what may follow them.

use super::*;

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
