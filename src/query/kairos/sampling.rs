//! Lengths of time: a number of units, some of which the calendar of a zone makes longer or shorter.

use super::calendar::{DAY_MS, add_months};
use super::zone::Zone;

/// A unit of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// A thousandth of a second.
    Milliseconds,
    /// 1000 ms.
    Seconds,
    /// 60 s.
    Minutes,
    /// 60 minutes.
    Hours,
    /// From midnight to midnight: 23 to 25 hours where clocks change.
    Days,
    /// Seven days.
    Weeks,
    /// Of the calendar.
    Months,
    /// Of the calendar.
    Years,
}

impl Unit {
    /// All, shortest first.
    pub const ALL: [Unit; 8] = [
        Unit::Milliseconds,
        Unit::Seconds,
        Unit::Minutes,
        Unit::Hours,
        Unit::Days,
        Unit::Weeks,
        Unit::Months,
        Unit::Years,
    ];

    /// The unit of a name, in any case.
    pub fn parse(name: &str) -> Option<Unit> {
        let mut all = Unit::ALL.into_iter();
        all.find(|unit| unit.name().eq_ignore_ascii_case(name))
    }

    /// KairosDB's name of it.
    pub fn name(self) -> &'static str {
        match self {
            Unit::Milliseconds => "MILLISECONDS",
            Unit::Seconds => "SECONDS",
            Unit::Minutes => "MINUTES",
            Unit::Hours => "HOURS",
            Unit::Days => "DAYS",
            Unit::Weeks => "WEEKS",
            Unit::Months => "MONTHS",
            Unit::Years => "YEARS",
        }
    }
}

/// So many units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sampling {
    /// How many; a bucket of none cannot be made.
    pub value: i64,
    /// Of what.
    pub unit: Unit,
}

impl Default for Sampling {
    /// One millisecond.
    fn default() -> Sampling {
        Sampling::new(1, Unit::Milliseconds)
    }
}

impl Sampling {
    /// So many units.
    pub const fn new(value: i64, unit: Unit) -> Sampling {
        Sampling { value, unit }
    }

    /// Milliseconds that it lasts from an instant on.
    pub fn millis_from(self, time: i64, zone: &Zone) -> i64 {
        Step::of(self).from(time, zone, 1).saturating_sub(time)
    }

    /// What [`Sampling::millis_from`] costs, in values.
    pub(super) fn work(self, zone: &Zone) -> usize {
        match Step::of(self) {
            Step::Millis(_) => 1,
            Step::Local(_) | Step::Months(_) if zone.is_fixed() => 2,
            Step::Local(_) | Step::Months(_) => 6,
        }
    }
}

/// What a sampling comes to for arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Elapsed time.
    Millis(i64),
    /// Milliseconds of local time: whole days.
    Local(i64),
    /// Months of local time.
    Months(i64),
}

impl Step {
    pub(super) fn of(sampling: Sampling) -> Step {
        let times = |factor: i64| sampling.value.saturating_mul(factor);
        match sampling.unit {
            Unit::Milliseconds => Step::Millis(times(1)),
            Unit::Seconds => Step::Millis(times(1_000)),
            Unit::Minutes => Step::Millis(times(60_000)),
            Unit::Hours => Step::Millis(times(3_600_000)),
            Unit::Days => Step::Local(times(DAY_MS)),
            Unit::Weeks => Step::Local(times(7 * DAY_MS)),
            Unit::Months => Step::Months(times(1)),
            Unit::Years => Step::Months(times(12)),
        }
    }

    /// `count` steps after an instant, or before it.
    pub(super) fn from(self, time: i64, zone: &Zone, count: i64) -> i64 {
        if let Step::Millis(step) = self {
            return steps_from(time, step, count);
        }
        let offset = zone.offset_at(time);
        zone.instant(self.local_from(time.saturating_add(offset), count), offset)
    }

    /// The same in local time.
    pub(super) fn local_from(self, local: i64, count: i64) -> i64 {
        match self {
            Step::Millis(step) | Step::Local(step) => steps_from(local, step, count),
            Step::Months(months) => add_months(local, months.saturating_mul(count)),
        }
    }
}

/// So many steps of one length after a time; at the ends of time it stays there.
pub(super) fn steps_from(time: i64, step: i64, count: i64) -> i64 {
    let fits = step
        .checked_mul(count)
        .and_then(|length| time.checked_add(length));
    fits.unwrap_or_else(|| {
        let exact = i128::from(time) + i128::from(step) * i128::from(count);
        exact.clamp(i64::MIN.into(), i64::MAX.into()) as i64
    })
}

/// How many whole steps of one length are between two times, towards zero.
pub(super) fn steps_between(from: i64, until: i64, step: i64) -> i64 {
    match until.checked_sub(from) {
        Some(length) => length / step,
        None => ((i128::from(until) - i128::from(from)) / i128::from(step)) as i64,
    }
}
