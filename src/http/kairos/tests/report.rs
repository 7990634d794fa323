//! What KairosDB tells of itself, from requests to what is stored of them.

use std::sync::Arc;

use super::super::report::{Report, Reporter};
use super::*;
use crate::http::KairosOptions;
use crate::model::refusal::Reason;
use crate::shard::vitals::KairosCounts;

const MINUTE_MS: i64 = 60_000;

fn options() -> HttpOptions {
    let tags = [("region", "eu"), ("host", "hidden"), ("method", "hidden")];
    let tags = tags.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let report = Report::new("kairosdb.", "h1", tags.to_vec(), 30, 60);
    HttpOptions {
        kairos: KairosOptions {
            report: Some(Arc::new(report)),
            ..KairosOptions::default()
        },
        ..HttpOptions::default()
    }
}

/// What was stored since the last call, without times: series, seconds to live, value.
fn stored(fleet: &TestFleet) -> Vec<String> {
    let taken = fleet.taken.take().into_iter();
    let show = |(name, _, number): (Vec<u8>, i64, crate::model::number::Number)| {
        let sent = sent::name_of(&name).expect("a good form");
        let name = sent.name.text().to_string();
        let name = name
            .trim_start_matches("kairosdb.")
            .replace(";region=eu", "");
        format!("{name} {} = {}", sent.ttl_seconds, number.mantissa)
    };
    let mut shown: Vec<String> = taken.map(show).collect();
    shown.sort();
    shown
}

#[test]
fn what_was_counted_is_told_once_a_period() {
    let fleet = TestFleet::new(2, NOW_S - NOW_S % 60);
    let (options, mut reporter) = (options(), Reporter::default());
    let turn = |reporter: &mut Reporter, fleet: &TestFleet| run(reporter.turn(fleet, &options));
    let ask = |method: &str, path: &str, body: &str| {
        let request = request(method, &format!("/api/v1{path}"), "", body);
        run(answer(request, &fleet, &options)).status().as_u16()
    };
    turn(&mut reporter, &fleet);
    assert_eq!(stored(&fleet), [""; 0]);

    let points = r#"[{"name":"a","tags":{"h":"x"},"datapoints":[[1,1],[2,2],[3,"x","nosuch"]]}]"#;
    assert_eq!(ask("POST", "/datapoints", points), 400);
    assert_eq!(ask("GET", "/version", ""), 200);
    assert_eq!(ask("GET", "/version", ""), 200);
    assert_eq!(ask("GET", "/nosuch", ""), 404);
    assert_eq!(stored(&fleet).len(), 2, "the points of the body");
    fleet.told.borrow_mut().join(&KairosCounts {
        commands: [5, 0, 2, 0],
        ..KairosCounts::default()
    });
    // The same minute.
    turn(&mut reporter, &fleet);
    assert_eq!(stored(&fleet), [""; 0]);

    fleet.now_ms.set(fleet.now_ms.get() + MINUTE_MS);
    turn(&mut reporter, &fleet);
    let method = |kind: &str, name: &str, count: u64| {
        format!("protocol.{kind}_request_count;host=h1;method={name} 30 = {count}")
    };
    let want = [
        "http.ingest_count;host=h1;method=hidden 30 = 2".to_owned(),
        "http.ingest_time;host=h1;method=hidden 30 = 0".to_owned(),
        method("http", "datapoints", 1),
        method("http", "other", 1),
        method("http", "version", 2),
        method("telnet", "put", 5),
        method("telnet", "puts", 2),
    ];
    assert_eq!(stored(&fleet), want);

    ask("GET", "/version", "");
    fleet.now_ms.set(fleet.now_ms.get() + MINUTE_MS);
    turn(&mut reporter, &fleet);
    let want = [
        method("http", "datapoints", 0),
        method("http", "other", 0),
        method("http", "version", 1),
        method("telnet", "put", 0),
        method("telnet", "puts", 0),
    ];
    assert_eq!(stored(&fleet), want);
}

#[test]
fn queries_are_told_when_they_end() {
    let mut fleet = fleet();
    let (options, mut reporter) = (options(), Reporter::default());
    let points = r#"[{"name":"a","tags":{"h":"x"},"datapoints":[[1,1],[2,2]]}]"#;
    ingest(&fleet, points);
    land(&mut fleet);
    for query in [
        r#"{"start_absolute":0,"metrics":[{"name":"nosuch"},{"name":"a"}]}"#,
        "{}",
    ] {
        let request = request("POST", "/api/v1/datapoints/query", "", query);
        run(answer(request, &fleet, &options));
    }
    run(reporter.turn(&fleet, &options));
    let of = |name: &str, place: &str| {
        format!(";host=h1;method=hidden;metric_name={name};query_index={place} 30 = ")
    };
    let request = |status: &str| {
        format!(
            "http.request_time;host=h1;method=hidden;request=/datapoints/query;status={status} 30 = 0"
        )
    };
    let mut want = Vec::new();
    for (name, place, size) in [("(others)", "(others)", 0), ("a", "2", 2)] {
        want.push(format!("datastore.query_time{}0", of(name, place)));
        want.push(format!(
            "datastore.query_sample_size{}{size}",
            of(name, place)
        ));
        want.push(format!("http.query_time{}0", of(name, place)));
    }
    want.extend([request("success"), request("failed")]);
    want.sort();
    assert_eq!(stored(&fleet), want);
}

#[test]
fn nothing_is_told_unless_it_is_wanted_and_all_points_are_there() {
    let mut fleet = fleet();
    let mut reporter = Reporter::default();
    ingest(
        &fleet,
        r#"[{"name":"a","tags":{"h":"x"},"datapoints":[[1,1]]}]"#,
    );
    assert_eq!(*fleet.told.borrow(), KairosCounts::default());
    fleet.taken.take();
    run(reporter.turn(&fleet, &HttpOptions::default()));
    fleet.is_ready = false;
    let options = options();
    let query = || request("POST", "/api/v1/datapoints/query", "", "{}");
    run(answer(query(), &fleet, &options));
    run(reporter.turn(&fleet, &options));
    assert_eq!(stored(&fleet), [""; 0]);
    // A disk that is full does not end it.
    fleet.is_ready = true;
    fleet.stored = Err(Unstored::Later("full".to_owned()));
    run(reporter.turn(&fleet, &options));
    let mut refused = Refusals::default();
    refused.count(Reason::SeriesFull);
    fleet.stored = Err(Unstored::Refused(Box::new(refused)));
    run(answer(query(), &fleet, &options));
    run(reporter.turn(&fleet, &options));
    assert_eq!(stored(&fleet).len(), 2);
}
