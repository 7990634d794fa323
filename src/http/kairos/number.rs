//! Numbers as KairosDB prints them: Java's digits, and no `.0` at the end.

use crate::base::decimal::push_integer;
use crate::base::printer::{NUMBER_BYTES, Printer, Style};

/// Java's `Double.toString`, but for the `.0`.
pub(super) enum Java {}

impl Style for Java {
    const FROM: f64 = PLAIN_FROM;
    const BELOW: f64 = PLAIN_BELOW;
    const DOT: bool = false;
}

/// From here on Java prints an exponent.
const PLAIN_BELOW: f64 = 1e7;
/// Below this too.
const PLAIN_FROM: f64 = 1e-3;

/// Append a finite `value`.
pub(super) fn push_double(value: f64, out: &mut Vec<u8>) {
    let mut room = [0; NUMBER_BYTES];
    let mut printer = Printer::new(&mut room, 0);
    print_double(value, &mut printer);
    printer.hand_on(out);
}

/// Whether a finite number is printed without a point, as a whole number is.
pub(super) fn is_printed_whole(value: f64) -> bool {
    value.fract() == 0.0 && value.abs() < PLAIN_BELOW
}

/// Print a finite `value`.
#[inline]
pub(super) fn print_double(value: f64, out: &mut Printer<'_>) {
    // A decimal of 15 digits or fewer that reads back as `value` is its shortest text.
    if !out.plain::<Java>(value) {
        print_shortest(value, out);
    }
}

/// Any finite float that is no small whole number.
fn print_shortest(value: f64, out: &mut Printer<'_>) {
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format_finite(value);
    if (PLAIN_FROM..PLAIN_BELOW).contains(&value.abs()) {
        // In this range the crate prints no exponent.
        out.bytes(text.as_bytes());
    } else {
        Shortest::of(text).print(out);
    }
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
    fn print(&self, out: &mut Printer<'_>) {
        if self.is_negative {
            out.text(b"-");
        }
        let digits = self.digits.get(..self.count.max(2)).unwrap_or_default();
        let (first, rest) = digits.split_at(1.min(digits.len()));
        out.bytes(first);
        out.text(b".");
        out.bytes(rest);
        out.text(b"E");
        out.integer(i64::from(self.exponent));
    }
}

/// Prints instants that follow one another: what they have in common is not computed again.
#[derive(Default)]
pub(super) struct Clock {
    /// What is in front of the last eight digits, and its text of up to eight digits, lowest byte first.
    high: u64,
    text: u64,
    len: usize,
}

/// Instants with the same quotient by this differ in their last eight digits only.
const LOW: u64 = 100_000_000;

impl Clock {
    /// Print `time_ms`.
    #[inline]
    pub(super) fn print(&mut self, time_ms: i64, out: &mut Printer<'_>) {
        let time = u64::try_from(time_ms).unwrap_or_default();
        let high = time / LOW;
        if high != self.high {
            self.turn(high);
        }
        if self.len == 0 {
            return out.integer(time_ms);
        }
        out.word(self.text, self.len);
        out.last_eight(time);
    }

    /// There is no text where nothing is in front, or more than eight digits.
    #[cold]
    fn turn(&mut self, high: u64) {
        let mut digits = Vec::new();
        if (1..LOW).contains(&high) {
            push_integer(high as i64, &mut digits);
        }
        let mut text = [0; 8];
        text.iter_mut()
            .zip(&digits)
            .for_each(|(to, from)| *to = *from);
        *self = Clock {
            high,
            text: u64::from_le_bytes(text),
            len: digits.len(),
        };
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
            assert_eq!(is_printed_whole(value), !want.contains('.'), "{want}");
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
                let mut room = [0; NUMBER_BYTES];
                // Whatever the number before it had.
                let mut printer = Printer::new(&mut room, random.below(10) as usize);
                print_double(value, &mut printer);
                let len = printer.printed();
                let (fast, slow) = (String::from_utf8_lossy(&room[..len]), slow(value));
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
            let mut room = [0; NUMBER_BYTES];
            let mut out = Printer::new(&mut room, 0);
            clock.print(time, &mut out);
            let len = out.printed();
            assert_eq!(room[..len], *time.to_string().as_bytes());
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
