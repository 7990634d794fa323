//! What a copy of the data folder takes, as of one version, while the appliance runs.
//!
//! The caller
//!
//! 1. lets every shard freeze and seal its heads, and waits until these seals are committed: what came
//!    before is then in segments, and no log is needed,
//! 2. takes [`Manifest::committed`](super::Manifest::committed) and holds it until the end, so that no
//!    file of it is removed,
//! 3. makes the links: segments never change,
//! 4. copies the books up to the length that is told, as they grow on, and the file `identity`, which
//!    the names of tombstones depend on; syncs each copy,
//! 5. writes the manifest of the copy last, and syncs it: a folder without it is no snapshot.
//!
//! To start from it, its folder is given as the data folder, or copied to one.

use std::sync::Arc;

use super::version::Version;
use super::{MANIFEST_FILE, encode};
use crate::store::book::book_path;

/// Steps to a snapshot, paths below the data folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Second names for files that never change: from, to.
    pub links: Vec<(String, String)>,
    /// Files that grow on: from, to, and how many bytes to copy.
    pub copies: Vec<(String, String, u64)>,
    /// Path of the manifest of the copy.
    pub manifest_path: String,
    /// Its bytes.
    pub manifest: Vec<u8>,
}

/// The steps to a snapshot of that name. `None` where the name is no plain one of letters, digits, `-`,
/// `_` and `.`, or starts with a dot, or is longer than 100 bytes.
pub fn plan(version: &Version, name: &str) -> Option<Plan> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let is_name = (1..=100).contains(&name.len()) && name.bytes().all(is_plain);
    if !is_name || name.starts_with('.') {
        return None;
    }
    let to = |path: &str| format!("snapshots/{name}/{path}");
    let links = version.all_segments().map(|info| {
        let path = info.path();
        let to = to(&path);
        (path, to)
    });
    let books = version.books().filter(|(_, info)| info.bytes > 0);
    let copies = books.map(|(book, info)| {
        let path = book_path(book);
        let to = to(&path);
        (path, to, info.bytes)
    });
    // Files on their way out are not copied.
    let listed = Version {
        leaving: Arc::default(),
        ..version.clone()
    };
    Some(Plan {
        links: links.collect(),
        copies: copies.collect(),
        manifest_path: to(MANIFEST_FILE),
        manifest: encode::whole(Arc::new(listed)),
    })
}
