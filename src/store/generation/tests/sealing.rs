//! Stretches against a plain list.

use super::*;
use crate::model::points::Duplicates;
use crate::model::series::Values;
use crate::store::stretch::{Column, Stretch};

/// A point of a stretch: window, time, stamp, and what its value shows.
type Row = (i64, i64, Option<u64>, String);

fn empty_stretch() -> Stretch {
    Stretch {
        times: vec![1],
        stamps: vec![2],
        values: Column::Float(vec![3.0]),
        duplicates: Duplicates::All,
    }
}

/// The stretches of a series, in slices, checked as far as one can see from outside.
fn stretches(
    stretches: &mut Stretches,
    (pool, head): (&Pool, &Head),
    series: u32,
    (values, duplicates): (Values, Duplicates),
    slice: usize,
) -> Vec<Row> {
    let (mut out, mut rows, mut last) = (empty_stretch(), Vec::new(), None);
    stretches.begin(head, SeriesId(series), values, duplicates);
    loop {
        let start = match stretches.next(pool, head, &mut { slice }, &mut out) {
            Next::Stretch(start) => start.0,
            Next::Later => continue,
            Next::Done => return rows,
        };
        assert!(last < Some(start), "windows ascend");
        last = Some(start);
        assert_eq!(out.duplicates, duplicates);
        assert!(!out.times.is_empty());
        if head.options.ordered {
            assert_eq!(out.stamps.len(), out.times.len());
        } else {
            // Made up where points did not come in the order of their times, to say in which they came.
            assert!(out.stamps.is_empty() || out.stamps.len() == out.times.len());
            let places = 1..out.stamps.len();
            let ascends =
                |i: usize| out.times[i - 1] < out.times[i] || out.stamps[i - 1] <= out.stamps[i];
            assert!(places.into_iter().all(ascends));
        }
        let shown = show(&out.values);
        assert_eq!(shown.len(), out.times.len());
        for (i, (&time, value)) in out.times.iter().zip(shown).enumerate() {
            let stamp = out.stamps.get(i).copied().filter(|_| head.options.ordered);
            rows.push((start, time, stamp, value));
        }
    }
}

fn show(column: &Column) -> Vec<String> {
    match column {
        Column::Decimal { scale, mantissas } => mantissas
            .iter()
            .map(|&mantissa| {
                // As `f64` the bits tell all; what has more digits is a whole number of a series of such.
                assert!(mantissa.unsigned_abs() <= 1 << 53 || *scale == 0);
                show_number(Number::decimal(mantissa, *scale))
            })
            .collect(),
        Column::Float(values) => values
            .iter()
            .map(|&v| show_number(Number::float(v)))
            .collect(),
        Column::Long(values) => values.iter().map(i64::to_string).collect(),
        Column::Text(texts) => texts.iter().map(|text| text.to_string()).collect(),
    }
}

fn show_number(number: Number) -> String {
    format!("{:x}", number.to_f64().to_bits())
}

impl Twin {
    fn want_rows(&self, series: u32, values: Values, duplicates: Duplicates) -> Vec<Row> {
        let mut sent: Vec<&Sent> = self.sent.iter().filter(|s| s.series == series).collect();
        sent.sort_by_key(|sent| sent.time);
        let mut rows: Vec<Row> = Vec::new();
        for sent in sent {
            if duplicates == Duplicates::Last && rows.last().is_some_and(|row| row.1 == sent.time) {
                rows.pop();
            }
            let value = match values {
                Values::Long => sent.value.mantissa.to_string(),
                _ => show_number(sent.value),
            };
            let window = self.head.options.window.floor(Millis(sent.time)).0;
            rows.push((window, sent.time, self.ordered.then_some(sent.stamp), value));
        }
        rows
    }
}

#[test]
fn stretches_hold_all_points() {
    let mut sealer = Stretches::default();
    for seed in 0..400 {
        let mut random = Random::new(seed);
        let mut pool = Pool::new(1 << 30);
        let mut twin = Twin::new(seed % 2 == 1, 4);
        let each = 1 + random.below(if seed % 40 == 0 { 12_000 } else { 400 });
        let values = [Values::Double, Values::Long][random.below(2) as usize];
        for mut sent in arrivals(&mut random, 4, each) {
            if values == Values::Long {
                sent.value = Number::long(sent.value.mantissa);
            }
            twin.put(&mut pool, sent).expect("room");
        }
        for series in 0..4 {
            let duplicates = [Duplicates::Last, Duplicates::All][random.below(2) as usize];
            let slice = 1 + random.below(500) as usize;
            let rule = (values, duplicates);
            let got = stretches(&mut sealer, (&pool, &twin.head), series, rule, slice);
            let want = twin.want_rows(series, values, duplicates);
            assert!(got == want, "seed {seed} series {series} {rule:?}");
        }
    }
}

fn one_series(points: impl Iterator<Item = (i64, Number)>) -> (Pool, Twin) {
    let (mut pool, mut twin) = (Pool::new(1 << 30), Twin::new(false, 1));
    for (time, value) in points {
        let sent = Sent {
            series: 0,
            time,
            stamp: 1,
            value,
        };
        twin.put(&mut pool, sent).expect("room");
    }
    (pool, twin)
}

#[track_caller]
fn check_column(numbers: &[Number], want: Column) {
    let (pool, twin) = one_series(numbers.iter().enumerate().map(|(i, &n)| (i as i64, n)));
    let (mut sealer, mut out) = (Stretches::default(), empty_stretch());
    sealer.begin(&twin.head, SeriesId(0), Values::Double, Duplicates::Last);
    let next = sealer.next(&pool, &twin.head, &mut { usize::MAX }, &mut out);
    assert_eq!((next, out.values), (Next::Stretch(Millis(0)), want));
    assert_eq!(
        sealer.next(&pool, &twin.head, &mut 9, &mut empty_stretch()),
        Next::Done
    );
}

#[test]
fn decimals_come_to_the_largest_scale_that_holds_them() {
    let decimal = |scale, mantissas: &[i64]| Column::Decimal {
        scale,
        mantissas: mantissas.to_vec(),
    };
    let number = Number::decimal;
    check_column(&[number(5, 1), number(-3, 1)], decimal(1, &[5, -3]));
    check_column(
        &[number(5, 0), number(5, 2), number(5, 1)],
        decimal(2, &[500, 5, 50]),
    );
    let large = 1 << 52;
    check_column(
        &[number(large, 0), number(5, 2)],
        Column::Float(vec![large as f64, 0.05]),
    );
    check_column(
        &[number(25, 1), Number::float(-0.0)],
        Column::Float(vec![2.5, -0.0]),
    );
}

/// A series of more points than are in columns at a time comes in parts, cut at windows where it can be.
#[test]
fn a_huge_series_comes_in_parts() {
    for (step, stretches_at_least) in [(25, 5), (3, 2)] {
        let count = POINTS_AT_ONCE as i64 * 5 / 2;
        let points = (0..count).map(|i| (i * step, Number::decimal(i % 7, 1)));
        let (pool, twin) = one_series(points);
        let (mut sealer, mut out) = (Stretches::default(), empty_stretch());
        sealer.begin(&twin.head, SeriesId(0), Values::Double, Duplicates::Last);
        let (mut times, mut starts) = (0, Vec::new());
        loop {
            match sealer.next(&pool, &twin.head, &mut 10_000, &mut out) {
                Next::Later => continue,
                Next::Done => break,
                Next::Stretch(start) => {
                    let Column::Decimal {
                        mantissas,
                        scale: 1,
                    } = &out.values
                    else {
                        panic!("{:?}", out.values);
                    };
                    for (time, mantissa) in out.times.iter().zip(mantissas) {
                        assert_eq!((*time, *mantissa), (times * step, times % 7));
                        times += 1;
                    }
                    starts.push(start);
                }
            }
        }
        assert_eq!(times, count);
        assert!(stretches_at_least <= starts.len(), "{starts:?}");
        if step == 25 {
            assert!(
                starts.is_sorted_by(|a, b| a < b),
                "one stretch for each: {starts:?}"
            );
        }
    }
}

#[test]
fn texts_come_back_and_are_counted() {
    let mut pool = Pool::new(6_000);
    let mut head = Head::new(options(false, 10));
    head.admit(SeriesId(1));
    let (mut want, mut full) = (Vec::new(), 0);
    for i in 0..100 {
        let text = format!("{:03}{}", i / 3, "x".repeat(i));
        let before = (pool.bytes(), head.points());
        match head.append_text(&mut pool, SeriesId(1), &[5, 6], Millis(i as i64), 0, &text) {
            Ok(entry) => {
                assert_eq!(entry.number, 6);
                want.push(text);
            }
            Err(why) => {
                assert_eq!(
                    (why, pool.bytes(), head.points()),
                    (Full::Bytes, before.0, before.1)
                );
                full += 1;
            }
        }
    }
    assert!(full > 10 && want.len() > 20, "{full}");
    assert_eq!(head.bytes(), pool.bytes());
    let mut sealer = Stretches::default();
    let rule = (Values::Text, Duplicates::Last);
    let rows = stretches(&mut sealer, (&pool, &head), 1, rule, 10);
    assert_eq!(rows.into_iter().map(|row| row.3).collect::<Vec<_>>(), want);
    while !head.clear(&mut pool, &mut 1) {}
    assert_eq!((pool.bytes(), head.text(0)), (0, None));
}

#[test]
fn equal_texts_are_kept_once() {
    let mut pool = Pool::new(1 << 20);
    let mut head = Head::new(options(true, 10));
    head.admit(SeriesId(0));
    for i in 0..50 {
        head.append_text(&mut pool, SeriesId(0), &[5], Millis(i), 0, "up")
            .expect("room");
    }
    assert!(head.bytes() < 5 * 128, "{}", head.bytes());
}
