//! What a query asks for, checked in KairosDB's order and told in its words.

mod fields;
mod groups;
mod steps;
pub(super) mod task;
mod times;

use super::options::QueryOptions;
use super::tree::Tree;
use super::tree_text;
use crate::base::time::Millis;
use crate::query::kairos::Aggregator;
use crate::query::kairos::Grouper;
use crate::query::kairos::zone::Zone;
use crate::query::plan::TagFilter;
use fields::{Checked, Field, as_text, bad};

/// Metrics of a query.
const METRICS_MAX: usize = 1_000;
/// Aggregators of a metric.
const AGGREGATORS_MAX: usize = 100;
/// Groupers of a metric.
const GROUPERS_MAX: usize = 32;
/// Tag filters of a metric.
const FILTERS_MAX: usize = 60;

/// A whole query.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Query {
    /// First and last instant; both count.
    pub(super) start_ms: i64,
    pub(super) end_ms: i64,
    /// Whether whole doubles are printed as `5.0`, where KairosDB has `5`, which may also be a long. A
    /// field of ours, `exact_types`, for whoever copies points: KairosDB ignores it.
    pub(super) has_exact_types: bool,
    pub(super) metrics: Vec<Metric>,
}

/// One metric of a query.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Metric {
    pub(super) name: String,
    pub(super) alias: Option<String>,
    pub(super) filters: Vec<TagFilter>,
    /// Points of each series, and of the answer.
    pub(super) limit: Option<usize>,
    pub(super) is_descending: bool,
    pub(super) exclude_tags: bool,
    /// The tags by which series are grouped, if they are.
    pub(super) tags: Option<Vec<String>>,
    /// Those of all groupers by tags, which `save_as` keeps.
    pub(super) kept_tags: Vec<String>,
    /// What groups points, in the order of the query.
    pub(super) groupers: Vec<Grouper>,
    pub(super) aggregators: Vec<Aggregator>,
}

/// What a query is read by besides its text.
#[derive(Clone, Copy)]
pub(super) struct Reading<'a> {
    /// What relative times count from.
    pub(super) now: Millis,
    pub(super) options: &'a QueryOptions,
}

/// What all metrics of a query share.
struct Shared<'a> {
    reading: Reading<'a>,
    start_ms: Option<i64>,
    end_ms: i64,
    zone: Zone,
}

impl Query {
    /// Read it.
    pub(super) fn read(tree: &Tree, reading: Reading<'_>) -> Checked<Query> {
        if !matches!(tree, Tree::Object(_)) {
            return Err(super::not_an_object(&tree_text::text(tree)));
        }
        let of = |name| Field::of(tree, "", name);
        // First what every value is, then whether it makes sense.
        let zone = of("time_zone").map(|zone| times::zone(&zone, "query"));
        let zone = zone.unwrap_or_else(|| Ok(reading.options.zone.clone()))?;
        let relative = |name| of(name).map(|it| times::Relative::read(&it)).transpose();
        let start_relative = relative("start_relative")?;
        let end_relative = relative("end_relative")?;
        let start_absolute = times::absolute(tree, "start_absolute")?;
        let end_absolute = times::absolute(tree, "end_absolute")?;
        let cache_time = of("cache_time").map(|time| time.integer()).transpose()?;
        if cache_time.is_some_and(|seconds| seconds < 0) {
            return bad("cache_time must be greater than or equal to 0");
        }
        for (name, relative) in [
            ("start_relative", &start_relative),
            ("end_relative", &end_relative),
        ] {
            relative.as_ref().map_or(Ok(()), |it| it.check(name))?;
        }
        check_plugins(tree, "")?;
        let now_ms = reading.now.0;
        let instant = |absolute: Option<i64>, relative: Option<times::Relative>| {
            absolute.or_else(|| relative.map(|it| it.before(now_ms)))
        };
        let shared = Shared {
            reading,
            start_ms: instant(start_absolute, start_relative),
            end_ms: instant(end_absolute, end_relative).unwrap_or(i64::MAX),
            zone,
        };
        let metrics = match tree.field("metrics") {
            None => return bad("query.metric[] must have a size of at least 1"),
            Some(Tree::Array(metrics)) => metrics,
            Some(_) => return bad("query.metrics must be an array"),
        };
        if METRICS_MAX < metrics.len() {
            return bad(format!(
                "a query has at most {METRICS_MAX} metrics; send several"
            ));
        }
        let metrics = metrics.iter().enumerate();
        let metrics = metrics.map(|(i, metric)| Metric::read(metric, i, &shared));
        Ok(Query {
            metrics: metrics.collect::<Checked<_>>()?,
            start_ms: shared.start_ms.unwrap_or(0),
            end_ms: shared.end_ms,
            has_exact_types: matches!(tree.field("exact_types"), Some(Tree::Bool(true))),
        })
    }
}

impl Metric {
    fn read(tree: &Tree, number: usize, shared: &Shared<'_>) -> Checked<Metric> {
        let place = format!("query.metric[{number}]");
        if !matches!(tree, Tree::Object(_)) {
            return bad(format!("{place} must be an object"));
        }
        let of = |name| Field::of(tree, &place, name);
        let name = name(tree, &place)?;
        let exclude_tags = of("exclude_tags").map_or(Ok(false), |flag| flag.flag())?;
        let filters = filters(tree, &place, &shared.reading.options.regex_prefix)?;
        let limit = of("limit").map_or(Ok(0), |limit| limit.integer())?;
        let alias = of("alias").map(|alias| alias.text()).transpose()?;
        let name = match name {
            None => return bad(format!("{place}.name may not be null")),
            Some(name) if name.is_empty() => return bad(format!("{place}.name may not be empty")),
            Some(name) => name,
        };
        let Some(start_ms) = shared.start_ms else {
            let told = "start_time relative or absolute time must be set";
            return bad(format!("{place}.{told}"));
        };
        if shared.end_ms < start_ms {
            let told = "end_time must be greater than the start time";
            return bad(format!("{place}.{told}"));
        }
        let grouping = groups::read(list(tree, &place, "group_by", GROUPERS_MAX)?, &place)?;
        let aggregators = list(tree, &place, "aggregators", AGGREGATORS_MAX)?;
        let aggregators = steps::read(aggregators, &place, shared)?;
        check_plugins(tree, &place)?;
        let is_descending = match given(tree, &place, "order")
            .map(|it| it.text())
            .transpose()?
        {
            None => false,
            Some(order) if order.eq_ignore_ascii_case("asc") => false,
            Some(order) if order.eq_ignore_ascii_case("desc") => true,
            Some(_) => return bad(format!("{place}.order must be either 'asc' or 'desc'")),
        };
        Ok(Metric {
            name,
            alias,
            filters,
            limit: usize::try_from(limit).ok().filter(|&limit| limit > 0),
            is_descending,
            exclude_tags,
            tags: grouping.tags,
            kept_tags: grouping.kept_tags,
            groupers: grouping.groupers,
            aggregators,
        })
    }
}

/// A field that may be missing but not be null.
fn given<'a>(tree: &'a Tree, place: &'a str, name: &'a str) -> Option<Field<'a>> {
    let value = tree.given(name)?;
    Some(Field { place, name, value })
}

/// A list of objects, which may be missing.
fn list<'a>(tree: &'a Tree, place: &str, name: &str, max: usize) -> Checked<&'a [Tree]> {
    let Some(value) = tree.field(name) else {
        return Ok(&[]);
    };
    let field = Field { place, name, value };
    match value {
        Tree::Array(list) if list.len() <= max => Ok(list),
        Tree::Array(_) => field.refuse(&format!("has more than {max} entries; use fewer")),
        _ => field.refuse("must be an array"),
    }
}

/// The name of an entry of a list, which must be an object. An error tells its place, `place.list[number]`.
fn entry_name(entry: &Tree, place: &str) -> Checked<String> {
    if !matches!(entry, Tree::Object(_)) {
        return bad(format!("{place} must be an object"));
    }
    let name = Field::of(entry, place, "name").map(|name| name.text());
    match name.transpose()? {
        Some(name) if !name.is_empty() => Ok(name),
        _ => bad(format!("{place} must have a name")),
    }
}

/// A name that stands in an array by itself is taken too.
fn name(metric: &Tree, place: &str) -> Checked<Option<String>> {
    let Some(field) = Field::of(metric, place, "name") else {
        return Ok(None);
    };
    match field.value {
        Tree::Array(list) if list.len() == 1 => match as_text(&list[0]) {
            Some(name) => Ok(Some(name)),
            None => field.refuse("must be a text"),
        },
        _ => field.text().map(Some),
    }
}

fn filters(metric: &Tree, place: &str, regex_prefix: &str) -> Checked<Vec<TagFilter>> {
    let Some(field) = given(metric, place, "tags") else {
        return Ok(Vec::new());
    };
    let mut filters: Vec<TagFilter> = Vec::new();
    for (number, (key, value)) in field.object()?.iter().enumerate() {
        if key.is_empty() {
            return bad(format!("{place}.tags[{number}] name must not be empty"));
        }
        let values = match value {
            Tree::Array(list) => list.as_slice(),
            one => std::slice::from_ref(one),
        };
        let mut filter = TagFilter {
            key: key.clone(),
            ..TagFilter::default()
        };
        for value in values {
            let Some(value) = as_text(value).filter(|value| !value.is_empty()) else {
                let told = "value must not be null or empty";
                return bad(format!("{place}.tags[{number}].{key} {told}"));
            };
            let pattern = value.strip_prefix(regex_prefix);
            match pattern.filter(|_| !regex_prefix.is_empty()) {
                Some(pattern) => filter.patterns.push(pattern.to_owned()),
                None => filter.values.push(value),
            }
        }
        // The last of a key counts, and an empty list filters nothing.
        filters.retain(|known| known.key != filter.key);
        if !values.is_empty() {
            filters.push(filter);
        }
        if FILTERS_MAX < filters.len() {
            return bad(format!(
                "{place}.tags has more than {FILTERS_MAX} keys; use fewer"
            ));
        }
    }
    Ok(filters)
}

/// There are none that anybody could name.
fn check_plugins(tree: &Tree, place: &str) -> Checked<()> {
    let Some(field) = Field::of(tree, place, "plugins") else {
        return Ok(());
    };
    let Some(first) = field.list()?.first() else {
        return Ok(());
    };
    let name = entry_name(first, &format!("{place}.plugins[0]"))?;
    let told = "invalid query plugin name";
    bad(format!("{place}.plugins[0].{name} {told}"))
}

/// Whether every property of an aggregator or a grouper is one that it `takes`; KairosDB tells which is not
/// by the `class` that it was for.
fn check_properties(
    tree: &Tree,
    name: &str,
    takes: impl Fn(&str) -> bool,
    class: impl FnOnce() -> String,
) -> Checked<()> {
    let Tree::Object(fields) = tree else {
        return Ok(());
    };
    match fields.iter().find(|(property, _)| !takes(property)) {
        None => Ok(()),
        Some((property, _)) => bad(format!(
            "Property '{property}' was specified for object '{name}' but no matching setter was found on \
             'class {}'",
            class()
        )),
    }
}
