//! Kills a server again and again while points flow, and holds each restart to its word.
//!
//! One loop: points flow to the ready server, it is killed at a random moment, sometimes killed again
//! while it starts, started, and asked for every point. What was acknowledged must be there exactly;
//! what was never sent must not; of lines, which nobody acknowledges, the newest may be missing, but
//! no older one behind which a newer one survived. All that is random follows from the seed, except
//! how far the server came in the time it was given.
//!
//! Takes a [`Plan`] and a [`Host`], gives a [`Summary`] or the first [`Breach`]. Asks through
//! KairosDB's query door. Knows nothing of the server's files.

pub mod ask;
mod field;
pub mod host;
pub mod judge;
pub mod ledger;
pub mod senders;
mod survey;

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};

use crate::random::{below, word_at};
use ask::Asker;
use field::Field;
use host::Host;
use survey::Survey;

/// Shortest time that points flow before the server is killed.
const FLOW_MIN: Duration = Duration::from_millis(50);

/// A server that is killed while it starts is given up to twice its last start, within these.
const START_KILL_MIN: Duration = Duration::from_millis(20);
const START_KILL_MAX: Duration = Duration::from_secs(2);

/// Every so many loops, and at the end, all points are asked for; in between those of the last two.
const WHOLE_EVERY: u64 = 10;

/// What to do.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Where requests go, if any.
    pub rest: Option<SocketAddr>,
    /// Where lines go, if any.
    pub lines: Option<SocketAddr>,
    /// Which lines they are.
    pub line_form: senders::Lines,
    /// Where the server says that it is ready, and answers.
    pub url: String,
    /// Loops.
    pub loops: u64,
    /// Longest time that points flow in a loop.
    pub flow_max: Duration,
    /// Points a second of each door.
    pub points_per_second: f64,
    /// Series of each door.
    pub series: u64,
    /// Connections of each door.
    pub connections: u64,
    /// Points of a request.
    pub batch: u64,
    /// Lines of a write.
    pub write: u64,
    /// Put before every name.
    pub prefix: String,
    /// All that is random follows from it.
    pub seed: u64,
    /// Timestamp of the first round, seconds since 1970.
    pub start_s: u64,
    /// How much of the lines sent before a kill may be lost.
    pub lost_max: Duration,
    /// Longest time to become ready.
    pub ready_max: Duration,
}

/// A promise that was not kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Breach(pub String);

impl fmt::Display for Breach {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Breach {}

/// What all loops together showed.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Summary {
    /// Loops done.
    pub loops: u64,
    /// Times the server was killed.
    pub kills: u64,
    /// Points acknowledged.
    pub acknowledged: u64,
    /// Points sent in requests whose answer did not come.
    pub doubtful: u64,
    /// Requests answered with 503.
    pub busy: u64,
    /// Lines that the kernel took whole.
    pub lines: u64,
    /// Lines lost.
    pub lines_lost: u64,
    /// Milliseconds of lines lost by each kill of a ready server.
    pub lost_ms: Vec<f64>,
    /// Milliseconds that each start took until the server was ready.
    pub ready_ms: Vec<f64>,
}

impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let most = |numbers: &[f64]| numbers.iter().copied().fold(0.0, f64::max);
        write!(
            formatter,
            "{} loops, {} kills: all {} acknowledged points are there ({} in doubt, {} answers of 503); \
             {} of {} lines lost, {:.0} ms at most; ready after {:.0} ms at most",
            self.loops,
            self.kills,
            self.acknowledged,
            self.doubtful,
            self.busy,
            self.lines_lost,
            self.lines,
            most(&self.lost_ms),
            most(&self.ready_ms)
        )
    }
}

/// Does all loops. `say` is told one line for each.
pub fn run(plan: &Plan, host: &mut dyn Host, say: &mut dyn FnMut(&str)) -> Result<Summary> {
    let mut field = Field::new(plan)?;
    let mut summary = Summary::default();
    let mut chance = Chance {
        seed: plan.seed,
        drawn: 0,
    };
    if Asker::new(&plan.url).is_ready() {
        bail!(
            "{} answers before anything was started: stop what listens there, or choose other ports",
            plan.url
        );
    }
    let mut ready =
        start_ready(plan, host).map_err(|breach| anyhow!("before anything was sent: {breach}"))?;
    Survey::take(plan, &mut field, &[])
        .and_then(|survey| survey.judge(plan))
        .map_err(|breach| {
            anyhow!("before anything was sent: {breach}. Begin with an empty folder, or choose another --prefix")
        })?;
    // Rounds begun before each of the last two loops: what came before is asked for less often.
    let mut marks = [field.marks(), field.marks()];
    for number in 1..=plan.loops {
        let flow = chance.between(FLOW_MIN, plan.flow_max.max(FLOW_MIN));
        field.session(plan, host, flow, true, &mut summary)?;
        let early_kills = below(chance.word(), 4).saturating_sub(1);
        for _ in 0..early_kills {
            host.start()?;
            let most = (ready * 2).clamp(START_KILL_MIN, START_KILL_MAX);
            let flow = chance.between(Duration::ZERO, most);
            field.session(plan, host, flow, false, &mut summary)?;
        }
        ready = start_ready(plan, host)?;
        let whole = number % WHOLE_EVERY == 0 || number == plan.loops;
        let from = if whole { Vec::new() } else { marks[0].clone() };
        marks = [marks[1].clone(), field.marks()];
        let survey = Survey::take(plan, &mut field, &from)?;
        summary.loops = number;
        summary.ready_ms.push(ready.as_secs_f64() * 1e3);
        survey.add_to(&mut summary);
        say(&format!(
            "loop {number}/{}: killed after {} ms{}, ready again after {} ms; {survey}",
            plan.loops,
            flow.as_millis(),
            match early_kills {
                0 => "",
                1 => " and once while starting",
                _ => " and twice while starting",
            },
            ready.as_millis(),
        ));
        survey.judge(plan)?;
    }
    field.count(&mut summary);
    host.kill()?;
    Ok(summary)
}

/// Starts the server and waits until it is ready; gives how long that took.
fn start_ready(plan: &Plan, host: &mut dyn Host) -> Result<Duration> {
    host.start()?;
    let mut ended = None;
    let ready = Asker::new(&plan.url).wait_ready(plan.ready_max, || {
        ended = host.ended();
        ended.is_none()
    });
    match (ready, ended) {
        (Some(ready), _) => Ok(ready),
        (None, Some(status)) => {
            Err(Breach(format!("the server ended while it started ({status})")).into())
        }
        (None, None) => Err(Breach(format!(
            "{}/ready did not say 200 within {} s after a start",
            plan.url,
            plan.ready_max.as_secs()
        ))
        .into()),
    }
}

/// Random numbers of a run, one after the other.
struct Chance {
    seed: u64,
    drawn: u64,
}

impl Chance {
    fn word(&mut self) -> u64 {
        self.drawn += 1;
        word_at(self.seed ^ 0x6b69_6c6c, self.drawn)
    }

    fn between(&mut self, least: Duration, most: Duration) -> Duration {
        let range_us = most
            .saturating_sub(least)
            .as_micros()
            .min(u128::from(u32::MAX)) as u32;
        least + Duration::from_micros(u64::from(below(self.word(), range_us.max(1))))
    }
}
