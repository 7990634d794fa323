//! Whole pictures.

mod golden;
mod hostile;
mod layout;

use super::*;
use crate::base::random::Random;
use crate::http::parameters::Parameters;
use crate::query::breath::Breathless;
use crate::query::testing::run;

/// A Tuesday, 16:00.
const T0: i64 = 1_699_977_600;

fn series(name: &str, start: i64, step: i64, values: Vec<f64>) -> Series {
    Series::leaf(name.to_owned(), start, step, values, 0.0).expect("a name")
}

/// A way up and down by chance, from `seed`, between 0 and `most`.
fn walk(seed: u64, count: usize, most: f64) -> Vec<f64> {
    let mut random = Random::new(seed);
    let mut at = 500_i64;
    let mut next = || {
        at = (at + random.below(101) as i64 - 50).clamp(0, 1000);
        at as f64 / 1000.0 * most
    };
    (0..count).map(|_| next()).collect()
}

/// Three servers over six hours.
fn servers() -> Vec<Series> {
    let one = |i: u64| {
        let name = format!("servers.web{i}.cpu.user");
        series(&name, T0, 60, walk(i, 360, 20.0 * i as f64))
    };
    (1..=3).map(one).collect()
}

/// The same over fewer points, with gaps.
fn gaps() -> Vec<Series> {
    let mut series = servers();
    for (i, one) in series.iter_mut().enumerate() {
        one.values.truncate(30);
        for at in [3 + i, 10, 11, 12, 14, 20 + i] {
            one.values[at] = f64::NAN;
        }
    }
    series
}

fn draw_in(
    parameters: &[(&str, &str)],
    series: &[Series],
    zone: &TimeZone,
) -> Result<String, Failure> {
    let parameters = Parameters::of(parameters);
    let options = Options::read(&parameters)?;
    let slices = parameters
        .all("target")
        .filter_map(|text| options.slice(text));
    let slices = slices.collect();
    run(draw(
        &options,
        slices,
        series,
        zone,
        &Pace::new(&Breathless),
    ))
}

fn drawn(parameters: &[(&str, &str)], series: &[Series]) -> Result<String, Failure> {
    draw_in(parameters, series, &TimeZone::UTC)
}

/// The parameters of a query string.
fn pairs(query: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect()
}

fn drawn_as(query: &str, series: &[Series]) -> Result<String, Failure> {
    let pairs = pairs(query);
    let pairs: Vec<(&str, &str)> = pairs
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();
    drawn(&pairs, series)
}

#[track_caller]
fn told(failure: Failure) -> String {
    let response = failure.into_response();
    assert_eq!(response.status(), 400);
    String::from_utf8_lossy(response.body()).into_owned()
}
