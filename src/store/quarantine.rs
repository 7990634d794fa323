//! Names in the folder of damaged files: what lies there is for people, so nothing takes its place.

use std::collections::HashSet;
use std::io;

use crate::seam::Disk;

/// Where damaged files are put, below the data folder.
pub(super) const FOLDER: &str = "quarantine";

/// The names that are there.
///
/// # Errors
/// What the file system said.
pub(super) fn taken(disk: &dyn Disk) -> io::Result<HashSet<String>> {
    let files = disk.list(FOLDER)?.into_iter();
    Ok(files.map(|(name, _)| name).collect())
}

/// A path there that nobody has: `stem`, a number where that is taken, and `.kind`.
pub(super) fn place(taken: &HashSet<String>, stem: &str, kind: &str) -> String {
    let mut name = format!("{stem}.{kind}");
    let mut times = 1u64;
    while taken.contains(&name) {
        times += 1;
        name = format!("{stem}-{times}.{kind}");
    }
    format!("{FOLDER}/{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_replaced() {
        let taken = ["a.log", "a-2.log", "b.book"].map(str::to_owned).into();
        assert_eq!(place(&taken, "a", "log"), "quarantine/a-3.log");
        assert_eq!(place(&taken, "b", "book"), "quarantine/b-2.book");
        assert_eq!(place(&taken, "b", "log"), "quarantine/b.log");
    }
}
