//! The floats of one group, bit for bit: each told by how it differs from the one before it.

use super::Corrupt;
use super::bits::{self, CODES_MAX, Codes};
use super::cursor::Cursor;

/// Differences by exclusive or, without the zeros that all of them end with.
pub(super) const XOR: u8 = 5;

/// Append `values`, at least one; gives the width that belongs into the head.
pub(super) fn write(values: &[f64], out: &mut Vec<u8>) -> u32 {
    let mut codes = [0; CODES_MAX];
    let mut all = 0;
    for (code, pair) in codes.iter_mut().zip(values.windows(2)) {
        *code = pair[0].to_bits() ^ pair[1].to_bits();
        all |= *code;
    }
    let shift = if all == 0 { 0 } else { all.trailing_zeros() };
    let width = bits::width(all >> shift);
    codes.iter_mut().for_each(|code| *code >>= shift);
    out.extend_from_slice(&values[0].to_bits().to_le_bytes());
    out.push(shift as u8);
    bits::pack(&mut codes, values.len() - 1, width, out);
    width
}

/// Some floats as they are written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Floats<'a> {
    first: u64,
    shift: u32,
    width: u32,
    packed: &'a [u8],
}

impl<'a> Floats<'a> {
    /// The `count` floats, at least one, at the cursor.
    pub(super) fn take(
        cursor: &mut Cursor<'a>,
        width: u32,
        count: usize,
    ) -> Result<Floats<'a>, Corrupt> {
        let first = cursor.u64()?;
        let shift = u32::from(cursor.byte()?);
        if shift >= 64 || shift + width > 64 {
            return Err(Corrupt("the floats of a group are wider than 64 bits"));
        }
        let packed = cursor.bytes(bits::len(count - 1, width))?;
        Ok(Floats {
            first,
            shift,
            width,
            packed,
        })
    }

    /// The bits of the floats, into the first `count` places.
    pub(super) fn unpack(&self, count: usize, room: &mut Codes) {
        let count = count.min(CODES_MAX);
        bits::unpack(self.packed, count - 1, self.width, room);
        let mut next = self.first;
        for code in &mut room[..count] {
            let behind = next ^ (*code << self.shift);
            *code = next;
            next = behind;
        }
    }
}
