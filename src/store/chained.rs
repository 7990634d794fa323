//! Append-only files of records: a header, then records, each on a border of 4,096 bytes, checksummed,
//! and chained to the one before. The manifest and the books are such files.
//!
//! A header is one block:
//!
//! | at | bytes | what |
//! |---|---|---|
//! | 0 | 8 | magic of the kind of file |
//! | 8 | 2 | version |
//! | 10 | 2 | zero |
//! | 12 | 4 | incompatible features: who does not know one must not read |
//! | 16 | 4 | compatible features: who does not know one may read |
//! | 20 | 4 | zero |
//! | 24 | 8 | what the kind of file says: of a book its number |
//! | 32 | 4,060 | zero |
//! | 4,092 | 4 | CRC32C of all before it; here in every version |
//!
//! A record is a whole number of blocks:
//!
//! | at | bytes | what |
//! |---|---|---|
//! | 0 | 4 | `RECORD_MAGIC` |
//! | 4 | 4 | bytes of the payload |
//! | 8 | 8 | sequence, 0 for the first of a file |
//! | 16 | 4 | CRC32C of the record before, or of the header |
//! | 20 | 4 | CRC32C of the whole record without these four bytes |
//! | 24 | | payload, and zeros up to the next border |
//!
//! A write that was cut leaves a last record that is not valid, with none behind it: it is dropped. A
//! record that is not valid before one that is tells of damage.

use crate::seam::disk::BLOCK_BYTES;

/// What every record starts with.
pub(crate) const RECORD_MAGIC: u32 = u32::from_le_bytes(*b"rec1");
/// Bytes of a record before its payload.
pub(crate) const RECORD_HEAD_BYTES: usize = 24;
/// Where the checksum of a header stands.
const HEADER_CRC_AT: usize = BLOCK_BYTES - 4;
/// Where the checksum of a record stands.
const RECORD_CRC_AT: usize = 20;

/// A kind of file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    /// What it starts with.
    pub(crate) magic: [u8; 8],
    /// The version that this program writes, and the only one that it reads.
    pub(crate) version: u16,
    /// The incompatible features that this program knows, and says that its files have.
    pub(crate) features: u32,
}

/// Why a header cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Less than a block.
    #[error("it is cut inside its header")]
    Cut,
    /// Another magic.
    #[error("it is no file of this kind")]
    Magic,
    /// The checksum does not match.
    #[error("its header is damaged (checksum)")]
    Damaged,
    /// From another version of the program.
    #[error(
        "it has format version {0}, and this program reads version {1}; use a program of that version"
    )]
    Version(u16, u16),
    /// It needs what this program does not have.
    #[error("it uses features that this program does not know (bits {0:#x}); use a newer program")]
    Features(u32),
}

impl HeaderError {
    /// Whether nothing is wrong with the file but that this program does not know its form.
    pub fn is_foreign(&self) -> bool {
        matches!(self, HeaderError::Version(..) | HeaderError::Features(_))
    }
}

/// Where in a chain the next record stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    /// Its sequence.
    pub(crate) sequence: u64,
    /// Checksum of what stands before it.
    pub(crate) chain: u32,
}

/// What stands at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found<'a> {
    /// The record that was expected.
    Record {
        /// Its payload.
        payload: &'a [u8],
        /// Bytes of the record.
        bytes: usize,
        /// The link behind it.
        next: Link,
    },
    /// Perhaps a record, of so many bytes, of which not all are given.
    More(usize),
    /// No record, or not the expected one, and why.
    Bad(&'static str),
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// The header block of a file of `kind`, and the link of its first record.
pub(crate) fn header(kind: &Kind, about: u64) -> (Vec<u8>, Link) {
    let mut block = vec![0; HEADER_CRC_AT];
    block[..8].copy_from_slice(&kind.magic);
    block[8..10].copy_from_slice(&kind.version.to_le_bytes());
    block[12..16].copy_from_slice(&kind.features.to_le_bytes());
    block[24..32].copy_from_slice(&about.to_le_bytes());
    let chain = crc32c::crc32c(&block);
    block.extend_from_slice(&chain.to_le_bytes());
    (block, Link { sequence: 0, chain })
}

/// What the header of a file of `kind` says, and the link of its first record.
///
/// # Errors
/// It is damaged, of another kind, or of another version.
pub(crate) fn read_header(kind: &Kind, bytes: &[u8]) -> Result<(u64, Link), HeaderError> {
    let block = bytes.get(..BLOCK_BYTES).ok_or(HeaderError::Cut)?;
    if block[..8] != kind.magic {
        return Err(HeaderError::Magic);
    }
    let chain = crc32c::crc32c(&block[..HEADER_CRC_AT]);
    if u32_at(block, HEADER_CRC_AT) != Some(chain) {
        return Err(HeaderError::Damaged);
    }
    let version = u16::from_le_bytes([block[8], block[9]]);
    if version != kind.version {
        return Err(HeaderError::Version(version, kind.version));
    }
    let unknown = u32_at(block, 12).unwrap_or(u32::MAX) & !kind.features;
    if unknown != 0 {
        return Err(HeaderError::Features(unknown));
    }
    let about = u64_at(block, 24).ok_or(HeaderError::Cut)?;
    Ok((about, Link { sequence: 0, chain }))
}

/// Bytes of the record of a payload of so many bytes.
pub(crate) fn record_bytes(payload_bytes: usize) -> usize {
    (RECORD_HEAD_BYTES + payload_bytes).next_multiple_of(BLOCK_BYTES)
}

/// Make `record`, in which [`RECORD_HEAD_BYTES`] of anything stand before the payload, the record of
/// `link`. Gives the link behind it.
pub(crate) fn seal(record: &mut Vec<u8>, link: Link) -> Link {
    record.resize(record.len().max(RECORD_HEAD_BYTES), 0);
    let payload_bytes = record.len() - RECORD_HEAD_BYTES;
    record.resize(record_bytes(payload_bytes), 0);
    record[..4].copy_from_slice(&RECORD_MAGIC.to_le_bytes());
    record[4..8].copy_from_slice(&(payload_bytes as u32).to_le_bytes());
    record[8..16].copy_from_slice(&link.sequence.to_le_bytes());
    record[16..20].copy_from_slice(&link.chain.to_le_bytes());
    let crc = crc_of(record);
    record[RECORD_CRC_AT..RECORD_HEAD_BYTES].copy_from_slice(&crc.to_le_bytes());
    Link {
        sequence: link.sequence + 1,
        chain: crc,
    }
}

/// A record to be: room for its head.
pub(crate) fn begin() -> Vec<u8> {
    vec![0; RECORD_HEAD_BYTES]
}

fn crc_of(record: &[u8]) -> u32 {
    let crc = crc32c::crc32c(&record[..RECORD_CRC_AT]);
    crc32c::crc32c_append(crc, &record[RECORD_HEAD_BYTES..])
}

/// The record at the start of `bytes`, if it is that of `link`. A payload has `payload_bytes_max` at
/// most.
pub(crate) fn look(bytes: &[u8], link: Link, payload_bytes_max: usize) -> Found<'_> {
    match valid(bytes, payload_bytes_max) {
        Found::Record { next, .. } if next.sequence.wrapping_sub(1) != link.sequence => {
            Found::Bad("a record out of its order")
        }
        Found::Record { .. } if u32_at(bytes, 16) != Some(link.chain) => {
            Found::Bad("a record that does not follow the one before it")
        }
        found => found,
    }
}

/// The record at the start of `bytes`, whichever it is.
pub(crate) fn valid(bytes: &[u8], payload_bytes_max: usize) -> Found<'_> {
    let Some(head) = bytes.get(..RECORD_HEAD_BYTES) else {
        return Found::More(BLOCK_BYTES);
    };
    if u32_at(head, 0) != Some(RECORD_MAGIC) {
        return Found::Bad("no record");
    }
    let payload_bytes = u32_at(head, 4).unwrap_or(u32::MAX) as usize;
    if payload_bytes > payload_bytes_max {
        return Found::Bad("a record that is longer than any");
    }
    let all = record_bytes(payload_bytes);
    let Some(record) = bytes.get(..all) else {
        return Found::More(all);
    };
    let crc = crc_of(record);
    if u32_at(head, RECORD_CRC_AT) != Some(crc) {
        return Found::Bad("a record whose checksum does not match");
    }
    Found::Record {
        payload: &record[RECORD_HEAD_BYTES..RECORD_HEAD_BYTES + payload_bytes],
        bytes: all,
        next: Link {
            sequence: u64_at(head, 8).unwrap_or(0).wrapping_add(1),
            chain: crc,
        },
    }
}

/// The checksum of what stands before it, as the record at the start of `bytes` says.
pub(crate) fn chain_in(bytes: &[u8]) -> u32 {
    u32_at(bytes, 16).unwrap_or(0)
}

/// Where in `bytes`, a piece of a file that starts on a border behind a record that was not valid, a
/// valid record of a later sequence starts: then the file was damaged, not cut. `records_max` is how
/// many more the file can hold.
pub(crate) fn later(
    bytes: &[u8],
    link: Link,
    records_max: u64,
    payload_bytes_max: usize,
) -> Option<usize> {
    let blocks = (0..bytes.len()).step_by(BLOCK_BYTES);
    blocks.into_iter().find(|&at| {
        let rest = bytes.get(at..).unwrap_or_default();
        let sequence = u64_at(rest, 8).unwrap_or(0);
        sequence > link.sequence
            && sequence - link.sequence <= records_max
            && matches!(valid(rest, payload_bytes_max), Found::Record { .. })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;

    const KIND: Kind = Kind {
        magic: *b"corelan?",
        version: 3,
        features: 1,
    };
    const MAX: usize = 1 << 20;

    fn file(payloads: &[usize]) -> Vec<u8> {
        let (mut bytes, mut link) = header(&KIND, 77);
        for (i, &len) in payloads.iter().enumerate() {
            let mut record = begin();
            record.extend(std::iter::repeat_n(i as u8 + 1, len));
            link = seal(&mut record, link);
            bytes.extend(record);
        }
        bytes
    }

    fn read(bytes: &[u8]) -> Result<Vec<Vec<u8>>, String> {
        let (about, mut link) = read_header(&KIND, bytes).map_err(|error| error.to_string())?;
        assert_eq!(about, 77);
        let (mut at, mut payloads) = (BLOCK_BYTES, Vec::new());
        while let Found::Record {
            payload,
            bytes: len,
            next,
        } = look(&bytes[at..], link, MAX)
        {
            payloads.push(payload.to_vec());
            (at, link) = (at + len, next);
        }
        let behind = bytes.get(at + BLOCK_BYTES..).unwrap_or_default();
        match later(behind, link, 100, MAX) {
            Some(_) => Err(format!("damaged at {at}")),
            None => Ok(payloads),
        }
    }

    #[test]
    fn there_and_back() {
        let payloads = [0, 1, 4072, 4073, 9000];
        let got = read(&file(&payloads)).expect("a good file");
        let lens: Vec<usize> = got.iter().map(Vec::len).collect();
        assert_eq!(lens, payloads);
        assert_eq!(got[4], vec![5; 9000]);
    }

    #[test]
    fn every_cut_gives_the_whole_records_before_it() {
        let payloads = [10, 5000, 0, 4072];
        let whole = file(&payloads);
        for cut in (0..whole.len()).step_by(127) {
            match read(&whole[..cut]) {
                Err(text) => assert!(cut < BLOCK_BYTES, "cut at {cut}: {text}"),
                Ok(got) => {
                    let mut end = BLOCK_BYTES;
                    let fits = |&len: &usize| {
                        end += record_bytes(len);
                        end <= cut
                    };
                    let want = payloads.iter().copied().take_while(fits).count();
                    assert_eq!(got.len(), want, "cut at {cut}");
                }
            }
        }
    }

    #[test]
    fn every_flip_is_noticed() {
        let payloads = [10, 5000, 0, 4072];
        let whole = file(&payloads);
        let last = whole.len() - BLOCK_BYTES;
        for seed in 0..3000 {
            let mut random = Random::new(seed);
            let (mut bytes, at) = (whole.clone(), random.below(whole.len() as u64) as usize);
            bytes[at] ^= 1 << random.below(8);
            match read(&bytes) {
                Ok(got) => assert!(at >= last && got.len() == 3, "seed {seed}: {at}"),
                Err(_) => assert!(at < last, "seed {seed}: {at}"),
            }
        }
    }

    #[test]
    fn headers_of_others_are_refused_in_words() {
        let other = Kind { version: 4, ..KIND };
        let (bytes, _) = header(&other, 1);
        assert_eq!(read_header(&KIND, &bytes), Err(HeaderError::Version(4, 3)));
        let (mut bytes, _) = header(&KIND, 1);
        bytes[12] = 3;
        let crc = crc32c::crc32c(&bytes[..HEADER_CRC_AT]);
        bytes[HEADER_CRC_AT..].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(read_header(&KIND, &bytes), Err(HeaderError::Features(2)));
        assert_eq!(read_header(&KIND, &[0; 5000]), Err(HeaderError::Magic));
        assert_eq!(read_header(&KIND, &bytes[..4095]), Err(HeaderError::Cut));
    }

    #[test]
    fn chance_is_no_record() {
        let mut random = Random::new(3);
        for _ in 0..2000 {
            let len = random.below(9000) as usize;
            let mut bytes: Vec<u8> = (0..len).map(|_| random.next_u64() as u8).collect();
            if random.chance(50) && bytes.len() > 8 {
                bytes[..4].copy_from_slice(&RECORD_MAGIC.to_le_bytes());
                bytes[6..8].fill(0);
            }
            let link = Link {
                sequence: 0,
                chain: 0,
            };
            assert!(!matches!(look(&bytes, link, MAX), Found::Record { .. }));
        }
    }
}
