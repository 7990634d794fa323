//! KairosDB's own cases of selection, order and grouping, and what clients send.

use serde_json::{Value, json};

use super::*;

/// What a query of one metric, `m1` unless the text names another, comes to.
pub(super) fn results(fleet: &TestFleet, text: &str) -> Value {
    let (status, answer) = query(fleet, text);
    assert_eq!(status, 200, "{text}: {answer}");
    let tree: Value = serde_json::from_str(&answer).expect("JSON");
    tree["queries"][0]["results"].clone()
}

/// The groups and the values of each result, as `group: value value`; a group is the numbers or texts of
/// its `group`.
pub(super) fn shown(results: &Value) -> String {
    let results = results.as_array().expect("results");
    let shown = results.iter().map(|result| {
        let mut line = String::new();
        for group in result["group_by"].as_array().into_iter().flatten() {
            for (_, of) in group["group"].as_object().into_iter().flatten() {
                line += &format!(
                    "{} ",
                    of.as_str().map_or(of.to_string(), |it| format!("'{it}'"))
                );
            }
        }
        let values = result["values"].as_array().expect("values").iter();
        let values: Vec<String> = values.map(|pair| pair[1].to_string()).collect();
        format!("{line}: {}", values.join(" "))
    });
    shown.collect::<Vec<String>>().join("; ")
}

const T: i64 = NOW_S * 1000;

fn metric(rest: &str) -> String {
    format!(r#"{{"start_absolute":{T},"metrics":[{{"name":"m1"{rest}}}]}}"#)
}

#[test]
fn groups_by_tags() {
    let fleet = holding(&data_set(T));
    let check = |tags: &str, want: &str| {
        let grouped = format!(r#","group_by":[{{"name":"tag","tags":{tags}}}]"#);
        assert_eq!(shown(&results(&fleet, &metric(&grouped))), want, "{tags}");
    };
    let all = "1 5 9 2 6 10 3 7 11 4 8 12";
    check(r#"["host"]"#, "'A' : 1 9 2 10 3 11 4 12; 'B' : 5 6 7 8");
    check(
        r#"["host","client"]"#,
        // The reader sorts the names of an object.
        "'bar' 'A' : 9 10 11 12; 'foo' 'A' : 1 2 3 4; 'foo' 'B' : 5 6 7 8",
    );
    check(r#"["bogus"]"#, &format!("'' : {all}"));
    check(r#"["month","month"]"#, &format!("'Apr' : {all}"));
    let echo = &results(
        &fleet,
        &metric(r#","group_by":[{"name":"tag","tags":["host"]}]"#),
    )[0];
    assert_eq!(
        echo["group_by"].to_string(),
        r#"[{"group":{"host":"A"},"name":"tag","tags":["host"]},{"name":"type","type":"number"}]"#
    );
    assert_eq!(
        echo["tags"],
        json!({"host": ["A"], "client": ["bar", "foo"], "month": ["Apr"]})
    );
    // A second one is not even told.
    let two = r#","group_by":[{"name":"tag","tags":["host"]},{"name":"tag","tags":["client"]}]"#;
    let two = results(&fleet, &metric(two));
    assert_eq!(two.as_array().map(Vec::len), Some(2));
    assert_eq!(two[0]["group_by"].as_array().map(Vec::len), Some(2));
}

#[test]
fn series_that_lack_a_tag_have_an_empty_one() {
    let fleet = holding(&format!(
        r#"[{{"name":"m1","tags":{{"tag1":"value"}},"datapoints":[[{T},1]]}},
            {{"name":"m1","tags":{{"tag2":"value"}},"datapoints":[[{T},2]]}}]"#
    ));
    let grouped = metric(r#","group_by":[{"name":"tag","tags":["tag1","tag2"]}]"#);
    assert_eq!(
        shown(&results(&fleet, &grouped)),
        "'' 'value' : 2; 'value' '' : 1"
    );
}

/// Ten points, two milliseconds apart.
fn ten() -> (TestFleet, i64) {
    let begin = 1_375_202_962_764;
    let points: Vec<String> = (0..10)
        .map(|i| format!("[{},{}]", begin + 2 * i, i + 1))
        .collect();
    let points = points.join(",");
    let text = format!(r#"{{"name":"m1","tags":{{"a":"b"}},"datapoints":[{points}]}}"#);
    (holding(&text), begin)
}

#[test]
fn groups_by_points() {
    let (fleet, begin) = ten();
    let check = |groupers: &str, want: &str| {
        let text = format!(
            r#"{{"start_absolute":{begin},"metrics":[{{"name":"m1","group_by":[{groupers}]}}]}}"#
        );
        assert_eq!(shown(&results(&fleet, &text)), want, "{groupers}");
    };
    let time =
        r#"{"name":"time","range_size":{"value":"2","unit":"milliseconds"},"group_count":"2"}"#;
    let value = r#"{"name":"value","range_size":5}"#;
    let bin = r#"{"name":"bin","bins":[2,"5",7]}"#;
    check(time, "0 : 1 3 5 7 9; 1 : 2 4 6 8 10");
    check(value, "0 : 1 2 3 4; 1 : 5 6 7 8 9; 2 : 10");
    check(bin, "0 : 1; 1 : 2 3 4; 2 : 5 6; 3 : 7 8 9 10");
    check(
        &format!("{value},{time}"),
        "0 0 : 1 3; 0 1 : 2 4; 1 0 : 5 7 9; 1 1 : 6 8; 2 1 : 10",
    );
    let text = format!(
        r#"{{"start_absolute":{begin},"metrics":[{{"name":"m1","limit":1,
             "group_by":[{bin},{{"name":"tag","tags":["a"]}},{time},{value}]}}]}}"#
    );
    let (status, answer) = query(&fleet, &text);
    assert_eq!(status, 200);
    let echo = concat!(
        r#""group_by":[{"name":"bin","bins":[2,5,7],"group":{"bin_number":0}},"#,
        r#"{"name":"time","range_size":{"value":2,"unit":"MILLISECONDS"},"group_count":2,"group":{"group_number":0}},"#,
        r#"{"name":"value","range_size":5,"group":{"group_number":0}},"#,
        r#"{"name":"tag","tags":["a"],"group":{"a":"b"}},{"name":"type","type":"number"}],"tags":{"a":["b"]},"values":[[1375202962764,1]]}]}]}"#,
    );
    assert!(answer.contains(echo), "{answer}");
}

#[test]
fn months_group_by_the_calendar() {
    let at = |text: &str| {
        let time: jiff::Timestamp = format!("{text}T00:00:00Z").parse().expect("a time");
        time.as_millisecond()
    };
    let days = [
        "2010-01-31",
        "2010-02-28",
        "2010-12-01",
        "2011-02-28",
        "2012-01-31",
    ];
    let points: Vec<String> = days.iter().map(|day| format!("[{},1]", at(day))).collect();
    let points = points.join(",");
    let fleet = holding(&format!(
        r#"{{"name":"m1","tags":{{"a":"b"}},"datapoints":[{points}]}}"#
    ));
    let text = format!(
        r#"{{"start_absolute":{},"metrics":[{{"name":"m1","group_by":[
            {{"name":"time","range_size":{{"value":1,"unit":"months"}},"group_count":24}}]}}]}}"#,
        at("2010-01-01")
    );
    let want = "0 : 1 1; 1 : 1; 11 : 1; 13 : 1";
    assert_eq!(shown(&results(&fleet, &text)), want);
}

#[test]
fn ranges_reach_before_1970() {
    let fleet = holding(
        r#"{"name":"m1","tags":{"a":"b"},"datapoints":[[-2000000000,80],[-1000000000,40],[-100,20],[0,3],[2000000000,33]]}"#,
    );
    let check = |until: &str, want: &str| {
        let text = format!(
            r#"{{"start_absolute":-2000000000,"end_absolute":{until},"metrics":[{{"name":"m1"}}]}}"#
        );
        assert_eq!(shown(&results(&fleet, &text)), want);
    };
    check("2000000000", ": 80 40 20 3 33");
    check("-1", ": 80 40 20");
}

#[test]
fn nothing_matched() {
    let (fleet, begin) = ten();
    let ask = |options: &HttpOptions, rest: &str| {
        let text = format!(
            r#"{{"start_absolute":{begin},"metrics":[{{"name":"nosuch","limit":0{rest}}}]}}"#
        );
        let url = "/api/v1/datapoints/query";
        let response = run(answer(request("POST", url, "", &text), &fleet, options));
        body(&response).to_owned()
    };
    let empty =
        r#"{"queries":[{"sample_size":0,"results":[{"name":"nosuch","tags":{},"values":[]}]}]}"#;
    let none = r#"{"queries":[{"sample_size":0,"results":[]}]}"#;
    let usual = HttpOptions::default();
    assert_eq!(ask(&usual, ""), empty);
    assert_eq!(ask(&usual, r#","aggregators":[{"name":"sum"}]"#), empty);
    assert_eq!(
        ask(&usual, r#","group_by":[{"name":"tag","tags":["a"]}]"#),
        empty
    );
    let grouped = r#","group_by":[{"name":"value","range_size":5}]"#;
    assert_eq!(ask(&usual, grouped), none);
    let dropping = HttpOptions {
        kairos_query: QueryOptions {
            drop_empty: true,
            return_query: true,
            ..QueryOptions::default()
        },
        ..HttpOptions::default()
    };
    let want = format!(
        r#"{{"original_query":{{"start_absolute":{begin},"metrics":[{{"name":"nosuch","limit":0}}]}},"queries":[{{"sample_size":0,"results":[]}}]}}"#
    );
    assert_eq!(ask(&dropping, ""), want);
}

#[test]
fn tags_of_a_metric() {
    let fleet = holding(&data_set(T));
    let tags = |text: &str| {
        let response = post(&fleet, "/datapoints/query/tags", text);
        (response.status().as_u16(), body(&response).to_owned())
    };
    // As Grafana asks for them.
    let text = r#"{"cache_time":0,"start_absolute":0,"metrics":[{"name":"m1","tags":{}},{"name":"m1","tags":{"client":["bar"]}},{"name":"nosuch"}]}"#;
    let want = concat!(
        r#"{"queries":[{"results":[{"name":"m1","tags":{"client":["bar","foo"],"host":["A","B"],"month":["Apr"]},"values":[]}]},"#,
        r#"{"results":[{"name":"m1","tags":{"client":["bar"],"host":["A"],"month":["Apr"]},"values":[]}]},"#,
        r#"{"results":[{"name":"nosuch","tags":{},"values":[]}]}]}"#,
    );
    assert_eq!(tags(text), (200, want.to_owned()));
    let wrong = r#"{"start_absolute":0,"metrics":[{"name":"m1","aggregators":[{"name":"x"}]}]}"#;
    let told = r#"{"errors":["query.metric[0].aggregators[0].x invalid aggregators name"]}"#;
    assert_eq!(tags(wrong), (400, told.to_owned()));
}

#[test]
fn a_query_in_the_url() {
    let fleet = holding(&data_set(T));
    let get = |url: &str| ask(&fleet, request("GET", url, "", ""));
    let text = metric(r#","tags":{"host":"B"}"#);
    let url = |text: &str| {
        let query = crate::http::tests::encoded(text);
        format!("/api/v1/datapoints/query?query={query}")
    };
    let response = get(&url(&text));
    assert_eq!(response.status().as_u16(), 200);
    assert_eq!(body(&response), query(&fleet, &text).1);
    let head = ask(&fleet, request("HEAD", &url(&text), "", ""));
    assert_eq!((head.status().as_u16(), body(&head)), (200, ""));
    let told = r#"{"errors":["query json must not be null or empty"]}"#;
    for url in [
        "/api/v1/datapoints/query",
        "/api/v1/datapoints/query/?query=",
    ] {
        let response = get(url);
        assert_eq!((response.status().as_u16(), body(&response)), (400, told));
    }
    let response = ask(
        &fleet,
        request("GET", "/api/v1/datapoints/query/tags", "", ""),
    );
    assert_eq!(response.status().as_u16(), 405);
    let response = ask(
        &fleet,
        request("DELETE", "/api/v1/datapoints/query", "", ""),
    );
    assert_eq!(header(&response, "Allow"), "GET,HEAD,OPTIONS,POST");
}

/// Numbers come before texts, and a text's own aggregators leave numbers as they are.
#[test]
fn texts_and_numbers_of_one_name() {
    let mut fleet = fleet();
    fleet.shards.put_text(0, "m1;host=a", T, 1, "Hello");
    fleet.shards.put_text(1, "m1;host=b", T + 1, 2, "</b>");
    fleet.shards.put_long(0, "m1;host=a", T, 1, 7);
    fleet.shards.put(1, "m1;host=a", T, 2, 6.5);
    let check = |rest: &str, want: &str| {
        let (status, answer) = query(&fleet, &metric(rest));
        assert_eq!(status, 200, "{answer}");
        let want = want
            .replace("T0", &T.to_string())
            .replace("T1", &(T + 1).to_string());
        assert_eq!(answer, format!(r#"{{"queries":[{{{want}}}]}}"#), "{rest}");
    };
    check(
        "",
        concat!(
            r#""sample_size":4,"results":[{"name":"m1","group_by":[{"name":"type","type":"number"}],"tags":{"host":["a"]},"values":[[T0,6.5],[T0,7]]},"#,
            r#"{"name":"m1","group_by":[{"name":"type","type":"text"}],"tags":{"host":["a","b"]},"values":[[T0,"Hello"],[T1,"<\/b>"]]}]"#
        ),
    );
    check(
        r#","aggregators":[{"name":"sum","sampling":{"value":1,"unit":"minutes"}}]"#,
        concat!(
            r#""sample_size":4,"results":[{"name":"m1","group_by":[{"name":"type","type":"number"}],"tags":{"host":["a"]},"values":[[T0,13.5]]},"#,
            r#"{"name":"m1","group_by":[{"name":"type","type":"text"}],"tags":{"host":["a","b"]},"values":[[T0,"Hello"],[T1,"<\/b>"]]}]"#
        ),
    );
    check(
        r#","exclude_tags":true,"group_by":[{"name":"tag","tags":["host"]}],"aggregators":[{"name":"count","sampling":{"value":1,"unit":"minutes"}}]"#,
        concat!(
            r#""sample_size":4,"results":[{"name":"m1","group_by":[{"name":"tag","tags":["host"],"group":{"host":"a"}},{"name":"type","type":"number"}],"values":[[T0,2]]},"#,
            r#"{"name":"m1","group_by":[{"name":"tag","tags":["host"],"group":{"host":"a"}},{"name":"type","type":"text"}],"values":[[T0,1]]},"#,
            r#"{"name":"m1","group_by":[{"name":"tag","tags":["host"],"group":{"host":"b"}},{"name":"type","type":"text"}],"values":[[T1,1]]}]"#
        ),
    );
    check(
        r#","limit":1,"exclude_tags":true,"group_by":[{"name":"value","range_size":1}]"#,
        concat!(
            r#""sample_size":4,"results":[{"name":"m1","group_by":[{"name":"value","range_size":1,"group":{"group_number":6}},{"name":"type","type":"number"}],"values":[[T0,6.5]]},"#,
            r#"{"name":"m1","group_by":[{"name":"value","range_size":1,"group":{"group_number":7}},{"name":"type","type":"number"}],"values":[[T0,7]]},"#,
            r#"{"name":"m1","group_by":[{"name":"value","range_size":1,"group":{"group_number":-1}},{"name":"type","type":"text"}],"values":[[T0,"Hello"]]}]"#
        ),
    );
}

/// A case that KairosDB's own tests answer byte by byte.
#[test]
fn sums_of_longs_and_doubles() {
    let fleet = holding(
        r#"[{"name":"abc.123","tags":{"server":"server1"},"datapoints":[[1,20],[2,10],[2,5],[3,10]]},
            {"name":"abc.123","tags":{"server":"server3"},"datapoints":[[1,10]]},
            {"name":"abc.123","tags":{"server":"server2"},"datapoints":[[1,10.1],[2,10.1],[3,10.1]]},
            {"name":"abc.123","tags":{"server":"server4"},"datapoints":[[1,20.1],[2,5.1]]}]"#,
    );
    let text = r#"{"start_absolute":0,"metrics":[{"name":"abc.123","exclude_tags":"true","aggregators":[{"name":"sum","sampling":{"value":"1","unit":"milliseconds"}}]}]}"#;
    let want = r#"{"queries":[{"sample_size":9,"results":[{"name":"abc.123","group_by":[{"name":"type","type":"number"}],"values":[[1,60.2],[2,20.2],[3,20.1]]}]}]}"#;
    assert_eq!(query(&fleet, text), (200, want.to_owned()));
}

/// The bodies that Grafana's plugin sends: numbers as texts, alignment only where it is wished.
#[test]
fn as_grafana_asks() {
    let fleet = holding(&data_set(T));
    let text = format!(
        r#"{{"metrics":[{{"name":"m1","group_by":[{{"name":"tag","tags":["host"]}},{{"name":"time","group_count":"1","range_size":{{"value":"1","unit":"hours"}}}}],
            "aggregators":[{{"name":"avg","align_sampling":true,"sampling":{{"value":"1","unit":"minutes"}}}},{{"name":"scale","factor":"2"}}],
            "tags":{{"client":["foo","bar"]}}}}],"cache_time":0,"start_absolute":{T},"end_absolute":{}}}"#,
        T + 3_600_000
    );
    assert_eq!(shown(&results(&fleet, &text)), "0 'A' : 13; 0 'B' : 13");
    // And kairosdb-python's.
    let text = r#"{"start_relative":{"value":"1","unit":"years"},"metrics":[{"name":"m1","tags":{},"limit":0,"aggregators":[{"name":"sum","sampling":{"value":"10","unit":"years"}}]}],"cache_time":0}"#;
    assert_eq!(shown(&results(&fleet, text)), ": 78");
}

/// What the points and the question do not agree on is KairosDB's status 500, before any byte.
#[test]
fn what_points_make_impossible() {
    let fleet = holding(&data_set(T));
    let check = |aggregators: &str, told: &str| {
        let text = metric(&format!(r#","aggregators":[{aggregators}]"#));
        let want = format!(r#"{{"errors":["{told}"]}}"#);
        assert_eq!(query(&fleet, &text), (500, want), "{aggregators}");
    };
    check(
        r#"{"name":"sum","sampling":{"value":0,"unit":"days"}}"#,
        "/ by zero",
    );
    check(
        r#"{"name":"rate"}"#,
        "The rate aggregator cannot compute rate for data points with the same time stamp.  You must precede rate with another aggregator.",
    );
    let sma = metric(r#","aggregators":[{"name":"sma"}]"#);
    assert_eq!(
        query(&fleet, &sma),
        (500, r#"{"errors":[null]}"#.to_owned())
    );
    let huge = r#"{"name":"scale","factor":1e308},{"name":"scale","factor":1e10}"#;
    check(
        huge,
        &format!("NaN or Infinity:Infinity data point=[{T}, Infinity]"),
    );
}

/// However many points there are, an answer that would not fit ends with an error that names the limit.
#[test]
fn answers_are_bounded() {
    let fleet = holding(&data_set(T));
    let ask = |limits: crate::query::limits::Limits, rest: &str| {
        let options = HttpOptions {
            limits,
            ..HttpOptions::default()
        };
        let url = "/api/v1/datapoints/query";
        let request = request("POST", url, "", &metric(rest));
        let response = run(answer(request, &fleet, &options));
        (response.status().as_u16(), body(&response).to_owned())
    };
    let usual = crate::query::limits::Limits::default();
    let sum = r#","aggregators":[{"name":"sum","sampling":{"value":1,"unit":"minutes"}}]"#;
    let diff = r#","aggregators":[{"name":"diff"}]"#;
    for rest in ["", sum, diff] {
        for (limits, setting) in [
            (
                crate::query::limits::Limits {
                    series_max: 2,
                    ..usual
                },
                "query.series_max",
            ),
            (
                crate::query::limits::Limits {
                    points_read_max: 11,
                    ..usual
                },
                "query.points_read_max",
            ),
            (
                crate::query::limits::Limits {
                    bytes_max: 200,
                    ..usual
                },
                "query.bytes_max",
            ),
            (
                crate::query::limits::Limits {
                    points_returned_max: 0,
                    ..usual
                },
                "query.points_returned_max",
            ),
        ] {
            let (status, told) = ask(limits, rest);
            assert!(
                told.contains(setting) && told.starts_with("{\"errors\":["),
                "{told}"
            );
            // Of points KairosDB has a text, and a status.
            let of_points = [
                (
                    "query.points_read_max",
                    "Query exceeded limit of 11 data points",
                ),
                (
                    "query.points_returned_max",
                    "Query exceeded limit of 0 data points",
                ),
            ];
            match of_points.iter().find(|(of, _)| *of == setting) {
                Some((_, text)) => {
                    assert_eq!(status, 500, "{rest} {setting}");
                    assert!(told.contains(text), "{told}");
                }
                None => assert_eq!(status, 400, "{rest} {setting}"),
            }
        }
        assert_eq!(ask(usual, rest).0, 200);
    }
    let slow = TestFleet {
        breath_ms: 40_000,
        ..holding(&data_set(T))
    };
    let (status, told) = query(&slow, &metric(""));
    assert_eq!(status, 500);
    let want = "Query exceeded time limit of 30 seconds; ask for fewer series or a shorter time, or raise \
                query.millis_max";
    assert_eq!(told, format!(r#"{{"errors":["{want}"]}}"#));
}

/// A whole double is told from a long for whoever asks so.
#[test]
fn exact_types() {
    let fleet = holding(
        r#"[{"name":"m1","tags":{"a":"b"},"datapoints":[[1,5],[2,0],[3,12345678]]},
            {"name":"m1","tags":{"a":"b"},"datapoints":[[1,5.0],[2,-0.0],[3,2.5],[4,12345678.0]]}]"#,
    );
    let values = |exact: &str| {
        let text = format!(r#"{{{exact}"start_absolute":0,"metrics":[{{"name":"m1"}}]}}"#);
        let (_, told) = query(&fleet, &text);
        let at = told.find("\"values\":").expect("values");
        told[at + 9..told.len() - 5].to_owned()
    };
    let plain = "[[1,5],[1,5],[2,-0],[2,0],[3,2.5],[3,12345678],[4,1.2345678E7]]";
    assert_eq!(values(""), plain);
    assert_eq!(values(r#""exact_types":"x","#), plain);
    // Which of two equal ones comes first is nobody's matter.
    let exact = values(r#""exact_types":true,"#).replace("[1,5.0],[1,5]", "[1,5],[1,5.0]");
    let want = "[[1,5],[1,5.0],[2,-0.0],[2,0],[3,2.5],[3,12345678],[4,1.2345678E7]]";
    assert_eq!(exact, want);
}

#[test]
fn what_is_told_last_of_a_rate_counts() {
    let fleet = holding(r#"{"name":"m1","tags":{"a":"b"},"datapoints":[[0,0],[1000,1]]}"#);
    let rate = |told: &str| {
        let text = format!(
            r#"{{"start_absolute":0,"metrics":[{{"name":"m1","aggregators":[{{"name":"rate"{told}}}]}}]}}"#
        );
        shown(&results(&fleet, &text))
    };
    let sampling = r#","sampling":{"value":2,"unit":"seconds"}"#;
    let unit = r#","unit":"minutes""#;
    assert_eq!(rate(""), ": 0.001");
    assert_eq!(rate(sampling), ": 2");
    assert_eq!(rate(unit), ": 60");
    assert_eq!(rate(&format!("{sampling}{unit}")), ": 60");
    assert_eq!(rate(&format!("{unit}{sampling}")), ": 2");
    assert_eq!(rate(&format!(r#"{unit},"sampling":null"#)), ": 60");
}

#[test]
fn lenient_bodies() {
    let fleet = holding(&data_set(T));
    let text = format!(
        "/* Grafana */ {{start_absolute='{T}'; metrics:[{{name:[\"m1\"],'limit':'1.9',exclude_tags:\"true\",\
         cache_time:0,tags:{{host:B}},group_by:null}}] # end\n}}"
    );
    let want = r#"[{"group_by":[{"name":"type","type":"number"}],"name":"m1","values":[[1700000000000,5]]}]"#;
    assert_eq!(results(&fleet, &text).to_string(), want);
}
