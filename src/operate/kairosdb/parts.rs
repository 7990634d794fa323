//! A metric taken apart by its tags: series that can be asked for alone, where all of them are too many for
//! one answer. No filter finds series without a tag, so what parts leave over has no tag more than they name.

use super::source::{Source, Span, TRIES_MAX};
use super::trouble::Trouble;
use super::walk::patiently;

/// Some series of a metric.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Part {
    /// Those that have each of these tags with one of its values.
    pub(super) filter: Vec<(String, Vec<String>)>,
    /// But for those with one of these tags, which are in other parts.
    pub(super) without: Vec<String>,
}

impl Part {
    /// Of `metric`, from `from` to `until`.
    pub(super) fn span<'a>(&'a self, metric: &'a str, from: i64, until: i64) -> Span<'a> {
        Span {
            metric,
            filter: &self.filter,
            from,
            until: Some(until),
        }
    }
}

/// Smaller parts that together are `part` of `metric` between two times, but for series that have no tag
/// more than the part names; none if it cannot be taken apart.
///
/// # Errors
/// The source does not tell the tags.
pub(super) fn apart(
    source: &mut Source,
    metric: &str,
    part: &Part,
    from: i64,
    until: i64,
) -> Result<Vec<Part>, Trouble> {
    if let Some(((key, values), others)) = part.filter.split_last()
        && 1 < values.len()
    {
        let halves = values.chunks(values.len().div_ceil(2)).map(|half| {
            let mut filter = others.to_vec();
            filter.push((key.clone(), half.to_vec()));
            Part {
                filter,
                without: part.without.clone(),
            }
        });
        return Ok(halves.collect());
    }
    let span = part.span(metric, from, until);
    let tags = patiently(TRIES_MAX, || source.tags(&span))?;
    Ok(parts_of(part, tags))
}

/// A part of `part` for each of `tags` that it does not name: the series that have it, but for those of the
/// parts before.
fn parts_of(part: &Part, mut tags: Vec<(String, Vec<String>)>) -> Vec<Part> {
    tags.retain(|(key, _)| {
        let is_named = part.filter.iter().any(|(known, _)| known == key);
        !is_named && !part.without.contains(key)
    });
    if tags.iter().all(|(_, values)| values.len() < 2) && tags.len() < 2 {
        return Vec::new();
    }
    tags.sort_by_key(|(_, values)| std::cmp::Reverse(values.len()));
    let mut without = part.without.clone();
    let parts = tags.into_iter().map(|(key, values)| {
        let mut filter = part.filter.clone();
        filter.push((key.clone(), values));
        let part = Part {
            filter,
            without: without.clone(),
        };
        without.push(key);
        part
    });
    parts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_all_series_with_a_tag_once() {
        let tag = |key: &str, values: &[&str]| {
            let values = values.iter().map(|&value| value.to_owned());
            (key.to_owned(), values.collect::<Vec<_>>())
        };
        let all = Part::default();
        assert_eq!(parts_of(&all, vec![tag("h", &["a"])]), []);
        let parts = parts_of(&all, vec![tag("dc", &["x"]), tag("h", &["a", "b"])]);
        assert_eq!(parts.len(), 2);
        assert_eq!(parts[0].filter, [tag("h", &["a", "b"])]);
        assert_eq!(parts[0].without, [""; 0]);
        assert_eq!(parts[1].filter, [tag("dc", &["x"])]);
        assert_eq!(parts[1].without, ["h"]);
        // Of one of them, by tags that are not yet used.
        let tags = vec![
            tag("dc", &["x"]),
            tag("h", &["a"]),
            tag("rack", &["1", "2"]),
        ];
        let parts = parts_of(&parts[1], tags);
        assert_eq!(parts.len(), 1);
        assert_eq!(
            parts[0].filter,
            [tag("dc", &["x"]), tag("rack", &["1", "2"])]
        );
        assert_eq!(parts[0].without, ["h"]);
    }
}
