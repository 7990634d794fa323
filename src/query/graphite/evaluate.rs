//! A target and the series of its leaves become the series of the answer.

use std::cell::Cell;

use super::functions::{self, Call};
use super::target::{Expression, Target};
use super::{Context, Fetched};
use crate::query::error::QueryError;
use crate::query::series::Series;

/// Bytes that a series costs besides its values and its name.
const SERIES_BYTES: u64 = 512;

/// Whether every function of `target` exists and gets arguments that it can take. Asked before
/// anything is fetched.
///
/// # Errors
/// [`QueryError::Invalid`] with graphite-web's text.
pub fn check(target: &Target) -> Result<(), QueryError> {
    match &target.expression {
        Expression::Path(_) | Expression::Tagged(_) | Expression::Call(_) => {}
        other => return Err(no_series(other)),
    }
    check_expression(&target.expression)
}

fn check_expression(expression: &Expression) -> Result<(), QueryError> {
    if let Expression::Call(call) = expression {
        let named = call.named.iter().map(|(_, value)| value);
        for argument in call.arguments.iter().chain(named) {
            check_expression(argument)?;
        }
        functions::bind(call)?;
    }
    Ok(())
}

fn no_series(expression: &Expression) -> QueryError {
    QueryError::Invalid(format!("target gives no series but {expression}"))
}

/// Evaluate `target` over the series of its leaves.
///
/// # Errors
/// What [`check`] says; what a function says of its arguments; [`QueryError::Limit`] where the
/// functions together produce more than [`Limits::bytes_max`](crate::query::limits::Limits).
pub fn evaluate(
    target: &Target,
    fetched: &Fetched,
    context: &Context,
) -> Result<Vec<Series>, QueryError> {
    check(target)?;
    let budget = Budget {
        bytes_max: context.limits.bytes_max,
        bytes_left: Cell::new(context.limits.bytes_max),
    };
    let evaluation = Evaluation {
        fetched,
        context,
        budget: &budget,
    };
    evaluation.series(&target.expression)
}

/// What the functions of one target may still produce. It counts work as well as memory: every
/// function pays for what it gives, whether or not that is still held when the next one runs.
#[derive(Debug)]
pub struct Budget {
    bytes_max: u64,
    bytes_left: Cell<u64>,
}

impl Budget {
    /// Pay for `bytes` about to be produced.
    ///
    /// # Errors
    /// [`QueryError::Limit`] when they are too many.
    pub fn pay(&self, bytes: u64) -> Result<(), QueryError> {
        match self.bytes_left.get().checked_sub(bytes) {
            Some(left) => {
                self.bytes_left.set(left);
                Ok(())
            }
            None => Err(QueryError::Limit(format!(
                "the functions of this target produce more than {} bytes (query.bytes_max); \
                 ask for fewer series or a shorter range",
                self.bytes_max
            ))),
        }
    }

    fn pay_series(&self, series: &[Series]) -> Result<(), QueryError> {
        for one in series {
            let text = (one.name.len() + one.path_expression.len()) as u64;
            self.pay(SERIES_BYTES + text + 8 * one.values.len() as u64)?;
        }
        Ok(())
    }
}

/// One evaluation under way.
#[derive(Clone, Copy)]
pub(super) struct Evaluation<'a> {
    fetched: &'a Fetched,
    pub(super) context: &'a Context,
    pub(super) budget: &'a Budget,
}

impl Evaluation<'_> {
    /// The series of an expression. Recursion is bounded by the depth of a target.
    pub(super) fn series(self, expression: &Expression) -> Result<Vec<Series>, QueryError> {
        match expression {
            Expression::Path(path) => self.leaf(expression, path),
            Expression::Tagged(tagged) => self.leaf(expression, &tagged.written),
            Expression::Call(call) => {
                let bound = functions::bind(call)?;
                let mut call = Call::new(self, bound)?;
                let series = call.run()?;
                self.budget.pay_series(&series)?;
                Ok(series)
            }
            other => Err(no_series(other)),
        }
    }

    fn leaf(self, expression: &Expression, written: &str) -> Result<Vec<Series>, QueryError> {
        let selector = expression.selector();
        let Some(found) = selector.and_then(|selector| self.fetched.get(&selector)) else {
            return Ok(Vec::new());
        };
        self.budget.pay_series(found)?;
        self.budget.pay((written.len() * found.len()) as u64)?;
        let mut series = found.clone();
        for one in &mut series {
            one.path_expression = written.to_owned();
            one.x_files_factor = self.context.x_files_factor;
        }
        Ok(series)
    }
}
