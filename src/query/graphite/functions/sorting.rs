//! Functions that put series into another order: group "Sorting". Equals stay in the order in which they
//! came, whichever way the order goes.

use std::cmp::Ordering;

use super::aggregation::Aggregation;
use super::call::Call;
use super::filter::{short_aggregation, whole};
use super::parameter::{Function, Kind, Parameter, Value};
use crate::query::error::QueryError;
use crate::query::series::Series;

const GROUP: &str = "Sorting";
const SERIES_LIST: Parameter = Parameter::required("seriesList", Kind::SeriesList);
const REVERSE: Parameter = Parameter::optional("reverse", Kind::Boolean, Value::Boolean(false));

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new(
        &["sortBy"],
        GROUP,
        "By an aggregation of each series, the smallest first, or with reverse the largest.",
        &[
            SERIES_LIST,
            Parameter::optional("func", Kind::Aggregation, Value::Text("average")),
            REVERSE,
        ],
        |call| Box::pin(sort_by(call)),
    ),
    Function::new(
        &["sortByMaxima"],
        GROUP,
        "By the largest value of each series, the largest first.",
        &[SERIES_LIST],
        |call| Box::pin(sort_by_maxima(call)),
    ),
    Function::new(
        &["sortByMinima"],
        GROUP,
        "By the smallest value of each series, the smallest first. Series that never are above 0 \
         leave.",
        &[SERIES_LIST],
        |call| Box::pin(sort_by_minima(call)),
    ),
    Function::new(
        &["sortByName"],
        GROUP,
        "By name; with natural numbers in names count as numbers.",
        &[
            SERIES_LIST,
            Parameter::optional("natural", Kind::Boolean, Value::Boolean(false)),
            REVERSE,
        ],
        |call| Box::pin(sort_by_name(call)),
    ),
    Function::new(
        &["sortByTotal"],
        GROUP,
        "By the sum of the values of each series, the largest first.",
        &[SERIES_LIST],
        |call| Box::pin(sort_by_total(call)),
    ),
];

async fn sort_by(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let func = short_aggregation(call, "func")?;
    let descending = call.boolean("reverse")?;
    let series = call.take_series("seriesList").await?;
    by_value(call, series, func, descending).await
}

async fn sort_by_maxima(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let series = call.take_series("seriesList").await?;
    by_value(call, series, Aggregation::Maximum, true).await
}

async fn sort_by_total(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let series = call.take_series("seriesList").await?;
    by_value(call, series, Aggregation::Sum, true).await
}

async fn sort_by_minima(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let mut positive = Vec::new();
    for one in call.take_series("seriesList").await? {
        if 0.0 < whole(call, &one, Aggregation::Maximum).await? {
            positive.push(one);
        } else {
            one.free(call.pace()).await?;
        }
    }
    by_value(call, positive, Aggregation::Minimum, false).await
}

async fn sort_by_name(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let natural = call.boolean("natural")?;
    let descending = call.boolean("reverse")?;
    let mut keyed = Vec::new();
    for one in call.take_series("seriesList").await? {
        let key = if natural {
            padded(&one.name)
        } else {
            one.name.clone()
        };
        call.pay_values(1 + key.len() as u64 / 8)?;
        call.pace().did_series(key.len()).await?;
        keyed.push((key, one));
    }
    let ordered = in_order(descending, |a: &(String, Series), b: &(String, Series)| {
        a.0.cmp(&b.0)
    });
    let keyed = sorted(call, keyed, ordered).await?;
    Ok(keyed.into_iter().map(|(_, one)| one).collect())
}

/// `name` with every number in it at least ten digits wide.
fn padded(name: &str) -> String {
    let mut padded = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(at) = rest.find(|letter: char| letter.is_ascii_digit()) {
        let (before, from) = rest.split_at(at);
        let end = from.find(|letter: char| !letter.is_ascii_digit());
        let (digits, behind) = from.split_at(end.unwrap_or(from.len()));
        let digits = digits.trim_start_matches('0');
        padded.push_str(before);
        padded.push_str(&format!("{digits:0>10}"));
        rest = behind;
    }
    padded.push_str(rest);
    padded
}

/// `series` by one value of each; null is less than everything.
pub(super) async fn by_value(
    call: &Call<'_>,
    series: Vec<Series>,
    func: Aggregation,
    descending: bool,
) -> Result<Vec<Series>, QueryError> {
    let mut keyed = Vec::with_capacity(series.len());
    for one in series {
        let value = whole(call, &one, func).await?;
        let key = if value.is_nan() {
            f64::NEG_INFINITY
        } else {
            value
        };
        keyed.push((key, one));
    }
    let ordered = in_order(descending, |a: &(f64, Series), b: &(f64, Series)| {
        a.0.partial_cmp(&b.0).unwrap_or(Ordering::Equal)
    });
    let keyed = sorted(call, keyed, ordered).await?;
    Ok(keyed.into_iter().map(|(_, one)| one).collect())
}

fn in_order<T>(
    descending: bool,
    compare: impl Fn(&T, &T) -> Ordering,
) -> impl Fn(&T, &T) -> Ordering {
    move |a, b| match descending {
        true => compare(b, a),
        false => compare(a, b),
    }
}

/// What is sorted in one go.
const RUN: usize = 500;

/// `items` in order, equals as they came. In pieces: runs are sorted, then neighbours merged.
pub(super) async fn sorted<T>(
    call: &Call<'_>,
    items: Vec<T>,
    compare: impl Fn(&T, &T) -> Ordering,
) -> Result<Vec<T>, QueryError> {
    let mut runs = Vec::new();
    let mut items = items.into_iter();
    loop {
        let mut run: Vec<T> = items.by_ref().take(RUN).collect();
        if run.is_empty() {
            break;
        }
        run.sort_by(&compare);
        call.did(4 * run.len()).await?;
        runs.push(run);
    }
    while 1 < runs.len() {
        let mut merged = Vec::with_capacity(runs.len().div_ceil(2));
        let mut pairs = runs.into_iter();
        while let Some(left) = pairs.next() {
            merged.push(match pairs.next() {
                Some(right) => merge(call, left, right, &compare).await?,
                None => left,
            });
        }
        runs = merged;
    }
    Ok(runs.pop().unwrap_or_default())
}

async fn merge<T>(
    call: &Call<'_>,
    left: Vec<T>,
    right: Vec<T>,
    compare: &impl Fn(&T, &T) -> Ordering,
) -> Result<Vec<T>, QueryError> {
    let mut merged = Vec::with_capacity(left.len() + right.len());
    let mut left = left.into_iter().peekable();
    let mut right = right.into_iter().peekable();
    loop {
        let next = match (left.peek(), right.peek()) {
            (Some(one), Some(other)) if compare(other, one) == Ordering::Less => right.next(),
            (Some(_), _) => left.next(),
            (None, _) => right.next(),
        };
        let Some(next) = next else {
            return Ok(merged);
        };
        merged.push(next);
        call.did(1).await?;
    }
}
