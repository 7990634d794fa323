//! Fixed fields of a block, little-endian, one behind the other.

use super::Corrupt;
use crate::seam::disk::BLOCK_BYTES;

/// Where the checksum of a block stands; it covers all bytes before it.
const CRC_AT: usize = BLOCK_BYTES - 4;

/// A block of 4 KiB with `fields` in front, zeros behind and its checksum at the end.
pub(super) fn block(fields: &[u8]) -> Vec<u8> {
    let mut block = Vec::with_capacity(BLOCK_BYTES);
    block.extend_from_slice(&fields[..fields.len().min(CRC_AT)]);
    block.resize(CRC_AT, 0);
    let crc = crc32c::crc32c(&block);
    block.extend_from_slice(&crc.to_le_bytes());
    block
}

/// Whether the checksum at the end of `block` is that of the bytes before it.
pub(super) fn is_whole(block: &[u8]) -> bool {
    match block.split_at_checked(CRC_AT) {
        Some((covered, crc)) => crc == crc32c::crc32c(covered).to_le_bytes(),
        None => false,
    }
}

/// Fields taken off the front of bytes.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl Fields<'_> {
    fn take<const BYTES: usize>(&mut self) -> Result<[u8; BYTES], Corrupt> {
        let Some((field, rest)) = self.0.split_first_chunk() else {
            return Err(Corrupt::new(0, "it ends inside a field"));
        };
        self.0 = rest;
        Ok(*field)
    }

    pub(super) fn u16(&mut self) -> Result<u16, Corrupt> {
        Ok(u16::from_le_bytes(self.take()?))
    }

    pub(super) fn u32(&mut self) -> Result<u32, Corrupt> {
        Ok(u32::from_le_bytes(self.take()?))
    }

    pub(super) fn u64(&mut self) -> Result<u64, Corrupt> {
        Ok(u64::from_le_bytes(self.take()?))
    }

    pub(super) fn i64(&mut self) -> Result<i64, Corrupt> {
        Ok(i64::from_le_bytes(self.take()?))
    }

    pub(super) fn f64(&mut self) -> Result<f64, Corrupt> {
        Ok(f64::from_le_bytes(self.take()?))
    }

    pub(super) fn bytes<const BYTES: usize>(&mut self) -> Result<[u8; BYTES], Corrupt> {
        self.take()
    }

    pub(super) fn varint(&mut self) -> Result<u64, Corrupt> {
        let (number, len) = crate::base::varint::take(self.0)
            .ok_or_else(|| Corrupt::new(0, "it ends inside a number"))?;
        self.0 = &self.0[len..];
        Ok(number)
    }

    pub(super) fn varint_u32(&mut self) -> Result<u32, Corrupt> {
        u32::try_from(self.varint()?).map_err(|_| Corrupt::new(0, "a number is too large"))
    }
}
