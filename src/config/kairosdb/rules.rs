//! What becomes of each key of KairosDB, 1.0 to 1.3, and of its carbon plugin: one table.
//!
//! Keys are without their `kairosdb.`; one that ends with `.*` is all keys below. The first rule that fits
//! counts. Settings are taken in the order of the table, so that what switches a door off comes behind what
//! gives it a port.

use super::reasons::Reason::{self, Same, Store, Threads, Unsupported, Web};

/// What becomes of a key.
pub(super) struct Rule {
    /// Without `kairosdb.`
    pub(super) key: &'static str,
    /// What KairosDB goes by where its configuration says nothing, if that is not how we are anyway.
    pub(super) shipped: Option<&'static str>,
    /// When it counts.
    pub(super) when: When,
    pub(super) what: What,
}

/// When a rule counts; otherwise the key is of something that is switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    Always,
    /// Where the carbon plugin is loaded.
    Carbon,
    /// Where the carbon plugin has that tag parser.
    Parser(&'static str),
}

pub(super) enum What {
    /// Keys of ours are set.
    Take(&'static [&'static str], How),
    /// It is listed.
    Ignore(Reason),
    /// It is [`Same`] while it says one of these or nothing, and not supported else.
    Unless(&'static [&'static str], &'static str),
    /// The same; and what it guards in KairosDB is open to nobody else here.
    Guard(&'static str),
}

/// How a value becomes ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// As it is.
    AsIs,
    /// A port; 0 is off.
    PortOrOff,
    /// An address as Java reads it.
    Address,
    /// A number, within what we allow.
    Clamped,
    /// The same; 0 is as if it were not there.
    Limit,
    /// The same in seconds, which become milliseconds.
    LimitSeconds,
    /// The name of a class that is started: off without one.
    DoorOf,
    /// The same: true or false.
    SwitchOf,
    /// The name of the class of a tag parser.
    TagParser,
    /// A list, or a text with this between its items.
    List(char),
    /// When something is done, as Quartz writes it.
    Schedule,
    /// Every key below is an item, `key=value`.
    Tags,
}

const fn take(key: &'static str, to: &'static [&'static str], how: How) -> Rule {
    Rule {
        key,
        shipped: None,
        when: When::Always,
        what: What::Take(to, how),
    }
}

const fn ignore(key: &'static str, reason: Reason) -> Rule {
    Rule {
        key,
        shipped: None,
        when: When::Always,
        what: What::Ignore(reason),
    }
}

const fn unless(
    key: &'static str,
    harmless: &'static [&'static str],
    instead: &'static str,
) -> Rule {
    Rule {
        key,
        shipped: None,
        when: When::Always,
        what: What::Unless(harmless, instead),
    }
}

const fn guard(key: &'static str, instead: &'static str) -> Rule {
    Rule {
        key,
        shipped: None,
        when: When::Always,
        what: What::Guard(instead),
    }
}

impl Rule {
    const fn shipped(self, value: &'static str) -> Rule {
        Rule {
            key: self.key,
            shipped: Some(value),
            when: self.when,
            what: self.what,
        }
    }

    const fn when(self, when: When) -> Rule {
        Rule {
            key: self.key,
            shipped: self.shipped,
            when,
            what: self.what,
        }
    }
}

const CARBON: When = When::Carbon;
const HOST: When = When::Parser("host");
const TEMPLATES: When = When::Parser("templates");
const MULTI: When = When::Parser("multi");
const METRIC: &[&str] = &["carbon.metric_pattern"];
const METRIC_MADE: &[&str] = &["carbon.metric_replacement"];
const TEXT_DOORS: &[&str] = &["doors.graphite_tcp", "doors.graphite_udp"];
const CARBON_DOORS: &[&str] = &["doors.graphite_tcp", "doors.graphite_udp", "doors.pickle"];

const TLS: &str = "there is no TLS here: let a proxy end it and ask the port of HTTP";
const ACCESS: &str = "there is no access control here: HTTP listens on this machine only, unless \
                      doors.http_listen is set; let a proxy ask for passwords";
const FILTER: &str = "points are stored whatever their names are: stop them at their senders";
const DEFAULTS: &str = "only numbers and texts of the usual three types are stored";
const TTL: &str = "a ttl that senders give counts, and it counts from the arrival";
const SLOW: &str = "slow queries are in the log instead: query.slow_ms";
const LOADS: &str = "loadgen makes test loads instead";
const REMOTE: &str = "points are stored here, and are not sent on to another KairosDB";
const PLUGIN: &str = "plugins of KairosDB are not loaded";

pub(super) static RULES: &[Rule] = &[
    // Doors.
    take("telnetserver.port", &["doors.kairos_telnet"], How::AsIs).shipped("4242"),
    take(
        "telnetserver.address",
        &["doors.kairos_telnet_listen"],
        How::Address,
    )
    .shipped("0.0.0.0"),
    take(
        "telnetserver.max_command_size",
        &["telnet.line_bytes_max"],
        How::Clamped,
    ),
    take("jetty.port", &["doors.http"], How::PortOrOff).shipped("8080"),
    take("jetty.address", &["doors.http_listen"], How::Address).shipped("0.0.0.0"),
    take("carbon.text.port", TEXT_DOORS, How::AsIs)
        .shipped("2003")
        .when(CARBON),
    take(
        "carbon.text.address",
        &["doors.graphite_listen"],
        How::Address,
    )
    .shipped("0.0.0.0")
    .when(CARBON),
    take(
        "carbon.text.max_size",
        &["ingest.line_bytes_max"],
        How::Clamped,
    )
    .when(CARBON),
    take("carbon.pickle.port", &["doors.pickle"], How::AsIs)
        .shipped("2004")
        .when(CARBON),
    take(
        "carbon.pickle.address",
        &["doors.pickle_listen"],
        How::Address,
    )
    .shipped("0.0.0.0")
    .when(CARBON),
    take(
        "carbon.pickle.max_size",
        &["ingest.frame_bytes_max"],
        How::Clamped,
    )
    .when(CARBON),
    take("service.telnet", &["doors.kairos_telnet"], How::DoorOf),
    take("service.http", &["doors.http"], How::DoorOf),
    take("service.carbon", CARBON_DOORS, How::DoorOf).shipped(""),
    // The carbon plugin. Its keys had other names before.
    take("carbon.tag_parser", &["carbon.tag_parser"], How::TagParser)
        .shipped("HostTagParser")
        .when(CARBON),
    take("carbon.tagparser", &["carbon.tag_parser"], How::TagParser).when(CARBON),
    take(
        "carbon.host_tag_parser.host_pattern",
        &["carbon.host_pattern"],
        How::AsIs,
    )
    .when(HOST),
    take(
        "carbon.host_tag_parser.host_replacement",
        &["carbon.host_replacement"],
        How::AsIs,
    )
    .when(HOST),
    take("carbon.host_tag_parser.metric_pattern", METRIC, How::AsIs).when(HOST),
    take(
        "carbon.host_tag_parser.metric_replacement",
        METRIC_MADE,
        How::AsIs,
    )
    .when(HOST),
    take(
        "carbon.hosttagparser.host_pattern",
        &["carbon.host_pattern"],
        How::AsIs,
    )
    .when(HOST),
    take(
        "carbon.hosttagparser.host_replacement",
        &["carbon.host_replacement"],
        How::AsIs,
    )
    .when(HOST),
    take("carbon.hosttagparser.metric_pattern", METRIC, How::AsIs).when(HOST),
    take(
        "carbon.hosttagparser.metric_replacement",
        METRIC_MADE,
        How::AsIs,
    )
    .when(HOST),
    take(
        "carbon.templates_tag_parser.templates",
        &["carbon.templates"],
        How::List(';'),
    )
    .when(TEMPLATES),
    take(
        "carbon.templatestagparser.templates",
        &["carbon.templates"],
        How::List(';'),
    )
    .when(TEMPLATES),
    take(
        "carbon.multitagparser.patterns",
        &["carbon.patterns"],
        How::List(';'),
    )
    .when(MULTI),
    take(
        "carbon.multitagparser.replacements",
        &["carbon.replacements"],
        How::List(';'),
    )
    .when(MULTI),
    take(
        "carbon.multitagparser.tags",
        &["carbon.tags"],
        How::List(';'),
    )
    .when(MULTI),
    take(
        "carbon.multitagparser.tagscase",
        &["carbon.letters"],
        How::AsIs,
    )
    .when(MULTI),
    take("carbon.multitagparser.metric_pattern", METRIC, How::AsIs).when(MULTI),
    take(
        "carbon.multitagparser.metric_replacement",
        METRIC_MADE,
        How::AsIs,
    )
    .when(MULTI),
    take("carbon.ttl", &["carbon.ttl_seconds"], How::Clamped).when(MULTI),
    take(
        "carbon.invalidTtl",
        &["carbon.invalid_ttl_seconds"],
        How::Clamped,
    )
    .when(MULTI),
    // The API.
    take("server.type", &["kairosdb.server_type"], How::List(',')),
    take(
        "health.healthyResponseCode",
        &["kairosdb.health_code"],
        How::AsIs,
    ),
    take(
        "metric_index_filter.prefix",
        &["kairosdb.hidden_metrics"],
        How::List(','),
    ),
    take("service.rollups", &["kairosdb.rollups"], How::SwitchOf),
    take(
        "queries.regex_prefix",
        &["kairosdb.regex_prefix"],
        How::AsIs,
    ),
    take(
        "queries.return_query_in_response",
        &["kairosdb.return_query"],
        How::AsIs,
    ),
    take(
        "datastore.cassandra.query_limit",
        &["query.points_read_max"],
        How::Limit,
    ),
    take(
        "datastore.cassandra.query_time_limit_sec",
        &["query.millis_max"],
        How::LimitSeconds,
    ),
    take(
        "datastore.cassandra.datapoint_ttl",
        &["retention.kairosdb_ttl_seconds"],
        How::Clamped,
    ),
    // What it tells of itself.
    take("service.reporter", &["kairosdb.report"], How::SwitchOf)
        .shipped("org.kairosdb.core.reporting.MetricReportingModule"),
    take(
        "reporter.schedule",
        &["kairosdb.report_seconds"],
        How::Schedule,
    ),
    take(
        "reporter.ttl",
        &["kairosdb.report_ttl_seconds"],
        How::Clamped,
    ),
    take("metric-prefix", &["kairosdb.report_prefix"], How::AsIs),
    take("hostname", &["kairosdb.report_host"], How::AsIs),
    take(
        "metrics.custom_tags.*",
        &["kairosdb.report_tags"],
        How::Tags,
    ),
    // What is here otherwise, or not.
    guard("jetty.auth_module_name", ACCESS),
    guard("jetty.basic_auth.*", ACCESS),
    guard("service.oauth", ACCESS),
    ignore("oauth.*", Unsupported(ACCESS)),
    ignore("jetty.ssl.*", Unsupported(TLS)),
    unless(
        "datastore.cassandra.force_default_datapoint_ttl",
        &["false"],
        TTL,
    ),
    unless(
        "datastore.cassandra.align_datapoint_ttl_with_timestamp",
        &["false"],
        TTL,
    ),
    unless(
        "datapoints.factory.long",
        &[
            "org.kairosdb.core.datapoints.LongDataPointFactoryImpl",
            "org.kairosdb.core.datapoints.LegacyLongDataPointFactoryImpl",
        ],
        DEFAULTS,
    ),
    unless(
        "datapoints.factory.double",
        &["org.kairosdb.core.datapoints.DoubleDataPointFactoryImpl"],
        DEFAULTS,
    ),
    unless(
        "datapoints.factory.string",
        &["org.kairosdb.core.datapoints.StringDataPointFactory"],
        DEFAULTS,
    ),
    ignore("datapoints.factory.*", Unsupported(DEFAULTS)),
    unless("service.filter", &["", "<disabled>"], FILTER),
    unless("filter.list", &[""], FILTER),
    unless("filter.prefix", &[""], FILTER),
    unless("filter.regex", &[""], FILTER),
    unless("log.queries.enable", &["false"], SLOW),
    ignore("log.queries.*", Same),
    unless(
        "queries.aggregate_stats",
        &["false"],
        "reports tell sums and counts of queries as they are",
    ),
    unless("service.demo", &["", "<disabled>"], LOADS),
    unless("service.blast", &["", "<disabled>"], LOADS),
    ignore("demo.*", Same),
    ignore("blast.*", Same),
    unless("service.remote", &["", "<disabled>"], REMOTE),
    unless(
        "service.datastore",
        &[
            "",
            "<disabled>",
            "org.kairosdb.datastore.h2.H2Module",
            "org.kairosdb.datastore.cassandra.CassandraModule",
            "net.opentsdb.kairosdb.HBaseModule",
        ],
        REMOTE,
    ),
    ignore("service.health", Same),
    ignore("service.*", Unsupported(PLUGIN)),
    ignore("service_folder.*", Unsupported(PLUGIN)),
    ignore("rollups.server_assignment.*", Same),
    ignore("host_service_manager.*", Same),
    ignore("host_ip", Same),
    ignore("server.guid", Same),
    ignore("eventbus.*", Same),
    ignore("datastore.concurrentQueryThreads", Threads),
    ignore("datastore.*", Store),
    ignore("query_cache.*", Store),
    ignore("queue_processor.*", Threads),
    ignore("ingest_executor.*", Threads),
    ignore("qos.*", Threads),
    ignore("jetty.static_web_root", Web),
    ignore("jetty.show_stacktrace", Web),
    ignore("jetty.socket_idle_timeout", Web),
    ignore("jetty.threads.*", Web),
    ignore("jetty.request_logging.*", Web),
];

/// The rule of a key without its `kairosdb.`
pub(super) fn find(key: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| match rule.key.strip_suffix('*') {
        Some(begin) => key.strip_prefix(begin).is_some_and(|rest| !rest.is_empty()),
        None => rule.key == key,
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::keys;
    use super::*;

    #[test]
    fn the_table_names_keys_that_there_are() {
        for rule in RULES {
            if let What::Take(to, _) = rule.what {
                assert!(!to.is_empty());
                for key in to {
                    assert!(keys::find(key).is_some(), "{key}");
                }
            }
            assert!(!rule.key.starts_with("kairosdb."), "{}", rule.key);
        }
    }

    #[test]
    fn every_rule_can_be_met() {
        for (at, rule) in RULES.iter().enumerate() {
            let key = rule.key.replace('*', "x");
            let found = find(&key).expect("a rule");
            assert!(
                std::ptr::eq(found, &RULES[at]),
                "{key} is met by {}",
                found.key
            );
        }
        assert!(find("jetty.prot").is_none());
        assert!(find("jetty.threads.").is_none());
    }
}
