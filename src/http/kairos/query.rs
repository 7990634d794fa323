//! `/api/v1/datapoints/query`: points of metrics, grouped and aggregated; and `/query/tags`, which tags the
//! series of metrics have.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Response, StatusCode};

use super::answer::Answer;
use super::report::Queried;
use super::request::{Metric, Query, Reading};
use super::results::{self, Found};
use super::running::Kill;
use super::{Refused, body, not_an_object, refusal, success, tree, tree_text};
use crate::base::time::Millis;
use crate::http::question::Question;
use crate::model::series::SeriesName;
use crate::query::breath::Pace;
use crate::query::kairos::tags::{self, Tags};
use crate::query::merge::Merged;
use crate::query::plan::{Selector, Want};
use tree::Tree;

/// Bytes of a slow query that the log shows.
const SHOWN_BYTES_MAX: usize = 300;

/// Answer with points.
pub(in super::super) async fn answer(question: &Question<'_>) -> Response<Bytes> {
    told(points(question).await)
}

/// Answer with tags.
pub(in super::super) async fn tags(question: &Question<'_>) -> Response<Bytes> {
    told(tags_of(question).await)
}

fn told(answered: Result<Vec<u8>, Refused>) -> Response<Bytes> {
    match answered {
        Ok(text) => success(StatusCode::OK, text),
        Err(refused) => refusal(refused),
    }
}

async fn points(question: &Question<'_>) -> Result<Vec<u8>, Refused> {
    let told = question.options.kairos.report.as_deref();
    let printed = match read(question).await {
        Ok((tree, query)) => {
            let printed = print(question, &tree, &query).await;
            tell_if_slow(question, &query);
            printed
        }
        Err(refused) => Err(refused),
    };
    if let Some(told) = told {
        told.request(question.fleet.now(), question.took(), printed.is_ok());
    }
    printed
}

async fn print(question: &Question<'_>, tree: &Tree, query: &Query) -> Result<Vec<u8>, Refused> {
    let mut answer = Answer::new(question);
    answer.has_exact_types = query.has_exact_types;
    answer.begin(tree).await?;
    let kill = Arc::new(Kill::default());
    question.may_be_killed(Arc::clone(&kill));
    let mut json = Vec::new();
    tree_text::push_in_pieces(tree, &mut json, answer.pace()).await?;
    for (place, metric) in query.metrics.iter().enumerate() {
        let options = &question.options.kairos;
        let _listed = options.running.begin(&metric.name, &json, &kill);
        let (asking, began) = (question.asking(), question.took());
        let found = results::find(question, query, metric).await?;
        let (sample_size, held) = (found.sample_size(), found.held());
        push(&mut answer, metric, found).await?;
        question.let_go(held);
        question.forget();
        if let Some(report) = &options.report {
            let queried = Queried {
                metric: &metric.name,
                place,
                sample_size,
                asking: question.asking().saturating_sub(asking),
                took: question.took().saturating_sub(began),
            };
            report.queried(question.fleet.now(), &queried);
        }
    }
    Ok(answer.end())
}

/// Append what was found of a metric.
async fn push(answer: &mut Answer<'_>, metric: &Metric, found: Found) -> Result<(), Refused> {
    answer.begin_metric(Some(found.sample_size()));
    match found {
        Found::Stored(gathered) => {
            for group in &gathered.groups {
                answer.push_stored(metric, &gathered, group).await?;
            }
            answer.end_metric();
            gathered.free(answer.pace()).await?;
        }
        Found::Computed(computed) => {
            for result in &computed.results {
                let points = &result.stream.points;
                let group = (result.group.as_ref(), result.ids.as_slice());
                answer
                    .push_computed(metric, group, points, &computed.texts)
                    .await?;
            }
            answer.end_metric();
        }
    }
    Ok(())
}

async fn tags_of(question: &Question<'_>) -> Result<Vec<u8>, Refused> {
    let (tree, query) = read(question).await?;
    let mut answer = Answer::new(question);
    answer.begin(&tree).await?;
    for metric in &query.metrics {
        let selectors = Arc::new([selector(metric)]);
        let mut all = Tags::new();
        if let Merged::Names(names) = question.ask(Want::NamesOf { selectors }).await? {
            question.options.limits.check_series(names.len())?;
            for name in names {
                if let Ok(name) = SeriesName::from_text(&name) {
                    tags::add(&mut all, &name);
                }
                answer.pace().did_series(name.len()).await?;
            }
        }
        answer.begin_metric(None);
        answer.push_tags_of(metric, &all).await?;
        answer.end_metric();
        question.forget();
    }
    tell_if_slow(question, &query);
    Ok(answer.end())
}

/// Which series a metric of a query means.
pub(super) fn selector(metric: &Metric) -> Selector {
    Selector::Metric {
        name: metric.name.clone(),
        filters: metric.filters.clone(),
    }
}

/// All stored points of a metric.
pub(super) fn all_points(query: &Query, metric: &Metric) -> Want {
    Want::Points {
        selectors: Arc::new([selector(metric)]),
        from: Millis(query.start_ms),
        until: Millis(query.end_ms),
        last_slots: Arc::new([]),
    }
}

/// The query of a request, as it was sent and as it is meant.
pub(super) async fn read(question: &Question<'_>) -> Result<(Tree, Query), Refused> {
    let tree = if question.method == Method::POST {
        let body = body::read(question).await?;
        if body.bytes.trim_ascii().is_empty() {
            return Err(not_an_object("null"));
        }
        tree::read(&body.bytes, &question.pace()).await?
    } else {
        let url = question.request.uri().query().unwrap_or_default();
        let mut pairs = form_urlencoded::parse(url.as_bytes());
        let text = pairs.find(|(name, _)| name == "query");
        match text.filter(|(_, text)| !text.trim().is_empty()) {
            Some((_, text)) => tree::read(text.as_bytes(), &question.pace()).await?,
            None => return Err(Refused::bad("query json must not be null or empty")),
        }
    };
    let reading = Reading {
        now: question.began,
        options: &question.options.kairos_query,
    };
    let tree = object(tree, &question.pace()).await?;
    let query = Query::read(&tree, reading)?;
    Ok((tree, query))
}

/// A body, which must be an object.
pub(super) async fn object(tree: Tree, pace: &Pace<'_>) -> Result<Tree, Refused> {
    if matches!(tree, Tree::Object(_)) {
        return Ok(tree);
    }
    let mut json = Vec::new();
    tree_text::push_in_pieces(&tree, &mut json, pace).await?;
    Err(not_an_object(&String::from_utf8_lossy(&json)))
}

/// Keep what a slow query was in the log.
fn tell_if_slow(question: &Question<'_>, query: &Query) {
    let took = question.took();
    let slow = question.options.slow;
    if slow.is_zero() || took < slow {
        return;
    }
    let names = query.metrics.iter().map(|metric| metric.name.as_str());
    let mut names = names.collect::<Vec<&str>>().join(" ");
    if SHOWN_BYTES_MAX < names.len() {
        names.truncate(names.floor_char_boundary(SHOWN_BYTES_MAX));
        names.push_str(" ...");
    }
    tracing::info!(
        metrics = names,
        from_ms = query.start_ms,
        until_ms = query.end_ms,
        took_ms = took.as_millis() as u64,
        "slow query"
    );
}
