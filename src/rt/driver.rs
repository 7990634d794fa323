//! A shard and its disk: what the shard asks for is begun, what is done it is told, and whoever waits
//! for its log hears of it.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use super::clock::KernelClock;
use super::disk::ShardDisk;
use super::slots::Slots;
use crate::base::time::Stamp;
use crate::shard::{Part, Shard};

/// Longest time between two looks at what has become due.
const TICK_MAX: Duration = Duration::from_millis(50);
/// Shortest: what is due a moment later is looked at then.
const TICK_MIN: Duration = Duration::from_millis(1);

/// One shard, its disk and its clock; clones are the same one.
#[derive(Clone)]
pub(super) struct Driver(Rc<Inner>);

struct Inner {
    shard: Rc<RefCell<Shard>>,
    disk: ShardDisk,
    clock: Rc<KernelClock>,
    /// For each [`Part`].
    news: [News; Part::ALL.len()],
    /// The stop has come: nothing more is begun.
    closed: Cell<bool>,
    /// Who waits for a commit.
    waiting: RefCell<Slots<Waker>>,
}

/// Something has happened that the clerk of a part should look at.
#[derive(Default)]
struct News {
    has_come: Cell<bool>,
    clerk: RefCell<Option<Waker>>,
}

impl Driver {
    pub(super) fn new(
        shard: Rc<RefCell<Shard>>,
        disk: ShardDisk,
        clock: Rc<KernelClock>,
    ) -> Driver {
        Driver(Rc::new(Inner {
            shard,
            disk,
            clock,
            news: Default::default(),
            closed: Cell::new(false),
            waiting: RefCell::default(),
        }))
    }

    /// The shard. Borrow it for a call, never over an await.
    pub(super) fn shard(&self) -> &RefCell<Shard> {
        &self.0.shard
    }

    pub(super) fn clock(&self) -> &KernelClock {
        &self.0.clock
    }

    /// Let the shard do what is due, and begin everything that it asks of the disk.
    pub(super) fn pump(&self) {
        if self.0.closed.get() {
            return;
        }
        let arrival = self.0.clock.look();
        self.0.shard.borrow_mut().poll(arrival);
        loop {
            let next = self.0.shard.borrow_mut().take_job();
            let Some((job, request)) = next else {
                return;
            };
            let driver = self.clone();
            self.0.disk.start(job, request, move |job, result| {
                driver.0.shard.borrow_mut().disk_done(job, result);
                driver.tell();
                driver.pump();
            });
        }
    }

    /// All clerks should look, and everybody who waits for a commit.
    pub(super) fn tell(&self) {
        Part::ALL.into_iter().for_each(|part| self.tell_clerk(part));
        for waker in self.0.waiting.borrow_mut().iter_mut() {
            waker.wake_by_ref();
        }
    }

    /// The clerk of `part` should look.
    pub(super) fn tell_clerk(&self, part: Part) {
        let news = &self.0.news[part as usize];
        news.has_come.set(true);
        if let Some(clerk) = &*news.clerk.borrow() {
            clerk.wake_by_ref();
        }
    }

    /// Whether there was news of `part` since the last call; if not, `waker` hears of the next.
    pub(super) fn take_news(&self, part: Part, waker: &Waker) -> bool {
        let news = &self.0.news[part as usize];
        if news.has_come.replace(false) {
            return true;
        }
        *news.clerk.borrow_mut() = Some(waker.clone());
        false
    }

    /// Wait until `look` finds what it looks for in the shard; it is asked again at each news.
    pub(super) async fn wait_for<T>(&self, mut look: impl FnMut(&mut Shard) -> Option<T>) -> T {
        let mut place = Place {
            driver: self,
            at: None,
        };
        poll_fn(|context| {
            if let Some(found) = look(&mut self.0.shard.borrow_mut()) {
                return Poll::Ready(found);
            }
            let mut waiting = self.0.waiting.borrow_mut();
            if let Some(at) = place.at {
                waiting.remove(at);
            }
            place.at = Some(waiting.insert(context.waker().clone()));
            Poll::Pending
        })
        .await
    }

    /// Look at what is due, for ever.
    pub(super) async fn tick(self) {
        loop {
            let now = self.0.clock.look().stamp;
            let due = self.0.shard.borrow().next_due();
            let wait = due.map_or(TICK_MAX, |due| until(now, due));
            glommio::timer::sleep(wait.clamp(TICK_MIN, TICK_MAX)).await;
            self.pump();
            // What has become old enough to be sealed, or to be tried again.
            self.tell_clerk(Part::Rest);
        }
    }

    /// Begin nothing more, and wait until the disk has done what was begun.
    pub(super) async fn close(&self) {
        self.0.closed.set(true);
        self.0.disk.close().await;
    }
}

fn until(now: Stamp, due: Stamp) -> Duration {
    Duration::from_micros(due.0.saturating_sub(now.0))
}

/// A place on the list of who waits.
struct Place<'a> {
    driver: &'a Driver,
    at: Option<usize>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if let Some(at) = self.at {
            self.driver.0.waiting.borrow_mut().remove(at);
        }
    }
}
