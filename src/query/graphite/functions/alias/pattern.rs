//! Names by regular expressions, of Python's kind.

use super::super::aggregation::Aggregation;
use super::super::call::Call;
use super::super::filter::whole;
use super::super::parameter::{Function, Kind, Parameter};
use super::{GROUP, SERIES_LIST};
use crate::query::error::QueryError;
use crate::query::graphite::printf;
use crate::query::graphite::python_regex::{Pattern, Replacement};
use crate::query::series::Series;

pub(in super::super) const FUNCTIONS: &[Function] = &[
    Function::new(
        &["aliasQuery"],
        GROUP,
        "A name made with the last value of another series, whose path is a replacement in the name.",
        &[
            SERIES_LIST,
            Parameter::required("search", Kind::Text),
            Parameter::required("replace", Kind::Text),
            Parameter::required("newName", Kind::Text),
        ],
        |call| Box::pin(alias_query(call)),
    ),
    Function::new(
        &["aliasSub"],
        GROUP,
        "Every match of a regular expression in the name replaced.",
        &[
            SERIES_LIST,
            Parameter::required("search", Kind::Text),
            Parameter::required("replace", Kind::Text),
        ],
        |call| Box::pin(alias_sub(call)),
    ),
];

async fn alias_sub(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let pattern = Pattern::new(&call.text("search")?)?;
    let replacement = Replacement::new(&call.text("replace")?, &pattern)?;
    let mut series = call.take_series("seriesList").await?;
    for one in &mut series {
        let name = pattern
            .replaced(&one.name, &replacement, call.pace())
            .await?;
        call.rename(one, name).await?;
    }
    Ok(series)
}

async fn alias_query(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let pattern = Pattern::new(&call.text("search")?)?;
    let replacement = Replacement::new(&call.text("replace")?, &pattern)?;
    let template = call.text("newName")?;
    let mut series = call.take_series("seriesList").await?;
    let mut targets = Vec::with_capacity(series.len());
    for one in &series {
        let target = pattern
            .replaced(&one.name, &replacement, call.pace())
            .await?;
        call.pay_values(1 + target.len() as u64 / 8)?;
        if target.trim().is_empty() {
            return Err(nothing_found(&target));
        }
        targets.push(target);
    }
    let lists = call.evaluate_texts(&targets, call.context()).await?;
    for ((one, list), target) in series.iter_mut().zip(lists).zip(&targets) {
        let Some(found) = list.first() else {
            return Err(nothing_found(target));
        };
        let last = whole(call, found, Aggregation::Last).await?;
        if last.is_nan() {
            return Err(QueryError::Invalid(format!(
                "Cannot get last value of series: {}",
                found.name
            )));
        }
        call.rename(one, printf::format(&template, last)?).await?;
        call.free(list).await?;
    }
    Ok(series)
}

fn nothing_found(target: &str) -> QueryError {
    QueryError::Invalid(format!("No series found with query: {target}"))
}
