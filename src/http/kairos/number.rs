//! Numbers as KairosDB prints them: Java's digits, and no `.0` at the end.

use crate::base::decimal::push_integer;

/// From here on Java prints an exponent.
const PLAIN_BELOW: f64 = 1e7;
/// Below this too.
const PLAIN_FROM: f64 = 1e-3;

/// Append a finite `value`.
pub(super) fn push_double(value: f64, out: &mut Vec<u8>) {
    let size = value.abs();
    if size < PLAIN_BELOW && value.fract() == 0.0 {
        if value.is_sign_negative() {
            out.push(b'-');
        }
        push_integer(size as i64, out);
    } else if (PLAIN_FROM..PLAIN_BELOW).contains(&size) {
        // In this range the crate prints no exponent.
        let mut buffer = zmij::Buffer::new();
        out.extend_from_slice(buffer.format_finite(value).as_bytes());
    } else {
        let shortest = format!("{value:e}");
        let (digits, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
        out.extend_from_slice(digits.as_bytes());
        if !digits.contains('.') {
            out.extend_from_slice(b".0");
        }
        out.push(b'E');
        out.extend_from_slice(exponent.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;

    fn text(value: f64) -> String {
        let mut out = Vec::new();
        push_double(value, &mut out);
        String::from_utf8(out).expect("ASCII")
    }

    #[test]
    fn as_java_prints_them() {
        for (value, want) in [
            (5.0, "5"),
            (100.0, "100"),
            (0.0, "0"),
            (-0.0, "-0"),
            (30.200000000000003, "30.200000000000003"),
            (9999999.0, "9999999"),
            (9999999.5, "9999999.5"),
            (1e7, "1.0E7"),
            (12345678.0, "1.2345678E7"),
            (1.234567890125E11, "1.234567890125E11"),
            (0.0001, "1.0E-4"),
            (5e-5, "5.0E-5"),
            (0.001, "0.001"),
            (-0.5, "-0.5"),
            (f64::MAX, "1.7976931348623157E308"),
            (5e-324, "5.0E-324"),
        ] {
            assert_eq!(text(value), want);
        }
    }

    #[test]
    fn what_is_printed_reads_back() {
        let mut random = Random::new(8);
        for _ in 0..100_000 {
            let value = match random.below(3) {
                0 => f64::from_bits(random.next_u64()),
                1 => random.below(10_000_000) as f64 / 1000.0,
                _ => random.next_u64() as i64 as f64 / 1e10,
            };
            if value.is_finite() {
                let text = text(value);
                let read: f64 = text.parse().expect("a number");
                assert_eq!(read.to_bits(), value.to_bits(), "{text}");
            }
        }
    }
}
