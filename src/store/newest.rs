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
/// Parts at the end of a run of which is known where they begin.
const LAST_PARTS: usize = 4;

/// A reading under way.
pub struct NewestReading {
    id: SeriesId,
    most: usize,
    /// Times that were there at the beginning.
    in_memory: usize,
    by_cells: bool,
    /// Held, so that its files stay.
    version: Arc<Version>,
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
    /// Find up to `most` of the newest times of `id`, of which memory has `in_memory`: those of the last
    /// windows that there are files of, and those from `range.0` to `range.1`. `by_cells` where these will be
    /// read, and not the points. `memory` is that of another reading.
    pub fn new(
        store: &Store,
        id: SeriesId,
        range: (Millis, Millis),
        (most, in_memory, by_cells): (usize, usize, bool),
        memory: Vec<CellTimes>,
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
            id,
            most,
            in_memory,
            by_cells,
            version,
            layers: layers.into(),
            cells: memory,
        }
    }

    /// Memory for the next.
    pub fn into_memory(self) -> Vec<CellTimes> {
        self.cells
    }

    /// Do a slice of about `budget` points, taken from it. `times` are distinct and the newest first, and
    /// stay so; those of memory are in it at the first call.
    pub fn step(&mut self, store: &mut Store, budget: &mut usize, times: &mut Vec<i64>) -> Done {
        while *budget > 0 {
            let Some(layer) = self.layers.front_mut() else {
                if Arc::ptr_eq(&self.version, store.version()) {
                    store.keep_times(self.id, self.most, self.in_memory, times);
                }
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
            self.add_run(Parts::new(run, base).ok()?, most, times)?;
        }
        Some(true)
    }

    /// Add the times of one run. Only its last parts matter, unless the range ends before them. `None` where
    /// one is damaged.
    fn add_run(&self, all: Parts<'_>, most: usize, times: &mut Vec<i64>) -> Option<()> {
        let (mut parts, mut points, mut count, mut last_ms) = (all, 0, 0, i64::MIN);
        // Where the last parts begin, and how many points there are before each.
        let mut begins = [(all, 0); LAST_PARTS];
        loop {
            let here = (parts, points);
            let Some((more, last)) = parts.pass().ok()? else {
                break;
            };
            *begins.get_mut(count % LAST_PARTS)? = here;
            (points, count, last_ms) = (points + more, count + 1, last);
        }
        let known = count.min(LAST_PARTS);
        let (_, before) = *begins.get((count - known) % LAST_PARTS)?;
        if last_ms <= self.range.1.0 && (known == count || most <= points - before) {
            return self.add_last(&begins, (known, count), (points, most), times);
        }
        (parts, points) = (all, 0);
        let is_inside = |last: i64| last <= self.range.1.0;
        while let Some((more, last)) = parts.pass().ok()? {
            points += if is_inside(last) { more } else { 0 };
        }
        parts = all;
        while let Some(part) = parts.next_part().ok()? {
            if is_inside(part.last_ms()) {
                points -= part.count();
                if part.last_ms() < self.range.0.0 || most <= points {
                    continue;
                }
            } else if self.range.1.0 < part.first_ms() {
                break;
            }
            self.add_part(&part, most, times)?;
        }
        Some(())
    }

    /// Add the times of the last of `count` parts, the newest first, until there are enough.
    fn add_last(
        &self,
        begins: &[(Parts<'_>, usize); LAST_PARTS],
        (known, count): (usize, usize),
        (points, most): (usize, usize),
        times: &mut Vec<i64>,
    ) -> Option<()> {
        for back in 1..=known {
            let (mut parts, before) = *begins.get((count - back) % LAST_PARTS)?;
            let part = parts.next_part().ok()??;
            if part.last_ms() < self.range.0.0 {
                break;
            }
            self.add_part(&part, most, times)?;
            if most <= points - before {
                break;
            }
        }
        Some(())
    }

    fn add_part(&self, part: &Part<'_>, most: usize, times: &mut Vec<i64>) -> Option<()> {
        match part.gap_ms() {
            Some(gap) => self.add_even(part.first_ms(), gap, part.count(), most, times),
            None => {
                let mut room = [0; PART_POINTS];
                let wanted = part.times(self.range.0, self.range.1, &mut room).ok()?;
                add(
                    room.get(wanted)?.iter().rev().map(|&time| time as i64),
                    most,
                    times,
                );
            }
        }
        Some(())
    }

    fn add_even(&self, first: i64, gap: u64, count: usize, most: usize, times: &mut Vec<i64>) {
        let (from, until) = self.range;
        let last =
            first.saturating_add_unsigned(gap.saturating_mul(count.saturating_sub(1) as u64));
        let is_inside = from.0 <= first && last <= until.0 && last < i64::MAX;
        if is_inside && 0 < gap && times.last().is_none_or(|&oldest| last < oldest) {
            // As nearly always: all of it is older than what is there.
            let some = count.min(most.saturating_sub(times.len())) as i64;
            times.extend((0..some).map(|i| last - gap as i64 * i));
            return;
        }
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
        reader.times(cells).ok()?;
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
            found = found.saturating_add(count);
        }
        Some(true)
    }
}

/// Keep the newest. Mostly all that is added is older than what is there, the newest first.
fn add(more: impl Iterator<Item = i64>, most: usize, times: &mut Vec<i64>) {
    let last = times.len().saturating_sub(1);
    times.extend(more);
    let added = times.get(last..).unwrap_or_default();
    if !added.is_sorted_by(|newer, older| older < newer) {
        times.sort_unstable_by(|a, b| b.cmp(a));
        times.dedup();
    }
    times.truncate(most);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;
    use crate::model::points::Duplicates;
    use crate::store::pack;
    use crate::store::stretch::{Column, Stretch};

    const BASE: i64 = 1_700_000_000_000;

    fn packed(times: &[i64]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let stretch = Stretch {
            values: Column::Decimal {
                scale: 0,
                mantissas: vec![7; times.len()],
            },
            times: times.to_vec(),
            stamps: Vec::new(),
            duplicates: Duplicates::Last,
        };
        pack::encode(&stretch, Millis(BASE), &mut bytes);
        bytes
    }

    /// A run whose parts are of many lengths, as those are that were packed alone and joined, and its times.
    fn run(random: &mut Random) -> (Vec<u8>, Vec<i64>) {
        let (mut pieces, mut times) = (Vec::new(), Vec::new());
        let mut time = BASE + random.below(1_000) as i64 * 1000;
        let most = 1 + random.below(200);
        for _ in 0..1 + random.below(12) {
            let gap = [0, 1000, 10_000][random.below(3) as usize];
            let begin = times.len();
            for _ in 0..1 + random.below(most) {
                time += match gap {
                    0 => 1 + random.below(5_000) as i64,
                    gap => gap,
                };
                times.push(time);
            }
            pieces.push(packed(&times[begin..]));
        }
        let mut joined = Vec::new();
        let slices: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
        match pack::join(&slices, Millis(BASE), &mut joined) {
            Some(_) => (joined, times),
            None => (packed(&times), times),
        }
    }

    #[test]
    fn the_newest_times_of_a_run_are_those_of_all_its_points() {
        for seed in 0..3_000 {
            let mut random = Random::new(seed);
            let (run, all) = run(&mut random);
            let (first, last) = (all[0], all[all.len() - 1]);
            let mut somewhere = |may_be_all: i64| match random.below(3) {
                0 => may_be_all,
                _ => first + random.below((last - first + 2) as u64) as i64 - 1,
            };
            let (from, until) = (somewhere(first - 5), somewhere(last + 5));
            let layer = Layer {
                info: SegmentInfo::default(),
                number: 0,
                range: (Millis(from), Millis(until)),
                pages: None,
                cell_step: None,
            };
            let most = 1 + random.below(90) as usize;
            // What memory or a later file has, some of it the same.
            let mut times: Vec<i64> = (0..random.below(5) as i64)
                .map(|i| last + 1000 * (2 - i))
                .collect();
            times.truncate(most);
            let inside = |time: &&i64| from <= **time && **time <= until;
            let mut want: Vec<i64> = all.iter().filter(inside).chain(&times).copied().collect();
            want.sort_unstable_by(|a, b| b.cmp(a));
            want.dedup();
            want.truncate(most);
            let parts = Parts::new(&run, Millis(BASE)).expect("a run");
            layer.add_run(parts, most, &mut times).expect("a good run");
            assert_eq!(times, want, "seed {seed}: {from} to {until}, {most}");
        }
    }
}
