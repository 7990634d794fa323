//! What users and operators tell the appliance, apart from points: so far, events.
//!
//! One file, `control.log`, written by shard 0 only: a file of records (`chained`) of entries,
//! each with its type and a *generation*, which rises by one. An entry counts when its record is on stable
//! storage; then every shard gets a copy of all there is, by mail. Read whole at a start.
//!
//! Limits: those of [events](crate::model::event), and [`QUEUE_BYTES_MAX`]. `FORMAT.md` has the bytes.

mod entry;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub use reader::{ControlError, Loaded, dump, open, read};
pub use writer::{ControlRefused, ControlTicket, QUEUE_BYTES_MAX, Writer};

use super::chained::Kind;
use crate::model::event::Events;

/// Its file, below the data folder.
pub const CONTROL_FILE: &str = "control.log";

/// What the file starts with.
pub const MAGIC: [u8; 8] = *b"corelanC";

/// The kind of the file.
const KIND: Kind = Kind {
    magic: MAGIC,
    version: 1,
    features: 0,
};

/// Bytes of the payload of one record.
const PAYLOAD_BYTES_MAX: usize = 4 << 20;

/// No file has a higher generation: more than a lifetime of entries.
const GENERATION_MAX: u64 = 1 << 60;

/// Everything that was told.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Control {
    /// That of the last entry; 0 where there is none.
    pub generation: u64,
    /// What happened.
    pub events: Events,
}

impl Control {
    /// Take an entry over. False where it does not follow.
    fn apply(&mut self, generation: u64, entry: entry::Entry) -> bool {
        if generation <= self.generation || GENERATION_MAX < generation {
            return false;
        }
        let entry::Entry::Event(event) = entry;
        let fits = self.events.check(&event).is_ok() && self.events.add(event);
        if fits {
            self.generation = generation;
        }
        fits
    }
}
