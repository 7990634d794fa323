//! What the points of one bucket come to, where they are looked at once and in their order.

use super::number;
use super::ranges::Fold;
use crate::query::kairos::aggregator::Deviation;
use crate::query::kairos::error::KairosError;
use crate::query::kairos::stream::{Point, Value};

/// Added up in the order of the stream, as KairosDB does it, to the last bit.
#[derive(Default)]
pub(super) struct Sum(f64);

impl Fold for Sum {
    fn add(&mut self, points: &[Point]) -> Result<(), KairosError> {
        for point in points {
            self.0 += number(point.value)?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Value {
        Value::Double(std::mem::take(&mut self.0))
    }
}

#[derive(Default)]
pub(super) struct Mean {
    sum: f64,
    count: u64,
}

impl Fold for Mean {
    fn add(&mut self, points: &[Point]) -> Result<(), KairosError> {
        for point in points {
            self.sum += number(point.value)?;
        }
        self.count += points.len() as u64;
        Ok(())
    }

    fn finish(&mut self) -> Value {
        let Mean { sum, count } = std::mem::take(self);
        Value::Double(sum / count as f64)
    }
}

/// The smaller of two numbers; -0 is smaller than 0, and one that is no number is smallest.
#[inline]
pub(in crate::query::kairos) fn lesser(a: f64, b: f64) -> f64 {
    let takes = b < a || b.is_nan() || (b == a && b.is_sign_negative());
    if takes { b } else { a }
}

/// The larger of two numbers; 0 is larger than -0, and one that is no number is largest.
#[inline]
pub(in crate::query::kairos) fn greater(a: f64, b: f64) -> f64 {
    let takes = b > a || b.is_nan() || (b == a && a.is_sign_negative());
    if takes { b } else { a }
}

pub(super) struct Least(f64);

impl Default for Least {
    fn default() -> Least {
        Least(f64::INFINITY)
    }
}

impl Fold for Least {
    fn add(&mut self, points: &[Point]) -> Result<(), KairosError> {
        for point in points {
            self.0 = lesser(self.0, number(point.value)?);
        }
        Ok(())
    }

    fn finish(&mut self) -> Value {
        Value::Double(std::mem::take(self).0)
    }
}

pub(super) struct Greatest(f64);

impl Default for Greatest {
    fn default() -> Greatest {
        Greatest(f64::NEG_INFINITY)
    }
}

impl Fold for Greatest {
    fn add(&mut self, points: &[Point]) -> Result<(), KairosError> {
        for point in points {
            self.0 = greater(self.0, number(point.value)?);
        }
        Ok(())
    }

    fn finish(&mut self) -> Value {
        Value::Double(std::mem::take(self).0)
    }
}

#[derive(Default)]
pub(super) struct Count(i64);

impl Fold for Count {
    fn add(&mut self, points: &[Point]) -> Result<(), KairosError> {
        self.0 += points.len() as i64;
        Ok(())
    }

    fn finish(&mut self) -> Value {
        Value::Long(std::mem::take(&mut self.0))
    }
}

#[derive(Default)]
pub(super) struct First(Option<Value>);

impl Fold for First {
    fn add(&mut self, points: &[Point]) -> Result<(), KairosError> {
        self.0 = self.0.or(points.first().map(|point| point.value));
        Ok(())
    }

    fn finish(&mut self) -> Value {
        self.0.take().unwrap_or(Value::Null)
    }
}

#[derive(Default)]
pub(super) struct Last(Option<Value>);

impl Fold for Last {
    fn add(&mut self, points: &[Point]) -> Result<(), KairosError> {
        self.0 = points.last().map(|point| point.value).or(self.0);
        Ok(())
    }

    fn finish(&mut self) -> Value {
        self.0.take().unwrap_or(Value::Null)
    }
}

/// Mean and spread of numbers, which stay exact where the numbers are large and near each other. KairosDB
/// takes means of the numbers and of their squares instead, whose difference is little more than noise
/// then.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in crate::query::kairos) struct Moments {
    pub(in crate::query::kairos) count: u64,
    pub(in crate::query::kairos) mean: f64,
    /// Squares of the distances from the mean, added up.
    pub(in crate::query::kairos) squares: f64,
}

impl Moments {
    #[inline]
    pub(in crate::query::kairos) fn push(&mut self, value: f64) {
        self.count += 1;
        let distance = value - self.mean;
        self.mean += distance / self.count as f64;
        self.squares += distance * (value - self.mean);
    }

    /// Those of both sets of numbers.
    pub(in crate::query::kairos) fn joined(self, other: Moments) -> Moments {
        if self.count == 0 || other.count == 0 {
            return if self.count == 0 { other } else { self };
        }
        let count = self.count + other.count;
        let share = other.count as f64 / count as f64;
        let distance = other.mean - self.mean;
        Moments {
            count,
            mean: self.mean + distance * share,
            squares: self.squares + other.squares + distance * distance * share * self.count as f64,
        }
    }

    /// What `dev` tells of them. Of one number it is 0.
    pub(in crate::query::kairos) fn told(&self, returned: Deviation, times: i64) -> f64 {
        let deviation = match self.count {
            0 | 1 => 0.0,
            count => (self.squares / (count - 1) as f64).sqrt(),
        };
        match returned {
            Deviation::Value => deviation,
            Deviation::Above => self.mean + times as f64 * deviation,
            Deviation::Below => self.mean - times as f64 * deviation,
        }
    }
}

pub(super) struct Spread {
    moments: Moments,
    returned: Deviation,
    times: i64,
}

impl Spread {
    pub(super) fn new(returned: Deviation, times: i64) -> Spread {
        Spread {
            moments: Moments::default(),
            returned,
            times,
        }
    }
}

impl Fold for Spread {
    fn add(&mut self, points: &[Point]) -> Result<(), KairosError> {
        for point in points {
            self.moments.push(number(point.value)?);
        }
        Ok(())
    }

    fn finish(&mut self) -> Value {
        let moments = std::mem::take(&mut self.moments);
        Value::Double(moments.told(self.returned, self.times))
    }
}
