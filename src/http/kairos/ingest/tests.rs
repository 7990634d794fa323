use std::cell::RefCell;
use std::fmt::Write as _;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use http::Request;

use super::*;
use crate::http::kairos::body::Room;
use crate::http::tests::{TestFleet, ask, body, get, header, request};
use crate::http::{HttpOptions, Source, answer_pieces};
use crate::model::number::Number;
use crate::model::sample::Span;
use crate::model::series::Values;
use crate::query::testing::run;
use crate::wire::kairos_rest::BATCH_SAMPLES;
use crate::wire::kairos_sent;

const PATH: &str = "/api/v1/datapoints";
const GOOD: &str = r#"{"name":"m","timestamp":1234,"value":4321,"tags":{"a":"b"}}"#;

/// What comes next of a body.
#[derive(Clone)]
enum Next {
    Piece(Bytes),
    /// Nothing yet: it comes once more is put here.
    Wait,
    Fails(Unread),
}

/// A body that a test hands out; clones are of the same.
#[derive(Clone, Default)]
struct Script(Rc<RefCell<VecDeque<Next>>>);

impl Script {
    fn of(text: &[u8], piece: usize) -> Script {
        let script = Script::default();
        text.chunks(piece)
            .for_each(|piece| script.push(Next::Piece(Bytes::copy_from_slice(piece))));
        script
    }

    fn push(&self, next: Next) {
        self.0.borrow_mut().push_back(next);
    }

    fn left(&self) -> usize {
        self.0.borrow().len()
    }
}

impl Source for Script {
    fn next(&mut self) -> Local<'_, Result<Option<Bytes>, Unread>> {
        Box::pin(poll_fn(|_| {
            let mut all = self.0.borrow_mut();
            if matches!(all.front(), Some(Next::Wait)) {
                return Poll::Pending;
            }
            Poll::Ready(match all.pop_front() {
                Some(Next::Piece(piece)) => Ok(Some(piece)),
                Some(Next::Fails(unread)) => Err(unread),
                Some(Next::Wait) | None => Ok(None),
            })
        }))
    }
}

fn fleet() -> TestFleet {
    TestFleet::new(2, 1_700_000_000)
}

fn posted(headers: &[(&str, &str)]) -> Request<()> {
    let mut builder = Request::builder().method("POST").uri(PATH);
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(()).expect("a request")
}

fn post_pieces(fleet: &TestFleet, options: &HttpOptions, script: &Script) -> (u16, String) {
    let source = Box::new(script.clone());
    let response = run(answer_pieces(posted(&[]), source, fleet, options));
    (response.status().as_u16(), body(&response).to_owned())
}

/// What was taken in since the last call, a line a point.
fn taken(fleet: &TestFleet) -> String {
    let (all, texts) = (fleet.taken.take(), fleet.texts.take());
    let mut lines = String::new();
    for (name, time_ms, number) in all {
        let sent = kairos_sent::name_of(&name).expect("a good form");
        let value = match sent.values {
            Values::Long => format!("long:{}", number.mantissa),
            Values::Double => format!("double:{:?}", number.to_f64()),
            Values::Text => {
                assert_eq!(number.scale, Number::TEXT);
                let place = number.mantissa as u64;
                let (start, len) = ((place >> 32) as u32, place as u32);
                let text = Span { start, len }.of(&texts);
                format!("string:{}", String::from_utf8_lossy(text))
            }
        };
        let _ = writeln!(lines, "{} {value} @{time_ms}", sent.name.text());
    }
    lines
}

/// What an answer says.
enum Told<'a> {
    /// Nothing: status 204.
    Nothing,
    /// Status 400 with exactly these errors.
    Bad(&'a [&'a str]),
    /// Status 400 with one error of our own words.
    Own,
}
use Told::{Bad, Nothing, Own};

#[track_caller]
fn check(text: &str, told: &Told, points: &str) {
    let fleet = fleet();
    let whole = {
        let response = ask(&fleet, request("POST", PATH, "", text));
        (response.status().as_u16(), body(&response).to_owned())
    };
    match told {
        Nothing => assert_eq!(whole, (204, String::new()), "{text}"),
        Bad(errors) => {
            let all: Vec<String> = errors.iter().map(|told| format!("\"{told}\"")).collect();
            let told = format!("{{\"errors\":[{}]}}", all.join(","));
            assert_eq!(whole, (400, told), "{text}");
        }
        Own => {
            assert_eq!(whole.0, 400, "{text}");
            let errors: serde_json::Value = serde_json::from_str(&whole.1).expect("JSON");
            assert_eq!(errors["errors"].as_array().map(Vec::len), Some(1), "{text}");
        }
    }
    let want: String = points
        .lines()
        .fold(String::new(), |all, line| all + line.trim() + "\n");
    assert_eq!(taken(&fleet), want, "{text}");
    for piece in [1, 7, 50] {
        let script = Script::of(text.as_bytes(), piece);
        let cut = post_pieces(&fleet, &HttpOptions::default(), &script);
        assert_eq!(cut, whole, "in pieces of {piece}: {text}");
        assert_eq!(taken(&fleet), want, "in pieces of {piece}: {text}");
    }
}

/// One object of metric `m` with such fields, in an array.
fn m(fields: &str) -> String {
    format!(r#"[{{"name":"m",{fields}}}]"#)
}

const END: &str = "Invalid json. No content due to end of input.";

#[test]
fn conformance_of_ingest() {
    // R1, R2, R3
    check("", &Bad(&[END]), "");
    check(GOOD, &Nothing, "m;a=b long:4321 @1234");
    check(
        &m(r#""time":1234,"value":4321,"datapoints":[[456,654]],"tags":{"a":"b"}"#),
        &Nothing,
        "m;a=b long:4321 @1234\nm;a=b long:654 @456",
    );
    // R4
    check(
        r#"[{"name":"ok","timestamp":1,"value":4,"datapoints":[[1,2]],"tags":{"a":"b"}},{"datapoints":[[1,2]],"tags":{"a":"b"}}]"#,
        &Bad(&["metric[1].name may not be null."]),
        "ok;a=b long:4 @1\nok;a=b long:2 @1",
    );
    // R5, R6, R7
    let one = |fields: &str, told: &str| {
        check(&m(fields), &Bad(&[&format!("metric[0](name=m){told}")]), "");
    };
    one(
        r#""timestamp":1234,"tags":{"a":"b"}"#,
        ".value may not be null.",
    );
    one(
        r#""value":1,"tags":{"a":"b"}"#,
        ".timestamp may not be null.",
    );
    for time in [0, -1] {
        check(
            &m(&format!(
                r#""timestamp":{time},"value":1,"tags":{{"a":"b"}}"#
            )),
            &Nothing,
            &format!("m;a=b long:1 @{time}"),
        );
    }
    // R8
    for (points, told) in [
        ("[[]]", "timestamp cannot be null or empty."),
        ("[[2,]]", "value may not be empty."),
        ("[[,2]]", "timestamp may not be null."),
    ] {
        let fields = format!(r#""datapoints":{points},"tags":{{"a":"b"}}"#);
        one(&fields, &format!(".datapoints[0].{told}"));
    }
    // R9, R10
    let no_tags = ".tags count must be greater than or equal to 1.";
    one(r#""timestamp":1,"value":1"#, no_tags);
    one(
        r#""timestamp":1,"value":1,"tags":{"":"x"}"#,
        ".tag[0].name may not be empty.",
    );
    one(
        r#""timestamp":1,"value":1,"tags":{"k":""}"#,
        ".tag[k].value may not be empty.",
    );
    // R11
    check(
        &m(r#""timestamp":456,"value":"","tags":{"name":""}"#),
        &Bad(&[
            "metric[0](name=m).value may not be empty.",
            "metric[0](name=m).tag[name].value may not be empty.",
        ]),
        "",
    );
    // R12
    for (value, want) in [
        (r#""123""#, "long:123"),
        (r#""123.3""#, "double:123.3"),
        (r#""The Value""#, "string:The Value"),
        (r#""0.000000""#, "double:0.0"),
    ] {
        check(
            &m(&format!(
                r#""timestamp":5,"value":{value},"tags":{{"a":"b"}}"#
            )),
            &Nothing,
            &format!("m;a=b {want} @5"),
        );
    }
    // R13
    one(
        r#""timestamp":1,"value":{},"tags":{"a":"b"}"#,
        " value is an invalid type",
    );
    one(
        r#""datapoints":[[1,{}]],"tags":{"a":"b"}"#,
        " value is an invalid type",
    );
    // R14
    check(
        &m(r#""type":"string","timestamp":1,"value":"","tags":{"a":"b"}"#),
        &Nothing,
        "m;a=b string: @1",
    );
    one(
        r#""timestamp":1,"value":"","tags":{"a":"b"}"#,
        ".value may not be empty.",
    );
    // R15
    check(
        &m(r#""datapoints":[[1,123,"long"],[2,13.2,"double"],[3,"s","string"]],"tags":{"a":"b"}"#),
        &Nothing,
        "m;a=b long:123 @1\nm;a=b double:13.2 @2\nm;a=b string:s @3",
    );
    // R16; R17 is a matter of the configuration; R18 as we have it.
    check(r#"[{"name": "m", "timestamp": 1, "value": }]"#, &Own, "");
    check(
        &m(r#""timestamp":1,"value":1e-5,"tags":{"a":"b"}"#),
        &Nothing,
        "m;a=b double:1e-5 @1",
    );
    // R19
    check(
        &format!("[{GOOD},"),
        &Bad(&[END, END]),
        "m;a=b long:4321 @1234",
    );
}

#[test]
fn more_of_the_table_of_messages() {
    for start in ["5", "\"x\"", "null", "true"] {
        check(start, &Bad(&["Invalid start of json."]), "");
    }
    let two = [
        "metric[0].name may not be null.",
        "metric[0].tags count must be greater than or equal to 1.",
    ];
    check("{}", &Bad(&two), "");
    check("[{}]", &Bad(&two), "");
    check("[]", &Nothing, "");
    let empty = r#"[{"name":"","timestamp":1,"value":1,"tags":{"a":"b"}}]"#;
    check(empty, &Bad(&["metric[0].name may not be empty."]), "");
    for wrong in ["null", "5", "\"x\"", "[]"] {
        check(&format!("[{GOOD},{wrong}]"), &Own, "m;a=b long:4321 @1234");
    }
    for time in ["\"\"", "\"x\"", "1.5", "9223372036854775808"] {
        let fields = format!(r#""timestamp":{time},"value":1,"tags":{{"a":"b"}}"#);
        check(&m(&fields), &Own, "");
        let fields = format!(r#""timestamp":1,"value":1,"tags":{{"a":"b"}},"ttl":{time}"#);
        check(&m(&fields), &Own, "");
    }
    check(
        &m(r#""timestamp":1,"value":1,"tags":{"a":"b","a":"c"}"#),
        &Bad(&["duplicate key: a"]),
        "",
    );
    check(
        &m(r#""datapoints":[[1,1,"complex"],[2,2]],"tags":{"a":"b"}"#),
        &Bad(&["Unregistered data point type 'complex'"]),
        "m;a=b long:2 @2",
    );
    // Whatever stands behind the first value.
    check(
        &format!("[{GOOD}] and [{{ more"),
        &Nothing,
        "m;a=b long:4321 @1234",
    );
    check(
        &format!("\u{feff}[{GOOD}]"),
        &Nothing,
        "m;a=b long:4321 @1234",
    );
    // A comma before the end of the array, and before that of an object.
    check(&format!("[{GOOD},]"), &Own, "m;a=b long:4321 @1234");
    check(
        &format!("[{GOOD},{}]", GOOD.replace("}}", "},}")),
        &Own,
        "m;a=b long:4321 @1234",
    );
    check(
        "[{name: 'm', /* why */ tags: {a: 1; b = true}; \"time\": '7'; value: x}]",
        &Nothing,
        "m;a=1;b=true string:x @7",
    );
    check(
        &m(r#""skip_validate":true,"timestamp":1,"value":1"#),
        &Nothing,
        "m long:1 @1",
    );
}

#[test]
fn types_ways_and_paths_that_change_nothing() {
    let fleet = fleet();
    for (path, headers) in [
        ("/api/v1/datapoints/", vec![]),
        (PATH, vec![("Content-Type", "text/html")]),
        (PATH, vec![("Accept", "text/html")]),
        (PATH, vec![("Content-Encoding", "identity")]),
        (PATH, vec![("Content-Encoding", "utf-8")]),
    ] {
        let mut builder = Request::builder().method("POST").uri(path);
        for (name, value) in headers {
            builder = builder.header(name, value);
        }
        let request = builder.body(Bytes::from(GOOD)).expect("a request");
        let response = ask(&fleet, request);
        assert_eq!((response.status().as_u16(), body(&response)), (204, ""));
        assert_eq!(taken(&fleet), "m;a=b long:4321 @1234\n");
    }
    // What KairosDB does with its index is no matter here.
    let response = get(&fleet, "/api/v1/datapoints/index?metric=m");
    assert_eq!((response.status().as_u16(), body(&response)), (204, ""));
    assert_eq!(header(&response, "Access-Control-Allow-Origin"), "*");
}

/// Poll until nothing more happens: a few breaths, and the waits.
fn poll_for_a_while<T>(future: std::pin::Pin<&mut impl Future<Output = T>>) -> Poll<T> {
    let mut future = future;
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..50 {
        if let Poll::Ready(done) = future.as_mut().poll(&mut context) {
            return Poll::Ready(done);
        }
    }
    Poll::Pending
}

#[test]
fn what_is_whole_is_stored_when_nothing_comes_for_a_while() {
    let (fleet, options) = (fleet(), HttpOptions::default());
    let script = Script::default();
    let text = format!("[{GOOD},{}", &GOOD[..20]);
    script.push(Next::Piece(text.into()));
    script.push(Next::Piece(Bytes::new()));
    script.push(Next::Wait);
    let source = Box::new(script.clone());
    let mut answer = pin!(answer_pieces(posted(&[]), source, &fleet, &options));
    assert!(poll_for_a_while(answer.as_mut()).is_pending());
    assert_eq!(taken(&fleet), "m;a=b long:4321 @1234\n");
    script.0.borrow_mut().clear();
    script.push(Next::Piece(format!("{}]", &GOOD[20..]).into()));
    script.push(Next::Piece(Bytes::new()));
    script.push(Next::Wait);
    assert!(poll_for_a_while(answer.as_mut()).is_pending());
    assert_eq!(taken(&fleet), "m;a=b long:4321 @1234\n");
    script.0.borrow_mut().clear();
    let Poll::Ready(response) = poll_for_a_while(answer) else {
        panic!("the body has ended");
    };
    assert_eq!(response.status().as_u16(), 204);
}

#[test]
fn a_body_that_breaks_off_keeps_what_was_whole() {
    let fleet = fleet();
    let late = Unread::new(StatusCode::REQUEST_TIMEOUT, "too slow");
    let script = Script::of(format!("[{GOOD},{GOOD},{}", &GOOD[..20]).as_bytes(), 30);
    script.push(Next::Fails(late));
    let told = r#"{"errors":["too slow"]}"#.to_owned();
    assert_eq!(
        post_pieces(&fleet, &HttpOptions::default(), &script),
        (408, told)
    );
    assert_eq!(taken(&fleet).lines().count(), 2);
}

/// So many points of one metric, some to an object.
fn many(points: usize) -> String {
    let objects: Vec<String> = (0..points)
        .step_by(100)
        .map(|i| {
            let points: Vec<String> = (i..i + 100).map(|i| format!("[{i},{i}]")).collect();
            format!(
                r#"{{"name":"m","tags":{{"a":"b"}},"datapoints":[{}]}}"#,
                points.join(",")
            )
        })
        .collect();
    format!("[{}]", objects.join(","))
}

#[test]
fn a_disk_that_does_not_keep_up_ends_the_reading() {
    let told = "the disk is full";
    let full = TestFleet {
        stored: Err(Unstored::Later(told.to_owned())),
        ..fleet()
    };
    let count = 40 * BATCH_SAMPLES / 100 * 100;
    let script = Script::of(many(count).as_bytes(), 16_000);
    let answer = post_pieces(&full, &HttpOptions::default(), &script);
    assert_eq!(answer, (503, format!(r#"{{"errors":["{told}"]}}"#)));
    let sent = taken(&full).lines().count();
    assert!(
        sent <= (UNDER_WAY_MAX + 2) * (BATCH_SAMPLES + 100),
        "{sent}"
    );
    assert_eq!(
        script.left(),
        0,
        "what is left is thrown away, so that the answer can be read"
    );
}

#[test]
fn what_is_not_read_is_thrown_away() {
    let fleet = fleet();
    let script = Script::of(&vec![b'x'; 1 << 20], 10_000);
    let (status, _) = post_pieces(&fleet, &HttpOptions::default(), &script);
    assert_eq!((status, script.left()), (400, 0));
    // But not for ever.
    let script = Script::default();
    (0..100).for_each(|_| script.push(Next::Piece(Bytes::from_static(&[b'x'; 1 << 20]))));
    let (status, _) = post_pieces(&fleet, &HttpOptions::default(), &script);
    assert_eq!(status, 400);
    assert!((30..40).contains(&script.left()), "{}", script.left());
}

#[test]
fn large_objects_have_a_bound_each_and_together() {
    let fleet = fleet();
    let large = |bytes: usize| {
        let head = r#"{"name":"m","tags":{"a":"b"},"timestamp":1,"value":1"#;
        format!("[{GOOD},{head}{}}}]", " ".repeat(bytes))
    };
    let script = Script::of(large(17 << 20).as_bytes(), 100_000);
    let (status, told) = post_pieces(&fleet, &HttpOptions::default(), &script);
    let want = r#"{"errors":["metric[1] has more than 16777216 bytes; send its points in several objects"]}"#;
    assert_eq!((status, told.as_str()), (413, want));
    assert_eq!(taken(&fleet), "m;a=b long:4321 @1234\n");

    let options = HttpOptions {
        unpacking: Room::of(1 << 20),
        ..HttpOptions::default()
    };
    let script = Script::of(large(2 << 20).as_bytes(), 100_000);
    let (status, told) = post_pieces(&fleet, &options, &script);
    assert_eq!(status, 503, "{told}");
    assert!(
        told.contains("too many large metric objects at once"),
        "{told}"
    );
    assert_eq!(taken(&fleet), "m;a=b long:4321 @1234\n");
    // What it held is given back.
    let script = Script::of(large(300_000).as_bytes(), 100_000);
    assert_eq!(post_pieces(&fleet, &options, &script).0, 204);
}
