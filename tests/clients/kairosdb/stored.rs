//! What is stored, as KairosDB's query tells it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{ANSWER_WAIT, Appliance, now_seconds, wait_until};

/// How far from now a point may be that a client dated itself.
const NOW_SECONDS: i64 = 300;

/// When a point must be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum At {
    /// Milliseconds since 1970.
    Millis(i64),
    /// About now: the client took its own clock.
    Now,
}

impl At {
    fn is(self, millis: i64) -> bool {
        match self {
            At::Millis(wanted) => wanted == millis,
            At::Now => (millis / 1_000 - now_seconds()).abs() <= NOW_SECONDS,
        }
    }
}

/// POST `body` to `path` and give the answer, which must be JSON with status 200.
#[track_caller]
pub(crate) fn post(appliance: &Appliance, path: &str, body: &Value) -> Value {
    match appliance.try_post_body(path, &body.to_string()) {
        Ok((200, text)) => serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{path} {body}: {error}: {text}")),
        other => panic!("{path} {body}: {other:?}"),
    }
}

/// Wait until the series `name` with exactly these tags has exactly these points, in order of time.
#[track_caller]
pub(crate) fn check_stored(
    appliance: &Appliance,
    name: &str,
    tags: &[(&str, &str)],
    points: &[(At, Value)],
) {
    let mut filter = serde_json::Map::new();
    let mut wanted = serde_json::Map::new();
    for &(key, value) in tags {
        filter.insert(key.to_owned(), json!(value));
        wanted.insert(key.to_owned(), json!([value]));
    }
    let body = json!({"start_absolute": 0, "metrics": [{"name": name, "tags": filter}]});
    let wanted = Value::Object(wanted);
    wait_until(name, ANSWER_WAIT, || {
        let answer = post(appliance, "/api/v1/datapoints/query", &body);
        let result = &answer["queries"][0]["results"][0];
        let same = result["tags"] == wanted && same_points(&result["values"], points);
        if same {
            Ok(())
        } else {
            Err(format!("{wanted} {points:?} wanted, got {result}"))
        }
    });
}

fn same_points(found: &Value, wanted: &[(At, Value)]) -> bool {
    let found = found.as_array().map(Vec::as_slice).unwrap_or_default();
    found.len() == wanted.len()
        && found.iter().zip(wanted).all(|(point, (at, value))| {
            let time = point[0].as_i64();
            time.is_some_and(|time| at.is(time)) && same_value(&point[1], value)
        })
}

/// Numbers are equal by value: 5 is 5.0.
fn same_value(found: &Value, wanted: &Value) -> bool {
    match (found.as_f64(), wanted.as_f64()) {
        (Some(found), Some(wanted)) => found == wanted,
        _ => found == wanted,
    }
}

/// Wait until `count` points are accepted, of whatever series.
#[track_caller]
pub(crate) fn wait_for_points(appliance: &Appliance, count: u64) {
    wait_until("all points", Duration::from_secs(15), || {
        match appliance.accepted() {
            all if all == count => Ok(()),
            other => Err(format!("{other} of {count}")),
        }
    });
}
