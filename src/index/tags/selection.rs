//! A search by tags in slices.
//!
//! The tests are looked at one after the other, the most selective first, and each only looks at
//! what is left. A test that must be asked of every value of its key stops anywhere between two
//! values and goes on behind the last one, whatever came in between.

use std::ops::Bound;

use roaring::RoaringBitmap;

use super::posting::Posting;
use super::{Key, SelectError, Tags};
use crate::index::TooMany;
use crate::index::tags::{TagTest, TooLong};
use crate::model::series::{SeriesId, TenantId};

/// Series of small postings that are gathered before they are put into the bitmap together.
const GATHERED_MAX: usize = 4_096;
/// What asking one value costs besides its bytes, in steps of the budget.
const VALUE_COST: usize = 4;
/// What asking one costs at least that may go back.
const BACKTRACKING_COST: usize = 500;
/// What joining whole bitmaps costs.
const BITMAP_COST: usize = 500;

/// A search under way.
#[derive(Debug)]
pub struct Selection {
    tenant: TenantId,
    limit: usize,
    tests: Vec<TagTest>,
    /// Whether `tests` are in their order, the next last.
    ordered: bool,
    /// What all tests so far let pass; `None` is everything.
    left: Option<RoaringBitmap>,
    search: Option<Search>,
}

/// The values of one key, asked one after the other.
#[derive(Debug, Default)]
struct Search {
    last: Option<Box<str>>,
    few: Vec<u32>,
    found: RoaringBitmap,
}

impl Selection {
    /// The series that pass all `tests`, ascending by id; it fails when they are more than `limit`.
    pub fn new(tenant: TenantId, tests: Vec<TagTest>, limit: usize) -> Selection {
        Selection {
            tenant,
            limit,
            tests,
            ordered: false,
            left: None,
            search: None,
        }
    }

    /// Go on, and take what was done from `budget`: about as much as reading so many points costs.
    /// `Some` when the search is over. To be called with the same tags until then, which may grow.
    ///
    /// # Errors
    /// Beyond the limit, and where a regular expression is too much work in one value.
    pub fn step(
        &mut self,
        tags: &Tags,
        budget: &mut usize,
    ) -> Option<Result<Vec<SeriesId>, SelectError>> {
        let found = self.step_to_set(tags, budget)?;
        Some(found.map(|ids| ids.into_iter().map(SeriesId).collect()))
    }

    /// As [`Selection::step`]; gives the ids as a set.
    ///
    /// # Errors
    /// Beyond the limit, and where a regular expression is too much work in one value.
    pub fn step_to_set(
        &mut self,
        tags: &Tags,
        budget: &mut usize,
    ) -> Option<Result<RoaringBitmap, SelectError>> {
        if !self.ordered {
            self.ordered = true;
            // Tests that need a value come first, of those the ones that name it, the smallest
            // first.
            self.tests
                .sort_by_key(|test| std::cmp::Reverse(tags.rank(self.tenant, test)));
        }
        while *budget > 0 {
            let nothing = self.left.as_ref().is_some_and(RoaringBitmap::is_empty);
            let Some(test) = self.tests.last().filter(|_| !nothing) else {
                return Some(self.end(tags));
            };
            let passed = pass(
                tags,
                self.tenant,
                test,
                &self.left,
                &mut self.search,
                budget,
            );
            match passed {
                Err(too_long) => return Some(Err(too_long.into())),
                Ok(Some(left)) => {
                    self.left = Some(left);
                    self.search = None;
                    self.tests.pop();
                    *budget = budget.saturating_sub(BITMAP_COST);
                }
                Ok(None) => return None,
            }
        }
        None
    }

    fn end(&mut self, tags: &Tags) -> Result<RoaringBitmap, SelectError> {
        let left = self.left.take();
        let left = left.unwrap_or_else(|| tags.all(self.tenant));
        if left.len() > self.limit as u64 {
            return Err(TooMany { limit: self.limit }.into());
        }
        Ok(left)
    }
}

/// Those of `candidates` (or of all) that pass one test; `None` if the budget ends first.
fn pass(
    tags: &Tags,
    tenant: TenantId,
    test: &TagTest,
    candidates: &Option<RoaringBitmap>,
    search: &mut Option<Search>,
    budget: &mut usize,
) -> Result<Option<RoaringBitmap>, TooLong> {
    let key = tags.key(tenant, test.key());
    let empty_passes = test.matches_empty();
    let all = || candidates.clone().unwrap_or_else(|| tags.all(tenant));
    let Some(key) = key else {
        return Ok(Some(if empty_passes {
            all()
        } else {
            RoaringBitmap::new()
        }));
    };
    // Where the one value that counts is named, nothing is searched.
    let named = if empty_passes {
        test.but_for()
    } else {
        test.exactly()
    };
    let having = match named {
        Some(value) => {
            let posting = key.values.get(value);
            posting.map_or_else(RoaringBitmap::new, |found| found.bitmap().into_owned())
        }
        None => {
            let search = search.get_or_insert_default();
            match search.step(key, test, empty_passes, candidates, budget)? {
                Some(having) => having,
                None => return Ok(None),
            }
        }
    };
    Ok(Some(match candidates {
        _ if empty_passes => all() - having,
        Some(candidates) => having & candidates,
        None => having,
    }))
}

impl Search {
    /// The series whose value passes, or of a negative search fails, those of `within` at least.
    fn step(
        &mut self,
        key: &Key,
        test: &TagTest,
        negative: bool,
        within: &Option<RoaringBitmap>,
        budget: &mut usize,
    ) -> Result<Option<RoaringBitmap>, TooLong> {
        let from = match &self.last {
            Some(last) => Bound::Excluded(&**last),
            None => Bound::Unbounded,
        };
        let mut stopped_at = None;
        for (value, posting) in key.values.range::<str, _>((from, Bound::Unbounded)) {
            let counts = within.as_ref().is_none_or(|within| posting.meets(within));
            let mut cost = VALUE_COST + look_cost(posting);
            if counts {
                let going_back = test.backtracking_cost(value.len());
                cost += value.len() / 4 + going_back.map_or(0, |cost| BACKTRACKING_COST + cost);
                if test.matches(value)? != negative {
                    posting.add_to(&mut self.few, &mut self.found);
                }
            }
            if GATHERED_MAX <= self.few.len() {
                self.put_few();
                cost += GATHERED_MAX / 2;
            }
            *budget = budget.saturating_sub(cost);
            if *budget == 0 {
                stopped_at = Some(value.clone());
                break;
            }
        }
        if stopped_at.is_some() {
            self.last = stopped_at;
            return Ok(None);
        }
        self.put_few();
        Ok(Some(std::mem::take(&mut self.found)))
    }

    fn put_few(&mut self) {
        self.few.sort_unstable();
        self.found |= RoaringBitmap::from_iter(self.few.drain(..));
    }
}

/// Comparing a posting with a bitmap, and joining it to one.
fn look_cost(posting: &Posting) -> usize {
    match posting {
        Posting::One(_) => 1,
        Posting::Few(ids) => ids.len() / 4,
        Posting::Many(ids) => 20 + usize::try_from(ids.len() / 64).unwrap_or(usize::MAX),
    }
}
