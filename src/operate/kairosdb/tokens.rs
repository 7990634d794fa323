//! JSON of any length, read part by part from a stream. What a part is [`json`](crate::wire::json) says;
//! here is only more of the stream when a part is cut.

use std::io::Read;

use super::trouble::Trouble;
use crate::wire::json::{Element, Fault, Kind, Reader, Skip};

/// Bytes of one part: a name, a point, a value that is passed over.
const PART_BYTES_MAX: usize = 8 << 20;
/// Bytes that are asked of the stream at first.
const READ_BYTES: usize = 64 * 1024;

/// A stream of JSON, and how far it is read.
pub(super) struct Tokens<R> {
    stream: R,
    bytes: Vec<u8>,
    at: usize,
    is_over: bool,
    /// Bytes in front of `bytes`.
    passed: u64,
    bytes_max: u64,
}

impl<R: Read> Tokens<R> {
    /// Read `stream`, of which there may be `bytes_max` bytes.
    pub(super) fn new(stream: R, bytes_max: u64) -> Tokens<R> {
        Tokens {
            stream,
            bytes: Vec::new(),
            at: 0,
            is_over: false,
            passed: 0,
            bytes_max,
        }
    }

    /// What counts the bytes shall begin here: so many were read by somebody else.
    pub(super) fn behind(self, passed: u64) -> Tokens<R> {
        Tokens { passed, ..self }
    }

    /// Bytes that were read as parts.
    pub(super) fn passed(&self) -> u64 {
        self.passed + self.at as u64
    }

    /// A part. `read` begins anew when the part was cut, and must see its end by itself: a bracket or a
    /// quote, or what stands behind a word.
    fn part<T>(
        &mut self,
        mut read: impl FnMut(&mut Reader<'_>, &[u8]) -> Result<T, Fault>,
    ) -> Result<T, Trouble> {
        loop {
            let mut reader = Reader::new(&self.bytes, self.at);
            match read(&mut reader, &self.bytes) {
                Ok(part) => {
                    self.at = reader.at();
                    return Ok(part);
                }
                Err(Fault::End) if !self.is_over => self.more()?,
                Err(fault) => {
                    let at = self.passed();
                    return Err(Trouble::Broken(format!("about byte {at}: {fault}")));
                }
            }
        }
    }

    fn more(&mut self) -> Result<(), Trouble> {
        self.passed += self.at as u64;
        self.bytes.drain(..self.at);
        self.at = 0;
        let held = self.bytes.len();
        let too_large = |what: &str, max: u64| {
            Err(Trouble::Broken(format!(
                "{what} is larger than {max} bytes"
            )))
        };
        if PART_BYTES_MAX <= held {
            return too_large("a part of it", PART_BYTES_MAX as u64);
        }
        if self.bytes_max <= self.passed + held as u64 {
            return too_large("it", self.bytes_max);
        }
        self.bytes.resize(held + held.max(READ_BYTES), 0);
        let into = self.bytes.get_mut(held..).unwrap_or_default();
        let read = loop {
            match self.stream.read(into) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        let filled = *read.as_ref().unwrap_or(&0);
        self.bytes.truncate(held + filled);
        self.is_over = filled == 0;
        read.map(|_| ())
            .map_err(|error| Trouble::Broken(error.to_string()))
    }

    /// Whether nothing but blanks is left.
    pub(super) fn is_end(&mut self) -> Result<bool, Trouble> {
        loop {
            let mut reader = Reader::new(&self.bytes, self.at);
            reader.blanks();
            self.at = reader.at();
            match reader.peek() {
                Some(_) => return Ok(false),
                None if self.is_over => return Ok(true),
                None => self.more()?,
            }
        }
    }

    /// The bracket or brace of an array or object.
    pub(super) fn open(&mut self, wanted: Kind) -> Result<(), Trouble> {
        let at = self.passed();
        let kind = self.part(|reader, _| Ok(reader.value()?.kind))?;
        if kind == wanted {
            return Ok(());
        }
        let what = match wanted {
            Kind::Array => "array",
            _ => "object",
        };
        Err(Trouble::Broken(format!("no {what} begins at byte {at}")))
    }

    /// Go to the next element of an array; false at its end.
    pub(super) fn element(&mut self, first: &mut bool) -> Result<bool, Trouble> {
        let before = *first;
        self.part(|reader, _| {
            *first = before;
            Ok(reader.element(first)? != Element::End)
        })
    }

    /// The name of the next member of an object; `None` at its end.
    pub(super) fn member(&mut self, first: &mut bool) -> Result<Option<String>, Trouble> {
        let before = *first;
        self.part(|reader, json| {
            *first = before;
            let name = reader.member(first)?;
            Ok(name.map(|name| name.text(json).into_owned()))
        })
    }

    /// The text of a value that is none of many.
    pub(super) fn scalar(&mut self) -> Result<String, Trouble> {
        self.part(|reader, json| {
            let value = reader.value()?;
            // A word may go on behind what has come so far.
            if reader.peek().is_none() {
                return Err(Fault::End);
            }
            Ok(value.text(json).into_owned())
        })
    }

    /// Pass over a value.
    pub(super) fn skip(&mut self) -> Result<(), Trouble> {
        self.part(|reader, _| {
            let kind = reader.value()?.kind;
            finish(reader, kind)?;
            reader.peek().map(|_| ()).ok_or(Fault::End)
        })
    }

    /// All texts of an array.
    pub(super) fn texts(&mut self) -> Result<Vec<String>, Trouble> {
        self.open(Kind::Array)?;
        let (mut texts, mut first) = (Vec::new(), true);
        while self.element(&mut first)? {
            texts.push(self.scalar()?);
        }
        Ok(texts)
    }

    /// A point, `[time, value]` or with the name of its type behind. `value` and `named` are filled. A bare
    /// word such as `NaN` is neither number nor text: it is told as a null.
    pub(super) fn point(
        &mut self,
        value: &mut String,
        named: &mut String,
    ) -> Result<(i64, Kind), Trouble> {
        let at = self.passed();
        let point = self.part(|reader, json| {
            let (mut first, mut place) = (true, 0);
            let (mut time, mut kind) = (None, None);
            value.clear();
            named.clear();
            if reader.value()?.kind != Kind::Array {
                return Ok(None);
            }
            while reader.element(&mut first)? == Element::Value {
                let part = reader.value()?;
                finish(reader, part.kind)?;
                match place {
                    0 => time = part.text(json).parse().ok(),
                    1 => {
                        kind = Some(match part.is_word() {
                            true => Kind::Null,
                            false => part.kind,
                        });
                        value.push_str(&part.text(json));
                    }
                    2 => named.push_str(&part.text(json)),
                    _ => {}
                }
                place += 1;
            }
            Ok(time.zip(kind))
        })?;
        point.ok_or_else(|| Trouble::Broken(format!("about byte {at}: no point, [time, value]")))
    }
}

/// Pass over what is inside of an array or object that has begun.
fn finish(reader: &mut Reader<'_>, kind: Kind) -> Result<(), Fault> {
    if matches!(kind, Kind::Array | Kind::Object) {
        Skip::new(kind).step(reader, usize::MAX)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream that gives `0` at a time.
    struct Dribble<'a>(&'a [u8], usize);

    impl Read for Dribble<'_> {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            let count = self.1.min(self.0.len()).min(into.len());
            into[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    #[test]
    fn parts_are_the_same_however_the_stream_is_cut() {
        let json = concat!(
            r#" {"a\"": [ [12, 3.5], [-7,"x\u00e9]","string"],"#,
            r#"[1,NaN],[2,"NaN"] ], "s":{"deep":[1,{}]},"n" : 17 } "#
        );
        for size in 1..json.len() {
            let mut tokens = Tokens::new(Dribble(json.as_bytes(), size), 1 << 20);
            tokens.open(Kind::Object).expect("an object");
            let mut first = true;
            let mut name = || tokens.member(&mut first).expect("a member");
            assert_eq!(name().as_deref(), Some("a\""));
            tokens.open(Kind::Array).expect("an array");
            let (mut value, mut named, mut points) = (String::new(), String::new(), Vec::new());
            let mut begins = true;
            while tokens.element(&mut begins).expect("an element") {
                let (time, kind) = tokens.point(&mut value, &mut named).expect("a point");
                points.push(format!("{time} {kind:?} {value} {named}"));
            }
            assert_eq!(
                points,
                [
                    "12 Number 3.5 ",
                    "-7 Text xé] string",
                    "1 Null NaN ",
                    "2 Text NaN "
                ]
            );
            let mut name = || tokens.member(&mut first).expect("a member");
            assert_eq!(name().as_deref(), Some("s"));
            tokens.skip().expect("a value");
            let mut name = || tokens.member(&mut first).expect("a member");
            assert_eq!(name().as_deref(), Some("n"));
            assert_eq!(tokens.scalar().as_deref(), Ok("17"));
            assert_eq!(tokens.member(&mut first), Ok(None));
            assert_eq!(tokens.is_end(), Ok(true));
        }
    }

    #[test]
    fn what_is_cut_or_too_large_or_garbage_is_told() {
        let broken = |json: &str, max| {
            let mut tokens = Tokens::new(json.as_bytes(), max);
            let told = tokens.open(Kind::Array).and_then(|()| tokens.scalar());
            matches!(told, Err(Trouble::Broken(_)))
        };
        assert!(broken("[12", 100));
        assert!(broken("<html>", 100));
        assert!(broken(&format!("[\"{}\"]", "x".repeat(200_000)), 100_000));
        assert!(!broken("[12]", 100));
    }
}
