//! Blocks and the heads of files, as bytes.
//!
//! A block is a header, a payload and zeros up to a multiple of 4 KiB. Its checksum covers all of it;
//! the checksum of the block before is part of it, so that blocks form a chain over all files. A file
//! starts with a page of its own; a block belongs to the file's present life if it carries its epoch.

use crate::base::varint;
use crate::seam::disk::BLOCK_BYTES as PAGE_BYTES;

/// Version of files and blocks that is written, and the only one that is read.
pub const VERSION: u8 = 1;
/// Bytes of the head of a block.
pub const HEADER_BYTES: usize = 64;
/// Most pages of a block.
pub const PAGES_MAX: usize = 64;
/// Bytes of the largest block.
pub const BYTES_MAX: usize = PAGES_MAX * PAGE_BYTES;
/// Bytes of the largest payload.
pub const PAYLOAD_BYTES_MAX: usize = BYTES_MAX - HEADER_BYTES;
/// Bytes before the first block of a file.
pub const FILE_HEADER_BYTES: usize = PAGE_BYTES;
/// Flag: the first block after a start. Numbers in front of it may never have been used.
pub const FLAG_FIRST: u8 = 1;

/// What a block starts with.
pub const MAGIC: [u8; 4] = *b"CLOB";
/// What a file starts with.
pub const FILE_MAGIC: [u8; 8] = *b"CORELOG\n";
const CHECKSUM_AT: usize = 60;
const FLAGS_KNOWN: u8 = FLAG_FIRST;
/// Of a file, features that a reader must know: blocks may have a section of zeros, or one of codes.
const FEATURE_ZEROS: u64 = 1;
const FEATURE_CODES: u64 = 2;
const FEATURES_KNOWN: u64 = FEATURE_ZEROS | FEATURE_CODES;

/// What stands before a payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// [`FLAG_FIRST`] or nothing.
    pub flags: u8,
    /// Whose log it is.
    pub shard: u16,
    /// The book whose numbers it uses.
    pub book: u32,
    /// How many numbers the book had given out.
    pub numbers: u32,
    /// Life of the file.
    pub epoch: u64,
    /// Rises by one from block to block, over all files and starts.
    pub sequence: u64,
    /// Generation of the head.
    pub generation: u64,
    /// Stamp of the first read.
    pub first_stamp: u64,
    /// The last stamp is so much later.
    pub span_micros: u32,
    /// Pages of the block.
    pub pages: u8,
    /// So many numbers right before its own were not known durable when it was written.
    pub behind: u16,
    /// Checksum of the block before.
    pub previous: u32,
    /// Its own.
    pub checksum: u32,
}

impl Header {
    /// Stamp of the last read.
    pub fn last_stamp(&self) -> u64 {
        self.first_stamp.saturating_add(u64::from(self.span_micros))
    }

    /// The last number that was durable when this block was written.
    pub fn durable(&self) -> u64 {
        self.sequence.saturating_sub(1 + u64::from(self.behind))
    }

    /// Bytes of the block.
    pub fn bytes(&self) -> usize {
        usize::from(self.pages) * PAGE_BYTES
    }

    fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        let mut at = 0;
        let mut put = |field: &[u8]| {
            bytes[at..at + field.len()].copy_from_slice(field);
            at += field.len();
        };
        put(&MAGIC);
        put(&[VERSION, self.flags]);
        put(&self.shard.to_le_bytes());
        put(&self.book.to_le_bytes());
        put(&self.numbers.to_le_bytes());
        put(&self.epoch.to_le_bytes());
        put(&self.sequence.to_le_bytes());
        put(&self.generation.to_le_bytes());
        put(&self.first_stamp.to_le_bytes());
        put(&self.span_micros.to_le_bytes());
        put(&[self.pages, 0]);
        put(&self.behind.to_le_bytes());
        put(&self.previous.to_le_bytes());
        put(&self.checksum.to_le_bytes());
        bytes
    }
}

/// Why there is no block, or no head of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Something else is there, or it is damaged.
    Nothing,
    /// A header is there, but not so many bytes of the block.
    Short(usize),
    /// Whole, but of another version.
    Version(u8),
    /// Whole, but with features that are not known here.
    Features(u64),
}

/// Fields in order, from bytes of which there are enough.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*field)
    }

    fn u16(&mut self) -> Option<u16> {
        self.take().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }
}

/// CRC32C of all bytes but the four of the checksum itself.
fn checksum(bytes: &[u8]) -> u32 {
    let (head, rest) = bytes.split_at_checked(CHECKSUM_AT).unwrap_or((bytes, &[]));
    crc32c::crc32c_append(crc32c::crc32c(head), rest.get(4..).unwrap_or_default())
}

/// Room for a header, in which a payload is then written.
pub fn begin() -> Vec<u8> {
    vec![0; HEADER_BYTES]
}

/// Fill up to whole pages. How many there are.
///
/// # Panics
/// If the payload is larger than [`PAYLOAD_BYTES_MAX`].
pub fn pad(block: &mut Vec<u8>) -> u8 {
    let pages = block.len().div_ceil(PAGE_BYTES);
    assert!(pages <= PAGES_MAX, "a payload of {} bytes", block.len());
    block.resize(pages * PAGE_BYTES, 0);
    pages as u8
}

/// Write the header into a padded block, with its checksum, which is returned.
pub fn seal(header: &Header, block: &mut [u8]) -> u32 {
    let mut header = *header;
    header.checksum = 0;
    block[..HEADER_BYTES].copy_from_slice(&header.to_bytes());
    let own = checksum(block);
    block[CHECKSUM_AT..HEADER_BYTES].copy_from_slice(&own.to_le_bytes());
    own
}

/// Make the checksum of changed bytes right, as whoever means to deceive would.
#[cfg(test)]
pub(super) fn sign(bytes: &mut [u8]) {
    let own = checksum(bytes);
    bytes[CHECKSUM_AT..HEADER_BYTES].copy_from_slice(&own.to_le_bytes());
}

/// The block at the start of `bytes`: its header and its payload with the padding.
///
/// # Errors
/// If there is none; [`Fault::Short`] tells how many bytes are needed to say more.
pub fn open(bytes: &[u8]) -> Result<(Header, &[u8]), Fault> {
    let header = bytes
        .get(..HEADER_BYTES)
        .ok_or(Fault::Short(HEADER_BYTES))?;
    let (version, header) = fields(header).ok_or(Fault::Nothing)?;
    let len = header.bytes();
    if !(1..=PAGES_MAX).contains(&usize::from(header.pages)) {
        return Err(Fault::Nothing);
    }
    let block = bytes.get(..len).ok_or(Fault::Short(len))?;
    if checksum(block) != header.checksum {
        return Err(Fault::Nothing);
    }
    if version != VERSION {
        return Err(Fault::Version(version));
    }
    if header.flags & !FLAGS_KNOWN != 0 {
        return Err(Fault::Features(u64::from(header.flags & !FLAGS_KNOWN)));
    }
    Ok((header, &block[HEADER_BYTES..]))
}

/// What a damaged block says of itself, for who counts them.
pub(super) fn peek(bytes: &[u8]) -> Option<Header> {
    fields(bytes).map(|(_, header)| header)
}

fn fields(bytes: &[u8]) -> Option<(u8, Header)> {
    let mut fields = Fields(bytes);
    if fields.take()? != MAGIC {
        return None;
    }
    let [version, flags] = fields.take()?;
    let mut header = Header {
        flags,
        shard: fields.u16()?,
        book: fields.u32()?,
        numbers: fields.u32()?,
        epoch: fields.u64()?,
        sequence: fields.u64()?,
        generation: fields.u64()?,
        first_stamp: fields.u64()?,
        span_micros: fields.u32()?,
        ..Header::default()
    };
    [header.pages, _] = fields.take()?;
    header.behind = fields.u16()?;
    header.previous = fields.u32()?;
    header.checksum = fields.u32()?;
    Some((version, header))
}

/// The page at the start of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileHeader {
    /// Whose log it is.
    pub shard: u16,
    /// The present life of the file.
    pub epoch: u64,
    /// Number of the first block written in that life.
    pub first_sequence: u64,
}

impl FileHeader {
    /// Its page.
    pub fn to_bytes(self) -> [u8; FILE_HEADER_BYTES] {
        let mut bytes = [0; FILE_HEADER_BYTES];
        bytes[..8].copy_from_slice(&FILE_MAGIC);
        bytes[8] = VERSION;
        bytes[10..12].copy_from_slice(&self.shard.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.epoch.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.first_sequence.to_le_bytes());
        bytes[32..40].copy_from_slice(&FEATURE_CODES.to_le_bytes());
        let own = checksum(&bytes);
        bytes[CHECKSUM_AT..CHECKSUM_AT + 4].copy_from_slice(&own.to_le_bytes());
        bytes
    }

    /// The header that `bytes` start with.
    ///
    /// # Errors
    /// If there is none.
    pub fn open(bytes: &[u8]) -> Result<FileHeader, Fault> {
        let page = bytes
            .get(..FILE_HEADER_BYTES)
            .ok_or(Fault::Short(FILE_HEADER_BYTES))?;
        let mut fields = Fields(page);
        let read = |fields: &mut Fields| {
            let magic: [u8; 8] = fields.take()?;
            let [version, _] = fields.take()?;
            let header = FileHeader {
                shard: fields.u16()?,
                epoch: (fields.u32()?, fields.u64()?).1,
                first_sequence: fields.u64()?,
            };
            let features = fields.u64()?;
            let _compatible = fields.u64()?;
            fields.take::<12>()?;
            let is_whole = magic == FILE_MAGIC && fields.u32()? == checksum(page);
            is_whole.then_some((version, features, header))
        };
        let (version, features, header) = read(&mut fields).ok_or(Fault::Nothing)?;
        if version != VERSION {
            return Err(Fault::Version(version));
        }
        if features & !FEATURES_KNOWN != 0 {
            return Err(Fault::Features(features & !FEATURES_KNOWN));
        }
        Ok(header)
    }
}

/// Bytes of a payload without the zeros behind it.
pub fn payload_bytes(payload: &[u8]) -> usize {
    let mut at = 0;
    while let Some(rest) = payload.get(at..)
        && let Some((&kind, behind)) = rest.split_first()
        && kind != super::batch::section::END
        && let Some((len, took)) = varint::take(behind)
    {
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        at = at.saturating_add(1 + took).saturating_add(len);
    }
    at.min(payload.len())
}
