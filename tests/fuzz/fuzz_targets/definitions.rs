//! Any bytes as a definition: what is read is written as it was read.
#![no_main]

use corelane::store::definition::Definition;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((definition, len)) = Definition::take(bytes) else {
        return;
    };
    assert!(0 < len && len <= bytes.len());
    let mut again = Vec::new();
    definition.push(&mut again);
    assert_eq!(Definition::take(&again), Some((definition, again.len())));
});
