//! `template()`: names with a dollar sign in paths are replaced by values.

use super::{Expression, TEMPLATE_BYTES_MAX};
use crate::query::error::QueryError;
use crate::query::graphite::number;

/// Values of a template in the order in which they replace.
#[derive(Clone, Debug, Default)]
pub(super) struct Replacements(Vec<(String, Expression)>);

impl Replacements {
    /// Give `name` a value; false if it is neither text nor a number. What the search for a known
    /// name costs is taken from `bytes_left`, for a template may name many.
    ///
    /// # Errors
    /// [`QueryError::Limit`] where `bytes_left` does not suffice.
    pub(super) fn set(
        &mut self,
        name: &str,
        value: Expression,
        bytes_left: &mut usize,
    ) -> Result<bool, QueryError> {
        let fits = matches!(
            value,
            Expression::Text(_) | Expression::Integer(_) | Expression::Float(_)
        );
        if fits {
            take(bytes_left, LOOK_BYTES * (1 + self.0.len()))?;
            match self.0.iter_mut().find(|known| known.0 == name) {
                Some(known) => known.1 = value,
                None => self.0.push((name.to_owned(), value)),
            }
        }
        Ok(fits)
    }

    /// Replace in every path under `expression`. A path that is nothing but `$name` becomes the
    /// value itself, as a number if it looks like one. Every byte that is searched or made is taken
    /// from `bytes_left`.
    ///
    /// # Errors
    /// [`QueryError::Limit`] where `bytes_left` does not suffice.
    pub(super) fn fill(
        &self,
        expression: &mut Expression,
        bytes_left: &mut usize,
    ) -> Result<(), QueryError> {
        match expression {
            Expression::Path(path) => {
                let filled = self.filled(path, bytes_left)?;
                *expression = filled;
            }
            Expression::Call(call) => {
                let named = call.named.iter_mut().map(|(_, value)| value);
                for argument in call.arguments.iter_mut().chain(named) {
                    self.fill(argument, bytes_left)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn filled(&self, path: &str, bytes_left: &mut usize) -> Result<Expression, QueryError> {
        let mut path = path.to_owned();
        for (name, value) in &self.0 {
            take(bytes_left, LOOK_BYTES + path.len())?;
            let variable = format!("${name}");
            if path == variable {
                return Ok(literal(value));
            }
            let times = path.matches(&variable).count();
            if times == 0 {
                continue;
            }
            let value = text(value);
            let bytes = path.len() + times * value.len();
            take(bytes_left, bytes)?;
            path = path.replace(&variable, &value);
        }
        Ok(Expression::Path(path))
    }
}

/// What looking at one variable costs, in bytes searched.
const LOOK_BYTES: usize = 16;

fn take(bytes_left: &mut usize, bytes: usize) -> Result<(), QueryError> {
    *bytes_left = bytes_left.checked_sub(bytes).ok_or_else(|| {
        QueryError::Limit(format!(
            "template() makes or searches paths of more than {TEMPLATE_BYTES_MAX} bytes"
        ))
    })?;
    Ok(())
}

/// Text that holds nothing but digits and dots is a number.
fn literal(value: &Expression) -> Expression {
    if let Expression::Text(text) = value {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let looks_like_one = digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        if let (true, Ok(number)) = (looks_like_one, text.parse()) {
            return Expression::Float(number);
        }
    }
    value.clone()
}

fn text(value: &Expression) -> String {
    match value {
        Expression::Integer(integer) => integer.to_string(),
        Expression::Float(float) => number::float(*float),
        Expression::Text(text) => text.clone(),
        _ => String::new(),
    }
}
