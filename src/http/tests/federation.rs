//! What graphite-web and carbonapi ask their storage nodes. The bytes are those that their own readers
//! took.

use serde_pickle::{HashableValue, Value};

use super::*;
use crate::http::encode::protobuf::{self, Fields};

const T0: i64 = 1_699_999_200;

/// A branch `a.b`, and a leaf `a.c` with a value a minute, of which the second is absent.
fn fleet() -> TestFleet {
    let mut fleet = TestFleet::new(2, T0 + 179);
    fleet.shards.define(1, "a.b.x");
    for (i, value) in [7.0, 7.0, 7.0, 1.0, f64::NAN, 3.0].into_iter().enumerate() {
        if !f64::is_nan(value) {
            let time_ms = (T0 + 60 * (i as i64 - 3)) * 1000;
            fleet.shards.put(i % 2, "a.c", time_ms, i as u64 + 1, value);
            fleet
                .shards
                .put(0, "disk;dc=x", time_ms, i as u64 + 1, value);
        }
    }
    fleet
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits
        .chunks(2)
        .map(|pair| (pair[0] * 16 + pair[1]) as u8)
        .collect()
}

/// A GET with a body, as carbonapi sends it.
fn third(path: &str, body: Vec<u8>) -> Response<Bytes> {
    let request = Request::builder()
        .uri(path)
        .header("Accept", "application/x-carbonapi-v3-pb")
        .body(Bytes::from(body));
    ask(&fleet(), request.expect("a request"))
}

#[track_caller]
fn check(response: &Response<Bytes>, kind: &str, want: &str) {
    assert_eq!(hex(response.body()), want);
    assert_eq!(response.status(), 200);
    assert_eq!(header(response, "Content-Type"), kind);
}

const PICKLE: &str = "application/pickle";
const SECOND: &str = "application/x-protobuf";
const THIRD: &str = "application/x-carbonapi-v3-pb";

#[test]
fn find_in_pickle() {
    let url = "/metrics/find/?local=1&format=pickle&query=a.%2A&from=1699999199&until=1699999379";
    let response = get(&fleet(), url);
    let want = concat!(
        "80025d287d285804000000706174685803000000612e62580b0000006d65747269635f706174685803000000612e62",
        "580700000069735f6c65616689580600000069734c65616689757d28",
        "5804000000706174685803000000612e63580b0000006d65747269635f706174685803000000612e63",
        "580700000069735f6c65616688580600000069734c656166885809000000",
        "696e74657276616c735d284a000000004a94ee5365866575652e",
    );
    check(&response, PICKLE, want);
    assert_eq!(header(&response, "Cache-Control"), "no-cache");
    let nothing = get(
        &fleet(),
        "/metrics/find/?local=1&format=pickle&query=nosuch.*",
    );
    check(&nothing, PICKLE, "80025d2e");
}

#[test]
fn the_interval_of_a_leaf_meets_every_range_that_is_asked_for() {
    let url = "/metrics/find/?format=pickle&query=a.c&until=1800000000";
    let read = serde_pickle::value_from_slice(get(&fleet(), url).body(), Default::default());
    let Ok(Value::List(nodes)) = read else {
        panic!("{read:?}")
    };
    let pair = [Value::I64(0), Value::I64(1_800_000_000)];
    let want = Value::List(vec![Value::Tuple(pair.to_vec())]);
    assert_eq!(field(&nodes[0], "intervals"), &want);
}

#[test]
fn find_in_msgpack() {
    let response = get(&fleet(), "/metrics/find/?local=1&format=msgpack&query=a.c");
    // A list of one map of five: path, metric_path, is_leaf, isLeaf, intervals.
    let want = concat!(
        "9185a470617468a3612e63ab6d65747269635f70617468a3612e63a769735f6c656166c3a669734c656166c3",
        "a9696e74657276616c7391",
        "9200ce6553ee94",
    );
    check(&response, "application/x-msgpack", want);
}

fn field<'a>(map: &'a Value, key: &str) -> &'a Value {
    let Value::Dict(map) = map else {
        panic!("{map:?}")
    };
    &map[&HashableValue::String(key.to_owned())]
}

#[track_caller]
fn check_pickled(target: &str, name: &str, path_expression: &str) {
    let range = "&from=1699999199&until=1699999379&now=1699999379";
    let url = format!("/render/?format=pickle&local=1&noCache=1{range}&target={target}");
    let response = get(&fleet(), &url);
    assert_eq!(header(&response, "Content-Type"), PICKLE);
    assert_eq!(&response.body()[..2], b"\x80\x02");
    let read = serde_pickle::value_from_slice(response.body(), Default::default());
    let Ok(Value::List(series)) = read else {
        panic!("{read:?}")
    };
    assert_eq!(series.len(), 1);
    let text = |text: &str| Value::String(text.to_owned());
    let values = [Value::F64(1.0), Value::None, Value::F64(3.0)];
    for (key, want) in [
        ("name", text(name)),
        ("start", Value::I64(T0)),
        ("end", Value::I64(T0 + 180)),
        ("step", Value::I64(60)),
        ("values", Value::List(values.to_vec())),
        ("pathExpression", text(path_expression)),
        ("valuesPerPoint", Value::I64(1)),
        ("consolidationFunc", text("average")),
        ("xFilesFactor", Value::F64(0.0)),
    ] {
        assert_eq!(field(&series[0], key), &want, "{target} {key}");
    }
}

#[test]
fn render_in_pickle_echoes_what_was_asked_for() {
    check_pickled("a.*", "a.c", "a.*");
    check_pickled("a.c", "a.c", "a.c");
    let written = "seriesByTag('name=disk','dc=x')";
    check_pickled(&written.replace('=', "%3D"), "disk;dc=x", written);
    let spaced = "seriesByTag( \"name=disk\" , 'dc=~x' )";
    let sent = spaced
        .replace('=', "%3D")
        .replace(' ', "%20")
        .replace('"', "%22");
    check_pickled(&sent, "disk;dc=x", spaced);
}

#[test]
fn render_of_nothing_is_an_empty_list() {
    let none = "/render/?format=pickle&local=1&from=1699999199&until=1699999379&target=nosuch.*";
    check(&get(&fleet(), none), PICKLE, "80025d2e");
    check(&get(&fleet(), "/render/?pickle=true"), PICKLE, "80025d2e");
    let none = none.replace("pickle", "msgpack");
    check(&get(&fleet(), &none), "application/x-msgpack", "90");
}

#[test]
fn render_in_msgpack() {
    let url = "/render/?format=msgpack&from=1699999199&until=1699999379&target=a.c";
    let want = concat!(
        "9189a46e616d65a3612e63a57374617274ce6553ede0a3656e64ce6553ee94a4737465703ca676616c75657393",
        "cb3ff0000000000000c0cb4008000000000000",
        "ae7061746845787072657373696f6ea3612e63ae76616c756573506572506f696e7401",
        "b1636f6e736f6c69646174696f6e46756e63a761766572616765",
        "ac7846696c6573466163746f72cb0000000000000000",
    );
    check(&get(&fleet(), url), "application/x-msgpack", want);
}

#[test]
fn a_form_of_several_parts_asks_as_well() {
    let boundary = "xyz";
    let part = |name: &str, value: &str| {
        format!("--xyz\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let form = [("local", "1"), ("format", "pickle"), ("query", "nosuch.*")];
    let mut text: String = form.iter().map(|(name, value)| part(name, value)).collect();
    text.push_str("--xyz--\r\n");
    let kind = format!("multipart/form-data; boundary={boundary}");
    let response = ask(&fleet(), request("POST", "/metrics/find/", &kind, &text));
    check(&response, PICKLE, "80025d2e");
}

#[test]
fn fetch_in_the_second_version() {
    let want = concat!(
        "0a320a03612e6310e0dbcfaa061894ddcfaa06203c2a18",
        "000000000000f03f00000000000000000000000000000840",
        "3203000100",
    );
    for format in ["protobuf", "protobuf3", "carbonapi_v2_pb"] {
        let range = "from=1699999199&until=1699999379";
        let url = format!("/render/?format={format}&{range}&target=a.c");
        check(&get(&fleet(), &url), SECOND, want);
    }
}

const ASKED: &str = "0a160a03612e2a10dfdbcfaa061893ddcfaa062a03612e2a";

#[test]
fn fetch_in_the_third_version() {
    let want = concat!(
        "0a470a03612e631203612e2a1a076176657261676520e0dbcfaa062894ddcfaa06303c4a18",
        "000000000000f03f000000000000f87f0000000000000840",
        "58dfdbcfaa066093ddcfaa06",
    );
    let response = third("/render/?format=carbonapi_v3_pb", bytes(ASKED));
    check(&response, THIRD, want);
    // The header is enough.
    check(&third("/render/", bytes(ASKED)), THIRD, want);
    // Some proxies lose the body.
    let without = "/render/?format=carbonapi_v3_pb&from=1699999199&until=1699999379&target=a.*";
    check(&third(without, Vec::new()), THIRD, want);
}

#[test]
fn each_query_has_its_range_and_its_echo() {
    let mut body = bytes(ASKED);
    for (from, until) in [(T0 + 59, T0 + 179), (T0 - 1, T0 + 179)] {
        let mut query = Vec::new();
        protobuf::push_text(1, "a.c", &mut query);
        protobuf::push_integer(2, from, &mut query);
        protobuf::push_integer(3, until, &mut query);
        protobuf::push_text(5, "what.*.ever", &mut query);
        protobuf::push_integer(7, 2, &mut query);
        protobuf::push_bytes(1, &query, &mut body);
    }
    let response = third("/render/", body);
    let mut found = Vec::new();
    let mut metrics = Fields::new(response.body());
    while let Ok(Some((1, protobuf::Value::Bytes(metric)))) = metrics.next() {
        let mut told = (String::new(), 0, 0, 0);
        let mut fields = Fields::new(metric);
        while let Ok(Some((field, value))) = fields.next() {
            match (field, value) {
                (2, protobuf::Value::Bytes(text)) => {
                    told.0 = String::from_utf8(text.to_vec()).expect("UTF-8");
                }
                (4, protobuf::Value::Integer(start)) => told.1 = start - T0,
                (11, protobuf::Value::Integer(from)) => told.2 = from - T0,
                (12, protobuf::Value::Integer(until)) => told.3 = until - T0,
                _ => {}
            }
        }
        found.push(told);
    }
    let want = [
        ("a.*".to_owned(), 0, -1, 179),
        ("what.*.ever".to_owned(), 0, -1, 179),
        ("what.*.ever".to_owned(), 60, 59, 179),
    ];
    assert_eq!(found, want);
}

#[test]
fn globs_in_both_versions() {
    let second = get(&fleet(), "/metrics/find/?format=protobuf&query=a.*");
    let matches = "12050a03612e6212070a03612e631001";
    check(&second, SECOND, &format!("0a03612e2a{matches}"));
    let third = third("/metrics/find/?format=carbonapi_v3_pb", bytes("0a03612e2a"));
    check(&third, THIRD, &format!("0a150a03612e2a{matches}"));
}

#[test]
fn nothing_found_is_elsewhere() {
    let second = get(&fleet(), "/metrics/find/?format=protobuf&query=nosuch.*");
    assert_eq!(second.status(), 404);
    let url = "/render/?format=protobuf&from=1699999199&until=1699999379&target=nosuch.*";
    assert_eq!(get(&fleet(), url).status(), 404);
    let glob = third("/metrics/find/", bytes("0a066e6f73756368"));
    assert_eq!(glob.status(), 404);
    let empty = TestFleet::new(1, T0);
    for url in [
        "/metrics/list/?format=protobuf",
        "/metrics/details/?format=protobuf",
        "/info/?target=a&format=protobuf",
        "/info/?target=a",
    ] {
        assert_eq!(get(&empty, url).status(), 404, "{url}");
    }
}

#[test]
fn bodies_that_are_none_are_refused() {
    for path in ["/render/", "/metrics/find/", "/info/"] {
        let broken = third(path, bytes("0aff"));
        assert_eq!(broken.status(), 400, "{path}");
        let told = "Invalid parameters (the body is no protobuf message)";
        assert_eq!(body(&broken), told);
        let no_text = third(path, bytes("0a01ff"));
        assert_eq!(no_text.status(), 400, "{path}");
    }
    // A range of no length, and one far outside of all time.
    let no_range = third("/render/", bytes("0a090a03612e2a10011801"));
    assert_eq!(no_range.status(), 400);
    let far = third("/render/", bytes("0a110a03612e2a1001 18ffffffffffffffff7f"));
    assert_eq!(far.status(), 400);
    let mut many = Vec::new();
    (0..5_000).for_each(|_| protobuf::push_bytes(1, b"\x0a\x01a", &mut many));
    for path in ["/render/", "/metrics/find/", "/info/"] {
        assert_eq!(third(path, many.clone()).status(), 400, "{path}");
    }
}

#[test]
fn capabilities() {
    let response = third("/_internal/capabilities/", Vec::new());
    assert_eq!(header(&response, "Content-Type"), THIRD);
    let mut fields = Fields::new(response.body());
    let first = fields.next();
    assert_eq!(
        first,
        Ok(Some((1, protobuf::Value::Bytes(b"carbonapi_v3_pb"))))
    );
    let json = get(&fleet(), "/_internal/capabilities/");
    let want = concat!(
        "{\"supportedProtocols\": [\"carbonapi_v3_pb\", \"carbonapi_v2_pb\", ",
        "\"graphite-web-pickle\", \"graphite-web-pickle-1.1\"], \"name\": \"corelane\"}"
    );
    assert_eq!(body(&json), want);
}

#[test]
fn info() {
    let points = (T0 + 179) / 60;
    let mut retention = Vec::new();
    protobuf::push_integer(1, 60, &mut retention);
    protobuf::push_integer(2, points, &mut retention);
    let mut want = Vec::new();
    protobuf::push_text(1, "a.c", &mut want);
    protobuf::push_text(2, "Average", &mut want);
    protobuf::push_integer(3, 60 * points, &mut want);
    protobuf::push_bytes(5, &retention, &mut want);
    let second = get(&fleet(), "/info/?target=a.c&format=protobuf");
    check(&second, SECOND, &hex(&want));
    let mut many = Vec::new();
    protobuf::push_bytes(1, &want, &mut many);
    check(&third("/info/", bytes("0a03612e63")), THIRD, &hex(&many));
    let json = get(&fleet(), "/info/?target=a.c");
    let seconds = 60 * points;
    let want = format!(
        "{{\"metrics\": [{{\"name\": \"a.c\", \"consolidationFunc\": \"Average\", \"maxRetention\": \
         \"{seconds}\", \"retentions\": [{{\"secondsPerPoint\": \"60\", \"numberOfPoints\": \
         \"{points}\"}}]}}]}}"
    );
    assert_eq!(body(&json), want);
}

#[test]
fn list_and_details() {
    let list = get(&fleet(), "/metrics/list/?format=protobuf");
    check(
        &list,
        SECOND,
        "0a05612e622e780a03612e630a096469736b3b64633d78",
    );
    let json = get(&fleet(), "/metrics/list/?format=json");
    assert_eq!(
        body(&json),
        "{\"metrics\": [\"a.b.x\", \"a.c\", \"disk;dc=x\"]}"
    );
    let details = get(&fleet(), "/metrics/details/?format=protobuf3");
    let entries = "0a090a05612e622e7812000a070a03612e6312000a0d0a096469736b3b64633d781200";
    check(&details, SECOND, entries);
    let json = get(&fleet(), "/metrics/details");
    let want = "{\"metrics\": {\"a.b.x\": {}, \"a.c\": {}, \"disk;dc=x\": {}}}";
    assert_eq!(body(&json), want);
    assert_eq!(get(&fleet(), "/metrics/list?format=bogus").status(), 400);
}

/// Another status would make a front forget the node for a minute.
#[test]
fn what_is_refused_is_nothing_for_a_front() {
    let bad = [
        "/render/?target=seriesByTag('bad')",
        "/render/?target=scale(a",
        "/render/?target=a.c&from=5&until=5",
        "/metrics/find/?query=a.*&from=100&until=50",
    ];
    for url in bad {
        for (format, kind, nothing) in [
            ("pickle", PICKLE, "80025d2e"),
            ("msgpack", "application/x-msgpack", "90"),
        ] {
            let of_front = get(&fleet(), &format!("{url}&format={format}&local=1"));
            check(&of_front, kind, nothing);
            let other = get(&fleet(), &format!("{url}&format={format}"));
            assert_eq!(other.status(), 400, "{url}");
        }
        let json = get(&fleet(), &format!("{url}&format=json&local=1"));
        assert_eq!(json.status(), 400, "{url}");
    }
    // So is what is too much.
    let limits = Limits {
        points_returned_max: 1,
        ..Limits::default()
    };
    let options = HttpOptions {
        limits,
        ..HttpOptions::default()
    };
    let url = format!("/render/?target=a.c&from={}&until={}", T0 - 1, T0 + 179);
    for (more, status) in [("&format=msgpack&local=1", 200), ("&format=json", 400)] {
        let asked = request("GET", &format!("{url}{more}"), "", "");
        let told = run(answer(asked, &fleet(), &options));
        assert_eq!(told.status(), status, "{more}");
    }
    for url in [
        "/tags/autoComplete/tags?expr=bad",
        "/tags/autoComplete/values?expr=bad&tag=a",
    ] {
        assert_eq!(get(&fleet(), url).status(), 400);
        let of_front = get(&fleet(), &format!("{url}&local=1"));
        check(&of_front, "application/json", "5b5d");
    }
}
