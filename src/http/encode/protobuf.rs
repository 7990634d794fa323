//! Protobuf, version 3 of its language: fields to append, and a reader of messages.
//!
//! What has its type's zero is left out, as every writer of that version does.

/// Most bytes of a number in this form.
const VARINT_BYTES_MAX: usize = 10;

/// How a field's value is laid out.
const VARINT: u64 = 0;
const BYTES: u64 = 2;
const FOUR_BYTES: u64 = 5;

/// A whole number or an enumeration.
pub(in crate::http) fn push_integer(field: u32, number: i64, out: &mut Vec<u8>) {
    if number != 0 {
        push_key(field, VARINT, out);
        // A negative number takes all ten bytes.
        push_varint(number as u64, out);
    }
}

/// Yes or no.
pub(in crate::http) fn push_flag(field: u32, flag: bool, out: &mut Vec<u8>) {
    push_integer(field, i64::from(flag), out);
}

/// A float of four bytes.
pub(in crate::http) fn push_float(field: u32, number: f32, out: &mut Vec<u8>) {
    if number.to_bits() != 0 {
        push_key(field, FOUR_BYTES, out);
        out.extend_from_slice(&number.to_le_bytes());
    }
}

/// A text that may be absent.
pub(in crate::http) fn push_text(field: u32, text: &str, out: &mut Vec<u8>) {
    if !text.is_empty() {
        push_bytes(field, text.as_bytes(), out);
    }
}

/// A text of a list, or a message inside: it is there even if it is empty.
pub(in crate::http) fn push_bytes(field: u32, bytes: &[u8], out: &mut Vec<u8>) {
    push_head(field, bytes.len(), out);
    out.extend_from_slice(bytes);
}

/// The head of a field of `bytes` bytes, which follow: a text, a message or a list of numbers.
pub(in crate::http) fn push_head(field: u32, bytes: usize, out: &mut Vec<u8>) {
    push_key(field, BYTES, out);
    push_varint(bytes as u64, out);
}

fn push_key(field: u32, layout: u64, out: &mut Vec<u8>) {
    push_varint(u64::from(field) << 3 | layout, out);
}

fn push_varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// The value of a field that was read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::http) enum Value<'a> {
    /// A whole number, negative ones as their 64 bits.
    Integer(i64),
    /// A text, a message or a list of numbers.
    Bytes(&'a [u8]),
    /// A number of four or eight bytes; no message that is read has such.
    Fixed,
}

/// The fields of a message, in their order.
pub(in crate::http) struct Fields<'a>(&'a [u8]);

/// What is read is no message.
pub(in crate::http) const BROKEN: &str = "no protobuf message";

impl<'a> Fields<'a> {
    /// The fields of `message`.
    pub(in crate::http) fn new(message: &'a [u8]) -> Fields<'a> {
        Fields(message)
    }

    /// The next field: its number and its value. `None` behind the last.
    ///
    /// # Errors
    /// [`BROKEN`].
    pub(in crate::http) fn next(&mut self) -> Result<Option<(u32, Value<'a>)>, &'static str> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let key = self.varint()?;
        let field = u32::try_from(key >> 3).map_err(|_| BROKEN)?;
        let value = match key & 7 {
            VARINT => Value::Integer(self.varint()? as i64),
            BYTES => {
                let bytes = usize::try_from(self.varint()?).map_err(|_| BROKEN)?;
                Value::Bytes(self.take(bytes)?)
            }
            1 => {
                self.take(8)?;
                Value::Fixed
            }
            5 => {
                self.take(4)?;
                Value::Fixed
            }
            _ => return Err(BROKEN),
        };
        Ok(Some((field, value)))
    }

    fn varint(&mut self) -> Result<u64, &'static str> {
        let mut number = 0;
        for (i, &byte) in self.0.iter().enumerate().take(VARINT_BYTES_MAX) {
            number |= u64::from(byte & 0x7f) << (7 * i);
            if byte < 0x80 {
                self.0 = self.0.get(i + 1..).unwrap_or_default();
                return Ok(number);
            }
        }
        Err(BROKEN)
    }

    fn take(&mut self, bytes: usize) -> Result<&'a [u8], &'static str> {
        let (taken, rest) = self.0.split_at_checked(bytes).ok_or(BROKEN)?;
        self.0 = rest;
        Ok(taken)
    }
}

/// `bytes` as text.
///
/// # Errors
/// They are no UTF-8.
pub(in crate::http) fn text(bytes: &[u8]) -> Result<&str, &'static str> {
    std::str::from_utf8(bytes).map_err(|_| "a text that is no UTF-8")
}
