//! `/render/` in protobuf: what is asked for, and how a series is laid out.

use super::{Dialect, broken};
use crate::http::encode::protobuf::{
    Fields, Value, push_float, push_head, push_integer, push_text, text,
};
use crate::http::errors::Failure;
use crate::http::question::Question;
use crate::query::series::Series;

/// Series, patterns or tag expressions of one request.
pub(in crate::http) const QUERIES_MAX: usize = 4_096;

/// Bytes of a value, at most.
pub(in crate::http) const VALUE_BYTES: usize = 9;

/// One `FetchRequest` of the third version. What it says of functions and of how many points there is
/// room for is not read: carbonapi then applies them itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::http) struct Query {
    /// A path, a pattern or `seriesByTag(…)`.
    pub(in crate::http) target: String,
    /// What the answer repeats, so that whoever asks finds it again.
    pub(in crate::http) path_expression: String,
    /// Seconds since the epoch: start, exclusive.
    pub(in crate::http) from: i64,
    /// Seconds since the epoch: end, inclusive.
    pub(in crate::http) until: i64,
}

/// The queries of the body, a `MultiFetchRequest`; `None` if there is no body.
///
/// # Errors
/// A body that is none, and more than [`QUERIES_MAX`].
pub(in crate::http) async fn queries(
    question: &Question<'_>,
) -> Result<Option<Vec<Query>>, Failure> {
    let Some(body) = super::body(question) else {
        return Ok(None);
    };
    let mut queries = Vec::new();
    let mut fields = Fields::new(body);
    while let Some((field, value)) = fields.next().map_err(broken)? {
        if let (1, Value::Bytes(inner)) = (field, value) {
            if queries.len() == QUERIES_MAX {
                return Err(super::too_many(QUERIES_MAX));
            }
            queries.push(query(inner).map_err(broken)?);
        }
        question.breathe_every(queries.len()).await?;
    }
    Ok(Some(queries))
}

fn query(message: &[u8]) -> Result<Query, &'static str> {
    let mut query = Query::default();
    let mut fields = Fields::new(message);
    while let Some((field, value)) = fields.next()? {
        match (field, value) {
            (1, Value::Bytes(name)) => query.target = text(name)?.to_owned(),
            (2, Value::Integer(seconds)) => query.from = seconds,
            (3, Value::Integer(seconds)) => query.until = seconds,
            (5, Value::Bytes(expression)) => query.path_expression = text(expression)?.to_owned(),
            _ => {}
        }
    }
    if query.path_expression.is_empty() {
        query.path_expression.clone_from(&query.target);
    }
    if query.target.is_empty() {
        query.target.clone_from(&query.path_expression);
    }
    Ok(query)
}

/// A `FetchResponse` but for its values: what stands before and behind them.
pub(in crate::http) struct Shape {
    dialect: Dialect,
    head: Vec<u8>,
    tail: Vec<u8>,
}

impl Shape {
    /// The shape of `series`, asked for from `range.0`, exclusive, until `range.1`.
    pub(in crate::http) fn new(dialect: Dialect, series: &Series, range: (i64, i64)) -> Shape {
        let (mut head, mut tail) = (Vec::new(), Vec::new());
        let count = series.values.len();
        push_text(1, &series.name, &mut head);
        let times = [series.start, series.end(), series.step];
        match dialect {
            Dialect::Second => {
                for (field, time) in (2..).zip(times) {
                    push_integer(field, time, &mut head);
                }
                push_values_head(5, count, &mut head);
                if count > 0 {
                    push_head(6, count, &mut tail);
                }
            }
            Dialect::Third => {
                push_text(2, &series.path_expression, &mut head);
                push_text(3, series.fold_name(), &mut head);
                for (field, time) in (4..).zip(times) {
                    push_integer(field, time, &mut head);
                }
                push_float(7, series.x_files_factor as f32, &mut head);
                push_values_head(9, count, &mut head);
                push_integer(11, range.0, &mut tail);
                push_integer(12, range.1, &mut tail);
            }
        }
        Shape {
            dialect,
            head,
            tail,
        }
    }

    /// Begin the series within a `MultiFetchResponse`; the values of `series` stand behind it.
    pub(in crate::http) fn begin(&self, series: &Series, out: &mut Vec<u8>) {
        let count = series.values.len();
        let marks = match self.dialect {
            Dialect::Second => count,
            Dialect::Third => 0,
        };
        let bytes = self.head.len() + 8 * count + self.tail.len() + marks;
        push_head(1, bytes, out);
        out.extend_from_slice(&self.head);
    }

    /// Some of the values. The second version has zero where there is none.
    pub(in crate::http) fn push_values(&self, values: &[f64], out: &mut Vec<u8>) {
        let absent = match self.dialect {
            Dialect::Second => 0.0,
            Dialect::Third => f64::NAN,
        };
        for &value in values {
            let value = if value.is_nan() { absent } else { value };
            out.extend_from_slice(&value.to_le_bytes());
        }
    }

    /// What stands behind the values; in the second version the marks of those that are absent follow.
    pub(in crate::http) fn end(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.tail);
    }

    /// Of the second version: which of `values` are absent.
    pub(in crate::http) fn push_marks(&self, values: &[f64], out: &mut Vec<u8>) {
        if self.dialect == Dialect::Second {
            out.extend(values.iter().map(|value| u8::from(value.is_nan())));
        }
    }
}

fn push_values_head(field: u32, count: usize, out: &mut Vec<u8>) {
    if count > 0 {
        push_head(field, 8 * count, out);
    }
}
