//! The series of a metric, read and put into groups by their kinds and their tags.

use std::collections::{BTreeMap, BTreeSet};

use super::request::Metric;
use crate::model::series::{SeriesName, Values};
use crate::query::breath::Pace;
use crate::query::error::QueryError;
use crate::query::kairos::columns::{Column, Joining};
use crate::query::kairos::stream::{Kind, Texts};
use crate::query::merge::WholeSeries;

/// Tags of several series: of each key the values that any of them has.
pub(super) type Tags = BTreeMap<String, BTreeSet<String>>;

/// Series that were read and have points.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// Points that were read, within the limit of each series.
    pub(super) sample_size: u64,
    /// Numbers before texts, and then by the tags that group.
    pub(super) groups: Vec<Group>,
    /// What the texts among the points say.
    pub(super) texts: Texts,
    /// By name, and where the first text of each is in `texts`.
    series: Vec<(WholeSeries, u32)>,
}

/// Series with the same kind of values and of some tags the same values.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Group {
    /// `None` where there are no series at all.
    pub(super) kind: Option<Kind>,
    /// Values of the tags that group, in the order of the query; a series that lacks one has an empty one.
    pub(super) values: Vec<String>,
    /// Tags of its series.
    pub(super) tags: Tags,
    /// Positions of its series, by name.
    series: Vec<u32>,
}

/// What orders groups: their kind, then what they share as one text, then that part by part.
type Key = (Kind, String, Vec<String>);

impl Gathered {
    /// Put what was read of `metric` into groups.
    pub(super) async fn new(
        metric: &Metric,
        found: Vec<WholeSeries>,
        pace: &Pace<'_>,
    ) -> Result<Gathered, QueryError> {
        let mut gathered = Gathered::default();
        let mut groups: BTreeMap<Key, Group> = BTreeMap::new();
        for mut one in found {
            pace.did_series(one.name.len()).await?;
            let count = one.points.len();
            if count == 0 {
                continue;
            }
            let Ok(name) = SeriesName::from_text(&one.name) else {
                // No shard names a series so.
                continue;
            };
            let read = metric.limit.map_or(count, |limit| limit.min(count));
            gathered.sample_size += read as u64;
            let kind = kind_of(one.values);
            let (key, values) = shared(metric.tags.as_deref().unwrap_or_default(), &name);
            let group = groups.entry((kind, key, values));
            let group = group.or_insert_with_key(|(kind, _, values)| Group {
                kind: Some(*kind),
                values: values.clone(),
                ..Group::default()
            });
            add_tags(&mut group.tags, &name);
            group.series.push(gathered.series.len() as u32);
            let mut first_text = 0;
            for (i, text) in std::mem::take(&mut one.texts).into_iter().enumerate() {
                let place = gathered.texts.push(text);
                if i == 0 {
                    first_text = place;
                }
                pace.did(1).await?;
            }
            gathered.series.push((one, first_text));
        }
        gathered.groups = groups.into_values().collect();
        Ok(gathered)
    }

    /// All points of a group in the order of the query.
    pub(super) fn joining(&self, group: &Group, metric: &Metric) -> Joining<'_> {
        let series = group.series.iter();
        let columns = series.filter_map(|&place| {
            let (one, first_text) = self.series.get(place as usize)?;
            let column = Column {
                times: &one.points.times,
                values: &one.points.values,
                kind: one.values,
                first_text: *first_text,
            };
            Some(column.limited(metric.limit, metric.is_descending))
        });
        Joining::new(columns, metric.is_descending)
    }

    /// How many points a group has.
    pub(super) fn count(&self, group: &Group, metric: &Metric) -> usize {
        let limit = metric.limit.unwrap_or(usize::MAX);
        let series = group.series.iter();
        let counts = series.filter_map(|&place| self.series.get(place as usize));
        let counts = counts.map(|(one, _)| one.points.len().min(limit));
        counts.fold(0, usize::saturating_add)
    }

    /// Give the points back to the system, in pieces.
    pub(super) async fn free(self, pace: &Pace<'_>) -> Result<(), QueryError> {
        for one in self.series {
            drop(one);
            pace.did_series(0).await?;
        }
        Ok(())
    }
}

/// The kind of values.
pub(super) fn kind_of(values: Values) -> Kind {
    match values {
        Values::Double | Values::Long => Kind::Number,
        Values::Text => Kind::Text,
    }
}

/// What a series shares with others of its group: as one text, by which groups are sorted, and as the
/// values of `tags`.
pub(super) fn shared(tags: &[String], name: &SeriesName) -> (String, Vec<String>) {
    let mut text = String::new();
    let mut values = Vec::with_capacity(tags.len());
    for tag in tags {
        let own = name.tags().iter().find(|(key, _)| key == tag);
        let value = own.map_or("", |(_, value)| value);
        text.push_str(tag);
        text.push_str(value);
        values.push(value.to_owned());
    }
    (text, values)
}

/// Add the tags of a series.
pub(super) fn add_tags(tags: &mut Tags, name: &SeriesName) {
    for (key, value) in name.tags() {
        match tags.get_mut(key) {
            Some(values) if values.contains(value) => {}
            Some(values) => drop(values.insert(value.clone())),
            None => drop(tags.insert(key.clone(), BTreeSet::from([value.clone()]))),
        }
    }
}
