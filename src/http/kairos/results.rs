//! From the points of a metric to its results: KairosDB's way through groups and aggregators.

use std::rc::Rc;

use http::StatusCode;

use super::Refused;
use super::cells;
use super::gather::{Gathered, Group};
use super::query::all_points;
use super::request::{Metric, Query};
use super::saving::Saving;
use crate::http::question::Question;
use crate::query::error::QueryError;
use crate::query::kairos::stream::{Kind, Point, Stream, Texts};
use crate::query::kairos::{self, Context, KairosError, SeriesPoints, aggregate, merge, partition};
use crate::query::merge::Merged;

/// What was found of a metric.
pub(super) enum Found {
    /// Points as they were stored, in groups by kind and tags: there is nothing to be computed.
    Stored(Gathered),
    /// What groupers and aggregators made of them.
    Computed(Computed),
}

/// Results that were computed.
#[derive(Debug, Default)]
pub(super) struct Computed {
    /// Points that were read.
    pub(super) sample_size: u64,
    /// In the order in which they are told.
    pub(super) results: Vec<QueryResult>,
    /// What the texts among their points say.
    pub(super) texts: Texts,
}

/// One result.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct QueryResult {
    /// Which series it is of; results of the same share it.
    pub(super) group: Rc<Group>,
    /// Which of their points: what each grouper says of them.
    pub(super) ids: Vec<i64>,
    /// What they come to.
    pub(super) stream: Stream,
}

/// Bytes of a point on its way.
const POINT_BYTES: u64 = size_of::<Point>() as u64;

impl From<KairosError> for Refused {
    fn from(error: KairosError) -> Refused {
        match error {
            KairosError::Query(error) => error.into(),
            KairosError::Failed(told) => Refused {
                status: StatusCode::INTERNAL_SERVER_ERROR,
                errors: told.into_iter().collect(),
            },
        }
    }
}

impl Found {
    /// Bytes that [`Question::hold`] was told of.
    pub(super) fn held(&self) -> u64 {
        match self {
            Found::Stored(_) => 0,
            Found::Computed(computed) => {
                let results = computed.results.iter();
                let points: u64 = results
                    .map(|result| result.stream.points.len() as u64)
                    .sum();
                points.saturating_mul(POINT_BYTES)
            }
        }
    }

    /// Points that were read.
    pub(super) fn sample_size(&self) -> u64 {
        match self {
            Found::Stored(gathered) => gathered.sample_size,
            Found::Computed(computed) => computed.sample_size,
        }
    }
}

/// What a metric of a query comes to.
pub(super) async fn find(
    question: &Question<'_>,
    query: &Query,
    metric: &Metric,
) -> Result<Found, Refused> {
    if metric.groupers.is_empty() && metric.aggregators.is_empty() {
        let mut gathered = gather(question, query, metric).await?;
        if gathered.groups.is_empty() && !question.options.kairos_query.drop_empty {
            gathered.groups.push(Group::default());
        }
        return Ok(Found::Stored(gathered));
    }
    let computed = compute(question, query, metric, &Saving::new(question)).await?;
    Ok(Found::Computed(computed))
}

/// The same as streams, also where there is nothing to be computed. `saving` stores what `save_as` sees.
pub(super) async fn compute(
    question: &Question<'_>,
    query: &Query,
    metric: &Metric,
    saving: &Saving<'_>,
) -> Result<Computed, Refused> {
    let pace = question.pace();
    let limits = &question.options.limits;
    let none = Texts::default();
    let shared = Context {
        start: query.start_ms,
        end: query.end_ms,
        now: question.began.0,
        descending: metric.is_descending,
        limits,
        texts: &none,
        saver: None,
        pace: &pace,
    };
    let plan = cells::plan(metric, &shared);
    let folded = match plan {
        Some(plan) => cells::gather(question, query, metric, plan).await?,
        None => None,
    };
    let (mut gathered, mut groups) = match folded {
        Some(folded) => folded,
        None => {
            let mut gathered = gather(question, query, metric).await?;
            let groups = std::mem::take(&mut gathered.groups);
            (
                gathered,
                groups.into_iter().map(|group| (group, None)).collect(),
            )
        }
    };
    if groups.is_empty() && metric.groupers.is_empty() {
        groups.push((Group::default(), None));
    }
    let mut results = Vec::new();
    let mut points = 0_u64;
    for (group, folded) in groups {
        let group = Rc::new(group);
        let saver = saving.of(metric, &group.tags, &gathered.texts);
        let context = Context {
            texts: &gathered.texts,
            saver: Some(&saver),
            ..shared
        };
        let mut parts = Vec::new();
        let mut aggregators = metric.aggregators.as_slice();
        let mut read = 0;
        match folded {
            Some(stream) => {
                let ids = Vec::new();
                parts.push(kairos::Group { ids, stream });
                // The first is done.
                aggregators = aggregators.get(1..).unwrap_or_default();
            }
            None => {
                read = point_bytes(gathered.count(&group, metric));
                question.hold(read)?;
                let stream = stream(&gathered, &group, metric, &context).await?;
                parts = partition(stream, &metric.groupers, &context).await?;
            }
        }
        for part in parts {
            let mut stream = part.stream;
            stream.points.truncate(metric.limit.unwrap_or(usize::MAX));
            let stream = aggregate(stream, aggregators, &context).await?;
            points = points.saturating_add(stream.points.len() as u64);
            limits.check_points_returned(points)?;
            question.hold(point_bytes(stream.points.len()))?;
            limits.check_bytes(points.saturating_mul(POINT_BYTES))?;
            if stream.points.is_empty() && question.options.kairos_query.drop_empty {
                continue;
            }
            results.push(QueryResult {
                group: Rc::clone(&group),
                ids: part.ids,
                stream,
            });
        }
        // It has become what was made of it.
        question.let_go(read);
    }
    let computed = Computed {
        sample_size: gathered.sample_size,
        texts: std::mem::take(&mut gathered.texts),
        results,
    };
    gathered.free(&pace).await?;
    Ok(computed)
}

/// Bytes of points in a stream.
fn point_bytes(points: usize) -> u64 {
    (points as u64).saturating_mul(POINT_BYTES)
}

/// Read the points of a metric.
async fn gather(
    question: &Question<'_>,
    query: &Query,
    metric: &Metric,
) -> Result<Gathered, QueryError> {
    let found = match question.ask(all_points(query, metric)).await? {
        Merged::Points(points) => points,
        // No shard answers with anything else.
        _ => return Ok(Gathered::default()),
    };
    if found.clashes > 0 {
        tracing::error!(
            clashes = found.clashes,
            "series of different names share an identity; they were kept apart"
        );
    }
    Gathered::new(metric, found.series, &question.pace()).await
}

/// The points of a group in one order.
async fn stream(
    gathered: &Gathered,
    group: &Group,
    metric: &Metric,
    context: &Context<'_>,
) -> Result<Stream, QueryError> {
    let count = gathered.count(group, metric);
    context.limits.check_bytes(point_bytes(count))?;
    let series: Vec<SeriesPoints<'_>> = gathered.limited(group, metric).collect();
    let kind = group.kind.unwrap_or(Kind::Number);
    merge(
        &series,
        kind,
        metric.is_descending,
        usize::MAX,
        context.pace,
    )
    .await
}
