//! Texts: without quotes, in one, in three.

use super::super::setting::{Wrong, unicode};
use super::{Parser, QUOTED_ONLY, is_blank};

impl Parser<'_> {
    /// Letters that need no quotes; `//` begins a comment.
    pub(super) fn unquoted(&mut self) -> String {
        let mut text = String::new();
        loop {
            text.push_str(
                self.run(|c| c != '\n' && c != '/' && !is_blank(c) && !QUOTED_ONLY.contains(c)),
            );
            if self.rest.starts_with("//") || !self.takes("/") {
                return text;
            }
            text.push('/');
        }
    }

    /// A text in one or three quotes.
    pub(super) fn quoted(&mut self) -> Result<String, Wrong> {
        if self.takes("\"\"\"") {
            return self.triple();
        }
        self.takes("\"");
        let mut text = String::new();
        loop {
            text.push_str(self.run(|c| c != '"' && c != '\\' && ' ' <= c));
            let Some(letter) = self.peek() else {
                return self.wrong("a text has no `\"` at its end");
            };
            match letter {
                '"' => {
                    self.takes("\"");
                    return Ok(text);
                }
                '\\' => text.push(self.escape()?),
                '\n' | '\r' => {
                    return self.wrong(
                        "a text has no `\"` at the end of its line; several lines need \"\"\"",
                    );
                }
                other => {
                    let letter = other.escape_debug();
                    return self.wrong(format!(
                        "`{letter}` in a text has to be written as an escape"
                    ));
                }
            }
        }
    }

    fn escape(&mut self) -> Result<char, Wrong> {
        let mut letters = self.rest.chars();
        letters.next();
        let letter = match letters.next() {
            Some(letter @ ('"' | '\\' | '/')) => letter,
            Some('b') => '\x08',
            Some('f') => '\x0c',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => {
                let digits = letters.as_str();
                let Some((letter, taken)) = unicode(digits) else {
                    return self.wrong("four hexadecimal digits have to follow `\\u`");
                };
                self.rest = digits.get(taken..).unwrap_or_default();
                return Ok(letter);
            }
            _ => return self.wrong("there is no such escape; a backslash is written `\\\\`"),
        };
        self.rest = letters.as_str();
        Ok(letter)
    }

    fn triple(&mut self) -> Result<String, Wrong> {
        let Some(end) = self.rest.find("\"\"\"") else {
            return self.wrong("a text that begins with \"\"\" does not end with it");
        };
        let (text, rest) = self.rest.split_at(end);
        // Quotes before the last three are letters.
        let quotes = rest.len() - rest.trim_start_matches('"').len();
        let extra = quotes.saturating_sub(3);
        let text = format!("{text}{}", &rest[..extra]);
        self.line += text.matches('\n').count();
        self.rest = rest.get(quotes..).unwrap_or_default();
        Ok(text)
    }
}
