//! What series came to in earlier questions, for the next of their kind: a dashboard asks the same again
//! every few seconds, of a range that has moved on a little.
//!
//! Takes the rows of groups once they are combined, with the [`Mark`] of when that began; gives them back to
//! whoever asks the same of the same series. What of them still holds the store tells:
//! [`Store::unchanged_until`](crate::store::Store::unchanged_until). Bounded in bytes: what was used longest
//! ago leaves. One for each shard, as each keeps what its own series come to.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::rc::Rc;

use super::graphite::slots;
use super::plan::Selector;
use super::rows::Combine;
use crate::base::time::Millis;
use crate::model::series::{SeriesId, TenantId};
use crate::store::changes::Mark;

/// A result that takes more than this part of the cache is not kept.
const PART: usize = 8;

/// Results that leave at once for another.
const LEAVING_MAX: usize = 64;

/// Rows that must be spared, or that part of all that are asked for, for a result to be worth its use.
const WORTH_ROWS: u64 = 16;
const WORTH_PART: u64 = 4;

/// What a cache may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Bytes of all results; 0 keeps none.
    pub bytes_max: usize,
    /// Points that must have been read for a result: fewer are read again as fast.
    pub points_min: u64,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            bytes_max: 64 << 20,
            points_min: 50_000,
        }
    }
}

/// What is asked: the same for one panel again and again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key(String);

impl Key {
    /// Of the question what a selector's series come to in a range of so many seconds. `None` for laws
    /// whose rows hang on more than what they hold.
    pub fn new(
        tenant: TenantId,
        selector: &Selector,
        combine: &Combine,
        seconds: i64,
    ) -> Option<Key> {
        // Two panels that show an hour and a day of the same would take each other's place.
        let length = seconds.max(1).ilog2();
        let (law, by) = (combine.law, &combine.by);
        law.is_told_by_rows()
            .then(|| Key(format!("{tenant:?} {selector:?} {law:?} {by:?} {length}")))
    }
}

/// Rows of a group: of each the number of values, what they come to, and what that has lost by rounding,
/// if it is a sum.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Columns {
    /// Values of each row.
    pub counts: Vec<u32>,
    /// See [`Rows`](super::rows::Rows).
    pub totals: Vec<f64>,
    /// See [`Rows`](super::rows::Rows); empty where nothing is lost.
    pub lost: Vec<f64>,
}

impl Columns {
    fn bytes(&self) -> usize {
        self.counts.capacity() * size_of::<u32>()
            + (self.totals.capacity() + self.lost.capacity()) * size_of::<f64>()
    }
}

/// What series came to.
#[derive(Debug)]
pub struct Kept {
    /// The series, in the order in which they were found.
    pub ids: Vec<SeriesId>,
    /// When they began to be read.
    pub mark: Mark,
    /// Seconds since the epoch of the first row.
    pub start: i64,
    /// Seconds from row to row.
    pub step: i64,
    /// Rows of each group.
    pub rows: usize,
    /// By what they share.
    pub groups: HashMap<String, Columns>,
}

impl Kept {
    fn bytes(&self) -> usize {
        let groups = self.groups.iter();
        let of_groups = groups.map(|(key, columns)| key.capacity() + columns.bytes() + GROUP_BYTES);
        self.ids.capacity() * size_of::<SeriesId>() + of_groups.sum::<usize>()
    }
}

/// What a group takes besides its key and columns, and a result besides its groups.
const GROUP_BYTES: usize = size_of::<(String, Columns)>() + size_of::<usize>();

/// The first rows of an answer, out of a result.
#[derive(Clone, Debug)]
pub struct Front {
    /// Which.
    pub result: Rc<Kept>,
    /// Those of its rows.
    pub rows: Range<usize>,
    /// Seconds since the epoch of the first of them.
    pub start: i64,
}

impl Front {
    /// Of the rows from `from_s` (exclusive) to `until_s` (inclusive) those that are in a result and hold;
    /// all but the last at most, so that there is something to be read that tells whether the step is still
    /// that. `sure` tells up to where of a range nothing has changed since. `None` where it is not worth it.
    pub fn new(
        result: Rc<Kept>,
        (from_s, until_s): (i64, i64),
        sure: impl FnOnce(Mark, Millis, Millis) -> Millis,
    ) -> Option<Front> {
        let step = result.step;
        let (start, wanted) = slots::span(step, from_s, until_s);
        let ahead = start.checked_sub(result.start)?;
        let skipped = usize::try_from(ahead / step).ok()?;
        let there = result.rows.checked_sub(skipped)? as u64;
        let most = i64::try_from(there.min(wanted.checked_sub(1)?)).ok()?;
        let from = Millis::from_seconds(start);
        let until = Millis::from_seconds(start.checked_add(most.checked_mul(step)?)?);
        let sure_s = sure(result.mark, from, until).0.div_euclid(1000);
        let rows = u64::try_from((sure_s - start) / step).ok()?;
        // Before the beginning of time all instants are one.
        let rows = rows.min(most.unsigned_abs());
        let is_worth = WORTH_ROWS <= rows && wanted / WORTH_PART <= rows;
        (ahead % step == 0 && is_worth).then(|| Front {
            rows: skipped..skipped + rows as usize,
            result,
            start,
        })
    }

    /// Seconds since the epoch of the first row that is still to be made.
    pub fn end(&self) -> i64 {
        let length = i64::try_from(self.rows.len()).unwrap_or(i64::MAX);
        self.start
            .saturating_add(length.saturating_mul(self.result.step))
    }
}

struct Entry {
    result: Rc<Kept>,
    bytes: usize,
    /// The number of its last use.
    used: u64,
}

/// The results that are kept.
pub struct ResultCache {
    entries: HashMap<Key, Entry>,
    /// Them by their last use.
    uses: BTreeMap<u64, Key>,
    last_use: u64,
    bytes: usize,
    options: Options,
    counts: Counts,
}

/// What a cache did so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Bytes that it holds.
    pub bytes: u64,
    /// Questions whose rows were partly there.
    pub hits: u64,
    /// Questions of which nothing was there that still held.
    pub misses: u64,
}

impl ResultCache {
    /// An empty one.
    pub fn new(options: Options) -> ResultCache {
        ResultCache {
            entries: HashMap::new(),
            uses: BTreeMap::new(),
            last_use: 0,
            bytes: 0,
            options,
            counts: Counts::default(),
        }
    }

    /// Whether anything is ever kept.
    pub fn is_on(&self) -> bool {
        0 < self.options.bytes_max
    }

    /// The most bytes that one result may take.
    pub fn result_bytes_max(&self) -> usize {
        self.options.bytes_max / PART
    }

    /// See [`Options::points_min`].
    pub fn points_min(&self) -> u64 {
        self.options.points_min
    }

    /// The result of a question, if these were its series.
    pub fn get(&mut self, key: &Key, ids: &[SeriesId]) -> Option<Rc<Kept>> {
        let entry = self.entries.get_mut(key)?;
        let used = std::mem::replace(&mut entry.used, self.last_use + 1);
        self.last_use += 1;
        if let Some(key) = self.uses.remove(&used) {
            self.uses.insert(self.last_use, key);
        }
        (entry.result.ids == ids).then(|| Rc::clone(&entry.result))
    }

    /// Count a question.
    pub fn note(&mut self, is_hit: bool) {
        match is_hit {
            true => self.counts.hits += 1,
            false => self.counts.misses += 1,
        }
    }

    /// Keep a result, instead of the one of the same question that is there. Where many smaller ones would
    /// have to leave for it, only some do, and it is not kept.
    pub fn put(&mut self, key: Key, result: Kept) {
        let bytes = result.bytes() + 3 * key.0.len() + size_of::<Entry>();
        self.forget(&key);
        if self.result_bytes_max() < bytes {
            return;
        }
        let most = self.options.bytes_max - bytes;
        for _ in 0..LEAVING_MAX {
            if self.bytes <= most {
                break;
            }
            if let Some((_, oldest)) = self.uses.pop_first() {
                self.forget(&oldest);
            }
        }
        if most < self.bytes {
            return;
        }
        self.bytes += bytes;
        self.last_use += 1;
        self.uses.insert(self.last_use, key.clone());
        let entry = Entry {
            result: Rc::new(result),
            bytes,
            used: self.last_use,
        };
        self.entries.insert(key, entry);
    }

    /// A result is of no use any more.
    pub fn forget(&mut self, key: &Key) {
        if let Some(entry) = self.entries.remove(key) {
            self.uses.remove(&entry.used);
            self.bytes -= entry.bytes;
        }
    }

    /// The counters.
    pub fn counts(&self) -> Counts {
        Counts {
            bytes: self.bytes as u64,
            ..self.counts
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;
    use crate::store::Store;
    use crate::store::fake_disk::FakeDisk;
    use crate::store::recover::Start;
    use std::cell::RefCell;

    fn kept(mark: Mark, rows: usize) -> Kept {
        let columns = Columns {
            counts: vec![1; rows],
            totals: vec![1.0; rows],
            lost: Vec::new(),
        };
        Kept {
            ids: vec![SeriesId(7)],
            mark,
            start: 1_000,
            step: 10,
            rows,
            groups: [(String::new(), columns)].into(),
        }
    }

    fn mark() -> Mark {
        let disk = RefCell::new(FakeDisk::new(1));
        let store = Store::open(
            crate::store::Options::default(),
            Start::fresh(1),
            &disk,
            &mut |_| None,
        );
        store.expect("an empty disk").mark()
    }

    #[test]
    fn it_keeps_within_its_bytes_what_was_used_last() {
        let mark = mark();
        let mut random = Random::new(1);
        let mut cache = ResultCache::new(Options {
            bytes_max: 100_000,
            points_min: 0,
        });
        let favourite = Key("favourite".to_owned());
        cache.put(favourite.clone(), kept(mark, 100));
        for i in 0..2_000 {
            let key = Key(format!("{}", random.below(500)));
            cache.put(key.clone(), kept(mark, 1 + random.below(700) as usize));
            assert!(cache.counts().bytes <= 100_000, "{i}");
            assert_eq!(cache.uses.len(), cache.entries.len());
            let bytes: usize = cache.entries.values().map(|entry| entry.bytes).sum();
            assert_eq!(bytes, cache.bytes);
            assert!(cache.get(&favourite, &[SeriesId(7)]).is_some(), "{i}");
        }
        assert!(cache.entries.len() > 5);
        assert!(cache.get(&favourite, &[SeriesId(8)]).is_none());
        cache.put(Key("large".to_owned()), kept(mark, 10_000));
        assert!(!cache.entries.contains_key(&Key("large".to_owned())));
    }

    #[test]
    fn a_front_holds_as_far_as_nothing_changed() {
        let front = |range: (i64, i64), sure_s: i64| {
            let front = Front::new(Rc::new(kept(mark(), 100)), range, |_, from, until| {
                Millis(sure_s.saturating_mul(1000).clamp(from.0, until.0))
            });
            front.map(|front| (front.rows.clone(), front.start, front.end()))
        };
        // Rows from 1,000 to 1,990.
        assert_eq!(front((999, 2_100), i64::MAX), Some((0..100, 1_000, 2_000)));
        assert_eq!(
            front((1_195, 2_100), i64::MAX),
            Some((20..100, 1_200, 2_000))
        );
        assert_eq!(front((1_195, 2_100), 1_505), Some((20..50, 1_200, 1_500)));
        // One is left to be read.
        assert_eq!(front((999, 1_500), i64::MAX), Some((0..50, 1_000, 1_500)));
        // Too little, too early, too late.
        assert_eq!(front((1_195, 2_100), 1_300), None);
        assert_eq!(front((985, 1_500), i64::MAX), None);
        assert_eq!(front((2_100, 2_500), i64::MAX), None);
        assert_eq!(front((i64::MIN, i64::MIN + 500), i64::MAX), None);
        assert_eq!(front((i64::MAX - 500, i64::MAX), i64::MAX), None);
    }
}
