//! What the series of one shard come to, group by group.

use std::collections::{BTreeMap, HashMap};

use super::{About, FoundSeries};
use crate::model::series::{Identity, Values};
use crate::query::error::QueryError;
use crate::query::graphite::slots::Slotted;
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
        }
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
        if let Some(group) = self.found.groups.get_mut(*place) {
            let values = slotted.values.get(*done..end).unwrap_or_default();
            group.rows.add(*done, values);
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
        about.purse.pay(IDENTITY_BYTES)?;
        self.found.identities.push(series.identity);
        let Some(slotted) = series.slotted.filter(|_| series.values == Values::Double) else {
            self.found.apart = true;
            return Ok(());
        };
        let rows = slotted.values.len();
        // What the values take is over once they are added.
        about.purse.give_back(rows as u64 * size_of::<f64>() as u64);
        let (start, step) = (slotted.start, slotted.step);
        if self.combine.law == Law::Last {
            about.purse.pay(NAME_BYTES + series.text.len() as u64)?;
        }
        if self.combine.by == By::All
            && let Some(group) = self.found.groups.first_mut()
            && group.tags.is_empty()
        {
            // The usual case of many untagged series that become one: nothing to be told apart.
            if series.text < group.first {
                group.first.clone_from(&series.text);
            }
            self.admit(0, &series.text, slotted)?;
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
                about.purse.pay(bytes.saturating_add(rows_bytes))?;
                let place = self.found.groups.len();
                self.places.insert(key.clone(), place);
                self.found.groups.push(FoundGroup {
                    key,
                    first: leaf.name.clone(),
                    tags: leaf.tags.clone(),
                    rows: Rows::new(self.combine.law, start, step, rows),
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
        self.admit(place, &leaf.name, slotted)
    }

    fn admit(&mut self, place: usize, name: &str, slotted: Slotted) -> Result<(), QueryError> {
        let Some(group) = self.found.groups.get_mut(place) else {
            return Ok(());
        };
        let rows = slotted.values.len();
        if !group.rows.fits(slotted.start, slotted.step, rows) {
            self.found.apart = true;
            return Ok(());
        }
        group.rows.begin_series(name);
        self.adding = Some((place, slotted, 0));
        Ok(())
    }

    /// What was found.
    pub(super) fn finish(self, exact: bool, points_read: u64, damaged: bool) -> FoundRows {
        FoundRows {
            exact,
            points_read,
            damaged,
            ..self.found
        }
    }
}
