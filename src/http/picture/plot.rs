//! A picture of lines and areas: where its parts are, and in which order they are drawn.

use jiff::tz::TimeZone;

use super::area::Cover;
use super::clock::Clock;
use super::font::Font;
use super::frame::{self, Area, SideTitle};
use super::grid;
use super::legend::{self, Entry};
use super::line::{self, Dots};
use super::options::{LineMode, LineOptions, Options};
use super::plane::{self, Plane};
use super::points::{Drawn, Points};
use super::scale::{Bounds, Scale};
use super::svg::Svg;
use crate::http::errors::Failure;
use crate::query::breath::Pace;
use crate::query::error::QueryError;
use crate::query::series::Series;

/// Pixels that the plot stays away from the left margin where labels of y are narrow: the first label of
/// x reaches there.
const LEFT_ROOM: f64 = 10.0;
/// Pixels by which lines may leave the plot.
const OVER_MAX: f64 = 2.0;
/// How often labels of y may change how many values fit, and these the labels.
const ROUNDS_MAX: usize = 4;

/// Draw `series` as lines and areas.
///
/// # Errors
/// Parameters that make no sense for these series, limits, and what `pace` says.
pub(super) async fn draw(
    options: &Options,
    lines: &LineOptions,
    series: &[Series],
    zone: &TimeZone,
    pace: &Pace<'_>,
) -> Result<Svg, Failure> {
    let points = Points::new(series, options, lines, pace).await?;
    let Some(points) = points else {
        return Ok(frame::no_data(options));
    };
    let mut svg = frame::canvas(options);
    let mut area = Area::inside(options);
    frame::title(&mut svg, &mut area, options);
    let title_right = if points.has_right {
        &*lines.title_right
    } else {
        ""
    };
    let left = SideTitle::reserve(&lines.title_left, false, &mut area, options);
    let right = SideTitle::reserve(title_right, true, &mut area, options);
    if legend::is_shown(options, series.len()) {
        let entries = entries(&points, lines, pace).await?;
        // Below the titles of the sides, too.
        let mut below = Area {
            left: options.margin,
            right: options.width - options.margin,
            ..area
        };
        below = below.settled(options);
        legend::draw(&mut svg, &mut below, options, entries, pace).await?;
        area.bottom = below.bottom;
    }
    if !lines.hide_axes && !lines.hide_x_axis {
        area.bottom -= grid::x_labels_height(&options.font);
    }
    let area = area.settled(options);
    let plot = Plot::new(points, area, options, lines, pace).await?;
    for title in [left, right] {
        title.write(&mut svg, &plot.plane.area, options);
    }
    plot.draw_axes(&mut svg, options, lines, zone, pace).await?;
    plot.draw_series(&mut svg, options, lines, pace).await?;
    Ok(svg)
}

async fn entries<'a>(
    points: &Points<'a>,
    lines: &LineOptions,
    pace: &Pace<'_>,
) -> Result<Vec<Entry<'a>>, QueryError> {
    let mut entries = Vec::with_capacity(points.all.len());
    for one in &points.all {
        let mut is_shown = true;
        if lines.hide_null {
            let mut stretches = one.series.values.chunks(1_000);
            is_shown = false;
            while let (false, Some(some)) = (is_shown, stretches.next()) {
                is_shown = some.iter().any(|value| !value.is_nan());
                pace.did(some.len() / 4).await?;
            }
        }
        if is_shown {
            entries.push(Entry {
                name: &one.series.name,
                color: one.color,
                alpha: 1.0,
                is_right: one.is_right,
            });
        }
        pace.did(5).await?;
    }
    Ok(entries)
}

/// Series, axes and the area between them.
struct Plot<'a> {
    points: Points<'a>,
    plane: Plane,
    /// Of the single axis, or of the left.
    scale: Scale,
    right: Option<Scale>,
}

impl<'a> Plot<'a> {
    /// Fold the values to the width that the labels of y leave, which are those of the folded values.
    async fn new(
        mut points: Points<'a>,
        around: Area,
        options: &Options,
        lines: &LineOptions,
        pace: &Pace<'_>,
    ) -> Result<Plot<'a>, Failure> {
        let mut area = around;
        if !lines.graph_only {
            area.left += LEFT_ROOM;
        }
        area = area.settled(options);
        let mut rounds = 0;
        loop {
            let pixels = plane::pixels(&area, lines.line_width);
            points.fold(pixels, lines, pace).await?;
            let (scale, right) = scales(&points, lines)?;
            let wanted = labelled(around, area, &scale, right.as_ref(), &options.font, lines);
            let wanted = wanted.settled(options);
            rounds += 1;
            if wanted == area || ROUNDS_MAX <= rounds {
                let range = points.range();
                return Ok(Plot {
                    plane: Plane::new(area, points.start, range, lines.line_width),
                    points,
                    scale,
                    right,
                });
            }
            area = wanted;
        }
    }

    async fn draw_axes(
        &self,
        svg: &mut Svg,
        options: &Options,
        lines: &LineOptions,
        zone: &TimeZone,
        pace: &Pace<'_>,
    ) -> Result<(), Failure> {
        if lines.hide_axes {
            return Ok(());
        }
        let plane = &self.plane;
        let (start, end) = (self.points.start, self.points.end);
        let pixels = plane::pixels(&plane.area, lines.line_width);
        let format = lines.x_format.as_deref();
        let clock = Clock::new((start, end), pixels, format, zone, pace).await?;
        if !lines.hide_grid {
            let axes = (&self.scale, &clock);
            grid::lines(svg, plane, axes, options, lines, pace).await?;
        }
        if !lines.hide_y_axis {
            let is_right = lines.axis_is_right && self.right.is_none();
            grid::y_labels(svg, plane, &self.scale, is_right, options, pace).await?;
            if let Some(right) = &self.right {
                grid::y_labels(svg, plane, right, true, options, pace).await?;
            }
        }
        if !lines.hide_x_axis {
            grid::x_labels(svg, plane, &clock, options, pace).await?;
        }
        Ok(())
    }

    async fn draw_series(
        &self,
        svg: &mut Svg,
        options: &Options,
        lines: &LineOptions,
        pace: &Pace<'_>,
    ) -> Result<(), QueryError> {
        let area = &self.plane.area;
        let mode = self.points.line_mode;
        let gap_max = match mode {
            LineMode::Connected => lines.connected_limit,
            LineMode::Slope | LineMode::Staircase => 0.0,
        };
        // A line along an edge of the plot is not cut in half.
        let over = (lines.line_width / 2.0).min(OVER_MAX);
        svg.clipped(
            "series",
            (area.left, area.top - over),
            (area.width(), area.height() + 2.0 * over),
        );
        let mut cover = Cover::new(area.left, area.width());
        let shown = || {
            let all = self.points.all.iter();
            all.filter(|one| !one.series.look.invisible)
        };
        // What is not seen still takes its place.
        for one in self.points.all.iter().filter(|one| one.is_area) {
            let alpha = if one.series.look.invisible {
                0.0
            } else {
                options.area_alpha.unwrap_or(one.alpha)
            };
            let dots = self.dots(one);
            cover.draw(svg, &dots, mode, gap_max, alpha, pace).await?;
        }
        for one in shown().filter(|one| !one.is_area) {
            line::draw(svg, &self.dots(one), mode, lines, pace).await?;
        }
        if options.area_alpha.is_some() {
            for one in shown().filter(|one| one.is_area) {
                line::draw(svg, &self.dots(one), mode, lines, pace).await?;
            }
        }
        svg.end();
        Ok(())
    }

    fn dots<'b>(&'b self, drawn: &'b Drawn<'a>) -> Dots<'b> {
        let right = self.right.as_ref().filter(|_| drawn.is_right);
        Dots {
            plane: &self.plane,
            scale: right.unwrap_or(&self.scale),
            drawn,
        }
    }
}

/// The axes that these values need: one, or left and right.
fn scales(points: &Points<'_>, lines: &LineOptions) -> Result<(Scale, Option<Scale>), Failure> {
    if !points.has_right {
        return Ok((scale(points.left, &lines.single, lines)?, None));
    }
    let left = scale(points.left, &lines.left, lines)?;
    Ok((left, Some(scale(points.right, &lines.right, lines)?)))
}

fn scale(limits: (f64, f64), bounds: &Bounds, lines: &LineOptions) -> Result<Scale, Failure> {
    match lines.log_base {
        Some(base) => Scale::logarithmic(limits, bounds, base, lines.units),
        None => Scale::linear(limits, bounds, &lines.divisors, lines.units),
    }
}

/// `around` without the room of the labels of y; `area` is what it was taken for so far, which it never
/// grows beyond.
fn labelled(
    around: Area,
    area: Area,
    scale: &Scale,
    right: Option<&Scale>,
    font: &Font,
    lines: &LineOptions,
) -> Area {
    if lines.hide_axes || lines.hide_y_axis {
        return area;
    }
    let mut labelled = area;
    let width = grid::labels_width(scale, font);
    if lines.axis_is_right && right.is_none() {
        labelled.right = area.right.min(around.right - width);
    } else {
        labelled.left = area.left.max(around.left + width);
    }
    if let Some(right) = right {
        let width = grid::labels_width(right, font);
        labelled.right = area.right.min(around.right - width);
    }
    labelled
}
