//! What no key can tell by itself: whether the values fit together, and this machine.

use std::net::IpAddr;

use super::error::Fault;
use super::keys::find;
use super::load::Loaded;
use crate::http::ServerType;
use crate::query::kairos::zone::Zone;
use crate::simd::Isa;

/// Addresses to listen on.
pub const LISTEN_MAX: usize = 16;
/// Networks to spread; the program that the kernel runs for each packet grows with them.
pub const SPREAD_MAX: usize = 64;
/// The least that a head can work with, unless the default is asked for.
pub const HEAD_BYTES_MIN: u64 = 1 << 20;
/// The least that an index can work with, the same.
pub const INDEX_BYTES_MIN: u64 = 1 << 20;
/// Smallest `query.all_bytes_max` that is not 0.
pub const QUERIES_BYTES_MIN: u64 = 16 << 20;

/// Put what does not fit into `faults`, each at the key that should be changed.
pub(super) fn check(loaded: &Loaded, faults: &mut Vec<Fault>) {
    let mut fault = |key: &str, text: String| {
        let at = find(key).map_or(0, |(at, _)| at);
        faults.push(Fault {
            origin: loaded.origins[at].clone(),
            text: format!("`{key}`: {text}"),
        });
    };
    let doors = &loaded.config.doors;
    for (key, listen) in [
        ("listen", &loaded.config.listen),
        ("doors.graphite_listen", &doors.graphite_listen),
        ("doors.pickle_listen", &doors.pickle_listen),
        ("doors.kairos_telnet_listen", &doors.kairos_telnet_listen),
        ("doors.http_listen", &doors.http_listen),
    ] {
        check_listen(key, listen, &mut fault);
    }
    check_doors(loaded, &mut fault);
    let config = &loaded.config;
    if config.steering.spread.len() > SPREAD_MAX {
        fault(
            "steering.spread",
            format!("at most {SPREAD_MAX} networks; join some of them"),
        );
    }
    if (1..HEAD_BYTES_MIN).contains(&config.head.bytes_max) {
        let text = format!("0 for the default, or at least {HEAD_BYTES_MIN} bytes");
        fault("head.bytes_max", text);
    }
    if (1..QUERIES_BYTES_MIN).contains(&config.query.all_bytes_max) {
        let text = format!("0 for the default, or at least {QUERIES_BYTES_MIN} bytes");
        fault("query.all_bytes_max", text);
    }
    if (1..INDEX_BYTES_MIN).contains(&config.series.index_bytes_max) {
        let text = format!("0 for the default, or at least {INDEX_BYTES_MIN} bytes");
        fault("series.index_bytes_max", text);
    }
    if let Err(wrong) = config.carbon.parser() {
        fault("carbon.tag_parser", wrong);
    }
    if let Err(word) = ServerType::read(&config.kairosdb.server_type) {
        let text = format!("there is no class `{word}`; there are ALL, INGEST, QUERY and DELETE");
        fault("kairosdb.server_type", text);
    }
    let zone = &config.kairosdb.time_zone;
    if Zone::parse(zone).is_none() {
        let text =
            format!("there is no zone `{zone}`; names are as Europe/Paris, or offsets as +02:00");
        fault("kairosdb.time_zone", text);
    }
    let report = &config.kairosdb.report;
    for tag in &report.tags {
        let parts = tag.split_once('=');
        if parts.is_none_or(|(key, value)| key.is_empty() || value.is_empty() || key == "host") {
            let text =
                format!("`{tag}` is no tag; write key=value, and host in kairosdb.report_host");
            fault("kairosdb.report_tags", text);
        }
    }
    if report.prefix.is_empty() {
        let text = "give it at least a letter, or what is reported is not told from other metrics";
        fault("kairosdb.report_prefix", text.to_owned());
    }
    let available = Isa::available();
    if let Some(isa) = config.simd.filter(|isa| !available.contains(isa)) {
        let labels: Vec<&str> = available.iter().map(|isa| isa.label()).collect();
        let text = format!(
            "this machine has no {}; it has {}",
            isa.label(),
            labels.join(", ")
        );
        fault("simd", text);
    }
}

fn check_listen(key: &str, listen: &[IpAddr], fault: &mut impl FnMut(&str, String)) {
    if (listen.is_empty() && key == "listen") || listen.len() > LISTEN_MAX {
        let text = format!(
            "{} addresses; from 1 to {LISTEN_MAX} are possible",
            listen.len()
        );
        return fault(key, text);
    }
    for (at, address) in listen.iter().enumerate() {
        let twin = |other: &&IpAddr| {
            let covers = other.is_unspecified() && other.is_ipv4() == address.is_ipv4();
            *other == address
                || covers
                || (address.is_unspecified() && address.is_ipv4() == other.is_ipv4())
        };
        if let Some(other) = listen[..at].iter().find(twin) {
            let text = format!("{other} and {address} are the same door twice; leave one out");
            return fault(key, text);
        }
    }
}

fn check_doors(loaded: &Loaded, fault: &mut impl FnMut(&str, String)) {
    let doors = &loaded.config.doors;
    let tcp = [
        ("doors.graphite_tcp", doors.graphite_tcp),
        ("doors.pickle", doors.pickle),
        ("doors.kairos_telnet", doors.kairos_telnet),
        ("doors.http", doors.http),
    ];
    let open = |(key, port): (&'static str, Option<u16>)| Some((key, port?));
    let tcp: Vec<(&str, u16)> = tcp.into_iter().filter_map(open).collect();
    let udp = open(("doors.graphite_udp", doors.graphite_udp));
    if tcp.is_empty() && udp.is_none() {
        let text = "every door is off; give at least one a port".to_owned();
        fault("doors.http", text);
    }
    for (key, port) in tcp.iter().chain(&udp) {
        if u64::from(*port) + doors.port_offset > u64::from(u16::MAX) {
            let offset = doors.port_offset;
            let text =
                format!("{port} and `doors.port_offset` {offset} make no port (at most 65535)");
            fault(key, text);
        }
    }
    for (at, (key, port)) in tcp.iter().enumerate() {
        if let Some((other, _)) = tcp[..at].iter().find(|(_, other)| other == port) {
            // The one that was moved is the one to change.
            let swap = loaded.is_chosen(other) && !loaded.is_chosen(key);
            let (key, other) = if swap { (other, key) } else { (key, other) };
            let text =
                format!("`{other}` has TCP port {port} already; move one, or turn it \"off\"");
            fault(key, text);
        }
    }
}
