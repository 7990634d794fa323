//! The labels of a tree's nodes, each kept once.

use super::chunks::Chunks;
use super::table::{IDS_MAX, Table};
use crate::base::hash::Hasher;
use crate::model::series::NAME_BYTES_MAX;

/// Bits of a place that say where in its block a label begins.
const BLOCK_BITS: u32 = 18;
const BLOCK_BYTES: usize = 1 << BLOCK_BITS;
/// A label stands behind its length, two bytes.
const LENGTH_BYTES: usize = 2;
/// Blocks that a place of 32 bits can name.
const BLOCKS_MAX: usize = 1 << (32 - BLOCK_BITS);

const _: () =
    assert!(NAME_BYTES_MAX <= u16::MAX as usize && NAME_BYTES_MAX + LENGTH_BYTES <= BLOCK_BYTES);

/// Distinct texts and their dense numbers.
pub(super) struct Labels {
    hasher: Hasher,
    texts: Texts,
    table: Table,
}

/// The texts by number.
#[derive(Default)]
struct Texts {
    /// None goes over the end of its block.
    blocks: Vec<Vec<u8>>,
    /// Where each begins.
    places: Chunks<u32>,
}

impl Labels {
    pub(super) fn new(seed: u64) -> Labels {
        Labels {
            hasher: Hasher::new(seed),
            texts: Texts::default(),
            table: Table::default(),
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> u32 {
        self.texts.places.len()
    }

    /// Whether all labels of one more name find room.
    pub(super) fn has_room(&self, labels: u32) -> bool {
        self.len() + labels <= IDS_MAX && self.texts.blocks.len() < BLOCKS_MAX
    }

    /// The text of a label that [`Labels::intern`] numbered.
    #[inline]
    pub(super) fn text(&self, label: u32) -> &str {
        std::str::from_utf8(self.texts.of(label)).unwrap_or_default()
    }

    /// The number of a text, if it has one.
    pub(super) fn find(&self, text: &str) -> Option<u32> {
        self.find_hashed(text, hash(&self.hasher, text.as_bytes()))
    }

    fn find_hashed(&self, text: &str, hash: u64) -> Option<u32> {
        self.table
            .find(hash, |label| self.texts.of(label) == text.as_bytes())
    }

    /// The number of a text of at most [`NAME_BYTES_MAX`] bytes; `None` when there is no room for
    /// a new one.
    pub(super) fn intern(&mut self, text: &str) -> Option<u32> {
        let text_hash = hash(&self.hasher, text.as_bytes());
        if let Some(known) = self.find_hashed(text, text_hash) {
            return Some(known);
        }
        if self.len() == IDS_MAX {
            return None;
        }
        let label = self.texts.push(text)?;
        let (hasher, texts) = (&self.hasher, &self.texts);
        self.table
            .insert(label, text_hash, |label| hash(hasher, texts.of(label)));
        Some(label)
    }

    /// Bytes in use.
    pub(super) fn bytes(&self) -> usize {
        self.texts.bytes() + self.table.bytes()
    }
}

fn hash(hasher: &Hasher, text: &[u8]) -> u64 {
    hasher.hash(text) as u64
}

impl Texts {
    #[inline]
    fn of(&self, label: u32) -> &[u8] {
        let place = self.places.get(label);
        let block = &self.blocks[(place >> BLOCK_BITS) as usize];
        let tail = &block[place as usize % BLOCK_BYTES..];
        let length = usize::from(u16::from_le_bytes([tail[0], tail[1]]));
        &tail[LENGTH_BYTES..LENGTH_BYTES + length]
    }

    fn push(&mut self, text: &str) -> Option<u32> {
        let length = u16::try_from(text.len()).ok()?;
        let needed = LENGTH_BYTES + text.len();
        let last = self.blocks.last().map_or(BLOCK_BYTES, Vec::len);
        if last + needed > BLOCK_BYTES {
            if self.blocks.len() == BLOCKS_MAX || needed > BLOCK_BYTES {
                return None;
            }
            // Only the first block grows like a `Vec`, so that a small tree is small.
            let room = if self.blocks.is_empty() {
                0
            } else {
                BLOCK_BYTES
            };
            self.blocks.push(Vec::with_capacity(room));
        }
        let number = self.blocks.len() - 1;
        let block = self.blocks.last_mut()?;
        let place = (number << BLOCK_BITS | block.len()) as u32;
        block.extend_from_slice(&length.to_le_bytes());
        block.extend_from_slice(text.as_bytes());
        Some(self.places.push(place))
    }

    fn bytes(&self) -> usize {
        let blocks: usize = self.blocks.iter().map(Vec::capacity).sum();
        blocks + self.places.bytes()
    }
}
