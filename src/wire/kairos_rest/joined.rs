//! The pieces of a body. Each is read where it is; only an object that begins in one and ends in another is
//! put together.

use bytes::Bytes;

use super::{Decoder, Stage, USUAL_BYTES};

/// Bytes of a piece that are put behind an object which began in the one before, at first: about an object.
const JOINED_BYTES: usize = 1024;

impl Decoder {
    /// The next piece of the body, once all that came is used up.
    pub fn feed(&mut self, piece: Bytes) {
        let read = match self.stage {
            Stage::Start | Stage::Objects { .. } | Stage::Object => self.at,
            // Fields of an object that is half read are known by their places.
            Stage::Ended => usize::MAX,
            _ => 0,
        };
        if self.joined.is_empty() {
            let read = read.min(self.piece.len());
            let rest = self.piece.get(read..).unwrap_or_default();
            self.joined.extend_from_slice(rest);
            self.passed_over(read);
        } else {
            let rest = self.piece.get(self.copied..).unwrap_or_default();
            self.joined.extend_from_slice(rest);
            let read = read.min(self.joined.len());
            self.joined.drain(..read);
            self.passed_over(read);
        }
        self.shrink();
        (self.piece, self.copied) = (piece, 0);
    }

    /// Of what is read so many bytes are gone.
    fn passed_over(&mut self, bytes: usize) {
        if bytes > 0 {
            self.at = self.at.saturating_sub(bytes);
            self.wanted = self.wanted.saturating_sub(bytes);
            self.passed += bytes;
            self.usual.forget();
        }
    }

    fn shrink(&mut self) {
        if USUAL_BYTES < self.joined.capacity() && self.joined.len() < USUAL_BYTES / 4 {
            self.joined.shrink_to(USUAL_BYTES / 2);
        }
    }

    /// Where, in what is read, the first byte of the piece stands.
    pub(super) fn joint(&self) -> usize {
        self.joined.len().saturating_sub(self.copied)
    }

    /// The object that began before the piece is read: go on in the piece itself.
    pub(super) fn leave_joined(&mut self) {
        let is_between = matches!(self.stage, Stage::Objects { .. } | Stage::Object);
        if self.joined.is_empty() || !is_between || self.at < self.joint() {
            return;
        }
        self.passed_over(self.joint());
        self.joined.clear();
        self.shrink();
        self.copied = 0;
    }

    /// Put more of the piece behind the object that began before it. False if there is no more.
    pub(super) fn join_more(&mut self) -> bool {
        let rest = self.piece.get(self.copied..).unwrap_or_default();
        if self.joined.is_empty() || rest.is_empty() {
            return false;
        }
        let more = rest.len().min(self.joined.len().max(JOINED_BYTES));
        self.joined.extend_from_slice(&rest[..more]);
        self.copied += more;
        true
    }
}
