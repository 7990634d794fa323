//! HTTP by hyper, on the shards: reads requests whole, bounded, or hands on their bodies piece by piece, and
//! writes whole answers.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use glommio::TaskQueueHandle;
use glommio::io::PollableFd;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use rustix::net::SocketFlags;

use super::answers::{Waiting, Whole};
use super::body::IncomingPieces;
use super::first_line::FirstLine;
use super::fleet::ShardFleet;
use super::readiness::Readiness;
use super::stop::Bell;
use super::stream::{Patience, Stream};
use super::timer::{HyperTimer, Sleep};
use super::turn;
use crate::http::HttpOptions;
use crate::model::refusal::{Protocol, Reason};
use crate::shard::Shard;

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
    pub(super) write_timeout: Duration,
    pub(super) body_timeout: Duration,
    pub(super) body_bytes_max: usize,
    pub(super) answers: HttpOptions,
}

/// The HTTP server of one shard.
pub(super) struct Server {
    pub(super) options: ServerOptions,
    pub(super) fleet: ShardFleet,
    pub(super) shard: Rc<RefCell<Shard>>,
    pub(super) readiness: Readiness,
    pub(super) stop: Bell,
    pub(super) open: Cell<usize>,
    pub(super) bodies_bytes: Cell<usize>,
    pub(super) waiting: Waiting,
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
                        server.converse(TcpStream::from(socket), Vec::new()).await;
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
            turn::breathe(turn::SHORT).await;
        }
    }

    /// Serve, in `queue`, a connection that came in by another door, where `read` was read from it.
    pub(super) fn welcome(
        self: &Rc<Server>,
        socket: OwnedFd,
        read: Vec<u8>,
        queue: TaskQueueHandle,
    ) {
        if self.options.connections_max <= self.open.get() {
            let mut shard = self.shard.borrow_mut();
            shard.refuse(Protocol::Http, Reason::Connections);
            return;
        }
        let server = Rc::clone(self);
        let opened = Opened::new(Rc::clone(self));
        let serving = async move {
            let _opened = opened;
            server.converse(TcpStream::from(socket), read).await;
        };
        match glommio::spawn_local_into(serving, queue) {
            Ok(task) => drop(task.detach()),
            Err(error) => tracing::warn!("cannot serve an HTTP connection: {error}"),
        }
    }

    /// Serve one connection until it ends, or, after a stop, until its running request is answered. `read`
    /// was read from it already.
    async fn converse(&self, stream: TcpStream, read: Vec<u8>) {
        let patience = Patience::new(self.options.write_timeout);
        let first_line = FirstLine::default();
        let (patient, line) = (patience.clone(), first_line.clone());
        let stream = match Stream::new(&self.readiness, stream, read, patient, line) {
            Ok(stream) => stream,
            Err(error) => {
                tracing::warn!("cannot watch an HTTP connection: {error}");
                return;
            }
        };
        let service = service_fn(async |request| {
            Ok::<_, Infallible>(self.answer(request, &first_line).await)
        });
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
        if patience.is_over() {
            let mut shard = self.shard.borrow_mut();
            shard.refuse(Protocol::Http, Reason::Reader);
        }
    }

    async fn answer(&self, request: Request<Incoming>, line: &FirstLine) -> Response<Whole> {
        let (parts, body) = request.into_parts();
        let (fleet, answers) = (&self.fleet, &self.options.answers);
        let answer = if crate::http::takes_pieces(&parts.method, parts.uri.path(), answers) {
            let pieces = IncomingPieces::new(body, self.options.body_timeout, line.clone());
            let is_read = pieces.is_read();
            let request = Request::from_parts(parts, ());
            let pieces = Box::new(pieces);
            let mut answer = crate::http::answer_pieces(request, pieces, fleet, answers).await;
            if !is_read.get() {
                let close = HeaderValue::from_static("close");
                answer.headers_mut().insert(header::CONNECTION, close);
            }
            answer
        } else {
            let whole = self.whole(body).await;
            line.may_begin();
            let (body, _held) = match whole {
                Ok(body) => body,
                Err(refusal) => return refusal,
            };
            let request = Request::from_parts(parts, body);
            let _questioned = fleet.questioned();
            crate::http::answer(request, fleet, answers).await
        };
        let (parts, body) = answer.into_parts();
        match self.waiting.counted(body) {
            Some(body) => Response::from_parts(parts, Whole::new(body)),
            None => {
                let mut shard = self.shard.borrow_mut();
                shard.refuse(Protocol::Http, Reason::Answers);
                let text = "too many large answers wait for their readers; try again later\n";
                refusal(StatusCode::SERVICE_UNAVAILABLE, text.to_owned())
            }
        }
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
