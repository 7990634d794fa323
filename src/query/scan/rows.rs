//! What the series of one shard come to, group by group.

use std::collections::{BTreeMap, HashMap};

use super::{About, FoundSeries};
use crate::model::series::{Identity, Values};
use crate::query::error::QueryError;
use crate::query::graphite::slots::Slotted;
use crate::query::result_cache::{Front, Kept};
use crate::query::rows::{By, Combine, Law, Rows};
use crate::query::series::Series;

/// To [`Want::Rows`](crate::query::plan::Want::Rows).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FoundRows {
    /// In no order.
    pub groups: Vec<FoundGroup>,
    /// Of all series.
    pub identities: Vec<Identity>,
    /// See [`Matches::exact`](super::Matches::exact).
    pub exact: bool,
    /// Series that cannot be combined here: of another grid than the rest of their group, or not of
    /// floats. Then the answer says nothing else.
    pub apart: bool,
    /// Points that were read for it.
    pub points_read: u64,
    /// Rows that were kept from an earlier question.
    pub rows_kept: u64,
    /// Whether points are missing because a file is damaged.
    pub damaged: bool,
}

/// Series that were combined.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundGroup {
    /// What they share.
    pub key: String,
    /// Canonical text of the first of them by name.
    pub first: String,
    /// Tags that all of them have with one value, their name among them.
    pub tags: BTreeMap<String, String>,
    /// What they come to.
    pub rows: Rows,
    /// The canonical texts of all of them, where each became something else before they were combined: then
    /// what they come to is called after each.
    pub names: Vec<String>,
}

/// Values that are added in one go.
const AT_ONCE: usize = 2_000;
/// A result of more groups is not kept: to let go of them takes too long in one go.
const KEPT_GROUPS_MAX: usize = 1_000;
/// How many values are added in the time that one point takes to be read.
const VALUES_PER_POINT: usize = 4;
/// Bytes of one name besides its text, of one identity, and of a group besides its rows and texts.
const NAME_BYTES: u64 = size_of::<String>() as u64;
const IDENTITY_BYTES: u64 = size_of::<Identity>() as u64;
const GROUP_BYTES: u64 = size_of::<FoundGroup>() as u64;

/// Takes one series after the other.
pub(super) struct Gatherer {
    combine: Combine,
    found: FoundRows,
    places: HashMap<String, usize>,
    /// Whether all names are wanted.
    named: bool,
    /// Of values that were added.
    memory: Vec<f64>,
    /// Where the values belong that are being added, and how many were.
    adding: Option<(usize, Slotted, usize)>,
    /// What is there already of all rows.
    front: Option<Front>,
    /// Whether some series has another step than that, so that all rows must be made.
    is_unfit: bool,
    /// Up to where the rows of which group are settled; see [`Gatherer::settle`].
    settled: (usize, usize),
}

impl Gatherer {
    /// Nothing is taken yet.
    pub(super) fn new(combine: Combine, named: bool) -> Gatherer {
        Gatherer {
            combine,
            named,
            memory: Vec::new(),
            found: FoundRows::default(),
            places: HashMap::new(),
            adding: None,
            front: None,
            is_unfit: false,
            settled: (0, 0),
        }
    }

    /// The first rows of all groups are there; only what is behind them will be taken.
    pub(super) fn begin_behind(&mut self, front: Front) {
        self.front = Some(front);
    }

    /// Forget all that was taken, and the first rows: they do not go with the series as they are now.
    pub(super) fn begin_again(&mut self) {
        let combine = self.combine.clone();
        *self = Gatherer::new(combine, self.named);
    }

    /// Whether the first rows are there.
    pub(super) fn is_behind(&self) -> bool {
        self.front.is_some()
    }

    /// How many groups there are.
    pub(super) fn groups(&self) -> usize {
        self.found.groups.len()
    }

    /// Whether it has to be begun again.
    pub(super) fn is_unfit(&self) -> bool {
        self.is_unfit
    }

    /// Rows that are there already.
    fn rows_in_front(&self) -> usize {
        self.front.as_ref().map_or(0, |front| front.rows.len())
    }

    /// Whether values of a series are still to be added.
    pub(super) fn is_adding(&self) -> bool {
        self.adding.is_some()
    }

    /// Add some values of the series that was taken.
    pub(super) fn add(&mut self, left: &mut usize) {
        let Some((place, slotted, done)) = &mut self.adding else {
            return;
        };
        let end = (*done + AT_ONCE).min(slotted.values.len());
        let front = self.front.as_ref().map_or(0, |front| front.rows.len());
        if let Some(group) = self.found.groups.get_mut(*place) {
            let values = slotted.values.get(*done..end).unwrap_or_default();
            group.rows.add(front + *done, values);
        }
        *left = left.saturating_sub((end - *done) / VALUES_PER_POINT + 1);
        *done = end;
        if end == slotted.values.len()
            && let Some((_, slotted, _)) = self.adding.take()
        {
            self.memory = slotted.values;
        }
    }

    /// Memory for the values of the next series.
    pub(super) fn take_memory(&mut self) -> Vec<f64> {
        std::mem::take(&mut self.memory)
    }

    /// Take a series; its values are added by [`Gatherer::add`].
    pub(super) fn take(&mut self, series: FoundSeries, about: &About) -> Result<(), QueryError> {
        about.pay(IDENTITY_BYTES)?;
        self.found.identities.push(series.identity);
        let Some(slotted) = series.slotted.filter(|_| series.values == Values::Double) else {
            self.found.apart = true;
            return Ok(());
        };
        // What the values take is over once they are added.
        let values_bytes = slotted.values.len() as u64 * size_of::<f64>() as u64;
        about.give_back(values_bytes);
        let step = slotted.step;
        let start = match &self.front {
            Some(front) if (front.end(), front.result.step) == (slotted.start, step) => front.start,
            Some(_) => {
                self.is_unfit = true;
                return Ok(());
            }
            None => slotted.start,
        };
        let rows = self.rows_in_front() + slotted.values.len();
        if self.combine.law == Law::Last {
            about.pay(NAME_BYTES + series.text.len() as u64)?;
        }
        if self.combine.by == By::All
            && let Some(group) = self.found.groups.first_mut()
            && group.tags.is_empty()
        {
            // The usual case of many untagged series that become one: nothing to be told apart.
            if series.text < group.first {
                group.first.clone_from(&series.text);
            }
            self.admit(0, &series.text, (start, rows), slotted);
            if self.named
                && let Some(group) = self.found.groups.first_mut()
            {
                group.names.push(series.text);
            }
            return Ok(());
        }
        let Ok(leaf) = Series::leaf(series.text, start, step, Vec::new(), 0.0) else {
            self.found.apart = true;
            return Ok(());
        };
        let key = self.combine.by.key(&leaf);
        let place = match self.places.get(&key) {
            Some(&place) => place,
            None => {
                let bytes = GROUP_BYTES + 2 * (leaf.name.len() + key.len()) as u64;
                let rows_bytes = (rows as u64).saturating_mul(self.combine.law.row_bytes());
                about.pay(bytes.saturating_add(rows_bytes))?;
                let front = self.rows_in_front();
                let place = self.found.groups.len();
                self.places.insert(key.clone(), place);
                self.found.groups.push(FoundGroup {
                    key,
                    first: leaf.name.clone(),
                    tags: leaf.tags.clone(),
                    rows: Rows::new(self.combine.law, start, step, rows).behind(front),
                    names: Vec::new(),
                });
                place
            }
        };
        if let Some(group) = self.found.groups.get_mut(place) {
            if self.named {
                group.names.push(leaf.name.clone());
            }
            if leaf.name < group.first {
                group.first.clone_from(&leaf.name);
            }
            group
                .tags
                .retain(|key, value| leaf.tags.get(key) == Some(value));
        }
        self.admit(place, &leaf.name, (start, rows), slotted);
        Ok(())
    }

    /// Begin to add the values of a series, which with the rows in front are so many rows from `start` on.
    fn admit(&mut self, place: usize, name: &str, (start, rows): (i64, usize), slotted: Slotted) {
        let Some(group) = self.found.groups.get_mut(place) else {
            return;
        };
        if !group.rows.fits(start, slotted.step, rows) {
            self.found.apart = true;
            return;
        }
        group.rows.begin_series(name);
        self.adding = Some((place, slotted, 0));
    }

    /// All series are taken: put some of the rows in front where they belong, and copy some to what is to be
    /// kept, if something is. True when all is done.
    pub(super) fn settle(&mut self, mut kept: Option<&mut Kept>, left: &mut usize) -> bool {
        if self.front.is_none() && kept.is_none() {
            return true;
        }
        let (place, done) = &mut self.settled;
        while let Some(group) = self.found.groups.get_mut(*place) {
            if *left == 0 {
                return false;
            }
            let end = (*done + AT_ONCE).min(group.rows.len());
            if let Some(front) = &self.front {
                let rows = *done..end.min(front.rows.len());
                // Of the same series there are the same groups.
                if let Some(columns) = front.result.groups.get(&group.key) {
                    let first = front.rows.start + rows.start;
                    group.rows.put_front(rows, columns, first);
                }
            }
            if let Some(kept) = &mut kept {
                if *done == 0 {
                    let columns = group.rows.columns();
                    kept.groups.insert(group.key.clone(), columns);
                }
                if let Some(columns) = kept.groups.get_mut(&group.key) {
                    group.rows.copy_to(*done..end, columns);
                }
            }
            *left = left.saturating_sub((end - *done) / VALUES_PER_POINT + 1);
            *done = end;
            if end == group.rows.len() {
                (*place, *done) = (*place + 1, 0);
            }
        }
        true
    }

    /// Start, step and number of the rows of all groups, and what would be kept of them takes, if they are
    /// the same and that is no more than `bytes_max`.
    pub(super) fn worth_keeping(&self, bytes_max: usize) -> Option<((i64, i64, usize), usize)> {
        let groups = &self.found.groups;
        let Rows { start, step, .. } = groups.first()?.rows;
        let rows = groups.first()?.rows.len();
        let row_bytes = self.combine.law.row_bytes() as usize;
        let bytes = rows.saturating_mul(row_bytes).saturating_mul(groups.len());
        let fits = |group: &FoundGroup| group.rows.fits(start, step, rows);
        let is_small = bytes <= bytes_max && groups.len() <= KEPT_GROUPS_MAX;
        let is_worth = is_small && !self.found.apart && groups.iter().all(fits);
        is_worth.then_some(((start, step, rows), bytes))
    }

    /// What was found.
    pub(super) fn finish(self, exact: bool, points_read: u64, damaged: bool) -> FoundRows {
        let rows_kept = self.rows_in_front().saturating_mul(self.found.groups.len());
        FoundRows {
            exact,
            points_read,
            rows_kept: rows_kept as u64,
            damaged,
            ..self.found
        }
    }
}
