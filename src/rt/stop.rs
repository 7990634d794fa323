//! How everybody hears that it is time to stop: across threads by an eventfd for each shard, inside
//! a shard by a [`Bell`].

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Poll, Waker};

use rustix::event::{EventfdFlags, eventfd};

use super::slots::Slots;

/// What all shards and whoever started them share of their life.
#[derive(Debug)]
pub(super) struct Life {
    bells: Vec<OwnedFd>,
    started: AtomicUsize,
    recovered: AtomicUsize,
    drained: AtomicUsize,
    stopping: AtomicUsize,
}

impl Life {
    pub(super) fn new(shards: usize) -> io::Result<Life> {
        let bells: io::Result<Vec<OwnedFd>> = (0..shards)
            .map(|_| Ok(eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?))
            .collect();
        Ok(Life {
            bells: bells?,
            started: AtomicUsize::new(0),
            recovered: AtomicUsize::new(0),
            drained: AtomicUsize::new(0),
            stopping: AtomicUsize::new(0),
        })
    }

    /// Tell every shard to stop. Gives how often that was said before.
    pub(super) fn stop(&self) -> usize {
        let before = self.stopping.fetch_add(1, Ordering::AcqRel);
        for bell in &self.bells {
            // It fails only when it is full, and then it has rung.
            let _ = rustix::io::write(bell, &1u64.to_ne_bytes());
        }
        before
    }

    /// What becomes readable, and stays so, when `shard` is to stop.
    pub(super) fn bell(&self, shard: usize) -> io::Result<OwnedFd> {
        self.bells[shard].try_clone()
    }

    pub(super) fn count_started(&self) {
        self.started.fetch_add(1, Ordering::AcqRel);
    }

    /// A shard has all points of its log again.
    pub(super) fn count_recovered(&self) {
        self.recovered.fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn count_drained(&self) {
        self.drained.fetch_add(1, Ordering::AcqRel);
    }

    /// Every shard has all of its points.
    pub(super) fn is_recovered(&self) -> bool {
        self.recovered.load(Ordering::Acquire) == self.bells.len()
    }

    /// Every shard runs and has all of its points, and nobody has said stop.
    pub(super) fn is_ready(&self) -> bool {
        self.started.load(Ordering::Acquire) == self.bells.len()
            && self.is_recovered()
            && self.stopping.load(Ordering::Acquire) == 0
    }

    /// Every shard has read what its peers had sent and answered what it was asked.
    pub(super) fn is_drained(&self) -> bool {
        self.bells.len() <= self.drained.load(Ordering::Acquire)
    }
}

/// Rings once, for all tasks of a shard that listen.
#[derive(Clone, Default)]
pub(super) struct Bell(Rc<BellState>);

#[derive(Default)]
struct BellState {
    rung: Cell<bool>,
    waiting: RefCell<Slots<Waker>>,
}

impl Bell {
    /// Wake everybody.
    pub(super) fn ring(&self) {
        self.0.rung.set(true);
        for waker in self.0.waiting.borrow_mut().iter_mut() {
            waker.wake_by_ref();
        }
    }

    /// Whether it has rung.
    pub(super) fn has_rung(&self) -> bool {
        self.0.rung.get()
    }

    /// Be woken when it rings, for as long as what this gives is kept.
    pub(super) fn listen(&self, waker: &Waker) -> Listening {
        let place = self.0.waiting.borrow_mut().insert(waker.clone());
        Listening {
            bell: self.clone(),
            place,
        }
    }

    /// Wait until it rings.
    pub(super) async fn wait(&self) {
        let mut listening = None;
        poll_fn(|context| {
            if self.has_rung() {
                return Poll::Ready(());
            }
            listening = Some(self.listen(context.waker()));
            Poll::Pending
        })
        .await;
    }
}

/// A place on a bell's list.
pub(super) struct Listening {
    bell: Bell,
    place: usize,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.bell.0.waiting.borrow_mut().remove(self.place);
    }
}
