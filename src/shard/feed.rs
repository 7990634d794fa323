//! What a shard remembers of one stream connection between two reads.

use super::sources::Source;
use crate::index::Follow;
use crate::model::refusal::Protocol;
use crate::wire::kairos_telnet::Habit;

/// Whether a connection may stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Go on reading.
    Keep,
    /// Close it: the protocol says so.
    Close,
    /// It speaks HTTP, and is the HTTP server's with all that it has sent: [`Feed::unread`].
    Http,
}

/// Bytes of answers that one connection may leave unread.
pub const ANSWER_BYTES_MAX: usize = 1 << 20;

/// State of one connection: its protocol, its unfinished bytes and the answers that it has not taken yet.
/// They are bounded by the protocol's limit, by [`ANSWER_BYTES_MAX`] and, over all connections of a shard,
/// by [`Options::buffered_bytes_max`](super::Options) and whoever keeps the feeds: see
/// [`Shard::is_overfull`](super::Shard::is_overfull).
pub struct Feed {
    /// The door it came in by.
    pub protocol: Protocol,
    /// Whose it is, as far as the address tells.
    pub(super) source: Source,
    /// Bytes behind the last whole line or frame.
    pub(super) rest: Vec<u8>,
    /// Bytes that `rest` must have before it is worth another look.
    pub(super) wanted: usize,
    /// Inside a line that was too long: everything up to the next newline is dropped.
    pub(super) skipping: bool,
    /// Nothing has come that tells its protocol from HTTP.
    pub(super) is_untold: bool,
    /// What is to be written to the peer.
    pub(super) answers: Vec<u8>,
    /// Where it is in the order of its names.
    pub(super) follow: Follow,
    /// The same of lines of KairosDB's door.
    pub(super) habit: Habit,
}

impl Feed {
    /// A fresh connection; see [`Shard::open`](super::Shard::open).
    pub fn new(protocol: Protocol, source: Source) -> Feed {
        Feed {
            protocol,
            source,
            rest: Vec::new(),
            wanted: 0,
            skipping: false,
            is_untold: protocol == Protocol::KairosTelnet,
            answers: Vec::new(),
            follow: Follow::default(),
            habit: Habit::default(),
        }
    }

    /// Bytes of memory that its unfinished bytes and answers take.
    pub fn held_bytes(&self) -> usize {
        self.rest.capacity() + self.answers.capacity()
    }

    /// What is to be written to the peer; see [`Shard::answered`](super::Shard::answered).
    pub fn answers(&self) -> &[u8] {
        &self.answers
    }

    /// After [`Verdict::Http`]: everything that came.
    pub fn unread(&self) -> &[u8] {
        &self.rest
    }

    /// Keep `rest` for the next read. A connection between two reports gives its memory back, and so
    /// does one that needs only a little of what it once needed.
    pub(super) fn keep(&mut self, rest: &[u8]) {
        if rest.len() <= self.rest.capacity() / 4 {
            self.rest = rest.to_vec();
        } else {
            self.rest.clear();
            self.rest.extend_from_slice(rest);
        }
    }

    /// Whether what is left over, with `more` bytes behind it, is still not enough to look at.
    pub(super) fn waits_for_more_than(&self, more: usize) -> bool {
        self.rest.len() + more < self.wanted
    }
}
