//! Forecasts by Holt and Winters: a level, a slope and a season, each smoothed.
//!
//! A series is learned from a stretch before the range of the request on, the bootstrap.

use std::collections::HashMap;

use super::super::look_back;
use crate::query::breath;
use crate::query::error::QueryError;
use crate::query::graphite::functions::Call;
use crate::query::series::{Fold, Look, Series};

/// Weight of the newest value in the level, in the season and in the deviation.
const LEVEL: f64 = 0.1;
const SEASON: f64 = 0.1;
/// Weight of the newest growth in the slope.
const SLOPE: f64 = 0.0035;

/// What was forecast for each value of the range, and how far forecasts are off at this time of the
/// season. NaN where nothing was.
struct Analysis {
    forecasts: Vec<f64>,
    deviations: Vec<f64>,
}

impl Analysis {
    /// Of `series`, whose season has `season` values; only what lies behind the first `skipped` is kept.
    async fn of(
        call: &Call<'_>,
        series: &Series,
        season: i64,
        skipped: usize,
    ) -> Result<Analysis, QueryError> {
        let length = series.values.len();
        call.pay_values(3 * length as u64)?;
        let mut forecasts = Vec::with_capacity(length.saturating_sub(skipped));
        let mut deviations: Vec<f64> = Vec::with_capacity(length);
        let mut seasonals: Vec<f64> = Vec::with_capacity(length);
        let season = usize::try_from(season).unwrap_or(0);
        // Of the same moment one season before; 0 in the first season.
        let before = |list: &[f64], i: usize| {
            let at = i.checked_sub(season);
            at.and_then(|at| list.get(at)).copied().unwrap_or(0.0)
        };
        let (mut level, mut slope, mut next) = (f64::NAN, 0.0, f64::NAN);
        for (i, &actual) in series.values.iter().enumerate() {
            call.did(2).await?;
            if actual.is_nan() {
                if skipped <= i {
                    forecasts.push(next);
                }
                deviations.push(0.0);
                seasonals.push(0.0);
                (level, slope, next) = (f64::NAN, 0.0, f64::NAN);
                continue;
            }
            if season < 2 {
                return Err(QueryError::Invalid(format!(
                    "a season needs at least 2 values, and this step is {} s; give a longer \
                     seasonality",
                    series.step
                )));
            }
            let forecast = if i == 0 { actual } else { next };
            let last_level = if level.is_nan() { actual } else { level };
            let last_seasonal = before(&seasonals, i);
            level = LEVEL * (actual - last_seasonal) + (1.0 - LEVEL) * (last_level + slope);
            slope = SLOPE * (level - last_level) + (1.0 - SLOPE) * slope;
            seasonals.push(SEASON * (actual - level) + (1.0 - SEASON) * last_seasonal);
            next = level + slope + before(&seasonals, i + 1);
            let expected = if forecast.is_nan() { 0.0 } else { forecast };
            let off = (actual - expected).abs();
            deviations.push(SEASON * off + (1.0 - SEASON) * before(&deviations, i));
            if skipped <= i {
                forecasts.push(forecast);
            }
        }
        let kept = deviations.get(skipped..).unwrap_or_default();
        Ok(Analysis {
            forecasts,
            deviations: breath::copied(kept, call.pace()).await?,
        })
    }
}

/// The series of `call` from `bootstrap` seconds before the range on, each with its analysis; their
/// values are gone and their start is that of the range.
async fn analysed(call: &Call<'_>) -> Result<Vec<(Series, Analysis)>, QueryError> {
    let (bootstrap, written) = call.interval("bootstrapInterval")?;
    let (season_s, _) = call.interval("seasonality")?;
    if bootstrap < 0 {
        return Err(QueryError::Invalid(format!(
            "a bootstrap interval lies before the graph; '{written}' is less than nothing"
        )));
    }
    let context = look_back::earlier(call.context(), bootstrap)?;
    let series = call.evaluate("seriesList", &context).await?;
    let mut analysed = Vec::with_capacity(series.len());
    for mut one in series {
        let skipped = usize::try_from(bootstrap / one.step).unwrap_or(usize::MAX);
        let season = season_s.div_euclid(one.step);
        let analysis = Analysis::of(call, &one, season, skipped).await?;
        call.put_values(&mut one, Vec::new()).await?;
        one.start = one.start.saturating_add(bootstrap);
        one.fold = Fold::Average;
        one.integers = false;
        for tag in ["holtWintersForecast", "holtWintersDeviation"] {
            one.tags.insert(tag.to_owned(), "1".to_owned());
        }
        analysed.push((one, analysis));
    }
    Ok(analysed)
}

pub(super) async fn forecast(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let mut forecasts = Vec::new();
    for (mut one, analysis) in analysed(call).await? {
        one.values = analysis.forecasts;
        let name = format!("holtWintersForecast({})", one.name);
        call.renew(&mut one, name).await?;
        forecasts.push(one);
    }
    Ok(forecasts)
}

/// The lower and the upper bound of what is to be expected of a series.
struct Band {
    /// Name of the series without a function around it.
    of: String,
    lower: Series,
    upper: Series,
}

async fn bands(call: &Call<'_>) -> Result<Vec<Band>, QueryError> {
    let (delta, _) = call.number("delta")?;
    let mut bands = Vec::new();
    for (mut one, analysis) in analysed(call).await? {
        for tag in ["holtWintersConfidenceUpper", "holtWintersConfidenceLower"] {
            one.tags.insert(tag.to_owned(), "1".to_owned());
        }
        let of = one.name.clone();
        let mut lower = one.clone();
        let mut upper = one;
        lower.look = Look::default();
        upper.look = Look::default();
        lower.values = analysis.forecasts;
        upper.values = analysis.deviations;
        for (low, high) in lower.values.iter_mut().zip(&mut upper.values) {
            let width = delta * *high;
            (*low, *high) = (*low - width, *low + width);
            call.did(1).await?;
        }
        // The text that produced it stays: graphite-web's bands are called by it in other names.
        let name = format!("holtWintersConfidenceLower({of})");
        call.rename(&mut lower, name).await?;
        let name = format!("holtWintersConfidenceUpper({of})");
        call.rename(&mut upper, name).await?;
        bands.push(Band { of, lower, upper });
    }
    Ok(bands)
}

pub(super) async fn confidence_bands(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let bands = bands(call).await?.into_iter();
    Ok(bands.flat_map(|band| [band.lower, band.upper]).collect())
}

pub(super) async fn confidence_area(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let bands = bands(call).await?;
    let Ok([band]) = <[Band; 1]>::try_from(bands) else {
        return Err(QueryError::Invalid(
            "holtWintersConfidenceArea needs exactly one series".to_owned(),
        ));
    };
    let (mut lower, mut upper) = (band.lower, band.upper);
    lower.look.stacked = true;
    lower.look.invisible = true;
    upper.look.stacked = true;
    let name = format!("areaBetween({})", upper.path_expression);
    let name = name.replace("areaBetween", "holtWintersConfidenceArea");
    let mut area = vec![lower, upper];
    for one in &mut area {
        one.tags
            .insert("holtWintersConfidenceArea".to_owned(), "1".to_owned());
        call.wrap(one, name.clone()).await?;
    }
    Ok(area)
}

/// How far values lie outside of the band; 0 where they do not, or there is none.
pub(super) async fn aberration(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let bands = bands(call).await?;
    let mut series = call.evaluate("seriesList", call.context()).await?;
    // Of several of one name the last counts.
    let by_name: HashMap<&str, &Band> = bands.iter().map(|band| (band.of.as_str(), band)).collect();
    for one in &mut series {
        let mut any_outside = false;
        if let Some(band) = by_name.get(one.name.as_str()) {
            let (mut lower, mut upper) = (band.lower.values.iter(), band.upper.values.iter());
            let outside = |value: f64| {
                let lower = lower.next().copied().unwrap_or(f64::NAN);
                let upper = upper.next().copied().unwrap_or(f64::NAN);
                let outside = if value > upper {
                    value - upper
                } else if value < lower {
                    value - lower
                } else {
                    return 0.0;
                };
                any_outside = true;
                outside
            };
            call.map_values(one, outside).await?;
        } else {
            call.map_values(one, |_| 0.0).await?;
        }
        one.fold = Fold::Average;
        // Where nothing is outside, graphite-web has whole numbers only.
        one.integers = !any_outside;
        one.tags
            .insert("holtWintersAberration".to_owned(), "1".to_owned());
        let name = format!("holtWintersAberration({})", one.name);
        call.renew(one, name).await?;
    }
    for band in bands {
        call.free(vec![band.lower, band.upper]).await?;
    }
    Ok(series)
}
