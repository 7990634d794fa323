//! Coarse sleeps: thousands of them for the price of one glommio timer.
//!
//! A glommio task for each sleep of an HTTP server costs three times what the request costs. A
//! sleep here is a number in a table of its thread; one task, [`tick`], wakes those that are due,
//! every 100 ms.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use super::pulse::Pulse;
use super::slots::Slots;

/// How late a sleep may end.
const TICK: Duration = Duration::from_millis(100);

thread_local! {
    static SLEEPS: RefCell<Slots<(Instant, Waker)>> = RefCell::default();
}

/// Wake what is due, for ever, and show that this shard is awake.
pub(super) async fn tick(pulse: Arc<Pulse>) {
    loop {
        glommio::timer::sleep(TICK).await;
        pulse.tick();
        let now = Instant::now();
        SLEEPS.with_borrow_mut(|sleeps| {
            for (deadline, waker) in sleeps.iter_mut() {
                if *deadline <= now {
                    waker.wake_by_ref();
                }
            }
        });
    }
}

/// Done at its deadline, or up to 100 ms later.
#[derive(Debug)]
pub(super) struct Sleep {
    deadline: Instant,
    place: Option<usize>,
}

impl Sleep {
    /// Sleep until `deadline`.
    pub(super) fn until(deadline: Instant) -> Sleep {
        Sleep {
            deadline,
            place: None,
        }
    }

    /// Sleep for `time`.
    pub(super) fn over(time: Duration) -> Sleep {
        Sleep::until(Instant::now() + time)
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.deadline <= Instant::now() {
            return Poll::Ready(());
        }
        let deadline = self.deadline;
        SLEEPS.with_borrow_mut(|sleeps| match self.place {
            Some(place) => {
                if let Some((then, waker)) = sleeps.get_mut(place) {
                    *then = deadline;
                    waker.clone_from(context.waker());
                }
            }
            None => self.place = Some(sleeps.insert((deadline, context.waker().clone()))),
        });
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            // The table may be gone already when its thread ends.
            let _ = SLEEPS.try_with(|sleeps| sleeps.borrow_mut().remove(place));
        }
    }
}

impl hyper::rt::Sleep for Sleep {}

/// hyper's way to these sleeps.
#[derive(Clone, Copy, Debug)]
pub(super) struct HyperTimer;

impl hyper::rt::Timer for HyperTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(Sleep::over(duration))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(Sleep::until(deadline))
    }

    fn reset(&self, sleep: &mut Pin<Box<dyn hyper::rt::Sleep>>, deadline: Instant) {
        match sleep.as_mut().downcast_mut_pin::<Sleep>() {
            Some(mut own) => own.deadline = deadline,
            None => *sleep = self.sleep_until(deadline),
        }
    }
}
