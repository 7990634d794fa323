//! What an appliance keeps of itself for as long as its data folder lives: the seed of the hash
//! that finds series. It is chosen at the first start and never changes.
//!
//! The file is one line of text: `1`, the seed and the check of both, in hexadecimal. The first
//! byte is the version of this format.

use std::hash::{BuildHasher, Hasher, RandomState};

use xxhash_rust::xxh3::xxh3_64;

use crate::seam::Disk;
use crate::store::manifest::MANIFEST_FILE;

/// The file's name in the data folder.
pub const IDENTITY_FILE: &str = "identity";

/// The version of the format that this program writes.
const VERSION: &str = "1";

/// Why the identity could not be had.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The file system said no.
    #[error(
        "cannot {doing} `{IDENTITY_FILE}` in the data folder: {source}; check its permissions and free space"
    )]
    Disk {
        /// `read` or `write`.
        doing: &'static str,
        /// What it said.
        source: std::io::Error,
    },
    /// A later corelane wrote it.
    #[error(
        "`{IDENTITY_FILE}` in the data folder has version `{0}`, this corelane knows {VERSION}; \
         start the corelane that wrote it, or a newer one"
    )]
    Version(String),
    /// It is not there, but what rests on it is.
    #[error(
        "`{IDENTITY_FILE}` is missing in the data folder, beside `{MANIFEST_FILE}`, whose deletes name \
         series by it: with a new one what was deleted would show again. Put it back from a snapshot of this \
         folder or a copy; it never changes"
    )]
    Missing,
    /// It is not what was written.
    #[error(
        "`{IDENTITY_FILE}` in the data folder is damaged ({0}); put it back from a copy, or move \
         the data folder away to start an empty one"
    )]
    Damaged(&'static str),
}

/// The hash seed stored on `disk`; when there is none yet, `fresh` is stored and given.
///
/// # Errors
/// The file can neither be read nor written, is damaged, of a version not known here, or missing although the
/// folder is not new.
pub fn seed_of(disk: &dyn Disk, fresh: impl FnOnce() -> u64) -> Result<u64, IdentityError> {
    let stored = disk
        .read(IDENTITY_FILE)
        .map_err(|source| IdentityError::Disk {
            doing: "read",
            source,
        })?;
    if let Some(bytes) = stored {
        return parse(&bytes);
    }
    let beside = disk.list("").map_err(|source| IdentityError::Disk {
        doing: "read",
        source,
    })?;
    if beside.iter().any(|(name, _)| name == MANIFEST_FILE) {
        return Err(IdentityError::Missing);
    }
    let seed = fresh();
    disk.replace(IDENTITY_FILE, render(seed).as_bytes())
        .map_err(|source| IdentityError::Disk {
            doing: "write",
            source,
        })?;
    Ok(seed)
}

/// 64 bits that no sender can know, from the operating system's chance.
pub fn fresh_seed() -> u64 {
    RandomState::new().build_hasher().finish()
}

fn render(seed: u64) -> String {
    let said = format!("{VERSION} {seed:016x}");
    let check = xxh3_64(said.as_bytes());
    format!("{said} {check:016x}\n")
}

/// Whether a file that starts with `bytes` is meant to be an identity.
pub fn looks_like_one(bytes: &[u8]) -> bool {
    let is_text = |byte: &u8| byte.is_ascii_hexdigit() || b" \n".contains(byte);
    bytes.first().is_some_and(u8::is_ascii_digit)
        && bytes.contains(&b' ')
        && bytes.iter().all(is_text)
}

/// The hash seed that an identity holds.
///
/// # Errors
/// It is damaged, or of a version not known here.
pub fn parse(bytes: &[u8]) -> Result<u64, IdentityError> {
    let text = std::str::from_utf8(bytes).map_err(|_| IdentityError::Damaged("it is not text"))?;
    let mut words = text.split_ascii_whitespace();
    let version = words.next().ok_or(IdentityError::Damaged("it is empty"))?;
    if version != VERSION {
        return Err(IdentityError::Version(version.chars().take(16).collect()));
    }
    let seed = words
        .next()
        .and_then(|word| u64::from_str_radix(word, 16).ok())
        .ok_or(IdentityError::Damaged("it holds no seed"))?;
    if text != render(seed) {
        return Err(IdentityError::Damaged("its check does not match"));
    }
    Ok(seed)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeMap;
    use std::io;

    use super::*;

    #[derive(Default)]
    struct Folder {
        files: RefCell<BTreeMap<String, Vec<u8>>>,
        broken: bool,
    }

    impl Disk for Folder {
        fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
            if self.broken {
                return Err(io::Error::other("torn"));
            }
            Ok(self.files.borrow().get(name).cloned())
        }

        fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
            self.files
                .borrow_mut()
                .insert(name.to_owned(), bytes.to_vec());
            Ok(())
        }

        fn list(&self, _: &str) -> io::Result<Vec<(String, u64)>> {
            let files = self.files.borrow();
            Ok(files
                .iter()
                .map(|(name, bytes)| (name.clone(), bytes.len() as u64))
                .collect())
        }

        fn read_at(&self, _: &str, _: u64, _: usize) -> io::Result<Vec<u8>> {
            Err(io::ErrorKind::Unsupported.into())
        }

        fn rename(&self, _: &str, _: &str) -> io::Result<()> {
            Err(io::ErrorKind::Unsupported.into())
        }
    }

    #[track_caller]
    fn check(content: &[u8], want: &str) {
        let folder = Folder::default();
        folder
            .replace(IDENTITY_FILE, content)
            .expect("a map takes it");
        let fault = seed_of(&folder, || 1).expect_err("a bad file").to_string();
        assert!(fault.contains(want), "{fault}");
        let kept = folder.read(IDENTITY_FILE).expect("a map gives it");
        assert_eq!(kept.as_deref(), Some(content), "a bad file is left alone");
    }

    #[test]
    fn the_first_seed_stays() {
        let folder = Folder::default();
        assert_eq!(seed_of(&folder, || 0xfeed).expect("stored"), 0xfeed);
        assert_eq!(seed_of(&folder, || 0xbad).expect("read"), 0xfeed);
        assert_ne!(fresh_seed(), fresh_seed());
    }

    #[test]
    fn none_is_made_where_a_manifest_rests_on_the_one_that_is_gone() {
        let folder = Folder::default();
        folder.replace("manifest", b"x").expect("a map takes it");
        let fault = seed_of(&folder, || 1).expect_err("refused").to_string();
        assert!(
            fault.contains("is missing") && fault.contains("snapshot"),
            "{fault}"
        );
        assert_eq!(folder.read(IDENTITY_FILE).expect("a map gives it"), None);
        folder.files.borrow_mut().remove("manifest");
        assert_eq!(seed_of(&folder, || 7).expect("a new folder"), 7);
    }

    #[test]
    fn every_damage_is_noticed() {
        check(b"", "it is empty");
        check(b"\xff\xfe", "it is not text");
        check(b"1", "it holds no seed");
        check(b"1 xyz 0", "it holds no seed");
        check(b"2 00 00\n", "has version `2`");
        let good = render(0x0123_4567_89ab_cdef);
        for at in 0..good.len() {
            let mut bad = good.clone().into_bytes();
            bad[at] ^= 1;
            check(&bad, "in the data folder");
        }
        check(
            &good.as_bytes()[..good.len() - 1],
            "its check does not match",
        );
    }

    #[test]
    fn what_the_file_system_says_is_told() {
        let folder = Folder {
            broken: true,
            ..Folder::default()
        };
        let fault = seed_of(&folder, || 1).expect_err("broken").to_string();
        assert!(
            fault.contains("torn") && fault.contains("permissions"),
            "{fault}"
        );
    }
}
