//! Which functions may be given series that the shards have combined already, and which the shards may do
//! themselves, series by series.

use std::collections::BTreeMap;

use super::aggregation::Aggregation;
use super::arguments::{Bound, Literal, Placed, bind, default_of};
use crate::query::graphite::target::Expression;
use crate::query::rows::{Combine, Law};
use crate::query::summary::Summary;

/// How the series of a call, which are those of one leaf or what [`summarized`] tells of one, may be
/// combined before it gets them, so that it gives what it would of the series themselves. `x_files_factor`
/// is the share that counts where the call names none.
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
    match only_series(bound)? {
        Expression::Path(_) | Expression::Tagged(_) => {}
        Expression::Call(call) => {
            let inner = bind(call).ok()?;
            summarized(&inner, x_files_factor)?;
        }
        _ => return None,
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
