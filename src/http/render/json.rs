//! Series as JSON, as graphite-web writes it.

use super::{Pieces, VALUES_PER_BREATH, push_value};
use crate::base::decimal::push_integer;
use crate::base::printer::{NUMBER_BYTES, Printer, Python, TOGETHER, TickText, Ticks};
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
    // As graphite-web: series without a place for a value are told only beside others.
    let any = series.iter().any(|one| !one.values.is_empty());
    let series = if any { series } else { &[] };
    let lanes = Scanner::widest();
    let mut times = Times::default();
    pieces.text.push(b'[');
    for (i, one) in series.iter().enumerate() {
        if i > 0 {
            pieces.text.extend_from_slice(b", ");
        }
        push_head(one, &mut pieces.text);
        pieces.text.push(b'[');
        let begin = pieces.text.len();
        times.begin(one.start, one.step);
        // Another series may have fewer places.
        let mut places = 0;
        let floats = if one.integers {
            push_integers(&mut pieces, one, with_nulls).await?;
            &[]
        } else {
            one.values.as_slice()
        };
        for (i, values) in floats.chunks(VALUES_PER_BREATH).enumerate() {
            lanes.run(Points {
                values,
                times: times.of(i * VALUES_PER_BREATH, values.len()),
                with_nulls,
                places: &mut places,
                text: &mut pieces.text,
            });
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

/// The points of a series of whole numbers, each with the begin of another behind it. There are few such.
async fn push_integers(
    pieces: &mut Pieces<'_>,
    series: &Series,
    with_nulls: bool,
) -> Result<(), QueryError> {
    let mut time = series.start;
    for values in series.values.chunks(VALUES_PER_BREATH) {
        for &value in values {
            if value.is_finite() || with_nulls {
                push_value(value, series, b"null", &mut pieces.text);
                pieces.text.extend_from_slice(b", ");
                push_integer(time, &mut pieces.text);
                pieces.text.extend_from_slice(b"], [");
            }
            time = time.saturating_add(series.step);
        }
        pieces.did(values.len()).await?;
    }
    Ok(())
}

/// Texts of [`TOGETHER`] times, where they can be told together.
type Texts = Option<[TickText; TOGETHER]>;

/// The texts of times, which series of one grid share.
#[derive(Default)]
struct Times {
    start: i64,
    step: i64,
    /// The first, and those of one piece behind them.
    texts: Vec<Texts>,
    piece: Vec<Texts>,
}

/// Of so many times the texts are kept: 1 MiB.
const TIMES_MAX: usize = 1 << 16;

impl Times {
    /// A series with such times begins.
    fn begin(&mut self, start: i64, step: i64) {
        if (self.start, self.step) != (start, step) {
            self.texts.clear();
            (self.start, self.step) = (start, step);
        }
    }

    /// The texts of `count` times from the one at `first`, a multiple of [`TOGETHER`], and the times
    /// themselves. Each piece follows the one before.
    fn of(&mut self, first: usize, count: usize) -> (&[Texts], Ticks) {
        let (begin, end) = (first / TOGETHER, (first + count).div_ceil(TOGETHER));
        let ahead = |places: usize| {
            let places = i64::try_from(places).unwrap_or(i64::MAX);
            let time = self.start.saturating_add(self.step.saturating_mul(places));
            Ticks::new(time, self.step)
        };
        let add = |texts: &mut Vec<Texts>, mut ticks: Ticks, end: usize| {
            while texts.len() < end {
                let some = ticks.texts();
                if some.is_none() {
                    ticks.pass(TOGETHER);
                }
                texts.push(some);
            }
        };
        let ticks = ahead(first);
        if TIMES_MAX < end * TOGETHER {
            self.piece.clear();
            add(&mut self.piece, ticks.clone(), end - begin);
            return (&self.piece, ticks);
        }
        if self.texts.len() < end {
            let more = ahead(self.texts.len() * TOGETHER);
            add(&mut self.texts, more, end);
        }
        (self.texts.get(begin..end).unwrap_or_default(), ticks)
    }
}

/// Points that are printed in one go, with those behind the first begun, behind `text`.
struct Points<'a> {
    values: &'a [f64],
    times: (&'a [Texts], Ticks),
    with_nulls: bool,
    /// Decimal places to begin with, and of the last value.
    places: &'a mut usize,
    text: &'a mut Vec<u8>,
}

impl Work for Points<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self) {
        // A few points at a time: the text is new memory, which is waited for where much of it is written
        // at once, and not where that is done beside the printing.
        let mut room = [0; TOGETHER * POINT_BYTES_MAX];
        let mut printer = Printer::new(&mut room, *self.places);
        let (texts, mut ticks) = self.times;
        let mut texts = texts.iter();
        for values in self.values.chunks(TOGETHER) {
            let times = texts.next();
            if let (Some(values), Some(Some(times))) = (values.first_chunk(), times)
                && printer.points::<Python, 0, 16>(values, &[[]; TOGETHER], times)
            {
                ticks.pass(TOGETHER);
                printer.hand_on(self.text);
                continue;
            }
            for &value in values {
                if value.is_finite() {
                    printer.float(value);
                } else if self.with_nulls {
                    printer.text(b"null");
                } else {
                    ticks.pass(1);
                    continue;
                }
                printer.tick(&mut ticks);
            }
            printer.hand_on(self.text);
        }
        *self.places = printer.places();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::decimal;
    use crate::base::random::Random;

    /// Series of a few grids, one behind the other, are the text of their points one by one.
    #[test]
    fn series_of_any_grids() {
        for seed in 0..150 {
            let mut random = Random::new(seed);
            let with_nulls = random.chance(50);
            let mut grid = || {
                let start = match random.below(8) {
                    0 => 999_999_900 + random.below(200) as i64,
                    1 => 1_699_990_000 + random.below(10_000) as i64,
                    2 => random.next_u64() as i64,
                    _ => 1_000_000_000 + random.below(5_000_000_000) as i64,
                };
                let step = [1, 1, 60, 3600, random.below(1 << 40) as i64];
                (start, step[random.below(5) as usize])
            };
            let grids = [grid(), grid()];
            let mut times = Times::default();
            let mut got = Vec::new();
            let mut want = Vec::new();
            for _ in 0..1 + random.below(8) {
                let (start, step) = grids[random.below(2) as usize];
                let count = match random.below(100) {
                    0 => 2 * TIMES_MAX as u64,
                    _ => random.below(2_000),
                };
                let rare = random.below(20);
                let value = |_| match random.below(100) {
                    some if some < rare => f64::NAN,
                    99 => random.next_u64() as f64,
                    _ => random.below(100_000) as f64 / 10.0,
                };
                let values: Vec<f64> = (0..count).map(value).collect();
                for (i, &value) in values.iter().enumerate() {
                    if value.is_nan() && !with_nulls {
                        continue;
                    }
                    match value.is_nan() {
                        true => want.extend_from_slice(b"null"),
                        false => decimal::push_float(value, &mut want),
                    }
                    let time = start.saturating_add(step.saturating_mul(i as i64));
                    want.extend_from_slice(format!(", {time}], [").as_bytes());
                }
                times.begin(start, step);
                let mut places = 0;
                for (i, values) in values.chunks(VALUES_PER_BREATH).enumerate() {
                    Scanner::widest().run(Points {
                        values,
                        times: times.of(i * VALUES_PER_BREATH, values.len()),
                        with_nulls,
                        places: &mut places,
                        text: &mut got,
                    });
                }
            }
            assert!(got == want, "seed {seed}");
        }
    }
}
