use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::base::random::Random;
use crate::base::time::Millis;
use crate::model::series::TenantId;
use crate::query::breath::{Breathless, Pace};
use crate::query::graphite::functions::Literal;
use crate::query::graphite::slots;
use crate::query::last_slot;
use crate::query::plan::{Plan, Selector, Slot, Want};
use crate::query::rows::{By, Combine, Law, Rows};
use crate::query::scan::FoundSeries;
use crate::query::series::Series;
use crate::query::testing::{Shards, run};

const START_MS: i64 = 1_700_000_000_000;

/// Points of one read: they share a stamp and go to one shard.
struct Read {
    stamp: u64,
    points: Vec<(String, i64, f64)>,
}

fn reads(random: &mut Random) -> Vec<Read> {
    let names = ["a.b.c", "a.b.d", "web;dc=x", "web;dc=y", "é"];
    let step_ms = [1000, 10_000, 250, 60_000][random.below(4) as usize];
    let mut stamp = 1_000;
    let mut value = 0.0;
    let read = |_| {
        stamp += random.below(3);
        let points = (0..1 + random.below(6)).map(|_| {
            let name = names[random.below(names.len() as u64) as usize];
            let time = START_MS + step_ms * random.below(60) as i64;
            let jitter = if random.chance(20) {
                random.below(900) as i64
            } else {
                0
            };
            value += 0.1;
            (name.to_owned(), time + jitter, value)
        });
        let points = points.collect();
        stamp += 1;
        Read { stamp, points }
    };
    (0..120).map(read).collect()
}

fn plan(random: &mut Random) -> Plan {
    let path = |path: &str| Selector::Path(path.to_owned());
    let from = START_MS + random.below(20_000) as i64;
    let until = from + random.below(600_000) as i64;
    let last_slots = [1_000, 60_000, 3_600_000].map(|width| {
        let start = until - until.rem_euclid(width);
        Slot {
            start: Millis(start),
            end: Millis(start + width),
        }
    });
    Plan::new(
        TenantId::DEFAULT,
        Want::Points {
            selectors: Arc::new([
                path("a.b.c"),
                path("web;dc=y"),
                path("none"),
                path("é"),
                path("a.b.*"),
            ]),
            from: Millis(from),
            until: Millis(until),
            last_slots: Arc::new(last_slots),
        },
        Limits::default(),
    )
}

fn merged(plan: &Plan, partials: Vec<Partial>, budget: usize) -> Result<Merged, QueryError> {
    let mut merge = Merge::new(plan, partials);
    loop {
        if let Some(done) = merge.step(budget) {
            return done;
        }
    }
}

fn wanting(want: Want) -> Plan {
    Plan::new(TenantId::DEFAULT, want, Limits::default())
}

/// For every point of the series of one path.
fn plan_of_one() -> Plan {
    wanting(Want::Points {
        selectors: Arc::new([Selector::Path("*".to_owned())]),
        from: Millis::MIN,
        until: Millis::MAX,
        last_slots: Arc::new([]),
    })
}

/// Names, points and newest times of each selector, floats as bits.
type Seen = Vec<Vec<(String, Vec<(i64, u64, u64)>, Vec<i64>)>>;

fn seen(merged: &Merged) -> Seen {
    let Merged::Points(found) = merged else {
        panic!("not points: {merged:?}");
    };
    assert_eq!(found.clashes, 0);
    let show = |&i: &u32| {
        let series = &found.series[i as usize];
        let points = &series.points;
        let points = (0..points.len()).map(|i| {
            (
                points.times[i],
                points.stamps[i],
                points.values[i].to_bits(),
            )
        });
        (
            series.name.clone(),
            points.collect(),
            series.newest_times.clone(),
        )
    };
    found
        .matches
        .iter()
        .map(|list| list.iter().map(show).collect())
        .collect()
}

fn answer(plan: &Plan, reads: &[Read], shard_of: &[usize], shards: usize, budget: usize) -> Merged {
    let mut world = Shards::new(shards);
    for (read, &shard) in reads.iter().zip(shard_of) {
        for (name, time_ms, value) in &read.points {
            world.put(shard, name, *time_ms, read.stamp, *value);
        }
    }
    let partials = world.ask(plan, budget).expect("within limits");
    merged(plan, partials, budget).expect("within limits")
}

#[test]
fn the_spread_over_shards_does_not_show() {
    let mut held_by_several = 0;
    for seed in 0..150 {
        let mut random = Random::new(seed);
        let (reads, plan) = (reads(&mut random), plan(&mut random));
        let want = answer(&plan, &reads, &vec![0; reads.len()], 1, 1_000_000);
        assert_eq!(seen(&want), naive(&plan, &reads), "seed {seed}");
        let shards = 2 + random.below(7) as usize;
        let shard_of: Vec<usize> = reads
            .iter()
            .map(|_| random.below(shards as u64) as usize)
            .collect();
        let budget = [1, 7, 100, 1_000_000][random.below(4) as usize];
        let got = answer(&plan, &reads, &shard_of, shards, budget);
        assert_eq!(
            seen(&got),
            seen(&want),
            "seed {seed} shards {shards} budget {budget}"
        );
        held_by_several += usize::from(!seen(&got)[0].is_empty());
    }
    assert!(held_by_several > 100, "the test must look at something");
}

/// The same answer from the arrivals themselves.
fn naive(plan: &Plan, reads: &[Read]) -> Seen {
    let Want::Points {
        selectors,
        from,
        until,
        last_slots,
    } = &plan.want
    else {
        panic!("not points");
    };
    let of = |selector: &Selector| {
        let Selector::Path(path) = selector else {
            panic!("not a path");
        };
        // By name: of each time the last arrival.
        let mut series: BTreeMap<&str, BTreeMap<i64, (u64, u64)>> = BTreeMap::new();
        for read in reads {
            for (name, time, value) in &read.points {
                let matches = name == path || path == "a.b.*" && name.starts_with("a.b.");
                if matches {
                    let points = series.entry(name).or_default();
                    points.insert(*time, (read.stamp, value.to_bits()));
                }
            }
        }
        let show = |(name, points): (&str, BTreeMap<i64, (u64, u64)>)| {
            let newest = points
                .keys()
                .rev()
                .take(NEWEST_TIMES_MAX)
                .copied()
                .collect();
            let mut kept: BTreeMap<i64, (u64, u64)> = points
                .range(from.0..=until.0)
                .map(|(&t, &p)| (t, p))
                .collect();
            for slot in last_slots.iter() {
                let after = points.range(slot.start.0.max(until.0 + 1)..slot.end.0);
                kept.extend(
                    after
                        .max_by_key(|(_, (stamp, _))| *stamp)
                        .map(|(&t, &p)| (t, p)),
                );
            }
            let kept = kept.into_iter().map(|(t, (s, v))| (t, s, v)).collect();
            (name.to_owned(), kept, newest)
        };
        series.into_iter().map(show).collect()
    };
    selectors.iter().map(of).collect()
}

fn found(text: &str, identity: u128, points: &[(i64, u64, f64)]) -> FoundSeries {
    let mut columns = Points::default();
    points.iter().for_each(|&(t, s, v)| columns.push(t, s, v));
    FoundSeries {
        text: text.to_owned(),
        identity: Identity(identity),
        values: Values::Double,
        newest_times: columns.times.iter().rev().copied().collect(),
        points: columns,
        slotted: None,
        texts: Vec::new(),
    }
}

fn one_selector(series: Vec<FoundSeries>, exact: bool) -> Partial {
    let all = Matches {
        series: (0..series.len() as u32).collect(),
        exact,
    };
    Partial::Points(FoundPoints {
        points_read: 0,
        series,
        matches: vec![all],
        damaged: false,
    })
}

#[test]
fn two_names_of_one_identity_are_kept_apart() {
    let partials = vec![
        one_selector(vec![found("b", 1, &[(1, 1, 1.0)])], false),
        one_selector(vec![found("a", 1, &[(1, 2, 2.0)])], false),
    ];
    let Ok(Merged::Points(merged)) = merged(&plan_of_one(), partials, 1) else {
        panic!("no points");
    };
    let names: Vec<&str> = merged.series.iter().map(|s| s.name.as_str()).collect();
    assert_eq!((names, merged.clashes), (vec!["a", "b"], 1));
    assert_eq!(merged.series[0].points.values, [2.0]);
}

#[test]
fn an_exact_name_counts_only_where_no_tree_has_a_match() {
    let exact = || one_selector(vec![found("a[1]", 1, &[])], true);
    let by_tree = one_selector(vec![found("a1", 2, &[])], false);
    let names = |partials| {
        seen(&merged(&plan_of_one(), partials, 3).expect("small"))[0]
            .iter()
            .map(|s| s.0.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(vec![exact(), by_tree]), ["a1"]);
    assert_eq!(names(vec![exact(), exact()]), ["a[1]"]);
}

#[test]
fn nodes_and_names_are_sorted_and_each_there_once() {
    let node = |path: &str, leaf, branch| FoundNode {
        path: path.to_owned(),
        leaf,
        branch,
    };
    let pattern = String::new();
    let nodes = merged(
        &wanting(Want::Nodes { pattern }),
        vec![
            Partial::Nodes(vec![node("b", true, false), node("a", true, false)]),
            Partial::Nodes(vec![node("b", false, true)]),
        ],
        1,
    );
    let want = vec![node("a", true, false), node("b", true, true)];
    assert_eq!(nodes, Ok(Merged::Nodes(want)));
    let list = |names: &[&str]| names.iter().map(|&n| n.to_owned()).collect::<Vec<_>>();
    let names = merged(
        &wanting(Want::Names),
        vec![
            Partial::Names(list(&["b", "a"])),
            Partial::Names(list(&["c", "a"])),
        ],
        2,
    );
    assert_eq!(names, Ok(Merged::Names(list(&["a", "b", "c"]))));
}

#[test]
fn ceilings_count_what_all_shards_bring() {
    let partials = || {
        vec![
            one_selector(vec![found("a", 1, &[(1, 1, 1.0)])], false),
            one_selector(vec![found("b", 2, &[(1, 1, 1.0)])], false),
        ]
    };
    let with = |limits| {
        let plan = Plan {
            limits,
            ..plan_of_one()
        };
        Merge::new(&plan, partials()).step(1000).expect("small")
    };
    let limits = Limits::default();
    assert!(with(limits).is_ok());
    let series_max = 1;
    assert!(matches!(
        with(Limits {
            series_max,
            ..limits
        }),
        Err(QueryError::Limit(_))
    ));
    let points_read_max = 1;
    assert!(matches!(
        with(Limits {
            points_read_max,
            ..limits
        }),
        Err(QueryError::TooManyPoints { .. })
    ));
}

#[test]
fn no_shards_no_series() {
    let Ok(Merged::Points(nothing)) = merged(&plan_of_one(), Vec::new(), 1) else {
        panic!("not points");
    };
    assert_eq!((nothing.series, nothing.matches), (vec![], vec![vec![]]));
}

/// Points of whole numbers: (time, stamp, value).
fn longs(text: &str, identity: u128, points: &[(i64, u64, i64)]) -> FoundSeries {
    let mut columns = Points::default();
    for &(time, stamp, value) in points {
        columns.push(time, stamp, f64::from_bits(value as u64));
    }
    FoundSeries {
        points: columns,
        values: Values::Long,
        ..found(text, identity, &[])
    }
}

#[test]
fn whole_numbers_and_floats_of_one_name_are_one_series_to_graphite() {
    let many: Vec<(i64, u64, i64)> = (0..2_500).map(|i| (10 + i, 1, i)).collect();
    let partials = || {
        vec![
            one_selector(
                vec![
                    longs("a;k=v", 1, &[(1, 1, 10), (2, 5, -20), (4, 9, 1)]),
                    longs("b", 3, &many),
                ],
                false,
            ),
            one_selector(
                vec![
                    found("a;k=v", 2, &[(1, 3, 1.5), (2, 4, 2.5), (3, 1, 3.5)]),
                    longs("a;k=v", 1, &[(4, 9, 2)]),
                ],
                false,
            ),
        ]
    };
    let plan = plan_of_one();
    let Ok(Merged::Points(joined)) = merged(&plan, partials(), 7) else {
        panic!("no points");
    };
    assert_eq!(joined.clashes, 0);
    assert_eq!(joined.matches, [vec![0, 1]]);
    let a = &joined.series[0];
    assert_eq!((a.name.as_str(), a.values), ("a;k=v", Values::Double));
    assert_eq!(a.points.times, [1, 2, 3, 4]);
    assert_eq!(a.points.values, [1.5, -20.0, 3.5, 2.0]);
    let b: Vec<f64> = (0..2_500).map(f64::from).collect();
    assert_eq!(joined.series[1].points.values, b);

    let metric = Selector::Metric {
        name: "a".to_owned(),
        filters: Vec::new(),
    };
    let Want::Points {
        from,
        until,
        last_slots,
        ..
    } = plan.want
    else {
        panic!("not points");
    };
    let want = Want::Points {
        selectors: Arc::new([metric]),
        from,
        until,
        last_slots,
    };
    let plan = Plan::new(TenantId::DEFAULT, want, Limits::default());
    let Ok(Merged::Points(apart)) = merged(&plan, partials(), 7) else {
        panic!("no points");
    };
    let kinds: Vec<Values> = apart.series.iter().map(|one| one.values).collect();
    assert_eq!(kinds, [Values::Double, Values::Long, Values::Long]);
    let bits = |i: usize| -> Vec<i64> {
        let values = apart.series[i].points.values.iter();
        values.map(|value| value.to_bits() as i64).collect()
    };
    assert_eq!(bits(1), [10, -20, 2]);
    assert_eq!(apart.series[0].points.values, [1.5, 2.5, 3.5]);
}

/// Points on up to four shards, and whether some series may lie on several: mostly each has a home.
fn spread(random: &mut Random) -> (Shards, bool) {
    let reads = reads(random);
    let shards = 1 + random.below(4) as usize;
    let stray = [0, 0, 10][random.below(3) as usize];
    let mut world = Shards::new(shards);
    for read in &reads {
        for (name, time_ms, value) in &read.points {
            let home = name.len() * 7 + name.as_bytes()[name.len() - 1] as usize;
            let strays = random.chance(stray);
            let shard = (home + usize::from(strays)) % shards;
            world.put(shard, name, *time_ms, read.stamp, *value);
        }
    }
    (world, shards > 1 && stray > 0)
}

/// Values that one shard makes are those of its points, and what several hold has none.
#[test]
fn values_are_made_of_the_points() {
    let (mut made, mut shared) = (0, 0);
    for seed in 0..150 {
        let mut random = Random::new(seed);
        let (world, may_share) = spread(&mut random);
        let selectors: Arc<[Selector]> = ["a.b.*", "a.b.c", "web;dc=y", "none"]
            .map(|path| Selector::Path(path.to_owned()))
            .into();
        let from_s = START_MS / 1000 + random.below(60) as i64 - 20;
        let until_s = from_s + 1 + random.below(900) as i64;
        let budget = [1, 7, 100, 1_000_000][random.below(4) as usize];
        let ask = |want: Want| {
            let plan = wanting(want);
            let partials = world.ask(&plan, budget).expect("within limits");
            let Ok(Merged::Points(merged)) = merged(&plan, partials, budget) else {
                panic!("not points");
            };
            merged
        };
        let got = ask(Want::Values {
            selectors: Arc::clone(&selectors),
            from_s,
            until_s,
            summary: None,
        });
        let (from, until) = last_slot::points_of(from_s, until_s);
        let want = ask(Want::Points {
            selectors,
            from,
            until,
            last_slots: last_slot::last_slots(from_s, until_s).into(),
        });
        assert_eq!(got.matches, want.matches, "seed {seed}");
        for (got, want) in got.series.iter().zip(&want.series) {
            assert_eq!(got.name, want.name, "seed {seed}");
            let Some(slotted) = &got.slotted else {
                assert!(may_share, "seed {seed}: {} has none", got.name);
                shared += 1;
                continue;
            };
            let mut times = want.newest_times.clone();
            times.reverse();
            let step_s = slots::infer_step(&times);
            let pace = Pace::new(&Breathless);
            let slots = slots::slot(&want.points, step_s, from_s, until_s, &pace);
            let slots = run(slots).expect("a breath");
            assert_eq!(format!("{slotted:?}"), format!("{slots:?}"), "seed {seed}");
            made += slotted
                .values
                .iter()
                .filter(|value| !value.is_nan())
                .count();
        }
    }
    assert!(
        made > 1_000 && shared > 10,
        "{made} values, {shared} shared"
    );
}

/// What the shards add up is what adding up whole series comes to; where it might not be, nothing is said.
#[test]
fn rows_are_what_series_come_to() {
    let (mut combined, mut apart) = (0, 0);
    for seed in 0..200 {
        let mut random = Random::new(seed);
        let (world, may_share) = spread(&mut random);
        let selector = match random.below(3) {
            0 => Selector::Path("a.b.*".to_owned()),
            1 => Selector::Path("web;dc=y".to_owned()),
            _ => Selector::Tags(vec!["name=web".to_owned()]),
        };
        let by = match random.below(5) {
            0 | 1 => By::All,
            2 => By::Nodes(vec![Literal::Integer(-1)]),
            3 => By::OtherNodes([1].into()),
            _ => By::Tags(vec!["dc".to_owned()]),
        };
        let combine = Combine {
            law: Law::ALL[random.below(7) as usize],
            by,
            x_files_factor: random.below(3) as f64 / 2.0,
        };
        let from_s = START_MS / 1000 + random.below(60) as i64 - 20;
        let until_s = from_s + 1 + random.below(900) as i64;
        let budget = [1, 7, 100, 1_000_000][random.below(4) as usize];
        let ask = |want: Want| {
            let plan = wanting(want);
            let partials = world.ask(&plan, budget).expect("within limits");
            merged(&plan, partials, budget).expect("within limits")
        };
        let Merged::Points(whole) = ask(Want::Values {
            selectors: [selector.clone()].into(),
            from_s,
            until_s,
            summary: None,
        }) else {
            panic!("not points");
        };
        let rows = |fresh| Want::Rows {
            selector: selector.clone(),
            combine: combine.clone(),
            from_s,
            until_s,
            summary: None,
            fresh,
        };
        // The second time from what was kept the first time.
        ask(rows(false));
        let Merged::Rows(rows) = ask(rows(random.chance(30))) else {
            panic!("not rows");
        };
        // By key: the series, in the order of their names.
        let mut groups: Vec<(String, Vec<Series>)> = Vec::new();
        let mut held_twice = false;
        for &place in &whole.matches[0] {
            let one = &whole.series[place as usize];
            let Some(slotted) = one.slotted.clone() else {
                held_twice = true;
                continue;
            };
            let (start, step) = (slotted.start, slotted.step);
            let leaf = Series::leaf(one.name.clone(), start, step, slotted.values, 0.0);
            let leaf = leaf.expect("a name");
            let key = combine.by.key(&leaf);
            match groups.iter_mut().find(|group| group.0 == key) {
                Some(group) => group.1.push(leaf),
                None => groups.push((key, vec![leaf])),
            }
        }
        let one_grid = |list: &Vec<Series>| list.iter().all(|one| one.step == list[0].step);
        let Some(got) = rows.groups else {
            let grids = groups.iter().all(|group| one_grid(&group.1));
            assert!(
                held_twice && may_share || !grids,
                "seed {seed}: nothing stands against it"
            );
            apart += 1;
            continue;
        };
        assert!(!held_twice, "seed {seed}");
        let keys = |key: &String| key.clone();
        let want: Vec<String> = groups.iter().map(|group| keys(&group.0)).collect();
        let told: Vec<String> = got.iter().map(|group| keys(&group.key)).collect();
        assert_eq!(
            told, want,
            "seed {seed}: groups by the names of their first series"
        );
        for (group, (_, series)) in got.iter().zip(&groups) {
            assert!(one_grid(series), "seed {seed}");
            assert_eq!(group.first, series[0].name);
            let mut tags = series[0].tags.clone();
            tags.retain(|key, value| series.iter().all(|one| one.tags.get(key) == Some(value)));
            assert_eq!(group.tags, tags, "seed {seed}");
            let mut all = Rows::new(
                combine.law,
                series[0].start,
                series[0].step,
                group.rows.len(),
            );
            for one in series {
                all.begin_series(&one.name);
                all.add(0, &one.values);
            }
            for row in 0..all.len() {
                let want = all.value(row, combine.x_files_factor);
                let got = group.rows.value(row, combine.x_files_factor);
                assert_eq!(got.to_bits(), want.to_bits(), "seed {seed} row {row}");
                combined += usize::from(!want.is_nan());
            }
        }
    }
    assert!(
        combined > 1_000 && apart > 10,
        "{combined} values, {apart} apart"
    );
}

/// Texts that several shards hold of one series: each point has its own, whatever its place was there.
#[test]
fn texts_of_several_shards_are_one_series() {
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let shards = 1 + random.below(4) as usize;
        let mut world = Shards::new(shards);
        let mut want: BTreeMap<i64, String> = BTreeMap::new();
        for stamp in 1..1 + random.below(200) {
            let (time, text) = (random.below(90) as i64, format!("t{}", random.below(9)));
            let shard = random.below(shards as u64) as usize;
            world.put_text(shard, "state;host=a", time, stamp, &text);
            want.insert(time, text);
        }
        let plan = wanting(Want::Points {
            selectors: Arc::new([Selector::Metric {
                name: "state".to_owned(),
                filters: Vec::new(),
            }]),
            from: Millis(10),
            until: Millis(80),
            last_slots: Arc::new([]),
        });
        let parts = world
            .ask(&plan, 1 + random.below(50) as usize)
            .expect("within limits");
        let Ok(Merged::Points(found)) = merged(&plan, parts, 1 + random.below(50) as usize) else {
            panic!("not points");
        };
        let told = found.series.iter().flat_map(|series| {
            let text = |value: &f64| series.texts[value.to_bits() as usize].to_string();
            let texts = series.points.values.iter().map(text);
            series.points.times.iter().copied().zip(texts)
        });
        let told: Vec<(i64, String)> = told.collect();
        let want: Vec<(i64, String)> = want
            .into_iter()
            .filter(|(time, _)| (10..=80).contains(time))
            .collect();
        assert_eq!(told, want, "seed {seed}");
        assert!(found.series.len() < 2);
    }
}
