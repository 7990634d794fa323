//! What a series grows by from value to value.

use crate::query::error::QueryError;
use crate::query::graphite::functions::Call;
use crate::query::graphite::number;
use crate::query::series::Series;

pub(super) async fn derivative(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let mut series = call.take_series("seriesList").await?;
    for one in &mut series {
        let name = format!("derivative({})", one.name);
        call.renew(one, name).await?;
        one.tags.insert("derivative".to_owned(), "1".to_owned());
        let mut before = f64::NAN;
        let growth = |value| value - std::mem::replace(&mut before, value);
        call.map_values(one, growth).await?;
    }
    Ok(series)
}

pub(super) async fn non_negative_derivative(
    call: &mut Call<'_>,
) -> Result<Vec<Series>, QueryError> {
    let bounds = Bounds::of(call);
    let mut series = call.take_series("seriesList").await?;
    for one in &mut series {
        let name = format!("nonNegativeDerivative({})", one.name);
        call.renew(one, name).await?;
        one.tags
            .insert("nonNegativeDerivative".to_owned(), "1".to_owned());
        let mut before = f64::NAN;
        let mut any_reset = false;
        let growth = |value| {
            any_reset |= value < before;
            bounds.growth(&mut before, value)
        };
        call.map_values(one, growth).await?;
        // What the bounds are added to is no whole number any more.
        one.integers &= !any_reset || bounds == Bounds::default();
    }
    Ok(series)
}

pub(super) async fn per_second(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let bounds = Bounds::of(call);
    let mut series = call.take_series("seriesList").await?;
    for one in &mut series {
        let name = format!("perSecond({})", one.name);
        call.renew(one, name).await?;
        one.tags.insert("perSecond".to_owned(), "1".to_owned());
        let step = one.step as f64;
        let mut before = f64::NAN;
        let per_second = |value| number::round_to_micro(bounds.growth(&mut before, value) / step);
        call.map_values(one, per_second).await?;
        one.integers = false;
    }
    Ok(series)
}

/// Between which values a counter counts, as far as the request says.
#[derive(Clone, Copy, Default, PartialEq)]
struct Bounds {
    max: Option<f64>,
    min: Option<f64>,
}

impl Bounds {
    fn of(call: &Call<'_>) -> Bounds {
        Bounds {
            max: call.optional_float("maxValue"),
            min: call.optional_float("minValue"),
        }
    }

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
