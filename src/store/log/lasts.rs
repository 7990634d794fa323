//! What the next values of some series are told from, in the last page of a block, where there would be
//! zeros: it costs no byte. Behind a block that is lost those series can be told again.
//!
//! | bytes | what, for each series |
//! |---|---|
//! | varint | 16 times how far its number is above the one before and one, zigzag, and the scale |
//! | varint | zigzag of its mantissa |

use super::batch::section;
use crate::base::varint;
use crate::model::number::Number;
use crate::seam::disk::BLOCK_BYTES as PAGE_BYTES;
use crate::store::token::Last;

const _: () = assert!(Number::SCALE_MAX < 16);

/// The kind of the section, and its length.
const HEAD_BYTES: usize = 3;
/// Bytes of the section without its head: less than a page.
const ROOM_MAX: usize = PAGE_BYTES - HEAD_BYTES;
/// Bytes of most entries, at least.
const ENTRY_BYTES: usize = 3;
/// Most series that are told in one block.
const COUNT_MAX: usize = 500;

/// Bytes of entries that have room behind so many bytes of a block.
pub(super) fn room(block_bytes: usize) -> usize {
    let left = block_bytes.next_multiple_of(PAGE_BYTES) - block_bytes;
    left.saturating_sub(HEAD_BYTES).min(ROOM_MAX)
}

/// About how many entries have room in so many bytes.
pub(super) fn count_in(room: usize) -> usize {
    (room / ENTRY_BYTES).min(COUNT_MAX)
}

/// Append as many of `lasts` to a block as its last page has room for. How many.
pub(super) fn fill(lasts: impl Iterator<Item = (u32, Last)>, block: &mut Vec<u8>) -> usize {
    let room = room(block.len());
    let (mut section, mut count, mut expected) = (Vec::new(), 0, 0);
    for (number, last) in lasts {
        let end = section.len();
        let gap = i64::from(number) - expected;
        varint::push(varint::zigzag(gap) << 4 | u64::from(last.scale), &mut section);
        varint::push(varint::zigzag(last.mantissa), &mut section);
        if room < section.len() {
            section.truncate(end);
            break;
        }
        (count, expected) = (count + 1, i64::from(number) + 1);
    }
    if 0 < count {
        block.push(section::LASTS);
        varint::push(section.len() as u64, block);
        block.extend_from_slice(&section);
    }
    count
}

/// The entries of a section, as far as they make sense.
#[derive(Clone, Copy, Debug)]
pub struct Lasts<'a> {
    rest: &'a [u8],
    expected: i64,
}

impl<'a> Lasts<'a> {
    pub(super) fn new(section: &'a [u8]) -> Lasts<'a> {
        Lasts {
            rest: section,
            expected: 0,
        }
    }
}

impl Iterator for Lasts<'_> {
    type Item = (u32, Last);

    fn next(&mut self) -> Option<(u32, Last)> {
        let (code, width) = varint::take(self.rest)?;
        let rest = self.rest.get(width..)?;
        let (mantissa, width) = varint::take(rest)?;
        let gap = varint::unzigzag(code >> 4);
        let number = u32::try_from(self.expected.checked_add(gap)?).ok()?;
        let last = Last {
            mantissa: varint::unzigzag(mantissa),
            scale: (code & 15) as u8,
        };
        (self.rest, self.expected) = (rest.get(width..)?, i64::from(number) + 1);
        (last.scale <= Number::SCALE_MAX).then_some((number, last))
    }
}
