//! Any bytes as the payloads of a manifest's records, and as a whole manifest: read or refused.
#![no_main]

#[path = "../records.rs"]
mod records;

use corelane::store::manifest::{MAGIC, dump};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = dump(records::reader(bytes), |_| {});
    let payloads = records::cut(bytes);
    let file = records::file(&MAGIC, 0, &payloads);
    let (mut records, mut changes) = (0, 0);
    let read = dump(records::reader(&file), |line| {
        records += usize::from(line.starts_with("record at "));
        changes += usize::from(line.starts_with("  "));
    });
    assert!(records <= payloads.len() && changes <= bytes.len());
    // Records whose checksums are right are all read, or the manifest is refused.
    assert!(read.is_err() || records == payloads.len());
});
