//! Any text as a target and as a time: it is read or refused, and what is read prints and reads
//! back as the same.
#![no_main]

use corelane::query::graphite::{evaluate, target, time};
use libfuzzer_sys::fuzz_target;

/// Sunday 2015-03-08T12:00:00Z; in New York the clock goes forward that day.
const NOW_S: i64 = 1_425_816_000;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let zone = time::zone("America/New_York");
    let _ = (time::parse(text, NOW_S, &zone), time::interval(text));
    let _ = target::first_path(text);
    let overrides = [("x".to_owned(), text.to_owned())];
    let _ = target::parse(text, &overrides);
    if let Ok(read) = target::parse(text, &[]) {
        let _ = evaluate::check(&read);
        // Templates may put any text into a path, also what no path could be read from.
        if !text.contains("template") {
            assert_eq!(target::parse(&read.to_string(), &[]), Ok(read));
        }
    }
});
