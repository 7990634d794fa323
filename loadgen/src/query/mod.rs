//! Asks like dashboards: so many panels, users and refreshes, on a schedule that does not wait, alone
//! or beside sending; and holds every answer against what was sent.
//!
//! Takes a [`Plan`], gives an [`Outcome`]. One request of one panel is due at a moment that only the
//! schedule says; its latency counts from that moment, so that a slow server cannot hide behind
//! requests that were not made. Answers are put on a `shelf` and judged when the
//! last one has come, so that judging takes no time from asking; what does not fit is judged
//! meanwhile. Values are made again from the seed, and nothing that was sent is remembered.
//!
//! What the server must know is what was sent the grace period before the question; points sent
//! since then may be missing, and what is there must be right (module `want`).

mod client;
mod horizon;
pub mod judge;
pub mod panel;
mod schedule;
mod shelf;
pub mod truth;
pub mod want;

use std::ops::AddAssign;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use hdrhistogram::Histogram;

use crate::send::board::Board;
use crate::workload::Workload;
use client::Client;
use horizon::Horizon;
use judge::{Fault, judge};
use panel::{Kind, Panel};
use schedule::Schedule;
use shelf::{Held, Shelf};
use truth::Truth;
use want::want;

/// Shortest time between two looks at how far sending has come.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Rounds that must be there before the first question: fewer do not tell a server their step.
pub const ROUNDS_MIN: u64 = 3;

/// Faults that are told; the others are only counted.
const TOLD_MAX: usize = 10;

/// Longest latency that is told apart; longer ones count as this.
const LATENCY_MAX_NS: u64 = 600_000_000_000;

/// Steps that a server may find in what was sent, in seconds; between them it would take another.
pub const STEPS_S: [u64; 14] = [1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600];

/// All that asking needs to know.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What was sent, or is being sent.
    pub workload: Arc<Workload>,
    /// Rounds that were sent before.
    pub first_round: u64,
    /// How far sending has come; none if nothing is sent meanwhile.
    pub board: Option<Arc<Board>>,
    /// Where the server answers, for example `http://127.0.0.1:8080`.
    pub url: String,
    /// Kinds of panels, used in turn.
    pub kinds: Vec<Kind>,
    /// Panels of each dashboard.
    pub panels: u64,
    /// Users, each with a dashboard of its own.
    pub users: u64,
    /// Time from one refresh of a dashboard to the next.
    pub refresh: Duration,
    /// True to ask for all panels of a dashboard at once, as a browser does.
    pub at_once: bool,
    /// Seconds of data that a panel shows.
    pub window_s: u64,
    /// Longest time of asking.
    pub duration: Duration,
    /// How long points may take to become visible.
    pub grace: Duration,
    /// Most requests under way.
    pub connections: u64,
}

/// The rounds that one question is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The first.
    pub first: u64,
    /// The one behind the last.
    pub end: u64,
    /// All rounds before this must be there; those from it on may be.
    pub settled: u64,
}

/// What became of the questions of one kind, or of all.
#[derive(Debug, Clone)]
pub struct Tally {
    /// Questions answered with 200.
    pub answered: u64,
    /// Questions answered with something else, or not at all.
    pub failed: u64,
    /// Answers that are not what was sent.
    pub wrong: u64,
    /// Values and names that were compared.
    pub compared: u64,
    /// Bytes of the answers.
    pub bytes: u64,
    /// Nanoseconds from the moment a question was due to the end of its answer.
    pub latency_ns: Histogram<u64>,
}

/// What became of all questions.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// By kind, in the order of the plan.
    pub kinds: Vec<(Kind, Tally)>,
    /// Nanoseconds from the moment a question was due to when it went out: what the asker itself, or
    /// its want of a free connection, adds.
    pub late_ns: Histogram<u64>,
    /// From the first question to the last answer.
    pub asking: Duration,
    /// The first faults.
    pub told: Vec<String>,
}

impl Tally {
    fn new() -> Result<Tally> {
        Ok(Tally {
            answered: 0,
            failed: 0,
            wrong: 0,
            compared: 0,
            bytes: 0,
            latency_ns: histogram()?,
        })
    }
}

impl AddAssign<&Tally> for Tally {
    fn add_assign(&mut self, part: &Tally) {
        self.answered += part.answered;
        self.failed += part.failed;
        self.wrong += part.wrong;
        self.compared += part.compared;
        self.bytes += part.bytes;
        // All have the same bounds, so that each fits into each.
        let _ = self.latency_ns.add(&part.latency_ns);
    }
}

impl Outcome {
    /// True if every question was answered, and rightly.
    pub fn is_right(&self) -> bool {
        let all = self.kinds.iter().map(|(_, tally)| tally);
        all.clone().all(|tally| tally.failed + tally.wrong == 0)
            && all.map(|tally| tally.answered).sum::<u64>() != 0
    }

    /// All kinds together.
    pub fn all(&self) -> Result<Tally> {
        let mut all = Tally::new()?;
        for (_, tally) in &self.kinds {
            all += tally;
        }
        Ok(all)
    }

    fn tell(&mut self, text: String) {
        if self.told.len() < TOLD_MAX {
            self.told.push(text);
        }
    }
}

/// An empty histogram of nanoseconds.
fn histogram() -> Result<Histogram<u64>> {
    Histogram::new_with_bounds(1, LATENCY_MAX_NS, 3).context("cannot make a histogram")
}

/// What all threads of one run share.
struct Run<'a> {
    plan: &'a Plan,
    panels: &'a [Panel],
    schedule: Schedule,
    horizon: Horizon,
    shelf: Shelf,
    next: AtomicU64,
    start: Instant,
    stop: &'a AtomicBool,
    progress: &'a AtomicU64,
    outcome: Mutex<Outcome>,
}

impl Plan {
    /// Asks until the time is up or `stop` says so, then judges what is left. `progress` counts
    /// answers.
    pub fn run(&self, stop: &AtomicBool, progress: &AtomicU64) -> Result<Outcome> {
        let panels = self.dashboards()?;
        let kinds = self.kinds.iter();
        let outcome = Outcome {
            kinds: kinds
                .map(|&kind| Ok((kind, Tally::new()?)))
                .collect::<Result<_>>()?,
            late_ns: histogram()?,
            asking: Duration::ZERO,
            told: Vec::new(),
        };
        self.await_rounds(stop);
        let run = Run {
            plan: self,
            panels: &panels,
            schedule: Schedule::new(self.users, self.panels, self.refresh, self.at_once),
            horizon: Horizon::new(self.board.clone(), self.first_round, self.grace),
            shelf: Shelf::default(),
            next: AtomicU64::new(0),
            start: Instant::now(),
            stop,
            progress,
            outcome: Mutex::new(outcome),
        };
        std::thread::scope(|scope| {
            let run = &run;
            let judging = scope.spawn(move || run.judge_what_does_not_fit());
            let looking = scope.spawn(move || run.look());
            let askers: Vec<_> = (0..self.connections)
                .map(|_| scope.spawn(move || run.ask()))
                .collect();
            let asked: Vec<_> = askers.into_iter().map(|asker| asker.join()).collect();
            run.told().asking = run.start.elapsed();
            run.shelf.close();
            if asked.iter().any(Result::is_err) || looking.join().is_err() {
                bail!("an asking thread panicked");
            }
            if judging.join().is_err() {
                bail!("a judging thread panicked");
            }
            Ok(())
        })?;
        run.judge_the_rest()?;
        let outcome = run.outcome.into_inner();
        Ok(outcome.unwrap_or_else(PoisonError::into_inner))
    }

    fn dashboards(&self) -> Result<Vec<Panel>> {
        if self.kinds.is_empty() || self.users == 0 || self.panels == 0 || self.connections == 0 {
            bail!("a dashboard needs a user, a panel, its kind and a connection");
        }
        let numbers = 0..self.users.saturating_mul(self.panels);
        let kinds = self.kinds.iter().cycle();
        Ok(numbers
            .zip(kinds)
            .map(|(number, &kind)| Panel::new(kind, number, &self.workload))
            .collect())
    }

    /// Waits until there is something to ask for.
    fn await_rounds(&self, stop: &AtomicBool) {
        let Some(board) = &self.board else { return };
        while board.whole() < ROUNDS_MIN && !stop.load(Ordering::Relaxed) {
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// The window of a question that goes out when so many rounds are sent.
    fn window(&self, end: u64, settled: u64) -> Window {
        let rounds = (self.window_s / self.workload.parameters().step_s).max(ROUNDS_MIN);
        Window {
            first: end.saturating_sub(rounds),
            end,
            settled,
        }
    }
}

impl Run<'_> {
    /// One connection: takes the next question of the schedule, waits until it is due, asks.
    fn ask(&self) {
        let client = Client::new(&self.plan.url);
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let due = self.schedule.due(number);
            if self.plan.duration <= due.at || !self.wait_until(due.at) {
                return;
            }
            let Some(panel) = self.panels.get(due.panel) else {
                return;
            };
            let sent = self.start.elapsed();
            let (end, settled) = self.horizon.at(sent);
            let window = self.plan.window(end, settled);
            let answer = client.ask(&panel.question(&self.plan.workload, window));
            let answered = self.start.elapsed();
            self.count(panel.kind(), due.at, sent, answered, &answer);
            if let Ok(body) = answer {
                self.shelf.put(due.panel, window, body);
            }
        }
    }

    /// False if the run was stopped before.
    fn wait_until(&self, due: Duration) -> bool {
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return false;
            }
            let wait = due.saturating_sub(self.start.elapsed());
            if wait.is_zero() {
                return true;
            }
            std::thread::sleep(wait.min(Duration::from_millis(50)));
        }
    }

    fn count(
        &self,
        kind: Kind,
        due: Duration,
        sent: Duration,
        answered: Duration,
        answer: &Result<Vec<u8>>,
    ) {
        let nanoseconds = |time: Duration| time.saturating_sub(due).as_nanos() as u64;
        let mut outcome = self.told();
        outcome.late_ns.saturating_record(nanoseconds(sent).max(1));
        if let Some((_, tally)) = outcome.kinds.iter_mut().find(|(own, _)| *own == kind) {
            let latency_ns = nanoseconds(answered).max(1);
            tally.latency_ns.saturating_record(latency_ns);
            match answer {
                Ok(body) => {
                    tally.answered += 1;
                    tally.bytes += body.len() as u64;
                }
                Err(_) => tally.failed += 1,
            }
        }
        if let Err(error) = answer {
            outcome.tell(format!("{kind}: {error:#}"));
        }
        self.progress.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes how far sending has come, until the last answer is there.
    fn look(&self) {
        while !self.shelf.is_closed() {
            self.horizon.look(self.start.elapsed());
            std::thread::sleep(LOOK_EVERY);
        }
    }

    fn judge_what_does_not_fit(&self) {
        let mut truth = Truth::new(Arc::clone(&self.plan.workload));
        while let Some(held) = self.shelf.take_excess() {
            self.judge(&mut truth, &held);
        }
    }

    /// Judges what is on the shelf, on as many threads as there are cores.
    fn judge_the_rest(&self) -> Result<()> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let panicked = std::thread::scope(|scope| {
            let judges: Vec<_> = (0..threads)
                .map(|_| {
                    scope.spawn(move || {
                        let mut truth = Truth::new(Arc::clone(&self.plan.workload));
                        while let Some(held) = self.shelf.take() {
                            self.judge(&mut truth, &held);
                        }
                    })
                })
                .collect();
            judges.into_iter().any(|judge| judge.join().is_err())
        });
        if panicked {
            bail!("a judging thread panicked");
        }
        Ok(())
    }

    fn judge(&self, truth: &mut Truth, held: &Held) {
        let Some(panel) = self.panels.get(held.panel) else {
            return;
        };
        let wanted = want(panel, truth, held.window);
        let judgement = judge(&wanted, &held.body);
        let mut outcome = self.told();
        let (compared, fault) = match judgement {
            Ok(compared) => (compared, None),
            Err(Fault { compared, text }) => (compared, Some(text)),
        };
        if let Some((_, tally)) = outcome
            .kinds
            .iter_mut()
            .find(|(kind, _)| *kind == panel.kind())
        {
            tally.compared += compared * held.times;
            tally.wrong += if fault.is_some() { held.times } else { 0 };
        }
        if let Some(text) = fault {
            let question = panel.question(&self.plan.workload, held.window);
            outcome.tell(format!("{}: {question}: {text}", panel.kind()));
        }
    }

    fn told(&self) -> std::sync::MutexGuard<'_, Outcome> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
