//! Which series of a KairosDB metric a call reaches, where a mistake would take points of others: filters
//! of queries and deletes, tags that are called like what the appliance itself keeps, tags that `save_as`
//! keeps.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Appliance, wait_until};
use crate::telnet::query;

#[track_caller]
fn post(appliance: &Appliance, path: &str, body: &Value, status: u16) -> Value {
    let told = appliance.try_post_body(&format!("/api/v1{path}"), &body.to_string());
    let (got, text) = told.expect("an answer");
    assert_eq!(got, status, "{body}: {text}");
    serde_json::from_str(&text).unwrap_or_default()
}

/// A metric of five points, each of another series.
fn send(appliance: &Appliance, name: &str) {
    let tags = [
        json!({"h": "web1"}),
        json!({"h": "db1"}),
        json!({"h": "web2", "g": "x"}),
        json!({"g": "x"}),
        json!({"g": "y"}),
    ];
    let metrics = tags.iter().enumerate();
    let metrics = metrics
        .map(|(i, tags)| json!({"name": name, "timestamp": i + 1, "value": i + 1, "tags": tags}));
    post(appliance, "/datapoints", &metrics.collect(), 204);
}

/// The values of a metric that pass a filter.
fn found(appliance: &Appliance, name: &str, filter: &Value) -> Vec<i64> {
    let asked = json!({"start_absolute": 0, "metrics": [{"name": name, "tags": filter}]});
    let told = post(appliance, "/datapoints/query", &asked, 200);
    let values = told["queries"][0]["results"][0]["values"]
        .as_array()
        .expect("values")
        .clone();
    values
        .iter()
        .map(|point| point[1].as_i64().expect("a long"))
        .collect()
}

#[test]
fn a_filter_reaches_only_series_that_have_the_tag() {
    let appliance = Appliance::start_with(&["--shards", "2", "--steering", "flow"]);
    for (i, (filter, reached)) in [
        (json!({"h": "regex:.*"}), vec![1, 2, 3]),
        (json!({"h": "regex:"}), vec![]),
        (json!({"h": "regex:x?"}), vec![]),
        (json!({"h": ["regex:|web1", "nosuch"]}), vec![1]),
        (json!({"h": ["regex:x*", "db1"]}), vec![2]),
        (json!({"h": "regex:(?!web).*"}), vec![2]),
        (json!({"h": "regex:\\Qweb\\E.(?<=1)"}), vec![1]),
        (json!({"g": "regex:.*", "h": "regex:.*"}), vec![3]),
        (json!({"nosuch": "regex:.*"}), vec![]),
        (json!({"g": ["x", "regex:z*"]}), vec![3, 4]),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("filtered{i}");
        send(&appliance, &name);
        assert_eq!(found(&appliance, &name, &filter), reached, "{filter}");
        let asked = json!({"start_absolute": 0, "metrics": [{"name": name, "tags": filter}]});
        let told = post(&appliance, "/datapoints/query/tags", &asked, 200);
        let tags = &told["queries"][0]["results"][0]["tags"];
        let hosts = tags["h"].as_array().map_or(0, Vec::len);
        let want = reached.iter().filter(|&&value| value < 4).count();
        assert_eq!(hosts, want, "{filter}: {tags}");
        // Of what a delete reaches nothing stays, and all of the others.
        post(&appliance, "/datapoints/delete", &asked, 204);
        let left: Vec<i64> = (1..6).filter(|value| !reached.contains(value)).collect();
        assert_eq!(
            found(&appliance, &name, &json!({})),
            left,
            "deleted by {filter}"
        );
    }
    // A search that would not end reaches nothing.
    let long = json!({"name": "long", "timestamp": 1, "value": 1, "tags": {"h": "x".repeat(60)}});
    post(&appliance, "/datapoints", &long, 204);
    let asked = json!({"start_absolute": 0, "metrics": [{"name": "long", "tags": {"h": "regex:(?:(x+)\\1?)+y"}}]});
    for path in [
        "/datapoints/query",
        "/datapoints/query/tags",
        "/datapoints/delete",
    ] {
        let told = post(&appliance, path, &asked, 400);
        let told = told["errors"][0].as_str().expect("a text");
        assert!(told.contains("goes back more than"), "{path}: {told}");
    }
    assert_eq!(found(&appliance, "long", &json!({})), [1]);
    appliance.stop();
}

#[test]
fn tags_called_like_the_name_are_told_apart() {
    let appliance = Appliance::start_with(&["--shards", "2"]);
    let names = |path: &str| -> Vec<String> {
        let list: Value = serde_json::from_str(&appliance.get(path)).expect("JSON");
        let list = list["results"].as_array().expect("a list").clone();
        list.iter()
            .map(|name| name.as_str().expect("a text").to_owned())
            .collect()
    };
    let one = |value: i64, tags: Value| json!({"name": "nm", "timestamp": 1_700_000_000_000_i64, "value": value, "tags": tags});
    post(
        &appliance,
        "/datapoints",
        &one(1, json!({"name_": "n1"})),
        204,
    );
    assert_eq!(names("/api/v1/tagnames"), ["name_"]);
    post(
        &appliance,
        "/datapoints",
        &one(2, json!({"name": "n1", "nam": "x"})),
        204,
    );
    assert_eq!(names("/api/v1/tagnames"), ["nam", "name", "name_"]);
    assert_eq!(names("/api/v1/tagvalues"), ["n1", "x"]);
    assert_eq!(found(&appliance, "nm", &json!({"name": "n1"})), [2]);
    assert_eq!(found(&appliance, "nm", &json!({"name_": "n1"})), [1]);
    let delete =
        json!({"start_absolute": i64::MIN, "metrics": [{"name": "nm", "tags": {"name_": "n1"}}]});
    post(&appliance, "/datapoints/delete", &delete, 204);
    assert_eq!(found(&appliance, "nm", &json!({})), [2]);
    assert_eq!(names("/api/v1/tagnames"), ["nam", "name"]);

    // Graphite's own `name` is the metric, and a tag of that name is `name_`, wherever it is asked for.
    let legends = |target: &str| -> Vec<String> {
        let found = appliance.render(&[target.to_owned()], 1_699_999_999, 1_700_000_001);
        found.into_iter().map(|series| series.name).collect()
    };
    wait_until(
        "a series of Graphite",
        Duration::from_secs(20),
        || match legends("seriesByTag('name=nm','name_=n1')").as_slice() {
            [one] if one == "nm;nam=x;name=n1" => Ok(()),
            other => Err(format!("{other:?}")),
        },
    );
    assert_eq!(
        legends("aliasByTags(seriesByTag('name=nm'),'name','name_')"),
        ["nm.n1"]
    );
    assert_eq!(
        legends("groupByTags(seriesByTag('name=nm'),'sum','name_')"),
        ["nm;name_=n1"]
    );
    let told: Value =
        serde_json::from_str(&appliance.get(
            "/render?format=json&from=1699999999&until=1700000001&target=seriesByTag('name=nm')",
        ))
        .expect("JSON");
    assert_eq!(
        told[0]["tags"],
        json!({"name": "nm", "name_": "n1", "nam": "x"})
    );
    appliance.stop();
}

/// KairosDB's own case of `save_as`: of a group with the tags `host: [bob], host2: [x, y], other: [z]`, by
/// groupers of `host` and `host2`, the tags are kept that a grouper names and that have one value.
#[test]
fn save_as_keeps_tags_of_every_grouper() {
    let appliance = Appliance::start_with(&["--shards", "2"]);
    let of = |host2: &str| json!({"name": "saved", "timestamp": 1, "value": 7, "tags": {"host": "bob", "host2": host2, "other": "z"}});
    post(&appliance, "/datapoints", &json!([of("x"), of("y")]), 204);
    for (to, more, want) in [
        (
            "saved.a",
            json!({}),
            json!({"host": ["bob"], "saved_from": ["saved"]}),
        ),
        (
            "saved.b",
            json!({"add_saved_from": false}),
            json!({"host": ["bob"]}),
        ),
        (
            "saved.c",
            json!({"tags": {"t": "u"}}),
            json!({"host": ["bob"], "saved_from": ["saved"], "t": ["u"]}),
        ),
    ] {
        let mut save_as = json!({"name": "save_as", "metric_name": to, "ttl": 42});
        save_as
            .as_object_mut()
            .expect("an object")
            .extend(more.as_object().expect("an object").clone());
        let asked = json!({"start_absolute": 0, "metrics": [{
            "name": "saved",
            "group_by": [{"name": "tag", "tags": ["host"]}, {"name": "tag", "tags": ["host2"]}],
            "aggregators": [{"name": "sum", "sampling": {"value": 1, "unit": "seconds"}}, save_as],
        }]});
        post(&appliance, "/datapoints/query", &asked, 200);
        assert_eq!(query(&appliance, to), [(want, json!([[1, 14]]))], "{to}");
    }
    appliance.stop();
}
