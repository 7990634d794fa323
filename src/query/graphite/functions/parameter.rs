//! What a function declares of itself.

use super::Call;
use crate::query::breath::Local;
use crate::query::error::QueryError;
use crate::query::series::Series;

/// How a function is run.
pub type Run = for<'c> fn(&'c mut Call<'_>) -> Local<'c, Result<Vec<Series>, QueryError>>;

/// One function.
#[derive(Debug)]
pub struct Function {
    /// Its name, then its short forms.
    pub names: &'static [&'static str],
    /// The group under which editors list it.
    pub group: &'static str,
    /// What it takes, in order.
    pub parameters: &'static [Parameter],
    /// What it does, in pieces.
    pub run: Run,
}

/// One parameter of a function.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Its name; arguments may be given by it.
    pub name: &'static str,
    /// What fits.
    pub kind: Kind,
    /// Whether it must be given.
    pub required: bool,
    /// Whether any number of arguments may go to it; only the last of a function.
    pub multiple: bool,
    /// What counts if it is not given.
    pub default: Value,
}

impl Parameter {
    /// One that must be given.
    pub const fn required(name: &'static str, kind: Kind) -> Parameter {
        Parameter {
            name,
            kind,
            required: true,
            multiple: false,
            default: Value::None,
        }
    }

    /// One that may be left out.
    pub const fn optional(name: &'static str, kind: Kind, default: Value) -> Parameter {
        Parameter {
            name,
            kind,
            required: false,
            multiple: false,
            default,
        }
    }

    /// The same, given any number of times.
    pub const fn many(mut self) -> Parameter {
        self.multiple = true;
        self
    }
}

/// A default.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// Nothing: the function sees that it was left out.
    None,
    /// `true` or `false`.
    Boolean(bool),
    /// Text.
    Text(&'static str),
}

/// What fits a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Name of an aggregation, such as `sum`.
    Aggregation,
    /// `true`, `false`, their text, 0 or 1.
    Boolean,
    /// A number or its text.
    Float,
    /// A length of time such as `5min`.
    Interval,
    /// A whole number: a node of the name; text: a tag.
    NodeOrTag,
    /// An expression that gives series.
    SeriesList,
    /// Text.
    Text,
}

impl Kind {
    /// graphite-web's name of it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Aggregation => "aggFunc",
            Kind::Boolean => "boolean",
            Kind::Float => "float",
            Kind::Interval => "interval",
            Kind::NodeOrTag => "nodeOrTag",
            Kind::SeriesList => "seriesList",
            Kind::Text => "string",
        }
    }
}
