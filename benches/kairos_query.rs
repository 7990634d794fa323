//! KairosDB's arithmetic alone: CPU nanoseconds a point, over an hour of seconds of a hundred series.
//!
//! `cargo bench --bench kairos_query`; with `--test` little of each.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

mod common;

use std::future::Future;
use std::pin::pin;
use std::task::{Poll, Waker};

use common::{START_S, best_ns, is_test};
use corelane::base::random::Random;
use corelane::query::breath::{Breathless, Pace};
use corelane::query::kairos::aggregator::{Deviation, Range};
use corelane::query::kairos::sampling::{Sampling, Unit};
use corelane::query::kairos::stream::{Kind, Stream, Texts};
use corelane::query::kairos::zone::Zone;
use corelane::query::kairos::{
    Aggregator, CellPlan, Cells, Column, Context, Grouper, SeriesPoints, aggregate, merge,
    partition,
};
use corelane::query::limits::Limits;

fn run<T>(future: impl Future<Output = T>) -> T {
    let mut context = std::task::Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(done) => done,
        Poll::Pending => unreachable!("nothing waits here"),
    }
}

fn range(value: i64, unit: Unit, zone: &Zone) -> Range {
    Range {
        sampling: Sampling::new(value, unit),
        align_sampling: true,
        zone: zone.clone(),
        ..Range::default()
    }
}

fn main() {
    let (series, seconds, times) = if is_test() {
        (4, 300, 1)
    } else {
        (100, 3_600, 7)
    };
    let points = series * seconds;
    let mut random = Random::new(1);
    let start = START_S as i64 * 1_000;
    let at: Vec<i64> = (0..seconds as i64).map(|i| start + i * 1_000).collect();
    let values: Vec<Vec<f64>> = (0..series)
        .map(|_| {
            (0..seconds)
                .map(|_| random.below(10_000) as f64 / 64.0)
                .collect()
        })
        .collect();
    let columns: Vec<SeriesPoints<'_>> = values
        .iter()
        .map(|values| SeriesPoints {
            times: &at,
            values: Column::Double(values),
        })
        .collect();
    let (limits, texts, pace) = (Limits::default(), Texts::default(), Pace::new(&Breathless));
    let context = Context {
        start,
        end: i64::MAX,
        now: start + 3_600_000,
        descending: false,
        limits: &limits,
        texts: &texts,
        saver: None,
        pace: &pace,
    };
    let merged = || -> Stream {
        run(merge(&columns, Kind::Number, false, usize::MAX, &pace)).expect("no limit")
    };
    let told = |what: &str, ns: f64| println!("kairos_query {what} ns_per_point={ns:.2}");

    told("merge", best_ns(times, points, || drop(merged())));
    let paris = Zone::parse("Europe/Paris").expect("a zone");
    let minute = || range(1, Unit::Minutes, &Zone::UTC);
    let whole = || range(1, Unit::Hours, &Zone::UTC);
    let dev = Aggregator::Dev {
        range: minute(),
        returned: Deviation::Value,
        count: 1,
    };
    let percentile = |range| Aggregator::Percentile {
        range,
        percentile: 0.95,
    };
    let all = [
        ("avg 1 minute", Aggregator::Avg(minute())),
        (
            "avg 1 second",
            Aggregator::Avg(range(1, Unit::Seconds, &Zone::UTC)),
        ),
        (
            "avg 1 day of Paris",
            Aggregator::Avg(range(1, Unit::Days, &paris)),
        ),
        ("max 1 minute", Aggregator::Max(minute())),
        ("dev 1 minute", dev),
        (
            "percentile 1 second",
            percentile(range(1, Unit::Seconds, &Zone::UTC)),
        ),
        ("percentile 1 minute", percentile(minute())),
        ("percentile 1 hour", percentile(whole())),
        ("least_squares 1 minute", Aggregator::LeastSquares(minute())),
        ("diff", Aggregator::Diff),
        ("scale", Aggregator::Scale(2.0)),
        ("sma 10", Aggregator::Sma(10)),
        ("sma 1000", Aggregator::Sma(1_000)),
    ];
    let stream = merged();
    for (what, aggregator) in all {
        let aggregators = [aggregator];
        let mut best = f64::INFINITY;
        for _ in 0..times {
            let mut given = Some(stream.clone());
            let ns = best_ns(1, points, || {
                let given = given.take().expect("once");
                let done = run(aggregate(given, &aggregators, &context));
                assert!(done.is_ok_and(|stream| !stream.points.is_empty()));
            });
            best = best.min(ns);
        }
        told(what, best);
    }
    let groupers = [Grouper::Value { range_size: 10 }];
    let mut best = f64::INFINITY;
    for _ in 0..times {
        let mut given = Some(stream.clone());
        let ns = best_ns(1, points, || {
            let given = given.take().expect("once");
            let groups = run(partition(given, &groupers, &context));
            assert!(groups.is_ok_and(|groups| groups.len() > 1));
        });
        best = best.min(ns);
    }
    told("group by value", best);
    for (what, range) in [
        ("cells of 1 minute", minute()),
        ("cells of 1 second", range(1, Unit::Seconds, &Zone::UTC)),
        ("cells of 1 day of Paris", range(1, Unit::Days, &paris)),
    ] {
        let avg = Aggregator::Avg(range);
        let plan = CellPlan::new(&avg, Kind::Number, &context).expect("it has cells");
        let ns = best_ns(times, points, || {
            let mut cells = Cells::default();
            for column in &columns {
                cells.fold(&plan, column);
            }
            let done = run(cells.finish(&plan, &pace));
            assert!(done.is_ok_and(|stream| !stream.points.is_empty()));
        });
        told(what, ns);
    }
}
