//! Series as graphite-web's raw text.

use super::{Pieces, VALUES_PER_BREATH, push_number};
use crate::base::decimal::push_integer;
use crate::query::error::QueryError;
use crate::query::series::Series;

/// A value of up to 17 digits and its comma.
pub(super) const VALUE_BYTES: usize = 20;

/// One line a series: `name,start,end,step|value,value,…`, where `end` is behind the last value and
/// null is `None`.
///
/// # Errors
/// Time or memory of the query is used up.
pub(super) async fn print(
    mut pieces: Pieces<'_>,
    series: &[Series],
) -> Result<Vec<u8>, QueryError> {
    for one in series {
        let out = &mut pieces.text;
        out.extend_from_slice(one.name.as_bytes());
        for number in [one.start, one.end(), one.step] {
            out.push(b',');
            push_integer(number, out);
        }
        let mut before = b'|';
        if one.values.is_empty() {
            out.push(before);
        }
        for values in one.values.chunks(VALUES_PER_BREATH) {
            for &value in values {
                pieces.text.push(before);
                before = b',';
                if value.is_nan() {
                    pieces.text.extend_from_slice(b"None");
                } else {
                    push_number(value, one, &mut pieces.text);
                }
            }
            pieces.did(values.len()).await?;
        }
        pieces.text.push(b'\n');
        pieces.did_series(one).await?;
    }
    Ok(pieces.text)
}
