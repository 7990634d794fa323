//! What is left of a damaged book, and a whole one made of it.
//!
//! Records stand for themselves. Those before the damage are chained to the header; those behind it count
//! where they lead, each by the checksum of the one before it, to where the book ended when the manifest last
//! told of it: what an earlier writer left behind leads nowhere.

use std::collections::BTreeMap;
use std::ops::Range;

use super::reader::{BookError, take_all};
use super::{KIND, PAYLOAD_BYTES, PAYLOAD_BYTES_MAX, book_path};
use crate::base::varint;
use crate::seam::Disk;
use crate::seam::disk::BLOCK_BYTES;
use crate::store::chained::{self, Found, Link, RECORD_HEAD_BYTES};
use crate::store::definition::{Definition, Told};
use crate::store::manifest::BookInfo;
use crate::store::tries;

/// What is left of a book.
#[derive(Debug, Default)]
pub struct Salvaged {
    /// All of the file that can be read, with zeros where it cannot.
    pub bytes: Vec<u8>,
    /// By number, what is told.
    pub definitions: BTreeMap<u32, Definition>,
    /// Numbers that no series ever had, for definitions around them follow each other.
    unused: Vec<Range<u32>>,
}

impl Salvaged {
    /// How many numbers below `numbers` may have had a name that nothing tells any more.
    pub fn lost(&self, numbers: u32) -> u64 {
        let told = |range: Range<u32>| self.definitions.range(range).count() as u64;
        let unused = self.unused.iter().map(|range| {
            let end = range.end.min(numbers);
            let range = range.start.min(end)..end;
            u64::from(range.end - range.start) - told(range)
        });
        u64::from(numbers)
            .saturating_sub(told(0..numbers))
            .saturating_sub(unused.sum())
    }
}

/// Records that follow each other.
#[derive(Debug, Default)]
struct Run {
    definitions: Vec<Definition>,
    unused: Vec<Range<u32>>,
    /// All numbers of the definitions are below; none before the first of a run that has lost its start.
    above: Option<u32>,
}

/// Read what can be read of a book that is damaged within what the manifest says of it.
///
/// # Errors
/// It is another book, or one that this program does not know the form of.
pub fn salvage(disk: &dyn Disk, book: u32, needed: BookInfo) -> Result<Salvaged, BookError> {
    let bytes = all_of(disk, &book_path(book));
    let mut found = Run {
        above: Some(0),
        ..Run::default()
    };
    let mut end = BLOCK_BYTES;
    match chained::read_header(&KIND, &bytes) {
        Ok((number, link)) if number == u64::from(book) => end = run(&bytes, end, link, &mut found),
        Ok((found, _)) => return Err(BookError::Another { book, found }),
        Err(error) if error.is_foreign() => return Err(BookError::Header(book, error)),
        Err(_) => {}
    }
    let needed_end = usize::try_from(needed.bytes).unwrap_or(usize::MAX);
    found.above = found.above.filter(|_| needed_end <= end);
    let mut at = end;
    while at < needed_end.min(bytes.len()) {
        let rest = bytes.get(at..).unwrap_or_default();
        at = match chained::valid(rest, PAYLOAD_BYTES_MAX) {
            Found::Record { next, .. } => {
                let mut more = Run::default();
                let first = Link {
                    sequence: next.sequence.wrapping_sub(1),
                    chain: chained::chain_in(rest),
                };
                let end = run(&bytes, at, first, &mut more);
                if needed_end <= end {
                    found.definitions.append(&mut more.definitions);
                    found.unused.append(&mut more.unused);
                    found.above = more.above;
                    break;
                }
                end.max(at + BLOCK_BYTES)
            }
            _ => at + BLOCK_BYTES,
        };
    }
    // Where it ends as the manifest knows it, all numbers that were given out are told.
    let behind = found.above.filter(|&above| above < needed.numbers);
    found
        .unused
        .extend(behind.map(|above| above..needed.numbers));
    let by_number = found.definitions.into_iter();
    Ok(Salvaged {
        definitions: by_number.map(|told| (told.number, told)).collect(),
        unused: found.unused,
        bytes,
    })
}

/// A whole book of these definitions, as long as the manifest needs it at least.
pub fn whole<'a>(
    book: u32,
    life: u64,
    needed: BookInfo,
    definitions: impl IntoIterator<Item = &'a Definition>,
) -> Vec<u8> {
    let (mut bytes, mut link) = chained::header(&KIND, u64::from(book));
    let (mut open, mut told) = (begin(life), Told::default());
    for definition in definitions {
        if open.len() + definition.bytes_max() > RECORD_HEAD_BYTES + PAYLOAD_BYTES {
            link = chained::seal(&mut open, link);
            bytes.append(&mut open);
            (open, told) = (begin(life), Told::default());
        }
        definition.push(&mut told, &mut open);
    }
    // What is lost leaves records without definitions.
    loop {
        link = chained::seal(&mut open, link);
        bytes.append(&mut open);
        if needed.bytes <= bytes.len() as u64 {
            return bytes;
        }
        open = begin(life);
    }
}

fn begin(life: u64) -> Vec<u8> {
    let mut record = chained::begin();
    varint::push(life, &mut record);
    record
}

/// Read records from `at` on, as long as each follows the one before it. Where they end.
fn run(bytes: &[u8], mut at: usize, mut link: Link, out: &mut Run) -> usize {
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let Found::Record {
            payload,
            bytes,
            next,
        } = chained::look(rest, link, PAYLOAD_BYTES_MAX)
        else {
            return at;
        };
        let known = out.definitions.len();
        if take_all(payload, out.above.unwrap_or(0), &mut out.definitions).is_none() {
            out.definitions.truncate(known);
            return at;
        }
        for definition in out.definitions.iter().skip(known) {
            let between = out.above.map(|above| above..definition.number);
            out.unused.extend(between.filter(|range| !range.is_empty()));
            out.above = Some(definition.number + 1);
        }
        (at, link) = (at + bytes, next);
    }
}

/// The file, with zeros for each page that cannot be read.
fn all_of(disk: &dyn Disk, path: &str) -> Vec<u8> {
    let bytes = match disk.read(path) {
        Ok(bytes) => return bytes.unwrap_or_default(),
        Err(_) => {
            let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
            let files = disk.list(folder).unwrap_or_default();
            let found = files.into_iter().find(|(file, _)| file == name);
            found.map_or(0, |(_, bytes)| bytes)
        }
    };
    let mut all = Vec::new();
    for offset in (0..bytes).step_by(BLOCK_BYTES) {
        let mut page = tries::read_at(disk, path, offset, BLOCK_BYTES).unwrap_or_default();
        page.resize(BLOCK_BYTES, 0);
        all.append(&mut page);
    }
    all
}
