//! Points become cells: one [`Aggregate`] for each step of time.
//!
//! A cell is what its points say. Cells are folded column by column from sorted, settled points when
//! somebody asks for them or seals them, not kept up point by point: measured, that costs ingest
//! nothing and the fold a few nanoseconds a point, and no cell can ever be out of date. A late point
//! is simply among the points of the next fold.
#![forbid(unsafe_code)]

use crate::base::time::{Millis, Step};
use crate::model::aggregate::{Aggregate, Placed};
use crate::model::points::Points;

/// One step of time of one series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell {
    /// Where it starts; it ends one step later.
    pub start: Millis,
    /// What its points say.
    pub of: Aggregate,
}

/// The cells of `points`, which are sorted and settled, in ascending order; none for steps without
/// points.
pub fn cells(points: &Points, step: Step) -> Vec<Cell> {
    let mut cells: Vec<Cell> = Vec::new();
    let mut end_ms = i64::MIN;
    for i in 0..points.len() {
        let time_ms = points.times[i];
        if end_ms <= time_ms || cells.is_empty() {
            let start = step.floor(Millis(time_ms));
            end_ms = start.0.saturating_add(step.millis());
            cells.push(Cell {
                start,
                of: Aggregate::EMPTY,
            });
        }
        if let Some(cell) = cells.last_mut() {
            cell.of.push(Placed {
                time_ms,
                stamp: points.stamps[i],
                value: points.values[i],
            });
        }
    }
    cells
}

/// The open cell of a series and the one before it, from the points that [`recent_start`] asks for.
pub fn recent(points: &Points, step: Step) -> [Option<Cell>; 2] {
    let cells = cells(points, step);
    let open = cells.last().copied();
    let previous = cells.iter().rev().nth(1).copied().filter(|cell| {
        open.is_some_and(|open| cell.start.0.saturating_add(step.millis()) == open.start.0)
    });
    [previous, open]
}

/// First instant of the cell before the one that holds `newest`.
pub fn recent_start(newest: Millis, step: Step) -> Millis {
    Millis(step.floor(newest).0.saturating_sub(step.millis()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;
    use crate::model::points::Duplicates;

    /// The slow twin: every point looks for its cell.
    fn naive(points: &Points, step: Step) -> Vec<Cell> {
        let mut cells = std::collections::BTreeMap::new();
        for i in 0..points.len() {
            let of = cells
                .entry(step.floor(Millis(points.times[i])))
                .or_insert(Aggregate::EMPTY);
            of.push(Placed {
                time_ms: points.times[i],
                stamp: points.stamps[i],
                value: points.values[i],
            });
        }
        cells
            .into_iter()
            .map(|(start, of)| Cell { start, of })
            .collect()
    }

    #[test]
    fn cells_are_what_their_points_say() {
        for seed in 0..200 {
            let mut random = Random::new(seed);
            let mut points = Points::default();
            for i in 0..random.below(300) {
                points.push(
                    random.below(900_000) as i64 - 300_000,
                    i,
                    random.below(100) as f64 * 0.1,
                );
            }
            points.sort();
            points.settle(Duplicates::Last);
            assert_eq!(
                cells(&points, Step::MINUTE),
                naive(&points, Step::MINUTE),
                "seed {seed}"
            );
        }
    }

    #[test]
    fn a_late_point_changes_the_cell_it_belongs_to() {
        let mut points = Points::default();
        [(60_000, 1.0), (119_000, 2.0), (120_000, 3.0)]
            .into_iter()
            .for_each(|(t, v)| points.push(t, t as u64, v));
        let before = recent(&points, Step::MINUTE)
            .map(|cell| cell.map(|cell| (cell.start.0, cell.of.sum())));
        assert_eq!(before, [Some((60_000, 3.0)), Some((120_000, 3.0))]);
        points.push(61_000, 130_000, 10.0);
        points.sort();
        let after =
            recent(&points, Step::MINUTE)[0].map(|cell| (cell.of.count, cell.of.max, cell.of.last));
        let last = Placed {
            time_ms: 119_000,
            stamp: 119_000,
            value: 2.0,
        };
        assert_eq!(after, Some((3, 10.0, Some(last))));
    }

    #[test]
    fn a_gap_leaves_no_previous_cell() {
        let mut points = Points::default();
        [(0, 1.0), (180_000, 2.0)]
            .into_iter()
            .for_each(|(t, v)| points.push(t, 0, v));
        assert_eq!(recent(&points, Step::MINUTE)[0], None);
        assert_eq!(recent_start(Millis(180_500), Step::MINUTE), Millis(120_000));
    }
}
