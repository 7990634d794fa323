//! Series as comma-separated values.

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

use super::{Pieces, VALUES_PER_BREATH, push_number};
use crate::base::decimal::push_integer;
use crate::query::error::QueryError;
use crate::query::series::Series;

/// Time, value, commas and line end; the name comes on top.
const LINE_BYTES: usize = 42;

/// Bytes of the longest line of `series`, about.
pub(super) fn value_bytes(series: &[Series]) -> usize {
    let longest = series.iter().map(|one| one.name.len()).max();
    LINE_BYTES + longest.unwrap_or(0)
}

/// One line a value: `name,local time,value`, ended by carriage return and newline, without a
/// header; null is empty. Names are quoted as RFC 4180 says where they need it.
///
/// # Errors
/// Time or memory of the query is used up.
pub(super) async fn print(
    mut pieces: Pieces<'_>,
    series: &[Series],
    zone: &TimeZone,
) -> Result<Vec<u8>, QueryError> {
    let mut clock = Clock::new(zone);
    for one in series {
        let name = quoted(&one.name);
        // A long name makes each of its lines cost more.
        let cost = 1 + name.len() / 256;
        let mut time = one.start;
        for values in one.values.chunks((VALUES_PER_BREATH / cost).max(1)) {
            for &value in values {
                let out = &mut pieces.text;
                out.extend_from_slice(name.as_bytes());
                out.push(b',');
                clock.push(time, out);
                out.push(b',');
                if !value.is_nan() {
                    push_number(value, one, out);
                }
                out.extend_from_slice(b"\r\n");
                time = time.saturating_add(one.step);
            }
            pieces.did(values.len() * cost).await?;
        }
    }
    Ok(pieces.text)
}

fn quoted(name: &str) -> String {
    if name.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", name.replace('"', "\"\""))
    } else {
        name.to_owned()
    }
}

/// Local times of a zone. Remembers the offset, which seldom changes from one value to the next.
struct Clock<'a> {
    zone: &'a TimeZone,
    offset: Offset,
    /// The seconds for which the offset is known.
    known: std::ops::Range<i64>,
}

impl Clock<'_> {
    fn new(zone: &TimeZone) -> Clock<'_> {
        Clock {
            zone,
            offset: Offset::UTC,
            known: 0..0,
        }
    }

    /// Append `YYYY-MM-DD HH:MM:SS`; of a time outside the years 0 to 9999 the seconds since the
    /// epoch.
    fn push(&mut self, second: i64, out: &mut Vec<u8>) {
        let Ok(at) = Timestamp::from_second(second) else {
            return push_integer(second, out);
        };
        if !self.known.contains(&second) {
            let next = self.zone.following(at).next();
            let end = next.map_or(i64::MAX, |change| change.timestamp().as_second());
            self.offset = self.zone.to_offset(at);
            self.known = second..end;
        }
        let local = self.offset.to_datetime(at);
        let year = local.year();
        if !(0..=9999).contains(&year) {
            return push_integer(second, out);
        }
        push_digits(i64::from(year), 4, out);
        for (mark, number) in [
            (b'-', local.month()),
            (b'-', local.day()),
            (b' ', local.hour()),
            (b':', local.minute()),
            (b':', local.second()),
        ] {
            out.push(mark);
            push_digits(i64::from(number), 2, out);
        }
    }
}

fn push_digits(number: i64, digits: u32, out: &mut Vec<u8>) {
    for place in (0..digits).rev() {
        out.push(b'0' + (number / 10i64.pow(place) % 10) as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;

    #[test]
    fn local_times_are_those_of_the_zone_data() {
        let seed = 20_260_820;
        let mut random = Random::new(seed);
        for name in ["UTC", "America/New_York", "Asia/Kathmandu", "Europe/Berlin"] {
            let zone = TimeZone::get(name).expect("bundled");
            let mut clock = Clock::new(&zone);
            let mut second = 0;
            for _ in 0..5_000 {
                second = match random.below(3) {
                    0 => random.below(6_000_000_000) as i64 - 2_000_000_000,
                    _ => second + random.below(100_000) as i64,
                };
                let mut text = Vec::new();
                clock.push(second, &mut text);
                let at = Timestamp::from_second(second).expect("in range");
                let want = at
                    .to_zoned(zone.clone())
                    .strftime("%Y-%m-%d %H:%M:%S")
                    .to_string();
                assert_eq!(
                    String::from_utf8(text),
                    Ok(want),
                    "seed {seed} {name} {second}"
                );
            }
        }
    }

    #[test]
    fn names_are_quoted_where_they_must_be() {
        assert_eq!(quoted("a.b"), "a.b");
        assert_eq!(quoted("f(a,\"b\")"), "\"f(a,\"\"b\"\")\"");
    }
}
