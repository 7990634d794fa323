//! The listed segments, so that a reader of one book and a range of time finds its layers without
//! looking at the others, and so that a copy for the next version shares all that did not change.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::store::info::SegmentInfo;

/// Windows that start within one such stretch are kept, and copied, together.
const GROUP_MS: i64 = 24 * 60 * 60 * 1000;
/// The longest window of a segment.
pub const WINDOW_MS_MAX: i64 = 366 * GROUP_MS;

/// What all listed segments sum up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Files.
    pub files: u64,
    /// Bytes of the files.
    pub bytes: u64,
    /// Bytes of pages of points and their index.
    pub raw_bytes: u64,
    /// Bytes of cells and their index.
    pub cell_bytes: u64,
    /// Points, each as often as it is stored.
    pub points: u64,
}

/// The listed segments of all books.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Layers {
    /// By book and place of the window; within one in the order of [`key`].
    groups: BTreeMap<(u32, i64), Arc<Vec<SegmentInfo>>>,
    longest_window_ms: i64,
    totals: Totals,
}

/// Windows by time, and in a window the layers from the first to the last.
fn key(info: &SegmentInfo) -> (i64, u64, u64, u64) {
    let SegmentInfo {
        window_start_ms,
        last_stamp,
        first_stamp,
        file,
        ..
    } = *info;
    (window_start_ms, last_stamp, first_stamp, file)
}

fn group_of(ms: i64) -> i64 {
    ms.div_euclid(GROUP_MS)
}

impl Layers {
    /// The layers of a book with points from `from_ms` to `to_ms`, both included: windows by their
    /// start, and within a window the earlier arrivals first, so that of equal times the last stands.
    pub(super) fn of(
        &self,
        book: u32,
        from_ms: i64,
        to_ms: i64,
    ) -> impl Iterator<Item = &SegmentInfo> {
        let first = group_of(from_ms.saturating_sub(self.longest_window_ms));
        let last = group_of(to_ms).max(first);
        let groups = self.groups.range((book, first)..=(book, last));
        let all = groups.flat_map(|(_, group)| group.iter());
        all.filter(move |info| info.first_ms <= to_ms && from_ms <= info.last_ms)
    }

    /// All, by book, window and arrival.
    pub(super) fn iter(&self) -> impl Iterator<Item = &SegmentInfo> + Clone {
        self.groups.values().flat_map(|group| group.iter())
    }

    /// The groups of files, each with the place of its windows, from `from` on.
    pub(super) fn groups_from(
        &self,
        from: (u32, i64),
    ) -> impl Iterator<Item = ((u32, i64), &Vec<SegmentInfo>)> {
        let groups = self.groups.range(from..);
        groups.map(|(&place, group)| (place, &**group))
    }

    /// Where the earliest window of each book starts; with windows of several lengths other files may
    /// reach as far back, none further.
    pub(super) fn earliest_ms(&self) -> Option<i64> {
        let (mut earliest, mut next) = (None::<i64>, (0, i64::MIN));
        while let Some((&(book, _), group)) = self.groups.range(next..).next() {
            let start = group.first().map(|info| info.window_start_ms);
            earliest = earliest.into_iter().chain(start).min();
            match book.checked_add(1) {
                Some(book) => next = (book, i64::MIN),
                None => break,
            }
        }
        earliest
    }

    /// What all sum up to.
    pub(super) fn totals(&self) -> Totals {
        self.totals
    }

    pub(super) fn add(&mut self, info: SegmentInfo) {
        let place = (info.book, group_of(info.window_start_ms));
        let group = Arc::make_mut(self.groups.entry(place).or_default());
        let at = group.partition_point(|other| key(other) < key(&info));
        group.insert(at, info);
        self.longest_window_ms = self.longest_window_ms.max(info.window_ms);
        self.count(&info, u64::wrapping_add);
    }

    pub(super) fn remove(&mut self, info: &SegmentInfo) -> bool {
        let place = (info.book, group_of(info.window_start_ms));
        let Some(group) = self.groups.get_mut(&place) else {
            return false;
        };
        let Ok(at) = group.binary_search_by_key(&key(info), key) else {
            return false;
        };
        let group = Arc::make_mut(group);
        group.remove(at);
        if group.is_empty() {
            self.groups.remove(&place);
        }
        self.count(info, u64::wrapping_sub);
        true
    }

    // Wrapping, so that what a hostile file says only makes the sums wrong.
    fn count(&mut self, info: &SegmentInfo, with: impl Fn(u64, u64) -> u64) {
        let totals = &mut self.totals;
        totals.files = with(totals.files, 1);
        totals.bytes = with(totals.bytes, info.bytes);
        totals.raw_bytes = with(totals.raw_bytes, info.raw_bytes);
        totals.cell_bytes = with(totals.cell_bytes, info.cell_bytes);
        totals.points = with(totals.points, info.points);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;

    const HOUR_MS: i64 = 60 * 60 * 1000;

    fn some_info(file: u64, random: &mut Random) -> SegmentInfo {
        let window_ms = [HOUR_MS, HOUR_MS, GROUP_MS, 3 * GROUP_MS][random.below(4) as usize];
        let start = (random.below(1000) as i64 - 300) * HOUR_MS;
        let window_start_ms = start.div_euclid(window_ms) * window_ms;
        let first = random.below(window_ms as u64) as i64;
        let last = first + random.below((window_ms - first) as u64) as i64;
        SegmentInfo {
            file,
            book: random.below(3) as u32,
            window_start_ms,
            window_ms,
            last_stamp: random.below(50),
            points: random.below(10),
            bytes: random.below(10),
            first_ms: window_start_ms + first,
            last_ms: window_start_ms + last,
            ..SegmentInfo::default()
        }
    }

    /// The slow twin: a list.
    fn of(all: &[SegmentInfo], book: u32, from_ms: i64, to_ms: i64) -> Vec<SegmentInfo> {
        let is_in = |info: &&SegmentInfo| {
            info.book == book && info.first_ms <= to_ms && info.last_ms >= from_ms
        };
        let mut found: Vec<_> = all.iter().filter(is_in).copied().collect();
        found.sort_by_key(|info| (info.window_start_ms, info.last_stamp, info.file));
        found
    }

    #[test]
    fn finds_what_a_list_finds() {
        for seed in 0..200 {
            let mut random = Random::new(seed);
            let (mut layers, mut all) = (Layers::default(), Vec::<SegmentInfo>::new());
            for file in 0..random.below(80) {
                if random.chance(30) && !all.is_empty() {
                    let info = all.swap_remove(random.below(all.len() as u64) as usize);
                    assert!(layers.remove(&info) && !layers.remove(&info), "seed {seed}");
                } else {
                    let info = some_info(file, &mut random);
                    all.push(info);
                    layers.add(info);
                }
                let from_ms = (random.below(1000) as i64 - 300) * HOUR_MS;
                let to_ms = from_ms + random.below(5 * GROUP_MS as u64) as i64 - HOUR_MS;
                let book = random.below(3) as u32;
                let got: Vec<_> = layers.of(book, from_ms, to_ms).copied().collect();
                assert_eq!(got, of(&all, book, from_ms, to_ms), "seed {seed}");
            }
            let starts = all.iter().map(|info| info.window_start_ms);
            assert_eq!(layers.earliest_ms(), starts.min(), "seed {seed}");
            let points: u64 = all.iter().map(|info| info.points).sum();
            let totals = layers.totals();
            assert_eq!(
                (totals.files, totals.points),
                (all.len() as u64, points),
                "seed {seed}"
            );
        }
    }

    #[test]
    fn the_ends_of_time_are_places_too() {
        let mut layers = Layers::default();
        let info = SegmentInfo {
            window_start_ms: i64::MIN,
            window_ms: WINDOW_MS_MAX,
            first_ms: i64::MIN,
            last_ms: i64::MIN,
            book: u32::MAX,
            ..SegmentInfo::default()
        };
        layers.add(info);
        assert_eq!(layers.of(u32::MAX, i64::MIN, i64::MAX).count(), 1);
        assert_eq!(layers.of(u32::MAX, i64::MAX, i64::MIN).count(), 0);
        assert_eq!(layers.earliest_ms(), Some(i64::MIN));
    }
}
