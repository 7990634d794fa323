//! What the points of one shard's series come to in the buckets of a KairosDB aggregator, group by group.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::single::POINT_BYTES;
use super::{About, FoundPoints, FoundSeries, Matches};
use crate::model::points::Points;
use crate::model::series::{Identity, SeriesName, Values};
use crate::query::error::QueryError;
use crate::query::kairos::cells::{CELL_BYTES, CellPlan, Cells};
use crate::query::kairos::tags::{self, Tags};
use crate::query::kairos::{Column, SeriesPoints};

/// Whose points become cells, and how.
#[derive(Clone, Debug)]
pub struct Folding {
    /// The buckets, and what becomes of their points.
    pub plan: CellPlan,
    /// Tags by which series are grouped; none are one group.
    pub tags: Vec<String>,
    /// Series that are in several places: their points have to be joined first.
    pub shared: HashSet<Identity>,
}

/// To [`Want::Cells`](crate::query::plan::Want::Cells).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FoundCells {
    /// In no order.
    pub groups: Vec<CellGroup>,
    /// Series whose points did not become cells: shared ones, and those of texts. Nothing is told of matches.
    pub rest: FoundPoints,
    /// Points that became cells.
    pub folded: u64,
    /// Series whose points became cells. Where one is there twice it was not known to be shared when that was
    /// asked: then the cells say nothing.
    pub identities: Vec<Identity>,
}

/// Series that were folded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CellGroup {
    /// What they share.
    pub values: Vec<String>,
    /// Tags of those that had points.
    pub tags: Tags,
    /// What they come to.
    pub cells: Cells,
}

/// Points that are settled in one go, and that are folded.
const AT_ONCE: usize = 1_000;
/// How many points are settled or folded in the time that one takes to be read.
const FOLDED_PER_POINT: usize = 4;
/// Bytes of a group besides its cells, texts and tags.
const GROUP_BYTES: u64 = 2 * size_of::<CellGroup>() as u64;
/// What the identity of a series takes, here and in the merge.
const IDENTITY_BYTES: u64 = 3 * size_of::<Identity>() as u64;
/// How much more the tags of a series may take in maps than in its text.
const TAGS_FACTOR: u64 = 8;

/// Takes one series after the other.
pub(super) struct Folder {
    folding: Arc<Folding>,
    found: FoundCells,
    places: HashMap<Vec<String>, usize>,
    current: Option<Current>,
}

/// A series whose points become cells.
struct Current {
    place: usize,
    values: Values,
    points: Points,
    /// Of the points up to the second number, the first are left that count.
    kept: usize,
    settled: usize,
    folded: usize,
}

impl Folder {
    /// Nothing is taken yet.
    pub(super) fn new(folding: Arc<Folding>) -> Folder {
        Folder {
            folding,
            found: FoundCells::default(),
            places: HashMap::new(),
            current: None,
        }
    }

    /// Whether points of a series are still to be folded.
    pub(super) fn is_folding(&self) -> bool {
        self.current.is_some()
    }

    /// Fold some points of the series that was taken. Gives memory that is not needed any more.
    pub(super) fn fold(
        &mut self,
        about: &About,
        left: &mut usize,
    ) -> Result<Option<Points>, QueryError> {
        let Some(current) = &mut self.current else {
            return Ok(None);
        };
        *left = left.saturating_sub(AT_ONCE / FOLDED_PER_POINT + 1);
        let count = current.points.len();
        if current.settled < count {
            let end = (current.settled + AT_ONCE).min(count);
            let stretch = current.settled..end;
            current.kept = current.points.settle_stretch(current.kept, stretch);
            current.settled = end;
            return Ok(None);
        }
        let end = (current.folded + AT_ONCE).min(current.kept);
        let stretch = current.folded..end;
        let times = current.points.times.get(stretch.clone());
        let values = current.points.values.get(stretch).unwrap_or_default();
        let points = SeriesPoints {
            times: times.unwrap_or_default(),
            values: match current.values {
                Values::Long => Column::Long(values),
                _ => Column::Double(values),
            },
        };
        if let Some(group) = self.found.groups.get_mut(current.place) {
            let before = group.cells.len();
            group.cells.fold(&self.folding.plan, &points);
            let more = group.cells.len() - before;
            about.pay((more as u64).saturating_mul(CELL_BYTES))?;
        }
        current.folded = end;
        if end < current.kept {
            return Ok(None);
        }
        self.found.folded += current.kept as u64;
        about.give_back((count * POINT_BYTES) as u64);
        let mut memory = std::mem::take(&mut current.points);
        memory.clear();
        self.current = None;
        Ok(Some(memory))
    }

    /// Take a series; its points are folded by [`Folder::fold`].
    pub(super) fn take(&mut self, series: FoundSeries, about: &About) -> Result<(), QueryError> {
        if series.points.is_empty() {
            return Ok(());
        }
        let is_shared = self.folding.shared.contains(&series.identity);
        let name = SeriesName::from_text(&series.text);
        let (false, false, Ok(name)) = (is_shared, series.values == Values::Text, name) else {
            self.found.rest.series.push(series);
            return Ok(());
        };
        let values = tags::shared(&self.folding.tags, &name);
        let bytes = (series.text.len() as u64).saturating_mul(TAGS_FACTOR);
        about.pay(bytes.saturating_add(IDENTITY_BYTES))?;
        self.found.identities.push(series.identity);
        let place = match self.places.get(&values) {
            Some(&place) => place,
            None => {
                about.pay(GROUP_BYTES)?;
                let place = self.found.groups.len();
                self.places.insert(values.clone(), place);
                self.found.groups.push(CellGroup {
                    values,
                    ..CellGroup::default()
                });
                place
            }
        };
        if let Some(group) = self.found.groups.get_mut(place) {
            tags::add(&mut group.tags, &name);
        }
        self.current = Some(Current {
            place,
            values: series.values,
            points: series.points,
            kept: 0,
            settled: 0,
            folded: 0,
        });
        Ok(())
    }

    /// What was found.
    pub(super) fn finish(mut self, points_read: u64, damaged: bool) -> FoundCells {
        self.found.rest.matches.push(Matches::default());
        self.found.rest.points_read = points_read;
        self.found.rest.damaged = damaged;
        self.found
    }
}
