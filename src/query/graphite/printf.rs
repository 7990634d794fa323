//! Python's `template % number`.
//!
//! ```text
//! conversion = "%" { "-" | "+" | " " | "#" | "0" } [width] ["." [precision]] [h|l|L] type
//! type       = d i u | e E f F g G | s r a | %
//! ```
//!
//! The number is a float, as values are: what Python refuses for one is refused here. Limit:
//! [`WIDTH_MAX`].

use crate::query::error::QueryError;
use crate::query::graphite::number;

/// Most letters that a width or a precision may ask for.
pub const WIDTH_MAX: usize = 1_000;

/// `template` with `value` in the place of its one conversion.
///
/// # Errors
/// [`QueryError::Invalid`] in Python's words: where there is no conversion or several, or one for other
/// things than floats; [`QueryError::Limit`].
pub fn format(template: &str, value: f64) -> Result<String, QueryError> {
    let mut made = String::with_capacity(template.len());
    let mut letters = template.chars().enumerate();
    let mut used = false;
    while let Some((_, letter)) = letters.next() {
        if letter != '%' {
            made.push(letter);
            continue;
        }
        let conversion = Conversion::read(&mut letters)?;
        if conversion.is_percent {
            made.push('%');
            continue;
        }
        if std::mem::replace(&mut used, true) {
            return invalid("not enough arguments for format string");
        }
        made.push_str(&conversion.apply(value)?);
    }
    match used {
        true => Ok(made),
        false => invalid("not all arguments converted during string formatting"),
    }
}

fn invalid<T>(text: &str) -> Result<T, QueryError> {
    Err(QueryError::Invalid(text.to_owned()))
}

#[derive(Default)]
struct Conversion {
    left: bool,
    plus: bool,
    blank: bool,
    alternate: bool,
    zeros: bool,
    width: usize,
    precision: Option<usize>,
    kind: char,
    /// A second `%` right behind the first.
    is_percent: bool,
    /// Where `kind` stands.
    at: usize,
}

impl Conversion {
    /// Read what stands behind `%`.
    fn read(letters: &mut impl Iterator<Item = (usize, char)>) -> Result<Conversion, QueryError> {
        let mut conversion = Conversion::default();
        let mut next = || match letters.next() {
            Some(next) => Ok(next),
            None => invalid("incomplete format"),
        };
        let (mut at, mut letter) = next()?;
        if letter == '(' {
            return invalid("format requires a mapping");
        }
        conversion.is_percent = letter == '%';
        loop {
            match letter {
                '-' => conversion.left = true,
                '+' => conversion.plus = true,
                ' ' => conversion.blank = true,
                '#' => conversion.alternate = true,
                '0' => conversion.zeros = true,
                _ => break,
            }
            (at, letter) = next()?;
        }
        let mut number = |letter: &mut char, at: &mut usize| {
            let mut number = 0usize;
            if *letter == '*' {
                return invalid("* wants int");
            }
            while let Some(digit) = letter.to_digit(10) {
                number = number * 10 + digit as usize;
                if WIDTH_MAX < number {
                    return Err(QueryError::Limit(format!(
                        "a format has at most {WIDTH_MAX} letters and digits"
                    )));
                }
                (*at, *letter) = next()?;
            }
            Ok(number)
        };
        conversion.width = number(&mut letter, &mut at)?;
        if letter == '.' {
            letter = '0';
            conversion.precision = Some(number(&mut letter, &mut at)?);
        }
        if matches!(letter, 'h' | 'l' | 'L') {
            (at, letter) = next()?;
        }
        (conversion.kind, conversion.at) = (letter, at);
        Ok(conversion)
    }

    fn apply(&self, value: f64) -> Result<String, QueryError> {
        let precision = self.precision.unwrap_or(6);
        let body = match self.kind {
            's' | 'r' | 'a' => {
                let text = number::float(value);
                let most = self.precision.unwrap_or(usize::MAX);
                let text: String = text.chars().take(most).collect();
                return Ok(self.padded("", &text, false));
            }
            'd' | 'i' | 'u' if value.is_finite() => {
                // Of nothing between -1 and 0 an integer 0 is left, which has no sign.
                let whole = value.trunc().abs();
                let digits = format!("{whole:.0}");
                let least = self.precision.unwrap_or(0);
                let body = format!("{digits:0>least$}");
                let negative = value.trunc() < 0.0;
                return Ok(self.padded(self.sign(negative), &body, true));
            }
            'd' | 'i' | 'u' => {
                return invalid("cannot convert float infinity to integer");
            }
            'x' | 'X' | 'o' => {
                return invalid(&format!(
                    "%{} format: an integer is required, not float",
                    self.kind
                ));
            }
            'c' => return invalid("%c requires int or char"),
            'e' | 'E' | 'f' | 'F' | 'g' | 'G' if !value.is_finite() => "inf".to_owned(),
            'e' | 'E' => self.scientific(value.abs(), precision),
            'f' | 'F' => self.pointed(format!("{:.precision$}", value.abs())),
            'g' | 'G' => self.general(value.abs(), precision.max(1)),
            other => {
                return invalid(&format!(
                    "unsupported format character '{other}' (0x{:x}) at index {}",
                    u32::from(other),
                    self.at
                ));
            }
        };
        let body = match self.kind.is_ascii_uppercase() {
            true => body.to_uppercase(),
            false => body,
        };
        Ok(self.padded(self.sign(value.is_sign_negative()), &body, true))
    }

    fn sign(&self, negative: bool) -> &'static str {
        match (negative, self.plus, self.blank) {
            (true, ..) => "-",
            (false, true, _) => "+",
            (false, false, true) => " ",
            (false, false, false) => "",
        }
    }

    fn padded(&self, sign: &str, body: &str, number: bool) -> String {
        let length = sign.len() + body.chars().count();
        let missing = self.width.saturating_sub(length);
        let (blanks, zeros) = (" ".repeat(missing), "0".repeat(missing));
        if self.left {
            format!("{sign}{body}{blanks}")
        } else if self.zeros && number {
            format!("{sign}{zeros}{body}")
        } else {
            format!("{blanks}{sign}{body}")
        }
    }

    /// With a point, where it is asked for even without a fraction.
    fn pointed(&self, digits: String) -> String {
        match self.alternate && !digits.contains('.') {
            true => digits + ".",
            false => digits,
        }
    }

    fn scientific(&self, value: f64, precision: usize) -> String {
        let text = format!("{value:.precision$e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let exponent: i32 = exponent.parse().unwrap_or(0);
        exponential(&self.pointed(digits.to_owned()), exponent)
    }

    fn general(&self, value: f64, digits: usize) -> String {
        let text = format!("{value:.*e}", digits - 1);
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let exponent: i32 = exponent.parse().unwrap_or(0);
        let most = i32::try_from(digits).unwrap_or(i32::MAX);
        let trimmed = |text: String| match self.alternate || !text.contains('.') {
            true => self.pointed(text),
            false => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        };
        if (-4..most).contains(&exponent) {
            let after = usize::try_from(most - 1 - exponent).unwrap_or(0);
            trimmed(format!("{value:.after$}"))
        } else {
            exponential(&trimmed(mantissa.to_owned()), exponent)
        }
    }
}

/// An exponent has at least two digits, and a sign.
fn exponential(digits: &str, exponent: i32) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Python 3.11 gave for `template % value`.
    const CASES: &str = include_str!("printf_cases.txt");

    #[test]
    fn every_case_is_as_in_python() {
        for line in CASES.lines() {
            let mut parts = line.split('\t');
            let mut next = || parts.next().expect("three parts");
            let (template, value, want) = (next(), next(), next());
            let got = match format(template, value.parse().expect("a number")) {
                Ok(text) => text,
                Err(_) => "refused".to_owned(),
            };
            assert_eq!(got, want, "{template:?} % {value}");
        }
        assert!(200 < CASES.lines().count());
    }
}
