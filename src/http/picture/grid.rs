//! Axes: labels beside and below the plot, and grid lines behind it.

use super::clock::Clock;
use super::font::Font;
use super::options::{LineOptions, Options};
use super::plane::Plane;
use super::scale::Scale;
use super::svg::{Anchor, Path, Stroke, Svg, Text};

/// Pixels between a label of y and the plot.
pub(super) const GAP: f64 = 3.0;
/// Pixels between two labels of x.
const APART: f64 = 4.0;

/// Pixels that the labels of an axis take, with the gap to the plot.
pub(super) fn labels_width(scale: &Scale, font: &Font) -> f64 {
    let widths = scale.labels.iter().map(|(_, label)| font.width(label));
    GAP + widths.fold(0.0, f64::max)
}

/// Write the labels of a y axis, left or right of the plot.
pub(super) fn y_labels(
    svg: &mut Svg,
    plane: &Plane,
    scale: &Scale,
    is_right: bool,
    options: &Options,
) {
    let font = &options.font;
    let (x, anchor) = if is_right {
        (plane.area.right + GAP, Anchor::Start)
    } else {
        (plane.area.left - GAP, Anchor::End)
    };
    svg.texts("axis", font, options.style.foreground);
    // Labels of an axis that is too low for all of them do not lie upon each other.
    let mut free = f64::INFINITY;
    for (value, label) in &scale.labels {
        let Some(y) = plane.y(scale, *value) else {
            continue;
        };
        let middle = (font.ascent() - font.descent()) / 2.0;
        let lowest = options.height - font.descent();
        let y = (y + middle).clamp(font.ascent().min(lowest), lowest);
        if free < y {
            continue;
        }
        free = y - font.size;
        svg.text(Text {
            text: label,
            x,
            y,
            anchor,
            turned: 0.0,
        });
    }
    svg.end();
}

/// Write the labels of the x axis.
pub(super) fn x_labels(svg: &mut Svg, plane: &Plane, clock: &Clock, options: &Options) {
    let font = &options.font;
    let y = plane.area.bottom + font.ascent() + font.ascent();
    let mut free = 0.0;
    svg.texts("axis", font, options.style.foreground);
    for (at, label) in &clock.labels {
        let half = font.width(label) / 2.0;
        // At the edges of the picture a label moves inwards, a little.
        let ideal = plane.x(*at);
        let x = ideal.min(options.width - half).max(half);
        if half < (x - ideal).abs() || x - half < free || options.width < x + half {
            continue;
        }
        free = x + half + APART;
        svg.text(Text {
            text: label,
            x,
            y,
            anchor: Anchor::Middle,
            turned: 0.0,
        });
    }
    svg.end();
}

/// Pixels below the plot that labels of x need.
pub(super) fn x_labels_height(font: &Font) -> f64 {
    2.0 * font.ascent() + font.descent()
}

/// Draw the lines of both axes, those of y as `scale` says.
pub(super) fn lines(
    svg: &mut Svg,
    plane: &Plane,
    scale: &Scale,
    clock: &Clock,
    options: &Options,
    lines: &LineOptions,
) {
    let area = &plane.area;
    let inside = |y: &f64| (area.top - 0.01..=area.bottom + 0.01).contains(y);
    let (major, minor) = (options.style.major_line, options.style.minor_line);
    let across = |values: &mut dyn Iterator<Item = f64>| {
        let mut path = Path::default();
        for y in values
            .filter_map(|value| plane.y(scale, value))
            .filter(inside)
        {
            path.move_to(area.left, y);
            path.line_to(area.right, y);
        }
        path
    };
    let down = |times: &[i64]| {
        let mut path = Path::default();
        let xs = times.iter().map(|at| plane.x(*at));
        for x in xs.filter(|x| *x < area.right) {
            path.move_to(x, area.bottom);
            path.line_to(x, area.top);
        }
        path
    };
    let mut borders = Path::default();
    for x in [area.right, area.left] {
        borders.move_to(x, area.bottom);
        borders.line_to(x, area.top);
    }
    let minors = across(&mut scale.minor(lines.minor_y).into_iter());
    let majors = across(&mut scale.labels.iter().map(|(value, _)| *value));
    for (path, color, width) in [
        (minors, minor, 0.3),
        (down(&clock.minor), minor, 0.25),
        (majors, major, 0.4),
        (down(&clock.major), major, 0.33),
        (borders, major, 0.5),
    ] {
        if !path.is_empty() {
            svg.stroke(&path, Stroke::thin(color, width));
        }
    }
}
