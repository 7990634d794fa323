//! Tagged series by what their tags say.
//!
//! Takes tagged series with ascending ids; gives those that pass all of some [`TagTest`]s, and the
//! keys and values there are. A posting list is kept for each (tenant, key, value) and one for
//! each (tenant, key); the metric name is found under the key `name`. A series' own tag of that
//! key, which only KairosDB can send, is `name_` here.
//!
//! Limits: those of a series' name; of tests, see `expression`. Does not know the text of a
//! series. Test truth: each test asked of each series, at the end of this file.

mod expression;
mod listing;
mod posting;
mod selection;

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

use roaring::RoaringBitmap;

use super::TooMany;
use crate::model::series::{SeriesId, SeriesName, TenantId};
pub use expression::{
    PATTERNS_MAX, REGEX_BYTES_MAX, TEST_BYTES_MAX, TESTS_MAX, TagTest, TagTestError, TextFilter,
};
pub use listing::{Listed, Listing};
use posting::Posting;
pub use selection::Selection;

/// The key of the metric name.
pub const NAME_KEY: &str = "name";
/// What a tag is called that a series brings under [`NAME_KEY`].
pub const OWN_NAME_KEY: &str = "name_";
/// What an entry of a `BTreeMap<Box<str>, Posting>` costs at its usual fill of two thirds, without
/// the text and without what the posting holds elsewhere.
const VALUE_BYTES: usize = (size_of::<Box<str>>() + size_of::<Posting>()) * 3 / 2;

/// What a key costs: its entry, the first leaf of its map of values (11 entries), and a bitmap with
/// one container.
const KEY_BYTES: usize =
    size_of::<Key>() * 3 / 2 + 11 * (size_of::<Box<str>>() + size_of::<Posting>()) + 128;

/// Postings of one shard.
#[derive(Default)]
pub struct Tags {
    tenants: HashMap<TenantId, BTreeMap<Box<str>, Key>>,
    bytes: usize,
}

/// What is known of one tag key of one tenant.
#[derive(Default)]
struct Key {
    /// Series that have it.
    present: RoaringBitmap,
    values: BTreeMap<Box<str>, Posting>,
}

impl Tags {
    /// Add a tagged series; ids come in ascending order.
    pub fn insert(&mut self, tenant: TenantId, name: &SeriesName, id: SeriesId) {
        let keys = self.tenants.entry(tenant).or_default();
        self.bytes += insert_tag(keys, NAME_KEY, name.metric(), id.0);
        for (key, value) in name.tags() {
            let key = if key == NAME_KEY { OWN_NAME_KEY } else { key };
            self.bytes += insert_tag(keys, key, value, id.0);
        }
    }

    /// Series that pass all tests, ascending by id. With no test that fails on the empty string
    /// every series would be a candidate; [`TagTest::parse_all`] refuses such a list, here it is
    /// answered.
    ///
    /// # Errors
    /// [`TooMany`] beyond `limit` series. In one go: see [`Selection`] for slices.
    pub fn select(
        &self,
        tenant: TenantId,
        tests: &[TagTest],
        limit: usize,
    ) -> Result<Vec<SeriesId>, TooMany> {
        let mut selection = Selection::new(tenant, tests.to_vec(), limit);
        loop {
            if let Some(selected) = selection.step(self, &mut { usize::MAX }) {
                return selected;
            }
        }
    }

    /// Keys that begin with `prefix`, sorted by their bytes, at most `limit`.
    pub fn keys(&self, tenant: TenantId, prefix: &str, limit: usize) -> Vec<&str> {
        let keys = self.tenants.get(&tenant);
        keys.map_or_else(Vec::new, |keys| begin_with(keys, prefix, limit))
    }

    /// Values of a key that begin with `prefix`, sorted by their bytes, at most `limit`.
    pub fn values(&self, tenant: TenantId, key: &str, prefix: &str, limit: usize) -> Vec<&str> {
        let key = self.key(tenant, key);
        key.map_or_else(Vec::new, |key| begin_with(&key.values, prefix, limit))
    }

    /// Bytes in use, reckoned: texts with their allocation, entries at the usual fill of the maps,
    /// postings at their length.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn key(&self, tenant: TenantId, key: &str) -> Option<&Key> {
        self.tenants.get(&tenant)?.get(key)
    }

    /// All tagged series: each has a name.
    pub fn all(&self, tenant: TenantId) -> RoaringBitmap {
        let name = self.key(tenant, NAME_KEY);
        name.map_or_else(RoaringBitmap::new, |name| name.present.clone())
    }

    /// When to look at a test: by how many series it can leave over.
    fn rank(&self, tenant: TenantId, test: &TagTest) -> u64 {
        if test.matches_empty() {
            return u64::MAX;
        }
        let Some(key) = self.key(tenant, test.key()) else {
            return 0;
        };
        match test.exactly() {
            Some(value) => key.values.get(value).map_or(0, Posting::len),
            None => key.present.len().saturating_add(1 << 32), // after those that need no search
        }
    }
}

/// Add one posting; the bytes it cost.
fn insert_tag(keys: &mut BTreeMap<Box<str>, Key>, key: &str, value: &str, id: u32) -> usize {
    let mut bytes = 0;
    if !keys.contains_key(key) {
        keys.insert(key.into(), Key::default());
        bytes += text_bytes(key) + KEY_BYTES;
    }
    let Some(known) = keys.get_mut(key) else {
        return bytes;
    };
    known.present.insert(id);
    if let Some(posting) = known.values.get_mut(value) {
        return bytes + posting.push(id);
    }
    known.values.insert(value.into(), Posting::One(id));
    bytes + text_bytes(value) + VALUE_BYTES
}

/// What a boxed text takes of an allocator that gives out multiples of 16 bytes, 8 of them its own.
fn text_bytes(text: &str) -> usize {
    (text.len() + 8).next_multiple_of(16).max(32)
}

fn begin_with<'a, T>(map: &'a BTreeMap<Box<str>, T>, prefix: &str, limit: usize) -> Vec<&'a str> {
    let from = (Bound::Included(prefix), Bound::Unbounded);
    map.range::<str, _>(from)
        .map(|(text, _)| &**text)
        .take_while(|text| text.starts_with(prefix))
        .take(limit)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;

    const TENANT: TenantId = TenantId(1);

    fn series(text: &str) -> SeriesName {
        SeriesName::from_text(text).expect("canonical text")
    }

    fn tags_of(names: &[SeriesName]) -> Tags {
        let mut tags = Tags::default();
        for (id, name) in names.iter().enumerate() {
            tags.insert(TENANT, name, SeriesId(id as u32));
        }
        tags
    }

    fn parse(texts: &[&str]) -> Vec<TagTest> {
        TagTest::parse_all(texts).expect("good tests")
    }

    const SERIES: [&str; 6] = [
        "disk.used;datacenter=dc1;rack=a1;server=web01",
        "disk.used;datacenter=dc1;rack=b1;server=web02",
        "disk.used;datacenter=dc2;server=web03",
        "disk.free;datacenter=dc2;rack=a1;server=db01",
        "cpu;server=web01",
        "cpu;server=xweb",
    ];

    #[track_caller]
    fn check(tests: &[&str], want: &[u32]) {
        let tags = tags_of(&SERIES.map(series));
        let found = tags.select(TENANT, &parse(tests), 10).expect("few");
        let ids: Vec<u32> = found.iter().map(|id| id.0).collect();
        assert_eq!(ids, want, "tests {tests:?}");
    }

    #[test]
    fn selects() {
        check(&["name=disk.used"], &[0, 1, 2]);
        check(&["name=disk.used", "server=~web"], &[0, 1, 2]);
        check(&["name=~disk", "rack="], &[2]);
        check(&["name=disk.used", "rack!="], &[0, 1]);
        check(&["name=~disk", "rack!=a1"], &[1, 2]);
        check(&["server=~web", "rack!=~a"], &[1, 2, 4]);
        check(&["server=~web", "rack=~.*"], &[0, 1, 2, 4]);
        check(&["server!=~web|^$"], &[3, 5]);
        check(&["server=~.*b0[12]$"], &[0, 1, 3, 4]);
        check(&["server=web01", "datacenter=dc2"], &[]);
        check(&["nosuch=1"], &[]);
        check(&["nosuch!="], &[]);
        check(&["server=web01", "nosuch="], &[0, 4]);
        check(&["server=web01", "nosuch!=x"], &[0, 4]);
    }

    #[test]
    fn the_limit_and_the_tenant_hold() {
        let tags = tags_of(&SERIES.map(series));
        let tests = parse(&["name=disk.used"]);
        assert_eq!(tags.select(TENANT, &tests, 2), Err(TooMany { limit: 2 }));
        assert_eq!(tags.select(TenantId(2), &tests, 2), Ok(Vec::new()));
    }

    #[test]
    fn keys_and_values_are_sorted() {
        let tags = tags_of(&[series("m;b=2;bb=3;a=1"), series("n;b=10;name=own")]);
        assert_eq!(tags.keys(TENANT, "", 9), ["a", "b", "bb", "name", "name_"]);
        assert_eq!(tags.keys(TENANT, "b", 1), ["b"]);
        assert_eq!(tags.values(TENANT, "b", "", 9), ["10", "2"]);
        assert_eq!(tags.values(TENANT, "name", "n", 9), ["n"]);
        assert_eq!(tags.values(TENANT, "name_", "", 9), ["own"]);
        assert!(tags.values(TENANT, "c", "", 9).is_empty());
    }

    /// Every test asked of every series; a missing tag is the empty string.
    fn naive(names: &[SeriesName], tests: &[TagTest]) -> Vec<SeriesId> {
        let value = |name: &SeriesName, key: &str| {
            if key == NAME_KEY {
                return name.metric().to_owned();
            }
            let tag = name.tags().iter().find(|(known, _)| known == key);
            tag.map_or_else(String::new, |(_, value)| value.clone())
        };
        let passing = names.iter().enumerate().filter(|(_, name)| {
            tests
                .iter()
                .all(|test| test.matches(&value(name, test.key())))
        });
        passing.map(|(id, _)| SeriesId(id as u32)).collect()
    }

    fn pick<'a>(random: &mut Random, from: &[&'a str]) -> &'a str {
        from[random.below(from.len() as u64) as usize]
    }

    fn random_series(random: &mut Random) -> SeriesName {
        let mut tags = Vec::new();
        for key in ["dc", "rack", "host"] {
            if random.chance(70) {
                let value = pick(random, &["a", "b", "ab", "a1", "b22", "c"]).to_owned();
                tags.push((key.to_owned(), value));
            }
        }
        let metric = pick(random, &["cpu", "disk.used", "disk.free"]).to_owned();
        SeriesName::new(metric, tags).expect("a good name")
    }

    #[test]
    fn agrees_with_its_twin() {
        let seed = std::env::var("SEED")
            .ok()
            .and_then(|s| s.parse().ok())
            .unwrap_or(11);
        let mut random = Random::new(seed);
        let mut selected = 0;
        for round in 0..60 {
            let names: Vec<SeriesName> = (0..random.below(900))
                .map(|_| random_series(&mut random))
                .collect();
            let tags = tags_of(&names);
            for _ in 0..50 {
                let tests: Vec<TagTest> = (0..1 + random.below(4))
                    .map(|_| {
                        let key = pick(&mut random, &["dc", "rack", "host", "name", "none"]);
                        let operator = pick(&mut random, &["=", "!=", "=~", "!=~"]);
                        let spec = pick(
                            &mut random,
                            &["a", "", "b.*", "cpu", "disk", "a|b", ".*", "^$", "a$"],
                        );
                        TagTest::parse(&format!("{key}{operator}{spec}")).expect("a good test")
                    })
                    .collect();
                let want = naive(&names, &tests);
                selected += want.len();
                let got = tags.select(TENANT, &tests, usize::MAX);
                let mut selection = Selection::new(TENANT, tests.clone(), usize::MAX);
                let slice = 1 + random.below(60) as usize;
                let sliced = loop {
                    if let Some(done) = selection.step(&tags, &mut { slice }) {
                        break done;
                    }
                };
                assert_eq!(
                    sliced, got,
                    "round {round}, {tests:?}; replay with SEED={seed}"
                );
                assert_eq!(
                    got,
                    Ok(want),
                    "round {round}, {tests:?}; replay with SEED={seed}"
                );
            }
        }
        assert!(
            selected > 10_000,
            "only {selected} were selected: the test says little"
        );
    }
}
