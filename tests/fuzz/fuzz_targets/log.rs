//! Any bytes as pages of the log: read or refused, and points never outrun the bits they came from.
#![no_main]

use corelane::store::log::block::{self, FILE_HEADER_BYTES, FileHeader};
use corelane::store::log::{Columns, dump};
use corelane::store::token;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = FileHeader::open(bytes);
    let payload = match block::open(bytes) {
        Ok((_, payload)) => payload,
        // A checksum would keep all changed bytes from what is behind it.
        Err(_) => bytes,
    };
    if let Ok(columns) = Columns::open(payload, 7) {
        let definitions = columns.definitions().filter(Result::is_ok).count();
        assert!(definitions <= payload.len());
        let mut taken = 0;
        let _ = columns.for_each(|_, values| {
            taken += 1;
            token::pass(values)
        });
        assert!(taken <= payload.len() * 8);
    }
    let read = |offset: u64, len: usize| {
        let page = [0; FILE_HEADER_BYTES];
        let file = [&page[..], bytes].concat();
        let from = file.len().min(offset as usize);
        Ok(file[from..file.len().min(from + len)].to_vec())
    };
    dump::verify(read).expect("memory reads");
});
