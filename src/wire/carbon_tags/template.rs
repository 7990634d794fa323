//! One template: which part of a path is what.

use regex::Regex;

use super::pattern::compiled;

/// A template; see [`super::TagParser::templates`].
#[derive(Debug)]
pub struct Template {
    filter: String,
    fits: Regex,
    /// None where what the filter fits is dropped.
    shape: Option<Shape>,
    tags: Vec<(String, String)>,
}

#[derive(Debug)]
struct Shape {
    parts: Vec<Part>,
    separator: String,
    new_separator: String,
}

/// What one part of a path is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Skipped,
    Metric,
    /// All that the parts behind it leave.
    Rest,
    Tag(String),
}

/// What a template makes of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    Dropped,
    Named {
        metric: String,
        tags: Vec<(String, String)>,
    },
    /// Its filter fits, and it does not.
    Mismatch(&'static str),
}

const NO_METRIC: &str = "does not match metric name pattern";
const NO_TAGS: &str = "does not match tags pattern";

impl Template {
    pub(super) fn new(text: &str) -> Result<Template, String> {
        let wrong = |what: &str| format!("the template `{text}` {what}");
        let mut words = text.split(' ').filter(|word| !word.is_empty());
        let filter = words.next().ok_or_else(|| wrong("is empty"))?;
        let (mut parts, mut separators, mut tags) = (None, None, Vec::new());
        for word in words {
            let bracketed = word
                .strip_prefix('[')
                .and_then(|word| word.strip_suffix(']'));
            if let Some(inner) = bracketed {
                let (old, new) = inner.split_once(',').unwrap_or((inner, inner));
                if old.is_empty() {
                    return Err(wrong("has an empty separator"));
                }
                separators = Some((old, new));
            } else if word.contains('=') {
                for pair in word.split(',') {
                    let (key, value) = pair
                        .split_once('=')
                        .filter(|(key, value)| !key.is_empty() && !value.is_empty())
                        .ok_or_else(|| wrong("has a tag without a name or a value"))?;
                    tags.push((key.to_owned(), value.to_owned()));
                }
            } else if parts.replace(word).is_some() {
                return Err(wrong("has two shapes"));
            }
        }
        let (separator, new_separator) = separators.unwrap_or((".", "."));
        let shape = parts.map(|parts| {
            let parts: Vec<Part> = parts.split(separator).map(Part::of).collect();
            let is_name = |part: &&Part| matches!(part, Part::Metric | Part::Rest);
            let rests = parts.iter().filter(|part| **part == Part::Rest).count();
            if parts.iter().find(is_name).is_none() {
                return Err(wrong("has no metric"));
            }
            if rests > 1 {
                return Err(wrong("has more than one metric*"));
            }
            Ok(Shape {
                parts,
                separator: separator.to_owned(),
                new_separator: new_separator.to_owned(),
            })
        });
        Ok(Template {
            filter: filter.to_owned(),
            fits: compiled([r"\A", ""], filter)?,
            shape: shape.transpose()?,
            tags,
        })
    }

    /// The filter as it was written.
    pub(super) fn filter(&self) -> &str {
        &self.filter
    }

    /// Whether the path begins with what the filter fits.
    pub(super) fn filters(&self, path: &str) -> bool {
        self.fits.is_match(path)
    }

    /// What becomes of a path that the filter fits.
    pub(super) fn fit(&self, path: &str) -> Fit {
        let Some(shape) = &self.shape else {
            return Fit::Dropped;
        };
        let segments: Vec<&str> = path.split(shape.separator.as_str()).collect();
        let spare = segments.len().checked_sub(shape.parts.len());
        let has_rest = shape.parts.contains(&Part::Rest);
        let (mut at, mut names, mut tags) = (0, Vec::new(), self.tags.clone());
        for part in &shape.parts {
            let count = match (part, spare) {
                (Part::Rest, Some(spare)) => spare + 1,
                _ => 1,
            };
            let Some(taken) = segments.get(at..at + count) else {
                let is_tag = matches!(part, Part::Tag(_));
                return Fit::Mismatch(if is_tag { NO_TAGS } else { NO_METRIC });
            };
            at += count;
            match part {
                Part::Skipped => {}
                Part::Metric | Part::Rest => names.extend_from_slice(taken),
                Part::Tag(_) if taken[0].is_empty() => return Fit::Mismatch(NO_TAGS),
                Part::Tag(key) => tags.push((key.clone(), taken[0].to_owned())),
            }
        }
        let metric = names.join(&shape.new_separator);
        if metric.is_empty() || (!has_rest && at < segments.len()) {
            return Fit::Mismatch(NO_METRIC);
        }
        Fit::Named { metric, tags }
    }
}

impl Part {
    fn of(word: &str) -> Part {
        match word {
            "" => Part::Skipped,
            "metric" => Part::Metric,
            "metric*" => Part::Rest,
            tag => Part::Tag(tag.to_owned()),
        }
    }
}
