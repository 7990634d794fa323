//! Tags of groups: what their series share, and all that any of them has.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::series::SeriesName;

/// Tags of several series: of each key the values that any of them has.
pub type Tags = BTreeMap<String, BTreeSet<String>>;

/// What a series shares with others of its group: its values of `keys`, empty for a tag that it lacks.
pub fn shared(keys: &[String], name: &SeriesName) -> Vec<String> {
    let value = |key: &String| {
        let own = name.tags().iter().find(|(known, _)| known == key);
        own.map_or_else(String::new, |(_, value)| value.clone())
    };
    keys.iter().map(value).collect()
}

/// By what groups are sorted: keys and values as one text.
pub fn sorted_by(keys: &[String], values: &[String]) -> String {
    let parts = keys.iter().zip(values);
    parts
        .flat_map(|(key, value)| [key.as_str(), value.as_str()])
        .collect()
}

/// Add the tags of a series.
pub fn add(tags: &mut Tags, name: &SeriesName) {
    for (key, value) in name.tags() {
        match tags.get_mut(key) {
            Some(values) if values.contains(value) => {}
            Some(values) => drop(values.insert(value.clone())),
            None => drop(tags.insert(key.clone(), BTreeSet::from([value.clone()]))),
        }
    }
}

/// Add tags of other series.
pub fn join(tags: &mut Tags, others: Tags) {
    for (key, mut values) in others {
        tags.entry(key).or_default().append(&mut values);
    }
}
