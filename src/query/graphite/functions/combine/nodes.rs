//! Nodes of names: those that may differ, and those with which names begin.

use std::collections::BTreeSet;

use super::super::aggregation::Aggregation;
use super::super::arguments::Literal;
use super::super::call::Call;
use super::super::special::slice_index;
use super::aggregate::{aggregate, stem};
use super::by_node::grouped;
use crate::query::error::QueryError;
use crate::query::graphite::target::BYTES_MAX;
use crate::query::rows::other_nodes;
use crate::query::series::Series;

/// `aggregateWithWildcards`: the aggregation is an argument.
pub(super) async fn aggregate_by_name(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let (aggregation, text) = call.aggregation("func")?;
    with_wildcards(call, stem(&text), aggregation).await
}

/// `sumSeriesWithWildcards` and those like it. Nodes are those of the whole name, functions in it
/// included, counted from 0.
pub(super) async fn with_wildcards(
    call: &mut Call<'_>,
    name: &str,
    aggregation: Aggregation,
) -> Result<Vec<Series>, QueryError> {
    let positions = call.literals("position").into_iter();
    let positions: BTreeSet<i64> = positions
        .filter_map(|position| match position {
            Literal::Integer(position) => Some(position),
            _ => None,
        })
        .collect();
    let others = |series: &Series| other_nodes(&series.name, &positions);
    let series = call.take_series("seriesList").await?;
    let mut made = Vec::new();
    for (key, list) in grouped(call, series, others).await? {
        let x_files_factor = call.x_files_factor();
        if let Some(mut one) = aggregate(call, list, name, aggregation, x_files_factor).await? {
            call.rename(&mut one, key).await?;
            made.push(one);
        }
    }
    Ok(made)
}

/// `applyByNode`: what the written targets give begins, and ends at the latest, where the last of the
/// series does.
pub(super) async fn apply(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let node = call.integer("nodeNum")?;
    let template = call.text("templateFunction")?;
    let new_name = call
        .optional_text("newName")
        .filter(|name| !name.is_empty());
    let series = call.take_series("seriesList").await?;
    let place = |one: &Series| (one.start, one.end(), one.range_end());
    let Some((start, end, range_end)) = series.last().map(place) else {
        return Ok(Vec::new());
    };
    let mut prefixes = BTreeSet::new();
    for one in &series {
        prefixes.insert(beginning(&one.name, node));
        call.pace().did_series(one.name.len()).await?;
    }
    call.free(series).await?;
    let mut targets = Vec::with_capacity(prefixes.len());
    for prefix in &prefixes {
        targets.push(filled(call, &template, prefix).await?);
    }
    let lists = call.evaluate_texts(&targets, call.context()).await?;
    let mut made = Vec::new();
    for (prefix, list) in prefixes.into_iter().zip(lists) {
        for mut one in list {
            if let Some(new_name) = &new_name {
                one.name = filled(call, new_name, &prefix).await?;
            }
            one.path_expression.clone_from(&prefix);
            one.start = start;
            let room = end.saturating_sub(start).max(0) / one.step.max(1);
            let room = usize::try_from(room).unwrap_or(usize::MAX);
            one.values.truncate(room.saturating_add(1));
            call.pace().did_series(prefix.len()).await?;
            made.push(one.of_range_to(range_end));
        }
    }
    Ok(made)
}

/// The nodes of `name` up to and with `node`; a negative one counts from the end.
fn beginning(name: &str, node: i64) -> String {
    let nodes: Vec<&str> = name.split('.').collect();
    let end = node.saturating_add(1);
    nodes
        .get(..slice_index(end, nodes.len()))
        .unwrap_or_default()
        .join(".")
}

/// `template` with `prefix` for each `%`.
async fn filled(call: &Call<'_>, template: &str, prefix: &str) -> Result<String, QueryError> {
    let holes = template.bytes().filter(|byte| *byte == b'%').count();
    let bytes = template.len() + holes.saturating_mul(prefix.len());
    if BYTES_MAX < bytes {
        return Err(QueryError::Limit(format!(
            "applyByNode writes targets and names of at most {BYTES_MAX} bytes"
        )));
    }
    call.pay_bytes(bytes as u64)?;
    call.pace().did_series(bytes).await?;
    Ok(template.replace('%', prefix))
}
