//! The newest times that files hold of a series, without its values: they tell how far apart its points lie.
//!
//! Looks from the newest file back and stops where older ones cannot matter. Where points are evenly spaced
//! it knows their times from the heads of runs, or from cells.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Store;
use super::direct::Done;
use super::info::SegmentInfo;
use super::manifest::Version;
use super::pack::{CellTimes, Cells, PART_POINTS, Part, Parts};
use super::segment::{Entry, Index, Kind, Page};
use super::shelf::Got;
use crate::base::time::{Millis, Step};
use crate::model::series::SeriesId;

/// What looking into a layer costs, in points.
const LAYER_COST: usize = 10;

/// A reading under way.
pub struct NewestReading {
    most: usize,
    by_cells: bool,
    /// Held, so that its files stay.
    _version: Arc<Version>,
    /// The newest first.
    layers: VecDeque<Layer>,
    cells: Vec<CellTimes>,
}

struct Layer {
    info: SegmentInfo,
    number: u32,
    /// Times that count, both included.
    range: (Millis, Millis),
    /// Its pages, the newest first; `None` until its index was looked at.
    pages: Option<VecDeque<Entry>>,
    cell_step: Option<Step>,
}

impl NewestReading {
    /// Find up to `most` of the newest times of `id`: those of the last windows that there are files of, and
    /// those from `range.0` to `range.1`. `by_cells` where these will be read, and not the points.
    pub fn new(
        store: &Store,
        id: SeriesId,
        range: (Millis, Millis),
        (most, by_cells): (usize, bool),
    ) -> NewestReading {
        let version = Arc::clone(store.version());
        let mut layers = Vec::new();
        if let Some((recent, last)) = store.recent_files() {
            for &book in &store.books {
                for number in store.catalog().numbers_in(book, id) {
                    let add = |layers: &mut Vec<Layer>, from: Millis, until: Millis| {
                        let infos = version.segments(book, from.0, until.0);
                        layers.extend(infos.map(|info| Layer {
                            info: *info,
                            number,
                            range: (from, until),
                            pages: None,
                            cell_step: None,
                        }));
                    };
                    add(&mut layers, recent, last);
                    let before = Millis(recent.0.saturating_sub(1));
                    if range.0 <= before {
                        add(&mut layers, range.0, range.1.min(before));
                    }
                }
            }
        }
        layers.sort_by_key(|layer| std::cmp::Reverse(layer.info.window_start_ms));
        NewestReading {
            most,
            by_cells,
            _version: version,
            layers: layers.into(),
            cells: Vec::new(),
        }
    }

    /// Do a slice of about `budget` points, taken from it. `times` are distinct and the newest first, and
    /// stay so; those of memory are in it at the first call.
    pub fn step(&mut self, store: &mut Store, budget: &mut usize, times: &mut Vec<i64>) -> Done {
        while *budget > 0 {
            let Some(layer) = self.layers.front_mut() else {
                return Done::All;
            };
            let enough = times.get(self.most.saturating_sub(1)).copied();
            if enough.is_some_and(|oldest| layer.info.last_ms < oldest) {
                self.layers.pop_front();
                continue;
            }
            let Some(pages) = &mut layer.pages else {
                match store.index_of(&layer.info) {
                    Got::Here(index) => layer.look(&index, self.by_cells),
                    Got::Waiting => return Done::Waiting,
                    Got::Damaged => return Done::Refused,
                }
                *budget = budget.saturating_sub(1);
                continue;
            };
            let Some(entry) = pages.front().copied() else {
                self.layers.pop_front();
                continue;
            };
            let page = match store.page_of(&layer.info, &entry) {
                Got::Here(page) => page,
                Got::Waiting => return Done::Waiting,
                Got::Damaged => return Done::Refused,
            };
            pages.pop_front();
            *budget = budget.saturating_sub(LAYER_COST);
            let found = match entry.kind {
                Kind::Raw => layer.add_runs(&page, self.most, times),
                Kind::Cells => layer.add_cells(&page, self.most, &mut self.cells, times),
            };
            match found {
                Some(true) => {}
                // What it says is not enough, so its points have to.
                Some(false) => {
                    self.by_cells = false;
                    layer.pages = None;
                }
                None => return Done::Refused,
            }
        }
        Done::More
    }
}

impl Layer {
    fn look(&mut self, index: &Index, by_cells: bool) {
        let (from, until) = self.range;
        self.cell_step = index.cell_step();
        let cells = index.cell_pages(self.number, from.0, until.0).next();
        let pages: VecDeque<Entry> = match cells.filter(|_| by_cells) {
            Some(cells) => [*cells].into(),
            None => index
                .raw_pages(self.number, from.0, until.0)
                .copied()
                .collect(),
        };
        self.pages = Some(pages.into_iter().rev().collect());
    }

    /// Add the times of the runs of a page. `None` where one is damaged.
    fn add_runs(&self, page: &Page<Vec<u8>>, most: usize, times: &mut Vec<i64>) -> Option<bool> {
        let base = Millis(self.info.window_start_ms);
        for run in page.runs_of(self.number) {
            let mut points = 0;
            let mut parts = Parts::new(run, base).ok()?;
            while let Some(part) = parts.next_part().ok()? {
                points += part.count();
            }
            // Only the last parts matter, unless the range ends before them.
            let mut parts = Parts::new(run, base).ok()?;
            while let Some(part) = parts.next_part().ok()? {
                points -= part.count();
                let is_inside = part.last_ms() <= self.range.1.0;
                if part.last_ms() < self.range.0.0 || (is_inside && most <= points) {
                    continue;
                }
                if self.range.1.0 < part.first_ms() {
                    break;
                }
                self.add_part(&part, most, times)?;
            }
        }
        Some(true)
    }

    fn add_part(&self, part: &Part<'_>, most: usize, times: &mut Vec<i64>) -> Option<()> {
        match part.gap_ms() {
            Some(gap) => self.add_even(part.first_ms(), gap, part.count(), most, times),
            None => {
                let mut room = [0; PART_POINTS];
                let wanted = part.times(self.range.0, self.range.1, &mut room).ok()?;
                add(
                    room.get(wanted)?.iter().map(|&time| time as i64),
                    most,
                    times,
                );
            }
        }
        Some(())
    }

    fn add_even(&self, first: i64, gap: u64, count: usize, most: usize, times: &mut Vec<i64>) {
        let (from, until) = self.range;
        let even = (0..count as u64).rev();
        let even = even.map(|i| first.wrapping_add_unsigned(gap.wrapping_mul(i)));
        let inside = even.filter(|&time| from.0 <= time && time <= until.0);
        add(inside.take(most), most, times);
    }

    /// Add the times that cells tell. `Some(false)` where these do not tell enough.
    fn add_cells(
        &self,
        page: &Page<Vec<u8>>,
        most: usize,
        cells: &mut Vec<CellTimes>,
        times: &mut Vec<i64>,
    ) -> Option<bool> {
        let Some(bytes) = page.run(self.number) else {
            // They were not worth their room.
            return Some(false);
        };
        let base = Millis(self.info.window_start_ms);
        cells.clear();
        let mut reader = Cells::new(bytes, base, self.cell_step?);
        while let Some(cell) = reader.next_times().ok()? {
            cells.push(cell);
        }
        let (from, until) = self.range;
        let wanted = cells.iter().rev();
        let wanted = wanted.filter(|it| from.0 <= it.last_ms && it.first_ms <= until.0);
        let mut found = 0;
        for cell in wanted {
            if most <= found {
                break;
            }
            let Some(gap) = cell.gap_ms() else {
                return Some(false);
            };
            let count = usize::try_from(cell.count).unwrap_or(usize::MAX);
            self.add_even(cell.first_ms, gap, count, most, times);
            found += count;
        }
        Some(true)
    }
}

/// Keep the newest.
fn add(more: impl Iterator<Item = i64>, most: usize, times: &mut Vec<i64>) {
    times.extend(more);
    times.sort_unstable_by(|a, b| b.cmp(a));
    times.dedup();
    times.truncate(most);
}
