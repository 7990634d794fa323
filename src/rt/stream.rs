//! A connection as hyper reads and writes it, which parts with a reader that takes nothing.

use std::borrow::Cow;
use std::cell::Cell;
use std::future::Future;
use std::io::{self, Write};
use std::net::TcpStream;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::rt::ReadBufCursor;
use rustix::io::Errno;
use rustix::net::RecvFlags;

use super::first_line::FirstLine;
use super::readiness::{Readiness, Watched};
use super::timer::Sleep;

/// Most bytes asked of the kernel in one read: as many as hyper has room for, which grows with what comes.
const READ_BYTES: usize = 256 * 1024;

/// How long a reader may take nothing of its answer, and whether this one did.
#[derive(Clone, Debug)]
pub(super) struct Patience {
    longest: Duration,
    over: Rc<Cell<bool>>,
}

impl Patience {
    /// Not over yet.
    pub(super) fn new(longest: Duration) -> Patience {
        Patience {
            longest,
            over: Rc::default(),
        }
    }

    /// Whether the reader took nothing for too long.
    pub(super) fn is_over(&self) -> bool {
        self.over.get()
    }
}

/// A non-blocking connection as hyper reads and writes it: the kernel is asked where it may have something,
/// as far as the shard's [`Readiness`] knows.
pub(super) struct Stream {
    socket: Watched,
    /// What was read before and comes first.
    read: Bytes,
    /// What comes before that: the end of a first line, and what is behind it, that had become too long.
    grown: Bytes,
    patience: Patience,
    first_line: FirstLine,
    /// While the peer takes nothing: until when it may.
    stalled: Option<Sleep>,
}

impl Stream {
    /// Over `socket`, which does not block and from which `read` was read already.
    pub(super) fn new(
        readiness: &Readiness,
        socket: TcpStream,
        read: Vec<u8>,
        patience: Patience,
        first_line: FirstLine,
    ) -> io::Result<Stream> {
        Ok(Stream {
            socket: readiness.watch(socket)?,
            read: read.into(),
            grown: Bytes::new(),
            patience,
            first_line,
            stalled: None,
        })
    }

    /// Read into the room that hyper has, and make it known what came; false is nothing yet.
    fn fill(&mut self, into: &mut ReadBufCursor<'_>) -> io::Result<bool> {
        // SAFETY: nothing that was initialized is made uninitialized: `recv` only writes to it.
        let room = unsafe { into.as_mut() };
        let most = room.len().min(READ_BYTES);
        let received = loop {
            let flags = RecvFlags::DONTWAIT;
            match rustix::net::recv(self.socket.socket(), &mut room[..most], flags) {
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    self.socket.found_nothing();
                    return Ok(false);
                }
                received => break received?,
            }
        };
        let ((filled, _), _) = received;
        let len = filled.len();
        if 0 < len && len < most {
            self.socket.found_less();
        }
        let grown = match self.first_line.pass(filled) {
            Cow::Borrowed(_) => None,
            Cow::Owned(grown) => Some(grown),
        };
        match grown {
            // SAFETY: `recv` has written so many bytes to the front of the room.
            None => unsafe { into.advance(len) },
            Some(grown) => {
                self.grown = grown.into();
                give(&mut self.grown, into);
            }
        }
        Ok(true)
    }

    fn poll_write_with(
        &mut self,
        context: &mut Context<'_>,
        mut write: impl FnMut(&mut &TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            if self.socket.poll_writable(context).is_pending() {
                return self.poll_patience(context);
            }
            match write(&mut self.socket.socket()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.socket.found_no_room()
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                done => {
                    self.stalled = None;
                    return Poll::Ready(done);
                }
            }
        }
    }

    /// Pending while the peer may still take nothing. Then what the kernel holds for it is thrown away too.
    fn poll_patience(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let longest = self.patience.longest;
        let stalled = self.stalled.get_or_insert_with(|| Sleep::over(longest));
        if Pin::new(stalled).poll(context).is_pending() {
            return Poll::Pending;
        }
        self.patience.over.set(true);
        // Without it the kernel goes on by itself, which is the peer's gain and no harm of ours.
        let _ = rustix::net::sockopt::set_socket_linger(self.socket.socket(), Some(Duration::ZERO));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

/// Give hyper as much of `bytes` as it has room for.
fn give(bytes: &mut Bytes, into: &mut ReadBufCursor<'_>) {
    let some = bytes.split_to(bytes.len().min(into.remaining()));
    into.put_slice(&some);
}

impl hyper::rt::Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut into: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.grown.is_empty() && !this.read.is_empty() {
            let first = this.read.split_to(into.remaining().min(this.read.len()));
            this.grown = match this.first_line.pass(&first) {
                Cow::Borrowed(_) => first,
                Cow::Owned(grown) => grown.into(),
            };
        }
        if !this.grown.is_empty() {
            give(&mut this.grown, &mut into);
            return Poll::Ready(Ok(()));
        }
        loop {
            if this.socket.poll_readable(context).is_pending() {
                return Poll::Pending;
            }
            match this.fill(&mut into) {
                Ok(true) => return Poll::Ready(Ok(())),
                Ok(false) => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl hyper::rt::Write for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_with(context, |socket| socket.write(bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_with(context, |socket| socket.write_vectored(slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = self.socket.socket().shutdown(std::net::Shutdown::Write);
        match shut {
            // The peer was quicker.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Poll::Ready(Ok(())),
            done => Poll::Ready(done),
        }
    }
}
