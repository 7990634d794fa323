//! The straight line that is nearest to the points of a bucket.

use super::number;
use super::ranges::{Runs, shrunk};
use crate::query::kairos::aggregator::Range;
use crate::query::kairos::buckets::Buckets;
use crate::query::kairos::context::Context;
use crate::query::kairos::error::KairosError;
use crate::query::kairos::stream::{Point, Value};

/// A regression. Times are counted from the first point, so that they have all their digits.
#[derive(Clone, Copy, Default)]
struct Line {
    count: f64,
    time: f64,
    value: f64,
    /// Of the distances from the means: squares of times, and times by values.
    squares: f64,
    products: f64,
}

impl Line {
    fn push(&mut self, time: f64, value: f64) {
        self.count += 1.0;
        let (time_off, value_off) = (time - self.time, value - self.value);
        self.time += time_off / self.count;
        self.value += value_off / self.count;
        self.squares += time_off * (time - self.time);
        self.products += time_off * (value - self.value);
    }

    /// No number where all points are at one time.
    fn at(&self, time: f64) -> f64 {
        self.value + self.products / self.squares * (time - self.time)
    }
}

/// Of each bucket the line at its first time and at its last. Of two points or one, these.
pub(super) async fn fit(
    points: &mut Vec<Point>,
    range: &Range,
    context: &Context<'_>,
) -> Result<(), KairosError> {
    if points.is_empty() {
        return Ok(());
    }
    let buckets = Buckets::new(range, context.start)?;
    let mut runs = Runs::new(&buckets);
    let mut kept = 0;
    let mut begin = 0;
    while runs.open(points).is_some() {
        let zero = points[begin].time;
        let since = |time: i64| time.saturating_sub(zero) as f64;
        let mut line = Line::default();
        let mut end = begin;
        while let Some(stretch) = runs.more(points) {
            end = stretch.end;
            let count = stretch.len();
            for point in &points[stretch] {
                line.push(since(point.time), number(point.value)?);
            }
            context.pace.did(count + runs.work()).await?;
        }
        let (mut first, mut last) = (points[begin], points[end - 1]);
        if 2 < end - begin {
            first.value = Value::Double(line.at(0.0));
            last.value = Value::Double(line.at(since(last.time)));
        }
        points[kept] = first;
        kept += 1;
        if 1 < end - begin {
            points[kept] = last;
            kept += 1;
        }
        begin = end;
    }
    shrunk(points, kept);
    Ok(())
}
