//! Any bytes as a segment, and as its parts under checksums that are right: read or refused, and what is
//! called whole prints as whole.
#![no_main]

use corelane::store::segment::{Check, Checked, Detail, Footer, HEADER_MAGIC, Index, describe};
use libfuzzer_sys::fuzz_target;

const BLOCK_BYTES: usize = 4096;
/// What header and footer have in common, and what the footer has.
const COMMON_BYTES: usize = 96;
const FOOTER_BYTES: usize = 172;

fn look(file: &[u8]) {
    let mut read = |offset: u64, bytes: usize| {
        let from = file
            .len()
            .min(usize::try_from(offset).unwrap_or(usize::MAX));
        Ok(file[from..file.len().min(from.saturating_add(bytes))].to_vec())
    };
    let mut check = Check::new(file.len() as u64);
    let is_whole = loop {
        match check.step(&mut read) {
            Ok(Checked::Some(_)) => {}
            Ok(Checked::All(_)) => break check.faults().is_empty(),
            Err(_) => break false,
        }
    };
    let mut wrong = String::new();
    let printed = describe(file.len() as u64, Detail::Runs, &mut read, &mut |line| {
        if line.contains("WRONG") {
            wrong = line;
        }
    });
    assert!(
        !is_whole || (printed.is_ok() && wrong.is_empty()),
        "{wrong}"
    );
}

/// What a header or footer is in the file: a block with its checksum.
fn block(start: &[u8]) -> Vec<u8> {
    let mut block = start.to_vec();
    block.resize(BLOCK_BYTES - 4, 0);
    block.extend(crc32c::crc32c(&block).to_le_bytes());
    block
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}

/// A file of a footer, an index and pages, with places, lengths and checksums as they must be.
fn file(footer: &[u8], mut index: Vec<u8>, mut pages: Vec<u8>) -> Vec<u8> {
    let index_offset = BLOCK_BYTES + pages.len();
    let bytes = (index_offset + index.len()).next_multiple_of(BLOCK_BYTES) + BLOCK_BYTES;
    let mut footer = footer.to_vec();
    put(&mut footer, 116, &(index.len() as u32).to_le_bytes());
    put(&mut footer, 124, &(index_offset as u64).to_le_bytes());
    put(&mut footer, 132, &(bytes as u64).to_le_bytes());
    put(&mut footer, 120, &crc32c::crc32c(&index).to_le_bytes());
    if let Ok(about) = Footer::take(&block(&footer)) {
        // The index is read together with what shares its first block.
        let shared = index_offset % BLOCK_BYTES;
        let read = [&vec![0; shared][..], &index].concat();
        if let Ok(found) = Index::take(&read, &about) {
            sign(&found, &mut index, &mut pages);
        }
    }
    put(&mut footer, 120, &crc32c::crc32c(&index).to_le_bytes());
    let mut header = footer[..COMMON_BYTES].to_vec();
    put(&mut header, 0, &HEADER_MAGIC);
    let mut file = [block(&header), pages, index].concat();
    file.resize(bytes - BLOCK_BYTES, 0);
    file.extend(block(&footer));
    file
}

/// Make the checksums of pages right, in the pages and in the index.
fn sign(found: &Index, index: &mut [u8], pages: &mut [u8]) {
    let mut from = 0;
    for entry in found.raw().iter().chain(found.cells()) {
        let start = entry.offset as usize - BLOCK_BYTES;
        let Some(page) = pages.get_mut(start..start + entry.bytes as usize) else {
            return;
        };
        let Some((checksum, rest)) = page.split_first_chunk_mut::<4>() else {
            return;
        };
        *checksum = crc32c::crc32c(rest).to_le_bytes();
        // Only the entry itself knows where it stands; entries come in order but for kinds.
        let old = entry.crc.to_le_bytes();
        if let Some(at) = index[from..].windows(4).position(|four| four == old) {
            put(index, from + at, checksum);
            from += at + 4;
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    look(bytes);
    let Some((footer, rest)) = bytes.split_at_checked(FOOTER_BYTES) else {
        return;
    };
    let Some((&[low, high], rest)) = rest.split_first_chunk() else {
        return;
    };
    let index_bytes = usize::from(u16::from_le_bytes([low, high])).min(rest.len());
    let (index, pages) = rest.split_at(index_bytes);
    look(&file(footer, index.to_vec(), pages.to_vec()));
});
