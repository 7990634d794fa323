//! Series as JSON, as graphite-web writes it.

use super::{Pieces, VALUES_PER_BREATH};
use crate::base::decimal::{push_float, push_integer};
use crate::http::json::{Beyond, push_text};
use crate::query::error::QueryError;
use crate::query::series::Series;

/// `[value, seconds], ` with a value of up to 17 digits.
pub(super) const VALUE_BYTES: usize = 34;

/// `[{"target": …, "tags": {…}, "datapoints": [[value, seconds], …]}, …]`. What is not finite is
/// `null`: readers in Go fail on the numbers that graphite-web writes for infinity.
///
/// # Errors
/// Time or memory of the query is used up.
pub(super) async fn print(
    mut pieces: Pieces<'_>,
    series: &[Series],
    with_nulls: bool,
) -> Result<Vec<u8>, QueryError> {
    pieces.text.push(b'[');
    for (i, one) in series.iter().enumerate() {
        if i > 0 {
            pieces.text.extend_from_slice(b", ");
        }
        push_head(one, &mut pieces.text);
        let mut first = true;
        let mut time = one.start;
        for values in one.values.chunks(VALUES_PER_BREATH) {
            for &value in values {
                if with_nulls || value.is_finite() {
                    if !first {
                        pieces.text.extend_from_slice(b", ");
                    }
                    first = false;
                    push_point(value, time, &mut pieces.text);
                }
                time = time.saturating_add(one.step);
            }
            pieces.did(values.len()).await?;
        }
        pieces.text.extend_from_slice(b"]}");
        pieces.did_series(one).await?;
    }
    pieces.text.push(b']');
    Ok(pieces.text)
}

/// `name` is the first tag, the others follow in their order.
fn push_head(series: &Series, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"target\": ");
    push_text(&series.name, Beyond::Escaped, out);
    out.extend_from_slice(b", \"tags\": {");
    let name = series.tags.get_key_value("name");
    let others = series.tags.iter().filter(|(key, _)| *key != "name");
    for (i, (key, value)) in name.into_iter().chain(others).enumerate() {
        if i > 0 {
            out.extend_from_slice(b", ");
        }
        push_text(key, Beyond::Escaped, out);
        out.extend_from_slice(b": ");
        push_text(value, Beyond::Escaped, out);
    }
    out.extend_from_slice(b"}, \"datapoints\": [");
}

fn push_point(value: f64, time: i64, out: &mut Vec<u8>) {
    out.push(b'[');
    if value.is_finite() {
        push_float(value, out);
    } else {
        out.extend_from_slice(b"null");
    }
    out.extend_from_slice(b", ");
    push_integer(time, out);
    out.push(b']');
}
