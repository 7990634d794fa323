use super::*;
use crate::query::plan::TagFilter;
use crate::query::testing::Shards;

fn shard(series: usize, points: usize) -> Shards {
    let mut shards = Shards::new(1);
    for i in 0..series {
        for at in 0..points {
            shards.put(0, &format!("many.n{i:03}"), at as i64 * 1000, 1, 1.0);
        }
    }
    shards
}

fn plan(paths: &[&str], limits: Limits) -> Plan {
    Plan::new(
        TenantId::DEFAULT,
        Want::Points {
            selectors: paths
                .iter()
                .map(|&p| Selector::Path(p.to_owned()))
                .collect(),
            from: Millis::MIN,
            until: Millis::MAX,
            last_slots: Arc::new([]),
        },
        limits,
    )
}

#[test]
fn a_series_of_several_selectors_is_read_once() {
    let plan = plan(&["many.*", "many.n00?", "many.n001"], Limits::default());
    let partials = shard(20, 3).ask(&plan, 50).expect("within limits");
    let [Partial::Points(found)] = partials.as_slice() else {
        panic!("{partials:?}");
    };
    assert_eq!(found.series.len(), 20);
    let lengths: Vec<usize> = found.matches.iter().map(|m| m.series.len()).collect();
    assert_eq!(lengths, [20, 10, 1]);
    let of_last = found.matches[2].series[0] as usize;
    assert_eq!(found.series[of_last].text, "many.n001");
    assert_eq!(found.series[of_last].points.times, [0, 1000, 2000]);
}

#[test]
fn a_slice_does_about_what_it_is_told_to() {
    let shards = shard(40, 50);
    let plan = plan(&["many.*"], Limits::default());
    let slices = |budget| shards.slices(&plan, budget);
    // A series is 50 points and 20 for itself, found at a cost of a few more.
    assert!((20..=60).contains(&slices(100)), "{}", slices(100));
    assert!(slices(1) >= 80, "{}", slices(1));
    assert!(slices(1_000_000) <= 2, "{}", slices(1_000_000));
}

#[track_caller]
fn refused(paths: &[&str], limits: Limits, setting: &str) {
    match shard(10, 10).ask(&plan(paths, limits), 7) {
        Err(error @ (QueryError::Limit(_) | QueryError::TooManyPoints { .. })) => {
            assert!(error.to_string().ends_with(setting), "{error}");
        }
        other => panic!("{paths:?} was not refused for {setting}: {other:?}"),
    }
}

#[test]
fn every_ceiling_ends_a_scan() {
    let limits = Limits::default();
    let ends = |limits, setting| refused(&["many.*"], limits, setting);
    ends(
        Limits {
            series_max: 9,
            ..limits
        },
        "query.series_max",
    );
    ends(
        Limits {
            points_read_max: 99,
            ..limits
        },
        "query.points_read_max",
    );
    ends(
        Limits {
            bytes_max: 1000,
            ..limits
        },
        "query.bytes_max",
    );
    // Distinct series count, whichever selector brings them.
    let nine = Limits {
        series_max: 9,
        ..limits
    };
    refused(
        &["many.n00[0-4]", "many.n00[5-9]"],
        nine,
        "query.series_max",
    );
    let all = shard(10, 10).ask(&plan(&["many.n00[0-4]", "many.n00[0-8]"], nine), 7);
    assert!(all.is_ok(), "{all:?}");
}

#[test]
fn a_pattern_or_test_that_cannot_be_read_is_told() {
    let too_long = "a".repeat(100_000);
    let answer = shard(1, 1).ask(&plan(&[&too_long], Limits::default()), 7);
    assert!(matches!(answer, Err(QueryError::Invalid(_))), "{answer:?}");
    let tests = Selector::Tags(vec!["name=~(".to_owned()]);
    let plan = Plan {
        want: Want::Points {
            selectors: Arc::new([tests]),
            from: Millis::MIN,
            until: Millis::MAX,
            last_slots: Arc::new([]),
        },
        ..plan(&[], Limits::default())
    };
    let answer = shard(1, 1).ask(&plan, 7);
    assert!(matches!(answer, Err(QueryError::Invalid(_))), "{answer:?}");
}

#[test]
fn another_tenant_sees_nothing() {
    let shards = shard(5, 5);
    let tenant = TenantId(1);
    for want in [
        Want::Names,
        Want::Nodes {
            pattern: "**".to_owned(),
        },
    ] {
        let plan = |tenant| Plan::new(tenant, want.clone(), Limits::default());
        let count = |tenant| match &shards.ask(&plan(tenant), 3).expect("within limits")[0] {
            Partial::Names(names) => names.len(),
            Partial::Nodes(nodes) => nodes.len(),
            other => panic!("not asked for: {other:?}"),
        };
        assert_eq!((count(tenant), count(TenantId::DEFAULT) >= 5), (0, true));
    }
    let found = shards.ask(
        &Plan {
            tenant,
            ..plan(&["many.*", "many.n001"], Limits::default())
        },
        3,
    );
    let Ok([Partial::Points(found)]) = found.as_deref() else {
        panic!("{found:?}");
    };
    assert!(found.series.is_empty());
}

fn metric(name: &str, filters: &[(&str, &[&str], &[&str])]) -> Plan {
    let texts = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect();
    let filter = |&(key, values, patterns): &(&str, &[&str], &[&str])| TagFilter {
        key: key.to_owned(),
        values: texts(values),
        patterns: texts(patterns),
    };
    let selector = Selector::Metric {
        name: name.to_owned(),
        filters: filters.iter().map(filter).collect(),
    };
    let want = Want::Points {
        selectors: Arc::new([selector]),
        from: Millis::MIN,
        until: Millis::MAX,
        last_slots: Arc::new([]),
    };
    Plan::new(TenantId::DEFAULT, want, Limits::default())
}

#[test]
fn a_metric_is_all_series_of_its_name() {
    let mut shards = Shards::new(1);
    for name in ["m", "m.x", "m;host=a", "m;host=b;dc=x", "n;host=a"] {
        shards.put(0, name, 1, 1, 1.0);
    }
    shards.put(0, "m;host=a;name=own", 1, 1, 1.0);
    shards.put_long(0, "m;host=a", 1, 1, 1 << 60);
    shards.put_long(0, "m", 1, 1, -1);
    let check = |filters: &[(&str, &[&str], &[&str])], want: &[(&str, Values)]| {
        let partials = shards.ask(&metric("m", filters), 1).expect("within limits");
        let [Partial::Points(found)] = partials.as_slice() else {
            panic!("{partials:?}");
        };
        let mut seen: Vec<(&str, Values)> = found
            .series
            .iter()
            .map(|one| (one.text.as_str(), one.values))
            .collect();
        seen.sort_unstable();
        assert_eq!(seen, want, "{filters:?}");
    };
    let (double, long) = (Values::Double, Values::Long);
    check(
        &[],
        &[
            ("m", double),
            ("m", long),
            ("m;dc=x;host=b", double),
            ("m;host=a", double),
            ("m;host=a", long),
            ("m;host=a;name=own", double),
        ],
    );
    check(&[("host", &["b"], &[])], &[("m;dc=x;host=b", double)]);
    check(
        &[("host", &["b", "c"], &["[ac]"]), ("dc", &["x"], &[])],
        &[("m;dc=x;host=b", double)],
    );
    check(&[("host", &[], &["A"])], &[]);
    check(&[("name", &["own"], &[])], &[("m;host=a;name=own", double)]);
    let bad = metric("m", &[("host", &[], &["("])]);
    let told = shards.ask(&bad, 1);
    assert!(matches!(told, Err(QueryError::Invalid(_))), "{told:?}");
}

#[test]
fn graphite_finds_whole_numbers_too() {
    let mut shards = Shards::new(1);
    shards.put_long(0, "a.b", 1, 1, 7);
    shards.put(0, "a.b", 1, 2, 1.0);
    shards.put_long(0, "t;k=v", 1, 1, 7);
    let found = |plan: &Plan| {
        let partials = shards.ask(plan, 5).expect("within limits");
        let [Partial::Points(found)] = partials.as_slice() else {
            panic!("{partials:?}");
        };
        found
            .series
            .iter()
            .map(|one| one.values)
            .collect::<Vec<_>>()
    };
    let paths = |path| plan(&[path], Limits::default());
    assert_eq!(found(&paths("a.*")), [Values::Long, Values::Double]);
    assert_eq!(found(&paths("t;k=v")), [Values::Long]);
}
