//! The generations of a shard's head: one that takes points, and those before it that are on their way
//! into files.

use std::rc::Rc;

use super::generation::{Head, Reading};
use crate::base::time::{Millis, Stamp};
use crate::model::series::{SeriesId, Values};

/// How far a generation is on its way into files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nobody has begun to write it, or it takes points still.
    Held,
    /// Its files are listed: no new reading looks at it, and it goes as soon as the old ones have ended.
    Listed,
}

/// One generation.
pub(super) struct Generation {
    pub(super) number: u64,
    pub(super) head: Head,
    pub(super) fate: Fate,
    /// The log from this block on is not about it; known once it is frozen.
    pub(super) floor: u64,
    /// Whose log it is in.
    pub(super) log: u32,
    /// Before which no arrival is in it: the last of the one before.
    pub(super) after: Stamp,
    holds: Rc<()>,
}

impl Generation {
    pub(super) fn new(number: u64, log: u32, head: Head, after: Stamp) -> Generation {
        Generation {
            number,
            head,
            fate: Fate::Held,
            floor: 0,
            log,
            after,
            holds: Rc::default(),
        }
    }

    /// A hold on it: it stays as it is until this is dropped.
    pub(super) fn hold(&self) -> Rc<()> {
        Rc::clone(&self.holds)
    }

    /// Whether a reading holds it.
    pub(super) fn is_held(&self) -> bool {
        1 < Rc::strong_count(&self.holds)
    }

    /// Where its points count as arrived that do not know better.
    pub(super) fn stamp(&self) -> Stamp {
        self.head.stamps().map_or(self.after, |(_, last)| last)
    }

    /// Begin to read what arrived at this stamp or later.
    pub(super) fn reading(
        &self,
        id: SeriesId,
        (from, until): (Millis, Millis),
        values: Values,
        expired_below: u64,
    ) -> Reading {
        Reading::new(id, from, until, values).without_expired(expired_below)
    }
}
