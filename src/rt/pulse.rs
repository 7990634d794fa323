//! What wakes a shard that sleeps over its work.
//!
//! glommio 0.12 goes to sleep when its time slice was over before it had run anything, as if there were
//! nothing to run (glommio/glommio, pull request 53, which no release has yet). A core that is taken away
//! just then is enough, and so is a slow call of the kernel. The next event ends that sleep; but if all that
//! the shard waited for had come already, timers too, there is none. So every shard ticks where a thread can
//! see it, and that thread wakes the task of a tick that stands still. To a shard that is only busy this does
//! nothing.

use std::future::poll_fn;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

/// Between two looks at all shards. With what lies between two ticks, the longest such sleep.
pub(super) const WATCH: Duration = Duration::from_millis(150);

/// One shard's.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    ticks: AtomicU64,
    ticker: Mutex<Option<Waker>>,
}

impl Pulse {
    /// The task that calls this ticks for its shard, for as long as it holds what this gives.
    pub(super) async fn begin(&self) -> Ticking<'_> {
        poll_fn(|context| {
            self.set(Some(context.waker().clone()));
            Poll::Ready(Ticking(self))
        })
        .await
    }

    fn set(&self, ticker: Option<Waker>) {
        *self.ticker.lock().unwrap_or_else(PoisonError::into_inner) = ticker;
    }

    fn wake(&self) {
        let ticker = self.ticker.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ticker) = &*ticker {
            ticker.wake_by_ref();
        }
    }
}

/// A shard that ticks. Dropped, it is not woken any more: its executor may go.
#[derive(Debug)]
pub(super) struct Ticking<'a>(&'a Pulse);

impl Ticking<'_> {
    pub(super) fn tick(&self) {
        self.0.ticks.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Ticking<'_> {
    fn drop(&mut self) {
        self.0.set(None);
    }
}

/// Watch over `pulses` on a thread of its own, each `period`, until nobody else holds them.
///
/// # Errors
/// The kernel gives no thread.
pub(super) fn watch(pulses: &[Arc<Pulse>], period: Duration) -> io::Result<()> {
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

    use glommio::{Latency, LocalExecutorBuilder, Shares};

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
            let executor = LocalExecutorBuilder::default().make().expect("an executor");
            executor.run(async move {
                let latency = Latency::Matters(slice);
                let queue =
                    glommio::executor().create_task_queue(Shares::default(), latency, "ticks");
                let ticking = async move {
                    let ticking = pulse.begin().await;
                    for _ in 0..TICKS {
                        glommio::timer::sleep(Duration::from_micros(100)).await;
                        ticking.tick();
                    }
                };
                let task = glommio::spawn_local_into(ticking, queue).expect("a queue");
                task.await;
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
}
