//! Arguments: placed onto parameters and coerced to what those declare, before anything runs.

use super::aggregation::Aggregation;
use super::parameter::{Fraction, Function, Kind, Parameter, Run, Value};
use crate::query::error::QueryError;
use crate::query::graphite::target::{self, Expression};
use crate::query::graphite::time;

/// An argument that is no series, as its parameter wants it.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// Of [`Kind::Aggregation`], and as it was written.
    Aggregation(Aggregation, String),
    /// Of [`Kind::Boolean`].
    Boolean(bool),
    /// Of [`Kind::Float`], or no whole number for [`Kind::Any`] and for what keeps fractions.
    Float(f64),
    /// Of [`Kind::IntegerOrInfinity`].
    Infinity,
    /// A whole number, a node among them.
    Integer(i64),
    /// Seconds of an interval, and as it was written.
    Interval(i64, String),
    /// Text, a date and a tag among it.
    Text(String),
}

/// A checked call: one list of arguments per parameter.
pub(in crate::query::graphite) struct Bound<'a> {
    pub(super) function: &'static Function,
    pub(super) slots: Vec<Vec<Placed<'a>>>,
}

/// One argument at its parameter; series are still to be evaluated.
pub(super) enum Placed<'a> {
    Series(&'a Expression),
    Literal(Literal),
}

/// Find the function of `call`, give each argument to a parameter and coerce it.
///
/// # Errors
/// [`QueryError::Invalid`] in graphite-web's words.
pub(in crate::query::graphite) fn bind(call: &target::Call) -> Result<Bound<'_>, QueryError> {
    let name = call.name.as_str();
    let function = super::find(name).ok_or_else(|| {
        QueryError::Invalid(format!("Received request for unknown function: {name}"))
    })?;
    let parameters = function.parameters;
    let mut slots: Vec<Vec<Placed<'_>>> = parameters.iter().map(|_| Vec::new()).collect();
    for (position, argument) in call.arguments.iter().enumerate() {
        let index = function.place(position).ok_or_else(|| {
            QueryError::Invalid(format!(
                "Too many parameters specified for function \"{name}\""
            ))
        })?;
        slots[index].extend(coerce(argument, &parameters[index], name)?);
    }
    for (key, argument) in &call.named {
        let free = |index: &usize| slots[*index].is_empty() && *index >= call.arguments.len();
        let index = parameters.iter().position(|known| known.is_called(key));
        let index = index
            .filter(free)
            .ok_or_else(|| QueryError::Invalid(format!("Unexpected key word arguments: {key}")))?;
        slots[index].extend(coerce(argument, &parameters[index], name)?);
    }
    for (parameter, slot) in parameters.iter().zip(&slots) {
        if parameter.required && slot.is_empty() && parameter.unsaid == Value::None {
            return Err(missing(parameter.name, name));
        }
    }
    Ok(Bound { function, slots })
}

/// The expressions among the arguments of `call` that are evaluated over its own range, before its
/// function runs or by it. Those of an unknown function are none.
pub(in crate::query::graphite) fn evaluated_first(
    call: &target::Call,
) -> impl Iterator<Item = &Expression> {
    let function = super::find(&call.name);
    let by_place = call.arguments.iter().enumerate();
    let by_place = by_place.filter_map(move |(position, argument)| {
        let parameter = function?.parameters.get(function?.place(position)?)?;
        (!parameter.later || parameter.also_now).then_some(argument)
    });
    let by_name = call.named.iter().filter_map(move |(key, argument)| {
        let mut parameters = function?.parameters.iter();
        let parameter = parameters.find(|known| known.is_called(key))?;
        (!parameter.later || parameter.also_now).then_some(argument)
    });
    by_place.chain(by_name)
}

/// A required parameter has no argument.
pub(super) fn missing(parameter: &str, function: &str) -> QueryError {
    QueryError::Invalid(format!(
        "Missing required parameter \"{parameter}\" for function \"{function}\""
    ))
}

/// What `argument` is to `parameter`; `None` if it is `none` and may be.
fn coerce<'a>(
    argument: &'a Expression,
    parameter: &Parameter,
    function: &str,
) -> Result<Option<Placed<'a>>, QueryError> {
    let optional = !parameter.required || parameter.multiple && parameter.kind == Kind::Any;
    if *argument == Expression::None && optional {
        return Ok(None);
    }
    let placed = match (parameter.kind, gives(argument)) {
        (Kind::SeriesList | Kind::Any, Gives::Series) | (Kind::SeriesLists, Gives::Lists) => {
            Some(Placed::Series(argument))
        }
        _ => literal(argument, parameter.kind)
            .or_else(|| fraction(argument, parameter))
            .map(Placed::Literal),
    };
    if let Some(Placed::Literal(given)) = &placed
        && !parameter.options.is_empty()
        && !parameter.open
        && !parameter.options.iter().any(|option| is(given, *option))
    {
        return Err(QueryError::Invalid(format!(
            "Invalid option specified for function \"{function}\" parameter \"{}\": {}",
            parameter.name,
            shown(argument),
        )));
    }
    placed.map(Some).ok_or_else(|| {
        let hint = match (parameter.kind, argument) {
            (
                Kind::Text | Kind::Interval | Kind::Aggregation | Kind::AggregationOrFunction,
                Expression::Path(_),
            ) => "; put it in quotes",
            _ => "",
        };
        QueryError::Invalid(format!(
            "Invalid \"{}\" value specified for function \"{function}\" parameter \"{}\": {}{hint}",
            parameter.kind.name(),
            parameter.name,
            shown(argument),
        ))
    })
}

/// What a number with a fraction is to a parameter that wants a whole one.
fn fraction(argument: &Expression, parameter: &Parameter) -> Option<Literal> {
    match (argument, parameter.fraction) {
        (Expression::Float(float), Fraction::Kept) if float.is_finite() => {
            Some(Literal::Float(*float))
        }
        (Expression::Float(float), Fraction::Cut) if float.is_finite() => {
            Some(Literal::Integer(*float as i64))
        }
        _ => None,
    }
}

/// What evaluating an expression would come to.
enum Gives {
    Series,
    Lists,
    Literal,
}

fn gives(expression: &Expression) -> Gives {
    match expression {
        Expression::Path(_) | Expression::Tagged(_) => Gives::Series,
        Expression::Call(call) => match super::find(&call.name).map(|function| function.run) {
            Some(Run::Lists(_)) => Gives::Lists,
            _ => Gives::Series,
        },
        _ => Gives::Literal,
    }
}

fn is(literal: &Literal, option: Value) -> bool {
    match (literal, option) {
        (Literal::Text(text), Value::Text(option)) => text == option,
        (Literal::Integer(integer), Value::Integer(option)) => *integer == option,
        (Literal::Float(float), Value::Float(option)) => *float == option,
        (Literal::Boolean(boolean), Value::Boolean(option)) => *boolean == option,
        (Literal::Interval(_, text), Value::Text(option)) => text == option,
        _ => false,
    }
}

/// As Python shows it, and not too much of it.
fn shown(argument: &Expression) -> String {
    const CHARS_MAX: usize = 80;
    let text = match argument {
        Expression::Text(text) => format!("'{text}'"),
        Expression::Boolean(true) => "True".to_owned(),
        Expression::Boolean(false) => "False".to_owned(),
        Expression::None => "None".to_owned(),
        other => other.to_string(),
    };
    match text.char_indices().nth(CHARS_MAX) {
        Some((cut, _)) => format!("{}…", text.get(..cut).unwrap_or_default()),
        None => text,
    }
}

fn literal(argument: &Expression, kind: Kind) -> Option<Literal> {
    match kind {
        Kind::Aggregation => {
            let text = text_of(argument)?;
            Aggregation::named(&text).map(|aggregation| Literal::Aggregation(aggregation, text))
        }
        Kind::AggregationOrFunction => {
            let text = text_of(argument)?;
            let known = Aggregation::named(&text).is_some() || super::find(&text).is_some();
            known.then_some(Literal::Text(text))
        }
        Kind::Any => match argument {
            Expression::Text(text) => Some(Literal::Text(text.clone())),
            Expression::Integer(integer) => Some(Literal::Integer(*integer)),
            other => float_of(other).map(Literal::Float),
        },
        Kind::Boolean => boolean_of(argument).map(Literal::Boolean),
        Kind::Date => match argument {
            Expression::Text(text) => Some(Literal::Text(text.clone())),
            Expression::Integer(integer) => Some(Literal::Text(integer.to_string())),
            _ => None,
        },
        Kind::Float => float_of(argument).map(Literal::Float),
        Kind::Integer | Kind::Node => integer_of(argument).map(Literal::Integer),
        Kind::IntegerOrInfinity => match argument {
            Expression::Float(float) if *float == f64::INFINITY => Some(Literal::Infinity),
            Expression::Text(text) if text.trim().parse() == Ok(f64::INFINITY) => {
                Some(Literal::Infinity)
            }
            other => integer_of(other).map(Literal::Integer),
        },
        Kind::Interval => interval_of(argument),
        Kind::IntegerOrInterval => match argument {
            Expression::Integer(integer) => Some(Literal::Integer(*integer)),
            other => interval_of(other),
        },
        Kind::NodeOrTag => match argument {
            Expression::Integer(node) => Some(Literal::Integer(*node)),
            other => text_of(other).map(Literal::Text),
        },
        Kind::Tag | Kind::Text => text_of(argument).map(Literal::Text),
        Kind::TextOrBoolean => match argument {
            Expression::Boolean(boolean) => Some(Literal::Boolean(*boolean)),
            other => text_of(other).map(Literal::Text),
        },
        Kind::SeriesList | Kind::SeriesLists => None,
    }
}

fn text_of(argument: &Expression) -> Option<String> {
    match argument {
        Expression::Text(text) => Some(text.clone()),
        _ => None,
    }
}

fn boolean_of(argument: &Expression) -> Option<bool> {
    match argument {
        Expression::Boolean(boolean) => Some(*boolean),
        Expression::Text(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Expression::Text(text) if text.eq_ignore_ascii_case("false") => Some(false),
        Expression::Integer(0) => Some(false),
        Expression::Integer(1) => Some(true),
        Expression::Float(float) if *float == 0.0 => Some(false),
        Expression::Float(float) if *float == 1.0 => Some(true),
        _ => None,
    }
}

fn float_of(argument: &Expression) -> Option<f64> {
    match argument {
        Expression::Integer(integer) => Some(*integer as f64),
        Expression::Float(float) => Some(*float),
        Expression::Boolean(boolean) => Some(f64::from(u8::from(*boolean))),
        Expression::Text(text) => text.trim().parse().ok().filter(|f: &f64| !f.is_nan()),
        _ => None,
    }
}

/// A float is none, also without a fraction: graphite-web would rather fail than cut it.
fn integer_of(argument: &Expression) -> Option<i64> {
    match argument {
        Expression::Integer(integer) => Some(*integer),
        Expression::Boolean(boolean) => Some(i64::from(*boolean)),
        Expression::Text(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn interval_of(argument: &Expression) -> Option<Literal> {
    let text = text_of(argument)?;
    let seconds = time::interval(&text).ok()?;
    Some(Literal::Interval(seconds, text))
}

/// What a parameter is where it was left out.
pub(super) fn default_of(parameter: &Parameter) -> Option<Literal> {
    let default = match parameter.default {
        Value::None => parameter.unsaid,
        default => default,
    };
    let expression = match default {
        Value::None => return None,
        Value::Boolean(boolean) => Expression::Boolean(boolean),
        Value::Integer(integer) => Expression::Integer(integer),
        Value::Float(float) => Expression::Float(float),
        Value::Infinity => Expression::Float(f64::INFINITY),
        Value::Text(text) => Expression::Text(text.to_owned()),
    };
    literal(&expression, parameter.kind)
}
