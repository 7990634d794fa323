//! Reading a run from its front, with an error instead of a panic where it ends too early.

use super::Corrupt;
use crate::base::varint;

/// What is left of some bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a>(pub(super) &'a [u8]);

impl<'a> Cursor<'a> {
    pub(super) fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    #[inline]
    pub(super) fn byte(&mut self) -> Result<u8, Corrupt> {
        let (&byte, rest) = self.0.split_first().ok_or(Corrupt::SHORT)?;
        self.0 = rest;
        Ok(byte)
    }

    #[inline]
    pub(super) fn u16(&mut self) -> Result<u16, Corrupt> {
        Ok(u16::from_le_bytes([self.byte()?, self.byte()?]))
    }

    #[inline]
    pub(super) fn u64(&mut self) -> Result<u64, Corrupt> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(Corrupt::SHORT)?;
        self.0 = rest;
        Ok(u64::from_le_bytes(*bytes))
    }

    #[inline]
    pub(super) fn varint(&mut self) -> Result<u64, Corrupt> {
        let (number, len) = varint::take(self.0).ok_or(Corrupt::NUMBER)?;
        self.0 = self.0.get(len..).ok_or(Corrupt::SHORT)?;
        Ok(number)
    }

    /// Pass one.
    #[inline]
    pub(super) fn pass_varint(&mut self) -> Result<(), Corrupt> {
        let lead = self.0.first().ok_or(Corrupt::NUMBER)?.leading_ones() as usize;
        let len = match lead {
            ..7 => lead + 1,
            7 => varint::BYTES_MAX,
            _ => return Err(Corrupt::NUMBER),
        };
        self.0 = self.0.get(len..).ok_or(Corrupt::NUMBER)?;
        Ok(())
    }

    #[inline]
    pub(super) fn signed(&mut self) -> Result<i64, Corrupt> {
        self.varint().map(varint::unzigzag)
    }

    #[inline]
    pub(super) fn bytes(&mut self, len: usize) -> Result<&'a [u8], Corrupt> {
        let (bytes, rest) = self.0.split_at_checked(len).ok_or(Corrupt::SHORT)?;
        self.0 = rest;
        Ok(bytes)
    }
}

/// Append a number near zero, of either sign.
#[inline]
pub(super) fn push_signed(number: i64, out: &mut Vec<u8>) {
    varint::push(varint::zigzag(number), out);
}
