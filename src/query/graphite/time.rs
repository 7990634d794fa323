//! Time specifications: `from`, `until`, `now`, and the dates and intervals among arguments.
//!
//! ```text
//! time     = epoch | [ref] [("+"|"-") offset]
//! ref      = "" | "now" | [clock] [day]
//! clock    = H[H]":"MM["am"|"pm"] | H[H]("am"|"pm") | "noon" | "midnight" | "teatime"
//! day      = "today" | "yesterday" | "tomorrow" | M/D/YY | M/D/YYYY | YYYYMMDD | month D | weekday
//! offset   = 1*(digits unit)     s… min… h… d… w… mon… (30 d) y… (365 d)
//! ```
//!
//! Letters of either case; `_`, `,` and blanks are ignored. Offsets are absolute seconds. As in
//! graphite-web `12pm` is midnight and `12am` is noon, because stored dashboards were tuned to that.
//! A local time that a clock change skips or repeats is the later of its two readings.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use crate::query::error::QueryError;

/// Longest specification, in bytes.
pub const BYTES_MAX: usize = 256;

/// 0001-01-01T00:00:00Z: the first second that the original can name.
pub const SECONDS_MIN: i64 = -62_135_596_800;
/// 9999-12-31T23:59:59Z: the last.
pub const SECONDS_MAX: i64 = 253_402_300_799;

const DAY_S: i64 = 86_400;
const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

fn invalid<T>(text: String) -> Result<T, QueryError> {
    Err(QueryError::Invalid(text))
}

/// The zone of an IANA name, from the bundled data; UTC if there is none of that name.
pub fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap_or(TimeZone::UTC)
}

/// The instant that `spec` names, in seconds since the epoch; dates and clocks are read in `zone`.
///
/// # Errors
/// [`QueryError::Invalid`] with graphite-web's text where it has one.
pub fn parse(spec: &str, now_s: i64, zone: &TimeZone) -> Result<i64, QueryError> {
    if spec.len() > BYTES_MAX {
        return invalid(format!(
            "A time has at most {BYTES_MAX} bytes, this one has {}",
            spec.len()
        ));
    }
    let spec: String = spec
        .trim()
        .to_lowercase()
        .chars()
        .filter(|c| !matches!(c, '_' | ',' | ' '))
        .collect();
    if is_digits(&spec) && !is_compact_date(&spec) {
        return bounded(spec.parse().ok(), &spec);
    }
    let split = spec.find('+').or_else(|| spec.find('-'));
    let (reference, offset) = spec.split_at(split.unwrap_or(spec.len()));
    let reference_s = reference_time(reference, now_s, zone)?;
    bounded(reference_s.checked_add(interval(offset)?), &spec)
}

fn bounded(seconds: Option<i64>, spec: &str) -> Result<i64, QueryError> {
    match seconds {
        Some(seconds) if (SECONDS_MIN..=SECONDS_MAX).contains(&seconds) => Ok(seconds),
        _ => invalid(format!("Time out of range: {spec}")),
    }
}

/// Eight digits are a date if they can be one, and an epoch if not.
fn is_compact_date(digits: &str) -> bool {
    let number = |range: std::ops::Range<usize>| -> u32 {
        let part = digits.get(range);
        part.and_then(|part| part.parse().ok()).unwrap_or(u32::MAX)
    };
    digits.len() == 8 && number(0..4) > 1900 && number(4..6) < 13 && number(6..8) < 32
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn reference_time(reference: &str, now_s: i64, zone: &TimeZone) -> Result<i64, QueryError> {
    if reference.is_empty() || reference == "now" {
        return Ok(now_s);
    }
    let Ok(now) = Timestamp::from_second(now_s) else {
        return invalid(format!("Time out of range: {now_s}"));
    };
    let today = zone.to_datetime(now).date();
    let (clock, day) = take_clock(reference)?;
    let date = day_of(day, today, reference)?;
    let local = DateTime::from_parts(date, clock);
    match zone.to_ambiguous_timestamp(local).later() {
        Ok(instant) => Ok(instant.as_second()),
        Err(_) => invalid(format!("Time out of range: {reference}")),
    }
}

/// Read the time of day in front; give it with what follows it.
fn take_clock(reference: &str) -> Result<(Time, &str), QueryError> {
    let (mut hour, mut minute) = (0, 0);
    let mut rest = reference;
    if let Some((digits, after)) = split_early(rest, ":") {
        let cut = after
            .char_indices()
            .nth(2)
            .map_or(after.len(), |(at, _)| at);
        let (minutes, after) = after.split_at(cut);
        hour = number(digits, reference)?;
        minute = number(minutes, reference)?;
        rest = after;
        if let Some(after) = rest.strip_prefix("am") {
            rest = after;
        } else if let Some(after) = rest.strip_prefix("pm") {
            hour = (hour + 12) % 24;
            rest = after;
        }
    }
    if let Some((digits, after)) = split_early(rest, "am") {
        hour = number(digits, reference)?;
        rest = after;
    }
    if let Some((digits, after)) = split_early(rest, "pm") {
        hour = (number(digits, reference)? + 12) % 24;
        rest = after;
    }
    for (word, named_hour) in [("noon", 12), ("midnight", 0), ("teatime", 16)] {
        if let Some(after) = rest.strip_prefix(word) {
            (hour, minute, rest) = (named_hour, 0, after);
            break;
        }
    }
    if !(0..24).contains(&hour) {
        return invalid("hour must be in 0..23".to_owned());
    }
    match Time::new(hour as i8, minute as i8, 0, 0) {
        Ok(clock) => Ok((clock, rest)),
        Err(_) => invalid("minute must be in 0..59".to_owned()),
    }
}

/// What stands before and after the first `mark`, if one or two bytes stand before it.
fn split_early<'a>(text: &'a str, mark: &str) -> Option<(&'a str, &'a str)> {
    let (before, after) = text.split_once(mark)?;
    matches!(before.len(), 1 | 2).then_some((before, after))
}

/// A number of one or two digits, small enough for every use.
fn number(digits: &str, reference: &str) -> Result<i32, QueryError> {
    match digits.parse() {
        Ok(number) if is_digits(digits) => Ok(number),
        _ => invalid(format!("Unknown day reference: {reference}")),
    }
}

fn day_of(day: &str, today: Date, reference: &str) -> Result<Date, QueryError> {
    let days_back = match day {
        "" | "today" => Some(0),
        "yesterday" => Some(1),
        "tomorrow" => Some(-1),
        _ => None,
    };
    if let Some(days) = days_back {
        return back(today, days, reference);
    }
    if day.matches('/').count() == 2 {
        return slashed_date(day, reference);
    }
    if day.len() == 8 && is_digits(day) {
        let part = |range: std::ops::Range<usize>| day.get(range).and_then(|p| p.parse().ok());
        return date(part(0..4), part(4..6), part(6..8), reference);
    }
    let word = day.get(..3).unwrap_or_default();
    if let Some(month) = MONTHS.iter().position(|&month| month == word) {
        let in_month = last_digits(day);
        if in_month.is_none() {
            return invalid("Day of month required after month name".to_owned());
        }
        let year = Some(i32::from(today.year()));
        return date(year, Some(month as i32 + 1), in_month, reference);
    }
    if let Some(weekday) = WEEKDAYS.iter().position(|&weekday| weekday == word) {
        let now = i64::from(today.weekday().to_sunday_zero_offset());
        return back(today, (now - weekday as i64).rem_euclid(7), reference);
    }
    invalid(format!("Unknown day reference: {reference}"))
}

fn back(today: Date, days: i64, reference: &str) -> Result<Date, QueryError> {
    match today.checked_sub(Span::new().days(days)) {
        Ok(day) => Ok(day),
        Err(_) => invalid(format!("Time out of range: {reference}")),
    }
}

/// Month, day, year; a year of two digits lies between 1970 and 2069.
fn slashed_date(day: &str, reference: &str) -> Result<Date, QueryError> {
    let mut parts = day.split('/').map(|part| {
        let number = part.parse::<i32>().ok();
        number.filter(|_| is_digits(part) && part.len() <= 4)
    });
    let (month, in_month, year) = (
        parts.next().flatten(),
        parts.next().flatten(),
        parts.next().flatten(),
    );
    let year = year.map(|year| if year < 1900 { year + 1900 } else { year });
    let year = year.map(|year| if year < 1970 { year + 100 } else { year });
    date(year, month, in_month, reference)
}

/// The number in the last two characters, or in the last one.
fn last_digits(day: &str) -> Option<i32> {
    let tail = |bytes: usize| day.get(day.len().checked_sub(bytes)?..);
    let digits = [2, 1].into_iter().filter_map(tail).find(|t| is_digits(t))?;
    digits.parse().ok()
}

fn date(
    year: Option<i32>,
    month: Option<i32>,
    day: Option<i32>,
    reference: &str,
) -> Result<Date, QueryError> {
    let (Some(year), Some(month), Some(day)) = (year, month, day) else {
        return invalid(format!("Unknown day reference: {reference}"));
    };
    if !(1..=9999).contains(&year) {
        return invalid(format!("year {year} is out of range"));
    }
    if !(1..=12).contains(&month) {
        return invalid("month must be in 1..12".to_owned());
    }
    match Date::new(year as i16, month as i8, i8::try_from(day).unwrap_or(-1)) {
        Ok(date) => Ok(date),
        Err(_) => invalid("day is out of range for month".to_owned()),
    }
}

/// The signed length of `spec` in seconds, such as `-1d3h`. Empty is 0; unsigned is positive.
///
/// # Errors
/// [`QueryError::Invalid`] where a number or a unit is missing or unknown, or the sum too large.
pub fn interval(spec: &str) -> Result<i64, QueryError> {
    let (sign, mut rest) = match spec.as_bytes().first() {
        None => return Ok(0),
        Some(b'-') => (-1, &spec[1..]),
        Some(b'+') => (1, &spec[1..]),
        Some(byte) if byte.is_ascii_digit() => (1, spec),
        Some(_) => return invalid(format!("Invalid offset: {spec}")),
    };
    let mut total_s: Option<i64> = Some(0);
    while !rest.is_empty() {
        let (digits, after) = split_while(rest, |c| c.is_ascii_digit());
        let (unit, after) = split_while(after, char::is_alphabetic);
        if digits.is_empty() {
            return invalid(format!("Invalid offset: {spec}"));
        }
        let unit_s = unit_seconds(unit)?;
        let part_s = digits
            .parse::<i64>()
            .ok()
            .and_then(|n| n.checked_mul(unit_s));
        total_s = total_s.zip(part_s).and_then(|(a, b)| a.checked_add(b));
        rest = after;
    }
    match total_s {
        // Twice the years that a date can have: more only overflows.
        Some(total_s) if total_s <= 2 * SECONDS_MAX => Ok(sign * total_s),
        _ => invalid(format!("Offset out of range: {spec}")),
    }
}

fn split_while(text: &str, keep: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !keep(c)).unwrap_or(text.len()))
}

/// The seconds of a unit such as `min` or `minutes`: its first letters decide.
///
/// # Errors
/// [`QueryError::Invalid`] where it is none.
pub(super) fn unit_seconds(unit: &str) -> Result<i64, QueryError> {
    const UNITS: [(&str, i64); 7] = [
        ("s", 1),
        ("min", 60),
        ("h", 3600),
        ("d", DAY_S),
        ("w", 7 * DAY_S),
        ("mon", 30 * DAY_S),
        ("y", 365 * DAY_S),
    ];
    let known = UNITS.iter().find(|(prefix, _)| unit.starts_with(prefix));
    match known {
        Some(&(_, seconds)) => Ok(seconds),
        None => invalid(format!("Invalid offset unit '{unit}'")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;

    /// Sunday 2015-03-08T12:00:00Z.
    const NOW: i64 = 1_425_816_000;
    /// The same day at 12:00 in New York, where the clock went forward that morning.
    const NOON_IN_NEW_YORK: i64 = 1_425_830_400;

    #[track_caller]
    fn check(zone_name: &str, now_s: i64, cases: &str) {
        let zone = zone(zone_name);
        for case in cases.lines().flat_map(|line| line.split('|')) {
            let Some((spec, want)) = case.split_once("->") else {
                continue;
            };
            let (spec, want) = (spec.trim(), want.trim());
            let got = match parse(spec, now_s, &zone) {
                Ok(seconds) => seconds.to_string(),
                Err(_) => "ERR".to_owned(),
            };
            assert_eq!(got, want, "{spec:?} in {zone_name}");
        }
    }

    #[test]
    fn times_that_graphite_web_was_asked_for() {
        check(
            "UTC",
            NOW,
            "now -> 1425816000 | -1h -> 1425812400 | -1d -> 1425729600 | -1w -> 1425211200
             -1mon -> 1423224000 | -1y -> 1394280000 | -90s -> 1425815910 | -5min -> 1425815700
             -5m -> ERR | 5d -> ERR | -1hour -> 1425812400 | -2hours -> 1425808800
             -1d12h -> 1425686400 | +1h -> 1425819600 | now-1h -> 1425812400
             now+30min -> 1425817800 | today -> 1425772800 | yesterday -> 1425686400
             tomorrow -> 1425859200 | midnight -> 1425772800 | noon -> 1425816000
             teatime -> 1425830400 | midnight+1d -> 1425859200 | noon yesterday -> 1425729600
             noon_yesterday -> 1425729600 | 12:30 -> 1425817800 | 12:30_yesterday -> 1425731400
             6am -> 1425794400 | 6pm -> 1425837600 | 6am+3h -> 1425805200 | 8:50 -> 1425804600
             00:01 -> 1425772860 | 23:59 -> 1425859140 | 4pm_20150301 -> 1425225600
             16:00_20150301 -> 1425225600 | 20150301 -> 1425168000 | 20151332 -> 20151332
             01/02/15 -> 1420156800 | 01/02/2015 -> 1420156800 | 1/2/15 -> 1420156800
             01/02/69 -> 3124310400 | 01/02/70 -> 86400 | 06:01_20150308 -> 1425794460
             jan 5 -> 1420416000 | january5 -> 1420416000 | dec 31 -> 1451520000
             mon -> 1425254400 | monday -> 1425254400 | sunday -> 1425772800
             saturday -> 1425686400 | fri -> 1425600000 | 1425816000 -> 1425816000
             1425816000.5 -> ERR | 0 -> 0 | -0d -> 1425816000 | -1 -> ERR | 1d -> ERR
             12:30am -> 1425817800 | 12:30pm -> 1425774600 | 12pm -> 1425772800
             12am -> 1425816000 | -1minute -> 1425815940 | -1month -> 1423224000
             -1weeks -> 1425211200 | -10years -> 1110456000 | -1 h -> 1425812400
             -1H -> 1425812400 | -1D -> 1425729600 | now-1h30min -> 1425810600
             now - 1 hour -> 1425812400 | 10:00 today -> 1425808800
             10pm tomorrow -> 1425938400 | monday-1w -> 1424649600 | 2015-03-01 -> ERR
             2015-03-01T00:00:00 -> ERR | midnight_20150301-1h -> 1425164400 | -60 -> ERR
             -1hm -> 1425812400 | foo -> ERR | 25:00 -> ERR | -1q -> ERR | jan 32 -> ERR
             feb 29 -> ERR | 1425816000000 -> ERR",
        );
    }

    #[test]
    fn an_unknown_zone_is_utc() {
        assert_eq!(zone("Mars/Olympus"), TimeZone::UTC);
        assert_eq!(zone("../../etc/passwd"), TimeZone::UTC);
        assert_ne!(zone("Europe/Berlin"), TimeZone::UTC);
    }

    #[test]
    fn a_day_on_which_the_clock_changes() {
        check(
            "America/New_York",
            NOON_IN_NEW_YORK,
            "-1d -> 1425744000 | -12h -> 1425787200 | midnight -> 1425790800
             today -> 1425790800 | yesterday -> 1425704400 | 20150308 -> 1425790800
             03:30_20150308 -> 1425799800 | 02:30_20150308 -> 1425799800",
        );
    }

    #[test]
    fn errors_have_the_originals_text() {
        for (spec, want) in [
            ("foo", "Unknown day reference: foo"),
            ("noonfoo", "Unknown day reference: noonfoo"),
            ("-5m", "Invalid offset unit 'm'"),
            ("jan", "Day of month required after month name"),
            ("25:00", "hour must be in 0..23"),
            ("feb 29", "day is out of range for month"),
        ] {
            let got = parse(spec, NOW, &TimeZone::UTC);
            assert_eq!(got, Err(QueryError::Invalid(want.to_owned())), "{spec}");
        }
    }

    #[test]
    fn intervals() {
        for (spec, want) in [
            ("1h", Some(3600)),
            ("-1h", Some(-3600)),
            ("+1h", Some(3600)),
            ("1d3h", Some(97_200)),
            ("10", None),
            ("h", None),
            ("", Some(0)),
            ("1x", None),
            ("5minutes", Some(300)),
            ("5m", None),
            ("1mon", Some(2_592_000)),
            ("1month", Some(2_592_000)),
            ("1moo", None),
            ("1s", Some(1)),
            ("1sec", Some(1)),
            ("1w", Some(604_800)),
            ("1y", Some(31_536_000)),
            ("1.5h", None),
            ("1h ", None),
            ("-1h+2h", None),
            ("9223372036854775807y", None),
            ("99999999999999999999s", None),
            ("-99999999y", None),
        ] {
            assert_eq!(interval(spec).ok(), want, "{spec:?}");
        }
    }

    #[test]
    fn nothing_panics() {
        const PIECES: [&str; 24] = [
            "now",
            "12",
            ":",
            "am",
            "pm",
            "noon",
            "jan",
            "mon",
            "/",
            "-",
            "+",
            "9999",
            "d",
            "min",
            "é",
            "今",
            "\u{0}",
            "yesterday",
            "20150301",
            "99999999999999999999",
            "y",
            "٣",
            ".",
            "",
        ];
        let zones = [
            TimeZone::UTC,
            zone("America/New_York"),
            zone("Pacific/Apia"),
        ];
        for seed in 0..20_000 {
            let mut random = Random::new(seed);
            let spec: String = (0..random.below(7))
                .map(|_| PIECES[random.below(PIECES.len() as u64) as usize])
                .collect();
            let now = [NOW, 0, i64::MIN, i64::MAX, SECONDS_MAX, SECONDS_MIN];
            for now in now {
                let zone = &zones[random.below(3) as usize];
                let _ = (parse(&spec, now, zone), interval(&spec));
            }
        }
    }
}
