//! One connection to another server that hyper speaks HTTP on, driven by whoever waits: no executor, one
//! thread, `poll(2)`. For commands; shards have no use for it.

use std::cell::Cell;
use std::future::Future;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::client::conn::http1::{Connection, SendRequest, handshake};
use hyper::rt::ReadBufCursor;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// How long a connection may take to be there.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// Bytes asked of the kernel in one read.
const READ_BYTES: usize = 16 * 1024;

/// Why nothing comes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    /// There is no connection, or none any longer.
    #[error("{0}")]
    Closed(String),
    /// It took too long.
    #[error("it takes longer than {} s", .0.as_secs())]
    Late(Duration),
}

/// The body of a request, which is there as a whole, or is none.
#[derive(Debug)]
pub struct Whole(pub Option<Bytes>);

impl Body for Whole {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}

/// What a connection waits for.
#[derive(Clone, Copy, Debug, Default)]
struct Wants {
    to_read: bool,
    to_write: bool,
}

/// A connection that does not block, as hyper reads and writes it.
struct Stream {
    socket: Rc<TcpStream>,
    wants: Rc<Cell<Wants>>,
}

impl Stream {
    fn again<T>(
        &self,
        wants: Wants,
        mut call: impl FnMut(&mut &TcpStream) -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        loop {
            return match call(&mut &*self.socket) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let before = self.wants.get();
                    self.wants.set(Wants {
                        to_read: before.to_read || wants.to_read,
                        to_write: before.to_write || wants.to_write,
                    });
                    Poll::Pending
                }
                done => Poll::Ready(done),
            };
        }
    }
}

impl hyper::rt::Read for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut into: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut bytes = [0; READ_BYTES];
        let (room, _) = bytes.split_at_mut(into.remaining().min(READ_BYTES));
        let wants = Wants {
            to_read: true,
            to_write: false,
        };
        let read = self.again(wants, |socket| socket.read(room));
        read.map_ok(|filled| into.put_slice(room.get(..filled).unwrap_or_default()))
    }
}

impl hyper::rt::Write for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let wants = Wants {
            to_read: false,
            to_write: true,
        };
        self.again(wants, |socket| socket.write(bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.socket.shutdown(std::net::Shutdown::Write) {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Poll::Ready(Ok(())),
            done => Poll::Ready(done),
        }
    }
}

/// Whether somebody has something to do besides waiting for the socket.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// One connection; dropping it ends it.
pub struct Link {
    socket: Rc<TcpStream>,
    wants: Rc<Cell<Wants>>,
    sender: SendRequest<Whole>,
    /// `None` once it has ended.
    connection: Option<Pin<Box<Connection<Stream, Whole>>>>,
    /// Why it has ended.
    ended: String,
    woken: Arc<Woken>,
    waker: Waker,
    /// How long a call may wait for the server, and what is left of that of the one under way.
    longest: Duration,
    left: Duration,
}

impl Link {
    /// Connect to `port` of `host`. No call may wait longer than `longest`.
    ///
    /// # Errors
    /// It has no address, or nobody is there.
    pub fn open(host: &str, port: u16, longest: Duration) -> Result<Link, Lost> {
        let closed = |error: &dyn std::fmt::Display| Lost::Closed(error.to_string());
        let addresses = (host, port).to_socket_addrs();
        let mut why = Lost::Closed("its name has no address".to_owned());
        for address in addresses.map_err(|error| closed(&error))? {
            match TcpStream::connect_timeout(&address, CONNECT_MAX) {
                Ok(socket) => return Link::on(socket, longest).map_err(|error| closed(&error)),
                Err(error) => why = closed(&error),
            }
        }
        Err(why)
    }

    fn on(socket: TcpStream, longest: Duration) -> io::Result<Link> {
        socket.set_nodelay(true)?;
        socket.set_nonblocking(true)?;
        let (socket, wants) = (Rc::new(socket), Rc::default());
        let stream = Stream {
            socket: Rc::clone(&socket),
            wants: Rc::clone(&wants),
        };
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut shaking = Box::pin(handshake(stream));
        // It only makes the two halves; nothing is sent yet.
        let (sender, connection) = match shaking.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(made) => made.map_err(io::Error::other)?,
            Poll::Pending => return Err(io::ErrorKind::WouldBlock.into()),
        };
        Ok(Link {
            socket,
            wants,
            sender,
            connection: Some(Box::pin(connection)),
            ended: String::new(),
            woken,
            waker,
            longest,
            left: longest,
        })
    }

    /// Send `request`; gives the answer's head once it is there.
    ///
    /// # Errors
    /// There is no answer, and the link is of no more use.
    pub fn call(&mut self, request: Request<Whole>) -> Result<Response<Incoming>, Lost> {
        self.left = self.longest;
        let mut sent = Box::pin(self.sender.send_request(request));
        let answer = self.wait(|context| sent.as_mut().poll(context))?;
        answer.map_err(|error| Lost::Closed(told(&error)))
    }

    /// The next bytes of an answer's body; `None` at its end.
    ///
    /// # Errors
    /// No more of it comes, and the link is of no more use.
    pub fn next(&mut self, body: &mut Incoming) -> Result<Option<Bytes>, Lost> {
        loop {
            let frame = self.wait(|context| Pin::new(&mut *body).poll_frame(context))?;
            match frame {
                None => return Ok(None),
                Some(Err(error)) => return Err(Lost::Closed(told(&error))),
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Ok(Some(bytes));
                    }
                }
            }
        }
    }

    /// Drive the connection until `future` has its end.
    fn wait<T>(&mut self, mut future: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Result<T, Lost> {
        loop {
            let waker = self.waker.clone();
            let mut context = Context::from_waker(&waker);
            self.woken.0.store(false, Ordering::Relaxed);
            self.wants.set(Wants::default());
            if let Poll::Ready(done) = future(&mut context) {
                return Ok(done);
            }
            let Some(connection) = &mut self.connection else {
                // Nobody is left who could bring anything.
                return Err(Lost::Closed(self.ended.clone()));
            };
            if let Poll::Ready(end) = connection.as_mut().poll(&mut context) {
                self.connection = None;
                self.ended = match end {
                    Ok(()) => "the connection was closed".to_owned(),
                    Err(error) => told(&error),
                };
                continue;
            }
            if !self.woken.0.load(Ordering::Relaxed) {
                self.sleep()?;
            }
        }
    }

    /// Until the socket can do what the connection waits for. Only this counts as the time of a call, not
    /// what is done with its answer.
    fn sleep(&mut self) -> Result<(), Lost> {
        let late = Lost::Late(self.longest);
        let Ok(left) = Timespec::try_from(self.left) else {
            return Err(late);
        };
        let wants = self.wants.get();
        let mut flags = PollFlags::empty();
        flags.set(PollFlags::IN, wants.to_read);
        flags.set(PollFlags::OUT, wants.to_write);
        let began = Instant::now();
        let polled = poll(&mut [PollFd::new(&*self.socket, flags)], Some(&left));
        self.left = self.left.saturating_sub(began.elapsed());
        match polled {
            Ok(0) => Err(late),
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(Lost::Closed(error.to_string())),
        }
    }
}

/// An error with what is behind it.
fn told(error: &hyper::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
