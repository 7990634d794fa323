//! Routes, methods, the short pages, and failures.

use super::*;

fn fleet() -> TestFleet {
    TestFleet::new(2, 1_700_000_000)
}

#[track_caller]
fn check(method: &str, url: &str, status: u16, text: &str) {
    let response = ask(&fleet(), request(method, url, "", ""));
    assert_eq!(
        (response.status().as_u16(), body(&response)),
        (status, text),
        "{method} {url}"
    );
}

#[test]
fn short_pages() {
    check("GET", "/version", 200, "1.1.10\n");
    check("GET", "/version/", 200, "1.1.10\n");
    check("POST", "/version", 200, "1.1.10\n");
    check("GET", "/health", 200, "ok\n");
    check("GET", "/ready", 200, "ready\n");
    assert_eq!(get(&fleet(), "/").status(), 200);
    assert_eq!(
        header(&get(&fleet(), "/version"), "Content-Type"),
        "text/html"
    );
}

#[test]
fn a_fleet_that_is_not_ready_says_so() {
    let fleet = TestFleet {
        is_ready: false,
        ..fleet()
    };
    let response = get(&fleet, "/ready");
    assert_eq!(response.status(), 503);
    assert!(body(&response).starts_with("not ready: "));
    assert_eq!(header(&response, "Retry-After"), "1");
    assert_eq!(get(&fleet, "/health").status(), 200);
}

/// What an operator asks for changes something, so only a POST does it.
#[test]
fn an_operator_seals_and_makes_snapshots() {
    check(
        "POST",
        "/admin/seal",
        200,
        "all points are in segment files\n",
    );
    let told = "snapshots/one\nstart from a copy of it with --data\n";
    check("POST", "/admin/snapshot?name=one", 200, told);
    for path in ["/admin/seal", "/admin/snapshot"] {
        check("GET", path, 405, &format!("{path} takes POST, not GET\n"));
    }
    let failing = TestFleet {
        fails: Some(QueryError::Busy),
        ..fleet()
    };
    let told = ask(&failing, request("POST", "/admin/seal", "", ""));
    assert_eq!(told.status(), 503);
    let told = ask(
        &failing,
        request("POST", "/admin/snapshot?name=one", "", ""),
    );
    assert_eq!(told.status(), 503);
    assert!(told.headers().contains_key("retry-after"));
}

#[test]
fn wrong_paths_and_methods() {
    let known = "/render /metrics/find /metrics/expand /metrics/index.json /metrics \
                 /functions /dashboard/find /dashboard/find_template \
                 /metrics/list /metrics/details /info /_internal/capabilities \
                 /tags /tags/findSeries /tags/autoComplete/tags /tags/autoComplete/values /tags/tagSeries \
                 /tags/tagMultiSeries /tags/delSeries /events /events/get_data \
                 /admin/seal /admin/snapshot /admin/delete /api/put /api/version /version /health /ready \
                 /api/v1/";
    let told = format!("there is no /nosuch here; there are: {known}\n");
    check("GET", "/nosuch", 404, &told);
    check(
        "POST",
        "/functions",
        405,
        "/functions takes GET, HEAD, not POST\n",
    );
    check(
        "PUT",
        "/metrics/find",
        405,
        "/metrics/find takes GET, HEAD, POST, not PUT\n",
    );
    check("OPTIONS", "/", 405, "/ takes GET, HEAD, not OPTIONS\n");
    let response = ask(&fleet(), request("DELETE", "/metrics", "", ""));
    assert_eq!(header(&response, "Allow"), "GET, HEAD, POST");
}

/// What only graphite-web's own pages call, and what spoke with its cache.
#[test]
fn pages_of_the_original_that_there_are_not() {
    for url in [
        "/composer",
        "/browser/",
        "/dashboard",
        "/dashboard/some",
        "/account/login",
        "/metrics/get-metadata?metric=a&key=b",
        "/metrics/set-metadata",
        "/render/~me/graph",
    ] {
        assert_eq!(get(&fleet(), url).status(), 404, "{url}");
    }
}

#[test]
fn no_dashboards_are_stored() {
    for method in ["GET", "POST"] {
        check(
            method,
            "/dashboard/find/?query=a",
            200,
            "{\"dashboards\": []}",
        );
        check(
            method,
            "/dashboard/find?query=",
            200,
            "{\"dashboards\": []}",
        );
        check(
            method,
            "/dashboard/find_template/?query=",
            200,
            "{\"templates\": []}",
        );
        let missing = "{\"error\": \"Dashboard 'my \\\"own\\\"' does not exist. \"}";
        check(method, "/dashboard/load/my%20%22own%22", 200, missing);
        let missing = "{\"error\": \"Template 'a' does not exist. \"}";
        check(method, "/dashboard/load/a/b", 200, missing);
        check(method, "/dashboard/load_template/a/b", 200, missing);
        let refused = "{\"error\": \"No dashboards are stored here\"}";
        for what in [
            "save/a",
            "delete/a",
            "save_template/a/b",
            "delete_template/a",
        ] {
            check(method, &format!("/dashboard/{what}"), 200, refused);
        }
    }
}

#[test]
fn a_prefix_may_stand_before_every_path() {
    for prefix in ["/graphite", "/graphite/"] {
        let options = HttpOptions {
            prefix: prefix.to_owned(),
            ..HttpOptions::default()
        };
        let status =
            |url: &str| run(answer(request("GET", url, "", ""), &fleet(), &options)).status();
        for url in [
            "/graphite",
            "/graphite/",
            "/graphite/version",
            "/graphite/metrics/find/?query=a",
            "/graphite/functions/scale",
            "/version",
            "/",
        ] {
            assert_eq!(status(url), 200, "{url}");
        }
        for url in ["/graphites/version", "/graphiteversion", "/x/version"] {
            assert_eq!(status(url), 404, "{url}");
        }
    }
    assert_eq!(get(&fleet(), "/graphite/version").status(), 404);
}

#[test]
fn head_is_get_without_the_body() {
    let response = ask(&fleet(), request("HEAD", "/version", "", ""));
    assert_eq!((response.status().as_u16(), body(&response)), (200, ""));
    assert_eq!(header(&response, "Content-Length"), "7");
}

#[test]
fn metrics_with_a_query_is_find_and_without_one_the_counters() {
    let counters = get(&fleet(), "/metrics");
    assert_eq!(
        header(&counters, "Content-Type"),
        "text/plain; version=0.0.4; charset=utf-8"
    );
    assert!(body(&counters).contains("corelane_series{shard=\"1\"} 0\n"));
    check("GET", "/metrics?query=a.*", 200, "[]");
    check("GET", "/metrics/?query=a.*", 200, "[]");
    let told = "Invalid parameters (Missing required parameter 'query')";
    check("POST", "/metrics", 400, told);
}

#[test]
fn what_the_shards_say_goes_on_to_the_asker() {
    for (error, status) in [
        (QueryError::Busy, 503),
        (QueryError::Timeout(7), 504),
        (QueryError::Limit("too much".to_owned()), 400),
    ] {
        let fleet = TestFleet {
            fails: Some(error),
            ..fleet()
        };
        for url in [
            "/metrics/index.json",
            "/metrics/find?query=*",
            "/metrics",
            "/render?target=a",
        ] {
            assert_eq!(get(&fleet, url).status(), status, "{url}");
        }
    }
}

#[test]
fn other_origins_are_allowed_only_by_option() {
    let options = HttpOptions {
        allow_origin: Some("https://dash.example".to_owned()),
        ..HttpOptions::default()
    };
    let fleet = fleet();
    let ask_with = |method| run(answer(request(method, "/render", "", ""), &fleet, &options));
    let response = ask_with("GET");
    assert_eq!(
        header(&response, "Access-Control-Allow-Origin"),
        "https://dash.example"
    );
    let preflight = ask_with("OPTIONS");
    assert_eq!(preflight.status(), 204);
    assert_eq!(
        header(&preflight, "Access-Control-Allow-Methods"),
        "GET, HEAD, POST"
    );
    assert_eq!(
        header(&get(&fleet, "/render"), "Access-Control-Allow-Origin"),
        ""
    );
}
