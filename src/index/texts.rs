//! Names, one behind the other in large blocks: no allocation and no more than 7 bytes of padding
//! a name.

/// Where a text is: in units of 8 bytes from the start, so that 32 GiB fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place(u32);

const BLOCK_BYTES: usize = 1 << 20;
const UNIT: usize = 8;

/// All texts of an index.
#[derive(Default)]
pub(super) struct Texts {
    blocks: Vec<Vec<u8>>,
}

impl Texts {
    /// Keep `text`, which is shorter than a block (1 MiB).
    pub(super) fn push(&mut self, text: &[u8]) -> Place {
        assert!(text.len() < BLOCK_BYTES);
        let room = self
            .blocks
            .last()
            .map_or(0, |block| BLOCK_BYTES - block.len());
        if room < text.len().next_multiple_of(UNIT) {
            self.blocks.push(Vec::with_capacity(BLOCK_BYTES));
        }
        let number = self.blocks.len() - 1;
        let block = &mut self.blocks[number];
        let place = Place(((number * BLOCK_BYTES + block.len()) / UNIT) as u32);
        block.extend_from_slice(text);
        block.resize(block.len().next_multiple_of(UNIT), 0);
        place
    }

    /// The `len` bytes at `place`.
    #[inline]
    pub(super) fn get(&self, place: Place, len: usize) -> &[u8] {
        let at = place.0 as usize * UNIT;
        &self.blocks[at / BLOCK_BYTES][at % BLOCK_BYTES..at % BLOCK_BYTES + len]
    }

    /// Bytes of memory.
    pub(super) fn bytes(&self) -> usize {
        self.blocks.len() * BLOCK_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_stay_where_they_are() {
        let mut texts = Texts::default();
        let names: Vec<String> = (0..60_000)
            .map(|i| format!("dc1.h{i:06}.cpu.{}", "x".repeat(i % 50)))
            .collect();
        let places: Vec<Place> = names
            .iter()
            .map(|name| texts.push(name.as_bytes()))
            .collect();
        for (name, place) in names.iter().zip(places) {
            assert_eq!(texts.get(place, name.len()), name.as_bytes());
        }
    }
}
