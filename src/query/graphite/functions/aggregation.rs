//! The aggregations that functions take by name: many values become one.

use crate::query::breath::{CHUNK, Pace};
use crate::query::error::QueryError;

/// How a row or a bucket of values becomes one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Aggregation {
    /// Mean of what is there.
    Average,
    /// Mean with nulls as zero.
    AverageZero,
    /// How many are there.
    Count,
    /// The first that is there minus all later ones.
    Difference,
    /// The last that is there.
    Last,
    /// Largest.
    Maximum,
    /// The middle one; of two middle ones their mean.
    Median,
    /// Smallest.
    Minimum,
    /// Product; null if any is null.
    Product,
    /// Largest minus smallest.
    Range,
    /// Population standard deviation.
    StandardDeviation,
    /// Sum.
    Sum,
}

impl Aggregation {
    /// Every name, with what it means.
    pub const NAMES: [(&'static str, Aggregation); 16] = [
        ("average", Aggregation::Average),
        ("avg", Aggregation::Average),
        ("avg_zero", Aggregation::AverageZero),
        ("count", Aggregation::Count),
        ("current", Aggregation::Last),
        ("diff", Aggregation::Difference),
        ("last", Aggregation::Last),
        ("max", Aggregation::Maximum),
        ("median", Aggregation::Median),
        ("min", Aggregation::Minimum),
        ("multiply", Aggregation::Product),
        ("range", Aggregation::Range),
        ("rangeOf", Aggregation::Range),
        ("stddev", Aggregation::StandardDeviation),
        ("sum", Aggregation::Sum),
        ("total", Aggregation::Sum),
    ];

    /// Whether it gives whole numbers: of anything, or only if it is given whole numbers, or never.
    pub fn gives_integers(self, of_integers: bool) -> bool {
        match self {
            Aggregation::Count => true,
            Aggregation::Difference
            | Aggregation::Last
            | Aggregation::Maximum
            | Aggregation::Minimum
            | Aggregation::Sum => of_integers,
            Aggregation::Average
            | Aggregation::AverageZero
            | Aggregation::Median
            | Aggregation::Product
            | Aggregation::Range
            | Aggregation::StandardDeviation => false,
        }
    }

    /// The aggregation called `name`; `sumSeries` is `sum`, and so on.
    pub fn named(name: &str) -> Option<Aggregation> {
        let name = name.strip_suffix("Series").unwrap_or(name);
        let known = Aggregation::NAMES.iter().find(|known| known.0 == name)?;
        Some(known.1)
    }

    /// One value of `values`, in which NaN is null. NaN for no data, except that the count of
    /// nothing is 0.
    pub fn of(self, values: &[f64]) -> f64 {
        let mut present = values.iter().copied().filter(|value| !value.is_nan());
        let count = present.clone().count() as f64;
        if count == 0.0 {
            return if self == Aggregation::Count {
                0.0
            } else {
                f64::NAN
            };
        }
        let sum = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0, |a, b| a + b);
        match self {
            Aggregation::Average => sum(&mut present) / count,
            Aggregation::AverageZero => sum(&mut present) / values.len() as f64,
            Aggregation::Count => count,
            Aggregation::Difference => {
                let first = present.next().unwrap_or(f64::NAN);
                present.fold(first, |a, b| a - b)
            }
            Aggregation::Last => present.next_back().unwrap_or(f64::NAN),
            Aggregation::Maximum => present.fold(f64::NEG_INFINITY, f64::max),
            Aggregation::Median => median(present.collect()),
            Aggregation::Minimum => present.fold(f64::INFINITY, f64::min),
            Aggregation::Product => values.iter().product(),
            Aggregation::Range => {
                let least = present.clone().fold(f64::INFINITY, f64::min);
                present.fold(f64::NEG_INFINITY, f64::max) - least
            }
            Aggregation::StandardDeviation => {
                let mean = sum(&mut present.clone()) / count;
                (sum(&mut present.map(|value| (value - mean).powi(2))) / count).sqrt()
            }
            Aggregation::Sum => sum(&mut present),
        }
    }

    /// How many values are there, and [`Aggregation::of`] them, for the most usual of all.
    fn in_one_pass(self, values: &[f64]) -> Option<(f64, f64)> {
        let start = match self {
            Aggregation::Average | Aggregation::Sum => 0.0,
            Aggregation::Maximum => f64::NEG_INFINITY,
            Aggregation::Minimum => f64::INFINITY,
            _ => return None,
        };
        let (mut count, mut total) = (0u32, start);
        for &value in values {
            if value.is_nan() {
                continue;
            }
            count += 1;
            total = match self {
                Aggregation::Maximum => total.max(value),
                Aggregation::Minimum => total.min(value),
                _ => total + value,
            };
        }
        let count = f64::from(count);
        let value = if self == Aggregation::Average {
            total / count
        } else {
            total
        };
        Some((count, value))
    }

    /// The same, but NaN unless a share of at least `x_files_factor` of `room` values is there.
    pub fn of_enough(self, values: &[f64], room: f64, x_files_factor: f64) -> f64 {
        if let Some((present, value)) = self.in_one_pass(values) {
            let too_few = present == 0.0 || present / room < x_files_factor;
            return if too_few { f64::NAN } else { value };
        }
        let present = values.iter().filter(|value| !value.is_nan()).count() as f64;
        if present == 0.0 || present / room < x_files_factor {
            return f64::NAN;
        }
        self.of(values)
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    let middle = values.len() / 2;
    if values.is_empty() {
        return f64::NAN;
    }
    let is_even = values.len().is_multiple_of(2);
    let (lower, above, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    match lower.iter().copied().max_by(f64::total_cmp) {
        Some(below) if is_even => (below + *above) / 2.0,
        _ => *above,
    }
}

/// Values that are aggregated in one go.
const AT_ONCE: usize = 10_000;

impl Aggregation {
    /// [`Aggregation::of_enough`] of any number of values, in pieces as `pace` says.
    ///
    /// # Errors
    /// As [`Pace::did`].
    pub async fn of_many(
        self,
        values: &[f64],
        room: f64,
        x_files_factor: f64,
        pace: &Pace<'_>,
    ) -> Result<f64, QueryError> {
        if values.len() <= AT_ONCE {
            let value = self.of_enough(values, room, x_files_factor);
            pace.did(1 + values.len()).await?;
            return Ok(value);
        }
        let all = Many { values, pace };
        let present = all.fold(0u64, |count, _| count + 1).await?;
        let count = present as f64;
        if present == 0 || count / room < x_files_factor {
            return Ok(f64::NAN);
        }
        Ok(match self {
            Aggregation::Average => all.sum().await? / count,
            Aggregation::AverageZero => all.sum().await? / values.len() as f64,
            Aggregation::Count => count,
            Aggregation::Difference => {
                let minus = |first: Option<f64>, b| Some(first.map_or(b, |a| a - b));
                all.fold(None, minus).await?.unwrap_or(f64::NAN)
            }
            Aggregation::Last => all.fold(f64::NAN, |_, value| value).await?,
            Aggregation::Maximum => all.fold(f64::NEG_INFINITY, f64::max).await?,
            Aggregation::Median => all.median(present).await?,
            Aggregation::Minimum => all.fold(f64::INFINITY, f64::min).await?,
            Aggregation::Product if present < values.len() as u64 => f64::NAN,
            Aggregation::Product => all.fold(1.0, |a, b| a * b).await?,
            Aggregation::Range => {
                let least = all.fold(f64::INFINITY, f64::min).await?;
                all.fold(f64::NEG_INFINITY, f64::max).await? - least
            }
            Aggregation::StandardDeviation => {
                let mean = all.sum().await? / count;
                let squares = |sum: f64, value: f64| sum + (value - mean).powi(2);
                (all.fold(0.0, squares).await? / count).sqrt()
            }
            Aggregation::Sum => all.sum().await?,
        })
    }
}

/// More values than are looked at in one go. NaN is null.
struct Many<'a> {
    values: &'a [f64],
    pace: &'a Pace<'a>,
}

impl Many<'_> {
    /// Fold those that are there, in order.
    async fn fold<A>(&self, start: A, step: impl Fn(A, f64) -> A) -> Result<A, QueryError> {
        let mut folded = start;
        for some in self.values.chunks(CHUNK) {
            let present = some.iter().copied().filter(|value| !value.is_nan());
            folded = present.fold(folded, &step);
            self.pace.did(some.len()).await?;
        }
        Ok(folded)
    }

    async fn sum(&self) -> Result<f64, QueryError> {
        self.fold(0.0, |a, b| a + b).await
    }

    async fn median(&self, present: u64) -> Result<f64, QueryError> {
        let above = self.ranked(present / 2).await?;
        if !present.is_multiple_of(2) {
            return Ok(above);
        }
        Ok((self.ranked(present / 2 - 1).await? + above) / 2.0)
    }

    /// The value at `rank`, 0 the smallest, without a copy of the values: byte by byte, the highest
    /// first, those are counted that share the bytes known so far.
    async fn ranked(&self, mut rank: u64) -> Result<f64, QueryError> {
        let (mut known, mut mask) = (0u64, 0u64);
        for shift in (0..64).step_by(8).rev() {
            let mut counts = [0u64; 256];
            for some in self.values.chunks(CHUNK) {
                for value in some.iter().filter(|value| !value.is_nan()) {
                    let key = ascending(*value);
                    if key & mask == known {
                        counts[(key >> shift & 0xff) as usize] += 1;
                    }
                }
                self.pace.did(some.len()).await?;
            }
            for (byte, &count) in (0u64..).zip(&counts) {
                if rank < count {
                    known |= byte << shift;
                    break;
                }
                rank -= count;
            }
            mask |= 0xff << shift;
        }
        Ok(from_ascending(known))
    }
}

/// The value at `rank` of those that are not NaN, 0 the smallest, in pieces as `pace` says. There must be
/// more values than `rank`.
///
/// # Errors
/// As [`Pace::did`].
pub(super) async fn ranked(values: &[f64], rank: u64, pace: &Pace<'_>) -> Result<f64, QueryError> {
    Many { values, pace }.ranked(rank).await
}

/// Bits that are in the order of the numbers.
pub(super) fn ascending(value: f64) -> u64 {
    let bits = value.to_bits();
    if bits >> 63 == 1 {
        !bits
    } else {
        bits | 1 << 63
    }
}

/// The number of such bits.
pub(super) fn from_ascending(key: u64) -> f64 {
    f64::from_bits(if key >> 63 == 1 {
        key & !(1 << 63)
    } else {
        !key
    })
}

/// A percentile by the rule of the NIST handbook: the rank among n values is its share of n + 1.
#[derive(Clone, Copy, Debug)]
pub struct Percentile {
    percent: f64,
    /// Between two values if the rank is none; otherwise the value of the next rank.
    interpolated: bool,
}

impl Percentile {
    /// The percentile of `percent`.
    ///
    /// # Errors
    /// [`QueryError::Invalid`] where that is not above 0 and at most 100.
    pub fn new(percent: f64, interpolated: bool) -> Result<Percentile, QueryError> {
        let wrong = |how: &str| {
            QueryError::Invalid(format!("The requested percent is required to be {how}"))
        };
        if percent <= 0.0 {
            return Err(wrong("greater than 0"));
        }
        if percent > 100.0 {
            return Err(wrong("at most 100"));
        }
        Ok(Percentile {
            percent,
            interpolated,
        })
    }

    /// Which of `count` values it is, 0 the smallest, and the part of the way from there to the next.
    fn place(self, count: usize) -> (usize, f64) {
        let exact = self.percent / 100.0 * (count as f64 + 1.0);
        let part = exact.fract();
        let up = if self.interpolated { 0.0 } else { part.ceil() };
        let rank = (exact.trunc() + up) as usize;
        let last = count.saturating_sub(1);
        let part = if self.interpolated && rank > 0 && rank < count {
            part
        } else {
            0.0
        };
        (rank.saturating_sub(1).min(last), part)
    }

    /// The percentile of those of `values` that are there; NaN of none.
    pub fn of(self, values: &[f64]) -> f64 {
        let present = values.iter().copied().filter(|value| !value.is_nan());
        let mut present: Vec<f64> = present.collect();
        if present.is_empty() {
            return f64::NAN;
        }
        let (place, part) = self.place(present.len());
        let (_, at, above) = present.select_nth_unstable_by(place, f64::total_cmp);
        if part == 0.0 {
            return *at;
        }
        let next = above.iter().copied().fold(f64::INFINITY, f64::min);
        *at + part * (next - *at)
    }

    /// The same of any number of values, in pieces as `pace` says.
    ///
    /// # Errors
    /// As [`Pace::did`].
    pub async fn of_many(self, values: &[f64], pace: &Pace<'_>) -> Result<f64, QueryError> {
        if values.len() <= AT_ONCE {
            let value = self.of(values);
            pace.did(1 + values.len() * 2).await?;
            return Ok(value);
        }
        let all = Many { values, pace };
        let present = all.fold(0u64, |count, _| count + 1).await?;
        if present == 0 {
            return Ok(f64::NAN);
        }
        let (place, part) = self.place(usize::try_from(present).unwrap_or(usize::MAX));
        let at = all.ranked(place as u64).await?;
        if part == 0.0 {
            return Ok(at);
        }
        let next = all.ranked(place as u64 + 1).await?;
        Ok(at + part * (next - at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, want: f64, want_of_nothing: f64) {
        const N: f64 = f64::NAN;
        let aggregation = Aggregation::named(name).expect(name);
        let got = aggregation.of(&[N, 4.0, 1.0, N, 2.0, 9.0]);
        assert_eq!(format!("{got:?}"), format!("{want:?}"), "{name}");
        let nothing = aggregation.of(&[N, N]);
        assert_eq!(format!("{nothing:?}"), format!("{want_of_nothing:?}"));
        assert_eq!(
            Aggregation::named(&format!("{name}Series")),
            Some(aggregation)
        );
    }

    #[test]
    fn every_name() {
        const N: f64 = f64::NAN;
        check("average", 4.0, N);
        check("avg", 4.0, N);
        check("avg_zero", 16.0 / 6.0, N);
        check("count", 4.0, 0.0);
        check("current", 9.0, N);
        check("diff", -8.0, N);
        check("last", 9.0, N);
        check("max", 9.0, N);
        check("median", 3.0, N);
        check("min", 1.0, N);
        check("multiply", N, N);
        check("range", 8.0, N);
        check("rangeOf", 8.0, N);
        check("stddev", 9.5f64.sqrt(), N);
        check("sum", 16.0, N);
        check("total", 16.0, N);
        assert_eq!(Aggregation::named("first"), None);
        assert_eq!(Aggregation::Product.of(&[2.0, 3.0]), 6.0);
        assert_eq!(Aggregation::Median.of(&[3.0, 1.0, 2.0]), 2.0);
    }

    #[test]
    fn too_few_are_none() {
        let values = [1.0, f64::NAN, 3.0, f64::NAN];
        assert_eq!(Aggregation::Sum.of_enough(&values, 4.0, 0.5), 4.0);
        assert!(Aggregation::Sum.of_enough(&values, 4.0, 0.6).is_nan());
        assert!(Aggregation::Count.of_enough(&[f64::NAN], 1.0, 0.0).is_nan());
    }
}
