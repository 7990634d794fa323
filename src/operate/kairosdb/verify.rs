//! Whether two servers have the same: counts and sums of each series, which both tell by their own queries.
//! Where one cannot (calendars end, sums may have no number), its points are read and added up here.

use std::collections::HashMap;

use super::point::{Series, Type};
use super::source::{Source, Span, TRIES_MAX, Taker, Total};
use super::trouble::Trouble;
use crate::base::hash::Hasher;

/// Series that are compared at a time.
const SERIES_MAX: usize = 2_000_000;
/// How far two sums may differ for their order, as a part of them, and of the sizes of all that was added.
const PART: f64 = 1e-9;
const PART_OF_SIZE: f64 = 1e-12;

/// What two servers differ in.
#[derive(Debug, PartialEq)]
pub(super) struct Mismatch {
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
}

/// Compare the series of a span, but for those with one of the tags in `without`. `size` is what all its
/// numbers sum up to without their signs, as far as that is known.
///
/// # Errors
/// Where one of them does not tell.
pub(super) fn compare(
    there: &mut Source,
    here: &mut Source,
    span: &Span<'_>,
    keys: &[String],
    without: &[String],
    size: f64,
) -> Result<Option<Mismatch>, Trouble> {
    let mut comparison = Comparison::new(size);
    comparison.without = without.to_vec();
    for (source, side) in [(there, Side::There), (here, Side::Here)] {
        let mut tries = 0;
        while let Err(trouble) = comparison.ask(source, span, keys, side) {
            tries += 1;
            if tries == TRIES_MAX || !matches!(trouble, Trouble::Broken(_)) {
                return Err(trouble);
            }
            comparison.forget(side);
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
    size: f64,
}

impl Comparison {
    fn new(size: f64) -> Comparison {
        Comparison {
            hasher: Hasher::new(0),
            series: HashMap::new(),
            without: Vec::new(),
            size,
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
            .try_for_each(|total| {
                source.totals(span, Some(keys), total, |series, value| {
                    self.add(series, side, total, value)
                })
            });
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
            match total {
                Total::Count => totals.count += value,
                Total::Sum => totals.sum += value,
            }
        }
    }

    fn end(self) -> Option<Mismatch> {
        let mut all = [Totals::default(); 2];
        let (mut differ, mut example) = (0, None);
        for (totals, series) in self.series.into_values() {
            for (all, one) in all.iter_mut().zip(totals) {
                all.count += one.count;
                all.sum += one.sum;
            }
            let [there, here] = totals;
            let most = there.sum.abs().max(here.sum.abs()) * PART + self.size * PART_OF_SIZE;
            let is_same = there.count == here.count && (there.sum - here.sum).abs() <= most;
            if !is_same {
                differ += 1;
                example.get_or_insert(series);
            }
        }
        let mut text = Vec::new();
        example?.push(&mut text);
        Some(Mismatch {
            points: all.map(|totals| totals.count),
            sums: all.map(|totals| totals.sum),
            series: differ,
            example: String::from_utf8_lossy(&text).into_owned(),
        })
    }
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
        let Totals { count, sum } = std::mem::take(&mut self.totals);
        for (total, value) in [(Total::Count, count), (Total::Sum, sum)] {
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
            self.totals.sum += value.parse::<f64>().unwrap_or_default();
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
        let mut comparison = Comparison::new(100.0);
        let mut turned = series("a");
        turned.tags.reverse();
        comparison.add(series("a"), Side::There, Total::Count, 3.0);
        comparison.add(series("a"), Side::There, Total::Sum, 0.3);
        comparison.add(turned.clone(), Side::Here, Total::Count, 1.0);
        comparison.add(turned.clone(), Side::Here, Total::Count, 2.0);
        comparison.add(turned, Side::Here, Total::Sum, 0.1 + 0.2);
        assert_eq!(comparison.end(), None);

        let mut comparison = Comparison::new(0.0);
        for (side, sum) in [(Side::There, 7.0), (Side::Here, 6.0)] {
            comparison.add(series("a"), side, Total::Count, 2.0);
            comparison.add(series("a"), side, Total::Sum, sum);
        }
        comparison.add(series("b"), Side::Here, Total::Count, 1.0);
        let told = comparison.end().expect("they differ");
        assert_eq!(
            (told.points, told.sums, told.series),
            ([2.0, 3.0], [7.0, 6.0], 2)
        );
        assert!(told.example.contains(r#""name":"m""#), "{}", told.example);
    }
}
