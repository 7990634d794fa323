//! `mapSeries` and `reduceSeries`: a function called for each of several lists.

use std::collections::{BTreeMap, HashMap};

use super::super::alias::node_key;
use super::super::call::Call;
use super::super::special::slice_index;
use super::by_node::grouped;
use crate::query::error::QueryError;
use crate::query::series::Series;

/// `mapSeries`.
pub(super) async fn map(call: &mut Call<'_>) -> Result<Vec<Vec<Series>>, QueryError> {
    let nodes = call.literals("mapNodes");
    let series = call.take_series("seriesList").await?;
    let groups = grouped(call, series, |one| node_key(one, &nodes)).await?;
    Ok(groups.into_iter().map(|(_, list)| list).collect())
}

/// The arguments of one call, by their place among the matchers.
struct Arguments {
    name: String,
    by_place: BTreeMap<usize, Series>,
}

/// `reduceSeries`. Series that no matcher names are left out; of several that one names the last counts.
pub(super) async fn reduce(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let function = call.text("reduceFunction")?;
    if super::super::find(&function).is_none() {
        return Err(QueryError::Invalid(format!(
            "Received request for unknown function: {function}"
        )));
    }
    let node = call.integer("reduceNode")?;
    let matchers = call.texts("reduceMatchers");
    let mut place_of: HashMap<&str, usize> = HashMap::new();
    for (index, matcher) in matchers.iter().enumerate() {
        place_of.entry(matcher).or_insert(index);
    }
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut calls: Vec<Arguments> = Vec::new();
    for one in call.take_lists("seriesLists").into_iter().flatten() {
        let (before, matched) = split(&one.name, node).ok_or_else(|| {
            QueryError::Invalid(format!("reduceSeries: \"{}\" has no node {node}", one.name))
        })?;
        call.pace().did_series(one.name.len()).await?;
        let Some(&argument) = place_of.get(matched) else {
            continue;
        };
        let name = format!("{before}.reduce.{function}");
        let index = *places.entry(name.clone()).or_insert(calls.len());
        if index == calls.len() {
            let by_place = BTreeMap::new();
            calls.push(Arguments { name, by_place });
        }
        if let Some(arguments) = calls.get_mut(index) {
            let replaced = arguments.by_place.insert(argument, one);
            call.free(replaced.into_iter().collect()).await?;
        }
    }
    let mut made = Vec::with_capacity(calls.len());
    for Arguments { name, by_place } in calls {
        made.push(called(call, &function, &matchers, name, by_place).await?);
    }
    Ok(made)
}

/// The nodes before node `node` of `name`, and that node.
fn split(name: &str, node: i64) -> Option<(String, &str)> {
    let nodes: Vec<&str> = name.split('.').collect();
    let index = slice_index(node, nodes.len());
    let is_inside = node.saturating_add(nodes.len() as i64) >= 0;
    let matched = nodes.get(index).filter(|_| is_inside)?;
    Some((nodes.get(..index)?.join("."), matched))
}

async fn called(
    call: &Call<'_>,
    function: &str,
    matchers: &[String],
    name: String,
    mut by_place: BTreeMap<usize, Series>,
) -> Result<Series, QueryError> {
    let mut lists = Vec::with_capacity(by_place.len());
    for (place, matcher) in matchers.iter().enumerate() {
        let series = by_place.remove(&place).ok_or_else(|| {
            QueryError::Invalid(format!("{name}: there is no series for \"{matcher}\""))
        })?;
        lists.push(vec![series]);
    }
    let mut made = call.call(function, lists).await?.into_iter();
    let first = made.next();
    call.free(made.collect()).await?;
    let mut first =
        first.ok_or_else(|| QueryError::Invalid(format!("{name}: {function} gives no series")))?;
    call.rename(&mut first, name).await?;
    Ok(first)
}
