//! Bind and listen for all shards, in shard order, before any of them runs.
//!
//! Takes ports and addresses; gives each shard its sockets, and the addresses that came of it. The
//! steering program picks a socket by its place in the group, so the order of listen() (TCP) and
//! bind() (UDP) is the order of the shards, and none may be closed alone.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};

use super::options::Options;
use super::os;
use super::steering::{self, Family};
use crate::model::refusal::Protocol;

/// Connections that may wait for accept(); the kernel cuts this to net.core.somaxconn.
pub(super) const BACKLOG: i32 = 4096;
/// A peer that is silent this long is asked whether it still lives.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(120);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);
const KEEPALIVE_COUNT: u32 = 4;
/// A port that is held this long is not only about to be let go, and how often that is looked at.
const HELD_MAX: Duration = Duration::from_secs(2);
const HELD_PAUSE: Duration = Duration::from_millis(50);

/// One socket of one shard.
#[derive(Debug)]
pub struct Door {
    /// What comes in by it.
    pub protocol: Protocol,
    /// Non-blocking; listening, if it is for TCP.
    pub socket: OwnedFd,
}

/// All sockets.
#[derive(Debug)]
pub struct Doors {
    /// For each shard, its sockets.
    pub shards: Vec<Vec<Door>>,
    /// Which addresses are open, by door.
    pub bound: Vec<(Protocol, SocketAddr)>,
}

/// Why a door cannot open.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// Somebody has the port.
    #[error(
        "the {name} port {address} is held by another process; stop that one (`ss -lnp` shows it), \
         or choose another port with {key} or --port-offset"
    )]
    Held {
        /// The door.
        name: &'static str,
        /// Where.
        address: SocketAddr,
        /// The setting that moves it.
        key: &'static str,
    },
    /// A port that not everybody may have.
    #[error(
        "this user may not open the {name} port {address}; choose a port of 1024 or above with \
         {key} or --port-offset, or give the program CAP_NET_BIND_SERVICE"
    )]
    Forbidden {
        /// The door.
        name: &'static str,
        /// Where.
        address: SocketAddr,
        /// The setting that moves it.
        key: &'static str,
    },
    /// No such address.
    #[error(
        "this machine has no address {0}; `ip address` shows those it has, and --listen chooses, or for one \
         door a key as doors.http_listen"
    )]
    NoAddress(IpAddr),
    /// Anything else.
    #[error("cannot open the {name} port {address}: {source}")]
    Other {
        /// The door.
        name: &'static str,
        /// Where.
        address: SocketAddr,
        /// What the kernel said.
        source: io::Error,
    },
    /// None of the addresses of a door exists.
    #[error("a door has no address that exists here; choose others with --listen")]
    Nowhere,
    /// A list too long for the kernel.
    #[error(
        "steering.spread has more than {} networks; join some",
        steering::SPREAD_MAX
    )]
    SpreadLong,
}

/// A door before it is opened.
#[derive(Clone, Copy)]
struct Plan<'a> {
    protocol: Protocol,
    name: &'static str,
    key: &'static str,
    port: u16,
    listen: &'a [IpAddr],
    /// An address that this machine lacks is a warning.
    may_lack: bool,
}

impl Plan<'_> {
    fn kind(self) -> SocketType {
        match self.protocol {
            Protocol::GraphiteUdp => SocketType::DGRAM,
            _ => SocketType::STREAM,
        }
    }

    fn error(self, address: SocketAddr, source: io::Error) -> DoorError {
        let (name, key) = (self.name, self.key);
        match source.raw_os_error() {
            Some(libc::EADDRINUSE) => DoorError::Held { name, address, key },
            Some(libc::EACCES) => DoorError::Forbidden { name, address, key },
            Some(libc::EADDRNOTAVAIL | libc::EAFNOSUPPORT) => DoorError::NoAddress(address.ip()),
            _ => DoorError::Other {
                name,
                address,
                source,
            },
        }
    }
}

/// Open every door of `options` for one shard on each of `cores`.
///
/// # Errors
/// The first door that cannot open.
pub fn open(options: &Options, cores: &[usize]) -> Result<Doors, DoorError> {
    if steering::SPREAD_MAX < options.spread.len() {
        return Err(DoorError::SpreadLong);
    }
    let mut doors = Doors {
        shards: cores.iter().map(|_| Vec::new()).collect(),
        bound: Vec::new(),
    };
    let plans = plans(options);
    let mut lacking = Vec::new();
    for ip in all_addresses(options) {
        let here = plans.iter().filter(|plan| plan.listen.contains(&ip));
        let mut here = here.peekable();
        if here.peek().is_none() {
            continue;
        }
        if let Err(error) = exists(ip) {
            if here.any(|plan| !plan.may_lack) {
                return Err(error);
            }
            tracing::warn!("not listening on {ip}: this machine does not have it");
            lacking.push(ip);
            continue;
        }
        for &plan in here {
            open_group(plan, ip, options, cores, &mut doors)?;
        }
    }
    let is_lacking = |plan: &Plan| plan.listen.iter().all(|ip| lacking.contains(ip));
    match plans.iter().any(is_lacking) {
        true => Err(DoorError::Nowhere),
        false => Ok(doors),
    }
}

/// Every address that some door listens on, once.
fn all_addresses(options: &Options) -> Vec<IpAddr> {
    let own = [
        Protocol::Graphite,
        Protocol::Pickle,
        Protocol::KairosTelnet,
        Protocol::Http,
    ];
    let own = own
        .into_iter()
        .filter_map(|door| options.own_listen.of(door));
    let own = own.flat_map(|addresses| &addresses.ips);
    let mut all: Vec<IpAddr> = Vec::new();
    for &ip in options.listen.iter().chain(own) {
        if !all.contains(&ip) {
            all.push(ip);
        }
    }
    all
}

fn plans(options: &Options) -> Vec<Plan<'_>> {
    let ports = options.doors;
    let row = |protocol, name, key, port: Option<u16>| {
        let own = options.own_listen.of(protocol);
        let (listen, may_lack) = match own {
            Some(own) => (own.ips.as_slice(), own.may_lack),
            None => (options.listen.as_slice(), options.listen_is_default),
        };
        port.map(|port| Plan {
            protocol,
            name,
            key,
            port,
            listen,
            may_lack,
        })
    };
    [
        row(
            Protocol::Graphite,
            "Graphite TCP",
            "doors.graphite_tcp",
            ports.graphite_tcp,
        ),
        row(
            Protocol::GraphiteUdp,
            "Graphite UDP",
            "doors.graphite_udp",
            ports.graphite_udp,
        ),
        row(Protocol::Pickle, "pickle", "doors.pickle", ports.pickle),
        row(
            Protocol::KairosTelnet,
            "KairosDB telnet",
            "doors.kairos_telnet",
            ports.kairos_telnet,
        ),
        row(Protocol::Http, "HTTP", "doors.http", ports.http),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Whether this machine has the address at all.
fn exists(ip: IpAddr) -> Result<(), DoorError> {
    let address = SocketAddr::new(ip, 0);
    let bound = socket(address, SocketType::DGRAM).and_then(|socket| bind(&socket, address));
    bound.map_err(|_| DoorError::NoAddress(ip))
}

fn open_group(
    plan: Plan<'_>,
    ip: IpAddr,
    options: &Options,
    cores: &[usize],
    doors: &mut Doors,
) -> Result<(), DoorError> {
    let mut address = SocketAddr::new(ip, plan.port);
    wait_free(plan.kind(), address).map_err(|source| plan.error(address, source))?;
    let mut group = Vec::with_capacity(cores.len());
    for _ in cores {
        let socket =
            member(plan, address, options).map_err(|source| plan.error(address, source))?;
        if address.port() == 0 {
            address = address_of(&socket).map_err(|source| plan.error(address, source))?;
        }
        group.push(socket);
    }
    let family = Family::of(ip);
    if let Some(program) = steering::program(options.steering, &options.spread, family, cores)
        && let Some(first) = group.first()
    {
        os::attach(first, &program).map_err(|source| plan.error(address, source))?;
    }
    for (shard, socket) in doors.shards.iter_mut().zip(group) {
        let protocol = plan.protocol;
        shard.push(Door { protocol, socket });
    }
    doors.bound.push((plan.protocol, address));
    Ok(())
}

/// [`probe`], with patience: sockets of a process that was killed stay until the kernel has parted its ring
/// from them, which is a moment after the process is gone.
fn wait_free(kind: SocketType, address: SocketAddr) -> io::Result<()> {
    let began = Instant::now();
    loop {
        match probe(kind, address) {
            Err(error)
                if error.kind() == io::ErrorKind::AddrInUse && began.elapsed() < HELD_MAX =>
            {
                std::thread::sleep(HELD_PAUSE);
            }
            found => return found,
        }
    }
}

/// Whether nobody has the port: a group would be joined without a word, and traffic shared with it.
fn probe(kind: SocketType, address: SocketAddr) -> io::Result<()> {
    let socket = socket(address, kind)?;
    if kind == SocketType::STREAM {
        // Connections of an earlier run that still wait for their end do not count.
        sockopt::set_socket_reuseaddr(&socket, true)?;
    }
    bind(&socket, address)
}

fn member(plan: Plan<'_>, address: SocketAddr, options: &Options) -> io::Result<OwnedFd> {
    let socket = socket(address, plan.kind())?;
    sockopt::set_socket_reuseport(&socket, true)?;
    if plan.kind() == SocketType::STREAM {
        sockopt::set_socket_reuseaddr(&socket, true)?;
        // What is accepted inherits these.
        sockopt::set_socket_keepalive(&socket, true)?;
        sockopt::set_tcp_keepidle(&socket, KEEPALIVE_IDLE)?;
        sockopt::set_tcp_keepintvl(&socket, KEEPALIVE_INTERVAL)?;
        sockopt::set_tcp_keepcnt(&socket, KEEPALIVE_COUNT)?;
        if matches!(plan.protocol, Protocol::Http | Protocol::KairosTelnet) {
            sockopt::set_tcp_nodelay(&socket, true)?;
        }
        bind(&socket, address)?;
        rustix::net::listen(&socket, BACKLOG)?;
    } else {
        widen(&socket, options.udp_buffer_bytes)?;
        os::tell_drops(&socket)?;
        if let Err(error) = os::join_datagrams(&socket) {
            tracing::info!("UDP without GRO, at more cost for each datagram: {error}");
        }
        bind(&socket, address)?;
    }
    Ok(socket)
}

/// Ask for room, beyond the limit of ordinary users where that is allowed.
fn widen(socket: &OwnedFd, bytes: usize) -> io::Result<()> {
    if sockopt::set_socket_recv_buffer_size_force(socket, bytes).is_ok() {
        return Ok(());
    }
    sockopt::set_socket_recv_buffer_size(socket, bytes)?;
    // The kernel doubles what is asked for, to have room for its own records.
    let got = sockopt::socket_recv_buffer_size(socket)? / 2;
    if got < bytes {
        tracing::warn!(
            "a UDP socket has {got} bytes of buffer, not {bytes}; raise it with \
             `sysctl -w net.core.rmem_max={bytes}`"
        );
    }
    Ok(())
}

fn socket(address: SocketAddr, kind: SocketType) -> io::Result<OwnedFd> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(family, kind, flags, None)?;
    if address.is_ipv6() {
        // One family for each group: the steering program reads its header.
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    Ok(socket)
}

fn bind(socket: &OwnedFd, address: SocketAddr) -> io::Result<()> {
    Ok(rustix::net::bind(socket, &address)?)
}

fn address_of(socket: &OwnedFd) -> io::Result<SocketAddr> {
    let address = rustix::net::getsockname(socket)?;
    SocketAddr::try_from(address).map_err(io::Error::from)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_port_that_is_let_go_soon_is_waited_for() {
        let held = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let address = held.local_addr().expect("its address");
        std::thread::scope(|scope| {
            scope.spawn(move || {
                std::thread::sleep(Duration::from_millis(200));
                drop(held);
            });
            assert!(probe(SocketType::STREAM, address).is_err());
            assert!(wait_free(SocketType::STREAM, address).is_ok());
        });
        let _held = TcpListener::bind(address).expect("it is free");
        let began = Instant::now();
        let told = wait_free(SocketType::STREAM, address).expect_err("it is held");
        assert_eq!(told.kind(), io::ErrorKind::AddrInUse);
        assert!(HELD_MAX <= began.elapsed());
    }
}
