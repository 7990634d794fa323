//! Graphite's paths as KairosDB's carbon plugin stores them: parts of a path become tags.
//!
//! Off unless the operator chooses one of the plugin's four parsers. Then the doors of Graphite give the
//! index another form of each name, by [`typed`], that says besides whether the value was whole, as the
//! plugin tells longs from doubles; and a path is taken apart when its form is met for the first time, so
//! that no point waits for a pattern. What a parser makes nothing of is refused and counted, or kept as
//! `invalidMetrics` where the plugin does that.
//!
//! Patterns are Java's as far as the crate `regex` has them: no look-around and no references back, but
//! linear time and bounded size. `\d`, `\w` and `\s` are those of all scripts.

mod pattern;
mod template;
#[cfg(test)]
mod tests;
pub mod typed;

use super::kairos_sent::Sent;
use crate::model::refusal::Reason;
use crate::model::series::{SeriesName, Values};
use pattern::Rewrite;
use template::{Fit, Template};

/// Patterns, templates and tags of one parser.
pub const RULES_MAX: usize = 64;

/// What paths are called that no rule fits, where the plugin keeps them.
const INVALID: &str = "invalidMetrics";

/// A parser of paths.
#[derive(Debug)]
pub enum TagParser {
    /// One part of the path is the host, the rest is the metric.
    Host {
        /// Makes the host.
        host: Rewrite,
        /// Makes the metric.
        metric: Rewrite,
    },
    /// Graphite's own tags behind semicolons; paths without are dropped.
    GraphiteTags,
    /// The first template whose filter fits.
    Templates(Vec<Template>),
    /// A tag for each pattern.
    Multi(Multi),
}

/// The rules of [`TagParser::Multi`].
#[derive(Debug)]
pub struct Multi {
    metric: Rewrite,
    tags: Vec<(String, Rewrite)>,
    case: Case,
    ttl_seconds: u32,
    invalid_ttl_seconds: u32,
}

/// What becomes of the letters of a path before all else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Case {
    /// Nothing.
    #[default]
    Keep,
    /// Small ones.
    Lower,
    /// Capital ones.
    Upper,
}

impl Case {
    /// Every one, with its name.
    pub const ALL: [(&'static str, Case); 3] = [
        ("keep", Case::Keep),
        ("lower", Case::Lower),
        ("upper", Case::Upper),
    ];

    /// Its name.
    pub fn label(self) -> &'static str {
        match self {
            Case::Keep => "keep",
            Case::Lower => "lower",
            Case::Upper => "upper",
        }
    }

    fn of(self, path: &str) -> String {
        match self {
            Case::Keep => path.to_owned(),
            Case::Lower => path.to_lowercase(),
            Case::Upper => path.to_uppercase(),
        }
    }
}

/// What an operator writes for [`TagParser::multi`].
#[derive(Clone, Copy, Debug)]
pub struct MultiRules<'a> {
    /// Pattern and replacement of the metric.
    pub metric: (&'a str, &'a str),
    /// A pattern for each tag.
    pub patterns: &'a [String],
    /// Its replacement.
    pub replacements: &'a [String],
    /// Its name.
    pub tags: &'a [String],
    /// What becomes of letters.
    pub case: Case,
    /// Seconds that points stay, 0 for ever.
    pub ttl_seconds: u32,
    /// Seconds that those stay whose paths no rule fits.
    pub invalid_ttl_seconds: u32,
}

impl TagParser {
    /// Patterns and replacements of host and metric.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn host(host: (&str, &str), metric: (&str, &str)) -> Result<TagParser, String> {
        Ok(TagParser::Host {
            host: Rewrite::new(host.0, host.1)?,
            metric: Rewrite::new(metric.0, metric.1)?,
        })
    }

    /// Templates as the plugin has them: `filter [template] [[separator,new separator]] [tag=value,…]`.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn templates(templates: &[String]) -> Result<TagParser, String> {
        bounded("templates", templates.len())?;
        let all = templates.iter().map(|text| Template::new(text));
        Ok(TagParser::Templates(all.collect::<Result<_, _>>()?))
    }

    /// A tag for each pattern.
    ///
    /// # Errors
    /// What is wrong with the rules.
    pub fn multi(rules: MultiRules<'_>) -> Result<TagParser, String> {
        let MultiRules {
            patterns,
            replacements,
            tags,
            ..
        } = rules;
        bounded("patterns", patterns.len())?;
        if patterns.len() != replacements.len() || patterns.len() != tags.len() {
            return Err(format!(
                "{} patterns, {} replacements and {} tags; there must be as many of each",
                patterns.len(),
                replacements.len(),
                tags.len()
            ));
        }
        let both = patterns.iter().zip(replacements);
        let all = tags.iter().zip(both);
        let all = all.map(|(tag, (pattern, replacement))| {
            Ok::<_, String>((tag.clone(), Rewrite::new(pattern, replacement)?))
        });
        Ok(TagParser::Multi(Multi {
            metric: Rewrite::new(rules.metric.0, rules.metric.1)?,
            tags: all.collect::<Result<_, _>>()?,
            case: rules.case,
            ttl_seconds: rules.ttl_seconds,
            invalid_ttl_seconds: rules.invalid_ttl_seconds,
        }))
    }

    /// The series that a path stands for, whose values are `values`: called when it is met for the first
    /// time.
    ///
    /// # Errors
    /// [`Reason::Path`] where the parser drops it, else the limit that is passed.
    pub fn parse(&self, sent: &[u8], values: Values) -> Result<Sent, Reason> {
        let path = std::str::from_utf8(sent).map_err(|_| Reason::NameUtf8)?;
        let Named {
            metric,
            tags,
            ttl_seconds,
        } = match self {
            TagParser::Host { host, metric } => by_host(path, host, metric),
            TagParser::GraphiteTags => by_graphite_tags(path),
            TagParser::Templates(templates) => by_templates(path, templates),
            TagParser::Multi(multi) => multi.named(path),
        }
        .ok_or(Reason::Path)?;
        // KairosDB stores nothing without tags.
        if tags.is_empty() || tags.iter().any(|(key, _)| key.is_empty()) {
            return Err(Reason::Path);
        }
        Ok(Sent {
            name: SeriesName::new(metric, tags)?,
            values,
            ttl_seconds,
        })
    }
}

fn bounded(what: &str, count: usize) -> Result<(), String> {
    match count {
        0 => Err(format!("there are no {what}")),
        1..=RULES_MAX => Ok(()),
        _ => Err(format!("{count} {what}; at most {RULES_MAX} are possible")),
    }
}

/// What a path became.
struct Named {
    metric: String,
    tags: Vec<(String, String)>,
    ttl_seconds: u32,
}

impl Named {
    fn new(metric: String, tags: Vec<(String, String)>) -> Named {
        Named {
            metric,
            tags,
            ttl_seconds: 0,
        }
    }

    /// A path that no rule fits.
    fn invalid(path: &str, why: &[(&str, &str)]) -> Named {
        let own = std::iter::once(("metricName", path));
        let tags = own.chain(why.iter().copied());
        let tags = tags.map(|(key, value)| (key.to_owned(), value.to_owned()));
        Named::new(INVALID.to_owned(), tags.collect())
    }
}

fn by_host(path: &str, host: &Rewrite, metric: &Rewrite) -> Option<Named> {
    let host = ("host".to_owned(), host.of(path)?);
    Some(Named::new(metric.of(path)?, vec![host]))
}

/// An empty value is one; anything else that is no pair, or a key that is there twice, drops the path.
fn by_graphite_tags(path: &str) -> Option<Named> {
    let (metric, rest) = path.split_once(';')?;
    let mut tags = Vec::<(String, String)>::new();
    for pair in rest.split(';') {
        let (key, value) = pair.split_once('=')?;
        if value.contains('=') || tags.iter().any(|(known, _)| known == key) {
            return None;
        }
        tags.push((key.to_owned(), value.to_owned()));
    }
    Some(Named::new(metric.to_owned(), tags))
}

fn by_templates(path: &str, templates: &[Template]) -> Option<Named> {
    let Some(template) = templates.iter().find(|template| template.filters(path)) else {
        return Some(Named::invalid(path, &[("cause", "no matching template")]));
    };
    match template.fit(path) {
        Fit::Dropped => None,
        Fit::Named { metric, tags } => Some(Named::new(metric, tags)),
        Fit::Mismatch(cause) => {
            let why = [("cause", cause), ("templateFilter", template.filter())];
            Some(Named::invalid(path, &why))
        }
    }
}

impl Multi {
    fn named(&self, path: &str) -> Option<Named> {
        let path = self.case.of(path);
        let tags = self
            .tags
            .iter()
            .map(|(tag, rule)| Some((tag.clone(), rule.of(&path)?)));
        let fitting = tags.collect::<Option<Vec<_>>>().zip(self.metric.of(&path));
        Some(match fitting {
            Some((tags, metric)) => Named {
                ttl_seconds: self.ttl_seconds,
                ..Named::new(metric, tags)
            },
            None => Named {
                ttl_seconds: self.invalid_ttl_seconds,
                ..Named::invalid(&path, &[])
            },
        })
    }
}
