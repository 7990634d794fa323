//! How far values spread around their mean.

use std::hint::black_box;

use crate::query::error::QueryError;
use crate::query::graphite::functions::Call;
use crate::query::series::Series;

/// Sums slide along with the window, in the order in which graphite-web adds and takes away, so that
/// what rounding leaves in them is the same.
pub(super) async fn standard_deviation(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let points = call.integer("points")?;
    let tolerance = call.float("windowTolerance")?;
    let Ok(size) = usize::try_from(points) else {
        return Err(QueryError::Invalid(format!(
            "stdev needs a window of points, not {points}"
        )));
    };
    // Hidden from the compiler, which knows a square that may differ in the last bit.
    let square = |value: f64| value.powf(black_box(2.0));
    let mut series = call.take_series("seriesList").await?;
    for one in &mut series {
        let (mut present, mut sum, mut squares) = (0i64, 0.0, 0.0);
        call.pay_values(one.values.len() as u64)?;
        let mut deviations = Vec::with_capacity(one.values.len());
        for (i, value) in one.values.iter().enumerate() {
            let gone = i.checked_sub(size).and_then(|i| one.values.get(i));
            if let Some(gone) = gone.filter(|gone| !gone.is_nan()) {
                present -= 1;
                sum -= gone;
                squares -= square(*gone);
            }
            if !value.is_nan() {
                present += 1;
                sum += value;
                squares += square(*value);
            }
            let count = present as f64;
            let enough = 0 < present && count / points as f64 >= tolerance;
            deviations.push(match enough {
                true => (count * squares - square(sum)).sqrt() / count,
                false => f64::NAN,
            });
            call.did(2).await?;
        }
        call.put_values(one, deviations).await?;
        one.integers = false;
        one.tags.insert("stdev".to_owned(), points.to_string());
        let name = format!("stdev({},{points})", one.name);
        call.renew(one, name).await?;
    }
    Ok(series)
}
