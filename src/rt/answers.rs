//! Answers on their way to their readers: how many bytes of them a shard holds.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// Bytes of the answers that all readers of a shard have not taken yet, or of one answer where that is
/// more.
const WAITING_BYTES_MAX: usize = 512 << 20;
/// A smaller answer is not worth counting: connections are bounded.
const COUNTED_BYTES_MIN: usize = 16 * 1024;

/// What the answers of one shard that wait for their readers take. Only its own core touches it; it is
/// atomic because buffers could go to other threads.
#[derive(Clone, Debug, Default)]
pub(super) struct Waiting(Arc<AtomicUsize>);

/// An answer, and its part of what waits, given back when the last of it was taken.
struct Counted {
    bytes: Bytes,
    all: Arc<AtomicUsize>,
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.all.fetch_sub(self.bytes.len(), Relaxed);
    }
}

impl Waiting {
    /// `bytes`, counted until the last of them was taken. `None` if with them too much would wait.
    pub(super) fn counted(&self, bytes: Bytes) -> Option<Bytes> {
        if bytes.len() < COUNTED_BYTES_MIN {
            return Some(bytes);
        }
        let before = self.0.load(Relaxed);
        if WAITING_BYTES_MAX.max(bytes.len()) < before + bytes.len() {
            return None;
        }
        self.0.fetch_add(bytes.len(), Relaxed);
        let all = Arc::clone(&self.0);
        Some(Bytes::from_owner(Counted { bytes, all }))
    }
}

/// A body that is there already. It need not be sendable to other threads.
pub(super) struct Whole(Option<Bytes>);

impl Whole {
    /// Of `bytes`; of none there is no body.
    pub(super) fn new(bytes: Bytes) -> Whole {
        Whole(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }
}

impl Body for Whole {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_counted_until_it_is_taken() {
        let waiting = Waiting::default();
        let of = |bytes: usize| waiting.counted(Bytes::from(vec![b'x'; bytes]));
        let held = || waiting.0.load(Relaxed);
        let small = of(COUNTED_BYTES_MIN - 1);
        assert_eq!(
            (small.map(|b| b.len()), held()),
            (Some(COUNTED_BYTES_MIN - 1), 0)
        );
        let half = of(WAITING_BYTES_MAX / 2).expect("room");
        let cut = half.slice(1000..2000);
        assert!(of(WAITING_BYTES_MAX / 2 + 1).is_none());
        let rest = of(WAITING_BYTES_MAX / 2);
        assert!(rest.is_some() && of(COUNTED_BYTES_MIN).is_none());
        drop((half, rest));
        assert_eq!(held(), WAITING_BYTES_MAX / 2, "part of it is still held");
        drop(cut);
        assert_eq!(held(), 0);
        assert!(
            of(WAITING_BYTES_MAX + 1).is_some(),
            "one alone may be larger"
        );
        assert_eq!(held(), 0);
    }
}
