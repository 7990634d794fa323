//! A function about to run: its arguments by the names of its parameters, what it may know of the
//! request, and what it may ask for.

use std::cell::RefMut;
use std::collections::HashMap;

use super::aggregation::Aggregation;
use super::arguments::{Bound, Literal, Placed, default_of, missing};
use super::parameter::{Function, Kind, Run, Value};
use crate::query::breath::{self, CHUNK, Pace};
use crate::query::error::QueryError;
use crate::query::graphite::evaluate::Evaluation;
use crate::query::graphite::target::Expression;
use crate::query::graphite::{Context, number, time};
use crate::query::series::{Look, Series};

/// One argument; series are evaluated, unless their parameter is one for later.
enum Argument<'a> {
    Series(Vec<Series>),
    Lists(Vec<Vec<Series>>),
    Later(&'a Expression),
    Literal(Literal),
}

/// How much a moving function looks at.
#[derive(Clone, Debug, PartialEq)]
pub enum Window {
    /// So many points, and as they were written.
    Points(i64, String),
    /// So many seconds, and as they were written.
    Seconds(i64, String),
}

/// A function about to run.
pub struct Call<'a> {
    evaluation: Evaluation<'a>,
    function: &'static Function,
    slots: Vec<Vec<Argument<'a>>>,
}

impl<'a> Call<'a> {
    /// Evaluate the series among the arguments of `bound`.
    pub(in crate::query::graphite) async fn new(
        evaluation: Evaluation<'a>,
        bound: Bound<'a>,
    ) -> Result<Call<'a>, QueryError> {
        let mut slots = Vec::with_capacity(bound.slots.len());
        for (placed, parameter) in bound.slots.into_iter().zip(bound.function.parameters) {
            let mut slot = Vec::with_capacity(placed.len());
            for argument in placed {
                slot.push(match argument {
                    Placed::Series(expression) if parameter.later => Argument::Later(expression),
                    Placed::Series(expression) if parameter.kind == Kind::SeriesLists => {
                        Argument::Lists(evaluation.lists(expression).await?)
                    }
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

    /// The series of a function that gives series.
    pub(in crate::query::graphite) async fn run(&mut self) -> Result<Vec<Series>, QueryError> {
        match self.function.run {
            Run::Series(run) => run(self).await,
            Run::Lists(_) => Err(QueryError::Invalid(format!(
                "{} gives lists of series; only reduceSeries takes them",
                self.function_name()
            ))),
        }
    }

    /// The lists of a function that gives lists of series.
    pub(in crate::query::graphite) async fn run_lists(
        &mut self,
    ) -> Result<Vec<Vec<Series>>, QueryError> {
        match self.function.run {
            Run::Lists(run) => run(self).await,
            Run::Series(run) => Ok(vec![run(self).await?]),
        }
    }

    fn function_name(&self) -> &'static str {
        self.function.names.first().copied().unwrap_or_default()
    }

    /// Whether what the function is given was combined already: one series for each of its groups.
    pub(super) fn is_combined(&self) -> bool {
        self.evaluation.is_combined()
    }

    /// What the function may know of the request.
    pub(super) fn context(&self) -> &'a Context {
        self.evaluation.context
    }

    /// The share of values that must be there unless the function was told another: the request's, or
    /// what `setXFilesFactor` said inside of this function.
    pub(super) fn x_files_factor(&self) -> f64 {
        self.evaluation.x_files_factor.get()
    }

    /// From now on the functions around this one have this share.
    pub(super) fn set_x_files_factor(&self, share: f64) {
        self.evaluation.x_files_factor.set(share);
    }

    /// The stacks of the request: by name, the values on which the next series of that stack is drawn.
    pub(super) fn stacks(&self) -> RefMut<'_, HashMap<String, Vec<f64>>> {
        self.evaluation.evaluator.stacks.borrow_mut()
    }

    /// Who lets the core do other work.
    pub(super) fn pace(&self) -> &'a Pace<'a> {
        self.evaluation.evaluator.pace
    }

    /// So many values were worked on. Every loop over values or series awaits this, or one of the
    /// methods below that do it themselves.
    ///
    /// # Errors
    /// The query has had its time.
    pub(super) async fn did(&self, values: usize) -> Result<(), QueryError> {
        self.pace().did(values).await
    }

    /// The series of parameter `name`, which is one for later, evaluated as if the request were
    /// `context`. Leaves that no one has asked for in that range yet are fetched, all at once.
    ///
    /// # Errors
    /// What the evaluation says.
    pub(super) async fn evaluate(
        &self,
        name: &str,
        context: &Context,
    ) -> Result<Vec<Series>, QueryError> {
        let slot = self.slot(name).and_then(|index| self.slots.get(index));
        let mut joined = Vec::new();
        for argument in slot.into_iter().flatten() {
            if let Argument::Later(expression) = argument {
                joined.extend(self.evaluation.again(expression, context).await?);
            }
        }
        Ok(joined)
    }

    /// The series of each of `targets`, which the function has written itself.
    ///
    /// # Errors
    /// What parsing and evaluating them says, and [`QueryError::Limit`] where they are too many.
    pub(super) async fn evaluate_texts(
        &self,
        targets: &[String],
        context: &Context,
    ) -> Result<Vec<Vec<Series>>, QueryError> {
        self.evaluation.texts(targets, context).await
    }

    /// When events with all of `tags` happened within the range of the request, in seconds, ascending.
    ///
    /// # Errors
    /// As [`Call::did`].
    pub(super) async fn events(&self, tags: Vec<String>) -> Result<Vec<i64>, QueryError> {
        let evaluation = self.evaluation;
        let leaves = evaluation.evaluator.leaves;
        leaves.events(tags, evaluation.context).await
    }

    /// Run the function called `name` with each of `lists` as one argument.
    ///
    /// # Errors
    /// An unknown function, one that takes something else, and what it says itself.
    pub(super) async fn call(
        &self,
        name: &str,
        lists: Vec<Vec<Series>>,
    ) -> Result<Vec<Series>, QueryError> {
        let function = super::find(name).ok_or_else(|| {
            QueryError::Invalid(format!("Received request for unknown function: {name}"))
        })?;
        let mut slots: Vec<Vec<Argument<'_>>> = Vec::new();
        slots.resize_with(function.parameters.len(), Vec::new);
        for (position, list) in lists.into_iter().enumerate() {
            let takes_lists = |index: &usize| {
                let parameter = &function.parameters[*index];
                !parameter.later && matches!(parameter.kind, Kind::SeriesList | Kind::Any)
            };
            let index = function.place(position).filter(takes_lists);
            let index = index.ok_or_else(|| {
                QueryError::Invalid(format!("{name} cannot be called with these series"))
            })?;
            slots[index].push(Argument::Series(list));
        }
        for (parameter, slot) in function.parameters.iter().zip(&slots) {
            if parameter.required && slot.is_empty() && parameter.unsaid == Value::None {
                return Err(missing(parameter.name, name));
            }
        }
        let mut call = Call {
            evaluation: self.evaluation,
            function,
            slots,
        };
        let called: breath::Local<'_, _> = Box::pin(call.run());
        called.await
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
            one.free(self.pace()).await?;
        }
        Ok(())
    }

    /// Pay for values about to be produced.
    ///
    /// # Errors
    /// [`QueryError::Limit`] when they are too many.
    pub(super) fn pay_values(&self, values: u64) -> Result<(), QueryError> {
        let budget = self.evaluation.evaluator.budget;
        budget.pay(values.saturating_mul(8))
    }

    /// Pay for a text about to be made, however often it will be copied.
    ///
    /// # Errors
    /// [`QueryError::Limit`] when the texts made so far are too long together.
    pub(super) fn pay_bytes(&self, bytes: u64) -> Result<(), QueryError> {
        self.evaluation.evaluator.budget.pay(bytes)
    }

    /// The series of all lists as one.
    ///
    /// # Errors
    /// As [`Call::did`].
    pub(super) async fn joined(&self, lists: Vec<Vec<Series>>) -> Result<Vec<Series>, QueryError> {
        let mut joined = Vec::new();
        for series in lists {
            if joined.is_empty() {
                joined = series;
                continue;
            }
            for one in series {
                joined.push(one);
                self.did(1).await?;
            }
        }
        Ok(joined)
    }

    /// Give `series` a new name, and pay for it.
    ///
    /// # Errors
    /// [`QueryError::Limit`] when the names made so far are too long together; as [`Call::did`].
    pub(super) async fn rename(&self, series: &mut Series, name: String) -> Result<(), QueryError> {
        let bytes = name.len();
        self.evaluation.evaluator.budget.pay(bytes as u64)?;
        series.name = name;
        self.pace().did_series(bytes).await
    }

    /// Give `series` a new name that is also its path expression, as functions do that are no
    /// aliases.
    ///
    /// # Errors
    /// See [`Call::rename`].
    pub(super) async fn wrap(&self, series: &mut Series, name: String) -> Result<(), QueryError> {
        self.evaluation.evaluator.budget.pay(name.len() as u64)?;
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
        let lists = self.take_lists(name);
        self.joined(lists).await
    }

    /// The series given to parameter `name`, a list for each argument, or all lists of one that gives
    /// lists. They leave the call.
    pub(super) fn take_lists(&mut self, name: &str) -> Vec<Vec<Series>> {
        let slot = self.slot(name).and_then(|index| self.slots.get_mut(index));
        let mut taken = Vec::new();
        for argument in slot.into_iter().flatten() {
            match argument {
                Argument::Series(series) => taken.push(std::mem::take(series)),
                Argument::Lists(lists) => taken.append(lists),
                Argument::Later(_) | Argument::Literal(_) => {}
            }
        }
        taken
    }

    /// Whether parameter `name` was given anything.
    pub(super) fn is_given(&self, name: &str) -> bool {
        let slot = self.slot(name).and_then(|index| self.slots.get(index));
        slot.is_some_and(|given| !given.is_empty())
    }

    /// All that was given to parameter `name` besides series, or its default.
    pub(super) fn literals(&self, name: &str) -> Vec<Literal> {
        let Some(index) = self.slot(name) else {
            return Vec::new();
        };
        let given = self.slots.get(index).into_iter().flatten();
        let mut given: Vec<Literal> = given
            .filter_map(|argument| match argument {
                Argument::Literal(literal) => Some(literal.clone()),
                _ => None,
            })
            .collect();
        if given.is_empty() {
            given.extend(default_of(&self.function.parameters[index]));
        }
        given
    }

    /// The texts given to parameter `name`, or its default.
    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        let literals = self.literals(name).into_iter();
        literals
            .filter_map(|it| match it {
                Literal::Text(text) => Some(text),
                _ => None,
            })
            .collect()
    }

    fn find<T>(&self, name: &str, pick: impl Fn(Literal) -> Option<T>) -> Option<T> {
        self.literals(name).into_iter().find_map(pick)
    }

    fn need<T>(&self, name: &str, pick: impl Fn(Literal) -> Option<T>) -> Result<T, QueryError> {
        let found = self.find(name, pick);
        found.ok_or_else(|| missing(name, self.function_name()))
    }

    /// The number given to parameter `name`.
    pub(super) fn optional_float(&self, name: &str) -> Option<f64> {
        self.find(name, |it| match it {
            Literal::Float(float) => Some(float),
            _ => None,
        })
    }

    /// The text given to parameter `name`.
    pub(super) fn optional_text(&self, name: &str) -> Option<String> {
        self.find(name, |it| match it {
            Literal::Text(text) => Some(text),
            _ => None,
        })
    }

    /// The moment given to parameter `name`, in seconds since the epoch.
    ///
    /// # Errors
    /// What is no moment.
    pub(super) fn optional_date(&self, name: &str) -> Result<Option<i64>, QueryError> {
        let Some(text) = self.optional_text(name) else {
            return Ok(None);
        };
        let context = self.context();
        time::parse(&text, context.now, &context.zone).map(Some)
    }

    /// The number given to parameter `name`.
    ///
    /// # Errors
    /// Where there is none.
    pub(super) fn float(&self, name: &str) -> Result<f64, QueryError> {
        self.optional_float(name)
            .ok_or_else(|| missing(name, self.function_name()))
    }

    /// The whole number given to parameter `name`.
    ///
    /// # Errors
    /// Where there is none.
    pub(super) fn integer(&self, name: &str) -> Result<i64, QueryError> {
        self.need(name, |it| match it {
            Literal::Integer(integer) => Some(integer),
            _ => None,
        })
    }

    /// The number given to parameter `name`, which should be whole and need not be, and as it was written.
    ///
    /// # Errors
    /// Where there is none.
    pub(super) fn number(&self, name: &str) -> Result<(f64, String), QueryError> {
        self.need(name, |it| match it {
            Literal::Integer(integer) => Some((integer as f64, integer.to_string())),
            Literal::Float(float) => Some((float, number::float(float))),
            _ => None,
        })
    }

    /// The whole number given to parameter `name`; `None` is infinity.
    ///
    /// # Errors
    /// Where there is neither.
    pub(super) fn integer_or_infinity(&self, name: &str) -> Result<Option<i64>, QueryError> {
        self.need(name, |it| match it {
            Literal::Integer(integer) => Some(Some(integer)),
            Literal::Infinity => Some(None),
            _ => None,
        })
    }

    /// The window given to parameter `name`.
    ///
    /// # Errors
    /// Where there is none.
    pub(super) fn window(&self, name: &str) -> Result<Window, QueryError> {
        self.need(name, |it| match it {
            Literal::Integer(points) => Some(Window::Points(points, points.to_string())),
            Literal::Float(points) => Some(Window::Points(points as i64, number::float(points))),
            Literal::Interval(seconds, text) => Some(Window::Seconds(seconds, text)),
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
        self.optional_text(name)
            .ok_or_else(|| missing(name, self.function_name()))
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

    /// As [`Call::wrap`], for functions that graphite-web has make a new series: pictures are told
    /// nothing of what they were told of the old one.
    ///
    /// # Errors
    /// See [`Call::rename`].
    pub(super) async fn renew(&self, series: &mut Series, name: String) -> Result<(), QueryError> {
        series.look = Look::default();
        self.wrap(series, name).await
    }

    /// Append `values` to `list`, in pieces.
    ///
    /// # Errors
    /// As [`Call::did`].
    pub(super) async fn push_all(
        &self,
        list: &mut Vec<f64>,
        values: &[f64],
    ) -> Result<(), QueryError> {
        for some in values.chunks(CHUNK) {
            list.extend_from_slice(some);
            self.did(some.len() / 8).await?;
        }
        Ok(())
    }

    /// Append `value` to `list`, `count` times, in pieces.
    ///
    /// # Errors
    /// As [`Call::did`].
    pub(super) async fn push_many(
        &self,
        list: &mut Vec<f64>,
        value: f64,
        count: usize,
    ) -> Result<(), QueryError> {
        let mut left = count;
        while 0 < left {
            let some = left.min(CHUNK);
            list.resize(list.len() + some, value);
            self.did(some / 8).await?;
            left -= some;
        }
        Ok(())
    }

    /// Give `series` other values, and free those it had.
    ///
    /// # Errors
    /// As [`Call::did`].
    pub(super) async fn put_values(
        &self,
        series: &mut Series,
        values: Vec<f64>,
    ) -> Result<(), QueryError> {
        breath::free(std::mem::replace(&mut series.values, values), self.pace()).await
    }

    /// The moment given to parameter `name`, in seconds since the epoch.
    ///
    /// # Errors
    /// What is no moment, and where there is none.
    pub(super) fn date(&self, name: &str) -> Result<i64, QueryError> {
        let date = self.optional_date(name)?;
        date.ok_or_else(|| missing(name, self.function_name()))
    }

    /// Forget the first `count` values of `series`; its start stays.
    ///
    /// # Errors
    /// As [`Call::did`].
    pub(super) async fn skip_values(
        &self,
        series: &mut Series,
        count: usize,
    ) -> Result<(), QueryError> {
        if count == 0 {
            return Ok(());
        }
        let kept = series.values.get(count..).unwrap_or_default();
        let kept = breath::copied(kept, self.pace()).await?;
        self.put_values(series, kept).await
    }
}
