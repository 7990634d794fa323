//! One sending thread: opens its connections, waits for the others, and writes until all is sent.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Error, Result, bail};
use hdrhistogram::Histogram;
use mio::{Events, Poll, Token};
use rustix::time::{ClockId, clock_gettime};

use super::connection::{Connection, Limit, Step, Tally};
use super::link::Link;
use super::timeline::Timeline;
use super::{Outcome, Pace, Plan, Transport};
use crate::wire::{Encoder, Sheet};

/// Longest time without a byte taken before a server counts as stuck.
const STALL_WAIT: Duration = Duration::from_secs(30);

/// Longest wait for the server to read what is left and close.
const DRAIN_WAIT: Duration = Duration::from_secs(30);

/// Longest sleep, so that the progress stays fresh.
const SLEEP_MAX: Duration = Duration::from_millis(100);

/// Longest latency that is told apart; longer ones count as this.
const LATENCY_MAX_NS: u64 = 600_000_000_000;

struct Lane<E: Encoder> {
    connections: Vec<Connection<E>>,
    /// The number of each among the connections of all threads.
    numbers: Vec<u64>,
    poll: Poll,
    /// Connections that may write, each at most once.
    ready: VecDeque<usize>,
    queued: Vec<bool>,
    blocked: Vec<bool>,
    finished: Vec<bool>,
    done: usize,
    tally: Tally,
}

/// Runs one thread of a plan on its share of the connections: number and places of each.
pub(super) fn run<E: Encoder>(
    plan: &Plan,
    number: usize,
    encoder: E,
    share: Vec<(u64, Range<u64>)>,
    barrier: &Barrier,
    progress: &AtomicU64,
) -> Result<Outcome> {
    let lane = pin(plan, number).and_then(|()| Lane::open(plan, encoder, &share));
    // Every thread arrives here, also one that failed: the others must not wait for ever.
    barrier.wait();
    let mut lane = lane?;
    let cpu_before = thread_cpu();
    let start = Instant::now();
    match plan.pace {
        Pace::Max { duration } => lane.send_at_once(plan, start, duration, progress)?,
        Pace::Rate { points_per_second } => {
            lane.send_on_time(plan, start, points_per_second, &share, progress)?
        }
    }
    let sending = start.elapsed();
    let cpu = thread_cpu().saturating_sub(cpu_before);
    let rounds = share
        .into_iter()
        .zip(&lane.connections)
        .map(|((_, places), sent)| (places, sent.rounds))
        .collect();
    let drained = if drain(lane.connections) {
        start.elapsed()
    } else {
        sending
    };
    let Tally {
        points,
        bytes,
        messages,
        connects,
        latency_ns,
    } = lane.tally;
    Ok(Outcome {
        points,
        bytes,
        messages,
        connects,
        sending,
        drained,
        cpu,
        latency_ns,
        rounds,
        answers: None,
    })
}

/// An empty histogram of nanoseconds.
pub(super) fn histogram() -> Result<Histogram<u64>> {
    Histogram::new_with_bounds(1, LATENCY_MAX_NS, 3).context("cannot make a histogram")
}

impl<E: Encoder> Lane<E> {
    fn open(plan: &Plan, encoder: E, share: &[(u64, Range<u64>)]) -> Result<Lane<E>> {
        let poll = Poll::new().context("cannot make an epoll instance")?;
        let mut connections = Vec::with_capacity(share.len());
        for (index, (_, places)) in share.iter().enumerate() {
            let sheet = Sheet::new(
                encoder.clone(),
                plan.workload.clone(),
                places.clone(),
                plan.grouping,
                plan.order,
            );
            let mut link = Link::open(plan.transport, plan.target)
                .map_err(|error| explain(error, plan.transport, plan.target))?;
            link.register(poll.registry(), Token(index))
                .context("cannot watch a socket")?;
            connections.push(
                Connection::new(sheet, link, plan.target, Token(index), plan.first_round)
                    .write_each_message(
                        plan.write_each_message || plan.transport == Transport::Udp,
                        plan.reconnect,
                    ),
            );
        }
        let count = connections.len();
        let latency_ns = histogram()?;
        let tally = Tally {
            points: 0,
            bytes: 0,
            messages: 0,
            connects: count as u64,
            latency_ns,
        };
        Ok(Lane {
            connections,
            numbers: share.iter().map(|(number, _)| *number).collect(),
            poll,
            ready: VecDeque::new(),
            queued: vec![false; count],
            blocked: vec![false; count],
            finished: vec![false; count],
            done: 0,
            tally,
        })
    }

    /// Everything is due at once.
    fn send_at_once(
        &mut self,
        plan: &Plan,
        start: Instant,
        duration: Duration,
        progress: &AtomicU64,
    ) -> Result<()> {
        let limit = Limit {
            rounds: plan.rounds,
            until: start.checked_add(duration),
        };
        let mut events = Events::with_capacity(1024);
        let mut stall = Stall::new(start);
        for index in 0..self.connections.len() {
            self.queue(index);
        }
        while self.done < self.connections.len() {
            self.pump_ready(plan, limit, start, progress)?;
            stall.check(self.tally.bytes, 0 < self.blocked_count(), plan.target)?;
            let wait = if self.ready.is_empty() {
                SLEEP_MAX
            } else {
                Duration::ZERO
            };
            self.await_events(&mut events, wait)?;
        }
        Ok(())
    }

    /// Writes become due by the schedule.
    fn send_on_time(
        &mut self,
        plan: &Plan,
        start: Instant,
        points_per_second: f64,
        share: &[(u64, Range<u64>)],
        progress: &AtomicU64,
    ) -> Result<()> {
        let limit = Limit {
            rounds: plan.rounds,
            until: None,
        };
        let round_ns = (plan.workload.parameters().series as f64 / points_per_second * 1e9) as u64;
        let spreads: Vec<_> = self
            .connections
            .iter_mut()
            .zip(share)
            .map(|(connection, (number, _))| {
                connection.pace(round_ns, *number as f64 / plan.connections as f64)
            })
            .collect();
        let mut timeline = Timeline::new(round_ns, &spreads);
        let mut events = Events::with_capacity(1024);
        let mut stall = Stall::new(start);
        while self.done < self.connections.len() {
            while plan.first_round + timeline.round() < plan.rounds
                && let Some(index) = timeline.take_due(start.elapsed())
            {
                self.connections[index].release();
                self.queue(index);
            }
            self.pump_ready(plan, limit, start, progress)?;
            let blocked = 0 < self.blocked_count();
            stall.check(self.tally.bytes, blocked, plan.target)?;
            if !self.ready.is_empty() {
                continue;
            }
            let due = timeline.next_due().unwrap_or_default();
            let wait = due.saturating_sub(start.elapsed()).min(SLEEP_MAX);
            if blocked {
                // The kernel counts these waits in milliseconds, so this one may be late; a sleep
                // is not.
                self.await_events(&mut events, wait.max(Duration::from_millis(1)))?;
            } else if self.done < self.connections.len() {
                std::thread::sleep(wait);
            }
        }
        Ok(())
    }

    fn blocked_count(&self) -> usize {
        // Thousands of flags are a few cache lines; a pass over them is rare next to a write.
        self.blocked.iter().filter(|&&blocked| blocked).count()
    }

    fn queue(&mut self, index: usize) {
        if !self.queued[index] && !self.blocked[index] && !self.finished[index] {
            self.queued[index] = true;
            self.ready.push_back(index);
        }
    }

    /// Gives every connection that may write one turn.
    fn pump_ready(
        &mut self,
        plan: &Plan,
        limit: Limit,
        start: Instant,
        progress: &AtomicU64,
    ) -> Result<()> {
        let before = self.tally.points;
        for _ in 0..self.ready.len() {
            let Some(index) = self.ready.pop_front() else {
                break;
            };
            self.queued[index] = false;
            let connection = &mut self.connections[index];
            let step = connection
                .pump(limit, start, &mut self.tally, self.poll.registry())
                .map_err(|error| explain(error, plan.transport, plan.target))?;
            if let Some(board) = &plan.board {
                board.note(self.numbers[index], connection.rounds);
            }
            match step {
                Step::Blocked => self.blocked[index] = true,
                Step::More => self.queue(index),
                Step::Idle => {}
                Step::Done => {
                    self.connections[index].link.finish();
                    self.finished[index] = true;
                    self.done += 1;
                }
            }
        }
        progress.fetch_add(self.tally.points - before, Ordering::Relaxed);
        Ok(())
    }

    fn await_events(&mut self, events: &mut Events, wait: Duration) -> Result<()> {
        match self.poll.poll(events, Some(wait)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            Err(error) => return Err(error).context("cannot wait for sockets"),
        }
        for event in events.iter() {
            let Token(index) = event.token();
            if self.blocked[index] {
                self.blocked[index] = false;
                self.queue(index);
            }
        }
        Ok(())
    }
}

/// Notices a server that takes nothing for a long time.
struct Stall {
    bytes: u64,
    since: Instant,
}

impl Stall {
    fn new(now: Instant) -> Stall {
        Stall {
            bytes: 0,
            since: now,
        }
    }

    fn check(&mut self, bytes: u64, blocked: bool, target: SocketAddr) -> Result<()> {
        if bytes != self.bytes || !blocked {
            self.bytes = bytes;
            self.since = Instant::now();
        } else if STALL_WAIT < self.since.elapsed() {
            bail!(
                "{target} has read nothing for {} s: is the server stopped or stuck?",
                STALL_WAIT.as_secs()
            );
        }
        Ok(())
    }
}

/// Waits until the server has closed every connection; false if one stayed open.
fn drain<E: Encoder>(connections: Vec<Connection<E>>) -> bool {
    let until = Instant::now() + DRAIN_WAIT;
    connections
        .into_iter()
        .all(|connection| connection.link.await_end(until))
}

pub(super) fn pin(plan: &Plan, number: usize) -> Result<()> {
    if plan.pin.is_empty() {
        return Ok(());
    }
    let id = plan.pin[number % plan.pin.len()];
    if core_affinity::set_for_current(core_affinity::CoreId { id }) {
        return Ok(());
    }
    bail!(
        "cannot run on core {id}: choose cores that this process may use with --pin (see `taskset -p $$`)"
    )
}

pub(super) fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        time.tv_sec.unsigned_abs(),
        time.tv_nsec.unsigned_abs() as u32,
    )
}

/// Adds to an error of a socket what to do about it.
pub(super) fn explain(error: io::Error, transport: Transport, target: SocketAddr) -> Error {
    let protocol = if transport == Transport::Udp {
        "UDP"
    } else {
        "TCP"
    };
    let advice = match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            "nothing listens there. Is corelane running? Start it with `corelane serve`, or name another place with --target"
        }
        io::ErrorKind::TimedOut => "no answer. Is the address right, and is a firewall between?",
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            "the server closed the connection while points were being sent. Its log or its refused counters say why"
        }
        io::ErrorKind::AddrNotAvailable | io::ErrorKind::AddrInUse => {
            "no local port is left. Use fewer connections or longer reports, or wait a minute"
        }
        _ if error.raw_os_error() == Some(24) => {
            "too many open files. Raise the limit with `ulimit -n 65536` or use fewer --connections"
        }
        _ => "sending failed",
    };
    Error::new(error).context(format!("{protocol} {target}: {advice}"))
}
