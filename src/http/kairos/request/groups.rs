//! The groupers of a metric: one by tags, and others by points.

use super::fields::{Checked, Field, bad};
use super::{entry_name, times};
use crate::http::kairos::tree::Tree;
use crate::query::kairos::Grouper;

/// How series and points are grouped.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Grouping {
    /// The tags of the first grouper by tags; others by tags group nothing.
    pub(super) tags: Option<Vec<String>>,
    /// The tags of all of them.
    pub(super) kept_tags: Vec<String>,
    /// The others, in their order.
    pub(super) groupers: Vec<Grouper>,
}

/// Name, class and properties. The start of the query is told to each, and so is a property.
const KNOWN: [(&str, &str, &[&str]); 4] = [
    ("bin", "BinGroupBy", &["bins", "start_date"]),
    ("tag", "TagGroupBy", &["tags", "start_date"]),
    (
        "time",
        "TimeGroupBy",
        &["range_size", "group_count", "start_date"],
    ),
    ("value", "ValueGroupBy", &["range_size", "start_date"]),
];

/// Tags that one grouper names.
const TAGS_MAX: usize = 100;
/// Bins of one grouper.
const BINS_MAX: usize = 10_000;

/// Read them.
pub(super) fn read(list: &[Tree], place: &str) -> Checked<Grouping> {
    let mut grouping = Grouping::default();
    for (i, tree) in list.iter().enumerate() {
        let place = format!("{place}.group_by[{i}]");
        let name = entry_name(tree, &place)?;
        let Some((name, class, own)) = KNOWN.iter().find(|known| known.0 == name) else {
            return bad(format!("{place}.{name} invalid group_by name"));
        };
        super::check_properties(
            tree,
            name,
            |property| property == "name" || own.contains(&property),
            || format!("org.kairosdb.core.groupby.{class}"),
        )?;
        let entry = Entry {
            tree,
            place: &place,
        };
        match *name {
            "tag" => {
                let tags = entry.tags()?;
                grouping.kept_tags.extend_from_slice(&tags);
                grouping.tags.get_or_insert(tags);
            }
            "value" => grouping.groupers.push(entry.value()?),
            "time" => grouping.groupers.push(entry.time()?),
            // The last of the known.
            _ => grouping.groupers.push(entry.bin()?),
        }
    }
    Ok(grouping)
}

/// One grouper as it was sent.
struct Entry<'a> {
    tree: &'a Tree,
    place: &'a str,
}

impl<'a> Entry<'a> {
    fn of(&self, name: &'a str) -> Option<Field<'a>> {
        Field::of(self.tree, self.place, name)
    }

    fn refuse<T>(&self, told: &str) -> Checked<T> {
        bad(format!("{}.{told}", self.place))
    }

    /// The field of a list that is neither missing nor too long.
    fn list(&self, name: &'a str, max: usize) -> Checked<&'a [Tree]> {
        let Some(field) = self.of(name) else {
            return self.refuse(&format!("{name} may not be null"));
        };
        let list = field.list()?;
        if list.is_empty() {
            return self.refuse(&format!("{name} may not be empty"));
        }
        if max < list.len() {
            return field.refuse(&format!("has more than {max} entries; use fewer"));
        }
        Ok(list)
    }

    fn tags(&self) -> Checked<Vec<String>> {
        let list = self.list("tags", TAGS_MAX)?;
        let texts = list.iter().map(|value| {
            let field = Field {
                place: self.place,
                name: "tags",
                value,
            };
            field.text()
        });
        texts.collect()
    }

    fn value(&self) -> Checked<Grouper> {
        let size = self.of("range_size").map_or(Ok(0), |size| size.int())?;
        match size {
            1.. => Ok(Grouper::Value {
                range_size: size.into(),
            }),
            _ => self.refuse("rangeSize must be greater than or equal to 1"),
        }
    }

    fn time(&self) -> Checked<Grouper> {
        let size = self.of("range_size").map(|size| times::sampling(&size));
        let size = size.transpose()?;
        let count = self.of("group_count").map_or(Ok(0), |count| count.int())?;
        let Some(range_size) = size else {
            return self.refuse("rangeSize may not be null");
        };
        match count {
            1.. => Ok(Grouper::Time {
                range_size,
                group_count: count.into(),
            }),
            _ => self.refuse("groupCount must be greater than or equal to 1"),
        }
    }

    fn bin(&self) -> Checked<Grouper> {
        let list = self.list("bins", BINS_MAX)?;
        let numbers = list.iter().map(|value| {
            let field = Field {
                place: self.place,
                name: "bins",
                value,
            };
            field.double()
        });
        Ok(Grouper::Bin {
            bins: numbers.collect::<Checked<_>>()?,
        })
    }
}
