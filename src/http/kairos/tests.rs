//! Requests in, answers out; points that were taken in are put into real heads to be asked for.

mod control;
mod filters;
mod pushed;
mod query;
mod refusals;
mod report;

use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{Request, Response};

use crate::http::tests::{TestFleet, ask, body, header, request};
use crate::http::{HttpOptions, QueryOptions, Unstored, answer};
use crate::model::refusal::{Reason, Refusals};
use crate::model::series::Values;
use crate::query::testing::run;
use crate::wire::kairos_sent as sent;

const NOW_S: i64 = 1_700_000_000;

fn fleet() -> TestFleet {
    TestFleet::new(2, NOW_S)
}

fn post(fleet: &TestFleet, path: &str, text: &str) -> Response<Bytes> {
    // curl's type for a body: it means nothing here.
    let kind = "application/x-www-form-urlencoded";
    ask(
        fleet,
        request("POST", &format!("/api/v1{path}"), kind, text),
    )
}

fn ingest(fleet: &TestFleet, text: &str) -> (u16, String) {
    let response = post(fleet, "/datapoints", text);
    (response.status().as_u16(), body(&response).to_owned())
}

fn query(fleet: &TestFleet, text: &str) -> (u16, String) {
    let response = post(fleet, "/datapoints/query", text);
    (response.status().as_u16(), body(&response).to_owned())
}

/// Put what was taken in where it can be asked for: points spread over the shards.
fn land(fleet: &mut TestFleet) {
    let (taken, texts) = (fleet.taken.take(), fleet.texts.take());
    for (i, (name, time_ms, number)) in taken.into_iter().enumerate() {
        let sent::Sent {
            name: series,
            values,
            ..
        } = sent::name_of(&name).expect("a good form");
        let (shard, stamp) = (i % 2, i as u64 + 1);
        match values {
            Values::Long => {
                let long = number.mantissa;
                fleet
                    .shards
                    .put_long(shard, &series.text(), time_ms, stamp, long);
            }
            Values::Text => {
                let (place, name) = (number.mantissa as u64, series.text());
                let (start, len) = ((place >> 32) as usize, place as u32 as usize);
                let text = std::str::from_utf8(&texts[start..start + len]).expect("UTF-8");
                fleet.shards.put_text(shard, &name, time_ms, stamp, text);
            }
            Values::Double => {
                let double = number.to_f64();
                fleet
                    .shards
                    .put(shard, &series.text(), time_ms, stamp, double);
            }
        }
    }
}

/// A fleet that holds the points of `text`.
fn holding(text: &str) -> TestFleet {
    let mut fleet = fleet();
    assert_eq!(ingest(&fleet, text), (204, String::new()));
    land(&mut fleet);
    fleet
}

/// The headers of all answers but those of status 400.
const HEADERS: [(&str, &str); 5] = [
    ("Access-Control-Allow-Origin", "*"),
    ("Pragma", "no-cache"),
    ("Cache-Control", "no-cache"),
    ("Expires", "0"),
    ("Content-Type", "application/json;charset=utf-8"),
];

const GOOD: &str = r#"{"name":"m","timestamp":1234,"value":4321,"tags":{"a":"b"}}"#;

#[test]
fn all_that_is_good_is_a_204_with_kairosdbs_headers() {
    let fleet = fleet();
    let response = post(&fleet, "/datapoints", GOOD);
    assert_eq!((response.status().as_u16(), body(&response)), (204, ""));
    for (name, value) in HEADERS.into_iter().chain([("Content-Length", "")]) {
        assert_eq!(header(&response, name), value, "{name}");
    }
    assert_eq!(fleet.taken.borrow().len(), 1);
    assert_eq!(ingest(&fleet, "[]").0, 204);
}

#[test]
fn what_is_wrong_is_told_and_what_is_good_is_stored() {
    let fleet = fleet();
    let text = format!(r#"[{GOOD},{{"name":"b\"","timestamp":1,"value":2,"tags":{{}}}},{GOOD}]"#);
    let told =
        r#"{"errors":["metric[1](name=b\").tags count must be greater than or equal to 1."]}"#;
    assert_eq!(ingest(&fleet, &text), (400, told.to_owned()));
    assert_eq!(fleet.taken.borrow().len(), 2);
    let response = post(&fleet, "/datapoints", "");
    assert_eq!(header(&response, "Content-Type"), "application/json");
    assert_eq!(header(&response, "Access-Control-Allow-Origin"), "*");
    let told = r#"{"errors":["Invalid json. No content due to end of input."]}"#;
    assert_eq!(body(&response), told);
}

#[test]
fn what_cannot_be_promised_is_a_503() {
    let told = "the disk is full; free some space";
    let full = TestFleet {
        stored: Err(Unstored::Later(told.to_owned())),
        ..fleet()
    };
    let response = post(&full, "/datapoints", GOOD);
    assert_eq!(response.status().as_u16(), 503);
    assert_eq!(header(&response, "Retry-After"), "1");
    assert_eq!(body(&response), format!(r#"{{"errors":["{told}"]}}"#));

    let refusing = |reason| {
        let mut refusals = Refusals::default();
        refusals.add(reason, 3);
        let fleet = TestFleet {
            stored: Err(Unstored::Refused(Box::new(refusals))),
            ..fleet()
        };
        ingest(&fleet, GOOD)
    };
    let (status, told) = refusing(Reason::SeriesFull);
    assert_eq!(status, 400);
    assert!(told.contains("3 points were not stored"), "{told}");
    assert!(told.contains("series.max_per_shard"), "{told}");
    assert_eq!(refusing(Reason::HeadFull).0, 503);
    assert_eq!(refusing(Reason::NameLong).0, 400);
}

#[test]
fn a_large_body_goes_in_batches_and_lets_others_work() {
    let points: Vec<String> = (0..100_000).map(|i| format!("[{i},{i}.5]")).collect();
    let text = format!(
        r#"[{{"name":"m","tags":{{"a":"b"}},"datapoints":[{}]}}]"#,
        points.join(",")
    );
    let fleet = fleet();
    assert_eq!(ingest(&fleet, &text).0, 204);
    let taken = fleet.taken.borrow();
    assert_eq!(taken.len(), 100_000);
    let in_order = taken.iter().enumerate().all(|(i, one)| one.1 == i as i64);
    assert!(in_order);
    assert!(fleet.breaths.get() >= 300, "{}", fleet.breaths.get());
}

fn packed(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).expect("memory");
    encoder.finish().expect("memory")
}

fn post_packed(fleet: &TestFleet, header: (&str, &str), body: Vec<u8>) -> Response<Bytes> {
    let builder = Request::builder().method("POST").uri("/api/v1/datapoints");
    let request = builder.header(header.0, header.1).body(Bytes::from(body));
    ask(fleet, request.expect("a request"))
}

#[test]
fn packed_bodies() {
    let fleet = fleet();
    let by_encoding = ("Content-Encoding", "gzip");
    let by_kind = ("Content-Type", "application/gzip");
    for header in [by_encoding, by_kind] {
        let status = |bytes| post_packed(&fleet, header, bytes).status().as_u16();
        assert_eq!(status(packed(GOOD.as_bytes())), 204);
        // Two packed pieces are one.
        let (front, back) = GOOD.as_bytes().split_at(9);
        assert_eq!(status([packed(front), packed(back)].concat()), 204);
        assert_eq!(status(packed(b"")), 400);
        let response = post_packed(&fleet, header, GOOD.into());
        assert_eq!(response.status().as_u16(), 400);
        assert_eq!(body(&response), r#"{"errors":["Not in GZIP format"]}"#);
        let whole = packed(GOOD.as_bytes());
        for cut in 0..20 {
            assert_eq!(status(whole[..cut].to_vec()), 400, "cut at {cut}");
        }
        assert_eq!(fleet.taken.take().len(), 2);
        // What was whole before the damage is stored, as it is before what is no JSON.
        let mut wrong = whole;
        let last = wrong.len() - 6;
        wrong[last] ^= 1;
        assert_eq!(status(wrong), 400);
        assert_eq!(fleet.taken.take().len(), 1);
        // What stands behind the end is no part of it.
        let whole = packed(GOOD.as_bytes());
        for behind in [
            b"x".as_slice(),
            b"\0\0\0",
            GOOD.as_bytes(),
            b"\x1f\x8b",
            &whole[..5],
        ] {
            assert_eq!(status([&whole, behind].concat()), 204, "{behind:?}");
        }
        assert_eq!(fleet.taken.take().len(), 5);
        let cut = &whole[..whole.len() - 9];
        assert_eq!(
            status([&whole, cut].concat()),
            400,
            "a second piece that is cut"
        );
        assert_eq!(fleet.taken.take().len(), 1);
    }
    let by_other = ("Content-Encoding", "br");
    assert_eq!(
        post_packed(&fleet, by_other, GOOD.into()).status().as_u16(),
        415
    );
}

#[test]
fn wrong_methods_and_paths_and_other_origins() {
    let fleet = fleet();
    for path in ["/api/v1/datapoints", "/api/v1/datapoints/query/tags/"] {
        let response = ask(&fleet, request("GET", path, "", ""));
        assert_eq!((response.status().as_u16(), body(&response)), (405, ""));
        assert_eq!(header(&response, "Allow"), "POST,OPTIONS");
        let asked = Request::builder()
            .method("OPTIONS")
            .uri(path)
            .header("Access-Control-Request-Method", "POST")
            .header("Access-Control-Request-Headers", "X-A, content-type")
            .body(Bytes::new());
        let response = ask(&fleet, asked.expect("a request"));
        assert_eq!((response.status().as_u16(), body(&response)), (200, ""));
        for (name, value) in [
            ("Access-Control-Allow-Origin", "*"),
            ("Access-Control-Allow-Headers", "X-A, content-type"),
            ("Access-Control-Allow-Method", ""),
            ("Access-Control-Allow-Methods", "POST"),
            ("access-control-allow_method", "POST"),
            ("Access-Control-Max-Age", "86400"),
        ] {
            assert_eq!(header(&response, name), value, "{name}");
        }
    }
    let response = ask(&fleet, request("GET", "/api/v1/nosuch", "", ""));
    assert_eq!((response.status().as_u16(), body(&response)), (404, ""));
}

/// Three series of one metric; `t` is the time of their first points.
fn data_set(t: i64) -> String {
    let series = |host: &str, client: &str, first: i64| {
        let points: Vec<String> = (0..4)
            .map(|i| format!("[{},{}]", t + i * 1000, first + i))
            .collect();
        format!(
            r#"{{"name":"m1","tags":{{"host":"{host}","client":"{client}","month":"Apr"}},"datapoints":[{}]}}"#,
            points.join(",")
        )
    };
    format!(
        "[{},{},{}]",
        series("A", "foo", 1),
        series("B", "foo", 5),
        series("A", "bar", 9)
    )
}

/// The numbers of the only result, its tags, and the sample size.
fn values(fleet: &TestFleet, text: &str) -> (Vec<String>, String, u64) {
    let (status, answer) = query(fleet, text);
    assert_eq!(status, 200, "{answer}");
    let tree: serde_json::Value = serde_json::from_str(&answer).expect("JSON");
    let query = &tree["queries"][0];
    let result = &query["results"][0];
    let pairs = result["values"].as_array().expect("values");
    (
        pairs.iter().map(|pair| pair[1].to_string()).collect(),
        result["tags"].to_string(),
        query["sample_size"].as_u64().expect("a number"),
    )
}

#[test]
fn conformance_of_queries() {
    let t = NOW_S * 1000;
    let fleet = holding(&data_set(t));
    let check = |metric: &str, head: &str, want: &str, size: u64| {
        let text = format!(r#"{{"start_absolute":{t}{head},"metrics":[{{"name":"m1"{metric}}}]}}"#);
        let (numbers, tags, read) = values(&fleet, &text);
        assert_eq!(numbers.join(","), want, "{text}");
        assert_eq!(read, size, "{text}");
        tags
    };
    let all = "1,5,9,2,6,10,3,7,11,4,8,12";
    let tags = check("", "", all, 12);
    assert_eq!(
        tags,
        r#"{"client":["bar","foo"],"host":["A","B"],"month":["Apr"]}"#
    );
    let tags = check(r#","tags":{"client":"foo"}"#, "", "1,5,2,6,3,7,4,8", 8);
    assert_eq!(
        tags,
        r#"{"client":["foo"],"host":["A","B"],"month":["Apr"]}"#
    );
    check(
        r#","tags":{"host":"A","client":["bar"]}"#,
        "",
        "9,10,11,12",
        4,
    );
    check(r#","tags":{"host":["A","B"]}"#, "", all, 12);
    check(r#","tags":{"host":[]}"#, "", all, 12);
    check(
        r#","tags":{"host":"regex:[AX]","client":"regex:.*r"}"#,
        "",
        "9,10,11,12",
        4,
    );
    check(r#","tags":{"host":"regex:"}"#, "", "", 0);
    check(
        "",
        &format!(r#","end_absolute":"{}""#, t + 1000),
        "1,5,9,2,6,10",
        6,
    );
    check(r#","order":"desc""#, "", "12,8,4,11,7,3,10,6,2,9,5,1", 12);
    check(r#","limit":2"#, "", "1,5", 6);
    check(r#","limit":"2","order":"DESC""#, "", "12,8", 6);
    check(
        r#","limit":0,"aggregators":[],"group_by":null"#,
        "",
        all,
        12,
    );
}

#[test]
fn answers_byte_by_byte() {
    let fleet = holding(
        r#"[{"name":"abc.123","tags":{"server":"server1"},"datapoints":[[1,10],[2,9007199254740993],[3,-9223372036854775808]]},
            {"name":"abc.123","tags":{"server":"server2"},"datapoints":[[1,10.5],[2,12345678.0],[3,-0.0],[4,1e-4]]},
            {"name":"abc.123","tags":{"server":"server2"},"datapoints":[[1,7]]},
            {"name":"</q\"\u2028\u007fü","tags":{"k=;":"v\\"},"datapoints":[[-2000,1]]}]"#,
    );
    let text = r#"{"start_absolute":-9223372036854775808,"metrics":[
        {"name":"abc.123","alias":"x"},{"name":"abc.123","exclude_tags":true,"limit":1},{name:"</q\"\u2028\u007fü"},{"name":"nosuch"}]}"#;
    let want = concat!(
        r#"{"queries":[{"sample_size":8,"results":[{"name":"abc.123","alias":"x","group_by":[{"name":"type","type":"number"}],"#,
        r#""tags":{"server":["server1","server2"]},"values":[[1,7],[1,10],[1,10.5],[2,1.2345678E7],[2,9007199254740993],"#,
        r#"[3,-9223372036854775808],[3,-0],[4,1.0E-4]]}]},"#,
        r#"{"sample_size":3,"results":[{"name":"abc.123","group_by":[{"name":"type","type":"number"}],"values":[[1,7]]}]},"#,
        r#"{"sample_size":1,"results":[{"name":"<\/q\"\u2028"#,
        "\u{7f}",
        r#"ü","group_by":[{"name":"type","type":"number"}],"tags":{"k=;":["v\\"]},"values":[[-2000,1]]}]},"#,
        r#"{"sample_size":0,"results":[{"name":"nosuch","tags":{},"values":[]}]}]}"#,
    );
    assert_eq!(query(&fleet, text), (200, want.to_owned()));
    let response = post(&fleet, "/datapoints/query", text);
    let kind = header(&response, "Content-Type");
    assert_eq!(kind, "application/json;charset=utf-8");
}

#[test]
fn the_last_arrival_of_a_time_counts() {
    let fleet = holding(
        r#"[{"name":"m","time":5,"value":4,"tags":{"a":"b"}},{"name":"m","time":5,"value":42,"tags":{"a":"b"}}]"#,
    );
    let text = r#"{"start_absolute":0,"metrics":[{"name":"m"}]}"#;
    assert_eq!(values(&fleet, text).0, ["42"]);
}

#[test]
fn relative_times_go_by_the_calendar() {
    // 2020-03-31T12:00:00Z
    let mut fleet = TestFleet::new(2, 1_585_656_000);
    let at = |text: &str| {
        text.parse::<jiff::Timestamp>()
            .expect("a time")
            .as_millisecond()
    };
    let times = [
        at("2019-03-31T12:00:00Z"),
        at("2020-02-29T12:00:00Z"),
        at("2020-03-24T12:00:00Z"),
        at("2020-03-31T11:59:59.999Z"),
        at("2021-01-01T00:00:00Z"),
    ];
    let points: Vec<String> = times
        .iter()
        .enumerate()
        .map(|(i, t)| format!("[{t},{i}]"))
        .collect();
    let text = format!(
        r#"{{"name":"m","tags":{{"a":"b"}},"datapoints":[{}]}}"#,
        points.join(",")
    );
    assert_eq!(ingest(&fleet, &text).0, 204);
    land(&mut fleet);
    let check = |times: &str, want: &[&str]| {
        let text = format!(r#"{{{times},"metrics":[{{"name":"m"}}]}}"#);
        assert_eq!(values(&fleet, &text).0, want, "{text}");
    };
    let from = |value: &str, unit: &str| {
        format!(r#""start_relative":{{"value":{value},"unit":"{unit}"}}"#)
    };
    check(&from("1", "years"), &["0", "1", "2", "3", "4"]);
    check(&from("\"1\"", "MONTHS"), &["1", "2", "3", "4"]);
    check(&from("1", "weeks"), &["2", "3", "4"]);
    check(&from("7.9", "Days"), &["2", "3", "4"]);
    check(&from("1", "milliseconds"), &["3", "4"]);
    check(&from("0", "hours"), &["4"]);
    check(&from("99999999999", "years"), &["0", "1", "2", "3", "4"]);
    let until = r#""end_relative":{"value":1,"unit":"seconds"}"#;
    check(&format!("{},{until}", from("1", "weeks")), &["2"]);
    check(
        r#""start_absolute":0,"start_relative":{"value":1,"unit":"days"}"#,
        &["0", "1", "2", "3", "4"],
    );
}

#[test]
fn graphite_sees_the_same_points_as_floats() {
    let fleet = holding(
        r#"[{"name":"m","tags":{"host":"a"},"datapoints":[[1699999940000,5],[1699999880000,2.5]]}]"#,
    );
    let url = "/render?target=seriesByTag('name=m')&format=json&from=-3min&until=now";
    let response = ask(&fleet, request("GET", url, "", ""));
    let tree: serde_json::Value = serde_json::from_str(body(&response)).expect("JSON");
    assert_eq!(tree.as_array().map(Vec::len), Some(1), "{tree}");
    let points = tree[0]["datapoints"].as_array().expect("points");
    let values: Vec<f64> = points.iter().filter_map(|pair| pair[0].as_f64()).collect();
    assert_eq!(values, [2.5, 5.0], "{tree}");
}
