//! Long reads and writes in pieces, and what to do when the kernel does less than it was asked.

use std::io;

use crate::seam::disk::BLOCK_BYTES;

/// The longest read or write that goes to the kernel at once: copying it takes some 50 us.
pub(super) const PIECE_BYTES: usize = 512 << 10;
/// How often in a row less than a block may be written before that counts as an error.
const STALLS_MAX: usize = 4;

/// Have all of `bytes` bytes written, piece by piece: `write(at, length)` writes so many of them
/// from `at` on and tells how many it did. Of a short write the whole blocks count; the rest is
/// written again, for the next write has to begin at a block.
pub(super) async fn write_all(
    bytes: u64,
    piece_bytes: usize,
    write: impl AsyncFn(u64, usize) -> io::Result<usize>,
) -> io::Result<()> {
    let (mut at, mut stalls) = (0, 0);
    while at < bytes {
        let length = (bytes - at).min(piece_bytes as u64) as usize;
        let written = write(at, length).await?.min(length);
        let whole = written - written % BLOCK_BYTES;
        if whole == 0 {
            stalls += 1;
            if STALLS_MAX <= stalls {
                let text = "the kernel takes none of it and says no reason";
                return Err(io::Error::new(io::ErrorKind::WriteZero, text));
            }
        } else {
            stalls = 0;
        }
        at += whole as u64;
        glommio::yield_if_needed().await;
    }
    Ok(())
}

/// Read up to `bytes` bytes, piece by piece: `read(at, length)` gives up to so many from `at` on.
/// Nothing, or a part of a block, is the end of the file; any other short piece is only short.
pub(super) async fn read_all<B: AsRef<[u8]>>(
    bytes: usize,
    read: impl AsyncFn(u64, usize) -> io::Result<B>,
) -> io::Result<Vec<u8>> {
    let mut got = Vec::new();
    while got.len() < bytes {
        let length = (bytes - got.len()).min(PIECE_BYTES);
        let piece = read(got.len() as u64, length).await?;
        let piece = piece.as_ref();
        let piece = piece.get(..length).unwrap_or(piece);
        // Not all of `bytes` at first: the file may be far shorter.
        got.extend_from_slice(piece);
        if piece.is_empty() || !piece.len().is_multiple_of(BLOCK_BYTES) {
            break;
        }
        glommio::yield_if_needed().await;
    }
    Ok(got)
}
