//! Takes points, and commits them in groups: one durable write at a time, whatever waits goes with the
//! next.
//!
//! A block leaves memory only when it is on stable storage. If the disk is full, everything stays as
//! it is and is tried again each second. If a commit fails otherwise, nothing further is written to that
//! file: what was not durable is written to another one, under the same numbers.

use std::sync::Arc;
use std::time::Duration;

use super::backlog::Backlog;
use super::block::{self, FILE_HEADER_BYTES, FileHeader};
use super::files::{Files, RETRY};
use super::found::Start;
use super::lasts;
use super::terms::{Counters, Options, Ticket, TicketState};
use crate::seam::disk::{Desk, Fault, Job, Outcome, Request};
use crate::store::definition::Definition;
use crate::store::token::{Last, Short, Token};

/// Most bytes of one write.
pub const WRITE_BYTES_MAX: usize = 4 << 20;

/// What is under way.
#[derive(Debug)]
enum Flight {
    None,
    /// Files of the time before the start are synced.
    Start(Vec<(Job, Arc<str>)>),
    Commit(Job, Group),
}

/// Blocks that are committed together.
#[derive(Clone, Copy, Debug)]
struct Group {
    blocks: usize,
    bytes: u64,
    checksum: u32,
}

/// The log of one shard, at work.
#[derive(Debug)]
pub struct Writer {
    options: Options,
    files: Files,
    backlog: Backlog,
    /// All blocks up to this one are on stable storage.
    durable: u64,
    /// The last block that is there: after a start some numbers may have been left out behind it.
    chained: u64,
    chained_checksum: u32,
    unsynced: Vec<Arc<str>>,
    flight: Flight,
    flight_began: Duration,
    waiting_since: Option<Duration>,
    /// Tickets were given out up to this block.
    wanted: u64,
    is_awaiting_file: bool,
    failures_in_a_row: u32,
    trouble: Option<Fault>,
    retry_at: Option<Duration>,
    counters: Counters,
}

impl Writer {
    /// A log that goes on behind `start`, in generation `generation` of the head. `numbers` is how many
    /// series numbers the book has given out.
    pub fn new(options: Options, start: &Start, generation: u64, numbers: u32) -> Writer {
        Writer {
            files: Files::new(&options, start),
            backlog: Backlog::new(&options, start.next_sequence, generation, numbers),
            durable: start.next_sequence - 1,
            chained: start.last_sequence,
            chained_checksum: start.last_checksum,
            unsynced: start.unsynced.clone(),
            flight: Flight::None,
            flight_began: Duration::ZERO,
            waiting_since: None,
            wanted: 0,
            is_awaiting_file: false,
            failures_in_a_row: 0,
            trouble: None,
            retry_at: None,
            counters: Counters::default(),
            options,
        }
    }

    /// What follows arrived at `stamp`, which is above all before.
    pub fn begin_read(&mut self, stamp: u64) {
        self.backlog.begin_read(stamp);
    }

    /// A point; its series was defined before, in this log or in the book.
    #[inline]
    pub fn push(&mut self, number: u32, time_ms: i64, token: &Token) {
        self.backlog.push(number, time_ms, token);
    }

    /// [`Writer::push`] of a short token.
    #[inline(always)]
    pub fn push_short(&mut self, number: u32, time_ms: i64, token: Short) {
        self.backlog.push_short(number, time_ms, token);
    }

    /// [`Writer::push`] of a text.
    pub fn push_text(&mut self, number: u32, time_ms: i64, text: &str) {
        self.backlog.push_text(number, time_ms, text);
    }

    /// A new series. Goes before its first point.
    pub fn define(&mut self, definition: &Definition) {
        self.backlog.define(definition);
    }

    /// End the generation: what is pushed from now on belongs to the next. The number of its first
    /// block; everything below is [released](Writer::release) when the generation is in segments.
    pub fn cut(&mut self) -> u64 {
        self.backlog.cut()
    }

    /// Nobody needs blocks below `floor` any more. Their files are used again.
    pub fn release(&mut self, floor: u64) {
        self.files.release(floor);
    }

    /// Stands for everything pushed so far. A commit starts with the next [`poll`](Writer::poll), or
    /// when the one under way is done.
    pub fn ticket(&mut self) -> Ticket {
        let ticket = self.standing_ticket();
        if ticket.0 > self.durable {
            self.wanted = self.wanted.max(ticket.0);
        }
        ticket
    }

    /// The same for somebody who does not begin a commit: there is one when [`ticket`](Writer::ticket) is
    /// called, and without that after the interval.
    pub fn standing_ticket(&self) -> Ticket {
        Ticket(self.backlog.last_sequence())
    }

    /// What became of a ticket.
    pub fn state(&self, ticket: Ticket) -> TicketState {
        if ticket.0 <= self.durable {
            TicketState::Committed
        } else if self.trouble.is_some() {
            TicketState::Failed
        } else {
            TicketState::Pending
        }
    }

    /// Whether all that the ticket stands for is on stable storage.
    pub fn is_committed(&self, ticket: Ticket) -> bool {
        self.state(ticket) == TicketState::Committed
    }

    /// Bytes that are not yet durable.
    pub fn unwritten_bytes(&self) -> usize {
        self.backlog.bytes()
    }

    /// Whether the shard should take no more until this is over.
    pub fn is_blocked(&self) -> bool {
        self.unwritten_bytes() >= self.options.unwritten_bytes_max
    }

    /// Why nothing can be made durable at the moment.
    pub fn trouble(&self) -> Option<&Fault> {
        self.trouble.as_ref()
    }

    /// The last block that is durable with all before it.
    pub fn durable_sequence(&self) -> u64 {
        self.durable
    }

    /// The generation that is being written.
    pub fn generation(&self) -> u64 {
        self.backlog.generation()
    }

    /// What it did so far.
    pub fn counters(&self) -> Counters {
        Counters {
            points: self.backlog.points(),
            ..self.counters
        }
    }

    /// Files with blocks that are still needed, and files in reserve.
    pub fn files(&self) -> (usize, usize) {
        self.files.count()
    }

    /// There is room on the disk again: try at the next poll.
    pub fn room_is_back(&mut self) {
        self.retry_at = self.retry_at.map(|_| Duration::ZERO);
        self.files.retry();
    }

    /// Of how many series [`close_with`](Writer::close_with) could tell the last value, if a commit is due.
    pub fn room_for_lasts(&self, now: Duration) -> usize {
        let begins = matches!(self.flight, Flight::None) && self.unsynced.is_empty();
        match begins && self.is_due(now) {
            true => lasts::count_in(self.backlog.room()),
            false => 0,
        }
    }

    /// Close the block that is due, and fill up its last page with what the next values of `lasts`, series by
    /// number in the generation at hand, are told from. How many of them had room.
    pub fn close_with(&mut self, lasts: impl Iterator<Item = (u32, Last)>) -> usize {
        self.backlog.seal_with(lasts)
    }

    /// Start what is due. To be called after [`done`](Writer::done), when a ticket was given out, when
    /// points were pushed, and at [`next_deadline`](Writer::next_deadline). `now` never goes back.
    pub fn poll(&mut self, now: Duration, desk: &mut Desk<'_>) {
        self.files.poll(now, desk, &mut self.counters);
        if self.is_awaiting_file && self.files.has_spare() {
            self.is_awaiting_file = false;
            self.retry_at = self.trouble.as_ref().map(|_| Duration::ZERO);
        }
        if self.trouble.is_some() && self.retry_at.is_none() {
            self.retry_at = Some(now.saturating_add(RETRY));
        }
        if self.has_data() {
            self.waiting_since.get_or_insert(now);
        }
        match self.flight {
            Flight::None if !self.unsynced.is_empty() => {
                let names = std::mem::take(&mut self.unsynced);
                let ask = |name: Arc<str>| (desk.ask(Request::Sync { name: name.clone() }), name);
                self.flight = Flight::Start(names.into_iter().map(ask).collect());
            }
            Flight::None if self.is_due(now) => self.commit(now, desk),
            _ => {}
        }
    }

    fn has_data(&self) -> bool {
        !self.backlog.is_empty()
    }

    fn is_due(&self, now: Duration) -> bool {
        if !self.has_data() || self.is_awaiting_file {
            return false;
        }
        if self.trouble.is_some() {
            return self.retry_at.is_some_and(|at| at <= now);
        }
        self.wanted > self.durable
            || self.unwritten_bytes() >= self.options.commit_bytes
            || self.interval_ends().is_some_and(|at| at <= now)
    }

    fn interval_ends(&self) -> Option<Duration> {
        Some(
            self.waiting_since?
                .saturating_add(self.options.commit_interval),
        )
    }

    /// When [`poll`](Writer::poll) has something to do at the latest, if nothing else happens.
    pub fn next_deadline(&self) -> Option<Duration> {
        let own = match self.flight {
            Flight::None if !self.unsynced.is_empty() => Some(Duration::ZERO),
            Flight::None if !self.has_data() => None,
            Flight::None if self.is_awaiting_file => {
                self.files.has_spare().then_some(Duration::ZERO)
            }
            Flight::None if self.trouble.is_some() => self.retry_at.or(Some(Duration::ZERO)),
            Flight::None => self.interval_ends().or(Some(Duration::ZERO)),
            _ => None,
        };
        own.into_iter().chain(self.files.next_deadline()).min()
    }

    fn commit(&mut self, now: Duration, desk: &mut Desk<'_>) {
        self.backlog.seal();
        let waiting_bytes = self.backlog.bytes();
        let Some(first) = self.backlog.sealed.front() else {
            return;
        };
        let Some((file, room)) = self.files.place(first.bytes.len()) else {
            self.is_awaiting_file = true;
            self.give_up_for_now(self.files.fault().cloned());
            return;
        };
        let mut out = Vec::with_capacity(write_bytes(waiting_bytes, room));
        if file.offset == 0 {
            let header = FileHeader {
                shard: self.options.shard,
                epoch: file.epoch,
                first_sequence: first.header.sequence,
            };
            out.extend_from_slice(&header.to_bytes());
        }
        let most = write_bytes(usize::MAX, room);
        let mut group = Group {
            blocks: 0,
            bytes: 0,
            checksum: self.chained_checksum,
        };
        for block in &mut self.backlog.sealed {
            if group.blocks > 0 && out.len() + block.bytes.len() > most {
                break;
            }
            let behind = block.header.sequence - 1 - self.chained;
            block.header.epoch = file.epoch;
            block.header.previous = group.checksum;
            block.header.behind = u16::try_from(behind).unwrap_or(u16::MAX);
            group.checksum = block::seal(&block.header, &mut block.bytes);
            group.blocks += 1;
            out.extend_from_slice(&block.bytes);
        }
        group.bytes = out.len() as u64;
        self.counters.bytes_written += group.bytes;
        let request = Request::Commit {
            name: file.name.clone(),
            offset: file.offset,
            bytes: out,
        };
        self.flight = Flight::Commit(desk.ask(request), group);
        self.flight_began = now;
        self.retry_at = None;
    }

    /// What became of a request. Whether it was one of its own.
    pub fn done(&mut self, job: Job, result: Result<Outcome, Fault>) -> bool {
        let plain = result.as_ref().map(|_| ());
        if self.files.done(job, plain, &mut self.counters) {
            if self.is_awaiting_file {
                self.give_up_for_now(self.files.fault().cloned());
            }
            return true;
        }
        match (std::mem::replace(&mut self.flight, Flight::None), result) {
            (Flight::Start(mut jobs), result) if jobs.iter().any(|(own, _)| *own == job) => {
                for (_, name) in jobs.extract_if(.., |(own, _)| *own == job) {
                    if result.is_err() {
                        self.counters.broken_failures += 1;
                        self.files.distrust(&name);
                    }
                }
                if !jobs.is_empty() {
                    self.flight = Flight::Start(jobs);
                }
            }
            (Flight::Commit(own, group), Ok(_)) if own == job => self.committed(group),
            // What a full disk did not take is written to the same place again, and counts when that is done.
            (Flight::Commit(own, _), Err(Fault::Full)) if own == job => {
                self.counters.full_failures += 1;
                self.give_up_for_now(Some(Fault::Full));
            }
            (Flight::Commit(own, _), Err(fault)) if own == job => self.broken(fault),
            (flight, _) => {
                self.flight = flight;
                return false;
            }
        }
        true
    }

    /// Whoever waits is told so.
    fn give_up_for_now(&mut self, fault: Option<Fault>) {
        if fault.is_some() {
            self.trouble = fault;
            self.retry_at = None;
        }
    }

    fn broken(&mut self, fault: Fault) {
        self.counters.broken_failures += 1;
        self.files.retire();
        self.failures_in_a_row += 1;
        if self.failures_in_a_row > 1 || self.trouble.is_some() {
            self.give_up_for_now(Some(fault));
        }
    }

    fn committed(&mut self, group: Group) {
        self.durable = self
            .backlog
            .drop_front(group.blocks)
            .unwrap_or(self.durable);
        self.files.advance(group.bytes, self.durable);
        self.chained = self.durable;
        self.chained_checksum = group.checksum;
        self.counters.commits += 1;
        self.counters.blocks += group.blocks as u64;
        self.failures_in_a_row = 0;
        self.trouble = None;
        self.retry_at = None;
        self.waiting_since = self.has_data().then_some(self.flight_began);
    }
}

/// How much to write at once of so many bytes, into so much room.
fn write_bytes(bytes: usize, room: u64) -> usize {
    let room = usize::try_from(room).unwrap_or(usize::MAX);
    bytes
        .saturating_add(FILE_HEADER_BYTES)
        .min(WRITE_BYTES_MAX)
        .min(room)
}
