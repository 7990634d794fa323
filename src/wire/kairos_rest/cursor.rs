//! Tokens of strict JSON, one after the other, for whoever gives up at anything else.

use super::super::json::{Fault, Reader, Scalar};
use crate::model::number::Number;
use crate::model::series::Values;
use crate::simd;

/// Digits of a timestamp, and more than those of a number, that need no second look: 64 bits hold them.
const DIGITS_MAX: usize = 18;

/// Why there is no next token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The text ends.
    Cut,
    /// There is something that the other reader has to look at.
    Unusual,
}

/// Bytes of the JSON: of a text, those between its quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word {
    start: u32,
    end: u32,
}

impl Word {
    /// From `start` to before `end`.
    pub(super) fn between(start: usize, end: usize) -> Word {
        Word {
            start: start as u32,
            end: end as u32,
        }
    }

    #[inline]
    pub(super) fn of(self, json: &[u8]) -> &[u8] {
        json.get(self.start as usize..self.end as usize)
            .unwrap_or_default()
    }

    pub(super) fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    pub(super) fn is_empty(self) -> bool {
        self.start == self.end
    }
}

/// Reads from one place on.
pub(super) struct Cursor<'a> {
    json: &'a [u8],
    at: usize,
}

const ONES: u64 = u64::from_ne_bytes([1; 8]);
const HIGHS: u64 = u64::from_ne_bytes([0x80; 8]);

/// Which bytes of `word` are `byte`, by their high bits: up to the first, exactly.
#[inline]
fn equal(word: u64, byte: u8) -> u64 {
    let zero = word ^ u64::from_ne_bytes([byte; 8]);
    zero.wrapping_sub(ONES) & !zero & HIGHS
}

impl<'a> Cursor<'a> {
    pub(super) fn new(json: &'a [u8], at: usize) -> Cursor<'a> {
        let mut cursor = Cursor { json, at };
        // At the end, whatever is asked next says so.
        let _ = cursor.blanks();
        cursor
    }

    pub(super) fn json(&self) -> &'a [u8] {
        self.json
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Go on reading from `at`.
    pub(super) fn go(&mut self, at: usize) {
        self.at = at;
    }

    /// The byte at which it stands.
    #[inline]
    pub(super) fn peek(&self) -> Result<u8, Stop> {
        self.json.get(self.at).copied().ok_or(Stop::Cut)
    }

    /// Pass over blanks, to something else.
    #[inline]
    pub(super) fn blanks(&mut self) -> Result<(), Stop> {
        loop {
            match self.peek()? {
                b' ' | b'\n' | b'\r' | b'\t' => self.at += 1,
                _ => return Ok(()),
            }
        }
    }

    /// The next byte that is no blank; passed over.
    #[inline]
    pub(super) fn token(&mut self) -> Result<u8, Stop> {
        self.blanks()?;
        let byte = self.peek()?;
        self.at += 1;
        Ok(byte)
    }

    /// Pass over a colon and the blanks around it.
    #[inline]
    pub(super) fn colon(&mut self) -> Result<(), Stop> {
        match self.token()? {
            b':' => self.blanks(),
            _ => Err(Stop::Unusual),
        }
    }

    /// Pass over `bytes` if they stand here.
    #[inline]
    pub(super) fn passes(&mut self, bytes: &[u8]) -> bool {
        let end = self.at + bytes.len();
        let is_here = self
            .json
            .get(self.at..end)
            .is_some_and(|here| simd::equal(here, bytes));
        if is_here {
            self.at = end;
        }
        is_here
    }

    /// A text in quotes: UTF-8 without escapes.
    #[inline]
    pub(super) fn word(&mut self) -> Result<Word, Stop> {
        if self.peek()? != b'"' {
            return Err(Stop::Unusual);
        }
        let start = self.at + 1;
        let mut at = start;
        while let Some(eight) = self.json.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
            let word = u64::from_le_bytes(*eight);
            let met = equal(word, b'"') | equal(word, b'\\') | word & HIGHS;
            if met != 0 {
                at += met.trailing_zeros() as usize / 8;
                break;
            }
            at += 8;
        }
        while let Some(byte) = self.json.get(at) {
            match byte {
                b'"' => return Ok(self.worded(start, at)),
                b'\\' => return Err(Stop::Unusual),
                0x80.. => return self.word_beyond_ascii(start, at),
                _ => at += 1,
            }
        }
        Err(Stop::Cut)
    }

    #[cold]
    fn word_beyond_ascii(&mut self, start: usize, at: usize) -> Result<Word, Stop> {
        let rest = self.json.get(at..).unwrap_or_default();
        let end = at + memchr::memchr2(b'"', b'\\', rest).ok_or(Stop::Cut)?;
        let is_plain = self.json.get(end) == Some(&b'"')
            && std::str::from_utf8(self.json.get(start..end).unwrap_or_default()).is_ok();
        if is_plain {
            Ok(self.worded(start, end))
        } else {
            Err(Stop::Unusual)
        }
    }

    fn worded(&mut self, start: usize, end: usize) -> Word {
        self.at = end + 1;
        Word::between(start, end)
    }

    /// A whole number, or what `other` takes for one.
    #[inline]
    pub(super) fn time(
        &mut self,
        other: impl FnOnce(&[u8], Scalar) -> Option<i64>,
    ) -> Result<i64, Stop> {
        let rest = self.json.get(self.at..).unwrap_or_default();
        let (mut sum, mut digits) = (0, 0);
        if let Some(eight) = rest.first_chunk::<8>()
            && let Some(first) = simd::eight_digits(u64::from_le_bytes(*eight))
        {
            (sum, digits) = (first as i64, 8);
        }
        while let Some(byte) = rest.get(digits) {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 || digits == DIGITS_MAX {
                break;
            }
            sum = sum * 10 + i64::from(digit);
            digits += 1;
        }
        match rest.get(digits) {
            Some(b',' | b']' | b'}') if digits > 0 && (rest[0] != b'0' || digits == 1) => {
                self.at += digits;
                Ok(sum)
            }
            _ => {
                let scalar = self.scalar()?;
                other(self.json, scalar).ok_or(Stop::Unusual)
            }
        }
    }

    /// A number whose type is told by its form and that needs no second look: a long, or a decimal. `None`
    /// for anything else, with nothing passed over.
    #[inline]
    pub(super) fn number(&mut self) -> Result<Option<(Values, Number)>, Stop> {
        let rest = self.json.get(self.at..).unwrap_or_default();
        let negative = rest.first() == Some(&b'-');
        let start = usize::from(negative);
        let (mut at, mut mantissa, mut dot) = (start, 0i64, None);
        loop {
            match rest.get(at) {
                Some(byte @ b'0'..=b'9') => mantissa = mantissa * 10 + i64::from(byte - b'0'),
                Some(b'.') if dot.is_none() && at > start => dot = Some(at),
                Some(b',' | b']' | b'}') => break,
                Some(_) => return Ok(None),
                None => return Err(Stop::Cut),
            }
            at += 1;
            if at == DIGITS_MAX {
                return Ok(None);
            }
        }
        let whole = dot.unwrap_or(at) - start;
        let is_plain = match rest.get(start) {
            Some(b'0') => whole == 1,
            _ => whole > 0,
        };
        // As a double, -0 is none that a decimal could be.
        if !is_plain || (negative && mantissa == 0) {
            return Ok(None);
        }
        let signed = if negative { -mantissa } else { mantissa };
        let read = match dot {
            None => (Values::Long, Number::long(signed)),
            Some(dot) => {
                // A dot at the end, and too many digits, make no decimal.
                let scale = at - dot - 1;
                let is_decimal = (1..=usize::from(Number::SCALE_MAX)).contains(&scale)
                    && mantissa <= Number::MANTISSA_MAX;
                if !is_decimal {
                    return Ok(None);
                }
                (Values::Double, Number::decimal(signed, scale as u8))
            }
        };
        self.at += at;
        Ok(Some(read))
    }

    /// The value that stands here, unless it is an array or an object.
    pub(super) fn scalar(&mut self) -> Result<Scalar, Stop> {
        if matches!(self.peek()?, b'[' | b'{' | b'\'') {
            return Err(Stop::Unusual);
        }
        let mut reader = Reader::new(self.json, self.at);
        let scalar = reader.value().map_err(|fault| match fault {
            Fault::End => Stop::Cut,
            Fault::Broken { .. } => Stop::Unusual,
        })?;
        self.at = reader.at();
        // What touches the end may go on behind it.
        match self.at < self.json.len() {
            true => Ok(scalar),
            false => Err(Stop::Cut),
        }
    }

    /// The name of a type of values.
    pub(super) fn kind(&mut self) -> Result<Values, Stop> {
        match self.word()?.of(self.json) {
            b"long" => Ok(Values::Long),
            b"double" => Ok(Values::Double),
            b"string" => Ok(Values::Text),
            _ => Err(Stop::Unusual),
        }
    }
}
