//! `/metrics/expand`: the paths that patterns stand for.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use http::Response;

use super::errors::Failure;
use super::find::{self, List};
use super::json::{Beyond, push_text};
use super::question::Question;
use crate::query::error::QueryError;

/// Patterns of one request; each is a question to all shards.
const QUERIES_MAX: usize = 1_000;

/// Answer.
pub(super) async fn answer(question: &Question<'_>) -> Result<Response<Bytes>, Failure> {
    question.callback()?;
    let leaves_only = question.parameters.switch("leavesOnly")?;
    let by_query = question.parameters.switch("groupByExpr")?;
    let queries: BTreeSet<&str> = question.parameters.all("query").collect();
    if queries.len() > QUERIES_MAX {
        return Err(Failure::invalid(format!(
            "more than {QUERIES_MAX} values of 'query'; send several requests"
        )));
    }
    let beyond = question.beyond();
    let mut groups: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let mut paths = 0;
    for query in queries {
        let nodes = find::matching(question, query, leaves_only).await?;
        paths += nodes.len();
        question.options.limits.check_series(paths)?;
        let group = groups.entry(if by_query { query } else { "" }).or_default();
        for (i, node) in nodes.into_iter().enumerate() {
            group.insert(node.path);
            question.breathe_every(i).await?;
        }
    }
    let mut text = b"{\"results\": ".to_vec();
    if by_query {
        text.push(b'{');
        for (i, (query, paths)) in groups.iter().enumerate() {
            if i > 0 {
                text.extend_from_slice(b", ");
            }
            push_text(query, beyond, &mut text);
            text.extend_from_slice(b": ");
            text.extend_from_slice(&array(question, paths, beyond).await?);
        }
        text.push(b'}');
    } else {
        let all = groups.remove("").unwrap_or_default();
        text.extend_from_slice(&array(question, &all, beyond).await?);
    }
    text.push(b'}');
    let mut response = question.json_of(text, beyond).await?;
    find::forbid_keeping(&mut response);
    Ok(response)
}

async fn array(
    question: &Question<'_>,
    paths: &BTreeSet<String>,
    beyond: Beyond,
) -> Result<Vec<u8>, QueryError> {
    let mut list = List::new();
    for (i, path) in paths.iter().enumerate() {
        push_text(path, beyond, list.item());
        list.check(question)?;
        question.breathe_every(i).await?;
    }
    Ok(list.end())
}
