//! Asks raw points back through KairosDB's query door, which answers each point as it is, without
//! steps or slots; and whether the server is ready.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::json;

/// Longest wait for one answer.
const ANSWER_WAIT: Duration = Duration::from_secs(60);

/// Most bytes of one answer.
const ANSWER_BYTES_MAX: u64 = 256 << 20;

/// Pause between two looks at whether the server is ready.
const READY_EVERY: Duration = Duration::from_millis(3);

/// The points of one series: milliseconds and value.
pub type Points = Vec<(i64, f64)>;

#[derive(Deserialize)]
struct Answer {
    queries: Vec<Query>,
}

#[derive(Deserialize)]
struct Query {
    results: Vec<Part>,
}

#[derive(Deserialize)]
struct Part {
    values: Points,
}

/// A client of one run of the server.
pub struct Asker {
    agent: ureq::Agent,
    url: String,
}

impl Asker {
    /// Asks at `url`, for example `http://127.0.0.1:8080`.
    pub fn new(url: &str) -> Asker {
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(ANSWER_WAIT))
            .http_status_as_error(false)
            .proxy(None)
            .build()
            .into();
        Asker {
            agent,
            url: url.trim_end_matches('/').to_owned(),
        }
    }

    /// True if `/ready` says so.
    pub fn is_ready(&self) -> bool {
        let address = format!("{}/ready", self.url);
        let answer = self.agent.get(&address).call();
        answer.is_ok_and(|answer| answer.status().as_u16() == 200)
    }

    /// Waits until it is ready; gives how long that took, none if `alive` says no or the time is up.
    pub fn wait_ready(&self, most: Duration, mut alive: impl FnMut() -> bool) -> Option<Duration> {
        let begin = Instant::now();
        while begin.elapsed() < most && alive() {
            if self.is_ready() {
                return Some(begin.elapsed());
            }
            std::thread::sleep(READY_EVERY);
        }
        None
    }

    /// All points of each of these series from `start_ms` on. Names carry their tags:
    /// `name;key=value`.
    pub fn points(&self, names: &[String], start_ms: i64) -> Result<Vec<Points>> {
        let metrics: Vec<serde_json::Value> = names.iter().map(|name| metric(name)).collect();
        let body = json!({"start_absolute": start_ms, "metrics": metrics}).to_string();
        let address = format!("{}/api/v1/datapoints/query", self.url);
        let mut response = self
            .agent
            .post(&address)
            .header("content-type", "application/json")
            .send(&body)
            .with_context(|| format!("{address} does not answer"))?;
        let status = response.status();
        let bytes = response
            .body_mut()
            .with_config()
            .limit(ANSWER_BYTES_MAX)
            .read_to_vec()
            .with_context(|| format!("{address} broke off its answer"))?;
        if !status.is_success() {
            let text: String = String::from_utf8_lossy(&bytes).chars().take(300).collect();
            bail!("{address} answered {status}: {text}");
        }
        let answer: Answer = serde_json::from_slice(&bytes)
            .with_context(|| format!("{address} did not answer as KairosDB does"))?;
        if answer.queries.len() != names.len() {
            bail!(
                "{address} answered {} of {} queries",
                answer.queries.len(),
                names.len()
            );
        }
        let join = |query: Query| {
            query
                .results
                .into_iter()
                .flat_map(|part| part.values)
                .collect()
        };
        Ok(answer.queries.into_iter().map(join).collect())
    }
}

/// The part of a query that selects exactly this series.
fn metric(name: &str) -> serde_json::Value {
    let mut parts = name.split(';');
    let metric = parts.next().unwrap_or_default();
    let tags: serde_json::Map<String, serde_json::Value> = parts
        .filter_map(|part| part.split_once('='))
        .map(|(key, value)| (key.to_owned(), json!([value])))
        .collect();
    json!({"name": metric, "tags": tags})
}
