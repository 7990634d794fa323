//! A target and the series of its leaves become the series of the answer.

use std::cell::Cell;

use super::functions::{self, Call};
use super::target::{Expression, Target};
use super::{Context, Fetched};
use crate::query::breath::{self, Local, Pace};
use crate::query::error::QueryError;
use crate::query::limits::Limits;
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

/// Evaluate `target` over the series of its leaves, in pieces as `pace` says. All targets of a
/// request share one `budget`.
///
/// # Errors
/// What [`check`] says; what a function says of its arguments; [`QueryError::Limit`] where the
/// functions together produce more than `budget` allows; what a breath says.
pub async fn evaluate(
    target: &Target,
    fetched: &Fetched,
    context: &Context,
    budget: &Budget,
    pace: &Pace<'_>,
) -> Result<Vec<Series>, QueryError> {
    let evaluation = Evaluation {
        fetched,
        context,
        budget,
        pace,
    };
    evaluation.series(&target.expression).await
}

/// What the leaves and the functions of one request may still produce. It counts work as well as
/// memory: every function pays for what it gives, whether or not that is still held when the next
/// one runs.
#[derive(Debug)]
pub struct Budget {
    bytes_max: u64,
    bytes_left: Cell<u64>,
}

impl Budget {
    /// Nothing is spent yet.
    pub fn new(bytes_max: u64) -> Budget {
        Budget {
            bytes_max,
            bytes_left: Cell::new(bytes_max),
        }
    }

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
            None => Err(Limits::too_many_bytes(self.bytes_max)),
        }
    }

    /// Pay for a series of `values` values whose texts have `text_bytes`.
    ///
    /// # Errors
    /// As [`Budget::pay`].
    pub fn pay_series(&self, text_bytes: usize, values: u64) -> Result<(), QueryError> {
        let text_bytes = SERIES_BYTES + text_bytes as u64;
        self.pay(text_bytes.saturating_add(values.saturating_mul(8)))
    }
}

/// One evaluation under way.
#[derive(Clone, Copy)]
pub(super) struct Evaluation<'a> {
    fetched: &'a Fetched,
    pub(super) context: &'a Context,
    pub(super) budget: &'a Budget,
    pub(super) pace: &'a Pace<'a>,
}

impl<'a> Evaluation<'a> {
    /// The series of an expression. Recursion is bounded by the depth of a target.
    pub(super) fn series(
        self,
        expression: &'a Expression,
    ) -> Local<'a, Result<Vec<Series>, QueryError>> {
        Box::pin(async move {
            match expression {
                Expression::Path(path) => self.leaf(expression, path).await,
                Expression::Tagged(tagged) => self.leaf(expression, &tagged.written).await,
                Expression::Call(call) => {
                    let mut call = Call::new(self, functions::bind(call)?).await?;
                    let series = call.run().await?;
                    for one in &series {
                        self.budget
                            .pay_series(text_bytes(one), one.values.len() as u64)?;
                        self.pace.did(1).await?;
                    }
                    Ok(series)
                }
                other => Err(no_series(other)),
            }
        })
    }

    async fn leaf(self, expression: &Expression, written: &str) -> Result<Vec<Series>, QueryError> {
        let selector = expression.selector();
        let Some(found) = selector.and_then(|selector| self.fetched.get(&selector)) else {
            return Ok(Vec::new());
        };
        let mut series = Vec::with_capacity(found.len());
        for one in found {
            let texts = text_bytes(one) + written.len();
            self.budget.pay_series(texts, one.values.len() as u64)?;
            let values = breath::copied(&one.values, self.pace).await?;
            series.push(Series {
                name: one.name.clone(),
                path_expression: written.to_owned(),
                tags: one.tags.clone(),
                look: one.look.clone(),
                x_files_factor: self.context.x_files_factor,
                values,
                ..*one
            });
            self.pace.did_series(texts).await?;
        }
        Ok(series)
    }
}

/// Bytes of the texts of a series; its tags repeat its name.
fn text_bytes(series: &Series) -> usize {
    series.name.len() + series.path_expression.len()
}
