//! What is pushed and not yet durable: the open batch, and blocks in memory.

use std::collections::VecDeque;

use super::batch::Batch;
use super::block::{self, FILE_HEADER_BYTES, FLAG_FIRST, Header};
use super::lasts;
use super::terms::Options;
use crate::store::definition::Definition;
use crate::store::token::{self, Last, Short, Token};

/// A block that is not yet durable.
#[derive(Debug)]
pub(super) struct Sealed {
    pub(super) header: Header,
    pub(super) bytes: Vec<u8>,
}

/// All of it, oldest first.
#[derive(Debug)]
pub(super) struct Backlog {
    shard: u16,
    book: u32,
    batch: Batch,
    pub(super) sealed: VecDeque<Sealed>,
    sealed_bytes: usize,
    generation: u64,
    numbers: u32,
    next_sequence: u64,
    is_first: bool,
    /// Points in blocks so far.
    points: u64,
}

impl Backlog {
    /// Of nothing; its first block has number `next_sequence`.
    pub(super) fn new(
        options: &Options,
        next_sequence: u64,
        generation: u64,
        numbers: u32,
    ) -> Backlog {
        Backlog {
            shard: options.shard,
            book: options.book,
            batch: Batch::default(),
            sealed: VecDeque::new(),
            sealed_bytes: 0,
            generation,
            numbers,
            next_sequence,
            is_first: true,
            points: 0,
        }
    }

    /// What follows arrived at `stamp`, which is above all before.
    pub(super) fn begin_read(&mut self, stamp: u64) {
        if self.batch.is_too_old_for(stamp) {
            self.seal();
        }
        self.batch.begin_read(stamp);
    }

    /// A point; its series was defined before, in this log or in the book.
    #[inline]
    pub(super) fn push(&mut self, number: u32, time_ms: i64, token: &Token) {
        if self.batch.is_full() {
            self.seal();
        }
        self.batch.push(number, time_ms, token);
    }

    #[inline(always)]
    pub(super) fn push_short(&mut self, number: u32, time_ms: i64, token: Short) {
        if self.batch.is_full() {
            self.seal();
        }
        self.batch.push_short(number, time_ms, token);
    }

    /// A point that is a text.
    pub(super) fn push_text(&mut self, number: u32, time_ms: i64, text: &str) {
        if self.batch.is_full() || !self.batch.fits(token::text_bytes(text.len())) {
            self.seal();
        }
        self.batch.push_text(number, time_ms, text);
    }

    /// A new series. Goes before its first point.
    pub(super) fn define(&mut self, definition: &Definition) {
        if !self.batch.fits(definition.bytes_max()) {
            self.seal();
        }
        self.numbers = self.numbers.max(definition.number.saturating_add(1));
        self.batch.define(definition);
    }

    /// Close the open batch into a block.
    pub(super) fn seal(&mut self) {
        self.seal_with(std::iter::empty());
    }

    /// About how many bytes of the last page of the block would be left free if the batch were closed now.
    pub(super) fn room(&self) -> usize {
        match self.batch.is_empty() {
            true => 0,
            false => lasts::room(block::HEADER_BYTES + self.batch.bytes()),
        }
    }

    /// Close the open batch into a block, whose last page is filled up with as many of `lasts` as have room:
    /// what the next values of series, by number, are told from. How many were taken.
    #[inline(never)]
    pub(super) fn seal_with(&mut self, lasts: impl Iterator<Item = (u32, Last)>) -> usize {
        if self.batch.is_empty() {
            return 0;
        }
        self.points += self.batch.points() as u64;
        let mut bytes = block::begin();
        bytes.reserve(self.batch.bytes() + 2 * FILE_HEADER_BYTES);
        let (first_stamp, last_stamp) = self.batch.close(&mut bytes);
        let told = lasts::fill(lasts, &mut bytes);
        let span = last_stamp.saturating_sub(first_stamp);
        let header = Header {
            flags: if self.is_first { FLAG_FIRST } else { 0 },
            shard: self.shard,
            book: self.book,
            numbers: self.numbers,
            sequence: self.next_sequence,
            generation: self.generation,
            first_stamp,
            span_micros: u32::try_from(span).unwrap_or(u32::MAX),
            pages: block::pad(&mut bytes),
            ..Header::default()
        };
        self.is_first = false;
        self.next_sequence += 1;
        self.sealed_bytes += bytes.len();
        self.sealed.push_back(Sealed { header, bytes });
        told
    }

    /// End the generation. The number of the first block of the next.
    pub(super) fn cut(&mut self) -> u64 {
        self.seal();
        self.generation += 1;
        self.next_sequence
    }

    /// The first `blocks` blocks are durable. The number of the last of them.
    pub(super) fn drop_front(&mut self, blocks: usize) -> Option<u64> {
        let gone = self.sealed.drain(..blocks.min(self.sealed.len()));
        let mut last = None;
        for block in gone {
            last = Some(block.header.sequence);
            self.sealed_bytes -= block.bytes.len();
        }
        last
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.sealed.is_empty() && self.batch.is_empty()
    }

    /// Bytes in memory.
    pub(super) fn bytes(&self) -> usize {
        self.sealed_bytes + self.batch.bytes()
    }

    /// The number of the block that holds, or will hold, what was pushed last.
    pub(super) fn last_sequence(&self) -> u64 {
        self.next_sequence - 1 + u64::from(!self.batch.is_empty())
    }

    /// The generation that is being written.
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// Points in blocks so far, durable or not.
    pub(super) fn points(&self) -> u64 {
        self.points
    }
}
