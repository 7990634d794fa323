//! How long the executor has been at work since it last looked what the kernel has for it.
//!
//! It looks when all its queues are empty, when a timer of its own has fired, and then only. Such a timer
//! for each turn, of 200 µs, is the next thing that the core is to be interrupted for, so setting it and
//! taking it back reprograms the core's clock: some 8 µs each on a virtual machine, where a turn costs ten
//! without them. So the executor's timer is a long one, [`BACKSTOP`], for what this forgets, and whoever is
//! at work for long looks at the clock instead: [`breathe`].

use std::cell::Cell;
use std::time::{Duration, Instant};

/// How long others may be at work where somebody waits for an answer. An acknowledgement takes some ten
/// looks, an answer that reads files as many: both wait for them beside seals and merges.
pub(super) const SHORT: Duration = Duration::from_micros(200);
/// How long where only points are at work.
pub(super) const LONG: Duration = Duration::from_millis(1);
/// When the executor looks by itself. Beyond what is left until the kernel's own tick, which comes each 4 ms
/// or more often.
pub(super) const BACKSTOP: Duration = Duration::from_millis(5);
/// Shorter than a turn, and yet not over at once.
const A_MOMENT: Duration = Duration::from_micros(1);

thread_local! {
    /// When the executor of this thread looked last, as far as anybody noticed. Who did not notice looks
    /// once too often.
    static BEGAN: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// The kernel has woken who calls this: a turn has begun.
pub(super) fn begin() {
    BEGAN.set(Some(Instant::now()));
}

/// Whether the executor should look now, when nobody is to work for longer than `longest`.
pub(super) fn is_over(longest: Duration) -> bool {
    glommio::executor().need_preempt() || BEGAN.get().is_none_or(|began| longest <= began.elapsed())
}

/// If the turn is over, wait for the next.
pub(super) async fn breathe(longest: Duration) {
    if is_over(longest) {
        pass().await;
    }
}

/// Wait for the next turn.
pub(super) async fn pass() {
    let executor = glommio::executor();
    if executor.need_preempt() {
        executor.yield_if_needed().await;
    } else {
        // The end of a timer is noticed with what the kernel has. When nobody is at work any longer, that is
        // at once.
        glommio::timer::sleep(A_MOMENT).await;
    }
    begin();
}

/// As [`breathe`], and let those go first who became ready meanwhile: their queues are put behind the one
/// that was at work.
pub(super) async fn give_way(longest: Duration) {
    if is_over(longest) {
        pass().await;
        glommio::executor().yield_task_queue_now().await;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use glommio::{LocalExecutorBuilder, Placement};

    use super::*;

    /// Be at work for `time`.
    fn work(time: Duration) {
        let began = Instant::now();
        while began.elapsed() < time {}
    }

    #[test]
    fn who_works_for_long_lets_the_kernel_have_its_turn() {
        let executor = LocalExecutorBuilder::new(Placement::Unbound)
            // Nothing but the clock ends a turn here.
            .preempt_timer(Duration::from_secs(60))
            .make()
            .expect("an executor");
        executor.run(async {
            let told = Rc::new(RefCell::new(Vec::new()));
            let hears = {
                let told = Rc::clone(&told);
                glommio::spawn_local(async move {
                    // Ends only if the executor looks.
                    glommio::timer::sleep(Duration::from_millis(1)).await;
                    told.borrow_mut().push("a timer");
                })
            };
            glommio::executor().yield_now().await;
            begin();
            for _ in 0..100 {
                work(Duration::from_micros(50));
                breathe(SHORT).await;
            }
            told.borrow_mut().push("the work");
            hears.await;
            assert_eq!(*told.borrow(), ["a timer", "the work"]);
        });
    }

    #[test]
    fn a_turn_is_over_by_the_clock() {
        let executor = LocalExecutorBuilder::new(Placement::Unbound)
            .preempt_timer(Duration::from_secs(60))
            .make()
            .expect("an executor");
        executor.run(async {
            pass().await;
            assert!(!is_over(Duration::from_secs(60)));
            work(SHORT);
            assert!(is_over(SHORT));
            give_way(SHORT).await;
            assert!(!is_over(Duration::from_secs(60)));
        });
    }
}
