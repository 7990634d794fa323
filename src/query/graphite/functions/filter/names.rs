//! Series that stay or leave by their names, or for want of values.

use std::collections::HashSet;

use super::super::aggregation::Aggregation;
use super::super::call::Call;
use super::super::parameter::{Function, Kind, Parameter, Value};
use super::{GROUP, SERIES_LIST, whole};
use crate::query::error::QueryError;
use crate::query::graphite::python_regex::{Pattern, Replacement};
use crate::query::graphite::target;
use crate::query::series::Series;

const SERIES_AND_PATTERN: &[Parameter] = &[SERIES_LIST, Parameter::required("pattern", Kind::Text)];

pub(in super::super) const FUNCTIONS: &[Function] = &[
    Function::new(
        &["exclude"],
        GROUP,
        "All series but those in whose name a regular expression matches.",
        SERIES_AND_PATTERN,
        |call| Box::pin(matching(call, false)),
    ),
    Function::new(
        &["grep"],
        GROUP,
        "Only series in whose name a regular expression matches.",
        SERIES_AND_PATTERN,
        |call| Box::pin(matching(call, true)),
    ),
    Function::new(
        &["removeEmptySeries"],
        GROUP,
        "Only series that have a value, and of all their values at least the share xFilesFactor.",
        &[
            SERIES_LIST,
            Parameter::optional("xFilesFactor", Kind::Float, Value::None),
        ],
        |call| Box::pin(remove_empty(call)),
    ),
    Function::new(
        &["unique"],
        GROUP,
        "Of series with one name only the first.",
        &[Parameter::required("seriesLists", Kind::SeriesList).many()],
        |call| Box::pin(unique(call)),
    ),
    Function::new(
        &["useSeriesAbove"],
        GROUP,
        "For each series whose largest value is more than the given one, the series whose names a \
         replacement in its name makes.",
        &[
            SERIES_LIST,
            Parameter::required("value", Kind::Float),
            Parameter::required("search", Kind::Text),
            Parameter::required("replace", Kind::Text),
        ],
        |call| Box::pin(use_series_above(call)),
    ),
];

async fn matching(call: &mut Call<'_>, stays: bool) -> Result<Vec<Series>, QueryError> {
    let pattern = Pattern::new(&call.text("pattern")?)?;
    let mut kept = Vec::new();
    for one in call.take_series("seriesList").await? {
        if pattern.is_in(&one.name, call.pace()).await? == stays {
            kept.push(one);
        } else {
            one.free(call.pace()).await?;
        }
    }
    Ok(kept)
}

async fn remove_empty(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let share = call.optional_float("xFilesFactor").unwrap_or(0.0);
    let mut kept = Vec::new();
    for one in call.take_series("seriesList").await? {
        let count = whole(call, &one, Aggregation::Count).await?;
        if 0.0 < count && share <= count / one.values.len() as f64 {
            kept.push(one);
        } else {
            one.free(call.pace()).await?;
        }
    }
    Ok(kept)
}

async fn unique(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let mut seen = HashSet::new();
    let mut kept = Vec::new();
    for one in call.take_series("seriesLists").await? {
        call.pace().did_series(one.name.len()).await?;
        if seen.insert(one.name.clone()) {
            kept.push(one);
        } else {
            one.free(call.pace()).await?;
        }
    }
    Ok(kept)
}

/// Most names in one target: the arguments of a function are counted.
const NAMES_MAX: usize = target::ARGUMENTS_MAX / 2;

async fn use_series_above(call: &mut Call<'_>) -> Result<Vec<Series>, QueryError> {
    let value = call.float("value")?;
    let pattern = Pattern::new(&call.text("search")?)?;
    let replacement = Replacement::new(&call.text("replace")?, &pattern)?;
    // They are arguments of one function, so that a name with a comma in it is several.
    let mut targets: Vec<String> = Vec::new();
    let mut names = 0;
    for one in call.take_series("seriesList").await? {
        let name = pattern
            .replaced(&one.name, &replacement, call.pace())
            .await?;
        let largest = whole(call, &one, Aggregation::Maximum).await?;
        let count = whole(call, &one, Aggregation::Count).await?;
        let has_null = count < one.values.len() as f64;
        one.free(call.pace()).await?;
        // Python knows no largest one where some are null.
        if has_null || largest.is_nan() || largest <= value {
            continue;
        }
        call.pay_values(1 + name.len() as u64 / 8)?;
        match targets.last_mut() {
            Some(last) if names < NAMES_MAX && last.len() + name.len() + 2 < target::BYTES_MAX => {
                last.push(',');
                last.push_str(&name);
                names += 1;
            }
            _ => {
                targets.push(format!("group({name}"));
                names = 1;
            }
        }
    }
    for target in &mut targets {
        target.push(')');
    }
    let lists = call.evaluate_texts(&targets, call.context()).await?;
    let mut found = Vec::new();
    for one in lists.into_iter().flatten() {
        call.did(1).await?;
        if !one.values.is_empty() {
            found.push(one);
        }
    }
    Ok(found)
}
