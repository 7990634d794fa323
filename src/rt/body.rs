//! The body of a request as hyper reads it, given piece by piece.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::StatusCode;
use http_body::Body;
use hyper::body::Incoming;

use super::first_line::FirstLine;
use super::timer::Sleep;
use crate::http::{Local, Source, Unread};

/// Bytes that must come before the time of a body begins anew. One that comes as a whole may take as long
/// as it is large, but no sender holds a connection by a byte now and then.
const PROGRESS_BYTES: usize = 16 * 1024;

/// After so long without a byte, whoever reads is told.
const SILENCE: Duration = Duration::from_millis(200);

/// A body under way.
pub(super) struct IncomingPieces {
    body: Incoming,
    /// How long [`PROGRESS_BYTES`] may take to come.
    timeout: Duration,
    /// What is left of that, which only passes while somebody waits for more.
    left: Duration,
    /// Bytes that came of these.
    progress: usize,
    line: FirstLine,
    is_read: Rc<Cell<bool>>,
}

impl IncomingPieces {
    /// `body`; at its end, `line` hears that another request may begin.
    pub(super) fn new(body: Incoming, timeout: Duration, line: FirstLine) -> IncomingPieces {
        IncomingPieces {
            body,
            timeout,
            left: timeout,
            progress: 0,
            line,
            is_read: Rc::default(),
        }
    }

    /// Whether it was read to its end.
    pub(super) fn is_read(&self) -> Rc<Cell<bool>> {
        Rc::clone(&self.is_read)
    }

    async fn piece(&mut self) -> Result<Option<Bytes>, Unread> {
        // What is there already costs no look at the clock.
        let mut waiting: Option<(Instant, Sleep)> = None;
        loop {
            let (body, waiting) = (&mut self.body, &mut waiting);
            let longest = self.left.min(SILENCE);
            let frame = poll_fn(|context| match Pin::new(&mut *body).poll_frame(context) {
                Poll::Ready(frame) => Poll::Ready(Ok(frame)),
                Poll::Pending => {
                    let begin = || (Instant::now(), Sleep::over(longest));
                    let (_, sleep) = waiting.get_or_insert_with(begin);
                    Pin::new(sleep).poll(context).map(Err)
                }
            });
            let frame = frame.await;
            let waited = || waiting.as_ref().map_or(Duration::ZERO, |w| w.0.elapsed());
            match frame {
                Ok(None) => {
                    self.is_read.set(true);
                    self.line.may_begin();
                    return Ok(None);
                }
                Ok(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) if !data.is_empty() => {
                        self.progress(data.len(), waited());
                        return Ok(Some(data));
                    }
                    _ => {}
                },
                Ok(Some(Err(error))) => {
                    let told = format!("the body cannot be read: {error}");
                    return Err(Unread::new(StatusCode::BAD_REQUEST, told));
                }
                Err(()) if SILENCE < self.left => {
                    self.progress(0, waited());
                    return Ok(Some(Bytes::new()));
                }
                Err(()) => {
                    let told = "the body took too long to come";
                    return Err(Unread::new(StatusCode::REQUEST_TIMEOUT, told));
                }
            }
        }
    }

    /// So many bytes came after so long a wait.
    fn progress(&mut self, bytes: usize, waited: Duration) {
        self.progress += bytes;
        self.left = self.left.saturating_sub(waited);
        if PROGRESS_BYTES <= self.progress {
            (self.progress, self.left) = (0, self.timeout);
        }
    }
}

impl Source for IncomingPieces {
    fn next(&mut self) -> Local<'_, Result<Option<Bytes>, Unread>> {
        Box::pin(self.piece())
    }
}
