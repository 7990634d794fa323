//! What deletes hide: points of a series within a range of time that arrived before the delete.

use std::collections::BTreeMap;

/// Veils of one series. More are refused: whoever deletes widens one that is there.
pub const VEILS_MAX: usize = 256;

/// One delete, for one series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Veil {
    /// First time that it hides, milliseconds since the epoch.
    pub from_ms: i64,
    /// Last time that it hides.
    pub until_ms: i64,
    /// It hides arrivals with a stamp below this.
    pub below_stamp: u64,
}

impl Veil {
    /// Whether it hides a point.
    pub fn hides(&self, time_ms: i64, stamp: u64) -> bool {
        self.from_ms <= time_ms && time_ms <= self.until_ms && stamp < self.below_stamp
    }
}

/// The deletes of one book.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mask {
    veils: BTreeMap<u32, Vec<Veil>>,
}

impl Mask {
    /// Hide some of a series. `false` where it has [`VEILS_MAX`] veils already.
    pub fn hide(&mut self, number: u32, veil: Veil) -> bool {
        let veils = self.veils.entry(number).or_default();
        let room = veils.len() < VEILS_MAX;
        if room {
            veils.push(veil);
        }
        room
    }

    /// What is hidden of a series.
    pub fn of(&self, number: u32) -> &[Veil] {
        self.veils.get(&number).map_or(&[], Vec::as_slice)
    }

    /// Whether nothing is hidden.
    pub fn is_empty(&self) -> bool {
        self.veils.is_empty()
    }
}
