//! One connection: where it stands in its round, and what it may write.

use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use hdrhistogram::Histogram;
use mio::{Registry, Token};

use super::link::Link;
use super::timeline::Spread;
use crate::wire::{Encoder, Sheet};

/// Most bytes of one write, so that one connection does not hold up the others.
const WRITE_BYTES_MAX: usize = 256 << 10;

/// What a thread has sent so far.
pub(super) struct Tally {
    pub(super) points: u64,
    pub(super) bytes: u64,
    pub(super) messages: u64,
    pub(super) connects: u64,
    pub(super) latency_ns: Histogram<u64>,
}

/// When a connection has sent enough.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    /// Rounds to send.
    pub(super) rounds: u64,
    /// No round begins after this.
    pub(super) until: Option<Instant>,
}

/// What became of an attempt to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The kernel takes no more for now.
    Blocked,
    /// Bytes were taken, and more are waiting.
    More,
    /// Everything that is due was taken.
    Idle,
    /// The last round is sent.
    Done,
}

pub(super) struct Connection<E: Encoder> {
    sheet: Sheet<E>,
    pub(super) link: Link,
    target: SocketAddr,
    token: Token,
    first_round: u64,
    /// Rounds sent as a whole; also the number of the present round.
    pub(super) rounds: u64,
    message: usize,
    at: usize,
    /// The schedule and the number of its writes that are due; none where everything is due at once.
    pace: Option<(Spread, u64)>,
    write_each_message: bool,
    reconnect: bool,
}

impl<E: Encoder> Connection<E> {
    pub(super) fn new(
        mut sheet: Sheet<E>,
        link: Link,
        target: SocketAddr,
        token: Token,
        first_round: u64,
    ) -> Self {
        sheet.begin_at(first_round);
        Connection {
            sheet,
            link,
            target,
            token,
            first_round,
            rounds: first_round,
            message: 0,
            at: 0,
            pace: None,
            write_each_message: false,
            reconnect: false,
        }
    }

    pub(super) fn write_each_message(mut self, write_each_message: bool, reconnect: bool) -> Self {
        self.write_each_message = write_each_message || reconnect;
        self.reconnect = reconnect;
        self
    }

    /// Puts the connection on a schedule and gives how its writes are spread.
    pub(super) fn pace(&mut self, round_ns: u64, phase: f64) -> Spread {
        let spread = Spread {
            round_ns,
            slots: self.sheet.messages().len().max(1) as u64,
            phase,
        };
        self.pace = Some((spread, 0));
        spread
    }

    /// One more write of the schedule is due.
    pub(super) fn release(&mut self) {
        if let Some((_, released)) = &mut self.pace {
            *released += 1;
        }
    }

    /// Writes what is due, at most one piece of [`WRITE_BYTES_MAX`].
    pub(super) fn pump(
        &mut self,
        limit: Limit,
        start: Instant,
        tally: &mut Tally,
        registry: &Registry,
    ) -> io::Result<Step> {
        if self.limit_reached(limit) {
            return Ok(Step::Done);
        }
        let due = self.messages_due();
        if due <= self.message {
            return Ok(Step::Idle);
        }
        if matches!(self.link, Link::Closed) {
            self.link = Link::start(self.target)?;
            self.link.register(registry, self.token)?;
            tally.connects += 1;
        }
        let messages = self.sheet.messages();
        let end = if self.write_each_message {
            messages[self.message].end
        } else {
            messages[due - 1].end
        };
        let end = end.min(self.at + WRITE_BYTES_MAX);
        match self.link.write(&self.sheet.bytes()[self.at..end]) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(taken) => {
                self.at += taken;
                tally.bytes += taken as u64;
            }
            Err(error) => return blocked_or(error),
        }
        self.count_messages(start, tally);
        if self.message == self.sheet.messages().len() {
            self.rounds += 1;
            self.message = 0;
            self.at = 0;
            if self.limit_reached(limit) {
                return Ok(Step::Done);
            }
            self.sheet.turn_to(self.rounds);
        }
        Ok(Step::More)
    }

    fn limit_reached(&self, limit: Limit) -> bool {
        let at_start = self.at == 0 && self.first_round < self.rounds;
        limit.rounds <= self.rounds
            || (at_start && limit.until.is_some_and(|until| until <= Instant::now()))
    }

    /// Messages of the present round that may be written by now.
    fn messages_due(&self) -> usize {
        let all = self.sheet.messages().len();
        let Some((spread, released)) = self.pace else {
            return all;
        };
        let (round, slot) = (released / spread.slots, released % spread.slots);
        match (self.first_round + round).cmp(&self.rounds) {
            std::cmp::Ordering::Less => 0,
            std::cmp::Ordering::Equal => all.min(slot as usize),
            std::cmp::Ordering::Greater => all,
        }
    }

    /// Counts the messages whose last byte was taken.
    fn count_messages(&mut self, start: Instant, tally: &mut Tally) {
        while let Some(message) = self
            .sheet
            .messages()
            .get(self.message)
            .filter(|message| message.end <= self.at)
        {
            tally.points += u64::from(message.items);
            tally.messages += 1;
            if let Some((spread, _)) = &self.pace {
                let round = self.rounds - self.first_round;
                let due_ns = spread.due_ns(round, self.message as u64);
                let taken_ns = start.elapsed().as_nanos() as u64;
                tally
                    .latency_ns
                    .saturating_record(taken_ns.saturating_sub(due_ns).max(1));
            }
            self.message += 1;
            if self.reconnect {
                self.link.finish();
                self.link = Link::Closed;
            }
        }
    }
}

fn blocked_or(error: io::Error) -> io::Result<Step> {
    match error.kind() {
        io::ErrorKind::WouldBlock => Ok(Step::Blocked),
        io::ErrorKind::Interrupted => Ok(Step::More),
        _ => Err(error),
    }
}
