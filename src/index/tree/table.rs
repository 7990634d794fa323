//! An open-addressing set of ids, whose keys lie elsewhere.

/// Bits of an id. The other bits of an entry repeat a part of the hash, so that a probe seldom has
/// to look at a key that is not the wanted one.
const ID_BITS: u32 = 26;
/// Ids that a table can hold: `0..IDS_MAX`. The last value is kept free for [`EMPTY`].
pub(super) const IDS_MAX: u32 = (1 << ID_BITS) - 1;
const EMPTY: u32 = u32::MAX;
/// The table is this many small ones, chosen by the hash: one of them growing stops the shard for
/// a hundredth of the time that growing all at once would take.
const PARTS: usize = 256;
const PART_SLOTS_MIN: usize = 8;

/// One of the small tables: a power of two of slots, or none.
#[derive(Clone, Default)]
struct Part {
    slots: Vec<u32>,
    used: u32,
}

/// A set of ids found by hash and by a comparison that the caller makes.
pub(super) struct Table {
    parts: Vec<Part>,
}

impl Default for Table {
    fn default() -> Self {
        Table {
            parts: vec![Part::default(); PARTS],
        }
    }
}

fn entry(id: u32, hash: u64) -> u32 {
    id | ((hash >> 40) as u32) << ID_BITS
}

fn part_of(hash: u64) -> usize {
    (hash >> 56) as usize
}

impl Table {
    /// The id of this hash for which `equal` holds.
    #[inline]
    pub(super) fn find(&self, hash: u64, equal: impl Fn(u32) -> bool) -> Option<u32> {
        let part = &self.parts[part_of(hash)];
        let mask = part.slots.len().wrapping_sub(1);
        let mut slot = hash as usize & mask;
        let wanted = entry(0, hash);
        loop {
            match part.slots.get(slot) {
                None | Some(&EMPTY) => return None,
                Some(&found) => {
                    let id = found & IDS_MAX;
                    if found & !IDS_MAX == wanted && equal(id) {
                        return Some(id);
                    }
                }
            }
            slot = (slot + 1) & mask;
        }
    }

    /// Add an id that is not in the table. `hash_of` gives the hash of any id in it.
    pub(super) fn insert(&mut self, id: u32, hash: u64, hash_of: impl Fn(u32) -> u64) {
        let part = &mut self.parts[part_of(hash)];
        if part.used as usize * 8 >= part.slots.len() * 7 {
            part.grow(hash_of);
        }
        part.place(id, hash);
        part.used += 1;
    }

    /// Bytes in use.
    pub(super) fn bytes(&self) -> usize {
        let slots: usize = self.parts.iter().map(|part| part.slots.capacity()).sum();
        slots * size_of::<u32>() + PARTS * size_of::<Part>()
    }
}

impl Part {
    fn grow(&mut self, hash_of: impl Fn(u32) -> u64) {
        let slots = (self.slots.len() * 2).max(PART_SLOTS_MIN);
        let old = std::mem::replace(&mut self.slots, vec![EMPTY; slots]);
        for found in old.into_iter().filter(|&found| found != EMPTY) {
            let id = found & IDS_MAX;
            self.place(id, hash_of(id));
        }
    }

    fn place(&mut self, id: u32, hash: u64) {
        let mask = self.slots.len() - 1;
        let mut slot = hash as usize & mask;
        while self.slots[slot] != EMPTY {
            slot = (slot + 1) & mask;
        }
        self.slots[slot] = entry(id, hash);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_put_in_and_nothing_else() {
        for spread in [1u64, 1 << 20, 0x9e37_79b9_7f4a_7c15] {
            let hash_of = |id: u32| u64::from(id / 3).wrapping_mul(spread);
            let mut table = Table::default();
            let count = if spread == 1 { 600 } else { 30_000 };
            for id in 0..count {
                assert_eq!(table.find(hash_of(id), |found| found == id), None);
                table.insert(id, hash_of(id), hash_of);
            }
            for id in 0..count {
                assert_eq!(table.find(hash_of(id), |found| found == id), Some(id));
            }
            assert_eq!(
                table.find(hash_of(count + 3), |found| found == count + 3),
                None
            );
        }
    }
}
