//! The texts of one group: each different one once, and which of them each point has.

use std::collections::HashMap;
use std::sync::Arc;

use super::Corrupt;
use super::bits::{self, CODES_MAX};
use super::cursor::Cursor;
use crate::base::varint;

/// A dictionary, and places in it.
pub(super) const DICTIONARY: u8 = 6;

/// Append `values`, at least one; gives the width that belongs into the head.
pub(super) fn write(values: &[Arc<str>], out: &mut Vec<u8>) -> u32 {
    let mut places: HashMap<&str, u64> = HashMap::new();
    let mut distinct: Vec<&str> = Vec::new();
    let mut codes = [0; CODES_MAX];
    for (code, text) in codes.iter_mut().zip(values) {
        *code = *places.entry(text).or_insert_with(|| {
            distinct.push(text);
            distinct.len() as u64 - 1
        });
    }
    varint::push(distinct.len() as u64, out);
    for text in &distinct {
        varint::push(text.len() as u64, out);
        out.extend_from_slice(text.as_bytes());
    }
    let width = bits::width(distinct.len() as u64 - 1);
    bits::pack(&mut codes, values.len(), width, out);
    width
}

/// Some texts as they are written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Texts<'a> {
    distinct: usize,
    dictionary: &'a [u8],
    width: u32,
    packed: &'a [u8],
}

impl<'a> Texts<'a> {
    /// The `count` texts, at least one, at the cursor.
    pub(super) fn take(
        cursor: &mut Cursor<'a>,
        width: u32,
        count: usize,
    ) -> Result<Texts<'a>, Corrupt> {
        let distinct = cursor.varint()?;
        if distinct == 0 || distinct > count as u64 {
            return Err(Corrupt("there are more different texts than points"));
        }
        let start = cursor.0;
        for _ in 0..distinct {
            let len = usize::try_from(cursor.varint()?).map_err(|_| Corrupt::SHORT)?;
            cursor.bytes(len)?;
        }
        let dictionary = &start[..start.len() - cursor.0.len()];
        let packed = cursor.bytes(bits::len(count, width))?;
        Ok(Texts {
            distinct: distinct as usize,
            dictionary,
            width,
            packed,
        })
    }

    /// The `count` texts.
    pub(super) fn unpack(&self, count: usize) -> Result<Vec<Arc<str>>, Corrupt> {
        let mut cursor = Cursor(self.dictionary);
        let mut distinct: Vec<Arc<str>> = Vec::with_capacity(self.distinct);
        for _ in 0..self.distinct {
            let len = cursor.varint()? as usize;
            let text = std::str::from_utf8(cursor.bytes(len)?);
            distinct.push(Arc::from(text.map_err(|_| Corrupt("a text is not UTF-8"))?));
        }
        let mut codes = [0; CODES_MAX];
        bits::unpack(self.packed, count, self.width, &mut codes);
        let text = |&code: &u64| distinct.get(code as usize).cloned();
        let texts: Option<Vec<_>> = codes.iter().take(count).map(text).collect();
        texts.ok_or(Corrupt("a text is not in its dictionary"))
    }
}
