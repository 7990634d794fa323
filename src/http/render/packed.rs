//! Series for another server: a list of maps, in pickle or msgpack.

use super::{Pieces, VALUES_PER_BREATH};
use crate::http::encode::Packing;
use crate::query::error::QueryError;
use crate::query::series::Series;

/// A float, or nothing.
pub(super) const VALUE_BYTES: usize = 9;

/// One map a series, with graphite-web's keys. `end` is behind the last value. What is asked for by a
/// path, a pattern or tags is told under `pathExpression` as it was sent: graphite-web looks for that.
///
/// # Errors
/// Time or memory of the query is used up.
pub(super) async fn print(
    mut pieces: Pieces<'_>,
    series: &[Series],
    packing: Packing,
) -> Result<Vec<u8>, QueryError> {
    packing.begin(&mut pieces.text);
    packing.begin_list(series.len(), &mut pieces.text);
    for one in series {
        push_head(one, packing, &mut pieces.text);
        let count = one.values.len();
        packing.begin_list(count, &mut pieces.text);
        for values in one.values.chunks(VALUES_PER_BREATH) {
            if one.integers {
                packing.push_integers(values, &mut pieces.text);
            } else {
                packing.push_values(values, &mut pieces.text);
            }
            pieces.did(values.len()).await?;
        }
        packing.end_list(count, &mut pieces.text);
        push_rest(one, packing, &mut pieces.text);
        pieces.did_series(one).await?;
    }
    packing.end_list(series.len(), &mut pieces.text);
    packing.end(&mut pieces.text);
    Ok(pieces.text)
}

fn push_head(series: &Series, packing: Packing, out: &mut Vec<u8>) {
    packing.begin_map(9, out);
    packing.push_text("name", out);
    packing.push_text(&series.name, out);
    let times = [
        ("start", series.start),
        ("end", series.end()),
        ("step", series.step),
    ];
    for (key, seconds) in times {
        packing.push_text(key, out);
        packing.push_integer(seconds, out);
    }
    packing.push_text("values", out);
}

fn push_rest(series: &Series, packing: Packing, out: &mut Vec<u8>) {
    packing.push_text("pathExpression", out);
    packing.push_text(&series.path_expression, out);
    packing.push_text("valuesPerPoint", out);
    packing.push_integer(1, out);
    packing.push_text("consolidationFunc", out);
    packing.push_text(series.fold_name(), out);
    packing.push_text("xFilesFactor", out);
    packing.push_float(series.x_files_factor, out);
    packing.end_map(out);
}
