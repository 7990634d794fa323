//! Arguments: placed onto parameters, coerced to what those declare, handed to the function.

use super::aggregation::Aggregation;
use super::parameter::{Function, Kind, Parameter, Value};
use crate::query::breath::{CHUNK, Pace};
use crate::query::error::QueryError;
use crate::query::graphite::evaluate::Evaluation;
use crate::query::graphite::target::{self, Expression};
use crate::query::graphite::{Context, number, time};
use crate::query::series::Series;

/// An argument as its parameter wants it; series are still to be evaluated.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::query::graphite) enum Literal {
    Aggregation(Aggregation, String),
    Boolean(bool),
    Float(f64),
    Interval(i64, String),
    Node(i64),
    Text(String),
}

/// A checked call: one list of arguments per parameter.
pub(in crate::query::graphite) struct Bound<'a> {
    function: &'static Function,
    slots: Vec<Vec<Placed<'a>>>,
}

enum Placed<'a> {
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
        let index = place(parameters, position).ok_or_else(|| {
            QueryError::Invalid(format!(
                "Too many parameters specified for function \"{name}\""
            ))
        })?;
        slots[index].extend(coerce(argument, &parameters[index], name)?);
    }
    for (key, argument) in &call.named {
        let free = |index: &usize| slots[*index].is_empty() && *index >= call.arguments.len();
        let index = parameters.iter().position(|known| known.name == key);
        let index = index
            .filter(free)
            .ok_or_else(|| QueryError::Invalid(format!("Unexpected key word arguments: {key}")))?;
        slots[index].extend(coerce(argument, &parameters[index], name)?);
    }
    for (parameter, slot) in parameters.iter().zip(&slots) {
        if parameter.required && slot.is_empty() {
            return Err(missing(parameter.name, name));
        }
    }
    Ok(Bound { function, slots })
}

/// The parameter that takes the argument at `position`.
fn place(parameters: &[Parameter], position: usize) -> Option<usize> {
    if position < parameters.len() {
        return Some(position);
    }
    let last = parameters.last()?;
    last.multiple.then_some(parameters.len() - 1)
}

fn missing(parameter: &str, function: &str) -> QueryError {
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
    if *argument == Expression::None && !parameter.required {
        return Ok(None);
    }
    let leaf = matches!(
        argument,
        Expression::Path(_) | Expression::Tagged(_) | Expression::Call(_)
    );
    let placed = if parameter.kind == Kind::SeriesList {
        leaf.then_some(Placed::Series(argument))
    } else {
        literal(argument, parameter.kind).map(Placed::Literal)
    };
    placed.map(Some).ok_or_else(|| {
        let hint = match (parameter.kind, argument) {
            (Kind::Text | Kind::Interval | Kind::Aggregation, Expression::Path(_)) => {
                "; put it in quotes"
            }
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
        Kind::Boolean => boolean_of(argument).map(Literal::Boolean),
        Kind::Float => float_of(argument).map(Literal::Float),
        Kind::Interval => {
            let text = text_of(argument)?;
            let seconds = time::interval(&text).ok()?;
            Some(Literal::Interval(seconds, text))
        }
        Kind::NodeOrTag => match argument {
            Expression::Integer(node) => Some(Literal::Node(*node)),
            other => text_of(other).map(Literal::Text),
        },
        Kind::Text => text_of(argument).map(Literal::Text),
        Kind::SeriesList => None,
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

/// One argument, evaluated.
enum Argument {
    Series(Vec<Series>),
    Literal(Literal),
}

/// A function about to run: its arguments by the names of its parameters, and what it may know of
/// the request.
pub struct Call<'a> {
    evaluation: Evaluation<'a>,
    function: &'static Function,
    slots: Vec<Vec<Argument>>,
}

impl<'a> Call<'a> {
    /// Evaluate the series among the arguments of `bound`.
    pub(in crate::query::graphite) async fn new(
        evaluation: Evaluation<'a>,
        bound: Bound<'a>,
    ) -> Result<Call<'a>, QueryError> {
        let mut slots = Vec::with_capacity(bound.slots.len());
        for placed in bound.slots {
            let mut slot = Vec::with_capacity(placed.len());
            for argument in placed {
                slot.push(match argument {
                    Placed::Series(expression) => {
                        Argument::Series(evaluation.series(expression).await?)
                    }
                    Placed::Literal(literal) => Argument::Literal(literal),
                });
            }
            slots.push(slot);
        }
        Ok(Call {
            evaluation,
            function: bound.function,
            slots,
        })
    }

    pub(in crate::query::graphite) async fn run(&mut self) -> Result<Vec<Series>, QueryError> {
        (self.function.run)(self).await
    }

    /// What the function may know of the request.
    pub(super) fn context(&self) -> &'a Context {
        self.evaluation.context
    }

    /// Who lets the core do other work.
    pub(super) fn pace(&self) -> &'a Pace<'a> {
        self.evaluation.pace
    }

    /// So many values were worked on. Every loop over values or series awaits this, or one of the
    /// methods below that do it themselves.
    ///
    /// # Errors
    /// The query has had its time.
    pub(super) async fn did(&self, values: usize) -> Result<(), QueryError> {
        self.evaluation.pace.did(values).await
    }

    /// Change every value of `series`, in order.
    ///
    /// # Errors
    /// As [`Call::did`].
    pub(super) async fn map_values(
        &self,
        series: &mut Series,
        mut change: impl FnMut(f64) -> f64,
    ) -> Result<(), QueryError> {
        for values in series.values.chunks_mut(CHUNK) {
            for value in &mut *values {
                *value = change(*value);
            }
            self.did(values.len()).await?;
        }
        Ok(())
    }

    /// Free what is no longer needed.
    ///
    /// # Errors
    /// As [`Call::did`].
    pub(super) async fn free(&self, series: Vec<Series>) -> Result<(), QueryError> {
        for one in series {
            one.free(self.evaluation.pace).await?;
        }
        Ok(())
    }

    /// Pay for values about to be produced.
    ///
    /// # Errors
    /// [`QueryError::Limit`] when they are too many.
    pub(super) fn pay_values(&self, values: u64) -> Result<(), QueryError> {
        self.evaluation.budget.pay(values.saturating_mul(8))
    }

    /// Give `series` a new name, and pay for it.
    ///
    /// # Errors
    /// [`QueryError::Limit`] when the names made so far are too long together; as [`Call::did`].
    pub(super) async fn rename(&self, series: &mut Series, name: String) -> Result<(), QueryError> {
        let bytes = name.len();
        self.evaluation.budget.pay(bytes as u64)?;
        series.name = name;
        self.evaluation.pace.did_series(bytes).await
    }

    /// Give `series` a new name that is also its path expression, as functions do that are no
    /// aliases.
    ///
    /// # Errors
    /// See [`Call::rename`].
    pub(super) async fn wrap(&self, series: &mut Series, name: String) -> Result<(), QueryError> {
        self.evaluation.budget.pay(name.len() as u64)?;
        series.path_expression = name.clone();
        self.rename(series, name).await
    }

    fn slot(&self, name: &str) -> Option<usize> {
        let mut parameters = self.function.parameters.iter();
        parameters.position(|parameter| parameter.name == name)
    }

    /// The series given to parameter `name`, all lists joined. They leave the call.
    ///
    /// # Errors
    /// As [`Call::did`].
    pub(super) async fn take_series(&mut self, name: &str) -> Result<Vec<Series>, QueryError> {
        let pace = self.evaluation.pace;
        let slot = self.slot(name).and_then(|index| self.slots.get_mut(index));
        let mut joined = Vec::new();
        for argument in slot.into_iter().flatten() {
            let Argument::Series(series) = argument else {
                continue;
            };
            let series = std::mem::take(series);
            if joined.is_empty() {
                joined = series;
                continue;
            }
            for one in series {
                joined.push(one);
                pace.did(1).await?;
            }
        }
        Ok(joined)
    }

    /// All that was given to parameter `name`, or its default.
    pub(super) fn literals(&self, name: &str) -> Vec<Literal> {
        let Some(index) = self.slot(name) else {
            return Vec::new();
        };
        let given = self.slots.get(index).into_iter().flatten();
        let mut given: Vec<Literal> = given
            .filter_map(|argument| match argument {
                Argument::Literal(literal) => Some(literal.clone()),
                Argument::Series(_) => None,
            })
            .collect();
        if given.is_empty() {
            given.extend(default_of(&self.function.parameters[index]));
        }
        given
    }

    /// The number given to parameter `name`.
    pub(super) fn optional_float(&self, name: &str) -> Option<f64> {
        self.literals(name).into_iter().find_map(|it| match it {
            Literal::Float(float) => Some(float),
            _ => None,
        })
    }

    fn need<T>(&self, name: &str, pick: impl Fn(Literal) -> Option<T>) -> Result<T, QueryError> {
        let found = self.literals(name).into_iter().find_map(pick);
        found.ok_or_else(|| missing(name, self.function.names.first().unwrap_or(&"")))
    }

    /// The number given to parameter `name`.
    ///
    /// # Errors
    /// Where there is none.
    pub(super) fn float(&self, name: &str) -> Result<f64, QueryError> {
        self.need(name, |it| match it {
            Literal::Float(float) => Some(float),
            _ => None,
        })
    }

    /// The truth given to parameter `name`.
    ///
    /// # Errors
    /// Where there is none.
    pub(super) fn boolean(&self, name: &str) -> Result<bool, QueryError> {
        self.need(name, |it| match it {
            Literal::Boolean(boolean) => Some(boolean),
            _ => None,
        })
    }

    /// The text given to parameter `name`.
    ///
    /// # Errors
    /// Where there is none.
    pub(super) fn text(&self, name: &str) -> Result<String, QueryError> {
        self.need(name, |it| match it {
            Literal::Text(text) => Some(text),
            _ => None,
        })
    }

    /// The seconds given to parameter `name`, and how they were written.
    ///
    /// # Errors
    /// Where there are none.
    pub(super) fn interval(&self, name: &str) -> Result<(i64, String), QueryError> {
        self.need(name, |it| match it {
            Literal::Interval(seconds, text) => Some((seconds, text)),
            _ => None,
        })
    }

    /// The aggregation given to parameter `name`, and how it was written.
    ///
    /// # Errors
    /// Where there is none.
    pub(super) fn aggregation(&self, name: &str) -> Result<(Aggregation, String), QueryError> {
        self.need(name, |it| match it {
            Literal::Aggregation(aggregation, text) => Some((aggregation, text)),
            _ => None,
        })
    }
}

fn default_of(parameter: &Parameter) -> Option<Literal> {
    let expression = match parameter.default {
        Value::None => return None,
        Value::Boolean(boolean) => Expression::Boolean(boolean),
        Value::Text(text) => Expression::Text(text.to_owned()),
    };
    literal(&expression, parameter.kind)
}

/// A number as a tag's value.
pub(super) fn tag_number(value: f64) -> String {
    number::float(value)
}
