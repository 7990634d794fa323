//! Reads the blocks that a [`Scan`](super::Scan) found, and hands over what is in them, in the order of
//! arrival.
//!
//! Reads go ahead of the work, a few slices at a time; the work is cut by points. A read that fails is done
//! again, at last of each block for itself. Blocks are verified again: what has become damaged since the scan
//! is told and left out, and what follows in its generation is marked.

use std::collections::VecDeque;

use super::block::{self, BYTES_MAX};
use super::columns::{Columns, Cursor, Damage, Point};
use super::found::Found;
use crate::seam::disk::{Desk, Fault, Job, Outcome, Request};
use crate::store::definition::Definition;
use crate::store::tries::READS_MAX;

/// Slices that are read before they are needed.
const AHEAD_SLICES: usize = 4;

/// Takes what a log holds.
pub trait Visitor {
    /// What follows is of this block.
    fn block(&mut self, block: &Found);

    /// What is in that block, before anything of it is handed over.
    fn columns(&mut self, _columns: &Columns<'_>) {}

    /// A new series.
    fn definition(&mut self, definition: Definition);

    /// A point. `values` start with its token: how many bytes it took, or `None` if none starts there.
    fn point(&mut self, point: Point, values: &[u8]) -> Option<usize>;

    /// This block, or the rest of it, cannot be read.
    fn damaged(&mut self, block: &Found, reason: &str);
}

/// Blocks that lie behind each other, read at once.
#[derive(Debug)]
struct Slice {
    /// None where it is to be asked for again.
    job: Option<Job>,
    /// How often it was read in vain.
    failures: u32,
    blocks: VecDeque<Found>,
    bytes: Option<Result<Vec<u8>, Fault>>,
    /// Where in the bytes the first block starts.
    at: usize,
}

impl Slice {
    /// Not yet asked for.
    fn new(blocks: VecDeque<Found>) -> Slice {
        Slice {
            job: None,
            failures: 0,
            blocks,
            bytes: None,
            at: 0,
        }
    }

    fn request(&self) -> Option<Request> {
        let first = self.blocks.front()?;
        Some(Request::Read {
            name: first.name.clone(),
            offset: first.offset,
            bytes: self.blocks.iter().map(|block| block.header.bytes()).sum(),
        })
    }
}

/// A replay under way.
#[derive(Debug)]
pub struct Replay {
    /// Not yet asked for.
    blocks: VecDeque<Found>,
    slices: VecDeque<Slice>,
    /// Where in the first block the work is.
    cursor: Option<Cursor>,
    /// A generation in which something turned out damaged.
    spoiled: Option<u64>,
    points: u64,
    damaged_blocks: u64,
}

impl Replay {
    /// Of these blocks, in this order.
    pub fn new(blocks: Vec<Found>) -> Replay {
        Replay {
            blocks: blocks.into(),
            slices: VecDeque::new(),
            cursor: None,
            spoiled: None,
            points: 0,
            damaged_blocks: 0,
        }
    }

    /// Whether all is handed over.
    pub fn is_done(&self) -> bool {
        self.blocks.is_empty() && self.slices.is_empty()
    }

    /// Points handed over.
    pub fn points(&self) -> u64 {
        self.points
    }

    /// Blocks that turned out damaged since they were found.
    pub fn damaged_blocks(&self) -> u64 {
        self.damaged_blocks
    }

    /// Blocks still to come.
    pub fn blocks_left(&self) -> usize {
        let ahead: usize = self.slices.iter().map(|slice| slice.blocks.len()).sum();
        self.blocks.len() + ahead
    }

    /// Ask for what will be needed next.
    pub fn poll(&mut self, desk: &mut Desk<'_>) {
        for slice in &mut self.slices {
            if slice.job.is_none() && slice.bytes.is_none() {
                slice.job = slice.request().map(|request| desk.ask(request));
            }
        }
        while self.slices.len() < AHEAD_SLICES
            && let Some(first) = self.blocks.pop_front()
        {
            let mut bytes = first.header.bytes();
            let (name, offset) = (first.name.clone(), first.offset);
            let mut blocks = VecDeque::from([first]);
            while let Some(next) = self.blocks.front()
                && next.name == name
                && next.offset == offset + bytes as u64
                && bytes + next.header.bytes() <= BYTES_MAX
            {
                bytes += next.header.bytes();
                blocks.extend(self.blocks.pop_front());
            }
            let mut slice = Slice::new(blocks);
            slice.job = slice.request().map(|request| desk.ask(request));
            self.slices.push_back(slice);
        }
    }

    /// What became of a request. Whether it was one of its own.
    pub fn done(&mut self, job: Job, result: Result<Outcome, Fault>) -> bool {
        let is_its = |slice: &Slice| slice.job == Some(job);
        let Some(at) = self.slices.iter().position(is_its) else {
            return false;
        };
        let Some(slice) = self.slices.get_mut(at) else {
            return false;
        };
        slice.job = None;
        match result {
            Ok(Outcome::Bytes(bytes)) => slice.bytes = Some(Ok(bytes)),
            Ok(_) => slice.bytes = Some(Ok(Vec::new())),
            Err(_) if slice.failures + 1 < READS_MAX => slice.failures += 1,
            Err(_) if 1 < slice.blocks.len() => self.split(at),
            Err(fault) => slice.bytes = Some(Err(fault)),
        }
        true
    }

    /// A single bad page must not take the blocks beside it: each is read for itself.
    fn split(&mut self, at: usize) {
        let Some(slice) = self.slices.remove(at) else {
            return;
        };
        for (place, block) in (at..).zip(slice.blocks) {
            self.slices
                .insert(place, Slice::new(VecDeque::from([block])));
        }
    }

    /// Hand over about `points_max` points, and not more than what is left of one block. Whether
    /// something was done: if not, a read is awaited, or all is done.
    pub fn step(&mut self, points_max: u64, visitor: &mut impl Visitor) -> bool {
        let Some(slice) = self.slices.front_mut() else {
            return false;
        };
        let Some(read) = &slice.bytes else {
            return false;
        };
        let Some(found) = slice.blocks.front_mut() else {
            self.slices.pop_front();
            return true;
        };
        found.is_behind_hole |= self.spoiled == Some(found.header.generation);
        let before = self.cursor.map_or(0, |cursor| cursor.points());
        let went = match read {
            Ok(bytes) => {
                let bytes = bytes.get(slice.at..).unwrap_or_default();
                work(found, bytes, &mut self.cursor, points_max, visitor)
            }
            Err(fault) => Err(fault.to_string()),
        };
        if let Err(reason) = &went {
            self.damaged_blocks += 1;
            self.spoiled = Some(found.header.generation);
            visitor.damaged(found, reason);
        }
        self.points += self.cursor.map_or(before, |cursor| cursor.points()) - before;
        if went != Ok(false) {
            self.cursor = None;
            slice.at += found.header.bytes();
            slice.blocks.pop_front();
            if slice.blocks.is_empty() {
                self.slices.pop_front();
            }
        }
        true
    }
}

/// A piece of one block. Whether it is through.
fn work(
    found: &Found,
    bytes: &[u8],
    cursor: &mut Option<Cursor>,
    points_max: u64,
    visitor: &mut impl Visitor,
) -> Result<bool, String> {
    let text = |damage: Damage| damage.to_string();
    let open = |payload| Columns::open(payload, found.header.first_stamp).map_err(text);
    let (columns, cursor) = match cursor {
        Some(cursor) => {
            let payload = bytes.get(block::HEADER_BYTES..found.header.bytes());
            (open(payload.unwrap_or_default())?, cursor)
        }
        None => {
            let (header, payload) =
                block::open(bytes).map_err(|_| "the checksum does not match")?;
            if header != found.header {
                return Err("another block is there than was found".to_owned());
            }
            let columns = open(payload)?;
            visitor.block(found);
            visitor.columns(&columns);
            for definition in columns.definitions() {
                visitor.definition(definition.map_err(text)?);
            }
            (columns, cursor.insert(columns.cursor()))
        }
    };
    cursor
        .run(&columns, points_max.max(1), |point, values| {
            visitor.point(point, values)
        })
        .map_err(text)
}
