//! One way to the server: a stream, a datagram socket, or nowhere.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::time::{Duration, Instant};

use mio::{Interest, Registry, Token};

use super::Transport;

/// Longest wait for a connection to be accepted.
const CONNECT_WAIT: Duration = Duration::from_secs(5);

/// Bytes that a datagram socket may hold before the kernel makes the sender wait.
const UDP_SEND_BYTES: usize = 4 << 20;

pub(super) enum Link {
    Tcp(mio::net::TcpStream),
    Udp(mio::net::UdpSocket),
    Nowhere,
    /// Closed behind a message; the next one opens it again.
    Closed,
}

impl Link {
    /// Opens a link and waits until it stands, so that a missing server is noticed before anything is sent.
    pub(super) fn open(transport: Transport, target: SocketAddr) -> io::Result<Link> {
        match transport {
            Transport::Tcp => {
                let stream = std::net::TcpStream::connect_timeout(&target, CONNECT_WAIT)?;
                stream.set_nodelay(true)?;
                stream.set_nonblocking(true)?;
                Ok(Link::Tcp(mio::net::TcpStream::from_std(stream)))
            }
            Transport::Udp => {
                let any: SocketAddr = if target.is_ipv4() {
                    ([0, 0, 0, 0], 0).into()
                } else {
                    ([0; 8], 0).into()
                };
                let socket = std::net::UdpSocket::bind(any)?;
                socket.connect(target)?;
                socket.set_nonblocking(true)?;
                // Best effort: the kernel may grant less.
                let _ = socket2::SockRef::from(&socket).set_send_buffer_size(UDP_SEND_BYTES);
                Ok(Link::Udp(mio::net::UdpSocket::from_std(socket)))
            }
            Transport::Nowhere => Ok(Link::Nowhere),
        }
    }

    /// Starts a connection without waiting for it.
    pub(super) fn start(target: SocketAddr) -> io::Result<Link> {
        let stream = mio::net::TcpStream::connect(target)?;
        Ok(Link::Tcp(stream))
    }

    /// Asks to be told when this link can write again.
    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        match self {
            Link::Tcp(stream) => registry.register(stream, token, Interest::WRITABLE),
            Link::Udp(socket) => registry.register(socket, token, Interest::WRITABLE),
            Link::Nowhere | Link::Closed => Ok(()),
        }
    }

    /// Hands bytes to the kernel; gives how many it took.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Link::Tcp(stream) => stream.write(bytes),
            Link::Udp(socket) => socket.send(bytes),
            Link::Nowhere => Ok(bytes.len()),
            Link::Closed => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Says that nothing more will be written.
    pub(super) fn finish(&mut self) {
        if let Link::Tcp(stream) = self {
            // A peer that is already gone shows when its end is awaited.
            let _ = stream.shutdown(Shutdown::Write);
        }
    }

    /// Waits until the server has read everything and closed its side; false if it did not before `until`.
    pub(super) fn await_end(self, until: Instant) -> bool {
        let Link::Tcp(stream) = self else { return true };
        let mut stream = std::net::TcpStream::from(stream);
        if stream.set_nonblocking(false).is_err() {
            return false;
        }
        let mut ignored = [0; 1024];
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || stream.set_read_timeout(Some(left)).is_err() {
                return false;
            }
            match stream.read(&mut ignored) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
    }
}
