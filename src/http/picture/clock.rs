//! The x axis: which times have labels and grid lines, by how much time a pixel is.

use jiff::civil::DateTime;
use jiff::fmt::strtime::{self, BrokenDownTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::http::errors::Failure;
use crate::query::breath::Pace;
use crate::query::error::QueryError;

/// Lines or labels of one axis.
const TICKS_MAX: usize = 2_000;
/// What a tick costs that is found by the calendar, or a label, in values.
const TICK_COST: usize = 20;
/// Pixels from one grid line to the next, at least.
const APART_MIN: f64 = 3.0;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// From one tick to the next.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Stride {
    seconds: i64,
    /// Where the count begins: at a round minute, hour or day of local time.
    from: i64,
}

const fn seconds(seconds: i64) -> Stride {
    Stride {
        seconds,
        from: MINUTE,
    }
}

const fn minutes(minutes: i64) -> Stride {
    Stride {
        seconds: minutes * MINUTE,
        from: HOUR,
    }
}

const fn hours(hours: i64) -> Stride {
    Stride {
        seconds: hours * HOUR,
        from: DAY,
    }
}

const fn days(days: i64) -> Stride {
    Stride {
        seconds: days * DAY,
        from: DAY,
    }
}

/// What an axis looks like.
struct Look {
    /// From so many seconds in a pixel.
    from: f64,
    minor: Stride,
    major: Stride,
    label: Stride,
    format: &'static str,
    /// For ranges of so many seconds at most.
    range_max: i64,
}

const fn look(
    from: f64,
    lines: (Stride, Stride),
    label: Stride,
    format: &'static str,
    range_max: i64,
) -> Look {
    Look {
        from,
        minor: lines.0,
        major: lines.1,
        label,
        format,
        range_max,
    }
}

const SECOND_FORMAT: &str = "%H:%M:%S";
const MINUTE_FORMAT: &str = "%H:%M";
const DAY_FORMAT: &str = "%m/%d";
const YEAR_FORMAT: &str = "%m/%d %Y";
const EVER: i64 = i64::MAX;

/// The finest first; as graphite-web has it, which has it from RRDtool.
const LOOKS: &[Look] = &[
    look(
        0.0,
        (seconds(5), minutes(1)),
        seconds(5),
        SECOND_FORMAT,
        10 * MINUTE,
    ),
    look(
        0.07,
        (seconds(10), minutes(1)),
        seconds(10),
        SECOND_FORMAT,
        20 * MINUTE,
    ),
    look(
        0.14,
        (seconds(15), minutes(1)),
        seconds(15),
        SECOND_FORMAT,
        30 * MINUTE,
    ),
    look(
        0.27,
        (seconds(30), minutes(2)),
        minutes(1),
        MINUTE_FORMAT,
        2 * HOUR,
    ),
    look(
        0.5,
        (minutes(1), minutes(2)),
        minutes(1),
        MINUTE_FORMAT,
        2 * HOUR,
    ),
    look(
        1.2,
        (minutes(1), minutes(4)),
        minutes(2),
        MINUTE_FORMAT,
        3 * HOUR,
    ),
    look(
        2.0,
        (minutes(1), minutes(10)),
        minutes(5),
        MINUTE_FORMAT,
        6 * HOUR,
    ),
    look(
        5.0,
        (minutes(2), minutes(10)),
        minutes(10),
        MINUTE_FORMAT,
        12 * HOUR,
    ),
    look(
        10.0,
        (minutes(5), minutes(20)),
        minutes(20),
        MINUTE_FORMAT,
        DAY,
    ),
    look(
        30.0,
        (minutes(10), hours(1)),
        hours(1),
        MINUTE_FORMAT,
        2 * DAY,
    ),
    look(
        60.0,
        (minutes(30), hours(2)),
        hours(2),
        MINUTE_FORMAT,
        2 * DAY,
    ),
    look(100.0, (hours(2), hours(4)), hours(4), "%a %H:%M", 6 * DAY),
    look(
        255.0,
        (hours(6), hours(12)),
        hours(12),
        "%m/%d %H:%M",
        10 * DAY,
    ),
    look(600.0, (hours(6), days(1)), days(1), DAY_FORMAT, 14 * DAY),
    look(1e3, (hours(12), days(1)), days(1), DAY_FORMAT, 365 * DAY),
    look(2e3, (days(1), days(2)), days(2), DAY_FORMAT, 365 * DAY),
    look(4e3, (days(2), days(4)), days(4), DAY_FORMAT, 365 * DAY),
    look(8e3, (hours(84), days(7)), days(7), DAY_FORMAT, 365 * DAY),
    look(16e3, (days(7), days(14)), days(14), DAY_FORMAT, 365 * DAY),
    look(32e3, (days(15), days(30)), days(30), DAY_FORMAT, 365 * DAY),
    look(64e3, (days(30), days(60)), days(60), YEAR_FORMAT, EVER),
    look(100e3, (days(60), days(120)), days(120), YEAR_FORMAT, EVER),
    look(120e3, (days(120), days(240)), days(240), YEAR_FORMAT, EVER),
];

/// Times of the x axis, in seconds since the epoch, all from `start` on and before `end`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Clock {
    pub(super) minor: Vec<i64>,
    pub(super) major: Vec<i64>,
    pub(super) labels: Vec<(i64, String)>,
}

impl Clock {
    /// For the seconds from `start` to `end` over `pixels`; `format` is the request's.
    ///
    /// # Errors
    /// A format that is none, and what `pace` says.
    pub(super) async fn new(
        (start, end): (i64, i64),
        pixels: f64,
        format: Option<&str>,
        zone: &TimeZone,
        pace: &Pace<'_>,
    ) -> Result<Clock, Failure> {
        let range = end.saturating_sub(start).max(1);
        let per_pixel = range as f64 / pixels.max(1.0);
        let fitting = |look: &&Look| range <= look.range_max;
        // A long range on a wide picture: nothing so fine is made for it.
        let look = LOOKS
            .iter()
            .filter(fitting)
            .rfind(|look| look.from <= per_pixel)
            .or(LOOKS.iter().find(fitting));
        let Some(look) = look else {
            return Ok(Clock {
                minor: Vec::new(),
                major: Vec::new(),
                labels: Vec::new(),
            });
        };
        let ticks = |stride| ticks(spread(stride, per_pixel), (start, end), zone, pace);
        let format = format.unwrap_or(look.format);
        let mut labels = Vec::new();
        for at in ticks(look.label).await? {
            labels.push((at, label(at, format, zone)?));
            pace.did(TICK_COST).await?;
        }
        Ok(Clock {
            minor: ticks(look.minor).await?,
            major: ticks(look.major).await?,
            labels,
        })
    }
}

/// `stride`, doubled until its ticks can be told apart.
fn spread(mut stride: Stride, per_pixel: f64) -> Stride {
    while (stride.seconds as f64) < APART_MIN * per_pixel && stride.seconds < EVER / 4 {
        stride.seconds *= 2;
    }
    stride
}

async fn ticks(
    stride: Stride,
    (start, end): (i64, i64),
    zone: &TimeZone,
    pace: &Pace<'_>,
) -> Result<Vec<i64>, QueryError> {
    let Some(first) = local(start, zone).and_then(|local| rounded(local, stride)) else {
        return Ok(Vec::new());
    };
    let mut ticks = Vec::new();
    if stride.seconds <= HOUR {
        // Clock changes are whole hours, or halves: what is round stays round.
        let Ok(first) = first.to_zoned(zone.clone()) else {
            return Ok(ticks);
        };
        let mut at = first.timestamp().as_second();
        while at < start {
            at = at.saturating_add(stride.seconds);
        }
        while at < end && ticks.len() < TICKS_MAX {
            ticks.push(at);
            at = at.saturating_add(stride.seconds);
        }
        return Ok(ticks);
    }
    let mut next = Some(first);
    let mut steps = 0;
    while let Some(at) = next
        && steps < TICKS_MAX
    {
        steps += 1;
        next = at
            .checked_add(SignedDuration::from_secs(stride.seconds))
            .ok();
        let Ok(instant) = at.to_zoned(zone.clone()) else {
            break;
        };
        let second = instant.timestamp().as_second();
        if end <= second {
            break;
        }
        if start <= second && ticks.last().is_none_or(|last| *last < second) {
            ticks.push(second);
        }
        pace.did(TICK_COST).await?;
    }
    Ok(ticks)
}

fn local(second: i64, zone: &TimeZone) -> Option<DateTime> {
    let at = Timestamp::from_second(second).ok()?;
    Some(zone.to_datetime(at))
}

/// The last tick at or before `local`.
fn rounded(local: DateTime, stride: Stride) -> Option<DateTime> {
    let into_day = HOUR * i64::from(local.hour())
        + MINUTE * i64::from(local.minute())
        + i64::from(local.second());
    let into = into_day % stride.from;
    let over = if stride.seconds < stride.from {
        into % stride.seconds
    } else {
        into
    };
    local.checked_sub(SignedDuration::from_secs(over)).ok()
}

fn label(second: i64, format: &str, zone: &TimeZone) -> Result<String, Failure> {
    let Ok(at) = Timestamp::from_second(second) else {
        return Ok(String::new());
    };
    let at = at.to_zoned(zone.clone());
    let broken = BrokenDownTime::from(&at);
    let config = strtime::Config::new().lenient(true);
    broken
        .to_string_with_config(&config, format)
        .map_err(|error| {
            Failure::invalid(format!(
                "xFormat is {format:?}, which cannot be used: {error}"
            ))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::breath::Breathless;
    use crate::query::testing::run;

    fn made(range: (i64, i64), pixels: f64, format: Option<&str>, zone: &TimeZone) -> Clock {
        let pace = Pace::new(&Breathless);
        run(Clock::new(range, pixels, format, zone, &pace)).expect("an axis")
    }

    fn clock(zone: &str, start: &str, range: i64, pixels: f64, format: Option<&str>) -> Clock {
        let zone = TimeZone::get(zone).expect("bundled");
        let start: DateTime = start.parse().expect("a time");
        let start = start
            .to_zoned(zone.clone())
            .expect("a time")
            .timestamp()
            .as_second();
        made((start, start + range), pixels, format, &zone)
    }

    #[track_caller]
    fn check(zone: &str, start: &str, range: i64, want: &[&str]) {
        let clock = clock(zone, start, range, 500.0, None);
        let labels: Vec<&str> = clock.labels.iter().map(|(_, label)| &**label).collect();
        assert_eq!(labels, want, "{zone} {start} {range}");
    }

    #[test]
    fn labels_by_range() {
        let start = "2023-11-14T17:04:30";
        let few = [
            "17:04:30", "17:04:35", "17:04:40", "17:04:45", "17:04:50", "17:04:55",
        ];
        check("UTC", start, 30, &few);
        check(
            "UTC",
            start,
            5 * MINUTE,
            &["17:05", "17:06", "17:07", "17:08", "17:09"],
        );
        check(
            "UTC",
            start,
            HOUR,
            &["17:10", "17:20", "17:30", "17:40", "17:50", "18:00"],
        );
        check(
            "UTC",
            start,
            6 * HOUR,
            &["18:00", "19:00", "20:00", "21:00", "22:00", "23:00"],
        );
        let day = [
            "Tue 20:00",
            "Wed 00:00",
            "Wed 04:00",
            "Wed 08:00",
            "Wed 12:00",
            "Wed 16:00",
        ];
        check("UTC", start, DAY, &day);
        let week = [
            "11/15", "11/16", "11/17", "11/18", "11/19", "11/20", "11/21",
        ];
        check("UTC", start, 7 * DAY, &week);
        check(
            "UTC",
            start,
            30 * DAY,
            &[
                "11/18", "11/22", "11/26", "11/30", "12/04", "12/08", "12/12",
            ],
        );
    }

    #[test]
    fn clock_changes() {
        // Forward at 2:00: labels stay at whole local hours.
        let spring = [
            "Sun 04:00",
            "Sun 08:00",
            "Sun 12:00",
            "Sun 16:00",
            "Sun 20:00",
        ];
        check("Europe/Berlin", "2024-03-31T00:30:00", 22 * HOUR, &spring);
        // Back at 3:00: the hour that comes twice is shown twice.
        let twice = clock(
            "Europe/Berlin",
            "2024-10-27T00:30:00",
            3 * HOUR,
            240.0,
            None,
        );
        let twice: Vec<&str> = twice.labels.iter().map(|(_, label)| &**label).collect();
        assert_eq!(twice, ["01:00", "02:00", "02:00"]);
        check(
            "Asia/Kathmandu",
            "2024-01-01T00:10:00",
            HOUR,
            &["00:10", "00:20", "00:30", "00:40", "00:50", "01:00"],
        );
    }

    #[test]
    fn formats() {
        let start = "2023-11-14T17:00:00";
        let own = clock("UTC", start, HOUR, 270.0, Some("%d.%m. %Q?%"));
        assert!(
            own.labels[0].1.starts_with("14.11. "),
            "{:?}",
            own.labels[0]
        );
    }

    #[test]
    fn extremes() {
        for zone in [
            TimeZone::UTC,
            TimeZone::get("America/New_York").expect("bundled"),
        ] {
            for start in [
                i64::MIN,
                -377_705_023_201,
                -62_135_596_800,
                0,
                253_402_207_200,
                i64::MAX,
            ] {
                for range in [0, 1, 60, 86_400, 31_536_000, 1 << 40, i64::MAX] {
                    for pixels in [0.0, 1.0, 300.0, 10_000.0] {
                        let end = start.saturating_add(range);
                        let clock = made((start, end), pixels, None, &zone);
                        for list in [&clock.minor, &clock.major] {
                            assert!(list.len() <= TICKS_MAX);
                            assert!(list.iter().all(|at| (start..end).contains(at)));
                            assert!(list.is_sorted());
                        }
                    }
                }
            }
        }
    }
}
