//! What the runtime is told.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use crate::config::network::Network;
use crate::config::sections::Steer;
use crate::http::HttpOptions;
use crate::model::refusal::Protocol;

/// Everything that the runtime is told, with defaults.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many shards; `None` is one for each core of the affinity mask.
    pub shards: Option<usize>,
    /// Addresses that every door listens on.
    pub listen: Vec<IpAddr>,
    /// The addresses are the default: one that this machine lacks is a warning, not an error.
    pub listen_is_default: bool,
    /// Addresses of doors that listen elsewhere.
    pub own_listen: OwnListen,
    /// Ports.
    pub doors: Doors,
    /// What decides on which shard a sender lands.
    pub steering: Steer,
    /// Senders that [`Steer::Source`] treats like [`Steer::Flow`].
    pub spread: Vec<Network>,
    /// How long to wait for more after a round that found several ready sockets.
    pub gather: Duration,
    /// Open ingest connections of one shard.
    pub connections_max: usize,
    /// Bytes asked for each UDP socket's buffer.
    pub udp_buffer_bytes: usize,
    /// Bytes that each of the three rings of an executor locks in memory.
    pub io_memory_bytes: usize,
    /// Open HTTP connections of one shard.
    pub http_connections_max: usize,
    /// Within this a request's head must have come, and the next request of an idle connection.
    pub http_header_timeout: Duration,
    /// How long a reader of an answer may take none of it.
    pub http_write_timeout: Duration,
    /// Within this a request's body must have come.
    pub http_body_timeout: Duration,
    /// Bytes of a request's body.
    pub http_body_bytes_max: usize,
    /// What the operator chose about answers.
    pub http: HttpOptions,
}

/// Ports; `None` is off, 0 lets the kernel choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doors {
    /// Graphite lines over TCP.
    pub graphite_tcp: Option<u16>,
    /// Graphite lines in datagrams.
    pub graphite_udp: Option<u16>,
    /// Pickled Graphite batches.
    pub pickle: Option<u16>,
    /// KairosDB's and OpenTSDB's lines.
    pub kairos_telnet: Option<u16>,
    /// HTTP.
    pub http: Option<u16>,
}

/// Addresses of single doors. One without any has those of [`Options::listen`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnListen {
    /// Graphite lines, over TCP and in datagrams.
    pub graphite: Addresses,
    /// Pickled Graphite batches.
    pub pickle: Addresses,
    /// KairosDB's and OpenTSDB's lines.
    pub kairos_telnet: Addresses,
    /// HTTP.
    pub http: Addresses,
}

/// Where a door listens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    /// The addresses.
    pub ips: Vec<IpAddr>,
    /// One that this machine lacks is a warning, not an error.
    pub may_lack: bool,
}

impl OwnListen {
    /// Those of a door.
    pub fn of(&self, door: Protocol) -> Option<&Addresses> {
        let own = match door {
            Protocol::Graphite | Protocol::GraphiteUdp => &self.graphite,
            Protocol::Pickle => &self.pickle,
            Protocol::KairosTelnet => &self.kairos_telnet,
            Protocol::Http => &self.http,
            // Come in by the doors of HTTP and of KairosDB's lines.
            Protocol::KairosRest | Protocol::OpenTsdb => return None,
        };
        (!own.ips.is_empty()).then_some(own)
    }
}

impl Default for Doors {
    fn default() -> Self {
        Doors {
            graphite_tcp: Some(2003),
            graphite_udp: Some(2003),
            pickle: Some(2004),
            kairos_telnet: Some(4242),
            http: Some(8080),
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Options {
            shards: None,
            listen: vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
            listen_is_default: true,
            own_listen: OwnListen::default(),
            doors: Doors::default(),
            steering: Steer::Source,
            spread: crate::config::sections::Steering::default().spread,
            gather: Duration::from_millis(2),
            connections_max: 10_000,
            udp_buffer_bytes: 8 << 20,
            io_memory_bytes: 1 << 20,
            http_connections_max: 1_000,
            http_header_timeout: Duration::from_secs(10),
            http_write_timeout: Duration::from_secs(60),
            http_body_timeout: Duration::from_secs(30),
            http_body_bytes_max: 16 << 20,
            http: HttpOptions::default(),
        }
    }
}
