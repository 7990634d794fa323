//! Other ranges than the one of the request, for functions that evaluate their arguments again.

use jiff::civil::{Date, DateTime, Time};
use jiff::{Span, Timestamp};

use crate::query::error::QueryError;
use crate::query::graphite::Context;
use crate::query::graphite::time::{SECONDS_MAX, SECONDS_MIN};

/// The same request over another range, in seconds since the epoch.
///
/// # Errors
/// [`QueryError::Invalid`] where a moment lies outside of what has a date.
pub(super) fn over(context: &Context, from: i64, until: i64) -> Result<Context, QueryError> {
    for moment in [from, until] {
        if !(SECONDS_MIN..=SECONDS_MAX).contains(&moment) {
            return Err(out_of_range(moment));
        }
    }
    Ok(Context {
        from,
        until,
        ..context.clone()
    })
}

/// The same request, beginning `seconds` earlier.
///
/// # Errors
/// As [`over`].
pub(super) fn earlier(context: &Context, seconds: i64) -> Result<Context, QueryError> {
    over(context, context.from.saturating_sub(seconds), context.until)
}

/// The same request, `seconds` later.
///
/// # Errors
/// As [`over`].
pub(super) fn moved(context: &Context, seconds: i64) -> Result<Context, QueryError> {
    let from = context.from.saturating_add(seconds);
    over(context, from, context.until.saturating_add(seconds))
}

/// What a range may begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Minute,
    Hour,
    Day,
    /// Begins with this day, 1 is Monday; graphite-web takes every digit.
    Week(i64),
    Month,
    Year,
}

/// The same request, beginning with the `unit` in which it begins. Clocks are read in the zone of the
/// request, with the offset from UTC that holds at its beginning, as graphite-web does.
///
/// # Errors
/// As [`over`].
pub(super) fn aligned(context: &Context, unit: Unit) -> Result<Context, QueryError> {
    let from = context.from;
    let begun = || -> Result<i64, jiff::Error> {
        let moment = Timestamp::from_second(from)?;
        let offset = context.zone.to_offset(moment);
        let local = offset.to_datetime(moment);
        let begun = offset.to_timestamp(begin(local, unit)?)?;
        Ok(begun.as_second())
    };
    let begun = begun().map_err(|_| out_of_range(from))?;
    over(context, begun, context.until)
}

fn begin(local: DateTime, unit: Unit) -> Result<DateTime, jiff::Error> {
    let date = local.date();
    let (hour, minute) = (local.hour(), local.minute());
    let midnight = |date: Date| DateTime::from_parts(date, Time::midnight());
    Ok(match unit {
        Unit::Minute => DateTime::from_parts(date, Time::new(hour, minute, 0, 0)?),
        Unit::Hour => DateTime::from_parts(date, Time::new(hour, 0, 0, 0)?),
        Unit::Day => midnight(date),
        Unit::Week(first) => {
            let today = i64::from(date.weekday().to_monday_one_offset());
            let back = today - first;
            let back = if back < 0 { back + 7 } else { back };
            midnight(date.checked_sub(Span::new().days(back))?)
        }
        Unit::Month => midnight(Date::new(date.year(), date.month(), 1)?),
        Unit::Year => midnight(Date::new(date.year(), 1, 1)?),
    })
}

fn out_of_range(moment: i64) -> QueryError {
    QueryError::Invalid(format!("Time out of range: {moment}"))
}
