//! Any bytes as a configuration of KairosDB, in both syntaxes: read, or refused with a line that there is; no
//! panic, and no more than the file and its copies.
#![no_main]

use corelane::config::kairosdb::setting::{KEY_BYTES_MAX, SETTINGS_MAX, Setting, Wrong};
use corelane::config::kairosdb::{hocon, properties};
use libfuzzer_sys::fuzz_target;

fn check(bytes: &[u8], read: Result<Vec<Setting>, Wrong>) {
    let lines = 1 + bytes
        .iter()
        .filter(|&&byte| byte == b'\n' || byte == b'\r')
        .count();
    match read {
        Ok(settings) => {
            assert!(settings.len() <= SETTINGS_MAX);
            assert!(settings.iter().all(|one| one.key.len() <= KEY_BYTES_MAX));
            assert!(settings.iter().all(|one| (1..=lines).contains(&one.line)));
        }
        Err(wrong) => assert!((1..=lines).contains(&wrong.line) && wrong.text.len() < 4_000),
    }
}

fuzz_target!(|bytes: &[u8]| {
    check(bytes, properties::read(bytes));
    if let Ok(text) = std::str::from_utf8(bytes) {
        let beyond = |name: &str| (name.len() == 1).then(|| "beyond".to_owned());
        check(bytes, hocon::read(text, &beyond).map(|read| read.settings));
    }
});
