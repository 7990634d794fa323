//! Functions that look back see the range of the request and a stretch before it.

use super::super::look_back;
use crate::query::error::QueryError;
use crate::query::graphite::functions::{Call, Window};
use crate::query::series::Series;

/// How far a moving function looks back, and its series from there on.
pub(super) struct Preview {
    /// Seconds by which the series begin earlier than those of the request.
    pub(super) seconds: i64,
    /// The window in points, if it was given in points.
    pub(super) points: Option<i64>,
    /// The window as names show it.
    pub(super) shown: String,
    /// The window as tags show it.
    pub(super) written: String,
    pub(super) series: Vec<Series>,
}

impl Preview {
    /// By the window of `call`, a function called `function`. Points are those of the coarsest series.
    pub(super) async fn of(call: &Call<'_>, function: &str) -> Result<Preview, QueryError> {
        let (seconds, points, shown, written) = match call.window("windowSize")? {
            Window::Seconds(seconds, text) => {
                (seconds.saturating_abs(), None, format!("\"{text}\""), text)
            }
            Window::Points(points, _) if points < 0 => {
                return Err(QueryError::Invalid(format!(
                    "{function} needs a window of points or of time, not {points}"
                )));
            }
            Window::Points(points, text) => {
                let step = coarsest_step(call, points).await?;
                (
                    points.saturating_mul(step),
                    Some(points),
                    text.clone(),
                    text,
                )
            }
        };
        let context = look_back::earlier(call.context(), seconds)?;
        // Without a step there are no series.
        let series = match seconds == 0 && points.is_some_and(|points| 0 < points) {
            true => Vec::new(),
            false => call.evaluate("seriesList", &context).await?,
        };
        Ok(Preview {
            seconds,
            points,
            shown,
            written,
            series,
        })
    }

    /// Values of `series` that a window has.
    pub(super) fn window(&self, series: &Series) -> usize {
        let points = self.points.unwrap_or(self.seconds / series.step.max(1));
        usize::try_from(points).unwrap_or(usize::MAX)
    }
}

/// The largest step of the series over the range of the request itself; 0 if there are none.
async fn coarsest_step(call: &Call<'_>, points: i64) -> Result<i64, QueryError> {
    let series = call.evaluate("seriesList", call.context()).await?;
    let step = series.iter().map(|one| one.step).max();
    let ahead = points.unsigned_abs().saturating_mul(series.len() as u64);
    call.free(series).await?;
    call.pay_values(ahead)?;
    Ok(step.unwrap_or(0))
}

/// Where a series ended: itself, and its range, in seconds since the epoch.
#[derive(Clone, Copy)]
pub(super) struct Ends {
    series: i64,
    range: i64,
}

impl Ends {
    pub(super) fn of(series: &Series) -> Ends {
        Ends {
            series: series.end(),
            range: series.range_end(),
        }
    }
}

/// Have `series`, whose values begin `seconds` later than it did, say so. What lies behind its end is
/// gone: windows of points do not last as long where the step is finer than the coarsest.
pub(super) fn begin_later(series: &mut Series, seconds: i64, ends: Ends) {
    series.start = series.start.saturating_add(seconds);
    let length = ends.series.saturating_sub(series.start);
    let last = length.div_euclid(series.step.max(1)).saturating_add(1);
    series.values.truncate(usize::try_from(last).unwrap_or(0));
    series.over_s = series.end().saturating_sub(ends.range);
}
