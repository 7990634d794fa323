//! `/tags`: on the series that graphite-web's own answers were recorded with.

use super::*;

const FORM: &str = "application/x-www-form-urlencoded";

/// The second series lives on two shards, the third has two types of values.
fn fleet() -> TestFleet {
    let mut fleet = TestFleet::new(3, 1_700_000_040);
    let names = [
        "disk.used;datacenter=dc1;rack=a1;server=web01",
        "disk.used;datacenter=dc1;rack=b1;server=web02",
        "disk.used;datacenter=dc2;server=web03",
        "disk.free;datacenter=dc2;rack=a1;server=web01",
        "cpu;kind=\u{fc}",
    ];
    for (i, name) in names.iter().enumerate() {
        fleet.shards.define(i % 3, name);
    }
    fleet.shards.define(2, names[1]);
    let long = crate::model::series::Values::Long;
    fleet.shards.define_as(2, names[2], long);
    fleet.shards.define(0, "plain.path");
    fleet
}

#[track_caller]
fn answer_of(request: Request<Bytes>) -> (u16, String) {
    let shown = format!("{} {}", request.method(), request.uri());
    let response = ask(&fleet(), request);
    let status = response.status().as_u16();
    if status != 405 {
        assert_eq!(
            header(&response, "Content-Type"),
            "application/json",
            "{shown}"
        );
    }
    // Ids may be any numbers, as long as they stay the same.
    let mut text = body(&response).to_owned();
    let mut from = 0;
    while let Some(at) = text[from..].find("\"id\": ") {
        let start = from + at + 6;
        let digits = text[start..].bytes().take_while(u8::is_ascii_digit);
        let end = start + digits.count();
        text.replace_range(start..end, "#");
        from = start;
    }
    (status, text)
}

#[track_caller]
fn check(url: &str, want: &str) {
    let got = answer_of(request("GET", url, "", ""));
    assert_eq!(got, (200, want.to_owned()), "{url}");
}

#[track_caller]
fn refuse(url: &str, status: u16, want: &str) {
    let got = answer_of(request("GET", url, "", ""));
    let want = format!("{{\"error\": \"{want}\"}}");
    assert_eq!(got, (status, want), "{url}");
}

#[track_caller]
fn post(url: &str, form: &str, status: u16, want: &str) {
    let got = answer_of(request("POST", url, FORM, form));
    assert_eq!(got, (status, want.to_owned()), "{url} {form}");
}

#[test]
fn keys_of_tags() {
    let all = r##"[{"id": #, "tag": "datacenter"}, {"id": #, "tag": "kind"}, {"id": #, "tag": "name"}, {"id": #, "tag": "rack"}, {"id": #, "tag": "server"}]"##;
    check("/tags", all);
    check("/tags/", all);
    check(
        "/tags?filter=s&limit=1",
        r##"[{"id": #, "tag": "server"}]"##,
    );
    check("/tags?filter=erver", "[]");
    check("/tags?filter=^.*erver", r##"[{"id": #, "tag": "server"}]"##);
    check("/tags?limit=1", r##"[{"id": #, "tag": "datacenter"}]"##);
    check("/tags?limit=0", "[]");
    check(
        "/tags?filter=ser&pretty=1",
        "[\n  {\n    \"id\": #,\n    \"tag\": \"server\"\n  }\n]",
    );
    refuse(
        "/tags?limit=x",
        400,
        "invalid literal for int() with base 10: 'x'",
    );
    let got = answer_of(request("GET", "/tags?filter=(", "", ""));
    assert_eq!(got.0, 400, "{}", got.1);
    assert_eq!(answer_of(request("POST", "/tags", "", "")).0, 405);
}

#[test]
fn values_of_a_tag() {
    let two = r##"{"id": #, "tag": "server", "values": [{"id": #, "value": "web01", "count": 2}, {"id": #, "value": "web02", "count": 1}]}"##;
    check("/tags/server?filter=web0[12]", two);
    check("/tags/server/?filter=web0%5B12%5D", two);
    check(
        "/tags/server?limit=1",
        r##"{"id": #, "tag": "server", "values": [{"id": #, "value": "web01", "count": 2}]}"##,
    );
    check(
        "/tags/server?filter=none",
        r##"{"id": #, "tag": "server", "values": []}"##,
    );
    check(
        "/tags/name?filter=disk.u",
        r##"{"id": #, "tag": "name", "values": [{"id": #, "value": "disk.used", "count": 3}]}"##,
    );
    check(
        "/tags/kind",
        r##"{"id": #, "tag": "kind", "values": [{"id": #, "value": "\u00fc", "count": 1}]}"##,
    );
    check("/tags/nosuch", "null");
    check("/tags/serve", "null");
    check(
        "/tags/rack?filter=a&pretty=1",
        "{\n  \"id\": #,\n  \"tag\": \"rack\",\n  \"values\": [\n    {\n      \"count\": 2,\n      \
         \"id\": #,\n      \"value\": \"a1\"\n    }\n  ]\n}",
    );
}

#[test]
fn ids_are_numbers_that_stay() {
    let once = body(&get(&fleet(), "/tags")).to_owned();
    let mut other = TestFleet::new(1, 0);
    other.shards.define(0, "x;server=y");
    let again = get(&other, "/tags?filter=server");
    let own = &body(&again)[1..body(&again).len() - 1];
    assert!(once.contains(own), "{own} in {once}");
}

#[test]
fn series_by_expressions() {
    let two = r#"["disk.used;datacenter=dc1;rack=a1;server=web01", "disk.used;datacenter=dc1;rack=b1;server=web02"]"#;
    check("/tags/findSeries?expr=name=disk.used&expr=rack=~.", two);
    check("/tags/findSeries?expr[]=name=disk.used&expr[]=rack!=", two);
    check("/tags/findSeries/?expr=datacenter=dc1", two);
    post("/tags/findSeries", "expr=datacenter%3Ddc1", 200, two);
    post("/tags/findSeries", "expr[]=datacenter%3Ddc1", 200, two);
    check(
        "/tags/findSeries?expr=server=web03",
        r#"["disk.used;datacenter=dc2;server=web03"]"#,
    );
    check("/tags/findSeries?expr=server=~eb", "[]");
    check("/tags/findSeries?expr=server=web02&expr=rack=a1", "[]");
    refuse("/tags/findSeries", 400, "no tag expressions specified");
    refuse("/tags/findSeries?expr=bad", 400, "Invalid tagspec bad");
    let all = "At least one tagspec must not match the empty string";
    for test in ["rack=", "rack!=a1", "name=~.*"] {
        refuse(&format!("/tags/findSeries?expr={test}"), 400, all);
    }
    let got = answer_of(request("GET", "/tags/findSeries?expr=a=~(", "", ""));
    assert_eq!(got.0, 400, "{}", got.1);
    check(
        "/tags/findSeries?expr=server=web03&pretty=1",
        "[\n  \"disk.used;datacenter=dc2;server=web03\"\n]",
    );
}

#[test]
fn completion_of_keys() {
    check(
        "/tags/autoComplete/tags?expr=server=web01&tagPrefix=d&limit=1",
        r#"["datacenter"]"#,
    );
    check(
        "/tags/autoComplete/tags?expr=server=web01",
        r#"["datacenter", "name", "rack"]"#,
    );
    check("/tags/autoComplete/tags?tagPrefix=s", r#"["server"]"#);
    check(
        "/tags/autoComplete/tags?limit=2",
        r#"["datacenter", "kind"]"#,
    );
    check("/tags/autoComplete/tags?limit=0", "[]");
    post(
        "/tags/autoComplete/tags",
        "expr=kind!%3D&limit=5",
        200,
        r#"["name"]"#,
    );
    refuse(
        "/tags/autoComplete/tags?limit=",
        400,
        "invalid literal for int() with base 10: ''",
    );
    refuse("/tags/autoComplete/tags?expr=x", 400, "Invalid tagspec x");
}

#[test]
fn completion_of_values() {
    let url = "/tags/autoComplete/values";
    let two = r#"["web01", "web02"]"#;
    check(
        &format!("{url}?tag=server&expr=datacenter=dc1&valuePrefix=web0"),
        two,
    );
    check(&format!("{url}?tag=server&limit=2"), two);
    post(url, "tag=server&limit=2", 200, two);
    check(&format!("{url}?tag=server&valuePrefix=x"), "[]");
    check(&format!("{url}?tag=nosuch"), "[]");
    // The other tests alone would let everything pass.
    check(&format!("{url}?tag=server&expr=rack="), r#"["web03"]"#);
    refuse(url, 400, "no tag specified");
    let mut many = TestFleet::new(2, 0);
    for i in 0..150 {
        many.shards.define(i % 2, &format!("m;host=h{i:03}"));
    }
    let first = get(&many, &format!("{url}?tag=host"));
    let first: Vec<String> = serde_json::from_slice(first.body()).expect("JSON");
    let want: Vec<String> = (0..100).map(|i| format!("h{i:03}")).collect();
    assert_eq!(first, want);
}

#[test]
fn series_are_registered_by_their_points() {
    post(
        "/tags/tagSeries",
        "path=disk%3Bz%3D1%3Bb%3D2",
        200,
        r#""disk;b=2;z=1""#,
    );
    post(
        "/tags/tagSeries/",
        "path=plain.path",
        200,
        r#""plain.path""#,
    );
    post(
        "/tags/tagSeries",
        "",
        400,
        r#"{"error": "no path specified"}"#,
    );
    assert_eq!(
        answer_of(request("GET", "/tags/tagSeries?path=a", "", "")).0,
        405
    );
    let wrong = |path: &str, told: &str| {
        let told = format!("{{\"error\": \"{told}\"}}");
        post("/tags/tagSeries", &format!("path={path}"), 500, &told);
    };
    wrong("x;a", "Cannot parse path x;a, invalid segment a");
    wrong("x;=b", "Cannot parse path x;=b, invalid segment =b");
    wrong(";a=b", "Cannot parse path ;a=b, no metric found");
    wrong("x;a=", "Value for tag \\\"a\\\" may not be empty");
    wrong(
        "x;a!=b",
        "Character \\\"!\\\" is not allowed in tag \\\"a!\\\"",
    );
    wrong(
        "x;a=~b",
        "Tag values are not allowed to start with \\\"~\\\" in tag \\\"a\\\"",
    );
    let two = r#"["m1;k=v", "m2;b=2;z=1"]"#;
    post(
        "/tags/tagMultiSeries",
        "path=m1;k%3Dv&path=m2;z%3D1;b%3D2",
        200,
        two,
    );
    post(
        "/tags/tagMultiSeries",
        "path[]=m1;k%3Dv&path[]=m2;z%3D1;b%3D2",
        200,
        two,
    );
    post(
        "/tags/tagMultiSeries",
        "",
        400,
        r#"{"error": "no paths specified"}"#,
    );
    let body = "--x\r\nContent-Disposition: form-data; name=\"path\"\r\n\r\nm1;k=v\r\n\
                --x\r\nContent-Disposition: form-data; name=\"path\"\r\n\r\nm2;z=1;b=2\r\n--x--\r\n";
    let kind = "multipart/form-data; boundary=x";
    let got = answer_of(request("POST", "/tags/tagMultiSeries", kind, body));
    assert_eq!(got, (200, two.to_owned()));
}

#[test]
fn what_the_shards_say_is_told_as_json() {
    for (error, status) in [
        (QueryError::Busy, 503),
        (QueryError::Timeout(7), 504),
        (QueryError::Limit("too much".to_owned()), 400),
    ] {
        let fleet = TestFleet {
            fails: Some(error.clone()),
            ..fleet()
        };
        let response = get(&fleet, "/tags/findSeries?expr=a=b");
        assert_eq!(response.status(), status);
        let told = match error {
            QueryError::Timeout(_) => QueryError::Timeout(30_000),
            other => other,
        };
        assert_eq!(body(&response), format!("{{\"error\": \"{told}\"}}"));
        let retry = if status == 503 { "1" } else { "" };
        assert_eq!(header(&response, "Retry-After"), retry);
    }
}

/// The series that a request deleted, by their names.
#[track_caller]
fn deleted(url: &str, form: &str, want: &str) -> Vec<String> {
    let fleet = fleet();
    let response = ask(&fleet, request("POST", url, FORM, form));
    assert_eq!(
        (response.status().as_u16(), body(&response)),
        (200, want),
        "{url} {form}"
    );
    let mut names = Vec::new();
    for deletion in fleet.deleted.borrow().iter() {
        assert_eq!((deletion.from, deletion.until), (Millis::MIN, Millis::MAX));
        names.extend(fleet.shards.names_of(&deletion.series));
    }
    names
}

#[test]
fn tagged_series_are_deleted_by_name() {
    let check = |form: &str, want: &[&str]| {
        assert_eq!(deleted("/tags/delSeries", form, "true"), want, "{form}");
    };
    check("path=cpu;kind%3D%C3%BC", &["cpu;kind=\u{fc}"]);
    let web02 = "disk.used;datacenter=dc1;rack=b1;server=web02";
    check(
        "path=disk.used;server=web02;rack=b1;datacenter=dc1",
        &[web02],
    );
    check(
        "path[]=disk.used;server=web02;rack=b1;datacenter=dc1",
        &[web02],
    );
    // Both types of values.
    let web03 = "disk.used;datacenter=dc2;server=web03";
    check(
        "path=disk.used;server=web03;datacenter=dc2&path=cpu;a%3Db",
        &[web03, web03],
    );
    check("path=nosuch;a%3Db", &[]);
    check("path=disk.used;server%3D*", &[]);
    // Graphite-web's tags know no untagged series.
    check("path=plain.path", &[]);
    post(
        "/tags/delSeries",
        "",
        400,
        r#"{"error": "no path specified"}"#,
    );
    let told = r#"{"error": "Cannot parse path x;a, invalid segment a"}"#;
    post("/tags/delSeries", "path=x;a", 500, told);
    assert_eq!(
        answer_of(request("GET", "/tags/delSeries?path=a;b=c", "", "")).0,
        405
    );
}

#[test]
fn an_operator_deletes_by_pattern() {
    let check = |query: &str, count: usize, want: &[&str]| {
        let url = format!("/admin/delete?query={query}");
        let told = format!("{{\"deleted\": {count}}}");
        assert_eq!(deleted(&url, "", &told), want, "{query}");
    };
    check("plain.*", 1, &["plain.path"]);
    check("plain.*&query=*.path", 1, &["plain.path"]);
    check("none.*", 0, &[]);
    check("cpu;kind=%C3%BC", 1, &["cpu;kind=\u{fc}"]);
    let got = answer_of(request("POST", "/admin/delete", "", ""));
    assert_eq!(got.0, 400, "{}", got.1);
    let url = "/admin/delete?query=plain.*&from=20&until=10";
    let got = answer_of(request("POST", url, "", ""));
    assert_eq!(
        got,
        (400, r#"{"error": "from is later than until"}"#.to_owned())
    );
    assert_eq!(
        answer_of(request("GET", "/admin/delete?query=a", "", "")).0,
        405
    );
    let fleet = fleet();
    let url = "/admin/delete?query=plain.*&from=1700000000&until=1700000010";
    assert_eq!(ask(&fleet, request("POST", url, "", "")).status(), 200);
    let deletion = fleet.deleted.borrow()[0].clone();
    let range = (deletion.from.0, deletion.until.0);
    assert_eq!(range, (1_700_000_000_000, 1_700_000_010_999));
    // A time is of the zone that the call names, and counts from its now, as in /render.
    let range_of = |parameters: &str| {
        let fleet = self::fleet();
        let url = format!("/admin/delete?query=plain.*&{parameters}");
        assert_eq!(ask(&fleet, request("POST", &url, "", "")).status(), 200);
        let deletion = fleet.deleted.borrow()[0].clone();
        (deletion.from.0 / 1000, deletion.until.0 / 1000)
    };
    let noon = 1_700_049_600;
    assert_eq!(
        range_of("from=12:00_20231115&until=13:00_20231115"),
        (noon, noon + 3_600)
    );
    assert_eq!(
        range_of("from=12:00_20231115&until=13:00_20231115&tz=America/New_York"),
        (noon + 5 * 3_600, noon + 6 * 3_600)
    );
    assert_eq!(
        range_of(&format!("from=-1h&until=now&now={noon}")),
        (noon - 3_600, noon)
    );
    // What is not read must not be overlooked.
    for parameters in [
        "form=-1h",
        "until=now&local=1",
        "tz=Nowhere/City",
        "now=x",
        "until=",
        "from=&until=now",
        "until=-20min&until=-1min",
        "tz=UTC&tz=UTC",
    ] {
        let url = format!("/admin/delete?query=plain.*&{parameters}");
        let (status, told) = answer_of(request("POST", &url, "", ""));
        assert_eq!(status, 400, "{parameters}: {told}");
    }
}
