//! One connection of a protocol that answers each request: where it stands with its present one.

use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;
use std::ops::Range;
use std::time::{Duration, Instant};

use anyhow::Result;
use hdrhistogram::Histogram;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use super::lane::explain;
use super::reply::{Replies, Reply};
use super::timeline::Spread;
use super::{Answers, Plan, Transport};
use crate::wire::Sheet;
use crate::wire::json::{self, Requests};

/// Longest wait that a `Retry-After` is granted, and the wait of a 503 that names none.
const REST_MAX: Duration = Duration::from_secs(10);
const REST_DEFAULT: Duration = Duration::from_millis(200);

/// What all callers of a thread know.
pub(super) struct Tally {
    pub(super) points: u64,
    pub(super) bytes: u64,
    pub(super) requests: u64,
    pub(super) connects: u64,
    pub(super) answers: Answers,
    pub(super) latency_ns: Histogram<u64>,
    pub(super) answered_at: Instant,
}

/// Where a connection stands with its request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum State {
    /// The next request is not due yet.
    Idle,
    /// Bytes of the request up to this one are written.
    Writing(usize),
    Waiting,
    /// The server asked to come again then.
    Resting(Instant),
    Done,
}

pub(super) struct Caller {
    pub(super) sheet: Sheet<Requests>,
    /// The present request packed; empty if it is sent bare.
    packed: Vec<u8>,
    packs: bool,
    stream: Option<TcpStream>,
    replies: Replies,
    token: Token,
    first_round: u64,
    pub(super) rounds: u64,
    message: usize,
    pub(super) state: State,
    /// The schedule and how many of its requests are due; none where the answer decides.
    pub(super) pace: Option<(Spread, u64)>,
}

/// What is the same for all callers during the run.
pub(super) struct Course<'a> {
    pub(super) plan: &'a Plan,
    pub(super) start: Instant,
    pub(super) until: Option<Instant>,
    pub(super) registry: &'a Registry,
}

/// Opens a connection and waits until it stands, so that a missing server is noticed at once.
pub(super) fn connect(
    target: SocketAddr,
    token: Token,
    registry: &Registry,
) -> io::Result<TcpStream> {
    let stream = std::net::TcpStream::connect_timeout(&target, Duration::from_secs(5))?;
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)?;
    let mut stream = TcpStream::from_std(stream);
    registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
    Ok(stream)
}

impl Caller {
    /// One connection that stands, with nothing sent yet.
    pub(super) fn new(
        sheet: Sheet<Requests>,
        packs: bool,
        stream: TcpStream,
        token: Token,
        first_round: u64,
    ) -> Caller {
        Caller {
            sheet,
            packed: Vec::new(),
            packs,
            stream: Some(stream),
            replies: Replies::default(),
            token,
            first_round,
            rounds: first_round,
            message: 0,
            state: State::Idle,
            pace: None,
        }
    }

    /// One more request of the schedule is due.
    pub(super) fn release(&mut self) {
        if let Some((_, released)) = &mut self.pace {
            *released += 1;
        }
    }

    /// Goes on as far as the socket and the schedule allow.
    pub(super) fn turn(&mut self, course: &Course<'_>, tally: &mut Tally) -> Result<()> {
        while self.advance(course, tally)? {}
        Ok(())
    }

    /// One step; false if there is nothing to do for now.
    fn advance(&mut self, course: &Course<'_>, tally: &mut Tally) -> Result<bool> {
        match self.state {
            State::Done => return Ok(false),
            State::Idle => {
                if self.limit_reached(course) {
                    (self.state, self.stream) = (State::Done, None);
                    return Ok(false);
                }
                if !self.is_due() {
                    return Ok(false);
                }
                if self.packs {
                    let range = self.bytes_of_message();
                    self.packed = json::packed(&self.sheet.bytes()[range])?;
                }
                self.state = State::Writing(0);
            }
            State::Resting(until) if Instant::now() < until => return Ok(false),
            State::Resting(_) => self.state = State::Writing(0),
            State::Writing(_) | State::Waiting => {
                return self
                    .converse(course, tally)
                    .or_else(|error| match error.kind() {
                        io::ErrorKind::WouldBlock => Ok(false),
                        io::ErrorKind::Interrupted => Ok(true),
                        _ => Err(explain(error, Transport::Tcp, course.plan.target)),
                    });
            }
        }
        Ok(true)
    }

    /// Writes or reads once.
    fn converse(&mut self, course: &Course<'_>, tally: &mut Tally) -> io::Result<bool> {
        let range = self.bytes_of_message();
        let request = match self.packs {
            true => &self.packed[..],
            false => &self.sheet.bytes()[range],
        };
        let stream = match &mut self.stream {
            Some(stream) => stream,
            None => {
                tally.connects += 1;
                self.replies.clear();
                self.stream
                    .insert(connect(course.plan.target, self.token, course.registry)?)
            }
        };
        if let State::Writing(at) = self.state {
            let taken = stream.write(&request[at..])?;
            tally.bytes += taken as u64;
            self.state = if at + taken == request.len() {
                State::Waiting
            } else {
                State::Writing(at + taken)
            };
            return Ok(true);
        }
        let mut bytes = [0; 4096];
        let count = stream.read(&mut bytes)?;
        if count == 0 {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        self.replies.push(&bytes[..count]);
        if let Some(reply) = self.replies.take().map_err(io::Error::other)? {
            self.hear(&reply, course, tally);
        }
        Ok(true)
    }

    /// Counts an answer; the request is done with, or goes out again.
    fn hear(&mut self, reply: &Reply, course: &Course<'_>, tally: &mut Tally) {
        tally.answered_at = Instant::now();
        tally.answers.count(reply);
        if reply.closes {
            self.stream = None;
        }
        if reply.status == 503 {
            tally.answers.resent += 1;
            let wait = reply.retry_after.unwrap_or(REST_DEFAULT).min(REST_MAX);
            self.state = State::Resting(Instant::now() + wait);
            return;
        }
        tally.requests += 1;
        if reply.status == 204 {
            tally.points += u64::from(self.sheet.messages()[self.message].items);
            if let Some((spread, _)) = &self.pace {
                let round = self.rounds - self.first_round;
                let due_ns = spread.due_ns(round, self.message as u64);
                let answered_ns = course.start.elapsed().as_nanos() as u64;
                tally
                    .latency_ns
                    .saturating_record(answered_ns.saturating_sub(due_ns).max(1));
            }
        }
        self.state = State::Idle;
        self.message += 1;
        if self.message == self.sheet.messages().len() {
            self.message = 0;
            self.rounds += 1;
            if self.rounds < course.plan.rounds {
                self.sheet.turn_to(self.rounds);
            }
        }
    }

    fn limit_reached(&self, course: &Course<'_>) -> bool {
        let between = self.message == 0 && self.first_round < self.rounds;
        course.plan.rounds <= self.rounds
            || (between && course.until.is_some_and(|until| until <= Instant::now()))
    }

    /// True if the next request may go out by now.
    fn is_due(&self) -> bool {
        self.pace.is_none_or(|(spread, released)| {
            (self.rounds - self.first_round) * spread.slots + (self.message as u64) < released
        })
    }

    /// Where the present request is in the bytes of the round.
    fn bytes_of_message(&self) -> Range<usize> {
        let messages = self.sheet.messages();
        let before = self.message.checked_sub(1);
        before.map_or(0, |before| messages[before].end)..messages[self.message].end
    }
}
