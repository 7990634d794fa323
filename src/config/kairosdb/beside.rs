//! Files that KairosDB would read too: those of its plugins, beside its own.

use std::path::{Path, PathBuf};

use super::super::load::read_file;
use super::{Named, PREFIX, has_extension};

/// What KairosDB writes there itself.
const OWN: &str = "kairosdb_guid.properties";
/// Entries of a folder, and files among them, that are looked at.
const ENTRIES_MAX: usize = 1_000;
const FILES_MAX: usize = 16;

/// The files beside the first that nobody named and that have keys of KairosDB.
pub(super) fn unread(files: &[Named]) -> Vec<PathBuf> {
    let Some((first, _)) = files.first() else {
        return Vec::new();
    };
    let folder = first
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let Ok(entries) = std::fs::read_dir(folder.unwrap_or(Path::new("."))) else {
        return Vec::new();
    };
    let is_named = |name: &Path| {
        files
            .iter()
            .any(|(file, _)| file.file_name() == Some(name.as_os_str()))
    };
    let paths = entries
        .take(ENTRIES_MAX)
        .flatten()
        .map(|entry| entry.path());
    let others = paths.filter(|path| {
        let name = Path::new(path.file_name().unwrap_or_default());
        let is_conf = has_extension(path, "conf") || has_extension(path, "properties");
        is_conf && path.is_file() && name != Path::new(OWN) && !is_named(name)
    });
    let is_kairosdb = |path: &PathBuf| {
        let bytes = read_file(path).unwrap_or_default();
        memchr::memmem::find(&bytes, PREFIX.trim_end_matches('.').as_bytes()).is_some()
    };
    let mut unread: Vec<PathBuf> = others.take(FILES_MAX).filter(is_kairosdb).collect();
    unread.sort();
    unread
}
