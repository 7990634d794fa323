//! Instants, lengths of time and zones of a query.

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use super::fields::{Checked, Field, bad, joined};
use crate::http::kairos::tree::Tree;
use crate::query::kairos::sampling::{Sampling, Unit};
use crate::query::kairos::zone::Zone;

/// What a bad unit is told.
const UNITS: &str = "is not a valid time unit, must be one of \
                     MILLISECONDS,SECONDS,MINUTES,HOURS,DAYS,WEEKS,MONTHS,YEARS";

/// A unit by its name, in any case. `place` is what the error names before the unit.
pub(super) fn unit(field: &Field<'_>, place: &str) -> Checked<Unit> {
    let name = field.text()?;
    match Unit::parse(&name) {
        Some(unit) => Ok(unit),
        None => bad(format!("{} {UNITS}", joined(place, &name))),
    }
}

/// A zone. `place` is what the error names before its id.
pub(super) fn zone(field: &Field<'_>, place: &str) -> Checked<Zone> {
    let id = field.text()?;
    if let Some(zone) = Zone::parse(&id) {
        return Ok(zone);
    }
    let ids = Zone::ids().join(", ");
    let told = format!("is not a valid time zone, must be one of [{ids}]");
    bad(format!("{} {told}", joined(place, &id)))
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
            Some(Unit::Milliseconds) => fixed(1),
            Some(Unit::Seconds) => fixed(1_000),
            Some(Unit::Minutes) => fixed(60_000),
            Some(Unit::Hours) => fixed(3_600_000),
            Some(Unit::Days) => fixed(86_400_000),
            Some(Unit::Weeks) => fixed(7 * 86_400_000),
            Some(Unit::Months) => months(1).unwrap_or(i64::MIN),
            Some(Unit::Years) => months(12).unwrap_or(i64::MIN),
            None => now_ms,
        }
    }
}

/// `{"value": 1, "unit": "days"}` inside an aggregator or a grouper. Other fields of it are ignored.
pub(super) fn sampling(field: &Field<'_>) -> Checked<Sampling> {
    field.object()?;
    let path = field.path();
    let of = |name| Field::of(field.value, &path, name);
    let value = of("value").map_or(Ok(0), |value| value.integer())?;
    let unit = of("unit")
        .map(|name| unit(&name, field.place))
        .transpose()?;
    if value < 0 {
        return bad(format!("{path}.value must be greater than or equal to 0"));
    }
    match unit {
        None => bad(format!("{path}.unit may not be null")),
        Some(unit) => Ok(Sampling::new(value, unit)),
    }
}

/// `start_absolute`, or `end_absolute`.
pub(super) fn absolute(tree: &Tree, name: &str) -> Checked<Option<i64>> {
    let field = Field::of(tree, "", name);
    field.map(|field| field.integer()).transpose()
}
