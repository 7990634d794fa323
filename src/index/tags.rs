//! Tagged series by what their tags say.
//!
//! Takes tagged series with ascending ids; gives those that pass all of some [`TagTest`]s, and the keys and
//! values there are. A posting list is kept for each (tenant, key, value) and one for each (tenant, key);
//! the metric name is found under the key `name`. A series' own tag of that key, which only KairosDB can
//! send, is `name_` here; under what [`own_key`] says it is found by its own name, apart from one that was
//! sent as `name_`.
//!
//! Limits: those of a series' name; of tests, see `expression`. Does not know the text of a
//! series. Test truth: each test asked of each series, at the end of this file.

mod expression;
mod java_regex;
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
    TooLong,
};
pub use listing::{Listed, Listing};
use posting::Posting;
pub use selection::Selection;

/// The key of the metric name.
pub const NAME_KEY: &str = "name";
/// What a tag is called that a series brings under [`NAME_KEY`].
pub const OWN_NAME_KEY: &str = "name_";
/// Keys of tags as they were sent where [`OWN_NAME_KEY`] stands for two, with what they are found under. No
/// sender can send the latter: there is no NUL in a name.
const OWN_KEYS: [(&str, &str); 2] = [(NAME_KEY, "\0name"), (OWN_NAME_KEY, "\0name_")];

/// What the tag `key` of a series, as it was sent, is found under: for [`TagTest`]s and lists of values.
pub fn own_key(key: &str) -> &str {
    let own = OWN_KEYS.iter().find(|(sent, _)| *sent == key);
    own.map_or(key, |(_, own)| own)
}

/// Why a search has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    /// Too many series.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// It takes too long.
    #[error(transparent)]
    TooLong(#[from] TooLong),
}

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
    /// Of tags with one of [`OWN_KEYS`], once more.
    own: HashMap<TenantId, BTreeMap<Box<str>, Key>>,
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
            let own = own_key(key);
            if own != key {
                let keys = self.own.entry(tenant).or_default();
                self.bytes += insert_tag(keys, own, value, id.0);
            }
            let key = if key == NAME_KEY { OWN_NAME_KEY } else { key };
            self.bytes += insert_tag(keys, key, value, id.0);
        }
    }

    /// Under how many keys a series is found.
    pub fn keys_of(name: &SeriesName) -> usize {
        let tags = name.tags().iter();
        let twice = tags.filter(|(key, _)| own_key(key) != key).count();
        1 + name.tags().len() + twice
    }

    /// Series that pass all tests, ascending by id. With no test that fails on the empty string
    /// every series would be a candidate; [`TagTest::parse_all`] refuses such a list, here it is
    /// answered.
    ///
    /// # Errors
    /// Beyond `limit` series, or as [`TagTest::matches`]. In one go: see [`Selection`] for slices.
    pub fn select(
        &self,
        tenant: TenantId,
        tests: &[TagTest],
        limit: usize,
    ) -> Result<Vec<SeriesId>, SelectError> {
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
        let keys = match key.starts_with('\0') {
            true => &self.own,
            false => &self.tenants,
        };
        keys.get(&tenant)?.get(key)
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
        let too_many = TooMany { limit: 2 };
        assert_eq!(tags.select(TENANT, &tests, 2), Err(too_many.into()));
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

    #[test]
    fn own_tags_called_like_the_name_are_told_apart() {
        let tags = tags_of(&["m;name=a", "m;name_=a", "m;name=b;name_=a", "m;c=a"].map(series));
        let found = |key: &str| {
            let test = TagTest::one_of(own_key(key), &[], &["[ab]".to_owned()]).expect("good");
            let found = tags.select(TENANT, &[test], 9).expect("few");
            found.iter().map(|id| id.0).collect::<Vec<u32>>()
        };
        assert_eq!(found("name"), [0, 2]);
        assert_eq!(found("name_"), [1, 2]);
        assert_eq!(found("c"), [3]);
        assert_eq!(tags.values(TENANT, own_key("name_"), "", 9), ["a"]);
        assert_eq!(tags.keys(TENANT, "", 9), ["c", "name", "name_"]);
        assert_eq!(Tags::keys_of(&series("m;name=b;name_=a;c=a")), 6);
    }

    #[test]
    fn a_filter_asks_only_series_that_have_the_tag() {
        let tags = tags_of(&["m;h=web1", "m;h=db1", "m;g=x"].map(series));
        let found = |values: &[&str], patterns: &[&str]| -> Result<Vec<u32>, SelectError> {
            let texts =
                |texts: &[&str]| texts.iter().map(|&t| t.to_owned()).collect::<Vec<String>>();
            let test = TagTest::one_of("h", &texts(values), &texts(patterns)).expect("good");
            let found = tags.select(TENANT, &[TagTest::is("name", "m"), test], 9)?;
            Ok(found.iter().map(|id| id.0).collect())
        };
        assert_eq!(found(&[], &[".*"]), Ok(vec![0, 1]));
        assert_eq!(found(&[], &["x?"]), Ok(vec![]));
        assert_eq!(found(&["db1"], &["|web1"]), Ok(vec![0, 1]));
        assert_eq!(found(&[], &["(?!web).*"]), Ok(vec![1]));
        let slow = found(&[], &["(?:(\\w+)\\1?)+y"]);
        assert_eq!(slow, Ok(vec![]), "short values end soon");
        let tags = tags_of(&[series(&format!("m;h={}", "x".repeat(60)))]);
        let test = TagTest::one_of("h", &[], &["(?:(x+)\\1?)+y".to_owned()]).expect("good");
        let too_long = TooLong {
            key: "h".to_owned(),
            why: crate::base::going_back::TooMuch::WentBack {
                backtracks: 10_000,
                bytes: 60,
            },
        };
        assert_eq!(
            tags.select(TENANT, &[test], 9),
            Err(SelectError::TooLong(too_long))
        );
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
                .all(|test| test.matches(&value(name, test.key())) == Ok(true))
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
