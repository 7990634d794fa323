//! From the bytes of a manifest to what it lists.

use super::change::Change;
use super::state::State;
use crate::seam::disk::BLOCK_BYTES;
use crate::store::chained::{self, Found, HeaderError, Link};

/// Bytes of the payload of one record.
pub(super) const PAYLOAD_BYTES_MAX: usize = 256 << 20;

/// Why the manifest cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The file system.
    #[error("cannot read the file `manifest` of the data folder: {0}")]
    Unreadable(std::io::Error),
    /// The file is not there, but those it should list are.
    #[error(
        "the file `manifest` is missing, but the folder `segments` holds {0} files that only it can \
         explain; put `manifest` back from a snapshot, or choose another data folder"
    )]
    Missing(usize),
    /// It is no manifest that this program can read.
    #[error("the file `manifest` cannot be used: {0}")]
    Header(#[from] HeaderError),
    /// A record is damaged, and others stand behind it, or the first one is.
    #[error(
        "the file `manifest` is damaged at byte {at}: {what}; put it back from a snapshot{}", or_cut(*.at)
    )]
    Damaged {
        /// Where the record starts.
        at: u64,
        /// What is wrong.
        what: &'static str,
    },
}

fn or_cut(at: u64) -> String {
    if at <= BLOCK_BYTES as u64 {
        return String::new();
    }
    format!(
        ", or keep a copy and cut it there (truncate -s {at} manifest): then what was sealed, merged and \
         deleted later is unknown, its files go to the folder `quarantine`, and logs that are still \
         there are read again"
    )
}

/// What a manifest says.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) state: State,
    /// The link of the next record, and where it is to stand.
    pub(super) link: Link,
    pub(super) end: usize,
    /// How many records there are.
    pub(super) records: u64,
    /// Whether the last record was cut, and is dropped.
    pub(super) is_cut: bool,
}

/// Read a manifest, telling each record before it is applied: where it stands, how many bytes it has,
/// and its changes.
pub(super) fn read(
    bytes: &[u8],
    mut tell: impl FnMut(usize, usize, &[Change]),
) -> Result<Loaded, ManifestError> {
    let (_, link) = chained::read_header(&super::KIND, bytes)?;
    let mut loaded = Loaded {
        state: State::default(),
        link,
        end: BLOCK_BYTES,
        records: 0,
        is_cut: false,
    };
    loop {
        let at = loaded.end;
        let rest = bytes.get(at..).unwrap_or_default();
        let damaged = |what| ManifestError::Damaged {
            at: at as u64,
            what,
        };
        match chained::look(rest, loaded.link, PAYLOAD_BYTES_MAX) {
            Found::Record {
                payload,
                bytes,
                next,
            } => {
                let changes = changes_of(payload).ok_or(damaged("it holds unknown changes"))?;
                tell(at, bytes, &changes);
                for change in changes {
                    loaded.state.apply(change).map_err(damaged)?;
                }
                (loaded.link, loaded.end) = (next, at + bytes);
                loaded.records += 1;
            }
            Found::More(_) => return end(loaded, rest, "a record that is cut"),
            Found::Bad(what) => return end(loaded, rest, what),
        }
    }
}

/// Nothing valid stands at the end of `loaded`: it is the end of the file, or damage.
fn end(mut loaded: Loaded, rest: &[u8], what: &'static str) -> Result<Loaded, ManifestError> {
    let at = loaded.end as u64;
    let behind = rest.get(BLOCK_BYTES..).unwrap_or_default();
    let records_max = (rest.len() / BLOCK_BYTES) as u64;
    // The first record came with the file, whole.
    let is_first = loaded.records == 0;
    if is_first || chained::later(behind, loaded.link, records_max, PAYLOAD_BYTES_MAX).is_some() {
        return Err(ManifestError::Damaged { at, what });
    }
    loaded.is_cut = rest.iter().any(|&byte| byte != 0);
    Ok(loaded)
}

fn changes_of(mut payload: &[u8]) -> Option<Vec<Change>> {
    let mut changes = Vec::new();
    while !payload.is_empty() {
        changes.push(Change::take(&mut payload)?);
    }
    Some(changes)
}
