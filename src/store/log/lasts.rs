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
const COUNT_MAX: usize = 200;

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
        varint::push(
            varint::zigzag(gap) << 4 | u64::from(last.scale),
            &mut section,
        );
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;
    use crate::store::log::{Batch, Columns, block};
    use crate::store::token::Token;

    fn some(random: &mut Random, count: u64) -> Vec<(u32, Last)> {
        let one = |_| {
            let number = (random.next_u64() >> (38 + random.below(26))) as u32;
            let mantissa = (random.next_u64() as i64) >> random.below(64);
            let scale = random.below(16) as u8;
            (number, Last { mantissa, scale })
        };
        (0..count).map(one).collect()
    }

    #[test]
    fn as_many_as_have_room_come_back_and_cost_no_page() {
        let mut all = 0;
        for seed in 0..300 {
            let mut random = Random::new(seed);
            let count = random.below(800);
            let (lasts, points) = (some(&mut random, count), 1 + random.below(6_000) as u32);
            let mut batch = Batch::default();
            for number in 0..points {
                let last = &mut Last::default();
                batch.push(
                    number,
                    0,
                    &Token::new(last, Number::long(i64::from(number) % 50)),
                );
            }
            let mut bytes = block::begin();
            batch.close(&mut bytes);
            let pages = bytes.len().div_ceil(PAGE_BYTES);
            let told = fill(lasts.iter().copied(), &mut bytes);
            assert_eq!(bytes.len().div_ceil(PAGE_BYTES), pages, "seed {seed}");
            all += usize::from(0 < told && told == lasts.len());
            let payload = bytes.get(block::HEADER_BYTES..).expect("a payload");
            let columns = Columns::open(payload, 0).expect("columns");
            let back: Vec<(u32, Last)> = columns.lasts().collect();
            assert_eq!(back, lasts[..told], "seed {seed}");
            assert_eq!(
                columns.for_each(|_, values| crate::store::token::pass(values)),
                Ok(u64::from(points))
            );
        }
        assert!(50 < all, "all had room {all} times");
    }

    #[test]
    fn hostile_bytes_are_no_entries() {
        let mut random = Random::new(5);
        for _ in 0..50_000 {
            let bytes: Vec<u8> = (0..random.below(40))
                .map(|_| random.next_u64() as u8)
                .collect();
            assert!(Lasts::new(&bytes).all(|(_, last)| last.scale <= Number::SCALE_MAX));
        }
    }
}
