//! What asking came to: in numbers for the JSON line, and as rows of the table.

use std::fmt::Write as _;

use anyhow::Result;
use hdrhistogram::Histogram;
use loadgen::query::{Outcome, Plan, Tally};
use serde::Serialize;

/// Asking in numbers. The JSON line has these names below `query`.
#[derive(Debug, Serialize)]
pub(crate) struct QueryReport {
    url: String,
    panels: u64,
    users: u64,
    refresh_s: f64,
    at_once: bool,
    window_s: u64,
    connections: u64,
    seconds: f64,
    queries_per_second: f64,
    /// How long after they were due questions went out.
    late_p99_us: Option<f64>,
    late_max_us: Option<f64>,
    all: KindReport,
    kinds: Vec<KindReport>,
    /// The first faults.
    first: Vec<String>,
}

#[derive(Debug, Serialize)]
struct KindReport {
    kind: &'static str,
    queries: u64,
    failed: u64,
    wrong: u64,
    compared: u64,
    bytes: u64,
    p50_us: Option<f64>,
    p90_us: Option<f64>,
    p99_us: Option<f64>,
    p999_us: Option<f64>,
    max_us: Option<f64>,
}

/// The line of JSON of a run that only asks.
#[derive(Debug, Serialize)]
pub(crate) struct Only<'a> {
    pub(crate) query: &'a QueryReport,
}

impl QueryReport {
    /// Gathers what plan and outcome say.
    pub(crate) fn new(plan: &Plan, outcome: &Outcome) -> Result<QueryReport> {
        let all = outcome.all()?;
        let seconds = outcome.asking.as_secs_f64();
        Ok(QueryReport {
            url: plan.url.clone(),
            panels: plan.panels,
            users: plan.users,
            refresh_s: plan.refresh.as_secs_f64(),
            at_once: plan.at_once,
            window_s: plan.window_s,
            connections: plan.connections,
            seconds,
            queries_per_second: (all.answered + all.failed) as f64 / seconds.max(1e-9),
            late_p99_us: quantile(&outcome.late_ns, 0.99),
            late_max_us: quantile(&outcome.late_ns, 1.0),
            kinds: outcome
                .kinds
                .iter()
                .map(|(kind, tally)| KindReport::new(kind.name(), tally))
                .collect(),
            all: KindReport::new("all", &all),
            first: outcome.told.clone(),
        })
    }

    /// Rows for people.
    pub(crate) fn table(&self) -> String {
        let mut table = String::new();
        let at_once = if self.at_once { " at once" } else { "" };
        let _ = writeln!(
            table,
            "{:<16}{} panels{at_once} x {} users each {} s at {}, {:.1} a second for {:.1} s",
            "asked",
            self.panels,
            self.users,
            self.refresh_s,
            self.url,
            self.queries_per_second,
            self.seconds
        );
        let _ = writeln!(
            table,
            "{:<16}{:>9}{:>9}{:>9}{:>14}{:>10}{:>10}{:>10}{:>10}",
            "kind",
            "queries",
            "failed",
            "wrong",
            "compared",
            "p50 ms",
            "p99 ms",
            "p99.9 ms",
            "max ms"
        );
        for kind in self.kinds.iter().chain([&self.all]) {
            let _ = write!(
                table,
                "{:<16}{:>9}{:>9}{:>9}{:>14}",
                kind.kind, kind.queries, kind.failed, kind.wrong, kind.compared
            );
            for time_us in [kind.p50_us, kind.p99_us, kind.p999_us, kind.max_us] {
                let text = time_us.map_or_else(|| "-".to_owned(), |us| format!("{:.2}", us / 1e3));
                let _ = write!(table, "{text:>10}");
            }
            table.push('\n');
        }
        if let Some(late_us) = self.late_p99_us {
            let _ = writeln!(table, "{:<16}p99 {:.2} ms", "asked late", late_us / 1e3);
        }
        table
    }
}

impl KindReport {
    fn new(kind: &'static str, tally: &Tally) -> KindReport {
        let latency = &tally.latency_ns;
        KindReport {
            kind,
            queries: tally.answered + tally.failed,
            failed: tally.failed,
            wrong: tally.wrong,
            compared: tally.compared,
            bytes: tally.bytes,
            p50_us: quantile(latency, 0.5),
            p90_us: quantile(latency, 0.9),
            p99_us: quantile(latency, 0.99),
            p999_us: quantile(latency, 0.999),
            max_us: quantile(latency, 1.0),
        }
    }
}

/// Microseconds; none of nothing.
fn quantile(times_ns: &Histogram<u64>, share: f64) -> Option<f64> {
    (!times_ns.is_empty()).then(|| times_ns.value_at_quantile(share) as f64 / 1e3)
}
