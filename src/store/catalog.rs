//! Which series of a shard has which number in its books.
//!
//! Takes series ids of the shard's index and numbers; gives one for the other. Files name series by
//! book and number; a shard writes under its own book and may have adopted others, which it only reads.
//! Usually number and series go one to one: four bytes each way. Where several numbers of a book mean
//! one series, the others stand aside.
//!
//! Limits: [`NUMBERS_MAX`] numbers in a book, [`SERIES_MAX`] series. Does not know names.

use std::collections::{BTreeMap, HashMap};

use super::book::NUMBERS_MAX;
use crate::model::series::SeriesId;

#[cfg(test)]
mod tests;

/// No number, no series.
pub const NONE: u32 = u32::MAX;
/// Series of a shard.
pub const SERIES_MAX: u32 = 1 << 24;

/// The numbers of one book.
#[derive(Clone, Debug, Default)]
struct Lineage {
    /// By number, the series.
    series: Vec<u32>,
    /// By series, its first number.
    numbers: Vec<u32>,
    /// By series, its further numbers.
    further: HashMap<u32, Vec<u32>>,
}

/// What is at a place of a list that is only as long as it must be.
fn at(list: &[u32], place: u32) -> Option<u32> {
    list.get(place as usize)
        .copied()
        .filter(|&value| value != NONE)
}

fn set(list: &mut Vec<u32>, place: u32, value: u32) {
    let place = place as usize;
    if list.len() <= place {
        list.resize(place + 1, NONE);
    }
    list[place] = value;
}

impl Lineage {
    fn bind(&mut self, number: u32, id: SeriesId) -> bool {
        if number >= NUMBERS_MAX || id.0 >= SERIES_MAX {
            return false;
        }
        if let Some(known) = at(&self.series, number) {
            return known == id.0;
        }
        set(&mut self.series, number, id.0);
        match at(&self.numbers, id.0) {
            None => set(&mut self.numbers, id.0, number),
            Some(_) => self.further.entry(id.0).or_default().push(number),
        }
        true
    }

    fn numbers_of(&self, id: SeriesId) -> impl Iterator<Item = u32> {
        let further = self.further.get(&id.0).into_iter().flatten().copied();
        at(&self.numbers, id.0).into_iter().chain(further)
    }
}

/// The numbers of the series of a shard.
#[derive(Clone, Debug)]
pub struct Catalog {
    book: u32,
    own: Lineage,
    adopted: BTreeMap<u32, Lineage>,
    /// Own numbers below are in the book.
    booked: u32,
}

impl Catalog {
    /// For a shard that writes under `book`.
    pub fn new(book: u32) -> Catalog {
        Catalog {
            book,
            own: Lineage::default(),
            adopted: BTreeMap::new(),
            booked: 0,
        }
    }

    /// The book that the shard writes under.
    pub fn book(&self) -> u32 {
        self.book
    }

    /// The number of a series in the own book.
    #[inline]
    pub fn number_of(&self, id: SeriesId) -> Option<u32> {
        at(&self.own.numbers, id.0)
    }

    /// By series, the number in the own book or [`NONE`]; series behind the end have none.
    #[inline]
    pub fn numbers(&self) -> &[u32] {
        &self.own.numbers
    }

    /// Give a series the next number of the own book, if it has none yet. `None` when the book is full.
    pub fn give(&mut self, id: SeriesId) -> Option<u32> {
        if let Some(number) = self.number_of(id) {
            return Some(number);
        }
        let number = self.next_number();
        self.own.bind(number, id).then_some(number)
    }

    /// The number that [`Catalog::give`] gives next.
    pub fn next_number(&self) -> u32 {
        self.own.series.len() as u32
    }

    /// No number below `next` is given from now on: they are in the book or the log, known or not.
    pub fn raise(&mut self, next: u32) {
        let next = next.min(NUMBERS_MAX) as usize;
        if self.own.series.len() < next {
            self.own.series.resize(next, NONE);
        }
    }

    /// What a book or a log says: `number` of `book` means a series. False where that number means
    /// another one already, or a limit is passed; then nothing changes.
    pub fn bind(&mut self, book: u32, number: u32, id: SeriesId) -> bool {
        if book == self.book {
            return self.own.bind(number, id);
        }
        self.adopted.entry(book).or_default().bind(number, id)
    }

    /// The series that a number means.
    #[inline]
    pub fn series_of(&self, book: u32, number: u32) -> Option<SeriesId> {
        let lineage = self.lineage(book)?;
        at(&lineage.series, number).map(SeriesId)
    }

    /// All numbers of a book that mean a series.
    pub fn numbers_in(&self, book: u32, id: SeriesId) -> impl Iterator<Item = u32> {
        let lineage = self.lineage(book).into_iter();
        lineage.flat_map(move |lineage| lineage.numbers_of(id))
    }

    /// The books that have numbers here, the own one first.
    pub fn books(&self) -> impl Iterator<Item = u32> {
        std::iter::once(self.book).chain(self.adopted.keys().copied())
    }

    #[inline]
    fn lineage(&self, book: u32) -> Option<&Lineage> {
        if book == self.book {
            Some(&self.own)
        } else {
            self.adopted.get(&book)
        }
    }

    /// Own numbers from `number` on, and what they mean: the log asks from the first that it did not
    /// have yet.
    pub fn since(&self, number: u32) -> impl Iterator<Item = (u32, SeriesId)> {
        let numbers = number..self.next_number();
        numbers.filter_map(|number| Some((number, SeriesId(at(&self.own.series, number)?))))
    }

    /// Own numbers that are in the log only, and what they mean: they are to be appended to the book
    /// before a segment needs them.
    pub fn pending(&self) -> impl Iterator<Item = (u32, SeriesId)> {
        self.since(self.booked)
    }

    /// Own numbers below `next` were appended to the book.
    pub fn booked(&mut self, next: u32) {
        self.booked = self.booked.max(next);
    }

    /// Bytes of memory.
    pub fn bytes(&self) -> usize {
        let lineages = std::iter::once(&self.own).chain(self.adopted.values());
        let bytes = |lineage: &Lineage| {
            let further = lineage.further.values().map(|all| 64 + 4 * all.capacity());
            4 * (lineage.series.capacity() + lineage.numbers.capacity()) + further.sum::<usize>()
        };
        lineages.map(bytes).sum()
    }
}

/// What a shard writes and reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adopted {
    /// The number of the book and the log that it writes.
    pub own: u32,
    /// Whether that book is new.
    pub is_new: bool,
    /// Books, and logs of the same numbers, that it only reads.
    pub others: Vec<u32>,
}

/// What shard `shard` of `shards` writes and reads, where there are these books or logs from before. Each
/// goes to exactly one shard.
pub fn adopted(shard: u32, shards: u32, books: &[u32]) -> Adopted {
    let is_its = |&book: &u32| book >= shards && book % shards.max(1) == shard;
    let mut others: Vec<u32> = books.iter().copied().filter(is_its).collect();
    others.sort_unstable();
    others.dedup();
    Adopted {
        own: shard,
        is_new: !books.contains(&shard),
        others,
    }
}
