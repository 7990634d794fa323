//! Time zones, by the names that KairosDB takes.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

/// Hours that an offset has at most, as Joda-Time.
const OFFSET_HOURS_MAX: i64 = 23;

/// The name that jiff has for no zone at all.
const UNKNOWN: &str = "Etc/Unknown";

/// Rules that tell the local time of an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone(Rules);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Rules {
    /// Milliseconds east of Greenwich, always.
    Fixed(i64),
    Region(TimeZone),
}

impl Default for Zone {
    fn default() -> Zone {
        Zone::UTC
    }
}

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Zone = Zone(Rules::Fixed(0));

    /// The zone of a name of the tz database in its exact case, or of an offset such as `+02:00`; an empty
    /// name is UTC. `None` if there is none.
    pub fn parse(id: &str) -> Option<Zone> {
        if id.is_empty() {
            return Some(Zone::UTC);
        }
        if id.starts_with(['+', '-']) {
            return offset_millis(id).map(|offset| Zone(Rules::Fixed(offset)));
        }
        let zone = TimeZone::get(id).ok()?;
        if zone.is_unknown() || zone.iana_name() != Some(id) {
            return None;
        }
        match zone.to_fixed_offset() {
            Ok(offset) => Some(Zone(Rules::Fixed(i64::from(offset.seconds()) * 1_000))),
            Err(_) => Some(Zone(Rules::Region(zone))),
        }
    }

    /// The names that [`Zone::parse`] takes, sorted; offsets are taken besides.
    pub fn ids() -> Vec<String> {
        let known = jiff::tz::db().available().map(|name| name.to_string());
        let mut ids: Vec<String> = known.filter(|id| id != UNKNOWN).collect();
        ids.sort_unstable();
        ids
    }

    /// What to add to an instant for its local time, both in milliseconds. Beyond the years -9999 to 9999
    /// it is what it is at their end.
    pub fn offset_at(&self, time: i64) -> i64 {
        match &self.0 {
            Rules::Fixed(offset) => *offset,
            Rules::Region(zone) => millis(zone.to_offset(timestamp(time))),
        }
    }

    /// The instant of a local time. One that a clock change skips moves by what was skipped; one that it
    /// repeats is that of the two that has the offset `preferred`, and where none has, as Joda-Time does
    /// it, the later one east of Greenwich and the earlier one west of it.
    pub fn instant(&self, local: i64, preferred: i64) -> i64 {
        // Beyond all times it is where it is.
        if local == i64::MIN || local == i64::MAX {
            return local;
        }
        let zone = match &self.0 {
            Rules::Fixed(offset) => return local.saturating_sub(*offset),
            Rules::Region(zone) => zone,
        };
        let wanted = local.saturating_sub(preferred);
        if self.offset_at(wanted) == preferred {
            return wanted;
        }
        let offset = match civil(local).map(|civil| zone.to_ambiguous_timestamp(civil).offset()) {
            Some(AmbiguousOffset::Unambiguous { offset }) => millis(offset),
            Some(AmbiguousOffset::Gap { before, .. }) => millis(before),
            Some(AmbiguousOffset::Fold { after, .. }) if 0 <= after.seconds() => millis(after),
            Some(AmbiguousOffset::Fold { before, .. }) => millis(before),
            None => self.offset_at(local),
        };
        local.saturating_sub(offset)
    }

    /// Whether its offset is always the same, so that nothing has to be looked up.
    pub(super) fn is_fixed(&self) -> bool {
        matches!(self.0, Rules::Fixed(_))
    }

    /// The stretch of time around an instant in which its offset holds: from the first number on, and
    /// before the second.
    pub(super) fn stretch(&self, time: i64) -> (i64, i64) {
        let Rules::Region(zone) = &self.0 else {
            return (i64::MIN, i64::MAX);
        };
        let after = timestamp(time.saturating_add(1));
        let begin = zone.preceding(after).next();
        let end = zone.following(timestamp(time)).next();
        (
            begin.map_or(i64::MIN, |change| change.timestamp().as_millisecond()),
            end.map_or(i64::MAX, |change| change.timestamp().as_millisecond()),
        )
    }
}

fn millis(offset: Offset) -> i64 {
    i64::from(offset.seconds()) * 1_000
}

fn timestamp(time: i64) -> Timestamp {
    let beyond = if time < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    };
    Timestamp::from_millisecond(time).unwrap_or(beyond)
}

fn civil(local: i64) -> Option<DateTime> {
    let as_if_utc = Timestamp::from_millisecond(local).ok()?;
    Some(Offset::UTC.to_datetime(as_if_utc))
}

/// `±hh`, `±hh:mm`, `±hh:mm:ss`, `±hh:mm:ss.SSS`, or the same without colons.
fn offset_millis(id: &str) -> Option<i64> {
    let (sign, rest) = id.split_at_checked(1)?;
    let (hours, mut rest) = two_digits(rest, OFFSET_HOURS_MAX)?;
    let mut offset = hours * 3_600_000;
    let colons = rest.starts_with(':');
    for unit in [60_000, 1_000] {
        if rest.is_empty() {
            break;
        }
        let part = match rest.strip_prefix(':') {
            Some(part) if colons => part,
            None if !colons => rest,
            _ => return None,
        };
        let (number, behind) = two_digits(part, 59)?;
        offset += number * unit;
        rest = behind;
        if unit == 1_000 && !rest.is_empty() {
            offset += thousandths(rest, colons)?;
            rest = "";
        }
    }
    let east = if sign == "-" { -offset } else { offset };
    rest.is_empty().then_some(east)
}

fn two_digits(text: &str, most: i64) -> Option<(i64, &str)> {
    let (digits, rest) = text.split_at_checked(2)?;
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.parse().ok().filter(|number| *number <= most)?;
    is_number.then_some((number, rest))
}

fn thousandths(text: &str, colons: bool) -> Option<i64> {
    let digits = match text.strip_prefix(['.', ',']) {
        Some(digits) if colons => digits,
        None if !colons => text,
        _ => return None,
    };
    let is_number = (1..=3).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    let number: i64 = digits.parse().ok().filter(|_| is_number)?;
    Some(number * 10_i64.pow(3 - digits.len() as u32))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::kairos::tests::at;

    #[test]
    fn names_are_those_of_the_database_in_their_case() {
        for id in [
            "Europe/Paris",
            "EST",
            "CET",
            "GMT",
            "US/Eastern",
            "UTC",
            "Etc/GMT+5",
            "",
        ] {
            assert!(Zone::parse(id).is_some(), "{id:?}");
        }
        let wrong = [
            "Z",
            "UTC+2",
            "europe/paris",
            "utc",
            "bogus",
            "Etc/Unknown",
            "Europe/Paris ",
            "2",
            "+",
            "+2",
            "+24:00",
            "+02:60",
            "+02:0",
            "+02:00x",
            "+0200:30",
            "+02:0030",
            "-",
            "--02:00",
            "+é0:00",
        ];
        for id in wrong {
            assert_eq!(Zone::parse(id), None, "{id:?}");
        }
        let ids = Zone::ids();
        assert!(400 < ids.len() && ids.iter().any(|id| id == "Asia/Kolkata"));
        assert!(ids.is_sorted() && ids.iter().all(|id| Zone::parse(id).is_some()));
    }

    #[test]
    fn offsets_have_many_spellings() {
        let check = |id: &str, millis: i64| {
            assert_eq!(
                Zone::parse(id).map(|zone| zone.offset_at(0)),
                Some(millis),
                "{id}"
            );
        };
        check("+02:00", 7_200_000);
        check("-0530", -19_800_000);
        check("+05", 18_000_000);
        check("+23:59:59.999", 86_399_999);
        check("-00:00:01", -1_000);
        check("+000000001", 1);
    }

    #[test]
    fn a_skipped_time_moves_and_a_repeated_one_prefers() {
        let paris = Zone::parse("Europe/Paris").expect("a zone");
        let (winter, summer) = (3_600_000, 7_200_000);
        let skipped = at("2020-03-29T02:30");
        for preferred in [winter, summer, 0] {
            assert_eq!(paris.instant(skipped, preferred), at("2020-03-29T01:30"));
        }
        let repeated = at("2020-10-25T02:30");
        assert_eq!(paris.instant(repeated, summer), at("2020-10-25T00:30"));
        assert_eq!(paris.instant(repeated, winter), at("2020-10-25T01:30"));
        assert_eq!(paris.instant(repeated, 0), at("2020-10-25T01:30"));
        let new_york = Zone::parse("America/New_York").expect("a zone");
        let repeated = at("2020-11-01T01:30");
        assert_eq!(new_york.instant(repeated, 0), at("2020-11-01T05:30"));
        for time in [i64::MIN, i64::MAX] {
            assert!(paris.offset_at(time).abs() < 86_400_000);
            paris.instant(time, 0);
            paris.stretch(time);
        }
        let (begin, end) = paris.stretch(at("2020-06-01T00:00"));
        assert_eq!(
            (begin, end),
            (at("2020-03-29T01:00"), at("2020-10-25T01:00"))
        );
        assert_eq!(paris.stretch(begin), (begin, end));
        assert_eq!(paris.stretch(end).0, end);
    }
}
