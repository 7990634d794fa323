//! Codes of a block that is read.

use super::super::columns::Damage;
use super::classes::Classes;
use crate::base::varint;
use crate::store::token::Token;

/// Codes of a block that is read.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Coded<'a> {
    pub(super) classes: Classes,
    pub(super) bits: &'a [u8],
}

/// What stands at a place of [`Coded`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Code {
    /// This token, and zeros behind it.
    Token([u8; 16]),
    /// The next of the values.
    Value,
}

impl<'a> Coded<'a> {
    /// Those of a section.
    pub(in super::super) fn open(section: &'a [u8]) -> Result<Coded<'a>, Damage> {
        let (classes, bits) = Classes::take(section).ok_or(Damage::Columns)?;
        Ok(Coded { classes, bits })
    }

    /// The code at bit `at`, which becomes where the next begins.
    #[inline]
    pub(in super::super) fn take(&self, at: &mut u64) -> Result<Code, Damage> {
        let rest = usize::try_from(*at / 8).ok();
        let rest = rest
            .and_then(|byte| self.bits.get(byte..))
            .unwrap_or_default();
        let word = match rest.first_chunk() {
            Some(word) => u64::from_le_bytes(*word),
            None => (0..)
                .zip(rest)
                .fold(0, |word, (i, &byte)| word | u64::from(byte) << (8 * i)),
        };
        let word = word >> (*at % 8);
        let count = u32::from(self.classes.count);
        let rank = word.trailing_ones().min(count);
        let class = self.classes.all().get(rank as usize);
        let bits = class.map_or(count, |class| rank + 1 + u32::from(class.width));
        *at += u64::from(bits);
        if self.bits.len() as u64 * 8 < *at {
            return Err(Damage::Columns);
        }
        let Some(class) = class else {
            return Ok(Code::Value);
        };
        let code = word >> (rank + 1) & ((1 << class.width) - 1);
        let mut token = [0; 16];
        match class.scale {
            None => {
                let (word, _) = varint::short(code).ok_or(Damage::Columns)?;
                if let Some(place) = token.first_chunk_mut() {
                    *place = word.to_be_bytes();
                }
            }
            Some(scale) => {
                let alone = Token::of_decimal(scale, code).ok_or(Damage::Columns)?;
                token = *alone.padded();
            }
        }
        Ok(Code::Token(token))
    }

    /// Whether they end at bit `at`.
    pub(in super::super) fn is_done(&self, at: u64) -> bool {
        at.div_ceil(8) == self.bits.len() as u64
    }
}
