//! The keys of tags, or the values of one key, in slices.
//!
//! They come in the order of their bytes, each with the series that have it. A listing stops anywhere
//! between two texts and goes on behind the last one, whatever came in between.

use std::collections::BTreeMap;
use std::ops::Bound;

use roaring::RoaringBitmap;

use super::posting::Posting;
use super::{Key, Tags, TextFilter};
use crate::model::series::TenantId;

/// What looking at one text costs besides its bytes, in steps of the budget.
const TEXT_COST: usize = 4;
/// Series of a bitmap whose comparison costs as much as a step.
const SERIES_PER_STEP: u64 = 64;
/// Bytes that a regular expression reads in about the time of a step.
const BYTES_PER_STEP: usize = 4;

/// A listing under way.
#[derive(Debug)]
pub struct Listing {
    tenant: TenantId,
    /// Whose values; `None` lists the keys.
    key: Option<String>,
    filter: TextFilter,
    last: Option<Box<str>>,
}

/// What a step of a listing came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Listed {
    /// A key or a value, and its series, one at least.
    Text(String, RoaringBitmap),
    /// The budget is used up.
    More,
    /// There are no more.
    Done,
}

impl Listing {
    /// The keys of a tenant's tags.
    pub fn keys(tenant: TenantId, filter: TextFilter) -> Listing {
        Listing {
            tenant,
            key: None,
            filter,
            last: None,
        }
    }

    /// The values of one of them.
    pub fn values(tenant: TenantId, key: String, filter: TextFilter) -> Listing {
        Listing {
            key: Some(key),
            ..Listing::keys(tenant, filter)
        }
    }

    /// Go on to the next text that passes and that series of `within` have, or any where that is `None`.
    /// Takes what was done from `budget`.
    pub fn step(
        &mut self,
        tags: &Tags,
        within: Option<&RoaringBitmap>,
        budget: &mut usize,
    ) -> Listed {
        match &self.key {
            None => match tags.tenants.get(&self.tenant) {
                Some(keys) => self.step_in(keys, within, budget),
                None => Listed::Done,
            },
            Some(key) => match tags.key(self.tenant, key) {
                Some(key) => self.step_in(&key.values, within, budget),
                None => Listed::Done,
            },
        }
    }

    fn step_in<T: Holds>(
        &mut self,
        texts: &BTreeMap<Box<str>, T>,
        within: Option<&RoaringBitmap>,
        budget: &mut usize,
    ) -> Listed {
        let prefix = self.filter.prefix();
        let from = match &self.last {
            Some(last) => Bound::Excluded(&**last),
            None => Bound::Included(prefix),
        };
        let mut last = None;
        let mut listed = Listed::Done;
        for (text, holds) in texts.range::<str, _>((from, Bound::Unbounded)) {
            if !text.starts_with(prefix) {
                break;
            }
            last = Some(text);
            let cost = TEXT_COST + text.len() / BYTES_PER_STEP;
            *budget = budget.saturating_sub(cost);
            if self.filter.passes(text) {
                let work = holds.count() / SERIES_PER_STEP;
                *budget = budget.saturating_sub(usize::try_from(work).unwrap_or(usize::MAX));
                let series = holds.within(within);
                if !series.is_empty() {
                    listed = Listed::Text(text.to_string(), series);
                    break;
                }
            }
            if *budget == 0 {
                listed = Listed::More;
                break;
            }
        }
        let last = last.cloned();
        if last.is_some() {
            self.last = last;
        }
        listed
    }
}

/// What has series.
trait Holds {
    fn count(&self) -> u64;
    fn within(&self, within: Option<&RoaringBitmap>) -> RoaringBitmap;
}

impl Holds for Key {
    fn count(&self) -> u64 {
        self.present.len()
    }

    fn within(&self, within: Option<&RoaringBitmap>) -> RoaringBitmap {
        match within {
            Some(within) => &self.present & within,
            None => self.present.clone(),
        }
    }
}

impl Holds for Posting {
    fn count(&self) -> u64 {
        self.len()
    }

    fn within(&self, within: Option<&RoaringBitmap>) -> RoaringBitmap {
        match within {
            Some(within) if !self.meets(within) => RoaringBitmap::new(),
            Some(within) => &*self.bitmap() & within,
            None => self.bitmap().into_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::base::random::Random;
    use crate::model::series::{SeriesId, SeriesName};

    const TENANT: TenantId = TenantId(2);

    /// In slices of `budget`.
    fn list(
        mut listing: Listing,
        tags: &Tags,
        within: Option<&RoaringBitmap>,
        budget: usize,
    ) -> Vec<(String, Vec<u32>)> {
        let mut all = Vec::new();
        loop {
            match listing.step(tags, within, &mut { budget }) {
                Listed::Text(text, series) => all.push((text, series.into_iter().collect())),
                Listed::More => {}
                Listed::Done => return all,
            }
        }
    }

    /// Every key and value of every series, by hand.
    type Naive = BTreeMap<String, BTreeMap<String, Vec<u32>>>;

    fn some_tags(random: &mut Random) -> (Tags, Naive) {
        let (mut tags, mut naive) = (Tags::default(), Naive::new());
        for id in 0..300 {
            let pairs = (0..random.below(4)).map(|_| {
                let key = ["dc", "host", "rack", "zone"][random.below(4) as usize];
                (key.to_owned(), format!("{key}{}", random.below(150)))
            });
            let pairs: Vec<(String, String)> = pairs.collect();
            let name = SeriesName::new(format!("m{}", random.below(3)), pairs).expect("a name");
            tags.insert(TENANT, &name, SeriesId(id));
            let own = [("name".to_owned(), name.metric().to_owned())];
            for (key, value) in name.tags().iter().cloned().chain(own) {
                let values = naive.entry(key).or_default();
                values.entry(value).or_default().push(id);
            }
        }
        (tags, naive)
    }

    #[test]
    fn listings_are_what_going_through_all_series_gives() {
        for seed in 0..60 {
            let mut random = Random::new(seed);
            let (tags, naive) = some_tags(&mut random);
            let within = (0..300).filter(|_| random.chance(30));
            let within: RoaringBitmap = within.collect();
            let within = random.chance(50).then_some(&within);
            let counts = |ids: &[u32]| -> Vec<u32> {
                let known = ids.iter().copied();
                known
                    .filter(|&id| within.is_none_or(|within| within.contains(id)))
                    .collect()
            };
            let filters = [
                ("", TextFilter::All),
                ("host1", TextFilter::Prefix("host1".to_owned())),
                ("host1", TextFilter::matching("host1").expect("good")),
                ("host1", TextFilter::matching("^host1").expect("good")),
                ("none", TextFilter::Prefix("none".to_owned())),
            ];
            let (prefix, filter) = filters[random.below(5) as usize].clone();
            let budget = 1 + random.below(200) as usize;
            let want: Vec<(String, Vec<u32>)> = naive["host"]
                .iter()
                .filter(|(value, _)| value.starts_with(prefix))
                .map(|(value, ids)| (value.clone(), counts(ids)))
                .filter(|(_, ids)| !ids.is_empty())
                .collect();
            let listing = Listing::values(TENANT, "host".to_owned(), filter);
            assert_eq!(list(listing, &tags, within, budget), want, "seed {seed}");

            let of_key = |values: &BTreeMap<String, Vec<u32>>| {
                let mut ids: Vec<u32> = values.values().flatten().copied().collect();
                ids.sort_unstable();
                counts(&ids)
            };
            let want: Vec<(String, Vec<u32>)> = naive
                .iter()
                .map(|(key, values)| (key.clone(), of_key(values)))
                .filter(|(_, ids)| !ids.is_empty())
                .collect();
            let listing = Listing::keys(TENANT, TextFilter::All);
            assert_eq!(list(listing, &tags, within, budget), want, "seed {seed}");
        }
    }

    #[test]
    fn only_a_filter_that_says_so_is_free_at_the_start() {
        let passes = |filter: &str, text: &str| {
            let filter = TextFilter::matching(filter).expect("a good filter");
            filter.passes(text)
        };
        assert!(passes("web", "web01"));
        assert!(!passes("eb", "web01"));
        assert!(!passes("x|eb", "web01"));
        assert!(passes("^x|eb", "web01"), "as it is");
        assert!(TextFilter::matching("(").is_err());
        assert!(TextFilter::matching(&"a".repeat(9000)).is_err());
    }

    #[test]
    fn nobody_has_nothing() {
        let tags = Tags::default();
        let all = || Listing::keys(TENANT, TextFilter::All);
        assert_eq!(list(all(), &tags, None, 9), []);
        let (tags, _) = some_tags(&mut Random::new(1));
        let listing = Listing::values(TENANT, "nosuch".to_owned(), TextFilter::All);
        assert_eq!(list(listing, &tags, None, 9), []);
        assert_eq!(list(all(), &tags, Some(&RoaringBitmap::new()), 9), []);
    }
}
