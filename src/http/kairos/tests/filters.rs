//! Which series of a metric a filter finds.

use serde_json::Value;

use super::query::{results, shown};
use super::*;

/// What a filter finds of series with and without the tag; a regular expression, Java's, matches as a whole.
#[test]
fn filters_ask_only_series_that_have_the_tag() {
    let fleet = holding(
        r#"[{"name":"m1","timestamp":1,"value":1,"tags":{"h":"web1"}},
            {"name":"m1","timestamp":2,"value":2,"tags":{"h":"db1"}},
            {"name":"m1","timestamp":3,"value":3,"tags":{"h":"web\n2"}},
            {"name":"m1","timestamp":4,"value":4,"tags":{"h":"WEB3"}},
            {"name":"m1","timestamp":5,"value":5,"tags":{"g":"x"}}]"#,
    );
    let asked = |path: &str, filter: &str| {
        let text = format!(r#"{{"start_absolute":0,"metrics":[{{"name":"m1","tags":{filter}}}]}}"#);
        let response = post(&fleet, path, &text);
        let told = body(&response).to_owned();
        (response.status().as_u16(), told)
    };
    for (filter, want) in [
        (r#"{}"#, "1 2 3 4 5"),
        (r#"{"h":[]}"#, "1 2 3 4 5"),
        (r#"{"h":"web1"}"#, "1"),
        (r#"{"h":["web1","WEB3"]}"#, "1 4"),
        (r#"{"h":"regex:.*"}"#, "1 2 4"),
        (r#"{"h":"regex:(?s).*"}"#, "1 2 3 4"),
        (r#"{"h":"regex:"}"#, ""),
        (r#"{"h":"regex:x?"}"#, ""),
        (r#"{"h":"regex:|web1"}"#, "1"),
        (r#"{"h":["regex:.*","nosuch"]}"#, "1 2 4"),
        (r#"{"h":["regex:x*","db1"]}"#, "2"),
        (r#"{"h":["regex:web1","regex:db.*"]}"#, "1 2"),
        (r#"{"nosuch":"regex:.*"}"#, ""),
        (r#"{"g":"regex:.*"}"#, "5"),
        (r#"{"g":"regex:.*","h":"regex:.*"}"#, ""),
        (r#"{"h":"regex:(?i)web\\d"}"#, "1 4"),
        (r#"{"h":"regex:(?!web).*"}"#, "2 4"),
        (r#"{"h":"regex:(w)eb1|\\1"}"#, "1"),
        (r#"{"h":"regex:\\Qweb\\E1"}"#, "1"),
        (r#"{"h":"regex:\\h*web1"}"#, "1"),
        (r#"{"h":"regex:web++1"}"#, "1"),
        (r#"{"h":"regex:[web]++b1"}"#, ""),
        (r#"{"h":"REGEX:web1"}"#, ""),
    ] {
        let (status, told) = asked("/datapoints/query", filter);
        assert_eq!(status, 200, "{filter}: {told}");
        let told: Value = serde_json::from_str(&told).expect("JSON");
        let values = told["queries"][0]["results"][0]["values"]
            .as_array()
            .expect("values")
            .iter();
        let values: Vec<String> = values.map(|point| point[1].to_string()).collect();
        assert_eq!(values.join(" "), want, "{filter}");
        let (_, told) = asked("/datapoints/query/tags", filter);
        let told: Value = serde_json::from_str(&told).expect("JSON");
        let tags = &told["queries"][0]["results"][0]["tags"];
        let hosts = tags["h"].as_array().map_or(0, Vec::len);
        let others = tags["g"].as_array().map_or(0, Vec::len);
        assert_eq!(hosts + others, values.len(), "{filter}: {tags}");
    }
    let (status, told) = asked("/datapoints/query", r#"{"h":"regex:("}"#);
    let want =
        r#"{"errors":["the regular expression '(' of tag h cannot be read: unclosed group"]}"#;
    assert_eq!((status, told.as_str()), (400, want));
    let (status, told) = asked("/datapoints/query", r#"{"h":"regex:(?:.{1000}){1000}"}"#);
    assert_eq!(status, 400);
    assert!(
        told.contains("of tag h needs more than") && !told.contains("tagspec"),
        "{told}"
    );
    let long = "x".repeat(60);
    let fleet = holding(&format!(
        r#"{{"name":"m1","timestamp":1,"value":1,"tags":{{"h":"{long}"}}}}"#
    ));
    let text =
        r#"{"start_absolute":0,"metrics":[{"name":"m1","tags":{"h":"regex:(?:(x+)\\1?)+y"}}]}"#;
    let (status, told) = query(&fleet, text);
    assert_eq!(status, 400);
    assert!(told.contains("of tag h goes back more than"), "{told}");
}

/// KairosDB's own tags called `name` and `name_` are two.
#[test]
fn tags_called_like_the_name() {
    let fleet = holding(
        r#"[{"name":"m1","timestamp":1,"value":1,"tags":{"name":"n1"}},
            {"name":"m1","timestamp":2,"value":2,"tags":{"name":"n2"}},
            {"name":"m1","timestamp":3,"value":3,"tags":{"name_":"n1"}},
            {"name":"m1","timestamp":4,"value":4,"tags":{"name":"v","name_":"u"}}]"#,
    );
    for (filter, want) in [
        (r#"{"name":"n1"}"#, ": 1"),
        (r#"{"name_":"n1"}"#, ": 3"),
        (r#"{"name":"regex:.*"}"#, ": 1 2 4"),
        (r#"{"name_":"regex:.*"}"#, ": 3 4"),
        (r#"{"name":"u"}"#, ": "),
        (r#"{"name":"v","name_":"u"}"#, ": 4"),
        (r#"{"name":"m1"}"#, ": "),
    ] {
        let text = format!(r#"{{"start_absolute":0,"metrics":[{{"name":"m1","tags":{filter}}}]}}"#);
        assert_eq!(shown(&results(&fleet, &text)), want, "{filter}");
    }
}
