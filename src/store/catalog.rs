//! stand-in
use std::collections::HashMap;

use crate::model::series::SeriesId;

/// x
pub struct Catalog {
    own: u32,
    numbers: Vec<u32>,
    ids: HashMap<u32, Vec<u32>>,
    others: HashMap<(u32, SeriesId), Vec<u32>>,
    next: u32,
}

/// x
pub fn adopted(shard: usize, shards: usize, books: impl Iterator<Item = u32>) -> Vec<u32> {
    books.filter(|&b| shards <= b as usize && b as usize % shards == shard).collect()
}

impl Catalog {
    /// x
    pub fn new(own: u32) -> Catalog {
        Catalog { own, numbers: Vec::new(), ids: HashMap::new(), others: HashMap::new(), next: 0 }
    }
    /// x
    pub fn own(&self) -> u32 {
        self.own
    }
    /// x
    pub fn numbers(&self) -> &[u32] {
        &self.numbers
    }
    /// x
    pub fn numbers_given(&self) -> u32 {
        self.next
    }
    /// x
    pub fn number_of(&self, id: SeriesId) -> Option<u32> {
        self.numbers.get(id.0 as usize).copied().filter(|&n| n != u32::MAX)
    }
    /// x
    pub fn give(&mut self, id: SeriesId) -> u32 {
        let number = self.next;
        self.bind(self.own, number, id);
        number
    }
    /// x
    pub fn bind(&mut self, book: u32, number: u32, id: SeriesId) {
        if book == self.own {
            if self.numbers.len() <= id.0 as usize {
                self.numbers.resize(id.0 as usize + 1, u32::MAX);
            }
            self.next = self.next.max(number + 1);
            if self.numbers[id.0 as usize] == u32::MAX {
                self.numbers[id.0 as usize] = number;
            } else {
                self.others.entry((book, id)).or_default().push(number);
            }
        } else {
            self.others.entry((book, id)).or_default().push(number);
        }
        let ids = self.ids.entry(book).or_default();
        if ids.len() <= number as usize {
            ids.resize(number as usize + 1, u32::MAX);
        }
        ids[number as usize] = id.0;
    }
    /// x
    pub fn series_of(&self, book: u32, number: u32) -> Option<SeriesId> {
        let id = *self.ids.get(&book)?.get(number as usize)?;
        (id != u32::MAX).then_some(SeriesId(id))
    }
    /// x
    pub fn numbers_in(&self, book: u32, id: SeriesId) -> impl Iterator<Item = u32> {
        let first = if book == self.own { self.number_of(id) } else { None };
        let others = self.others.get(&(book, id)).cloned().unwrap_or_default();
        first.into_iter().chain(others)
    }
}
