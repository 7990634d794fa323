//! What a shard remembers of one stream connection between two reads.

use crate::model::refusal::Protocol;

/// Whether a connection may stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Go on reading.
    Keep,
    /// Close it: the protocol says so.
    Close,
}

/// State of one connection: its protocol and its unfinished bytes, bounded by the protocol's limit.
pub struct Feed {
    /// The door it came in by.
    pub protocol: Protocol,
}

impl Feed {
    /// A fresh connection.
    pub fn new(protocol: Protocol) -> Feed {
        Feed { protocol }
    }
}
