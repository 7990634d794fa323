//! A cursor over a payload. Every length is checked against what is left before it is used.

use memchr::memchr;

use crate::model::sample::Span;

/// Reads `text` from front to back. `None` always means: the payload is cut here.
pub(super) struct Reader<'a> {
    text: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader of `text[start..]` whose spans are into `text`.
    pub(super) fn new(text: &'a [u8], start: usize) -> Reader<'a> {
        Reader {
            text,
            rest: text.get(start..).unwrap_or_default(),
        }
    }

    /// Where the next byte is.
    #[inline(always)]
    fn at(&self) -> u32 {
        (self.text.len() - self.rest.len()) as u32
    }

    /// The next byte, which stays.
    #[inline(always)]
    pub(super) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The next byte.
    #[inline(always)]
    pub(super) fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(byte)
    }

    /// Whether the next byte was `byte`; only then it is taken.
    #[inline(always)]
    pub(super) fn take(&mut self, byte: u8) -> bool {
        match self.rest.split_first() {
            Some((&first, rest)) if first == byte => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// The next `N` bytes.
    #[inline(always)]
    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*array)
    }

    /// The next `len` bytes.
    #[inline(always)]
    pub(super) fn slice(&mut self, len: usize) -> Option<&'a [u8]> {
        let (slice, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(slice)
    }

    /// Where the next `len` bytes are.
    #[inline(always)]
    pub(super) fn span(&mut self, len: usize) -> Option<Span> {
        let start = self.at();
        self.slice(len)?;
        Some(Span {
            start,
            len: len as u32,
        })
    }

    /// The same for a length as pickle's eight-byte counts give it.
    pub(super) fn long_span(&mut self, len: u64) -> Option<Span> {
        self.span(usize::try_from(len).ok()?)
    }

    /// Where the bytes up to the next newline are; the newline is passed over.
    pub(super) fn line(&mut self) -> Option<Span> {
        let span = self.span(memchr(b'\n', self.rest)?)?;
        self.byte()?;
        Some(span)
    }

    /// Pass over a frame's length (protocol 4). It only says how much could be read at once, but one
    /// that reaches beyond the payload is a cut pickle.
    pub(super) fn frame_length(&mut self) -> Option<()> {
        let len = u64::from_le_bytes(self.array()?);
        (len <= self.rest.len() as u64).then_some(())
    }
}
