//! What lies in the data folder at a start although the manifest does not list it.
//!
//! * `*.tmp`, and the `.new` beside a name that a start writes at once: begun and never finished, removed.
//! * A segment that left the list: [`Manifest::removable`](super::Manifest::removable) gives it out.
//! * A segment whose number was given out, never listed: unfinished, its points are still in the log or
//!   in other files. Moved to `quarantine` as `unfinished-…`, where the newest stay within
//!   [`UNFINISHED_BYTES_MAX`], so that crashes cannot fill the disk.
//! * A segment whose number was not given out: a stranger, perhaps of a manifest that was lost. Moved to
//!   `quarantine`, never removed.

use std::collections::BTreeMap;
use std::io;

use super::MANIFEST_FILE;
use super::version::{Fate, Version};
use crate::seam::Disk;
use crate::store::control::CONTROL_FILE;
use crate::store::info::segment_path;
use crate::store::quarantine;

/// Bytes of unfinished segments that are kept in quarantine.
pub const UNFINISHED_BYTES_MAX: u64 = 256 << 20;
const UNFINISHED: &str = "unfinished-";

/// What to do with what is not listed. Paths are below the data folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unlisted {
    /// To be renamed.
    pub moves: Vec<(String, String)>,
    /// To be removed, when the manifest is settled.
    pub removals: Vec<String>,
    /// Files of the list's way out that are gone already: tell
    /// [`Manifest::gone`](super::Manifest::gone).
    pub gone: Vec<u64>,
    /// No number below this may be given out: tell
    /// [`Manifest::raise_numbers`](super::Manifest::raise_numbers).
    pub next_file: u64,
    /// Listed files that are not there: each is lost, and to be told as such.
    pub missing: Vec<u64>,
    /// Listed files of another length than when they were written: number, bytes, and what they had.
    pub cut: Vec<(u64, u64, u64)>,
    /// How many segments were unfinished.
    pub unfinished: u64,
    /// How many segments nobody knows.
    pub strangers: u64,
}

/// Look for what is not listed. Nothing is changed.
///
/// # Errors
/// What the file system said.
pub fn unlisted(disk: &impl Disk, version: &Version) -> io::Result<Unlisted> {
    unlisted_within(disk, version, UNFINISHED_BYTES_MAX)
}

/// With another bound for the unfinished ones.
pub(super) fn unlisted_within(
    disk: &impl Disk,
    version: &Version,
    unfinished_bytes_max: u64,
) -> io::Result<Unlisted> {
    let mut found = Unlisted::default();
    let mut segments: BTreeMap<u64, u64> = BTreeMap::new();
    for (name, bytes) in disk.list("segments")? {
        match number_of(&name) {
            Some(file) => {
                segments.insert(file, bytes);
            }
            None if is_begun(&name) => found.removals.push(format!("segments/{name}")),
            None => {}
        }
    }
    for folder in ["", "books", "snapshots"] {
        let names = disk.list(folder)?.into_iter().map(|(name, _)| name);
        let is_ours = |name: &String| {
            is_begun(name)
                && (!folder.is_empty()
                    || name.starts_with(MANIFEST_FILE)
                    || name.starts_with(CONTROL_FILE))
        };
        let path = |name| match folder {
            "" => name,
            folder => format!("{folder}/{name}"),
        };
        found.removals.extend(names.filter(is_ours).map(path));
    }
    for info in version.all_segments() {
        match segments.remove(&info.file) {
            None => found.missing.push(info.file),
            Some(bytes) if bytes != info.bytes => found.cut.push((info.file, bytes, info.bytes)),
            Some(_) => {}
        }
    }
    found.missing.sort_unstable();
    for (file, fate) in version.leaving() {
        match (segments.remove(&file), fate) {
            (None, _) => found.gone.push(file),
            // The manifest gives them out for removal.
            (Some(_), Fate::Removed | Fate::Quarantined) => {}
        }
    }
    found.next_file = version.next_file();
    let mut kept = kept_unfinished(disk)?;
    for (file, bytes) in segments {
        found.next_file = found.next_file.max(file.saturating_add(1));
        let path = segment_path(file);
        if file < version.next_file() {
            found.unfinished += 1;
            kept.insert(file, (bytes, Some(path)));
        } else {
            found.strangers += 1;
            found.moves.push((path, quarantine_path("", file)));
        }
    }
    bound(kept, unfinished_bytes_max, &mut found);
    Ok(found)
}

/// Unfinished segments in quarantine: number, bytes, and where it lies if not there yet.
type Kept = BTreeMap<u64, (u64, Option<String>)>;

fn kept_unfinished(disk: &impl Disk) -> io::Result<Kept> {
    let files = disk.list(quarantine::FOLDER)?.into_iter();
    let unfinished = files.filter_map(|(name, bytes)| {
        let file = number_of(name.strip_prefix(UNFINISHED)?)?;
        Some((file, (bytes, None)))
    });
    Ok(unfinished.collect())
}

/// The newest stay, the others go.
fn bound(kept: Kept, bytes_max: u64, found: &mut Unlisted) {
    let mut sum = 0u64;
    for (file, (bytes, path)) in kept.into_iter().rev() {
        sum = sum.saturating_add(bytes);
        let place = quarantine_path(UNFINISHED, file);
        match (sum <= bytes_max, path) {
            (true, Some(path)) => found.moves.push((path, place)),
            (true, None) => {}
            (false, path) => found.removals.push(path.unwrap_or(place)),
        }
    }
}

fn quarantine_path(prefix: &str, file: u64) -> String {
    format!("{}/{prefix}{file:010}.seg", quarantine::FOLDER)
}

/// Whether the name is one that a file has only until it is whole.
fn is_begun(name: &str) -> bool {
    let begun = [".tmp", ".tmp.new", ".book.new"];
    begun.iter().any(|ending| name.ends_with(ending))
}

fn number_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".seg")?;
    let is_number = digits.len() >= 10 && digits.bytes().all(|digit| digit.is_ascii_digit());
    is_number.then(|| digits.parse().ok())?
}

impl super::Leaving {
    /// Where the file lies, and where it is to be moved; none where it is to be removed.
    pub fn paths(&self) -> (String, Option<String>) {
        let to = match self.fate {
            Fate::Removed => None,
            Fate::Quarantined => Some(quarantine_path("", self.file)),
        };
        (segment_path(self.file), to)
    }
}
