//! Numbers as text, as Python prints them: names and tags of series show them.

use crate::base::decimal;

/// C's `%g`: six significant digits, trailing zeros dropped.
pub fn general(value: f64) -> String {
    if !value.is_finite() {
        return not_finite(value);
    }
    let (digits, exponent) = scientific(format!("{value:.5e}"));
    write(&digits, exponent, 6, value.is_sign_negative())
}

/// Python's `str(float)`: the shortest text that reads back the same, with a decimal point or an
/// exponent.
pub fn float(value: f64) -> String {
    let mut text = Vec::new();
    decimal::push_float(value, &mut text);
    String::from_utf8(text).unwrap_or_default()
}

/// As Python tells a number: [`float`], or one that is known to be whole, without a point.
pub fn told(value: f64, is_integer: bool) -> String {
    if !is_integer || !value.is_finite() {
        return float(value);
    }
    // Zero has no sign there.
    format!("{:.0}", value + 0.0)
}

fn not_finite(value: f64) -> String {
    match (value.is_nan(), value.is_sign_negative()) {
        (true, _) => "nan",
        (false, true) => "-inf",
        (false, false) => "inf",
    }
    .to_owned()
}

/// The significant digits without trailing zeros, at least one, and the power of ten of the first.
fn scientific(text: String) -> (String, i32) {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let significant = digits.trim_end_matches('0');
    let digits = if significant.is_empty() {
        "0"
    } else {
        significant
    };
    (digits.to_owned(), exponent.parse().unwrap_or(0))
}

/// Fixed notation for powers of ten from -4 up to below `fixed_below`, else an exponent of at
/// least two digits.
fn write(digits: &str, exponent: i32, fixed_below: i32, negative: bool) -> String {
    let mut text = String::from(if negative { "-" } else { "" });
    if !(-4..fixed_below).contains(&exponent) {
        let (first, rest) = digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        let sign = if exponent < 0 { '-' } else { '+' };
        let power = exponent.unsigned_abs();
        text.push_str(&format!("{first}{point}{rest}e{sign}{power:02}"));
    } else if exponent < 0 {
        let zeros = "0".repeat(exponent.unsigned_abs() as usize - 1);
        text.push_str(&format!("0.{zeros}{digits}"));
    } else {
        let whole = exponent as usize + 1;
        if digits.len() <= whole {
            text.push_str(&format!("{digits:0<whole$}"));
        } else {
            let (before, after) = digits.split_at(whole);
            text.push_str(&format!("{before}.{after}"));
        }
    }
    text
}

/// Python's `round(value, 6)`: to the nearest decimal of six places, of the value as it is exactly.
pub fn round_to_micro(value: f64) -> f64 {
    let scaled = value * 1e6;
    // Far from a tie the rounding of the multiplication cannot matter, and a whole number divided
    // by 10^6 is rounded just as its decimal text would be.
    let from_tie = (scaled.fract().abs() - 0.5).abs();
    if scaled.abs() < 1e12 && from_tie > 1e-3 {
        return scaled.round() / 1e6;
    }
    if value.abs() >= (1u64 << 53) as f64 || !value.is_finite() {
        return value;
    }
    format!("{value:.6}").parse().unwrap_or(value)
}

/// A system of prefixes of units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Units {
    /// Powers of 1024: `Ki`, `Mi` and so on.
    Binary,
    /// Powers of 1000: `k`, `M` and so on.
    Si,
}

impl Units {
    /// The system that Graphite calls `name`.
    pub fn named(name: &str) -> Option<Units> {
        match name {
            "binary" => Some(Units::Binary),
            "si" => Some(Units::Si),
            _ => None,
        }
    }

    /// Prefixes with what one of them is, the largest first.
    fn prefixes(self) -> [(&'static str, f64); 5] {
        match self {
            Units::Binary => [
                ("Pi", 1_125_899_906_842_624.0),
                ("Ti", 1_099_511_627_776.0),
                ("Gi", 1_073_741_824.0),
                ("Mi", 1_048_576.0),
                ("Ki", 1024.0),
            ],
            Units::Si => [("P", 1e15), ("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)],
        }
    }
}

/// `value` with the largest prefix that is not larger than it, and that prefix.
pub fn scaled(value: f64, units: Units) -> (f64, &'static str) {
    let prefixes = units.prefixes();
    let fitting = prefixes.iter().find(|prefix| value.abs() >= prefix.1);
    let (prefix, size) = fitting.copied().unwrap_or(("", 1.0));
    let scaled = value / size;
    // A hair above a whole number is that number.
    if scaled - scaled.floor() < 1e-11 && value > 1.0 {
        return (scaled.floor(), prefix);
    }
    (scaled, prefix)
}

/// Python's `round(value, places)`: to the nearest decimal of so many places of the value as it is
/// exactly, of two as near to the even one. Negative places round to tens, hundreds and so on.
pub fn round(value: f64, places: i64) -> f64 {
    // No double has a digit behind the 1074th place, and none has 400 before the point.
    const MOST: i64 = 1_100;
    if !value.is_finite() || MOST < places {
        return value;
    }
    if places == 0 {
        return value.round_ties_even();
    }
    let power = i32::try_from(places.unsigned_abs()).unwrap_or(i32::MAX);
    if power <= 22 {
        // These powers of ten are exact; see `round_to_micro`.
        let ten = 10f64.powi(power);
        let scaled = if places < 0 { value / ten } else { value * ten };
        let from_tie = (scaled.fract().abs() - 0.5).abs();
        if scaled.abs() < 1e12 && from_tie > 1e-3 {
            let whole = scaled.round();
            return if places < 0 { whole * ten } else { whole / ten };
        }
    }
    match usize::try_from(places) {
        Ok(places) => format!("{value:.places$}").parse().unwrap_or(value),
        Err(_) => round_to_tens(value, power as usize),
    }
}

/// `value` to the nearest multiple of ten to the power of `zeros`, digit by digit.
fn round_to_tens(value: f64, zeros: usize) -> f64 {
    let whole = value.abs().trunc();
    let digits = format!("{whole:.0}");
    let Some(kept) = digits.len().checked_sub(zeros) else {
        return 0.0_f64.copysign(value);
    };
    let (kept, cut) = digits.split_at(kept);
    let half = format!("5{}", "0".repeat(zeros - 1));
    let is_odd = kept.bytes().last().is_some_and(|digit| digit % 2 == 1);
    let up = match cut.cmp(half.as_str()) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Greater => true,
        std::cmp::Ordering::Equal => is_odd || whole != value.abs(),
    };
    let mut kept = kept.as_bytes().to_vec();
    if up {
        let nines = kept
            .iter()
            .rev()
            .take_while(|&&digit| digit == b'9')
            .count();
        let first_nine = kept.len() - nines;
        kept.iter_mut()
            .skip(first_nine)
            .for_each(|digit| *digit = b'0');
        match first_nine.checked_sub(1).and_then(|at| kept.get_mut(at)) {
            Some(digit) => *digit += 1,
            None => kept.insert(0, b'1'),
        }
    }
    let text = String::from_utf8(kept).unwrap_or_default();
    let rounded: f64 = format!("0{text}e{zeros}").parse().unwrap_or(0.0);
    rounded.copysign(value)
}

/// Python's `%d` of a float: without what is behind its point. `None` of infinity.
pub fn truncated(value: f64) -> Option<String> {
    // Adding zero makes a zero of the negative one.
    let whole = value.trunc() + 0.0;
    whole.is_finite().then(|| format!("{whole:.0}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;

    #[test]
    fn general_is_percent_g() {
        for (value, want) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (2.0, "2"),
            (-2.5, "-2.5"),
            (0.1, "0.1"),
            (100_000.0, "100000"),
            (1_000_000.0, "1e+06"),
            (999_999.5, "1e+06"),
            (123_456.7, "123457"),
            (1_234_567.0, "1.23457e+06"),
            (0.0001, "0.0001"),
            (0.00001234, "1.234e-05"),
            (1e100, "1e+100"),
            (1.0 / 3.0, "0.333333"),
            (5e-324, "4.94066e-324"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
        ] {
            assert_eq!(general(value), want, "{value:?}");
        }
    }

    #[test]
    fn float_is_pythons_str() {
        for (value, want) in [
            (2.0, "2.0"),
            (0.1, "0.1"),
            (-1.5, "-1.5"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.5e300, "1.5e+300"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (100.0, "100.0"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(float(value), want, "{value:?}");
        }
    }

    #[test]
    fn rounding_agrees_with_the_decimal_text() {
        let slow = |value: f64| format!("{value:.6}").parse::<f64>().expect("a number");
        for seed in 0..200_000 {
            let mut random = Random::new(seed);
            let scale = 10f64.powi(random.below(14) as i32 - 7);
            let fraction = (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64 - 0.5;
            let value = match random.below(3) {
                0 => fraction * scale,
                1 => (fraction * 1e6).round() / 60.0,
                _ => (fraction * 1e4).round() / 2e6,
            };
            assert_eq!(
                round_to_micro(value).to_bits(),
                slow(value).to_bits(),
                "seed {seed}: {value:?}"
            );
        }
        assert_eq!(round_to_micro(1e300), 1e300);
        assert!(round_to_micro(f64::NAN).is_nan());
        assert_eq!(round_to_micro(f64::INFINITY), f64::INFINITY);
    }

    #[test]
    fn rounding_is_pythons() {
        for (value, places, want) in [
            (0.5, 0, 0.0),
            (1.5, 0, 2.0),
            (-2.5, 0, -2.0),
            (2.675, 2, 2.67),
            (0.125, 2, 0.12),
            (0.375, 2, 0.38),
            (1e21, 2, 1e21),
            (1e-7, 400, 1e-7),
            (1e-7, 2_000, 1e-7),
            (25.0, -1, 20.0),
            (35.0, -1, 40.0),
            (25.000001, -1, 30.0),
            (50.0, -2, 0.0),
            (150.0, -2, 200.0),
            (51.0, -2, 100.0),
            (995.0, -1, 1_000.0),
            (1e22, -21, 1e22),
            (6e22, -23, 1e23),
            (7.0, i64::MIN, 0.0),
            (f64::INFINITY, 2, f64::INFINITY),
        ] {
            assert_eq!(round(value, places), want, "{value:?} to {places} places");
        }
        assert_eq!(truncated(-0.5).as_deref(), Some("0"));
        assert_eq!(truncated(1e20).as_deref(), Some("100000000000000000000"));
        assert_eq!(truncated(f64::NEG_INFINITY), None);
    }

    #[test]
    fn quick_rounding_agrees_with_digits() {
        for seed in 0..100_000 {
            let mut random = Random::new(seed);
            let scale = 10f64.powi(random.below(20) as i32 - 7);
            let value = (random.below(2_000_001) as f64 - 1e6) / 64.0 * scale;
            let places = random.below(9) as usize;
            let behind: f64 = format!("{value:.places$}").parse().expect("a number");
            assert_eq!(
                round(value, places as i64),
                behind,
                "seed {seed}: {value:?}"
            );
            if 0 < places {
                let before = round_to_tens(value, places);
                assert_eq!(
                    round(value, -(places as i64)),
                    before,
                    "seed {seed}: {value:?}"
                );
            }
        }
    }
}
