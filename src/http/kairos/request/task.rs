//! What a roll-up task is to do: checked in KairosDB's words, and cut into units, one for each metric of its
//! queries.

use http::StatusCode;

use super::fields::{Checked, Field};
use super::times::{self, Relative};
use super::{Metric, Query, Reading};
use crate::http::kairos::Refused;
use crate::http::kairos::options::QueryOptions;
use crate::http::kairos::tree::Tree;
use crate::http::kairos::tree_text::{push as push_tree, text as text_of};
use crate::model::rollup::{PROGRESS_TEXT_BYTES_MAX, ROLLUPS_MAX};
use crate::query::kairos::Aggregator;
use crate::query::kairos::aggregator::SaveAs;
use crate::query::kairos::sampling::Sampling;
use crate::query::kairos::zone::Zone;

/// A whole task.
pub(in crate::http::kairos) struct Task {
    pub(in crate::http::kairos) name: String,
    interval: Relative,
    pub(in crate::http::kairos) units: Vec<Unit>,
}

/// What is rolled up of one metric.
pub(in crate::http::kairos) struct Unit {
    /// What it is written to.
    pub(in crate::http::kairos) save_as: String,
    /// What each bucket is asked, but for its times.
    pub(in crate::http::kairos) query: Query,
    /// The only metric of it.
    pub(in crate::http::kairos) metric: Metric,
    /// The buckets.
    pub(in crate::http::kairos) sampling: Sampling,
    /// Whose calendar cuts them.
    pub(in crate::http::kairos) zone: Zone,
    /// The query as it was sent.
    pub(in crate::http::kairos) json: Vec<u8>,
}

impl Task {
    /// Read it.
    pub(in crate::http::kairos) fn read(tree: &Tree, reading: Reading<'_>) -> Checked<Task> {
        if !matches!(tree, Tree::Object(_)) {
            return Err(crate::http::kairos::not_an_object(&text_of(tree)));
        }
        let of = |name| Field::of(tree, "", name);
        let interval = of("execution_interval")
            .map(|it| interval(&it))
            .transpose()?;
        let name = of("name").map(|name| name.text()).transpose()?;
        let mut errors = Vec::new();
        match &name {
            None => errors.push("name may not be null".to_owned()),
            Some(name) if name.is_empty() => errors.push("name may not be empty".to_owned()),
            Some(_) => {}
        }
        if interval.is_none() {
            errors.push("executionInterval may not be null".to_owned());
        }
        let (Some(interval), Some(name), true) = (interval, name, errors.is_empty()) else {
            return Err(Refused {
                status: StatusCode::BAD_REQUEST,
                errors,
            });
        };
        let rollups = of("rollups").map_or(Ok([].as_slice()), |rollups| rollups.list())?;
        let mut units = Vec::new();
        for (i, rollup) in rollups.iter().enumerate() {
            let place = format!("rollup[{i}]");
            units.extend(rolled_up(rollup, &place, reading)?);
            if ROLLUPS_MAX < units.len() {
                return Err(Refused::bad(format!(
                    "a task has at most {ROLLUPS_MAX} metrics in all of its queries; make several of it"
                )));
            }
        }
        Ok(Task {
            name,
            interval,
            units,
        })
    }

    /// The instant one interval before another, in milliseconds.
    pub(in crate::http::kairos) fn before(&self, now_ms: i64) -> i64 {
        self.interval.before(now_ms)
    }

    /// About the instant one interval behind another.
    pub(in crate::http::kairos) fn behind(&self, then_ms: i64) -> i64 {
        let long = then_ms.saturating_sub(self.interval.before(then_ms));
        then_ms.saturating_add(long)
    }
}

/// How often it runs.
fn interval(field: &Field<'_>) -> Checked<Relative> {
    let read = Relative::read(field).map_err(failed)?;
    read.check("execution_interval")?;
    Ok(read)
}

/// KairosDB fails on a bad unit or zone of a task, and does not name it.
fn failed(refused: Refused) -> Refused {
    let errors = refused
        .errors
        .into_iter()
        .map(|told| match told.find("is not a valid ") {
            Some(at) => told.get(at..).unwrap_or_default().to_owned(),
            None => told,
        });
    Refused {
        status: StatusCode::INTERNAL_SERVER_ERROR,
        errors: errors.collect(),
    }
}

/// The units of one roll-up.
fn rolled_up(tree: &Tree, place: &str, reading: Reading<'_>) -> Checked<Vec<Unit>> {
    if !matches!(tree, Tree::Object(_)) {
        return Err(Refused::bad(format!("{place} must be an object")));
    }
    let of = |name| Field::of(tree, place, name);
    let save_as = match of("save_as").map(|name| name.text()).transpose()? {
        None => return refuse(place, "saveAs may not be null"),
        Some(name) if name.is_empty() => return refuse(place, "saveAs may not be empty"),
        Some(name) if PROGRESS_TEXT_BYTES_MAX < name.len() => {
            return refuse(
                place,
                &format!("saveAs has more than {PROGRESS_TEXT_BYTES_MAX} bytes"),
            );
        }
        Some(name) => name,
    };
    let zone = of("time_zone")
        .map(|zone| times::zone(&zone, place).map_err(failed))
        .transpose()?;
    let Some(asked) = of("query") else {
        return refuse(place, "query may not be null");
    };
    // Aggregators without a zone of their own go by that of the buckets.
    let options = QueryOptions {
        zone: zone.unwrap_or_else(|| reading.options.zone.clone()),
        ..reading.options.clone()
    };
    let reading = Reading {
        options: &options,
        ..reading
    };
    let query = Query::read(asked.value, reading).map_err(|refused| Refused {
        errors: prefixed(place, refused.errors),
        ..refused
    })?;
    let mut json = Vec::new();
    push_tree(asked.value, &mut json);
    let shared = Query {
        metrics: Vec::new(),
        ..query
    };
    let units = query
        .metrics
        .into_iter()
        .enumerate()
        .map(|(i, mut metric)| {
            let last = metric.aggregators.iter().rev().find_map(Aggregator::range);
            let Some(sampling) = last.map(|range| range.sampling) else {
                let told = "At least one aggregator must be a range aggregator";
                return refuse(place, &format!("query[{i}].aggregator {told}"));
            };
            if sampling.value < 1 {
                return refuse(
                    place,
                    &format!("query[{i}].aggregator sampling value must be at least 1"),
                );
            }
            metric.aggregators.push(Aggregator::SaveAs(SaveAs {
                metric_name: save_as.clone(),
                add_saved_from: true,
                ..SaveAs::default()
            }));
            Ok(Unit {
                save_as: save_as.clone(),
                query: shared.clone(),
                metric,
                sampling,
                zone: options.zone.clone(),
                json: json.clone(),
            })
        });
    units.collect()
}

fn refuse<T>(place: &str, told: &str) -> Checked<T> {
    Err(Refused::bad(format!("{place}.{told}")))
}

fn prefixed(place: &str, errors: Vec<String>) -> Vec<String> {
    let joined = |told: String| match told.starts_with("query.metric[] ") {
        // There KairosDB forgets the dot.
        true => format!("{place}{told}"),
        false => format!("{place}.{told}"),
    };
    errors.into_iter().map(joined).collect()
}
