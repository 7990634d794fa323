//! Cells come to the same as points, however series lie on shards.

use super::grouping::Owned;
use super::properties::{ZONES, alike, some_range, some_sampling, some_start};
use super::*;
use crate::base::random::Random;

fn some_aggregator(random: &mut Random, range: Range) -> Aggregator {
    match random.below(8) {
        0 => Aggregator::Avg(range),
        1 => Aggregator::Count(range),
        2 => Aggregator::Dev {
            range,
            returned: Deviation::Above,
            count: 2,
        },
        3 => Aggregator::First(range),
        4 => Aggregator::Last(range),
        5 => Aggregator::Max(range),
        6 => Aggregator::Min(range),
        _ => Aggregator::Sum(range),
    }
}

/// The cells of some series, folded in parts of random length.
fn folded(random: &mut Random, plan: &CellPlan, series: &[&Owned]) -> Cells {
    let mut cells = Cells::default();
    for one in series {
        let mut at = 0;
        while at < one.times.len() {
            let end = (at + 1 + random.below(30) as usize).min(one.times.len());
            cells.fold(plan, &one.part(at..end));
            at = end;
        }
    }
    cells
}

#[test]
fn cells_come_to_what_points_come_to() {
    let (mut plans, mut finer) = (0, 0);
    for seed in 0..5_000 {
        let mut random = Random::new(seed);
        let id = ZONES[random.below(ZONES.len() as u64) as usize];
        let (sampling, span) = some_sampling(&mut random);
        let start = some_start(&mut random, id);
        let asked = Asked::from(start);
        let range = some_range(&mut random, sampling, id);
        let aggregator = some_aggregator(&mut random, range);
        let texts = Texts::default();
        let Some(plan) = asked.with(&texts, |context| {
            CellPlan::new(&aggregator, Kind::Number, context)
        }) else {
            assert_eq!(sampling.unit, Unit::Milliseconds, "seed {seed}");
            continue;
        };
        plans += 1;
        let series: Vec<Owned> = (0..random.below(6))
            .map(|_| Owned::some(&mut random, start, span))
            .collect();
        let views: Vec<SeriesPoints<'_>> = series.iter().map(Owned::view).collect();
        let pace = Pace::new(&Breathless);
        let merging = merge(&views, Kind::Number, false, usize::MAX, &pace);
        let merged = run(merging).expect("no limit");
        let aggregators = [aggregator];
        let want = asked.with(&texts, |context| {
            run(aggregate(merged, &aggregators, context))
        });
        let want = want.expect("no limit");

        let mut shards: [Vec<&Owned>; 3] = Default::default();
        for one in &series {
            shards[random.below(3) as usize].push(one);
        }
        random.shuffle(&mut shards);
        let mut cells = Cells::default();
        for shard in &mut shards {
            random.shuffle(shard);
            let some = folded(&mut random, &plan, shard);
            run(cells.join(&plan, some, &pace)).expect("no limit");
        }
        finer += usize::from(cells.len() > want.points.len());
        let got = run(cells.finish(&plan, &pace)).expect("no limit");
        let exact = !matches!(aggregators[0], Aggregator::Dev { .. });
        assert!(
            got.kind == want.kind && alike(&got.points, &want.points, exact),
            "seed {seed} {id} {aggregators:?}\n got {:?}\nwant {:?}",
            got.points,
            want.points
        );
    }
    assert!(
        2_500 < plans && 250 < finer,
        "{plans} plans, {finer} with more cells than buckets"
    );
}

#[test]
fn sums_do_not_hang_on_the_order_of_series() {
    let mut random = Random::new(3);
    let series: Vec<Owned> = (0..50)
        .map(|_| {
            let times: Vec<i64> = (0..100).map(|i| i * 100).collect();
            let value =
                |_: &i64| random.below(1 << 53) as f64 * 10_f64.powi(random.below(12) as i32);
            let values = times.iter().map(value).collect();
            let is_long = false;
            Owned {
                times,
                values,
                is_long,
            }
        })
        .collect();
    let mut order: Vec<&Owned> = series.iter().collect();
    let sum = Aggregator::Sum(every(1, Unit::Minutes));
    let texts = Texts::default();
    let plan = Asked::from(0).with(&texts, |context| CellPlan::new(&sum, Kind::Number, context));
    let plan = plan.expect("a law");
    let pace = Pace::new(&Breathless);
    let mut told = Vec::new();
    for _ in 0..20 {
        random.shuffle(&mut order);
        let cells = folded(&mut random, &plan, &order);
        told.push(run(cells.finish(&plan, &pace)).expect("no limit"));
    }
    assert_eq!(told[0].points.len(), 1);
    assert!(told.iter().all(|stream| *stream == told[0]));
}

#[test]
fn what_has_no_law_has_no_cells() {
    let texts = Texts::default();
    let minutes = || every(1, Unit::Minutes);
    let has = |aggregator: Aggregator, kind, asked: Asked| {
        asked.with(&texts, |context| {
            CellPlan::new(&aggregator, kind, context).is_some()
        })
    };
    let asked = Asked::from(7);
    assert!(has(Aggregator::Sum(minutes()), Kind::Number, asked));
    assert!(!has(Aggregator::Sum(minutes()), Kind::Text, asked));
    assert!(has(Aggregator::Count(minutes()), Kind::Text, asked));
    assert!(!has(Aggregator::First(minutes()), Kind::Text, asked));
    assert!(!has(
        Aggregator::Sum(minutes()),
        Kind::Number,
        asked.descending()
    ));
    assert!(!has(
        Aggregator::Sum(every(999, Unit::Milliseconds)),
        Kind::Number,
        asked
    ));
    assert!(!has(
        Aggregator::Sum(every(0, Unit::Minutes)),
        Kind::Number,
        asked
    ));
    assert!(!has(
        Aggregator::LeastSquares(minutes()),
        Kind::Number,
        asked
    ));
    assert!(!has(Aggregator::Diff, Kind::Number, asked));
    let late = Range {
        start_time: Some(8),
        ..minutes()
    };
    assert!(!has(Aggregator::Sum(late), Kind::Number, asked));
}

#[test]
fn texts_are_counted() {
    let places = [f64::from_bits(0); 3];
    let points = SeriesPoints {
        times: &[0, 59_999, 60_000],
        values: Column::Text {
            places: &places,
            first: 0,
        },
    };
    let count = Aggregator::Count(every(1, Unit::Minutes));
    let texts = Texts::default();
    let plan = Asked::from(0).with(&texts, |context| CellPlan::new(&count, Kind::Text, context));
    let plan = plan.expect("a law");
    let mut cells = Cells::default();
    cells.fold(&plan, &points);
    let stream = run(cells.finish(&plan, &Pace::new(&Breathless))).expect("no limit");
    assert_eq!(
        (stream.kind, show(&stream.points, &texts)),
        (Kind::Number, "0:2 60000:1".to_owned())
    );
}
