//! Values of a picture's parameters, read as graphite-web reads them.

use crate::http::errors::Failure;
use crate::http::parameters::Parameters;

/// The parameters of a request, for reading.
#[derive(Clone, Copy)]
pub(super) struct Values<'a>(&'a Parameters);

impl<'a> Values<'a> {
    pub(super) fn of(parameters: &'a Parameters) -> Values<'a> {
        Values(parameters)
    }

    /// `None` where it is absent, empty or `default`.
    pub(super) fn text(self, name: &str) -> Option<&'a str> {
        let text = self.0.last(name)?;
        let says_nothing = text.is_empty() || text.eq_ignore_ascii_case("default");
        (!says_nothing).then_some(text)
    }

    /// A switch: `None` where it says nothing, off for `false` and zero, on for anything else.
    pub(super) fn switch(self, name: &str) -> Option<bool> {
        let text = self.text(name)?;
        let is_off = text.eq_ignore_ascii_case("false") || text.parse() == Ok(0.0);
        Some(!is_off)
    }

    /// A switch that is off where it says nothing.
    pub(super) fn is_on(self, name: &str) -> bool {
        self.switch(name).unwrap_or(false)
    }

    /// A finite number.
    ///
    /// # Errors
    /// Anything else.
    pub(super) fn number(self, name: &str) -> Result<Option<f64>, Failure> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        match text.trim().parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Some(number)),
            _ => Err(self.refuse(name, "not a finite number")),
        }
    }

    /// A number from `least` to `most`.
    ///
    /// # Errors
    /// Anything else.
    pub(super) fn between(self, name: &str, least: f64, most: f64) -> Result<Option<f64>, Failure> {
        match self.number(name)? {
            Some(number) if !(least..=most).contains(&number) => {
                Err(self.refuse(name, &format!("not a number from {least} to {most}")))
            }
            number => Ok(number),
        }
    }

    /// One of the words that `choices` lists, in any case, and what it stands for.
    ///
    /// # Errors
    /// Another word.
    pub(super) fn choice<T: Copy>(
        self,
        name: &str,
        choices: &[(&str, T)],
    ) -> Result<Option<T>, Failure> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        let found = choices
            .iter()
            .find(|(word, _)| word.eq_ignore_ascii_case(text));
        match found {
            Some((_, choice)) => Ok(Some(*choice)),
            None => {
                let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
                Err(self.refuse(name, &format!("not one of {}", words.join(", "))))
            }
        }
    }

    /// What a value is told that is `not` what it should be.
    pub(super) fn refuse(self, name: &str, not: &str) -> Failure {
        let text: String = self
            .0
            .last(name)
            .unwrap_or("")
            .chars()
            .take(REPEATED_MAX)
            .collect();
        Failure::invalid(format!("{name} is {text:?}, {not}"))
    }
}

/// Characters of a wrong value that its error repeats.
const REPEATED_MAX: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn switches() {
        let parameters = Parameters::of(&[
            ("a", "true"),
            ("b", "False"),
            ("c", "0"),
            ("d", "1"),
            ("e", "yes"),
            ("f", ""),
            ("g", "default"),
        ]);
        let switches = ["a", "b", "c", "d", "e", "f", "g", "h"]
            .map(|name| Values::of(&parameters).switch(name));
        let (on, off, n) = (Some(true), Some(false), None);
        assert_eq!(switches, [on, off, off, on, on, n, n, n]);
    }

    #[test]
    fn numbers() {
        let parameters = Parameters::of(&[
            ("a", "12"),
            ("b", "-1.5"),
            ("c", "nan"),
            ("d", "inf"),
            ("e", "1e400"),
            ("f", "many"),
        ]);
        let values = Values::of(&parameters);
        assert_eq!(values.number("a"), Ok(Some(12.0)));
        assert_eq!(values.number("b"), Ok(Some(-1.5)));
        assert_eq!(values.number("z"), Ok(None));
        for name in ["c", "d", "e", "f"] {
            assert!(values.number(name).is_err(), "{name}");
        }
        assert!(values.between("a", 0.0, 11.0).is_err());
        assert_eq!(values.between("a", 0.0, 12.0), Ok(Some(12.0)));
    }
}
