//! What KairosDB tells of itself, as metrics that dashboards watch: what is counted since the last report,
//! at the begin of each period, and how long queries took, when they end.
//!
//! Counts are those that the shards keep anyway; they are asked for when a report is due. Queries add theirs
//! to one list when they end, which is bounded by [`PENDING_MAX`] and emptied each second: nobody waits for
//! the disk. What is stored goes the way of all points, and is in none of these counts.
//!
//! Users think of the metrics that they ask for, and each makes series, at each of its places in queries. So
//! at most [`PAIRS_MAX`] pairs of metric and place are told as what they are, with three series each, once
//! points were found of them; all others are told as one.
//!
//! Left out is what has no meaning here: `jvm.*` and `queue.*`, for there are none;
//! `datastore.query_row_count`, for there are no rows; `datastore.query_collisions` and `queries_waiting`,
//! for queries do not wait for each other; `filter.skipped_metrics`; and `metric_counters`, for nobody counts
//! the points of a metric on their way in.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
/// Metrics, each at a place in queries, that are told as what they are: twice as many as one query has.
const PAIRS_MAX: usize = 2_000;
/// Bytes of the name of such a metric; longer ones are among the others.
const METRIC_BYTES_MAX: usize = 1_000;
/// How all others are told, and their places.
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
    pairs: BTreeSet<Pair>,
}

/// A metric, and its place among those of a query, from 0.
type Pair = (String, usize);

/// Shared by the points of one query.
type Tags = Arc<[(&'static str, String)]>;

/// A point to be stored: a name behind the prefix, tags besides those that all have.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Point {
    name: &'static str,
    tags: Tags,
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
        let tags = |metric: &str, place: &str| -> Tags {
            let tags = [("metric_name", metric), ("query_index", place)];
            tags.map(|(key, value)| (key, value.to_owned())).into()
        };
        // All cores share the lock: what it takes is made before.
        let own = tags(queried.metric, &(queried.place + 1).to_string());
        let others = tags(OTHERS, OTHERS);
        let is_plain = (1..=METRIC_BYTES_MAX).contains(&queried.metric.len());
        let pair = is_plain.then(|| (queried.metric.to_owned(), queried.place));
        let mut pending = self.pending();
        let is_own = pair.is_some_and(|pair| pending.tells(pair, 0 < queried.sample_size));
        let tags = if is_own { &own } else { &others };
        for (name, value) in [
            ("datastore.query_time", whole_millis(queried.asking)),
            ("datastore.query_sample_size", queried.sample_size),
            ("http.query_time", whole_millis(queried.took)),
        ] {
            pending.push(Point {
                name,
                tags: Arc::clone(tags),
                time_ms: now.0,
                value: whole(value),
            });
        }
    }

    /// A request with a query has been answered.
    pub(super) fn request(&self, now: Millis, took: Duration, is_good: bool) {
        let status = if is_good { "success" } else { "failed" };
        let point = Point {
            name: "http.request_time",
            tags: [("request", QUERY.to_owned()), ("status", status.to_owned())].into(),
            time_ms: now.0,
            value: whole(whole_millis(took)),
        };
        self.pending().push(point);
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

    /// Whether a pair is told as what it is: from the first query on that finds points of it, if there is
    /// room then.
    fn tells(&mut self, pair: Pair, has_points: bool) -> bool {
        if self.pairs.contains(&pair) {
            return true;
        }
        has_points && self.pairs.len() < PAIRS_MAX && self.pairs.insert(pair)
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
        let mut push = |name, tags: Tags, value| {
            points.push(Point {
                name,
                tags,
                time_ms: now.0,
                value: whole(value),
            });
        };
        let method = |name: &str| -> Tags { [("method", name.to_owned())].into() };
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
            push("http.ingest_count", Tags::default(), ingested);
            push("http.ingest_time", Tags::default(), millis);
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
        .ingest(fleet.sender(), Protocol::KairosRest, &text, &mut samples)
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
        assert_eq!(*points[0].tags, tags);
        assert_eq!(report.take(), (Vec::new(), 0));
    }

    /// How a metric at a place is told, and its place.
    fn told(report: &Report, metric: &str, place: usize, sample_size: u64) -> (String, String) {
        let queried = Queried {
            place,
            sample_size,
            ..queried(metric)
        };
        report.queried(Millis(5), &queried);
        let (points, _) = report.take();
        assert_eq!(points.len(), 3);
        assert!(points.iter().all(|point| point.tags == points[0].tags));
        let tag = |at: usize| points[0].tags[at].1.clone();
        (tag(0), tag(1))
    }

    #[test]
    fn what_users_think_of_makes_few_series() {
        let report = Report::new("k.", "h", Vec::new(), 0, 60);
        let own = |metric: &str, place: &str| (metric.to_owned(), place.to_owned());
        let others = own(OTHERS, OTHERS);
        let long = "x".repeat(METRIC_BYTES_MAX + 1);
        assert_eq!(told(&report, &long, 0, 1), others);
        assert_eq!(told(&report, "", 0, 1), others);
        // There is no such metric, or not yet: it takes no room.
        for i in 0..PAIRS_MAX {
            assert_eq!(told(&report, &format!("nosuch{i}"), i, 0), others);
        }
        // Names and places count alike.
        for i in 0..PAIRS_MAX {
            let (name, place) = (format!("m{}", i / 1_000), i % 1_000);
            let want = own(&name, &(place + 1).to_string());
            assert_eq!(told(&report, &name, place, 1), want);
        }
        assert_eq!(told(&report, "m0", 1_000, 1), others);
        assert_eq!(told(&report, "one too many", 0, 1), others);
        // A query of a range without points.
        assert_eq!(told(&report, "m1", 7, 0), own("m1", "8"));
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
