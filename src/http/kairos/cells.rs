//! Queries whose first aggregator the shards can do: they send what the points of each bucket come to, and
//! not the points.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::gather::{Gathered, Group};
use super::query::selector;
use super::request::{Metric, Query};
use crate::base::time::Millis;
use crate::http::question::Question;
use crate::query::error::QueryError;
use crate::query::kairos::Context;
use crate::query::kairos::cells::{CellPlan, Cells};
use crate::query::kairos::joining::stretch;
use crate::query::kairos::stream::{Kind, Stream};
use crate::query::kairos::tags;
use crate::query::merge::{Merged, MergedCells};
use crate::query::plan::Want;
use crate::query::scan::Folding;

/// Points that are folded in one go.
const AT_ONCE: usize = 1_000;

/// How points become cells, where that comes to the same.
pub(super) fn plan(metric: &Metric, context: &Context<'_>) -> Option<CellPlan> {
    let first = metric.aggregators.first()?;
    let is_whole = metric.groupers.is_empty() && metric.limit.is_none();
    is_whole
        .then(|| CellPlan::new(first, Kind::Number, context))
        .flatten()
}

/// What was found of a metric: texts, whose groups are still to be computed, and behind the first aggregator
/// the streams of numbers. `None` where a series came to another shard meanwhile: then ask for points.
pub(super) async fn gather(
    question: &Question<'_>,
    query: &Query,
    metric: &Metric,
    plan: CellPlan,
) -> Result<Option<(Gathered, Vec<(Group, Option<Stream>)>)>, QueryError> {
    let pace = question.pace();
    let found = ask(question, query, metric, &plan).await?;
    if found.torn {
        return Ok(None);
    }
    let mut gathered = Gathered::new(metric, found.rest.series, &pace).await?;
    gathered.sample_size = gathered.sample_size.saturating_add(found.folded);
    let keys = metric.tags.as_deref().unwrap_or_default();
    let mut numbers: BTreeMap<(String, Vec<String>), (Group, Cells)> = BTreeMap::new();
    for (values, merged) in found.groups {
        let mut cells = Cells::default();
        for part in merged.parts {
            cells.join(&plan, part, &pace).await?;
        }
        let key = (tags::sorted_by(keys, &values), values.clone());
        let group = Group::of_numbers(values, merged.tags);
        numbers.insert(key, (group, cells));
        pace.did_series(0).await?;
    }
    let mut texts = Vec::new();
    for group in std::mem::take(&mut gathered.groups) {
        if group.kind != Some(Kind::Number) {
            texts.push((group, None));
            continue;
        }
        let key = (tags::sorted_by(keys, &group.values), group.values.clone());
        let (known, cells) = numbers.entry(key).or_default();
        for points in gathered.series_of(&group) {
            for begin in (0..points.len()).step_by(AT_ONCE) {
                let some = stretch(points, begin..(begin + AT_ONCE).min(points.len()));
                cells.fold(&plan, &some);
                pace.did(some.len()).await?;
            }
        }
        known.kind = group.kind;
        known.values = group.values;
        tags::join(&mut known.tags, group.tags);
    }
    let mut groups = Vec::with_capacity(numbers.len() + texts.len());
    for (group, cells) in numbers.into_values() {
        groups.push((group, Some(cells.finish(&plan, &pace).await?)));
    }
    groups.append(&mut texts);
    Ok(Some((gathered, groups)))
}

/// Which series are in several places is asked first: their points have to be joined before they are folded.
async fn ask(
    question: &Question<'_>,
    query: &Query,
    metric: &Metric,
    plan: &CellPlan,
) -> Result<MergedCells, QueryError> {
    let selectors = Arc::new([selector(metric)]);
    let shared = match question.ask(Want::Shared { selectors }).await? {
        Merged::Series(shared) => HashSet::from_iter(shared),
        // No shard answers with anything else.
        _ => HashSet::new(),
    };
    let want = Want::Cells {
        selector: selector(metric),
        folding: Arc::new(Folding {
            plan: plan.clone(),
            tags: metric.tags.clone().unwrap_or_default(),
            shared,
        }),
        from: Millis(query.start_ms),
        until: Millis(query.end_ms),
    };
    Ok(match question.ask(want).await? {
        Merged::Cells(cells) => cells,
        _ => MergedCells::default(),
    })
}
