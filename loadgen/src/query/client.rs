//! One connection that asks.

use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::panel::Question;

/// Longest wait for one answer.
const ANSWER_WAIT: Duration = Duration::from_secs(60);

/// Most bytes of one answer.
const ANSWER_BYTES_MAX: u64 = 256 << 20;

/// With this header an appliance says that an answer lacks something.
const PARTIAL: &str = "x-corelane-partial";

/// A connection that is kept between questions.
pub(super) struct Client {
    agent: ureq::Agent,
    url: String,
}

impl Client {
    pub(super) fn new(url: &str) -> Client {
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(ANSWER_WAIT))
            .http_status_as_error(false)
            .proxy(None)
            .max_idle_connections(1)
            .max_idle_connections_per_host(1)
            .build()
            .into();
        Client {
            agent,
            url: url.trim_end_matches('/').to_owned(),
        }
    }

    /// The body of an answer with status 200.
    pub(super) fn ask(&self, question: &Question) -> Result<Vec<u8>> {
        let address = format!("{}{}", self.url, question.path);
        let mut response = self
            .agent
            .get(&address)
            .query_pairs(question.parameters.iter().map(|(key, value)| (*key, value)))
            .call()
            .with_context(|| format!("{address} does not answer"))?;
        let status = response.status();
        let partial = response
            .headers()
            .get(PARTIAL)
            .map(|value| value.to_str().unwrap_or("something").to_owned());
        let body = response
            .body_mut()
            .with_config()
            .limit(ANSWER_BYTES_MAX)
            .read_to_vec()
            .with_context(|| format!("{address} broke off its answer"))?;
        if status.as_u16() != 200 {
            let text: String = String::from_utf8_lossy(&body).chars().take(300).collect();
            bail!("{question} is answered with {status}: {text}");
        }
        if let Some(reason) = partial {
            bail!("{question} is answered in part: {reason}");
        }
        Ok(body)
    }
}
