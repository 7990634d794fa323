//! Patterns that only going back can find, within bounds of time and memory.
//!
//! Takes a pattern as the translations of Java's and of Python's write it. All that one search does is
//! bounded by [`WORK_MAX`]: the longer the text and the more its look-arounds look at, the less often it may
//! go back. All automata of a pattern together keep to its limit of bytes, and so do their caches.
//!
//! Limits: [`WORK_MAX`], [`PIECES_MAX`], those of [`Bounds`].

mod reckoning;

use std::sync::OnceLock;

use fancy_regex::{CompileError, Regex};

use reckoning::Reckoning;

/// Items of patterns compared with bytes in one search, about: some 10 ms.
pub const WORK_MAX: u64 = 10_000_000;
/// Look-arounds, atomic groups, possessive repetitions and alternatives of one pattern.
pub const PIECES_MAX: usize = 64;
/// Steps of a compiled pattern.
const STEPS_MAX: usize = 20_000;
/// What the work is divided by to tell a cost in points read.
const WORK_PER_POINT: u64 = 100;
/// By what how often a search may go back is lowered where the usual would be too much; the engine knows only
/// limits that are fixed when a pattern is compiled.
const LOWER: [usize; 4] = [1, 8, 64, 512];

/// What a pattern may take.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// How often one search may go back, of short texts.
    pub backtracks: usize,
    /// Bytes of what is compiled, and again as much for its caches.
    pub bytes: usize,
    /// Whether to rewrite the pattern into a faster one.
    pub optimize: bool,
}

/// Why a pattern is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// What is wrong with it.
    Wrong(String),
    /// It needs more bytes or steps.
    Large,
    /// Over [`PIECES_MAX`].
    Pieces,
    /// It should match something, and never does.
    Never,
}

impl Refused {
    /// What to tell of [`Refused::Pieces`].
    pub fn pieces() -> String {
        format!(
            "more than {PIECES_MAX} look-arounds, atomic groups, possessive repetitions and alternatives \
             among these"
        )
    }
}

/// A search that would be too much work, or was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TooMuch {
    /// It was given up.
    #[error("goes back more than {backtracks} times in {bytes} bytes")]
    WentBack {
        /// How often it may, in a text of that length.
        backtracks: usize,
        /// Of the text.
        bytes: usize,
    },
    /// It was not tried.
    #[error("would look at too much, and too often, in {bytes} bytes")]
    Looks {
        /// Of the text.
        bytes: usize,
    },
}

/// A compiled pattern.
#[derive(Clone, Debug)]
pub struct Backtracking {
    text: String,
    bounds: Bounds,
    not_empty: bool,
    reckoning: Reckoning,
    /// For each of [`LOWER`].
    compiled: [OnceLock<Regex>; LOWER.len()],
}

impl Backtracking {
    /// Compile `text`; where `not_empty`, it finds no empty match.
    ///
    /// # Errors
    /// What is wrong with it, or that it is too large.
    pub fn new(text: String, bounds: Bounds, not_empty: bool) -> Result<Backtracking, Refused> {
        let reckoning = reckoning::reckon(&text);
        if PIECES_MAX < reckoning.pieces {
            return Err(Refused::Pieces);
        }
        // Their limit holds for each of its automata, of which it has several.
        let flat = regex::RegexBuilder::new(&reckoning.flat)
            .size_limit(bounds.bytes)
            .dfa_size_limit(bounds.bytes)
            .build();
        if let Err(regex::Error::CompiledTooBig(_)) = flat {
            return Err(Refused::Large);
        }
        let pattern = Backtracking {
            text,
            bounds,
            not_empty,
            reckoning,
            compiled: Default::default(),
        };
        pattern.at(0)?;
        Ok(pattern)
    }

    /// What to search a text of so many bytes with, and what it means where that fails.
    ///
    /// # Errors
    /// It would be too much work.
    pub fn for_text(&self, bytes: usize) -> Result<(&Regex, TooMuch), TooMuch> {
        let most = self.backtracks(bytes);
        let backtracks = |lower: &usize| self.bounds.backtracks / lower;
        let level = LOWER.iter().position(|lower| backtracks(lower) <= most);
        let found = level.and_then(|level| Some((LOWER.get(level)?, self.at(level).ok()?)));
        let (lower, regex) = found.ok_or(TooMuch::Looks { bytes })?;
        let backtracks = backtracks(lower);
        Ok((regex, TooMuch::WentBack { backtracks, bytes }))
    }

    /// What asking a text of so many bytes costs, in points read.
    pub fn cost(&self, bytes: usize) -> usize {
        // It goes back for each letter, often.
        let each = self.reckoning.each.of(bytes);
        let work = each.saturating_mul(bytes as u64);
        let work = work.saturating_add(self.reckoning.path.of(bytes));
        usize::try_from(work.min(WORK_MAX) / WORK_PER_POINT).unwrap_or(usize::MAX)
    }

    fn backtracks(&self, bytes: usize) -> usize {
        let left = WORK_MAX.saturating_sub(self.reckoning.path.of(bytes));
        let most = left / self.reckoning.each.of(bytes).max(1);
        usize::try_from(most).unwrap_or(usize::MAX)
    }

    fn at(&self, level: usize) -> Result<&Regex, Refused> {
        let (Some(compiled), Some(lower)) = (self.compiled.get(level), LOWER.get(level)) else {
            return Err(Refused::Large);
        };
        if let Some(regex) = compiled.get() {
            return Ok(regex);
        }
        let regex = fancy_regex::RegexBuilder::new(&self.text)
            .backtrack_limit(self.bounds.backtracks / lower)
            .delegate_size_limit(self.bounds.bytes)
            .delegate_dfa_size_limit(self.bounds.bytes / self.reckoning.pieces.max(1))
            .max_prog_size(STEPS_MAX)
            .find_not_empty(self.not_empty)
            .optimize(self.bounds.optimize)
            .build();
        let regex = regex.map_err(|error| match error {
            fancy_regex::Error::CompileError(error) => match *error {
                CompileError::PatternCanNeverMatch => Refused::Never,
                CompileError::PatternTooComplex => Refused::Large,
                CompileError::InnerError(error) if error.size_limit().is_some() => Refused::Large,
                error => Refused::Wrong(error.to_string()),
            },
            error => Refused::Wrong(error.to_string()),
        })?;
        Ok(compiled.get_or_init(|| regex))
    }
}

#[cfg(test)]
mod tests;
