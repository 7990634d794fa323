//! Functions that only rename: group "Alias". Path expressions stay, so that functions around them
//! still print what was asked for.

pub(super) mod legend;
pub(super) mod pattern;

use super::arguments::Literal;
use super::call::Call;
use super::parameter::{Function, Kind, Parameter};
use crate::query::error::QueryError;
use crate::query::graphite::target::first_path;
use crate::query::series::Series;

const GROUP: &str = "Alias";
const SERIES_LIST: Parameter = Parameter::required("seriesList", Kind::SeriesList);

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new(
        &["alias"],
        GROUP,
        "Another name in the legend.",
        &[SERIES_LIST, Parameter::required("newName", Kind::Text)],
        |call| Box::pin(alias(call)),
    ),
    Function::new(
        &["aliasByMetric"],
        GROUP,
        "The last node of the path as the name in the legend.",
        &[SERIES_LIST],
        |call| Box::pin(alias_by_metric(call)),
    ),
    Function::new(
        &["aliasByNode"],
        GROUP,
        "The chosen nodes and tags as the name in the legend.",
        &[
            SERIES_LIST,
            Parameter::required("nodes", Kind::NodeOrTag).many(),
        ],
        |call| Box::pin(alias_by_node(call, "nodes")),
    ),
    Function::new(
        &["aliasByTags"],
        GROUP,
        "The chosen tags and nodes as the name in the legend.",
        &[
            SERIES_LIST,
            Parameter::required("tags", Kind::NodeOrTag).many(),
        ],
        |call| Box::pin(alias_by_node(call, "tags")),
    ),
    Function::new(
        &["lower"],
        GROUP,
        "Names in small letters, or only those letters of them whose positions are given, from 0, from \
         the end where they are negative.",
        SERIES_AND_POSITIONS,
        |call| Box::pin(in_case(call, |letters| letters.to_lowercase())),
    ),
    Function::new(
        &["upper"],
        GROUP,
        "Names in capital letters, or only those letters of them whose positions are given, from 0, from \
         the end where they are negative.",
        SERIES_AND_POSITIONS,
        |call| Box::pin(in_case(call, |letters| letters.to_uppercase())),
    ),
];

const SERIES_AND_POSITIONS: &[Parameter] = &[
    SERIES_LIST,
    Parameter {
        required: false,
        ..Parameter::required("pos", Kind::Integer).many()
    },
];

async fn alias(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let name = call.text("newName")?;
    let mut series = call.take_series("seriesList").await?;
    for one in &mut series {
        call.rename(one, name.clone()).await?;
    }
    Ok(series)
}

async fn alias_by_node(call: &mut Call<'_>, parameter: &str) -> Result<Vec<Series>, QueryError> {
    let nodes = call.literals(parameter);
    let mut series = call.take_series("seriesList").await?;
    for one in &mut series {
        let key = node_key(one, &nodes);
        call.rename(one, key).await?;
    }
    Ok(series)
}

async fn alias_by_metric(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let mut series = call.take_series("seriesList").await?;
    for one in &mut series {
        let metric = last_node(&one.name).to_owned();
        call.rename(one, metric).await?;
    }
    Ok(series)
}

/// The last node of what stands between the last `(` and the first `)`, up to a comma.
fn last_node(name: &str) -> &str {
    let start = name.rfind('(').map_or(0, |at| at + 1);
    let end = name.find(')').unwrap_or(name.len());
    let inner = name.get(start..end).unwrap_or_default();
    let last = inner.rsplit('.').next().unwrap_or_default();
    last.split(',').next().unwrap_or_default()
}

async fn in_case(
    call: &mut Call<'_>,
    change: fn(&str) -> String,
) -> Result<Vec<Series>, QueryError> {
    let positions = call.literals("pos");
    let mut series = call.take_series("seriesList").await?;
    for one in &mut series {
        let name = match positions.is_empty() {
            true => change(&one.name),
            false => {
                let mut letters: Vec<String> = one.name.chars().map(String::from).collect();
                for position in &positions {
                    let Literal::Integer(position) = position else {
                        continue;
                    };
                    let back = if *position < 0 {
                        letters.len() as i64
                    } else {
                        0
                    };
                    let index = usize::try_from(position.saturating_add(back)).ok();
                    if let Some(letter) = index.and_then(|index| letters.get_mut(index)) {
                        *letter = change(letter);
                    }
                }
                call.did(letters.len() + positions.len()).await?;
                letters.concat()
            }
        };
        call.rename(one, name).await?;
    }
    Ok(series)
}

/// The chosen nodes and tags of `series`, joined by dots. Nodes are those of its name, or of the
/// first path in it if functions made the name.
pub(in crate::query) fn node_key(series: &Series, nodes: &[Literal]) -> String {
    let made = series.name.ends_with(')');
    let path = if made { first_path(&series.name) } else { None };
    let path = path.as_deref().unwrap_or(&series.name);
    let untagged = path.split(';').next().unwrap_or_default();
    let split: Vec<&str> = untagged.split('.').collect();
    let chosen: Vec<&str> = nodes
        .iter()
        .map(|node| pick(series, &split, node))
        .collect();
    chosen.join(".")
}

/// A node by its number, from the end if negative; what is none is the name of a tag.
fn pick<'a>(series: &'a Series, split: &[&'a str], node: &Literal) -> &'a str {
    let tag = |key: &str| series.tags.get(key).map_or("", String::as_str);
    match node {
        Literal::Integer(number) => {
            let back = if *number < 0 { split.len() as i64 } else { 0 };
            let index = usize::try_from(number.saturating_add(back)).ok();
            match index.and_then(|index| split.get(index)) {
                Some(found) => found,
                None => tag(&number.to_string()),
            }
        }
        Literal::Text(key) => tag(key),
        _ => "",
    }
}
