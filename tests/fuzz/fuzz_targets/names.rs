//! Any bytes as a name: it is canonical or is refused, and what is canonical is written and read back
//! as the same.
#![no_main]

use corelane::model::series::{SERIES_BYTES_MAX, SeriesName};
use corelane::wire::name;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|sent: &[u8]| {
    if let Ok(series) = name::parse(sent) {
        goes_there_and_back(&series);
    }
    if let Ok(text) = std::str::from_utf8(sent)
        && let Ok(series) = SeriesName::from_text(text)
    {
        goes_there_and_back(&series);
    }
});

fn goes_there_and_back(series: &SeriesName) {
    let text = series.text();
    assert!(text.len() <= 2 * SERIES_BYTES_MAX);
    assert_eq!(SeriesName::from_text(&text).as_ref(), Ok(series));
    let sorted = series
        .tags()
        .is_sorted_by_key(|(key, value)| format!("{key}={value}"));
    assert!(sorted && !series.metric().is_empty());
}
