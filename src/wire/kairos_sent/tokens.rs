//! A line in words, by the rules of KairosDB's telnet door.
//!
//! Words stand between blanks, which are all bytes up to a space. A word that begins with a quote goes to
//! the next quote with a blank or the end behind it, or to the end where there is none; the quotes are no
//! part of it. A quote anywhere else is an ordinary letter.

use crate::model::sample::Span;

/// A word of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it says.
    pub text: Span,
    /// Where it stands, its quotes included.
    pub sent: Span,
}

/// The words of a line, one after the other.
#[derive(Clone, Debug)]
pub struct Tokens<'a> {
    line: &'a [u8],
    at: usize,
}

impl<'a> Tokens<'a> {
    /// The words of `line`, which is shorter than 4 GiB.
    pub fn of(line: &'a [u8]) -> Tokens<'a> {
        Tokens { line, at: 0 }
    }

    /// Where what was not read yet begins.
    pub fn at(&self) -> usize {
        self.at
    }
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        let rest = self.line.get(self.at..)?;
        let start = self.at + rest.iter().position(|&byte| !is_blank(byte))?;
        let word = &self.line[start..];
        let (text, sent) = if word[0] == b'"' {
            match closing_quote(word) {
                Some(close) => (start + 1..start + close, start..start + close + 1),
                None => (start + 1..self.line.len(), start..self.line.len()),
            }
        } else {
            let len = word.iter().position(|&byte| is_blank(byte));
            let end = start + len.unwrap_or(word.len());
            (start..end, start..end)
        };
        self.at = sent.end;
        let span = |place: std::ops::Range<usize>| Span {
            start: place.start as u32,
            len: place.len() as u32,
        };
        Some(Token {
            text: span(text),
            sent: span(sent),
        })
    }
}

/// Where the quote is that ends a word which begins with one.
fn closing_quote(word: &[u8]) -> Option<usize> {
    let quotes = memchr::memchr_iter(b'"', word).skip(1);
    let mut closing = quotes.filter(|&at| word.get(at + 1).copied().is_none_or(is_blank));
    closing.next()
}

fn is_blank(byte: u8) -> bool {
    byte <= b' '
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, want: &[&str]) {
        let words: Vec<&str> = Tokens::of(line.as_bytes())
            .map(|token| std::str::from_utf8(token.text.of(line.as_bytes())).expect("text"))
            .collect();
        assert_eq!(words, want, "{line:?}");
        // A word stands for itself wherever it stands.
        for token in Tokens::of(line.as_bytes()) {
            let alone = token.sent.of(line.as_bytes());
            let again = Tokens::of(alone).next().expect("a word");
            assert_eq!(
                again.text.of(alone),
                token.text.of(line.as_bytes()),
                "{line:?}"
            );
        }
    }

    #[test]
    fn words_and_quotes() {
        check("put m  1 \t2 h=x", &["put", "m", "1", "2", "h=x"]);
        check("put \"a b\" 1 2 h=x", &["put", "a b", "1", "2", "h=x"]);
        check("put m 1 2 \"h=a b\"", &["put", "m", "1", "2", "h=a b"]);
        check(
            "put m 1 2 h=\"a b\"",
            &["put", "m", "1", "2", "h=\"a", "b\""],
        );
        check("x \"with\"in\" y", &["x", "with\"in", "y"]);
        check(
            "quoted string \"with\"in\" it",
            &["quoted", "string", "with\"in", "it"],
        ); // T12
        check("put \"\" 1 2 h=x", &["put", "", "1", "2", "h=x"]);
        check("\"abc", &["abc"]);
        check("\"un term x", &["un term x"]);
        check("\"", &[""]);
        check("a \"", &["a", ""]);
        check("\"a\" \"b\"", &["a", "b"]);
        check("", &[]);
        check(" \t\r\0", &[]);
        check("\u{1f}a\u{1}b", &["a", "b"]);
    }
}
