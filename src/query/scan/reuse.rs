//! What a scan for rows takes from the results of earlier questions, and leaves for later ones.
//!
//! It marks the store's changes before anything is read. Once the series are found it looks for what these
//! came to before, and what of it still holds: then only the range behind is read, and the [`Gatherer`] puts
//! the two together. Where a series has another step by now all is read. The answer is the same either way.

use std::collections::HashMap;

use super::rows::Gatherer;
use super::{About, PointsScan, Spaced};
use crate::base::time::Millis;
use crate::model::series::{SeriesId, TenantId};
use crate::query::last_slot;
use crate::query::plan::Selector;
use crate::query::result_cache::{Front, Kept, Key, ResultCache};
use crate::query::rows::Combine;
use crate::store::Store;
use crate::store::changes::Mark;

/// With more series nothing is looked for: to compare them all takes too long in one go.
const SERIES_MAX: usize = 50_000;

/// How far a scan is with results.
pub(super) struct Reuse {
    key: Key,
    /// Of all that is asked for, seconds.
    spaced: Spaced,
    mark: Option<Mark>,
    /// Whether a result was looked for.
    looked: bool,
    /// The series, once it was, and what was paid for until then.
    ids: Vec<SeriesId>,
    paid: u64,
    /// What will be kept, once all is read.
    keeping: Keeping,
}

enum Keeping {
    /// It is not known yet.
    Undecided,
    Nothing,
    This(Kept),
}

impl Reuse {
    /// `None` where what is asked is never kept.
    pub(super) fn new(
        tenant: TenantId,
        selector: &Selector,
        combine: &Combine,
        spaced: Spaced,
    ) -> Option<Reuse> {
        let seconds = spaced.until_s.saturating_sub(spaced.from_s);
        // A summary's first stretch may be a part of one, which hangs on where the range begins.
        let key = Key::new(tenant, selector, combine, seconds);
        key.filter(|_| spaced.summary.is_none()).map(|key| Reuse {
            key,
            spaced,
            mark: None,
            looked: false,
            ids: Vec::new(),
            paid: 0,
            keeping: Keeping::Undecided,
        })
    }

    /// A series is read whose points leave by themselves: what it came to cannot be kept.
    pub(super) fn keep_nothing(&mut self) {
        self.keeping = Keeping::Nothing;
    }

    fn decide(
        &mut self,
        gatherer: &Gatherer,
        cache: &ResultCache,
        about: &About,
        points: u64,
    ) -> Keeping {
        let bytes_max = cache.result_bytes_max();
        let is_worth = cache.points_min() <= points && !about.damaged.get();
        match (gatherer.worth_keeping(bytes_max), self.mark) {
            // Until the question is answered it is there twice.
            (Some(((start, step, rows), bytes)), Some(mark))
                if is_worth && about.pay(bytes as u64).is_ok() =>
            {
                Keeping::This(Kept {
                    ids: std::mem::take(&mut self.ids),
                    mark,
                    start,
                    step,
                    rows,
                    groups: HashMap::with_capacity(gatherer.groups()),
                })
            }
            _ => Keeping::Nothing,
        }
    }
}

impl PointsScan {
    /// Before anything is read.
    pub(super) fn mark(&mut self, store: &mut Store, cache: &ResultCache) {
        if !cache.is_on() {
            self.reuse = None;
        }
        if let Some(reuse) = &mut self.reuse
            && reuse.mark.is_none()
        {
            reuse.mark = Some(store.mark());
        }
    }

    /// Whether a result is still to be looked for. All series are found.
    pub(super) fn looks_for_result(&self) -> bool {
        self.reuse.as_ref().is_some_and(|reuse| !reuse.looked)
    }

    /// Look for it, and leave out what it has of the range.
    pub(super) fn look_for_result(
        &mut self,
        store: &Store,
        cache: &mut ResultCache,
        about: &About,
    ) {
        let (Some(reuse), Some(gatherer)) = (&mut self.reuse, &mut self.gatherer) else {
            return;
        };
        reuse.looked = true;
        reuse.paid = about.paid.get();
        if self.unread.is_empty() || SERIES_MAX < self.unread.len() {
            self.reuse = None;
            return;
        }
        reuse.ids = self.unread.iter().copied().collect();
        let (from_s, until_s) = (reuse.spaced.from_s, reuse.spaced.until_s);
        let front = cache.get(&reuse.key, &reuse.ids).and_then(|kept| {
            Front::new(kept, (from_s, until_s), |mark, from, until| {
                store.unchanged_until(mark, from, until)
            })
        });
        if let Some(front) = front {
            let spaced = Spaced {
                from_s: front.end().saturating_sub(1),
                ..reuse.spaced
            };
            gatherer.begin_behind(front);
            self.read_range(spaced);
        }
    }

    /// Only this range is to be read.
    pub(super) fn read_range(&mut self, spaced: Spaced) {
        (self.from, self.until) = last_slot::points_of(spaced.from_s, spaced.until_s);
        self.last_slots = last_slot::last_slots(spaced.from_s, spaced.until_s).into();
        self.spaced = Some(spaced);
    }

    /// Where times are looked for that tell how far apart the points of a series lie: that does not hang on
    /// how much of the range was kept.
    pub(super) fn range_of_times(&self) -> (Millis, Millis) {
        match &self.reuse {
            Some(reuse) => last_slot::points_of(reuse.spaced.from_s, reuse.spaced.until_s),
            None => (self.from, self.until),
        }
    }

    /// Whether what was kept does not go with the series as they are now.
    pub(super) fn is_unfit(&self) -> bool {
        let gatherer = self.gatherer.as_ref();
        gatherer
            .is_some_and(|gatherer| gatherer.is_unfit() || (self.is_unsure && gatherer.is_behind()))
    }

    /// What was kept does not go with the series: all is read, as if nothing had been, and nothing is kept,
    /// or the next question would find the same.
    pub(super) fn begin_again(&mut self, cache: &mut ResultCache, about: &About) {
        let (Some(reuse), Some(gatherer)) = (self.reuse.take(), &mut self.gatherer) else {
            return;
        };
        cache.forget(&reuse.key);
        gatherer.begin_again();
        self.readings.clear();
        self.points = 0;
        about.give_back(about.paid.get().saturating_sub(reuse.paid));
        self.unread = reuse.ids.into();
        self.read_range(reuse.spaced);
        cache.note(false);
    }

    /// All series are read: put the rows together, and keep them if that is worth it. True when all is done.
    pub(super) fn settle_rows(
        &mut self,
        cache: &mut ResultCache,
        about: &About,
        left: &mut usize,
    ) -> bool {
        let Some(gatherer) = &mut self.gatherer else {
            return true;
        };
        let mut kept = None;
        if let Some(reuse) = &mut self.reuse {
            if let Keeping::Undecided = reuse.keeping {
                reuse.keeping = reuse.decide(gatherer, cache, about, self.points);
            }
            if let Keeping::This(this) = &mut reuse.keeping {
                kept = Some(this);
            }
        }
        if !gatherer.settle(kept, left) {
            return false;
        }
        if let Some(reuse) = self.reuse.take() {
            cache.note(gatherer.is_behind());
            if let Keeping::This(kept) = reuse.keeping {
                cache.put(reuse.key, kept);
            }
        }
        true
    }
}
