//! A client that sends points to the door that acknowledges, remembers of each request what it was
//! told, and asks for all of it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::now_seconds;
use crate::harness::restarts::{Answer, Restarts, post};

/// Series of a ledger.
const SERIES: i64 = 20;
/// Points of each series in one request.
const STEPS: i64 = 10;
/// Between two points of a series.
const STEP_MS: i64 = 7_000;
/// A request whose answer does not come for so long is given up.
const ANSWER_MAX: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Standing {
    /// Told to be on stable storage.
    Acknowledged,
    /// No answer came, or the answer was that it may be sent again.
    Doubtful,
}

/// What was sent, and what is known of it.
#[derive(Debug)]
pub(crate) struct Ledger {
    name: String,
    begin_ms: i64,
    /// Of the requests, in their order.
    standings: Vec<Standing>,
}

/// What an answer held of a ledger.
#[derive(Debug, PartialEq)]
pub(crate) struct Seen {
    /// Points.
    pub(crate) points: usize,
    /// Acknowledged points that are not there.
    pub(crate) missing: usize,
    /// Why it says that it lacks some.
    pub(crate) partial: Option<String>,
}

impl Ledger {
    /// Of nothing. Its series begin with `name`.
    pub(crate) fn new(name: &str) -> Ledger {
        Ledger {
            name: name.to_owned(),
            begin_ms: (now_seconds() - 10 * 3600) * 1000,
            standings: Vec::new(),
        }
    }

    /// Points acknowledged so far.
    pub(crate) fn acknowledged(&self) -> usize {
        let mine = self.standings.iter();
        let requests = mine.filter(|&&standing| standing == Standing::Acknowledged);
        requests.count() * (SERIES * STEPS) as usize
    }

    /// Send the next request to `server`.
    pub(crate) fn send(&mut self, server: &Restarts) -> Result<Answer, String> {
        self.send_to(&server.address("/api/v1/datapoints"))
    }

    /// Send the next request to this address.
    pub(crate) fn send_to(&mut self, address: &str) -> Result<Answer, String> {
        let first = self.standings.len() as i64 * STEPS;
        let metrics: Vec<Value> = (0..SERIES)
            .map(|series| {
                let steps = first..first + STEPS;
                let points: Vec<Value> = steps
                    .map(|step| json!([self.at_ms(step), value(series, step)]))
                    .collect();
                json!({"name": self.series(series), "tags": {"by": "ledger"}, "datapoints": points})
            })
            .collect();
        let answer = post(address, &json!(metrics).to_string(), ANSWER_MAX);
        let taken = answer.as_ref().is_ok_and(|answer| answer.status == 204);
        self.standings.push(if taken {
            Standing::Acknowledged
        } else {
            Standing::Doubtful
        });
        answer
    }

    /// Send `requests`, each of which must be acknowledged.
    #[track_caller]
    pub(crate) fn send_all(&mut self, server: &Restarts, requests: usize) {
        for _ in 0..requests {
            let answer = self.send(server);
            let is_taken = answer.as_ref().is_ok_and(|answer| answer.status == 204);
            assert!(is_taken, "{answer:?}\n{}", server.log());
        }
    }

    /// Everything acknowledged is there, what is there was sent, and the answer claims to be whole.
    #[track_caller]
    pub(crate) fn check(&self, server: &Restarts) {
        let seen = self.look(server);
        let whole = seen.missing == 0 && seen.partial.is_none();
        assert!(whole, "{}: {seen:?}\n{}", self.name, server.log());
    }

    /// What is there of it: whatever it is, it was sent.
    #[track_caller]
    pub(crate) fn look(&self, server: &Restarts) -> Seen {
        let mut all = Seen {
            points: 0,
            missing: 0,
            partial: None,
        };
        for series in 0..SERIES {
            let one = self.look_at(server, series);
            all.points += one.points;
            all.missing += one.missing;
            all.partial = all.partial.or(one.partial);
        }
        all
    }

    /// The same of one series.
    #[track_caller]
    pub(crate) fn look_at(&self, server: &Restarts, series: i64) -> Seen {
        let name = self.series(series);
        let body = json!({"start_absolute": 0, "metrics": [{"name": name}]}).to_string();
        let answer = server.post("/api/v1/datapoints/query", &body);
        let points = self.points_of(&answer).unwrap_or_else(|| {
            panic!("{name}: {answer:?}\n{}", server.log());
        });
        let mut there = vec![false; self.standings.len() * STEPS as usize];
        for (at_ms, got) in &points {
            let step = (at_ms - self.begin_ms) / STEP_MS;
            let slot = usize::try_from(step)
                .ok()
                .and_then(|step| there.get_mut(step));
            let Some(slot) = slot.filter(|_| self.at_ms(step) == *at_ms) else {
                panic!(
                    "{name}: {got} at {at_ms} ms was never sent\n{}",
                    server.log()
                );
            };
            assert!(!*slot, "{name}: {at_ms} ms twice\n{}", server.log());
            assert_eq!(
                *got,
                value(series, step),
                "{name} at {at_ms} ms\n{}",
                server.log()
            );
            *slot = true;
        }
        let requests = there.chunks(STEPS as usize).zip(&self.standings);
        let acknowledged = requests.filter(|(_, standing)| **standing == Standing::Acknowledged);
        Seen {
            points: points.len(),
            missing: acknowledged
                .flat_map(|(there, _)| there)
                .filter(|&&there| !there)
                .count(),
            partial: answer.partial,
        }
    }

    fn points_of(&self, answer: &Answer) -> Option<Vec<(i64, f64)>> {
        let parsed: Value = serde_json::from_str(&answer.text).ok()?;
        let results = parsed["queries"][0]["results"].as_array()?;
        let values = results.iter().flat_map(|part| part["values"].as_array());
        values
            .flatten()
            .map(|point| Some((point[0].as_i64()?, point[1].as_f64()?)))
            .collect()
    }

    fn series(&self, series: i64) -> String {
        format!("{}.s{series}", self.name)
    }

    fn at_ms(&self, step: i64) -> i64 {
        self.begin_ms + step * STEP_MS
    }
}

/// A decimal of two places that looks like no other nearby.
fn value(series: i64, step: i64) -> f64 {
    let mixed = (series * 7_919 + step * 104_729) % 1_000_003;
    mixed as f64 / 100.0
}
