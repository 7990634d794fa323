//! Reads at a start that are tried again: a disk that fails to read may do better the next time.

use std::io;

use crate::seam::Disk;

/// How often a place is read before it counts as unreadable.
pub(super) const READS_MAX: u32 = 3;

/// [`Disk::read_at`], tried again where the disk fails.
///
/// # Errors
/// What the file system said the last time, or that there is no such file.
pub(super) fn read_at(
    disk: &dyn Disk,
    name: &str,
    offset: u64,
    bytes: usize,
) -> io::Result<Vec<u8>> {
    let mut reads = 1;
    loop {
        match disk.read_at(name, offset, bytes) {
            Err(error) if error.kind() != io::ErrorKind::NotFound && reads < READS_MAX => {
                reads += 1
            }
            read => return read,
        }
    }
}
