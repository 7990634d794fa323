//! The straight line that comes closest to some values.

use super::super::look_back;
use crate::query::error::QueryError;
use crate::query::graphite::functions::Call;
use crate::query::series::{Fold, Series};

/// The line through the values of the range of the request, or of another.
pub(super) async fn linear_regression(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let context = call.context();
    let from = call.optional_date("startSourceAt")?.unwrap_or(context.from);
    let until = call.optional_date("endSourceAt")?.unwrap_or(context.until);
    let series = call.evaluate("seriesList", context).await?;
    let elsewhere = (from, until) != (context.from, context.until);
    if elsewhere && until < from {
        return Err(QueryError::Invalid(format!(
            "linearRegression is to learn from {from} until {until}, which ends before it begins"
        )));
    }
    let mut sources = Vec::new();
    if elsewhere {
        let context = look_back::over(context, from, until)?;
        sources = call.evaluate("seriesList", &context).await?;
    }
    let mut lines = Vec::new();
    for (i, mut one) in series.into_iter().enumerate() {
        let source = if elsewhere {
            sources.get(i)
        } else {
            Some(&one)
        };
        let line = match source {
            Some(source) => Line::through(call, source).await?,
            None => None,
        };
        let Some(line) = line else {
            one.free(call.pace()).await?;
            continue;
        };
        let (step, mut time) = (one.step, one.start);
        let on_line = |_| {
            let value = line.offset + time as f64 * line.factor;
            time = time.saturating_add(step);
            value
        };
        call.map_values(&mut one, on_line).await?;
        one.integers = false;
        one.fold = Fold::Average;
        one.tags
            .insert("linearRegressions".to_owned(), format!("{from}, {until}"));
        let name = format!("linearRegression({}, {from}, {until})", one.name);
        call.renew(&mut one, name).await?;
        lines.push(one);
    }
    call.free(sources).await?;
    Ok(lines)
}

/// A value for each second since the epoch.
struct Line {
    factor: f64,
    offset: f64,
}

impl Line {
    /// `None` through fewer than two values.
    async fn through(call: &Call<'_>, series: &Series) -> Result<Option<Line>, QueryError> {
        // Whole numbers are summed as such: they have no digits to lose.
        let (mut count, mut sum_i, mut sum_ii) = (0i128, 0i128, 0i128);
        let (mut sum_v, mut sum_iv) = (0.0, 0.0);
        for (i, value) in series.values.iter().enumerate() {
            if !value.is_nan() {
                let i = i as i128;
                count += 1;
                sum_i += i;
                sum_ii += i * i;
                sum_v += value;
                sum_iv += i as f64 * value;
            }
            call.did(1).await?;
        }
        let denominator = (count * sum_ii - sum_i * sum_i) as f64;
        if denominator == 0.0 {
            return Ok(None);
        }
        let (count, sum_i, sum_ii) = (count as f64, sum_i as f64, sum_ii as f64);
        let factor = (count * sum_iv - sum_i * sum_v) / denominator / series.step as f64;
        let offset = (sum_ii * sum_v - sum_iv * sum_i) / denominator - factor * series.start as f64;
        Ok(Some(Line { factor, offset }))
    }
}
