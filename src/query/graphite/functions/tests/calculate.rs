//! Group "Calculate": answers of graphite-web, edges it does not have, and naive twins.

use super::answers::check_noted;
use super::*;

#[test]
fn as_graphite_web_answers() {
    check_noted(include_str!("calculate.txt"));
}

#[test]
fn examples_of_the_specification() {
    check(
        "movingAverage(hist.h,'3min')",
        "movingAverage(hist.h,\"3min\") [59,60,61,62,63,64]",
    );
    check(
        "movingMedian(hist.h,4)",
        "movingMedian(hist.h,4) [58.5,59.5,60.5,61.5,62.5,63.5]",
    );
    check(
        "exponentialMovingAverage(hist.h,3)",
        "exponentialMovingAverage(hist.h,3) [58,59,60,61,62,63,64]",
    );
    check("stdev(s.a,3)", "stdev(s.a,3) [0,0.5,0.5,1,0.5,0.816497]");
    check("nPercentile(s.a,95)", "nPercentile(s.a, 95) [6,6,6,6,6,6]");
    check(
        "aggregateLine(s.a,'max',true)",
        "aggregateLine(s.a, 6) [6,6,6,6,6,6]",
    );
    check(
        "aggregateLine(s.a,'max')",
        "aggregateLine(s.a, 6) @-1/180 [6,6,6]",
    );
    check(
        "linearRegression(hist.h)",
        "linearRegression(hist.h, 1699999199, 1699999559) [60,61,62,63,64,65]",
    );
    check(
        "holtWintersForecast(hist.h,'10min','5min')",
        "holtWintersForecast(hist.h) [53.8199,54.5866,55.3662,56.1584,56.9631,57.7803]",
    );
    check_refused(
        "movingAverage(hist.h,\"5m\")",
        "Invalid \"intOrInterval\" value",
    );
}

#[test]
fn wrong_arguments_are_told() {
    for (target, want) in [
        (
            "movingAverage(s.a,-1)",
            "needs a window of points or of time",
        ),
        ("movingAverage(s.a,-2.5)", "a window of points or of time"),
        ("movingAverage(s.a,'9999y')", "Time out of range"),
        ("movingWindow(s.a,3,'first')", "Invalid \"aggFunc\" value"),
        (
            "exponentialMovingAverage(s.a,-2)",
            "needs a window of points",
        ),
        ("stdev(s.a,-1)", "needs a window of points, not -1"),
        ("nPercentile(s.a,0)", "required to be greater than 0"),
        ("nPercentile(s.a,-5)", "required to be greater than 0"),
        ("nPercentile(s.a,150)", "there is no percentile 150"),
        ("holtWintersForecast(hist.h,'-7d')", "less than nothing"),
        (
            "holtWintersForecast(hist.h,'1h','1min')",
            "at least 2 values",
        ),
        (
            "holtWintersForecast(hist.h,'1h','-1d')",
            "at least 2 values",
        ),
        ("holtWintersConfidenceArea(s.*)", "exactly one series"),
        ("holtWintersConfidenceArea(nosuch)", "exactly one series"),
        (
            "holtWintersAberration(hist.h,'x')",
            "Invalid \"integer\" value",
        ),
        (
            "linearRegression(s.a,'1699999300','1699999200')",
            "ends before it begins",
        ),
        ("linearRegression(s.a,'nonsense')", "Unknown day reference"),
    ] {
        check_refused(target, want);
    }
}

#[test]
fn windows_are_bounded() {
    for target in [
        "movingAverage(s.a,500000000)",
        "movingMedian(s.*,'1s',1)|movingSum(400000000)",
    ] {
        let answer = ask(target, &context());
        assert!(
            matches!(answer, Err(QueryError::Limit(_))),
            "{target}: {answer:?}"
        );
    }
}

#[test]
fn an_area_is_drawn_between_its_bounds() {
    let answer = ask(
        "holtWintersConfidenceArea(hist.h,3,'10min','5min')",
        &context(),
    );
    let answer = answer.expect("an answer");
    let looks: Vec<(bool, bool)> = answer
        .iter()
        .map(|one| (one.look.stacked, one.look.invisible))
        .collect();
    assert_eq!(looks, [(true, true), (true, false)]);
}

/// Every window of `size` values but the first, aggregated for itself.
fn naive(one: &Series, size: usize, function: aggregation::Aggregation, share: f64) -> Vec<f64> {
    if size == 0 {
        return vec![N; one.values.len()];
    }
    let windows = one.values.windows(size).skip(1).map(|window| {
        let present: Vec<f64> = window.iter().copied().filter(|it| !it.is_nan()).collect();
        let enough = !present.is_empty() && present.len() as f64 / size as f64 >= share;
        if enough { function.of(&present) } else { N }
    });
    windows.collect()
}

fn moved(one: &Series, size: usize, function: &str, share: f64) -> Vec<f64> {
    let text = format!("movingWindow(x0,{size},'{function}',{share:?})");
    let answer = ask_with(&text, std::slice::from_ref(one), &context());
    answer.expect("an answer").remove(0).values
}

/// A window that slides over values looks at each of them only so often, whatever it computes.
#[test]
fn sliding_windows_agree_with_each_window_for_itself() {
    for seed in 0..3_000 {
        let mut random = Random::new(seed);
        let mut one = random_series(&mut random, "x0", &[1]);
        let tenths = random.chance(50);
        for value in &mut one.values {
            *value = if tenths { *value / 10.0 } else { *value - 60.0 };
        }
        let size = random.below(one.values.len() as u64 + 3) as usize;
        let share = random.below(5) as f64 / 4.0;
        let (name, function) = aggregation::Aggregation::NAMES[random.below(16) as usize];
        let counted = match function {
            aggregation::Aggregation::AverageZero => aggregation::Aggregation::Average,
            other => other,
        };
        let got = moved(&one, size, name, share);
        let want = naive(&one, size, counted, share);
        assert_eq!(
            format!("{got:?}"),
            format!("{want:?}"),
            "seed {seed}: {name} of {size}"
        );
    }
}

/// Beyond so many values sums are joined of two halves: exact where sums are, and close elsewhere.
#[test]
fn wide_windows_agree_with_each_window_for_itself() {
    use super::super::calculate::windows::SUMMED_ANEW_MAX;
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let nulls = [0, 5, 99][random.below(3) as usize];
        let (name, function) = aggregation::Aggregation::NAMES[seed as usize % 16];
        let values: Vec<f64> = (0..1_500)
            .map(|_| match random.chance(nulls) {
                true => N,
                false if name == "multiply" => [1.0, 2.0, -0.5, 1.0][random.below(4) as usize],
                false => (random.below(2_000_000) as f64 - 1e6) / 64.0,
            })
            .collect();
        let one = leaf("x0", T, 1, &values);
        let size = SUMMED_ANEW_MAX - 1 + random.below(700) as usize;
        let share = random.below(3) as f64 / 20.0;
        let got = moved(&one, size, name, share);
        let counted = match function {
            aggregation::Aggregation::AverageZero => aggregation::Aggregation::Average,
            other => other,
        };
        let want = naive(&one, size, counted, share);
        assert_eq!(got.len(), want.len());
        for (got, want) in got.iter().zip(&want) {
            let same = match name {
                "stddev" => (got - want).abs() <= want.abs() * 1e-12,
                _ => got == want,
            };
            assert!(
                same || got.is_nan() && want.is_nan(),
                "seed {seed}: {name} {got} {want}"
            );
        }
    }
}

/// Joined with twice the digits, a sum of tenths is the number next to the true sum.
#[test]
fn wide_sums_are_the_true_ones() {
    let tenths: Vec<f64> = (0..2_000).map(|i| f64::from(i % 997) / 10.0).collect();
    let one = leaf("x0", T, 1, &tenths);
    let got = moved(&one, 1_000, "sum", 0.0);
    for (k, got) in got.iter().enumerate() {
        // Each tenth is a whole number of 2^-60, and so is their sum.
        let exact: i128 = tenths[k + 1..k + 1_001]
            .iter()
            .map(|value| (value * 2f64.powi(60)) as i128)
            .sum();
        assert_eq!(*got, exact as f64 / 2f64.powi(60), "window {k}");
    }
}

#[test]
fn infinite_values_leave_windows_again() {
    let mut values = vec![1.0; 1_200];
    values[500] = f64::INFINITY;
    let one = leaf("x0", T, 1, &values);
    for (function, usual) in [
        ("sum", 300.0),
        ("average", 1.0),
        ("max", 1.0),
        ("median", 1.0),
    ] {
        let got = moved(&one, 300, function, 0.0);
        assert_eq!(got.last(), Some(&usual), "{function}");
    }
    assert_eq!(moved(&one, 300, "sum", 0.0)[300], f64::INFINITY);
}

#[test]
fn pieces_of_calculations_make_the_same_whole() {
    check_pieces(&[
        "aggregateLine(x*,'median',true)",
        "exponentialMovingAverage(x*,5)",
        "holtWintersAberration(x*,1,'30s','1min')",
        "holtWintersConfidenceArea(x0,1,'30s','1min')",
        "holtWintersConfidenceBands(x*,1,'30s','1min')",
        "holtWintersForecast(x*,'30s','1min')",
        "identity('x')",
        "linearRegression(x*)",
        "movingAverage(x*,7)",
        "movingMax(x*,7)",
        "movingMedian(x*,7)",
        "movingMin(x*,'20s')",
        "movingSum(x*,'20s')",
        "movingWindow(x*,7,'last')",
        "movingWindow(x*,7,'stddev')",
        "nPercentile(x*,66)",
        "stdev(x*,9)",
    ]);
}
