//! `corelane import kairosdb` from sources that fail: by limits, by halves of answers, by no answers, by
//! answers without an end. What they hold arrives all the same, or it is told what does not.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

use super::{corelane, expect, path_text};
use crate::harness::{Appliance, Scratch};

/// Points of the source: one a second, of two series.
const POINTS: i64 = 400;
const BASE: i64 = 1_700_000_000_000;

/// How a source answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// Status 500 where an answer has more than 20 points.
    Limited,
    /// Status 500 where an answer has more than one point.
    Narrow,
    /// Every third answer ends in the middle.
    Cut,
    /// Every third answer is a page for people.
    Garbage,
    /// Every second one is asked to come again.
    Busy,
    /// Nothing that is asked at this time can be read.
    Spoilt,
    /// Only pages for people.
    OnlyGarbage,
    /// No answer at all.
    Silent,
    /// Points without an end.
    Endless,
    /// Some answers in a row are errors.
    Hiccup,
    /// As `Narrow`, and all series share a second tag.
    Shared,
    /// As `Narrow`, and one more series has no tags.
    Untagged,
    /// A point behind the end that was asked for.
    Beyond,
    /// A value is a bare word.
    Word,
    /// No points, and a reason to stop.
    Gone,
    /// No totals, and a reason to stop.
    Uncounted,
    /// Totals of a point more than there are.
    More,
    /// Totals of a point less than there are.
    Fewer,
}

/// A server whose manner may change.
struct Source {
    url: String,
    manner: Arc<Mutex<Manner>>,
}

impl Source {
    fn turn(&self, manner: Manner) {
        *self.manner.lock().expect("nobody panics") = manner;
    }
}

/// A server of a few requests, as bad as it is told to be.
fn serve(manner: Manner) -> Source {
    let manner = Arc::new(Mutex::new(manner));
    let shared = Arc::clone(&manner);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = listener.local_addr().expect("bound");
    let count = Arc::new(AtomicU32::new(0));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (count, manner) = (Arc::clone(&count), Arc::clone(&shared));
            thread::spawn(move || answer_all(stream, &manner, &count));
        }
    });
    Source {
        url: format!("http://{address}"),
        manner,
    }
}

fn answer_all(stream: TcpStream, manner: &Mutex<Manner>, count: &AtomicU32) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut stream = stream;
    loop {
        let (mut line, mut length) = (String::new(), 0);
        reader.read_line(&mut line).ok().filter(|&read| read > 0)?;
        loop {
            let mut header = String::new();
            reader.read_line(&mut header).ok()?;
            let header = header.trim().to_ascii_lowercase();
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
            if header.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let path = line.split_whitespace().nth(1)?;
        let nth = count.fetch_add(1, Ordering::Relaxed);
        let manner = *manner.lock().ok()?;
        reply(&mut stream, manner, nth, path, &body)?;
    }
}

fn reply(stream: &mut TcpStream, manner: Manner, nth: u32, path: &str, body: &[u8]) -> Option<()> {
    let asked: Value = serde_json::from_slice(body).unwrap_or_default();
    let (mut status, mut text) = match path {
        "/api/v1/metricnames" => (200, json!({"results": ["source"]}).to_string()),
        "/api/v1/datapoints/query/tags" => {
            let tags = match manner {
                Manner::Shared => json!({"dc": ["x"], "h": ["a", "b"]}),
                _ => json!({"h": ["a", "b"]}),
            };
            let result = json!({"name": "source", "tags": tags, "values": []});
            (200, json!({"queries": [{"results": [result]}]}).to_string())
        }
        _ => (200, String::new()),
    };
    if path == "/api/v1/datapoints/query" {
        match answer(&asked, manner) {
            Ok(found) => text = found,
            Err(why) => (status, text) = (500, json!({"errors": [why]}).to_string()),
        }
        let is_total = asked["metrics"][0]["aggregators"].is_array();
        if manner == Manner::Gone || (manner == Manner::Uncounted && is_total) {
            status = 404;
        }
    }
    let is_third = nth % 3 == 2;
    match manner {
        Manner::Silent => {
            thread::park();
            return None;
        }
        Manner::OnlyGarbage => text = "<html>no such thing</html>".to_owned(),
        Manner::Garbage if is_third => text = "<html>try later</html>".to_owned(),
        // Behind the first question for points.
        Manner::Hiccup if (3..10).contains(&nth) => (status, text) = (500, String::new()),
        Manner::Busy if nth % 2 == 1 => (status, text) = (503, String::new()),
        _ => {}
    }
    let mut all = format!(
        "HTTP/1.1 {status} status\r\nRetry-After: 0\r\nContent-Length: {}\r\n\r\n{text}",
        text.len()
    );
    if manner == Manner::Cut && is_third {
        all.truncate(all.len() - text.len() / 2 - 1);
        stream.write_all(all.as_bytes()).ok()?;
        return None;
    }
    if manner == Manner::Endless
        && path == "/api/v1/datapoints/query"
        && asked["metrics"][0]["limit"].is_null()
    {
        let head = "HTTP/1.1 200 status\r\nTransfer-Encoding: chunked\r\n\r\n";
        let begin = r#"{"queries":[{"results":[{"name":"source","tags":{"h":["a"]},"values":["#;
        let piece = "[1,1.5],".repeat(4000);
        write!(stream, "{head}{:x}\r\n{begin}\r\n", begin.len()).ok()?;
        loop {
            write!(stream, "{:x}\r\n{piece}\r\n", piece.len()).ok()?;
        }
    }
    stream.write_all(all.as_bytes()).ok()
}

/// The answer to a query for points, or for their totals.
fn answer(asked: &Value, manner: Manner) -> Result<String, &'static str> {
    let metric = &asked["metrics"][0];
    let from = asked["start_absolute"].as_i64().unwrap_or(i64::MIN);
    let until = asked["end_absolute"].as_i64().unwrap_or(i64::MAX);
    let first = metric["limit"].as_u64() == Some(1);
    let total = metric["aggregators"]
        .as_array()
        .and_then(|list| list.last());
    let total = total.and_then(|last| last["name"].as_str());
    let mut sample = 0;
    let mut results = Vec::new();
    let mut all = match manner {
        Manner::Shared => vec![json!({"dc": "x", "h": "a"}), json!({"dc": "x", "h": "b"})],
        _ => vec![json!({"h": "a"}), json!({"h": "b"})],
    };
    if manner == Manner::Untagged {
        all.push(json!({}));
    }
    for (series, tags) in all.iter().enumerate() {
        let filters = metric["tags"].as_object();
        let is_found = |(key, values): (&String, &Value)| {
            let values = values.as_array();
            values.is_some_and(|values| values.contains(&tags[key]))
        };
        if !filters.is_none_or(|filters| filters.iter().all(is_found)) {
            continue;
        }
        let behind = match manner == Manner::Beyond && total.is_none() && from <= BASE {
            true => 1000,
            false => 0,
        };
        let times = (0..POINTS).map(|at| BASE + at * 1000);
        let times = times.filter(|at| (from..=until.saturating_add(behind)).contains(at));
        let mut points: Vec<(i64, f64)> = times
            .map(|at| (at, at as f64 + series as f64 / 2.0))
            .collect();
        let is_spoilt = manner == Manner::Spoilt && series == 1 && total != Some("count");
        if is_spoilt && points.iter().any(|&(at, _)| at == BASE + 100_000) && !first {
            return Err("NaN or Infinity");
        }
        if first {
            points.truncate(1);
        }
        sample += points.len();
        let values = match total.zip(points.first()) {
            Some(("count", &(at, _))) => {
                let count = points.len() as i64;
                json!([[
                    at,
                    match manner {
                        Manner::More => count + 1,
                        Manner::Fewer => count - 1,
                        _ => count,
                    }
                ]])
            }
            Some((_, &(at, _))) => {
                json!([[at, points.iter().map(|&(_, value)| value).sum::<f64>()]])
            }
            None => json!(points),
        };
        let tags: Value = tags
            .as_object()
            .into_iter()
            .flatten()
            .map(|(key, value)| (key.clone(), json!([value])))
            .collect();
        results.push(json!({"name": "source", "tags": tags, "values": values}));
    }
    let limit = match manner {
        Manner::Limited => 20,
        Manner::Narrow | Manner::Shared | Manner::Untagged => 1,
        _ => usize::MAX,
    };
    if limit < sample && total.is_none() && !first {
        return Err("too many points");
    }
    // The order in which it is printed is KairosDB's: tags before values.
    let results: Vec<String> = results
        .iter()
        .map(|result| {
            format!(
                r#"{{"name":"source","tags":{},"values":{}}}"#,
                result["tags"], result["values"]
            )
        })
        .collect();
    let mut results = results.join(",");
    if manner == Manner::Word && total.is_none() {
        let at = BASE + 100_000;
        let (plain, word) = (json!([at, at as f64]).to_string(), format!("[{at},NaN]"));
        results = results.replace(&plain, &word);
    }
    Ok(format!(
        r#"{{"queries":[{{"sample_size":{sample},"results":[{results}]}}]}}"#
    ))
}

/// Import from a source of this manner, and see how it ends.
fn import(appliance: &Appliance, scratch: &Scratch, manner: Manner, code: i32, wanted: &[&str]) {
    let source = serve(manner);
    let state = scratch.path().join(format!("{manner:?}.state"));
    import_from(&source.url, appliance, &state, code, wanted);
}

/// Import from a server or a file.
fn import_from(source: &str, appliance: &Appliance, state: &Path, code: i32, wanted: &[&str]) {
    let to = format!("http://127.0.0.1:{}", appliance.ports.http);
    let words = ["import", "kairosdb", source, "--to", &to, "--timeout", "2"];
    // Where the source has its last point, so that a slice ends there.
    let end = (BASE + (POINTS - 1) * 1000).to_string();
    let state = ["--state", path_text(state), "--end", &end];
    expect(&[&words[..], &state[..]].concat(), code, wanted);
}

/// What has arrived, which is thrown away then.
fn arrived(appliance: &Appliance) -> usize {
    let body = json!({"start_absolute": 0, "metrics": [{"name": "source"}]}).to_string();
    let asked = appliance.try_post_body("/api/v1/datapoints/query", &body);
    let (_, text) = asked.expect("an answer");
    let answer: Value = serde_json::from_str(&text).expect("JSON");
    let values = answer["queries"][0]["results"][0]["values"].as_array();
    let count = values.map_or(0, Vec::len);
    let deleted = appliance.try_post_body("/api/v1/datapoints/delete", &body);
    assert_eq!(deleted.expect("deleted").0, 204);
    count
}

#[test]
fn sources_that_fail_are_copied_all_the_same() {
    let (appliance, scratch) = (Appliance::start(), Scratch::new("moving"));
    for manner in [
        Manner::Limited,
        Manner::Cut,
        Manner::Garbage,
        Manner::Busy,
        Manner::Hiccup,
        Manner::Beyond,
    ] {
        import(
            &appliance,
            &scratch,
            manner,
            0,
            &["800 points copied", "copied and verified"],
        );
        assert_eq!(arrived(&appliance), 800, "{manner:?}");
    }
    // One moment of one series cannot be told; all others are there.
    let told = [
        "NOT COPIED source at 2023-11-14T22:15:00Z",
        "1 moments that the source cannot tell",
    ];
    import(&appliance, &scratch, Manner::Spoilt, 1, &told);
    assert_eq!(arrived(&appliance), 799);
    let told = ["1 values that are neither number nor text"];
    import(&appliance, &scratch, Manner::Word, 1, &told);
    assert_eq!(arrived(&appliance), 799);
    // Series that no filter finds are missed.
    let told = [
        "NOT COPIED source",
        "by values of tags it gives only 2 of 3",
    ];
    import(&appliance, &scratch, Manner::Untagged, 1, &told);
    assert_eq!(arrived(&appliance), 800);
    // Senders may have brought more.
    let told = [
        "MORE in the target",
        "verified but where the target has more",
    ];
    import(&appliance, &scratch, Manner::Fewer, 0, &told);
    import(&appliance, &scratch, Manner::More, 1, &["MISMATCH source"]);
    appliance.stop();
}

/// What failed is tried again until it is there, whatever happens to the runs between.
#[test]
fn what_was_missed_is_not_forgotten() {
    let (appliance, scratch) = (Appliance::start(), Scratch::new("moving"));
    let state = scratch.path().join("changing.state");
    let source = serve(Manner::Spoilt);
    let missed = "1 metrics that could not be copied as a whole";
    let run = |code, wanted: &[&str]| import_from(&source.url, &appliance, &state, code, wanted);
    run(1, &["NOT COPIED source", missed]);
    source.turn(Manner::Gone);
    run(2, &["start the same again"]);
    source.turn(Manner::Spoilt);
    run(1, &[missed]);
    source.turn(Manner::Limited);
    run(0, &["copied and verified"]);
    assert!(!state.exists());
    assert_eq!(arrived(&appliance), 800);

    // Neither is what was copied and not yet compared.
    source.turn(Manner::Uncounted);
    run(2, &["start the same again"]);
    run(2, &["start the same again"]);
    source.turn(Manner::More);
    run(1, &["MISMATCH source"]);
    appliance.stop();
}

#[test]
fn a_file_that_was_stopped_is_told_with_what_came_before() {
    let (appliance, scratch) = (Appliance::start(), Scratch::new("moving"));
    let good = r#"{"name":"lines","tags":{"a":"b"},"datapoints":[[1600000000000,1]]}"#;
    let bad = "!".repeat(good.len());
    for (value, code, told) in [
        ("1", 0, "copied; only what this run sent was compared"),
        (
            "{}",
            1,
            "1 things that are not as they should be were told by",
        ),
    ] {
        let state = scratch.path().join("lines.state");
        let mut lines = format!(
            "{{\"name\":\"lines\",\"tags\":{{\"a\":\"b\"}},\"datapoints\":[[1,{value}]]}}\n"
        );
        for line in 0..60_000 {
            let points = format!("[[{},1],[{},2]]", 2 * line + 10, 2 * line + 11);
            lines +=
                "{\"name\":\"lines\",\"tags\":{\"a\":\"some long value of a tag\"},\"datapoints\":";
            lines += &format!("{points}}}\n");
        }
        let file = scratch.write("lines.json", &format!("{lines}{bad}"));
        let stopped = ["cannot be read further"];
        import_from(path_text(&file), &appliance, &state, 2, &stopped);
        scratch.write("lines.json", &format!("{lines}{good}"));
        let told = ["goes on behind", told];
        import_from(path_text(&file), &appliance, &state, code, &told);
        assert!(!state.exists());
    }
    // A target that has more cannot be compared.
    let line = r#"{"name":"few","tags":{"a":"b"},"datapoints":[[1,1],[2,2],[3,3]]}"#;
    let state = scratch.path().join("few.state");
    let file = scratch.write("few.json", line);
    import_from(
        path_text(&file),
        &appliance,
        &state,
        0,
        &["copied and verified"],
    );
    let file = scratch.write("few.json", &line.replace("[2,2],", ""));
    let told = [
        "NOT VERIFIED few",
        "2 points were sent, the target has 3",
        "copied; not all of it could be compared",
    ];
    import_from(path_text(&file), &appliance, &state, 0, &told);
    appliance.stop();
}

/// A source that answers for one series at a time only, and a target whose queries do so too.
#[test]
fn many_series_are_copied_and_verified_in_parts() {
    let scratch = Scratch::new("moving");
    let config = scratch.write("corelane.toml", "[query]\nseries_max = 1\n");
    let target = Appliance::start_with(&["--config", path_text(&config)]);
    import(
        &target,
        &scratch,
        Manner::Narrow,
        0,
        &["800 points copied", "copied and verified"],
    );
    assert!(target.accepted() >= 800);

    // As a source it is told what to do.
    let out = scratch.path().join("none.json");
    let from = format!("http://127.0.0.1:{}", target.ports.http);
    let words = [
        "export",
        "kairosdb",
        "--from",
        &from,
        "--out",
        path_text(&out),
    ];
    expect(
        &words,
        1,
        &[
            "NOT WRITTEN source, or not all of it",
            "raise query.series_max",
        ],
    );
    target.stop();

    // The same where all of them have a second tag in common.
    let target = Appliance::start_with(&["--config", path_text(&config)]);
    let told = ["800 points copied", "copied and verified"];
    import(&target, &scratch, Manner::Shared, 0, &told);
    target.stop();
}

/// Whole doubles stay doubles, in files and on the way to another corelane.
#[test]
fn types_are_kept() {
    let (from, to, scratch) = (
        Appliance::start(),
        Appliance::start(),
        Scratch::new("moving"),
    );
    let body = r#"[
        {"name":"types","tags":{"a":"b"},"datapoints":[[1,5],[2,6],[4,0],[6,12345678]]},
        {"name":"types","tags":{"a":"b"},"datapoints":[[1,5.0],[3,7.0],[4,-0.0],[5,2.5],[6,12345678.0]]},
        {"name":"types","tags":{"a":"c"},"type":"double","datapoints":[[1,0],[2,-3],[3,9999999],[4,1e7]]},
        {"name":"types","tags":{"a":"c"},"type":"string","datapoints":[[1,"5"],[2,"5.0"]]}]"#;
    let stored = from.try_post_body("/api/v1/datapoints", body);
    assert_eq!(stored, Ok((204, String::new())));

    let source = format!("http://127.0.0.1:{}", from.ports.http);
    let out = scratch.path().join("types.json");
    let words = [
        "export",
        "kairosdb",
        "--from",
        &source,
        "--out",
        path_text(&out),
    ];
    expect(&words, 0, &["1 metrics, 15 points written"]);
    let mut lines: Vec<String> = std::fs::read_to_string(&out)
        .expect("the file")
        .lines()
        .map(|line| line.replacen(r#"{"name":"types","tags":"#, "", 1))
        .collect();
    lines.sort();
    let want = [
        r#"{"a":"b"},"datapoints":[[1,5,"long"],[2,6,"long"],[4,0,"long"],[6,12345678,"long"]]}"#,
        concat!(
            r#"{"a":"b"},"datapoints":[[1,5.0,"double"],[3,7.0,"double"],[4,-0.0,"double"],"#,
            r#"[5,2.5,"double"],[6,1.2345678E7,"double"]]}"#
        ),
        concat!(
            r#"{"a":"c"},"datapoints":[[1,0.0,"double"],[2,-3.0,"double"],[3,9999999.0,"double"],"#,
            r#"[4,1.0E7,"double"]]}"#
        ),
        r#"{"a":"c"},"datapoints":[[1,"5","string"],[2,"5.0","string"]]}"#,
    ];
    let (mut want, words) = (want.map(str::to_owned), ["import", "kairosdb", &source]);
    want.sort();
    assert_eq!(lines, want);

    let target = format!("http://127.0.0.1:{}", to.ports.http);
    let state = scratch.path().join("types.state");
    let words = [&words[..], &["--to", &target, "--state", path_text(&state)]].concat();
    expect(&words, 0, &["15 points copied", "copied and verified"]);
    let asked = r#"{"exact_types":true,"start_absolute":0,"metrics":[{"name":"types",
        "group_by":[{"name":"tag","tags":["a"]}]}]}"#;
    let told = |appliance: &Appliance| appliance.try_post_body("/api/v1/datapoints/query", asked);
    let (status, text) = told(&from).expect("an answer");
    assert!(
        status == 200 && text.contains("[3,7.0]") && text.contains("[2,6]"),
        "{text}"
    );
    assert_eq!(told(&to), Ok((status, text)));
    from.stop();
    to.stop();
}

#[test]
fn sources_that_cannot_be_copied_are_told() {
    let (appliance, scratch) = (Appliance::start(), Scratch::new("moving"));
    import(
        &appliance,
        &scratch,
        Manner::OnlyGarbage,
        2,
        &["its list of names: no object begins at byte 0"],
    );
    import(
        &appliance,
        &scratch,
        Manner::Silent,
        2,
        &["takes longer than 2 s"],
    );
    import(
        &appliance,
        &scratch,
        Manner::Endless,
        1,
        &["NOT COPIED source", "points"],
    );
    let to = format!("http://127.0.0.1:{}", appliance.ports.http);
    let state = scratch.path().join("none.state");
    let from = |source: &str, code, wanted: &str| {
        let words = [
            "import",
            "kairosdb",
            source,
            "--to",
            &to,
            "--state",
            path_text(&state),
        ];
        expect(&words, code, &[wanted]);
    };
    from("https://db:8080", 2, "stunnel");
    from("http://127.0.0.1:1", 2, "cannot reach http://127.0.0.1:1");
    from(&to, 2, "the same server");
    from("nothing.json", 2, "cannot read nothing.json");
    let file = scratch.write(
        "bad.json",
        "{\"name\":\"m\",\"tags\":{\"a\":\"b\"},\"datapoints\":[[1,2]]}\n{\"name\":",
    );
    from(path_text(&file), 2, "cannot be read further, about byte");
    let file = scratch.write(
        "odd.json",
        "{\"name\":\"m\",\"tags\":{\"a\":\"b\"},\"datapoints\":[[1,2],[2,{},\"complex\"],[3,NaN]]}",
    );
    from(
        path_text(&file),
        1,
        "2 values of types that only a plugin of KairosDB knows",
    );
    // A target that never has room.
    let busy = serve(Manner::OnlyGarbage).url;
    let words = [
        "import",
        "kairosdb",
        path_text(&file),
        "--to",
        &busy,
        "--state",
        path_text(&state),
    ];
    let said = corelane(&words);
    assert_eq!(said.code, Some(2), "{}", said.text);
    appliance.stop();
}
