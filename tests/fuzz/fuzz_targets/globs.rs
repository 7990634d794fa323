//! Any text is a pattern or is refused, and matches any label in bounded time, without a panic.
#![no_main]

use corelane::index::glob::Pattern;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, &str)| {
    let (text, path) = input;
    if let Ok(pattern) = Pattern::new(text) {
        let _ = pattern.matches(path);
    }
});
