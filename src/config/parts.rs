//! What the parts of the appliance are told: small options of their own, made from the whole.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::machine;
use super::sections::Config;
use crate::base::time::Step;
use crate::http::HttpOptions;
use crate::index;
use crate::model::refusal::Protocol;
use crate::query::result_cache;
use crate::query::together::Together;
use crate::rt;
use crate::shard;
use crate::store;

impl Config {
    /// Every address that is listened on, by the door it belongs to: open doors only, the offset
    /// added, the doors in the order of [`Protocol::ALL`], each with all addresses.
    pub fn addresses(&self) -> Vec<(Protocol, SocketAddr)> {
        let doors = self.doors.moved();
        let port_of = |protocol: Protocol| match protocol {
            Protocol::Graphite => doors.graphite_tcp,
            Protocol::GraphiteUdp => doors.graphite_udp,
            Protocol::Pickle => doors.pickle,
            Protocol::Http => doors.http,
            Protocol::KairosTelnet => doors.kairos_telnet,
            // Come in by the doors of HTTP and of KairosDB's lines.
            Protocol::KairosRest | Protocol::OpenTsdb => None,
        };
        let open = Protocol::ALL.into_iter();
        let open = open.filter_map(|protocol| Some((protocol, port_of(protocol)?)));
        open.flat_map(|(protocol, port)| {
            let own = match protocol {
                Protocol::Graphite | Protocol::GraphiteUdp => &self.doors.graphite_listen,
                Protocol::Pickle => &self.doors.pickle_listen,
                Protocol::KairosTelnet => &self.doors.kairos_telnet_listen,
                Protocol::Http | Protocol::KairosRest | Protocol::OpenTsdb => {
                    &self.doors.http_listen
                }
            };
            let listen = if own.is_empty() { &self.listen } else { own };
            let listen = listen.iter().copied();
            listen.map(move |address| (protocol, SocketAddr::new(address, port)))
        })
        .collect()
    }

    /// What the operator chose about answers.
    pub fn http_options(&self) -> HttpOptions {
        let origin = &self.http.allow_origin;
        HttpOptions {
            limits: self.query.limits(),
            memory: Together::new(self.query.all_bytes_max_on(machine::memory_bytes())),
            prefix: self.http.prefix.clone(),
            slow: Duration::from_millis(self.query.slow_ms),
            node: machine::node_name(),
            kairos: self.kairosdb.options(),
            kairos_query: self.kairosdb.query_options(),
            allow_origin: (!origin.is_empty()).then(|| origin.clone()),
            ..HttpOptions::default()
        }
    }

    /// What the runtime is told, as if every address had been chosen.
    /// `is_lenient` tells of a key with addresses whether this machine may lack one of them.
    pub(super) fn runtime_options(&self, is_lenient: impl Fn(&str) -> bool) -> rt::Options {
        let (doors, ingest, http) = (self.doors.moved(), &self.ingest, &self.http);
        rt::Options {
            shards: (self.shards != 0).then(|| size(self.shards)),
            listen: self.listen.clone(),
            listen_is_default: false,
            own_listen: self.own_listen(is_lenient),
            doors: rt::options::Doors {
                graphite_tcp: doors.graphite_tcp,
                graphite_udp: doors.graphite_udp,
                pickle: doors.pickle,
                kairos_telnet: doors.kairos_telnet,
                http: doors.http,
            },
            steering: self.steering.mode,
            spread: self.steering.spread.clone(),
            gather: Duration::from_millis(ingest.gather_ms),
            connections_max: size(ingest.connections_max),
            udp_buffer_bytes: size(ingest.udp_buffer_bytes),
            http_connections_max: size(http.connections_max),
            http_header_timeout: Duration::from_millis(http.header_timeout_ms),
            http_write_timeout: Duration::from_millis(http.write_timeout_ms),
            http_body_timeout: Duration::from_millis(http.body_timeout_ms),
            http_body_bytes_max: size(http.body_bytes_max),
            http: self.http_options(),
            ..rt::Options::default()
        }
    }

    fn own_listen(&self, is_lenient: impl Fn(&str) -> bool) -> rt::options::OwnListen {
        let own = |key: &str, ips: &[IpAddr]| rt::options::Addresses {
            ips: ips.to_vec(),
            may_lack: is_lenient(key),
        };
        let doors = &self.doors;
        rt::options::OwnListen {
            graphite: own("doors.graphite_listen", &doors.graphite_listen),
            pickle: own("doors.pickle_listen", &doors.pickle_listen),
            kairos_telnet: own("doors.kairos_telnet_listen", &doors.kairos_telnet_listen),
            http: own("doors.http_listen", &doors.http_listen),
        }
    }

    /// What each of `shards` shards is told, where the process may have `memory_bytes` and the
    /// appliance's hash has `seed`.
    pub fn shard_options(&self, seed: u64, shards: usize, memory_bytes: u64) -> shard::Options {
        shard::Options {
            line_bytes_max: size(self.ingest.line_bytes_max),
            frame_bytes_max: size(self.ingest.frame_bytes_max),
            buffered_bytes_max: size(self.ingest.buffered_bytes_max),
            times: self.ingest.time_rule(),
            telnet: self.telnet.options(),
            index: index::Bounds {
                series_max: size(self.series.max_per_shard),
                bytes_max: size(self.series.index_bytes_max_on(shards, memory_bytes)),
            },
            store: self.store_options(shards, memory_bytes),
            results: result_cache::Options {
                bytes_max: size(self.query.result_cache_bytes_max),
                ..result_cache::Options::default()
            },
            seed,
            isa: self.isa(),
        }
    }

    fn store_options(&self, shards: usize, memory_bytes: u64) -> store::Options {
        let (head, store, retention) = (&self.head, &self.store, &self.retention);
        let hours = i64::try_from(retention.raw_hours_min).unwrap_or(i64::MAX);
        let at_least = hours.saturating_mul(Step::HOUR.millis());
        store::Options {
            head_bytes_max: size(head.bytes_max_on(shards, memory_bytes)),
            seal_bytes: size(head.seal_bytes_on(shards, memory_bytes)),
            seal_micros: head.seal_seconds.saturating_mul(1000 * MICROS),
            windows_max: size(head.windows_max),
            window: head.window(),
            cell: self.rollup.step(),
            cache_bytes_max: size(store.cache_bytes_max_on(shards, memory_bytes)),
            commit_micros: store.commit_ms.saturating_mul(MICROS),
            log_bytes_max: store.log_bytes_max,
            unwritten_bytes_max: size(store.unwritten_bytes_max),
            raw_disk_percent: retention.raw_disk,
            raw_at_least: Step::from_millis(at_least).unwrap_or(Step::SIX_HOURS),
            kairos_ttl_seconds: u32::try_from(retention.kairosdb_ttl_seconds).unwrap_or(u32::MAX),
            ..store::Options::default()
        }
    }
}

/// Microseconds of a millisecond.
const MICROS: u64 = 1000;

/// A checked number as a size in memory; the keys' ranges keep it within any machine we run on.
fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
