//! Labels of the y axis: numbers with the prefixes of their units.

/// How large numbers are made short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Units {
    /// Not at all.
    None,
    /// By thousands.
    Si,
    /// By 1024.
    Binary,
    /// The numbers are seconds.
    Seconds,
    /// The numbers are milliseconds.
    Millis,
}

const MINUTE: f64 = 60.0;
const HOUR: f64 = 60.0 * MINUTE;
const DAY: f64 = 24.0 * HOUR;
const MONTH: f64 = 30.0 * DAY;
const YEAR: f64 = 365.0 * DAY;

impl Units {
    /// What `yUnitSystem` calls so; unknown ones are SI, as in graphite-web.
    pub(super) fn named(name: &str) -> Units {
        match name.to_ascii_lowercase().as_str() {
            "binary" => Units::Binary,
            "sec" => Units::Seconds,
            "msec" => Units::Millis,
            "none" => Units::None,
            _ => Units::Si,
        }
    }

    /// Prefixes with their sizes, largest first.
    fn prefixes(self) -> &'static [(&'static str, f64)] {
        match self {
            Units::None => &[],
            Units::Si => &[("P", 1e15), ("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)],
            Units::Binary => &[
                ("Pi", 1_125_899_906_842_624.0),
                ("Ti", 1_099_511_627_776.0),
                ("Gi", 1_073_741_824.0),
                ("Mi", 1_048_576.0),
                ("Ki", 1_024.0),
            ],
            Units::Seconds => &[
                ("Y", YEAR),
                ("M", MONTH),
                ("D", DAY),
                ("H", HOUR),
                ("m", MINUTE),
            ],
            Units::Millis => &[
                ("Y", 1e3 * YEAR),
                ("M", 1e3 * MONTH),
                ("D", 1e3 * DAY),
                ("H", 1e3 * HOUR),
                ("m", 1e3 * MINUTE),
                ("s", 1e3),
            ],
        }
    }

    /// The largest prefix that neither `value` nor `step` is too small for.
    fn prefix(self, value: f64, step: Option<f64>) -> (&'static str, f64) {
        let fits = |size: f64| size <= value.abs() && step.is_none_or(|step| size <= step);
        let mut fitting = self.prefixes().iter().filter(|(_, size)| fits(*size));
        fitting.next().copied().unwrap_or(("", 1.0))
    }

    /// What stands beside `value` on an axis whose labels are `step` apart; `None` on a logarithmic one.
    pub(super) fn label(self, value: f64, step: Option<f64>) -> String {
        let (prefix, size) = self.prefix(value, step);
        let number = match step {
            Some(step) if value.abs() < step * 1e-6 => "0".to_owned(),
            Some(step) => stepped(value / size, step / size),
            None => general(value / size),
        };
        match prefix {
            "" => number,
            prefix => format!("{number} {prefix}"),
        }
    }
}

/// Digits behind the point of the finest label.
const DECIMALS_MAX: usize = 6;

/// With as many digits behind the point as tell one step from the next.
fn stepped(value: f64, step: f64) -> String {
    if 1e15 <= value.abs() {
        return general(value);
    }
    match decimals(step) {
        Some(decimals) => format!("{value:.decimals$}"),
        None => general(value),
    }
}

/// How many digits behind the point `step` has: all of them if they are few, else three that count.
/// `None` if even [`DECIMALS_MAX`] show nothing.
fn decimals(step: f64) -> Option<usize> {
    let mut scaled = step;
    for decimals in 0..=DECIMALS_MAX {
        let whole = scaled.round();
        if 1.0 <= whole && (scaled - whole).abs() < 1e-6 * whole {
            return Some(decimals);
        }
        if 100.0 <= scaled {
            return Some(decimals);
        }
        scaled *= 10.0;
    }
    (1.0 <= scaled).then_some(DECIMALS_MAX)
}

/// Six digits that count, as C's `%g`.
fn general(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let scientific = format!("{value:.5e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-5..6).contains(&exponent) {
        let decimals = usize::try_from(5 - exponent).unwrap_or(0);
        return trimmed(&format!("{value:.decimals$}")).to_owned();
    }
    format!("{}e{exponent}", trimmed(digits))
}

/// Without the zeros behind the last digit that counts.
fn trimmed(number: &str) -> &str {
    if number.contains('.') {
        number.trim_end_matches('0').trim_end_matches('.')
    } else {
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(units: Units, step: f64, values: &[f64], want: &[&str]) {
        let got: Vec<String> = values
            .iter()
            .map(|&value| units.label(value, Some(step)))
            .collect();
        assert_eq!(got, want, "{units:?} step {step}");
    }

    #[test]
    fn thousands() {
        check(Units::Si, 20.0, &[0.0, 20.0, 40.0], &["0", "20", "40"]);
        check(
            Units::Si,
            0.5,
            &[-0.5, 0.0, 0.5, 1.0],
            &["-0.5", "0", "0.5", "1.0"],
        );
        check(
            Units::Si,
            500.0,
            &[500.0, 1000.0, 1500.0],
            &["500", "1000", "1500"],
        );
        check(Units::Si, 2e3, &[0.0, 2e3, 1e4], &["0", "2 k", "10 k"]);
        check(Units::Si, 5e8, &[5e8, 1e9], &["500 M", "1000 M"]);
        check(Units::Si, 2e15, &[-2e15, 2e15], &["-2 P", "2 P"]);
        check(Units::None, 2e3, &[2e3, 1e4], &["2000", "10000"]);
        check(Units::Si, 0.25, &[0.25], &["0.25"]);
        check(Units::Si, 1e-9, &[2e-9, 1e-20], &["2e-9", "0"]);
    }

    #[test]
    fn other_systems() {
        check(Units::Binary, 1024.0, &[1024.0, 4096.0], &["1 Ki", "4 Ki"]);
        check(Units::Binary, 2_097_152.0, &[2_097_152.0], &["2 Mi"]);
        check(Units::Seconds, 1800.0, &[1800.0, 3600.0], &["30 m", "60 m"]);
        check(Units::Seconds, 5000.0, &[5000.0], &["1.39 H"]);
        check(Units::Millis, 500.0, &[500.0, 1000.0], &["500", "1000"]);
        check(Units::Millis, 2000.0, &[2000.0, 4000.0], &["2 s", "4 s"]);
        assert_eq!(Units::named("BINARY"), Units::Binary);
        assert_eq!(Units::named("furlongs"), Units::Si);
    }

    #[test]
    fn logarithmic_labels() {
        let log = |value| Units::Si.label(value, None);
        let got = [1e-7, 0.01, 0.5, 1.0, 100.0, 1e3, 1.5e6, 1e21].map(log);
        assert_eq!(
            got,
            ["1e-7", "0.01", "0.5", "1", "100", "1 k", "1.5 M", "1e6 P"]
        );
    }

    #[test]
    fn extremes_have_labels() {
        for value in [f64::MAX, -f64::MAX, f64::MIN_POSITIVE, 5e-324, 1e300] {
            for step in [5e-324, 1e-300, 1.0, 1e300, f64::MAX] {
                let label = Units::Si.label(value, Some(step));
                assert!(!label.is_empty() && label.len() < 40, "{label}");
            }
        }
    }
}
