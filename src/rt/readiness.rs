//! Which connections of a shard's HTTP server have something to be read, or take something again: all of
//! them in one epoll set.
//!
//! The executor wakes up once for all that have become ready, and looks again for those that became so while
//! the first were served before it sleeps: a turn of the executor costs as much as reading a small request.
//! The set tells of changes only. So it is remembered of each connection what it was told last, until a read
//! or write finds it to be over.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use glommio::io::PollableFd;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;
use rustix::time::Timespec;

use super::driver::Driver;
use super::slots::Slots;
use super::turn;

/// Ready connections asked of the kernel at once: what they all bring is done before the executor looks
/// again what else the kernel has.
const EVENTS: usize = 16;
/// How long a set is let be that the kernel does not tell of.
const PAUSE: Duration = Duration::from_millis(100);

/// What says that no more will be read than is there.
const ENDS: EventFlags = EventFlags::RDHUP
    .union(EventFlags::HUP)
    .union(EventFlags::ERR);

/// The set of one shard; clones are the same one.
#[derive(Clone)]
pub(super) struct Readiness(Rc<Set>);

struct Set {
    epoll: PollableFd<OwnedFd>,
    places: RefCell<Slots<Place>>,
}

/// What is known of a connection.
struct Place {
    /// Whether a read may find something, a write room.
    reads: Side,
    writes: Side,
    /// The peer sends no more, or is gone.
    ends: bool,
}

/// One direction of a connection.
#[derive(Default)]
struct Side {
    is_ready: bool,
    waiting: Option<Waker>,
}

impl Side {
    /// Until a read or write finds it otherwise.
    fn ready() -> Side {
        Side {
            is_ready: true,
            waiting: None,
        }
    }

    fn tell(&mut self) {
        self.is_ready = true;
        if let Some(waiting) = self.waiting.take() {
            waiting.wake();
        }
    }

    fn poll(&mut self, context: &Context<'_>) -> Poll<()> {
        if self.is_ready {
            return Poll::Ready(());
        }
        match &mut self.waiting {
            Some(waiting) => waiting.clone_from(context.waker()),
            none => *none = Some(context.waker().clone()),
        }
        Poll::Pending
    }
}

impl Readiness {
    /// Of nothing. To be made on the shard's executor.
    pub(super) fn new() -> io::Result<Readiness> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        Ok(Readiness(Rc::new(Set {
            epoll: PollableFd::new(epoll).map_err(io::Error::from)?,
            places: RefCell::default(),
        })))
    }

    /// Watch over `socket`, which does not block, as long as what this gives is kept.
    pub(super) fn watch(&self, socket: TcpStream) -> io::Result<Watched> {
        let place = self.0.places.borrow_mut().insert(Place {
            reads: Side::ready(),
            writes: Side::ready(),
            ends: false,
        });
        let watched = Watched {
            set: self.clone(),
            socket,
            place,
            is_in: Cell::new(false),
        };
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        let data = EventData::new_u64(place as u64);
        epoll::add(self.0.epoll.get_ref(), &watched.socket, data, flags)?;
        watched.is_in.set(true);
        Ok(watched)
    }

    /// Tell those that wait, for ever. Runs in the queue of those who wait, so that they have their turn
    /// between two looks.
    pub(super) async fn run(self, driver: Driver) {
        let mut events = Vec::with_capacity(EVENTS);
        loop {
            match self.look(&mut events) {
                Ok(0) => {
                    if let Err(error) = self.0.epoll.readable().await {
                        complain(&error.into()).await;
                    }
                    turn::begin();
                }
                Ok(_) => {
                    take_turns().await;
                    turn::breathe(driver.longest_of_bodies()).await;
                }
                Err(error) => complain(&error).await,
            }
        }
    }

    /// Ask without waiting, and tell those who wait. How many were ready.
    fn look(&self, events: &mut Vec<Event>) -> io::Result<usize> {
        events.clear();
        let now = Timespec::default();
        let buffer = rustix::buffer::spare_capacity(events);
        match epoll::wait(self.0.epoll.get_ref(), buffer, Some(&now)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let mut places = self.0.places.borrow_mut();
        for event in &*events {
            // Of one that is gone nothing is to be told; of another that has its place now, too much.
            if let Some(place) = places.get_mut(event.data.u64() as usize) {
                place.tell(event.flags);
            }
        }
        Ok(events.len())
    }
}

impl Place {
    fn tell(&mut self, flags: EventFlags) {
        self.ends |= flags.intersects(ENDS);
        if flags.intersects(EventFlags::IN.union(ENDS)) {
            self.reads.tell();
        }
        if flags.intersects(
            EventFlags::OUT
                .union(EventFlags::HUP)
                .union(EventFlags::ERR),
        ) {
            self.writes.tell();
        }
    }
}

async fn complain(error: &io::Error) {
    tracing::warn!("the kernel does not tell which HTTP connections are ready: {error}");
    glommio::timer::sleep(PAUSE).await;
}

/// Let all others of this queue run once.
async fn take_turns() {
    let mut has_waited = false;
    poll_fn(|context| {
        if has_waited {
            return Poll::Ready(());
        }
        has_waited = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// A connection that is watched over.
pub(super) struct Watched {
    set: Readiness,
    socket: TcpStream,
    place: usize,
    is_in: Cell<bool>,
}

impl Watched {
    /// The connection.
    pub(super) fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// Wait until a read may find something.
    pub(super) fn poll_readable(&self, context: &Context<'_>) -> Poll<()> {
        self.with(Poll::Pending, |place| place.reads.poll(context))
    }

    /// Wait until a write may find room.
    pub(super) fn poll_writable(&self, context: &Context<'_>) -> Poll<()> {
        self.with(Poll::Pending, |place| place.writes.poll(context))
    }

    /// A read has found nothing.
    pub(super) fn found_nothing(&self) {
        self.with((), |place| place.reads.is_ready = false);
    }

    /// A read has found less than there was room for, so there was no more: but for the end, which is told
    /// only once and is no byte.
    pub(super) fn found_less(&self) {
        self.with((), |place| place.reads.is_ready = place.ends);
    }

    /// A write has found no room.
    pub(super) fn found_no_room(&self) {
        self.with((), |place| place.writes.is_ready = false);
    }

    fn with<T>(&self, or: T, act: impl FnOnce(&mut Place) -> T) -> T {
        let mut places = self.set.0.places.borrow_mut();
        places.get_mut(self.place).map_or(or, act)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if self.is_in.get() {
            // It would leave the set with its last descriptor; this is the last.
            let _ = epoll::delete(self.set.0.epoll.get_ref(), &self.socket);
        }
        self.set.0.places.borrow_mut().remove(self.place);
    }
}
