//! Every key of the configuration, as data: the file, the environment, the flags, `--help`,
//! `--print-config` and the sample file all come from this one table.

use tracing::Level;

use super::carbon::Parser;
use super::sections::Steer;
use super::value::Kind;
use crate::base::buffer::HEADROOM;
use crate::index;
use crate::simd::Isa;
use crate::wire::carbon_tags::Case;
use crate::wire::kairos_sent::raw::Charset;

/// One thing an operator may choose.
pub struct Key {
    /// `section.key`, or only `key` outside of all sections.
    pub name: &'static str,
    /// Its flag without dashes, if it has one.
    pub flag: Option<&'static str>,
    /// What it is, unit and default included: lines of at most 90 letters.
    pub help: &'static [&'static str],
    /// What its value may be.
    pub kind: Kind,
}

impl Key {
    /// The section's name; empty outside of all sections.
    pub fn section(&self) -> &'static str {
        self.name.split_once('.').map_or("", |(section, _)| section)
    }

    /// The name inside its section.
    pub fn bare(&self) -> &'static str {
        self.name
            .split_once('.')
            .map_or(self.name, |(_, bare)| bare)
    }

    /// Its environment variable: `CORELANE_SECTION_KEY`.
    pub fn variable(&self) -> String {
        let upper = self.name.replace('.', "_").to_ascii_uppercase();
        format!("{VARIABLE_PREFIX}{upper}")
    }
}

/// What the names of our environment variables begin with.
pub const VARIABLE_PREFIX: &str = "CORELANE_";

/// The sections in the order of the sample file, with a line on each.
pub const SECTIONS: &[(&str, &str)] = &[
    ("doors", "Ports. \"off\" instead of a port closes a door."),
    ("steering", "Which shard a sender lands on."),
    ("ingest", "Receiving lines, datagrams and frames."),
    (
        "telnet",
        "KairosDB's lines, which OpenTSDB's senders use too.",
    ),
    (
        "carbon",
        "Paths of the Graphite doors as KairosDB's carbon plugin stores them. Off by default.",
    ),
    (
        "head",
        "Recent points, held in memory until they are sealed in files.",
    ),
    ("store", "The log and the segment files."),
    ("retention", "How long points stay."),
    ("series", "Series."),
    (
        "rollup",
        "Cells: count, sum, minimum, maximum, first and last of a step.",
    ),
    (
        "query",
        "Ceilings of one query. Beyond one the answer is an error that names it.",
    ),
    ("http", "HTTP requests."),
    (
        "kairosdb",
        "KairosDB's API, on the port of HTTP below /api/v1.",
    ),
    (
        "log",
        "What the appliance writes about itself, to standard error.",
    ),
];

/// A most of `max`, for things that have no better ceiling than sense: 2^53, exact in any reader.
const WHOLE_MAX: u64 = 1 << 53;

macro_rules! whole {
    ($name:literal, $unit:literal, $range:expr, $at:expr, $($help:literal),+ $(,)?) => {
        Key {
            name: $name,
            flag: None,
            help: &[$($help),+],
            kind: Kind::Whole { unit: $unit, min: *$range.start(), max: *$range.end(), at: $at },
        }
    };
}

/// Every key, in the order of the sample file: those outside of all sections first.
pub static KEYS: &[Key] = &[
    Key {
        name: "listen",
        flag: Some("listen"),
        help: &[
            "Addresses that every door listens on. [\"0.0.0.0\", \"::\"] is all of the machine.",
            "Default: this machine only, [\"127.0.0.1\", \"::1\"].",
        ],
        kind: Kind::Addresses {
            at: |c| &mut c.listen,
        },
    },
    Key {
        name: "data",
        flag: Some("data"),
        help: &["The data folder; made if it does not exist. Default \"./data\"."],
        kind: Kind::Folder {
            at: |c| &mut c.data,
        },
    },
    Key {
        name: "shards",
        flag: Some("shards"),
        help: &[
            "Shards, each on a core of its own. Default 0: one for each core that the process may",
            "use (its affinity mask).",
        ],
        kind: Kind::Whole {
            unit: "shards",
            min: 0,
            max: 1024,
            at: |c| &mut c.shards,
        },
    },
    Key {
        name: "simd",
        flag: Some("simd"),
        help: &[
            "Instruction set to scan input with: auto, avx512, avx2, sse2, neon or scalar. Default \"auto\":",
            "the widest that the machine has. The answers are the same with each.",
        ],
        kind: Kind::Choice {
            words: &["auto", "avx512", "avx2", "sse2", "neon", "scalar"],
            get: |c| c.simd.map_or("auto", Isa::label),
            set: |c, word| c.simd = ISAS.into_iter().find(|isa| isa.label() == word),
        },
    },
    Key {
        name: "doors.port_offset",
        flag: Some("port-offset"),
        help: &["Added to the port of every door below; for a second appliance. Default 0."],
        kind: Kind::Whole {
            unit: "ports",
            min: 0,
            max: 65_534,
            at: |c| &mut c.doors.port_offset,
        },
    },
    Key {
        name: "doors.graphite_tcp",
        flag: Some("graphite-port"),
        help: &["Graphite plaintext over TCP. Default 2003."],
        kind: Kind::Port {
            at: |c| &mut c.doors.graphite_tcp,
        },
    },
    Key {
        name: "doors.graphite_udp",
        flag: Some("graphite-udp-port"),
        help: &["Graphite plaintext over UDP. Default 2003."],
        kind: Kind::Port {
            at: |c| &mut c.doors.graphite_udp,
        },
    },
    Key {
        name: "doors.pickle",
        flag: Some("pickle-port"),
        help: &["Graphite pickle over TCP, as carbon relays send it. Default 2004."],
        kind: Kind::Port {
            at: |c| &mut c.doors.pickle,
        },
    },
    Key {
        name: "doors.kairos_telnet",
        flag: Some("kairos-telnet-port"),
        help: &[
            "KairosDB's and OpenTSDB's lines (put) over TCP. HTTP requests that come in here are",
            "answered as on the port of HTTP. Default 4242.",
        ],
        kind: Kind::Port {
            at: |c| &mut c.doors.kairos_telnet,
        },
    },
    Key {
        name: "doors.http",
        flag: Some("http-port"),
        help: &["HTTP: queries, health, metrics of the appliance. Default 8080."],
        kind: Kind::Port {
            at: |c| &mut c.doors.http,
        },
    },
    Key {
        name: "doors.graphite_listen",
        flag: None,
        help: &[
            "Addresses that the doors of Graphite's lines listen on, instead of those that `listen` has for",
            "all doors. Default []: those.",
        ],
        kind: Kind::Addresses {
            at: |c| &mut c.doors.graphite_listen,
        },
    },
    Key {
        name: "doors.pickle_listen",
        flag: None,
        help: &["The same for pickle. Default []."],
        kind: Kind::Addresses {
            at: |c| &mut c.doors.pickle_listen,
        },
    },
    Key {
        name: "doors.kairos_telnet_listen",
        flag: None,
        help: &["The same for KairosDB's lines. Default []."],
        kind: Kind::Addresses {
            at: |c| &mut c.doors.kairos_telnet_listen,
        },
    },
    Key {
        name: "doors.http_listen",
        flag: None,
        help: &["The same for HTTP; see telnet.http, too. Default []."],
        kind: Kind::Addresses {
            at: |c| &mut c.doors.http_listen,
        },
    },
    Key {
        name: "steering.mode",
        flag: Some("steering"),
        help: &[
            "source: one address, one shard, however often it reconnects. flow: every connection",
            "anew. cpu: the core that took the interrupt. Default \"source\".",
        ],
        kind: Kind::Choice {
            words: &["source", "cpu", "flow"],
            get: |c| c.steering.mode.label(),
            set: |c, word| {
                let known = Steer::ALL.into_iter().find(|(label, _)| *label == word);
                c.steering.mode = known.map_or(Steer::default(), |(_, mode)| mode);
            },
        },
    },
    Key {
        name: "steering.spread",
        flag: None,
        help: &[
            "Networks that `source` spreads over all shards like `flow`: relays, load balancers and",
            "local agents, where one address is many senders. At most 64.",
            "Default: loopback, [\"127.0.0.0/8\", \"::1/128\"].",
        ],
        kind: Kind::Networks {
            at: |c| &mut c.steering.spread,
        },
    },
    whole!(
        "ingest.gather_ms",
        "milliseconds",
        0..=100,
        |c| &mut c.ingest.gather_ms,
        "Milliseconds that a busy shard waits for more before it reads again. More saves CPU and",
        "adds that much delay. Default 2."
    ),
    whole!(
        "ingest.line_bytes_max",
        "bytes",
        256..=(HEADROOM as u64),
        |c| &mut c.ingest.line_bytes_max,
        "Bytes of a line, its end not counted. A longer one is skipped and counted; the",
        "connection stays. Default 65536, which is also the most."
    ),
    whole!(
        "ingest.frame_bytes_max",
        "bytes",
        1_024..=(64 << 20),
        |c| &mut c.ingest.frame_bytes_max,
        "Bytes of a pickle frame. A longer one ends its connection and is counted.",
        "Default 16777216 (16 MiB); at most 64 MiB."
    ),
    whole!(
        "ingest.buffered_bytes_max",
        "bytes",
        (1 << 20)..=(1 << 40),
        |c| &mut c.ingest.buffered_bytes_max,
        "Bytes of memory for what all connections of one shard leave unfinished between two reads.",
        "Beyond it the one that holds most is closed and counted. Default 268435456 (256 MiB)."
    ),
    whole!(
        "ingest.ahead_max_seconds",
        "seconds",
        0..=3_153_600_000,
        |c| &mut c.ingest.ahead_max_seconds,
        "Seconds that a timestamp may be ahead of this machine's clock. A point further ahead is",
        "refused and counted. Default 86400, a day."
    ),
    Key {
        name: "ingest.millis_by_digits",
        flag: None,
        help: &["Whether a Graphite timestamp of 13 digits is in milliseconds. Default false."],
        kind: Kind::Switch {
            at: |c| &mut c.ingest.millis_by_digits,
        },
    },
    whole!(
        "ingest.connections_max",
        "connections",
        1..=1_000_000,
        |c| &mut c.ingest.connections_max,
        "Ingest connections that one shard keeps open. Another one is closed at once and counted.",
        "Each needs an open file. Default 10000."
    ),
    whole!(
        "ingest.udp_buffer_bytes",
        "bytes",
        65_536..=(1 << 30),
        |c| &mut c.ingest.udp_buffer_bytes,
        "Bytes of buffer to ask the kernel for, for each UDP socket. What it gives is bounded by",
        "net.core.rmem_max. Default 8388608 (8 MiB)."
    ),
    whole!(
        "telnet.line_bytes_max",
        "bytes",
        256..=(HEADROOM as u64),
        |c| &mut c.telnet.line_bytes_max,
        "Bytes of a line, its end not counted. A longer one is skipped and counted; the connection",
        "stays. Default 65536, which is also the most; KairosDB's max_command_size is 1024."
    ),
    Key {
        name: "telnet.charset",
        flag: None,
        help: &[
            "How letters beyond ASCII are read: utf-8, or latin1 as KairosDB does. Default \"utf-8\".",
        ],
        kind: Kind::Choice {
            words: &["utf-8", "latin1"],
            get: |c| c.telnet.charset.label(),
            set: |c, word| {
                let known = Charset::ALL.into_iter().find(|(label, _)| *label == word);
                c.telnet.charset = known.map_or(Charset::default(), |(_, charset)| charset);
            },
        },
    },
    Key {
        name: "telnet.answer_errors",
        flag: None,
        help: &[
            "Whether a line that is refused is answered with why, at more cost for each line. KairosDB",
            "says nothing, and a sender that never reads its answers is parted with. Default false.",
        ],
        kind: Kind::Switch {
            at: |c| &mut c.telnet.answer_errors,
        },
    },
    Key {
        name: "telnet.http",
        flag: None,
        help: &[
            "Whether a connection that begins with an HTTP request is answered as on the port of HTTP,",
            "which OpenTSDB's senders want and KairosDB does not have. Default true.",
        ],
        kind: Kind::Switch {
            at: |c| &mut c.telnet.http,
        },
    },
    Key {
        name: "carbon.tag_parser",
        flag: None,
        help: &[
            "What takes paths apart into a metric and tags, and tells whole numbers from others: none, host,",
            "graphite-tags, templates or multi. The keys below are its rules; patterns fit whole paths and",
            "are Java's, without look-around. Default \"none\".",
        ],
        kind: Kind::Choice {
            words: &["none", "host", "graphite-tags", "templates", "multi"],
            get: |c| c.carbon.tag_parser.label(),
            set: |c, word| {
                let known = Parser::ALL.into_iter().find(|(label, _)| *label == word);
                c.carbon.tag_parser = known.map_or(Parser::None, |(_, parser)| parser);
            },
        },
    },
    Key {
        name: "carbon.host_pattern",
        flag: None,
        help: &["host: what a path must fit. Default '[^.]*\\.([^.]*)\\..*'."],
        kind: Kind::Text {
            at: |c| &mut c.carbon.host_pattern,
        },
    },
    Key {
        name: "carbon.host_replacement",
        flag: None,
        help: &["host: the value of the tag host. Default \"$1\"."],
        kind: Kind::Text {
            at: |c| &mut c.carbon.host_replacement,
        },
    },
    Key {
        name: "carbon.metric_pattern",
        flag: None,
        help: &["host and multi: what a path must fit. Default '([^.]*)\\.[^.]*\\.(.*)'."],
        kind: Kind::Text {
            at: |c| &mut c.carbon.metric_pattern,
        },
    },
    Key {
        name: "carbon.metric_replacement",
        flag: None,
        help: &["host and multi: the metric. Default \"$1.$2\"."],
        kind: Kind::Text {
            at: |c| &mut c.carbon.metric_replacement,
        },
    },
    Key {
        name: "carbon.templates",
        flag: None,
        help: &[
            "templates: at most 64 of \"filter shape [separator,new separator] tag=value,tag=value\"; all",
            "but the first word may be left out. The first template counts whose filter fits the",
            "beginning of a path. Default [].",
        ],
        kind: Kind::Texts {
            at: |c| &mut c.carbon.templates,
        },
    },
    Key {
        name: "carbon.patterns",
        flag: None,
        help: &["multi: what a path must fit, for each tag. Default []."],
        kind: Kind::Texts {
            at: |c| &mut c.carbon.patterns,
        },
    },
    Key {
        name: "carbon.replacements",
        flag: None,
        help: &["multi: the value of each tag. Default []."],
        kind: Kind::Texts {
            at: |c| &mut c.carbon.replacements,
        },
    },
    Key {
        name: "carbon.tags",
        flag: None,
        help: &["multi: the name of each tag. Default []."],
        kind: Kind::Texts {
            at: |c| &mut c.carbon.tags,
        },
    },
    Key {
        name: "carbon.letters",
        flag: None,
        help: &[
            "multi: what becomes of the letters of a path first: keep, lower or upper. Default \"keep\".",
        ],
        kind: Kind::Choice {
            words: &["keep", "lower", "upper"],
            get: |c| c.carbon.letters.label(),
            set: |c, word| {
                let known = Case::ALL.into_iter().find(|(label, _)| *label == word);
                c.carbon.letters = known.map_or(Case::Keep, |(_, case)| case);
            },
        },
    },
    whole!(
        "carbon.ttl_seconds",
        "seconds",
        0..=630_720_000,
        |c| &mut c.carbon.ttl_seconds,
        "multi: seconds that points stay. Default 0: as long as all others."
    ),
    whole!(
        "carbon.invalid_ttl_seconds",
        "seconds",
        0..=630_720_000,
        |c| &mut c.carbon.invalid_ttl_seconds,
        "multi: seconds that points stay whose paths do not fit, as invalidMetrics. Default 0."
    ),
    whole!(
        "head.bytes_max",
        "bytes",
        0..=WHOLE_MAX,
        |c| &mut c.head.bytes_max,
        "Bytes of points that one shard holds in memory. When they are used up, because the disk does",
        "not keep up, senders have to wait. Default 0: an eighth of the memory of the machine or of",
        "its control group, shared by the shards. Otherwise at least 1048576 (1 MiB)."
    ),
    whole!(
        "head.seal_bytes",
        "bytes",
        0..=WHOLE_MAX,
        |c| &mut c.head.seal_bytes,
        "Bytes of points at which one shard writes what it holds into segment files and starts anew.",
        "Default 0: a twelfth of head.bytes_max."
    ),
    whole!(
        "head.seal_seconds",
        "seconds",
        1..=86_400,
        |c| &mut c.head.seal_seconds,
        "Seconds after which it does so all the same; what came since is replayed after a crash.",
        "Default 600."
    ),
    whole!(
        "head.windows_max",
        "windows",
        2..=4096,
        |c| &mut c.head.windows_max,
        "Windows of time that points held by one shard may lie in. With more, as old points in no",
        "order bring them, it writes them out. Default 4096."
    ),
    whole!(
        "head.window_seconds",
        "seconds",
        60..=86_400,
        |c| &mut c.head.window_seconds,
        "Width of a window in seconds: a segment file holds points of one. Default 3600."
    ),
    whole!(
        "store.commit_ms",
        "milliseconds",
        1..=10_000,
        |c| &mut c.store.commit_ms,
        "Milliseconds that points without an acknowledgement wait at most before they are on stable",
        "storage. Acknowledged ones are committed at once. Default 50."
    ),
    whole!(
        "store.log_bytes_max",
        "bytes",
        (256 << 20)..=WHOLE_MAX,
        |c| &mut c.store.log_bytes_max,
        "Bytes of log of one shard at which it seals what it holds, at the latest: it does so from",
        "128 MiB on if that is 300 bytes for each series. More is more to replay after a crash.",
        "Default 1073741824 (1 GiB)."
    ),
    whole!(
        "store.unwritten_bytes_max",
        "bytes",
        (4 << 20)..=(16 << 30),
        |c| &mut c.store.unwritten_bytes_max,
        "Bytes of log that one shard holds while the disk is slow or full; then senders have to wait.",
        "Default 67108864 (64 MiB)."
    ),
    whole!(
        "store.cache_bytes_max",
        "bytes",
        0..=WHOLE_MAX,
        |c| &mut c.store.cache_bytes_max,
        "Bytes of segment files that one shard keeps in memory for queries. Default 0: a 64th of the",
        "memory, shared by the shards."
    ),
    whole!(
        "retention.raw_disk",
        "percent",
        1..=95,
        |c| &mut c.retention.raw_disk,
        "Share of the disk, in percent, that points may take. Beyond it whole files leave, the oldest",
        "window first. Default 60."
    ),
    whole!(
        "retention.raw_hours_min",
        "hours",
        1..=1_000_000,
        |c| &mut c.retention.raw_hours_min,
        "Hours of points that are kept whatever they take. Default 6."
    ),
    whole!(
        "retention.kairosdb_ttl_seconds",
        "seconds",
        0..=(u32::MAX as u64),
        |c| &mut c.retention.kairosdb_ttl_seconds,
        "Seconds for which points stay that come by KairosDB's doors without a ttl; KairosDB's",
        "datastore.cassandra.datapoint_ttl. Default 0: as long as there is room."
    ),
    whole!(
        "series.max_per_shard",
        "series",
        1..=(index::SERIES_MAX as u64),
        |c| &mut c.series.max_per_shard,
        "Series that one shard knows. Points of further ones are refused and counted, those of",
        "known ones go on. Default 4000000."
    ),
    whole!(
        "series.index_bytes_max",
        "bytes",
        0..=(32 << 30),
        |c| &mut c.series.index_bytes_max,
        "Bytes for the names of one shard's series and the tables to find them by. When they are",
        "used up new series are refused and counted. Default 0: a quarter of the memory of the",
        "machine or of its control group, shared by the shards. Otherwise at least 1048576 (1 MiB)."
    ),
    whole!(
        "rollup.step_seconds",
        "seconds",
        1..=86_400,
        |c| &mut c.rollup.step_seconds,
        "Width of a cell in seconds. Default 60."
    ),
    whole!(
        "query.series_max",
        "series",
        1..=(1 << 32),
        |c| &mut c.query.series_max,
        "Series that a query may match. Default 100000."
    ),
    whole!(
        "query.points_read_max",
        "points",
        1..=WHOLE_MAX,
        |c| &mut c.query.points_read_max,
        "Points that a query may read. Default 200000000."
    ),
    whole!(
        "query.points_returned_max",
        "points",
        1..=WHOLE_MAX,
        |c| &mut c.query.points_returned_max,
        "Points that a query may return. Default 20000000."
    ),
    whole!(
        "query.millis_max",
        "milliseconds",
        1..=3_600_000,
        |c| &mut c.query.millis_max,
        "Milliseconds that a query may take. Default 30000."
    ),
    whole!(
        "query.bytes_max",
        "bytes",
        (1 << 20)..=WHOLE_MAX,
        |c| &mut c.query.bytes_max,
        "Bytes of memory that a query may hold. Default 2147483648 (2 GiB)."
    ),
    whole!(
        "query.all_bytes_max",
        "bytes",
        0..=WHOLE_MAX,
        |c| &mut c.query.all_bytes_max,
        "Bytes of memory that all queries under way may hold together. Beyond it they are told to come",
        "again later. Default 0: a quarter of the memory of the machine or of its control group."
    ),
    whole!(
        "query.result_cache_bytes_max",
        "bytes",
        0..=WHOLE_MAX,
        |c| &mut c.query.result_cache_bytes_max,
        "Bytes that one shard keeps of what series were combined to, for dashboards that ask the same",
        "again. Default 67108864 (64 MiB); 0 keeps nothing."
    ),
    whole!(
        "query.slow_ms",
        "milliseconds",
        0..=3_600_000,
        |c| &mut c.query.slow_ms,
        "A query that takes as long is kept in the log, with where its time went; so are questions for",
        "names and tags. Default 1000; 0 keeps none."
    ),
    whole!(
        "http.body_bytes_max",
        "bytes",
        1_024..=(1 << 30),
        |c| &mut c.http.body_bytes_max,
        "Bytes of a request's body; one of points may have any size. Default 4194304 (4 MiB)."
    ),
    whole!(
        "http.body_timeout_ms",
        "milliseconds",
        100..=600_000,
        |c| &mut c.http.body_timeout_ms,
        "Milliseconds within which the body of a request must have come; of points, each 16 KiB of it.",
        "Default 30000.",
    ),
    whole!(
        "http.header_timeout_ms",
        "milliseconds",
        100..=600_000,
        |c| &mut c.http.header_timeout_ms,
        "Milliseconds within which the head of a request must have come. Default 10000."
    ),
    whole!(
        "http.write_timeout_ms",
        "milliseconds",
        100..=3_600_000,
        |c| &mut c.http.write_timeout_ms,
        "Milliseconds within which a reader must have taken some more of its answer; one that does not",
        "is parted with. Default 60000."
    ),
    whole!(
        "http.connections_max",
        "connections",
        1..=1_000_000,
        |c| &mut c.http.connections_max,
        "HTTP connections that one shard keeps open. Another one is closed at once and counted.",
        "Each needs an open file. Default 1000."
    ),
    Key {
        name: "http.prefix",
        flag: None,
        help: &[
            "What stands before the paths of all requests, such as \"/graphite\": graphite-web's",
            "URL_PREFIX. Paths without it are answered too. Default \"\".",
        ],
        kind: Kind::Text {
            at: |c| &mut c.http.prefix,
        },
    },
    Key {
        name: "http.allow_origin",
        flag: None,
        help: &[
            "Web pages of this origin may read answers: the value of Access-Control-Allow-Origin, such",
            "as \"https://graphs.example.org\" or \"*\". Default \"\": no such header is sent.",
        ],
        kind: Kind::Text {
            at: |c| &mut c.http.allow_origin,
        },
    },
    Key {
        name: "kairosdb.server_type",
        flag: None,
        help: &[
            "Which calls of KairosDB's API are answered, others get status 403: ALL, or some of INGEST,",
            "QUERY and DELETE. KairosDB's kairosdb.server.type. Default [\"ALL\"].",
        ],
        kind: Kind::Texts {
            at: |c| &mut c.kairosdb.server_type,
        },
    },
    whole!(
        "kairosdb.health_code",
        "a status",
        200..=599,
        |c| &mut c.kairosdb.health_code,
        "Status that /api/v1/health/check answers while all is well. KairosDB's",
        "kairosdb.health.healthyResponseCode. Default 204."
    ),
    Key {
        name: "kairosdb.hidden_metrics",
        flag: None,
        help: &[
            "Metrics whose names begin so are not listed by /api/v1/metricnames; they can be asked for.",
            "KairosDB's kairosdb.metric_index_filter.prefix. Default [].",
        ],
        kind: Kind::Texts {
            at: |c| &mut c.kairosdb.hidden_metrics,
        },
    },
    Key {
        name: "kairosdb.rollups",
        flag: None,
        help: &[
            "Whether roll-up tasks are taken at /api/v1/rollups and run. KairosDB's",
            "kairosdb.service.rollups. Default false: that path is not there.",
        ],
        kind: Kind::Switch {
            at: |c| &mut c.kairosdb.rollups,
        },
    },
    Key {
        name: "kairosdb.align_sampling",
        flag: None,
        help: &[
            "Whether aggregators align their buckets where the query does not say. Since 1.3 KairosDB does,",
            "older ones do not. Default true.",
        ],
        kind: Kind::Switch {
            at: |c| &mut c.kairosdb.align_sampling,
        },
    },
    Key {
        name: "kairosdb.drop_empty",
        flag: None,
        help: &[
            "Whether results without points are left out of answers. KairosDB does so since 1.3.2; older",
            "clients look at the first result without asking whether there is one. Default false.",
        ],
        kind: Kind::Switch {
            at: |c| &mut c.kairosdb.drop_empty,
        },
    },
    Key {
        name: "kairosdb.time_zone",
        flag: None,
        help: &[
            "The zone of queries that name none: a name of the tz database or an offset. KairosDB takes that",
            "of its machine. Default \"UTC\".",
        ],
        kind: Kind::Text {
            at: |c| &mut c.kairosdb.time_zone,
        },
    },
    Key {
        name: "kairosdb.regex_prefix",
        flag: None,
        help: &[
            "What a value of a tag filter begins with that is a regular expression; \"\" is none. KairosDB's",
            "kairosdb.queries.regex_prefix. Default \"regex:\".",
        ],
        kind: Kind::Text {
            at: |c| &mut c.kairosdb.regex_prefix,
        },
    },
    Key {
        name: "kairosdb.return_query",
        flag: None,
        help: &[
            "Whether answers repeat the query. KairosDB's kairosdb.queries.return_query_in_response.",
            "Default false.",
        ],
        kind: Kind::Switch {
            at: |c| &mut c.kairosdb.return_query,
        },
    },
    Key {
        name: "kairosdb.report",
        flag: None,
        help: &[
            "Whether what KairosDB tells of itself is stored, as kairosdb.http.query_time: its",
            "kairosdb.service.reporter. ARCHITECTURE.md has the list of metrics. Default false; true with",
            "KairosDB's own configuration.",
        ],
        kind: Kind::Switch {
            at: |c| &mut c.kairosdb.report.on,
        },
    },
    whole!(
        "kairosdb.report_seconds",
        "seconds",
        1..=86_400,
        |c| &mut c.kairosdb.report.seconds,
        "Seconds between two reports. KairosDB's kairosdb.reporter.schedule. Default 60."
    ),
    whole!(
        "kairosdb.report_ttl_seconds",
        "seconds",
        0..=(u32::MAX as u64),
        |c| &mut c.kairosdb.report.ttl_seconds,
        "Seconds that the points of reports stay. KairosDB's kairosdb.reporter.ttl. Default 0: as",
        "long as all others."
    ),
    Key {
        name: "kairosdb.report_prefix",
        flag: None,
        help: &["What the names of reported metrics begin with. Default \"kairosdb.\"."],
        kind: Kind::Text {
            at: |c| &mut c.kairosdb.report.prefix,
        },
    },
    Key {
        name: "kairosdb.report_host",
        flag: None,
        help: &[
            "The value of the tag host of reported metrics. KairosDB's kairosdb.hostname. Default \"\":",
            "what the machine is called.",
        ],
        kind: Kind::Text {
            at: |c| &mut c.kairosdb.report.host,
        },
    },
    Key {
        name: "kairosdb.report_tags",
        flag: None,
        help: &[
            "Further tags of reported metrics, as \"region=eu\". KairosDB's kairosdb.metrics.custom_tags.",
            "Default [].",
        ],
        kind: Kind::Texts {
            at: |c| &mut c.kairosdb.report.tags,
        },
    },
    Key {
        name: "log.level",
        flag: Some("log-level"),
        help: &["The least that is shown: error, warn, info, debug or trace. Default \"info\"."],
        kind: Kind::Choice {
            words: &["error", "warn", "info", "debug", "trace"],
            get: |c| {
                LEVELS
                    .iter()
                    .find(|(_, l)| *l == c.log.level)
                    .map_or("info", |(word, _)| word)
            },
            set: |c, word| {
                let known = LEVELS.iter().find(|(label, _)| *label == word);
                c.log.level = known.map_or(Level::INFO, |(_, level)| *level);
            },
        },
    },
];

const ISAS: [Isa; 5] = [Isa::Avx512, Isa::Avx2, Isa::Sse2, Isa::Neon, Isa::Scalar];

const LEVELS: [(&str, Level); 5] = [
    ("error", Level::ERROR),
    ("warn", Level::WARN),
    ("info", Level::INFO),
    ("debug", Level::DEBUG),
    ("trace", Level::TRACE),
];

/// The key of that full name, with its place in [`KEYS`].
pub fn find(name: &str) -> Option<(usize, &'static Key)> {
    KEYS.iter().enumerate().find(|(_, key)| key.name == name)
}

#[cfg(test)]
mod tests {
    use super::super::sections::Config;
    use super::*;

    #[test]
    fn the_table_is_in_order_and_complete() {
        let mut sections = Vec::new();
        for key in KEYS {
            if sections.last() != Some(&key.section()) {
                sections.push(key.section());
            }
        }
        let listed: Vec<&str> = SECTIONS.iter().map(|(section, _)| *section).collect();
        assert_eq!(sections[0], "", "keys outside of sections come first");
        assert_eq!(sections[1..], listed);
    }

    #[test]
    fn every_key_says_its_default_in_short_lines() {
        for key in KEYS {
            let said = key.help.join(" ");
            let value = key.kind.show(&Config::default());
            assert!(said.contains("Default"), "{} tells no default", key.name);
            assert!(
                said.contains(&value),
                "{}: the default is {value}, the help says: {said}",
                key.name
            );
            assert!(key.help.iter().all(|line| line.len() <= 95), "{}", key.name);
        }
    }

    #[test]
    fn no_two_keys_share_a_name_flag_or_variable() {
        for (at, key) in KEYS.iter().enumerate() {
            for other in &KEYS[at + 1..] {
                assert_ne!(key.name, other.name);
                assert_ne!(key.variable(), other.variable());
                assert!(key.flag.is_none() || key.flag != other.flag, "{}", key.name);
            }
        }
    }
}
