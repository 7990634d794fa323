//! Definitions on their way into the file of a book.

use std::sync::Arc;

use super::{KIND, NUMBERS_MAX, PAYLOAD_BYTES, QUEUE_BYTES_MAX, book_path};
use crate::base::varint;
use crate::seam::disk::{Desk, Fault, Job, Outcome, Request};
use crate::store::chained::{self, Link, RECORD_HEAD_BYTES};
use crate::store::definition::{Definition, Told};
use crate::store::manifest::BookInfo;

/// Bytes of one read or write.
const PIECE_BYTES: usize = 256 * 1024;

/// Why a definition is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BookRefused {
    /// Numbers rise.
    #[error("number {0} is not above those in the book")]
    Order(u32),
    /// The book is full.
    #[error("a book has no number {0}")]
    Full(u32),
    /// So much waits for the disk already; try later.
    #[error("the disk does not keep up with the book")]
    Busy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Idle,
    Create,
    /// From this place of the file on.
    Read(u64),
    /// What was read, at this place.
    Copy(u64),
    /// Of what waits.
    Write,
    Sync,
    Rename,
}

/// Writes one book.
#[derive(Debug)]
pub struct Writer {
    book: u32,
    life: u64,
    path: Arc<str>,
    /// Where `tail` starts: all before it is in the file.
    base: u64,
    /// Whole records that are not synced.
    tail: Vec<u8>,
    /// So many bytes of the tail are written.
    written: usize,
    link: Link,
    /// A record that is still open, or empty.
    open: Vec<u8>,
    /// All numbers taken are below.
    next: u32,
    /// Of the open record.
    told: Told,
    /// All numbers in whole records are below.
    next_whole: u32,
    /// All numbers in what is being synced are below.
    next_synced: u32,
    durable: BookInfo,
    /// The file is to be made first, or made again by copying what is good of it.
    wants_file: bool,
    /// The file that is made; none while the book itself is written.
    making: Option<Arc<str>>,
    attempts: u64,
    scrap: Vec<Arc<str>>,
    piece: Vec<u8>,
    step: Step,
    job: Option<Job>,
    wants_sync: bool,
    fault: Option<Fault>,
    is_waiting: bool,
}

impl Writer {
    /// A new book.
    pub fn new(book: u32, life: u64) -> Writer {
        let at = (
            0,
            Link {
                sequence: 0,
                chain: 0,
            },
            0,
        );
        Writer::behind(book, life, BookInfo::default(), at)
    }

    /// Behind what stands in the file: where it ends, the link there, and what numbers are below.
    pub(super) fn behind(
        book: u32,
        life: u64,
        durable: BookInfo,
        (end, link, next): (u64, Link, u32),
    ) -> Writer {
        let mut writer = Writer {
            book,
            life,
            path: book_path(book).into(),
            base: end,
            tail: Vec::new(),
            written: 0,
            link,
            open: Vec::new(),
            told: Told::default(),
            next,
            next_whole: next,
            next_synced: next,
            durable,
            wants_file: end == 0,
            making: None,
            attempts: 0,
            scrap: Vec::new(),
            piece: Vec::new(),
            step: Step::Idle,
            job: None,
            // What stands in the file may never have been synced.
            wants_sync: end > durable.bytes,
            fault: None,
            is_waiting: false,
        };
        if end == 0 {
            (writer.tail, writer.link) = chained::header(&KIND, u64::from(book));
        }
        writer
    }

    /// Take a definition, to be written with those before it.
    ///
    /// # Errors
    /// Its number is not above the last, or a limit is reached.
    pub fn append(&mut self, definition: &Definition) -> Result<(), BookRefused> {
        let number = definition.number;
        if number < self.next {
            return Err(BookRefused::Order(number));
        }
        if number >= NUMBERS_MAX {
            return Err(BookRefused::Full(number));
        }
        if self.tail.len() >= QUEUE_BYTES_MAX {
            return Err(BookRefused::Busy);
        }
        if self.open.len() + definition.bytes_max() > RECORD_HEAD_BYTES + PAYLOAD_BYTES {
            self.close();
        }
        if self.open.is_empty() {
            self.open = chained::begin();
            varint::push(self.life, &mut self.open);
        }
        definition.push(&mut self.told, &mut self.open);
        self.next = number + 1;
        Ok(())
    }

    /// The open record is whole.
    fn close(&mut self) {
        if !self.open.is_empty() {
            self.link = chained::seal(&mut self.open, self.link);
            self.tail.append(&mut self.open);
            self.told.clear();
        }
        self.next_whole = self.next;
    }

    /// Which book.
    pub fn book(&self) -> u32 {
        self.book
    }

    /// All numbers taken so far are below.
    pub fn next_number(&self) -> u32 {
        self.next
    }

    /// How much is on stable storage: a segment that needs no more may be listed, together with this.
    pub fn durable(&self) -> BookInfo {
        self.durable
    }

    /// Whether all that was taken is on stable storage.
    pub fn is_idle(&self) -> bool {
        self.step == Step::Idle && !self.has_work()
    }

    fn has_work(&self) -> bool {
        self.wants_file || self.wants_sync || !self.open.is_empty() || !self.tail.is_empty()
    }

    /// Bytes that wait for the disk.
    pub fn queue_bytes(&self) -> usize {
        self.tail.len() + self.open.len()
    }

    /// Whether something waits that could be given to the disk now.
    pub fn has_waiting(&self) -> bool {
        self.step == Step::Idle && !self.is_waiting && 0 < self.queue_bytes()
    }

    /// The last fault of the disk, if nothing succeeded since.
    pub fn fault(&self) -> Option<&Fault> {
        self.fault.as_ref()
    }

    /// After a fault, try again. To be called about once a second.
    pub fn retry(&mut self) {
        self.is_waiting = false;
    }

    /// Go on: ask the disk for what is next.
    pub fn poll(&mut self, desk: &mut Desk<'_>) {
        for name in self.scrap.drain(..) {
            desk.ask(Request::Remove { name });
        }
        if self.job.is_some() || self.is_waiting {
            return;
        }
        if self.step == Step::Idle && self.has_work() {
            self.close();
            self.begin();
        }
        if let Some(request) = self.request() {
            self.job = Some(desk.ask(request));
        }
    }

    fn begin(&mut self) {
        self.step = match self.wants_file {
            false => self.write_or_sync(),
            true => {
                self.attempts += 1;
                self.written = 0;
                self.making = Some(format!("{}-{}.tmp", self.path, self.attempts).into());
                Step::Create
            }
        };
    }

    fn write_or_sync(&mut self) -> Step {
        if self.written < self.tail.len() {
            return Step::Write;
        }
        self.next_synced = self.next_whole;
        Step::Sync
    }

    fn request(&mut self) -> Option<Request> {
        let name = self.making.clone().unwrap_or_else(|| self.path.clone());
        Some(match self.step {
            Step::Idle => return None,
            Step::Create => Request::Create { name, bytes: 0 },
            Step::Read(offset) => Request::Read {
                name: self.path.clone(),
                offset,
                bytes: (self.base - offset).min(PIECE_BYTES as u64) as usize,
            },
            Step::Copy(offset) => Request::Write {
                name,
                offset,
                bytes: std::mem::take(&mut self.piece),
            },
            Step::Write => {
                let end = self.tail.len().min(self.written + PIECE_BYTES);
                Request::Write {
                    name,
                    offset: self.base + self.written as u64,
                    bytes: self.tail.get(self.written..end)?.to_vec(),
                }
            }
            Step::Sync => Request::Sync { name },
            Step::Rename => Request::Rename {
                from: name,
                to: self.path.clone(),
            },
        })
    }

    /// A request of [`Writer::poll`] is done. Then call that again.
    pub fn done(&mut self, job: Job, result: Result<Outcome, Fault>) {
        if self.job != Some(job) {
            return;
        }
        self.job = None;
        match result {
            Ok(outcome) => self.go_on(outcome),
            Err(fault) => self.fail(fault),
        }
    }

    fn go_on(&mut self, outcome: Outcome) {
        self.step = match (self.step, outcome) {
            (Step::Create, _) if self.base > 0 => Step::Read(0),
            (Step::Create, _) => self.write_or_sync(),
            (Step::Read(offset), Outcome::Bytes(bytes)) => {
                let wanted = (self.base - offset).min(PIECE_BYTES as u64) as usize;
                if bytes.len() != wanted {
                    return self.fail(Fault::Broken("a read gave less than there is".to_owned()));
                }
                self.piece = bytes;
                Step::Copy(offset)
            }
            (Step::Copy(offset), _) if offset + (PIECE_BYTES as u64) < self.base => {
                Step::Read(offset + PIECE_BYTES as u64)
            }
            (Step::Copy(_), _) => self.write_or_sync(),
            (Step::Write, _) => {
                self.written = self.tail.len().min(self.written + PIECE_BYTES);
                // What was closed since goes along.
                self.write_or_sync()
            }
            (Step::Sync, _) if self.making.is_some() => Step::Rename,
            (Step::Sync | Step::Rename, _) => return self.finish(),
            (step, _) => step,
        };
    }

    /// All that is written is on stable storage.
    fn finish(&mut self) {
        self.base += self.written as u64;
        self.tail.drain(..self.written);
        self.written = 0;
        self.durable = BookInfo {
            numbers: self.next_synced,
            bytes: self.base,
        };
        self.making = None;
        self.wants_file = false;
        self.wants_sync = false;
        self.fault = None;
        self.step = Step::Idle;
    }

    fn fail(&mut self, fault: Fault) {
        // A write for which there was no room is done again in its place. After any other fault nobody
        // knows what the file will be: what is good of it is copied.
        let is_harmless = self.making.is_none() && self.step == Step::Write && fault == Fault::Full;
        self.wants_file |= !is_harmless;
        self.scrap.extend(self.making.take());
        self.fault = Some(fault);
        self.is_waiting = true;
        self.step = Step::Idle;
    }
}
