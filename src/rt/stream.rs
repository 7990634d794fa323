//! A connection as hyper reads and writes it, which parts with a reader that takes nothing.

use std::cell::Cell;
use std::future::Future;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use glommio::io::{PollState, PollableFd};
use hyper::rt::ReadBufCursor;

use super::first_line::{self, FirstLine};
use super::timer::Sleep;

/// Bytes asked of the kernel in one read.
const READ_BYTES: usize = 16 * 1024;

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

/// A non-blocking connection as hyper reads and writes it: the call first, and only if it would
/// block, the reactor.
pub(super) struct Stream {
    socket: PollableFd<TcpStream>,
    /// What was read before and comes first.
    read: Bytes,
    reading: PollState,
    writing: PollState,
    patience: Patience,
    first_line: FirstLine,
    /// While the peer takes nothing: until when it may.
    stalled: Option<Sleep>,
}

impl Stream {
    /// Over `socket`, which does not block and from which `read` was read already.
    pub(super) fn new(
        socket: TcpStream,
        read: Vec<u8>,
        patience: Patience,
        first_line: FirstLine,
    ) -> io::Result<Stream> {
        Ok(Stream {
            socket: PollableFd::new(socket).map_err(io::Error::from)?,
            read: read.into(),
            reading: PollState::new(),
            writing: PollState::new(),
            patience,
            first_line,
            stalled: None,
        })
    }

    /// Give hyper `bytes`, the next that came.
    fn put(&self, bytes: &[u8], into: &mut ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        let passed = self.first_line.pass(bytes);
        if into.remaining() < passed.len() {
            return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
        }
        into.put_slice(&passed);
        Poll::Ready(Ok(()))
    }

    fn poll_write_with(
        &mut self,
        context: &mut Context<'_>,
        mut write: impl FnMut(&mut &TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            match write(&mut self.socket.get_ref()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                done => {
                    self.stalled = None;
                    return Poll::Ready(done);
                }
            }
            match self.socket.poll_writable(context, &mut self.writing) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error.into())),
                Poll::Pending => return self.poll_patience(context),
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
        let _ =
            rustix::net::sockopt::set_socket_linger(self.socket.get_ref(), Some(Duration::ZERO));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl hyper::rt::Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut into: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let mut bytes = [0; READ_BYTES];
        let room = into.remaining().min(READ_BYTES);
        // Where it is less than that, which hyper does not do, a byte that grows ends the connection.
        let grown = first_line::BYTES_PER_BYTE;
        let room = if this.first_line.may_grow() && grown <= room {
            room / grown
        } else {
            room
        };
        if !this.read.is_empty() {
            let first = this.read.split_to(room.min(this.read.len()));
            return this.put(&first, &mut into);
        }
        loop {
            match this.socket.get_ref().read(&mut bytes[..room]) {
                Ok(filled) => return this.put(&bytes[..filled], &mut into),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Poll::Ready(Err(error)),
            }
            match this.socket.poll_readable(context, &mut this.reading) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error.into())),
                Poll::Pending => return Poll::Pending,
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
        let shut = self.socket.get_ref().shutdown(std::net::Shutdown::Write);
        match shut {
            // The peer was quicker.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Poll::Ready(Ok(())),
            done => Poll::Ready(done),
        }
    }
}
