//! What bodies may take in memory, and one that is wanted whole, unpacked if it is packed.
//!
//! Few packed bytes can be very many: both one body and all of them together are bounded, and unpacking
//! lets other work go on.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use bytes::Bytes;
use http::StatusCode;

use super::Refused;
use crate::http::pieces::Pieces;
use crate::http::question::Question;

/// Bytes that one body may unpack to.
const UNPACKED_BYTES_MAX: usize = 64 << 20;
/// Bytes that all unpacked bodies, and all unusual ones that are read while they come, may take together.
const ALL_UNPACKED_BYTES_MAX: u64 = 256 << 20;

/// What bodies may take together in memory beyond what each usual one does; one for all shards, which touch
/// it only for unusual ones.
#[derive(Clone, Debug)]
pub struct Room {
    bytes_max: u64,
    taken: Arc<AtomicU64>,
}

impl Default for Room {
    fn default() -> Room {
        Room {
            bytes_max: ALL_UNPACKED_BYTES_MAX,
            taken: Arc::default(),
        }
    }
}

impl Room {
    #[cfg(test)]
    pub(super) fn of(bytes_max: u64) -> Room {
        Room {
            bytes_max,
            taken: Arc::default(),
        }
    }

    /// No part of it yet.
    pub(super) fn part(&self) -> Taken<'_> {
        Taken {
            room: self,
            bytes: 0,
        }
    }
}

/// A body's part of the room, given back at its end.
pub(super) struct Taken<'a> {
    room: &'a Room,
    bytes: u64,
}

impl Taken<'_> {
    fn more(&mut self, bytes: u64) -> bool {
        self.bytes += bytes;
        let before = self.room.taken.fetch_add(bytes, Relaxed);
        before + bytes <= self.room.bytes_max
    }

    /// From now on it is so many bytes. False if there is no room for them.
    pub(super) fn hold(&mut self, bytes: usize) -> bool {
        let bytes = bytes as u64;
        if self.bytes < bytes {
            return self.more(bytes - self.bytes);
        }
        self.room.taken.fetch_sub(self.bytes - bytes, Relaxed);
        self.bytes = bytes;
        true
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.room.taken.fetch_sub(self.bytes, Relaxed);
    }
}

/// A body that can be read.
pub(super) struct Body<'a> {
    pub(super) bytes: Bytes,
    _taken: Taken<'a>,
}

/// The body of `question`, whole. Packed is what [`Pieces`] unpacks.
pub(super) async fn read<'a>(question: &'a Question<'_>) -> Result<Body<'a>, Refused> {
    let mut taken = question.options.unpacking.part();
    let mut pieces = Pieces::of(question)?;
    if let Some(bytes) = pieces.whole() {
        return Ok(Body {
            bytes,
            _taken: taken,
        });
    }
    let mut text = Vec::new();
    loop {
        let Some(piece) = pieces.read().await? else {
            let bytes = text.into();
            return Ok(Body {
                bytes,
                _taken: taken,
            });
        };
        text.extend_from_slice(&piece);
        if UNPACKED_BYTES_MAX < text.len() {
            return Err(Refused::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!(
                    "the body unpacks to more than {UNPACKED_BYTES_MAX} bytes; send less at once"
                ),
            ));
        }
        if !taken.more(piece.len() as u64) {
            return Err(Refused::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "too many packed bodies at once; send it again later",
            ));
        }
        question.fleet.breathe().await;
    }
}
