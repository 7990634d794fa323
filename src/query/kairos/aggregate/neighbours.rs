//! Each value and those before it.

use super::number;
use super::ranges::shrunk;
use crate::query::breath::CHUNK;
use crate::query::kairos::context::Context;
use crate::query::kairos::error::KairosError;
use crate::query::kairos::sampling::{Sampling, Unit};
use crate::query::kairos::stream::{Point, Value};
use crate::query::kairos::zone::Zone;

/// Values of the longest mean whose sum is added up anew at each point; that of a longer one slides, with
/// twice the digits.
pub(super) const SUMMED_ANEW_MAX: usize = 256;

/// Each point but the first becomes what `pair` makes of the one before and of it, which costs as much as
/// `work` values.
async fn pairs(
    points: &mut Vec<Point>,
    work: usize,
    context: &Context<'_>,
    pair: impl Fn(Point, Point) -> Result<f64, KairosError>,
) -> Result<(), KairosError> {
    let Some(mut before) = points.first().copied() else {
        return Ok(());
    };
    let mut at = 1;
    while at < points.len() {
        let end = (at + CHUNK / work.max(1)).min(points.len());
        for i in at..end {
            let point = points[i];
            let value = Value::Double(pair(before, point)?);
            points[i - 1] = Point {
                time: point.time,
                value,
            };
            before = point;
        }
        context.pace.did((end - at) * work).await?;
        at = end;
    }
    points.truncate(at - 1);
    Ok(())
}

pub(super) async fn diff(
    points: &mut Vec<Point>,
    context: &Context<'_>,
) -> Result<(), KairosError> {
    pairs(points, 1, context, |before, point| {
        Ok(number(point.value)? - number(before.value)?)
    })
    .await
}

pub(super) async fn rate(
    points: &mut Vec<Point>,
    sampling: Sampling,
    zone: &Zone,
    context: &Context<'_>,
) -> Result<(), KairosError> {
    let work = sampling.work(zone);
    pairs(points, work, context, |before, point| {
        let change = number(point.value)? - number(before.value)?;
        let millis = apart(before, point, "rate")?;
        Ok(change / millis * sampling.millis_from(before.time, zone) as f64)
    })
    .await
}

pub(super) async fn sampler(
    points: &mut Vec<Point>,
    unit: Unit,
    zone: &Zone,
    context: &Context<'_>,
) -> Result<(), KairosError> {
    let sampling = Sampling::new(1, unit);
    let work = sampling.work(zone);
    pairs(points, work, context, |before, point| {
        let value = number(point.value)?;
        let millis = apart(before, point, "sampler")?;
        Ok(value / millis * sampling.millis_from(before.time, zone) as f64)
    })
    .await
}

/// Milliseconds from one point to the next.
fn apart(before: Point, point: Point, aggregator: &str) -> Result<f64, KairosError> {
    if before.time == point.time {
        return Err(KairosError::failed(format!(
            "The {aggregator} aggregator cannot compute rate for data points with the same time stamp.  \
             You must precede {aggregator} with another aggregator."
        )));
    }
    Ok(point.time.saturating_sub(before.time) as f64)
}

/// The mean of the last `size` values, from the point on that has so many.
pub(super) async fn moving_mean(
    points: &mut Vec<Point>,
    size: i64,
    context: &Context<'_>,
) -> Result<(), KairosError> {
    let count = points.len();
    if count == 0 {
        return Ok(());
    }
    let size = match usize::try_from(size) {
        Ok(size) if 0 < size => size,
        Err(_) if 0 < size => usize::MAX,
        _ => return Err(KairosError::Failed(None)),
    };
    for some in points.chunks(CHUNK) {
        for point in some {
            number(point.value)?;
        }
        context.pace.did(some.len() / 8).await?;
    }
    let means = count.saturating_sub(size - 1);
    if means == 0 {
        shrunk(points, 0);
    } else if size <= SUMMED_ANEW_MAX {
        summed_anew(points, size, context).await?;
    } else {
        sliding(points, size, context).await?;
    }
    points.truncate(means);
    Ok(())
}

/// The mean that ends at the point `i + size - 1` goes to place `i`: it is the first that needs no value
/// of that place any more.
async fn summed_anew(
    points: &mut [Point],
    size: usize,
    context: &Context<'_>,
) -> Result<(), KairosError> {
    let pace = context.pace;
    for begin in 0..=points.len() - size {
        let window = &points[begin..begin + size];
        let mut sum = 0.0;
        for point in window {
            sum += number(point.value)?;
        }
        let time = window[size - 1].time;
        let value = Value::Double(sum / size as f64);
        points[begin] = Point { time, value };
        pace.did(1 + size / 4).await?;
    }
    Ok(())
}

/// A sum of twice the digits of a float: what was added can be taken away again.
#[derive(Clone, Copy, Default)]
struct Long {
    sum: f64,
    rest: f64,
}

impl Long {
    fn add(&mut self, value: f64) {
        let (sum, lost) = exact(self.sum, value);
        (self.sum, self.rest) = exact(sum, self.rest + lost);
    }
}

/// The sum of two floats and what it lost by rounding (Knuth's).
fn exact(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let of_b = sum - a;
    (sum, (a - (sum - of_b)) + (b - of_b))
}

async fn sliding(
    points: &mut [Point],
    size: usize,
    context: &Context<'_>,
) -> Result<(), KairosError> {
    let mut sum = Long::default();
    for i in 0..points.len() {
        sum.add(number(points[i].value)?);
        if let Some(begin) = (i + 1).checked_sub(size) {
            let leaving = number(points[begin].value)?;
            let time = points[i].time;
            let value = Value::Double(sum.sum / size as f64);
            points[begin] = Point { time, value };
            sum.add(-leaving);
        }
        context.pace.did(1).await?;
    }
    Ok(())
}
