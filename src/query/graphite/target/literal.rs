//! Literals: numbers, words that mean something, and text in quotes.

use super::Expression;
use super::cursor::BLANKS;
use super::parse::Parser;
use crate::query::error::QueryError;

impl Parser<'_> {
    /// A word or number counts as a literal only if `,` or `)` follows: `inf.cpu` and `1.2.cpu`
    /// are paths.
    pub(super) fn literal(&mut self) -> Result<Option<Expression>, QueryError> {
        if let Some(quote @ ('\'' | '"')) = self.peek() {
            return self.string(quote).map(|text| Some(Expression::Text(text)));
        }
        let rest = self.rest();
        // A call is none; looking for the end of what is inside would cost each depth the whole text.
        let end = rest.find([',', ')', '(']).unwrap_or(rest.len());
        let word = rest.get(..end).unwrap_or_default().trim_end_matches(BLANKS);
        if end == rest.len() || rest[end..].starts_with('(') {
            return Ok(None);
        }
        let Some(literal) = word_literal(word) else {
            return Ok(None);
        };
        self.at += end;
        Ok(Some(literal))
    }

    /// The text between quotes. A backslash protects the character behind it, a doubled quote does
    /// not end the text, and both stay in it.
    pub(super) fn string(&mut self, quote: char) -> Result<String, QueryError> {
        let start = self.at;
        self.take(quote);
        let inside = self.at;
        loop {
            match self.next() {
                Some('\\') => {
                    self.next();
                }
                Some(c) if c == quote => {
                    let end = self.at - quote.len_utf8();
                    if !self.take(quote) {
                        return Ok(self.text.get(inside..end).unwrap_or_default().to_owned());
                    }
                }
                None | Some('\n' | '\r') => {
                    return Err(self.wrong(start, &format!("no {quote} ends this text")));
                }
                Some(_) => {}
            }
        }
    }
}

/// The literal that `word` is on its own among arguments, if it is one.
pub(super) fn word_literal(word: &str) -> Option<Expression> {
    let is = |literal: &str| word.eq_ignore_ascii_case(literal);
    if is("true") || is("false") {
        Some(Expression::Boolean(is("true")))
    } else if is("none") {
        Some(Expression::None)
    } else if is("inf") {
        Some(Expression::Float(f64::INFINITY))
    } else {
        number(word)
    }
}

/// `["-"] digits ["." digits] [("e"|"E") ["-"] digits]`; one that is too large for a float is infinite, unless
/// it is nothing but digits.
fn number(word: &str) -> Option<Expression> {
    let lower = word.to_ascii_lowercase();
    let (mantissa, exponent) = match lower.split_once('e') {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (lower.as_str(), None),
    };
    let unsigned = mantissa.strip_prefix('-').unwrap_or(mantissa);
    let (whole, fraction) = match unsigned.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (unsigned, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let power = exponent.map(|text| text.strip_prefix('-').unwrap_or(text));
    if !digits(whole) || !fraction.is_none_or(digits) || !power.is_none_or(digits) {
        return None;
    }
    let is_whole = fraction.is_none() && exponent.is_none();
    if let (true, Ok(integer)) = (is_whole, lower.parse()) {
        return Some(Expression::Integer(integer));
    }
    let float = lower.parse().ok();
    let float = float.filter(|float: &f64| !is_whole || float.is_finite());
    float.map(Expression::Float)
}
