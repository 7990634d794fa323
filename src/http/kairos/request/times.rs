//! Instants, units and zones of a query.

use jiff::tz::{self, Offset, TimeZone};
use jiff::{Span, Timestamp};

use super::fields::{Checked, Field, bad, joined};
use crate::http::kairos::tree::Tree;

/// What a bad unit is told.
const UNITS: &str = "is not a valid time unit, must be one of \
                     MILLISECONDS,SECONDS,MINUTES,HOURS,DAYS,WEEKS,MONTHS,YEARS";

/// A unit by its name, in any case. `place` is what the error names before the unit.
pub(super) fn unit(field: &Field<'_>, place: &str) -> Checked<Unit> {
    let name = field.text()?;
    match Unit::named(&name) {
        Some(unit) => Ok(unit),
        None => bad(format!("{} {UNITS}", joined(place, &name))),
    }
}

/// A zone by its id: of the tz database, spelt exactly so, or an offset such as `+02:00`; the empty text is
/// UTC. `place` is what the error names before the id.
pub(super) fn zone(field: &Field<'_>, place: &str) -> Checked<TimeZone> {
    let id = field.text()?;
    if id.is_empty() {
        return Ok(TimeZone::UTC);
    }
    if let Some(offset) = offset(&id) {
        return Ok(offset.to_time_zone());
    }
    // The database finds names in any case.
    let is_known = tz::db().available().any(|name| name.as_str() == id);
    if is_known && let Ok(zone) = TimeZone::get(&id) {
        return Ok(zone);
    }
    let all: Vec<String> = tz::db().available().map(|name| name.to_string()).collect();
    let told = format!("is not a valid time zone, must be one of [{}]", all.join(", "));
    bad(format!("{} {told}", joined(place, &id)))
}

/// `+02:00`, `-0330` or `+05`, with seconds if need be.
fn offset(id: &str) -> Option<Offset> {
    let (sign, rest) = match id.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let digits: Vec<&str> = match rest.contains(':') {
        true => rest.split(':').collect(),
        false => {
            let mut parts = Vec::new();
            let mut rest = rest;
            while let Some((part, more)) = rest.split_at_checked(2) {
                parts.push(part);
                rest = more;
            }
            parts.push(rest);
            parts.retain(|part| !part.is_empty());
            parts
        }
    };
    let mut numbers = [0; 3];
    if digits.is_empty() || numbers.len() < digits.len() {
        return None;
    }
    for (number, digits) in numbers.iter_mut().zip(digits) {
        let is_number = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
        *number = is_number.then(|| digits.parse::<i32>().ok()).flatten()?;
    }
    let [hours, minutes, seconds] = numbers;
    let fits = hours < 24 && minutes < 60 && seconds < 60;
    let seconds = sign * (hours * 3600 + minutes * 60 + seconds);
    fits.then(|| Offset::from_seconds(seconds).ok()).flatten()
}

/// An instant of a query that counts back from now.
pub(super) struct Relative {
    value: i64,
    /// `None` is missing.
    unit: Option<Unit>,
}

impl Relative {
    /// `start_relative` or `end_relative`.
    pub(super) fn read(field: &Field<'_>) -> Checked<Relative> {
        field.object()?;
        let of = |name| Field::of(field.value, field.name, name);
        let value = of("value").map_or(Ok(0), |value| value.integer())?;
        let unit = of("unit").map(|name| unit(&name, "query")).transpose()?;
        Ok(Relative { value, unit })
    }

    /// Whether it makes sense; `name` is that of its field.
    pub(super) fn check(&self, name: &str) -> Checked<()> {
        if self.value < 0 {
            return bad(format!("{name}.value must be greater than or equal to 0"));
        }
        match self.unit {
            None => bad(format!("{name}.unit may not be null")),
            Some(_) => Ok(()),
        }
    }

    /// Milliseconds, by the calendar of UTC. What is before all time is the beginning.
    pub(super) fn before(&self, now_ms: i64) -> i64 {
        let months = |each: i64| {
            let months = self.value.checked_mul(each)?;
            let span = Span::new().try_months(months).ok()?;
            let now = Timestamp::from_millisecond(now_ms).ok()?;
            let then = now.to_zoned(TimeZone::UTC).checked_sub(span).ok()?;
            Some(then.timestamp().as_millisecond())
        };
        let fixed = |unit_ms: i64| now_ms.saturating_sub(self.value.saturating_mul(unit_ms));
        match self.unit {
            Some(Unit::Months) => months(1).unwrap_or(i64::MIN),
            Some(Unit::Years) => months(12).unwrap_or(i64::MIN),
            Some(unit) => fixed(unit.fixed_ms()),
            None => now_ms,
        }
    }
}

/// `{"value": 1, "unit": "days"}` inside an aggregator or a grouper, whose place is `within`.
pub(super) fn duration(field: &Field<'_>) -> Checked<(i64, Unit)> {
    let path = field.path();
    field.object()?;
    let of = |name| Field::of(field.value, &path, name);
    let value = of("value").map_or(Ok(0), |value| value.integer())?;
    let unit = of("unit").map(|name| unit(&name, field.place)).transpose()?;
    if value < 0 {
        return bad(format!("{path}.value must be greater than or equal to 0"));
    }
    match unit {
        None => bad(format!("{path}.unit may not be null")),
        Some(unit) => Ok((value, unit)),
    }
}

/// `start_absolute`, or `end_absolute`.
pub(super) fn absolute(tree: &Tree, name: &str) -> Checked<Option<i64>> {
    let field = Field::of(tree, "", name);
    field.map(|field| field.integer()).transpose()
}
