//! The laid-out points of one connection, and how one round becomes the next.
//!
//! Items are laid out once. A stable order is arranged once and then only patched; a shuffled order
//! is arranged anew each round by copying the items. Values are computed kind by kind, so that no
//! branch depends on the series.

use std::ops::Range;
use std::sync::Arc;

use super::{Encoder, Slots};
use crate::random::{shuffle, word_at};
use crate::workload::{Kind, Workload};

/// Items whose values are computed together, kind by kind: their bytes fit a core's second-level cache.
const TILE_ITEMS: usize = 4096;

const ORDER_SALT: u64 = 0x6f72_6465_7221;

/// In which order the series of a connection follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The same in every round, as agents send.
    Stable,
    /// Another one in every round.
    Shuffled,
}

/// How items are gathered into messages; whichever ceiling is reached first ends a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grouping {
    /// Most items of a message; at least one.
    pub items_max: usize,
    /// Most bytes of a message; a single item may be larger.
    pub bytes_max: usize,
}

/// One message in the bytes of a round. It starts where the one before it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message {
    /// First byte after it.
    pub end: usize,
    /// Its points.
    pub items: u32,
}

/// One series of a kind, with the state of its values.
#[derive(Debug, Clone)]
struct Entry {
    key: u64,
    /// Number of the item in the sheet.
    item: u32,
    /// Where the item starts in the bytes of the round.
    at: u32,
    scaled: u32,
    slots: Slots,
}

/// Entries of each kind, in the order of [`Kind::ALL`], of items that follow each other.
type Tile = [Vec<Entry>; 4];

/// The points of some places of a workload as the bytes of one round. See the module's head.
#[derive(Debug, Clone)]
pub struct Sheet<E: Encoder> {
    encoder: E,
    workload: Arc<Workload>,
    places: Range<u64>,
    grouping: Grouping,
    order: Order,
    /// Templates of all items, and where each starts (one more entry than items).
    items: Vec<u8>,
    starts: Vec<u32>,
    slots: Vec<Slots>,
    sequence: Vec<u32>,
    generations: Vec<u64>,
    tiles: Vec<Tile>,
    bytes: Vec<u8>,
    ats: Vec<u32>,
    messages: Vec<Message>,
    epoch: u64,
    arranged: bool,
}

impl<E: Encoder> Sheet<E> {
    /// Lays out the series at `places` as they are in round 0. Call [`Sheet::turn_to`] before
    /// reading the bytes.
    pub fn new(
        encoder: E,
        workload: Arc<Workload>,
        places: Range<u64>,
        grouping: Grouping,
        order: Order,
    ) -> Self {
        let count = (places.end - places.start) as usize;
        let mut sheet = Sheet {
            encoder,
            workload,
            places,
            grouping,
            order,
            items: Vec::new(),
            starts: Vec::new(),
            slots: Vec::new(),
            sequence: (0..count as u32).collect(),
            generations: vec![0; count],
            tiles: vec![Tile::default(); count.div_ceil(TILE_ITEMS)],
            bytes: Vec::new(),
            ats: vec![0; count],
            messages: Vec::new(),
            epoch: 0,
            arranged: false,
        };
        sheet.lay_out();
        for (item, place) in sheet.places.clone().enumerate() {
            let kind = sheet.workload.kind(place);
            let key = sheet.workload.key(place, 0);
            let entry = Entry {
                key,
                item: item as u32,
                at: 0,
                scaled: kind.origin(key),
                slots: sheet.slots[item],
            };
            sheet.tiles[item / TILE_ITEMS][kind as usize].push(entry);
        }
        sheet
    }

    /// Makes the bytes those of `first_round`, past all rounds before it.
    pub fn begin_at(&mut self, first_round: u64) {
        if self.order == Order::Stable && self.workload.epoch(first_round) == 0 {
            // Names and order stay, so that only values go on.
            for tile in &mut self.tiles {
                for (kind, entry) in entries_of(tile) {
                    entry.scaled = kind.pass(entry.scaled, entry.key, 0..first_round);
                }
            }
        } else {
            for round in 0..first_round {
                self.turn_to(round);
            }
        }
        self.turn_to(first_round);
    }

    /// Makes the bytes those of `round`. Rounds must be taken one after the other, from 0.
    pub fn turn_to(&mut self, round: u64) {
        if self.workload.epoch(round) != self.epoch {
            self.epoch = self.workload.epoch(round);
            self.replace_series(round);
        }
        if self.order == Order::Shuffled {
            let key = word_at(
                self.workload.parameters().seed ^ ORDER_SALT,
                self.places.start,
            );
            shuffle(&mut self.sequence, word_at(key, round));
            self.arrange();
        } else if !self.arranged {
            self.arrange();
        }
        self.patch(round);
    }

    /// The bytes of the round.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The messages of the round, in the order of their bytes.
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// Number of points of every round.
    pub fn points(&self) -> u64 {
        self.places.end - self.places.start
    }

    /// Writes the template of every item with the name of its present generation.
    fn lay_out(&mut self) {
        self.items.clear();
        self.starts.clear();
        self.slots.clear();
        for (place, generation) in self.places.clone().zip(&self.generations) {
            let name = self.workload.name(place, *generation);
            self.starts.push(self.items.len() as u32);
            self.slots.push(
                self.encoder
                    .item(&name, self.workload.kind(place), &mut self.items),
            );
        }
        self.starts.push(self.items.len() as u32);
        self.arranged = false;
    }

    /// Gives places that changed hands their new name, and their values a new beginning.
    fn replace_series(&mut self, round: u64) {
        let first = self.places.start;
        let mut changed = vec![false; self.generations.len()];
        for (item, generation) in self.generations.iter_mut().enumerate() {
            let now = self.workload.generation(first + item as u64, round);
            changed[item] = now != *generation;
            *generation = now;
        }
        if !changed.contains(&true) {
            return;
        }
        self.lay_out();
        for tile in &mut self.tiles {
            for (kind, entry) in entries_of(tile) {
                let item = entry.item as usize;
                entry.slots = self.slots[item];
                if changed[item] {
                    entry.key = self
                        .workload
                        .key(first + item as u64, self.generations[item]);
                    entry.scaled = kind.origin(entry.key);
                }
            }
        }
    }

    /// Copies the items into messages, in the present sequence.
    fn arrange(&mut self) {
        self.bytes.clear();
        self.messages.clear();
        let mut next = 0;
        while next < self.sequence.len() {
            next = self.arrange_message(next);
        }
        for tile in &mut self.tiles {
            for (_, entry) in entries_of(tile) {
                entry.at = self.ats[entry.item as usize];
            }
        }
        self.arranged = true;
    }

    /// Writes the message that begins with the item at `first` of the sequence; gives the first
    /// item after it.
    fn arrange_message(&mut self, first: usize) -> usize {
        let room_bytes = self
            .grouping
            .bytes_max
            .saturating_sub(self.encoder.overhead_bytes());
        let mut items_bytes = 0;
        let mut end = first;
        while end < self.sequence.len() && end - first < self.grouping.items_max.max(1) {
            let range = item_range(&self.starts, self.sequence[end]);
            if first < end && room_bytes < items_bytes + range.len() {
                break;
            }
            items_bytes += range.len();
            end += 1;
        }
        self.encoder.open(items_bytes, &mut self.bytes);
        for (number, &item) in self.sequence[first..end].iter().enumerate() {
            let at = self.bytes.len();
            self.bytes
                .extend_from_slice(&self.items[item_range(&self.starts, item)]);
            self.encoder.place(
                &mut self.bytes[at..],
                self.slots[item as usize],
                number as u32,
            );
            self.ats[item as usize] = at as u32;
        }
        self.encoder.close(&mut self.bytes);
        self.messages.push(Message {
            end: self.bytes.len(),
            items: (end - first) as u32,
        });
        end
    }

    fn patch(&mut self, round: u64) {
        if self.workload.has_late_points() {
            self.patch_tiles::<true>(round);
        } else {
            self.patch_tiles::<false>(round);
        }
    }

    fn patch_tiles<const LATE: bool>(&mut self, round: u64) {
        let patch = Patch {
            encoder: &self.encoder,
            workload: &self.workload,
            round,
            on_time: self.encoder.stamp(self.workload.timestamp_s(round)),
            late: self.encoder.stamp(self.workload.late_timestamp_s(round)),
        };
        for [constants, counters, walks, noises] in &mut self.tiles {
            // Each call has a constant kind, so that the loop inside is compiled for it alone.
            patch.entries::<LATE>(Kind::Constant, constants, &mut self.bytes);
            patch.entries::<LATE>(Kind::Counter, counters, &mut self.bytes);
            patch.entries::<LATE>(Kind::Walk, walks, &mut self.bytes);
            patch.entries::<LATE>(Kind::Noise, noises, &mut self.bytes);
        }
    }
}

/// What is the same for every item of one round.
struct Patch<'a, E: Encoder> {
    encoder: &'a E,
    workload: &'a Workload,
    round: u64,
    on_time: E::Stamp,
    late: E::Stamp,
}

impl<E: Encoder> Patch<'_, E> {
    #[inline(always)]
    fn entries<const LATE: bool>(&self, kind: Kind, entries: &mut [Entry], bytes: &mut [u8]) {
        for entry in entries {
            entry.scaled = kind.next(entry.scaled, entry.key, self.round);
            let late = LATE && self.workload.is_late(entry.key, self.round);
            let item = &mut bytes[entry.at as usize..];
            self.encoder
                .patch_value(item, entry.slots, kind, entry.scaled);
            self.encoder.patch_stamp(
                item,
                entry.slots,
                if late { self.late } else { self.on_time },
            );
        }
    }
}

/// All entries of a tile with their kind.
fn entries_of(tile: &mut Tile) -> impl Iterator<Item = (Kind, &mut Entry)> {
    Kind::ALL
        .into_iter()
        .zip(tile)
        .flat_map(|(kind, column)| column.iter_mut().map(move |entry| (kind, entry)))
}

fn item_range(starts: &[u32], item: u32) -> Range<usize> {
    starts[item as usize] as usize..starts[item as usize + 1] as usize
}
