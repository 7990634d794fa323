//! Series that share nodes or tags are brought together.

use std::collections::HashMap;

use super::super::aggregation::Aggregation;
use super::super::alias::node_key;
use super::super::call::Call;
use super::aggregate::{aggregate, stem};
use crate::query::error::QueryError;
use crate::query::series::Series;

/// The series of each key, in the order in which keys appear.
pub(super) async fn grouped(
    call: &Call<'_>,
    series: Vec<Series>,
    key_of: impl Fn(&Series) -> String,
) -> Result<Vec<(String, Vec<Series>)>, QueryError> {
    // What grows is moved all at once, so it does not.
    let mut places: HashMap<String, usize> = HashMap::with_capacity(series.len());
    let mut groups: Vec<(String, Vec<Series>)> = Vec::new();
    for one in series {
        let key = key_of(&one);
        call.pace().did_series(one.name.len() + key.len()).await?;
        match places.get(&key).and_then(|place| groups.get_mut(*place)) {
            Some((_, list)) => list.push(one),
            None => {
                call.pay_bytes(2 * key.len() as u64)?;
                places.insert(key.clone(), groups.len());
                groups.push((key, vec![one]));
            }
        }
    }
    Ok(groups)
}

/// `groupByNode` and `groupByNodes`; the parameter called `nodes` tells which.
pub(super) async fn group_by_nodes(
    call: &mut Call<'_>,
    nodes: &str,
) -> Result<Vec<Series>, QueryError> {
    let callback = call.text("callback")?;
    let nodes = call.literals(nodes);
    let series = call.take_series("seriesList").await?;
    let mut made = Vec::new();
    for (key, list) in grouped(call, series, |one| node_key(one, &nodes)).await? {
        let mut one = called_back(call, &callback, &key, list).await?;
        call.rename(&mut one, key).await?;
        made.push(one);
    }
    Ok(made)
}

/// `groupByTags`: what it makes is called and tagged as if it were stored. If the series have several
/// names and are not grouped by them, the callback is the name.
pub(super) async fn group_by_tags(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let callback = call.text("callback")?;
    let tags = call.texts("tags");
    let series = call.take_series("seriesList").await?;
    let by_name = tags.iter().any(|tag| tag == "name");
    let name_of = |one: &Series| one.tags.get("name").cloned().unwrap_or_default();
    let mut common = series.first().map(&name_of).unwrap_or_default();
    for one in &series {
        if one.tags.get("name") != Some(&common) {
            common.clone_from(&callback);
            break;
        }
        call.did(1).await?;
    }
    let key_of = |one: &Series| {
        let metric = if by_name {
            name_of(one)
        } else {
            common.clone()
        };
        let others = tags.iter().filter(|tag| *tag != "name");
        let value = |tag: &String| one.tags.get(tag).map_or("", String::as_str);
        let mut pairs: Vec<String> = others.map(|tag| format!(";{tag}={}", value(tag))).collect();
        pairs.sort_unstable();
        metric + &pairs.concat()
    };
    let mut made = Vec::new();
    for (key, list) in grouped(call, series, key_of).await? {
        let values = list.first().map(|one| {
            let chosen = tags.iter().filter(|tag| *tag != "name");
            let present = chosen.filter_map(|tag| Some((tag.clone(), one.tags.get(tag)?.clone())));
            let metric = if by_name {
                name_of(one)
            } else {
                common.clone()
            };
            present.chain([("name".to_owned(), metric)]).collect()
        });
        let mut one = called_back(call, &callback, &key, list).await?;
        one.tags = values.unwrap_or_default();
        call.wrap(&mut one, key).await?;
        made.push(one);
    }
    Ok(made)
}

/// The first series that the function called `callback`, or else the aggregation, makes of `list`.
async fn called_back(
    call: &Call<'_>,
    callback: &str,
    key: &str,
    list: Vec<Series>,
) -> Result<Series, QueryError> {
    let made = if super::super::find(callback).is_some() {
        call.call(callback, vec![list]).await?
    } else {
        let aggregation = Aggregation::named(callback).ok_or_else(|| {
            QueryError::Invalid(format!("Unsupported aggregation function: {callback}"))
        })?;
        let x_files_factor = call.x_files_factor();
        let made = aggregate(call, list, stem(callback), aggregation, x_files_factor).await?;
        made.into_iter().collect()
    };
    let mut made = made.into_iter();
    let first = made.next();
    call.free(made.collect()).await?;
    first.ok_or_else(|| {
        QueryError::Invalid(format!("{callback} gives no series for the group {key:?}"))
    })
}
