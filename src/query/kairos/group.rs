//! A stream becomes several: the groupers of `group_by` that look at points.

use std::collections::HashMap;

use super::calendar::Date;
use super::context::Context;
use super::error::KairosError;
use super::sampling::{Sampling, Unit};
use super::stream::{Point, Stream, Value};
use crate::query::breath::CHUNK;

/// The group of texts where numbers are what counts.
const OF_TEXTS: i64 = -1;

/// What tells the group of a point.
#[derive(Clone, Debug, PartialEq)]
pub enum Grouper {
    /// By value, in ranges of this length, at least 1. Numbers are cut to whole ones of 32 bits first, a
    /// long is divided first.
    Value {
        /// Length of a range.
        range_size: i64,
    },
    /// By time since the start of the query, in ranges that take turns.
    Time {
        /// Length of a range. Days have 24 hours here and years 364 days; of months only the unit counts.
        range_size: Sampling,
        /// How many groups there are, at least 1.
        group_count: i64,
    },
    /// By value, between these numbers; texts are in group -1.
    Bin {
        /// Where one group ends and the next begins, at least one.
        bins: Vec<f64>,
    },
}

/// Points of one group.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// What each grouper says, in their order.
    pub ids: Vec<i64>,
    /// The points.
    pub stream: Stream,
}

/// What a grouper comes to for one query.
enum Rule {
    Value {
        range_size: i64,
    },
    Months {
        first: i64,
        group_count: i64,
    },
    Time {
        start: i64,
        millis: i64,
        group_count: i64,
    },
    /// For each bin the largest up to it: a value is below one of the bins up to there if it is below this.
    Bin(Vec<f64>),
}

impl Rule {
    fn of(grouper: &Grouper, start: i64) -> Rule {
        match grouper {
            Grouper::Value { range_size } => Rule::Value {
                range_size: *range_size,
            },
            Grouper::Bin { bins } => {
                let mut largest = f64::NEG_INFINITY;
                let running = bins.iter().map(|bin| {
                    largest = largest.max(*bin);
                    largest
                });
                Rule::Bin(running.collect())
            }
            Grouper::Time {
                range_size,
                group_count,
            } => match millis(*range_size) {
                None => Rule::Months {
                    first: Date::of(start).months,
                    group_count: *group_count,
                },
                Some(millis) => Rule::Time {
                    start,
                    millis,
                    group_count: *group_count,
                },
            },
        }
    }

    /// `None` where it divides by zero.
    fn id(&self, point: Point) -> Option<i64> {
        match self {
            Rule::Value { range_size } => match point.value {
                Value::Long(value) => value
                    .checked_div(*range_size)
                    .map(|id| i64::from(id as i32)),
                Value::Double(value) => i64::from(value as i32).checked_div(*range_size),
                Value::Text(_) | Value::Null => Some(OF_TEXTS),
            },
            Rule::Months { first, group_count } => {
                (Date::of(point.time).months - first).checked_rem(*group_count)
            }
            Rule::Time {
                start,
                millis,
                group_count,
            } => {
                let range = point.time.saturating_sub(*start).checked_div(*millis)?;
                range.checked_rem(*group_count)
            }
            Rule::Bin(bins) => Some(match point.value {
                Value::Long(value) => bin(bins, value as f64),
                Value::Double(value) => bin(bins, value),
                Value::Text(_) | Value::Null => OF_TEXTS,
            }),
        }
    }
}

/// The first bin that the value is below; where none is, the one behind all.
fn bin(largest: &[f64], value: f64) -> i64 {
    largest.partition_point(|bin| *bin <= value) as i64
}

/// Length of a range, `None` if it is one of months.
fn millis(range_size: Sampling) -> Option<i64> {
    let unit = match range_size.unit {
        Unit::Milliseconds => 1,
        Unit::Seconds => 1_000,
        Unit::Minutes => 60_000,
        Unit::Hours => 3_600_000,
        Unit::Days => 86_400_000,
        Unit::Weeks => 7 * 86_400_000,
        Unit::Months => return None,
        Unit::Years => 52 * 7 * 86_400_000,
    };
    Some(range_size.value.saturating_mul(unit))
}

/// The points of each group, in the order of their first points. Without groupers, one group of all.
///
/// # Errors
/// `/ by zero` for a range of no length, no text for no bins; too many groups; what the pace says.
pub async fn partition(
    stream: Stream,
    groupers: &[Grouper],
    context: &Context<'_>,
) -> Result<Vec<Group>, KairosError> {
    if groupers.is_empty() {
        let ids = Vec::new();
        return Ok(vec![Group { ids, stream }]);
    }
    let has_no_bins =
        |grouper: &Grouper| matches!(grouper, Grouper::Bin { bins } if bins.is_empty());
    if groupers.iter().any(has_no_bins) {
        return Err(KairosError::Failed(None));
    }
    let rules: Vec<Rule> = groupers
        .iter()
        .map(|grouper| Rule::of(grouper, context.start))
        .collect();
    let kind = stream.kind;
    let mut groups: Vec<Group> = Vec::new();
    let mut places: HashMap<Vec<i64>, usize> = HashMap::new();
    let mut latest = 0;
    let mut ids = Vec::with_capacity(rules.len());
    for some in stream.points.chunks(CHUNK) {
        for point in some {
            ids.clear();
            for rule in &rules {
                ids.push(rule.id(*point).ok_or_else(KairosError::divided_by_zero)?);
            }
            // Points of one group often come together.
            if groups.get(latest).is_none_or(|group| group.ids != ids) {
                latest = match places.get(&ids) {
                    Some(place) => *place,
                    None => {
                        context.limits.check_groups(groups.len() + 1)?;
                        places.insert(ids.clone(), groups.len());
                        groups.push(Group {
                            ids: ids.clone(),
                            stream: Stream {
                                kind,
                                points: Vec::new(),
                            },
                        });
                        groups.len() - 1
                    }
                };
            }
            if let Some(group) = groups.get_mut(latest) {
                group.stream.points.push(*point);
            }
        }
        context.pace.did(some.len()).await?;
    }
    Ok(groups)
}
