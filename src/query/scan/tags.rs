//! What tags say on one shard: series, keys and values.

use std::sync::Arc;

use roaring::RoaringBitmap;

use super::{About, FoundCounts, NODE_BYTES, Partial, TEST_COST, invalid, unselected};
use crate::index::Index;
use crate::index::tags::{Listed, Listing, NAME_KEY, Selection, TagTest, TextFilter};
use crate::model::series::{Identity, SeriesId};
use crate::query::error::QueryError;
use crate::query::plan::{Filter, TagPart, TagQuery};
use crate::store::Store;

/// What a name in an answer costs, in points of the budget.
const NAME_COST: usize = 4;
/// Bytes of a series that a value counts, here and in the merge.
const COUNTED_BYTES: u64 = 2 * size_of::<(u32, Identity)>() as u64;

/// A question about tags under way.
pub(super) struct TagsScan {
    query: Arc<TagQuery>,
    stage: Stage,
    /// Keys of its tests.
    tested: Vec<String>,
    /// Keys whose values are still to be listed, once these are known.
    keys_left: Option<Vec<String>>,
    names: Vec<String>,
    counts: FoundCounts,
}

enum Stage {
    Reading(Vec<TagTest>),
    Selecting(Box<Selection>),
    /// From the series that pass, those that were deleted are taken away: the next that is asked, the
    /// series, and what is hidden so far.
    Hiding(SeriesId, RoaringBitmap, RoaringBitmap),
    /// The keys or values, and the series that count.
    Listing(Box<Listing>, Option<RoaringBitmap>),
    /// The series of the last value that are still to be counted, and then the listing goes on.
    Counting(
        Box<roaring::bitmap::IntoIter>,
        Box<Listing>,
        Option<RoaringBitmap>,
    ),
    Naming(Box<roaring::bitmap::IntoIter>),
}

impl TagsScan {
    pub(super) fn new(query: Arc<TagQuery>) -> TagsScan {
        TagsScan {
            query,
            stage: Stage::Reading(Vec::new()),
            tested: Vec::new(),
            keys_left: None,
            names: Vec::new(),
            counts: FoundCounts::default(),
        }
    }

    /// Do a slice of about `left`.
    pub(super) fn slice(
        &mut self,
        index: &Index,
        store: &Store,
        about: &About,
        mut left: usize,
    ) -> Result<Option<Partial>, QueryError> {
        while left > 0 {
            let stage = std::mem::replace(&mut self.stage, Stage::Reading(Vec::new()));
            self.stage = match stage {
                Stage::Reading(tests) => {
                    left = left.saturating_sub(TEST_COST);
                    self.read_test(tests, index, store, about)?
                }
                Stage::Selecting(mut selection) => {
                    match selection.step_to_set(index.tags(), &mut left) {
                        None => Stage::Selecting(selection),
                        Some(Err(error)) => return Err(unselected(error, about)),
                        Some(Ok(series)) if store.has_deleted() => {
                            Stage::Hiding(SeriesId(0), series, RoaringBitmap::new())
                        }
                        Some(Ok(series)) => self.begin(Some(series), about)?,
                    }
                }
                Stage::Hiding(next, series, mut hidden) => {
                    match store.hidden_from(next, &mut left, &mut hidden) {
                        Some(next) => Stage::Hiding(next, series, hidden),
                        None => self.begin(Some(series - hidden), about)?,
                    }
                }
                Stage::Listing(mut listing, within) => {
                    match listing.step(index.tags(), within.as_ref(), &mut left) {
                        Listed::More => Stage::Listing(listing, within),
                        Listed::Done => match self.next_key(about)? {
                            Some(listing) => Stage::Listing(Box::new(listing), within),
                            None => return Ok(Some(self.done())),
                        },
                        Listed::Text(text, series) => {
                            left = left.saturating_sub(NAME_COST);
                            if !self.take(text, about)? {
                                Stage::Listing(listing, within)
                            } else if let TagPart::Counts(_) = self.query.part {
                                let series = Box::new(series.into_iter());
                                Stage::Counting(series, listing, within)
                            } else {
                                Stage::Listing(listing, within)
                            }
                        }
                    }
                }
                Stage::Counting(mut series, listing, within) => {
                    match self.count(&mut series, index, about, &mut left)? {
                        true => Stage::Listing(listing, within),
                        false => Stage::Counting(series, listing, within),
                    }
                }
                Stage::Naming(mut series) => {
                    if self.name(&mut series, index, about, &mut left)? {
                        return Ok(Some(self.done()));
                    }
                    Stage::Naming(series)
                }
            };
            if self.is_full() {
                return Ok(Some(self.done()));
            }
        }
        Ok(None)
    }

    /// Read the next test, or go on where all are read.
    fn read_test(
        &mut self,
        mut tests: Vec<TagTest>,
        index: &Index,
        store: &Store,
        about: &About,
    ) -> Result<Stage, QueryError> {
        let texts = &self.query.tests;
        TagTest::check_count(texts.len()).map_err(invalid)?;
        if let Some(text) = texts.get(tests.len()) {
            tests.push(TagTest::parse(text).map_err(invalid)?);
            return Ok(Stage::Reading(tests));
        }
        if tests.is_empty() && !matches!(self.query.part, TagPart::Series) {
            if store.has_deleted() {
                let all = index.tags().all(about.tenant);
                return Ok(Stage::Hiding(SeriesId(0), all, RoaringBitmap::new()));
            }
            return self.begin(None, about);
        }
        TagTest::check_all(&tests).map_err(invalid)?;
        self.tested = tests.iter().map(|test| test.key().to_owned()).collect();
        // What is found is bounded in bytes only.
        let selection = Selection::new(about.tenant, tests, usize::MAX);
        Ok(Stage::Selecting(Box::new(selection)))
    }

    /// The series are known that count.
    fn begin(&self, within: Option<RoaringBitmap>, about: &About) -> Result<Stage, QueryError> {
        let filter = self.filter()?;
        let listing = match &self.query.part {
            TagPart::Series => {
                let series = within.unwrap_or_default().into_iter();
                return Ok(Stage::Naming(Box::new(series)));
            }
            TagPart::Keys => Listing::keys(about.tenant, filter),
            TagPart::AllValues => Listing::keys(about.tenant, TextFilter::All),
            TagPart::Values(key) | TagPart::Counts(key) => {
                Listing::values(about.tenant, key.clone(), filter)
            }
        };
        Ok(Stage::Listing(Box::new(listing), within))
    }

    /// Which texts are listed.
    fn filter(&self) -> Result<TextFilter, QueryError> {
        Ok(match &self.query.filter {
            Filter::All => TextFilter::All,
            Filter::Prefix(prefix) => TextFilter::Prefix(prefix.clone()),
            Filter::Pattern(pattern) => TextFilter::matching(pattern).map_err(invalid)?,
        })
    }

    /// A listing is done: where all values are wanted, on to those of the next key.
    fn next_key(&mut self, about: &About) -> Result<Option<Listing>, QueryError> {
        if !matches!(self.query.part, TagPart::AllValues) {
            return Ok(None);
        }
        if self.keys_left.is_none() {
            self.keys_left = Some(std::mem::take(&mut self.names));
        }
        let Some(key) = self.keys_left.as_mut().and_then(Vec::pop) else {
            return Ok(None);
        };
        let filter = self.filter()?;
        Ok(Some(Listing::values(about.tenant, key, filter)))
    }

    /// Take a key or a value. False where it is none that is asked for.
    fn take(&mut self, text: String, about: &About) -> Result<bool, QueryError> {
        let is_key_of_all =
            matches!(self.query.part, TagPart::AllValues) && self.keys_left.is_none();
        if is_key_of_all && text == NAME_KEY {
            return Ok(false);
        }
        if matches!(self.query.part, TagPart::Keys) && self.tested.contains(&text) {
            return Ok(false);
        }
        about.pay(NODE_BYTES + text.len() as u64)?;
        match self.query.part {
            TagPart::Counts(_) => self.counts.values.push(text),
            _ => self.names.push(text),
        }
        Ok(true)
    }

    /// Whether there are as many texts as are wanted.
    fn is_full(&self) -> bool {
        let full = |texts: &Vec<String>| self.query.limit <= texts.len();
        if matches!(self.query.part, TagPart::AllValues) && self.keys_left.is_none() {
            return false;
        }
        match (&self.query.part, &self.stage) {
            (TagPart::Series, _) | (TagPart::Counts(_), Stage::Counting(..)) => false,
            (TagPart::Counts(_), _) => full(&self.counts.values),
            _ => full(&self.names),
        }
    }

    /// Count series of the last value. True when none is left.
    fn count(
        &mut self,
        series: &mut roaring::bitmap::IntoIter,
        index: &Index,
        about: &About,
        left: &mut usize,
    ) -> Result<bool, QueryError> {
        let position = self.counts.values.len().saturating_sub(1) as u32;
        let before = self.counts.series.len();
        let ids = series.take(*left);
        let counted = ids.map(|id| (position, index.identity_of_name(SeriesId(id))));
        self.counts.series.extend(counted);
        let more = self.counts.series.len() - before;
        about.pay(more as u64 * COUNTED_BYTES)?;
        *left -= more;
        Ok(*left > 0)
    }

    /// Name series. True when none is left.
    fn name(
        &mut self,
        series: &mut roaring::bitmap::IntoIter,
        index: &Index,
        about: &About,
        left: &mut usize,
    ) -> Result<bool, QueryError> {
        let mut bytes = 0;
        for id in series.take(left.div_ceil(NAME_COST)) {
            let name = index.text(SeriesId(id)).to_owned();
            bytes += NODE_BYTES + name.len() as u64;
            self.names.push(name);
            *left = left.saturating_sub(NAME_COST);
        }
        about.pay(bytes)?;
        Ok(*left > 0)
    }

    fn done(&mut self) -> Partial {
        match self.query.part {
            TagPart::Counts(_) => Partial::Counts(std::mem::take(&mut self.counts)),
            _ => Partial::Names(std::mem::take(&mut self.names)),
        }
    }
}

#[cfg(test)]
mod tests;
