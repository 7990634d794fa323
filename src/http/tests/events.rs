//! `/events`: what graphite-web answers, and its errors.

use super::*;

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

fn fleet() -> TestFleet {
    TestFleet::new(2, 1_700_000_000)
}

#[track_caller]
fn post(fleet: &TestFleet, kind: &str, text: &str, status: u16, want: &str) {
    let response = ask(fleet, request("POST", "/events/", kind, text));
    let got = (response.status().as_u16(), body(&response));
    assert_eq!(got, (status, want), "{text}");
}

#[track_caller]
fn check(fleet: &TestFleet, url: &str, want: &str) {
    let response = get(fleet, url);
    let got = (response.status().as_u16(), body(&response));
    assert_eq!(got, (200, want), "{url}");
    assert_eq!(header(&response, "Content-Type"), JSON, "{url}");
}

/// Five events, sent in the ways that clients have.
fn told() -> TestFleet {
    let fleet = fleet();
    let deploy = r#"{"what": "deploy", "tags": ["v1", "prod"], "when": 1699999000, "data": "x"}"#;
    post(&fleet, JSON, deploy, 200, "");
    // As curl sends it.
    let alarm =
        r#"{"what": "al\u00e4rm", "tags": "v1  test", "when": 1699998000.7, "data": "a&b=c"}"#;
    post(&fleet, FORM, alarm, 200, "");
    post(&fleet, "", r#"{"what": "now"}"#, 200, "");
    let later = r#"{"what": "later", "when": 1700009000, "tags": [], "more": {"a": [1]}}"#;
    post(&fleet, "text/plain", later, 200, "");
    let none = r#"{"what": "none", "tags": null, "data": null, "when": 1699999000}"#;
    post(&fleet, JSON, none, 200, "");
    fleet
}

const DEPLOY: &str =
    r#"{"when": 1699999000, "what": "deploy", "data": "x", "tags": ["v1", "prod"], "id": 1}"#;
const ALARM: &str = r#"{"when": 1699998000, "what": "al\u00e4rm", "data": "a&b=c", "tags": ["v1", "test"], "id": 2}"#;
const NOW: &str = r#"{"when": 1700000000, "what": "now", "data": "", "tags": [], "id": 3}"#;
const LATER: &str = r#"{"when": 1700009000, "what": "later", "data": "", "tags": [], "id": 4}"#;
const NONE: &str = r#"{"when": 1699999000, "what": "none", "data": "", "tags": [], "id": 5}"#;

fn list(events: &[&str]) -> String {
    format!("[{}]", events.join(", "))
}

#[test]
fn events_by_time_and_tags() {
    let fleet = told();
    let url = |rest: &str| format!("/events/get_data{rest}");
    let until_now = list(&[ALARM, DEPLOY, NONE, NOW]);
    check(&fleet, &url(""), &until_now);
    check(&fleet, "/events/get_data/", &until_now);
    check(&fleet, "/events/", &until_now);
    check(&fleet, "/events", &until_now);
    check(
        &fleet,
        &url("?until=1700009000"),
        &list(&[ALARM, DEPLOY, NONE, NOW, LATER]),
    );
    check(
        &fleet,
        &url("?from=1699999000"),
        &list(&[DEPLOY, NONE, NOW]),
    );
    check(
        &fleet,
        &url("?from=1699998001&until=1699999000"),
        &list(&[DEPLOY, NONE]),
    );
    check(
        &fleet,
        &url("?from=-20min&until=-10min"),
        &list(&[DEPLOY, NONE]),
    );
    check(&fleet, &url("?tags=v1"), &list(&[ALARM, DEPLOY]));
    check(&fleet, &url("?tags=v1%20prod"), &list(&[DEPLOY]));
    check(
        &fleet,
        &url("?tags=v1+prod&set=intersection"),
        &list(&[DEPLOY]),
    );
    check(
        &fleet,
        &url("?tags=test+prod&set=union"),
        &list(&[ALARM, DEPLOY]),
    );
    check(&fleet, &url("?tags=v1+nosuch"), "[]");
    check(&fleet, &url("?tags="), &until_now);
    let wrapped = get(&fleet, &url("?tags=prod&jsonp=cb"));
    assert_eq!(body(&wrapped), format!("cb([{DEPLOY}])"));
    assert_eq!(header(&wrapped, "Content-Type"), "text/javascript");
    assert_eq!(get(&fleet, &url("?from=nosuch")).status(), 400);
}

#[test]
fn one_event() {
    let fleet = told();
    let one = r#"{"id": 1, "when": "2023-11-14T21:56:40Z", "what": "deploy", "data": "x", "tags": ["v1", "prod"]}"#;
    check(&fleet, "/events/1", one);
    check(&fleet, "/events/1/", one);
    for url in [
        "/events/9",
        "/events/0",
        "/events/x",
        "/events/99999999999999999999",
    ] {
        let response = get(&fleet, url);
        let told = r#"{"error": "Event matching query does not exist"}"#;
        assert_eq!(
            (response.status().as_u16(), body(&response)),
            (404, told),
            "{url}"
        );
    }
    let response = ask(&fleet, request("DELETE", "/events/", "", ""));
    assert_eq!(response.status(), 405);
    let response = ask(&fleet, request("POST", "/events/1", "", ""));
    assert_eq!(response.status(), 405);
}

#[test]
fn what_is_wrong_is_told_and_nothing_is_kept() {
    let fleet = fleet();
    let refuse = |text: &str, told: &str| {
        post(
            &fleet,
            JSON,
            text,
            400,
            &format!("{{\"error\": \"{told}\"}}"),
        );
    };
    let tags = "\\\"tags\\\" must be an array or space-separated string";
    refuse(r#"{"what": "a", "tags": 1}"#, tags);
    refuse(r#"{"what": "a", "tags": {"a": 1}}"#, tags);
    refuse(r#"{"what": "a", "tags": ["a", 1]}"#, tags);
    refuse(r#"{"what": "a", "tags": [["a"]]}"#, tags);
    refuse(r#"{"tags": "a"}"#, "\\\"what\\\" must be a string");
    refuse(r#"{"what": 5}"#, "\\\"what\\\" must be a string");
    refuse(
        r#"{"what": "a", "data": {}}"#,
        "\\\"data\\\" must be a string",
    );
    let when = "\\\"when\\\" must be seconds since 1970";
    refuse(r#"{"what": "a", "when": "now"}"#, when);
    refuse(r#"{"what": "a", "when": 1e300}"#, when);
    refuse("[]", "an event is a JSON object");
    refuse("", "the JSON ends before it is complete");
    refuse(r#"{"what": "a""#, "the JSON ends before it is complete");
    refuse(r#"{"what": "a"} x"#, "there is text behind the event");
    let long = format!("{{\"what\": \"{}\"}}", "x".repeat(61_000));
    let told = "an event has 61440 bytes of text and 1000 tags at most; use fewer";
    post(&fleet, JSON, &long, 200, "");
    let long = format!("{{\"what\": \"{}\"}}", "x".repeat(62_000));
    refuse(&long, told);
    refuse(
        &format!("{{\"what\": \"a\", \"tags\": \"{}\"}}", "a ".repeat(1001)),
        told,
    );
    refuse(
        &" ".repeat(200_000),
        "an event has 61440 bytes of text at most; shorten it",
    );
    assert_eq!(fleet.control.borrow().events.len(), 1);
    let failing = TestFleet {
        fails: Some(QueryError::Busy),
        ..self::fleet()
    };
    let response = ask(
        &failing,
        request("POST", "/events/", JSON, r#"{"what": "a"}"#),
    );
    assert_eq!(response.status(), 503);
    assert_eq!(header(&response, "Retry-After"), "1");
}
