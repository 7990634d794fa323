//! `/metrics/find/` in protobuf: which nodes patterns stand for.

use bytes::Bytes;
use http::Response;

use super::{Dialect, message, texts_of_body, too_many};
use crate::http::encode::protobuf::{push_bytes, push_flag, push_text};
use crate::http::errors::Failure;
use crate::http::find::{by_text, matching};
use crate::http::question::Question;

/// Patterns of one request; each is a question to all shards.
const PATTERNS_MAX: usize = 1_000;

/// Answer: one `GlobResponse` in the second version, one for each pattern in the third.
pub(in crate::http) async fn answer(
    question: &Question<'_>,
    dialect: Dialect,
) -> Result<Response<Bytes>, Failure> {
    let patterns = patterns(question, dialect).await?;
    let mut out = Vec::new();
    let mut found = 0;
    for pattern in &patterns {
        let (count, response) = glob(question, pattern).await?;
        found += count;
        question.options.limits.check_series(found)?;
        match dialect {
            Dialect::Second => out = response,
            Dialect::Third => push_bytes(1, &response, &mut out),
        }
        question.options.limits.check_bytes(out.len() as u64)?;
    }
    Ok(message(dialect, (found > 0).then_some(out)))
}

async fn patterns(question: &Question<'_>, dialect: Dialect) -> Result<Vec<String>, Failure> {
    if dialect == Dialect::Third
        && let Some(patterns) = texts_of_body(question, PATTERNS_MAX).await?
    {
        return Ok(patterns);
    }
    let sent: Vec<&str> = match dialect {
        Dialect::Second => question.parameters.last("query").into_iter().collect(),
        Dialect::Third => question.parameters.all("query").collect(),
    };
    match sent.first() {
        None => Err(Failure::invalid("Missing required parameter 'query'")),
        Some(&"") => Err(Failure::invalid("Required parameter 'query' is empty")),
        Some(_) if PATTERNS_MAX < sent.len() => Err(too_many(PATTERNS_MAX)),
        Some(_) => Ok(sent.into_iter().map(str::to_owned).collect()),
    }
}

/// How many nodes match, and their `GlobResponse`.
async fn glob(question: &Question<'_>, pattern: &str) -> Result<(usize, Vec<u8>), Failure> {
    let nodes = matching(question, pattern, false).await?;
    let found = by_text(question, &nodes).await?;
    let mut out = Vec::new();
    push_text(1, pattern, &mut out);
    let mut inner = Vec::new();
    for (i, &(node, leaf)) in found.iter().enumerate() {
        inner.clear();
        push_text(1, &node.path, &mut inner);
        push_flag(2, leaf, &mut inner);
        push_bytes(2, &inner, &mut out);
        question.options.limits.check_bytes(out.len() as u64)?;
        question.breathe_every(i).await?;
    }
    Ok((found.len(), out))
}
