//! Series as JSON, as graphite-web writes it.

use super::{Pieces, VALUES_PER_BREATH};
use crate::base::printer::{NUMBER_BYTES, Printer, TOGETHER, Ticks};
use crate::http::json::{Beyond, push_text};
use crate::query::error::QueryError;
use crate::query::series::Series;
use crate::simd::{Lanes, Scanner, Work};

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
    let lanes = Scanner::widest();
    let mut room = vec![0; VALUES_PER_BREATH * POINT_BYTES_MAX];
    pieces.text.push(b'[');
    for (i, one) in series.iter().enumerate() {
        if i > 0 {
            pieces.text.extend_from_slice(b", ");
        }
        push_head(one, &mut pieces.text);
        pieces.text.push(b'[');
        let begin = pieces.text.len();
        let mut ticks = Ticks::new(one.start, one.step);
        // Another series may have fewer places.
        let mut places = 0;
        for values in one.values.chunks(VALUES_PER_BREATH) {
            let printed = lanes.run(Points {
                values,
                ticks: &mut ticks,
                with_nulls,
                places: &mut places,
                room: &mut room,
            });
            let printed = room.get(..printed).unwrap_or_default();
            pieces.text.extend_from_slice(printed);
            pieces.did(values.len() / 4).await?;
        }
        // The last point has the begin of another behind it; without points there is only that.
        let more = if begin < pieces.text.len() { 3 } else { 1 };
        pieces.text.truncate(pieces.text.len() - more);
        pieces.text.extend_from_slice(b"]}");
        pieces.did_series(one).await?;
    }
    pieces.text.push(b']');
    Ok(pieces.text)
}

/// Points that are printed in one go, with those behind the first begun; gives their bytes.
struct Points<'a> {
    values: &'a [f64],
    ticks: &'a mut Ticks,
    with_nulls: bool,
    /// Decimal places to begin with, and of the last value.
    places: &'a mut usize,
    room: &'a mut [u8],
}

impl Work for Points<'_> {
    type Output = usize;

    #[inline(always)]
    fn run<L: Lanes>(self) -> usize {
        let mut printer = Printer::new(self.room, *self.places);
        for values in self.values.chunks(TOGETHER) {
            let together = values.first_chunk();
            if together.is_some_and(|values| printer.points(values, self.ticks)) {
                continue;
            }
            for &value in values {
                if value.is_finite() {
                    printer.float(value);
                } else if self.with_nulls {
                    printer.text(b"null");
                } else {
                    self.ticks.skip();
                    continue;
                }
                printer.tick(self.ticks);
            }
        }
        *self.places = printer.places();
        printer.printed()
    }
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

/// Bytes that one point is never longer than.
const POINT_BYTES_MAX: usize = 2 * NUMBER_BYTES + 8;
