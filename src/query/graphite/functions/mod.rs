//! The functions of Graphite, one file or folder per group, one row per function.
//!
//! A row ([`Function`]) declares names, group and parameters; from the declaration arguments are
//! placed, coerced and checked before the function runs, and the list of functions can be printed.
//! A function takes a `Call` and gives series. It names what it makes as graphite-web does,
//! because dashboards, alert rules and outer functions read those names.
//!
//! To add one: write the function in the file of its group, add its row to the `FUNCTIONS` of that
//! file. `seriesByTag` and `template` are no functions but parts of the language of targets.

mod alias;
mod arguments;
mod calculate;
mod call;
mod columns;
mod combine;
mod filter;
mod graph;
mod look_back;
mod made;
mod pushed;
mod sorting;
mod special;
mod transform;
mod walk;

pub mod aggregation;
pub mod normalise;
pub mod parameter;

pub(in crate::query) use alias::node_key;
pub use arguments::Literal;
pub(super) use arguments::{bind, evaluated_first};
pub use call::{Call, Window};
pub use parameter::{Function, Parameter};
pub(super) use pushed::{Summarized, Told, pushed, summarized};

/// Every function, by group.
pub const FUNCTIONS: [&[Function]; 14] = [
    combine::FUNCTIONS,
    transform::FUNCTIONS,
    calculate::FUNCTIONS,
    filter::data::FUNCTIONS,
    filter::names::FUNCTIONS,
    filter::percentile::FUNCTIONS,
    filter::ranking::FUNCTIONS,
    filter::thresholds::FUNCTIONS,
    sorting::FUNCTIONS,
    alias::FUNCTIONS,
    alias::legend::FUNCTIONS,
    alias::pattern::FUNCTIONS,
    graph::FUNCTIONS,
    special::FUNCTIONS,
];

/// The function that goes by `name`.
pub fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS
        .into_iter()
        .flatten()
        .find(|function| function.names.contains(&name))
}

#[cfg(test)]
mod tests;
