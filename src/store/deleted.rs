//! Series that were deleted as a whole and have had no point since: lists do not show them.
//!
//! Taking points costs nothing for it. A delete freezes what is open, so a point that comes behind it is in
//! a younger generation: whether one of those has points of a series is looked up when somebody lists. When
//! such a generation becomes files, the series that are alive again in it are told to the manifest before
//! the files are; so a start need not look into files.

use std::collections::{BTreeMap, HashMap};

use roaring::RoaringBitmap;

use super::generation::Head;
use super::manifest::Edit;
use super::tombstone::SERIES_MAX;
use super::{FIRST_LIVE, Store};
use crate::base::time::Stamp;
use crate::model::series::{Identity, SeriesId};

/// Generations that may wait to be sealed when a delete freezes one more: deletes in a row wait for the
/// seals, and never make senders wait.
const FROZEN_BEFORE_DELETE_MAX: usize = 2;
/// What asking one series costs, in points.
const ASK_COST: usize = 2;

/// The deleted series of one shard.
#[derive(Debug, Default)]
pub(super) struct Deleted {
    series: BTreeMap<SeriesId, Gone>,
    /// Those that this shard does not know, with the stamps of their deletes: if one comes here some day,
    /// the manifest must hear of it too.
    unknown: HashMap<Identity, u64>,
    /// Tombstones below this number were looked at.
    seen: u64,
}

#[derive(Clone, Copy, Debug)]
struct Gone {
    identity: Identity,
    /// Arrivals before do not count.
    stamp: u64,
}

impl Deleted {
    /// Those that have points in a generation which arrived behind their delete, of ids in `from..end`.
    pub(super) fn revived_in<'a>(
        &'a self,
        head: &'a Head,
        from: u32,
        end: u32,
    ) -> impl Iterator<Item = (SeriesId, Identity)> + 'a {
        let last = head.stamps().map_or(0, |(_, last)| last.0);
        let some = self.series.range(SeriesId(from)..SeriesId(end.max(from)));
        some.filter(move |&(&id, gone)| gone.stamp <= last && head.number(id).is_some())
            .map(|(&id, gone)| (id, gone.identity))
    }
}

impl Store {
    /// Take note of deletes that the manifest lists. `find` gives the id of a series on this shard.
    pub fn note_deleted(&mut self, find: &dyn Fn(Identity) -> Option<SeriesId>) {
        let tombstones = self.version.tombstones();
        let deleted = &mut self.deleted;
        for (identity, stamp) in tombstones.deleted(deleted.seen) {
            match find(identity) {
                Some(id) => drop(deleted.series.insert(id, Gone { identity, stamp })),
                None => drop(deleted.unknown.insert(identity, stamp)),
            }
        }
        deleted.seen = tombstones.next();
    }

    /// A series has become known to this shard.
    pub fn note_met(&mut self, id: SeriesId, identity: Identity) {
        let deleted = &mut self.deleted;
        if !deleted.unknown.is_empty()
            && let Some(stamp) = deleted.unknown.remove(&identity)
        {
            deleted.series.insert(id, Gone { identity, stamp });
        }
    }

    /// Whether any series may be hidden.
    pub fn has_deleted(&self) -> bool {
        !self.deleted.series.is_empty()
    }

    /// Whether a series was deleted and has had no point since.
    pub fn is_hidden(&self, id: SeriesId) -> bool {
        let gone = self.deleted.series.get(&id);
        gone.is_some_and(|gone| !self.has_points_since(id, gone.stamp))
    }

    fn has_points_since(&self, id: SeriesId, stamp: u64) -> bool {
        let young = |head: &Head| head.stamps().is_some_and(|(_, last)| stamp <= last.0);
        let all = self.frozen.iter().chain([&self.open]);
        all.into_iter()
            .any(|held| young(&held.head) && held.head.number(id).is_some())
    }

    /// Add the hidden series from `next` on to `hidden`, as many as `budget` allows, and take that from
    /// it. Gives where to go on, or `None` when all are there.
    pub fn hidden_from(
        &self,
        next: SeriesId,
        budget: &mut usize,
        hidden: &mut RoaringBitmap,
    ) -> Option<SeriesId> {
        for &id in self.deleted.series.range(next..).map(|(id, _)| id) {
            if *budget == 0 {
                return Some(id);
            }
            *budget = budget.saturating_sub(ASK_COST);
            if self.is_hidden(id) {
                hidden.insert(id.0);
            }
        }
        None
    }

    /// For a delete: let everything taken so far lie in generations that take no more. Gives a stamp above
    /// all of it; `None` while that has to wait for the disk, or for the replay.
    pub fn part(&mut self) -> Option<Stamp> {
        let live = self.frozen.iter().filter(|one| FIRST_LIVE <= one.number);
        if self.is_recovering() || FROZEN_BEFORE_DELETE_MAX < live.count() {
            return None;
        }
        if !self.open.head.is_empty() {
            self.freeze();
        }
        let last = self.now.stamp.0.max(self.open.stamp().0);
        Some(Stamp(last.saturating_add(1)))
    }

    /// The oldest arrival that memory and log still have, `None` where they have nothing; nothing at all
    /// until the log was replayed.
    pub fn oldest(&self) -> Option<Option<Stamp>> {
        let held = self.frozen.iter().chain([&self.open]);
        let first = held.filter_map(|held| held.head.stamps().map(|(first, _)| first));
        (!self.is_recovering()).then(|| first.min())
    }

    /// Ask the manifest to take note that these are alive again.
    pub(super) fn ask_to_revive(&mut self, series: &[(SeriesId, Identity)], last: Stamp) {
        for some in series.chunks(SERIES_MAX) {
            self.edits.push_back(Edit::Revive {
                stamp: last.0,
                series: some.iter().map(|&(_, identity)| identity).collect(),
            });
        }
    }

    /// A generation whose last arrival was at `last` is in files, and these series in it.
    pub(super) fn forget_deleted(&mut self, series: &[(SeriesId, Identity)], last: Stamp) {
        for (id, _) in series {
            if let Some(gone) = self.deleted.series.get(id)
                && gone.stamp <= last.0
            {
                self.deleted.series.remove(id);
            }
        }
    }
}
