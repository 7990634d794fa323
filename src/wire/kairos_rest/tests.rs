mod again;

use serde_json::{Value, json};

use super::super::familiar::known::Known;
use super::super::kairos_sent::{self, Sent};
use super::super::number;
use super::errors::TEXTS_MAX;
use super::*;
use crate::base::random::Random;
use crate::model::number::Number;
use crate::model::sample::Span;
use crate::model::series::Values;

/// What came of a body: samples as text, then errors.
#[derive(Debug, PartialEq)]
struct Seen {
    samples: Vec<String>,
    errors: Vec<String>,
}

fn shown(text: &str, values: Values, number: Number, time_ms: i64) -> String {
    let number = match values {
        Values::Long => format!("long:{}", number.mantissa),
        _ => format!("double:{:?}", number.to_f64()),
    };
    format!("{text} {time_ms} {number}")
}

fn shown_text(text: &str, value: &str, time_ms: i64) -> String {
    format!("{text} {time_ms} string:{value:?}")
}

/// The bytes of `text` that a number stands for.
fn text_of(number: Number, text: &[u8]) -> &str {
    assert_eq!(number.scale, Number::TEXT);
    let place = number.mantissa as u64;
    let (start, len) = ((place >> 32) as u32, place as u32);
    std::str::from_utf8(Span { start, len }.of(text)).expect("UTF-8")
}

/// How a body is read: in pieces of so many bytes, slices of so many, taking the samples whenever there are
/// so many.
#[derive(Clone, Copy, Debug)]
struct Way {
    pieces: usize,
    budget: usize,
    batch: usize,
}

const WHOLE: Way = Way {
    pieces: usize::MAX,
    budget: usize::MAX,
    batch: usize::MAX,
};

const BYTEWISE: Way = Way {
    pieces: 1,
    budget: 1,
    batch: 1,
};

/// Read a body whose first piece has `first` bytes, as the first that ever comes.
fn read_cut(decoder: Decoder, body: &[u8], first: usize, way: Way) -> Seen {
    let mut before = (Familiar::default(), Known::default());
    read_knowing(&mut before, decoder, body, first, way)
}

/// The same behind others.
fn read_knowing(
    (familiar, known): &mut (Familiar, Known),
    mut decoder: Decoder,
    body: &[u8],
    first: usize,
    way: Way,
) -> Seen {
    let mut out = Samples::default();
    let mut samples = Vec::new();
    let (mut came, mut steps) = (0, 0);
    loop {
        let progress = decoder.step(way.budget, familiar, &mut out);
        steps += 1;
        assert!(steps <= 20 * body.len() + 100, "it goes on");
        if progress == Progress::Done || way.batch <= out.len() || decoder.has_batch(&out) {
            decoder.learn(familiar, &known.series(&out, decoder.text()));
            for i in 0..out.len() {
                let sent = known.name(out.names[i], decoder.text());
                let Sent {
                    name,
                    values,
                    ttl_seconds,
                } = kairos_sent::name_of(sent).expect("a good form");
                let (name, time_ms, number) = (name.text(), out.times[i], out.numbers[i]);
                let shown = match values {
                    Values::Text => shown_text(&name, text_of(number, decoder.text()), time_ms),
                    _ => shown(&name, values, number, time_ms),
                };
                assert!(out.has_texts || values != Values::Text);
                samples.push(match ttl_seconds {
                    0 => shown,
                    ttl => format!("{shown} ttl={ttl}"),
                });
            }
            out.clear();
            decoder.forget_names();
        }
        match progress {
            Progress::Done => {
                let errors: Vec<String> = decoder.errors().texts().collect();
                assert_eq!(out.refusals.total() == 0, errors.is_empty());
                return Seen { samples, errors };
            }
            Progress::Hungry if came < body.len() => {
                let piece = if came == 0 { first } else { way.pieces };
                let piece = &body[came..body.len().min(came.saturating_add(piece))];
                came += piece.len();
                decoder.feed(Bytes::copy_from_slice(piece));
            }
            Progress::Hungry => decoder.end(),
            Progress::Going => {}
        }
    }
}

fn read_in(body: &[u8], way: Way) -> Seen {
    read_cut(Decoder::default(), body, way.pieces, way)
}

/// The same by each reader, and however it is cut.
fn read(body: &str) -> Seen {
    let body = body.as_bytes();
    let whole = read_cut(Decoder::lenient(), body, usize::MAX, WHOLE);
    let same = |seen: Seen, how: &str| {
        let body = String::from_utf8_lossy(body);
        assert_eq!(seen, whole, "{how}: {body}");
    };
    same(read_in(body, WHOLE), "by the usual reader");
    same(read_cut(Decoder::lenient(), body, 1, BYTEWISE), "bytewise");
    same(read_in(body, BYTEWISE), "bytewise by the usual reader");
    if body.len() < 1_000 {
        for first in (1..body.len()).step_by(1 + body.len() / 200) {
            let how = format!("cut at {first}");
            same(read_cut(Decoder::default(), body, first, WHOLE), &how);
            same(read_cut(Decoder::lenient(), body, first, WHOLE), &how);
        }
    }
    whole
}

#[track_caller]
fn check(body: &str, samples: &[&str], errors: &[&str]) {
    let seen = read(body);
    assert_eq!(seen.samples, samples, "{body}");
    assert_eq!(seen.errors, errors, "{body}");
}

/// Good samples, and one error of which only the beginning is ours to promise.
#[track_caller]
fn check_broken(body: &str, samples: &[&str]) {
    let seen = read(body);
    assert_eq!(seen.samples, samples, "{body}");
    assert_eq!(seen.errors.len(), 1, "{body}: {:?}", seen.errors);
    assert!(seen.errors[0].starts_with("metric["), "{:?}", seen.errors);
}

const END: &str = "Invalid json. No content due to end of input.";

#[test]
fn the_specifications_examples() {
    check(
        r#"[{"name":"disk.used","timestamp":1700000000000,"value":17,"tags":{"host":"a","dc":"x"}},
 {"name":"temp","datapoints":[[1700000000000,21.5],[1700000060000,22]],"tags":{"room":"7"},"ttl":86400},
 {"name":"state","type":"string","timestamp":1700000000000,"value":"","tags":{"host":"a"}}]"#,
        &[
            "disk.used;dc=x;host=a 1700000000000 long:17",
            "temp;room=7 1700000000000 double:21.5 ttl=86400",
            "temp;room=7 1700000060000 long:22 ttl=86400",
            "state;host=a 1700000000000 string:\"\"",
        ],
        &[],
    );
    check(
        r#"[{"name":"ok","timestamp":1,"value":1,"tags":{"h":"a"}},{"name":"bad","timestamp":1,"value":2,"tags":{}}]"#,
        &["ok;h=a 1 long:1"],
        &["metric[1](name=bad).tags count must be greater than or equal to 1."],
    );
}

#[test]
fn conformance_of_ingest() {
    check("", &[], &[END]);
    check(
        r#"{"name":"m","timestamp":1234,"value":4321,"tags":{"a":"b"}}"#,
        &["m;a=b 1234 long:4321"],
        &[],
    );
    check(
        r#"[{"name":"m","time":1234,"value":4321,"datapoints":[[456,654]],"tags":{"a":"b"}}]"#,
        &["m;a=b 1234 long:4321", "m;a=b 456 long:654"],
        &[],
    );
    check(
        r#"[{"name":"ok","timestamp":1,"value":4,"datapoints":[[1,2]],"tags":{"a":"b"}},{"datapoints":[[1,2]],"tags":{"a":"b"}}]"#,
        &["ok;a=b 1 long:4", "ok;a=b 1 long:2"],
        &["metric[1].name may not be null."],
    );
    let m = |rest: &str| format!(r#"[{{"name":"m",{rest}}}]"#);
    let one = |rest: &str, told: &str| {
        check(&m(rest), &[], &[&format!("metric[0](name=m){told}")]);
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
            &[&format!("m;a=b {time} long:1")],
            &[],
        );
    }
    for (points, told) in [
        ("[[]]", "[0].timestamp cannot be null or empty."),
        ("[[2]]", "[0].value cannot be null or empty."),
        ("[[2,]]", "[0].value may not be empty."),
        ("[[,2]]", "[0].timestamp may not be null."),
        ("[[2,\"\"]]", "[0].value may not be empty."),
        ("[[2,[]]]", "[0].value may not be an empty array."),
        ("[null]", "[0].timestamp cannot be null or empty."),
        ("[{\"a\":[1]}]", "[0].timestamp cannot be null or empty."),
        (
            "[[\"x\",1]]",
            "[0].timestamp must be a whole number of 64 bits.",
        ),
    ] {
        let told = format!(".datapoints{told}");
        one(
            &format!(r#""datapoints":{points},"tags":{{"a":"b"}}"#),
            &told,
        );
    }
    one(
        r#""timestamp":1,"value":1"#,
        ".tags count must be greater than or equal to 1.",
    );
    one(
        r#""timestamp":1,"value":1,"tags":{"":"x"}"#,
        ".tag[0].name may not be empty.",
    );
    one(
        r#""timestamp":1,"value":1,"tags":{"k":""}"#,
        ".tag[k].value may not be empty.",
    );
    one(
        r#""timestamp":1,"value":1,"tags":{"k":null}"#,
        ".tag[k].value may not be null.",
    );
    one(
        r#""timestamp":1,"value":[],"tags":{"k":"v"}"#,
        ".value may not be an empty array.",
    );
    check(
        r#"[{"name":"m","timestamp":456,"value":"","tags":{"name":""}}]"#,
        &[],
        &[
            "metric[0](name=m).value may not be empty.",
            "metric[0](name=m).tag[name].value may not be empty.",
        ],
    );
    one(
        r#""timestamp":1,"value":{},"tags":{"a":"b"}"#,
        " value is an invalid type",
    );
    one(
        r#""datapoints":[[1,{"x":[2]}]],"tags":{"a":"b"}"#,
        " value is an invalid type",
    );
    check(
        &m(
            r#""datapoints":[[1,123,"long"],[2,13.2,"double"],[3,"s","string"],[4,1,"complex"],[5,1,null],[6,1,]],"tags":{"a":"b"}"#,
        ),
        &[
            "m;a=b 1 long:123",
            "m;a=b 2 double:13.2",
            "m;a=b 3 string:\"s\"",
        ],
        &[
            "Unregistered data point type 'complex'",
            "Unregistered data point type 'null'",
            "Unregistered data point type 'null'",
        ],
    );
    check_broken(r#"[{"name": "m", "timestamp": 1, "value": }]"#, &[]);
    let valid = r#"{"name":"m","timestamp":1,"value":1,"tags":{"a":"b"}}"#;
    check(&format!("[{valid},"), &["m;a=b 1 long:1"], &[END, END]);
    check("[", &[], &[END, END]);
    check("[]", &[], &[]);
    for bare in ["5", "\"x\"", "null", "true"] {
        check(bare, &[], &["Invalid start of json."]);
    }
    let two = [
        "metric[0].name may not be null.",
        "metric[0].tags count must be greater than or equal to 1.",
    ];
    check("{}", &[], &two);
    check("[{}]", &[], &two);
    check(
        &format!("\u{feff} {valid} and anything"),
        &["m;a=b 1 long:1"],
        &[],
    );
    // What is no object ends the body, and what was good before it stays.
    for wrong in ["5", "null", "[]", "\"x\"", ""] {
        let body = format!("[{valid},{wrong}]");
        let seen = read(&body);
        assert_eq!(seen.samples.len(), 1, "{body}");
        assert_eq!(seen.errors.len(), 1, "{body}: {:?}", seen.errors);
    }
}

#[test]
fn types_of_values() {
    let of = |value: &str| {
        let body = format!(r#"[{{"name":"m","timestamp":1,"value":{value},"tags":{{"a":"b"}}}}]"#);
        let seen = read(&body);
        let all = seen.samples.into_iter().chain(seen.errors);
        all.collect::<Vec<_>>().join("|").replace("m;a=b 1 ", "")
    };
    for (value, want) in [
        ("\"123\"", "long:123"),
        ("\"+102\"", "long:102"),
        ("\"123.3\"", "double:123.3"),
        ("\"0.000000\"", "double:0.0"),
        (".5", "double:0.5"),
        ("5.0", "double:5.0"),
        ("-0.0", "double:-0.0"),
        ("1e5", "long:100000"),
        ("1e-5", "double:1e-5"),
        ("1.5e3", "double:1500.0"),
        ("9223372036854775807", "long:9223372036854775807"),
        ("-9223372036854775808", "long:-9223372036854775808"),
        ("01", "long:1"),
    ] {
        assert_eq!(of(value), want, "{value}");
    }
    for (value, text) in [
        ("\"The Value\"", "The Value"),
        ("true", "true"),
        ("FALSE", "false"),
        ("NaN", "NaN"),
        ("\"\\u00fc\\n\"", "ü\n"),
    ] {
        assert_eq!(of(value), format!("string:{text:?}"), "{value}");
    }
    for text in [
        "1e5", "3.", ".", "-", "+.", "--1", "1.2.3", " 1", "1 ", "1,5", "0x10", "١",
    ] {
        let want = format!("string:{text:?}");
        assert_eq!(of(&format!("\"{text}\"")), want, "{text}");
    }
    for value in ["9223372036854775808", "\"9223372036854775808\""] {
        let told = of(value);
        assert!(told.contains("is beyond 64 bits"), "{value}: {told}");
    }
    assert!(of("1.0e400").contains("is no double"), "{}", of("1.0e400"));

    let as_kind = |kind: &str, value: &str| {
        let body = format!(
            r#"[{{"name":"m","type":"{kind}","timestamp":1,"value":{value},"tags":{{"a":"b"}}}}]"#
        );
        let seen = read(&body);
        let all = seen.samples.into_iter().chain(seen.errors);
        all.collect::<Vec<_>>().join("|").replace("m;a=b 1 ", "")
    };
    assert_eq!(as_kind("long", "12.7"), "long:12");
    assert_eq!(as_kind("long", "\"+5\""), "long:5");
    assert_eq!(as_kind("double", "5"), "double:5.0");
    assert_eq!(as_kind("double", "\" 5.5 \""), "double:5.5");
    assert_eq!(as_kind("double", "0"), "double:0.0");
    assert_eq!(as_kind("double", "-0"), "double:-0.0");
    for value in ["5", "1.50", "1e5", "-0.0", "true", "\"5\"", "\"\"", "NaN"] {
        let want = format!("string:\"{}\"", value.trim_matches('"'));
        assert_eq!(as_kind("string", value), want, "{value}");
    }
    for value in ["\"abc\"", "\"1.5\"", "\" 5\"", "true"] {
        let told = as_kind("long", value);
        assert!(told.contains("is no long"), "{value}: {told}");
    }
    for value in ["\"NaN\"", "\"1d\"", "\"0x1p3\"", "true"] {
        let told = as_kind("double", value);
        assert!(told.contains("is no double"), "{value}: {told}");
    }
    assert_eq!(
        as_kind("complex", "1"),
        "Unregistered data point type 'complex'"
    );
}

#[test]
fn odd_forms_of_fields() {
    let good = |fields: &str, want: &str| check(&format!("[{{{fields}}}]"), &[want], &[]);
    good(
        r#"name: 'm', tags: {a: 1, b: true, c: 1.50}; time = "7", value: 3"#,
        "m;a=1;b=true;c=1.50 7 long:3",
    );
    good(
        r#""timestamp":1e3,"value":1,"name":5,"tags":{"a":"b"},"ttl":"30","type":null,"datapoints":null"#,
        "5;a=b 1000 long:1 ttl=30",
    );
    good(
        r#""name":"x","name":"m","tags":{"z":"z"},"tags":{"a":"b"},"timestamp":1,"time":null,"value":9,"value":8"#,
        "m;a=b 1 long:8",
    );
    good(
        r#""time":2,"timestamp":1,"value":1,"name":"m","tags":{"b":"2","a":"1"},"unknown":{"x":[1,{"y":2}]}"#,
        "m;a=1;b=2 2 long:1",
    );
    good(
        r#""name":"semi;colon","tags":{"k=":"v;\u00fc"},"datapoints":[["5",1.0,null0],],"skip_validate":5"#
            .replace(",null0],]", "]]")
            .as_str(),
        "semi\\;colon;k\\==v\\;ü 5 double:1.0",
    );
    good(
        r#""name":"m","skip_validate":true,"timestamp":1,"value":1"#,
        "m 1 long:1",
    );
    good(
        r#""name":"m","tags":{"a":"b"},"datapoints":[[1.9,1,"long",5,[6]]]"#,
        "m;a=b 1 long:1",
    );
    check(r#"[{"name":"m","tags":{"a":"b"}}]"#, &[], &[]);
    // The number of a point lags behind those that were refused.
    check(
        r#"{"name":"m","tags":{"a":"b"},"datapoints":[[1,1],[2],[3],[4,4],[5]]}"#,
        &["m;a=b 1 long:1", "m;a=b 4 long:4"],
        &[
            "metric[0](name=m).datapoints[1].value cannot be null or empty.",
            "metric[0](name=m).datapoints[1].value cannot be null or empty.",
            "metric[0](name=m).datapoints[2].value cannot be null or empty.",
        ],
    );
    check(
        r#"{"name":"m","tags":{"a":"b","a":"c"},"timestamp":1,"value":1}"#,
        &[],
        &["duplicate key: a"],
    );
    for fields in [
        r#""timestamp":1.5"#,
        r#""timestamp":"""#,
        r#""timestamp":"x""#,
        r#""timestamp":9223372036854775808"#,
        r#""ttl":1.5"#,
        r#""ttl":4294967296"#,
        r#""name":{}"#,
        r#""tags":{"a":{}}"#,
        r#""tags":5"#,
        r#""datapoints":{}"#,
        r#""datapoints":[[1,2}]"#,
        r#""value":1,"#,
    ] {
        let valid = r#"{"name":"m","timestamp":1,"value":1,"tags":{"a":"b"}}"#;
        let body = format!(r#"[{valid},{{{fields}}},{valid}]"#);
        check_broken(&body, &["m;a=b 1 long:1"]);
    }
}

#[test]
fn limits() {
    let of = |name: &str, tags: &str| {
        let seen = read(&format!(
            r#"{{"name":"{name}","timestamp":1,"value":1,"tags":{{{tags}}}}}"#
        ));
        (seen.samples.len(), seen.errors)
    };
    let tags = |count: usize| -> String {
        let all: Vec<String> = (0..count).map(|i| format!("\"k{i}\":\"v\"")).collect();
        all.join(",")
    };
    assert_eq!(of("m", &tags(32)).0, 1);
    assert_eq!(
        of("m", &tags(33)).1,
        ["metric[0](name=m).tags count must be at most 32."]
    );
    assert_eq!(of(&"n".repeat(4096), "\"k\":\"v\"").0, 1);
    let told = &of(&"n".repeat(4097), "\"k\":\"v\"").1[0];
    assert!(
        told.ends_with("...).name may not have more than 4096 bytes."),
        "{told}"
    );
    assert_eq!(of("m", &format!("\"{}\":\"v\"", "k".repeat(257))).0, 0);
    assert_eq!(of("m", &format!("\"k\":\"{}\"", "v".repeat(4097))).0, 0);
    let wide: Vec<String> = (0..5)
        .map(|i| format!("\"k{i}\":\"{}\"", "v".repeat(4000)))
        .collect();
    assert_eq!(of("m", &wide.join(",")).0, 0);

    let text = |bytes: usize| {
        let seen = read(&format!(
            r#"{{"name":"m","timestamp":1,"value":"{}","tags":{{"k":"v"}}}}"#,
            "x".repeat(bytes)
        ));
        (seen.samples.len(), seen.errors)
    };
    assert_eq!(text(64 << 10), (1, Vec::new()));
    let told = "metric[0](name=m) value may not have more than 65536 bytes";
    assert_eq!(text((64 << 10) + 1), (0, vec![told.to_owned()]));

    let many = format!("[{}{{}}]", "{},".repeat(100_000));
    let way = Way {
        pieces: 1_000,
        budget: 4_096,
        batch: 100,
    };
    let errors = read_in(many.as_bytes(), way).errors;
    assert_eq!(errors.len(), TEXTS_MAX + 1);
    assert_eq!(errors[TEXTS_MAX], "and 199902 more errors");
}

#[test]
fn a_slice_ends_where_it_is_told_to() {
    let points: Vec<String> = (0..20_000).map(|i| format!("[{i},{i}]")).collect();
    let body = format!(
        r#"{{"x":[{}],"name":"m","tags":{{"a":"b"}},"datapoints":[{}]}}"#,
        points.join(","),
        points.join(",")
    );
    let (mut decoder, mut familiar) = (Decoder::default(), Familiar::default());
    decoder.feed(body.clone().into());
    decoder.end();
    let (mut out, mut slices, mut samples) = (Samples::default(), 0, 0);
    while decoder.step(2_000, &mut familiar, &mut out) != Progress::Done {
        assert!(out.len() <= 400, "{}", out.len());
        samples += out.len();
        out.clear();
        decoder.forget_names();
        slices += 1;
    }
    assert_eq!(samples + out.len(), 20_000);
    // The points are passed over once and read once.
    assert!((300..=900).contains(&slices), "{slices}");
    let mut decoder = Decoder::default();
    decoder.feed(body.into());
    decoder.end();
    out.clear();
    let progress = decoder.step(usize::MAX, &mut familiar, &mut out);
    assert_eq!(progress, Progress::Going);
    assert_eq!(out.len(), BATCH_SAMPLES);
}

#[test]
fn long_texts_end_a_slice_too() {
    let point = format!(r#"[1,"{}"]"#, "x".repeat(60_000));
    let body = format!(
        r#"{{"name":"m","tags":{{"a":"b"}},"datapoints":[{}]}}"#,
        vec![point; 100].join(",")
    );
    let (mut decoder, mut familiar) = (Decoder::default(), Familiar::default());
    decoder.feed(body.into());
    decoder.end();
    let (mut out, mut samples) = (Samples::default(), 0);
    while decoder.step(usize::MAX, &mut familiar, &mut out) != Progress::Done {
        assert!(decoder.text().len() < BATCH_TEXT_BYTES + 70_000);
        samples += out.len();
        out.clear();
        decoder.forget_names();
    }
    assert_eq!(samples + out.len(), 100);
}

/// How much the decoder holds at most while a body of `objects` comes, each `before`, `count` times `inner`,
/// and `after`; and what it gave.
fn held(objects: usize, [before, inner, after]: [&str; 3], count: usize) -> (usize, Seen) {
    let (mut decoder, mut out) = (Decoder::default(), Samples::default());
    let (mut most, mut samples) = (0, Vec::new());
    let mut familiar = Familiar::default();
    let mut feed = |decoder: &mut Decoder, text: &str| loop {
        let progress = decoder.step(8_192, &mut familiar, &mut out);
        if progress != Progress::Going || decoder.has_batch(&out) {
            samples.extend(out.times.iter().map(i64::to_string));
            out.clear();
            decoder.forget_names();
        }
        if progress == Progress::Going {
            continue;
        }
        decoder.feed(Bytes::copy_from_slice(text.as_bytes()));
        most = most.max(decoder.held_bytes());
        return;
    };
    feed(&mut decoder, "[");
    let some = inner.repeat(1_000);
    for i in 0..objects {
        feed(&mut decoder, if i > 0 { "," } else { "" });
        feed(&mut decoder, before);
        (0..count / 1_000).for_each(|_| feed(&mut decoder, &some));
        feed(&mut decoder, after);
    }
    feed(&mut decoder, "]");
    decoder.end();
    feed(&mut decoder, "");
    let errors = decoder.errors().texts().collect();
    (most, Seen { samples, errors })
}

#[test]
fn no_more_is_held_than_one_object_may_have() {
    // 20 MB of small objects, and of what nobody wants to know between them.
    let small = r#"{"name":"m","timestamp":1,"value":1,"tags":{"a":"b"}}"#;
    let (most, seen) = held(20, [small, "          ", ""], 100_000);
    assert_eq!((most, seen.samples.len(), seen.errors.len()), (0, 20, 0));
    // Objects of 1 MB.
    let head = r#"{"name":"m","tags":{"a":"b"},"datapoints":[[0,0]"#;
    let (most, seen) = held(3, [head, ",[1700000000000,1.5]", "]}"], 50_000);
    assert!(most < 5 << 20, "{most}");
    assert_eq!((seen.samples.len(), seen.errors.len()), (150_003, 0));
    // One that has too much, whatever that is; what was before it stays.
    for inner in [",[1700000000000,1.5]", "\"\",[[],{},"] {
        let head = format!("{small},{head}");
        let (most, seen) = held(1, [&head, inner, "]}"], 3_000_000);
        assert!(most < 2 * OBJECT_BYTES_MAX + (1 << 20), "{most}");
        assert_eq!((seen.samples.len(), seen.errors.len()), (1, 1), "{inner}");
    }
    let (_, seen) = held(1, [head, "          ", "]}"], 3_000_000);
    let told = "metric[0] has more than 16777216 bytes; send its points in several objects";
    assert_eq!(seen.errors, [told]);
}

// ---- The slow twin: the same rules told over serde_json's tree -----------------------------

/// A value as `serde_json` has it: whole numbers are longs. An empty text is no number.
fn twin_value(value: &Value, kind: Option<&str>) -> Result<Result<(Values, Number), String>, ()> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Bool(truth) => truth.to_string(),
        _ => return Err(()),
    };
    let numeric = {
        let unsigned = text.trim_start_matches(['+', '-']);
        let signs = text.len() - unsigned.len();
        let dots = unsigned.matches('.').count();
        let digits = unsigned.replace('.', "");
        signs <= 1
            && dots <= 1
            && !digits.is_empty()
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !unsigned.ends_with('.')
    };
    let by_dot = if text.contains('.') { "double" } else { "long" };
    let kind = match (kind, value) {
        (Some(kind), _) => kind,
        (None, Value::Number(_)) => by_dot,
        (None, Value::String(_)) if numeric => by_dot,
        (None, _) => "string",
    };
    match kind {
        "double" => match number::value(text.trim().as_bytes()) {
            Ok(double) => Ok(Ok((Values::Double, Number::float(double)))),
            Err(_) => Err(()),
        },
        "long" => {
            let whole = match value {
                Value::Number(_) if text.contains('e') => return Err(()),
                Value::Number(_) => text.split('.').next().unwrap_or_default(),
                _ => &text,
            };
            match whole.parse() {
                Ok(long) => Ok(Ok((Values::Long, Number::long(long)))),
                Err(_) => Err(()),
            }
        }
        "string" => Ok(Err(text)),
        _ => Err(()),
    }
}

/// Samples, and how many errors.
fn twin(body: &Value) -> (Vec<String>, usize) {
    let (mut samples, mut errors) = (Vec::new(), 0);
    let objects = match body {
        Value::Array(objects) => objects.clone(),
        one => vec![one.clone()],
    };
    for object in &objects {
        let before = errors;
        let field = |name: &str| object.get(name).filter(|value| !value.is_null());
        let name = field("name").and_then(Value::as_str).unwrap_or_default();
        errors += usize::from(name.is_empty());
        let time = field("time").or(field("timestamp")).and_then(Value::as_i64);
        let kind = field("type").and_then(Value::as_str);
        let value = object.get("value");
        let is_empty = |value: &Value, kind: Option<&str>| {
            value.is_null() || (value == "" && kind != Some("string")) || *value == json!([])
        };
        errors += usize::from(match (time, value) {
            (Some(_), None) => true,
            (Some(_), Some(value)) => is_empty(value, kind),
            (None, Some(value)) => !value.is_null(),
            (None, None) => false,
        });
        let tags = field("tags").and_then(Value::as_object).cloned();
        let tags = tags.unwrap_or_default();
        errors += usize::from(tags.is_empty());
        for (key, value) in &tags {
            errors += usize::from(key.is_empty() || value.is_null() || value == "");
        }
        if before < errors {
            continue;
        }
        let text = |value: &Value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let pairs = tags.iter().map(|(key, value)| (key.clone(), text(value)));
        let series = crate::model::series::SeriesName::new(name.to_owned(), pairs.collect());
        let series = series.expect("a good name").text();
        let ttl = match field("ttl").and_then(Value::as_i64) {
            Some(ttl) if ttl > 0 => format!(" ttl={ttl}"),
            _ => String::new(),
        };
        let mut put =
            |time_ms: i64, value: &Value, kind: Option<&str>| match twin_value(value, kind) {
                Ok(Ok((values, number))) => {
                    samples.push(shown(&series, values, number, time_ms) + &ttl);
                }
                Ok(Err(text)) => samples.push(shown_text(&series, &text, time_ms) + &ttl),
                Err(()) => errors += 1,
            };
        if let (Some(time_ms), Some(value)) = (time, value) {
            put(time_ms, value, kind);
        }
        let points = field("datapoints").and_then(Value::as_array).cloned();
        for point in points.unwrap_or_default() {
            let part = |i: usize| point.get(i).cloned().unwrap_or_default();
            let own = point.get(2).map(text);
            let kind = own.as_deref().or(kind);
            let time_ms = match part(0) {
                Value::Number(number) => number.as_i64().or(number.as_f64().map(|t| t as i64)),
                Value::String(text) => text.parse().ok(),
                _ => None,
            };
            match time_ms {
                Some(time_ms) if !is_empty(&part(1), kind) => put(time_ms, &part(1), kind),
                _ => put(0, &Value::Null, None),
            }
        }
    }
    (samples, errors)
}

fn pick<T: Clone>(random: &mut Random, from: &[T]) -> T {
    from[random.below(from.len() as u64) as usize].clone()
}

fn random_value(random: &mut Random) -> Value {
    match random.below(12) {
        0..=3 => json!(random.next_u64() as i64 >> random.below(60)),
        4..=6 => json!(random.below(1_000_000) as f64 / 64.0),
        7 => pick(
            random,
            &[
                json!("12"),
                json!("-1.5"),
                json!("+.5"),
                json!("3."),
                json!(" 7 "),
            ],
        ),
        8 => pick(
            random,
            &[json!("text"), json!(""), json!(true), json!(null)],
        ),
        9 => pick(random, &[json!([]), json!({}), json!([1, {"a": []}])]),
        _ => json!(random.below(100)),
    }
}

fn random_object(random: &mut Random) -> Value {
    let mut object = serde_json::Map::new();
    let kinds = ["long", "double", "string", "complex", "double", "string"].map(Value::from);
    let texts = ["m", "a.b", "ü\"\\", "", "x y"].map(Value::from);
    if random.chance(95) {
        object.insert("name".to_owned(), pick(random, &texts));
    }
    if random.chance(90) {
        let values = [json!("v"), json!("w;="), json!(5), json!(true), json!("z")];
        let mut tags = serde_json::Map::new();
        for _ in 0..1 + random.below(3) {
            let key = pick(random, &["a", "b", "host", "k=;"]);
            tags.insert(key.to_owned(), pick(random, &values));
        }
        if random.chance(5) {
            tags.insert(String::new(), json!("x"));
        }
        if random.chance(5) {
            tags.insert("e".to_owned(), pick(random, &[json!(""), json!(null)]));
        }
        object.insert("tags".to_owned(), Value::Object(tags));
    }
    for name in ["time", "timestamp"] {
        if random.chance(30) {
            let times = [
                json!(5),
                json!(-1),
                json!(null),
                json!(1_700_000_000_000_i64),
            ];
            object.insert(name.to_owned(), pick(random, &times));
        }
    }
    if random.chance(45) {
        object.insert("value".to_owned(), random_value(random));
    }
    if random.chance(15) {
        object.insert("type".to_owned(), pick(random, &kinds));
    }
    if random.chance(10) {
        let seconds = [json!(86_400), json!(0), json!(-5), json!(null)];
        object.insert("ttl".to_owned(), pick(random, &seconds));
    }
    if random.chance(60) {
        let points = (0..random.below(6)).map(|_| {
            let times = [
                json!(7),
                json!(9.9),
                json!("11"),
                json!(null),
                json!("x"),
                json!(1),
            ];
            let mut point = vec![pick(random, &times), random_value(random)];
            if random.chance(20) {
                point.push(pick(random, &kinds));
            }
            point.truncate(random.below(20) as usize + 1);
            if random.chance(3) {
                point.clear();
            }
            Value::Array(point)
        });
        object.insert("datapoints".to_owned(), points.collect());
    }
    Value::Object(object)
}

fn random_way(random: &mut Random) -> Way {
    Way {
        pieces: 1 + random.below(300) as usize,
        budget: 1 + random.below(200) as usize,
        batch: 1 + random.below(9) as usize,
    }
}

#[test]
fn agrees_with_its_twin() {
    let mut good = 0;
    for seed in 0..10_000 {
        let random = &mut Random::new(seed);
        let count = random.below(5);
        let body: Value = match random.below(5) {
            0 => random_object(random),
            _ => (0..count).map(|_| random_object(random)).collect(),
        };
        let text = match random.below(2) {
            0 => serde_json::to_string(&body),
            _ => serde_json::to_string_pretty(&body),
        };
        let text = text.expect("a tree prints");
        let (samples, errors) = twin(&body);
        good += samples.len();
        for decoder in [Decoder::default(), Decoder::lenient()] {
            let seen = read_cut(decoder, text.as_bytes(), 1, random_way(random));
            assert_eq!(seen.samples, samples, "seed {seed}: {text}");
            let told = seen.errors;
            assert_eq!(told.len(), errors, "seed {seed}: {text} {told:?}");
        }
        let mut bytes = text.clone().into_bytes();
        let tree: Value = simd_json::serde::from_slice(&mut bytes).expect("strict JSON");
        assert_eq!(twin(&tree), (samples, errors), "seed {seed}: {text}");
    }
    assert!(good > 5_000, "{good}");
}

/// A body as agents send them: the same tags again and again, and few forms of points.
fn usual_body(random: &mut Random) -> String {
    let number = |random: &mut Random| match random.below(6) {
        0 => format!("{}", random.below(100_000)),
        1 => format!("-{}.{:02}", random.below(1000), random.below(100)),
        2 => format!("{}", random.next_u64() as i64),
        3 => format!("{:?}", f64::from_bits(random.next_u64() >> 2)),
        4 => pick(
            random,
            &["0", "-0", "0.0", "-0.0", "1e3", "1.5E-3", "\"x\"", "true"],
        )
        .to_owned(),
        _ => format!("{}.{:06}", random.below(100), random.below(1_000_000)),
    };
    let mut objects = Vec::new();
    let mut tags = String::new();
    for i in 0..1 + random.below(12) {
        if i == 0 || random.chance(40) {
            let keys = ["host", "dc", "core", "é"];
            let some: Vec<String> = keys
                .iter()
                .skip(random.below(3) as usize)
                .map(|key| format!("\"{key}\":\"v{}\"", random.below(3)))
                .collect();
            tags = format!("\"tags\":{{{}}}", some.join(pick(random, &[",", ", "])));
        }
        let mut fields = vec![tags.clone(), format!("\"name\":\"m{}\"", random.below(3))];
        let time = 1_700_000_000_000 + random.below(1_000);
        if random.chance(60) {
            fields.push(format!("\"timestamp\":{time},\"value\":{}", number(random)));
        }
        if random.chance(50) {
            let points: Vec<String> = (0..random.below(9))
                .map(|i| {
                    let kind = pick(
                        random,
                        &["", "", "", ",\"double\"", ",\"string\"", ",\"long\""],
                    );
                    format!("[{},{}{kind}]", time + i, number(random))
                })
                .collect();
            fields.push(format!("\"datapoints\":[{}]", points.join(",")));
        }
        if random.chance(20) {
            let kind = pick(random, &["long", "double", "string"]);
            fields.push(format!("\"type\":\"{kind}\""));
        }
        if random.chance(20) {
            fields.push(format!("\"ttl\":{}", random.below(9)));
        }
        let count = fields.len() as u64;
        fields.swap(0, random.below(count) as usize);
        objects.push(format!("{{{}}}", fields.join(pick(random, &[",", " ,\n"]))));
    }
    format!("[{}]", objects.join(","))
}

#[test]
fn the_usual_reader_gives_what_the_other_does() {
    for seed in 0..4_000 {
        let random = &mut Random::new(seed);
        let body = usual_body(random);
        let want = read_cut(Decoder::lenient(), body.as_bytes(), usize::MAX, WHOLE);
        assert_eq!(read_in(body.as_bytes(), WHOLE), want, "seed {seed}: {body}");
        let way = random_way(random);
        assert_eq!(
            read_in(body.as_bytes(), way),
            want,
            "seed {seed} {way:?}: {body}"
        );
    }
}

/// Whether there are numbers of whose form a tree knows no more than their values: with exponents, -0, and
/// long ones.
fn loses_something(text: &[u8]) -> bool {
    let digits = |some: &[u8]| some.iter().all(u8::is_ascii_digit);
    text.windows(2)
        .any(|two| two == b"-0" || (two[0].is_ascii_digit() && matches!(two[1], b'e' | b'E')))
        || text.windows(17).any(digits)
}

#[test]
fn damage_never_panics_and_cuts_and_readers_never_matter() {
    let mut taken = 0;
    for seed in 0..3_000 {
        let random = &mut Random::new(seed);
        let mut text = if random.chance(50) {
            let body: Value = (0..3).map(|_| random_object(random)).collect();
            serde_json::to_vec(&body).expect("a tree prints")
        } else {
            usual_body(random).into_bytes()
        };
        for _ in 0..1 + random.below(4) {
            let at = random.below(text.len() as u64) as usize;
            match random.below(3) {
                0 => text[at] = random.below(256) as u8,
                1 => text.truncate(at + 1),
                _ => text.insert(at, b"{}[]:,;\"'\\#/= \n"[random.below(15) as usize]),
            }
        }
        let whole = read_cut(Decoder::lenient(), &text, usize::MAX, WHOLE);
        assert_eq!(read_in(&text, WHOLE), whole, "seed {seed}");
        let way = random_way(random);
        assert_eq!(read_in(&text, way), whole, "seed {seed} {way:?}");
        let lenient = read_cut(Decoder::lenient(), &text, 3, way);
        assert_eq!(lenient, whole, "seed {seed} {way:?}");
        // What is strict JSON all the same is read as such.
        let mut bytes = text.clone();
        if let Ok(tree @ Value::Array(_)) = simd_json::serde::from_slice(&mut bytes)
            && !loses_something(&text)
            && !whole
                .errors
                .iter()
                .any(|told| told.contains("duplicate key") || told.contains("where"))
        {
            taken += 1;
            let (samples, errors) = twin(&tree);
            let body = String::from_utf8_lossy(&text);
            assert_eq!(whole.samples, samples, "seed {seed}: {body}");
            assert_eq!(whole.errors.len(), errors, "seed {seed}: {body}");
        }
    }
    assert!(taken > 50, "{taken}");
}
