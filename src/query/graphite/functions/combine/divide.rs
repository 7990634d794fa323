//! Functions of pairs: a value and the one of another series at its time.

use std::collections::{BTreeSet, HashMap};

use super::super::aggregation::Aggregation;
use super::super::alias::node_key;
use super::super::arguments::Literal;
use super::super::call::Call;
use super::super::normalise::Grid;
use super::Line;
use super::aggregate;
use crate::query::breath::{self, CHUNK};
use crate::query::error::QueryError;
use crate::query::series::{Look, Series};

/// `divideSeries`.
pub(super) async fn by_one(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let dividends = call.take_series("dividendSeriesList").await?;
    let divisors = call.take_series("divisorSeries").await?;
    let mut made = Vec::with_capacity(dividends.len());
    match divisors.as_slice() {
        [] => {
            for mut one in dividends {
                let name = format!("divideSeries({},MISSING)", one.name);
                call.wrap(&mut one, name).await?;
                call.map_values(&mut one, |_| f64::NAN).await?;
                made.push(one);
            }
        }
        [divisor] => {
            for dividend in dividends {
                made.push(quotient(call, dividend, divisor).await?);
            }
        }
        several => {
            return Err(QueryError::Invalid(format!(
                "divideSeries second argument must reference exactly 1 series (got {})",
                several.len()
            )));
        }
    }
    call.free(divisors).await?;
    Ok(made)
}

/// `divideSeriesLists`.
pub(super) async fn lists(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let dividends = call.take_series("dividendSeriesList").await?;
    let divisors = call.take_series("divisorSeriesList").await?;
    if dividends.len() != divisors.len() {
        return Err(QueryError::Invalid(
            "dividendSeriesList and divisorSeriesList argument must have equal length".to_owned(),
        ));
    }
    let mut made = Vec::with_capacity(dividends.len());
    for (dividend, divisor) in dividends.into_iter().zip(divisors) {
        made.push(quotient(call, dividend, &divisor).await?);
        divisor.free(call.pace()).await?;
    }
    Ok(made)
}

async fn quotient(
    call: &Call<'_>,
    dividend: Series,
    divisor: &Series,
) -> Result<Series, QueryError> {
    let name = format!("divideSeries({},{})", dividend.name, divisor.name);
    let line = zipped(call, dividend, divisor, divided).await?;
    line.named(call, name).await
}

/// NaN where either is, and of a division by zero.
pub(super) fn divided(a: f64, b: f64) -> f64 {
    if b == 0.0 { f64::NAN } else { a / b }
}

/// The values of `first` joined with those of `second` at their times, from the earlier start to the later
/// end. Where one is missing it is NaN.
pub(super) async fn zipped(
    call: &Call<'_>,
    first: Series,
    second: &Series,
    join: impl Fn(f64, f64) -> f64,
) -> Result<Line, QueryError> {
    let (start, step, over_s) = (first.start, first.step, first.over_s);
    if (start, step) != (second.start, second.step) || first.values.len() < second.values.len() {
        return zipped_on_grid(call, first, second, join).await;
    }
    let mut values = first.values;
    let mut others = second.values.chunks(CHUNK);
    for some in values.chunks_mut(CHUNK) {
        let others = others.next().unwrap_or_default();
        let shared = others.len().min(some.len());
        for (value, other) in some.iter_mut().zip(others) {
            *value = join(*value, *other);
        }
        for value in some.iter_mut().skip(shared) {
            *value = join(*value, f64::NAN);
        }
        call.did(some.len()).await?;
    }
    Ok(Line {
        start,
        step,
        values,
        over_s,
        integers: false,
    })
}

/// The same for any two series.
async fn zipped_on_grid(
    call: &Call<'_>,
    first: Series,
    second: &Series,
    join: impl Fn(f64, f64) -> f64,
) -> Result<Line, QueryError> {
    let mut both = vec![first, without_names(call, second).await?];
    let grid = Grid::new(&mut both, call.pace()).await?;
    call.free(both).await?;
    let (start, step, len, over_s) = grid.as_ref().map_or((0, 1, 0, 0), |grid| {
        (grid.start, grid.step, grid.len, grid.over_s)
    });
    call.pay_values((len as u64).saturating_mul(2))?;
    let mut values = Vec::with_capacity(len);
    if let Some(grid) = grid {
        let mut rows = grid.rows(call.pace());
        while let Some(row) = rows.next().await? {
            let at = |index| row.get(index).copied().unwrap_or(f64::NAN);
            values.push(join(at(0), at(1)));
            call.did(1).await?;
        }
        grid.free(call.pace()).await?;
    }
    Ok(Line {
        start,
        step,
        values,
        over_s,
        integers: false,
    })
}

/// A copy that is paid for, of the values and how they are folded.
pub(super) async fn without_names(call: &Call<'_>, series: &Series) -> Result<Series, QueryError> {
    call.pay_values(series.values.len() as u64)?;
    Ok(Series {
        name: String::new(),
        path_expression: String::new(),
        values: breath::copied(&series.values, call.pace()).await?,
        tags: Default::default(),
        look: Look::default(),
        ..*series
    })
}

/// An average and its weight, as far as they were found.
#[derive(Default)]
struct Pair {
    average: Option<Series>,
    weight: Option<usize>,
}

/// In the order in which their keys appear.
struct Pairs {
    places: HashMap<String, usize>,
    pairs: Vec<Pair>,
}

impl Pairs {
    fn at(&mut self, key: String) -> Option<&mut Pair> {
        let place = *self.places.entry(key).or_insert(self.pairs.len());
        if place == self.pairs.len() {
            self.pairs.push(Pair::default());
        }
        self.pairs.get_mut(place)
    }
}

/// `weightedAverage`: of several series with the same nodes the last counts, but all weights are in the
/// sum by which the sum of the products is divided.
pub(super) async fn weighted_average(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let nodes = call.literals("nodes");
    let averages = call.take_series("seriesListAvg").await?;
    let weights = call.take_series("seriesListWeight").await?;
    if averages.len() != weights.len() {
        return Err(QueryError::Invalid(format!(
            "weightedAverage must receive the same number of series for seriesListAvg and \
             seriesListWeight but received respectively {} and {}",
            averages.len(),
            weights.len()
        )));
    }
    let name = format!(
        "weightedAverage({}, {}, {})",
        sorted_paths(call, &averages).await?,
        sorted_paths(call, &weights).await?,
        written(&nodes)
    );
    let products = products(call, averages, &weights, &nodes).await?;
    let x_files_factor = call.x_files_factor();
    let sum = |series| aggregate::rows(call, series, Aggregation::Sum, x_files_factor);
    let Some(product) = sum(products).await? else {
        call.free(weights).await?;
        return Ok(Vec::new());
    };
    let weight = match sum(weights).await? {
        Some(weight) => weight.unnamed(),
        None => return Ok(Vec::new()),
    };
    let line = zipped(call, product.unnamed(), &weight, divided).await?;
    Ok(vec![line.named(call, name).await?])
}

/// Every average times the weight with the same nodes.
async fn products(
    call: &Call<'_>,
    averages: Vec<Series>,
    weights: &[Series],
    nodes: &[Literal],
) -> Result<Vec<Series>, QueryError> {
    let mut pairs = Pairs {
        places: HashMap::with_capacity(averages.len()),
        pairs: Vec::new(),
    };
    for (index, (average, weight)) in averages.into_iter().zip(weights).enumerate() {
        call.pace()
            .did_series(average.name.len() + weight.name.len())
            .await?;
        let keys = [&average, weight].map(|one| node_key(one, nodes));
        call.pay_bytes(keys.iter().map(|key| key.len() as u64).sum())?;
        let [of_average, of_weight] = keys;
        let pair = pairs.at(of_average);
        let replaced = pair.and_then(|pair| pair.average.replace(average));
        call.free(replaced.into_iter().collect()).await?;
        if let Some(pair) = pairs.at(of_weight) {
            pair.weight = Some(index);
        }
    }
    let pairs = pairs.pairs;
    let mut products = Vec::with_capacity(pairs.len());
    for pair in pairs {
        let weight = pair.weight.and_then(|index| weights.get(index));
        if let (Some(average), Some(weight)) = (pair.average, weight) {
            let product = zipped(call, average, weight, |a, b| a * b).await?;
            products.push(product.unnamed());
        }
    }
    Ok(products)
}
/// Distinct texts, sorted, with commas between them.
pub(super) async fn sorted_paths(call: &Call<'_>, series: &[Series]) -> Result<String, QueryError> {
    let mut paths = BTreeSet::new();
    let mut text = String::new();
    for one in series {
        paths.insert(one.path_expression.as_str());
        call.pace().did_series(one.path_expression.len()).await?;
    }
    for (index, path) in paths.into_iter().enumerate() {
        text.push_str(if index == 0 { "" } else { "," });
        text.push_str(path);
        call.pace().did_series(path.len()).await?;
    }
    Ok(text)
}

/// Nodes and tags as they were given, with commas between them.
fn written(nodes: &[Literal]) -> String {
    let texts = nodes.iter().map(|node| match node {
        Literal::Integer(number) => number.to_string(),
        Literal::Text(key) => key.clone(),
        _ => String::new(),
    });
    texts.collect::<Vec<_>>().join(",")
}
