//! Series, and what type their points have.
//!
//! A corelane that is asked for exact types prints doubles as `5.0`, and then nothing is left to find out.
//! An answer of KairosDB prints a double that is whole, and below ten million, as a long: `5` may be
//! either. Which it is shows only where the other one stands at the same time, for of each type there is
//! one at most. So `5` is a long but for that; `5.5`, `1.0E7` and `-0` are doubles for certain.

use crate::wire::json::push_text;

/// From here on a whole double has an exponent.
const EXPONENT_FROM: u64 = 10_000_000;

/// A name and its tags, as they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Series {
    pub(super) name: String,
    pub(super) tags: Vec<(String, String)>,
}

impl Series {
    /// Append `"name":…,"tags":{…}`.
    pub(super) fn push(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"\"name\":");
        push_text(&self.name, out);
        out.extend_from_slice(b",\"tags\":{");
        for (i, (key, value)) in self.tags.iter().enumerate() {
            if i > 0 {
                out.push(b',');
            }
            push_text(key, out);
            out.push(b':');
            push_text(value, out);
        }
        out.push(b'}');
    }
}

/// As what a value is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Long,
    Double,
    Text,
}

impl Type {
    pub(super) const ALL: [Type; 3] = [Type::Long, Type::Double, Type::Text];

    /// As KairosDB names it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Type::Long => "long",
            Type::Double => "double",
            Type::Text => "string",
        }
    }
}

/// What the letters of a number tell of its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shows {
    Long,
    Double,
    Either,
}

fn shows(number: &str) -> Shows {
    let digits = number.strip_prefix('-').unwrap_or(number);
    match digits.parse::<u64>() {
        Ok(0) if digits != number => Shows::Double,
        Ok(value) if value < EXPONENT_FROM => Shows::Either,
        Ok(_) => Shows::Long,
        Err(_) => Shows::Double,
    }
}

/// The type of a number that stands alone at its time.
pub(super) fn alone(number: &str) -> Type {
    match shows(number) {
        Shows::Double => Type::Double,
        Shows::Long | Shows::Either => Type::Long,
    }
}

/// The types of two numbers of one series and time, or `None` if no two types can be told apart.
pub(super) fn pair(one: &str, other: &str) -> Option<[Type; 2]> {
    match (shows(one), shows(other)) {
        (Shows::Double, Shows::Double) | (Shows::Long, Shows::Long) => None,
        (Shows::Double, _) | (_, Shows::Long) => Some([Type::Double, Type::Long]),
        _ => Some([Type::Long, Type::Double]),
    }
}

/// A number so that its letters tell its type to whoever stores it: a double has a point. `None` where they
/// are no finite number of that type.
pub(super) fn push_number(number: &str, kind: Type, out: &mut Vec<u8>) -> Option<()> {
    if kind == Type::Long {
        number.parse::<i64>().ok()?;
        out.extend_from_slice(number.strip_prefix('+').unwrap_or(number).as_bytes());
        return Some(());
    }
    number
        .parse::<f64>()
        .ok()
        .filter(|value| value.is_finite())?;
    let (digits, exponent) = match number.find(['e', 'E']) {
        Some(at) => number.split_at(at),
        None => (number, ""),
    };
    out.extend_from_slice(digits.as_bytes());
    if !digits.contains('.') {
        out.extend_from_slice(b".0");
    }
    out.extend_from_slice(exponent.as_bytes());
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_by_letters() {
        for (number, want) in [
            ("5", Type::Long),
            ("-0", Type::Double),
            ("0", Type::Long),
            ("9007199254740993", Type::Long),
            ("-9223372036854775808", Type::Long),
            ("1.0E7", Type::Double),
            ("5.5", Type::Double),
            ("5.0", Type::Double),
            ("-0.0", Type::Double),
        ] {
            assert_eq!(alone(number), want, "{number}");
        }
    }

    #[test]
    fn of_two_of_one_time_one_is_a_double() {
        use Type::{Double, Long};
        for (one, other, want) in [
            ("2", "2", Some([Long, Double])),
            ("2", "3", Some([Long, Double])),
            ("2", "12345678", Some([Double, Long])),
            ("12345678", "2", Some([Long, Double])),
            ("1.5", "2", Some([Double, Long])),
            ("2", "1.5", Some([Long, Double])),
            ("-0", "0", Some([Double, Long])),
            ("5.0", "5", Some([Double, Long])),
            ("5", "7.0", Some([Long, Double])),
            ("1.5", "2.5", None),
            ("12345678", "12345679", None),
        ] {
            assert_eq!(pair(one, other), want, "{one} {other}");
        }
    }

    #[test]
    fn numbers_as_they_are_sent() {
        for (number, kind, want) in [
            ("5", Type::Double, Some("5.0")),
            ("5.0", Type::Double, Some("5.0")),
            ("-0", Type::Double, Some("-0.0")),
            ("1.0E7", Type::Double, Some("1.0E7")),
            ("1E-5", Type::Double, Some("1.0E-5")),
            ("NaN", Type::Double, None),
            ("1.0E400", Type::Double, None),
            (
                "9223372036854775807",
                Type::Long,
                Some("9223372036854775807"),
            ),
            ("9223372036854775808", Type::Long, None),
            ("5.0", Type::Long, None),
        ] {
            let mut out = Vec::new();
            let pushed = push_number(number, kind, &mut out);
            let text = pushed.map(|()| String::from_utf8(out).expect("UTF-8"));
            assert_eq!(text.as_deref(), want, "{number}");
        }
    }
}
