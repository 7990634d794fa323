//! Blocks of 128 bytes, shared by all generations of a shard.
//!
//! Takes and gives blocks by number. Bounded in bytes; grows by chunks, so that growing copies nothing,
//! and takes what was given back before it grows. Knows nothing of series.

use crate::model::number::Number;
use crate::simd;

/// No block.
pub(super) const NONE: u32 = u32::MAX;

/// Bytes of points in a block.
pub(super) const PAYLOAD: usize = 96;

/// Blocks that are allocated at a time: 512 KiB, whose pages cost about 100 us to touch.
const CHUNK_BITS: u32 = 12;
const CHUNK: usize = 1 << CHUNK_BITS;

/// Points of one series that arrived one after another.
///
/// While it is the last of its series, its last bytes and what is known of its points are in the tail; they
/// come here when the next one is begun.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(128))]
pub(super) struct Block {
    /// The points; see [`super::unpack`].
    pub payload: [u8; PAYLOAD],
    /// Time of the first point.
    pub base_time: i64,
    /// Mantissa that the first value is told from.
    pub mantissa: i64,
    /// The block that was begun after it.
    pub next: u32,
    /// The block that was begun before it.
    pub previous: u32,
    /// Milliseconds from the first point to where the second is expected.
    pub step: u32,
    /// Scale that the first value is told from; [`TIMED`], [`ORDERED`], [`EVEN`].
    form: u8,
    /// Points.
    pub count: u8,
    /// All its times are less than two to this power behind the first.
    pub ahead: u8,
    /// And less than two to this power before it.
    pub behind: u8,
}

/// In a block's form: each point but the first says how far from its expected time it is.
const TIMED: u8 = 0x80;
/// And: each point says its read.
const ORDERED: u8 = 0x40;
/// And: each point but the first came at its expected time. Only of blocks that are not the last any more.
const EVEN: u8 = 0x20;
const _: () = assert!(Number::SCALE_MAX < EVEN);

impl Block {
    const EMPTY: Block = Block {
        payload: [0; PAYLOAD],
        base_time: 0,
        mantissa: 0,
        next: NONE,
        previous: NONE,
        step: 0,
        form: 0,
        count: 0,
        ahead: 0,
        behind: 0,
    };

    /// Set the scale that the first value is told from, and whether all points tell their times, and their
    /// reads.
    pub(super) fn set_form(&mut self, scale: u8, timed: bool, ordered: bool) {
        self.form = scale | if timed { TIMED } else { 0 } | if ordered { ORDERED } else { 0 };
    }

    pub(super) fn scale(&self) -> u8 {
        self.form & !(TIMED | ORDERED | EVEN)
    }

    /// Note that it is even.
    pub(super) fn set_even(&mut self) {
        self.form |= EVEN;
    }

    pub(super) fn is_even(&self) -> bool {
        self.form & EVEN != 0
    }

    pub(super) fn is_timed(&self) -> bool {
        self.form & TIMED != 0
    }

    pub(super) fn is_ordered(&self) -> bool {
        self.form & ORDERED != 0
    }
}

/// Blocks for all generations of a shard.
#[derive(Debug)]
pub struct Pool {
    chunks: Vec<Box<[Block; CHUNK]>>,
    /// The first of the blocks that were given back; `next` leads to the others.
    free: u32,
    /// Blocks that were taken at least once.
    touched: usize,
    used: usize,
    /// Bytes of other things of the generations.
    others: usize,
    bytes_max: usize,
    lifted: bool,
}

impl Pool {
    /// Bytes of a block.
    pub const BLOCK_BYTES: usize = size_of::<Block>();

    /// An empty pool that holds at most `bytes_max`.
    pub fn new(bytes_max: usize) -> Pool {
        Pool {
            chunks: Vec::new(),
            free: NONE,
            touched: 0,
            used: 0,
            others: 0,
            bytes_max,
            lifted: false,
        }
    }

    /// Whether the bound does not hold for now.
    pub(in crate::store) fn lift(&mut self, lifted: bool) {
        self.lifted = lifted;
    }

    fn room(&self) -> usize {
        let bound = if self.lifted {
            usize::MAX
        } else {
            self.bytes_max
        };
        bound.saturating_sub(self.bytes())
    }

    /// Bytes in use: blocks, and what else the generations count here.
    pub fn bytes(&self) -> usize {
        self.used * Self::BLOCK_BYTES + self.others
    }

    /// Most bytes in use.
    pub fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    /// Count `bytes` of something else, if there is room.
    pub(super) fn take_bytes(&mut self, bytes: usize) -> bool {
        let room = self.room();
        self.others += if bytes <= room { bytes } else { 0 };
        bytes <= room
    }

    /// They are no more.
    pub(super) fn give_bytes_back(&mut self, bytes: usize) {
        self.others -= bytes;
    }

    /// Bytes that it took from the system; they stay with it.
    pub fn bytes_allocated(&self) -> usize {
        self.chunks.len() * CHUNK * Self::BLOCK_BYTES
    }

    #[inline]
    pub(super) fn get(&self, number: u32) -> Option<&Block> {
        let chunk = self.chunks.get((number >> CHUNK_BITS) as usize)?;
        Some(&chunk[number as usize % CHUNK])
    }

    #[inline]
    pub(super) fn get_mut(&mut self, number: u32) -> Option<&mut Block> {
        let chunk = self.chunks.get_mut((number >> CHUNK_BITS) as usize)?;
        Some(&mut chunk[number as usize % CHUNK])
    }

    /// A block with anything in it, or `None` where all are in use.
    pub(super) fn take(&mut self) -> Option<u32> {
        let room = self.room();
        if room < Self::BLOCK_BYTES || self.used == NONE as usize {
            return None;
        }
        self.used += 1;
        if let Some(next) = self.get(self.free).map(|block| block.next) {
            let number = std::mem::replace(&mut self.free, next);
            if let Some(soon) = self.get(self.free) {
                simd::prefetch(&soon.base_time);
            }
            return Some(number);
        }
        if self.touched == self.chunks.len() * CHUNK {
            let chunk = vec![Block::EMPTY; CHUNK].into_boxed_slice();
            self.chunks.extend(chunk.try_into().ok());
        }
        self.touched += 1;
        Some((self.touched - 1) as u32)
    }

    /// Give back `count` blocks that `next` leads through, from `first` to `last`.
    pub(super) fn give_back(&mut self, first: u32, last: u32, count: usize) {
        let free = self.free;
        if let Some(block) = self.get_mut(last) {
            block.next = free;
            self.free = first;
            self.used -= count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_bounded_and_used_again() {
        assert_eq!(Pool::BLOCK_BYTES, 128);
        let mut pool = Pool::new(10 * 128 + 127);
        let taken: Vec<u32> = std::iter::from_fn(|| pool.take()).collect();
        assert_eq!((taken.len(), pool.bytes()), (10, 10 * 128));
        for pair in taken.windows(2) {
            if let Some(block) = pool.get_mut(pair[0]) {
                block.next = pair[1];
            }
        }
        pool.give_back(taken[2], taken[5], 4);
        assert_eq!(pool.bytes(), 6 * 128);
        let mut again: Vec<u32> = std::iter::from_fn(|| pool.take()).collect();
        again.sort();
        assert_eq!(again, taken[2..6]);
        assert_eq!(pool.bytes_allocated(), CHUNK * 128);
    }

    #[test]
    fn a_chunk_more_moves_nothing() {
        let mut pool = Pool::new(usize::MAX);
        let first = pool.take().expect("room");
        let place = std::ptr::from_ref(pool.get(first).expect("a block"));
        for _ in 0..2 * CHUNK {
            pool.take().expect("room");
        }
        assert_eq!(pool.bytes_allocated(), 3 * CHUNK * 128);
        assert_eq!(place, std::ptr::from_ref(pool.get(first).expect("a block")));
        assert!(pool.get(NONE).is_none());
    }
}
