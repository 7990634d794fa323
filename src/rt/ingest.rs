//! The sockets that points come in by, all those of one shard in one epoll set.
//!
//! A round asks the set without waiting, reads every ready socket once into the one buffer of the
//! shard, and yields between sockets. Each socket is read once a round, so a busy connection costs
//! the others one buffer of work, not more. After a round that found several sockets, each with
//! little, the loop naps: one wake-up then serves them all.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use glommio::io::PollableFd;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::sockopt::set_socket_linger;
use rustix::net::{RecvFlags, SendFlags, SocketAddrAny, SocketFlags};
use rustix::time::Timespec;

use super::datagrams::{BATCH, Datagrams};
use super::driver::Driver;
use super::slots::Slots;
use super::sockets::{BACKLOG, Door};
use super::stop::Bell;
use super::turn;
use crate::base::buffer::{READ_BYTES, ReadBuffer};
use crate::model::refusal::{Protocol, Reason};
use crate::seam::Clock;
use crate::shard::Shard;
use crate::shard::feed::{Feed, Verdict};

/// Ready sockets asked of the kernel at once.
const EVENTS: usize = 1024;
/// Connections accepted at one listener in one round.
const ACCEPTS_MAX: usize = 64;
/// Reads of a fresh connection before it joins the set: most reports fit in one, and then it closes.
const FIRST_READS_MAX: usize = 4;
/// Arrivals in a round above which it is worth to gather.
const GATHER_ABOVE: usize = 3;
/// A read this large says that its sender is busy: nobody waits then. While somebody waits for an answer no
/// read is larger: what it brings is about 100 µs of work.
const LARGE_READ_BYTES: usize = READ_BYTES / 4;
/// After a stop sockets are read until they are quiet this long.
const QUIET: Duration = Duration::from_millis(100);
/// But not longer than this.
const DRAIN_MAX: Duration = Duration::from_secs(5);
/// Reads of a connection right before it is reset.
const LAST_READS_MAX: usize = 16;
/// Time for these reads of all connections together.
const LAST_READS_TIME_MAX: Duration = Duration::from_secs(1);
/// Between two looks while draining.
const DRAIN_STEP: Duration = Duration::from_millis(10);
/// Between two looks at a disk that does not keep up.
const BLOCKED_NAP: Duration = Duration::from_millis(5);
/// Between two lines in the log about the same trouble.
const COMPLAINT_INTERVAL: Duration = Duration::from_secs(10);

/// Tokens below are doors, this one is the stop, and those above are connections.
const STOP_TOKEN: u64 = 1 << 32;

/// What the loop may do.
#[derive(Clone, Copy, Debug)]
pub(super) struct IngestOptions {
    pub(super) gather: Duration,
    pub(super) connections_max: usize,
}

struct Connection {
    socket: OwnedFd,
    feed: Feed,
    /// Whether it is waited for until the peer takes more.
    is_writing: bool,
}

/// Takes over a connection that speaks HTTP, with what it has sent so far.
pub(super) type Welcome = Box<dyn Fn(OwnedFd, Vec<u8>)>;

/// What a round found.
#[derive(Default)]
struct Round {
    /// Reads that brought something, and datagrams.
    arrivals: usize,
    /// Something was left unread, or a sender is busy.
    more: bool,
}

impl Round {
    fn gathers(&self) -> bool {
        GATHER_ABOVE < self.arrivals && !self.more
    }
}

/// What became of one read.
enum Read {
    Some(usize),
    Nothing,
    Closed,
    /// It speaks HTTP.
    Http,
}

/// The loop's state.
pub(super) struct Ingest {
    options: IngestOptions,
    epoll: PollableFd<OwnedFd>,
    doors: Vec<Listening>,
    connections: Slots<Connection>,
    buffer: ReadBuffer,
    datagrams: Option<Datagrams>,
    driver: Driver,
    welcome: Welcome,
    stop: Bell,
    complained: Option<Instant>,
    /// After a stop: when reading ends, whatever the peers still do.
    deadline: Option<Instant>,
}

struct Listening {
    door: Door,
    /// The kernel's drop count at the last look.
    dropped: u32,
}

impl Ingest {
    /// Make the set. `stop_bell` becomes readable when `stop` rings, to end the wait.
    pub(super) fn new(
        options: IngestOptions,
        doors: Vec<Door>,
        driver: Driver,
        welcome: Welcome,
        stop: Bell,
        stop_bell: &OwnedFd,
    ) -> io::Result<Ingest> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        for (token, door) in (0u64..).zip(&doors) {
            watch(&epoll, &door.socket, token, EventFlags::IN)?;
        }
        watch(&epoll, stop_bell, STOP_TOKEN, EventFlags::IN)?;
        let udp = |door: &Door| door.protocol == Protocol::GraphiteUdp;
        Ok(Ingest {
            options,
            epoll: PollableFd::new(epoll).map_err(io::Error::from)?,
            datagrams: doors.iter().any(udp).then(Datagrams::default),
            doors: doors
                .into_iter()
                .map(|door| Listening { door, dropped: 0 })
                .collect(),
            connections: Slots::default(),
            buffer: ReadBuffer::default(),
            driver,
            welcome,
            stop,
            complained: None,
            deadline: None,
        })
    }

    /// Read until the stop, and then until the peers are quiet.
    pub(super) async fn run(mut self) -> io::Result<()> {
        let mut events = Vec::with_capacity(EVENTS);
        while !self.stop.has_rung() {
            if self.driver.shard().borrow().is_blocked() {
                // Nobody is read: TCP keeps what senders have, until the disk has caught up.
                glommio::timer::sleep(BLOCKED_NAP).await;
                self.driver.pump();
                continue;
            }
            let round = self.round(&mut events).await?;
            self.driver.pump();
            if round.gathers() {
                glommio::timer::sleep(self.options.gather).await;
            } else if events.is_empty() {
                self.epoll.readable().await.map_err(io::Error::from)?;
                turn::begin();
            }
        }
        self.drain(&mut events).await
    }

    /// Ask the set without waiting, and serve what is ready. Leaves the events of the round.
    async fn round(&mut self, events: &mut Vec<Event>) -> io::Result<Round> {
        events.clear();
        let now = Timespec::default();
        let buffer = rustix::buffer::spare_capacity(events);
        match epoll::wait(self.epoll.get_ref(), buffer, Some(&now)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let mut round = Round {
            arrivals: 0,
            more: events.len() == EVENTS,
        };
        for event in &*events {
            // What is not read stays with its sender, and is seen again in the next round.
            if self.is_over() || self.driver.shard().borrow().is_blocked() {
                break;
            }
            let token = event.data.u64();
            if token == STOP_TOKEN {
                self.stop.ring();
            } else if token < STOP_TOKEN {
                self.at_door(token as usize, &mut round).await;
            } else {
                let place = (token - STOP_TOKEN - 1) as usize;
                self.at_connection(place, event.flags, &mut round);
            }
            turn::give_way(self.driver.longest_of_lines()).await;
        }
        Ok(round)
    }

    async fn at_door(&mut self, place: usize, round: &mut Round) {
        match self
            .doors
            .get(place)
            .map(|listening| listening.door.protocol)
        {
            Some(Protocol::GraphiteUdp) => self.receive(place, round),
            Some(_) => self.accept(place, ACCEPTS_MAX, round).await,
            None => {}
        }
    }

    fn receive(&mut self, place: usize, round: &mut Round) {
        let (Some(listening), Some(datagrams)) =
            (self.doors.get_mut(place), self.datagrams.as_mut())
        else {
            return;
        };
        let received = match datagrams.receive(&listening.door.socket) {
            Ok(received) => received,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            Err(error) => {
                tracing::debug!("cannot receive datagrams: {error}");
                return;
            }
        };
        let protocol = listening.door.protocol;
        let mut shard = self.driver.shard().borrow_mut();
        if let Some(dropped) = received.dropped {
            // The kernel counts in 32 bits, and over.
            let new = dropped.wrapping_sub(listening.dropped);
            shard.count_dropped_datagrams(u64::from(new));
            listening.dropped = dropped;
        }
        // One read, one stamp, and their order as it is. A stamp for each would run ahead of the clock
        // under a flood of tiny ones, and win over what other shards get later.
        let at = self.driver.clock().arrival();
        for (datagram, from) in datagrams.each() {
            shard.take_datagram(protocol, datagram, from, at);
        }
        round.arrivals += received.arrivals;
        round.more |= received.arrivals == BATCH;
    }

    /// Each new connection may bring as much as [`FIRST_READS_MAX`] reads, so others run in between.
    async fn accept(&mut self, place: usize, accepts_max: usize, round: &mut Round) {
        for _ in 0..accepts_max {
            let Some(listening) = self.doors.get(place) else {
                return;
            };
            let protocol = listening.door.protocol;
            let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
            match rustix::net::acceptfrom_with(&listening.door.socket, flags) {
                Ok((socket, peer)) => {
                    self.admit(socket, protocol, ip_of(peer), round);
                    turn::breathe(self.driver.longest_of_lines()).await;
                    if self.is_over() {
                        return;
                    }
                }
                Err(Errno::AGAIN) => return,
                Err(Errno::CONNABORTED | Errno::INTR) => {}
                Err(error) => {
                    self.complain(error);
                    // The listener stays ready: nap, or this would spin until a file is free.
                    round.arrivals += GATHER_ABOVE + 1;
                    return;
                }
            }
        }
        round.more = true;
    }

    fn is_over(&self) -> bool {
        self.deadline.is_some_and(|end| end <= Instant::now())
    }

    fn complain(&mut self, error: Errno) {
        let quiet = self
            .complained
            .is_some_and(|then| then.elapsed() < COMPLAINT_INTERVAL);
        if !quiet {
            tracing::warn!("cannot accept connections: {error}");
            self.complained = Some(Instant::now());
        }
    }

    /// A fresh connection: many have sent all they will ever send.
    fn admit(&mut self, socket: OwnedFd, protocol: Protocol, from: IpAddr, round: &mut Round) {
        if self.options.connections_max <= self.connections.len() {
            let mut shard = self.driver.shard().borrow_mut();
            shard.refuse(protocol, Reason::Connections);
            return;
        }
        let feed = self.driver.shard().borrow_mut().open(protocol, from);
        let mut connection = Connection {
            socket,
            feed,
            is_writing: false,
        };
        for _ in 0..FIRST_READS_MAX {
            match self.read(&mut connection) {
                Read::Some(bytes) => {
                    round.arrivals += 1;
                    round.more |= LARGE_READ_BYTES <= bytes;
                }
                Read::Nothing => break,
                Read::Closed => return self.part_with(connection),
                Read::Http => return self.hand_over(connection),
            }
        }
        let is_writing = !connection.feed.answers().is_empty();
        connection.is_writing = is_writing;
        let place = self.connections.insert(connection);
        if let Some(connection) = self.connections.get_mut(place) {
            let token = STOP_TOKEN + 1 + place as u64;
            let flags = flags(is_writing);
            if let Err(error) = watch(self.epoll.get_ref(), &connection.socket, token, flags) {
                tracing::warn!("cannot watch a connection: {error}");
                self.close(place, Shard::end);
            }
        }
        self.make_room();
    }

    fn at_connection(&mut self, place: usize, events: EventFlags, round: &mut Round) {
        // Taken out while it is read, so that the whole of `self` may be used.
        let Some(mut connection) = self.connections.remove(place) else {
            return;
        };
        let is_gone = connection.is_writing && !self.write(&mut connection);
        let read = if is_gone {
            Read::Closed
        } else if events == EventFlags::OUT {
            Read::Nothing
        } else {
            self.read(&mut connection)
        };
        match read {
            // Dropping the socket takes it out of the set.
            Read::Closed => return self.part_with(connection),
            Read::Http => {
                // If it stays in the set, nobody finds its place.
                let _ = epoll::delete(self.epoll.get_ref(), &connection.socket);
                return self.hand_over(connection);
            }
            Read::Some(bytes) => {
                round.arrivals += 1;
                round.more |= LARGE_READ_BYTES <= bytes;
            }
            Read::Nothing => {}
        }
        self.watch_for_room(&mut connection, place);
        // The place is the one that was just freed.
        self.connections.insert(connection);
        self.make_room();
    }

    /// Be told when the peer takes more of its answers, for as long as some are left.
    fn watch_for_room(&mut self, connection: &mut Connection, place: usize) {
        let is_writing = !connection.feed.answers().is_empty();
        if is_writing == connection.is_writing {
            return;
        }
        connection.is_writing = is_writing;
        let data = EventData::new_u64(STOP_TOKEN + 1 + place as u64);
        let set = self.epoll.get_ref();
        if let Err(error) = epoll::modify(set, &connection.socket, data, flags(is_writing)) {
            tracing::warn!("cannot watch a connection: {error}");
        }
    }

    /// A connection is closed.
    fn part_with(&mut self, mut connection: Connection) {
        let feed = &mut connection.feed;
        self.driver.shard().borrow_mut().close(feed);
    }

    /// A connection is the HTTP server's from now on.
    fn hand_over(&mut self, connection: Connection) {
        let Connection {
            socket, mut feed, ..
        } = connection;
        let unread = feed.unread().to_vec();
        self.driver.shard().borrow_mut().close(&mut feed);
        (self.welcome)(socket, unread);
    }

    /// Close whoever leaves most unfinished, until all together leave no more than they may.
    fn make_room(&mut self) {
        while self.driver.shard().borrow().is_overfull() {
            let held = |(_, connection): &(usize, &Connection)| connection.feed.held_bytes();
            let Some((place, _)) = self.connections.iter().max_by_key(held) else {
                return;
            };
            self.close(place, Shard::turn_out);
        }
    }

    /// One read, and everything that follows of it.
    fn read(&mut self, connection: &mut Connection) -> Read {
        let mut into = self.buffer.read_area();
        // The last reads of a stop take all they can.
        if self.deadline.is_none() && self.driver.is_awaited() {
            (into, _) = into.split_at_mut(LARGE_READ_BYTES);
        }
        let filled = loop {
            match rustix::net::recv(&connection.socket, &mut *into, RecvFlags::DONTWAIT) {
                Ok((filled, _)) => break filled,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Read::Nothing,
                // A reset ends a connection like a close does.
                Err(_) => break 0,
            }
        };
        let feed = &mut connection.feed;
        let mut shard = self.driver.shard().borrow_mut();
        if filled == 0 {
            shard.end(feed);
            return Read::Closed;
        }
        let at = self.driver.clock().arrival();
        let verdict = shard.take(feed, &mut self.buffer, filled, at);
        drop(shard);
        match verdict {
            Verdict::Keep if feed.answers().is_empty() => Read::Some(filled),
            Verdict::Keep if self.write(connection) => Read::Some(filled),
            Verdict::Keep | Verdict::Close => Read::Closed,
            Verdict::Http => Read::Http,
        }
    }

    /// Write what the peer takes of its answers. False where it has gone.
    fn write(&mut self, connection: &mut Connection) -> bool {
        let Connection { socket, feed, .. } = connection;
        while !feed.answers().is_empty() {
            let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
            match rustix::net::send(&*socket, feed.answers(), flags) {
                Ok(written) => self.driver.shard().borrow_mut().answered(feed, written),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return true,
                Err(_) => {
                    self.driver.shard().borrow_mut().end(feed);
                    return false;
                }
            }
        }
        true
    }

    /// Close a connection; `part` settles what it left unfinished.
    fn close(&mut self, place: usize, part: fn(&mut Shard, &mut Feed)) {
        if let Some(mut connection) = self.connections.remove(place) {
            let mut shard = self.driver.shard().borrow_mut();
            part(&mut shard, &mut connection.feed);
            shard.close(&mut connection.feed);
        }
    }

    /// After the stop: let in who waits already and nobody else, then read until all is quiet.
    async fn drain(&mut self, events: &mut Vec<Event>) -> io::Result<()> {
        self.deadline = Some(Instant::now() + DRAIN_MAX);
        self.close_listeners().await;
        let mut last = Instant::now();
        while last.elapsed() < QUIET && !self.is_over() {
            self.driver.pump();
            let round = self.round(events).await?;
            if round.arrivals > 0 || round.more {
                last = Instant::now();
            } else {
                glommio::timer::sleep(DRAIN_STEP).await;
            }
        }
        self.part_by_reset();
        Ok(())
    }

    /// Part with the peers that are still there: a last read, and at once a reset.
    ///
    /// A sender that only writes does not learn of an orderly end: its next write succeeds, and what
    /// it wrote is gone. After a reset that write fails, and a relay sends it again elsewhere or later.
    fn part_by_reset(&mut self) {
        let mut connections = std::mem::take(&mut self.connections);
        let end = Instant::now() + LAST_READS_TIME_MAX;
        for connection in connections.iter_mut() {
            let closed = (0..LAST_READS_MAX)
                .take_while(|_| Instant::now() < end)
                .map(|_| self.read(connection))
                .find(|read| !matches!(read, Read::Some(_)))
                .is_some_and(|read| matches!(read, Read::Closed));
            if !closed {
                // If it fails, the end is an orderly one.
                let _ = set_socket_linger(&connection.socket, Some(Duration::ZERO));
                self.driver.shard().borrow_mut().end(&mut connection.feed);
            }
            self.driver.shard().borrow_mut().close(&mut connection.feed);
        }
    }

    async fn close_listeners(&mut self) {
        for place in 0..self.doors.len() {
            if self.doors[place].door.protocol == Protocol::GraphiteUdp {
                continue;
            }
            // Nobody else is let in while those who wait are read.
            let _ = rustix::net::listen(&self.doors[place].door.socket, 0);
            // Whoever the kernel has let in has perhaps sent already. No more can wait, so that those
            // who come meanwhile do not keep this from ending.
            self.accept(place, BACKLOG as usize + 1, &mut Round::default())
                .await;
        }
        self.doors.iter().for_each(|listening| {
            if listening.door.protocol != Protocol::GraphiteUdp {
                // Out of the set; the socket itself closes when the shard ends.
                let _ = epoll::delete(self.epoll.get_ref(), &listening.door.socket);
                let _ = rustix::net::shutdown(&listening.door.socket, rustix::net::Shutdown::Both);
            }
        });
    }
}

/// The peer's address; unspecified where the kernel tells none.
fn ip_of(peer: Option<SocketAddrAny>) -> IpAddr {
    let address = peer.and_then(|peer| SocketAddr::try_from(peer).ok());
    address.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.ip())
}

/// What a connection is watched for.
fn flags(is_writing: bool) -> EventFlags {
    match is_writing {
        true => EventFlags::IN | EventFlags::OUT,
        false => EventFlags::IN,
    }
}

fn watch(epoll: &OwnedFd, socket: &OwnedFd, token: u64, flags: EventFlags) -> io::Result<()> {
    Ok(epoll::add(epoll, socket, EventData::new_u64(token), flags)?)
}
