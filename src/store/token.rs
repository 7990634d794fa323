//! One value of a series, told from the one before it: the bytes that the log and the head share.
//!
//! | bytes | value |
//! |---|---|
//! | a [`varint`] | the last mantissa plus its unzigzagged number, at the last scale |
//! | `FF 00 scale varint` | a decimal: its scale, and the zigzag of its mantissa; from here on the last |
//! | `FF 01` and eight bytes, little-endian | a float; what counts as last stays |
//! | `FF 05 varint` and so many bytes | in the log only: a text in UTF-8 |
//!
//! In the log a series of texts has nothing else but texts, and, for one that is the text before it again,
//! the varint 0. In the head its values are places of texts, see [`generation`](super::generation).
//!
//! Before the first value the last mantissa and scale are 0. Differences wrap, so any `i64` may follow
//! any other.

use crate::base::varint::{self, MARK};
use crate::model::number::Number;
use crate::model::series::TEXT_BYTES_MAX;

/// Behind [`MARK`]: a decimal of another scale.
const SCALE: u8 = 0;
/// Behind [`MARK`]: a float.
const FLOAT: u8 = 1;

/// Behind [`MARK`]: a text. The numbers between are those of the head.
const TEXT: u8 = 5;

/// The text of the series before it, again.
pub const TEXT_AGAIN: Short = Short {
    code: 0,
    word: 0,
    len: 1,
};

/// Scales that decimals have.
pub const SCALES: usize = Number::SCALE_MAX as usize + 1;

/// Bytes of the longest token of a number.
pub const BYTES_MAX: usize = 3 + varint::BYTES_MAX;

/// What the next value of a series is told from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Last {
    /// Mantissa of the last decimal.
    pub mantissa: i64,
    /// Its scale.
    pub scale: u8,
}

/// The bytes of a value that are few: they travel in registers, not through memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Short {
    /// The number that the bytes are the varint of.
    pub code: u64,
    /// The bytes, the first in the highest place.
    pub word: u64,
    /// How many, 1 to 7.
    pub len: usize,
}

impl Short {
    /// The token of `number` behind `last`, if it is short: of the same scale, and a difference of few
    /// bytes. Where it is not, `last` is as it was.
    #[inline(always)]
    pub fn new(last: &mut Last, number: Number) -> Option<Short> {
        let mantissa = number.mantissa_at(last.scale)?;
        let code = varint::zigzag(mantissa.wrapping_sub(last.mantissa));
        let (word, len) = varint::short(code)?;
        last.mantissa = mantissa;
        Some(Short { code, word, len })
    }
}

impl From<Short> for Token {
    #[inline]
    fn from(short: Short) -> Token {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&short.word.to_be_bytes());
        Token {
            bytes,
            len: short.len as u8,
        }
    }
}

/// The bytes of one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    bytes: [u8; 16],
    len: u8,
}

impl Token {
    /// The token of `number` behind `last`, which becomes what the next one is told from.
    #[inline]
    pub fn new(last: &mut Last, number: Number) -> Token {
        Token::quick(last, number).unwrap_or_else(|| Token::long(last, number))
    }

    /// [`Token::new`] where that is quick, which is almost always: the same scale, and a difference of
    /// few bytes. Where it is not, `last` is as it was.
    #[inline]
    pub fn quick(last: &mut Last, number: Number) -> Option<Token> {
        Short::new(last, number).map(Token::from)
    }

    /// The token of `number` that is told from no other: after it `last` is known whatever it was.
    pub fn alone(last: &mut Last, number: Number) -> Token {
        // No decimal has the scale of a float, and no float the scale 0: so either is told whole.
        let mut nothing = Last {
            mantissa: 0,
            scale: if number.is_float() { 0 } else { Number::FLOAT },
        };
        let token = Token::long(&mut nothing, number);
        if !number.is_float() {
            *last = nothing;
        }
        token
    }

    #[cold]
    fn long(last: &mut Last, number: Number) -> Token {
        let mut out = Vec::with_capacity(BYTES_MAX);
        match number.mantissa_at(last.scale) {
            Some(mantissa) => {
                varint::push(
                    varint::zigzag(mantissa.wrapping_sub(last.mantissa)),
                    &mut out,
                );
                last.mantissa = mantissa;
            }
            None if number.is_float() => {
                out.extend([MARK, FLOAT]);
                out.extend(number.mantissa.to_le_bytes());
            }
            None => {
                out.extend([MARK, SCALE, number.scale]);
                varint::push(varint::zigzag(number.mantissa), &mut out);
                *last = Last {
                    mantissa: number.mantissa,
                    scale: number.scale,
                };
            }
        }
        let mut bytes = [0; 16];
        bytes[..out.len()].copy_from_slice(&out);
        Token {
            bytes,
            len: out.len() as u8,
        }
    }

    /// Bytes of it, 1 to [`BYTES_MAX`].
    #[expect(clippy::len_without_is_empty, reason = "no token is empty")]
    #[inline]
    pub fn len(&self) -> usize {
        usize::from(self.len)
    }

    /// Its bytes, and whatever behind them: 16 can be written faster than a few.
    #[inline]
    pub fn padded(&self) -> &[u8; 16] {
        &self.bytes
    }

    /// The number that it is the varint of, if it is one.
    #[inline]
    pub fn code(&self) -> Option<u64> {
        varint::take(self.bytes()).map(|(code, _)| code)
    }

    /// Scale and zigzag of the mantissa, if it is a decimal that is told from nothing.
    pub fn decimal_alone(&self) -> Option<(u8, u64)> {
        match self.bytes() {
            [MARK, SCALE, scale, rest @ ..] => Some((*scale, varint::take(rest)?.0)),
            _ => None,
        }
    }

    /// The token whose [`decimal_alone`](Token::decimal_alone) this is; `None` for a scale that no decimal
    /// has.
    pub fn of_decimal(scale: u8, code: u64) -> Option<Token> {
        let mut bytes = [0; 16];
        let (word, len) = varint::short(code)?;
        bytes[..3].copy_from_slice(&[MARK, SCALE, scale]);
        bytes[3..11].copy_from_slice(&word.to_be_bytes());
        (scale <= Number::SCALE_MAX).then_some(Token {
            bytes,
            len: 3 + len as u8,
        })
    }

    /// Its bytes.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len()]
    }
}

/// Bytes of the token of a text of so many bytes.
pub fn text_bytes(len: usize) -> usize {
    2 + varint::len(len as u64) + len
}

/// Append the token of a text, which has at most [`TEXT_BYTES_MAX`].
pub fn push_text(text: &str, out: &mut Vec<u8>) {
    out.extend([MARK, TEXT]);
    varint::push(text.len() as u64, out);
    out.extend_from_slice(text.as_bytes());
}

/// The text at the start of `bytes`, and how many bytes its token took. `None` where none starts, or one
/// that is too long.
#[cold]
pub fn take_text(bytes: &[u8]) -> Option<(&str, usize)> {
    let [MARK, TEXT, rest @ ..] = bytes else {
        return None;
    };
    let (len, width) = varint::take(rest)?;
    let len = usize::try_from(len)
        .ok()
        .filter(|&len| len <= TEXT_BYTES_MAX)?;
    let text = rest.get(width..width.checked_add(len)?)?;
    Some((std::str::from_utf8(text).ok()?, text_bytes(len)))
}

/// Bytes of the token at the start of `bytes`, whatever is its value.
pub fn pass(bytes: &[u8]) -> Option<usize> {
    let number = take(bytes, &mut Last::default()).map(|(_, len)| len);
    number.or_else(|| take_text(bytes).map(|(_, len)| len))
}

/// Whether the token at the start of `bytes` is that of a float.
pub fn is_float(bytes: &[u8]) -> bool {
    matches!(bytes, [MARK, FLOAT, ..])
}

/// Whether the token at the start of `bytes` is told from no other.
pub fn stands_alone(bytes: &[u8]) -> bool {
    bytes.first() == Some(&MARK)
}

/// The value at the start of `bytes`, and how many bytes it took; `last` becomes what the next one is
/// told from. `None` where no token starts; `last` is then as it was.
#[inline]
pub fn take(bytes: &[u8], last: &mut Last) -> Option<(Number, usize)> {
    if let Some((code, len)) = varint::take(bytes) {
        last.mantissa = last.mantissa.wrapping_add(varint::unzigzag(code));
        return Some((Number::decimal(last.mantissa, last.scale), len));
    }
    take_marked(bytes, last)
}

#[cold]
fn take_marked(bytes: &[u8], last: &mut Last) -> Option<(Number, usize)> {
    match bytes {
        [MARK, SCALE, scale, rest @ ..] if *scale <= Number::SCALE_MAX => {
            let (code, len) = varint::take(rest)?;
            *last = Last {
                mantissa: varint::unzigzag(code),
                scale: *scale,
            };
            Some((Number::decimal(last.mantissa, last.scale), 3 + len))
        }
        [MARK, FLOAT, rest @ ..] => {
            let bits = i64::from_le_bytes(*rest.first_chunk()?);
            let number = Number {
                mantissa: bits,
                scale: Number::FLOAT,
            };
            Some((number, 10))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;

    fn some_number(random: &mut Random) -> Number {
        match random.below(8) {
            0 => Number::float(f64::from_bits(random.next_u64() >> 2)),
            1 => Number::long(random.next_u64() as i64),
            2 => Number::float(-0.0),
            _ => Number::decimal(
                (random.next_u64() >> (11 + random.below(53))) as i64,
                random.below(7) as u8,
            ),
        }
    }

    #[test]
    fn there_and_back() {
        for seed in 0..200 {
            let mut random = Random::new(seed);
            let numbers: Vec<Number> = (0..50).map(|_| some_number(&mut random)).collect();
            let (mut last, mut bytes) = (Last::default(), Vec::new());
            for &number in &numbers {
                let token = Token::new(&mut last, number);
                assert!(token.len() <= BYTES_MAX && token.padded().starts_with(token.bytes()));
                bytes.extend_from_slice(token.bytes());
            }
            let (mut back, mut at) = (Last::default(), 0);
            for &number in &numbers {
                let (got, len) = take(&bytes[at..], &mut back).expect("a token");
                at += len;
                assert_eq!(
                    got.to_f64().to_bits(),
                    number.to_f64().to_bits(),
                    "seed {seed}"
                );
                if !number.is_float() && got.scale == number.scale {
                    assert_eq!(got, number, "seed {seed}");
                }
            }
            assert_eq!((at, back), (bytes.len(), last), "seed {seed}");
        }
    }

    #[test]
    fn texts_go_there_and_back_and_are_no_numbers() {
        let long = "x".repeat(TEXT_BYTES_MAX);
        for text in ["", "up", "zwölf", &long] {
            let mut bytes = Vec::new();
            push_text(text, &mut bytes);
            assert_eq!(bytes.len(), text_bytes(text.len()));
            assert!(stands_alone(&bytes));
            assert_eq!(take(&bytes, &mut Last::default()), None);
            bytes.push(7);
            assert_eq!(take_text(&bytes), Some((text, bytes.len() - 1)));
            assert_eq!(pass(&bytes), Some(bytes.len() - 1));
            assert_eq!(take_text(&bytes[..bytes.len() - 2]), None);
        }
        let mut longer = Vec::new();
        push_text(&"x".repeat(TEXT_BYTES_MAX + 1), &mut longer);
        assert_eq!(take_text(&longer), None);
        assert_eq!(take_text(&[MARK, TEXT, 1, 0xC3]), None, "not UTF-8");
        assert_eq!(take_text(&[0]), None);
    }

    #[test]
    fn hostile_bytes_are_no_token() {
        let mut random = Random::new(7);
        for _ in 0..100_000 {
            let bytes: Vec<u8> = (0..random.below(20))
                .map(|_| random.next_u64() as u8)
                .collect();
            let mut last = Last::default();
            if let Some((_, len)) = take(&bytes, &mut last) {
                assert!(len <= bytes.len() && last.scale <= Number::SCALE_MAX);
            }
        }
        for bad in [
            &[MARK][..],
            &[MARK, SCALE, 16, 0],
            &[MARK, 2, 0],
            &[MARK, FLOAT, 1],
        ] {
            assert_eq!(take(bad, &mut Last::default()), None, "{bad:?}");
        }
    }
}
