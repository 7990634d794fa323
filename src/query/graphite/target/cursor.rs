//! The place in a target at which reading stands: single characters, names, and errors that say
//! where.

use super::parse::Parser;
use crate::query::error::QueryError;

impl<'a> Parser<'a> {
    /// What is still to be read.
    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    /// Step over `wanted` if it stands here.
    pub(super) fn take(&mut self, wanted: char) -> bool {
        let there = self.peek() == Some(wanted);
        if there {
            self.at += wanted.len_utf8();
        }
        there
    }

    pub(super) fn skip_blanks(&mut self) {
        self.at = self.text.len() - self.rest().trim_start_matches(BLANKS).len();
    }

    /// `(letter|"_") { letter | digit | "_" }`, if one stands here.
    pub(super) fn identifier(&mut self) -> Option<&'a str> {
        let rest = self.rest();
        let wrong = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
        let name = rest.get(..rest.find(wrong).unwrap_or(rest.len()))?;
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        self.at += name.len();
        Some(name)
    }

    /// Step over blanks and, if it stands there, the parenthesis of a call.
    pub(super) fn open_call(&mut self) -> bool {
        self.skip_blanks();
        self.take('(')
    }

    /// The number of the character at byte `at`, from 1.
    pub(super) fn character(&self, at: usize) -> usize {
        self.text.get(..at).unwrap_or_default().chars().count() + 1
    }

    pub(super) fn expected(&self, what: &str) -> QueryError {
        let found = match self.peek() {
            Some(c) => format!("found {c:?}"),
            None => "the target ends".to_owned(),
        };
        self.wrong(self.at, &format!("expected {what}, {found}"))
    }

    pub(super) fn wrong(&self, at: usize, what: &str) -> QueryError {
        QueryError::Invalid(format!("target, character {}: {what}", self.character(at)))
    }
}

/// What may stand between tokens.
pub(super) const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];

/// Characters that mean something outside of paths.
pub(super) fn is_symbol(c: char) -> bool {
    matches!(
        c,
        '(' | ')' | '{' | '}' | ',' | '.' | '\'' | '"' | '\\' | '|'
    )
}

pub(super) fn is_path_char(c: char) -> bool {
    !is_symbol(c) && !c.is_whitespace() && !c.is_control()
}
