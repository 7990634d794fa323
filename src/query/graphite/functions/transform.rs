//! Functions that make of each series another: group "Transform".

use super::aggregation::Aggregation;
use super::call::Call;
use super::parameter::{Function, Kind, Parameter, Value};
use crate::query::breath;
use crate::query::error::QueryError;
use crate::query::graphite::number;
use crate::query::series::Series;

const SERIES_LIST: Parameter = Parameter::required("seriesList", Kind::SeriesList);

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new(
        &["perSecond"],
        "Transform",
        "The growth of a counter in each second.",
        &[
            SERIES_LIST,
            Parameter::optional("maxValue", Kind::Float, Value::None),
            Parameter::optional("minValue", Kind::Float, Value::None),
        ],
        |call| Box::pin(per_second(call)),
    ),
    Function::new(
        &["scale"],
        "Transform",
        "Every value times a factor.",
        &[SERIES_LIST, Parameter::required("factor", Kind::Float)],
        |call| Box::pin(scale(call)),
    ),
    Function::new(
        &["summarize"],
        "Transform",
        "One value for each stretch of time.",
        &[
            SERIES_LIST,
            Parameter::required("intervalString", Kind::Interval)
                .suggest(super::parameter::INTERVALS),
            Parameter::optional("func", Kind::Aggregation, Value::Text("sum")),
            Parameter::optional("alignToFrom", Kind::Boolean, Value::Boolean(false)),
        ],
        |call| Box::pin(summarize(call)),
    ),
];

async fn scale(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let factor = call.float("factor")?;
    let mut series = call.take_series("seriesList").await?;
    for one in &mut series {
        let name = format!("scale({},{})", one.name, number::general(factor));
        call.wrap(one, name).await?;
        one.tags.insert("scale".to_owned(), number::float(factor));
        call.map_values(one, |value| value * factor).await?;
    }
    Ok(series)
}

async fn per_second(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let bounds = Bounds {
        max: call.optional_float("maxValue"),
        min: call.optional_float("minValue"),
    };
    let mut series = call.take_series("seriesList").await?;
    for one in &mut series {
        let name = format!("perSecond({})", one.name);
        call.wrap(one, name).await?;
        one.tags.insert("perSecond".to_owned(), "1".to_owned());
        let step = one.step as f64;
        let mut before = f64::NAN;
        let per_second = |value| number::round_to_micro(bounds.growth(&mut before, value) / step);
        call.map_values(one, per_second).await?;
    }
    Ok(series)
}

/// Between which values a counter counts, as far as the request says.
#[derive(Clone, Copy)]
struct Bounds {
    max: Option<f64>,
    min: Option<f64>,
}

impl Bounds {
    /// What a counter that stood at `before` has counted when it stands at `value`; `before` moves
    /// on. NaN where that cannot be known: at the first value, behind a null or a value out of
    /// bounds, and at a reset without bounds.
    fn growth(self, before: &mut f64, value: f64) -> f64 {
        let above = self.max.is_some_and(|max| value > max);
        let below = self.min.is_some_and(|min| value < min);
        if above || below || value.is_nan() {
            *before = f64::NAN;
            return f64::NAN;
        }
        let last = std::mem::replace(before, value);
        if last.is_nan() || value >= last {
            return value - last;
        }
        match (self.max, self.min) {
            (Some(max), min) => max + 1.0 + value - last - min.unwrap_or(0.0),
            (None, Some(min)) => value - min,
            (None, None) => f64::NAN,
        }
    }
}

async fn summarize(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let (width_s, width_text) = call.interval("intervalString")?;
    let (aggregation, function) = call.aggregation("func")?;
    let align_to_from = call.boolean("alignToFrom")?;
    if width_s <= 0 {
        return Err(QueryError::Invalid(format!(
            "summarize needs an interval longer than nothing, this one is '{width_text}'"
        )));
    }
    let flag = if align_to_from { ", true" } else { "" };
    let mut series = call.take_series("seriesList").await?;
    for one in &mut series {
        let (start, end) = if align_to_from {
            (one.start, one.end())
        } else {
            let floor = |at: i64| at.saturating_sub(at.rem_euclid(width_s));
            (floor(one.start), floor(one.end()).saturating_add(width_s))
        };
        let buckets = end.abs_diff(start).div_ceil(width_s.unsigned_abs());
        call.pay_values(buckets)?;
        let buckets = Buckets {
            start,
            width_s,
            count: buckets,
        };
        let values = buckets.summarized(call, one, aggregation).await?;
        breath::free(std::mem::replace(&mut one.values, values), call.pace()).await?;
        (one.start, one.step) = (start, width_s);
        let name = format!(
            "summarize({}, \"{width_text}\", \"{function}\"{flag})",
            one.name
        );
        call.wrap(one, name).await?;
        one.tags.insert("summarize".to_owned(), width_text.clone());
        one.tags
            .insert("summarizeFunction".to_owned(), function.clone());
    }
    Ok(series)
}

/// Stretches of time of equal width, one behind the other.
struct Buckets {
    /// Seconds since the epoch at which the first begins.
    start: i64,
    width_s: i64,
    count: u64,
}

impl Buckets {
    /// One value for each.
    async fn summarized(
        &self,
        call: &Call<'_>,
        series: &Series,
        aggregation: Aggregation,
    ) -> Result<Vec<f64>, QueryError> {
        let room = self.width_s as f64 / series.step.max(1) as f64;
        let mut rest = series.values.as_slice();
        let mut time = series.start;
        let mut values = Vec::with_capacity(usize::try_from(self.count).unwrap_or(0));
        let mut bucket_end = self.start;
        for _ in 0..self.count {
            bucket_end = bucket_end.saturating_add(self.width_s);
            // Values whose time lies before the end of the bucket; those before its start are gone.
            let ahead = bucket_end.saturating_sub(time).max(0).unsigned_abs();
            let count = ahead.div_ceil(series.step.max(1).unsigned_abs());
            let count = usize::try_from(count).unwrap_or(usize::MAX).min(rest.len());
            let (inside, after) = rest.split_at(count);
            let share = series.x_files_factor;
            values.push(
                aggregation
                    .of_many(inside, room, share, call.pace())
                    .await?,
            );
            time = time.saturating_add(series.step.saturating_mul(count as i64));
            rest = after;
        }
        Ok(values)
    }
}
