//! Functions that leave out or sort, against naive twins, and what the table of the original cannot say.

use std::cmp::Ordering;

use super::*;
use crate::query::graphite::functions::aggregation::Aggregation;

#[test]
fn examples() {
    check(
        "sortByName(s.*,TRUE)",
        "s.a [1,2,·,4,5,6] ‖ s.b [10,·,·,40,50,60] ‖ s.c [3,3,3,3,3,3] ‖ s.null [·,·,·,·,·,·]",
    );
    check(
        "removeAbovePercentile(s.a,50)",
        "removeAbovePercentile(s.a, 50) [1,2,·,4,·,·]",
    );
    check(
        "removeEmptySeries(s.*,0.7)",
        "s.a [1,2,·,4,5,6] ‖ s.c [3,3,3,3,3,3]",
    );
    check(
        "sortByName(srv.*.cpu.user,true)",
        "srv.web1.cpu.user [1,2,3,4] ‖ srv.web2.cpu.user [5,6,7,8] ‖ srv.web10.cpu.user [9,9,·,9]",
    );
    check(
        "sortByMinima(s.*)",
        "s.a [1,2,·,4,5,6] ‖ s.c [3,3,3,3,3,3] ‖ s.b [10,·,·,40,50,60]",
    );
    check("lowestCurrent(s.*,1)", "s.null [·,·,·,·,·,·]");
    check(
        "filterSeries(s.*,'last','<',5)",
        "s.c [3,3,3,3,3,3] ‖ s.null [·,·,·,·,·,·]",
    );
    check("useSeriesAbove(s.a,5,'a$','b')", "nothing");
}

#[test]
fn wrong_arguments() {
    check_refused("averageAbove(s.a)", "Missing required parameter \"n\"");
    check_refused("averageAbove(s.a,'x')", "Invalid \"float\" value");
    check_refused("limit(s.a,1.5)", "Invalid \"integer\" value");
    check_refused("highestMax(s.a)", "Missing required parameter \"n\"");
    check_refused("highest(s.a,1,'first')", "Invalid \"aggFunc\" value");
    check_refused(
        "highest(s.a,1,'sumSeries')",
        "Unsupported aggregation function: sumSeries",
    );
    check_refused("filterSeries(s.a,'max','~',1)", "Invalid option specified");
    check_refused("grep(s.a,'(')", "missing ), unterminated subpattern");
    check_refused(
        "removeBelowPercentile(s.a,0)",
        "required to be greater than 0",
    );
    check_refused(
        "averageOutsidePercentile(s.a,inf)",
        "There is no percentile",
    );
    check_refused("unique()", "Missing required parameter \"seriesLists\"");
}

fn names(answer: &[Series]) -> Vec<&str> {
    answer.iter().map(|one| one.name.as_str()).collect()
}

fn ask_names(target: &str, stored: &[Series]) -> Vec<String> {
    let answer = ask_with(target, stored, &context()).expect(target);
    names(&answer).into_iter().map(str::to_owned).collect()
}

fn random_list(random: &mut Random, most: u64) -> Vec<Series> {
    let nulls = [0, 30, 90][random.below(3) as usize];
    let lengths = 1 + random.below(6);
    let one = |i: u64, random: &mut Random| {
        let values: Vec<f64> = (0..lengths)
            .map(|_| match random.chance(nulls) {
                true => N,
                false => random.below(40) as f64 / 4.0 - 3.0,
            })
            .collect();
        leaf(&format!("x{i:04}"), T, 60, &values)
    };
    (0..1 + random.below(most))
        .map(|i| one(i, random))
        .collect()
}

/// Null of nothing, but for the two that know how to count nothing.
fn naive(func: Aggregation, series: &Series) -> f64 {
    match func {
        Aggregation::AverageZero if series.is_all_null() => 0.0,
        func => func.of(&series.values),
    }
}

#[test]
fn orders_agree_with_a_plain_sort() {
    for seed in 0..40 {
        let mut random = Random::new(seed);
        let stored = random_list(&mut random, if seed % 10 == 0 { 2_500 } else { 40 });
        let (text, func) = Aggregation::NAMES[random.below(16) as usize];
        let key = |one: &Series| match naive(func, one) {
            value if value.is_nan() => f64::NEG_INFINITY,
            value => value,
        };
        let compare =
            |a: &Series, b: &Series| key(a).partial_cmp(&key(b)).unwrap_or(Ordering::Equal);
        let (mut up, mut down) = (stored.clone(), stored.clone());
        up.sort_by(compare);
        down.sort_by(|a, b| compare(b, a));
        let count = random.below(2 * stored.len() as u64) as usize;
        let first = |all: &[Series]| -> Vec<String> {
            names(all)
                .into_iter()
                .take(count)
                .map(str::to_owned)
                .collect()
        };
        let all = |list: &[Series]| {
            names(list)
                .into_iter()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let ask = |target: String| ask_names(&target, &stored);
        assert_eq!(ask(format!("sortBy(x*,'{text}')")), all(&up), "seed {seed}");
        assert_eq!(
            ask(format!("sortBy(x*,'{text}',true)")),
            all(&down),
            "seed {seed}"
        );
        assert_eq!(
            ask(format!("lowest(x*,{count},'{text}')")),
            first(&up),
            "seed {seed}"
        );
        assert_eq!(
            ask(format!("highest(x*,{count},'{text}')")),
            first(&down),
            "seed {seed}"
        );
    }
}

#[test]
fn thresholds_agree_with_a_plain_loop() {
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let stored = random_list(&mut random, 12);
        let (text, func) = Aggregation::NAMES[random.below(16) as usize];
        let threshold = random.below(20) as f64 / 2.0 - 2.0;
        for operator in ["=", "!=", ">", ">=", "<", "<="] {
            let stays = |value: f64| match operator {
                "=" => value == threshold,
                "!=" => value != threshold,
                ">" => value > threshold,
                ">=" => value >= threshold,
                "<" => value.is_nan() || value < threshold,
                _ => value.is_nan() || value <= threshold,
            };
            let want: Vec<&Series> = stored
                .iter()
                .filter(|one| stays(naive(func, one)))
                .collect();
            let want: Vec<&str> = want.iter().map(|one| one.name.as_str()).collect();
            let target = format!("filterSeries(x*,'{text}','{operator}',{threshold})");
            assert_eq!(ask_names(&target, &stored), want, "seed {seed}: {target}");
        }
    }
}

/// The rank counted instead of sorted for: the smallest value that has enough at or below it.
fn naive_percentile(values: &[f64], n: f64) -> f64 {
    let present: Vec<f64> = values
        .iter()
        .copied()
        .filter(|value| !value.is_nan())
        .collect();
    let rank = (n / 100.0 * (present.len() as f64 + 1.0)).ceil().max(1.0);
    let rank = (rank as usize).min(present.len());
    let at_or_below = |bound: f64| present.iter().filter(|value| **value <= bound).count();
    let enough = present
        .iter()
        .copied()
        .filter(|value| rank <= at_or_below(*value));
    enough.fold(N, f64::min)
}

#[test]
fn percentiles_agree_with_counting() {
    for seed in 0..100 {
        let mut random = Random::new(seed);
        let stored = random_list(&mut random, 12);
        let n = [10.0, 25.0, 50.0, 62.5, 90.0, 100.0][random.below(6) as usize];
        for (function, sign) in [
            ("removeAbovePercentile", 1.0),
            ("removeBelowPercentile", -1.0),
        ] {
            let answer = ask_with(&format!("{function}(x*,{n})"), &stored, &context());
            for (got, one) in answer.expect("an answer").iter().zip(&stored) {
                let bound = naive_percentile(&one.values, n);
                let kept = |value: f64| {
                    if sign * (value - bound) > 0.0 {
                        N
                    } else {
                        value
                    }
                };
                let values: Vec<f64> = one.values.iter().map(|value| kept(*value)).collect();
                let want = leaf(&one.name, T, 60, &values);
                assert_eq!(
                    show(got).split(" [").last(),
                    show(&want).split(" [").last(),
                    "seed {seed}"
                );
            }
        }
        let upper = n.max(100.0 - n);
        let outside = |values: &[f64], value: f64| {
            let (low, high) = (
                naive_percentile(values, 100.0 - upper),
                naive_percentile(values, upper),
            );
            !(low < value && value < high)
        };
        let means: Vec<f64> = stored
            .iter()
            .map(|one| Aggregation::Average.of(&one.values))
            .collect();
        let kept = stored
            .iter()
            .zip(&means)
            .filter(|(_, mean)| outside(&means, **mean));
        let want: Vec<&str> = kept.map(|(one, _)| one.name.as_str()).collect();
        let target = format!("averageOutsidePercentile(x*,{n})");
        assert_eq!(ask_names(&target, &stored), want, "seed {seed}: {target}");
        let column = |i: usize| stored.iter().map(|one| one.values[i]).collect::<Vec<f64>>();
        let kept = stored.iter().filter(|one| {
            let mut values = one.values.iter().enumerate();
            values.any(|(i, value)| !value.is_nan() && outside(&column(i), *value))
        });
        let want: Vec<&str> = kept.map(|one| one.name.as_str()).collect();
        let target = format!("removeBetweenPercentile(x*,{n})");
        assert_eq!(ask_names(&target, &stored), want, "seed {seed}: {target}");
    }
}

#[test]
fn most_deviant_agrees_with_its_formula() {
    for seed in 0..100 {
        let mut random = Random::new(seed);
        let stored = random_list(&mut random, 20);
        let deviation = |one: &Series| Aggregation::StandardDeviation.of(&one.values).powi(2);
        let mut want: Vec<&Series> = stored.iter().filter(|one| !one.is_all_null()).collect();
        want.sort_by(|a, b| deviation(b).total_cmp(&deviation(a)));
        let answer = ask_with("mostDeviant(x*,99)", &stored, &context()).expect("an answer");
        assert_eq!(answer.len(), want.len(), "seed {seed}");
        for (got, want) in answer.iter().zip(want) {
            // Roots and squares lose the last bits, which may change the order of equals.
            assert!(
                (deviation(got) - deviation(want)).abs() < 1e-9,
                "seed {seed}"
            );
        }
    }
}

#[test]
fn many_names_are_asked_for_in_several_targets() {
    let stored: Vec<Series> = (0..1_200)
        .map(|i| {
            leaf(
                &format!("{}.n{i:04}", if i < 600 { "x" } else { "y" }),
                T,
                60,
                &[1.0],
            )
        })
        .collect();
    let got = ask_names("useSeriesAbove(x.*,0,'^x[.]n0','y.n0')", &stored);
    assert!(got.is_empty(), "there is no y.n0000");
    let got = ask_names("useSeriesAbove(x.*,0,'^x','x')", &stored);
    assert_eq!(got.len(), 600);
    assert!(got.is_sorted());
}
