//! What users and operators tell the appliance, apart from points: events, metadata, roll-up tasks and how
//! far these have come.
//!
//! One file, `control.log`, written by shard 0 only: a file of records (`chained`) of entries,
//! each with its type and a *generation*, which rises by one. An entry counts when its record is on stable
//! storage; then every shard gets a copy of all there is, by mail. Read whole at a start.
//!
//! Limits: those of [events](crate::model::event), [metadata](crate::model::metadata) and
//! [roll-ups](crate::model::rollup), and [`QUEUE_BYTES_MAX`]. `FORMAT.md` has the bytes.

mod entry;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub use entry::Entry;
pub use reader::{ControlError, Loaded, dump, open, read};
pub use writer::{ControlTicket, QUEUE_BYTES_MAX, Writer};

use super::chained::Kind;
use crate::model::event::{EventRefused, Events};
use crate::model::metadata::{Metadata, MetadataRefused};
use crate::model::rollup::{RollupRefused, Tasks};
use entry::Item;

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

/// Why something that was told is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ControlRefused {
    /// An event that breaks a limit.
    #[error(transparent)]
    Event(#[from] EventRefused),
    /// Metadata that break a limit.
    #[error(transparent)]
    Metadata(#[from] MetadataRefused),
    /// A roll-up task, or its progress, that breaks a limit.
    #[error(transparent)]
    Rollup(#[from] RollupRefused),
    /// So much waits for the disk already; try later.
    #[error("the disk does not keep up; try again later")]
    Busy,
    /// There is no room on the disk; try later.
    #[error("the disk is full; try again later")]
    Full,
}

/// Everything that was told.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Control {
    /// That of the last entry; 0 where there is none.
    pub generation: u64,
    /// What happened.
    pub events: Events,
    /// What programs keep here.
    pub metadata: Metadata,
    /// What is to be rolled up.
    pub tasks: Tasks,
}

impl Control {
    /// Whether an entry may be taken over.
    ///
    /// # Errors
    /// The limit that it would pass.
    pub fn check(&self, entry: &Entry) -> Result<(), ControlRefused> {
        match entry {
            Entry::Event(event) => self.events.check(event)?,
            Entry::Metadata(place, text) => self.metadata.check(place, text)?,
            Entry::Task(id, text) => self.tasks.check(*id, text)?,
            Entry::Progress(id, progress) => self.tasks.check_progress(*id, progress)?,
            Entry::Backfill(id, _) if self.tasks.get(*id).is_none() => {
                return Err(RollupRefused::Gone.into());
            }
            Entry::Backfill(..) | Entry::NoMetadata(_) | Entry::NoTask(_) => {}
        }
        Ok(())
    }

    /// Whether it says what is so already: then it need not be kept.
    pub fn knows(&self, entry: &Entry) -> bool {
        match entry {
            Entry::Metadata(place, text) => self
                .metadata
                .get(place)
                .is_some_and(|known| **known == **text),
            Entry::NoMetadata(place) => self.metadata.get(place).is_none(),
            Entry::NoTask(id) => self.tasks.get(*id).is_none(),
            Entry::Backfill(id, backfill) => {
                let task = self.tasks.get(*id);
                task.is_some_and(|task| task.backfill == *backfill)
            }
            Entry::Event(_) | Entry::Task(..) | Entry::Progress(..) => false,
        }
    }

    /// Take over an entry that was checked, under the next generation. False where its id does not follow.
    pub fn add(&mut self, entry: Entry) -> bool {
        let fits = match entry {
            Entry::Event(event) => self.events.add(event),
            Entry::Metadata(place, text) => {
                self.metadata.set(place, &text);
                true
            }
            Entry::NoMetadata(place) => {
                self.metadata.unset(&place);
                true
            }
            Entry::Task(id, text) => {
                self.tasks.set(id, &text);
                true
            }
            Entry::NoTask(id) => {
                self.tasks.unset(id);
                true
            }
            Entry::Progress(id, progress) => {
                self.tasks.advance(id, progress);
                true
            }
            Entry::Backfill(id, backfill) => {
                self.tasks.fill_back(id, backfill);
                true
            }
        };
        self.generation += u64::from(fits);
        fits
    }

    /// Take an entry over that a file has. False where it does not follow.
    fn apply(&mut self, generation: u64, entry: Entry) -> bool {
        if generation <= self.generation || GENERATION_MAX < generation {
            return false;
        }
        let fits = self.check(&entry).is_ok() && self.add(entry);
        if fits {
            self.generation = generation;
        }
        fits
    }

    /// How many entries say all that is so. Each came by an entry of its own, so these are no more than
    /// the generation.
    fn items(&self) -> usize {
        self.events.len() + self.metadata.len() + self.task_items().count()
    }

    /// Them, in an order in which they can be taken over, but for the first so many.
    fn items_from(&self, first: usize) -> impl Iterator<Item = Item<'_>> {
        let metadata = first.saturating_sub(self.events.len());
        let tasks = metadata.saturating_sub(self.metadata.len());
        let events = self.events.iter_from(first.min(self.events.len()));
        let entries = self.metadata.iter_from(metadata.min(self.metadata.len()));
        events
            .map(|event| Item::Event(event))
            .chain(entries.map(|(place, text)| Item::Metadata(place, text)))
            .chain(self.task_items().skip(tasks))
    }

    fn task_items(&self) -> impl Iterator<Item = Item<'_>> {
        self.tasks.iter().flat_map(|(id, task)| {
            let progress = task.progress.iter();
            let progress = progress.map(move |progress| Item::Progress(id, progress));
            let backfill = task.backfill;
            let backfill = backfill.map(|backfill| Item::Backfill(id, Some(backfill)));
            std::iter::once(Item::Task(id, &task.text))
                .chain(progress)
                .chain(backfill)
        })
    }

    /// About the bytes of these entries.
    fn bytes(&self) -> u64 {
        let texts = self.events.bytes() + self.metadata.bytes() + self.tasks.bytes();
        texts as u64 + self.items() as u64 * ENTRY_BYTES
    }
}

/// What an entry takes besides its texts.
const ENTRY_BYTES: u64 = 16;
