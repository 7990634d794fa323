//! What a real KairosDB answered once, in `tests/corpus/kairosdb`, and what this answers to the same queries.
//!
//! Most answers must be the same bytes. What need not be is told beside the corpus, and held to here: sums
//! that run within a tolerance, tags in any order behind groupers by points, nulls that `gaps` trims, and
//! doubles that an older Java writes with more digits than they need.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::harness::Appliance;

/// Answers of the corpus that are the same bytes at least; the last digits of sums hang on which points lie
/// on which shard.
const EXACT_MIN: usize = 510;
/// Of what these compute the digits differ behind as many.
const TOLERANCES: [(&str, f64); 4] = [
    ("\"least_squares\"", 1e-6),
    ("\"dev\"", 1e-9),
    ("\"sum\"", 1e-14),
    ("\"avg\"", 1e-14),
];

/// A question, and what it was answered.
struct Case {
    name: String,
    status: u16,
    query: String,
    answer: String,
}

/// The cases of a file, whose answers are the bytes that came.
fn cases(file: &Path) -> Vec<Case> {
    let text = fs::read_to_string(file).expect("the corpus");
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !matches!(*line, "[" | "]"))
        .collect();
    let case = |lines: &[&str]| {
        let [asked, answered] = lines else {
            panic!("{lines:?} is no case");
        };
        let asked = asked.strip_suffix(',').expect("a comma");
        let (head, query) = asked.split_once(",\"query\":").expect("a query");
        let head: Value = serde_json::from_str(&format!("{head}}}")).expect("JSON");
        let answered = answered.strip_prefix(" \"answer\":").expect("an answer");
        let answered = answered.strip_suffix(',').unwrap_or(answered);
        Case {
            name: head["case"].to_string(),
            status: head["status"]
                .as_u64()
                .and_then(|code| u16::try_from(code).ok())
                .expect("a status"),
            query: query.to_owned(),
            answer: answered.strip_suffix('}').expect("a bracket").to_owned(),
        }
    };
    lines.chunks(2).map(case).collect()
}

/// How answers to one question are compared.
struct Comparison {
    tolerance: f64,
    any_order: bool,
    trims_gaps: bool,
    /// The largest number of the answer.
    scale: f64,
}

impl Comparison {
    fn of(query: &str, theirs: &Value) -> Comparison {
        let sizes = TOLERANCES.iter().filter(|(word, _)| query.contains(word));
        Comparison {
            tolerance: sizes.map(|(_, size)| *size).fold(0.0, f64::max),
            any_order: ["value", "time", "bin"]
                .iter()
                .any(|name| query.contains(&format!("\"name\":\"{name}\""))),
            trims_gaps: query.contains("\"gaps\"") && query.contains("\"trim\":true"),
            scale: largest(theirs),
        }
    }

    /// Where they differ, if they do.
    fn differ(&self, place: &str, theirs: &Value, ours: &Value) -> Option<String> {
        let told = || Some(format!("at {place}: {ours}, not {theirs}"));
        match (theirs, ours) {
            (Value::Object(left), Value::Object(right)) => {
                if left.len() != right.len() {
                    return told();
                }
                left.iter().find_map(|(key, left)| {
                    let place = format!("{place}.{key}");
                    let right = right.get(key).unwrap_or(&Value::Null);
                    match (key.as_str(), left, right) {
                        ("tags", Value::Object(left), Value::Object(right)) if self.any_order => {
                            let sorted = |tags: &serde_json::Map<String, Value>| -> Vec<String> {
                                let tags = tags.iter().flat_map(|(key, values)| {
                                    let values = values.as_array().into_iter().flatten();
                                    values.map(move |value| format!("{key}={value}"))
                                });
                                let mut tags: Vec<String> = tags.collect();
                                tags.sort();
                                tags
                            };
                            (sorted(left) != sorted(right))
                                .then(|| format!("at {place}: other tags"))
                        }
                        ("values", Value::Array(left), Value::Array(right)) if self.trims_gaps => {
                            let lead = |points: &[Value]| {
                                points.iter().take_while(|one| one[1].is_null()).count()
                            };
                            let (left, right) = (&left[lead(left)..], &right[lead(right)..]);
                            self.differ(
                                &place,
                                &Value::from(left.to_vec()),
                                &Value::from(right.to_vec()),
                            )
                        }
                        _ => self.differ(&place, left, right),
                    }
                })
            }
            (Value::Array(left), Value::Array(right)) => {
                if left.len() != right.len() {
                    return told();
                }
                let both = left.iter().zip(right).enumerate();
                let mut both = both
                    .map(|(i, (left, right))| self.differ(&format!("{place}[{i}]"), left, right));
                both.find_map(|found| found)
            }
            (Value::Number(left), Value::Number(right)) if left.is_f64() || right.is_f64() => {
                let (left, right) = (theirs.as_f64()?, ours.as_f64()?);
                let size = left.abs().max(right.abs()).max(self.scale);
                let is_near = left == right || (left - right).abs() <= self.tolerance * size;
                (!is_near).then(told).flatten()
            }
            _ if theirs == ours => None,
            _ => told(),
        }
    }
}

/// The largest number among the values of an answer.
fn largest(answer: &Value) -> f64 {
    match answer {
        Value::Array(pair) if pair.len() == 2 && pair.iter().all(Value::is_number) => {
            pair[1].as_f64().map_or(0.0, f64::abs)
        }
        Value::Array(list) => list.iter().map(largest).fold(0.0, f64::max),
        Value::Object(fields) => fields.values().map(largest).fold(0.0, f64::max),
        _ => 0.0,
    }
}

#[test]
fn what_a_real_kairosdb_answered_is_answered_here() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/kairosdb");
    let appliance = Appliance::start_with(&["--shards", "2", "--steering", "flow"]);
    let points = fs::read_to_string(corpus.join("points.json")).expect("the corpus");
    // By many connections, so that any shard has some of it.
    for metric in serde_json::from_str::<Vec<Value>>(&points).expect("JSON") {
        let stored = appliance.try_post_body("/api/v1/datapoints", &metric.to_string());
        assert_eq!(stored, Ok((204, String::new())));
    }
    let (mut asked, mut exact, mut faults) = (0, 0, Vec::new());
    for file in ["aggregators", "calendars", "groups", "chains"] {
        for case in cases(&corpus.join(format!("{file}.json"))) {
            asked += 1;
            let told = appliance.try_post_body("/api/v1/datapoints/query", &case.query);
            let (status, ours) = told.expect("an answer");
            if (status, &ours) == (case.status, &case.answer) {
                exact += 1;
                continue;
            }
            let place = format!("{file} {} {}", case.name, case.query);
            let [theirs, ours] =
                [&case.answer, &ours].map(|text| serde_json::from_str::<Value>(text).expect(text));
            if status != case.status {
                faults.push(format!(
                    "{place}: status {status}, not {}: {ours}",
                    case.status
                ));
            } else if status == 200
                && let Some(fault) = Comparison::of(&case.query, &theirs).differ("", &theirs, &ours)
            {
                faults.push(format!("{place}: {fault}"));
            }
        }
    }
    assert!(
        faults.is_empty(),
        "{} differ:\n{}",
        faults.len(),
        faults.join("\n")
    );
    assert_eq!(asked, 588);
    assert!(
        exact >= EXACT_MIN,
        "only {exact} of {asked} answers are the same bytes"
    );
    appliance.stop();
}
