use serde_json::{Value, json};

use super::super::kairos_sent::{self, Sent};
use super::super::number;
use super::errors::TEXTS_MAX;
use super::*;
use crate::base::random::Random;
use crate::model::number::Number;
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

/// Read `body` in slices of `budget` bytes, taking the samples whenever there are `batch`.
fn read_in(body: &[u8], budget: usize, batch: usize) -> Seen {
    let mut decoder = Decoder::default();
    let mut out = Samples::default();
    let mut samples = Vec::new();
    let mut steps = 0;
    loop {
        let done = decoder.step(body, budget, &mut out);
        steps += 1;
        assert!(steps <= 3 * body.len() + 100, "it goes on");
        if done || batch <= out.len() {
            for i in 0..out.len() {
                let sent = out.names[i].of(decoder.text());
                let Sent { name, values, .. } = kairos_sent::name_of(sent).expect("a good form");
                samples.push(shown(&name.text(), values, out.numbers[i], out.times[i]));
            }
            out.clear();
            decoder.forget_names();
        }
        if done {
            let errors: Vec<String> = decoder.errors().texts().collect();
            assert_eq!(out.refusals.total() == 0, errors.is_empty());
            return Seen { samples, errors };
        }
    }
}

fn read(body: &str) -> Seen {
    let whole = read_in(body.as_bytes(), usize::MAX, usize::MAX);
    assert_eq!(read_in(body.as_bytes(), 1, 1), whole, "in slices: {body}");
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
 {"name":"temp","datapoints":[[1700000000000,21.5],[1700000060000,22]],"tags":{"room":"7"},"ttl":86400}]"#,
        &[
            "disk.used;dc=x;host=a 1700000000000 long:17",
            "temp;room=7 1700000000000 double:21.5",
            "temp;room=7 1700000060000 long:22",
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
        &m(r#""datapoints":[[1,123,"long"],[2,13.2,"double"],[3,1,"complex"]],"tags":{"a":"b"}"#),
        &["m;a=b 1 long:123", "m;a=b 2 double:13.2"],
        &["Unregistered data point type 'complex'"],
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
    let text =
        "metric[0](name=m) value is a text, and texts are not stored yet; send a long or a double";
    for value in [
        "\"The Value\"",
        "true",
        "NaN",
        "\"1e5\"",
        "\"3.\"",
        "\"1.2.3\"",
        "\" 1\"",
    ] {
        assert_eq!(of(value), text, "{value}");
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
    assert_eq!(as_kind("string", "5"), text);
    assert_eq!(as_kind("string", "\"\""), text);
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
        "5;a=b 1000 long:1",
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

    let many = format!("[{}{{}}]", "{},".repeat(100_000));
    let errors = read_in(many.as_bytes(), 4_096, 100).errors;
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
    let mut decoder = Decoder::default();
    let (mut out, mut slices, mut samples) = (Samples::default(), 0, 0);
    while !decoder.step(body.as_bytes(), 2_000, &mut out) {
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
    out.clear();
    assert!(!decoder.step(body.as_bytes(), usize::MAX, &mut out));
    assert_eq!(out.len(), BATCH_SAMPLES);
}

// ---- The slow twin: the same rules told over serde_json's tree -----------------------------

/// A number as `serde_json` has it: whole ones are longs.
fn twin_number(value: &Value, kind: Option<&str>) -> Result<(Values, Number), &'static str> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Bool(truth) => truth.to_string(),
        _ if matches!(kind, None | Some("long" | "double" | "string")) => return Err("shape"),
        _ => return Err("kind"),
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
        (None, _) => return Err("text"),
    };
    match kind {
        "double" => match number::value(text.trim().as_bytes()) {
            Ok(double) => Ok((Values::Double, Number::float(double))),
            Err(_) => Err("no double"),
        },
        "long" => {
            let whole = match value {
                Value::Number(_) => text.split('.').next().unwrap_or_default(),
                _ => &text,
            };
            match whole.parse() {
                Ok(long) => Ok((Values::Long, Number::long(long))),
                Err(_) => Err("no long"),
            }
        }
        "string" => Err("text"),
        _ => Err("kind"),
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
        let mut put =
            |time_ms: i64, value: &Value, kind: Option<&str>| match twin_number(value, kind) {
                Ok((values, number)) => samples.push(shown(&series, values, number, time_ms)),
                Err(_) => errors += 1,
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
    let kinds = ["long", "double", "string", "complex", "double", "long"].map(Value::from);
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
        let budget = 1 + random.below(200) as usize;
        let seen = read_in(text.as_bytes(), budget, 1 + random.below(9) as usize);
        assert_eq!(seen.samples, samples, "seed {seed}: {text}");
        assert_eq!(
            seen.errors.len(),
            errors,
            "seed {seed}: {text} {:?}",
            seen.errors
        );
    }
    assert!(good > 5_000, "{good}");
}

#[test]
fn damage_never_panics_and_slices_never_matter() {
    for seed in 0..4_000 {
        let random = &mut Random::new(seed);
        let body: Value = (0..3).map(|_| random_object(random)).collect();
        let mut text = serde_json::to_vec(&body).expect("a tree prints");
        for _ in 0..1 + random.below(4) {
            let at = random.below(text.len() as u64) as usize;
            match random.below(3) {
                0 => text[at] = random.below(256) as u8,
                1 => text.truncate(at + 1),
                _ => text.insert(at, b"{}[]:,;\"'\\#/= \n"[random.below(15) as usize]),
            }
        }
        let whole = read_in(&text, usize::MAX, usize::MAX);
        assert_eq!(read_in(&text, 3, 2), whole, "seed {seed}");
    }
}
