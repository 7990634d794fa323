//! Functions that only rename: group "Alias". Path expressions stay, so that functions around them
//! still print what was asked for.

use super::arguments::Literal;
use super::call::Call;
use super::parameter::{Function, Kind, Parameter};
use crate::query::error::QueryError;
use crate::query::graphite::target::first_path;
use crate::query::series::Series;

const SERIES_LIST: Parameter = Parameter::required("seriesList", Kind::SeriesList);

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new(
        &["alias"],
        "Alias",
        "Another name in the legend.",
        &[SERIES_LIST, Parameter::required("newName", Kind::Text)],
        |call| Box::pin(alias(call)),
    ),
    Function::new(
        &["aliasByNode"],
        "Alias",
        "The chosen nodes and tags as the name in the legend.",
        &[
            SERIES_LIST,
            Parameter::required("nodes", Kind::NodeOrTag).many(),
        ],
        |call| Box::pin(alias_by_node(call)),
    ),
];

async fn alias(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let name = call.text("newName")?;
    let mut series = call.take_series("seriesList").await?;
    for one in &mut series {
        call.rename(one, name.clone()).await?;
    }
    Ok(series)
}

async fn alias_by_node(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let nodes = call.literals("nodes");
    let mut series = call.take_series("seriesList").await?;
    for one in &mut series {
        let key = node_key(one, &nodes);
        call.rename(one, key).await?;
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
