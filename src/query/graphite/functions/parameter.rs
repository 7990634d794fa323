//! What a function declares of itself.

use super::Call;
use crate::query::breath::Local;
use crate::query::error::QueryError;
use crate::query::series::Series;

/// How a function is run.
#[derive(Clone, Copy, Debug)]
pub enum Run {
    /// It gives series.
    Series(RunSeries),
    /// It gives lists of series, which only functions with a parameter of [`Kind::SeriesLists`] take.
    Lists(RunLists),
}

/// Gives series.
pub type RunSeries = for<'c> fn(&'c mut Call<'_>) -> Local<'c, Result<Vec<Series>, QueryError>>;
/// Gives lists of series.
pub type RunLists = for<'c> fn(&'c mut Call<'_>) -> Local<'c, Result<Vec<Vec<Series>>, QueryError>>;

/// One function.
#[derive(Debug)]
pub struct Function {
    /// Its name, then its short forms.
    pub names: &'static [&'static str],
    /// The group under which editors list it.
    pub group: &'static str,
    /// What it does, in a sentence or two for editors.
    pub help: &'static str,
    /// What it takes, in order.
    pub parameters: &'static [Parameter],
    /// What it does, in pieces.
    pub run: Run,
    /// Whether it makes one series of a list, so that others may be told to call it.
    pub aggregator: bool,
}

impl Function {
    /// One that gives series.
    pub const fn new(
        names: &'static [&'static str],
        group: &'static str,
        help: &'static str,
        parameters: &'static [Parameter],
        run: RunSeries,
    ) -> Function {
        Function {
            names,
            group,
            help,
            parameters,
            run: Run::Series(run),
            aggregator: false,
        }
    }

    /// One that gives lists of series.
    pub const fn of_lists(
        names: &'static [&'static str],
        group: &'static str,
        help: &'static str,
        parameters: &'static [Parameter],
        run: RunLists,
    ) -> Function {
        Function {
            names,
            group,
            help,
            parameters,
            run: Run::Lists(run),
            aggregator: false,
        }
    }

    /// The same, and others may be told to call it on a list.
    pub const fn aggregator(mut self) -> Function {
        self.aggregator = true;
        self
    }

    /// The parameter that takes the argument at `position`.
    pub fn place(&self, position: usize) -> Option<usize> {
        if position < self.parameters.len() {
            return Some(position);
        }
        let last = self.parameters.last()?;
        last.multiple.then_some(self.parameters.len() - 1)
    }
}

/// One parameter of a function.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Its name; arguments may be given by it.
    pub name: &'static str,
    /// Another name that is accepted, because schema and code of graphite-web disagree.
    pub also: Option<&'static str>,
    /// What fits.
    pub kind: Kind,
    /// Whether it must be given.
    pub required: bool,
    /// Whether any number of arguments may go to it; only the last of a function.
    pub multiple: bool,
    /// Whether the function itself says when, and over which range, its series are evaluated.
    pub later: bool,
    /// Whether it evaluates them over the range of the request too, so that this range may be fetched
    /// with all others.
    pub also_now: bool,
    /// What counts if it is not given.
    pub default: Value,
    /// The only values that fit; none means all of the kind.
    pub options: &'static [Value],
    /// What editors offer.
    pub suggestions: &'static [Value],
    /// Whether `options` are only told, and the function takes what is none of them.
    pub open: bool,
    /// What becomes of a number with a fraction where a whole one is wanted.
    pub fraction: Fraction,
    /// What counts if it is not given, although editors are told that it must be.
    pub unsaid: Value,
    /// How graphite-web's code has it where that is not what its schema says: what signatures show.
    pub written: &'static str,
}

/// What becomes of a number with a fraction where a whole one is wanted. Graphite-web's schema says that it
/// is none; as shipped, that is only logged, and many of its functions know what to do with one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fraction {
    /// It is refused.
    Refused,
    /// It counts without its fraction.
    Cut,
    /// It counts as it is.
    Kept,
}

impl Parameter {
    /// One that must be given.
    pub const fn required(name: &'static str, kind: Kind) -> Parameter {
        Parameter {
            name,
            also: None,
            kind,
            required: true,
            multiple: false,
            later: false,
            also_now: false,
            default: Value::None,
            options: &[],
            suggestions: &[],
            open: false,
            fraction: Fraction::Refused,
            unsaid: Value::None,
            written: "",
        }
    }

    /// One that may be left out.
    pub const fn optional(name: &'static str, kind: Kind, default: Value) -> Parameter {
        let mut parameter = Parameter::required(name, kind);
        parameter.required = false;
        parameter.default = default;
        parameter
    }

    /// The same, given any number of times.
    pub const fn many(mut self) -> Parameter {
        self.multiple = true;
        self
    }

    /// The same, evaluated only when the function asks for it, by `Call::evaluate`.
    pub const fn later(mut self) -> Parameter {
        self.later = true;
        self
    }

    /// The same as [`Parameter::later`], and the range of the request is one that it asks for.
    pub const fn later_and_now(mut self) -> Parameter {
        self.later = true;
        self.also_now = true;
        self
    }

    /// The same, by another name too.
    pub const fn also(mut self, name: &'static str) -> Parameter {
        self.also = Some(name);
        self
    }

    /// The same, and a number with a fraction is taken.
    pub const fn fraction(mut self, fraction: Fraction) -> Parameter {
        self.fraction = fraction;
        self
    }

    /// The same, which may be left out although editors are told otherwise.
    pub const fn unsaid(mut self, default: Value) -> Parameter {
        self.unsaid = default;
        self
    }

    /// The same, shown like that in signatures.
    pub const fn written(mut self, written: &'static str) -> Parameter {
        self.written = written;
        self
    }

    /// The same, with nothing but these.
    pub const fn one_of(mut self, options: &'static [Value]) -> Parameter {
        self.options = options;
        self
    }

    /// The same, with these told as the only values, though others are taken.
    pub const fn mostly_of(mut self, options: &'static [Value]) -> Parameter {
        self.open = true;
        self.one_of(options)
    }

    /// The same, with these offered by editors.
    pub const fn suggest(mut self, suggestions: &'static [Value]) -> Parameter {
        self.suggestions = suggestions;
        self
    }

    /// Whether an argument may be given by `name`.
    pub fn is_called(&self, name: &str) -> bool {
        self.name == name || self.also == Some(name)
    }
}

/// A default, an option or a suggestion.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// Nothing: the function sees that it was left out.
    None,
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A number.
    Float(f64),
    /// Without end.
    Infinity,
    /// Text.
    Text(&'static str),
}

/// What fits a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Name of an aggregation, such as `sum`.
    Aggregation,
    /// Name of an aggregation or of a function, best one that aggregates, such as `sumSeries`.
    AggregationOrFunction,
    /// Series, a number or text.
    Any,
    /// `true`, `false`, their text, 0 or 1.
    Boolean,
    /// A moment, as `from` and `until` take it.
    Date,
    /// A number or its text.
    Float,
    /// A whole number or its text.
    Integer,
    /// A whole number or infinity.
    IntegerOrInfinity,
    /// A whole number, of points, or a length of time.
    IntegerOrInterval,
    /// A length of time such as `5min`.
    Interval,
    /// A whole number: a node of the name, from 0, from the end where it is negative.
    Node,
    /// A whole number: a node of the name; text: a tag.
    NodeOrTag,
    /// An expression that gives series.
    SeriesList,
    /// An expression that gives lists of series.
    SeriesLists,
    /// Name of a tag.
    Tag,
    /// Text.
    Text,
    /// Text, `true` or `false`. Its options are offered, and the function checks what it gets.
    TextOrBoolean,
}

impl Kind {
    /// graphite-web's name of it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Aggregation => "aggFunc",
            Kind::AggregationOrFunction => "aggOrSeriesFunc",
            Kind::Any => "any",
            Kind::Boolean => "boolean",
            Kind::Date => "date",
            Kind::Float => "float",
            Kind::Integer => "integer",
            Kind::IntegerOrInfinity => "intOrInf",
            Kind::IntegerOrInterval => "intOrInterval",
            Kind::Interval => "interval",
            Kind::Node => "node",
            Kind::NodeOrTag => "nodeOrTag",
            Kind::SeriesList => "seriesList",
            Kind::SeriesLists => "seriesLists",
            Kind::Tag => "tag",
            Kind::Text | Kind::TextOrBoolean => "string",
        }
    }
}

/// What editors offer for a length of time.
pub const INTERVALS: &[Value] = &[Value::Text("10min"), Value::Text("1h"), Value::Text("1d")];
