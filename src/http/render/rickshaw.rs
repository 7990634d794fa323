//! Series as JSON for the chart library Rickshaw.

use super::{Pieces, VALUES_PER_BREATH, push_value};
use crate::base::decimal::push_integer;
use crate::http::json::{Beyond, push_text};
use crate::query::error::QueryError;
use crate::query::series::Series;

/// `{"x": seconds, "y": value}, ` with a value of up to 17 digits.
pub(super) const VALUE_BYTES: usize = 48;

/// `[{"target": …, "datapoints": [{"x": seconds, "y": value}, …]}, …]`. What is not finite is `null`.
///
/// # Errors
/// Time or memory of the query is used up.
pub(super) async fn print(
    mut pieces: Pieces<'_>,
    series: &[Series],
) -> Result<Vec<u8>, QueryError> {
    pieces.text.push(b'[');
    for (i, one) in series.iter().enumerate() {
        let out = &mut pieces.text;
        out.extend_from_slice(if i > 0 {
            b", {\"target\": "
        } else {
            b"{\"target\": "
        });
        push_text(&one.name, Beyond::Escaped, out);
        out.extend_from_slice(b", \"datapoints\": [");
        let mut time = one.start;
        for (j, values) in one.values.chunks(VALUES_PER_BREATH).enumerate() {
            for (k, &value) in values.iter().enumerate() {
                let out = &mut pieces.text;
                out.extend_from_slice(if j + k > 0 {
                    b", {\"x\": "
                } else {
                    b"{\"x\": "
                });
                push_integer(time, out);
                out.extend_from_slice(b", \"y\": ");
                push_value(value, one, b"null", out);
                out.push(b'}');
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
