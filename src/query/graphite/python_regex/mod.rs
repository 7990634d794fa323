//! Regular expressions as Python's `re` has them, because dashboards are written for those.
//!
//! A pattern is read by Python's rules and written again for an engine: the `regex` crate, linear in
//! the length of the text, for all that it can say; for look-around, references, conditions and atomic
//! groups the `fancy-regex` crate within the bounds of `base::going_back`: it goes back at most
//! [`BACKTRACKS_MAX`] times, less often the more it looks at in between. Replacing follows Python 3.7
//! and later: empty matches are replaced too, also right behind another match. The truth it is tested
//! against are answers of Python 3.11.
//!
//! Limits: [`PATTERN_BYTES_MAX`], [`COMPILED_BYTES_MAX`], [`TEXT_BYTES_MAX`] of what is searched and
//! of what is made. One search is done in one go.

mod class;
mod replacement;
mod translate;
mod width;

use std::cell::OnceCell;
use std::collections::HashMap;

use fancy_regex::RegexInput;

use crate::base::going_back::{Backtracking, Bounds, Refused, TooMuch};
use crate::query::breath::Pace;
use crate::query::error::QueryError;
pub(super) use replacement::Replacement;
use replacement::Spans;

/// Longest pattern, in bytes.
pub const PATTERN_BYTES_MAX: usize = 4 * 1024;
/// Most bytes of a compiled pattern, about.
pub const COMPILED_BYTES_MAX: usize = 1024 * 1024;
/// How often one search may go back.
pub const BACKTRACKS_MAX: usize = 50_000;
/// Longest text that is searched, and that replacing makes, in bytes.
pub const TEXT_BYTES_MAX: usize = 256 * 1024;

/// A pattern, compiled.
#[derive(Debug)]
pub(super) struct Pattern {
    source: String,
    /// `None` where it says something that only the other engine can.
    linear: Option<regex::Regex>,
    asks_for_end: bool,
    groups: usize,
    names: HashMap<String, usize>,
    backtracking: OnceCell<Backtracking>,
    /// The same but for empty matches; `None` where it has no others.
    not_empty: OnceCell<Option<Backtracking>>,
}

impl Pattern {
    /// Compile `pattern`.
    ///
    /// # Errors
    /// [`QueryError::Invalid`] in Python's words, [`QueryError::Limit`] where it is too large.
    pub(super) fn new(pattern: &str) -> Result<Pattern, QueryError> {
        if PATTERN_BYTES_MAX < pattern.len() {
            return Err(QueryError::Limit(format!(
                "a regular expression has at most {PATTERN_BYTES_MAX} bytes, this one has {}",
                pattern.len()
            )));
        }
        let translated = translate::translate(pattern, false)?;
        let linear = match translated.backtracks {
            true => None,
            false => Some(linear(pattern, &translated.text)?),
        };
        let compiled = Pattern {
            source: pattern.to_owned(),
            linear,
            asks_for_end: translated.asks_for_end,
            groups: translated.groups,
            names: translated.names,
            backtracking: OnceCell::new(),
            not_empty: OnceCell::new(),
        };
        if compiled.linear.is_none() {
            compiled.backtracking()?;
        }
        Ok(compiled)
    }

    /// Whether it matches somewhere in `text`.
    ///
    /// # Errors
    /// [`QueryError::Limit`] where the text is too long or the search goes back too often; as
    /// [`Pace::did`].
    pub(super) async fn is_in(&self, text: &str, pace: &Pace<'_>) -> Result<bool, QueryError> {
        check_length(text.len())?;
        pace.did_series(text.len()).await?;
        match &self.linear {
            Some(linear) if !self.ends_twice(text) => Ok(linear.is_match(text)),
            _ => {
                let pattern = self.backtracking()?;
                pace.did(pattern.cost(text.len())).await?;
                let (regex, too_much) = self.for_text(pattern, text)?;
                regex.is_match(text).map_err(|_| self.failed(too_much))
            }
        }
    }

    /// `text` with every match replaced.
    ///
    /// # Errors
    /// As [`Pattern::is_in`]; [`QueryError::Limit`] where the text that is made is too long.
    pub(super) async fn replaced(
        &self,
        text: &str,
        replacement: &Replacement,
        pace: &Pace<'_>,
    ) -> Result<String, QueryError> {
        check_length(text.len())?;
        let mut made = String::with_capacity(text.len());
        let (mut copied, mut at, mut after_empty) = (0, 0, false);
        while let Some(spans) = self.next(text, at, after_empty)? {
            let Some((start, end)) = spans.first().copied().flatten() else {
                break;
            };
            made.push_str(text.get(copied..start).unwrap_or_default());
            replacement.expand(text, &spans, &mut made);
            check_length(made.len())?;
            // A search may look at all that follows, however short its match is.
            let looked_at = text.len().saturating_sub(at);
            let going_back = self.backtracking.get().map_or(0, |it| it.cost(text.len()));
            pace.did(going_back).await?;
            pace.did_series(looked_at + 8 * replacement.parts()).await?;
            (copied, at, after_empty) = (end, end, start == end);
        }
        made.push_str(text.get(copied..).unwrap_or_default());
        check_length(made.len())?;
        pace.did_series(text.len()).await?;
        Ok(made)
    }

    /// The next match from byte `at` on. Behind an empty match there is no other one at the same place.
    fn next(&self, text: &str, at: usize, after_empty: bool) -> Result<Option<Spans>, QueryError> {
        if !after_empty {
            return self.search(text, at);
        }
        if let Some(pattern) = self.not_empty()? {
            let input = RegexInput::new(text).from_pos(at).anchored(true);
            let (regex, too_much) = self.for_text(pattern, text)?;
            let found = regex.captures_input(input);
            if let Some(captures) = found.map_err(|_| self.failed(too_much))? {
                return Ok(Some(spans(&captures)));
            }
        }
        let letter = text.get(at..).and_then(|rest| rest.chars().next());
        match letter {
            Some(letter) => self.search(text, at + letter.len_utf8()),
            None => Ok(None),
        }
    }

    fn search(&self, text: &str, at: usize) -> Result<Option<Spans>, QueryError> {
        match &self.linear {
            Some(linear) if !self.ends_twice(text) => {
                let mut locations = linear.capture_locations();
                if linear.captures_read_at(&mut locations, text, at).is_none() {
                    return Ok(None);
                }
                let groups = 0..locations.len();
                Ok(Some(groups.map(|group| locations.get(group)).collect()))
            }
            _ => {
                let input = RegexInput::new(text).from_pos(at);
                let (regex, too_much) = self.for_text(self.backtracking()?, text)?;
                let found = regex.captures_input(input);
                let found = found.map_err(|_| self.failed(too_much))?;
                Ok(found.map(|captures| spans(&captures)))
            }
        }
    }

    /// Whether `$` is found at two places, before and behind a newline.
    fn ends_twice(&self, text: &str) -> bool {
        self.asks_for_end && text.ends_with('\n')
    }

    fn backtracking(&self) -> Result<&Backtracking, QueryError> {
        if let Some(compiled) = self.backtracking.get() {
            return Ok(compiled);
        }
        let compiled = self.compile(false)?;
        let compiled = compiled.map_err(|refused| self.refused(refused))?;
        Ok(self.backtracking.get_or_init(|| compiled))
    }

    fn not_empty(&self) -> Result<Option<&Backtracking>, QueryError> {
        if let Some(compiled) = self.not_empty.get() {
            return Ok(compiled.as_ref());
        }
        let compiled = match self.compile(true)? {
            Ok(compiled) => Some(compiled),
            Err(Refused::Never) => None,
            Err(refused) => return Err(self.refused(refused)),
        };
        Ok(self.not_empty.get_or_init(|| compiled).as_ref())
    }

    fn compile(&self, not_empty: bool) -> Result<Result<Backtracking, Refused>, QueryError> {
        let translated = translate::translate(&self.source, true)?;
        let bounds = Bounds {
            backtracks: BACKTRACKS_MAX,
            bytes: COMPILED_BYTES_MAX,
            optimize: false,
        };
        Ok(Backtracking::new(translated.text, bounds, not_empty))
    }

    fn for_text<'a>(
        &self,
        pattern: &'a Backtracking,
        text: &str,
    ) -> Result<(&'a fancy_regex::Regex, TooMuch), QueryError> {
        let found = pattern.for_text(text.len());
        found.map_err(|too_much| self.failed(too_much))
    }

    fn failed(&self, too_much: TooMuch) -> QueryError {
        QueryError::Limit(format!(
            "regular expression '{}' {too_much} of one name; say more exactly what may repeat",
            self.shown()
        ))
    }

    fn refused(&self, refused: Refused) -> QueryError {
        let shown = self.shown();
        match refused {
            Refused::Large => too_large(&shown),
            Refused::Pieces => QueryError::Limit(format!(
                "regular expression '{shown}' has {}",
                Refused::pieces()
            )),
            Refused::Never => invalid(&shown, "it never matches"),
            Refused::Wrong(why) => invalid(&shown, &why),
        }
    }

    fn shown(&self) -> String {
        self.source.chars().take(100).collect()
    }
}

fn invalid(shown: &str, why: &str) -> QueryError {
    QueryError::Invalid(format!("regular expression '{shown}': {why}"))
}

fn spans(captures: &fancy_regex::Captures<'_, str>) -> Spans {
    let groups = 0..captures.len();
    let span = |group| captures.get(group).map(|one| (one.start(), one.end()));
    groups.map(span).collect()
}

fn linear(pattern: &str, translated: &str) -> Result<regex::Regex, QueryError> {
    let built = regex::RegexBuilder::new(translated)
        .size_limit(COMPILED_BYTES_MAX)
        .dfa_size_limit(COMPILED_BYTES_MAX)
        .build();
    let shown: String = pattern.chars().take(100).collect();
    built.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => too_large(&shown),
        error => invalid(&shown, &error.to_string()),
    })
}

fn too_large(shown: &str) -> QueryError {
    QueryError::Limit(format!(
        "regular expression '{shown}' needs more than {COMPILED_BYTES_MAX} bytes; repeat less often"
    ))
}

fn check_length(bytes: usize) -> Result<(), QueryError> {
    if TEXT_BYTES_MAX < bytes {
        return Err(QueryError::Limit(format!(
            "regular expressions search and make names of at most {TEXT_BYTES_MAX} bytes"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
