//! From the bytes of a control log to what was told.

use std::io;

use super::entry;
use super::{CONTROL_FILE, Control, KIND, PAYLOAD_BYTES_MAX};
use crate::seam;
use crate::seam::disk::BLOCK_BYTES;
use crate::store::chained::{self, Found, HeaderError, Link};

/// Bytes of one read of a dump.
const READ_BYTES: usize = 256 * 1024;

/// Why the control log cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The file system.
    #[error("cannot read the file `{CONTROL_FILE}` of the data folder: {0}")]
    Unreadable(io::Error),
    /// It is none that this program can read.
    #[error("the file `{CONTROL_FILE}` cannot be used: {0}")]
    Header(#[from] HeaderError),
    /// A record is damaged, and others stand behind it, or what it holds makes no sense.
    #[error(
        "the file `{CONTROL_FILE}` is damaged at byte {at}: {what}; put it back from a snapshot, or keep \
         a copy and cut it there (truncate -s {at} {CONTROL_FILE}): then what was told behind it is lost"
    )]
    Damaged {
        /// Where the record starts.
        at: u64,
        /// What is wrong.
        what: &'static str,
    },
}

/// What a control log says.
#[derive(Debug)]
pub struct Loaded {
    /// Everything that was told.
    pub control: Control,
    /// How many records there are.
    pub records: u64,
    /// Where they end.
    pub end: u64,
    /// Whether something stands behind that, which was cut and is dropped.
    pub is_cut: bool,
    /// The link of the next record.
    pub(super) link: Link,
}

impl Loaded {
    /// What the end of the file lacks, in words, if it ends in a record that was cut.
    pub fn end_in_words(&self) -> Option<&'static str> {
        self.is_cut.then_some(
            "the file control.log ends in a record that was cut, as a power cut leaves what nobody was told \
             to be safe; if no power was lost, the last events, metadata and roll-ups are gone: check \
             the disk then",
        )
    }
}

/// Read the control log of a data folder. `None` where there is none yet.
///
/// # Errors
/// It is damaged or of another version; the text says what to do.
pub fn open(disk: &impl seam::Disk) -> Result<Option<Loaded>, ControlError> {
    let bytes = disk.read(CONTROL_FILE).map_err(ControlError::Unreadable)?;
    bytes.map(|bytes| read(&bytes, |_| {})).transpose()
}

/// Read a control log; `tell` hears a line for each record and each entry, also of what stands before a
/// place of damage.
///
/// # Errors
/// As [`open`].
pub fn read(bytes: &[u8], mut tell: impl FnMut(&str)) -> Result<Loaded, ControlError> {
    let (_, link) = chained::read_header(&KIND, bytes)?;
    let mut loaded = Loaded {
        control: Control::default(),
        records: 0,
        end: BLOCK_BYTES as u64,
        is_cut: false,
        link,
    };
    loop {
        let at = loaded.end;
        let rest = bytes.get(at as usize..).unwrap_or_default();
        let damaged = |what| ControlError::Damaged { at, what };
        match chained::look(rest, loaded.link, PAYLOAD_BYTES_MAX) {
            Found::Record {
                mut payload,
                bytes,
                next,
            } => {
                tell(&format!("record at {at}, {bytes} bytes"));
                while !payload.is_empty() {
                    let (generation, entry) =
                        entry::take(&mut payload).ok_or(damaged("it holds unknown entries"))?;
                    tell(&format!("  {generation}: {entry:?}"));
                    if !loaded.control.apply(generation, entry) {
                        return Err(damaged("an entry that does not follow the one before it"));
                    }
                }
                (loaded.link, loaded.end) = (next, at + bytes as u64);
                loaded.records += 1;
            }
            Found::More(_) | Found::Bad(_) if rest.is_empty() => return Ok(loaded),
            Found::More(_) => return cut(loaded, rest, "a record that is cut"),
            Found::Bad(what) => return cut(loaded, rest, what),
        }
    }
}

/// No valid record stands in `rest`: the last write was cut, or the file is damaged.
fn cut(mut loaded: Loaded, rest: &[u8], what: &'static str) -> Result<Loaded, ControlError> {
    let behind = rest.get(BLOCK_BYTES..).unwrap_or_default();
    let records_max = (rest.len() / BLOCK_BYTES) as u64;
    if chained::later(behind, loaded.link, records_max, PAYLOAD_BYTES_MAX).is_some() {
        let at = loaded.end;
        return Err(ControlError::Damaged { at, what });
    }
    loaded.is_cut = true;
    Ok(loaded)
}

/// Write what a control log says, as [`read`] tells it, and a line at the end. `read_at` gives so many bytes
/// from an offset, less where the file ends.
///
/// # Errors
/// As [`open`].
pub fn dump(
    mut read_at: impl FnMut(u64, usize) -> io::Result<Vec<u8>>,
    mut line: impl FnMut(&str),
) -> Result<(), ControlError> {
    let mut bytes = Vec::new();
    loop {
        let piece = read_at(bytes.len() as u64, READ_BYTES).map_err(ControlError::Unreadable)?;
        bytes.extend_from_slice(&piece);
        if piece.len() < READ_BYTES {
            break;
        }
    }
    let loaded = read(&bytes, &mut line)?;
    line(&format!(
        "end at {}: {} records; generation {}, {} events, {} metadata, {} roll-up tasks{}",
        loaded.end,
        loaded.records,
        loaded.control.generation,
        loaded.control.events.len(),
        loaded.control.metadata.len(),
        loaded.control.tasks.len(),
        if loaded.is_cut {
            "; behind it a record that was cut"
        } else {
            ""
        }
    ));
    Ok(())
}
