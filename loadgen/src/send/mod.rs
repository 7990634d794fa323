//! Sends a workload: threads, their connections, and when each may write.
//!
//! Takes a [`Plan`], gives an [`Outcome`] or the first error. One thread drives thousands of
//! connections: sockets do not block, and a connection that cannot write waits for its readiness
//! while the others go on. Every connection has its own places of the workload and sends whole
//! rounds, so that the outcome needs to hold only a number of rounds per connection for everything
//! that was sent to be known again.

pub mod board;
mod caller;
mod calls;
mod connection;
mod lane;
mod link;
pub mod reply;
mod timeline;

use std::net::SocketAddr;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use hdrhistogram::Histogram;
use serde::Serialize;

use self::board::Board;
use crate::wire::graphite::Plaintext;
use crate::wire::json::{Dialect, Form, Requests};
use crate::wire::pickle::Pickle;
use crate::wire::telnet::Telnet;
use crate::wire::{Encoder, Grouping, Order};
use crate::workload::{Workload, blocks};

/// How bytes travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// A stream.
    Tcp,
    /// One datagram for each message.
    Udp,
    /// Nowhere: the bytes are made and dropped, which measures the sender itself.
    Nowhere,
}

/// How points are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Graphite lines.
    Plaintext,
    /// Carbon's pickle frames.
    Pickle,
    /// KairosDB's and OpenTSDB's `put` lines.
    Telnet,
    /// KairosDB's `putm` lines.
    TelnetMillis,
    /// KairosDB's `POST /api/v1/datapoints`; each request is answered.
    KairosRest,
    /// OpenTSDB's `POST /api/put`; each request is answered.
    OpenTsdbHttp,
}

/// How fast points are sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// As fast as they are taken, until the rounds are sent or, at the end of a round, the time is up.
    Max {
        /// Longest time of sending.
        duration: Duration,
    },
    /// On a schedule that does not wait for the server.
    Rate {
        /// Over all connections.
        points_per_second: f64,
    },
}

/// All that sending needs to know.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What is sent.
    pub workload: Arc<Workload>,
    /// Where to.
    pub target: SocketAddr,
    /// How points are written.
    pub protocol: Protocol,
    /// What more KairosDB is told: time to live by lines and requests, the rest by requests.
    pub form: Form,
    /// How bytes travel.
    pub transport: Transport,
    /// How points are gathered into messages.
    pub grouping: Grouping,
    /// In which order series follow each other.
    pub order: Order,
    /// True to make one system call for each message; a stream may otherwise join them.
    pub write_each_message: bool,
    /// True to open a connection for each message and close it behind it.
    pub reconnect: bool,
    /// How fast.
    pub pace: Pace,
    /// Rounds that an earlier run has sent: sending begins with the one behind them.
    pub first_round: u64,
    /// The round at which every connection ends, counted as `first_round` is.
    pub rounds: u64,
    /// Number of connections.
    pub connections: u64,
    /// Number of threads.
    pub threads: usize,
    /// Cores to pin threads to, used in turn; empty for none.
    pub pin: Vec<usize>,
    /// Where each connection notes its rounds while it sends, for those who ask meanwhile.
    pub board: Option<Arc<Board>>,
}

/// What was sent.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Points handed to the kernel.
    pub points: u64,
    /// Bytes handed to the kernel.
    pub bytes: u64,
    /// Messages handed to the kernel: writes, frames or datagrams.
    pub messages: u64,
    /// Connections opened.
    pub connects: u64,
    /// From the first write to the last one.
    pub sending: Duration,
    /// From the first write until the server had read and closed everything; as `sending` where
    /// that cannot be seen.
    pub drained: Duration,
    /// CPU time of the sending threads, layout excluded.
    pub cpu: Duration,
    /// Nanoseconds from the scheduled moment of a write to its end; empty without a schedule.
    pub latency_ns: Histogram<u64>,
    /// The places of each connection with the rounds that it sent, those of the earlier run included.
    pub rounds: Vec<(Range<u64>, u64)>,
    /// How requests were answered; none where the protocol has no answers. `points` and
    /// `latency_ns` are then those of the requests that were answered with 204.
    pub answers: Option<Answers>,
}

/// How the requests of a protocol with answers were answered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Answers {
    /// Taken: 204.
    pub ok_204: u64,
    /// Refused for good: 400.
    pub refused_400: u64,
    /// Not taken now: 503.
    pub busy_503: u64,
    /// Anything else.
    pub other: u64,
    /// Requests sent again because of a 503.
    pub resent: u64,
    /// Status and text of the first answer that was neither 204 nor 503.
    pub first_refusal: Option<String>,
}

impl Answers {
    fn count(&mut self, reply: &reply::Reply) {
        *(match reply.status {
            204 => &mut self.ok_204,
            400 => &mut self.refused_400,
            503 => &mut self.busy_503,
            _ => &mut self.other,
        }) += 1;
        if !matches!(reply.status, 204 | 503) && self.first_refusal.is_none() {
            self.first_refusal = Some(format!("{} {}", reply.status, reply.text));
        }
    }

    fn add(&mut self, part: Answers) {
        self.ok_204 += part.ok_204;
        self.refused_400 += part.refused_400;
        self.busy_503 += part.busy_503;
        self.other += part.other;
        self.resent += part.resent;
        self.first_refusal = self.first_refusal.take().or(part.first_refusal);
    }
}

impl Plan {
    /// Sends everything. `progress` counts points while it runs.
    pub fn run(&self, progress: &Arc<AtomicU64>) -> Result<Outcome> {
        match self.protocol {
            Protocol::Plaintext => self.run_with(Plaintext, lane::run, progress),
            Protocol::Pickle => self.run_with(Pickle, lane::run, progress),
            Protocol::Telnet => self.run_with(self.telnet(false), lane::run, progress),
            Protocol::TelnetMillis => self.run_with(self.telnet(true), lane::run, progress),
            Protocol::KairosRest => self.run_requests(Dialect::Kairos, progress),
            Protocol::OpenTsdbHttp => self.run_requests(Dialect::OpenTsdb, progress),
        }
    }

    fn telnet(&self, millis: bool) -> Telnet {
        Telnet {
            millis,
            ttl_seconds: self.form.ttl_seconds,
        }
    }

    fn run_requests(&self, dialect: Dialect, progress: &Arc<AtomicU64>) -> Result<Outcome> {
        let encoder = Requests::with(self.form, dialect, &self.target.to_string());
        if self.transport == Transport::Nowhere {
            self.run_with(encoder, lane::run, progress)
        } else {
            self.run_with(encoder, calls::run, progress)
        }
    }

    fn run_with<E: Encoder + 'static>(
        &self,
        encoder: E,
        run: Runner<E>,
        progress: &Arc<AtomicU64>,
    ) -> Result<Outcome> {
        progress.store(0, Ordering::Relaxed);
        let threads = self.threads.clamp(1, self.connections.max(1) as usize);
        let mut shares: Vec<Vec<(u64, Range<u64>)>> = vec![Vec::new(); threads];
        for (number, places) in blocks(self.workload.parameters().series, self.connections)
            .into_iter()
            .enumerate()
        {
            shares[number * threads / self.connections as usize].push((number as u64, places));
        }
        let barrier = Arc::new(Barrier::new(threads));
        let handles: Vec<_> = shares
            .into_iter()
            .enumerate()
            .map(|(number, share)| {
                let (plan, encoder) = (self.clone(), encoder.clone());
                let (barrier, progress) = (Arc::clone(&barrier), Arc::clone(progress));
                std::thread::Builder::new()
                    .name(format!("send-{number}"))
                    .spawn(move || run(&plan, number, encoder, share, &barrier, &progress))
                    .context("cannot start a sending thread: lower --threads")
            })
            .collect::<Result<_>>()?;
        let mut outcomes = Vec::new();
        for handle in handles {
            outcomes.push(
                handle
                    .join()
                    .map_err(|_| anyhow!("a sending thread panicked"))?,
            );
        }
        join(outcomes.into_iter().collect::<Result<Vec<_>>>()?)
    }
}

/// One sending thread: plan, number of the thread, encoder, its connections, the start, the progress.
type Runner<E> =
    fn(&Plan, usize, E, Vec<(u64, Range<u64>)>, &Barrier, &AtomicU64) -> Result<Outcome>;

/// The outcome of all threads together.
fn join(outcomes: Vec<Outcome>) -> Result<Outcome> {
    let mut outcomes = outcomes.into_iter();
    let mut whole = outcomes
        .next()
        .context("there must be at least one thread")?;
    for part in outcomes {
        whole.points += part.points;
        whole.bytes += part.bytes;
        whole.messages += part.messages;
        whole.connects += part.connects;
        whole.sending = whole.sending.max(part.sending);
        whole.drained = whole.drained.max(part.drained);
        whole.cpu += part.cpu;
        whole
            .latency_ns
            .add(part.latency_ns)
            .context("latencies of two threads do not fit together")?;
        whole.rounds.extend(part.rounds);
        if let (Some(answers), Some(part)) = (&mut whole.answers, part.answers) {
            answers.add(part);
        }
    }
    Ok(whole)
}
