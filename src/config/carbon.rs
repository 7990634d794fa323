//! Which of the parsers of KairosDB's carbon plugin takes the paths of Graphite's doors apart.

use std::sync::Arc;

use crate::wire::carbon_tags::{Case, MultiRules, TagParser};

/// The parsers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Parser {
    /// None: a path is a name.
    #[default]
    None,
    /// One part is the host.
    Host,
    /// Tags behind semicolons.
    GraphiteTags,
    /// By templates.
    Templates,
    /// A tag for each pattern.
    Multi,
}

impl Parser {
    /// Every one, with its name.
    pub const ALL: [(&'static str, Parser); 5] = [
        ("none", Parser::None),
        ("host", Parser::Host),
        ("graphite-tags", Parser::GraphiteTags),
        ("templates", Parser::Templates),
        ("multi", Parser::Multi),
    ];

    /// Its name.
    pub fn label(self) -> &'static str {
        let all = Parser::ALL.into_iter();
        let mut own = all.filter(|&(_, parser)| parser == self);
        own.next().map_or("none", |(label, _)| label)
    }
}

/// Paths of Graphite as KairosDB's carbon plugin stores them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carbon {
    /// Who parses.
    pub tag_parser: Parser,
    /// What fits a path from which the host is made.
    pub host_pattern: String,
    /// The host.
    pub host_replacement: String,
    /// What fits a path from which the metric is made.
    pub metric_pattern: String,
    /// The metric.
    pub metric_replacement: String,
    /// Of `templates`.
    pub templates: Vec<String>,
    /// Of `multi`.
    pub patterns: Vec<String>,
    /// Of `multi`.
    pub replacements: Vec<String>,
    /// Of `multi`.
    pub tags: Vec<String>,
    /// Of `multi`: what becomes of letters.
    pub letters: Case,
    /// Of `multi`: how long points stay.
    pub ttl_seconds: u64,
    /// Of `multi`: how long those stay whose paths do not fit.
    pub invalid_ttl_seconds: u64,
}

impl Default for Carbon {
    fn default() -> Self {
        Carbon {
            tag_parser: Parser::None,
            host_pattern: r"[^.]*\.([^.]*)\..*".to_owned(),
            host_replacement: "$1".to_owned(),
            metric_pattern: r"([^.]*)\.[^.]*\.(.*)".to_owned(),
            metric_replacement: "$1.$2".to_owned(),
            templates: Vec::new(),
            patterns: Vec::new(),
            replacements: Vec::new(),
            tags: Vec::new(),
            letters: Case::Keep,
            ttl_seconds: 0,
            invalid_ttl_seconds: 0,
        }
    }
}

impl Carbon {
    /// The parser that is chosen, if one is.
    ///
    /// # Errors
    /// What is wrong with its rules.
    pub fn parser(&self) -> Result<Option<Arc<TagParser>>, String> {
        let metric = (&*self.metric_pattern, &*self.metric_replacement);
        let seconds = |seconds: u64| u32::try_from(seconds).unwrap_or(u32::MAX);
        let parser = match self.tag_parser {
            Parser::None => return Ok(None),
            Parser::Host => {
                let host = (&*self.host_pattern, &*self.host_replacement);
                TagParser::host(host, metric)
            }
            Parser::GraphiteTags => Ok(TagParser::GraphiteTags),
            Parser::Templates => TagParser::templates(&self.templates),
            Parser::Multi => TagParser::multi(MultiRules {
                metric,
                patterns: &self.patterns,
                replacements: &self.replacements,
                tags: &self.tags,
                case: self.letters,
                ttl_seconds: seconds(self.ttl_seconds),
                invalid_ttl_seconds: seconds(self.invalid_ttl_seconds),
            }),
        };
        Ok(Some(Arc::new(parser?)))
    }
}
