//! What wakes a shard that sleeps over its work.
//!
//! glommio 0.12 goes to sleep when its time slice was over before it had run anything, as if there were
//! nothing to run (glommio/glommio, pull request 53, which no release has yet). A core that is taken away
//! just then is enough, and so is a slow call of the kernel. The next event ends that sleep; but if all that
//! the shard waited for had come already, timers too, there is none. So every shard ticks where a thread can
//! see it, and that thread wakes the first task of one that does not; to a shard that is only busy this does
//! nothing. Where no task has run yet, which leaves none to be woken, it interrupts the thread.

use std::future::poll_fn;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use super::os;

/// Between two looks at all shards. With what lies between two ticks, the longest such sleep.
pub(super) const WATCH: Duration = Duration::from_millis(150);

/// One shard's.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    ticks: AtomicU64,
    stage: Mutex<Stage>,
}

#[derive(Debug, Default)]
enum Stage {
    /// There is nothing yet that could sleep, or nothing any more.
    #[default]
    None,
    /// The executor of this thread has run nothing yet.
    Begins(i32),
    /// It has run this.
    Runs(Waker),
}

impl Pulse {
    /// The executor of this thread is about to run its first task, which calls [`Pulse::run`].
    pub(super) fn begin(&self) {
        self.set(Stage::Begins(os::this_thread()));
    }

    /// Watch over the executor of this task, for as long as what this gives is held. The task is polled in
    /// vain then.
    pub(super) async fn run(&self) -> Watched<'_> {
        poll_fn(|context| {
            self.set(Stage::Runs(context.waker().clone()));
            Poll::Ready(Watched(self))
        })
        .await
    }

    /// Show that this shard is awake; to be called more often than each [`WATCH`].
    pub(super) fn tick(&self) {
        self.ticks.fetch_add(1, Ordering::Relaxed);
    }

    fn set(&self, stage: Stage) {
        *self.stage.lock().unwrap_or_else(PoisonError::into_inner) = stage;
    }

    fn wake(&self) {
        match &*self.stage.lock().unwrap_or_else(PoisonError::into_inner) {
            Stage::None => {}
            Stage::Begins(thread) => os::interrupt(*thread),
            Stage::Runs(task) => task.wake_by_ref(),
        }
    }
}

/// Dropped, nobody wakes the executor any more: it may go.
#[derive(Debug)]
pub(super) struct Watched<'a>(&'a Pulse);

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        self.0.set(Stage::None);
    }
}

/// Watch over `pulses` on a thread of its own, each `period`, until nobody else holds them.
///
/// # Errors
/// No thread, or no way to interrupt one.
pub(super) fn watch(pulses: &[Arc<Pulse>], period: Duration) -> io::Result<()> {
    os::allow_interrupts()?;
    let mut pulses: Vec<(Weak<Pulse>, u64)> = pulses
        .iter()
        .map(|pulse| (Arc::downgrade(pulse), 0))
        .collect();
    thread::Builder::new()
        .name("pulse".to_owned())
        .spawn(move || {
            while !pulses.is_empty() {
                thread::sleep(period);
                pulses.retain_mut(|(pulse, seen)| {
                    let Some(pulse) = pulse.upgrade() else {
                        return false;
                    };
                    let ticks = pulse.ticks.load(Ordering::Relaxed);
                    if *seen == ticks {
                        pulse.wake();
                    }
                    *seen = ticks;
                    true
                });
            }
        })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use glommio::LocalExecutorBuilder;

    use super::*;

    const TICKS: usize = 300;

    /// Whether a shard with such slices comes to its end within `wait`. One that does not is left asleep.
    fn ends(slice: Duration, is_watched: bool, wait: Duration) -> bool {
        let (tell, end) = mpsc::channel();
        thread::spawn(move || {
            let pulse = Arc::new(Pulse::default());
            if is_watched {
                watch(&[Arc::clone(&pulse)], Duration::from_millis(2)).expect("a thread");
            }
            let executor = LocalExecutorBuilder::default()
                .preempt_timer(slice)
                .make()
                .expect("an executor");
            pulse.begin();
            executor.run(async {
                let _watched = pulse.run().await;
                for _ in 0..TICKS {
                    glommio::timer::sleep(Duration::from_micros(100)).await;
                    pulse.tick();
                }
            });
            // Nobody listens any more to one that woke up late.
            let _ = tell.send(());
        });
        end.recv_timeout(wait).is_ok()
    }

    #[test]
    fn who_sleeps_over_its_work_is_woken() {
        // Shorter and shorter, until one slice of the 300 is over before anything ran.
        let slices = (0..40).map(|nth| Duration::from_micros(200).mul_f64(0.85f64.powi(nth)));
        let mut asleep = slices.filter(|slice| !ends(*slice, false, Duration::from_secs(1)));
        let slice = asleep.next().expect("a slice that is too short");
        assert!(
            ends(slice, true, Duration::from_secs(30)),
            "slices of {slice:?}"
        );
    }

    #[test]
    fn a_thread_is_interrupted() {
        os::allow_interrupts().expect("a handler");
        let (tell, told) = mpsc::channel();
        let waiting = thread::spawn(move || {
            tell.send(os::this_thread()).expect("somebody listens");
            let (reader, _writer) = io::pipe().expect("a pipe");
            // Waits for ever, and `std` would begin again.
            rustix::io::read(&reader, &mut [0; 1])
        });
        let thread = told.recv().expect("a thread");
        while !waiting.is_finished() {
            os::interrupt(thread);
            thread::sleep(Duration::from_millis(1));
        }
        let read = waiting.join().expect("no panic");
        assert_eq!(read, Err(rustix::io::Errno::INTR));
        // There is nobody any more.
        os::interrupt(thread);
    }
}
