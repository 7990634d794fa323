//! A picture of shares: one slice a series, or a number that the request names itself.

use std::f64::consts::{FRAC_PI_2, PI, TAU};

use super::frame::{self, Area};
use super::legend::{self, Entry};
use super::options::{Options, PieMode, PieOptions, SliceLabel};
use super::points::SERIES_MAX;
use super::svg::{Anchor, Path, Svg, Text};
use crate::http::errors::Failure;
use crate::query::breath::Pace;
use crate::query::error::QueryError;
use crate::query::series::{Fold, Folding, Series};

/// A name with its number.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::http) struct Slice {
    pub(in crate::http) name: String,
    pub(in crate::http) value: f64,
}

/// One slice a series, behind those that `slices` has already.
async fn slices(
    mut slices: Vec<Slice>,
    series: &[Series],
    mode: PieMode,
    pace: &Pace<'_>,
) -> Result<Vec<Slice>, QueryError> {
    let fold = match mode {
        PieMode::Average => Fold::Average,
        PieMode::Maximum => Fold::Max,
        PieMode::Minimum => Fold::Min,
    };
    for one in series {
        let mut folding = Folding::new(fold);
        for some in one.values.chunks(1_000) {
            folding.take(some);
            pace.did(some.len()).await?;
        }
        slices.push(Slice {
            name: one.name.clone(),
            value: folding.finish(1.0, 0.0),
        });
        pace.did_series(one.name.len()).await?;
    }
    Ok(slices)
}

/// Draw `named` and `series` as a pie. What is below 0, or no number, has no share.
///
/// # Errors
/// More slices than a picture may have, and what `pace` says.
pub(super) async fn draw(
    options: &Options,
    pie: &PieOptions,
    named: Vec<Slice>,
    series: &[Series],
    pace: &Pace<'_>,
) -> Result<Svg, Failure> {
    if SERIES_MAX < named.len().saturating_add(series.len()) {
        return Err(Failure::from(QueryError::Limit(format!(
            "a pie has at most {SERIES_MAX} slices; ask for fewer series, or combine some"
        ))));
    }
    let slices = slices(named, series, pie.mode, pace).await?;
    let tame = |value: f64| {
        if value.is_finite() {
            value.clamp(0.0, 1e300)
        } else {
            0.0
        }
    };
    let largest = slices.iter().map(|one| tame(one.value)).fold(0.0, f64::max);
    // Shares of the largest are summed, for a sum of values may be beyond all numbers.
    let total: f64 = slices.iter().map(|one| tame(one.value) / largest).sum();
    if largest <= 0.0 {
        return Ok(frame::no_data(options));
    }
    let mut svg = frame::canvas(options);
    let mut area = Area::inside(options);
    frame::title(&mut svg, &mut area, options);
    let alpha = options.area_alpha.unwrap_or(1.0);
    if !options.hide_legend.unwrap_or(false) {
        let entry =
            |(i, one): (usize, &'_ Slice)| (options.style.color(i), one.name.as_str().to_owned());
        let names: Vec<_> = slices.iter().enumerate().map(entry).collect();
        let entries = names.iter().map(|(color, name)| Entry {
            name,
            color: *color,
            alpha,
            is_right: false,
        });
        legend::draw(&mut svg, &mut area, options, entries.collect(), pace).await?;
    }
    let area = area.settled(options);
    let mut circle = Circle {
        middle: area.middle(),
        radius: area.width().min(area.height()) / 2.0 * 0.95,
        angle: -FRAC_PI_2,
    };
    let mut labels = Vec::new();
    for (i, slice) in slices.iter().enumerate() {
        let share = tame(slice.value) / largest / total;
        let start = circle.angle;
        let path = circle.slice(share);
        if 0.0 < share {
            svg.area(&path, options.style.color(i), alpha);
        }
        if let Some(text) = label(pie, slice.value, share) {
            labels.push((text, f64::midpoint(start, circle.angle)));
        }
        pace.did(super::cost(5)).await?;
    }
    svg.texts("slices", &options.font, pie.label_color);
    for (text, angle) in &labels {
        let middle = (options.font.ascent() - options.font.descent()) / 2.0;
        let (x, y) = circle.point(*angle, circle.radius / 2.0);
        let turned = if pie.rotated { readable(*angle) } else { 0.0 };
        svg.text(Text {
            text,
            x: x - turned.sin() * middle,
            y: y + turned.cos() * middle,
            anchor: Anchor::Middle,
            turned: turned.to_degrees(),
        });
        pace.did(super::cost(2)).await?;
    }
    svg.end();
    Ok(svg)
}

/// The same direction, or the opposite, so that a text is not upside down.
fn readable(angle: f64) -> f64 {
    let angle = angle.rem_euclid(TAU);
    if FRAC_PI_2 < angle && angle <= 3.0 * FRAC_PI_2 {
        angle - PI
    } else {
        angle
    }
}

fn label(pie: &PieOptions, value: f64, share: f64) -> Option<String> {
    match pie.label {
        SliceLabel::Percent if pie.label_min <= 100.0 * share && 0.0 < share => {
            Some(format!("{:.2}%", 100.0 * share))
        }
        SliceLabel::Number if pie.label_min <= value && 0.0 < share => Some(number(value)),
        SliceLabel::None | SliceLabel::Percent | SliceLabel::Number => None,
    }
}

fn number(value: f64) -> String {
    if 1e15 <= value {
        format!("{value:.3e}")
    } else if value < 10.0 && value.fract() != 0.0 {
        format!("{value:.2}")
    } else {
        format!("{:.0}", value.trunc())
    }
}

/// A circle that slices are cut from, clockwise from the top.
struct Circle {
    middle: (f64, f64),
    radius: f64,
    /// Where the next slice begins.
    angle: f64,
}

impl Circle {
    fn point(&self, angle: f64, radius: f64) -> (f64, f64) {
        let (sin, cos) = angle.sin_cos();
        (self.middle.0 + radius * cos, self.middle.1 + radius * sin)
    }

    /// Cut off a slice of this share.
    fn slice(&mut self, share: f64) -> Path {
        let (start, end) = (self.angle, self.angle + TAU * share);
        self.angle = end;
        let mut path = Path::default();
        let first = self.point(start, self.radius);
        let last = self.point(end, self.radius);
        if 0.9999 < share {
            // An arc that ends where it began would be nothing: go around in two.
            let opposite = self.point(start + PI, self.radius);
            path.move_to(first.0, first.1);
            path.arc_to(self.radius, false, opposite.0, opposite.1);
            path.arc_to(self.radius, false, first.0, first.1);
        } else {
            path.move_to(self.middle.0, self.middle.1);
            path.line_to(first.0, first.1);
            path.arc_to(self.radius, 0.5 < share, last.0, last.1);
        }
        path.close();
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_never_upside_down() {
        for degrees in -720..720 {
            let turned = readable(f64::from(degrees).to_radians());
            assert!(0.0 <= turned.cos() + 1e-9, "{degrees}");
        }
    }

    #[test]
    fn numbers_on_slices() {
        assert_eq!(
            [3.0, 3.25, 12.75, 1e18].map(number),
            ["3", "3.25", "12", "1.000e18"]
        );
    }
}
