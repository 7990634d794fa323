//! The calls by which graphite-web's pages and Grafana's import ask for stored dashboards. None are stored
//! here: lists are empty, and what is asked for by name does not exist. As in graphite-web an error is an
//! object with status 200, because its pages read the object.

use bytes::Bytes;
use http::Response;

use super::errors::Failure;
use super::json::{Beyond, push_text};
use super::question::Question;

/// Characters of a name that its answer repeats.
const NAME_CHARACTERS_MAX: usize = 200;

type Answer = Result<Response<Bytes>, Failure>;

/// `/dashboard/find`
pub(super) async fn find(question: &Question<'_>) -> Answer {
    question.json(b"{\"dashboards\": []}".to_vec()).await
}

/// `/dashboard/find_template`
pub(super) async fn find_template(question: &Question<'_>) -> Answer {
    question.json(b"{\"templates\": []}".to_vec()).await
}

/// `/dashboard/load/<name>`, and with a value behind it a template.
pub(super) async fn load(question: &Question<'_>) -> Answer {
    match question.rest.split_once('/') {
        None => missing(question, "Dashboard", &question.rest).await,
        Some((name, _)) => missing(question, "Template", name).await,
    }
}

/// `/dashboard/load_template/<name>/<value>`
pub(super) async fn load_template(question: &Question<'_>) -> Answer {
    let name = question.rest.split('/').next().unwrap_or_default();
    missing(question, "Template", name).await
}

/// `/dashboard/save/<name>`, `/dashboard/delete/<name>` and those of templates.
pub(super) async fn change(question: &Question<'_>) -> Answer {
    error(question, "No dashboards are stored here").await
}

async fn missing(question: &Question<'_>, what: &str, name: &str) -> Answer {
    let name: String = name.chars().take(NAME_CHARACTERS_MAX).collect();
    // The blank at the end is the original's.
    error(question, &format!("{what} '{name}' does not exist. ")).await
}

async fn error(question: &Question<'_>, told: &str) -> Answer {
    let mut text = b"{\"error\": ".to_vec();
    push_text(told, Beyond::Escaped, &mut text);
    text.push(b'}');
    question.json(text).await
}
