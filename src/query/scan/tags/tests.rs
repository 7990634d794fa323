//! Questions about tags, against going through all series by hand.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::base::random::Random;
use crate::index::tags::TagTest;
use crate::model::series::{SeriesName, TenantId, Values};
use crate::query::error::QueryError;
use crate::query::limits::Limits;
use crate::query::merge::{Merge, Merged};
use crate::query::plan::{Filter, Plan, TagPart, TagQuery, Want};
use crate::query::testing::Shards;

fn query(part: TagPart, tests: &[&str], filter: Filter, limit: usize) -> TagQuery {
    TagQuery {
        part,
        tests: tests.iter().map(|&test| test.to_owned()).collect(),
        filter,
        limit,
    }
}

fn ask(shards: &Shards, query: TagQuery, budget: usize) -> Result<Merged, QueryError> {
    ask_within(shards, query, budget, Limits::default())
}

fn ask_within(
    shards: &Shards,
    query: TagQuery,
    budget: usize,
    limits: Limits,
) -> Result<Merged, QueryError> {
    let want = Want::Tags(Arc::new(query));
    let plan = Plan::new(TenantId::DEFAULT, want, limits);
    let partials = shards.ask(&plan, budget)?;
    let mut merge = Merge::new(&plan, partials);
    loop {
        if let Some(done) = merge.step(budget) {
            return done;
        }
    }
}

/// Names, of which some live on several shards or have several types of values.
fn world(random: &mut Random) -> (Shards, Vec<SeriesName>) {
    let mut shards = Shards::new(3);
    let mut names = BTreeMap::new();
    for _ in 0..200 {
        let tags = (0..random.below(4)).map(|_| {
            let key = ["dc", "host", "rack"][random.below(3) as usize];
            (key.to_owned(), format!("{key}{}", random.below(30)))
        });
        let tags = tags.collect();
        let name = SeriesName::new(format!("m{}", random.below(3)), tags);
        let name = name.expect("a name");
        let values = match random.chance(20) {
            true => Values::Long,
            false => Values::Double,
        };
        shards.define_as(random.below(3) as usize, &name.text(), values);
        if !name.tags().is_empty() {
            names.insert(name.text(), name);
        }
    }
    (shards, names.into_values().collect())
}

fn passes(name: &SeriesName, tests: &[TagTest]) -> bool {
    tests.iter().all(|test| {
        let tag = name.tags().iter().find(|(key, _)| key == test.key());
        let value = match test.key() {
            "name" => name.metric(),
            _ => tag.map_or("", |(_, value)| value.as_str()),
        };
        test.matches(value) == Ok(true)
    })
}

fn pairs(name: &SeriesName) -> impl Iterator<Item = (&str, &str)> {
    let tags = name.tags().iter();
    let tags = tags.map(|(key, value)| (key.as_str(), value.as_str()));
    tags.chain([("name", name.metric())])
}

#[test]
fn answers_are_what_going_through_all_series_gives() {
    for seed in 0..40 {
        let mut random = Random::new(seed);
        let (shards, names) = world(&mut random);
        let budget = 1 + random.below(300) as usize;
        let tests: &[&str] = [
            &["host=~host1"] as &[&str],
            &["name=m1", "dc!=dc3"],
            &["rack!=", "host=~host[12]"],
            &["dc=dc1"],
        ][random.below(4) as usize];
        let parsed = TagTest::parse_all(tests).expect("good tests");
        let limit = 1 + random.below(40) as usize;
        let matching = || names.iter().filter(|name| passes(name, &parsed));

        let want: Vec<String> = matching().map(SeriesName::text).collect();
        let got = ask(
            &shards,
            query(TagPart::Series, tests, Filter::All, 1),
            budget,
        );
        assert_eq!(got, Ok(Merged::Names(want)), "seed {seed}");

        let tested = |key: &str| parsed.iter().any(|test| test.key() == key);
        let keys: BTreeSet<&str> = matching()
            .flat_map(pairs)
            .map(|(key, _)| key)
            .filter(|key| !tested(key))
            .collect();
        let want: Vec<String> = keys.into_iter().map(str::to_owned).collect();
        let got = ask(
            &shards,
            query(TagPart::Keys, tests, Filter::All, 99),
            budget,
        );
        assert_eq!(got, Ok(Merged::Names(want)), "seed {seed}");

        let values: BTreeSet<&str> = matching()
            .flat_map(pairs)
            .filter(|(key, value)| *key == "host" && value.starts_with("host2"))
            .map(|(_, value)| value)
            .collect();
        let want: Vec<String> = values.into_iter().map(str::to_owned).take(limit).collect();
        let part = TagPart::Values("host".to_owned());
        let filter = Filter::Prefix("host2".to_owned());
        let got = ask(&shards, query(part, tests, filter, limit), budget);
        let Ok(Merged::Names(mut got)) = got else {
            panic!("{got:?}");
        };
        got.truncate(limit);
        assert_eq!(got, want, "seed {seed}");

        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for (key, value) in names.iter().flat_map(pairs) {
            if key == "dc" && value.starts_with("dc1") {
                *counts.entry(value.to_owned()).or_default() += 1;
            }
        }
        let want: Vec<(String, u64)> = counts.into_iter().take(limit).collect();
        let part = TagPart::Counts("dc".to_owned());
        let filter = Filter::Pattern("dc1".to_owned());
        let got = ask(&shards, query(part, &[], filter, limit), budget);
        let Ok(Merged::Counts(mut got)) = got else {
            panic!("{got:?}");
        };
        got.truncate(limit);
        assert_eq!(got, want, "seed {seed}");
    }
}

#[test]
fn what_is_wrong_is_told() {
    let (shards, _) = world(&mut Random::new(1));
    let check = |part, tests: &[&str], filter, told: &str| {
        let got = ask(&shards, query(part, tests, filter, 9), 9);
        match got {
            Err(QueryError::Invalid(text)) => assert!(text.starts_with(told), "{text}"),
            other => panic!("{tests:?}: {other:?}"),
        }
    };
    let all = || Filter::All;
    check(TagPart::Series, &["bad"], all(), "Invalid tagspec bad");
    let told = "At least one tagspec must not match the empty string";
    check(TagPart::Series, &["dc="], all(), told);
    check(TagPart::Series, &[], all(), told);
    let pattern = Filter::Pattern("(".to_owned());
    check(TagPart::Keys, &[], pattern, "Invalid tagspec filter=~(");
}

#[test]
fn answers_are_paid_for() {
    let (shards, _) = world(&mut Random::new(1));
    let limits = Limits {
        bytes_max: 400,
        ..Limits::default()
    };
    for part in [
        TagPart::Series,
        TagPart::Values("host".to_owned()),
        TagPart::Counts("host".to_owned()),
    ] {
        let query = query(part.clone(), &["host!="], Filter::All, 1000);
        let got = ask_within(&shards, query, 50, limits);
        assert!(
            matches!(got, Err(QueryError::Limit(_))),
            "{part:?}: {got:?}"
        );
    }
}

fn metrics(shards: &Shards, prefix: &str, budget: usize) -> Vec<String> {
    let want = Want::Metrics {
        prefix: prefix.to_owned(),
    };
    let plan = Plan::new(TenantId::DEFAULT, want, Limits::default());
    let partials = shards.ask(&plan, budget).expect("in time");
    let mut merge = Merge::new(&plan, partials);
    loop {
        match merge.step(budget) {
            None => {}
            Some(Ok(Merged::Names(names))) => return names,
            Some(other) => panic!("{other:?}"),
        }
    }
}

#[test]
fn metrics_and_values_of_all_keys_are_told_once_and_sorted() {
    for seed in 0..40 {
        let mut random = Random::new(seed);
        let (mut shards, names) = world(&mut random);
        let budget = 1 + random.below(300) as usize;
        for name in ["m1", "m1.a", "m2.b\\;c", "n.a", "n.ab"] {
            shards.define(random.below(3) as usize, name);
        }
        let mut all: BTreeSet<&str> = names.iter().map(SeriesName::metric).collect();
        all.extend(["m0", "m1", "m2", "m1.a", "m2.b;c", "n.a", "n.ab"]);
        for prefix in ["", "m", "m1", "m1.", "n.a", "x"] {
            let want: Vec<&str> = all
                .iter()
                .copied()
                .filter(|n| n.starts_with(prefix))
                .collect();
            assert_eq!(
                metrics(&shards, prefix, budget),
                want,
                "seed {seed}, {prefix}"
            );
        }
        let values: BTreeSet<&str> = names
            .iter()
            .flat_map(|name| name.tags().iter().map(|(_, value)| value.as_str()))
            .collect();
        let want: Vec<String> = values.into_iter().map(str::to_owned).collect();
        let every = query(TagPart::AllValues, &[], Filter::All, usize::MAX);
        let got = ask(&shards, every, budget);
        assert_eq!(got, Ok(Merged::Names(want)), "seed {seed}");
    }
}
