//! `POST /api/v1/datapoints/query`: raw points of metrics, one metric after the other.

use std::sync::Arc;

use bytes::Bytes;
use http::{Response, StatusCode};

use super::answer::Answer;
use super::request::{Metric, Query};
use super::{Refused, body, not_an_object, refusal, success, tree};
use crate::base::time::Millis;
use crate::http::question::Question;
use crate::query::error::QueryError;
use crate::query::merge::{Merged, MergedPoints};
use crate::query::plan::{Selector, Want};

/// Answer.
pub(in super::super) async fn answer(question: &Question<'_>) -> Response<Bytes> {
    match asked(question).await {
        Ok(text) => success(StatusCode::OK, text),
        Err(refused) => refusal(refused),
    }
}

async fn asked(question: &Question<'_>) -> Result<Vec<u8>, Refused> {
    let query = {
        let body = body::read(question).await?;
        if body.bytes.trim_ascii().is_empty() {
            return Err(not_an_object());
        }
        let tree = tree::read(&body.bytes, &question.pace()).await?;
        Query::read(&tree, question.began)?
    };
    let mut answer = Answer::new(question);
    for metric in &query.metrics {
        let merged = points_of(question, &query, metric).await?;
        answer.push(metric, merged).await?;
    }
    Ok(answer.end())
}

async fn points_of(
    question: &Question<'_>,
    query: &Query,
    metric: &Metric,
) -> Result<MergedPoints, QueryError> {
    let selector = Selector::Metric {
        name: metric.name.clone(),
        filters: metric.filters.clone(),
    };
    let want = Want::Points {
        selectors: Arc::new([selector]),
        from: Millis(query.start_ms),
        until: Millis(query.end_ms),
        last_slots: Arc::new([]),
    };
    Ok(match question.ask(want).await? {
        Merged::Points(points) => points,
        // No shard answers with anything else.
        _ => MergedPoints::default(),
    })
}
