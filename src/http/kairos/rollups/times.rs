//! Times as KairosDB writes and reads them for roll-ups, in the zone of the appliance.

use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{Timestamp, civil};

use crate::query::kairos::zone::Zone;

/// Milliseconds since 1970 of a time of the form `yyyy-MM-dd-HH-mm-ss-SSS`.
pub(super) fn read(text: &str, zone: &Zone) -> Option<i64> {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day, hour, minute, second, millis] = parts.as_slice() else {
        return None;
    };
    let is_number =
        |part: &&str| (1..=4).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    if !parts.iter().all(is_number) {
        return None;
    }
    let small = |part: &str| part.parse::<i8>().ok();
    let date = civil::Date::new(year.parse().ok()?, small(month)?, small(day)?).ok()?;
    let nanos = millis
        .parse::<i32>()
        .ok()
        .filter(|&millis| millis < 1_000)?
        * 1_000_000;
    let time = civil::Time::new(small(hour)?, small(minute)?, small(second)?, nanos).ok()?;
    let civil = DateTime::from_parts(date, time);
    let local = Offset::UTC.to_timestamp(civil).ok()?.as_millisecond();
    Some(zone.instant(local, zone.offset_at(local)))
}

/// `05 Mar 2024 00:07:09 PM`: of the hours of a half day, from 0 to 11.
pub(super) fn shown(time_ms: i64, zone: &Zone) -> String {
    let local = time_ms.saturating_add(zone.offset_at(time_ms));
    let Ok(local) = Timestamp::from_millisecond(local) else {
        return time_ms.to_string();
    };
    let local = Offset::UTC.to_datetime(local);
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let month = usize::try_from(local.month() - 1)
        .ok()
        .and_then(|at| MONTHS.get(at));
    format!(
        "{:02} {} {:04} {:02}:{:02}:{:02} {}",
        local.day(),
        month.unwrap_or(&""),
        local.year(),
        local.hour() % 12,
        local.minute(),
        local.second(),
        if local.hour() < 12 { "AM" } else { "PM" }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_there_and_back() {
        let noon = 1_709_640_429_000;
        assert_eq!(shown(noon, &Zone::UTC), "05 Mar 2024 00:07:09 PM");
        assert_eq!(read("2024-03-05-12-07-09-000", &Zone::UTC), Some(noon));
        let paris = Zone::parse("Europe/Paris").expect("a zone");
        assert_eq!(shown(noon, &paris), "05 Mar 2024 01:07:09 PM");
        assert_eq!(read("2024-03-05-13-07-09-000", &paris), Some(noon));
        assert_eq!(shown(0, &Zone::UTC), "01 Jan 1970 00:00:00 AM");
        for wrong in [
            "",
            "2024-03-05",
            "2024-13-05-12-07-09-000",
            "2024-03-05-12-07-09-1000",
            "2024-03-05-12-07-60-000",
            "2024-03-05-12-07-09-00x",
            "2024-03-05-12-07-+9-000",
        ] {
            assert_eq!(read(wrong, &Zone::UTC), None, "{wrong}");
        }
    }
}
