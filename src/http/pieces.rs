//! The body of a request, piece by piece while it comes, unpacked if it is packed: for routes whose bodies
//! may be of any size.
//!
//! Nothing is held here but one piece of what was sent. The next one is asked for when the last was used
//! up, so a sender is read no faster than what it sends is taken. Few packed bytes can be very many: they
//! are unpacked a piece at a time too, and whoever reads breathes between two pieces.

use std::cmp::min;
use std::io::{self, BufRead, Read};

use bytes::{Buf, Bytes};
use flate2::bufread::MultiGzDecoder;
use http::StatusCode;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};

use super::question::Question;
use super::{Fleet, Local};

/// Bytes that are unpacked at once.
const PIECE_BYTES: usize = 16 * 1024;
/// Bytes of a body that are taken and thrown away when nobody reads on, so that its sender, which may
/// still write, sees the answer. One that sends more sees its connection end.
const DISCARDED_BYTES_MAX: usize = 64 << 20;

/// Ways of packing that are not unpacked here.
const PACKERS: [&str; 4] = ["br", "zstd", "deflate", "compress"];

/// Gives a body as it comes from its sender.
pub trait Source {
    /// Wait for the next piece, of any size; `None` is the end. An empty one says that nothing came for a
    /// while: what is held for more may be put away.
    ///
    /// # Errors
    /// What ended the body too early. Nothing follows.
    fn next(&mut self) -> Local<'_, Result<Option<Bytes>, Unread>>;
}

/// Why a body cannot be read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// The status that says so.
    pub status: StatusCode,
    /// What happened, and what to do.
    pub told: String,
}

impl Unread {
    /// With this status and text.
    pub fn new(status: StatusCode, told: impl Into<String>) -> Unread {
        let told = told.into();
        Unread { status, told }
    }
}

/// A body on its way. Reading it again after its end, or after an error, gives its end.
pub(super) struct Pieces {
    /// Where more comes from; `None` when all is here.
    source: Option<Box<dyn Source>>,
    /// What came last and was not used up; `None` where `packed` holds it.
    plain: Bytes,
    packed: Option<Box<MultiGzDecoder<Packed>>>,
    /// Whether something was unpacked.
    has_begun: bool,
    is_over: bool,
}

/// What came last of a packed body and was not used up.
#[derive(Default)]
struct Packed {
    bytes: Bytes,
    is_last: bool,
}

impl Read for Packed {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let some = self.fill_buf()?;
        let len = min(some.len(), into.len());
        into[..len].copy_from_slice(&some[..len]);
        self.consume(len);
        Ok(len)
    }
}

impl BufRead for Packed {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.bytes.is_empty() && !self.is_last {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(&self.bytes)
    }

    fn consume(&mut self, len: usize) {
        self.bytes.advance(len);
    }
}

impl Pieces {
    /// The body of `question`, whether it is here or still comes; a second call gives an empty one where it
    /// came. Packed is what says `gzip` as its encoding, or `application/gzip` as its type, as KairosDB
    /// takes it; words that name no way of packing mean nothing there either.
    ///
    /// # Errors
    /// Another way of packing.
    pub(super) fn of(question: &Question<'_>) -> Result<Pieces, Unread> {
        let headers = question.request.headers();
        let header = |name| {
            let value = headers.get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().trim().to_ascii_lowercase()
        };
        let encoding = header(CONTENT_ENCODING);
        let kind = header(CONTENT_TYPE);
        let by_kind = kind.split(';').next().unwrap_or_default().trim() == "application/gzip";
        if PACKERS.contains(&encoding.as_str()) {
            return Err(Unread::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "the body may be packed by gzip and by nothing else",
            ));
        }
        let mut pieces = Pieces {
            source: question.source.take(),
            plain: question.request.body().clone(),
            packed: None,
            has_begun: false,
            is_over: false,
        };
        if encoding == "gzip" || by_kind {
            let packed = Packed {
                bytes: std::mem::take(&mut pieces.plain),
                is_last: pieces.source.is_none(),
            };
            pieces.packed = Some(Box::new(MultiGzDecoder::new(packed)));
        }
        Ok(pieces)
    }

    /// All of it, if it is here and not packed.
    pub(super) fn whole(&mut self) -> Option<Bytes> {
        let is_here = self.source.is_none() && self.packed.is_none();
        is_here.then(|| std::mem::take(&mut self.plain))
    }

    /// What comes next: as its sender sent it, or what was unpacked of it, then at most [`PIECE_BYTES`]. An
    /// empty one where nothing came for a while; `None` is the end.
    ///
    /// # Errors
    /// What cannot be unpacked, and what the source says.
    pub(super) async fn read(&mut self) -> Result<Option<Bytes>, Unread> {
        if self.is_over {
            return Ok(None);
        }
        let read = match (&self.packed, self.plain.is_empty()) {
            (Some(_), _) => self.unpack().await,
            (None, false) => Ok(Some(std::mem::take(&mut self.plain))),
            (None, true) => self.next().await,
        };
        self.is_over = !matches!(read, Ok(Some(_)));
        read
    }

    async fn unpack(&mut self) -> Result<Option<Bytes>, Unread> {
        let mut into = vec![0; PIECE_BYTES];
        loop {
            let Some(packed) = &mut self.packed else {
                return Ok(None);
            };
            match packed.read(&mut into) {
                Ok(0) => return Ok(None),
                Ok(len) => {
                    self.has_begun = true;
                    into.truncate(len);
                    return Ok(Some(into.into()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let more = self.next().await?;
                    if more.as_ref().is_some_and(Bytes::is_empty) {
                        return Ok(more);
                    }
                    if let Some(packed) = &mut self.packed {
                        let packed = packed.get_mut();
                        packed.is_last = more.is_none();
                        packed.bytes = more.unwrap_or_default();
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // What stands behind the end is no other piece of the body, and Java ignores it.
                Err(_) if self.has_begun && packed.header().is_none() => return Ok(None),
                Err(error) => return Err(self.damaged(&error)),
            }
        }
    }

    fn damaged(&self, error: &io::Error) -> Unread {
        let is_named = self.packed.as_ref().is_some_and(|p| p.header().is_some());
        let told = match self.has_begun || is_named {
            false => "Not in GZIP format".to_owned(),
            true => format!("the gzip body is damaged: {error}"),
        };
        Unread::new(StatusCode::BAD_REQUEST, told)
    }

    /// The next piece as it was sent.
    async fn next(&mut self) -> Result<Option<Bytes>, Unread> {
        let Some(source) = &mut self.source else {
            return Ok(None);
        };
        let next = source.next().await;
        if !matches!(next, Ok(Some(_))) {
            self.source = None;
        }
        next
    }

    /// Nobody wants more: take what still comes, within reason, and throw it away, but see whether what was
    /// packed is whole.
    ///
    /// # Errors
    /// As [`Pieces::read`], of a packed body whose end was not read.
    pub(super) async fn discard(mut self, fleet: &dyn Fleet) -> Result<(), Unread> {
        let mut left = DISCARDED_BYTES_MAX;
        let mut is_whole = Ok(());
        while self.packed.is_some() && left > 0 {
            match self.read().await {
                Ok(Some(piece)) => left = left.saturating_sub(piece.len()),
                ended => {
                    is_whole = ended.map(drop);
                    break;
                }
            }
            fleet.breathe().await;
        }
        self.packed = None;
        while left > 0 {
            let Ok(Some(bytes)) = self.next().await else {
                break;
            };
            left = left.saturating_sub(bytes.len());
            fleet.breathe().await;
        }
        is_whole
    }
}

#[cfg(test)]
mod tests;
