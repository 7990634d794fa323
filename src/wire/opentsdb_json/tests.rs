use super::super::kairos_sent;
use super::*;
use crate::base::random::Random;
use crate::model::series::Values;

/// What came of a body, in slices of `budget` bytes.
fn outcome(json: &[u8], budget: usize) -> (Vec<String>, Report) {
    let (mut decoder, mut samples) = (Decoder::default(), Samples::default());
    let mut points = Vec::new();
    loop {
        let done = decoder.step(json, budget, &mut samples);
        for i in 0..samples.len() {
            let name = samples.names[i].of(decoder.text());
            let sent = kairos_sent::name_of(name).expect("a good form");
            let value = match sent.values {
                Values::Long => format!("{}", samples.numbers[i].mantissa),
                _ => format!("{:?}", samples.numbers[i].to_f64()),
            };
            points.push(format!("{} {value}@{}", sent.name.text(), samples.times[i]));
        }
        samples.clear();
        decoder.forget_names();
        if done {
            return (points, decoder.report().clone());
        }
    }
}

#[track_caller]
fn check(json: &str, want: &[&str]) -> Report {
    let (points, report) = outcome(json.as_bytes(), 1 << 20);
    let told = report.told.iter().map(|failed| failed.error.as_str());
    let broken = report.broken.as_deref();
    let got: Vec<&str> = points
        .iter()
        .map(String::as_str)
        .chain(told)
        .chain(broken)
        .collect();
    assert_eq!(got, want, "{json}");
    assert_eq!(
        outcome(json.as_bytes(), 1),
        (points, report.clone()),
        "{json}"
    );
    report
}

fn point(metric: &str, timestamp: &str, value: &str, tags: &str) -> String {
    format!(r#"{{"metric":{metric},"timestamp":{timestamp},"value":{value},"tags":{tags}}}"#)
}

#[test]
fn objects_and_arrays() {
    let one = point(
        "\"sys.cpu\"",
        "1346846400",
        "18",
        r#"{"host":"web01","dc":"lga"}"#,
    );
    let told = "sys.cpu;dc=lga;host=web01 18@1346846400000";
    check(&one, &[told]);
    check(&format!("[{one}, {one}]"), &[told, told]);
    check(&format!("\u{feff} [{one}]  trailing"), &[told]);
    check("[]", &[]);
    let report = check(
        &format!("[{one},{{}},{one}]"),
        &[told, told, "Metric name was empty"],
    );
    assert_eq!((report.good, report.failed), (2, 1));
    // Unknown fields, nested or not, and a field that is there twice.
    check(
        r#"{"x":[1,{"y":[]}],"metric":"n","metric":"m","timestamp":1,"value":2,"tags":{"a":"x"},"tags":{"b":1}}"#,
        &["m;b=1 2@1000"],
    );
    check(
        &point("\"m\"", "1", "2", r#"{"k":"a","k":"b"}"#),
        &["m;k=b 2@1000"],
    );
}

#[test]
fn numbers_and_times() {
    let tags = r#"{"k":"v"}"#;
    let value = |value: &str, want: &str| {
        let want = match want.starts_with(|c: char| c.is_ascii_alphabetic()) {
            true => want.to_owned(),
            false => format!("m;k=v {want}@1000"),
        };
        check(&point("\"m\"", "1", value, tags), &[&want]);
    };
    value("42", "42");
    value("\"42\"", "42");
    value("\"+42\"", "42");
    value("42.0", "42.0");
    value("\"42.5\"", "42.5");
    value("1e3", "1000.0");
    value("-7", "-7");
    value("9223372036854775807", "9223372036854775807");
    let bad = "Unable to parse value to a number";
    for text in [
        "9223372036854775808",
        "\"x\"",
        "true",
        "[]",
        "{}",
        "\"NaN\"",
        "1e400",
        "\"+-1\"",
    ] {
        value(text, bad);
    }
    value("\"\"", "Empty value");
    value("null", "Empty value");
    let time = |time: &str, want: &str| {
        check(&point("\"m\"", time, "1", tags), &[want]);
    };
    time("9999999999", "m;k=v 1@9999999999000");
    time("10000000000", "m;k=v 1@10000000000");
    time("1700000000123", "m;k=v 1@1700000000123");
    time("\"1700000000\"", "m;k=v 1@1700000000000");
    time("1700000000.9", "m;k=v 1@1700000000000");
    for bad in ["0", "-1", "null", "\"\"", "\"x\"", "[]", "1e300", "\"nan\""] {
        time(bad, "Invalid timestamp");
    }
}

#[test]
fn what_is_missing_is_told() {
    for metric in ["\"\"", "null", "[]"] {
        check(
            &point(metric, "1", "1", r#"{"k":"v"}"#),
            &["Metric name was empty"],
        );
    }
    for tags in ["{}", "null", "[]", "[1]", "\"x\""] {
        check(&point("\"m\"", "1", "1", tags), &["Missing tags"]);
    }
    for tags in [r#"{"":"v"}"#, r#"{"k":""}"#, r#"{"k":null}"#] {
        check(
            &point("\"m\"", "1", "1", tags),
            &["A tag has an empty name or value"],
        );
    }
    let many: Vec<String> = (0..33).map(|i| format!("\"k{i}\":1")).collect();
    let many = format!("{{{}}}", many.join(","));
    check(
        &point("\"m\"", "1", "1", &many),
        &["There are at most 32 tags"],
    );
    let long = format!("\"{}\"", "m".repeat(4097));
    let report = check(
        &point(&long, "1", "1", r#"{"k":"v"}"#),
        &["A metric has at most 4096 bytes"],
    );
    assert_eq!(report.told[0].metric.len(), 256);
    let report = check(
        &point("\"m\"", "x", "1", r#"{"k":"v"}"#),
        &["Invalid timestamp"],
    );
    assert_eq!(report.told[0].timestamp, "x");
    assert_eq!(report.told[0].tags, [("k".to_owned(), "v".to_owned())]);
}

#[test]
fn what_is_no_json_costs_the_rest() {
    let one = point("\"m\"", "1", "2", r#"{"k":"v"}"#);
    for broken in [
        "",
        "7",
        "[7]",
        "[[]]",
        "{",
        "[{]",
        "{\"tags\":{\"k\":[1]}}",
        "[}",
    ] {
        let (points, report) = outcome(broken.as_bytes(), 7);
        assert!(points.is_empty() && report.broken.is_some(), "{broken}");
    }
    let (points, report) = outcome(format!("[{one},{one}").as_bytes(), 7);
    assert!(points.len() == 2 && report.broken.is_some());
    let deep = format!("{{\"x\":{}", "[".repeat(1000));
    assert!(outcome(deep.as_bytes(), 100).1.broken.is_some());
}

#[test]
fn what_is_told_is_bounded() {
    let bad = point("\"m\"", "0", "2", r#"{"k":"v"}"#);
    let all = format!("[{}]", vec![bad; 5_000].join(","));
    let (_, report) = outcome(all.as_bytes(), 1 << 12);
    assert_eq!((report.failed, report.told.len()), (5_000, FAILED_MAX));
}

/// `serde_json` reads what is strict JSON: the decoder says the same of it.
#[test]
fn strict_bodies_as_serde_reads_them() {
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let mut objects = Vec::new();
        for _ in 0..random.below(20) {
            let name = ["m", "sys.cpu \\\"x\\\"", "\\u00e9t\\u00e9"][random.below(3) as usize];
            let value = ["1", "-2.5", "\"3\"", "7e2", "\"x\"", "null"][random.below(6) as usize];
            let time = ["1", "1700000000", "1700000000123", "0", "\"5\""][random.below(5) as usize];
            let tags = [r#"{"k":"v","a":"b"}"#, r#"{"z":1}"#, "{}"][random.below(3) as usize];
            objects.push(point(&format!("\"{name}\""), time, value, tags));
        }
        let json = format!("[{}]", objects.join(" , "));
        let read: Vec<serde_json::Value> = serde_json::from_str(&json).expect("strict");
        let text = |value: &serde_json::Value| match value {
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Null => String::new(),
            other => other.to_string(),
        };
        let mut want = Vec::new();
        for object in &read {
            let time: i64 = text(&object["timestamp"]).parse().expect("whole");
            let value = text(&object["value"]);
            let good: bool = value.parse::<f64>().is_ok();
            let tags = object["tags"].as_object().expect("tags");
            if time > 0 && good && !tags.is_empty() {
                let time = if time > 9_999_999_999 {
                    time
                } else {
                    time * 1000
                };
                let mut tags: Vec<String> = tags
                    .iter()
                    .map(|(k, v)| format!(";{k}={}", text(v)))
                    .collect();
                tags.sort();
                let value = match value.parse::<i64>() {
                    Ok(long) => long.to_string(),
                    Err(_) => format!("{:?}", value.parse::<f64>().expect("a number")),
                };
                want.push(format!(
                    "{}{} {value}@{time}",
                    text(&object["metric"]),
                    tags.concat()
                ));
            }
        }
        for budget in [1, 13, 1 << 20] {
            let (points, report) = outcome(json.as_bytes(), budget);
            assert_eq!(points, want, "seed {seed}");
            assert_eq!(report.good + report.failed, read.len() as u64);
        }
    }
}

#[test]
fn hostile_bytes_break_nothing() {
    let seed_text = format!(
        "[{},{}]",
        point("\"m\"", "1", "2", r#"{"k":"v"}"#),
        point("'n'", "1.5", "\"2\"", r#"{"k":"\u00e9"}"#)
    );
    for seed in 0..3_000 {
        let mut random = Random::new(seed);
        let mut text = seed_text.clone().into_bytes();
        for _ in 0..1 + random.below(4) {
            let at = random.below(text.len() as u64) as usize;
            match random.below(3) {
                0 => text[at] = random.next_u64() as u8,
                1 => text.truncate(at.max(1)),
                _ => text.insert(at, b"[]{}\",:\\x"[random.below(9) as usize]),
            }
        }
        let whole = outcome(&text, 1 << 20);
        assert_eq!(outcome(&text, 3), whole, "seed {seed}");
    }
}
