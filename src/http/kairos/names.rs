//! `/metricnames`, `/tagnames`, `/tagvalues`: what there is, sorted by bytes, each once.

use std::sync::Arc;

use bytes::Bytes;
use http::Response;

use super::{Refused, answered, push_text};
use crate::http::parameters::Parameters;
use crate::http::question::Question;
use crate::index::tags::{NAME_KEY, OWN_NAME_KEY, own_key};
use crate::query::error::QueryError;
use crate::query::merge::Merged;
use crate::query::plan::{Filter, TagPart, TagQuery, Want};

/// `GET /metricnames[?prefix=…]`
pub(in crate::http) async fn metrics(question: &Question<'_>) -> Response<Bytes> {
    answered(listed_metrics(question).await)
}

/// `GET /tagnames`
pub(in crate::http) async fn tag_names(question: &Question<'_>) -> Response<Bytes> {
    answered(listed_keys(question).await)
}

/// `GET /tagvalues`
pub(in crate::http) async fn tag_values(question: &Question<'_>) -> Response<Bytes> {
    answered(listed_values(question).await)
}

async fn listed_metrics(question: &Question<'_>) -> Result<Vec<u8>, Refused> {
    let parameters = Parameters::of_url(question.request, &question.pace()).await;
    let parameters = parameters.map_err(|_| Refused::bad("the query of the URL cannot be read"))?;
    let prefix = parameters.last("prefix").unwrap_or_default().to_owned();
    let names = ask(question, Want::Metrics { prefix }).await?;
    let hidden = &question.options.kairos.hidden_metrics;
    let is_shown = |name: &String| !hidden.iter().any(|prefix| name.starts_with(prefix));
    list(question, names.into_iter().filter(is_shown)).await
}

async fn listed_keys(question: &Question<'_>) -> Result<Vec<u8>, Refused> {
    let mut names = ask(question, tags(TagPart::Keys)).await?;
    // The first is the metric. The second is what a tag called `name` is kept under, and one that was sent
    // so.
    let all = names.len();
    names.retain(|name| name != NAME_KEY && name != OWN_NAME_KEY);
    if names.len() + 1 < all {
        for name in [NAME_KEY, OWN_NAME_KEY] {
            let query = TagQuery {
                limit: 1,
                ..all_of(TagPart::Values(own_key(name).to_owned()))
            };
            if !ask(question, Want::Tags(Arc::new(query))).await?.is_empty() {
                let at = names.partition_point(|known| known.as_str() < name);
                names.insert(at, name.to_owned());
            }
        }
    }
    list(question, names.into_iter()).await
}

async fn listed_values(question: &Question<'_>) -> Result<Vec<u8>, Refused> {
    let names = ask(question, tags(TagPart::AllValues)).await?;
    list(question, names.into_iter()).await
}

fn tags(part: TagPart) -> Want {
    Want::Tags(Arc::new(all_of(part)))
}

fn all_of(part: TagPart) -> TagQuery {
    TagQuery {
        part,
        tests: Vec::new(),
        filter: Filter::All,
        limit: usize::MAX,
    }
}

async fn ask(question: &Question<'_>, want: Want) -> Result<Vec<String>, QueryError> {
    Ok(match question.ask(want).await? {
        Merged::Names(names) => names,
        // No shard answers with anything else.
        _ => Vec::new(),
    })
}

/// `{"results":[…]}`
pub(super) async fn list<T: AsRef<str>>(
    question: &Question<'_>,
    names: impl Iterator<Item = T>,
) -> Result<Vec<u8>, Refused> {
    let mut text = b"{\"results\":[".to_vec();
    for (i, name) in names.enumerate() {
        if i > 0 {
            text.push(b',');
        }
        push_text(name.as_ref(), &mut text);
        question.options.limits.check_bytes(text.len() as u64)?;
        question.breathe_every(i).await?;
    }
    text.extend_from_slice(b"]}");
    Ok(text)
}
