//! The aggregations that functions take by name: many values become one.

/// How a row or a bucket of values becomes one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

    /// The same, but NaN unless a share of at least `x_files_factor` of `room` values is there.
    pub fn of_enough(self, values: &[f64], room: f64, x_files_factor: f64) -> f64 {
        let present = values.iter().filter(|value| !value.is_nan()).count() as f64;
        if present == 0.0 || present / room < x_files_factor {
            return f64::NAN;
        }
        self.of(values)
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    match (values.get(middle.wrapping_sub(1)), values.get(middle)) {
        (Some(below), Some(above)) if values.len().is_multiple_of(2) => (below + above) / 2.0,
        (_, Some(value)) => *value,
        _ => f64::NAN,
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
