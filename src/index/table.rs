//! From a 128-bit hash to a series, in 16 bytes a slot and one cache line a probe.
//!
//! Open addressing, linear probing. A slot keeps the upper 104 bits of the hash and the series'
//! number plus one in the lower 24; the position in the table stands for the bits that are not kept.
//! At 10 million series two names meet by chance once in 10^24 tables.

use crate::model::series::SeriesId;
use crate::simd;

/// Series a table can tell apart: what 24 bits hold, less the mark of an empty slot.
pub(super) const SERIES_MAX: u32 = (1 << 24) - 2;

const ID_BITS: u128 = (1 << 24) - 1;
const EMPTY: u128 = 0;
const SLOTS_MIN: usize = 1024;

/// Maps hashes to series.
pub(super) struct Table {
    slots: Vec<u128>,
    len: usize,
}

impl Default for Table {
    fn default() -> Self {
        Table {
            slots: vec![EMPTY; SLOTS_MIN],
            len: 0,
        }
    }
}

impl Table {
    /// Bytes of memory.
    pub(super) fn bytes(&self) -> usize {
        self.slots.len() * size_of::<u128>()
    }

    /// The series of `hash`.
    #[inline]
    pub(super) fn get(&self, hash: u128) -> Option<SeriesId> {
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let slot = self.slots[at & mask];
            if slot == EMPTY {
                return None;
            }
            if (slot ^ hash) & !ID_BITS == 0 {
                return Some(SeriesId((slot & ID_BITS) as u32 - 1));
            }
            at += 1;
        }
    }

    /// Ask for the memory that `get(hash)` will read.
    #[inline]
    pub(super) fn prefetch(&self, hash: u128) {
        simd::prefetch(&self.slots[hash as usize & (self.slots.len() - 1)]);
    }

    /// Whether the next entry needs a larger table first: see [`Table::grown`].
    pub(super) fn is_full(&self) -> bool {
        self.slots.len() * 3 / 4 <= self.len
    }

    /// A table of twice the size with the same entries. The caller gives them again, with their whole
    /// hashes, because the slots do not keep the bits that their positions stand for.
    pub(super) fn grown(&self, entries: impl Iterator<Item = (u128, SeriesId)>) -> Table {
        let mut larger = Table {
            slots: vec![EMPTY; self.slots.len() * 2],
            len: 0,
        };
        entries.for_each(|(hash, id)| larger.insert(hash, id));
        larger
    }

    /// Add an entry for a hash that has none, to a table that is not full.
    pub(super) fn insert(&mut self, hash: u128, id: SeriesId) {
        assert!(id.0 < SERIES_MAX && self.len < self.slots.len());
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        while self.slots[at] != EMPTY {
            at = (at + 1) & mask;
        }
        self.slots[at] = (hash & !ID_BITS) | u128::from(id.0 + 1);
        self.len += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;

    #[test]
    fn finds_what_was_put_and_nothing_else() {
        let mut random = Random::new(1);
        let mut hash = || u128::from(random.next_u64()) << 64 | u128::from(random.next_u64());
        let entries: Vec<(u128, SeriesId)> = (0..5_000).map(|i| (hash(), SeriesId(i))).collect();
        let mut table = Table::default();
        for (i, &(hash, id)) in entries.iter().enumerate() {
            if table.is_full() {
                table = table.grown(entries[..i].iter().copied());
            }
            assert_eq!(table.get(hash), None);
            table.insert(hash, id);
        }
        assert_eq!(table.len, entries.len());
        for &(hash, id) in &entries {
            assert_eq!(table.get(hash), Some(id));
            assert_eq!(
                table.get(hash ^ (1 << 24)),
                None,
                "a neighbour in the kept bits"
            );
        }
    }

    #[test]
    fn a_crowded_home_overflows_to_its_neighbours() {
        let mut table = Table::default();
        let hashes: Vec<u128> = (1..40u128)
            .map(|i| i << 24 | (SLOTS_MIN as u128 - 1))
            .collect();
        for (i, &hash) in hashes.iter().enumerate() {
            table.insert(hash, SeriesId(i as u32));
        }
        for (i, &hash) in hashes.iter().enumerate() {
            assert_eq!(table.get(hash), Some(SeriesId(i as u32)));
        }
    }
}
