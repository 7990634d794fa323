//! Which functions may be given series that the shards have combined already.

use super::aggregation::Aggregation;
use super::arguments::{Bound, Literal, Placed};
use crate::query::graphite::target::Expression;
use crate::query::rows::{Combine, Law};

/// How the series of a call, which are those of one leaf, may be combined before it gets them, so that it
/// gives what it would of the series themselves. `x_files_factor` is the share that counts where the call
/// names none.
pub(in crate::query::graphite) fn pushed(
    bound: &Bound<'_>,
    x_files_factor: f64,
) -> Option<Combine> {
    let name = bound.function.names.first()?;
    let (law, nodes, share) = match *name {
        "sumSeries" => (Law::Sum, "", None),
        "averageSeries" => (Law::Average, "", None),
        "maxSeries" => (Law::Maximum, "", None),
        "minSeries" => (Law::Minimum, "", None),
        "aggregate" => (law_of(bound, "func")?, "", share(bound, "xFilesFactor")),
        "groupByNode" => (law_of(bound, "callback")?, "nodeNum", None),
        "groupByNodes" => (law_of(bound, "callback")?, "nodes", None),
        _ => return None,
    };
    let series = bound
        .slots
        .iter()
        .flatten()
        .filter_map(|placed| match placed {
            Placed::Series(expression) => Some(*expression),
            Placed::Literal(_) => None,
        });
    let mut series = series;
    let leaf = series.next()?;
    let is_leaf = matches!(leaf, Expression::Path(_) | Expression::Tagged(_));
    if !is_leaf || series.next().is_some() {
        return None;
    }
    let nodes: Vec<Literal> = literals(bound, nodes).cloned().collect();
    if nodes.is_empty() && name.starts_with("group") {
        return None;
    }
    Some(Combine {
        law,
        nodes,
        x_files_factor: share.unwrap_or(x_files_factor),
    })
}

fn literals<'b>(bound: &'b Bound<'_>, name: &str) -> impl Iterator<Item = &'b Literal> {
    let parameters = bound.function.parameters.iter().zip(&bound.slots);
    let mut named = parameters.filter(move |(parameter, _)| parameter.name == name);
    let slot = named.next().map(|(_, slot)| slot);
    slot.into_iter()
        .flatten()
        .filter_map(|placed| match placed {
            Placed::Literal(literal) => Some(literal),
            Placed::Series(_) => None,
        })
}

fn share(bound: &Bound<'_>, name: &str) -> Option<f64> {
    literals(bound, name).find_map(|literal| match literal {
        Literal::Float(share) => Some(*share),
        _ => None,
    })
}

/// The law of the aggregation given to parameter `name`, or of its default, which is the mean.
fn law_of(bound: &Bound<'_>, name: &str) -> Option<Law> {
    let aggregation = match literals(bound, name).next() {
        Some(Literal::Aggregation(aggregation, _)) => *aggregation,
        Some(Literal::Text(text)) => Aggregation::named(text)?,
        Some(_) => return None,
        None => Aggregation::Average,
    };
    match aggregation {
        Aggregation::Average => Some(Law::Average),
        Aggregation::Maximum => Some(Law::Maximum),
        Aggregation::Minimum => Some(Law::Minimum),
        Aggregation::Sum => Some(Law::Sum),
        // The others are no sums, or count series.
        _ => None,
    }
}
