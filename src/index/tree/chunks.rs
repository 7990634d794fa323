//! A list that grows without ever copying what it holds.

/// Bits of an index that say where in its chunk an item lies.
const CHUNK_BITS: u32 = 16;
/// Items of a chunk.
const CHUNK_ITEMS: usize = 1 << CHUNK_BITS;

/// Items in chunks of 65,536. A `Vec` of a million nodes would hold two copies of them while it
/// doubles, and stop its shard for as long as the copying takes. Only the first chunk grows like
/// a `Vec`, so that a small list is small.
pub(super) struct Chunks<T> {
    chunks: Vec<Vec<T>>,
    len: u32,
}

impl<T> Default for Chunks<T> {
    fn default() -> Self {
        Chunks {
            chunks: Vec::new(),
            len: 0,
        }
    }
}

impl<T: Copy> Chunks<T> {
    pub(super) fn len(&self) -> u32 {
        self.len
    }

    /// Append, and give the index. The caller keeps the length below 2^32.
    pub(super) fn push(&mut self, item: T) -> u32 {
        let (index, chunk) = (self.len, (self.len >> CHUNK_BITS) as usize);
        if chunk == self.chunks.len() {
            let room = if chunk == 0 { 0 } else { CHUNK_ITEMS };
            self.chunks.push(Vec::with_capacity(room));
        }
        self.chunks[chunk].push(item);
        self.len += 1;
        index
    }

    #[inline]
    pub(super) fn get(&self, index: u32) -> T {
        self.chunks[(index >> CHUNK_BITS) as usize][index as usize % CHUNK_ITEMS]
    }

    #[inline]
    pub(super) fn get_mut(&mut self, index: u32) -> &mut T {
        &mut self.chunks[(index >> CHUNK_BITS) as usize][index as usize % CHUNK_ITEMS]
    }

    /// Bytes in use.
    pub(super) fn bytes(&self) -> usize {
        self.chunks
            .iter()
            .map(|chunk| chunk.capacity() * size_of::<T>())
            .sum()
    }
}
