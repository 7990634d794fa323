//! All of the API that is neither ingest nor query.

use super::*;
use crate::http::kairos::server_type::ServerType;
use crate::http::{KairosOptions, answer};
use crate::model::rollup::Progress;
use crate::query::testing::run;

mod rollups;

fn call(fleet: &TestFleet, method: &str, path: &str, text: &str) -> (u16, String) {
    call_with(fleet, &HttpOptions::default(), method, path, text)
}

fn call_with(
    fleet: &TestFleet,
    options: &HttpOptions,
    method: &str,
    path: &str,
    text: &str,
) -> (u16, String) {
    let request = request(method, &format!("/api/v1{path}"), "", text);
    let response = run(answer(request, fleet, options));
    (response.status().as_u16(), body(&response).to_owned())
}

#[track_caller]
fn check(fleet: &TestFleet, method: &str, path: &str, text: &str, status: u16, want: &str) {
    let got = call(fleet, method, path, text);
    assert_eq!(got, (status, want.to_owned()), "{method} {path}");
}

#[test]
fn what_it_is_and_whether_it_is_well() {
    let fleet = fleet();
    let version = "{\"version\": \"KairosDB 1.3.0-1.20210808220820\"}\n";
    check(&fleet, "GET", "/version", "", 200, version);
    check(&fleet, "GET", "/version/", "", 200, version);
    check(&fleet, "HEAD", "/version", "", 200, "");
    check(&fleet, "GET", "/health/check", "", 204, "");
    let well = r#"["JVM-Thread-Deadlock: OK","Datastore-Query: OK"]"#;
    check(&fleet, "GET", "/health/status", "", 200, well);
    let unknown = r#"{"errors":["Unknown feature 'intel'"]}"#;
    check(&fleet, "GET", "/features/intel", "", 404, unknown);
    assert_eq!(call(&fleet, "GET", "/features", "").0, 200);
    assert_eq!(call(&fleet, "GET", "/features/Aggregators", "").0, 200);
    check(&fleet, "GET", "/datapoints/index?metric=m", "", 204, "");
    check(&fleet, "GET", "/rollups", "", 404, "");
    check(&fleet, "GET", "/admin/scheduledjobs", "", 200, "[]");

    let ill = TestFleet {
        fails: Some(crate::query::error::QueryError::Busy),
        ..super::fleet()
    };
    check(&ill, "GET", "/health/check", "", 500, "");
    let told = r#"["JVM-Thread-Deadlock: OK","Datastore-Query: FAIL"]"#;
    check(&ill, "GET", "/health/status", "", 200, told);
    let options = HttpOptions {
        kairos: KairosOptions {
            health_code: 200,
            ..KairosOptions::default()
        },
        ..HttpOptions::default()
    };
    let got = call_with(&fleet, &options, "GET", "/health/check", "");
    assert_eq!(got, (200, String::new()));
}

#[test]
fn every_answer_has_kairosdbs_headers_and_every_path_its_methods() {
    let fleet = fleet();
    for path in ["/version", "/metricnames", "/metadata/s", "/features"] {
        let response = ask(&fleet, request("GET", &format!("/api/v1{path}"), "", ""));
        for (name, value) in HEADERS {
            assert_eq!(header(&response, name), value, "{path}: {name}");
        }
    }
    // And so have answers that tell errors, but those of status 400.
    let no_query = HttpOptions {
        kairos: KairosOptions {
            server_type: ServerType::read(&["INGEST".to_owned()]).expect("a word"),
            ..KairosOptions::default()
        },
        ..HttpOptions::default()
    };
    for (method, path, text, status) in [
        ("POST", "/datapoints/query", "[]", 500),
        ("POST", "/datapoints/query/tags", "5", 500),
        ("GET", "/metadata/s/k/none", "", 404),
        ("GET", "/features/intel", "", 404),
        ("GET", "/metadata/_s/k/none", "", 401),
        ("GET", "/metricnames", "", 403),
    ] {
        let options = if status == 403 {
            &no_query
        } else {
            &HttpOptions::default()
        };
        let asked = request(method, &format!("/api/v1{path}"), "", text);
        let response = run(answer(asked, &fleet, options));
        assert_eq!(response.status().as_u16(), status, "{path}");
        for (name, value) in HEADERS {
            assert_eq!(header(&response, name), value, "{path}: {name}");
        }
    }
    let bad = post(&fleet, "/datapoints/query", "{}");
    assert_eq!(bad.status().as_u16(), 400);
    assert_eq!(header(&bad, "Content-Type"), "application/json");
    assert_eq!(header(&bad, "Access-Control-Allow-Origin"), "*");
    assert_eq!(header(&bad, "Cache-Control"), "");
    for path in [
        "/version",
        "/metricnames",
        "/datapoints",
        "/datapoints/query",
        "/datapoints/query/tags",
        "/datapoints/delete",
        "/metric/m",
        "/health/check",
        "/health/status",
    ] {
        let asking = Request::builder()
            .method("OPTIONS")
            .uri(format!("/api/v1{path}"))
            .header("Access-Control-Request-Headers", "X-One")
            .header("Access-Control-Request-Method", "GET");
        let response = ask(&fleet, asking.body(Bytes::new()).expect("a request"));
        assert_eq!(response.status().as_u16(), 200, "{path}");
        assert_eq!(header(&response, "Access-Control-Allow-Headers"), "X-One");
        assert_eq!(header(&response, "Access-Control-Allow_Method"), "GET");
        assert_eq!(header(&response, "Access-Control-Max-Age"), "86400");
    }
    for (method, path, allowed) in [
        ("GET", "/datapoints", "POST,OPTIONS"),
        ("PUT", "/datapoints/query", "GET,HEAD,OPTIONS,POST"),
        ("GET", "/metric/m", "DELETE,OPTIONS"),
        ("POST", "/metricnames", "GET,HEAD,OPTIONS"),
        ("PUT", "/metadata/a/b/c", "DELETE,GET,HEAD,OPTIONS,POST"),
        ("POST", "/metadata/a/b", "GET,HEAD,OPTIONS"),
    ] {
        let response = ask(&fleet, request(method, &format!("/api/v1{path}"), "", ""));
        assert_eq!(response.status().as_u16(), 405, "{method} {path}");
        assert_eq!(header(&response, "Allow"), allowed, "{method} {path}");
        assert_eq!(body(&response), "");
    }
    for path in ["/bogus", "/metadata/a/b/c/d", "/metric", "/admin"] {
        check(&fleet, "GET", path, "", 404, "");
    }
}

#[test]
fn classes_of_calls_can_be_off() {
    let fleet = fleet();
    let only = |words: &[&str]| {
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        HttpOptions {
            kairos: KairosOptions {
                server_type: ServerType::read(&words).expect("classes"),
                ..KairosOptions::default()
            },
            ..HttpOptions::default()
        }
    };
    let told = |class: &str| {
        let told =
            format!("Forbidden: {class} API methods are disabled on this KairosDB instance.");
        (403, format!("{{\"errors\": [\"{told}\"]}}"))
    };
    let query = only(&["QUERY"]);
    for path in ["/datapoints", "/datapoints/"] {
        let got = call_with(&fleet, &query, "POST", path, "no JSON at all");
        assert_eq!(got, told("INGEST"), "{path}");
    }
    for (method, path) in [("POST", "/datapoints/delete"), ("DELETE", "/metric/m")] {
        assert_eq!(call_with(&fleet, &query, method, path, ""), told("DELETE"));
    }
    assert_eq!(call_with(&fleet, &query, "GET", "/metricnames", "").0, 200);
    let others = only(&["INGEST", "DELETE"]);
    for (method, path) in [
        ("POST", "/datapoints/query"),
        ("GET", "/datapoints/query"),
        ("POST", "/datapoints/query/tags"),
        ("GET", "/metricnames"),
        ("GET", "/tagnames"),
    ] {
        assert_eq!(call_with(&fleet, &others, method, path, ""), told("QUERY"));
    }
    for path in ["/version", "/health/check", "/metadata/s", "/features"] {
        assert!(
            call_with(&fleet, &others, "GET", path, "").0 < 300,
            "{path}"
        );
    }
}

#[test]
fn metadata() {
    let fleet = fleet();
    for (key, value) in [("foo", "bar"), ("foobar", "fi"), ("tee", "too")] {
        let path = format!("/metadata/service/k1/{key}");
        check(&fleet, "POST", &path, value, 204, "");
    }
    let get = |path: &str, status, want: &str| check(&fleet, "GET", path, "", status, want);
    get(
        "/metadata/service/k1?startsWith=foo",
        200,
        r#"{"results":["foo","foobar"]}"#,
    );
    get(
        "/metadata/service/k1?startsWith=fi",
        200,
        r#"{"results":[]}"#,
    );
    get(
        "/metadata/service/k1",
        200,
        r#"{"results":["foo","foobar","tee"]}"#,
    );
    get("/metadata/service/k1/foobar", 200, "fi");
    get(
        "/metadata/service/k1/none",
        404,
        r#"{"errors":["Key not found"]}"#,
    );
    get("/metadata/none", 200, r#"{"results":[]}"#);
    get("/metadata/none/k", 200, r#"{"results":[]}"#);
    // Names as they are coded, texts as they are.
    check(
        &fleet,
        "POST",
        "/metadata/service/a%2Fb/%C3%BC%20x",
        "{\"x\": 1}\n",
        204,
        "",
    );
    check(&fleet, "POST", "/metadata/service/k10/e", "", 204, "");
    check(&fleet, "POST", "/metadata/service/k1/foo", "new", 204, "");
    get(
        "/metadata/service",
        200,
        r#"{"results":["a/b","k1","k10"]}"#,
    );
    get("/metadata/service/a%2Fb/%C3%BC%20x/", 200, "{\"x\": 1}\n");
    get("/metadata/service/k10/e", 200, "");
    get("/metadata/service/k1/foo", 200, "new");
    check(&fleet, "DELETE", "/metadata/service/k1/foo", "", 204, "");
    check(&fleet, "DELETE", "/metadata/service/k1/foo", "", 204, "");
    get(
        "/metadata/service/k1",
        200,
        r#"{"results":["foobar","tee"]}"#,
    );
    for (method, path) in [
        ("GET", "/metadata/_own"),
        ("GET", "/metadata/%5Fown/k"),
        ("GET", "/metadata/_own/k/x"),
        ("POST", "/metadata/_own/k/x"),
        ("DELETE", "/metadata/_own/k/x"),
    ] {
        check(&fleet, method, path, "", 401, "");
    }
    let long = "x".repeat(crate::model::metadata::ENTRY_BYTES_MAX);
    let (status, told) = call(&fleet, "POST", "/metadata/s/k/long", &long);
    assert_eq!(status, 400);
    assert!(told.contains("262144 bytes"), "{told}");

    let plain = |key: &str| {
        let builder = Request::builder().uri(format!("/api/v1/metadata/service/k1/{key}"));
        let request = builder.header("Accept", "text/plain").body(Bytes::new());
        ask(&fleet, request.expect("a request"))
    };
    let found = plain("tee");
    assert_eq!(header(&found, "Content-Type"), "text/plain;charset=utf-8");
    assert_eq!(body(&found), "too");
    let missing = plain("none");
    assert_eq!((missing.status().as_u16(), body(&missing)), (404, ""));
}

/// What is small is packed too, as by KairosDB, but for errors of status 400.
#[test]
fn small_answers_are_packed() {
    let fleet = fleet();
    let asked = |method: &str, path: &str, text: &str| {
        let builder = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"));
        let request = builder
            .header("Accept-Encoding", "gzip")
            .body(Bytes::from(text.to_owned()));
        ask(&fleet, request.expect("a request"))
    };
    let version = asked("GET", "/version", "");
    assert_eq!(header(&version, "Content-Encoding"), "gzip");
    assert_eq!(header(&version, "Vary"), "accept-encoding");
    let mut text = String::new();
    let mut unpacked = flate2::read::GzDecoder::new(&version.body()[..]);
    std::io::Read::read_to_string(&mut unpacked, &mut text).expect("gzip");
    assert!(
        text.starts_with("{\"version\": \"KairosDB ") && text.ends_with("\"}\n"),
        "{text}"
    );
    let found = asked(
        "POST",
        "/datapoints/query",
        r#"{"start_absolute":1,"metrics":[]}"#,
    );
    assert_eq!(header(&found, "Content-Encoding"), "gzip");
    let bad = asked("POST", "/datapoints/query", "{}");
    assert_eq!(
        (bad.status().as_u16(), header(&bad, "Content-Encoding")),
        (400, "")
    );
    let stored = asked("POST", "/datapoints", "[]");
    assert_eq!(
        (
            stored.status().as_u16(),
            header(&stored, "Content-Encoding")
        ),
        (204, "")
    );
}

#[test]
fn names_of_metrics_and_tags() {
    let fleet = holding(
        r#"[{"name":"b.two","timestamp":1,"value":1,"tags":{"host":"x","name":"own"}},
            {"name":"b.one","timestamp":1,"value":2.5,"tags":{"dc":"x"}},
            {"name":"b.one","timestamp":1,"value":2,"tags":{"dc":"y"}},
            {"name":"a;<\/","timestamp":1,"value":2,"tags":{"zone":"\u00fc"}}]"#,
    );
    let mut fleet = fleet;
    fleet.shards.put(0, "b.graphite", 5, 100, 1.0);
    let get = |path: &str, want: &str| check(&fleet, "GET", path, "", 200, want);
    get(
        "/metricnames",
        r#"{"results":["a;<\/","b.graphite","b.one","b.two"]}"#,
    );
    get("/metricnames?prefix=b.o", r#"{"results":["b.one"]}"#);
    get(
        "/metricnames?prefix=b.",
        r#"{"results":["b.graphite","b.one","b.two"]}"#,
    );
    get("/metricnames?prefix=c", r#"{"results":[]}"#);
    get("/tagnames", r#"{"results":["dc","host","name","zone"]}"#);
    get(
        "/tagvalues",
        "{\"results\":[\"own\",\"x\",\"y\",\"\u{fc}\"]}",
    );
    let options = HttpOptions {
        kairos: KairosOptions {
            hidden_metrics: vec!["b.o".to_owned(), "a".to_owned()],
            ..KairosOptions::default()
        },
        ..HttpOptions::default()
    };
    let got = call_with(&fleet, &options, "GET", "/metricnames", "");
    assert_eq!(got.1, r#"{"results":["b.graphite","b.two"]}"#);
}

const DELETED: &str = r#"[{"name":"m","timestamp":1,"value":1,"tags":{"tag":"1"}},
    {"name":"m","timestamp":1,"value":1.5,"tags":{"tag":"1"}},
    {"name":"m","timestamp":1,"value":1,"tags":{"tag":"2"}},
    {"name":"n/n","timestamp":1,"value":1,"tags":{"tag":"2"}}]"#;

/// What was deleted: the names of series, and the range.
fn deletes(fleet: &TestFleet) -> Vec<(Vec<String>, i64, i64)> {
    let deleted = std::mem::take(&mut *fleet.deleted.borrow_mut());
    let told = deleted.into_iter().map(|one| {
        let names = fleet.shards.names_of(&one.series);
        (names, one.from.0, one.until.0)
    });
    told.collect()
}

#[test]
fn deletes_by_query_and_of_metrics() {
    let fleet = holding(DELETED);
    let path = "/datapoints/delete";
    let series = |names: &[&str]| {
        names
            .iter()
            .map(|&name| name.to_owned())
            .collect::<Vec<_>>()
    };
    let text = r#"{"start_absolute":1,"end_absolute":7,"metrics":[{"name":"m","tags":{"tag":"1"},
        "limit":1,"aggregators":[{"name":"sum","sampling":{"value":1,"unit":"days"}}]}]}"#;
    check(&fleet, "POST", path, text, 204, "");
    assert_eq!(deletes(&fleet), [(series(&["m;tag=1", "m;tag=1"]), 1, 7)]);
    let text = r#"{"start_absolute":-5,"metrics":[{"name":"m"},{"name":"n/n"}]}"#;
    check(&fleet, "POST", path, text, 204, "");
    let all = series(&["m;tag=1", "m;tag=1", "m;tag=2", "n/n;tag=2"]);
    assert_eq!(deletes(&fleet), [(all, -5, i64::MAX)]);
    check(&fleet, "DELETE", "/metric/n%2Fn", "", 204, "");
    let whole = [(series(&["n/n;tag=2"]), i64::MIN, i64::MAX)];
    assert_eq!(deletes(&fleet), whole);
    // Nobody knows it.
    check(&fleet, "DELETE", "/metric/nosuch", "", 204, "");
    let text = r#"{"start_absolute":1,"metrics":[{"name":"nosuch"}]}"#;
    check(&fleet, "POST", path, text, 204, "");
    check(
        &fleet,
        "POST",
        path,
        r#"{"start_absolute":1,"metrics":[]}"#,
        204,
        "",
    );
    assert_eq!(deletes(&fleet), []);
    // It has to be a query.
    let none = r#"{"errors":["Not a JSON Object: null"]}"#;
    check(&fleet, "POST", path, "", 500, none);
    let text = r#"{"start_absolute":1,"metrics":[{"name":"m","aggregators":[{"name":"bogus"}]}]}"#;
    let told = r#"{"errors":["query.metric[0].aggregators[0].bogus invalid aggregators name"]}"#;
    check(&fleet, "POST", path, text, 400, told);
    let text = r#"{"metrics":[{"name":"m"}]}"#;
    let told = r#"{"errors":["query.metric[0].start_time relative or absolute time must be set"]}"#;
    check(&fleet, "POST", path, text, 400, told);
    assert_eq!(deletes(&fleet), []);
}

#[test]
fn a_running_query_is_listed_and_can_be_killed() {
    let fleet = holding(GOOD);
    let options = HttpOptions::default();
    let text = r#"{"start_absolute":0,"metrics":[{"name":"m"}]}"#;
    let post = request("POST", "/api/v1/datapoints/query", "", text);
    let mut asking = std::pin::pin!(answer(post, &fleet, &options));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let shown =
        |options: &HttpOptions| call_with(&fleet, options, "GET", "/admin/runningqueries", "").1;
    let none = r#"{"queries":[],"queries waiting":0}"#;
    while shown(&options) == none {
        let polled = asking.as_mut().poll(&mut context);
        assert!(polled.is_pending(), "it was never listed");
    }
    let listed = shown(&options);
    let listed: serde_json::Value = serde_json::from_str(&listed).expect("JSON");
    let one = &listed["queries"][0];
    assert_eq!(one["metric name"], "m");
    assert_eq!(one["query JSON"]["metrics"][0]["name"], "m");
    let hash = one["query hash"].as_str().expect("a text");
    let path = format!("/admin/killquery/{hash}");
    let killed = call_with(&fleet, &options, "GET", &path, "");
    assert_eq!(killed, (204, String::new()));
    let response = run(asking);
    let told = r#"{"errors":["the query was killed"]}"#;
    assert_eq!((response.status().as_u16(), body(&response)), (500, told));
    assert_eq!(shown(&options), none);
    let again = call_with(&fleet, &options, "GET", "/admin/killquery/none", "");
    assert_eq!(again.0, 204);
}
