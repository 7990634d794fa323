//! Numbers as Python prints them: what every reader of Graphite's answers has seen so far.

/// Append `value` as Python's `repr` of a float: the shortest digits that read back as the same
/// float, plain from 1e-4 up to 1e16, else with an exponent of at least two digits. Infinities are
/// `inf` and `-inf`, no number is `nan`.
pub fn push_float(value: f64, out: &mut Vec<u8>) {
    if !value.is_finite() {
        let word = match value {
            f64::INFINITY => "inf",
            f64::NEG_INFINITY => "-inf",
            _ => "nan",
        };
        out.extend_from_slice(word.as_bytes());
        return;
    }
    if value.fract() == 0.0 && value.abs() < WHOLE_BELOW {
        push_whole(value, out);
        return;
    }
    if PLAIN.contains(&value.abs()) {
        // In this range the crate lays out as Python does.
        let mut buffer = zmij::Buffer::new();
        out.extend_from_slice(buffer.format_finite(value).as_bytes());
        return;
    }
    push_shortest(value, out);
}

/// Floats that are printed without an exponent.
const PLAIN: std::ops::Range<f64> = 1e-4..1e16;

/// Any finite float, the slow way.
fn push_shortest(value: f64, out: &mut Vec<u8>) {
    let shortest = Scratch::of(format_args!("{value:e}"));
    match settled(&shortest, value) {
        Some(even) => lay_out(even.text(), out),
        None => lay_out(shortest.text(), out),
    }
}

/// Of two shortest forms that are equally near, Python takes the one whose last digit is even, and
/// so does rounding to that many digits. Below 16 digits no two forms read back as one float.
fn settled(shortest: &Scratch, value: f64) -> Option<Scratch> {
    let (mantissa, _) = shortest.text().split_once('e')?;
    let digits = mantissa.bytes().filter(u8::is_ascii_digit).count();
    if digits < 16 {
        return None;
    }
    let rounded = Scratch::of(format_args!("{value:.*e}", digits - 1));
    let same = rounded.text().parse() == Ok(value);
    same.then_some(rounded)
}

/// Whole floats below this print as the integer and `.0`.
const WHOLE_BELOW: f64 = 1e15;

fn push_whole(value: f64, out: &mut Vec<u8>) {
    if value.is_sign_negative() {
        out.push(b'-');
    }
    push_integer(value.abs() as i64, out);
    out.extend_from_slice(b".0");
}

/// The two digits of each number below 100.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut number = 0;
    while number < 100 {
        pairs[number] = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        number += 1;
    }
    pairs
};

/// The two digits of a number below 100.
#[inline]
pub fn pair(number: u32) -> [u8; 2] {
    PAIRS[(number % 100) as usize]
}

/// A whole number of 64 bits; `None` for what is none, or has more.
#[inline]
pub fn integer(value: f64) -> Option<i64> {
    // 2^63, which is itself one too many.
    let fits = value.abs() < (1u64 << 63) as f64;
    fits.then_some(value as i64)
}

/// Append `value` in decimal.
#[inline]
pub fn push_integer(value: i64, out: &mut Vec<u8>) {
    if value < 0 {
        out.push(b'-');
    }
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = value.unsigned_abs();
    while 100 <= rest {
        at -= 2;
        digits[at..at + 2].copy_from_slice(&PAIRS[(rest % 100) as usize]);
        rest /= 100;
    }
    let [tens, ones] = PAIRS[rest as usize];
    at -= 1;
    digits[at] = ones;
    if 10 <= rest {
        at -= 1;
        digits[at] = tens;
    }
    out.extend_from_slice(&digits[at..]);
}

/// `scientific` is `[-]d[.ddd]e[-]x` with the shortest digits, as Rust's `{:e}` gives it.
fn lay_out(scientific: &str, out: &mut Vec<u8>) {
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let unsigned = mantissa.strip_prefix('-').unwrap_or(mantissa);
    if unsigned.len() != mantissa.len() {
        out.push(b'-');
    }
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    match exponent {
        16.. | ..=-5 => {
            out.extend_from_slice(unsigned.as_bytes());
            out.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
            if exponent.abs() < 10 {
                out.push(b'0');
            }
            push_integer(i64::from(exponent.abs()), out);
        }
        ..=-1 => {
            out.extend_from_slice(b"0.");
            out.resize(out.len() + (-1 - exponent) as usize, b'0');
            out.extend_from_slice(whole.as_bytes());
            out.extend_from_slice(fraction.as_bytes());
        }
        0.. => {
            let before = fraction.len().min(exponent as usize);
            let (before, behind) = fraction.split_at(before);
            out.extend_from_slice(whole.as_bytes());
            out.extend_from_slice(before.as_bytes());
            out.resize(out.len() + exponent as usize - before.len(), b'0');
            out.push(b'.');
            out.extend_from_slice(if behind.is_empty() {
                b"0"
            } else {
                behind.as_bytes()
            });
        }
    }
}

/// A small text on the stack. The longest shortest form of a float has 24 bytes.
#[derive(Default)]
struct Scratch {
    bytes: [u8; 32],
    len: usize,
}

impl Scratch {
    fn of(what: std::fmt::Arguments<'_>) -> Scratch {
        let mut scratch = Scratch::default();
        // A buffer that is always large enough takes everything.
        let _ = std::fmt::write(&mut scratch, what);
        scratch
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.len]).unwrap_or("")
    }
}

impl std::fmt::Write for Scratch {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let end = self.len + text.len();
        let room = self.bytes.get_mut(self.len..end).ok_or(std::fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;
    use std::io::Write;
    use std::process::{Command, Stdio};

    fn print(value: f64) -> String {
        let mut out = Vec::new();
        push_float(value, &mut out);
        String::from_utf8(out).expect("ASCII")
    }

    #[track_caller]
    fn check(value: f64, want: &str) {
        assert_eq!(print(value), want);
    }

    #[test]
    fn integers_have_64_bits() {
        let least_too_many = 9_223_372_036_854_775_808.0;
        let most = 9_223_372_036_854_774_784;
        assert_eq!(integer(least_too_many), None);
        assert_eq!(integer(-least_too_many), None);
        assert_eq!(integer(most as f64), Some(most));
        assert_eq!(integer(-3.0), Some(-3));
        for none in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(integer(none), None);
        }
    }

    #[test]
    fn the_edges_of_pythons_repr() {
        check(0.0, "0.0");
        check(-0.0, "-0.0");
        check(1.0, "1.0");
        check(-12.5, "-12.5");
        check(0.1 + 0.2, "0.30000000000000004");
        check(0.0001, "0.0001");
        check(0.00012345, "0.00012345");
        check(0.00001, "1e-05");
        check(1.5e-7, "1.5e-07");
        check(999_999_999_999_999.0, "999999999999999.0");
        check(1e15, "1000000000000000.0");
        check(1e15 + 0.5, "1000000000000000.5");
        check(9_007_199_254_740_993.0, "9007199254740992.0");
        check(1e16, "1e+16");
        check(123_456_789_012_345_680.0, "1.2345678901234568e+17");
        check(1e21, "1e+21");
        check(1e22, "1e+22");
        check(f64::MAX, "1.7976931348623157e+308");
        check(f64::MIN_POSITIVE, "2.2250738585072014e-308");
        check(5e-324, "5e-324");
        check(671_718_989_245_049.0 + 0.25, "671718989245049.2");
        check(f64::INFINITY, "inf");
        check(f64::NEG_INFINITY, "-inf");
        check(f64::NAN, "nan");
    }

    /// Finite floats of every kind: any bits, decimals as people write them, whole numbers.
    fn floats(seed: u64, count: usize) -> Vec<f64> {
        let mut random = Random::new(seed);
        let mut list = Vec::with_capacity(count);
        while list.len() < count {
            let value = match random.below(4) {
                0 => f64::from_bits(random.next_u64()),
                1 => random.below(1_000_000) as f64 / 10f64.powi(random.below(12) as i32),
                2 => (random.next_u64() >> random.below(64)) as f64,
                _ => -(random.below(1 << 53) as f64) * 10f64.powi(random.below(40) as i32 - 20),
            };
            if value.is_finite() {
                list.push(value);
            }
        }
        list
    }

    #[test]
    fn what_is_printed_reads_back_bit_for_bit() {
        let seed = 20_260_817;
        for value in floats(seed, 200_000) {
            let read: f64 = print(value).parse().expect("a number");
            assert_eq!(
                read.to_bits(),
                value.to_bits(),
                "seed {seed} value {value:e}"
            );
        }
    }

    #[test]
    fn the_fast_way_and_the_slow_way_agree() {
        let seed = 20_260_821;
        for value in floats(seed, 500_000) {
            let mut slow = Vec::new();
            push_shortest(value, &mut slow);
            assert_eq!(print(value).as_bytes(), slow, "seed {seed} value {value:e}");
        }
    }

    /// Python itself is the truth. Without it the test above and the edges remain, and that is said.
    #[test]
    fn python_prints_the_same() {
        let seed = 20_260_818;
        let program = "import sys, struct\n\
                       for line in sys.stdin:\n    \
                       print(repr(struct.unpack('<d', bytes.fromhex(line.strip()))[0]))\n";
        let python = Command::new("python3")
            .args(["-c", program])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let Ok(mut python) = python else {
            eprintln!("SKIPPED python_prints_the_same: there is no python3 to compare with");
            return;
        };
        let values = floats(seed, 50_000);
        let mut stdin = python.stdin.take().expect("a pipe");
        let sent = values.clone();
        let writer = std::thread::spawn(move || {
            for value in sent {
                let hex: String = value
                    .to_le_bytes()
                    .iter()
                    .map(|b| format!("{b:02x}"))
                    .collect();
                writeln!(stdin, "{hex}").expect("python reads");
            }
        });
        let output = python.wait_with_output().expect("python ends");
        writer.join().expect("all was written");
        let text = String::from_utf8(output.stdout).expect("ASCII");
        assert_eq!(text.lines().count(), values.len());
        for (value, line) in values.iter().zip(text.lines()) {
            assert_eq!(print(*value), line, "seed {seed}");
        }
    }

    #[test]
    fn integers() {
        for value in [0, 7, -7, 10, i64::MAX, i64::MIN] {
            let mut out = Vec::new();
            push_integer(value, &mut out);
            assert_eq!(String::from_utf8(out).expect("ASCII"), value.to_string());
        }
    }
}
