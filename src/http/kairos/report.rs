//! What KairosDB tells of itself, as metrics that dashboards watch: what is counted since the last report,
//! at the begin of each period, and how long queries took, when they end.
//!
//! Counts are those that the shards keep anyway; they are asked for when a report is due. Queries add theirs
//! to one list when they end, which is bounded by [`PENDING_MAX`] and emptied each second: nobody waits for
//! the disk. What is stored goes the way of all points, and is in none of these counts.
//!
//! Left out is what has no meaning here: `jvm.*` and `queue.*`, for there are none;
//! `datastore.query_row_count`, for there are no rows; `datastore.query_collisions` and `queries_waiting`,
//! for queries do not wait for each other; `filter.skipped_metrics`; and `metric_counters`, for nobody counts
//! the points of a metric on their way in.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::base::time::Millis;
use crate::http::{Fleet, HttpOptions, Unstored};
use crate::model::number::Number;
use crate::model::refusal::Protocol;
use crate::model::sample::{Samples, Span};
use crate::model::series::Values;
use crate::shard::vitals::{COMMANDS, KairosCounts, Told};
use crate::wire::kairos_sent;

/// Points of queries that wait to be stored, for a second.
const PENDING_MAX: usize = 10_000;
/// Names of metrics that are told of queries; whoever asks for more is told as one of [`OTHERS`].
const METRICS_MAX: usize = 10_000;
/// Bytes of such a name; longer ones are among the others.
const METRIC_BYTES_MAX: usize = 1_000;
const OTHERS: &str = "(others)";
/// Points that are stored in one go, without a breath.
const BATCH_POINTS: usize = 100;
/// What queries are called.
const QUERY: &str = "/datapoints/query";

/// What is told, and where.
#[derive(Debug)]
pub struct Report {
    /// What names begin with.
    pub prefix: String,
    /// The value of the tag `host`.
    pub host: String,
    /// Further tags.
    pub tags: Vec<(String, String)>,
    /// How long points stay; 0 is as long as all others.
    pub ttl_seconds: u32,
    /// Between two reports, in milliseconds.
    pub period_ms: i64,
    pending: Mutex<Pending>,
}

/// What queries told since the last look.
#[derive(Debug, Default)]
struct Pending {
    points: Vec<Point>,
    left_out: u64,
    /// Those that have been told.
    metrics: BTreeSet<String>,
}

/// A point to be stored: a name behind the prefix, tags besides those that all have.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Point {
    name: &'static str,
    tags: Vec<(&'static str, String)>,
    time_ms: i64,
    value: i64,
}

/// What one metric of a query took.
pub(super) struct Queried<'a> {
    pub(super) metric: &'a str,
    /// Among the metrics of the query, from 0.
    pub(super) place: usize,
    /// Points that were read.
    pub(super) sample_size: u64,
    /// How long the shards were asked.
    pub(super) asking: Duration,
    /// How long all of it took.
    pub(super) took: Duration,
}

impl Report {
    /// What is told each `seconds`; see the fields.
    pub fn new(
        prefix: &str,
        host: &str,
        tags: Vec<(String, String)>,
        ttl_seconds: u32,
        seconds: u64,
    ) -> Report {
        let seconds = i64::try_from(seconds.max(1)).unwrap_or(i64::MAX);
        Report {
            prefix: prefix.to_owned(),
            host: host.to_owned(),
            tags,
            ttl_seconds,
            period_ms: seconds.saturating_mul(1000),
            pending: Mutex::default(),
        }
    }

    /// A metric of a query has been answered.
    pub(super) fn queried(&self, now: Millis, queried: &Queried<'_>) {
        let mut pending = self.pending();
        let tags = vec![
            ("metric_name", pending.known(queried.metric).to_owned()),
            ("query_index", (queried.place + 1).to_string()),
        ];
        for (name, value) in [
            ("datastore.query_time", whole_millis(queried.asking)),
            ("datastore.query_sample_size", queried.sample_size),
            ("http.query_time", whole_millis(queried.took)),
        ] {
            pending.push(Point {
                name,
                tags: tags.clone(),
                time_ms: now.0,
                value: whole(value),
            });
        }
    }

    /// A request with a query has been answered.
    pub(super) fn request(&self, now: Millis, took: Duration, is_good: bool) {
        let status = if is_good { "success" } else { "failed" };
        let tags = vec![("request", QUERY.to_owned()), ("status", status.to_owned())];
        self.pending().push(Point {
            name: "http.request_time",
            tags,
            time_ms: now.0,
            value: whole(whole_millis(took)),
        });
    }

    /// Whoever panicked with the lock left it whole: nothing here stops halfway.
    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What queries told since the last call, and how many points more.
    fn take(&self) -> (Vec<Point>, u64) {
        let mut pending = self.pending();
        (
            std::mem::take(&mut pending.points),
            std::mem::take(&mut pending.left_out),
        )
    }
}

impl Pending {
    fn push(&mut self, point: Point) {
        match self.points.len() < PENDING_MAX {
            true => self.points.push(point),
            false => self.left_out += 1,
        }
    }

    /// How a metric is told: anybody may ask for any name, and each makes series.
    fn known<'a>(&mut self, metric: &'a str) -> &'a str {
        if self.metrics.contains(metric) {
            return metric;
        }
        let is_plain = !metric.is_empty() && metric.len() <= METRIC_BYTES_MAX;
        if METRICS_MAX <= self.metrics.len() || !is_plain {
            return OTHERS;
        }
        self.metrics.insert(metric.to_owned());
        metric
    }
}

/// Stores what is told. One of the shards has one.
#[derive(Debug, Default)]
pub struct Reporter {
    /// What had been counted at the last report.
    last: KairosCounts,
    /// The begin of the period of the last report; none before the first look.
    reported_ms: Option<i64>,
}

impl Reporter {
    /// Store what is to be told by now. To be called about once a second.
    pub async fn turn(&mut self, fleet: &dyn Fleet, options: &HttpOptions) {
        let Some(report) = options.kairos.report.as_deref() else {
            return;
        };
        if fleet.recovering() || !fleet.ready() {
            return;
        }
        let (mut points, left_out) = report.take();
        if 0 < left_out {
            tracing::warn!(
                "{left_out} points of how long queries took are left out: too many in a second"
            );
        }
        let now = fleet.now();
        let begin_ms = now.0.saturating_sub(now.0.rem_euclid(report.period_ms));
        match self.reported_ms {
            None => self.reported_ms = Some(begin_ms),
            Some(last_ms) if last_ms != begin_ms => {
                // Shards that do not answer in time are asked again in a second.
                if let Ok(vitals) = fleet.describe().await {
                    let mut counts = KairosCounts::default();
                    vitals.iter().for_each(|vitals| counts.join(&vitals.kairos));
                    self.counted(&counts, now, &mut points);
                    (self.last, self.reported_ms) = (counts, Some(begin_ms));
                }
            }
            Some(_) => {}
        }
        for some in points.chunks(BATCH_POINTS) {
            store(report, some, fleet).await;
            fleet.breathe().await;
        }
    }

    /// What is told of what was counted. As in KairosDB, of a command or a request that was met once is told
    /// ever since, of stored points only where there are some.
    fn counted(&self, counts: &KairosCounts, now: Millis, points: &mut Vec<Point>) {
        let mut push = |name, tags, value| {
            points.push(Point {
                name,
                tags,
                time_ms: now.0,
                value: whole(value),
            });
        };
        let method = |name: &str| vec![("method", name.to_owned())];
        let both = counts.commands.iter().zip(self.last.commands);
        for (command, (&count, last)) in COMMANDS.iter().zip(both) {
            if 0 < count {
                push(
                    "protocol.telnet_request_count",
                    method(command),
                    count.saturating_sub(last),
                );
            }
        }
        for (name, &count) in &counts.requests {
            let last = self.last.requests.get(name).copied().unwrap_or_default();
            push(
                "protocol.http_request_count",
                method(name),
                count.saturating_sub(last),
            );
        }
        let ingested = counts.ingested.saturating_sub(self.last.ingested);
        if 0 < ingested {
            let millis = counts.ingest_millis.saturating_sub(self.last.ingest_millis);
            push("http.ingest_count", Vec::new(), ingested);
            push("http.ingest_time", Vec::new(), millis);
        }
    }
}

/// Store points, and wait until they are; what is not stored is told to the log, and gone.
async fn store(report: &Report, points: &[Point], fleet: &dyn Fleet) {
    let (mut text, mut samples) = (Vec::new(), Samples::default());
    for point in points {
        let own = point.tags.iter().map(|(key, value)| (*key, value.as_str()));
        let given = report
            .tags
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()));
        // What an operator adds does not hide what is told.
        let tags: BTreeMap<&str, &str> = given
            .chain([("host", report.host.as_str())])
            .chain(own)
            .collect();
        let start = text.len();
        let name = format!("{}{}", report.prefix, point.name);
        kairos_sent::form(Values::Long, report.ttl_seconds, &name, tags, &mut text);
        // Some thousand names of a few kilobytes are far below 4 GiB.
        let name = Span {
            start: start as u32,
            len: (text.len() - start) as u32,
        };
        samples.push(name, point.time_ms, Number::long(point.value));
    }
    let stored = fleet
        .ingest(Protocol::KairosRest, &text, &mut samples)
        .await;
    match stored {
        Ok(()) => {}
        Err(Unstored::Later(why)) => tracing::warn!("a report is not stored: {why}"),
        Err(Unstored::Refused(refused)) => {
            let reasons: Vec<&str> = refused.iter().map(|(reason, _)| reason.label()).collect();
            let (count, reasons) = (refused.total(), reasons.join(", "));
            tracing::warn!("{count} points of a report are refused: {reasons}");
        }
    }
}

/// What KairosDB calls a request: the last part of its path. Here that of its route, so that there are not as
/// many as users think of.
pub(in crate::http) fn told_of(route: Option<&'static str>) -> Told {
    let mut parts = route.unwrap_or_default().rsplit('/');
    Told::Request(parts.find(|part| !part.is_empty()).unwrap_or("other"))
}

/// Milliseconds, cut off.
pub(super) fn whole_millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queried(metric: &str) -> Queried<'_> {
        Queried {
            metric,
            place: 1,
            sample_size: 7,
            asking: Duration::from_micros(2_900),
            took: Duration::from_millis(5),
        }
    }

    #[test]
    fn what_queries_tell_is_bounded() {
        let report = Report::new("k.", "h", Vec::new(), 0, 60);
        for _ in 0..PENDING_MAX {
            report.queried(Millis(5), &queried("m"));
        }
        let (points, left_out) = report.take();
        assert_eq!(
            (points.len(), left_out),
            (PENDING_MAX, 2 * PENDING_MAX as u64)
        );
        let values: Vec<i64> = points.iter().take(3).map(|point| point.value).collect();
        assert_eq!(values, [2, 7, 5]);
        let tags = [
            ("metric_name", "m".to_owned()),
            ("query_index", "2".to_owned()),
        ];
        assert_eq!(points[0].tags, tags);
        assert_eq!(report.take(), (Vec::new(), 0));
    }

    #[test]
    fn names_that_users_think_of_are_bounded() {
        let mut pending = Pending::default();
        let long = "x".repeat(METRIC_BYTES_MAX + 1);
        assert_eq!((pending.known(&long), pending.known("")), (OTHERS, OTHERS));
        for i in 0..METRICS_MAX {
            let name = format!("m{i}");
            assert_eq!(pending.known(&name), name);
        }
        assert_eq!(
            (pending.known("m7"), pending.known("one too many")),
            ("m7", OTHERS)
        );
    }

    #[test]
    fn requests_are_told_by_their_routes() {
        let check = |route, want| assert_eq!(told_of(route), Told::Request(want));
        check(Some("/api/v1/datapoints"), "datapoints");
        check(Some("/api/v1/metric/"), "metric");
        check(Some("/api/v1/health/check"), "check");
        check(None, "other");
    }
}
