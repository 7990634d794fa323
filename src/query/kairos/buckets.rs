//! How time is cut into buckets.
//!
//! Buckets are counted from an *origin*. Those of hours and shorter units have one length; those of days
//! and longer ones follow the calendar of a zone, so the origin is kept in local time too, and where a
//! bucket begins is always reckoned from there: months from January 31st begin on February 29th and March
//! 31st.

use super::aggregator::Range;
use super::calendar::{DAY_MS, Date, months_between};
use super::error::KairosError;
use super::sampling::{Sampling, Step, Unit, steps_between, steps_from};
use super::zone::Zone;

/// All buckets of one aggregator.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Buckets {
    step: Step,
    zone: Zone,
    /// Milliseconds since the epoch.
    origin: i64,
    /// What the zone adds to it.
    offset: i64,
}

/// One of them: the instants with `begin <= time < end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bucket {
    /// Which one, from the origin on.
    pub(super) index: i64,
    pub(super) begin: i64,
    pub(super) end: i64,
}

impl Buckets {
    /// The buckets of an aggregator, whose query begins at `start`.
    ///
    /// # Errors
    /// `/ by zero` if they have no length.
    pub(super) fn new(range: &Range, start: i64) -> Result<Buckets, KairosError> {
        let start = range.start_time.unwrap_or(start);
        let origin = if range.align_sampling {
            aligned(start, range.sampling.unit, &range.zone)
        } else {
            start
        };
        Buckets::from_origin(range.sampling, &range.zone, origin)
    }

    fn from_origin(sampling: Sampling, zone: &Zone, origin: i64) -> Result<Buckets, KairosError> {
        if sampling.value <= 0 {
            return Err(KairosError::divided_by_zero());
        }
        Ok(Buckets {
            step: Step::of(sampling),
            zone: zone.clone(),
            origin,
            offset: zone.offset_at(origin),
        })
    }

    /// Where the first bucket begins.
    pub(super) fn origin(&self) -> i64 {
        self.origin
    }

    /// What it costs to find one, in values.
    pub(super) fn work(&self) -> usize {
        match self.step {
            Step::Millis(_) => 1,
            Step::Local(_) | Step::Months(_) if self.zone.is_fixed() => 2,
            Step::Local(_) | Step::Months(_) => 12,
        }
    }

    /// The length of the shortest of them, about.
    pub(super) fn millis_min(&self) -> i64 {
        match self.step {
            Step::Millis(step) | Step::Local(step) => step,
            Step::Months(months) => months.saturating_mul(28 * DAY_MS),
        }
    }

    /// The stretch of time around an instant in which a later instant has no lower number: from the first
    /// on, and before the second.
    pub(super) fn stretch(&self, time: i64) -> (i64, i64) {
        match self.step {
            Step::Millis(_) => (i64::MIN, i64::MAX),
            Step::Local(_) | Step::Months(_) => self.zone.stretch(time),
        }
    }

    /// The first instant that has a higher number than this one, which has this number, if clocks do not
    /// change before.
    pub(super) fn number_ends(&self, index: i64, time: i64) -> i64 {
        let next = index.saturating_add(1);
        match self.step {
            Step::Millis(_) => self.begin_of(next),
            Step::Local(_) | Step::Months(_) => {
                let local = self.local_begin_of(next);
                local.saturating_sub(self.zone.offset_at(time))
            }
        }
    }

    /// The bucket of an instant. Before the origin numbers are cut towards zero, so what is less than one
    /// bucket before it is in its bucket.
    #[inline]
    pub(super) fn of(&self, time: i64) -> Bucket {
        match self.step {
            Step::Millis(step) => {
                let index = steps_between(self.origin, time, step);
                let end = steps_from(self.origin, step, index.saturating_add(1));
                Bucket {
                    index,
                    begin: steps_from(self.origin, step, index),
                    end: end.max(time.saturating_add(1)),
                }
            }
            Step::Local(_) | Step::Months(_) => self.numbered(self.index_of(time), time),
        }
    }

    /// The number of the bucket of an instant.
    pub(super) fn index_of(&self, time: i64) -> i64 {
        let local_origin = self.origin.saturating_add(self.offset);
        let local = || time.saturating_add(self.zone.offset_at(time));
        match self.step {
            Step::Millis(step) => steps_between(self.origin, time, step),
            Step::Local(step) => steps_between(local_origin, local(), step),
            Step::Months(step) => months_between(local_origin, local()) / step,
        }
    }

    /// A bucket by its number, with one of its instants.
    pub(super) fn numbered(&self, index: i64, time: i64) -> Bucket {
        let begin = self.begin_of(index);
        let mut end = self.begin_of(index.saturating_add(1));
        if end <= time {
            // The end is a local time that comes twice, and this is between the two.
            let local = self.local_begin_of(index.saturating_add(1));
            let later = local.saturating_sub(self.zone.offset_at(time));
            end = later.max(time.saturating_add(1));
        }
        Bucket { index, begin, end }
    }

    /// Where a bucket begins.
    pub(super) fn begin_of(&self, index: i64) -> i64 {
        match self.step {
            Step::Millis(step) => steps_from(self.origin, step, index),
            Step::Local(_) | Step::Months(_) => {
                self.zone.instant(self.local_begin_of(index), self.offset)
            }
        }
    }

    fn local_begin_of(&self, index: i64) -> i64 {
        let local_origin = self.origin.saturating_add(self.offset);
        self.step.local_from(local_origin, index)
    }
}

/// The origin of aligned buckets: the unit of the calendar in which `start` lies begins there. Hours and
/// shorter ones are counted from midnight, milliseconds from the second.
fn aligned(start: i64, unit: Unit, zone: &Zone) -> i64 {
    let offset = zone.offset_at(start);
    let local = start.saturating_add(offset);
    let date = Date::of(local);
    let midnight = local.saturating_sub(local.rem_euclid(DAY_MS));
    let begin = match unit {
        Unit::Milliseconds => return start.saturating_sub(start.rem_euclid(1_000)),
        Unit::Seconds | Unit::Minutes | Unit::Hours | Unit::Days => midnight,
        // The first day of 1970 was a Thursday.
        Unit::Weeks => {
            let since_monday = (local.div_euclid(DAY_MS) + 3).rem_euclid(7);
            midnight.saturating_sub(since_monday * DAY_MS)
        }
        Unit::Months => Date { day: 1, ..date }.begin(),
        Unit::Years => {
            let months = date.months - date.months.rem_euclid(12);
            Date { months, day: 1 }.begin()
        }
    };
    zone.instant(begin, offset)
}

/// The aligned buckets from the one in which `from` lies to the one in which `until` lies, each as its
/// first instant and the first one behind it.
///
/// # Errors
/// `/ by zero` if they have no length.
pub fn buckets_between(
    sampling: Sampling,
    zone: &Zone,
    from: i64,
    until: i64,
) -> Result<impl Iterator<Item = (i64, i64)> + use<>, KairosError> {
    let buckets = Buckets::from_origin(sampling, zone, aligned(from, sampling.unit, zone))?;
    let mut index = buckets.index_of(from);
    Ok(std::iter::from_fn(move || {
        loop {
            let begin = buckets.begin_of(index);
            let end = buckets.begin_of(index.saturating_add(1));
            index = index.checked_add(1)?;
            if until < begin {
                return None;
            }
            if begin < end {
                return Some((begin, end));
            }
            // A clock change has left nothing of it; at the end of all times nothing is left at all.
            if end == i64::MAX {
                return None;
            }
        }
    }))
}
