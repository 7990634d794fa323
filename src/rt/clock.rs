//! When something arrives, by the clocks of the kernel.

use std::cell::Cell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

use crate::base::time::{Arrival, Millis, Stamp};
use crate::seam::Clock;

/// What all shards add to the monotonic clock, so that stamps are about microseconds of the wall
/// clock at boot and never move with it afterwards.
#[derive(Clone, Copy, Debug)]
pub struct Offset(u64);

impl Offset {
    /// Taken once, at boot. No stamp will be at or below `highest`, the highest that any file knows:
    /// a wall clock that was set back does not bring arrivals out of order.
    pub fn now(highest: Stamp) -> Offset {
        let wall = u64::try_from(wall_micros()).unwrap_or(0);
        let least = wall.max(highest.0.saturating_add(1));
        Offset(least.saturating_sub(monotonic_micros()))
    }
}

/// The clock of one shard.
#[derive(Debug)]
pub struct KernelClock {
    offset: Offset,
    last: Cell<u64>,
}

impl KernelClock {
    /// A clock whose stamps start at `offset`.
    pub fn new(offset: Offset) -> KernelClock {
        KernelClock {
            offset,
            last: Cell::new(0),
        }
    }
}

impl KernelClock {
    /// The time, without taking a stamp: the one that comes with it may be given to an arrival later.
    pub(super) fn look(&self) -> Arrival {
        let stamp = (monotonic_micros() + self.offset.0).max(self.last.get());
        Arrival {
            now: now(),
            stamp: Stamp(stamp),
        }
    }
}

impl Clock for KernelClock {
    fn arrival(&self) -> Arrival {
        let stamp = (monotonic_micros() + self.offset.0).max(self.last.get() + 1);
        self.last.set(stamp);
        Arrival {
            now: now(),
            stamp: Stamp(stamp),
        }
    }
}

/// The wall clock.
pub fn now() -> Millis {
    Millis(wall_micros().div_euclid(1000))
}

fn wall_micros() -> i64 {
    let micros = match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_micros()),
        Err(before) => i64::try_from(before.duration().as_micros()).map(|micros| -micros),
    };
    micros.unwrap_or(i64::MAX)
}

/// Time since the machine started, by the clock that nobody sets.
pub fn elapsed() -> Duration {
    let time = clock_gettime(ClockId::Monotonic);
    // It starts at boot and counts up.
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn monotonic_micros() -> u64 {
    u64::try_from(elapsed().as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stamp_is_larger_than_the_one_before() {
        let clock = KernelClock::new(Offset::now(Stamp(0)));
        let mut last = Stamp(0);
        for round in 0..10_000 {
            let arrival = clock.arrival();
            assert!(last < arrival.stamp, "round {round}");
            last = arrival.stamp;
        }
    }

    #[test]
    fn stamps_are_about_the_wall_clock_at_boot() {
        let arrival = KernelClock::new(Offset::now(Stamp(0))).arrival();
        let apart = arrival.stamp.0.abs_diff(arrival.now.0 as u64 * 1000);
        assert!(apart < 1_000_000, "{apart} µs apart");
    }
}
