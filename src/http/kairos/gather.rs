//! The series of a metric, read and put into groups by their kinds and their tags.

use std::collections::BTreeMap;

use super::request::Metric;
use crate::model::series::{SeriesName, Values};
use crate::query::breath::Pace;
use crate::query::error::QueryError;
use crate::query::kairos::joining::{Joining, limited};
use crate::query::kairos::stream::{Kind, Texts};
use crate::query::kairos::tags::{self, Tags};
use crate::query::kairos::{Column, SeriesPoints};
use crate::query::merge::WholeSeries;

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

impl Group {
    /// Of numbers, whose series are known no more.
    pub(super) fn of_numbers(values: Vec<String>, tags: Tags) -> Group {
        Group {
            kind: Some(Kind::Number),
            values,
            tags,
            series: Vec::new(),
        }
    }
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
            let keys = metric.tags.as_deref().unwrap_or_default();
            let values = tags::shared(keys, &name);
            let group = groups.entry((kind, tags::sorted_by(keys, &values), values));
            let group = group.or_insert_with_key(|(kind, _, values)| Group {
                kind: Some(*kind),
                values: values.clone(),
                ..Group::default()
            });
            tags::add(&mut group.tags, &name);
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
        Joining::new(self.limited(group, metric), metric.is_descending)
    }

    /// The points of each series of a group that the limit leaves.
    pub(super) fn limited(
        &self,
        group: &Group,
        metric: &Metric,
    ) -> impl Iterator<Item = SeriesPoints<'_>> {
        let (limit, is_descending) = (metric.limit, metric.is_descending);
        let series = self.series_of(group);
        series.map(move |points| limited(points, limit, is_descending))
    }

    /// The points of each series of a group, by the names of the series.
    pub(super) fn series_of(&self, group: &Group) -> impl Iterator<Item = SeriesPoints<'_>> {
        let series = group.series.iter();
        let series = series.filter_map(|&place| self.series.get(place as usize));
        series.map(|(one, first)| {
            let values = one.points.values.as_slice();
            SeriesPoints {
                times: &one.points.times,
                values: match one.values {
                    Values::Double => Column::Double(values),
                    Values::Long => Column::Long(values),
                    Values::Text => Column::Text {
                        places: values,
                        first: *first,
                    },
                },
            }
        })
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
