//! Pictures of series: what graphite-web draws for `/render`, with its parameters.
//!
//! Takes parameters, series and a zone, gives SVG ([`draw`]); of that, PNG ([`rasterise`]). Drawing is cut
//! into pieces, as [`Pace`] says, for it is done on a shard's core; the PNG is made elsewhere, in one
//! piece. The parts of a picture, from outside to inside: [`frame`] and [`legend`], [`grid`] with the
//! axes' [`scale`] and [`clock`], [`area`] and [`line`]; [`plot`] puts them together, and [`pie`] is the
//! other kind of picture.
//!
//! Limits: pixels and whatever else a parameter can blow up ([`options`]), series and values of a picture
//! ([`points`]), bytes of its SVG ([`svg`]). Knows no shards. Its tests compare whole pictures with
//! those in `golden`, and steps of axes with what graphite-web chose for the same data.

mod area;
mod clock;
mod color;
mod font;
mod frame;
mod grid;
mod legend;
mod line;
mod options;
mod pie;
mod plane;
mod plot;
mod png;
mod points;
mod scale;
mod style;
mod svg;
#[cfg(test)]
mod tests;
mod unit;
mod values;

use jiff::tz::TimeZone;

pub(super) use options::Options;
pub(super) use pie::Slice;
pub(super) use png::rasterise;

use super::errors::Failure;
use crate::query::breath::Pace;
use crate::query::series::Series;
use options::Kind;

/// The picture of `series` as SVG; `slices` are what a pie shows besides. Times are those of `zone`.
///
/// # Errors
/// Parameters that make no sense for these series, a picture that is too large, and what `pace` says.
pub(super) async fn draw(
    options: &Options,
    slices: Vec<Slice>,
    series: &[Series],
    zone: &TimeZone,
    pace: &Pace<'_>,
) -> Result<String, Failure> {
    let svg = match &options.kind {
        Kind::Lines(lines) => plot::draw(options, lines, series, zone, pace).await?,
        Kind::Pie(pie) => pie::draw(options, pie, slices, series, pace).await?,
    };
    svg.check_size()?;
    Ok(svg.finish())
}

/// What so many values cost that are drawn, in the values of a [`Pace`].
fn cost(values: usize) -> usize {
    4 * values
}
