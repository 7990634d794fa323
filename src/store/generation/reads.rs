//! When each read of an ordered generation arrived.
//!
//! Takes rising stamps and gives each a number; gives the stamp back for the number. Kept in chunks of
//! four bytes a read, each with the stamp that it counts from.

use crate::base::time::Stamp;

/// Reads of a chunk.
const CHUNK: usize = 4096;
/// So that each number fits into 32 bits.
const CHUNKS_MAX: usize = 1 << 20;

#[derive(Debug)]
struct Chunk {
    base: u64,
    since: Vec<u32>,
}

/// The stamps of a generation's reads.
#[derive(Debug, Default)]
pub(super) struct Reads {
    chunks: Vec<Chunk>,
    last: u64,
}

impl Reads {
    /// The number of the read with this stamp, which is the last one or a later one.
    pub(super) fn number(&mut self, stamp: Stamp) -> u32 {
        if let Some(last) = self.newest()
            && (stamp.0 <= self.last || !self.has_room(stamp.0))
        {
            return last;
        }
        self.last = stamp.0;
        let full = self.chunks.last().is_none_or(|chunk| {
            chunk.since.len() == CHUNK || u32::try_from(stamp.0 - chunk.base).is_err()
        });
        if full {
            self.chunks.push(Chunk {
                base: stamp.0,
                since: Vec::with_capacity(CHUNK),
            });
        }
        if let Some(chunk) = self.chunks.last_mut() {
            chunk.since.push((stamp.0 - chunk.base) as u32);
        }
        self.newest().unwrap_or_default()
    }

    /// Beyond 2^32 reads all later ones share the last number.
    fn has_room(&self, stamp: u64) -> bool {
        self.chunks.len() < CHUNKS_MAX
            || self.chunks.last().is_some_and(|chunk| {
                chunk.since.len() < CHUNK && u32::try_from(stamp - chunk.base).is_ok()
            })
    }

    fn newest(&self) -> Option<u32> {
        let chunk = self.chunks.last()?;
        Some(((self.chunks.len() - 1) * CHUNK + chunk.since.len() - 1) as u32)
    }

    /// The stamp of a read that was given this number.
    #[inline]
    pub(super) fn stamp(&self, number: u32) -> u64 {
        let chunk = self.chunks.get(number as usize / CHUNK);
        chunk.map_or(self.last, |chunk| {
            let since = chunk.since.get(number as usize % CHUNK);
            since.map_or(self.last, |&since| chunk.base + u64::from(since))
        })
    }

    /// Append to `out` the stamps of reads, whose numbers ascend.
    pub(super) fn extend(&self, numbers: &[u32], out: &mut Vec<u64>) {
        let (Some(&first), Some(&last)) = (numbers.first(), numbers.last()) else {
            return;
        };
        match self.chunks.get(first as usize / CHUNK) {
            Some(Chunk { base, since }) if first as usize / CHUNK == last as usize / CHUNK => {
                out.extend(numbers.iter().map(|&number| {
                    let since = since.get(number as usize % CHUNK).copied();
                    base + u64::from(since.unwrap_or_default())
                }));
            }
            _ => out.extend(numbers.iter().map(|&number| self.stamp(number))),
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.chunks.len() * (CHUNK * size_of::<u32>() + size_of::<Chunk>())
    }

    pub(super) fn clear(&mut self) {
        *self = Reads::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;

    #[test]
    fn numbers_rise_and_lead_back() {
        let mut random = Random::new(3);
        let (mut reads, mut stamp, mut given) = (Reads::default(), 1 << 40, Vec::new());
        for _ in 0..20_000 {
            stamp += match random.below(1000) {
                0 => 1 << 33,
                1..=99 => 0,
                _ => random.below(5000),
            };
            given.push((reads.number(Stamp(stamp)), stamp));
        }
        assert!(
            given
                .windows(2)
                .all(|two| (two[0].0 < two[1].0) == (two[0].1 < two[1].1))
        );
        assert!(
            given
                .iter()
                .all(|&(number, stamp)| reads.stamp(number) == stamp)
        );
        for some in given.chunks(90) {
            let numbers: Vec<u32> = some.iter().map(|given| given.0).collect();
            let mut stamps = Vec::new();
            reads.extend(&numbers, &mut stamps);
            assert!(some.iter().map(|given| given.1).eq(stamps));
        }
        assert!(reads.bytes() < 30 * CHUNK * 5);
    }
}
