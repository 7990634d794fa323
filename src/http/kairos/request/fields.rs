//! Values of a query's fields, read as leniently as KairosDB reads them: numbers as their text, fractions
//! cut off, truths as texts. What cannot be read is told with the place where it stands.

use crate::http::kairos::Refused;
use crate::http::kairos::tree::Tree;

/// What was asked for, or why it is refused.
pub(super) type Checked<T> = Result<T, Refused>;

/// Refuse, with this text.
pub(super) fn bad<T>(told: impl Into<String>) -> Checked<T> {
    Err(Refused::bad(told))
}

/// A field that is there and not null, and where it stands.
#[derive(Clone, Copy)]
pub(super) struct Field<'a> {
    /// What stands before its name in errors, without a dot at its end; may be empty.
    pub(super) place: &'a str,
    /// Its name.
    pub(super) name: &'a str,
    /// Its value.
    pub(super) value: &'a Tree,
}

impl<'a> Field<'a> {
    /// The field of an object, unless it is not there or null.
    pub(super) fn of(object: &'a Tree, place: &'a str, name: &'a str) -> Option<Field<'a>> {
        let value = object.field(name)?;
        Some(Field { place, name, value })
    }

    /// Refuse the field: its place, its name and `told`.
    pub(super) fn refuse<T>(&self, told: &str) -> Checked<T> {
        bad(format!("{} {told}", self.path()))
    }

    /// How errors name it.
    pub(super) fn path(&self) -> String {
        joined(self.place, self.name)
    }

    /// A text, or what is one as good as.
    pub(super) fn text(&self) -> Checked<String> {
        match as_text(self.value) {
            Some(text) => Ok(text),
            None => self.refuse("must be a text"),
        }
    }

    /// A whole number or its text; a fraction is cut off.
    pub(super) fn integer(&self) -> Checked<i64> {
        let (Tree::Number(text) | Tree::Text(text)) = self.value else {
            return self.refuse("must be a whole number of 64 bits");
        };
        match whole(text) {
            Some(value) => Ok(value),
            None => self.refuse("must be a whole number of 64 bits"),
        }
    }

    /// The same, of 32 bits.
    pub(super) fn int(&self) -> Checked<i32> {
        let value = self.integer()?;
        match i32::try_from(value) {
            Ok(value) => Ok(value),
            Err(_) => self.refuse("must be a whole number of 32 bits"),
        }
    }

    /// A number or its text. What Java's reader of numbers says to one that is none is told.
    pub(super) fn double(&self) -> Checked<f64> {
        let (Tree::Number(text) | Tree::Text(text)) = self.value else {
            return self.refuse("must be a number");
        };
        match double(text) {
            Ok(value) => Ok(value),
            Err(told) => self.refuse(&told),
        }
    }

    /// True or false, or their texts.
    pub(super) fn flag(&self) -> Checked<bool> {
        match self.value {
            Tree::Bool(truth) => Ok(*truth),
            Tree::Text(text) => Ok(text.eq_ignore_ascii_case("true")),
            _ => self.refuse("must be true or false"),
        }
    }

    /// The values of a list.
    pub(super) fn list(&self) -> Checked<&'a [Tree]> {
        match self.value {
            Tree::Array(list) => Ok(list),
            _ => self.refuse("must be an array"),
        }
    }

    /// The fields of an object. Of a name that is there twice the last counts.
    pub(super) fn object(&self) -> Checked<&'a [(String, Tree)]> {
        match self.value {
            Tree::Object(fields) => Ok(fields),
            _ => self.refuse("must be an object"),
        }
    }
}

/// `place.name`, or the name alone where there is no place.
pub(super) fn joined(place: &str, name: &str) -> String {
    match place {
        "" => name.to_owned(),
        place => format!("{place}.{name}"),
    }
}

/// A text, or a number or truth as text.
pub(super) fn as_text(value: &Tree) -> Option<String> {
    match value {
        Tree::Text(text) | Tree::Number(text) => Some(text.clone()),
        Tree::Bool(truth) => Some(truth.to_string()),
        Tree::Null | Tree::Array(_) | Tree::Object(_) => None,
    }
}

fn whole(text: &str) -> Option<i64> {
    if let Ok(value) = text.parse::<i64>() {
        return Some(value);
    }
    let value = text.parse::<f64>().ok()?.trunc();
    // Between these all whole floats have 64 bits.
    (-9.2e18..9.2e18).contains(&value).then_some(value as i64)
}

/// A finite number, or what Java says to a text that is none.
pub(super) fn double(text: &str) -> Result<f64, String> {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Err("empty String".to_owned());
    }
    let unsigned = trimmed.trim_start_matches(['+', '-']);
    let digits = unsigned
        .bytes()
        .take_while(|b| b.is_ascii_digit() || *b == b'.');
    if digits.filter(|&b| b == b'.').count() > 1 {
        return Err("multiple points".to_owned());
    }
    match trimmed.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value),
        _ => Err(format!("For input string: \"{trimmed}\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(value: &Tree) -> Field<'_> {
        Field {
            place: "query",
            name: "f",
            value,
        }
    }

    #[test]
    fn numbers_are_read_leniently() {
        let number = |text: &str| Tree::Number(text.to_owned());
        let text = |text: &str| Tree::Text(text.to_owned());
        for (value, want) in [
            (number("10.9"), Some(10)),
            (text("-7"), Some(-7)),
            (text("1e3"), Some(1000)),
            (number("9223372036854775807"), Some(i64::MAX)),
            (number("9223372036854775808"), None),
            (number("1e400"), None),
            (text(""), None),
            (text("abc"), None),
            (Tree::Bool(true), None),
            (Tree::Array(Vec::new()), None),
        ] {
            assert_eq!(field(&value).integer().ok(), want, "{value:?}");
        }
        for (given, want) in [
            ("0.5", Ok(0.5)),
            (" 1e-3 ", Ok(0.001)),
            ("-.5", Ok(-0.5)),
            ("0.0.1", Err("multiple points")),
            ("", Err("empty String")),
            ("x.y", Err("For input string: \"x.y\"")),
            ("NaN", Err("For input string: \"NaN\"")),
        ] {
            assert_eq!(double(given), want.map_err(str::to_owned), "{given}");
        }
        assert!(field(&text("True")).flag().expect("a truth"));
        assert!(!field(&text("yes")).flag().expect("a truth"));
        assert!(field(&number("1")).flag().is_err());
    }
}
