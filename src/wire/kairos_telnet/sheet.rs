//! Where a decoder writes the names and texts of a batch.

use std::ops::Range;

use super::super::kairos_sent::MARK;
use crate::model::sample::Span;

/// Bytes copied at once: names are a few of these long, where a call of `memcpy` costs more.
const BLOCK: usize = 32;
/// Bytes that a name has besides those that were sent: the mark, what it is, the blank.
const FRAME_BYTES: usize = 3;

/// Bytes, of which the first `len` are written.
#[derive(Default)]
pub(super) struct Sheet {
    bytes: Vec<u8>,
    len: usize,
}

impl Sheet {
    /// Begin anew, with room for what lines of so many bytes can become.
    pub(super) fn begin(&mut self, line_bytes: usize) {
        self.len = 0;
        // A name has fewer bytes than its line, and a letter of ISO-8859-1 becomes two.
        let room = 2 * line_bytes + FRAME_BYTES + BLOCK;
        if self.bytes.len() < room {
            self.bytes.resize(room, 0);
        }
    }

    /// What was written.
    pub(super) fn written(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// A piece of it.
    pub(super) fn at(&self, span: Span) -> &[u8] {
        span.of(&self.bytes)
    }

    /// Write a raw name: its metric and what is behind the value, both places of `text`.
    #[inline(always)]
    pub(super) fn name(
        &mut self,
        text: &[u8],
        kind: u8,
        metric: Range<usize>,
        behind: Range<usize>,
    ) -> Span {
        let start = self.len;
        self.put(&[MARK, kind]);
        self.copy(text, metric);
        self.put(b" ");
        self.copy(text, behind);
        self.since(start)
    }

    /// [`Sheet::name`] of a metric that stands behind at least two bytes and before one blank: these become
    /// what frames it, so that it is written in one go.
    #[inline(always)]
    pub(super) fn framed_name(
        &mut self,
        text: &[u8],
        kind: u8,
        metric: Range<usize>,
        behind: Range<usize>,
    ) -> Span {
        let start = self.len;
        self.copy(text, metric.start - 2..metric.end + 1);
        if let Some(frame) = self.bytes.get_mut(start..start + 2) {
            frame.copy_from_slice(&[MARK, kind]);
        }
        self.copy(text, behind);
        self.since(start)
    }

    /// Write a raw name that was written before, and of which `bytes` begins with `len`, for values of
    /// `kind`.
    #[inline(always)]
    pub(super) fn again(&mut self, bytes: &[u8], len: usize, kind: u8) -> Span {
        let start = self.len;
        self.copy(bytes, 0..len);
        if let Some(place) = self.bytes.get_mut(start + 1) {
            *place = kind;
        }
        self.since(start)
    }

    /// Write a text.
    pub(super) fn text(&mut self, text: &[u8]) -> Span {
        let start = self.len;
        self.copy(text, 0..text.len());
        self.since(start)
    }

    /// What was written from `start` on.
    #[inline(always)]
    fn since(&self, start: usize) -> Span {
        Span {
            start: start as u32,
            len: (self.len - start) as u32,
        }
    }

    #[inline(always)]
    fn put(&mut self, few: &[u8]) {
        self.bytes[self.len..self.len + few.len()].copy_from_slice(few);
        self.len += few.len();
    }

    /// Copy `text[place]`, in blocks where there are whole ones to be read and room for them: what is
    /// written too much is written over by what comes next.
    #[inline(always)]
    fn copy(&mut self, text: &[u8], place: Range<usize>) {
        let (mut from, mut to) = (place.start, self.len);
        while from < place.end {
            let whole = text.get(from..from + BLOCK);
            let room = self.bytes.get_mut(to..to + BLOCK);
            match (whole, room) {
                (Some(block), Some(room)) => room.copy_from_slice(block),
                _ => {
                    let rest = &text[from..place.end];
                    self.bytes[to..to + rest.len()].copy_from_slice(rest);
                    break;
                }
            }
            (from, to) = (from + BLOCK, to + BLOCK);
        }
        self.len += place.len();
    }
}
