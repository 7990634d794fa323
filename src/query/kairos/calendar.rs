//! Days, months and years of the Gregorian calendar, for any 64 bits of milliseconds. All times here are
//! local: milliseconds since the local midnight that began 1970.

/// A day.
pub(super) const DAY_MS: i64 = 86_400_000;

/// Months from the year 0 that still make sense in 64 bits of milliseconds: 300 million years.
const MONTHS_MAX: i64 = 3_600_000_000;

/// A date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Date {
    /// Months since January of the year 0.
    pub(super) months: i64,
    /// Of the month, from 1.
    pub(super) day: i64,
}

impl Date {
    /// The date of a local time.
    pub(super) fn of(local: i64) -> Date {
        // Years are counted from March, so that a leap day is the last of its year: 146,097 days are 400
        // years, and the months from March on have 31, 30, 31, 30, 31 days again and again.
        let days = local.div_euclid(DAY_MS) + 719_468;
        let era = days.div_euclid(146_097);
        let of_era = days.rem_euclid(146_097);
        let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let month = (5 * of_year + 2) / 153;
        Date {
            months: (era * 400 + year) * 12 + month + 2,
            day: of_year - (153 * month + 2) / 5 + 1,
        }
    }

    /// The local time at which it begins.
    pub(super) fn begin(self) -> i64 {
        let from_march = self.months - 2;
        let year = from_march.div_euclid(12);
        let month = from_march.rem_euclid(12);
        let of_year = (153 * month + 2) / 5 + self.day - 1;
        let of_years =
            year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
        (of_years + of_year - 719_468).saturating_mul(DAY_MS)
    }
}

/// Days of a month, which is counted since January of the year 0.
fn days_of(months: i64) -> i64 {
    let first = |months| Date { months, day: 1 }.begin() / DAY_MS;
    first(months + 1) - first(months)
}

/// So many months later or earlier; where that month is too short, on its last day.
pub(super) fn add_months(local: i64, count: i64) -> i64 {
    let date = Date::of(local);
    let months = date.months.saturating_add(count);
    let months = months.clamp(-MONTHS_MAX, MONTHS_MAX);
    let day = date.day.min(days_of(months));
    Date { months, day }
        .begin()
        .saturating_add(local.rem_euclid(DAY_MS))
}

/// Whole months from one local time to another, negative where that is the earlier one.
pub(super) fn months_between(from: i64, until: i64) -> i64 {
    if until < from {
        return -months_between(until, from);
    }
    let months = Date::of(until).months - Date::of(from).months;
    if until < add_months(from, months) {
        months - 1
    } else {
        months
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil;

    use super::*;
    use crate::query::kairos::tests::at as local;

    #[test]
    fn dates_agree_with_jiff() {
        let mut day = civil::date(-4_000, 1, 1);
        for i in 0..200_000_i64 {
            let begin = local(&format!("{day}T00:00"));
            let date = Date::of(begin + i * 7_919 % DAY_MS);
            let months = i64::from(day.year()) * 12 + i64::from(day.month()) - 1;
            assert_eq!(
                (date.months, date.day),
                (months, i64::from(day.day())),
                "{day}"
            );
            assert_eq!(date.begin(), begin, "{day}");
            day = day.checked_add(jiff::Span::new().days(11)).unwrap_or(day);
        }
    }

    #[test]
    fn months_end_on_their_last_day() {
        let january = local("2020-01-31T10:00");
        assert_eq!(add_months(january, 1), local("2020-02-29T10:00"));
        assert_eq!(add_months(january, 2), local("2020-03-31T10:00"));
        assert_eq!(add_months(january, -2), local("2019-11-30T10:00"));
        assert_eq!(
            add_months(local("2020-02-29T00:00"), 12),
            local("2021-02-28T00:00")
        );
    }

    #[test]
    fn months_are_whole() {
        let january = local("2020-01-31T10:00");
        assert_eq!(months_between(january, local("2020-02-29T09:59")), 0);
        assert_eq!(months_between(january, local("2020-02-29T10:00")), 1);
        assert_eq!(months_between(january, local("2020-03-30T10:00")), 1);
        assert_eq!(months_between(january, local("2020-03-31T10:00")), 2);
        assert_eq!(months_between(local("2020-03-31T10:00"), january), -2);
        assert_eq!(months_between(january, january), 0);
    }

    #[test]
    fn the_ends_of_time_are_no_trouble() {
        for time in [i64::MIN, i64::MIN + 1, -1, 0, i64::MAX] {
            for count in [i64::MIN, -1, 0, 1, i64::MAX] {
                add_months(time, count);
            }
            months_between(time, i64::MAX);
            months_between(time, i64::MIN);
        }
        assert_eq!(Date::of(i64::MAX).begin() / DAY_MS, i64::MAX / DAY_MS);
    }
}
