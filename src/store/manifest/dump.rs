//! A manifest in text.

use std::io;

use super::read::{self, ManifestError};

/// Bytes of one read.
const READ_BYTES: usize = 256 * 1024;

/// Write what a manifest says, a line for each record and each change in it, and verify all of it on the
/// way. `read` gives so many bytes from an offset, less where the file ends. What stands before a place
/// of damage is written too.
///
/// # Errors
/// It cannot be read, or is damaged.
pub fn dump(
    mut read: impl FnMut(u64, usize) -> io::Result<Vec<u8>>,
    mut line: impl FnMut(&str),
) -> Result<(), ManifestError> {
    let mut bytes = Vec::new();
    loop {
        let piece = read(bytes.len() as u64, READ_BYTES).map_err(ManifestError::Unreadable)?;
        bytes.extend_from_slice(&piece);
        if piece.len() < READ_BYTES {
            break;
        }
    }
    let loaded = read::read(&bytes, |at, record_bytes, changes| {
        line(&format!(
            "record at {at}, {record_bytes} bytes, {} changes",
            changes.len()
        ));
        changes
            .iter()
            .for_each(|change| line(&format!("  {change:?}")));
    })?;
    let version = &loaded.state.version;
    let totals = version.totals();
    line(&format!(
        "end at {}: {} records; {} segments, {} bytes, {} points; {} books, {} tombstones{}",
        loaded.end,
        loaded.records,
        totals.files,
        totals.bytes,
        totals.points,
        version.books().count(),
        version.tombstones().len(),
        if loaded.is_cut {
            "; behind it a record that was cut"
        } else {
            ""
        }
    ));
    Ok(())
}
