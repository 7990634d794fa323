//! The integers of one group, in whichever of five ways is shortest.
//!
//! All arithmetic wraps, so any integer may follow any other.

use super::Corrupt;
use super::bits::{self, CODES_MAX, Codes};
use super::cursor::{Cursor, push_signed};
use crate::base::varint::{self, unzigzag, zigzag};
use crate::simd::{Lanes, Scanner, Work};

/// All the same.
pub(super) const CONSTANT: u8 = 0;
/// Distances from the least.
pub(super) const OFFSET: u8 = 1;
/// The same, with patches.
pub(super) const OFFSET_PATCHED: u8 = 2;
/// Differences from one to the next, as distances from the least of them.
pub(super) const DELTA: u8 = 3;
/// Zigzags of the differences, with patches.
pub(super) const DELTA_PATCHED: u8 = 4;

/// Codes narrower than this are not looked at for outliers.
const PATCH_WIDTH_MIN: u32 = 5;
/// Most patches of a group.
const PATCHES_MAX: u32 = 16;

/// How to write some integers, and what they span.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) codec: u8,
    pub(super) width: u32,
    pub(super) least: i64,
    pub(super) most: i64,
    least_delta: i64,
}

impl Plan {
    /// The shortest way for `values`, of which there is at least one.
    pub(super) fn of(values: &[i64]) -> Plan {
        let first = values[0];
        let Spans {
            least,
            most,
            least_delta,
            most_delta,
            sum,
            way,
        } = Scanner::widest().run(Spanning(values));
        let mut plan = Plan {
            codec: CONSTANT,
            width: 0,
            least,
            most,
            least_delta,
        };
        if least == most {
            return plan;
        }
        let offset_width = bits::width(most.wrapping_sub(least) as u64);
        let delta_width = bits::width(most_delta.wrapping_sub(least_delta) as u64);
        let by_offset = bits::len(values.len(), offset_width) + varint::len(zigzag(least));
        let by_delta = bits::len(values.len() - 1, delta_width)
            + varint::len(zigzag(first))
            + varint::len(zigzag(least_delta));
        (plan.codec, plan.width) = if by_delta < by_offset {
            (DELTA, delta_width)
        } else {
            (OFFSET, offset_width)
        };
        if plan.width < PATCH_WIDTH_MIN {
            return plan;
        }
        // The sums are right where 128 of the largest fit.
        let count = values.len() as i64;
        let above = sum.wrapping_sub(least.wrapping_sub(first).wrapping_mul(count)) as u64;
        let largest = least_delta.unsigned_abs().max(most_delta.unsigned_abs());
        let highest = most.wrapping_sub(least) as u64;
        if stands_out(highest, above, count) || stands_out(largest, way, count) {
            plan.consider_patches(values, by_offset.min(by_delta));
        }
        plan
    }

    fn consider_patches(&mut self, values: &[i64], bytes: usize) {
        let mut codes = [0; CODES_MAX];
        let mut best = bytes;
        for codec in [OFFSET_PATCHED, DELTA_PATCHED] {
            let count = self.fill(codec, values, &mut codes);
            let start = if codec == OFFSET_PATCHED {
                self.least
            } else {
                values[0]
            };
            if let Some((width, len)) = patched(&codes[..count]) {
                let len = len + varint::len(zigzag(start));
                if len < best {
                    (self.codec, self.width, best) = (codec, width, len);
                }
            }
        }
    }

    /// The codes of `values`, and how many.
    fn fill(&self, codec: u8, values: &[i64], codes: &mut Codes) -> usize {
        let least = match codec {
            OFFSET | OFFSET_PATCHED => {
                for (code, value) in codes.iter_mut().zip(values) {
                    *code = value.wrapping_sub(self.least) as u64;
                }
                return values.len();
            }
            DELTA => self.least_delta,
            _ => 0,
        };
        for (code, pair) in codes.iter_mut().zip(values.windows(2)) {
            *code = pair[1].wrapping_sub(pair[0]).wrapping_sub(least) as u64;
        }
        if codec == DELTA_PATCHED {
            for code in &mut codes[..values.len() - 1] {
                *code = zigzag(*code as i64);
            }
        }
        values.len() - 1
    }

    /// Append `values`, which the plan was made of; `codes` is where they are made.
    pub(super) fn write(&self, values: &[i64], codes: &mut Codes, out: &mut Vec<u8>) {
        match self.codec {
            CONSTANT | OFFSET | OFFSET_PATCHED => push_signed(self.least, out),
            _ => push_signed(values[0], out),
        }
        if self.codec == CONSTANT {
            return;
        }
        if self.codec == DELTA {
            push_signed(self.least_delta, out);
        }
        let count = self.fill(self.codec, values, codes);
        bits::pack(codes, count, self.width, out);
        if is_patched(self.codec) {
            push_patches(&codes[..count], self.width, out);
        }
    }
}

/// What some integers span, and their differences from one to the next.
struct Spans {
    least: i64,
    most: i64,
    least_delta: i64,
    most_delta: i64,
    /// Of the distances from the first.
    sum: i64,
    /// Of the sizes of the differences.
    way: u64,
}

/// Takes the [`Spans`] of at least one integer.
struct Spanning<'a>(&'a [i64]);

impl Work for Spanning<'_> {
    type Output = Spans;

    #[inline(always)]
    fn run<L: Lanes>(self) -> Spans {
        let first = self.0[0];
        let mut spans = Spans {
            least: first,
            most: first,
            least_delta: i64::MAX,
            most_delta: i64::MIN,
            sum: 0,
            way: 0,
        };
        for (&last, &value) in self.0.iter().zip(&self.0[1..]) {
            let delta = value.wrapping_sub(last);
            spans.least = spans.least.min(value);
            spans.most = spans.most.max(value);
            spans.least_delta = spans.least_delta.min(delta);
            spans.most_delta = spans.most_delta.max(delta);
            spans.sum = spans.sum.wrapping_add(value.wrapping_sub(first));
            spans.way = spans.way.wrapping_add(delta.unsigned_abs());
        }
        spans
    }
}

/// Whether the largest of `count` numbers is far above their mean; or may be, for all one can sum up.
fn stands_out(largest: u64, sum: u64, count: i64) -> bool {
    largest >> 56 != 0 || (largest >> 3) * count as u64 > sum
}

fn is_patched(codec: u8) -> bool {
    matches!(codec, OFFSET_PATCHED | DELTA_PATCHED)
}

/// The width at which `codes` are shortest with patches, and the bytes they take then. `None` where
/// none of them stands out.
pub(super) fn patched(codes: &[u64]) -> Option<(u32, usize)> {
    let most = codes.iter().copied().max()?;
    let widest = bits::width(most);
    let shift = if widest > 56 { 7 } else { 0 };
    let sum: u64 = codes.iter().map(|code| code >> shift).sum();
    if (most >> shift >> 3) * codes.len() as u64 <= sum {
        return None;
    }
    let mut counts = [0u32; 65];
    for &code in codes {
        counts[bits::width(code) as usize] += 1;
    }
    let mut best: Option<(u32, usize)> = None;
    let mut patches = 0;
    for width in (0..widest).rev() {
        patches += counts[width as usize + 1];
        if patches > PATCHES_MAX {
            break;
        }
        let high = |wide: u32| 1 + varint::len(bits::mask(wide - width));
        let wider = (width + 1..=widest).filter(|&wide| counts[wide as usize] > 0);
        let behind: usize = wider
            .map(|wide| counts[wide as usize] as usize * high(wide))
            .sum();
        let len = bits::len(codes.len(), width) + 1 + behind;
        if best.is_none_or(|(_, shortest)| len < shortest) {
            best = Some((width, len));
        }
    }
    best
}

/// Append how many of `codes` need more than `width` bits, and for each of them its place and the bits
/// above.
pub(super) fn push_patches(codes: &[u64], width: u32, out: &mut Vec<u8>) {
    let at = out.len();
    out.push(0);
    let mut count = 0;
    for (place, &code) in codes.iter().enumerate() {
        let high = code >> width;
        if high > 0 {
            out.push(place as u8);
            varint::push(high, out);
            count += 1;
        }
    }
    out[at] = count;
}

/// The patches of `count` codes, checked.
pub(super) fn take_patches<'a>(
    cursor: &mut Cursor<'a>,
    count: usize,
    width: u32,
) -> Result<&'a [u8], Corrupt> {
    let patches = cursor.byte()?;
    if usize::from(patches) > count || width >= 64 {
        return Err(Corrupt("there are more patches than values"));
    }
    let start = cursor.0;
    for _ in 0..patches {
        let place = cursor.byte()?;
        let high = cursor.varint()?;
        if usize::from(place) >= count || high.leading_zeros() < width {
            return Err(Corrupt("a patch lies outside of its group"));
        }
    }
    Ok(&start[..start.len() - cursor.0.len()])
}

/// Put patches, which [`take_patches`] gave, on their codes.
pub(super) fn apply_patches(patches: &[u8], width: u32, codes: &mut Codes) {
    let mut cursor = Cursor(patches);
    while let (Ok(place), Ok(high)) = (cursor.byte(), cursor.varint()) {
        if let Some(code) = codes.get_mut(usize::from(place)) {
            *code |= high << width;
        }
    }
}

/// Some integers as they are written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column<'a> {
    codec: u8,
    width: u32,
    /// The first or the least value.
    start: i64,
    least_delta: i64,
    packed: &'a [u8],
    patches: &'a [u8],
}

impl<'a> Column<'a> {
    /// The `count` integers, at least one, at the cursor.
    #[inline(always)]
    pub(super) fn take(
        cursor: &mut Cursor<'a>,
        codec: u8,
        width: u32,
        count: usize,
    ) -> Result<Column<'a>, Corrupt> {
        let mut column = Column {
            codec,
            width,
            start: cursor.signed()?,
            least_delta: 0,
            packed: &[],
            patches: &[],
        };
        let codes = match codec {
            CONSTANT if width == 0 => return Ok(column),
            OFFSET | OFFSET_PATCHED => count,
            DELTA | DELTA_PATCHED => count - 1,
            _ => return Err(Corrupt("a group has an unknown kind of values")),
        };
        if codec == DELTA {
            column.least_delta = cursor.signed()?;
        }
        column.packed = cursor.bytes(bits::len(codes, width))?;
        if is_patched(codec) {
            column.patches = take_patches(cursor, codes, width)?;
        }
        Ok(column)
    }

    /// The integer that all are, if that is how they are written.
    pub(super) fn constant(&self) -> Option<i64> {
        (self.codec == CONSTANT).then_some(self.start)
    }

    /// The bits of the integers, into the first `count` places.
    pub(super) fn unpack(&self, count: usize, room: &mut Codes) {
        let count = count.min(CODES_MAX);
        let packed = match self.codec {
            CONSTANT => return room[..count].fill(self.start as u64),
            OFFSET | OFFSET_PATCHED => count,
            _ => count - 1,
        };
        bits::unpack(self.packed, packed, self.width, room);
        if !self.patches.is_empty() {
            apply_patches(self.patches, self.width, room);
        }
        let codes = &mut room[..count];
        match self.codec {
            OFFSET | OFFSET_PATCHED => {
                for code in codes {
                    *code = code.wrapping_add(self.start as u64);
                }
            }
            DELTA => {
                let least = self.least_delta as u64;
                sum_up(codes, self.start, |code| least.wrapping_add(code));
            }
            _ => sum_up(codes, self.start, |code| unzigzag(code) as u64),
        }
    }
}

/// Put `start` before the codes, of which the last does not count, and make of each the sum so far.
#[inline(always)]
fn sum_up(codes: &mut [u64], start: i64, delta: impl Fn(u64) -> u64) {
    let mut next = start as u64;
    let (fours, rest) = codes.as_chunks_mut::<4>();
    for four in fours {
        // What is added up inside of them does not wait for those before.
        let [a, b, c, d] = four.map(&delta);
        let two = a.wrapping_add(b);
        let three = two.wrapping_add(c);
        *four = [0, a, two, three].map(|sum| next.wrapping_add(sum));
        next = next.wrapping_add(three.wrapping_add(d));
    }
    for code in rest {
        let behind = next.wrapping_add(delta(*code));
        *code = next;
        next = behind;
    }
}
