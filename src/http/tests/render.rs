//! `/render`: the answers that graphite-web itself gave, and our own choices.

use super::*;

/// Where the series of the functions' cases begin.
const T0: i64 = 1_699_999_200;

const FORM: &str = "application/x-www-form-urlencoded";

fn put(fleet: &mut TestFleet, name: &str, start: i64, step: i64, values: &[Option<f64>]) {
    for (i, value) in values.iter().enumerate() {
        if let Some(value) = value {
            let time_ms = (start + i as i64 * step) * 1000;
            // Neighbours live on different shards.
            fleet
                .shards
                .put(i % fleet.count, name, time_ms, i as u64 + 1, *value);
        }
    }
}

fn fleet() -> TestFleet {
    let mut fleet = TestFleet::new(3, 1_700_000_100);
    let n = None;
    let abc = [0.0, 1.0, 2.0, -1.0, -1.0, 5.0, 6.0, 7.0, 8.0, 9.0];
    let abc = abc.map(|v| (v >= 0.0).then_some(v));
    put(&mut fleet, "a.b.c", 1_699_999_440, 60, &abc);
    let a = [Some(1.0), Some(2.0), n, Some(4.0), Some(5.0), Some(6.0)];
    put(&mut fleet, "s.a", T0, 60, &a);
    let b = [Some(10.0), n, n, Some(40.0), Some(50.0), Some(60.0)];
    put(&mut fleet, "s.b", T0, 60, &b);
    // A minute-step series without a point in the range.
    put(&mut fleet, "s.null", T0 - 36_000, 60, &[Some(1.0); 4]);
    let slow = [Some(100.0), Some(200.0), Some(300.0)];
    put(&mut fleet, "slow.m", T0, 120, &slow);
    put(&mut fleet, "disk;dc=x;rack=\u{fc}", T0, 60, &[Some(1.5); 6]);
    fleet
}

#[track_caller]
fn check(url: &str, kind: &str, want: &str) {
    let response = get(&fleet(), url);
    assert_eq!(body(&response), want, "{url}");
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "Content-Type"), kind);
}

#[track_caller]
fn refuse(url: &str, want: &str) {
    let response = get(&fleet(), url);
    assert_eq!(
        (response.status().as_u16(), body(&response)),
        (400, want),
        "{url}"
    );
}

const ABC: &str = "/render?format=json&target=a.b.c&from=1699999439&until=1700000039";

#[test]
fn the_three_formats() {
    let json = concat!(
        r#"[{"target": "a.b.c", "tags": {"name": "a.b.c"}, "datapoints": [[0.0, 1699999440], "#,
        r#"[1.0, 1699999500], [2.0, 1699999560], [null, 1699999620], [null, 1699999680], "#,
        r#"[5.0, 1699999740], [6.0, 1699999800], [7.0, 1699999860], [8.0, 1699999920], "#,
        r#"[9.0, 1699999980]]}]"#,
    );
    check(&format!("{ABC}&format=json"), "application/json", json);
    let raw = "a.b.c,1699999440,1700000040,60|0.0,1.0,2.0,None,None,5.0,6.0,7.0,8.0,9.0\n";
    check(
        &format!("{ABC}&format=raw"),
        "text/plain; charset=utf-8",
        raw,
    );
    let unnamed = format!("{}&rawData", ABC.replace("format=json&", ""));
    check(&unnamed, "text/plain; charset=utf-8", raw);
    // What is named goes before what is only there.
    check(
        &format!("{ABC}&format=json&rawData=true&local=1"),
        "application/json",
        json,
    );
    let csv = "a.b.c,2023-11-14 17:04:00,0.0\r\na.b.c,2023-11-14 17:05:00,1.0\r\n\
               a.b.c,2023-11-14 17:06:00,2.0\r\na.b.c,2023-11-14 17:07:00,\r\n\
               a.b.c,2023-11-14 17:08:00,\r\na.b.c,2023-11-14 17:09:00,5.0\r\n\
               a.b.c,2023-11-14 17:10:00,6.0\r\na.b.c,2023-11-14 17:11:00,7.0\r\n\
               a.b.c,2023-11-14 17:12:00,8.0\r\na.b.c,2023-11-14 17:13:00,9.0\r\n";
    check(
        &format!("{ABC}&format=csv&tz=America/New_York"),
        "text/csv",
        csv,
    );
}

#[test]
fn chart_libraries() {
    let kind = "application/json";
    let range = format!("from={}&until={}", T0 - 1, T0 + 179);
    let dygraph = concat!(
        r#"{"labels" : ["Time", "s.a", "s.b"], "data" : [[1699999200000, 1.0, 10.0], "#,
        r#"[1699999260000, 2.0, null], [1699999320000, null, null]]}"#
    );
    let url = format!("/render?{range}&format=dygraph&target=s.a&target=s.b");
    check(&url, kind, dygraph);
    // Rows of all times, where the steps differ.
    let mixed = concat!(
        r#"{"labels" : ["Time", "slow.m", "s.a"], "data" : [[1699999200000, 100.0, 1.0], "#,
        r#"[1699999260000, null, 2.0], [1699999320000, 200.0, null]]}"#
    );
    let url = format!("/render?{range}&format=dygraph&target=slow.m&target=s.a");
    check(&url, kind, mixed);
    check(
        &format!("/render?{range}&format=dygraph&target=nosuch"),
        kind,
        "{}",
    );
    let rickshaw = concat!(
        r#"[{"target": "s.a", "datapoints": [{"x": 1699999200, "y": 1.0}, {"x": 1699999260, "#,
        r#""y": 2.0}, {"x": 1699999320, "y": null}]}, {"target": "slow.m", "datapoints": "#,
        r#"[{"x": 1699999200, "y": 100.0}, {"x": 1699999320, "y": 200.0}]}]"#
    );
    let url = format!("/render?{range}&format=rickshaw&target=s.a&target=slow.m");
    check(&url, kind, rickshaw);
    check(
        &format!("/render?{range}&format=rickshaw&target=nosuch"),
        kind,
        "[]",
    );
    let wrapped = get(&fleet(), &format!("{url}&jsonp=cb"));
    assert_eq!(body(&wrapped), format!("cb({rickshaw})"));
    assert_eq!(header(&wrapped, "Content-Type"), "text/javascript");
}

/// Whatever the format, a long series is written in pieces, and each piece is paid for.
#[test]
fn every_format_breathes_and_has_its_ceiling() {
    let mut fleet = TestFleet::new(2, T0 + 60_000);
    let values: Vec<Option<f64>> = (0..50_000).map(|i| Some(f64::from(i))).collect();
    put(&mut fleet, "long.a", T0, 1, &values);
    let form = format!("target=long.a&from={}&until={}", T0 - 1, T0 + 49_999);
    let formats = "json csv raw pickle msgpack dygraph rickshaw protobuf carbonapi_v3_pb";
    for format in formats.split(' ') {
        let form = format!("{form}&format={format}");
        fleet.breaths.set(0);
        let response = ask(&fleet, request("POST", "/render", FORM, &form));
        assert_eq!(response.status(), 200, "{format}");
        assert!(
            fleet.breaths.get() > 50_000 / 500,
            "{format} {}",
            fleet.breaths.get()
        );
        let (status, told) = status_within(1_000_000, &fleet, &form);
        assert_eq!(status, 400, "{format}");
        assert!(told.contains("bytes of memory"), "{format} {told}");
    }
}

/// `points` of each series of a JSON answer: value and offset from T0.
fn points(response: &Response<Bytes>) -> Vec<(String, String)> {
    assert_eq!(response.status(), 200, "{}", body(response));
    let list: Vec<serde_json::Value> = serde_json::from_slice(response.body()).expect("JSON");
    let show = |series: &serde_json::Value| {
        let points = series["datapoints"].as_array().expect("points");
        let first = points
            .first()
            .map_or(0, |p| p[1].as_i64().expect("time") - T0);
        let step = points.windows(2).next().map_or(0, |pair| {
            pair[1][1].as_i64().expect("time") - pair[0][1].as_i64().expect("time")
        });
        let values: Vec<String> = points.iter().map(|p| p[0].to_string()).collect();
        let name = series["target"].as_str().expect("target").to_owned();
        (name, format!("@{first}/{step} [{}]", values.join(",")))
    };
    list.iter().map(show).collect()
}

/// Ask for the range in which the functions' cases lie.
#[track_caller]
fn check_case(parameters: &str, want: &[(&str, &str)]) {
    let url = format!(
        "/render?format=json&from={}&until={}&{parameters}",
        T0 - 1,
        T0 + 359
    );
    let got = points(&get(&fleet(), &url));
    let got: Vec<(&str, &str)> = got.iter().map(|(n, p)| (n.as_str(), p.as_str())).collect();
    assert_eq!(got, want, "{parameters}");
}

#[test]
fn max_data_points() {
    let whole = ("s.a", "@0/60 [1.0,2.0,null,4.0,5.0,6.0]");
    check_case(
        "target=s.a&maxDataPoints=3",
        &[("s.a", "@120/120 [2.0,4.5,6.0]")],
    );
    check_case(
        "target=s.a&maxDataPoints=2",
        &[("s.a", "@180/180 [4.5,6.0]")],
    );
    check_case("target=s.a&maxDataPoints=6", &[whole]);
    check_case("target=s.a&maxDataPoints=abc", &[whole]);
    check_case("target=s.a&maxDataPoints=0", &[whole]);
    check_case("target=s.a&maxDataPoints=1", &[("s.a", "@0/0 [3.6]")]);
    let max = ("consolidateBy(s.a,\"max\")", "@120/120 [2.0,5.0,6.0]");
    check_case("target=consolidateBy(s.a,'max')&maxDataPoints=3", &[max]);
    let share = ("s.a", "@120/120 [null,4.5,null]");
    check_case("target=s.a&xFilesFactor=1&maxDataPoints=3", &[share]);
    let several = [
        ("s.a", "@120/120 [2.0,4.5,6.0]"),
        ("slow.m", "@0/120 [100.0,200.0,300.0]"),
    ];
    check_case("target=s.a&target=slow.m&maxDataPoints=3", &several);
    let nudged = "[{\"target\": \"a.b.c\", \"tags\": {\"name\": \"a.b.c\"}, \"datapoints\": \
                  [[1.5, 1699999560], [5.5, 1699999740], [8.0, 1699999920]]}]";
    check(
        &format!("{ABC}&maxDataPoints=4"),
        "application/json",
        nudged,
    );
}

#[test]
fn nulls_may_be_left_out() {
    let want = [
        ("s.a", "@0/60 [1.0,2.0,4.0,5.0,6.0]"),
        ("s.b", "@0/180 [10.0,40.0,50.0,60.0]"),
    ];
    check_case("target=s.*&noNullPoints=1", &want);
}

#[test]
fn targets_in_their_order_and_globs_by_name() {
    let a = ("s.a", "@0/60 [1.0,2.0,null,4.0,5.0,6.0]");
    let b = ("s.b", "@0/60 [10.0,null,null,40.0,50.0,60.0]");
    let none = ("s.null", "@0/60 [null,null,null,null,null,null]");
    check_case(
        "target=s.b&target=s.*&target=nosuch&target=s.a",
        &[b, a, b, none, a],
    );
    check_case("target[]=s.b&target[]=s.a", &[b, a]);
    check_case("target=s.b&target[]=s.a", &[b]);
    check_case(
        "target=sumSeries(s.{a,b})",
        &[("sumSeries(s.{a,b})", "@0/60 [11.0,2.0,null,44.0,55.0,66.0]")],
    );
}

#[test]
fn tagged_series() {
    let disk = ("disk;dc=x;rack=\u{fc}", "@0/60 [1.5,1.5,1.5,1.5,1.5,1.5]");
    check_case("target=disk;dc=x;rack=%C3%BC", &[disk]);
    check_case("target=disk;rack=%C3%BC;dc=x", &[disk]);
    check_case("target=seriesByTag('name=disk','dc=~x')", &[disk]);
    let url = format!(
        "/render?format=json&target=disk;dc=x;rack=%C3%BC&from={}&until={T0}",
        T0 - 1
    );
    let json = "[{\"target\": \"disk;dc=x;rack=\\u00fc\", \"tags\": {\"name\": \"disk\", \"dc\": \"x\", \
                \"rack\": \"\\u00fc\"}, \"datapoints\": [[1.5, 1699999200]]}]";
    check(&url, "application/json", json);
}

#[test]
fn templates() {
    let b = ("s.b", "@0/60 [10.0,null,null,40.0,50.0,60.0]");
    check_case("target=template(s.$x,x='a')&template[x]=b", &[b]);
}

#[test]
fn nothing_found() {
    check("/render?format=json", "application/json", "[]");
    check("/render?target=&format=json", "application/json", "[]");
    check(
        "/render?target=nosuch.*&format=json",
        "application/json",
        "[]",
    );
    check(
        "/render?target=nosuch&format=raw",
        "text/plain; charset=utf-8",
        "",
    );
    check("/render?target=nosuch&format=csv", "text/csv", "");
}

#[test]
fn times() {
    refuse(
        "/render?from=5&until=5",
        "Invalid parameters (Invalid empty time range)",
    );
    refuse(
        "/render?from=foo",
        "Invalid parameters (Unknown day reference: foo)",
    );
    let swapped = ABC
        .replace("from", "x")
        .replace("until", "from")
        .replace("x=", "until=");
    assert_eq!(body(&get(&fleet(), &swapped)), body(&get(&fleet(), ABC)));
    let relative = "/render?format=json&target=a.b.c&from=-601s&until=now-1s&now=1700000040";
    assert_eq!(body(&get(&fleet(), relative)), body(&get(&fleet(), ABC)));
    // The server's clock says 1700000100, so that the default range ends there.
    let default = points(&get(&fleet(), "/render?target=a.b.c&format=json"));
    assert!(
        default[0].1.ends_with(",9.0,null,null]"),
        "{}",
        default[0].1
    );
}

#[test]
fn the_last_slot_is_whole_wherever_until_cuts_it() {
    let mut fleet = TestFleet::new(2, T0 + 3600);
    // One point a minute, late in its slot.
    for i in 0..6 {
        fleet.shards.put(
            i % 2,
            "m",
            (T0 + 60 * i as i64 + 50) * 1000,
            i as u64,
            i as f64,
        );
    }
    let url = format!(
        "/render?format=json&target=m&from={}&until={}",
        T0 - 1,
        T0 + 130
    );
    let want = vec![("m".to_owned(), "@0/60 [0.0,1.0,2.0]".to_owned())];
    assert_eq!(points(&get(&fleet, &url)), want);
    // A range inside one slot gives the slot behind it, as whisper does.
    let url = format!(
        "/render?format=json&target=m&from={}&until={}",
        T0 + 70,
        T0 + 80
    );
    let want = vec![("m".to_owned(), "@120/0 [2.0]".to_owned())];
    assert_eq!(points(&get(&fleet, &url)), want);
}

#[test]
fn forms_are_merged_with_the_url() {
    let fleet = fleet();
    let want = get(&fleet, &format!("{ABC}&format=raw"));
    let url = "/render/?from=1699999439&until=1&format=json";
    let form = "target=a.b.c&until=1700000039&format=raw";
    assert_eq!(
        body(&ask(&fleet, request("POST", url, FORM, form))),
        body(&want)
    );
    let part = |name: &str, value: &str| {
        format!("--xx\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let parts = [
        ("target", "a.b.c"),
        ("until", "1700000039"),
        ("format", "raw"),
    ];
    let form: String = parts.iter().map(|(n, v)| part(n, v)).collect();
    let kind = "multipart/form-data; boundary=xx";
    let asked = request("POST", url, kind, &format!("{form}--xx--\r\n"));
    assert_eq!(body(&ask(&fleet, asked)), body(&want));
    let broken = ask(&fleet, request("POST", url, kind, "--xx\r\n"));
    let told = "Invalid parameters (multipart body: its closing boundary is missing)";
    assert_eq!((broken.status().as_u16(), body(&broken)), (400, told));
}

#[test]
fn what_cubism_asks() {
    let url = "/render?format=raw&target=alias(a.b.c%2C%27%27)&from=1699999439&until=1700000039";
    let want = ",1699999440,1700000040,60|0.0,1.0,2.0,None,None,5.0,6.0,7.0,8.0,9.0\n";
    check(url, "text/plain; charset=utf-8", want);
}

#[test]
fn bad_questions() {
    let formats = "Invalid parameters (format pdf is not served; there are png and svg)";
    refuse("/render?target=a.b.c&format=pdf", formats);
    let share = "Invalid parameters (xFilesFactor is \"2\", not a number from 0 to 1)";
    refuse("/render?target=a.b.c&xFilesFactor=2", share);
    let unknown =
        "Invalid parameters (Received request for unknown function: f); targets: \"f(a)\"";
    refuse("/render?target=a.b.c&target=f(a)", unknown);
    let response = get(&fleet(), "/render?target=a.b.c&format=json&jsonp=a-b");
    assert_eq!(response.status(), 400);
}

#[test]
fn callbacks() {
    let response = get(&fleet(), "/render?target=nosuch&format=json&jsonp=cb");
    assert_eq!(body(&response), "cb([])");
    assert_eq!(header(&response, "Content-Type"), "text/javascript");
    let raw = get(&fleet(), &format!("{ABC}&format=raw&jsonp=cb"));
    assert!(body(&raw).starts_with("a.b.c,"));
}

#[test]
fn how_long_an_answer_may_be_kept() {
    let keep = |parameters: &str| {
        let response = get(&fleet(), &format!("/render?{parameters}"));
        (
            header(&response, "Cache-Control").to_owned(),
            header(&response, "Expires").to_owned(),
        )
    };
    let never = "max-age=0, no-cache, no-store, must-revalidate, private";
    let now = "Tue, 14 Nov 2023 22:15:00 GMT";
    let minute = "Tue, 14 Nov 2023 22:16:00 GMT";
    let told = |control: &str, expires: &str| (control.to_owned(), expires.to_owned());
    assert_eq!(keep(""), told("max-age=60", minute));
    assert_eq!(keep("cacheTimeout=60"), told("max-age=60", minute));
    assert_eq!(keep("cacheTimeout=0"), told(never, now));
    assert_eq!(keep("noCache=1"), told(never, now));
}

#[test]
fn infinity_is_null_in_json() {
    let url = format!("{ABC}&from=1699999499&until=1699999500&target=scale(a.b.c,inf)");
    assert!(body(&get(&fleet(), &url)).contains("[null, 1699999500]"));
}

#[test]
fn ceilings() {
    let fleet = fleet();
    let with = |limits: Limits, url: &str| {
        let options = HttpOptions {
            limits,
            ..HttpOptions::default()
        };
        let response = run(answer(request("GET", url, "", ""), &fleet, &options));
        (response.status().as_u16(), body(&response).to_owned())
    };
    let limits = Limits::default();
    for (limits, verb, setting) in [
        (
            Limits {
                series_max: 2,
                ..limits
            },
            "matches more than 2 series",
            "query.series_max",
        ),
        (
            Limits {
                points_read_max: 5,
                ..limits
            },
            "reads more than 5 points",
            "query.points_read_max",
        ),
        (
            Limits {
                points_returned_max: 5,
                ..limits
            },
            "returns more than 5 points",
            "query.points_returned_max",
        ),
        (
            Limits {
                bytes_max: 500,
                ..limits
            },
            "needs more than 500 bytes of memory",
            "query.bytes_max",
        ),
    ] {
        let (status, text) = with(
            limits,
            &format!(
                "/render?format=json&target=s.*&from={}&until={}",
                T0 - 1,
                T0 + 359
            ),
        );
        let told =
            format!("the query {verb}; ask for fewer series or a shorter time, or raise {setting}");
        assert_eq!((status, text), (400, told));
    }
    // Values, not stored points, are what a long range costs.
    let (status, _) = with(
        Limits {
            points_read_max: 1000,
            ..limits
        },
        "/render?target=s.a&from=0&format=json",
    );
    assert_eq!(status, 400);
    // What is returned is counted behind the consolidation.
    let url = format!("{ABC}&maxDataPoints=4");
    assert_eq!(
        with(
            Limits {
                points_returned_max: 4,
                ..limits
            },
            &url
        )
        .0,
        200
    );
}

#[track_caller]
fn status_within(bytes_max: u64, fleet: &TestFleet, form: &str) -> (u16, String) {
    let limits = Limits {
        bytes_max,
        ..Limits::default()
    };
    let options = HttpOptions {
        limits,
        ..HttpOptions::default()
    };
    let form = format!("format=json&{form}");
    let response = run(answer(
        request("POST", "/render", FORM, &form),
        fleet,
        &options,
    ));
    (response.status().as_u16(), body(&response).to_owned())
}

/// However many targets there are, the request has one ceiling.
#[test]
fn many_targets_share_one_ceiling() {
    let fleet = fleet();
    let range = format!("from={}&until={}", T0 - 1, T0 + 359);
    let one = "&target=sum(s.*,s.*,s.*)";
    let status = |count| status_within(100_000, &fleet, &format!("{range}{}", one.repeat(count))).0;
    assert_eq!((status(1), status(100)), (200, 400));
}

/// Selectors that match the same series again and again cost, though each series is read once.
#[test]
fn many_selectors_that_match_everything_are_bounded() {
    let mut fleet = TestFleet::new(2, T0 + 3600);
    for i in 0..300 {
        fleet.shards.define(i % 2, &format!("many.n{i:04}"));
    }
    let form = |count: usize| -> String {
        let targets = (0..count).map(|i| format!("&target=many.n{}", "*".repeat(1 + i)));
        let range = format!("from={}&until={}", T0 - 1, T0 + 359);
        std::iter::once(range).chain(targets).collect()
    };
    let (status, text) = status_within(500_000, &fleet, &form(500));
    assert_eq!(status, 400, "{text}");
    assert!(text.contains("query.bytes_max"), "{text}");
    let many: String = (0..5_000).map(|i| format!("a{i},")).collect();
    let form = format!("target=group({})", many[..5_000].trim_end_matches(','));
    assert_eq!(status_within(1 << 30, &fleet, &form).0, 200);
    let groups: String = (0..6)
        .map(|g| {
            let paths: Vec<String> = (0..1_000).map(|i| format!("g{g}n{i}")).collect();
            format!("&target=group({})", paths.join(","))
        })
        .collect();
    let (status, text) = status_within(1 << 30, &fleet, &groups);
    assert!(status == 400 && text.contains("different paths"), "{text}");
}

/// What was asked of the shards, what they read, and what came out.
#[test]
fn explained() {
    let form = "/render?format=json&explain=1&from=1699999199&until=1699999559";
    let mut fleet = TestFleet::new(1, 1_700_000_100);
    let n = None;
    let b = [Some(10.0), n, n, Some(40.0), Some(50.0), Some(60.0)];
    put(&mut fleet, "s.b", T0, 60, &b);
    let slow = [Some(100.0), Some(200.0), Some(300.0)];
    put(&mut fleet, "slow.m", T0, 120, &slow);
    let stages = |targets: &str| {
        let response = get(&fleet, &format!("{form}{targets}"));
        assert_eq!(response.status(), 200);
        let told: serde_json::Value = serde_json::from_slice(response.body()).expect("JSON");
        let list = told["stages"].as_array().expect("stages").clone();
        let show = |stage: &serde_json::Value| {
            format!(
                "{} {} {}/{}/{}",
                stage["stage"].as_str().expect("a kind"),
                stage["of"].as_str().expect("a text"),
                stage["points_read"],
                stage["series"],
                stage["values"],
            )
        };
        list.iter().map(show).collect::<Vec<String>>()
    };
    assert_eq!(
        stages("&target=sumSeries(s.b)&target=scale(slow.m,2)"),
        [
            "values slow.m 3/1/3",
            "rows s.b, sum 4/1/6",
            "evaluate sumSeries(s.b) 0/1/0",
            "evaluate scale(slow.m,2) 0/1/0",
            "print application/json 0/2/0",
        ]
    );
    // Of two steps: the shards cannot combine them.
    let two = stages("&target=sumSeries({s,slow}.{b,m})");
    assert_eq!(two[0], "rows {s,slow}.{b,m}, sum 7/0/0");
    assert_eq!(two[1], "values {s,slow}.{b,m} 7/2/9");
}

/// What the shards send of many series that they combine is less than what they send of each.
#[test]
fn explained_bytes_are_those_that_crossed() {
    let mut fleet = TestFleet::new(1, 1_700_000_100);
    for series in 0..50 {
        put(
            &mut fleet,
            &format!("m.s{series}"),
            T0,
            1,
            &[Some(1.0); 300],
        );
    }
    let bytes = |target: &str, stage: &str| {
        let form = "/render?format=json&explain=1&from=1699999199&until=1699999559";
        let response = get(&fleet, &format!("{form}&target={target}"));
        let told: serde_json::Value = serde_json::from_slice(response.body()).expect("JSON");
        let stages = told["stages"].as_array().expect("stages").clone();
        let mut named = stages.iter().filter(|it| it["stage"] == stage);
        named.next().expect("the stage")["bytes"]
            .as_u64()
            .expect("bytes")
    };
    let whole = bytes("m.*", "values");
    assert!((50 * 300 * 8..1_000_000).contains(&whole), "{whole}");
    for target in [
        "sumSeries(m.*)",
        "countSeries(m.*)",
        "aggregate(m.*,'last')",
        "groupByTags(m.*,'count','dc')",
        "groupByNode(m.*,0,'last')",
        "averageSeriesWithWildcards(m.*,1)",
    ] {
        let combined = bytes(target, "rows");
        assert!(0 < combined && combined < whole / 2, "{target}: {combined}");
    }
}

/// Whole numbers in each format, and what comes of them where there is no room for all.
#[test]
fn whole_numbers_have_no_point() {
    let mut fleet = TestFleet::new(1, 1_700_000_100);
    // Earlier points tell the step.
    put(&mut fleet, "s.a", T0 - 600, 60, &[Some(7.0); 5]);
    put(&mut fleet, "s.a", T0, 60, &[Some(1.0), None, Some(1.5)]);
    let ask = |format: &str| {
        let url = "/render?from=1699999199&until=1699999379&target=isNonNull(s.a)&target=s.a";
        String::from_utf8(
            get(&fleet, &format!("{url}&format={format}"))
                .body()
                .to_vec(),
        )
        .expect("text")
    };
    let json = ask("json");
    assert!(
        json.contains("[1, 1699999200], [0, 1699999260], [1, 1699999320]]"),
        "{json}"
    );
    assert!(
        json.contains("[1.0, 1699999200], [null, 1699999260]"),
        "{json}"
    );
    assert!(ask("json&maxDataPoints=1").contains("[[0.6666666666666666, "));
    assert!(ask("raw").starts_with("isNonNull(s.a),1699999200,1699999380,60|1,0,1\n"));
    let csv = ask("csv");
    assert!(csv.contains(",1\r\n") && csv.contains(",1.5\r\n"), "{csv}");
    assert!(ask("rickshaw").contains("{\"x\": 1699999260, \"y\": 0}"));
    assert!(ask("dygraph").contains("[1699999260000, 0, null]"));
}

/// Sums of whole numbers outgrow 64 bits: then they are floats, not the largest integer there is.
#[test]
fn whole_numbers_without_end_are_floats() {
    let fleet = TestFleet::new(1, 1_700_000_100);
    let sums = (0..4).fold("identity('a')".to_owned(), |inner, _| {
        format!("movingSum({inner},1000)")
    });
    let url = format!("/render?from=1699999199&until=1699999379&target=alias({sums},'a')");
    for format in ["json", "csv", "raw", "rickshaw", "dygraph"] {
        let response = get(&fleet, &format!("{url}&format={format}"));
        let text = String::from_utf8(response.body().to_vec()).expect("text");
        assert!(text.contains("e+21"), "{format}: {text}");
    }
    let response = get(&fleet, &format!("{url}&format=pickle"));
    let told = serde_pickle::value_from_slice(response.body(), Default::default());
    let told = format!("{:?}", told.expect("a pickle"));
    assert!(!told.contains(&i64::MAX.to_string()), "{told}");
}

/// Lines of constants have a value at the end of the range and none behind it: what stands beside them keeps
/// its points.
#[test]
fn constants_do_not_make_others_coarser() {
    let mut fleet = TestFleet::new(1, 1_700_020_000);
    put(&mut fleet, "m.a", T0, 60, &[Some(1.0); 240]);
    let until = T0 + 240 * 60 - 1;
    let steps = |targets: &str| {
        let form = format!(
            "/render?format=json&maxDataPoints=300&from={}&until={until}",
            T0 - 1
        );
        let response = get(&fleet, &format!("{form}&target=m.a{targets}"));
        let told: serde_json::Value = serde_json::from_slice(response.body()).expect("JSON");
        let points = told[0]["datapoints"].as_array().expect("points").clone();
        let time = |i: usize| points[i][1].as_i64().expect("a time");
        (points.len(), time(1) - time(0))
    };
    for beside in [
        "",
        "&target=constantLine(3)",
        "&target=threshold(3)",
        "&target=aggregateLine(m.a)",
        "&target=countSeries()",
        "&target=exponentialMovingAverage(m.a,5)",
        "&target=sumSeries(constantLine(3),constantLine(4))",
        "&target=timeShift(constantLine(3),'1h')",
    ] {
        assert_eq!(steps(beside), (240, 60), "{beside}");
    }
}
