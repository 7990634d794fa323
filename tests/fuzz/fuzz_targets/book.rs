//! Any bytes as the payloads of a book's records, and as a whole book: read or refused, and the numbers of
//! what is read rise.
#![no_main]

#[path = "../records.rs"]
mod records;

use corelane::store::book::{MAGIC, Reader};
use corelane::store::manifest::BookInfo;
use libfuzzer_sys::fuzz_target;

fn read(file: &[u8], needed_bytes: u64) {
    let needed = BookInfo {
        numbers: 0,
        bytes: needed_bytes,
    };
    let (mut reader, mut read) = (Reader::new(7, needed), records::reader(file));
    let mut definitions = Vec::new();
    while let Ok(true) = reader.step(&mut read, &mut definitions) {}
    assert!(definitions.is_sorted_by(|a, b| a.number < b.number));
    assert!(definitions.len() <= file.len());
}

fuzz_target!(|bytes: &[u8]| {
    read(bytes, 0);
    let file = records::file(&MAGIC, 7, &records::cut(bytes));
    read(&file, 0);
    read(&file, file.len() as u64);
});
