//! What is left of a damaged book, and a whole one made of it.
//!
//! Records stand for themselves. Those before the damage are chained to the header; those behind it count
//! where they lead, each by the checksum of the one before it, to where the book ended when the manifest last
//! told of it: what an earlier writer left behind leads nowhere.

use std::collections::BTreeMap;

use super::reader::take_all;
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
}

/// Read what can be read of a book that is damaged within what the manifest says of it.
pub fn salvage(disk: &dyn Disk, book: u32, needed: BookInfo) -> Salvaged {
    let bytes = all_of(disk, &book_path(book));
    let mut definitions = Vec::new();
    let mut end = BLOCK_BYTES;
    if let Ok((_, link)) = chained::read_header(&KIND, &bytes) {
        end = run(&bytes, end, link, &mut definitions);
    }
    let needed_end = usize::try_from(needed.bytes).unwrap_or(usize::MAX);
    let mut at = end;
    while at < needed_end.min(bytes.len()) {
        let rest = bytes.get(at..).unwrap_or_default();
        at = match chained::valid(rest, PAYLOAD_BYTES_MAX) {
            Found::Record { next, .. } => {
                let mut more = Vec::new();
                let first = Link {
                    sequence: next.sequence.wrapping_sub(1),
                    chain: chained::chain_in(rest),
                };
                let end = run(&bytes, at, first, &mut more);
                if needed_end <= end {
                    definitions.append(&mut more);
                    break;
                }
                end.max(at + BLOCK_BYTES)
            }
            _ => at + BLOCK_BYTES,
        };
    }
    let by_number = definitions.into_iter().map(|told| (told.number, told));
    Salvaged {
        definitions: by_number.collect(),
        bytes,
    }
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
fn run(bytes: &[u8], mut at: usize, mut link: Link, out: &mut Vec<Definition>) -> usize {
    let mut above = 0;
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
        let known = out.len();
        match take_all(payload, above, out) {
            Some(next_above) => above = next_above,
            None => {
                out.truncate(known);
                return at;
            }
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
