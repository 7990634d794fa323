//! Replacements as Python's `re.sub` reads them: `\1`, `\g<1>`, `\g<name>`, escapes. `$` is a letter.

use super::Pattern;
use super::translate::is_identifier;
use crate::query::error::QueryError;

/// What is put in place of each match.
#[derive(Debug)]
pub(in crate::query::graphite) struct Replacement {
    parts: Vec<Part>,
}

#[derive(Debug, PartialEq)]
enum Part {
    Text(String),
    /// What this group has captured; 0 is the whole match.
    Group(usize),
}

/// First and last byte of each group of a match, 0 the whole; `None` of groups that took no part.
pub(super) type Spans = Vec<Option<(usize, usize)>>;

impl Replacement {
    /// Read `text`, a replacement for matches of `pattern`.
    ///
    /// # Errors
    /// What Python refuses: groups that there are not, letters that mean nothing behind a backslash.
    pub(in crate::query::graphite) fn new(
        text: &str,
        pattern: &Pattern,
    ) -> Result<Replacement, QueryError> {
        let mut reader = Reader {
            text,
            at: 0,
            pattern,
        };
        let mut parts: Vec<Part> = Vec::new();
        while let Some(part) = reader.part()? {
            match (parts.last_mut(), part) {
                (Some(Part::Text(before)), Part::Text(more)) => before.push_str(&more),
                (_, part) => parts.push(part),
            }
        }
        Ok(Replacement { parts })
    }

    /// Append it to `made` for the match of `spans` in `text`.
    pub(super) fn expand(&self, text: &str, spans: &Spans, made: &mut String) {
        for part in &self.parts {
            match part {
                Part::Text(text) => made.push_str(text),
                Part::Group(group) => {
                    let span = spans.get(*group).copied().flatten();
                    let captured = span.and_then(|(start, end)| text.get(start..end));
                    made.push_str(captured.unwrap_or_default());
                }
            }
        }
    }

    /// Bytes that it has for each match besides what groups have captured.
    pub(super) fn parts(&self) -> usize {
        self.parts.len()
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    pattern: &'a Pattern,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.text.get(self.at..)?.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn digit(&mut self, radix: u32) -> Option<u32> {
        let digit = self.peek()?.to_digit(radix)?;
        self.at += 1;
        Some(digit)
    }

    fn wrong(&self, what: &str) -> QueryError {
        let text: String = self.text.chars().take(100).collect();
        let position = self.text.get(..self.at).unwrap_or_default().chars().count();
        QueryError::Invalid(format!(
            "replacement '{text}': {what} at position {position}"
        ))
    }

    fn part(&mut self) -> Result<Option<Part>, QueryError> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let plain = rest.find('\\').unwrap_or(rest.len());
        if 0 < plain {
            self.at += plain;
            return Ok(rest.get(..plain).map(|text| Part::Text(text.to_owned())));
        }
        if self.next().is_none() {
            return Ok(None);
        }
        let Some(letter) = self.next() else {
            return Err(self.wrong("bad escape (end of pattern)"));
        };
        let letter = match letter {
            'g' => return self.named().map(Some),
            'a' => '\u{7}',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            '\\' => '\\',
            '0' => {
                let mut code = self.digit(8).unwrap_or(0);
                code = self.digit(8).map_or(code, |digit| code * 8 + digit);
                char::from(code as u8)
            }
            '1'..='9' => return self.number(letter).map(Some),
            letter if letter.is_ascii_alphabetic() => {
                return Err(self.wrong(&format!("bad escape \\{letter}")));
            }
            letter => return Ok(Some(Part::Text(format!("\\{letter}")))),
        };
        Ok(Some(Part::Text(letter.to_string())))
    }

    /// One or two digits of a group, or three octal ones of a letter.
    fn number(&mut self, first: char) -> Result<Part, QueryError> {
        let first = first.to_digit(10).unwrap_or(0);
        let Some(second) = self.digit(10) else {
            return self.group(first as usize);
        };
        if first < 8
            && second < 8
            && let Some(third) = self.digit(8)
        {
            let code = first * 64 + second * 8 + third;
            let letter = char::from_u32(code).filter(|_| code <= 0o377);
            return match letter {
                Some(letter) => Ok(Part::Text(letter.to_string())),
                None => Err(self.wrong("octal escape value outside of range 0-0o377")),
            };
        }
        self.group((first * 10 + second) as usize)
    }

    /// What stands behind `\g`.
    fn named(&mut self) -> Result<Part, QueryError> {
        if self.next() != Some('<') {
            return Err(self.wrong("missing <"));
        }
        let rest = self.text.get(self.at..).unwrap_or_default();
        let Some(name) = rest.find('>').and_then(|end| rest.get(..end)) else {
            return Err(self.wrong("missing >, unterminated name"));
        };
        self.at += name.len() + 1;
        if name.is_empty() {
            return Err(self.wrong("missing group name"));
        }
        if is_identifier(name) {
            return match self.pattern.names.get(name) {
                Some(group) => Ok(Part::Group(*group)),
                None => Err(self.wrong(&format!("unknown group name '{name}'"))),
            };
        }
        match name.trim().parse() {
            Ok(group) => self.group(group),
            Err(_) => Err(self.wrong(&format!("bad character in group name '{name}'"))),
        }
    }

    fn group(&self, group: usize) -> Result<Part, QueryError> {
        match group <= self.pattern.groups {
            true => Ok(Part::Group(group)),
            false => Err(self.wrong(&format!("invalid group reference {group}"))),
        }
    }
}
