//! Sends one session of one connection, until it is told to stop or the server is gone.
//!
//! Each connection has a thread of its own and writes on a schedule that does not wait for the
//! server. What is being written when the server ends counts as possibly taken.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::ledger::{LineSession, RestTrack, Standing};
use crate::send::reply::{Replies, Reply};
use crate::wire::graphite::Plaintext;
use crate::wire::json::{Dialect, Requests};
use crate::wire::telnet::Telnet;
use crate::wire::{Encoder, Grouping, Order, Sheet};
use crate::workload::Workload;

/// Longest wait of a read, a write or a sleep before the order to stop is looked at again.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Pause between two attempts to connect to a server that is starting.
const CONNECT_EVERY: Duration = Duration::from_millis(2);

/// Longest wait that a `Retry-After` is granted, and that of a 503 that names none.
const REST_MAX: Duration = Duration::from_secs(1);
const REST_DEFAULT: Duration = Duration::from_millis(50);

/// What all connections of a session share.
pub struct Drill {
    /// Set when the server is gone.
    pub stop: AtomicBool,
    /// Requests answered with 503.
    pub busy: AtomicU64,
    /// Of each connection.
    pub points_per_second: f64,
    /// False if the session begins before the server is ready.
    pub bounded: bool,
}

impl Drill {
    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Sleeps until then; false if the session ends before.
    fn sleep_until(&self, then: Instant) -> bool {
        loop {
            let left = then.saturating_duration_since(Instant::now());
            if self.stopped() || left.is_zero() {
                return !self.stopped();
            }
            std::thread::sleep(left.min(LOOK_EVERY));
        }
    }

    /// A connection, as soon as the server takes one; none if the session ends before.
    fn connect(&self, target: SocketAddr) -> Option<TcpStream> {
        while !self.stopped() {
            if let Ok(stream) = TcpStream::connect_timeout(&target, LOOK_EVERY)
                && stream.set_nodelay(true).is_ok()
                && stream.set_read_timeout(Some(LOOK_EVERY)).is_ok()
                && stream.set_write_timeout(Some(LOOK_EVERY)).is_ok()
            {
                return Some(stream);
            }
            std::thread::sleep(CONNECT_EVERY);
        }
        None
    }

    /// Writes all of it; an error if the server or the session ended within.
    fn write(&self, stream: &mut TcpStream, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match stream.write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(taken) => bytes = &bytes[taken..],
                Err(error) if is_pause(&error) && !self.stopped() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads the next answer.
    fn read(&self, stream: &mut TcpStream, replies: &mut Replies) -> io::Result<Reply> {
        let mut bytes = [0; 4096];
        loop {
            if let Some(reply) = replies.take().map_err(io::Error::other)? {
                return Ok(reply);
            }
            match stream.read(&mut bytes) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => replies.push(&bytes[..count]),
                Err(error) if is_pause(&error) && !self.stopped() => {}
                Err(error) => return Err(error),
            }
        }
    }
}

fn is_pause(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), WouldBlock | TimedOut | Interrupted)
}

/// The messages of one connection, one after the other, and when each is due.
struct Stream<E: Encoder> {
    sheet: Sheet<E>,
    target: SocketAddr,
    /// The next round that was not begun.
    round: u64,
    /// Its share of the interval between two of its messages.
    phase: f64,
}

impl<E: Encoder> Stream<E> {
    /// One connection of a door.
    fn new(
        encoder: E,
        workload: &Arc<Workload>,
        places: Range<u64>,
        batch: u64,
        target: SocketAddr,
        phase: f64,
    ) -> Self {
        let grouping = Grouping {
            items_max: batch as usize,
            bytes_max: usize::MAX,
        };
        let mut sheet = Sheet::new(
            encoder,
            Arc::clone(workload),
            places,
            grouping,
            Order::Stable,
        );
        sheet.turn_to(0);
        Stream {
            sheet,
            target,
            round: 0,
            phase,
        }
    }

    /// Hands one message after the other to `send` when it is due, with its round, its number in the
    /// round and its points, until that says no or the session ends.
    fn run(&mut self, drill: &Drill, mut send: impl FnMut(u64, u64, u64, &[u8]) -> bool) {
        let interval_s = self.sheet.points() as f64
            / self.sheet.messages().len().max(1) as f64
            / drill.points_per_second;
        let mut due = Instant::now() + Duration::from_secs_f64(interval_s * self.phase);
        loop {
            let round = self.round;
            if !drill.sleep_until(due) {
                return;
            }
            self.round += 1;
            // The sheet stands at round 0 from its beginning.
            if 0 < round {
                self.sheet.turn_to(round);
            }
            let mut at = 0;
            for (number, message) in self.sheet.messages().iter().enumerate() {
                let bytes = &self.sheet.bytes()[at..message.end];
                at = message.end;
                if !drill.sleep_until(due)
                    || !send(round, number as u64, u64::from(message.items), bytes)
                {
                    return;
                }
                due += Duration::from_secs_f64(interval_s);
            }
        }
    }
}

/// Which lines are sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Lines {
    /// Graphite's.
    #[default]
    Graphite,
    /// KairosDB's.
    Telnet,
}

/// Sends lines.
pub struct LineSender(LineStream);

enum LineStream {
    Graphite(Stream<Plaintext>),
    Telnet(Stream<Telnet>),
}

impl LineSender {
    /// One connection with its series. `phase` is from 0 up to 1.
    pub fn new(
        lines: Lines,
        workload: &Arc<Workload>,
        places: Range<u64>,
        batch: u64,
        target: SocketAddr,
        phase: f64,
    ) -> LineSender {
        LineSender(match lines {
            Lines::Graphite => LineStream::Graphite(Stream::new(
                Plaintext, workload, places, batch, target, phase,
            )),
            Lines::Telnet => LineStream::Telnet(Stream::new(
                Telnet::default(),
                workload,
                places,
                batch,
                target,
                phase,
            )),
        })
    }

    /// Sends one session.
    pub fn run(&mut self, drill: &Drill) -> LineSession {
        match &mut self.0 {
            LineStream::Graphite(stream) => send_lines(stream, drill),
            LineStream::Telnet(stream) => send_lines(stream, drill),
        }
    }
}

fn send_lines<E: Encoder>(lines: &mut Stream<E>, drill: &Drill) -> LineSession {
    let mut session = LineSession {
        round_first: lines.round,
        sure: 0,
        begun: 0,
        kept: None,
        writes: Vec::new(),
        failed_at: None,
        killed_at: Instant::now(),
        bounded: drill.bounded,
    };
    let Some(mut stream) = drill.connect(lines.target) else {
        return session;
    };
    lines.run(drill, |_, _, points, bytes| {
        session.begun += points;
        if drill.write(&mut stream, bytes).is_err() {
            session.failed_at = Some(Instant::now());
            return false;
        }
        session.sure = session.begun;
        session.writes.push((session.sure, Instant::now()));
        true
    });
    session
}

/// Sends requests and awaits each answer.
pub struct RestSender {
    stream: Stream<Requests>,
    /// Status and text of the first answer that was neither 204 nor 503.
    pub refusal: Option<String>,
    /// When the connection failed in this session.
    pub failed_at: Option<Instant>,
}

impl RestSender {
    /// One connection with its series. `phase` is from 0 up to 1.
    pub fn new(
        workload: &Arc<Workload>,
        places: Range<u64>,
        batch: u64,
        target: SocketAddr,
        phase: f64,
    ) -> RestSender {
        let encoder = Requests::new(Dialect::Kairos, &target.to_string());
        RestSender {
            stream: Stream::new(encoder, workload, places, batch, target, phase),
            refusal: None,
            failed_at: None,
        }
    }

    /// Sends one session; notes what became of each request.
    pub fn run(&mut self, drill: &Drill, track: &mut RestTrack) {
        self.failed_at = None;
        let target = self.stream.target;
        let Some(stream) = drill.connect(target) else {
            return;
        };
        let mut talk = Talk {
            drill,
            target,
            stream,
            replies: Replies::default(),
        };
        let (refusal, failed_at) = (&mut self.refusal, &mut self.failed_at);
        let mut standings: Vec<(u64, u64, Standing)> = Vec::new();
        self.stream.run(drill, |round, number, _, bytes| {
            let (standing, goes_on) = match talk.ask(bytes) {
                Ok(reply) if reply.status == 204 => (Standing::Acknowledged, true),
                Ok(reply) => {
                    refusal.get_or_insert(format!("{} {}", reply.status, reply.text));
                    (Standing::Doubtful, false)
                }
                Err(_) => {
                    *failed_at = Some(Instant::now());
                    (Standing::Doubtful, false)
                }
            };
            standings.push((round, number, standing));
            goes_on
        });
        while track.rounds < self.stream.round {
            track.begin_round();
        }
        for (round, number, standing) in standings {
            track.note(round, number, standing);
        }
    }
}

/// One connection on which requests are answered.
struct Talk<'a> {
    drill: &'a Drill,
    target: SocketAddr,
    stream: TcpStream,
    replies: Replies,
}

impl Talk<'_> {
    /// Sends a request until it is answered with anything but 503.
    fn ask(&mut self, bytes: &[u8]) -> io::Result<Reply> {
        loop {
            self.drill.write(&mut self.stream, bytes)?;
            let reply = self.drill.read(&mut self.stream, &mut self.replies)?;
            if reply.status == 503 {
                self.drill.busy.fetch_add(1, Ordering::Relaxed);
                let wait = reply.retry_after.unwrap_or(REST_DEFAULT).min(REST_MAX);
                if !self.drill.sleep_until(Instant::now() + wait) {
                    return Err(io::ErrorKind::TimedOut.into());
                }
            }
            if reply.closes
                && let Some(stream) = self.drill.connect(self.target)
            {
                self.stream = stream;
                self.replies.clear();
            }
            if reply.status != 503 {
                return Ok(reply);
            }
        }
    }
}
