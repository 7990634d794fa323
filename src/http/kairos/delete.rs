//! `POST /datapoints/delete` and `DELETE /metric/{name}`: what has arrived so far goes at once and for good;
//! what arrives later stands.

use bytes::Bytes;
use http::{Response, StatusCode};

use super::query::{read, selector};
use super::{Refused, refusal, success, unstored};
use crate::base::time::Millis;
use crate::http::delete::delete;
use crate::http::errors::Failure;
use crate::http::laid_out;
use crate::http::question::Question;
use crate::query::plan::Selector;

/// `POST /datapoints/delete`: what a query says, of which range, metrics and tags count.
pub(in crate::http) async fn by_query(question: &Question<'_>) -> Response<Bytes> {
    done(deleted_by_query(question).await)
}

/// `DELETE /metric/{name}`: all of a metric.
pub(in crate::http) async fn metric(question: &Question<'_>) -> Response<Bytes> {
    let selector = Selector::Metric {
        name: question.rest.clone(),
        filters: Vec::new(),
    };
    let all = (Millis::MIN, Millis::MAX);
    done(deleted(question, vec![selector], all).await)
}

fn done(deleted: Result<(), Refused>) -> Response<Bytes> {
    match deleted {
        Ok(()) => success(StatusCode::NO_CONTENT, Vec::new()),
        Err(refused) => refusal(refused),
    }
}

async fn deleted_by_query(question: &Question<'_>) -> Result<(), Refused> {
    let (_, query) = read(question).await?;
    let selectors = query.metrics.iter().map(selector);
    let range = (Millis(query.start_ms), Millis(query.end_ms));
    deleted(question, selectors.collect(), range).await
}

/// Of series that nobody knows nothing goes, and nobody is told.
async fn deleted(
    question: &Question<'_>,
    selectors: Vec<Selector>,
    range: (Millis, Millis),
) -> Result<(), Refused> {
    if selectors.is_empty() {
        return Ok(());
    }
    match delete(question, selectors, range).await {
        Ok(_) => Ok(()),
        Err(laid_out::Refused::Said(status, told)) => Err(Refused::new(status, told)),
        Err(laid_out::Refused::Failed(Failure::NotReady(told))) => {
            let status = StatusCode::SERVICE_UNAVAILABLE;
            Err(Refused::new(status, told.trim_end()))
        }
        Err(laid_out::Refused::Failed(Failure::Query { error, .. })) => Err(unstored(error).into()),
    }
}
