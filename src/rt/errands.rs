//! Work that would hold a core for too long, on one thread for all shards.
//!
//! The thread is pinned to no core and gives way to the shards. What waits for it is bounded; work that
//! nobody waits for any longer is not begun.

use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;

use crate::http::{Errand, Made};

/// Errands that wait while one is done. Each holds a picture's text, 6 MiB at most.
pub(super) const WAITING_MAX: usize = 16;
/// How far behind the shards the thread stands when there are too few cores, as `nice` counts.
const NICENESS: i32 = 5;

/// The way to the thread. Every shard has a clone; the thread ends with the last.
#[derive(Clone)]
pub(super) struct Errands(SyncSender<Job>);

struct Job {
    errand: Errand,
    note: Arc<Note>,
}

/// Between the thread and whoever waits.
#[derive(Default)]
struct Note(Mutex<State>);

#[derive(Default)]
enum State {
    #[default]
    New,
    /// Somebody waits.
    Waiting(Waker),
    Made(Made),
    /// Nobody waits any longer.
    GivenUp,
}

impl Note {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that holds the lock can panic half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Errands {
    /// Start the thread.
    ///
    /// # Errors
    /// The kernel gives none.
    pub(super) fn start() -> io::Result<Errands> {
        let (sender, jobs) = sync_channel(WAITING_MAX);
        thread::Builder::new()
            .name("errands".to_owned())
            .spawn(move || work(&jobs))?;
        Ok(Errands(sender))
    }

    /// Give the thread something to do. `None` if it has enough.
    pub(super) fn run(&self, errand: Errand) -> Option<Running> {
        let note = Arc::new(Note::default());
        let job = Job {
            errand,
            note: Arc::clone(&note),
        };
        self.0.try_send(job).ok()?;
        Some(Running(note))
    }
}

fn work(jobs: &Receiver<Job>) {
    // Without it pictures have the same right to a core as points.
    if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
        tracing::warn!("pictures are drawn at the priority of everything else: {error}");
    }
    while let Ok(Job { errand, note }) = jobs.recv() {
        if matches!(*note.state(), State::GivenUp) {
            continue;
        }
        let made = catch_unwind(AssertUnwindSafe(errand));
        let made = made.unwrap_or_else(|_| Err("it panicked, see the log".to_owned()));
        let before = std::mem::replace(&mut *note.state(), State::Made(made));
        if let State::Waiting(waker) = before {
            waker.wake();
        }
    }
}

/// An errand on its way; dropping it gives it up.
pub(super) struct Running(Arc<Note>);

impl Future for Running {
    type Output = Made;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Made> {
        let mut state = self.0.state();
        match std::mem::take(&mut *state) {
            State::Made(made) => Poll::Ready(made),
            State::New | State::Waiting(_) | State::GivenUp => {
                *state = State::Waiting(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        *self.0.state() = State::GivenUp;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::channel;

    use super::*;

    /// Poll from a thread that sleeps until it is woken.
    fn wait(running: Running) -> Made {
        struct Unpark(thread::Thread);
        impl std::task::Wake for Unpark {
            fn wake(self: Arc<Self>) {
                self.0.unpark();
            }
        }
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut running = std::pin::pin!(running);
        loop {
            if let Poll::Ready(made) = running.as_mut().poll(&mut Context::from_waker(&waker)) {
                return made;
            }
            thread::park();
        }
    }

    #[test]
    fn what_is_made_comes_back() {
        let errands = Errands::start().expect("a thread");
        for number in 0..20 {
            let running = errands.run(Box::new(move || Ok(vec![number])));
            assert_eq!(wait(running.expect("room")), Ok(vec![number]));
        }
        let failed = errands.run(Box::new(|| Err("no".to_owned())));
        assert_eq!(wait(failed.expect("room")), Err("no".to_owned()));
    }

    #[test]
    fn a_panic_ends_one_errand_only() {
        let errands = Errands::start().expect("a thread");
        let broken = errands.run(Box::new(|| panic!("on purpose")));
        assert!(wait(broken.expect("room")).is_err());
        let next = errands.run(Box::new(|| Ok(vec![1])));
        assert_eq!(wait(next.expect("room")), Ok(vec![1]));
    }

    #[test]
    fn what_waits_is_bounded_and_what_is_given_up_is_not_begun() {
        let errands = Errands::start().expect("a thread");
        let (open, door) = channel::<()>();
        let (tell, told) = channel();
        let first = errands.run(Box::new(move || {
            tell.send(()).map_err(|error| error.to_string())?;
            door.recv().map_err(|error| error.to_string())?;
            Ok(Vec::new())
        }));
        let first = first.expect("room");
        told.recv().expect("it has begun");
        let begun = Arc::new(AtomicUsize::new(0));
        let count = || {
            let begun = Arc::clone(&begun);
            errands.run(Box::new(move || {
                begun.fetch_add(1, Ordering::Relaxed);
                Ok(Vec::new())
            }))
        };
        let mut waiting: Vec<Running> = (0..WAITING_MAX).map(|_| count().expect("room")).collect();
        assert!(count().is_none(), "there is room for no more");
        let last = waiting.pop().expect("the last");
        drop(waiting);
        open.send(()).expect("it waits");
        assert_eq!(wait(first), Ok(Vec::new()));
        assert_eq!(wait(last), Ok(Vec::new()));
        assert_eq!(begun.load(Ordering::Relaxed), 1, "only the one waited for");
    }
}
