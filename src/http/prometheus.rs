//! `/metrics` without a query: the appliance's own counters in Prometheus' text format (0.0.4).

use std::fmt::Write;

use bytes::Bytes;
use http::Response;

use super::errors::Failure;
use super::question::{Question, document};
use crate::model::refusal::Protocol;
use crate::shard::vitals::Vitals;

/// Answer.
pub(super) async fn answer(question: &Question<'_>) -> Result<Response<Bytes>, Failure> {
    let shards = question.fleet.describe().await?;
    let text = text(&shards, question.options.version, question.fleet.ready());
    Ok(document("text/plain; version=0.0.4; charset=utf-8", text))
}

/// A family whose samples are one number a shard.
struct PerShard {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    value: fn(&Vitals) -> u64,
}

/// A family whose samples are one number a protocol and shard.
struct PerProtocol {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    value: fn(&Vitals, usize) -> u64,
}

const PER_SHARD: &[PerShard] = &[
    PerShard {
        name: "corelane_series",
        kind: "gauge",
        help: "Series that the shard knows.",
        value: |vitals| vitals.series,
    },
    PerShard {
        name: "corelane_head_bytes",
        kind: "gauge",
        help: "Bytes of points held in memory until they are sealed.",
        value: |vitals| vitals.store.head_bytes,
    },
    PerShard {
        name: "corelane_head_frozen",
        kind: "gauge",
        help: "Generations of points on their way into segment files.",
        value: |vitals| vitals.store.frozen,
    },
    PerShard {
        name: "corelane_cache_bytes",
        kind: "gauge",
        help: "Bytes of segment files held in memory for queries.",
        value: |vitals| vitals.store.cache_bytes,
    },
    PerShard {
        name: "corelane_result_cache_bytes",
        kind: "gauge",
        help: "Bytes of results held in memory for later queries.",
        value: |vitals| vitals.results.bytes,
    },
    PerShard {
        name: "corelane_result_cache_hits_total",
        kind: "counter",
        help: "Queries of combined series that found a part of their rows in results of earlier ones.",
        value: |vitals| vitals.results.hits,
    },
    PerShard {
        name: "corelane_result_cache_misses_total",
        kind: "counter",
        help: "Queries of combined series that found nothing there that still held.",
        value: |vitals| vitals.results.misses,
    },
    PerShard {
        name: "corelane_segment_reads_total",
        kind: "counter",
        help: "Reads of segment files.",
        value: |vitals| vitals.store.reads,
    },
    PerShard {
        name: "corelane_segment_damaged",
        kind: "gauge",
        help: "Parts of segment files that are damaged and not answered from.",
        value: |vitals| vitals.store.damaged,
    },
    PerShard {
        name: "corelane_log_unwritten_bytes",
        kind: "gauge",
        help: "Bytes of log that are not on stable storage yet.",
        value: |vitals| vitals.store.unwritten_bytes,
    },
    PerShard {
        name: "corelane_log_commits_total",
        kind: "counter",
        help: "Groups of points brought to stable storage.",
        value: |vitals| vitals.store.commits,
    },
    PerShard {
        name: "corelane_log_written_bytes_total",
        kind: "counter",
        help: "Bytes of log written.",
        value: |vitals| vitals.store.log_bytes,
    },
    PerShard {
        name: "corelane_log_filled_bytes_total",
        kind: "counter",
        help: "Bytes of zeros that new files of log were filled with.",
        value: |vitals| vitals.store.log_filled_bytes,
    },
    PerShard {
        name: "corelane_log_files",
        kind: "gauge",
        help: "Files of log whose points are not in segments yet.",
        value: |vitals| vitals.store.log_files.0,
    },
    PerShard {
        name: "corelane_log_trouble",
        kind: "gauge",
        help: "1 while the disk takes no log.",
        value: |vitals| u64::from(vitals.store.log_in_trouble),
    },
    PerShard {
        name: "corelane_log_replayed_points",
        kind: "gauge",
        help: "Points that were brought back from the log at the start.",
        value: |vitals| vitals.store.replayed,
    },
    PerShard {
        name: "corelane_log_lost_blocks",
        kind: "gauge",
        help: "Blocks of log that had been durable and were found lost, or unreadable, at this start.",
        value: |vitals| vitals.store.log_lost_blocks,
    },
    PerShard {
        name: "corelane_sealed_points_total",
        kind: "counter",
        help: "Points written into segment files.",
        value: |vitals| vitals.store.sealed_points,
    },
    PerShard {
        name: "corelane_sealed_bytes_total",
        kind: "counter",
        help: "Bytes of segment files that points were written into.",
        value: |vitals| vitals.store.sealed_bytes,
    },
    PerShard {
        name: "corelane_merges_total",
        kind: "counter",
        help: "Merges of segment files.",
        value: |vitals| vitals.store.merges,
    },
    PerShard {
        name: "corelane_merged_points_total",
        kind: "counter",
        help: "Points that merges wrote.",
        value: |vitals| vitals.store.merged_points,
    },
    PerShard {
        name: "corelane_merged_bytes_total",
        kind: "counter",
        help: "Bytes of segment files that merges wrote.",
        value: |vitals| vitals.store.merged_bytes,
    },
    PerShard {
        name: "corelane_store_failures_total",
        kind: "counter",
        help: "What failed on the disk; the log of the appliance tells each.",
        value: |vitals| vitals.store.failures,
    },
    PerShard {
        name: "corelane_blocked",
        kind: "gauge",
        help: "1 while senders have to wait because the disk does not keep up.",
        value: |vitals| u64::from(vitals.store.blocked),
    },
    PerShard {
        name: "corelane_index_bytes",
        kind: "gauge",
        help: "Bytes of names, tags and tables that find series.",
        value: |vitals| vitals.index_bytes,
    },
    PerShard {
        name: "corelane_buffered_bytes",
        kind: "gauge",
        help: "Bytes of unfinished lines and frames held for stream connections.",
        value: |vitals| vitals.buffered_bytes,
    },
    PerShard {
        name: "corelane_load_bytes",
        kind: "gauge",
        help: "Bytes received in the last whole minute.",
        value: |vitals| vitals.load.bytes,
    },
    PerShard {
        name: "corelane_datagrams_dropped_total",
        kind: "counter",
        help: "Datagrams that the kernel dropped because the socket's buffer was full.",
        value: |vitals| vitals.datagrams_dropped,
    },
];

const PER_PROTOCOL: &[PerProtocol] = &[
    PerProtocol {
        name: "corelane_points_accepted_total",
        kind: "counter",
        help: "Points accepted.",
        value: |vitals, protocol| vitals.accepted[protocol],
    },
    PerProtocol {
        name: "corelane_bytes_read_total",
        kind: "counter",
        help: "Bytes read from senders.",
        value: |vitals, protocol| vitals.bytes_read[protocol],
    },
    PerProtocol {
        name: "corelane_connections",
        kind: "gauge",
        help: "Open connections.",
        value: |vitals, protocol| vitals.connections[protocol],
    },
];

fn text(shards: &[Vitals], version: &str, ready: bool) -> String {
    let mut out = String::new();
    head(
        &mut out,
        "corelane_build_info",
        "gauge",
        "The version that runs; always 1.",
    );
    line(
        &mut out,
        format_args!("corelane_build_info{{version=\"{version}\"}} 1"),
    );
    head(
        &mut out,
        "corelane_ready",
        "gauge",
        "1 when the appliance answers for all that it holds.",
    );
    line(&mut out, format_args!("corelane_ready {}", u8::from(ready)));
    head(&mut out, "corelane_shards", "gauge", "Shards, one a core.");
    line(&mut out, format_args!("corelane_shards {}", shards.len()));
    for family in PER_PROTOCOL {
        per_protocol(&mut out, family, shards);
    }
    refusals(&mut out, shards);
    for family in PER_SHARD {
        per_shard(&mut out, family, shards);
    }
    kept(&mut out, shards);
    skew(&mut out, shards);
    largest_sources(&mut out, shards);
    out
}

fn per_protocol(out: &mut String, family: &PerProtocol, shards: &[Vitals]) {
    let name = family.name;
    head(out, name, family.kind, family.help);
    for (i, protocol) in Protocol::ALL.iter().enumerate() {
        for vitals in shards {
            let (protocol, shard, value) =
                (protocol.label(), vitals.shard, (family.value)(vitals, i));
            line(
                out,
                format_args!("{name}{{protocol=\"{protocol}\",shard=\"{shard}\"}} {value}"),
            );
        }
    }
}

fn per_shard(out: &mut String, family: &PerShard, shards: &[Vitals]) {
    let name = family.name;
    head(out, name, family.kind, family.help);
    for vitals in shards {
        let (shard, value) = (vitals.shard, (family.value)(vitals));
        line(out, format_args!("{name}{{shard=\"{shard}\"}} {value}"));
    }
}

/// Only reasons that occurred: most pairs of protocol and reason never do.
fn refusals(out: &mut String, shards: &[Vitals]) {
    let name = "corelane_refused_total";
    let help = "Lines, items, frames, datagrams and connections refused.";
    head(out, name, "counter", help);
    for (i, protocol) in Protocol::ALL.iter().enumerate() {
        for vitals in shards {
            for (reason, count) in vitals.refused[i].iter() {
                let (protocol, reason, shard) = (protocol.label(), reason.label(), vitals.shard);
                line(
                    out,
                    format_args!(
                        "{name}{{protocol=\"{protocol}\",reason=\"{reason}\",shard=\"{shard}\"}} {count}"
                    ),
                );
            }
        }
    }
}

/// What the manifest lists, which one shard keeps for all.
fn kept(out: &mut String, shards: &[Vitals]) {
    let Some(kept) = shards.iter().find_map(|vitals| vitals.kept) else {
        return;
    };
    let name = "corelane_segment_bytes";
    head(
        out,
        name,
        "gauge",
        "Bytes of segment files: points, and cells beside them.",
    );
    line(
        out,
        format_args!("{name}{{kind=\"raw\"}} {}", kept.raw_bytes),
    );
    line(
        out,
        format_args!("{name}{{kind=\"cells\"}} {}", kept.cell_bytes),
    );
    let gauges = [
        ("corelane_segments", "Segment files.", kept.segments),
        (
            "corelane_segment_points",
            "Points in segment files.",
            kept.points,
        ),
        (
            "corelane_quarantined",
            "Files and pages in quarantine.",
            kept.quarantined,
        ),
        (
            "corelane_disk_bytes",
            "Bytes of the disk of the data folder.",
            kept.room.total_bytes,
        ),
        (
            "corelane_disk_free_bytes",
            "Bytes of it that can be written.",
            kept.room.free_bytes,
        ),
        (
            "corelane_manifest_records",
            "Records of the manifest written.",
            kept.records,
        ),
        (
            "corelane_manifest_faults",
            "Faults of the disk while writing it.",
            kept.faults,
        ),
    ];
    for (name, help, value) in gauges {
        head(out, name, "gauge", help);
        line(out, format_args!("{name} {value}"));
    }
    let name = "corelane_retention_boundary_seconds";
    let help = "Seconds since the epoch from which on points in files are kept; 0 without files.";
    head(out, name, "gauge", help);
    line(
        out,
        format_args!("{name} {}", kept.boundary_ms.div_euclid(1000)),
    );
}

/// How unevenly senders are spread: 1 is even, the number of shards means that one has all.
fn skew(out: &mut String, shards: &[Vitals]) {
    let name = "corelane_shard_skew_ratio";
    let help =
        "Points accepted by the busiest shard, divided by the mean of all shards, since start.";
    head(out, name, "gauge", help);
    let accepted: Vec<u64> = shards.iter().map(|v| v.accepted.iter().sum()).collect();
    let total: u64 = accepted.iter().sum();
    let most = accepted.iter().copied().max().unwrap_or(0);
    let ratio = if total == 0 {
        1.0
    } else {
        most as f64 * shards.len() as f64 / total as f64
    };
    line(out, format_args!("{name} {ratio}"));
}

/// One address that brings most of a shard's load defeats spreading by address.
fn largest_sources(out: &mut String, shards: &[Vitals]) {
    let name = "corelane_largest_source_share";
    let help =
        "Share of the last whole minute's bytes that one address sent, of each shard's largest.";
    head(out, name, "gauge", help);
    for vitals in shards {
        if let Some((address, _)) = vitals.load.largest {
            let (shard, share) = (vitals.shard, vitals.load.largest_share());
            line(
                out,
                format_args!("{name}{{shard=\"{shard}\",source=\"{address}\"}} {share}"),
            );
        }
    }
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    line(
        out,
        format_args!("# HELP {name} {help}\n# TYPE {name} {kind}"),
    );
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::refusal::Reason;
    use crate::shard::sources::Load;

    fn shards() -> Vec<Vitals> {
        let mut first = Vitals::default();
        first.accepted[Protocol::Graphite as usize] = 30;
        first.refused[Protocol::Pickle as usize].add(Reason::Item, 2);
        first.series = 7;
        first.load = Load {
            bytes: 80,
            largest: Some(([192, 0, 2, 1].into(), 60)),
        };
        let mut second = Vitals {
            shard: 1,
            ..Vitals::default()
        };
        second.accepted[Protocol::Pickle as usize] = 10;
        second.connections[Protocol::Http as usize] = 3;
        vec![first, second]
    }

    #[track_caller]
    fn check(want: &str) {
        let text = text(&shards(), "1.2.3", true);
        assert!(
            text.lines().any(|line| line == want),
            "no {want:?} in:\n{text}"
        );
    }

    #[test]
    fn the_names_that_dashboards_build_on() {
        check("corelane_points_accepted_total{protocol=\"graphite\",shard=\"0\"} 30");
        check("corelane_points_accepted_total{protocol=\"pickle\",shard=\"1\"} 10");
        check("corelane_refused_total{protocol=\"pickle\",reason=\"item\",shard=\"0\"} 2");
        check("corelane_connections{protocol=\"http\",shard=\"1\"} 3");
        check("corelane_series{shard=\"0\"} 7");
        check("corelane_head_bytes{shard=\"1\"} 0");
        check("corelane_shard_skew_ratio 1.5");
        check("corelane_build_info{version=\"1.2.3\"} 1");
        check("corelane_ready 1");
        check("corelane_load_bytes{shard=\"0\"} 80");
        check("corelane_largest_source_share{shard=\"0\",source=\"192.0.2.1\"} 0.75");
        check("# TYPE corelane_connections gauge");
    }

    #[test]
    fn every_sample_has_its_help_and_type_above_it() {
        let text = text(&shards(), "1", false);
        let mut family = "";
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                family = rest.split(' ').next().unwrap_or("");
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                assert_eq!(rest.split(' ').next(), Some(family), "{line}");
            } else {
                let name = line.split(['{', ' ']).next();
                assert_eq!(name, Some(family), "{line}");
            }
        }
    }
}
