//! Any bytes as a list of definitions: what is read is written as it was read.
#![no_main]

use corelane::store::definition::{Definition, Told};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let (list, read) = list_of(bytes);
    assert!(read <= bytes.len());
    let (mut told, mut again) = (Told::default(), Vec::new());
    for definition in &list {
        definition.push(&mut told, &mut again);
    }
    assert_eq!(list_of(&again), (list, again.len()));
});

/// The definitions that `bytes` begin with, and how many bytes those took.
fn list_of(bytes: &[u8]) -> (Vec<Definition>, usize) {
    let (mut told, mut list, mut read) = (Told::default(), Vec::new(), 0);
    while let Some((definition, len)) = Definition::take(&bytes[read..], &mut told) {
        assert!(0 < len);
        list.push(definition);
        read += len;
    }
    (list, read)
}
