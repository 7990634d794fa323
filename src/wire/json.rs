//! JSON token by token, as leniently as KairosDB's clients have come to rely on: single quotes, bare
//! names and words, comments, `;` between elements, `=` behind names, holes in arrays (`[5,]` is
//! `[5,null]`), raw control characters, unknown escapes.
//!
//! Takes bytes, gives the places of tokens in them: nothing is copied until [`Scalar::text`] is asked
//! for. Does not recurse and keeps no stack; whoever nests does. Knows no meaning of what it reads.
//! Test truth: `serde_json` on what is strict, and examples of what is not.

mod escapes;
mod skip;
mod text;

use std::borrow::Cow;

use memchr::memchr2;

use escapes::unescaped;
pub use skip::{DEPTH_MAX, Skip};
pub use text::push_text;

/// Why there is no next token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The text ends too early.
    #[error("the JSON ends before it is complete")]
    End,
    /// Something else should stand there.
    #[error("the JSON breaks at byte {at}, where {wanted} should stand")]
    Broken {
        /// Where.
        at: usize,
        /// What should stand there.
        wanted: &'static str,
    },
}

/// What a value is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// `null`, or a hole in an array.
    #[default]
    Null,
    /// `true` or `false`.
    Bool,
    /// A number by JSON's own rules.
    Number,
    /// A string, or a bare word that is none of the above.
    Text,
    /// An array, of which only the bracket was read.
    Array,
    /// An object, of which only the brace was read.
    Object,
}

/// A value, or the name of a member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scalar {
    /// What it is.
    pub kind: Kind,
    /// Whether its text has escapes.
    escaped: bool,
    /// Whether it has no quotes.
    bare: bool,
    start: u32,
    len: u32,
}

impl Scalar {
    /// Its bytes as sent, without quotes. Of arrays and objects, nothing.
    #[inline]
    pub fn bytes<'a>(&self, json: &'a [u8]) -> &'a [u8] {
        let start = self.start as usize;
        json.get(start..start + self.len as usize)
            .unwrap_or_default()
    }

    /// Whether it is a word that JSON does not know, such as `NaN`, without quotes.
    pub fn is_word(&self) -> bool {
        self.bare && self.kind == Kind::Text
    }

    /// Its text: escapes undone, broken UTF-8 and lone surrogates replaced.
    pub fn text<'a>(&self, json: &'a [u8]) -> Cow<'a, str> {
        let bytes = self.bytes(json);
        if self.escaped {
            Cow::Owned(unescaped(bytes))
        } else {
            String::from_utf8_lossy(bytes)
        }
    }
}

/// What comes next in an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// Its end, which was read.
    End,
    /// Nothing between two separators; counts as null.
    Hole,
    /// A value, to be read.
    Value,
}

/// Reads from one place on. The text must be shorter than 4 GiB.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    json: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// Read `json` from `at` on.
    pub fn new(json: &'a [u8], at: usize) -> Reader<'a> {
        Reader { json, at }
    }

    /// Where the next token is looked for.
    pub fn at(&self) -> usize {
        self.at
    }

    /// The byte at which it stands.
    #[inline]
    pub fn peek(&self) -> Option<u8> {
        self.json.get(self.at).copied()
    }

    /// Pass over the byte at which it stands.
    pub fn pass(&mut self) {
        self.at += 1;
    }

    fn broken<T>(&self, wanted: &'static str) -> Result<T, Fault> {
        let at = self.at;
        Err(if at < self.json.len() {
            Fault::Broken { at, wanted }
        } else {
            Fault::End
        })
    }

    /// Pass over blanks.
    #[inline]
    pub fn blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    /// Pass over blanks and comments.
    ///
    /// # Errors
    /// A comment that does not end, or a slash that begins none.
    #[inline]
    pub fn blanks_and_comments(&mut self) -> Result<(), Fault> {
        self.blanks();
        match self.peek() {
            Some(b'/' | b'#') => self.comments(),
            _ => Ok(()),
        }
    }

    #[cold]
    fn comments(&mut self) -> Result<(), Fault> {
        loop {
            self.blanks();
            let rest = self.json.get(self.at..).unwrap_or_default();
            let passed = match rest {
                [b'/', b'*', inner @ ..] => match memchr::memmem::find(inner, b"*/") {
                    Some(end) => end + 4,
                    None => return Err(Fault::End),
                },
                [b'/', b'/', ..] | [b'#', ..] => memchr2(b'\n', b'\r', rest).unwrap_or(rest.len()),
                [b'/', ..] => return self.broken("a comment, or no slash"),
                _ => return Ok(()),
            };
            self.at += passed;
        }
    }

    /// Go to the next element of an array whose bracket was read. `first` is true before the first
    /// and is kept from call to call.
    ///
    /// # Errors
    /// Anything but a separator or the end behind an element.
    #[inline]
    pub fn element(&mut self, first: &mut bool) -> Result<Element, Fault> {
        self.blanks_and_comments()?;
        match self.peek() {
            Some(b']') => {
                self.at += 1;
                // A hole that stands before the end was given out already.
                return Ok(Element::End);
            }
            _ if *first => *first = false,
            Some(b',' | b';') => {
                self.at += 1;
                self.blanks_and_comments()?;
            }
            _ => return self.broken("a comma or the end of the array"),
        }
        match self.peek() {
            Some(b']' | b',' | b';') => Ok(Element::Hole),
            Some(_) => Ok(Element::Value),
            None => Err(Fault::End),
        }
    }

    /// Go to the value of the next member of an object whose brace was read, and give its name;
    /// `None` at the end, which is read. `first` as for [`Reader::element`].
    ///
    /// # Errors
    /// Anything but a separator or the end behind a member, or a name without its value.
    #[inline]
    pub fn member(&mut self, first: &mut bool) -> Result<Option<Scalar>, Fault> {
        self.blanks_and_comments()?;
        match self.peek() {
            Some(b'}') => {
                self.at += 1;
                return Ok(None);
            }
            _ if *first => *first = false,
            Some(b',' | b';') => {
                self.at += 1;
                self.blanks_and_comments()?;
            }
            _ => return self.broken("a comma or the end of the object"),
        }
        let name = match self.peek() {
            Some(quote @ (b'"' | b'\'')) => self.quoted(quote)?,
            _ => self.bare("the name of a field")?,
        };
        self.blanks_and_comments()?;
        match self.peek() {
            Some(b':') => self.at += 1,
            Some(b'=') => {
                self.at += 1;
                if self.peek() == Some(b'>') {
                    self.at += 1;
                }
            }
            _ => return self.broken("a colon"),
        }
        Ok(Some(name))
    }

    /// The value that comes next; of an array or object only its bracket or brace.
    ///
    /// # Errors
    /// Where none begins.
    #[inline]
    pub fn value(&mut self) -> Result<Scalar, Fault> {
        self.blanks_and_comments()?;
        match self.peek() {
            Some(quote @ (b'"' | b'\'')) => self.quoted(quote),
            Some(b'[') => Ok(self.opened(Kind::Array)),
            Some(b'{') => Ok(self.opened(Kind::Object)),
            _ => {
                let mut word = self.bare("a value")?;
                word.kind = kind_of(word.bytes(self.json));
                Ok(word)
            }
        }
    }

    fn opened(&mut self, kind: Kind) -> Scalar {
        self.at += 1;
        Scalar {
            kind,
            start: self.at as u32,
            ..Scalar::default()
        }
    }

    fn quoted(&mut self, quote: u8) -> Result<Scalar, Fault> {
        let start = self.at + 1;
        let mut escaped = false;
        self.at = start;
        loop {
            let rest = self.json.get(self.at..).unwrap_or_default();
            let found = memchr2(quote, b'\\', rest).ok_or(Fault::End)?;
            self.at += found;
            if self.json[self.at] == quote {
                break;
            }
            escaped = true;
            if rest.get(found + 1) == Some(&b'u') {
                let digits = rest.get(found + 2..found + 6).ok_or(Fault::End)?;
                if !digits.iter().all(u8::is_ascii_hexdigit) {
                    return self.broken("four hexadecimal digits behind \\u");
                }
            }
            self.at += 2;
        }
        let len = (self.at - start) as u32;
        self.at += 1;
        Ok(Scalar {
            kind: Kind::Text,
            escaped,
            bare: false,
            start: start as u32,
            len,
        })
    }

    fn bare(&mut self, wanted: &'static str) -> Result<Scalar, Fault> {
        let start = self.at;
        let rest = self.json.get(start..).unwrap_or_default();
        let len = rest.iter().position(|&byte| ends_word(byte));
        let len = len.unwrap_or(rest.len());
        if len == 0 {
            return self.broken(wanted);
        }
        self.at = start + len;
        Ok(Scalar {
            kind: Kind::Text,
            escaped: false,
            bare: true,
            start: start as u32,
            len: len as u32,
        })
    }
}

fn ends_word(byte: u8) -> bool {
    matches!(
        byte,
        b'/' | b'\\'
            | b';'
            | b'#'
            | b'='
            | b'{'
            | b'}'
            | b'['
            | b']'
            | b':'
            | b','
            | b' '
            | b'\t'
            | 0x0c
            | b'\r'
            | b'\n'
    )
}

fn kind_of(word: &[u8]) -> Kind {
    if is_number(word) {
        Kind::Number
    } else if word.eq_ignore_ascii_case(b"null") {
        Kind::Null
    } else if word.eq_ignore_ascii_case(b"true") || word.eq_ignore_ascii_case(b"false") {
        Kind::Bool
    } else {
        Kind::Text
    }
}

/// Whether JSON itself takes `word` for a number.
pub fn is_number(word: &[u8]) -> bool {
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut rest = word.strip_prefix(b"-").unwrap_or(word);
    let whole = digits(rest);
    if whole == 0 || (whole > 1 && rest[0] == b'0') {
        return false;
    }
    rest = &rest[whole..];
    if let Some(fraction) = rest.strip_prefix(b".") {
        let count = digits(fraction);
        if count == 0 {
            return false;
        }
        rest = &fraction[count..];
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        let unsigned = match exponent {
            [b'+' | b'-', unsigned @ ..] => unsigned,
            _ => exponent,
        };
        let count = digits(unsigned);
        return count > 0 && count == unsigned.len();
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests;
