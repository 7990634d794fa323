//! HTTP by hyper, on the shards: reads requests whole, bounded, and writes whole answers.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use glommio::io::{PollState, PollableFd};
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::rt::ReadBufCursor;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use rustix::net::SocketFlags;

use super::fleet::ShardFleet;
use super::stop::Bell;
use super::timer::{HyperTimer, Sleep};
use crate::http::HttpOptions;
use crate::model::refusal::{Protocol, Reason};
use crate::shard::Shard;

/// Bytes asked of the kernel in one read.
const READ_BYTES: usize = 16 * 1024;
/// Bytes of a request's head; a longer one is answered with 431. A path has at most 64 KiB.
const HEAD_BYTES_MAX: usize = 128 * 1024;
/// Bytes that the bodies which all connections of a shard are sending may take together, or one body
/// where that may be more.
const BODIES_BYTES_MAX: usize = 64 << 20;
/// How long running requests may take after a stop.
const FINISH_MAX: Duration = Duration::from_secs(5);
/// How long to let be a listener that cannot accept, because files or memory ran out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What the HTTP server of one shard may do.
#[derive(Clone, Debug)]
pub(super) struct ServerOptions {
    pub(super) connections_max: usize,
    pub(super) header_timeout: Duration,
    pub(super) body_timeout: Duration,
    pub(super) body_bytes_max: usize,
    pub(super) answers: HttpOptions,
}

/// The HTTP server of one shard.
pub(super) struct Server {
    pub(super) options: ServerOptions,
    pub(super) fleet: ShardFleet,
    pub(super) shard: Rc<RefCell<Shard>>,
    pub(super) stop: Bell,
    pub(super) open: Cell<usize>,
    pub(super) bodies_bytes: Cell<usize>,
}

impl Server {
    /// Accept at `listener` until the stop.
    pub(super) async fn listen(self: Rc<Server>, listener: OwnedFd) -> io::Result<()> {
        let listener = PollableFd::new(listener).map_err(io::Error::from)?;
        while !self.stop.has_rung() {
            self.accept_waiting(listener.get_ref()).await;
            let mut readable = pin!(listener.readable());
            let mut stop = pin!(self.stop.wait());
            poll_fn(|context| match stop.as_mut().poll(context) {
                Poll::Ready(()) => Poll::Ready(Ok(())),
                Poll::Pending => readable.as_mut().poll(context),
            })
            .await
            .map_err(io::Error::from)?;
        }
        Ok(())
    }

    async fn accept_waiting(self: &Rc<Server>, listener: &OwnedFd) {
        loop {
            let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
            match rustix::net::accept_with(listener, flags) {
                Ok(_) if self.options.connections_max <= self.open.get() => {
                    let mut shard = self.shard.borrow_mut();
                    shard.refuse(Protocol::Http, Reason::Connections);
                }
                Ok(socket) => {
                    let server = Rc::clone(self);
                    let opened = Opened::new(Rc::clone(self));
                    glommio::spawn_local(async move {
                        let _opened = opened;
                        server.converse(TcpStream::from(socket)).await;
                    })
                    .detach();
                }
                Err(rustix::io::Errno::AGAIN) => return,
                Err(rustix::io::Errno::CONNABORTED | rustix::io::Errno::INTR) => {}
                Err(error) => {
                    tracing::warn!("cannot accept an HTTP connection: {error}");
                    glommio::timer::sleep(ACCEPT_PAUSE).await;
                    return;
                }
            }
            glommio::yield_if_needed().await;
        }
    }

    /// Serve one connection until it ends, or, after a stop, until its running request is answered.
    async fn converse(&self, stream: TcpStream) {
        let Ok(stream) = Stream::new(stream) else {
            return;
        };
        let service = service_fn(async |request| Ok::<_, Infallible>(self.answer(request).await));
        let mut builder = http1::Builder::new();
        builder
            .timer(HyperTimer)
            .max_buf_size(HEAD_BYTES_MAX)
            .header_read_timeout(self.options.header_timeout);
        let mut connection = pin!(builder.serve_connection(stream, service));
        let mut stopping = false;
        let mut listening = None;
        poll_fn(|context| {
            if self.stop.has_rung() && !stopping {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
            if listening.is_none() {
                listening = Some(self.stop.listen(context.waker()));
            }
            // A connection that breaks is its peer's affair.
            connection.as_mut().poll(context).map(drop)
        })
        .await;
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Whole> {
        let (parts, body) = request.into_parts();
        let (body, _held) = match self.whole(body).await {
            Ok(body) => body,
            Err(refusal) => return refusal,
        };
        let request = Request::from_parts(parts, body);
        let answer = crate::http::answer(request, &self.fleet, &self.options.answers).await;
        answer.map(Whole::new)
    }

    /// The body of a request, within its bounds of size and time, and its hold on the bytes that all
    /// bodies may take.
    async fn whole(&self, body: Incoming) -> Result<(Bytes, Held<'_>), Response<Whole>> {
        let max = self.options.body_bytes_max;
        let too_large = || {
            let text = format!(
                "the body is larger than {max} bytes; send less, or raise http.body_bytes_max\n"
            );
            refusal(StatusCode::PAYLOAD_TOO_LARGE, text)
        };
        if (max as u64) < body.size_hint().lower() {
            return Err(too_large());
        }
        let mut body = pin!(body);
        let mut sleep = Sleep::over(self.options.body_timeout);
        let mut bytes = BytesMut::new();
        let mut held = Held {
            all: &self.bodies_bytes,
            own: 0,
        };
        loop {
            let frame = poll_fn(|context| match body.as_mut().poll_frame(context) {
                Poll::Ready(frame) => Poll::Ready(Ok(frame)),
                Poll::Pending => Pin::new(&mut sleep).poll(context).map(Err),
            });
            match frame.await {
                Ok(None) => return Ok((bytes.freeze(), held)),
                Ok(Some(Ok(frame))) => {
                    let Ok(data) = frame.into_data() else {
                        continue;
                    };
                    if max < bytes.len() + data.len() {
                        return Err(too_large());
                    }
                    if !held.more(data.len(), BODIES_BYTES_MAX.max(max)) {
                        let text = "too many large bodies at once; try again later\n".to_owned();
                        return Err(refusal(StatusCode::SERVICE_UNAVAILABLE, text));
                    }
                    bytes.extend_from_slice(&data);
                }
                Ok(Some(Err(error))) => {
                    let text = format!("the body cannot be read: {error}\n");
                    return Err(refusal(StatusCode::BAD_REQUEST, text));
                }
                Err(()) => {
                    let text = "the body took too long to come\n".to_owned();
                    return Err(refusal(StatusCode::REQUEST_TIMEOUT, text));
                }
            }
        }
    }

    /// Wait for running requests, within reason.
    pub(super) async fn finish(&self) {
        let step = Duration::from_millis(5);
        // By the clock: on a busy shard a short sleep may take long.
        let began = Instant::now();
        while self.open.get() > 0 && began.elapsed() < FINISH_MAX {
            glommio::timer::sleep(step).await;
        }
    }
}

/// A request refused before it is understood; what is left of it is not read.
fn refusal(status: StatusCode, text: String) -> Response<Whole> {
    let mut response = Response::new(Whole::new(text.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// What one body takes of the bytes that all may take.
struct Held<'a> {
    all: &'a Cell<usize>,
    own: usize,
}

impl Held<'_> {
    /// Take `more` bytes, if all together then take no more than `max`.
    fn more(&mut self, more: usize, max: usize) -> bool {
        let all = self.all.get() + more;
        if max < all {
            return false;
        }
        self.all.set(all);
        self.own += more;
        true
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.all.set(self.all.get() - self.own);
    }
}

/// One open connection, counted.
struct Opened(Rc<Server>);

impl Opened {
    fn new(server: Rc<Server>) -> Opened {
        server.open.set(server.open.get() + 1);
        let mut shard = server.shard.borrow_mut();
        shard.count_connection(Protocol::Http, true);
        drop(shard);
        Opened(server)
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.0.open.set(self.0.open.get().saturating_sub(1));
        // While a panic unwinds somebody may still hold the shard; then nobody counts any more.
        if let Ok(mut shard) = self.0.shard.try_borrow_mut() {
            shard.count_connection(Protocol::Http, false);
        }
    }
}

/// A body that is there already. It need not be sendable to other threads.
struct Whole(Option<Bytes>);

impl Whole {
    fn new(bytes: Bytes) -> Whole {
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

/// A non-blocking connection as hyper reads and writes it: the call first, and only if it would
/// block, the reactor.
struct Stream {
    socket: PollableFd<TcpStream>,
    reading: PollState,
    writing: PollState,
}

impl Stream {
    fn new(socket: TcpStream) -> io::Result<Stream> {
        Ok(Stream {
            socket: PollableFd::new(socket).map_err(io::Error::from)?,
            reading: PollState::new(),
            writing: PollState::new(),
        })
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
                done => return Poll::Ready(done),
            }
            match self.socket.poll_writable(context, &mut self.writing) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error.into())),
                Poll::Pending => return Poll::Pending,
            }
        }
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
        loop {
            match this.socket.get_ref().read(&mut bytes[..room]) {
                Ok(filled) => {
                    into.put_slice(&bytes[..filled]);
                    return Poll::Ready(Ok(()));
                }
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
