//! Where a frame ends: four bytes of length, big-endian, then that many bytes of pickle.

use std::ops::Range;

/// Longest payload unless configured otherwise.
pub const FRAME_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The most that the longest payload may be configured to; go-carbon's limit.
pub const FRAME_BYTES_LIMIT: usize = 64 * 1024 * 1024;

/// Bytes of the length.
const HEADER_BYTES: usize = 4;

/// What the start of some bytes is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FrameStep {
    /// No whole frame. The header, or the frame if the header is there, ends behind this many bytes.
    Need(usize),
    /// A frame.
    Frame {
        /// Where its pickle is.
        payload: Range<usize>,
        /// Bytes up to the next frame.
        consumed: usize,
    },
    /// A frame over the limit. What follows is not looked at: the connection has to be closed.
    TooLong,
}

/// Look for a frame at the start of `bytes`. The length is refused as soon as it is seen, so no more
/// than `frame_bytes_max` (at most [`FRAME_BYTES_LIMIT`]) and a header is ever waited for. A length of
/// 0 is a frame, with an empty payload that no pickle is.
pub fn next_frame(bytes: &[u8], frame_bytes_max: usize) -> FrameStep {
    let Some(header) = bytes.first_chunk::<HEADER_BYTES>() else {
        return FrameStep::Need(HEADER_BYTES);
    };
    let len = u32::from_be_bytes(*header) as usize;
    if len > frame_bytes_max.min(FRAME_BYTES_LIMIT) {
        return FrameStep::TooLong;
    }
    let end = HEADER_BYTES + len;
    if bytes.len() < end {
        return FrameStep::Need(end);
    }
    FrameStep::Frame {
        payload: HEADER_BYTES..end,
        consumed: end,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], want: FrameStep) {
        assert_eq!(next_frame(bytes, 1 << 20), want, "{bytes:?}");
    }

    #[test]
    fn frames() {
        check(b"", FrameStep::Need(4));
        check(b"\0\0\0", FrameStep::Need(4));
        check(b"\0\0\0\x02", FrameStep::Need(6));
        check(b"\0\0\0\x02]", FrameStep::Need(6));
        let frame = |payload, consumed| FrameStep::Frame { payload, consumed };
        check(b"\0\0\0\x02].", frame(4..6, 6));
        check(b"\0\0\0\x02].\0\0", frame(4..6, 6));
        check(b"\0\0\0\0\0", frame(4..4, 4));
        check(b"\x00\x10\x00\x00", FrameStep::Need(4 + (1 << 20)));
        check(b"\x00\x10\x00\x01", FrameStep::TooLong);
        check(b"GET / HTTP/1.1\r\n", FrameStep::TooLong);
        assert_eq!(
            next_frame(b"\x04\x00\x00\x01", usize::MAX),
            FrameStep::TooLong
        );
    }
}
