//! From the file of a book to its definitions.

use std::io;

use super::writer::Writer;
use super::{KIND, NUMBERS_MAX, PAYLOAD_BYTES_MAX, book_path};
use crate::base::varint;
use crate::seam::Disk;
use crate::seam::disk::BLOCK_BYTES;
use crate::store::chained::{self, Found, HeaderError, Link};
use crate::store::definition::{Definition, Told};
use crate::store::manifest::BookInfo;

/// Bytes of one read.
const READ_BYTES: usize = 256 * 1024;

/// Why a book cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BookError {
    /// The file system.
    #[error("cannot read book {0}: {1}")]
    Unreadable(u32, io::Error),
    /// Not a file that this program can read.
    #[error("book {0} cannot be used: {1}")]
    Header(u32, HeaderError),
    /// The file of another book: none of its names is one of this.
    #[error(
        "{} is the file of book {found}, not of book {book}, and its series have other names; put the right \
         file in its place", book_path(*.book)
    )]
    Another {
        /// Which was to be there.
        book: u32,
        /// Which is.
        found: u64,
    },
    /// It has less than the manifest says, or something else.
    #[error(
        "book {book} ({}) is damaged at byte {at}: {what}", book_path(*.book)
    )]
    Damaged {
        /// Which.
        book: u32,
        /// Where.
        at: u64,
        /// What is wrong.
        what: &'static str,
    },
}

/// Reads a book from its start, a record at a time.
#[derive(Debug)]
pub struct Reader {
    book: u32,
    needed: BookInfo,
    link: Link,
    /// Where the next record is to stand; 0 before the header.
    end: u64,
    /// All numbers so far are below.
    next: u32,
    buffer: Vec<u8>,
    buffer_at: u64,
    is_done: bool,
}

/// Reads pieces of the file: so many bytes from an offset, less where it ends.
type Read<'a> = &'a mut dyn FnMut(u64, usize) -> io::Result<Vec<u8>>;

impl BookError {
    /// Whether only a place of the file is at fault: the rest of it may be of use.
    pub fn is_of_place(&self) -> bool {
        match self {
            BookError::Unreadable(..) | BookError::Damaged { .. } => true,
            BookError::Header(_, error) => !error.is_foreign(),
            BookError::Another { .. } => false,
        }
    }
}

impl Reader {
    /// Of a book of which the manifest says that so much is needed.
    pub fn new(book: u32, needed: BookInfo) -> Reader {
        Reader {
            book,
            needed,
            link: Link {
                sequence: 0,
                chain: 0,
            },
            end: 0,
            next: 0,
            buffer: Vec::new(),
            buffer_at: 0,
            is_done: false,
        }
    }

    /// [`Reader::step`] over the data folder.
    ///
    /// # Errors
    /// As there.
    pub fn step_on(
        &mut self,
        disk: &impl Disk,
        out: &mut Vec<Definition>,
    ) -> Result<bool, BookError> {
        let path = book_path(self.book);
        self.step(&mut |offset, bytes| disk.read_at(&path, offset, bytes), out)
    }

    /// Append the definitions of one record, some hundreds. False when there are no more.
    ///
    /// # Errors
    /// It cannot be read, or is damaged where it is needed.
    pub fn step(&mut self, read: Read<'_>, out: &mut Vec<Definition>) -> Result<bool, BookError> {
        if self.is_done {
            return Ok(false);
        }
        if self.end == 0 {
            return self.step_header(read);
        }
        let mut wanted = BLOCK_BYTES;
        loop {
            let is_whole = self.fill(read, wanted)?;
            let start = (self.end - self.buffer_at) as usize;
            let rest = self.buffer.get(start..).unwrap_or_default();
            match chained::look(rest, self.link, PAYLOAD_BYTES_MAX) {
                Found::Record {
                    payload,
                    bytes,
                    next,
                } => {
                    let Some(above) = take_all(payload, self.next, out) else {
                        return Err(self.damaged("it holds what is no definition"));
                    };
                    (self.next, self.link) = (above, next);
                    self.end += bytes as u64;
                    return Ok(true);
                }
                Found::More(bytes) if is_whole && bytes > wanted => wanted = bytes,
                Found::More(_) => return self.finish("a record that is cut"),
                Found::Bad(what) => return self.finish(what),
            }
        }
    }

    fn step_header(&mut self, read: Read<'_>) -> Result<bool, BookError> {
        self.fill(read, BLOCK_BYTES)?;
        match chained::read_header(&KIND, &self.buffer) {
            Ok((book, link)) if book == u64::from(self.book) => {
                self.link = link;
                self.end = BLOCK_BYTES as u64;
                Ok(true)
            }
            Ok((found, _)) => Err(BookError::Another {
                book: self.book,
                found,
            }),
            // Its making was cut.
            Err(HeaderError::Cut | HeaderError::Damaged | HeaderError::Magic)
                if self.needed == BookInfo::default() =>
            {
                self.is_done = true;
                Ok(false)
            }
            Err(error) => Err(BookError::Header(self.book, error)),
        }
    }

    /// Nothing valid stands here.
    fn finish(&mut self, what: &'static str) -> Result<bool, BookError> {
        if self.end < self.needed.bytes {
            return Err(self.damaged(what));
        }
        // Of a book that was made whole some are lost.
        self.next = self.next.max(self.needed.numbers);
        self.is_done = true;
        self.buffer = Vec::new();
        Ok(false)
    }

    /// Have `wanted` bytes from the end on in the buffer. False where the file has less.
    fn fill(&mut self, read: Read<'_>, wanted: usize) -> Result<bool, BookError> {
        let start = (self.end - self.buffer_at) as usize;
        if self.buffer.len() < start + wanted {
            let bytes = wanted.max(READ_BYTES);
            self.buffer = match read(self.end, bytes) {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
                Err(error) => return Err(BookError::Unreadable(self.book, error)),
            };
            self.buffer_at = self.end;
            return Ok(self.buffer.len() >= wanted);
        }
        Ok(true)
    }

    fn damaged(&self, what: &'static str) -> BookError {
        BookError::Damaged {
            book: self.book,
            at: self.end,
            what,
        }
    }

    /// All numbers read so far are below.
    pub fn next_number(&self) -> u32 {
        self.next
    }

    /// Where the records read so far end.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// When all is read: who writes on behind it. `life` is a number that no start before this had, such
    /// as the first stamp of this one.
    pub fn into_writer(self, life: u64) -> Writer {
        Writer::behind(
            self.book,
            life,
            self.needed,
            (self.end, self.link, self.next),
        )
    }
}

/// Append the definitions of a payload, whose numbers rise from `next` on. Gives what they are below.
pub(super) fn take_all(payload: &[u8], mut next: u32, out: &mut Vec<Definition>) -> Option<u32> {
    let (_life, len) = varint::take(payload)?;
    let (mut rest, mut told) = (payload.get(len..)?, Told::default());
    while !rest.is_empty() {
        let (definition, len) = Definition::take(rest, &mut told)?;
        if definition.number < next || definition.number >= NUMBERS_MAX {
            return None;
        }
        next = definition.number + 1;
        out.push(definition);
        rest = rest.get(len..)?;
    }
    Some(next)
}
