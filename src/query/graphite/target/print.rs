//! A target as text that reads back as the same target.

use std::fmt::{Display, Formatter, Result, Write};

use super::cursor::{is_path_char, is_symbol};
use super::literal::word_literal;
use super::{Call, Expression, Target};
use crate::query::graphite::number;

impl Display for Target {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        self.expression.fmt(f)
    }
}

impl Display for Expression {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Expression::Path(path) => print_path(path, f),
            Expression::Tagged(tagged) => f.write_str(&tagged.written),
            Expression::Call(call) => call.fmt(f),
            Expression::Text(text) => print_text(text, f),
            Expression::Integer(integer) => integer.fmt(f),
            Expression::Float(float) if float.is_infinite() => f.write_str("inf"),
            Expression::Float(float) => f.write_str(&number::float(*float).replace("e+", "e")),
            Expression::Boolean(boolean) => boolean.fmt(f),
            Expression::None => f.write_str("none"),
        }
    }
}

impl Display for Call {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let mut arguments = self.arguments.as_slice();
        // A path that would read as a literal among arguments can only have come from a pipe.
        if let Some((Expression::Path(path), others)) = arguments.split_first()
            && word_literal(path).is_some()
        {
            print_path(path, f)?;
            f.write_char('|')?;
            arguments = others;
        }
        write!(f, "{}(", self.name)?;
        let mut separator = "";
        for argument in arguments {
            write!(f, "{separator}{argument}")?;
            separator = ",";
        }
        for (key, value) in &self.named {
            write!(f, "{separator}{key}={value}")?;
            separator = ",";
        }
        f.write_char(')')
    }
}

/// A text that was read fits into the kind of quotes that it stood in.
fn print_text(text: &str, f: &mut Formatter<'_>) -> Result {
    let quote = if fits(text, '"') { '"' } else { '\'' };
    write!(f, "{quote}{text}{quote}")
}

/// Whether every `quote` in `text` is doubled or behind a backslash.
fn fits(text: &str, quote: char) -> bool {
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c == '\\' {
            chars.next();
        } else if c == quote && chars.next() != Some(quote) {
            return false;
        }
    }
    true
}

/// Single dots and brace groups stand as they are, other symbols get a backslash; so do a `=` that
/// would make the front of the path the name of an argument, and the dot of a path that would read
/// as a number without.
fn print_path(path: &str, f: &mut Formatter<'_>) -> Result {
    let like_a_number = word_literal(path).is_some();
    let mut rest = path;
    let mut inside_element = false;
    let mut inside_name = true;
    while let Some(c) = rest.chars().next() {
        let group = if c == '{' { brace_group(rest) } else { None };
        let (piece, after) = rest.split_at(group.unwrap_or(c.len_utf8()));
        let bare_dot = c == '.' && inside_element && !after.is_empty() && !like_a_number;
        let plain = group.is_some() || bare_dot || !(is_symbol(c) || inside_name && c == '=');
        inside_name &= c.is_ascii_alphanumeric() || c == '_';
        if !plain {
            f.write_char('\\')?;
        }
        inside_element = !bare_dot;
        f.write_str(piece)?;
        rest = after;
    }
    Ok(())
}

/// Bytes of the balanced group that `text` begins with, if it can stand without escapes.
fn brace_group(text: &str) -> Option<usize> {
    let mut open = 0usize;
    for (at, c) in text.char_indices() {
        match c {
            '{' => open += 1,
            '}' => open -= 1,
            ',' => {}
            _ if is_path_char(c) => {}
            _ => return None,
        }
        if open == 0 {
            return Some(at + 1);
        }
    }
    None
}
