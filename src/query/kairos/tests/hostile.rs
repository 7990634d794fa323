//! Whatever the numbers are, there is an answer or an error, and no core is held.

use std::cell::Cell;

use super::*;
use crate::base::random::Random;
use crate::query::breath::{Breath, Local, PIECE};
use crate::query::error::QueryError;

/// All that have parameters, with these.
fn all(range: &Range, number: i64) -> Vec<Aggregator> {
    let range = || range.clone();
    let double = number as f64;
    let dev = |returned| Aggregator::Dev {
        range: range(),
        returned,
        count: number,
    };
    vec![
        Aggregator::Avg(range()),
        Aggregator::Count(range()),
        dev(Deviation::Value),
        dev(Deviation::Above),
        Aggregator::First(range()),
        Aggregator::Last(range()),
        Aggregator::LeastSquares(range()),
        Aggregator::Max(range()),
        Aggregator::Min(range()),
        Aggregator::Percentile {
            range: range(),
            percentile: 0.5,
        },
        Aggregator::Sum(range()),
        Aggregator::Diff,
        Aggregator::Rate {
            sampling: range().sampling,
            zone: range().zone,
        },
        Aggregator::Sampler {
            unit: range().sampling.unit,
            zone: range().zone,
        },
        Aggregator::Div(double),
        Aggregator::Scale(double),
        Aggregator::Sma(number),
        Aggregator::Trim(Some(Ends::Both)),
        Aggregator::Gaps {
            range: range(),
            trim: true,
        },
    ]
}

const EXTREMES: [i64; 9] = [
    i64::MIN,
    i64::MIN + 1,
    -377_705_116_800_000,
    -1,
    0,
    1,
    253_402_300_800_000,
    i64::MAX - 1,
    i64::MAX,
];

#[test]
fn any_64_bits_are_a_time_and_a_length() {
    let points: Vec<Point> = EXTREMES
        .iter()
        .map(|&time| Point {
            time,
            value: Value::Long(time),
        })
        .collect();
    let texts = Texts::default();
    for id in ["UTC", "Europe/Paris", "Pacific/Apia"] {
        for unit in Unit::ALL {
            for value in [-1, 1 << 40, i64::MAX] {
                for start in EXTREMES {
                    let range = inside(id, aligned(value, unit));
                    for mut aggregator in all(&range, value) {
                        // Trimmed or not, these would be many nulls.
                        if let Aggregator::Gaps { range, .. } = &mut aggregator {
                            range.sampling = Sampling::new(i64::MAX / 4, unit);
                        }
                        let stream = Stream {
                            kind: Kind::Number,
                            points: points.clone(),
                        };
                        let aggregators = [aggregator];
                        let _ = Asked::from(start).with(&texts, |context| {
                            run(aggregate(stream, &aggregators, context))
                        });
                    }
                }
            }
        }
    }
}

#[test]
fn more_nulls_than_an_answer_may_have_are_refused() {
    let (none, texts) = stream("");
    let gaps = [Aggregator::Gaps {
        range: every(1, Unit::Milliseconds),
        trim: false,
    }];
    let limits = Limits {
        points_returned_max: 10_000,
        ..Limits::default()
    };
    let told = Asked::from(0).with(&texts, |context| {
        let context = Context {
            limits: &limits,
            ..*context
        };
        run(aggregate(none, &gaps, &context))
    });
    let told = told.expect_err("too many");
    assert!(
        matches!(told, KairosError::Query(QueryError::TooManyPoints { .. })),
        "{told}"
    );
}

/// Counts breaths.
#[derive(Default)]
struct Counting(Cell<usize>);

impl Breath for Counting {
    fn breathe(&self) -> Local<'_, Result<(), QueryError>> {
        self.0.set(self.0.get() + 1);
        Box::pin(std::future::ready(Ok(())))
    }
}

#[test]
fn other_work_goes_on_between() {
    let mut random = Random::new(1);
    let points: Vec<Point> = (0..100_000)
        .map(|time| Point {
            time,
            value: Value::Double(random.below(1_000_000) as f64),
        })
        .collect();
    let texts = Texts::default();
    for length in [1, 1_000, 1_000_000] {
        for aggregator in all(&every(length, Unit::Milliseconds), 300) {
            let stream = Stream {
                kind: Kind::Number,
                points: points.clone(),
            };
            let breaths = Counting::default();
            let pace = Pace::new(&breaths);
            let aggregators = [aggregator];
            let done = Asked::from(0).with(&texts, |context| {
                let context = Context {
                    pace: &pace,
                    ..*context
                };
                run(aggregate(stream, &aggregators, &context))
            });
            done.expect("no error");
            let least = points.len() / PIECE / 8;
            assert!(
                least <= breaths.0.get(),
                "{aggregators:?}: {}",
                breaths.0.get()
            );
        }
    }
}
