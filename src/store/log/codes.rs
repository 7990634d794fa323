//! Values of a block as bits: most tokens are whole numbers of few bits, and of how few is much the same in
//! block after block.
//!
//! A code has one of a few widths, its *class*. In front of it stand as many ones as there are classes before
//! its own, and a zero. As many ones as there are classes say that the token stands among the values, byte by
//! byte. Decimals that are told from nothing, such as the first of each series, have classes of their own:
//! one for each scale that was seen, behind all others, where they cost these nothing.
//!
//! Which widths pay is told from a sample of the blocks before; each block says which it has, so it can be
//! read alone.

mod classes;
mod coded;
#[cfg(test)]
mod tests;

use self::classes::{ALONE_MAX, BITS_MAX, Class, Classes, WIDTH_MAX};
use crate::base::varint;
use crate::store::token::{self, Token};

pub(super) use self::classes::HEAD_BYTES_MAX;
pub(super) use self::coded::{Code, Coded};

/// Bytes that one store writes.
const STORE_BYTES: usize = 8;

/// Points of one block that are looked at, and points between two plans: few until the first.
const SAMPLED: usize = 2048;
const PLANNED_FIRST: usize = 1000;
const PLANNED_MOST: usize = 1 << 18;
/// If one point in so many was too wide for any class, they are planned at once.
const UNFIT_WORTH: usize = 8;

/// The classes of differences as long as nothing is known.
const FIRST_WIDTHS: [u8; 4] = [7, 0, 14, 28];

/// How many codes have so many bits.
type Sample = [u32; WIDTH_MAX as usize + 1];

/// How a token is written.
#[derive(Clone, Copy, Debug, Default)]
struct Way {
    /// The ones and the zero in front, and how many these are.
    lead: u16,
    lead_bits: u8,
    /// Bits of all. None where it stands among the values.
    bits: u8,
}

/// Tokens that wait to be packed at one go: that keeps what packing needs in registers.
const PENDING: usize = 128;
/// Most bytes that one of them takes.
const PENDING_BYTES_MAX: usize = 9;
/// Where the number of its way stands in a token that waits, above its code. Ways of differences are numbered
/// by the bits of their codes; behind [`ALONE_WAYS`] come those of scales.
const WAY_AT: u32 = 56;
const ALONE_WAYS: usize = 64;
const WAYS: usize = 128;

/// The tokens of a batch.
#[derive(Debug)]
pub(super) struct Codes {
    classes: Classes,
    ways: [Way; WAYS],
    pending: [u64; PENDING],
    pending_len: usize,
    bytes: Vec<u8>,
    len: usize,
    /// Bits that did not fill a byte.
    word: u64,
    filled: u32,
    /// Tokens without a code.
    values: Vec<u8>,
    /// Widths of what was told from nothing, by scale, since the classes were planned; and whether one was
    /// wider than its class, or had none.
    alone: [Option<u8>; token::SCALES],
    alone_is_new: bool,
    sample: Sample,
    sampled: usize,
    /// Of this block so many more are looked at.
    sample_left: usize,
    /// Of this block so many were too wide for any class.
    unfit: usize,
    /// Points since the classes were planned, and at how many they are again.
    points: usize,
    planned_at: usize,
}

impl Codes {
    /// Room for so many bytes.
    pub(super) fn new(bytes: usize) -> Codes {
        let mut codes = Codes {
            classes: Classes::of(&FIRST_WIDTHS),
            ways: [Way::default(); WAYS],
            pending: [0; PENDING],
            pending_len: 0,
            bytes: vec![0; bytes + STORE_BYTES],
            len: 0,
            word: 0,
            filled: 0,
            values: Vec::new(),
            alone: [None; token::SCALES],
            alone_is_new: false,
            sample: [0; WIDTH_MAX as usize + 1],
            sampled: 0,
            sample_left: SAMPLED,
            unfit: 0,
            points: 0,
            planned_at: PLANNED_FIRST,
        };
        codes.set(Classes::of(&FIRST_WIDTHS));
        codes
    }

    fn set(&mut self, classes: Classes) {
        self.classes = classes;
        let way = |(rank, bits): (u32, u32)| Way {
            lead: (1 << rank) - 1,
            lead_bits: rank as u8 + 1,
            bits: bits as u8,
        };
        let (plain, alone) = self.ways.split_at_mut(ALONE_WAYS);
        for (bits, place) in (0..).zip(plain) {
            *place = classes.best(bits).map(way).unwrap_or_default();
        }
        for (scale, place) in (0..).zip(alone) {
            *place = classes.best_alone(scale, 0).map(way).unwrap_or_default();
        }
    }

    /// Add a token.
    pub(super) fn push_token(&mut self, token: &Token) {
        match (token.code(), token.decimal_alone()) {
            (Some(code), _) if code >> WIDTH_MAX == 0 => self.push(code),
            (_, Some((scale, code))) if self.has_class(scale, code) => {
                self.pend(code, ALONE_WAYS as u64 + u64::from(scale));
            }
            _ => self.push_value(|values| values.extend_from_slice(token.bytes())),
        }
    }

    /// [`Codes::push_token`] of the varint of `code`, which has at most [`WIDTH_MAX`] bits.
    #[inline(always)]
    pub(super) fn push(&mut self, code: u64) {
        self.pend(code, u64::from(u64::BITS - code.leading_zeros()));
    }

    /// Add a token that has no code: what `push` appends.
    pub(super) fn push_value(&mut self, push: impl FnOnce(&mut Vec<u8>)) {
        self.pack();
        let count = u32::from(self.classes.count);
        let mut bits = Bits::of(self);
        bits.put((1 << count) - 1, count, &mut self.bytes);
        bits.keep(self);
        push(&mut self.values);
    }

    /// Whether the code of a decimal that is told from nothing has a class. If not, it soon has.
    fn has_class(&mut self, scale: u8, code: u64) -> bool {
        let bits = u64::BITS - code.leading_zeros();
        if WIDTH_MAX < bits {
            return false;
        }
        let widest = self.alone.get_mut(usize::from(scale));
        widest
            .into_iter()
            .for_each(|widest| *widest = (*widest).max(Some(bits as u8)));
        let found = self.classes.best_alone(scale, bits).is_some();
        self.alone_is_new |= !found;
        found
    }

    #[inline(always)]
    fn pend(&mut self, code: u64, way: u64) {
        if let Some(place) = self.pending.get_mut(self.pending_len) {
            *place = code | way << WAY_AT;
            self.pending_len += 1;
        }
        if self.pending_len == PENDING {
            self.pack();
        }
    }

    /// Pack what waits.
    #[inline(never)]
    pub(super) fn pack(&mut self) {
        let Some(pending) = self.pending.get(..self.pending_len) else {
            return;
        };
        for &token in pending.iter().take(self.sample_left) {
            let count = self.sample.get_mut((token >> WAY_AT) as usize);
            count.into_iter().for_each(|count| *count += 1);
        }
        self.sampled += pending.len().min(self.sample_left);
        self.sample_left = self.sample_left.saturating_sub(pending.len());
        let mut bits = Bits::of(self);
        for &token in pending {
            let code = token & ((1 << WAY_AT) - 1);
            let way = self.ways[(token >> WAY_AT) as usize % WAYS];
            if way.bits == 0 {
                let count = u32::from(self.classes.count);
                bits.put((1 << count) - 1, count, &mut self.bytes);
                varint::push(code, &mut self.values);
                self.unfit += 1;
                continue;
            }
            let coded = code << way.lead_bits | u64::from(way.lead);
            bits.put(coded, u32::from(way.bits), &mut self.bytes);
        }
        bits.keep(self);
        self.pending_len = 0;
    }

    /// Bytes that they take, or a few more.
    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        let packed = self.len + usize::from(self.filled > 0);
        packed + self.values.len() + self.pending_len * PENDING_BYTES_MAX
    }

    /// Tokens without a code. All must be packed.
    pub(super) fn values(&self) -> &[u8] {
        &self.values
    }

    /// Append the codes of all points, at least one, as a section has them. All must be packed.
    pub(super) fn push_to(&self, out: &mut Vec<u8>) {
        self.classes.push(out);
        let len = self.len + usize::from(self.filled > 0);
        out.extend_from_slice(&self.bytes[..len]);
    }

    /// Bytes of [`Codes::push_to`].
    pub(super) fn section_bytes(&self) -> usize {
        self.classes.bytes() + self.len + usize::from(self.filled > 0)
    }

    /// Begin again behind a block of `points`; the next is thought to be like it.
    pub(super) fn clear(&mut self, points: usize) {
        (self.len, self.word, self.filled, self.pending_len) = (0, 0, 0, 0);
        self.values.clear();
        self.points += points;
        let is_due = self.planned_at <= self.points || points < self.unfit * UNFIT_WORTH;
        self.unfit = 0;
        if is_due && PLANNED_FIRST <= self.sampled {
            self.set(self.with_alone(Classes::plan(&self.sample)));
            self.sample.iter_mut().for_each(|count| *count /= 2);
            self.alone = [None; token::SCALES];
            (self.points, self.sampled) = (0, 0);
            self.planned_at = (self.planned_at * 4).min(PLANNED_MOST);
        } else if self.alone_is_new {
            let widths: Vec<u8> = self.classes.plain().collect();
            self.set(self.with_alone(Classes::of(&widths)));
        }
        self.alone_is_new = false;
        self.sample_left = if self.sampled < SAMPLED { SAMPLED } else { 0 };
    }
}

/// Where bits go: what [`Codes`] knows of it, apart from it while many are put.
struct Bits {
    len: usize,
    word: u64,
    filled: u32,
}

impl Bits {
    fn of(codes: &Codes) -> Bits {
        Bits {
            len: codes.len,
            word: codes.word,
            filled: codes.filled,
        }
    }

    fn keep(self, codes: &mut Codes) {
        (codes.len, codes.word, codes.filled) = (self.len, self.word, self.filled);
    }

    /// Add at most [`BITS_MAX`] bits.
    #[inline(always)]
    fn put(&mut self, bits: u64, count: u32, bytes: &mut [u8]) {
        let word = self.word | bits << self.filled;
        if let Some(place) = bytes.get_mut(self.len..).and_then(<[u8]>::first_chunk_mut) {
            *place = word.to_le_bytes();
        }
        let filled = self.filled + count;
        self.len += filled as usize / 8;
        self.word = word >> (filled & 56);
        self.filled = filled % 8;
    }
}

impl Codes {
    /// `plain`, and the classes of what was told from nothing lately, or else before.
    fn with_alone(&self, mut plain: Classes) -> Classes {
        let before = |scale| {
            let class = self
                .classes
                .all()
                .iter()
                .find(|class| class.scale == Some(scale));
            class.map(|class| class.width)
        };
        let seen = (0..).zip(self.alone);
        let widths = seen.map(|(scale, seen)| (scale, seen, before(scale)));
        let mut widths: Vec<(u8, Option<u8>, Option<u8>)> = widths.collect();
        widths.retain(|(_, seen, before)| seen.or(*before).is_some());
        // Those that were seen stay.
        widths.sort_by_key(|(_, seen, _)| seen.is_none());
        for &(scale, seen, before) in widths.iter().take(ALONE_MAX) {
            let width = seen.or(before).unwrap_or_default();
            if plain.count as u32 + 1 + u32::from(width) <= BITS_MAX {
                plain.add(Class {
                    width,
                    scale: Some(scale),
                });
            }
        }
        plain
    }
}
