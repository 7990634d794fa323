//! Series as JSON for the chart library Dygraphs: one table, a row for each time.

use super::{Pieces, VALUES_PER_BREATH, push_value};
use crate::base::decimal::push_integer;
use crate::http::json::{Beyond, push_text};
use crate::query::error::QueryError;
use crate::query::series::Series;

/// `value, ` with a value of up to 17 digits, and a part of the row's time.
pub(super) const VALUE_BYTES: usize = 26;

/// `{"labels" : ["Time", name, …], "data" : [[milliseconds, value, …], …]}`, or `{}` without series. What
/// is not finite is `null`, and so is the place of a series in a row of a time that it has not:
/// graphite-web fails where series are not all alike.
///
/// # Errors
/// Time or memory of the query is used up.
pub(super) async fn print(
    mut pieces: Pieces<'_>,
    series: &[Series],
) -> Result<Vec<u8>, QueryError> {
    if series.is_empty() {
        pieces.text.extend_from_slice(b"{}");
        return Ok(pieces.text);
    }
    pieces.text.extend_from_slice(b"{\"labels\" : [\"Time\"");
    for one in series {
        pieces.text.extend_from_slice(b", ");
        push_text(&one.name, Beyond::Escaped, &mut pieces.text);
        pieces.did_series(one).await?;
    }
    pieces.text.extend_from_slice(b"], \"data\" : [");
    // How many values of each series stand in the rows so far.
    let mut told = vec![0; series.len()];
    let mut next = earliest(&mut pieces, series, &told).await?;
    while let Some(time) = next {
        pieces.text.push(b'[');
        push_integer(time.saturating_mul(1000), &mut pieces.text);
        let mut following: Option<i64> = None;
        for (some, told) in chunks(series, &mut told) {
            for (one, told) in some.iter().zip(told.iter_mut()) {
                let out = &mut pieces.text;
                out.extend_from_slice(b", ");
                match value_at(one, *told) {
                    Some((at, value)) if at == time => {
                        *told += 1;
                        push_value(value, one, b"null", out);
                    }
                    _ => out.extend_from_slice(b"null"),
                }
                if let Some((at, _)) = value_at(one, *told) {
                    following = Some(following.map_or(at, |known| known.min(at)));
                }
            }
            pieces.did(some.len()).await?;
        }
        pieces
            .text
            .extend_from_slice(if following.is_some() { b"], " } else { b"]" });
        next = following;
    }
    pieces.text.extend_from_slice(b"]}");
    Ok(pieces.text)
}

type Some<'a> = (&'a [Series], &'a mut [usize]);

fn chunks<'a>(series: &'a [Series], told: &'a mut [usize]) -> impl Iterator<Item = Some<'a>> {
    let told = told.chunks_mut(VALUES_PER_BREATH);
    series.chunks(VALUES_PER_BREATH).zip(told)
}

async fn earliest(
    pieces: &mut Pieces<'_>,
    series: &[Series],
    told: &[usize],
) -> Result<Option<i64>, QueryError> {
    let times = series.iter().zip(told);
    let times = times.filter_map(|(one, &told)| value_at(one, told));
    let first = times.map(|(at, _)| at).min();
    pieces.did(series.len() / 8).await?;
    Ok(first)
}

fn value_at(series: &Series, at: usize) -> Option<(i64, f64)> {
    let value = *series.values.get(at)?;
    let time = series.step.saturating_mul(at as i64);
    Some((series.start.saturating_add(time), value))
}
