//! Which functions may be given series that the shards have combined already, and which the shards may do
//! themselves, series by series.

use std::collections::BTreeMap;

use super::aggregation::Aggregation;
use super::arguments::{Bound, Literal, Placed, bind, default_of};
use crate::query::graphite::target::Expression;
use crate::query::rows::{By, Combine, Law};
use crate::query::summary::Summary;

/// How the series of a call, which are those of one leaf or what [`summarized`] tells of one, may be
/// combined before it gets them, so that it gives what it would of the series themselves. `x_files_factor`
/// is the share that counts where the call names none.
pub(in crate::query::graphite) fn pushed(
    bound: &Bound<'_>,
    x_files_factor: f64,
) -> Option<Combine> {
    let name = bound.function.names.first()?;
    let (law, by) = match *name {
        "sumSeries" => (Law::Sum, By::All),
        "averageSeries" => (Law::Average, By::All),
        "countSeries" => (Law::Members, By::All),
        "maxSeries" => (Law::Maximum, By::All),
        "minSeries" => (Law::Minimum, By::All),
        "aggregate" => (law_of(bound, "func")?, By::All),
        "groupByNode" => (law_of(bound, "callback")?, nodes(bound, "nodeNum")?),
        "groupByNodes" => (law_of(bound, "callback")?, nodes(bound, "nodes")?),
        "groupByTags" => (law_of(bound, "callback")?, By::Tags(texts(bound, "tags"))),
        "sumSeriesWithWildcards" => (Law::Sum, others(bound)),
        "averageSeriesWithWildcards" => (Law::Average, others(bound)),
        "aggregateWithWildcards" => (law_of(bound, "func")?, others(bound)),
        _ => return None,
    };
    match only_series(bound)? {
        Expression::Path(_) | Expression::Tagged(_) => {}
        // Nodes of the name of what is summarized are not those of the name of the series.
        Expression::Call(_) if matches!(by, By::OtherNodes(_)) => return None,
        Expression::Call(call) => {
            let inner = bind(call).ok()?;
            summarized(&inner, x_files_factor)?;
        }
        _ => return None,
    }
    Some(Combine {
        law,
        by,
        x_files_factor: share(bound, "xFilesFactor").unwrap_or(x_files_factor),
    })
}

/// The nodes and tags given to parameter `name`, if there are any.
fn nodes(bound: &Bound<'_>, name: &str) -> Option<By> {
    let nodes: Vec<Literal> = literals(bound, name).cloned().collect();
    (!nodes.is_empty()).then_some(By::Nodes(nodes))
}

fn texts(bound: &Bound<'_>, name: &str) -> Vec<String> {
    let texts = literals(bound, name).filter_map(|literal| match literal {
        Literal::Text(text) => Some(text.clone()),
        _ => None,
    });
    texts.collect()
}

/// The places of nodes that may differ.
fn others(bound: &Bound<'_>) -> By {
    let places = literals(bound, "position").filter_map(|literal| match literal {
        Literal::Integer(place) => Some(*place),
        _ => None,
    });
    By::OtherNodes(places.collect())
}

/// The one argument of a call that is a series, if there is just one.
fn only_series<'a>(bound: &Bound<'a>) -> Option<&'a Expression> {
    let placed = bound.slots.iter().flatten();
    let mut series = placed.filter_map(|placed| match placed {
        Placed::Series(expression) => Some(*expression),
        Placed::Literal(_) => None,
    });
    let first = series.next()?;
    series.next().is_none().then_some(first)
}

/// A call that makes of each series of one leaf what the shards may make of it.
pub(in crate::query::graphite) struct Summarized<'a> {
    /// The leaf.
    pub(in crate::query::graphite) leaf: &'a Expression,
    /// What becomes of its values.
    pub(in crate::query::graphite) summary: Summary,
    /// How it is called.
    pub(in crate::query::graphite) told: Told,
}

/// How a series is called that was summarized.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::query::graphite) struct Told {
    function: &'static str,
    width: String,
    aggregation: String,
    flag: &'static str,
}

impl Told {
    pub(super) fn summarize(width: &str, aggregation: &str, from_start: bool) -> Told {
        Told {
            function: "summarize",
            width: width.to_owned(),
            aggregation: aggregation.to_owned(),
            flag: if from_start { ", true" } else { "" },
        }
    }

    pub(super) fn smart_summarize(width: &str, aggregation: &str) -> Told {
        Told {
            function: "smartSummarize",
            flag: "",
            ..Told::summarize(width, aggregation, false)
        }
    }

    /// What becomes of the name of a series.
    pub(in crate::query::graphite) fn name(&self, of: &str) -> String {
        let mut name = String::new();
        self.push_name(of, &mut name);
        name
    }

    /// Append it.
    pub(in crate::query::graphite) fn push_name(&self, of: &str, out: &mut String) {
        let (function, width, aggregation) = (self.function, &self.width, &self.aggregation);
        let parts = [
            function,
            "(",
            of,
            ", \"",
            width,
            "\", \"",
            aggregation,
            "\"",
            self.flag,
            ")",
        ];
        out.reserve(parts.iter().map(|part| part.len()).sum());
        parts.iter().for_each(|part| out.push_str(part));
    }

    /// What it adds to the tags of a series.
    pub(in crate::query::graphite) fn tag(&self, tags: &mut BTreeMap<String, String>) {
        tags.insert(self.function.to_owned(), self.width.clone());
        let function = format!("{}Function", self.function);
        tags.insert(function, self.aggregation.clone());
    }
}

/// Whether a call makes of each series of one leaf what the shards may make of it, and what.
/// `x_files_factor` is the share that its series have.
pub(in crate::query::graphite) fn summarized<'a>(
    bound: &Bound<'a>,
    x_files_factor: f64,
) -> Option<Summarized<'a>> {
    let name = *bound.function.names.first()?;
    let from_start = match name {
        "summarize" => literal(bound, "alignToFrom") == Some(Literal::Boolean(true)),
        "smartSummarize" if literals(bound, "alignTo").next().is_none() => true,
        _ => return None,
    };
    let leaf = only_series(bound)?;
    if !matches!(leaf, Expression::Path(_) | Expression::Tagged(_)) {
        return None;
    }
    let Some(Literal::Interval(width_s, width)) = literal(bound, "intervalString") else {
        return None;
    };
    let Some(Literal::Aggregation(aggregation, function)) = literal(bound, "func") else {
        return None;
    };
    Some(Summarized {
        leaf,
        summary: Summary::new(width_s, from_start, aggregation, x_files_factor)?,
        told: match name {
            "summarize" => Told::summarize(&width, &function, from_start),
            _ => Told::smart_summarize(&width, &function),
        },
    })
}

/// What was given to parameter `name`, or its default.
fn literal(bound: &Bound<'_>, name: &str) -> Option<Literal> {
    let given = literals(bound, name).next().cloned();
    given.or_else(|| {
        let mut parameters = bound.function.parameters.iter();
        default_of(parameters.find(|known| known.name == name)?)
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
        Some(Literal::Text(text)) => {
            let aggregation = Aggregation::named(text)?;
            // The function of that name counts series, not values.
            let is_function = super::find(text).is_some();
            (aggregation != Aggregation::Count || !is_function).then_some(aggregation)?
        }
        Some(_) => return None,
        None => Aggregation::Average,
    };
    match aggregation {
        Aggregation::Average => Some(Law::Average),
        Aggregation::Count => Some(Law::Count),
        Aggregation::Last => Some(Law::Last),
        Aggregation::Maximum => Some(Law::Maximum),
        Aggregation::Minimum => Some(Law::Minimum),
        Aggregation::Sum => Some(Law::Sum),
        // The others are no sums.
        _ => None,
    }
}
