//! `/metrics/find`, `/metrics/expand`, `/metrics/index.json` on the tree that graphite-web's own
//! answers were recorded with: `a.b.c a.b.d a.b a.slow a.x.c`.

use super::*;

fn fleet() -> TestFleet {
    let mut fleet = TestFleet::new(3, 1_700_000_040);
    for (i, name) in ["a.b.c", "a.b.d", "a.b", "a.slow", "a.x.c", "a.b.c"]
        .iter()
        .enumerate()
    {
        fleet.shards.define(i % 3, name);
    }
    fleet.shards.define(1, "tagged;dc=x");
    fleet
}

#[track_caller]
fn check(url: &str, want: &str) {
    let response = get(&fleet(), url);
    assert_eq!(
        (response.status().as_u16(), body(&response)),
        (200, want),
        "{url}"
    );
}

#[track_caller]
fn refuse(url: &str, want: &str) {
    let response = get(&fleet(), url);
    assert_eq!(
        (response.status().as_u16(), body(&response)),
        (400, want),
        "{url}"
    );
    assert_eq!(
        header(&response, "Content-Type"),
        "text/plain; charset=utf-8"
    );
}

fn branch(text: &str, id: &str) -> String {
    format!(
        "{{\"text\": \"{text}\", \"id\": \"{id}\", \"allowChildren\": 1, \"expandable\": 1, \"leaf\": 0}}"
    )
}

fn leaf(text: &str, id: &str) -> String {
    format!(
        "{{\"text\": \"{text}\", \"id\": \"{id}\", \"allowChildren\": 0, \"expandable\": 0, \"leaf\": 1}}"
    )
}

fn list(items: &[String]) -> String {
    format!("[{}]", items.join(", "))
}

#[test]
fn tree() {
    let (b, x, slow) = (
        branch("b", "a.b"),
        branch("x", "a.x"),
        leaf("slow", "a.slow"),
    );
    let children = list(&[b.clone(), x.clone(), slow.clone()]);
    check("/metrics/find?query=a.*", &children);
    check(
        "/metrics/find/?local=1&query=a.%2A&format=treejson",
        &children,
    );
    check("/metrics/?query=a.*", &children);
    let star = branch("*", "a.*");
    check(
        "/metrics/find?query=a.*&wildcards=1",
        &list(&[star, b, x, slow.clone()]),
    );
    check(
        "/metrics/find?query=a.*&leavesOnly=1",
        &list(&[leaf("b", "a.b"), slow]),
    );
    check("/metrics/find?query=a.*.c", &list(&[leaf("c", "a.*.c")]));
    check("/metrics/find?query=nosuch.*", "[]");
    check("/metrics/find?query=*", &list(&[branch("a", "a")]));
    // One path, two nodes.
    let both = [branch("*", "a.*"), branch("b", "a.b")];
    check("/metrics/find?query=a.b&wildcards=1", &list(&both));
    let leaves = [leaf("*", "a.b.*"), leaf("c", "a.b.c"), leaf("d", "a.b.d")];
    check("/metrics/find?query=a.b.*&wildcards=1", &list(&leaves));
}

#[test]
fn completion() {
    let want = concat!(
        r#"{"metrics": [{"path": "a.b.", "name": "b", "is_leaf": "0"}, "#,
        r#"{"path": "a.b", "name": "b", "is_leaf": "1"}, "#,
        r#"{"path": "a.slow", "name": "slow", "is_leaf": "1"}, "#,
        r#"{"path": "a.x.", "name": "x", "is_leaf": "0"}]}"#,
    );
    check("/metrics/find?query=a.*&format=completer", want);
    check("/metrics/find?query=a.&format=completer", want);
    let one = r#"{"metrics": [{"path": "a.slow", "name": "slow", "is_leaf": "1"}]}"#;
    check("/metrics/find?query=a.sl&format=completer&wildcards=1", one);
    check("/metrics/find?query=..sl&format=completer", one);
    let either = r#"{"metrics": [{"path": "a.slow", "name": "slow", "is_leaf": "1"}, {"path": "a.x.", "name": "x", "is_leaf": "0"}]}"#;
    let variants = "format=completer&automatic_variants=1";
    check(
        &format!("/metrics/find?query=a.slo,x*&{variants}"),
        r#"{"metrics": [{"path": "a.x.", "name": "x", "is_leaf": "0"}]}"#,
    );
    check(
        &format!("/metrics/find?query=a.slow,x.&{variants}"),
        r#"{"metrics": [{"path": "a.x.c", "name": "c", "is_leaf": "1"}]}"#,
    );
    check(
        &format!("/metrics/find?query=a.{{slow,x}}&{variants}"),
        either,
    );
    let last = r#"{"name": "*"}]}"#;
    let response = get(
        &fleet(),
        "/metrics/find?query=a.*&format=completer&wildcards=1",
    );
    assert!(body(&response).ends_with(last));
}

#[test]
fn paths_and_positions() {
    let want = concat!(
        r#"[{"path": "a.b", "is_leaf": false}, "#,
        r#"{"path": "a.b", "is_leaf": true, "intervals": [{"start": 0.0, "end": 1700000040.0}]}, "#,
        r#"{"path": "a.slow", "is_leaf": true, "intervals": [{"start": 0.0, "end": 1700000040.0}]}, "#,
        r#"{"path": "a.x", "is_leaf": false}]"#,
    );
    check("/metrics/find?query=a.*&format=json", want);
    let want = r#"{"nodes": ["b", "slow", "x"]}"#;
    check("/metrics/find?query=a.*&format=nodelist&position=1", want);
    check("/metrics/find?query=a.*&format=nodelist&position=-1", want);
    check("/metrics/find?query=a.*&format=nodelist", want);
    let first = r#"{"nodes": ["a"]}"#;
    check("/metrics/find?query=a.*&format=nodelist&position=-2", first);
    for beyond in ["2", "-3", "9223372036854775807", "-9223372036854775808"] {
        let url = format!("/metrics/find?query=a.*&format=nodelist&position={beyond}");
        check(&url, r#"{"nodes": []}"#);
    }
}

#[test]
fn bad_questions() {
    let missing = "Invalid parameters (Missing required parameter 'query')";
    refuse("/metrics/find", missing);
    refuse(
        "/metrics/find?query=",
        "Invalid parameters (Required parameter 'query' is empty)",
    );
    refuse(
        "/metrics/find?query=*&format=bogus",
        "Invalid value for 'format' parameter",
    );
    let switch =
        "Invalid parameters (Invalid value for parameter 'leavesOnly': \"x\" is neither 0 nor 1)";
    refuse("/metrics/find?query=*&leavesOnly=x", switch);
    let position =
        "Invalid parameters ('position' is a whole number: 0 for the first node, -1 for the last)";
    refuse("/metrics/find?query=*&format=nodelist&position=x", position);
    for name in ["from", "until", "now"] {
        let told = format!(
            "Invalid parameters (Invalid value \"foo\" for param {name}: Unknown day reference: foo)"
        );
        refuse(&format!("/metrics/find?query=*&{name}=foo"), &told);
    }
    refuse(
        "/metrics/find?query=*&from=100&until=50",
        "Invalid parameters (Failed to instantiate find query: Invalid interval start=100 end=50)",
    );
    refuse(
        "/metrics/find?query=*&jsonp=a(",
        "Invalid parameters (jsonp must be a name of at most 128 letters, digits, '_', '$', '.', '[' and ']')",
    );
}

/// Times must be times, and what was ever stored is found whatever they are.
#[test]
fn times_change_nothing() {
    let slow = list(&[leaf("slow", "a.slow")]);
    for times in [
        "from=-1&until=-1",
        "from=-1h&until=now",
        "from=0&until=1&tz=Europe/Berlin",
        "from=noon&now=20150308&tz=Mars/Olympus&local=1",
    ] {
        check(&format!("/metrics/find?query=a.sl*&{times}"), &slow);
    }
}

#[test]
fn lines_for_people() {
    let want = concat!(
        "[\n  {\n    \"text\": \"slow\",\n    \"id\": \"a.slow\",\n    \"allowChildren\": 0,\n",
        "    \"expandable\": 0,\n    \"leaf\": 1\n  }\n]",
    );
    check("/metrics/find?query=a.slow&pretty=1", want);
    check(
        "/metrics/find?query=a.slow&pretty=1&jsonp=f",
        &format!("f({want})"),
    );
    check("/metrics/find?query=x&pretty=1", "[]");
    let results = "{\n  \"results\": [\n    \"a.slow\"\n  ]\n}";
    check("/metrics/expand?query=a.sl*&pretty=1", results);
    check(
        "/metrics/expand?query=a.sl*&pretty=",
        "{\"results\": [\"a.slow\"]}",
    );
}

#[test]
fn headers_and_callbacks() {
    let response = get(&fleet(), "/metrics/find?query=a.slow&jsonp=cb");
    assert_eq!(body(&response), format!("cb([{}])", leaf("slow", "a.slow")));
    assert_eq!(header(&response, "Content-Type"), "text/javascript");
    assert_eq!(header(&response, "Pragma"), "no-cache");
    assert_eq!(header(&response, "Cache-Control"), "no-cache");
    let response = get(&fleet(), "/metrics/find?query=a.slow&jsonp=alert(1)");
    assert_eq!(response.status(), 400);
}

#[test]
fn a_reader_of_more_than_json_gets_utf8() {
    let mut fleet = fleet();
    fleet.shards.define(0, "grün");
    let url = "/metrics/find?query=gr*";
    let response = get(&fleet, url);
    assert_eq!(body(&response), list(&[leaf("gr\\u00fcn", "gr\\u00fcn")]));
    let mut asked = request("GET", url, "", "");
    let any = http::HeaderValue::from_static("*/*");
    asked.headers_mut().insert("Accept", any);
    let response = ask(&fleet, asked);
    assert_eq!(body(&response), list(&[leaf("grün", "grün")]));
    assert_eq!(
        header(&response, "Content-Type"),
        "application/json;charset=utf-8"
    );
    for (url, want) in [
        (
            "/metrics/expand?query=gr*",
            "{\"results\": [\"gr\u{fc}n\"]}",
        ),
        (
            "/metrics/expand?query=gr*&groupByExpr=1",
            "{\"results\": {\"gr*\": [\"gr\u{fc}n\"]}}",
        ),
        ("/metrics/index.json?jsonp=f", "\"gr\u{fc}n\""),
    ] {
        let mut asked = request("GET", url, "", "");
        let html = http::HeaderValue::from_static("text/html, */*");
        asked.headers_mut().insert("Accept", html);
        let response = ask(&fleet, asked);
        assert!(body(&response).contains(want), "{}", body(&response));
        assert!(header(&response, "Content-Type").ends_with(";charset=utf-8"));
        assert_eq!(header(&response, "Vary"), "accept");
        let mut asked = request("GET", url, "", "");
        let json = http::HeaderValue::from_static("application/json");
        asked.headers_mut().insert("Accept", json);
        assert!(body(&ask(&fleet, asked)).contains("gr\\u00fcn"));
    }
}

#[test]
fn expand() {
    check("/metrics/expand", r#"{"results": []}"#);
    let url = "/metrics/expand?query=a.*&query=*.x.*";
    check(url, r#"{"results": ["a.b", "a.slow", "a.x", "a.x.c"]}"#);
    let leaves = r#"{"results": ["a.b", "a.slow", "a.x.c"]}"#;
    check("/metrics/expand?query=a.*&query=*.x.*&leavesOnly=1", leaves);
    let grouped = r#"{"results": {"*.x.*": ["a.x.c"], "a.*": ["a.b", "a.slow", "a.x"]}}"#;
    check(
        "/metrics/expand?query=a.*&query=*.x.*&groupByExpr=1",
        grouped,
    );
    let response = get(&fleet(), "/metrics/expand/?query=a.sl*&jsonp=f");
    assert_eq!(body(&response), r#"f({"results": ["a.slow"]})"#);
    assert_eq!(header(&response, "Content-Type"), "text/javascript");
    assert_eq!(header(&response, "Pragma"), "no-cache");
    assert_eq!(header(&response, "Cache-Control"), "no-cache");
}

#[test]
fn every_name() {
    let want = r#"["a.b", "a.b.c", "a.b.d", "a.slow", "a.x.c", "tagged;dc=x"]"#;
    check("/metrics/index.json", want);
    check("/metrics/index.json?local=1&jsonp=f", &format!("f({want})"));
}

#[test]
fn a_form_asks_too() {
    let kind = "application/x-www-form-urlencoded";
    let response = ask(
        &fleet(),
        request("POST", "/metrics/find?from=-1h", kind, "query=a.sl*"),
    );
    assert_eq!(body(&response), list(&[leaf("slow", "a.slow")]));
}

#[test]
fn long_answers_breathe_and_end_in_time() {
    let mut fleet = TestFleet::new(2, 1_700_000_000);
    for i in 0..9_000 {
        fleet.shards.define(i % 2, &format!("many.n{i:04}"));
    }
    let want = fleet.breaths.get() + 8;
    assert_eq!(get(&fleet, "/metrics/index.json").status(), 200);
    assert!(fleet.breaths.get() >= want, "{}", fleet.breaths.get());
    fleet.breath_ms = 10_000;
    let late = get(&fleet, "/metrics/index.json");
    assert_eq!(late.status(), 504);
}

/// Every shard may be within the ceiling and all together above it.
#[test]
fn a_list_of_all_shards_has_one_ceiling() {
    let mut fleet = TestFleet::new(8, 1_700_000_000);
    for i in 0..800 {
        fleet.shards.define(i % 8, &format!("many.n{i:04}"));
    }
    let status = |bytes_max| {
        let options = HttpOptions {
            limits: Limits {
                bytes_max,
                ..Limits::default()
            },
            ..HttpOptions::default()
        };
        let asked = request("GET", "/metrics/index.json", "", "");
        run(answer(asked, &fleet, &options)).status().as_u16()
    };
    // A shard's 100 names take about 5,000 bytes.
    assert_eq!((status(20_000), status(60_000)), (400, 200));
}

#[test]
fn a_clock_that_is_set_ends_no_query_and_prolongs_none() {
    let mut fleet = TestFleet::new(2, 1_700_000_000);
    for i in 0..4_000 {
        fleet.shards.define(i % 2, &format!("many.n{i:04}"));
    }
    fleet.clock_step_ms = 3_600_000;
    assert_eq!(get(&fleet, "/metrics/index.json").status(), 200);
    (fleet.clock_step_ms, fleet.breath_ms) = (-20_000, 20_000);
    assert_eq!(get(&fleet, "/metrics/index.json").status(), 504);
}

/// Many questions of one request have together the time of one.
#[test]
fn many_patterns_have_the_time_of_one() {
    let mut fleet = TestFleet::new(2, 1_700_000_000);
    fleet.breath_ms = 1_000;
    let queries = |count| -> String { (0..count).map(|i| format!("&query=x{i}")).collect() };
    let ask = |count| get(&fleet, &format!("/metrics/expand?{}", queries(count))).status();
    assert_eq!(ask(5), 200);
    assert_eq!(ask(100), 504);
}

/// The shards answered before all points were back, and were done by the time the answer was told.
#[test]
fn an_answer_asked_for_during_a_replay_is_partial_also_when_it_ends_meanwhile() {
    let fleet = fleet();
    fleet.is_recovering.set(true);
    let partial = |response: Response<Bytes>| {
        let header = response.headers().get("x-corelane-partial").cloned();
        header.map(|why| why.to_str().expect("text").to_owned())
    };
    let url = "/render?format=json&target=a.*";
    assert_eq!(partial(get(&fleet, url)).as_deref(), Some("replay"));
    assert!(!fleet.is_recovering.get());
    assert_eq!(partial(get(&fleet, url)), None);
}
