//! A log file as text for people, and its verification. Reads through whatever the caller has.

use std::fmt::Write;
use std::io;

use super::block::{self, BYTES_MAX, FILE_HEADER_BYTES, Fault, FileHeader, Header};
use super::columns::Columns;
use crate::seam::disk::BLOCK_BYTES as PAGE_BYTES;
use crate::store::token;

/// What is in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Whole blocks of the present life of the file.
    pub blocks: u64,
    /// Their points.
    pub points: u64,
    /// Their definitions.
    pub definitions: u64,
    /// Damaged blocks of the present life.
    pub damaged: u64,
    /// Blocks that do not follow the one before them in the file.
    pub unchained: u64,
    /// Whole blocks of earlier lives of the file, which mean nothing.
    pub stale: u64,
    /// Whether the first page is whole.
    pub has_header: bool,
}

impl Summary {
    /// Whether nothing is wrong. Damage at the end of the newest file of a log is usual after a crash.
    pub fn is_sound(&self) -> bool {
        self.has_header && self.damaged == 0 && self.unchained == 0
    }
}

/// Verify the file that `read` reads (offset, bytes; less at its end), and hand a line of text for
/// each block to `line`.
///
/// # Errors
/// What `read` said.
pub fn describe(
    mut read: impl FnMut(u64, usize) -> io::Result<Vec<u8>>,
    mut line: impl FnMut(&str),
) -> io::Result<Summary> {
    let mut summary = Summary::default();
    let page = read(0, FILE_HEADER_BYTES)?;
    let epoch = match FileHeader::open(&page) {
        Ok(header) => {
            summary.has_header = true;
            line(&format!(
                "log file, version {}, shard {}, epoch {}, first block {}",
                block::VERSION,
                header.shard,
                header.epoch,
                header.first_sequence
            ));
            Some(header.epoch)
        }
        Err(fault) => {
            line(&text_of(fault, "the first page"));
            None
        }
    };
    let mut walk = Walk {
        epoch,
        before: None,
        summary,
    };
    let mut offset = FILE_HEADER_BYTES as u64;
    loop {
        let bytes = read(offset, BYTES_MAX)?;
        if bytes.is_empty() {
            return Ok(walk.summary);
        }
        offset += walk.block(offset, &bytes, &mut line) as u64;
    }
}

/// Verify the file that `read` reads.
///
/// # Errors
/// What `read` said.
pub fn verify(read: impl FnMut(u64, usize) -> io::Result<Vec<u8>>) -> io::Result<Summary> {
    describe(read, |_| {})
}

fn text_of(fault: Fault, what: &str) -> String {
    match fault {
        Fault::Version(version) => {
            format!("{what} is of version {version}, which this program does not read")
        }
        Fault::Features(features) => {
            format!("{what} uses features {features:#x}, which this program does not know")
        }
        Fault::Nothing | Fault::Short(_) => format!("{what} is damaged or empty"),
    }
}

struct Walk {
    epoch: Option<u64>,
    before: Option<Header>,
    summary: Summary,
}

impl Walk {
    /// What is at `offset`. How many bytes it takes.
    fn block(&mut self, offset: u64, bytes: &[u8], line: &mut impl FnMut(&str)) -> usize {
        let (header, payload) = match block::open(bytes) {
            Ok(found) => found,
            Err(fault) => {
                let header = block::peek(bytes);
                if header.is_some_and(|header| self.epoch.is_none_or(|own| own == header.epoch)) {
                    self.summary.damaged += 1;
                    line(&format!("{offset:>10}  {}", text_of(fault, "a block")));
                }
                return PAGE_BYTES;
            }
        };
        let epoch = *self.epoch.get_or_insert(header.epoch);
        if epoch != header.epoch {
            self.summary.stale += 1;
            return header.bytes();
        }
        let mut text = String::new();
        let payload_bytes = block::payload_bytes(payload);
        let _ = write!(
            text,
            "{offset:>10}  block {} generation {} book {} numbers {} stamps {}..={} bytes {} payload {} \
             durable {} previous {:08x} own {:08x}",
            header.sequence,
            header.generation,
            header.book,
            header.numbers,
            header.first_stamp,
            header.last_stamp(),
            header.bytes(),
            payload_bytes,
            header.durable(),
            header.previous,
            header.checksum
        );
        if header.flags & block::FLAG_FIRST != 0 {
            text.push_str(" first");
        }
        if self
            .before
            .is_some_and(|before| before.checksum != header.previous)
        {
            self.summary.unchained += 1;
            text.push_str("; does not follow the block before it");
        }
        self.before = Some(header);
        self.summary.blocks += 1;
        if let Err(damage) = self.content(&header, payload, &mut text) {
            self.summary.damaged += 1;
            let _ = write!(text, "; {damage}");
        }
        line(&text);
        header.bytes()
    }

    fn content(
        &mut self,
        header: &Header,
        payload: &[u8],
        text: &mut String,
    ) -> Result<(), super::columns::Damage> {
        let columns = Columns::open(payload, header.first_stamp)?;
        let mut definitions = 0u64;
        for definition in columns.definitions() {
            definition?;
            definitions += 1;
        }
        let mut texts = 0u64;
        let points = columns.for_each(|_, values| {
            texts += u64::from(token::take_text(values).is_some());
            token::pass(values)
        })?;
        self.summary.points += points;
        self.summary.definitions += definitions;
        let _ = write!(text, " points {points} definitions {definitions}");
        if texts > 0 {
            let _ = write!(text, " texts {texts}");
        }
        for (name, bytes) in columns.sizes() {
            if bytes > 0 {
                let _ = write!(text, ", {name} {bytes} B");
            }
        }
        Ok(())
    }
}
