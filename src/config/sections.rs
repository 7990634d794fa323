//! One struct per section of the configuration, with its defaults. What a key means, its unit and
//! its range are told once, in [`keys`](super::keys).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::sync::Arc;

use tracing::Level;

use super::carbon::Carbon;
use super::machine;
use super::network::Network;
use crate::base::time::Step;
use crate::http::{KairosOptions, QueryOptions, Report, ServerType};
use crate::model::sample::TimeRule;
use crate::query::kairos::zone::Zone;
use crate::query::limits::Limits;
use crate::query::result_cache;
use crate::simd::Isa;
use crate::wire::kairos_sent::raw::Charset;
use crate::wire::kairos_telnet;

/// Everything an operator may choose, as written; see the methods of the sections for what it means.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Addresses that every door listens on.
    pub listen: Vec<IpAddr>,
    /// The data folder.
    pub data: PathBuf,
    /// How many shards; 0 is one per core of the affinity mask.
    pub shards: u64,
    /// The instruction set to scan with; `None` is the widest that the machine has.
    pub simd: Option<Isa>,
    /// Ports.
    pub doors: Doors,
    /// Which shard a sender lands on.
    pub steering: Steering,
    /// Receiving.
    pub ingest: Ingest,
    /// KairosDB's lines.
    pub telnet: Telnet,
    /// Paths of Graphite as KairosDB's carbon plugin stores them.
    pub carbon: Carbon,
    /// Recent points in memory.
    pub head: Head,
    /// Log and segments.
    pub store: Store,
    /// How long points stay.
    pub retention: Retention,
    /// Series.
    pub series: Series,
    /// Cells.
    pub rollup: Rollup,
    /// Ceilings of one query.
    pub query: Query,
    /// HTTP requests.
    pub http: Http,
    /// KairosDB's API.
    pub kairosdb: KairosDb,
    /// The log of the appliance about itself.
    pub log: Log,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            listen: vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
            data: PathBuf::from("./data"),
            shards: 0,
            simd: None,
            doors: Doors::default(),
            steering: Steering::default(),
            ingest: Ingest::default(),
            telnet: Telnet::default(),
            carbon: Carbon::default(),
            head: Head::default(),
            store: Store::default(),
            retention: Retention::default(),
            series: Series::default(),
            rollup: Rollup::default(),
            query: Query::default(),
            http: Http::default(),
            kairosdb: KairosDb::default(),
            log: Log::default(),
        }
    }
}

impl Config {
    /// How many shards to start where the affinity mask has `cores` cores.
    pub fn shards_on(&self, cores: usize) -> usize {
        match usize::try_from(self.shards) {
            Ok(0) | Err(_) => cores,
            Ok(shards) => shards,
        }
    }

    /// The instruction set to scan with on this machine.
    pub fn isa(&self) -> Isa {
        self.simd
            .or_else(|| Isa::available().first().copied())
            .unwrap_or(Isa::Scalar)
    }
}

/// The ports as written; `None` is off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doors {
    /// Added to every port.
    pub port_offset: u64,
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
    /// Addresses of Graphite's lines; empty, those of all doors.
    pub graphite_listen: Vec<IpAddr>,
    /// The same of pickled batches.
    pub pickle_listen: Vec<IpAddr>,
    /// The same of KairosDB's lines.
    pub kairos_telnet_listen: Vec<IpAddr>,
    /// The same of HTTP.
    pub http_listen: Vec<IpAddr>,
}

impl Default for Doors {
    fn default() -> Self {
        Doors {
            port_offset: 0,
            graphite_tcp: Some(2003),
            graphite_udp: Some(2003),
            pickle: Some(2004),
            kairos_telnet: Some(4242),
            http: Some(8080),
            graphite_listen: Vec::new(),
            pickle_listen: Vec::new(),
            kairos_telnet_listen: Vec::new(),
            http_listen: Vec::new(),
        }
    }
}

impl Doors {
    /// The ports to listen on: the offset is added, doors that are off stay off. A loaded
    /// configuration has no port whose sum is no port; here such a door would be off.
    pub fn moved(&self) -> Doors {
        let offset = u16::try_from(self.port_offset).unwrap_or(u16::MAX);
        let moved = |port: Option<u16>| port.and_then(|port| port.checked_add(offset));
        Doors {
            port_offset: 0,
            graphite_tcp: moved(self.graphite_tcp),
            graphite_udp: moved(self.graphite_udp),
            pickle: moved(self.pickle),
            kairos_telnet: moved(self.kairos_telnet),
            http: moved(self.http),
            ..self.clone()
        }
    }
}

/// What decides on which shard a sender lands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Steer {
    /// The sender's address.
    #[default]
    Source,
    /// The core that took the interrupt.
    Cpu,
    /// Addresses and ports: every connection anew.
    Flow,
}

impl Steer {
    /// Every way, with its name.
    pub const ALL: [(&'static str, Steer); 3] = [
        ("source", Steer::Source),
        ("cpu", Steer::Cpu),
        ("flow", Steer::Flow),
    ];

    /// Its name.
    pub fn label(self) -> &'static str {
        match self {
            Steer::Source => "source",
            Steer::Cpu => "cpu",
            Steer::Flow => "flow",
        }
    }
}

/// Which shard a sender lands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Steering {
    /// The rule.
    pub mode: Steer,
    /// Senders that `source` treats like `flow`.
    pub spread: Vec<Network>,
}

impl Default for Steering {
    fn default() -> Self {
        Steering {
            mode: Steer::default(),
            spread: ["127.0.0.0/8", "::1/128"]
                .iter()
                .filter_map(|text| text.parse().ok())
                .collect(),
        }
    }
}

/// Receiving.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ingest {
    /// Milliseconds to wait for more after a round that found several ready sockets.
    pub gather_ms: u64,
    /// Bytes of a line.
    pub line_bytes_max: u64,
    /// Bytes of a pickle frame.
    pub frame_bytes_max: u64,
    /// Bytes that the connections of one shard leave over together.
    pub buffered_bytes_max: u64,
    /// Seconds that a timestamp may be ahead of the clock.
    pub ahead_max_seconds: u64,
    /// Whether 13 digits are milliseconds.
    pub millis_by_digits: bool,
    /// Open ingest connections of one shard.
    pub connections_max: u64,
    /// Bytes asked for each UDP socket's buffer.
    pub udp_buffer_bytes: u64,
}

impl Default for Ingest {
    fn default() -> Self {
        Ingest {
            gather_ms: 2,
            line_bytes_max: 64 << 10,
            frame_bytes_max: 16 << 20,
            buffered_bytes_max: 256 << 20,
            ahead_max_seconds: 86_400,
            millis_by_digits: false,
            connections_max: 10_000,
            udp_buffer_bytes: 8 << 20,
        }
    }
}

impl Ingest {
    /// What a timestamp may be.
    pub fn time_rule(&self) -> TimeRule {
        TimeRule {
            ahead_max_ms: i64::try_from(self.ahead_max_seconds)
                .unwrap_or(i64::MAX)
                .saturating_mul(1000),
            millis_by_digits: self.millis_by_digits,
        }
    }
}

/// KairosDB's lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Telnet {
    /// Bytes of a line.
    pub line_bytes_max: u64,
    /// How letters are written.
    pub charset: Charset,
    /// Whether a refused line is answered.
    pub answer_errors: bool,
    /// Whether HTTP is answered there.
    pub http: bool,
}

impl Default for Telnet {
    fn default() -> Self {
        Telnet {
            line_bytes_max: 64 << 10,
            charset: Charset::default(),
            answer_errors: false,
            http: true,
        }
    }
}

impl Telnet {
    /// The same for the decoder.
    pub fn options(&self) -> kairos_telnet::Options {
        kairos_telnet::Options {
            line_bytes_max: usize::try_from(self.line_bytes_max).unwrap_or(usize::MAX),
            charset: self.charset,
            tells_errors: self.answer_errors,
            takes_http: self.http,
        }
    }
}

/// Recent points in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Bytes of points on one shard; 0 is an eighth of the memory, shared by the shards.
    pub bytes_max: u64,
    /// Bytes at which they are sealed; 0 is a twelfth of the most.
    pub seal_bytes: u64,
    /// Age at which they are sealed.
    pub seal_seconds: u64,
    /// Windows of one shard.
    pub windows_max: u64,
    /// Width of a window.
    pub window_seconds: u64,
}

impl Default for Head {
    fn default() -> Self {
        Head {
            bytes_max: 0,
            seal_bytes: 0,
            seal_seconds: 600,
            windows_max: 4096,
            window_seconds: 3600,
        }
    }
}

impl Head {
    /// Bytes of points on one of `shards` shards where the process may have `memory_bytes`.
    pub fn bytes_max_on(&self, shards: usize, memory_bytes: u64) -> u64 {
        part_unless(self.bytes_max, 8, shards, memory_bytes)
    }

    /// Bytes of points at which one of them seals.
    pub fn seal_bytes_on(&self, shards: usize, memory_bytes: u64) -> u64 {
        let most = self.bytes_max_on(shards, memory_bytes);
        match self.seal_bytes {
            0 => most / 12,
            bytes => bytes.min(most),
        }
    }

    /// Width of a window.
    pub fn window(&self) -> Step {
        step_of(self.window_seconds)
    }
}

/// Series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// Series of one shard.
    pub max_per_shard: u64,
    /// Bytes of one shard's index; 0 is a quarter of the memory, shared by the shards.
    pub index_bytes_max: u64,
}

impl Default for Series {
    fn default() -> Self {
        Series {
            max_per_shard: 4_000_000,
            index_bytes_max: 0,
        }
    }
}

impl Series {
    /// Bytes of the index on one of `shards` shards where the process may have `memory_bytes`.
    pub fn index_bytes_max_on(&self, shards: usize, memory_bytes: u64) -> u64 {
        part_unless(self.index_bytes_max, 4, shards, memory_bytes)
    }
}

/// `bytes`, or where that is 0 one shard's share of a part of the memory.
fn part_unless(bytes: u64, part: u64, shards: usize, memory_bytes: u64) -> u64 {
    match bytes {
        0 => memory_bytes / part / (shards.max(1) as u64),
        bytes => bytes,
    }
}

/// The log and the segment files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// Longest wait of text for stable storage.
    pub commit_ms: u64,
    /// Log of one shard at which it seals.
    pub log_bytes_max: u64,
    /// Log of one shard that may wait for the disk.
    pub unwritten_bytes_max: u64,
    /// Segment bytes in memory; 0 is a 64th of the memory, shared by the shards.
    pub cache_bytes_max: u64,
}

impl Default for Store {
    fn default() -> Self {
        Store {
            commit_ms: 50,
            log_bytes_max: 1 << 30,
            unwritten_bytes_max: 64 << 20,
            cache_bytes_max: 0,
        }
    }
}

impl Store {
    /// Bytes of segments that one of `shards` shards keeps in memory.
    pub fn cache_bytes_max_on(&self, shards: usize, memory_bytes: u64) -> u64 {
        part_unless(self.cache_bytes_max, 64, shards, memory_bytes)
    }
}

/// How long points stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Percent of the disk that points may take.
    pub raw_disk: u64,
    /// Hours that are kept whatever they take.
    pub raw_hours_min: u64,
    /// Seconds for which points of KairosDB's doors stay that say nothing else; 0 is for ever.
    pub kairosdb_ttl_seconds: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Retention {
            raw_disk: 60,
            raw_hours_min: 6,
            kairosdb_ttl_seconds: 0,
        }
    }
}

/// Cells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rollup {
    /// Width of a cell.
    pub step_seconds: u64,
}

impl Default for Rollup {
    fn default() -> Self {
        Rollup { step_seconds: 60 }
    }
}

impl Rollup {
    /// Width of a cell.
    pub fn step(&self) -> Step {
        step_of(self.step_seconds)
    }
}

/// `seconds` as a width of time; a minute if that is none, which no checked key allows.
fn step_of(seconds: u64) -> Step {
    i64::try_from(seconds)
        .ok()
        .and_then(|seconds| seconds.checked_mul(1000))
        .and_then(Step::from_millis)
        .unwrap_or(Step::MINUTE)
}

/// Ceilings of one query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Series matched.
    pub series_max: u64,
    /// Points read.
    pub points_read_max: u64,
    /// Points returned.
    pub points_returned_max: u64,
    /// Wall time.
    pub millis_max: u64,
    /// Memory.
    pub bytes_max: u64,
    /// Memory of all of them that are under way; 0 is a part of what this process may have.
    pub all_bytes_max: u64,
    /// Bytes that one shard keeps of results for later ones; 0 keeps none.
    pub result_cache_bytes_max: u64,
    /// Milliseconds from which on a query is kept in the log; 0 keeps none.
    pub slow_ms: u64,
}

impl Default for Query {
    fn default() -> Self {
        let limits = Limits::default();
        Query {
            series_max: limits.series_max as u64,
            points_read_max: limits.points_read_max,
            points_returned_max: limits.points_returned_max,
            millis_max: limits.millis_max,
            bytes_max: limits.bytes_max,
            all_bytes_max: 0,
            result_cache_bytes_max: result_cache::Options::default().bytes_max as u64,
            slow_ms: 1_000,
        }
    }
}

impl Query {
    /// Memory of all queries, where the process may have `memory_bytes`.
    pub fn all_bytes_max_on(&self, memory_bytes: u64) -> u64 {
        part_unless(self.all_bytes_max, 4, 1, memory_bytes)
    }

    /// The same for the query side.
    pub fn limits(&self) -> Limits {
        Limits {
            series_max: usize::try_from(self.series_max).unwrap_or(usize::MAX),
            points_read_max: self.points_read_max,
            points_returned_max: self.points_returned_max,
            millis_max: self.millis_max,
            bytes_max: self.bytes_max,
        }
    }
}

/// HTTP requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Http {
    /// Bytes of a request's body, but for those of points.
    pub body_bytes_max: u64,
    /// Milliseconds within which a request's head must have come.
    pub header_timeout_ms: u64,
    /// Milliseconds within which a request's body must have come, or each 16 KiB of one of points.
    pub body_timeout_ms: u64,
    /// Milliseconds within which a reader must have taken some more of its answer.
    pub write_timeout_ms: u64,
    /// What stands before every path; empty is nothing.
    pub prefix: String,
    /// The value of `Access-Control-Allow-Origin`; empty is none.
    pub allow_origin: String,
    /// Open HTTP connections of one shard.
    pub connections_max: u64,
}

impl Default for Http {
    fn default() -> Self {
        Http {
            body_bytes_max: 4 << 20,
            header_timeout_ms: 10_000,
            body_timeout_ms: 30_000,
            write_timeout_ms: 60_000,
            prefix: String::new(),
            allow_origin: String::new(),
            connections_max: 1_000,
        }
    }
}

/// KairosDB's API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KairosDb {
    /// Which classes of calls are answered, by their names; [`ServerType::read`] reads them.
    pub server_type: Vec<String>,
    /// The status of a good health check.
    pub health_code: u64,
    /// Metrics that begin so are not listed.
    pub hidden_metrics: Vec<String>,
    /// Whether roll-up tasks are taken and run.
    pub rollups: bool,
    /// Whether buckets are aligned where an aggregator does not say.
    pub align_sampling: bool,
    /// Whether results without points are left out.
    pub drop_empty: bool,
    /// The zone of queries that name none; [`Zone::parse`] reads it.
    pub time_zone: String,
    /// What a regular expression in a tag filter begins with; empty, there are none.
    pub regex_prefix: String,
    /// Whether answers repeat the query.
    pub return_query: bool,
    /// What KairosDB tells of itself.
    pub report: Reporting,
}

impl Default for KairosDb {
    fn default() -> Self {
        KairosDb {
            server_type: vec!["ALL".to_owned()],
            health_code: 204,
            hidden_metrics: Vec::new(),
            rollups: false,
            align_sampling: true,
            drop_empty: false,
            time_zone: "UTC".to_owned(),
            regex_prefix: "regex:".to_owned(),
            return_query: false,
            report: Reporting::default(),
        }
    }
}

/// What KairosDB tells of itself, as metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reporting {
    /// Whether it does.
    pub on: bool,
    /// Between two reports.
    pub seconds: u64,
    /// How long its points stay; 0 is as long as all others.
    pub ttl_seconds: u64,
    /// What the names of its metrics begin with.
    pub prefix: String,
    /// The value of the tag `host`; empty is the machine's name.
    pub host: String,
    /// Further tags, `key=value`.
    pub tags: Vec<String>,
}

impl Default for Reporting {
    fn default() -> Self {
        Reporting {
            on: false,
            seconds: 60,
            ttl_seconds: 0,
            prefix: "kairosdb.".to_owned(),
            host: String::new(),
            tags: Vec::new(),
        }
    }
}

impl Reporting {
    /// The same for the API. A loaded configuration has good tags; here other ones are left out.
    fn told(&self) -> Report {
        let host = match self.host.as_str() {
            "" => machine::node_name(),
            host => host.to_owned(),
        };
        let tags = self.tags.iter().filter_map(|tag| tag.split_once('='));
        let tags = tags.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let ttl_seconds = u32::try_from(self.ttl_seconds).unwrap_or(u32::MAX);
        Report::new(
            &self.prefix,
            &host,
            tags.collect(),
            ttl_seconds,
            self.seconds,
        )
    }
}

impl KairosDb {
    /// The same for the API. A loaded configuration has good names of classes; here other ones would be all.
    pub fn options(&self) -> KairosOptions {
        KairosOptions {
            server_type: ServerType::read(&self.server_type).unwrap_or_default(),
            health_code: u16::try_from(self.health_code).unwrap_or(204),
            hidden_metrics: self.hidden_metrics.clone(),
            rollups: self.rollups,
            report: self.report.on.then(|| Arc::new(self.report.told())),
            ..KairosOptions::default()
        }
    }

    /// The same for its queries. A loaded configuration has a good zone; here another one would be UTC.
    pub fn query_options(&self) -> QueryOptions {
        QueryOptions {
            align_sampling: self.align_sampling,
            drop_empty: self.drop_empty,
            zone: Zone::parse(&self.time_zone).unwrap_or_default(),
            regex_prefix: self.regex_prefix.clone(),
            return_query: self.return_query,
        }
    }
}

/// The log of the appliance about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// The least level that is shown.
    pub level: Level,
}

impl Default for Log {
    fn default() -> Self {
        Log { level: Level::INFO }
    }
}
