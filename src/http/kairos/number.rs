//! Numbers as KairosDB prints them: Java's digits, and no `.0` at the end.

use crate::base::decimal::{pair, push_integer};

/// From here on Java prints an exponent.
const PLAIN_BELOW: f64 = 1e7;
/// Below this too.
const PLAIN_FROM: f64 = 1e-3;
/// Most numbers have so few digits behind the point, or fewer.
const USUAL_PLACES: usize = 4;
const USUAL_SCALE: f64 = 1e4;

/// Append a finite `value`.
#[inline]
pub(super) fn push_double(value: f64, out: &mut Vec<u8>) {
    let size = value.abs();
    if size < PLAIN_BELOW {
        if size as i64 as f64 == size {
            if value.is_sign_negative() {
                out.push(b'-');
            }
            return push_integer(size as i64, out);
        }
        // A decimal of 15 digits or fewer that reads back as `value` is its shortest text, or has only
        // zeros behind that; the quotient is the float that reading it gives, for both parts are exact.
        let scaled = (size * USUAL_SCALE + 0.5) as i64;
        if scaled as f64 / USUAL_SCALE == size && PLAIN_FROM <= size {
            if value.is_sign_negative() {
                out.push(b'-');
            }
            return push_scaled(scaled as u64, out);
        }
    }
    push_shortest(value, out);
}

/// `scaled` ten-thousandths, which are no whole number.
fn push_scaled(scaled: u64, out: &mut Vec<u8>) {
    let one = 10_u64.pow(USUAL_PLACES as u32);
    push_integer((scaled / one) as i64, out);
    let rest = (scaled % one) as u32;
    let ([a, b], [c, d]) = (pair(rest / 100), pair(rest));
    let digits = [b'.', a, b, c, d];
    let zeros = digits
        .iter()
        .rev()
        .take_while(|&&digit| digit == b'0')
        .count();
    out.extend_from_slice(digits.get(..digits.len() - zeros).unwrap_or_default());
}

/// Any finite float that is no small whole number.
fn push_shortest(value: f64, out: &mut Vec<u8>) {
    if (PLAIN_FROM..PLAIN_BELOW).contains(&value.abs()) {
        // In this range the crate prints no exponent.
        let mut buffer = zmij::Buffer::new();
        out.extend_from_slice(buffer.format_finite(value).as_bytes());
        return;
    }
    let mut buffer = zmij::Buffer::new();
    let shortest = Shortest::of(buffer.format_finite(value));
    shortest.push(out);
}

/// The digits of a number, and where its point is.
struct Shortest {
    is_negative: bool,
    digits: [u8; 24],
    count: usize,
    /// Of the first digit.
    exponent: i32,
}

impl Shortest {
    /// Of a text with or without a point and an exponent.
    fn of(text: &str) -> Shortest {
        let (unsigned, is_negative) = match text.strip_prefix('-') {
            Some(unsigned) => (unsigned, true),
            None => (text, false),
        };
        let (mantissa, exponent) = unsigned.split_once('e').unwrap_or((unsigned, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let mut shortest = Shortest {
            is_negative,
            digits: [b'0'; 24],
            count: 0,
            exponent: exponent.parse().unwrap_or(0),
        };
        let leading = whole.trim_start_matches('0');
        shortest.exponent += match leading.len() {
            0 => -1 - (fraction.len() - fraction.trim_start_matches('0').len()) as i32,
            digits => digits as i32 - 1,
        };
        let digits = whole.bytes().chain(fraction.bytes());
        for digit in digits.skip_while(|&digit| digit == b'0') {
            if let Some(place) = shortest.digits.get_mut(shortest.count) {
                *place = digit;
                shortest.count += 1;
            }
        }
        let digits = shortest.digits.iter().take(shortest.count);
        shortest.count -= digits.rev().take_while(|&&digit| digit == b'0').count();
        shortest
    }

    /// `d.dddEn`, with one digit behind the point at least.
    fn push(&self, out: &mut Vec<u8>) {
        if self.is_negative {
            out.push(b'-');
        }
        let digits = self.digits.get(..self.count.max(2)).unwrap_or_default();
        let (first, rest) = digits.split_at(1.min(digits.len()));
        out.extend_from_slice(first);
        out.push(b'.');
        out.extend_from_slice(rest);
        out.push(b'E');
        push_integer(i64::from(self.exponent), out);
    }
}

/// Prints instants that follow one another: what they have in common is not computed again.
#[derive(Default)]
pub(super) struct Clock {
    high: i64,
    text: Vec<u8>,
}

/// Instants with the same quotient by this differ in their last eight digits only.
const LOW: i64 = 100_000_000;

impl Clock {
    /// Append `time_ms`.
    #[inline]
    pub(super) fn push(&mut self, time_ms: i64, out: &mut Vec<u8>) {
        if time_ms < LOW {
            return push_integer(time_ms, out);
        }
        let high = time_ms / LOW;
        if high != self.high {
            self.high = high;
            self.text.clear();
            push_integer(high, &mut self.text);
        }
        out.extend_from_slice(&self.text);
        let low = (time_ms % LOW) as u32;
        let mut digits = [0; 8];
        digits[..2].copy_from_slice(&pair(low / 1_000_000));
        digits[2..4].copy_from_slice(&pair(low / 10_000));
        digits[4..6].copy_from_slice(&pair(low / 100));
        digits[6..].copy_from_slice(&pair(low));
        out.extend_from_slice(&digits);
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
            (2e23, "2.0E23"),
            (-1.5e-7, "-1.5E-7"),
            (0.00010203, "1.0203E-4"),
            (123456789012.5, "1.234567890125E11"),
            (0.0015, "0.0015"),
            (1.0001, "1.0001"),
            (-12.34, "-12.34"),
            (0.00099999, "9.9999E-4"),
            (9999999.9999, "9999999.9999"),
        ] {
            assert_eq!(text(value), want);
        }
    }

    /// The way without a shortcut.
    fn slow(value: f64) -> String {
        let size = value.abs();
        let shortest = format!("{value:e}");
        if size != 0.0 && !(PLAIN_FROM..PLAIN_BELOW).contains(&size) {
            let (digits, exponent) = shortest.split_once('e').expect("an exponent");
            let point = if digits.contains('.') { "" } else { ".0" };
            return format!("{digits}{point}E{exponent}");
        }
        format!("{value}")
    }

    #[test]
    fn shortcuts_lead_to_the_same() {
        let mut random = Random::new(9);
        for _ in 0..200_000 {
            let value = match random.below(4) {
                0 => f64::from_bits(random.next_u64()),
                1 => random.below(1 << 40) as f64 / 10_f64.powi(random.below(12) as i32),
                2 => -(random.below(100_000) as f64) / 1e4,
                _ => random.below(20_000_000) as f64 / 1e3 + 1e-9,
            };
            if value.is_finite() {
                let (fast, slow) = (text(value), slow(value));
                // Of two that are equally near and short, Rust takes either.
                let same = fast.len() == slow.len() && fast.parse() == Ok(value);
                assert!(fast == slow || same, "{value:e}: {fast} {slow}");
            }
        }
    }

    #[test]
    fn a_clock_prints_integers() {
        let mut clock = Clock::default();
        let mut random = Random::new(10);
        let mut time = 1_700_000_000_000;
        for i in 0..10_000 {
            time = match i % 100 {
                0 => random.next_u64() as i64,
                _ => time.saturating_add(random.below(10_000_000) as i64),
            };
            let mut out = Vec::new();
            clock.push(time, &mut out);
            assert_eq!(String::from_utf8(out).expect("ASCII"), time.to_string());
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
