//! Series of different steps and starts on one grid, so that combining functions can go row by row.
//!
//! The common step is the least common multiple. A finer series is folded by its own consolidation
//! function into the grid's slots. Values are placed by time; graphite-web zips by index, which
//! says the same for the aligned series that its storage gives, and shifts the others.

use crate::query::breath::{self, Pace};
use crate::query::error::QueryError;
use crate::query::graphite::groups::Groups;
use crate::query::series::Series;

/// Series on one grid: every list of values has `len` of them.
#[derive(Debug)]
pub struct Grid {
    /// Seconds since the epoch of the first row.
    pub start: i64,
    /// Seconds from row to row.
    pub step: i64,
    /// Rows.
    pub len: usize,
    /// See [`Series::over_s`].
    pub over_s: i64,
    /// Whether all values are whole numbers.
    pub integers: bool,
    /// For each series in order its first row, and its values from there on.
    columns: Vec<(usize, Vec<f64>)>,
}

impl Grid {
    /// Put `series` on one grid; `None` if there are none. Names and tags are left where they are.
    ///
    /// # Errors
    /// [`QueryError::Invalid`] where no common step can be written down; as [`Pace::did`].
    pub async fn new(series: &mut [Series], pace: &Pace<'_>) -> Result<Option<Grid>, QueryError> {
        // The phase of the grid is that of the coarsest series, whose values cannot be divided.
        let coarsest = series.iter().max_by_key(|one| one.step);
        let earliest = series.iter().map(|one| one.start).min();
        let latest = series.iter().map(Series::end).max();
        let (Some(coarsest), Some(earliest), Some(latest)) = (coarsest, earliest, latest) else {
            return Ok(None);
        };
        let step = common_step(series)?;
        let phase = i128::from(coarsest.start.rem_euclid(step));
        let wide = i128::from(step);
        let start = (i128::from(earliest) - phase).div_euclid(wide) * wide + phase;
        let rows = (i128::from(latest) - start + wide - 1).div_euclid(wide);
        let (Ok(start), Ok(len)) = (i64::try_from(start), usize::try_from(rows)) else {
            return Err(no_common_step());
        };
        let is_over = series.iter().any(|one| one.over_s != 0);
        let range_end = series.iter().map(Series::range_end).max();
        let end = start.saturating_add(step.saturating_mul(rows as i64));
        let over_s = end.saturating_sub(range_end.filter(|_| is_over).unwrap_or(end));
        let stays = |one: &Series| one.step == step || one.fold.keeps_integers();
        let integers = series.iter().all(|one| one.integers && stays(one));
        let mut columns = Vec::with_capacity(series.len());
        for one in series {
            columns.push(column(one, start, step, pace).await?);
            pace.did(1).await?;
        }
        Ok(Some(Grid {
            start,
            step,
            len,
            over_s,
            integers,
            columns,
        }))
    }

    /// The values row by row, in the order of the series.
    pub fn rows<'a>(&'a self, pace: &'a Pace<'a>) -> Rows<'a> {
        let most = (BLOCK_VALUES / self.columns.len().max(1)).clamp(1, BLOCK_ROWS_MAX);
        Rows {
            grid: self,
            pace,
            block: vec![f64::NAN; most.min(self.len) * self.columns.len()],
            given: 0,
            gathered: 0,
            next: 0,
        }
    }

    /// Give back its memory.
    ///
    /// # Errors
    /// As [`Pace::did`].
    pub async fn free(self, pace: &Pace<'_>) -> Result<(), QueryError> {
        for (_, values) in self.columns {
            breath::free(values, pace).await?;
            pace.did(1).await?;
        }
        Ok(())
    }
}

/// Rows that are gathered at once: reading a few neighbours of each column, not one.
const BLOCK_ROWS_MAX: usize = 64;
/// Values that are gathered at once, unless one row has more.
const BLOCK_VALUES: usize = 1 << 14;

/// The rows of a grid, some of them gathered ahead.
pub struct Rows<'a> {
    grid: &'a Grid,
    pace: &'a Pace<'a>,
    /// Rows, one behind the other.
    block: Vec<f64>,
    given: usize,
    gathered: usize,
    /// Row of the grid that is the first to be gathered next.
    next: usize,
}

impl Rows<'_> {
    /// The next row.
    ///
    /// # Errors
    /// As [`Pace::did`].
    pub async fn next(&mut self) -> Result<Option<&[f64]>, QueryError> {
        if self.given == self.gathered {
            if self.next == self.grid.len {
                return Ok(None);
            }
            self.gather().await?;
        }
        let width = self.grid.columns.len();
        let row = self.given * width..(self.given + 1) * width;
        self.given += 1;
        Ok(self.block.get(row))
    }

    async fn gather(&mut self) -> Result<(), QueryError> {
        let width = self.grid.columns.len();
        let rows = (self.block.len() / width.max(1)).min(self.grid.len - self.next);
        for (column, (first, values)) in self.grid.columns.iter().enumerate() {
            for (row, cells) in self.block.chunks_exact_mut(width).take(rows).enumerate() {
                let value = (self.next + row).checked_sub(*first);
                let value = value.and_then(|i| values.get(i));
                cells[column] = value.copied().unwrap_or(f64::NAN);
            }
            self.pace.did(rows).await?;
        }
        self.next += rows;
        (self.given, self.gathered) = (0, rows);
        Ok(())
    }
}

fn no_common_step() -> QueryError {
    QueryError::Invalid(
        "The steps of these series have no common multiple that fits; summarize them first"
            .to_owned(),
    )
}

fn common_step(series: &[Series]) -> Result<i64, QueryError> {
    let mut common = 1i64;
    for one in series {
        let step = one.step.max(1);
        let shared = greatest_divisor(common, step);
        common = (common / shared)
            .checked_mul(step)
            .ok_or_else(no_common_step)?;
    }
    Ok(common)
}

fn greatest_divisor(a: i64, b: i64) -> i64 {
    let (mut a, mut b) = (a, b);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// The values of `series` in slots of `step` from its first one on, and which row that is.
async fn column(
    series: &mut Series,
    start: i64,
    step: i64,
    pace: &Pace<'_>,
) -> Result<(usize, Vec<f64>), QueryError> {
    let offset = i128::from(series.start) - i128::from(start);
    let first_row = offset.div_euclid(i128::from(step));
    let first = usize::try_from(first_row).unwrap_or(usize::MAX);
    let own_step = series.step.max(1);
    let values = std::mem::take(&mut series.values);
    if own_step == step {
        return Ok((first, values));
    }
    series.fold_known()?;
    // The first slot may begin before the series does; then fewer values fall into it.
    let inside = i64::try_from(offset.rem_euclid(i128::from(step))).unwrap_or(0);
    let in_first = (step - inside + own_step - 1) / own_step;
    let groups = Groups {
        first: usize::try_from(in_first).unwrap_or(usize::MAX),
        room: (step / own_step) as f64,
        ..Groups::of(
            series,
            usize::try_from(step / own_step).unwrap_or(usize::MAX),
        )
    };
    let folded = groups.folded(&values, pace).await?;
    breath::free(values, pace).await?;
    Ok((first, folded))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;
    use crate::query::breath::Breathless;
    use crate::query::series::Fold;
    use crate::query::testing::run;

    const N: f64 = f64::NAN;

    fn series(start: i64, step: i64, values: &[f64]) -> Series {
        let series = Series::leaf("x".to_owned(), start, step, values.to_vec(), 0.0);
        series.expect("a good name")
    }

    fn grid(series: &mut [Series]) -> Result<Option<Grid>, QueryError> {
        run(Grid::new(series, &Pace::new(&Breathless)))
    }

    fn rows(grid: &Grid) -> Vec<Vec<f64>> {
        let pace = Pace::new(&Breathless);
        let mut rows = grid.rows(&pace);
        let next = || run(rows.next()).expect("a breath").map(<[f64]>::to_vec);
        std::iter::from_fn(next).collect()
    }

    #[track_caller]
    fn check(mut list: Vec<Series>, start: i64, step: i64, want: &[&[f64]]) {
        let grid = grid(&mut list).expect("a grid").expect("some series");
        assert_eq!((grid.start, grid.step), (start, step));
        assert_eq!(format!("{:?}", rows(&grid)), format!("{want:?}"));
    }

    #[test]
    fn values_are_placed_by_time() {
        check(
            vec![series(0, 60, &[1.0, 2.0]), series(60, 60, &[3.0, 4.0])],
            0,
            60,
            &[&[1.0, N], &[2.0, 3.0], &[N, 4.0]],
        );
        check(
            vec![series(0, 60, &[1.0, 3.0, 5.0]), series(0, 120, &[9.0, 8.0])],
            0,
            120,
            &[&[2.0, 9.0], &[5.0, 8.0]],
        );
        check(
            vec![series(60, 60, &[1.0, 3.0]), series(120, 120, &[9.0])],
            0,
            120,
            &[&[1.0, N], &[3.0, 9.0]],
        );
        check(
            vec![series(7, 10, &[1.0]), series(7, 10, &[N])],
            7,
            10,
            &[&[1.0, N]],
        );
        check(
            vec![series(0, 2, &[1.0, 2.0, 3.0]), series(0, 3, &[5.0, 6.0])],
            0,
            6,
            &[&[2.0, 5.5]],
        );
    }

    #[test]
    fn impossible_grids_are_refused() {
        assert!(grid(&mut []).expect("nothing to refuse").is_none());
        let mut primes = vec![
            series(0, 4_294_967_291, &[1.0]),
            series(0, 4_294_967_279, &[1.0]),
            series(0, 4_294_967_231, &[1.0]),
        ];
        assert!(grid(&mut primes).is_err());
        let mut far = vec![series(i64::MIN, 1, &[1.0]), series(i64::MAX, 1, &[1.0])];
        let grid = grid(&mut far).expect("a grid").expect("some series");
        assert_eq!(grid.len, u64::MAX as usize);
    }

    /// For each row, look at every value of every series.
    #[test]
    fn columns_agree_with_looking_at_every_value() {
        for seed in 0..500 {
            let mut random = Random::new(seed);
            let mut list: Vec<Series> = (0..1 + random.below(4))
                .map(|_| {
                    let values: Vec<f64> = (0..random.below(30))
                        .map(|i| if random.chance(20) { N } else { i as f64 })
                        .collect();
                    let step = [1, 2, 3, 6][random.below(4) as usize];
                    let mut one = series(random.below(20) as i64 - 5, step, &values);
                    one.fold = Fold::NAMES[random.below(8) as usize].1;
                    one.x_files_factor = random.below(3) as f64 / 2.0;
                    one
                })
                .collect();
            let before = list.clone();
            let grid = grid(&mut list).expect("a grid").expect("some series");
            let mut index = 0;
            for row in rows(&grid) {
                let from = grid.start + index * grid.step;
                for (one, cell) in before.iter().zip(&row) {
                    let inside: Vec<f64> = one
                        .points()
                        .filter(|point| (from..from + grid.step).contains(&point.0))
                        .map(|point| point.1)
                        .collect();
                    let room = (grid.step / one.step) as f64;
                    let want = one.fold.fold(&inside, room, one.x_files_factor);
                    let want = if one.step == grid.step {
                        inside.first().copied().unwrap_or(N)
                    } else {
                        want
                    };
                    assert_eq!(format!("{cell:?}"), format!("{want:?}"), "seed {seed}");
                }
                index += 1;
            }
            let end = before.iter().map(Series::end).max();
            assert!(Some(grid.start + index * grid.step) >= end, "seed {seed}");
        }
    }
}
