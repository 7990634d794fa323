//! Any bytes as the payloads of a control log's records, and as a whole one: read or refused.
#![no_main]

#[path = "../records.rs"]
mod records;

use corelane::store::control::{MAGIC, dump, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut lines = Vec::new();
    let _ = dump(records::reader(bytes), |line| lines.push(line.to_owned()));
    let file = records::file(&MAGIC, 0, &records::cut(bytes));
    if let Ok(loaded) = read(&file, |_| {}) {
        assert!(!loaded.is_cut && loaded.end == file.len() as u64);
        let ids: Vec<u64> = loaded.control.events.iter().map(|event| event.id).collect();
        assert!(ids.is_sorted_by(|a, b| a < b));
        assert!(ids.len() as u64 <= loaded.control.generation);
        let progress = loaded
            .control
            .tasks
            .iter()
            .map(|(_, task)| 1 + task.progress.len());
        let told = loaded.control.metadata.len() + progress.sum::<usize>();
        assert!((ids.len() + told) as u64 <= loaded.control.generation);
    }
});
