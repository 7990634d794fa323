//! What a store is opened with: the series of its books and logs, and damaged books made whole.

use std::collections::HashMap;

use super::{RecoverError, Start};
use crate::model::series::SeriesId;
use crate::seam::Disk;
use crate::store::catalog::Catalog;
use crate::store::definition::Definition;
use crate::store::log::{Columns, Recovered, block};
use crate::store::manifest::BookInfo;
use crate::store::properties::AllProperties;
use crate::store::{book, quarantine, tries};

/// What is gathered while a store is opened.
pub(super) struct Opening<'a> {
    pub(super) catalog: Catalog,
    pub(super) properties: AllProperties,
    /// What only books of others know.
    pub(super) adopted: Vec<(SeriesId, Definition)>,
    /// Books of which a part is lost, in words.
    pub(super) notes: Vec<String>,
    /// Those of which no other file tells it.
    pub(super) lost_books: u64,
    pub(super) define: &'a mut dyn FnMut(&Definition) -> Option<SeriesId>,
    pub(super) shard: usize,
}

impl Opening<'_> {
    /// All of a book, also what the manifest does not know of yet; gives who can write on behind it. None
    /// where there is no such book.
    pub(super) fn read_book(
        &mut self,
        disk: &dyn Disk,
        book: u32,
        start: &Start,
    ) -> Result<Option<book::Reader>, RecoverError> {
        let Some(info) = start.version.book(book) else {
            return Ok(None);
        };
        let reader = match self.read_all(disk, book, info) {
            Err(RecoverError::Book(error)) if error.is_of_place() => {
                self.mend(disk, start, (book, info), error)?;
                self.read_all(disk, book, info)?
            }
            read => read?,
        };
        Ok(Some(reader))
    }

    fn read_all(
        &mut self,
        disk: &dyn Disk,
        book: u32,
        info: BookInfo,
    ) -> Result<book::Reader, RecoverError> {
        let path = book::book_path(book);
        let mut reader = book::Reader::new(book, info);
        let mut read = |offset, bytes| tries::read_at(disk, &path, offset, bytes);
        let mut definitions = Vec::new();
        while reader.step(&mut read, &mut definitions)? {
            for definition in definitions.drain(..) {
                self.meet(book, &definition)?;
            }
        }
        Ok(reader)
    }

    /// A book is damaged: make a whole one of what is left of it and of what the log tells, and put the
    /// damaged one aside. Numbers that nothing tells any more are not given again.
    fn mend(
        &mut self,
        disk: &dyn Disk,
        start: &Start,
        (book, info): (u32, BookInfo),
        error: book::BookError,
    ) -> Result<(), RecoverError> {
        let mut left = book::salvage(disk, book, info)?;
        if left.bytes.is_empty() {
            return Err(error.into());
        }
        for (_, recovered) in start.logs.iter().filter(|(lineage, _)| *lineage == book) {
            for (_, definition) in definitions(disk, recovered, HashMap::new()) {
                if definition.number < info.numbers {
                    let number = definition.number;
                    left.definitions.entry(number).or_insert(definition);
                }
            }
        }
        let life = start.life;
        let taken = quarantine::taken(disk)?;
        let (path, aside) = (
            book::book_path(book),
            quarantine::place(&taken, &format!("{book:06}-{life}"), "book"),
        );
        let copy = format!("{path}-damaged.tmp");
        disk.replace(&copy, &left.bytes)?;
        disk.rename(&copy, &aside)?;
        let whole = book::whole(book, life, info, left.definitions.values());
        disk.replace(&path, &whole)?;
        let lost = left.lost(info.numbers);
        self.lost_books += u64::from(0 < lost);
        self.notes.push(format!(
            "{error}. It was made anew of what can be read of it and of the log; {lost} of its {} numbers \
             have no names any more, so points under them cannot be found. If a copy or a snapshot has the \
             book, stop corelane now and put that in its place; the damaged one is {aside}",
            info.numbers
        ));
        Ok(())
    }

    /// A definition of a book; whether it was new to the catalog.
    pub(super) fn meet(
        &mut self,
        book: u32,
        definition: &Definition,
    ) -> Result<bool, RecoverError> {
        if self.catalog.series_of(book, definition.number).is_some() {
            return Ok(false);
        }
        let id = (self.define)(definition).ok_or(RecoverError::Series(self.shard))?;
        self.properties.set(id, definition.properties);
        if !self.catalog.bind(book, definition.number, id) {
            return Err(RecoverError::Series(self.shard));
        }
        if book != self.catalog.book() {
            self.adopted.push((id, definition.clone()));
        }
        Ok(true)
    }
}

/// The definitions in the blocks of a log, by book. A block tells how many numbers its book had given
/// out, so only those are read that gave out more than is `known` of the book.
pub(super) fn definitions(
    disk: &dyn Disk,
    recovered: &Recovered,
    mut known: HashMap<u32, u32>,
) -> Vec<(u32, Definition)> {
    let mut all = Vec::new();
    for found in &recovered.blocks {
        let header = &found.header;
        let known = known.entry(header.book).or_insert(0);
        if header.numbers <= *known {
            continue;
        }
        *known = header.numbers;
        // What cannot be read since it was found is told when it is replayed.
        let Ok(bytes) = tries::read_at(disk, &found.name, found.offset, header.bytes()) else {
            continue;
        };
        let Ok((_, payload)) = block::open(&bytes) else {
            continue;
        };
        let Ok(columns) = Columns::open(payload, header.first_stamp) else {
            continue;
        };
        let definitions = columns.definitions().filter_map(Result::ok);
        all.extend(definitions.map(|definition| (header.book, definition)));
    }
    all
}
