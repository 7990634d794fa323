//! Answers packed as their reader takes them.

use super::*;

/// 300 names: far more than one packet.
fn fleet() -> TestFleet {
    let mut fleet = TestFleet::new(2, 1_700_000_000);
    for i in 0..300 {
        fleet.shards.define(i % 2, &format!("many.n{i:04}"));
    }
    fleet
}

fn ask_for(fleet: &TestFleet, method: &str, url: &str, accept: &str) -> Response<Bytes> {
    let mut asked = request(method, url, "", "");
    if !accept.is_empty() {
        let accept = http::HeaderValue::from_str(accept).expect("a header");
        asked.headers_mut().insert("Accept-Encoding", accept);
    }
    ask(fleet, asked)
}

#[test]
fn a_large_answer_is_packed_as_its_reader_wishes() {
    let fleet = fleet();
    for url in [
        "/metrics/index.json",
        "/metrics/find?query=many.*",
        "/metrics/expand?query=many.*&jsonp=f",
        "/metrics",
    ] {
        let plain = ask_for(&fleet, "GET", url, "");
        assert_eq!(header(&plain, "Content-Encoding"), "", "{url}");
        let vary = |response: &Response<Bytes>| {
            let all = response.headers().get_all("Vary").iter();
            all.filter(|value| *value == "accept-encoding").count()
        };
        assert_eq!(vary(&plain), 1, "{url}");
        for coding in ["br", "gzip"] {
            let packed = ask_for(&fleet, "GET", url, coding);
            assert_eq!(header(&packed, "Content-Encoding"), coding, "{url}");
            assert_eq!(vary(&packed), 1, "{url}");
            let kind = header(&plain, "Content-Type");
            assert_eq!(header(&packed, "Content-Type"), kind);
            assert_eq!(unpacked(&packed), body(&plain), "{url} {coding}");
            assert!(packed.body().len() * 2 < plain.body().len(), "{url}");
        }
        let refused = ask_for(&fleet, "GET", url, "gzip;q=0, identity");
        assert_eq!(refused.body(), plain.body());
    }
}

#[test]
fn a_small_answer_and_a_failure_stay_as_they_are() {
    let fleet = fleet();
    for url in [
        "/version",
        "/metrics/find?query=many.n0001",
        "/metrics/find",
        "/nosuch",
    ] {
        let answer = ask_for(&fleet, "GET", url, "gzip, br");
        assert_eq!(header(&answer, "Content-Encoding"), "", "{url}");
        assert!(!header(&answer, "Vary").contains("encoding"), "{url}");
    }
}

#[test]
fn head_tells_the_length_of_what_get_would_give() {
    let fleet = fleet();
    let get = ask_for(&fleet, "GET", "/metrics/index.json", "gzip");
    let head = ask_for(&fleet, "HEAD", "/metrics/index.json", "gzip");
    let length = get.body().len().to_string();
    assert_eq!(header(&head, "Content-Length"), length);
    assert_eq!(header(&head, "Content-Encoding"), "gzip");
    assert!(head.body().is_empty());
}

#[test]
fn packing_breathes_and_ends_in_time() {
    let mut fleet = TestFleet::new(1, 1_700_000_000);
    for i in 0..12_000 {
        fleet
            .shards
            .define(0, &format!("many.and.long.names.n{i:05}"));
    }
    let breaths = |accept: &str| {
        let before = fleet.breaths.get();
        let answer = ask_for(&fleet, "GET", "/metrics/index.json", accept);
        assert_eq!(answer.status(), 200);
        (fleet.breaths.get() - before, answer.body().len())
    };
    let (plain, bytes) = breaths("");
    let pieces = bytes.div_ceil(8 * 1024) as u64;
    assert_eq!(breaths("gzip").0, plain + pieces);
    assert_eq!(breaths("br").0, plain + pieces);
    fleet.breath_ms = 30_000 / (plain + pieces / 2);
    let answer = ask_for(&fleet, "GET", "/metrics/index.json", "");
    assert_eq!(answer.status(), 200);
    let answer = ask_for(&fleet, "GET", "/metrics/index.json", "br");
    assert_eq!(answer.status(), 504);
}
