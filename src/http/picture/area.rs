//! Areas of series: filled from the line to the ground, but not where an earlier area already is.
//!
//! What is taken is kept for every half pixel of the plot's width, as one stretch from above to below:
//! all areas reach to the ground, so what they cover together has no holes. An area of its own is then
//! what its line adds to that stretch. So areas upon each other show each its own part, and transparent
//! ones do not shine through each other, as in graphite-web.

use super::line::Dots;
use super::options::LineMode;
use super::svg::{Path, Svg};
use crate::query::breath::Pace;
use crate::query::error::QueryError;

/// Columns to a pixel.
const COLUMNS: f64 = 2.0;
/// Columns that are looked at between two breaths.
const PIECE: usize = 500;

/// What earlier areas cover: highest and lowest pixel of each column.
pub(super) struct Cover {
    taken: Vec<Option<(f64, f64)>>,
    left: f64,
}

/// What an area adds in one column.
type Added = Option<(f64, f64)>;

impl Cover {
    /// Nothing is covered, from `left` on over `width` pixels.
    pub(super) fn new(left: f64, width: f64) -> Cover {
        let columns = (width * COLUMNS).ceil().max(0.0) as usize + 1;
        Cover {
            taken: vec![None; columns],
            left,
        }
    }

    /// Fill the area of one series, so opaque where its colour says nothing; at 0 nothing is drawn, but
    /// the place is taken.
    ///
    /// # Errors
    /// What `pace` says, and a picture that became too large.
    pub(super) async fn draw(
        &mut self,
        svg: &mut Svg,
        dots: &Dots<'_>,
        mode: LineMode,
        gap_max: f64,
        alpha: f64,
        pace: &Pace<'_>,
    ) -> Result<(), QueryError> {
        let outline = self.outline(dots, mode, gap_max, pace).await?;
        let ground = dots.plane.ground(dots.scale);
        let mut path = Path::default();
        let mut run: Vec<(f64, (f64, f64))> = Vec::new();
        for (column, y) in outline.into_iter().enumerate() {
            let added = self.add(column, y, ground);
            match added {
                Some(ends) => run.push((self.x(column), ends)),
                None => fill(&mut path, &mut run, pace).await?,
            }
            if column % PIECE == PIECE - 1 {
                pace.did(super::cost(PIECE)).await?;
            }
        }
        fill(&mut path, &mut run, pace).await?;
        if !path.is_empty() && 0.0 < alpha {
            svg.area(&path, dots.drawn.color, alpha);
        }
        svg.check_size()
    }

    fn x(&self, column: usize) -> f64 {
        self.left + column as f64 / COLUMNS
    }

    /// Columns from `from` to `to`, both in pixels.
    fn columns(&self, from: f64, to: f64) -> std::ops::Range<usize> {
        let last = self.taken.len() as f64 - 1.0;
        if from.is_nan() || to.is_nan() {
            return 0..0;
        }
        let first = ((from - self.left) * COLUMNS).ceil().max(0.0);
        let end = ((to - self.left) * COLUMNS).floor().min(last);
        if first <= end {
            first as usize..end as usize + 1
        } else {
            0..0
        }
    }

    /// The line of a series in every column; NaN where there is none.
    async fn outline(
        &self,
        dots: &Dots<'_>,
        mode: LineMode,
        gap_max: f64,
        pace: &Pace<'_>,
    ) -> Result<Vec<f64>, QueryError> {
        let mut outline = vec![f64::NAN; self.taken.len()];
        let mut last: Option<(usize, f64, f64)> = None;
        for index in 0..dots.drawn.values.len() {
            let Some(y) = dots.y(index) else {
                pace.did(1).await?;
                continue;
            };
            let x = dots.x(index);
            let near = last.filter(|(before, ..)| (index - before - 1) as f64 <= gap_max);
            let mut columns = 0;
            if let Some((_, last_x, last_y)) = near
                && mode != LineMode::Staircase
            {
                columns += self.span((last_x, last_y), (x, y), &mut outline);
            }
            let mut end = x;
            if mode == LineMode::Staircase || dots.is_held(index) {
                end = dots.x(index + 1);
                columns += self.span((x, y), (end, y), &mut outline);
            }
            last = Some((index, end, y));
            pace.did(super::cost(1) + columns / 2).await?;
        }
        Ok(outline)
    }

    /// Write the way between two points into `outline`. Gives how many columns that were.
    fn span(&self, from: (f64, f64), to: (f64, f64), outline: &mut [f64]) -> usize {
        let columns = self.columns(from.0, to.0);
        let count = columns.clone().count();
        let wide = (to.0 - from.0).max(1e-9);
        for column in columns {
            if let Some(place) = outline.get_mut(column) {
                let part = (self.x(column) - from.0) / wide;
                *place = from.1 + (to.1 - from.1) * part;
            }
        }
        count
    }

    /// Cover from `y` to `ground`. Gives what was not covered before: first the end at the line.
    fn add(&mut self, column: usize, y: f64, ground: f64) -> Added {
        let taken = self.taken.get_mut(column)?;
        if y.is_nan() {
            return None;
        }
        let (high, low) = (y.min(ground), y.max(ground));
        let Some((top, bottom)) = *taken else {
            *taken = Some((high, low));
            return Some((y, ground));
        };
        *taken = Some((top.min(high), bottom.max(low)));
        if high < top {
            Some((high, top))
        } else if bottom < low {
            Some((low, bottom))
        } else {
            None
        }
    }
}

/// Append what lies between the two ends of a run of columns, and forget the run.
async fn fill(
    path: &mut Path,
    run: &mut Vec<(f64, (f64, f64))>,
    pace: &Pace<'_>,
) -> Result<(), QueryError> {
    if 1 < run.len() {
        let mut edge = Edge::default();
        for some in run.chunks(PIECE) {
            some.iter()
                .for_each(|&(x, (end, _))| edge.push(path, (x, end)));
            pace.did(super::cost(some.len())).await?;
        }
        edge.turn(path);
        for some in run.rchunks(PIECE) {
            let back = some.iter().rev();
            back.for_each(|&(x, (_, end))| edge.push(path, (x, end)));
            pace.did(super::cost(some.len())).await?;
        }
        edge.turn(path);
        path.close();
    }
    run.clear();
    Ok(())
}

/// Pixels by which a straight way may be wrong.
const STRAIGHT: f64 = 0.02;

/// Writes only the points at which a way turns.
struct Edge {
    is_on: bool,
    /// The last point that was written, of this way.
    corner: Option<(f64, f64)>,
    /// The last point that was not.
    last: Option<(f64, f64)>,
    /// Slopes from the corner that come near enough to every point behind it.
    least: f64,
    most: f64,
}

impl Default for Edge {
    fn default() -> Edge {
        Edge {
            is_on: false,
            corner: None,
            last: None,
            least: f64::NEG_INFINITY,
            most: f64::INFINITY,
        }
    }
}

impl Edge {
    fn push(&mut self, path: &mut Path, (x, y): (f64, f64)) {
        let Some(corner) = self.corner else {
            self.write(path, (x, y));
            return;
        };
        if let Some(last) = self.last {
            let slope = |x: f64, y: f64| (y - corner.1) / (x - corner.0).abs().max(1e-9);
            self.least = self.least.max(slope(last.0, last.1 - STRAIGHT));
            self.most = self.most.min(slope(last.0, last.1 + STRAIGHT));
            if !(self.least..=self.most).contains(&slope(x, y)) {
                self.write(path, last);
            }
        }
        self.last = Some((x, y));
    }

    /// This way ends; the next begins where it likes.
    fn turn(&mut self, path: &mut Path) {
        if let Some(last) = self.last {
            self.write(path, last);
        }
        self.corner = None;
    }

    fn write(&mut self, path: &mut Path, (x, y): (f64, f64)) {
        if std::mem::replace(&mut self.is_on, true) {
            path.line_to(x, y);
        } else {
            path.move_to(x, y);
        }
        self.corner = Some((x, y));
        self.last = None;
        (self.least, self.most) = (f64::NEG_INFINITY, f64::INFINITY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_area_is_what_it_adds() {
        let mut cover = Cover::new(0.0, 10.0);
        let ground = 100.0;
        assert_eq!(cover.add(0, 60.0, ground), Some((60.0, 100.0)));
        assert_eq!(cover.add(0, 80.0, ground), None, "lies behind");
        assert_eq!(cover.add(0, 20.0, ground), Some((20.0, 60.0)));
        assert_eq!(cover.add(0, 130.0, ground), Some((130.0, 100.0)), "below");
        assert_eq!(cover.add(0, f64::NAN, ground), None);
        assert_eq!(cover.add(1_000, 1.0, ground), None, "no such column");
    }

    #[test]
    fn columns_are_inside_of_the_plot() {
        let cover = Cover::new(50.0, 10.0);
        assert_eq!(cover.columns(50.0, 51.0), 0..3);
        assert_eq!(cover.columns(50.2, 50.4).count(), 0);
        assert_eq!(cover.columns(-1e9, 1e9), 0..21);
        assert_eq!(cover.columns(-10.0, -5.0).count(), 0);
        assert_eq!(cover.columns(100.0, 110.0).count(), 0);
        assert_eq!(cover.columns(f64::NAN, f64::NAN).count(), 0);
    }

    #[test]
    fn straight_ways_have_two_points() {
        let mut path = Path::default();
        let mut edge = Edge::default();
        for i in 0..=10 {
            edge.push(&mut path, (f64::from(i), 2.0 * f64::from(i)));
        }
        edge.turn(&mut path);
        let mut want = Path::default();
        want.move_to(0.0, 0.0);
        want.line_to(10.0, 20.0);
        assert_eq!(path, want);
    }
}
