//! The description of aggregators, point by point and with nothing in common with them: jiff reckons the
//! calendar, and every bucket is looked for anew.

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{Span, Timestamp};

use super::*;

/// Numbers of points; an error if one is null.
fn numbers(points: &[Point]) -> Result<Vec<f64>, String> {
    let number = |point: &Point| {
        match point.value {
        Value::Long(value) => Ok(value as f64),
        Value::Double(value) => Ok(value),
        Value::Null | Value::Text(_) => Err(
            "No aggregator can be chained after org.kairosdb.core.aggregator.DataGapsMarkingAggregator"
                .to_owned(),
        ),
    }
    };
    points.iter().map(number).collect()
}

/// Time in a zone, with its name.
pub(super) struct Calendar(TimeZone);

fn utc(civil: DateTime) -> i64 {
    Offset::UTC
        .to_timestamp(civil)
        .expect("within jiff's years")
        .as_millisecond()
}

impl Calendar {
    pub(super) fn of(id: &str) -> Calendar {
        Calendar(match id {
            "+05:30" => {
                TimeZone::fixed(jiff::tz::offset(5).saturating_add(Span::new().minutes(30)))
            }
            id => TimeZone::get(id).expect("a zone"),
        })
    }

    fn local(&self, time: i64) -> DateTime {
        self.0
            .to_datetime(Timestamp::from_millisecond(time).expect("within jiff's years"))
    }

    fn offset(&self, time: i64) -> Offset {
        self.0
            .to_offset(Timestamp::from_millisecond(time).expect("within jiff's years"))
    }

    fn instant(&self, local: DateTime, like: i64) -> i64 {
        let preferred = self.offset(like);
        let offset = match self.0.to_ambiguous_timestamp(local).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset,
            AmbiguousOffset::Gap { before, .. } => before,
            AmbiguousOffset::Fold { before, after } => {
                if [before, after].contains(&preferred) {
                    preferred
                } else if after.seconds() >= 0 {
                    after
                } else {
                    before
                }
            }
        };
        offset
            .to_timestamp(local)
            .expect("within jiff's years")
            .as_millisecond()
    }

    fn span(unit: Unit, count: i64) -> Option<Span> {
        match unit {
            Unit::Days => Some(Span::new().days(count)),
            Unit::Weeks => Some(Span::new().weeks(count)),
            Unit::Months => Some(Span::new().months(count)),
            Unit::Years => Some(Span::new().years(count)),
            _ => None,
        }
    }

    /// `origin` and so many units.
    pub(super) fn plus(&self, origin: i64, unit: Unit, count: i64) -> i64 {
        match Calendar::span(unit, count) {
            Some(span) => self.instant(
                self.local(origin)
                    .checked_add(span)
                    .expect("within jiff's years"),
                origin,
            ),
            None => origin + count * millis(unit),
        }
    }

    /// Whole units from `origin` to `time`.
    fn units(&self, origin: i64, time: i64, unit: Unit) -> i64 {
        if Calendar::span(unit, 0).is_none() {
            return (time - origin) / millis(unit);
        }
        let (from, until) = (self.local(origin), self.local(time));
        if until < from {
            return -self.units(time, origin, unit);
        }
        let plus = |count| {
            from.checked_add(Calendar::span(unit, count).expect("within jiff's years"))
                .expect("within jiff's years")
        };
        let mut count = ((utc(until) - utc(from)) / millis(unit) - 2).max(0);
        while plus(count + 1) <= until {
            count += 1;
        }
        while until < plus(count) {
            count -= 1;
        }
        count
    }

    pub(super) fn origin(&self, range: &Range, start: i64) -> i64 {
        let start = range.start_time.unwrap_or(start);
        if !range.align_sampling {
            return start;
        }
        let local = self.local(start);
        let midnight = local.date().at(0, 0, 0, 0);
        let begin = match range.sampling.unit {
            Unit::Milliseconds => {
                let into = start.rem_euclid(1_000);
                return start - into;
            }
            Unit::Seconds | Unit::Minutes | Unit::Hours | Unit::Days => midnight,
            Unit::Weeks => {
                let since = local.weekday().to_monday_zero_offset();
                midnight
                    .checked_sub(Span::new().days(since))
                    .expect("within jiff's years")
            }
            Unit::Months => local.date().first_of_month().at(0, 0, 0, 0),
            Unit::Years => local.date().first_of_year().at(0, 0, 0, 0),
        };
        self.instant(begin, start)
    }

    /// Begin and end of the bucket of an instant.
    pub(super) fn bucket(&self, range: &Range, start: i64, time: i64) -> (i64, i64) {
        let Sampling { value, unit } = range.sampling;
        let origin = self.origin(range, start);
        let k = self.units(origin, time, unit) / value;
        let begin = self.plus(origin, unit, k * value);
        let mut end = self.plus(origin, unit, (k + 1) * value);
        if end <= time {
            // Its local time comes twice, and this is between: then it is the later one.
            let local = self
                .local(origin)
                .checked_add(Calendar::span(unit, (k + 1) * value).expect("within jiff's years"));
            end = self
                .offset(time)
                .to_timestamp(local.expect("within jiff's years"))
                .expect("within jiff's years")
                .as_millisecond();
            assert!(time < end, "{range:?} {start} {time}");
        }
        (begin, end)
    }
}

fn millis(unit: Unit) -> i64 {
    match unit {
        Unit::Milliseconds => 1,
        Unit::Seconds => 1_000,
        Unit::Minutes => 60_000,
        Unit::Hours => 3_600_000,
        Unit::Days => 86_400_000,
        Unit::Weeks => 7 * 86_400_000,
        Unit::Months => 28 * 86_400_000,
        Unit::Years => 365 * 86_400_000,
    }
}

fn double(points: &[Point], compute: impl Fn(&[f64]) -> f64) -> Result<Vec<Value>, String> {
    Ok(vec![Value::Double(compute(&numbers(points)?))])
}

fn mean(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |sum, value| sum + value) / values.len() as f64
}

fn deviation(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return 0.0;
    }
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (squares / (values.len() - 1) as f64).sqrt()
}

fn percentile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    let pos = share * (n as f64 + 1.0);
    if pos < 1.0 {
        return sorted[0];
    }
    if pos >= n as f64 {
        return sorted[n - 1];
    }
    let floor = pos.floor();
    let (low, high) = (sorted[floor as usize - 1], sorted[floor as usize]);
    low + (pos - floor) * (high - low)
}

/// What each bucket of a range aggregator becomes: values, at the first time and, if two, the last.
fn told(aggregator: &Aggregator, points: &[Point]) -> Result<Vec<Value>, String> {
    match aggregator {
        Aggregator::Avg(_) => double(points, mean),
        Aggregator::Sum(_) => double(points, |values| values.iter().fold(0.0, |a, b| a + b)),
        Aggregator::Min(_) => double(points, |values| {
            values
                .iter()
                .copied()
                .min_by(f64::total_cmp)
                .expect("a value")
        }),
        Aggregator::Max(_) => double(points, |values| {
            values
                .iter()
                .copied()
                .max_by(f64::total_cmp)
                .expect("a value")
        }),
        Aggregator::Count(_) => Ok(vec![Value::Long(points.len() as i64)]),
        Aggregator::First(_) => Ok(vec![points[0].value]),
        Aggregator::Last(_) => Ok(vec![points[points.len() - 1].value]),
        Aggregator::Dev {
            returned, count, ..
        } => double(points, |values| {
            let (mean, deviation) = (mean(values), deviation(values));
            match returned {
                Deviation::Value => deviation,
                Deviation::Above => mean + *count as f64 * deviation,
                Deviation::Below => mean - *count as f64 * deviation,
            }
        }),
        Aggregator::Percentile {
            percentile: share, ..
        } => double(points, |values| percentile(values, *share)),
        Aggregator::LeastSquares(_) => {
            let values = numbers(points)?;
            if points.len() < 3 {
                return Ok(points.iter().map(|point| point.value).collect());
            }
            let times: Vec<f64> = points
                .iter()
                .map(|p| (p.time - points[0].time) as f64)
                .collect();
            let (t, v) = (mean(&times), mean(&values));
            let both = times.iter().zip(&values);
            let products: f64 = both.map(|(time, value)| (time - t) * (value - v)).sum();
            let squares: f64 = times.iter().map(|time| (time - t).powi(2)).sum();
            let at = |time: f64| Value::Double(v + products / squares * (time - t));
            Ok(vec![at(times[0]), at(times[times.len() - 1])])
        }
        _ => unreachable!("not of ranges"),
    }
}

fn ranged(
    aggregator: &Aggregator,
    calendar: &Calendar,
    points: &[Point],
    asked: Asked,
) -> Result<Vec<Point>, String> {
    let range = aggregator.range().expect("buckets");
    let is_line = matches!(aggregator, Aggregator::LeastSquares(_));
    let mut made = Vec::new();
    let mut begin = 0;
    while begin < points.len() {
        let bucket = calendar.bucket(range, asked.start, points[begin].time);
        let mut end = begin + 1;
        while end < points.len() && points[end].time < bucket.1 {
            end += 1;
        }
        let inside = &points[begin..end];
        let (first, last) = (inside[0].time, inside[inside.len() - 1].time);
        let default = match aggregator {
            Aggregator::Last(_) => last,
            _ => first,
        };
        let stamp = match (range.align_start_time, range.align_end_time) {
            (true, _) => bucket.0,
            (false, true) => bucket.1,
            (false, false) => default,
        };
        let values = told(aggregator, inside)?;
        let times = if is_line {
            [first, last]
        } else {
            [stamp, stamp]
        };
        made.extend(
            times
                .into_iter()
                .zip(values)
                .map(|(time, value)| Point { time, value }),
        );
        begin = end;
    }
    Ok(made)
}

fn gaps(
    range: &Range,
    trim: bool,
    calendar: &Calendar,
    points: &[Point],
    asked: Asked,
) -> Vec<Point> {
    let until = range.end_time.unwrap_or(asked.end.min(asked.now));
    let origin = calendar.origin(range, asked.start);
    let Sampling { value, unit } = range.sampling;
    let number = |time| calendar.units(origin, time, unit) / value;
    let mut k = if trim {
        match points.first() {
            Some(first) => number(first.time),
            None => return Vec::new(),
        }
    } else {
        number(range.start_time.unwrap_or(asked.start))
    };
    let mut made = Vec::new();
    let mut rest = points;
    loop {
        let begin = calendar.plus(origin, unit, k * value);
        let end = calendar.plus(origin, unit, (k + 1) * value);
        if rest.is_empty() && (trim || begin > until) {
            return made;
        }
        let inside = rest.iter().take_while(|point| point.time < end).count();
        if inside == 0 && begin != end {
            let value = Value::Null;
            made.push(Point { time: begin, value });
        }
        made.extend_from_slice(&rest[..inside]);
        rest = &rest[inside..];
        k += 1;
    }
}

fn paired(
    points: &[Point],
    pair: impl Fn(&Point, &Point, Result<f64, String>, f64) -> Result<f64, String>,
) -> Result<Vec<Point>, String> {
    points
        .windows(2)
        .map(|two| {
            let before = numbers(&two[..1]).map(|values| values[0]);
            let number = numbers(&two[1..])?[0];
            let value = Value::Double(pair(&two[0], &two[1], before, number)?);
            let time = two[1].time;
            Ok(Point { time, value })
        })
        .collect()
}

fn apart(before: &Point, point: &Point, name: &str) -> Result<f64, String> {
    if before.time == point.time {
        return Err(format!(
            "The {name} aggregator cannot compute rate for data points with the same time stamp.  You \
             must precede {name} with another aggregator."
        ));
    }
    Ok((point.time - before.time) as f64)
}

fn one(
    aggregator: &Aggregator,
    zone_id: &str,
    points: &[Point],
    asked: Asked,
) -> Result<Vec<Point>, String> {
    let calendar = Calendar::of(zone_id);
    let doubles = |compute: &dyn Fn(f64) -> f64| -> Result<Vec<Point>, String> {
        let values = numbers(points)?.into_iter().map(compute).map(Value::Double);
        let times = points.iter().map(|point| point.time);
        Ok(times
            .zip(values)
            .map(|(time, value)| Point { time, value })
            .collect())
    };
    match aggregator {
        Aggregator::Gaps { range, trim } => Ok(gaps(range, *trim, &calendar, points, asked)),
        Aggregator::Diff => paired(points, |_, _, a, b| Ok(b - a?)),
        Aggregator::Rate { sampling, .. } => paired(points, |p, q, a, b| {
            let length = calendar.plus(p.time, sampling.unit, sampling.value) - p.time;
            Ok((b - a?) / apart(p, q, "rate")? * length as f64)
        }),
        Aggregator::Sampler { unit, .. } => paired(points, |p, q, _, b| {
            let length = calendar.plus(p.time, *unit, 1) - p.time;
            Ok(b / apart(p, q, "sampler")? * length as f64)
        }),
        Aggregator::Div(divisor) => doubles(&|value| value / divisor),
        Aggregator::Scale(factor) => doubles(&|value| value * factor),
        Aggregator::Score {
            thresholds,
            descending,
        } => doubles(&|value| {
            let is_above = |of: &&Boundary| of.value < value || (of.inferior && of.value == value);
            let above = thresholds.iter().filter(is_above).count();
            let score = if *descending {
                thresholds.len() - above
            } else {
                above
            };
            score as f64
        }),
        Aggregator::Sma(size) => {
            let values = numbers(points)?;
            let windows = values.windows(*size as usize).map(mean);
            let times = points
                .iter()
                .skip(*size as usize - 1)
                .map(|point| point.time);
            let means = times.zip(windows.map(Value::Double));
            Ok(means.map(|(time, value)| Point { time, value }).collect())
        }
        Aggregator::Filter {
            compare,
            threshold: Threshold::Number(threshold),
        } => {
            let values = numbers(points)?;
            let is_so = |value: f64| match compare {
                Compare::LessOrEqual => value <= *threshold,
                Compare::Less => value < *threshold,
                Compare::GreaterOrEqual => value >= *threshold,
                Compare::Greater => value > *threshold,
                Compare::Equal => value == *threshold,
                Compare::NotEqual => value != *threshold,
            };
            let both = points.iter().zip(values);
            Ok(both
                .filter(|(_, value)| !is_so(*value))
                .map(|(point, _)| *point)
                .collect())
        }
        Aggregator::Trim(ends) => {
            let first = usize::from(matches!(ends, Some(Ends::First | Ends::Both)));
            let last = usize::from(matches!(ends, Some(Ends::Last | Ends::Both)));
            let stay = points.len().saturating_sub(first + last);
            Ok(points.iter().skip(first).take(stay).copied().collect())
        }
        Aggregator::SaveAs(_) => Ok(points.to_vec()),
        _ => ranged(aggregator, &calendar, points, asked),
    }
}

/// What the aggregators make of numbers, all in the zone of this name.
pub(super) fn all(
    aggregators: &[Aggregator],
    zone_id: &str,
    points: &[Point],
    asked: Asked,
) -> Result<Vec<Point>, String> {
    let mut points = points.to_vec();
    for aggregator in aggregators {
        points = one(aggregator, zone_id, &points, asked)?;
    }
    Ok(points)
}
