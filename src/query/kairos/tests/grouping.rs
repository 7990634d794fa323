//! Merging and parting of streams.

use super::*;
use crate::base::random::Random;

/// Series of numbers, each as its times and its values.
pub(super) struct Owned {
    pub(super) times: Vec<i64>,
    pub(super) values: Vec<f64>,
    pub(super) is_long: bool,
}

impl Owned {
    pub(super) fn view(&self) -> SeriesPoints<'_> {
        self.part(0..self.times.len())
    }

    pub(super) fn part(&self, part: std::ops::Range<usize>) -> SeriesPoints<'_> {
        let values = &self.values[part.clone()];
        SeriesPoints {
            times: &self.times[part],
            values: if self.is_long {
                Column::Long(values)
            } else {
                Column::Double(values)
            },
        }
    }

    /// Points of one type, by time, of each time one.
    pub(super) fn some(random: &mut Random, start: i64, span: i64) -> Owned {
        let mut times: Vec<i64> = (0..random.below(60))
            .map(|_| start + random.below(span as u64) as i64)
            .collect();
        times.sort_unstable();
        times.dedup();
        let is_long = random.chance(50);
        let value = |_: &i64| {
            let value = random.below(400) as i64 - 200;
            if is_long {
                f64::from_bits(value as u64)
            } else {
                value as f64 / 4.0
            }
        };
        let values = times.iter().map(value).collect();
        Owned {
            times,
            values,
            is_long,
        }
    }

    pub(super) fn points(&self) -> Vec<Point> {
        let value = |value: &f64| match self.is_long {
            true => Value::Long(value.to_bits() as i64),
            false => Value::Double(*value),
        };
        let both = self.times.iter().zip(self.values.iter().map(value));
        both.map(|(&time, value)| Point { time, value }).collect()
    }
}

fn merged(series: &[Owned], descending: bool, most: usize) -> Vec<Point> {
    let views: Vec<SeriesPoints<'_>> = series.iter().map(Owned::view).collect();
    let pace = Pace::new(&Breathless);
    let merging = merge(&views, Kind::Number, descending, most, &pace);
    run(merging).expect("no limit").points
}

fn double(value: Value) -> f64 {
    match value {
        Value::Long(value) => value as f64,
        Value::Double(value) => value,
        _ => f64::NAN,
    }
}

#[test]
fn q1_equal_times_go_by_value() {
    let series = |values: &[f64]| Owned {
        times: (0..4).map(|i| i * 1_000).collect(),
        values: values.to_vec(),
        is_long: false,
    };
    let d = [
        series(&[1.0, 2.0, 3.0, 4.0]),
        series(&[9.0, 10.0, 11.0, 12.0]),
        series(&[5.0, 6.0, 7.0, 8.0]),
    ];
    let values = |points: Vec<Point>| -> Vec<f64> {
        points.iter().map(|point| double(point.value)).collect()
    };
    let want = [
        1.0, 5.0, 9.0, 2.0, 6.0, 10.0, 3.0, 7.0, 11.0, 4.0, 8.0, 12.0,
    ];
    assert_eq!(values(merged(&d, false, usize::MAX)), want);
    let backwards: Vec<f64> = want.iter().rev().copied().collect();
    assert_eq!(values(merged(&d, true, usize::MAX)), backwards);
    assert_eq!(values(merged(&d, false, 4)), want[..4]);
    assert_eq!(values(merged(&d[..1], true, 2)), [4.0, 3.0]);
    assert_eq!(merged(&[], false, 9), []);
}

#[test]
fn merging_sorts() {
    for seed in 0..2_000 {
        let mut random = Random::new(seed);
        let longest = if random.chance(50) { 40 } else { 10_000 };
        let span = 1 + random.below(longest) as i64;
        let count = random.below(9);
        let series: Vec<Owned> = (0..count)
            .map(|_| Owned::some(&mut random, -20, span))
            .collect();
        let descending = random.chance(50);
        let most = if random.chance(50) {
            usize::MAX
        } else {
            random.below(40) as usize
        };
        let mut want: Vec<Point> = series.iter().flat_map(Owned::points).collect();
        let in_order = |a: &Point, b: &Point| {
            let values = double(a.value).total_cmp(&double(b.value));
            let order = a.time.cmp(&b.time).then(values);
            if descending { order.reverse() } else { order }
        };
        want.sort_by(in_order);
        want.truncate(most);
        assert_eq!(merged(&series, descending, most), want, "seed {seed}");
    }
}

#[test]
fn texts_of_one_time_go_by_series() {
    let places = [f64::from_bits(0), f64::from_bits(1)];
    let series = |first, times| SeriesPoints {
        times,
        values: Column::Text {
            places: &places,
            first,
        },
    };
    let all = [series(2, &[5, 7]), series(0, &[3, 7])];
    let pace = Pace::new(&Breathless);
    let stream = run(merge(&all, Kind::Text, false, 9, &pace)).expect("no limit");
    let want = [(3, 0), (5, 2), (7, 3), (7, 1)];
    let want = want.map(|(time, place)| Point {
        time,
        value: Value::Text(place),
    });
    assert_eq!((stream.kind, stream.points), (Kind::Text, want.to_vec()));
}

#[track_caller]
fn parts(points: &str, groupers: &[Grouper], start: i64, want: &[(&[i64], &str)]) {
    let (stream, texts) = stream(points);
    let groups =
        Asked::from(start).with(&texts, |context| run(partition(stream, groupers, context)));
    let groups = groups.expect("no limit");
    let shown: Vec<(Vec<i64>, String)> = groups
        .into_iter()
        .map(|group| (group.ids, show(&group.stream.points, &texts)))
        .collect();
    let want: Vec<(Vec<i64>, String)> = want
        .iter()
        .map(|(ids, points)| (ids.to_vec(), (*points).to_owned()))
        .collect();
    assert_eq!(shown, want, "{groupers:?} of {points}");
}

fn time(value: i64, unit: Unit, group_count: i64) -> Grouper {
    Grouper::Time {
        range_size: Sampling::new(value, unit),
        group_count,
    }
}

fn value(range_size: i64) -> Grouper {
    Grouper::Value { range_size }
}

fn bins(bins: &[f64]) -> Grouper {
    let bins = bins.to_vec();
    Grouper::Bin { bins }
}

const TEN: &str = "0:1 2:2 4:3 6:4 8:5 10:6 12:7 14:8 16:9 18:10";

#[test]
fn q15_by_time() {
    let want: [(&[i64], &str); 2] = [
        (&[0], "0:1 4:3 8:5 12:7 16:9"),
        (&[1], "2:2 6:4 10:6 14:8 18:10"),
    ];
    parts(TEN, &[time(2, Unit::Milliseconds, 2)], 0, &want);
    let year = 364 * 86_400_000_i64;
    let points = format!("{}:1 {}:2 {}:3", year - 1, year, 2 * year);
    let (first, second) = (
        format!("{}:1 {}:3", year - 1, 2 * year),
        format!("{year}:2"),
    );
    let want: [(&[i64], &str); 2] = [(&[0], &first), (&[1], &second)];
    parts(&points, &[time(1, Unit::Years, 2)], 0, &want);
}

#[test]
fn q16_by_value() {
    let want: [(&[i64], &str); 3] = [
        (&[0], "0:1 2:2 4:3 6:4"),
        (&[1], "8:5 10:6 12:7 14:8 16:9"),
        (&[2], "18:10"),
    ];
    parts(TEN, &[value(5)], 0, &want);
    // Towards zero; floats are cut to 32 bits before, longs behind.
    let want: [(&[i64], &str); 4] = [
        (&[0], "1:-4 2:4.9"),
        (&[-1], "3:-5 4:-9.9"),
        (&[i64::from(i32::MAX) / 5], "5:100000000000"),
        (&[1 << 30], "6:26843545600"),
    ];
    parts(
        "1:-4 2:4.9 3:-5 4:-9.9 5:1e11 6:26843545600",
        &[value(5)],
        0,
        &want,
    );
    parts(
        "1:5368709120",
        &[value(1)],
        0,
        &[(&[1 << 30], "1:5368709120")],
    );
}

#[test]
fn q17_several_groupers_tell_together() {
    let want: [(&[i64], &str); 3] = [(&[1, 0], "0:5"), (&[0, 0], "1:1 3:1"), (&[1, 1], "2:3")];
    parts(
        "0:5 1:1 2:3 3:1",
        &[value(3), time(2, Unit::Milliseconds, 2)],
        0,
        &[want[0], (&[0, 0], "1:1"), want[2], (&[0, 1], "3:1")],
    );
    parts("1:1", &[], 0, &[(&[], "1:1")]);
    parts("", &[value(3)], 0, &[]);
    parts("", &[], 0, &[(&[], "")]);
}

#[test]
fn q18_by_bin() {
    let want: [(&[i64], &str); 4] = [
        (&[0], "1:1"),
        (&[1], "2:2 3:4"),
        (&[2], "4:5 5:6"),
        (&[3], "6:7 7:8"),
    ];
    parts(
        "1:1 2:2 3:4 4:5 5:6 6:7 7:8",
        &[bins(&[2.0, 5.0, 7.0])],
        0,
        &want,
    );
    // As they stand: the first that is above.
    let want: [(&[i64], &str); 3] = [(&[0], "1:4"), (&[2], "2:6"), (&[3], "3:7")];
    parts("1:4 2:6 3:7", &[bins(&[5.0, 2.0, 7.0])], 0, &want);
    parts(
        "1:a 2:b",
        &[bins(&[5.0]), value(2)],
        0,
        &[(&[-1, -1], "1:a 2:b")],
    );
}

#[test]
fn q19_by_month() {
    let moments = [
        "2010-01-31T00:00",
        "2010-02-28T00:00",
        "2010-12-01T00:00",
        "2011-02-28T00:00",
        "2012-01-31T00:00",
    ];
    let point = |i: usize| format!("{}:{i}", at(moments[i]));
    let points: Vec<String> = (0..5).map(point).collect();
    let (first, others) = (
        format!("{} {}", point(0), point(4)),
        [point(1), point(2), point(3)],
    );
    let want: [(&[i64], &str); 4] = [
        (&[0], &first),
        (&[1], &others[0]),
        (&[11], &others[1]),
        (&[13], &others[2]),
    ];
    for months in [1, 3] {
        let grouper = time(months, Unit::Months, 24);
        parts(&points.join(" "), &[grouper], at("2010-01-01T00:00"), &want);
    }
}

#[test]
fn what_cannot_be_parted_is_an_error() {
    let failed = |groupers: &[Grouper], points: &str| {
        let (stream, texts) = stream(points);
        let done = Asked::from(0).with(&texts, |context| run(partition(stream, groupers, context)));
        done.err()
    };
    let by_zero = Some(KairosError::failed("/ by zero"));
    assert_eq!(failed(&[time(0, Unit::Seconds, 2)], "1:1"), by_zero);
    assert_eq!(failed(&[value(0)], "1:1"), by_zero);
    assert_eq!(failed(&[value(0)], "1:1.5"), by_zero);
    assert_eq!(failed(&[bins(&[])], "1:1"), Some(KairosError::Failed(None)));
    let many: Vec<String> = (0..=Limits::default().series_max)
        .map(|i| format!("{i}:{i}"))
        .collect();
    let told = failed(&[value(1)], &many.join(" ")).map(|error| error.to_string());
    assert!(
        told.unwrap_or_default()
            .starts_with("the query makes more than 100000 groups")
    );
}
