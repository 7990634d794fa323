//! `/render` as carbonapi asks its storage nodes: protobuf.

use bytes::Bytes;
use http::Response;

use super::explain::Stages;
use super::request::{Request, read_target};
use super::{Pieces, VALUES_PER_BREATH, Work, check_returned, evaluate_all};
use crate::http::carbon::{self, Dialect, QUERIES_MAX, Query, Shape};
use crate::http::errors::Failure;
use crate::http::question::{Question, document};
use crate::query::error::QueryError;
use crate::query::graphite::Context;
use crate::query::graphite::evaluate::Budget;
use crate::query::graphite::target::Target;
use crate::query::series::Series;

/// Queries that have one range.
struct Group {
    context: Context,
    /// The range as it was sent.
    range: (i64, i64),
    /// What the answer repeats, and what it means.
    targets: Vec<(String, Target)>,
}

/// Answer; nothing found is status 404.
pub(super) async fn answer(
    question: &Question<'_>,
    dialect: Dialect,
) -> Result<Response<Bytes>, Failure> {
    let budget = Budget::new(question.options.limits.bytes_max, question.share());
    let groups = groups(question, dialect).await?;
    let mut series = Vec::new();
    let printed = match evaluate_groups(question, &groups, &budget, &mut series).await {
        Ok(ranges) => print(question, dialect, &budget, &series, &ranges).await,
        Err(failure) => Err(failure),
    };
    let found = !series.is_empty();
    question.free(series).await;
    let text = printed?;
    if !found {
        return Ok(carbon::nothing());
    }
    Ok(document(dialect.kind(), text))
}

async fn groups(question: &Question<'_>, dialect: Dialect) -> Result<Vec<Group>, Failure> {
    let queries = match dialect {
        Dialect::Second => None,
        Dialect::Third => carbon::queries(question).await?,
    };
    let Some(queries) = queries else {
        let Request {
            context, targets, ..
        } = Request::of_parameters(question).await?;
        let range = (context.from, context.until);
        return Ok(vec![Group {
            context,
            range,
            targets,
        }]);
    };
    let mut groups: Vec<Group> = Vec::new();
    let pace = question.pace();
    for query in queries {
        let bytes = query.target.len();
        add(question, query, &mut groups)?;
        // Groups are looked through, and a target is read at about 10 ns a byte.
        pace.did(bytes + groups.len()).await?;
    }
    Ok(groups)
}

fn add(question: &Question<'_>, query: Query, groups: &mut Vec<Group>) -> Result<(), Failure> {
    let range = (query.from, query.until);
    let target = read_target(&query.target, &[]).map_err(|error| Failure::Query {
        error,
        targets: vec![query.target.clone()],
    })?;
    let asked = (query.path_expression, target);
    if let Some(group) = groups.iter_mut().rfind(|group| group.range == range) {
        group.targets.push(asked);
        return Ok(());
    }
    groups.push(Group {
        context: Request::context(question, range)?,
        range,
        targets: vec![asked],
    });
    Ok(())
}

/// The series of all groups, appended to `series`. For each group that has some, its range and the end of
/// its series.
async fn evaluate_groups(
    question: &Question<'_>,
    groups: &[Group],
    budget: &Budget,
    series: &mut Vec<Series>,
) -> Result<Vec<((i64, i64), usize)>, Failure> {
    let mut ranges = Vec::with_capacity(groups.len().min(QUERIES_MAX));
    let stages = Stages::default();
    let work = Work {
        question,
        budget,
        stages: &stages,
        fresh: false,
    };
    for group in groups {
        evaluate_all(work, &group.targets, &group.context, series).await?;
        ranges.push((group.range, series.len()));
    }
    Ok(ranges)
}

/// `MultiFetchResponse`
async fn print(
    question: &Question<'_>,
    dialect: Dialect,
    budget: &Budget,
    series: &[Series],
    ranges: &[((i64, i64), usize)],
) -> Result<Vec<u8>, Failure> {
    check_returned(question, series)?;
    let mut pieces = Pieces::new(question, budget, series, carbon::VALUE_BYTES);
    let mut begin = 0;
    for &(range, end) in ranges {
        for one in series.get(begin..end).unwrap_or_default() {
            push(&mut pieces, dialect, one, range).await?;
        }
        begin = end;
    }
    Ok(pieces.text)
}

async fn push(
    pieces: &mut Pieces<'_>,
    dialect: Dialect,
    series: &Series,
    range: (i64, i64),
) -> Result<(), QueryError> {
    let shape = Shape::new(dialect, series, range);
    shape.begin(series, &mut pieces.text);
    for values in series.values.chunks(VALUES_PER_BREATH) {
        shape.push_values(values, &mut pieces.text);
        pieces.did(values.len()).await?;
    }
    shape.end(&mut pieces.text);
    for values in series.values.chunks(VALUES_PER_BREATH) {
        shape.push_marks(values, &mut pieces.text);
        pieces.did(values.len() / 8).await?;
    }
    pieces.did_series(series).await
}
