//! Whether two servers have the same: counts and sums of each series, which both tell by their own queries.
//! Where one cannot (calendars end, sums may have no number), its points are read and added up here.

use std::collections::HashMap;

use super::point::{Series, Type};
use super::source::{Source, Span, TRIES_MAX, Taker, Total};
use super::trouble::Trouble;
use crate::base::hash::Hasher;

/// Series that are compared at a time.
const SERIES_MAX: usize = 2_000_000;
/// How far two sums may differ for their order, as a part of them, and of what was added at most: as many
/// numbers as there are of the largest one.
const PART: f64 = 1e-9;
const PART_OF_SIZE: f64 = 1e-13;

/// What two servers differ in.
#[derive(Debug, PartialEq)]
pub(super) struct Difference {
    /// Whether nothing is missing here: series that differ only have more points here.
    pub(super) is_more: bool,
    /// Points and sum of all series, there and here.
    pub(super) points: [f64; 2],
    pub(super) sums: [f64; 2],
    /// Series that differ, and one of them.
    pub(super) series: u64,
    pub(super) example: String,
}

/// Points and sum of a series.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Totals {
    count: f64,
    sum: f64,
    /// The size of the largest number, where that is known.
    largest: f64,
}

impl Totals {
    fn add(&mut self, total: Total, value: f64) {
        match total {
            Total::Count => self.count += value,
            Total::Sum => self.sum += value,
            Total::Min | Total::Max => self.largest = self.largest.max(value.abs()),
        }
    }
}

/// Whether two sums are the same but for `tolerance`.
pub(super) fn is_near(one: f64, other: f64, tolerance: f64) -> bool {
    let is_same = one == other || (one.is_nan() && other.is_nan());
    is_same || (tolerance.is_finite() && (one - other).abs() <= tolerance)
}

/// Compare the series of a span, but for those with one of the tags in `without`.
///
/// # Errors
/// Where one of them does not tell.
pub(super) fn compare(
    there: &mut Source,
    here: &mut Source,
    span: &Span<'_>,
    keys: &[String],
    without: &[String],
) -> Result<Option<Difference>, Trouble> {
    let mut comparison = Comparison::new(without.to_vec());
    for (source, side) in [(&mut *there, Side::There), (here, Side::Here)] {
        let mut tries = 0;
        while let Err(trouble) = comparison.ask(source, span, keys, side) {
            tries += 1;
            if tries == TRIES_MAX || !matches!(trouble, Trouble::Broken(_)) {
                return Err(trouble);
            }
            comparison.forget(side);
        }
    }
    if comparison.is_doubtful() {
        for total in [Total::Min, Total::Max] {
            match comparison.told(there, span, keys, Side::There, total) {
                // Where sums were refused too, the points themselves told it.
                Ok(()) | Err(Trouble::Refused(_)) => {}
                Err(trouble) => return Err(trouble),
            }
        }
    }
    Ok(comparison.end())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    There = 0,
    Here = 1,
}

struct Comparison {
    hasher: Hasher,
    /// By the series' name and tags.
    series: HashMap<u128, ([Totals; 2], Series)>,
    /// Series with one of these tags are no matter here.
    without: Vec<String>,
}

impl Comparison {
    fn new(without: Vec<String>) -> Comparison {
        Comparison {
            hasher: Hasher::new(0),
            series: HashMap::new(),
            without,
        }
    }

    fn ask(
        &mut self,
        source: &mut Source,
        span: &Span<'_>,
        keys: &[String],
        side: Side,
    ) -> Result<(), Trouble> {
        let told = [Total::Count, Total::Sum]
            .into_iter()
            .try_for_each(|total| self.told(source, span, keys, side, total));
        match told {
            Err(Trouble::Refused(_)) => {
                self.forget(side);
                let mut adding = Adding {
                    comparison: self,
                    side,
                    series: Series::default(),
                    totals: Totals::default(),
                };
                source.slice(span, keys, &[], &mut adding)?;
                adding.close();
            }
            told => told?,
        }
        if SERIES_MAX < self.series.len() {
            return Err(Trouble::Broken(format!(
                "more than {SERIES_MAX} series cannot be compared"
            )));
        }
        Ok(())
    }

    /// One total of each series, as the server tells it.
    fn told(
        &mut self,
        source: &mut Source,
        span: &Span<'_>,
        keys: &[String],
        side: Side,
        total: Total,
    ) -> Result<(), Trouble> {
        source.totals(span, keys, total, |found, value| {
            self.add(found.series(keys)?, side, total, value);
            Ok(())
        })
    }

    /// What one side has told so far does not count.
    fn forget(&mut self, side: Side) {
        for (totals, _) in self.series.values_mut() {
            if let Some(totals) = totals.get_mut(side as usize) {
                *totals = Totals::default();
            }
        }
    }

    fn add(&mut self, mut series: Series, side: Side, total: Total, value: f64) {
        let is_elsewhere = series
            .tags
            .iter()
            .any(|(key, _)| self.without.contains(key));
        if SERIES_MAX < self.series.len() || value == 0.0 || is_elsewhere {
            return;
        }
        series.tags.sort_unstable();
        let mut text = Vec::new();
        series.push(&mut text);
        let entry = self.series.entry(self.hasher.hash(&text));
        let (totals, _) = entry.or_insert_with(|| (Default::default(), series));
        if let Some(totals) = totals.get_mut(side as usize) {
            totals.add(total, value);
        }
    }

    /// Whether there are sums that differ and may do so for their order.
    fn is_doubtful(&self) -> bool {
        let mut all = self.series.values();
        all.any(|([there, here], _)| there.count == here.count && !is_same(there, here))
    }

    fn end(self) -> Option<Difference> {
        let mut all = [Totals::default(); 2];
        // How many differ and an example: of those with fewer points here or another sum, and with more.
        let mut kinds = [(0, None), (0, None)];
        for (totals, series) in self.series.into_values() {
            for (all, one) in all.iter_mut().zip(totals) {
                all.count += one.count;
                all.sum += one.sum;
            }
            let [there, here] = totals;
            let kind = match there.count < here.count {
                true => &mut kinds[1],
                false if is_same(&there, &here) => continue,
                false => &mut kinds[0],
            };
            kind.0 += 1;
            kind.1.get_or_insert(series);
        }
        let [wrong, more] = kinds;
        let is_more = wrong.0 == 0;
        let (differ, example) = if is_more { more } else { wrong };
        let mut text = Vec::new();
        example?.push(&mut text);
        Some(Difference {
            is_more,
            points: all.map(|totals| totals.count),
            sums: all.map(|totals| totals.sum),
            series: differ,
            example: String::from_utf8_lossy(&text).into_owned(),
        })
    }
}

/// Whether a series is the same on both sides.
fn is_same(there: &Totals, here: &Totals) -> bool {
    let size = there.count * there.largest.max(here.largest);
    let tolerance = there.sum.abs().max(here.sum.abs()) * PART + size * PART_OF_SIZE;
    there.count == here.count && is_near(there.sum, here.sum, tolerance)
}

/// Adds up points that are read.
struct Adding<'a> {
    comparison: &'a mut Comparison,
    side: Side,
    series: Series,
    totals: Totals,
}

impl Adding<'_> {
    fn close(&mut self) {
        let Totals {
            count,
            sum,
            largest,
        } = std::mem::take(&mut self.totals);
        for (total, value) in [
            (Total::Count, count),
            (Total::Sum, sum),
            (Total::Max, largest),
        ] {
            self.comparison
                .add(self.series.clone(), self.side, total, value);
        }
    }
}

impl Taker for Adding<'_> {
    fn begin(&mut self, series: &Series) -> Result<(), Trouble> {
        self.close();
        self.series.clone_from(series);
        Ok(())
    }

    fn point(&mut self, _: i64, kind: Type, value: &str) -> Result<(), Trouble> {
        self.totals.count += 1.0;
        if kind != Type::Text {
            let value = value.parse::<f64>().unwrap_or_default();
            self.totals.add(Total::Sum, value);
            self.totals.add(Total::Max, value);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(tag: &str) -> Series {
        Series {
            name: "m".to_owned(),
            tags: vec![
                ("h".to_owned(), tag.to_owned()),
                ("dc".to_owned(), "x".to_owned()),
            ],
        }
    }

    #[test]
    fn what_differs_is_told() {
        let mut comparison = Comparison::new(Vec::new());
        let mut turned = series("a");
        turned.tags.reverse();
        comparison.add(series("a"), Side::There, Total::Count, 3.0);
        comparison.add(series("a"), Side::There, Total::Sum, 0.3);
        comparison.add(turned.clone(), Side::Here, Total::Count, 1.0);
        comparison.add(turned.clone(), Side::Here, Total::Count, 2.0);
        comparison.add(turned, Side::Here, Total::Sum, 0.1 + 0.2);
        assert_eq!(comparison.end(), None);

        let mut comparison = Comparison::new(Vec::new());
        for (side, sum) in [(Side::There, 7.0), (Side::Here, 6.0)] {
            comparison.add(series("a"), side, Total::Count, 2.0);
            comparison.add(series("a"), side, Total::Sum, sum);
        }
        comparison.add(series("b"), Side::Here, Total::Count, 1.0);
        let told = comparison.end().expect("they differ");
        assert_eq!(
            (told.is_more, told.points, told.sums, told.series),
            (false, [2.0, 3.0], [7.0, 6.0], 1)
        );
        assert!(told.example.contains(r#""h":"a""#), "{}", told.example);
    }

    #[test]
    fn more_points_here_are_told_apart() {
        let mut comparison = Comparison::new(vec!["rack".to_owned()]);
        for (side, count) in [(Side::There, 1.0), (Side::Here, 3.0)] {
            comparison.add(series("a"), side, Total::Count, count);
        }
        let mut other = series("b");
        other.tags.push(("rack".to_owned(), "1".to_owned()));
        comparison.add(other, Side::There, Total::Count, 1.0);
        let told = comparison.end().expect("they differ");
        assert_eq!((told.is_more, told.points), (true, [1.0, 3.0]));
    }

    #[test]
    fn each_series_is_as_exact_as_its_own_numbers() {
        let sums = |largest: f64, there: f64, here: f64| {
            let mut comparison = Comparison::new(Vec::new());
            comparison.add(series("large"), Side::There, Total::Max, 1e300);
            for (side, sum) in [(Side::There, there), (Side::Here, here)] {
                comparison.add(series("a"), side, Total::Count, 4.0);
                comparison.add(series("a"), side, Total::Sum, sum);
            }
            let is_doubtful = comparison.is_doubtful();
            comparison.add(series("a"), Side::There, Total::Min, -largest);
            (is_doubtful, comparison.end().is_none())
        };
        assert_eq!(sums(1.0, 3.0, 3.0 + 1e-12), (false, true));
        assert_eq!(sums(1e15, 0.1, 0.2), (true, true));
        assert_eq!(sums(1.0, 0.1, 0.2), (true, false));
        assert_eq!(sums(f64::INFINITY, 0.1, 0.2), (true, false));
        let infinity = f64::INFINITY;
        assert_eq!(sums(infinity, infinity, infinity), (false, true));
        assert_eq!(sums(infinity, infinity, 0.2), (true, false));
    }
}
