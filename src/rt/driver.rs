//! A shard and its disk: what the shard asks for is begun, what is done it is told, and whoever waits
//! for its log hears of it.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use glommio::Task;

use super::clock::KernelClock;
use super::company::{Company, PATIENCE};
use super::disk::ShardDisk;
use super::slots::Slots;
use super::turn;
use crate::base::time::Stamp;
use crate::http::Sender;
use crate::shard::{Part, Shard};
use crate::store::Standing;
use crate::store::log::{Ticket, TicketState};

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
    /// Who waits for a commit, or for room.
    waiting: RefCell<Slots<Waker>>,
    /// What they were last told of.
    told: Cell<Standing>,
    company: RefCell<Company<Ticket>>,
    /// Ends the waiting for company.
    patience: RefCell<Option<Task<()>>>,
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
            told: Cell::default(),
            company: RefCell::default(),
            patience: RefCell::default(),
        }))
    }

    /// The shard. Borrow it for a call, never over an await.
    pub(super) fn shard(&self) -> &RefCell<Shard> {
        &self.0.shard
    }

    pub(super) fn clock(&self) -> &KernelClock {
        &self.0.clock
    }

    /// Whether somebody waits for a scan or a commit.
    pub(super) fn is_awaited(&self) -> bool {
        self.0.company.borrow().is_waiting() || self.0.shard.borrow().is_asked()
    }

    /// How long lines of points may be at work before the executor looks what the kernel has: not for long
    /// where somebody waits for a scan or a commit.
    pub(super) fn longest_of_lines(&self) -> Duration {
        if self.is_awaited() {
            turn::SHORT
        } else {
            turn::LONG
        }
    }

    /// The same for bodies of points. Those who wait for a commit that has not begun wait for other bodies.
    pub(super) fn longest_of_bodies(&self) -> Duration {
        let is_hurried = self.0.company.borrow().has_begun() || self.0.shard.borrow().is_asked();
        if is_hurried { turn::SHORT } else { turn::LONG }
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
                return self.tell_waiting();
            };
            let driver = self.clone();
            self.0.disk.start(job, request, move |job, result| {
                let mut shard = driver.0.shard.borrow_mut();
                shard.disk_done(job, result);
                let is_asked = shard.is_asked();
                drop(shard);
                driver.tell_clerk(Part::Rest);
                if is_asked {
                    driver.tell_clerk(Part::Answers);
                }
                driver.end_commit();
                // Also after the stop, when nothing is pumped any more.
                driver.tell_waiting();
                driver.pump();
            });
        }
    }

    /// If there is something new to those who wait, wake them.
    fn tell_waiting(&self) {
        let standing = self.0.shard.borrow().standing();
        if self.0.told.replace(standing) != standing {
            for waker in self.0.waiting.borrow_mut().iter_mut() {
                waker.wake_by_ref();
            }
        }
    }

    /// `sender` waits for `ticket`: begin its commit, now or together with others.
    pub(super) fn commit(&self, ticket: Ticket, sender: Sender) {
        // What was refused whole has nothing to be committed, and would be thought to be under way for ever.
        if self.0.shard.borrow().state(ticket) == TicketState::Pending {
            let mut company = self.0.company.borrow_mut();
            company.join(ticket, sender, Instant::now());
            drop(company);
            self.begin_commit();
        }
        self.tell_waiting();
    }

    /// A request of the disk is done, perhaps the end of a commit: those who came meanwhile want the next.
    fn end_commit(&self) {
        let mut company = self.0.company.borrow_mut();
        if company.is_waiting() {
            let shard = self.0.shard.borrow();
            let is_over = |ticket| shard.state(ticket) != TicketState::Pending;
            company.advance(is_over, Instant::now());
            drop((company, shard));
            self.begin_commit();
        }
    }

    fn begin_commit(&self) {
        let mut company = self.0.company.borrow_mut();
        if !company.wants_commit() || self.0.closed.get() {
            return;
        }
        if company.begin(Instant::now()) {
            drop(company);
            // Dropped, it does not come any more.
            drop(self.0.patience.take());
            self.0.shard.borrow_mut().ticket();
            return self.pump();
        }
        let mut patience = self.0.patience.borrow_mut();
        if patience.is_none() {
            let driver = self.clone();
            *patience = Some(glommio::spawn_local(async move {
                glommio::timer::sleep(PATIENCE).await;
                // This is the task that it would end.
                if let Some(own) = driver.0.patience.take() {
                    own.detach();
                }
                driver.begin_commit();
            }));
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

    /// Wait for news of `part`.
    pub(super) async fn news(&self, part: Part) {
        let news = &self.0.news[part as usize];
        poll_fn(|context| {
            if news.has_come.replace(false) {
                return Poll::Ready(());
            }
            *news.clerk.borrow_mut() = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Wait until `look` finds what it looks for in the shard; it is asked again whenever the shard's
    /// [`Standing`] changes, so that is what it goes by.
    pub(super) async fn wait_for<T>(&self, mut look: impl FnMut(&mut Shard) -> Option<T>) -> T {
        let mut place = Place {
            driver: self,
            at: None,
        };
        poll_fn(|context| {
            let mut shard = self.0.shard.borrow_mut();
            if let Some(found) = look(&mut shard) {
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
        drop(self.0.patience.take());
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
