//! The one read buffer of a shard: what a connection left over goes in front of what it sends next.

/// Most bytes that one connection may leave over between reads; the ceiling of the line limit.
pub const HEADROOM: usize = 64 * 1024;
/// Bytes asked of the kernel in one read.
pub const READ_BYTES: usize = 256 * 1024;
/// Readable zero bytes kept behind the data, so that parsers may load whole words.
pub const SLACK: usize = 64;

/// `[headroom | read area | slack]`. The reader fills the read area from its start; the decoder
/// of a connection first copies its left-over bytes to the end of the headroom, and then sees one
/// unbroken slice.
pub struct ReadBuffer {
    bytes: Box<[u8]>,
}

impl Default for ReadBuffer {
    fn default() -> Self {
        ReadBuffer {
            bytes: vec![0; HEADROOM + READ_BYTES + SLACK].into_boxed_slice(),
        }
    }
}

impl ReadBuffer {
    /// Where the kernel writes.
    pub fn read_area(&mut self) -> &mut [u8] {
        &mut self.bytes[HEADROOM..HEADROOM + READ_BYTES]
    }

    /// The `filled` bytes just read.
    pub fn filled(&self, filled: usize) -> &[u8] {
        &self.bytes[HEADROOM..][..filled.min(READ_BYTES)]
    }

    /// The `filled` bytes just read with `rest` in front of them.
    ///
    /// # Panics
    /// If `rest` is longer than [`HEADROOM`] or `filled` than [`READ_BYTES`]: callers bound both.
    pub fn joined(&mut self, rest: &[u8], filled: usize) -> &[u8] {
        let start = HEADROOM - rest.len();
        self.bytes[start..HEADROOM].copy_from_slice(rest);
        assert!(filled <= READ_BYTES);
        &self.bytes[start..HEADROOM + filled]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_left_comes_first() {
        let mut buffer = ReadBuffer::default();
        buffer.read_area()[..3].copy_from_slice(b"def");
        assert_eq!(buffer.joined(b"abc", 3), b"abcdef");
        assert_eq!(buffer.joined(b"", 2), b"de");
    }
}
