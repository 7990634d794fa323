//! The body of a request, unpacked if it is packed.
//!
//! Few packed bytes can be very many: both one body and all of them together are bounded, and unpacking
//! lets other work go on.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use http::StatusCode;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};

use super::Refused;
use crate::http::question::Question;

/// Bytes that one body may unpack to.
const UNPACKED_BYTES_MAX: usize = 64 << 20;
/// Bytes that all unpacked bodies of the appliance may take together.
const ALL_UNPACKED_BYTES_MAX: u64 = 256 << 20;
/// Bytes that are unpacked between two breaths.
const PIECE_BYTES: usize = 16 * 1024;

/// What all unpacked bodies together may take; one for all shards, which touch it only to unpack.
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

/// A body's part of the room, given back at its end.
struct Taken<'a> {
    room: &'a Room,
    bytes: u64,
}

impl Taken<'_> {
    fn more(&mut self, bytes: u64) -> bool {
        self.bytes += bytes;
        let before = self.room.taken.fetch_add(bytes, Relaxed);
        before + bytes <= self.room.bytes_max
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

/// The body of `question`. Packed is what says `gzip` as its encoding or its type, as KairosDB takes it.
pub(super) async fn read<'a>(question: &'a Question<'_>) -> Result<Body<'a>, Refused> {
    let headers = question.request.headers();
    let header = |name| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().trim().to_ascii_lowercase()
    };
    let encoding = header(CONTENT_ENCODING);
    let kind = header(CONTENT_TYPE);
    let by_kind = kind.split(';').next().unwrap_or_default().trim() == "application/gzip";
    if !matches!(encoding.as_str(), "" | "identity" | "gzip") {
        return Err(Refused::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "the body may be packed by gzip and by nothing else",
        ));
    }
    let taken = Taken {
        room: &question.options.unpacking,
        bytes: 0,
    };
    let sent = question.request.body();
    if encoding == "gzip" || by_kind {
        unpacked(question, sent, taken).await
    } else {
        let bytes = sent.clone();
        Ok(Body {
            bytes,
            _taken: taken,
        })
    }
}

async fn unpacked<'a>(
    question: &Question<'_>,
    packed: &[u8],
    mut taken: Taken<'a>,
) -> Result<Body<'a>, Refused> {
    if !packed.starts_with(&[0x1f, 0x8b]) {
        return Err(Refused::bad("Not in GZIP format"));
    }
    let mut decoder = MultiGzDecoder::new(packed);
    let mut text = Vec::new();
    loop {
        let before = text.len();
        let mut piece = (&mut decoder).take(PIECE_BYTES as u64);
        let read = piece.read_to_end(&mut text);
        read.map_err(|error| Refused::bad(format!("the gzip body is damaged: {error}")))?;
        let more = text.len() - before;
        if more == 0 {
            let bytes = text.into();
            return Ok(Body {
                bytes,
                _taken: taken,
            });
        }
        if UNPACKED_BYTES_MAX < text.len() {
            return Err(Refused::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!(
                    "the body unpacks to more than {UNPACKED_BYTES_MAX} bytes; send less at once"
                ),
            ));
        }
        if !taken.more(more as u64) {
            return Err(Refused::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "too many packed bodies at once; send it again later",
            ));
        }
        question.fleet.breathe().await;
    }
}
