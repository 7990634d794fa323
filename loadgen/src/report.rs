//! What a run prints: a bar while it sends, a table or one line of JSON at the end.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use clap::ValueEnum as _;
use indicatif::{ProgressBar, ProgressStyle};
use loadgen::send::{Answers, Outcome, Pace, Plan};
use loadgen::verify::Verdict;
use serde::Serialize;

use crate::flags::Flags;
use crate::query_report::QueryReport;

/// Time between two looks at the progress.
const BAR_EVERY: Duration = Duration::from_millis(200);

/// A bar on a terminal; nothing elsewhere.
pub(crate) struct Bar {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Bar {
    /// Shows the points of a run as they are sent, and beside them how many answers came.
    pub(crate) fn of_points(
        plan: &Plan,
        progress: &Arc<AtomicU64>,
        answers: Option<&Arc<AtomicU64>>,
    ) -> Bar {
        let rounds = plan.rounds.saturating_sub(plan.first_round);
        let total = rounds.checked_mul(plan.workload.parameters().series);
        let bar = match (plan.pace, total) {
            (Pace::Max { .. }, Some(total)) if plan.rounds < plan.workload.rounds_max() => {
                ProgressBar::new(total)
            }
            (Pace::Rate { .. }, Some(total)) => ProgressBar::new(total),
            _ => ProgressBar::new_spinner(),
        };
        let template = if bar.length().is_some() {
            "{elapsed} {wide_bar} {human_pos}/{human_len} points, {per_sec}{msg}"
        } else {
            "{elapsed} {spinner} {human_pos} points, {per_sec}{msg}"
        };
        Bar::show(bar, template, progress, answers)
    }

    /// Shows the answers of a run that only asks.
    pub(crate) fn of_answers(answers: &Arc<AtomicU64>) -> Bar {
        let template = "{elapsed} {spinner} {human_pos} answers, {per_sec}";
        Bar::show(ProgressBar::new_spinner(), template, answers, None)
    }

    fn show(
        bar: ProgressBar,
        template: &str,
        progress: &Arc<AtomicU64>,
        answers: Option<&Arc<AtomicU64>>,
    ) -> Bar {
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, progress) = (Arc::clone(&stop), Arc::clone(progress));
        let answers = answers.map(Arc::clone);
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                bar.set_position(progress.load(Ordering::Relaxed));
                if let Some(answers) = &answers {
                    bar.set_message(format!(", {} answers", answers.load(Ordering::Relaxed)));
                }
                std::thread::sleep(BAR_EVERY);
            }
            bar.finish_and_clear();
        });
        Bar {
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A bar that failed to draw must not spoil the run.
            let _ = thread.join();
        }
    }
}

/// One run in numbers. The JSON line has these names.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    protocol: String,
    target: String,
    mode: &'static str,
    rate_asked: Option<f64>,
    series: u64,
    rounds_min: u64,
    rounds_max: u64,
    connections: u64,
    threads: usize,
    seed: u64,
    order: String,
    tags: bool,
    prefix: String,
    mix: Vec<u32>,
    churn_percent: f64,
    late_percent: f64,
    late_by_s: u64,
    start_s: u64,
    step_s: u64,
    points: u64,
    bytes: u64,
    messages: u64,
    connects: u64,
    seconds: f64,
    drained_seconds: f64,
    points_per_second: f64,
    bytes_per_second: f64,
    sender_cpu_seconds: f64,
    sender_cpu_ns_per_point: f64,
    latency_p50_us: Option<f64>,
    latency_p99_us: Option<f64>,
    latency_p999_us: Option<f64>,
    latency_max_us: Option<f64>,
    answers: Option<Answers>,
    verify: Option<Verdict>,
    query: Option<QueryReport>,
}

impl Report {
    /// Gathers what flags, plan and outcome say.
    pub(crate) fn new(
        flags: &Flags,
        plan: &Plan,
        outcome: &Outcome,
        verify: Option<Verdict>,
        query: Option<QueryReport>,
    ) -> Report {
        let parameters = plan.workload.parameters();
        let drained_seconds = outcome.drained.as_secs_f64();
        // Without a schedule the server's pace is the result, so its last byte counts too.
        let paced_seconds = if flags.rate.is_some() {
            outcome.sending.as_secs_f64()
        } else {
            drained_seconds
        };
        let cpu_seconds = outcome.cpu.as_secs_f64();
        let latency = &outcome.latency_ns;
        let quantile = |share: f64| {
            if latency.is_empty() {
                None
            } else {
                Some(latency.value_at_quantile(share) as f64 / 1e3)
            }
        };
        Report {
            protocol: flags
                .protocol
                .to_possible_value()
                .map_or_else(String::new, |value| value.get_name().to_owned()),
            target: plan.target.to_string(),
            mode: if flags.rate.is_some() { "rate" } else { "max" },
            rate_asked: flags.rate,
            series: parameters.series,
            rounds_min: outcome
                .rounds
                .iter()
                .map(|(_, rounds)| *rounds)
                .min()
                .unwrap_or(0),
            rounds_max: outcome
                .rounds
                .iter()
                .map(|(_, rounds)| *rounds)
                .max()
                .unwrap_or(0),
            connections: plan.connections,
            threads: plan.threads,
            seed: parameters.seed,
            order: format!("{:?}", flags.order).to_lowercase(),
            tags: parameters.naming.tagged,
            prefix: parameters.naming.prefix.clone(),
            mix: parameters.mix_percent.to_vec(),
            churn_percent: flags.churn,
            late_percent: flags.late,
            late_by_s: parameters.late_by_s,
            start_s: parameters.start_s,
            step_s: parameters.step_s,
            points: outcome.points,
            bytes: outcome.bytes,
            messages: outcome.messages,
            connects: outcome.connects,
            seconds: outcome.sending.as_secs_f64(),
            drained_seconds,
            points_per_second: outcome.points as f64 / paced_seconds.max(1e-9),
            bytes_per_second: outcome.bytes as f64 / paced_seconds.max(1e-9),
            sender_cpu_seconds: cpu_seconds,
            sender_cpu_ns_per_point: cpu_seconds * 1e9 / outcome.points.max(1) as f64,
            latency_p50_us: quantile(0.5),
            latency_p99_us: quantile(0.99),
            latency_p999_us: quantile(0.999),
            latency_max_us: quantile(1.0),
            answers: outcome.answers.clone(),
            verify,
            query,
        }
    }

    /// One line of JSON.
    pub(crate) fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }

    /// A table for people.
    pub(crate) fn table(&self) -> String {
        let mut table = String::new();
        let mut row = |name: &str, text: String| {
            let _ = writeln!(table, "{name:<16}{text}");
        };
        row(
            "sent",
            format!(
                "{} points, {} bytes, {} writes",
                self.points, self.bytes, self.messages
            ),
        );
        row(
            "to",
            format!(
                "{} {} over {} connections",
                self.protocol, self.target, self.connects
            ),
        );
        row(
            "series",
            format!(
                "{}, {} to {} rounds, seed {}",
                self.series, self.rounds_min, self.rounds_max, self.seed
            ),
        );
        row(
            "timestamps",
            format!("from {} in steps of {} s", self.start_s, self.step_s),
        );
        row(
            "time",
            format!(
                "{:.3} s to send, {:.3} s until all was read",
                self.seconds, self.drained_seconds
            ),
        );
        row(
            "rate",
            format!(
                "{:.0} points/s, {:.1} MB/s",
                self.points_per_second,
                self.bytes_per_second / 1e6
            ),
        );
        row(
            "sender CPU",
            format!(
                "{:.3} s, {:.1} ns a point",
                self.sender_cpu_seconds, self.sender_cpu_ns_per_point
            ),
        );
        if let Some(answers) = &self.answers {
            row(
                "answers",
                format!(
                    "{} times 204, {} times 400, {} times 503 ({} sent again), {} others",
                    answers.ok_204,
                    answers.refused_400,
                    answers.busy_503,
                    answers.resent,
                    answers.other
                ),
            );
        }
        if let (Some(p50), Some(p99), Some(p999), Some(max)) = (
            self.latency_p50_us,
            self.latency_p99_us,
            self.latency_p999_us,
            self.latency_max_us,
        ) {
            row(
                "latency",
                format!("p50 {p50:.0} us, p99 {p99:.0} us, p99.9 {p999:.0} us, max {max:.0} us"),
            );
        }
        if let Some(verdict) = &self.verify {
            row("verified", verdict.to_string());
        }
        if let Some(query) = &self.query {
            table += &query.table();
        }
        table
    }
}
