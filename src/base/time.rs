//! Units of time. Plain integers never cross a module border without one of these.

/// Milliseconds since the Unix epoch, UTC. Negative before 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millis(pub i64);

impl Millis {
    /// The earliest instant a `Millis` can name.
    pub const MIN: Millis = Millis(i64::MIN);
    /// The latest instant a `Millis` can name.
    pub const MAX: Millis = Millis(i64::MAX);

    /// Whole seconds since the epoch, rounded towards the past.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// The instant `seconds` after the epoch; saturates.
    pub fn from_seconds(seconds: i64) -> Millis {
        Millis(seconds.saturating_mul(1000))
    }
}

/// The order of arrival on one appliance, in microseconds of the monotonic clock plus an offset
/// fixed at boot. Every socket read has its own, and on one shard each is larger than the one
/// before, so `(stamp, shard, index in batch)` orders all arrivals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp(pub u64);

/// When a batch of bytes arrived: what the wall clock said, and its place in the arrival order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Arrival {
    /// Wall clock; given to points that were sent without a timestamp.
    pub now: Millis,
    /// Arrival order.
    pub stamp: Stamp,
}

/// A width of time, at least one millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Step(i64);

impl Step {
    /// One second.
    pub const SECOND: Step = Step(1000);
    /// One minute, the default rollup step.
    pub const MINUTE: Step = Step(60_000);

    /// One hour, the data time of a segment file.
    pub const HOUR: Step = Step(3_600_000);
    /// Six hours.
    pub const SIX_HOURS: Step = Step(6 * 3_600_000);

    /// `None` unless `millis` is positive.
    pub const fn from_millis(millis: i64) -> Option<Step> {
        if millis > 0 { Some(Step(millis)) } else { None }
    }

    /// The width in milliseconds.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Start of the slot that holds `at`; slots are aligned to the epoch.
    pub fn floor(self, at: Millis) -> Millis {
        Millis(at.0.div_euclid(self.0).saturating_mul(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_before_1970_round_towards_the_past() {
        assert_eq!(Step::MINUTE.floor(Millis(-1)), Millis(-60_000));
        assert_eq!(Step::MINUTE.floor(Millis(59_999)), Millis(0));
        assert_eq!(Millis(-1).seconds(), -1);
    }
}
